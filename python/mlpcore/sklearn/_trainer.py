"""mlpcore's Trainer with scikit-learn's conventions, for dense and CSR features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._data import Data
from .._targets import Targets
from .._validation import Array, is_ready
from ..errors import DivergenceError
from ..network import Network
from ..trainer import EpochRecord, Order, Trainer

# Features of more elements than that (32 MB of float64) are never copied as a whole.
_DENSE_ELEMENTS = 4 * 1024 * 1024
# How many of theirs are converted at once. With four times as many (16 MB of float32)
# a fit of 1e6 x 28 had its peak here, not in scikit-learn's own checks of X and y.
_PART_ELEMENTS = 1024 * 1024


def rows_of_chunk(n_features: int) -> int:
    """Return how many rows to convert at once."""
    return max(1, _PART_ELEMENTS // n_features)


def as_type(x: Any, dtype: np.dtype[Any]) -> Any:
    """Return finite features, dense or sparse, in a type that may be narrower.

    Raises
    ------
    ValueError
        If one is too large for it.
    """
    with np.errstate(over="ignore"):
        x = x.astype(dtype)
    values = x.data if sparse.issparse(x) else x
    if values.dtype == np.float32 and not np.isfinite(values).all():
        raise ValueError(f"X has values that are too large for {dtype}")
    return x


def as_dense(x: Any, dtype: np.dtype[Any]) -> Array:
    """Return dense or sparse rows as a C-ordered array of the network's dtype.

    Raises
    ------
    ValueError
        If a feature is too large for it.
    """
    if sparse.issparse(x):
        x = x.toarray()
    if x.dtype != dtype:
        x = as_type(x, dtype)
    return np.ascontiguousarray(x, dtype)


def predict(network: Network, x: Any) -> Array:
    """Return a network's outputs for dense or sparse rows."""
    n_rows, n_features = x.shape
    chunk = rows_of_chunk(n_features)
    if not sparse.issparse(x) or n_rows <= chunk:
        return network.predict(as_dense(x, network.dtype))
    x = x.tocsr()
    y = np.empty((n_rows, network.layer_sizes[-1]), network.dtype)
    for first in range(0, n_rows, chunk):
        rows = slice(first, first + chunk)
        y[rows] = network.predict(as_dense(x[rows], network.dtype))
    return y


def training_features(x: Any, dtype: np.dtype[Any]) -> Any:
    """Return features to train with: C-ordered, or as they are if large.

    Sparse features, and large ones that would have to be copied, are converted a part
    at a time while they are used.
    """
    if sparse.issparse(x):
        return x.tocsr()
    if x.size > _DENSE_ELEMENTS:
        return x
    return as_dense(x, dtype)


def recorded_scale(network: Network) -> float:
    """Return what scikit-learn multiplies a loss with before it records it."""
    if network.loss_name == "squared_error":
        return 1 / network.layer_sizes[-1]
    return 1.0


def loss_and_gradient(
    network: Network, data: Data, label_smoothing: float
) -> tuple[float, Array]:
    """Return the mean loss over rows as `training_features` returns them.

    And its gradient, in `get_parameters` order, in float64.
    """
    loss, total = 0.0, 0.0
    gradient = np.zeros(network.n_parameters)
    for part in _parts(data, network.dtype):
        weight = float(len(part.x))
        if part.weights is not None:
            weight = float(part.weights.sum(dtype=np.float64))
        if weight == 0:
            continue
        part_loss, part_gradient = network._core.loss_and_gradient(
            part.x, *part.targets, part.weights, label_smoothing, drops_tiny=True
        )
        loss += weight * part_loss
        gradient += weight * part_gradient
        total += weight
    _check_total(total)
    return loss / total, gradient / total


def evaluate(network: Network, data: Data) -> tuple[float, float]:
    """Return mean loss and accuracy of rows as `training_features` returns them.

    A row counts as right if all of its outputs are; networks that are no classifiers
    have an accuracy of 0.
    """
    loss, weight, correct = 0.0, 0.0, 0.0
    for part in _parts(data, network.dtype):
        part_loss, part_weight, part_correct = network._evaluate(*part)
        loss += part_loss
        weight += part_weight
        correct += part_correct
    _check_total(weight)
    return loss / weight, correct / weight


def _check_total(weight: float) -> None:
    if weight == 0:  # of negative weights, which scikit-learn allows
        raise ValueError("sample weights sum to 0, there is no mean loss")


class EstimatorTrainer(Trainer):
    """A trainer with scikit-learn's Adam, penalty and recorded loss.

    Its epsilon is added to the root of the second moment before the bias correction;
    alpha's penalty is divided by the sum of a batch's weights; an epoch's loss is that
    of its batches, each counted by its rows, with the penalty; a squared error of
    several outputs is recorded as their mean, though its gradient is their sum's.
    """

    def _core_arguments(self) -> dict[str, Any]:
        return super()._core_arguments() | {"epsilon_hat": True, "l2_of_sum": True}

    def changed(self, network: Network, **settings: Any) -> EstimatorTrainer:
        """Return a trainer that goes on from here with other settings.

        Its network, which may be of another dtype, has as many parameters.
        """
        state = self.__getstate__() | settings | {"network": network}
        state["moments"] = [
            None if moment is None else moment.astype(network.dtype)
            for moment in state["moments"]
        ]
        trainer = EstimatorTrainer.__new__(EstimatorTrainer)
        trainer.__setstate__(state)
        return trainer

    @property
    def learning_rate(self) -> float:
        """The present learning rate; the highest of a schedule."""
        return self.learning_rate_scale

    def _recorded_loss(self, record: EpochRecord) -> float:
        return recorded_scale(self.network) * record.batch_loss + record.penalty

    # Features that are not as the native loop takes them: an epoch is several native
    # calls, each over whole batches.

    def _native_epochs(
        self,
        data: Data,
        batch_size: int,
        order: Order,
        epochs: int,
        rates: Array,
        first_epoch: int,
        progress: Callable[[int, int, int, float], object] | None,
    ) -> list[EpochRecord]:
        dtype = self.network.dtype
        if is_ready(data.x, dtype):
            return super()._native_epochs(
                data, batch_size, order, epochs, rates, first_epoch, progress
            )
        assert callable(order)
        assert epochs == 1
        rows = order()
        sums = np.zeros(len(EpochRecord._fields))
        batches = max(1, rows_of_chunk(data.x.shape[1]) // batch_size)
        step = 0
        for part in _parts(data, dtype, rows, batches * batch_size):
            n_rows = len(part.x)
            n_steps = -(-n_rows // batch_size)
            try:
                [record] = super()._native_epochs(
                    part,
                    batch_size,
                    False,
                    1,
                    rates[step : step + n_steps],
                    first_epoch,
                    None,
                )
            except DivergenceError as error:
                error.batch = step + (error.batch or 0)
                raise
            step += n_steps
            sums += np.multiply(record, n_rows)
        seconds = float(sums[-1])
        means = EpochRecord._make((sums / len(rows)).tolist())
        return [means._replace(seconds=seconds)]


def _parts(
    data: Data,
    dtype: np.dtype[Any],
    order: NDArray[np.int64] | None = None,
    n_rows: int | None = None,
) -> Iterator[Data]:
    """Yield the rows, in this order, some at a time, as the native code takes them."""
    if order is None and is_ready(data.x, dtype):
        yield data
        return
    n_rows = n_rows or rows_of_chunk(data.x.shape[1])
    order = np.arange(data.x.shape[0]) if order is None else order
    for first in range(0, len(order), n_rows):
        rows = order[first : first + n_rows]
        targets = Targets(*(None if t is None else t[rows] for t in data.targets))
        weights = None if data.weights is None else data.weights[rows]
        yield Data(as_dense(data.x[rows], dtype), targets, weights)
