"""Training: batches, epochs, optimizers, and what changes while learning."""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core, optim, schedules
from ._arguments import check_bool, check_integer, check_real
from ._class_weight import ClassWeight, check_class_weight, with_class_weights
from ._data import Data
from ._random import RandomState, check_rng, seed_from
from ._validation import Array, check_finite
from .callbacks import Callback, ProgressBar
from .callbacks.base import CallbackList, Logs
from .errors import DivergenceError, NotSupportedError
from .history import History
from .network import Network

if TYPE_CHECKING:
    import os

    from ._trainer_state import FitState

__all__ = ["Trainer"]

ValidationData: TypeAlias = (
    tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike | None]
)
GradientHook: TypeAlias = Callable[[Array], object]
# Whether an epoch's rows are shuffled, or what gives each epoch's order.
Order: TypeAlias = bool | Callable[[], NDArray[np.int64]]

# Learning rates handed to the native loop at once: 8 MB of them.
_MOST_RATES = 1_000_000


class EpochRecord(NamedTuple):
    """What the native loop tells of an epoch; see mlpcore/trainer.h."""

    loss: float
    batch_loss: float
    penalty: float
    accuracy: float
    seconds: float


class Trainer:
    """Trains a network, and holds what changes while it learns.

    It owns the optimizer's moments, the seed of shuffles and dropout, and the counts of
    steps and epochs, so `fit` may be called again and continues.

    ``copy.deepcopy`` and ``pickle`` take the network along; ``copy.copy`` gives a
    second trainer of the same network. Each copy has moments and counts of its own and
    continues as the original would have, from the end of the last epoch.

    Parameters
    ----------
    network : Network
        The network to train.
    optimizer : str or Optimizer
        ``"sgd"``, ``"adam"``, ``"adamw"``, ``"rmsprop"``, ``"lbfgs"`` or one of
        `mlpcore.optim`.
    l2 : float
        Adds ``l2 / 2`` times the sum of the squared weights (not biases) to what is
        minimised; the losses recorded are without it.
    clip_norm : float, optional
        The largest Euclidean norm of a gradient (L2's part included); longer ones are
        scaled down to it.
    label_smoothing : float
        In [0, 1): targets become ``(1 - s) t + s / n_classes`` (two classes for a
        sigmoid). Needs ``"log_loss"``.
    class_weight : dict, "balanced" or None
        Weights of the classes, 1 for those not named; ``"balanced"`` is
        n / (classes * rows of the class). They multiply the sample weights.
    rng : int, numpy.random.Generator or None
        Of shuffles and dropout; None continues from the network's own.
    gradient_hook : callable, optional
        Called as ``gradient_hook(gradient)`` between the backward pass and the update,
        with the gradient as a flat writable view in the library's internal order. It
        has zeros as padding, which stay zeros whatever is written there. It is where
        data-parallel training puts its all-reduce. The view is valid for the call only.

    Attributes
    ----------
    network : Network
        The network it trains.
    stop_training : bool
        Set to True by a callback to end the training after the epoch.
    params : dict
        ``epochs``, ``steps`` (batches of an epoch) and ``rows`` of the present fit.

    Examples
    --------
    >>> import mlpcore
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> net = mlpcore.Network([1, 1], output="identity", dtype="float64", rng=0)
    >>> trainer = mlpcore.Trainer(net, mlpcore.optim.SGD(0.3))
    >>> history = trainer.fit(X, y, epochs=200, batch_size=3)
    >>> net.predict([[3.0]]).round(3)
    array([[7.]])
    """

    def __init__(
        self,
        network: Network,
        optimizer: str | optim.Optimizer = "adam",
        *,
        l2: float = 0.0,
        clip_norm: float | None = None,
        label_smoothing: float = 0.0,
        class_weight: ClassWeight = None,
        rng: RandomState = None,
        gradient_hook: GradientHook | None = None,
    ) -> None:
        if not isinstance(network, Network):
            raise TypeError(f"network must be a Network, got {type(network).__name__}")
        self._network = network
        self._optimizer = optim.get(optimizer)
        self._check_epsilon()
        self._l2 = check_real("l2", l2, 0)
        self._clip_norm = 0.0
        if clip_norm is not None:
            self._clip_norm = check_real("clip_norm", clip_norm, 0, closed="neither")
        self._label_smoothing = check_real("label_smoothing", label_smoothing, 0, 1)
        if self._label_smoothing and network.loss_name != "log_loss":
            raise ValueError(
                "label_smoothing needs a network with log_loss, "
                f"this one has {network.loss_name}"
            )
        self._class_weight = check_class_weight(class_weight, network)
        if gradient_hook is not None and not callable(gradient_hook):
            raise TypeError(f"gradient_hook must be callable, got {gradient_hook!r}")
        if isinstance(self.optimizer, optim.LBFGS):
            self._refuse_for_lbfgs(clip_norm, gradient_hook)
        check_rng(rng)
        self._rng = rng
        self._seed: int | None = None  # drawn when training begins
        self._core = self._make_core()
        self._gradient_hook = gradient_hook
        if gradient_hook is not None:
            self._core.set_gradient_hook(_hook_of(weakref.ref(self)))
        self._steps_before = 0  # those the native count leaves out
        self._hooks: CallbackList | None = None  # of the fit in progress
        self._next_epoch = 0
        self._resume: FitState | None = None  # of a fit to go on with
        self.stop_training = False
        self.learning_rate_scale = 1.0
        self.params: dict[str, int] = {}

    def __repr__(self) -> str:
        """Return what it trains, how, and for how long it has."""
        return (
            f"Trainer({self.network!r}, {self.optimizer!r}; "
            f"{self.epoch_count:,} epochs, {self.step_count:,} steps done)"
        )

    def _check_epsilon(self) -> None:
        """Refuse one that is nearly 0 in the network's dtype: 0 / 0 of a gradient 0."""
        dtype = self.network.dtype
        epsilon = getattr(self.optimizer, "epsilon", 1.0)
        least = float(np.finfo(dtype).tiny)
        if isinstance(self.optimizer, optim.Adam | optim.AdamW):
            # The first step corrects the bias of epsilon, not of the moments.
            least /= math.sqrt(1 - self.optimizer.beta_2)
        if epsilon < least:
            raise ValueError(
                f"epsilon must be {least:.3g} or more for a {dtype} network, "
                f"got {epsilon:g}"
            )

    def _refuse_for_lbfgs(self, clip_norm: object, gradient_hook: object) -> None:
        for name, given in (
            ("clip_norm", clip_norm is not None),
            ("gradient_hook", gradient_hook is not None),
            ("dropout", any(self.network.dropout)),
        ):
            if given:
                raise NotSupportedError(
                    f"LBFGS does not support {name}: its line search needs "
                    "the gradient of one fixed loss"
                )

    def _make_core(self) -> Any:
        make: Any = _core.Trainer64
        if self.network.dtype == np.float32:
            make = _core.Trainer32
        return make(self.network._core.network, **self._core_arguments())

    def _core_arguments(self) -> dict[str, Any]:
        opt = self.optimizer
        return dict(
            optimizer="sgd" if isinstance(opt, optim.LBFGS) else opt.name,
            momentum=getattr(opt, "momentum", 0.0),
            nesterov=getattr(opt, "nesterov", False),
            beta_1=getattr(opt, "beta_1", 0.0),
            beta_2=getattr(opt, "beta_2", getattr(opt, "rho", 0.0)),
            epsilon=getattr(opt, "epsilon", 0.0),
            epsilon_hat=False,
            weight_decay=getattr(opt, "weight_decay", 0.0),
            l2=self._l2,
            l2_of_sum=False,
            clip_norm=self._clip_norm,
            label_smoothing=self._label_smoothing,
            seed=0,
        )

    @property
    def learning_rate_scale(self) -> float:
        """What the optimizer's learning rate is multiplied by; callbacks change it."""
        return self._learning_rate_scale

    @learning_rate_scale.setter
    def learning_rate_scale(self, scale: float) -> None:
        self._learning_rate_scale = check_real("learning_rate_scale", scale, 0)

    @property
    def step_count(self) -> int:
        """How many updates it has made."""
        return int(self._core.step_count) + self._steps_before

    @property
    def epoch_count(self) -> int:
        """How many epochs it has finished."""
        return int(self._core.epoch_count)

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        validation_data: ValidationData | None = None,
        validation_split: float = 0.0,
        callbacks: Iterable[Callback] = (),
        verbose: int = 0,
    ) -> History:
        """Train for some epochs; called again, it continues.

        To a schedule, the training ends with this call: its ``total_steps`` are the
        steps so far and those of the epochs to come. A training that was stopped or
        saved after k of n epochs is therefore continued with ``epochs=n - k``, and the
        same data and batch size.

        Parameters
        ----------
        X, y, epochs, batch_size, shuffle, sample_weight, validation_data, \
validation_split, callbacks, verbose
            As in `Network.fit`. For `optim.LBFGS` an epoch is an iteration over all
            rows, and its own ``max_iter`` says how many at the most.

        Returns
        -------
        History
            The losses and scores of each epoch: ``loss`` and, for ``"log_loss"``,
            ``accuracy``, as each batch was seen; ``val_loss`` and ``val_accuracy``
            after the epoch; ``learning_rate`` of its last step; ``epoch_time`` in
            seconds.

        Raises
        ------
        TypeError, ValueError, DivergenceError, KeyboardInterrupt, RuntimeError
            As `Network.fit`.
        """
        epochs = check_integer("epochs", epochs, 0)
        batch_size = check_integer("batch_size", batch_size, 1)
        shuffle = check_bool("shuffle", shuffle)
        split = check_real("validation_split", validation_split, 0, 1)
        data = self._data(X, y, sample_weight)
        validation = None
        if validation_data is not None:
            if split:
                raise ValueError(
                    "give either validation_data or validation_split, not both"
                )
            validation = self._validation_data(validation_data)
        elif split:
            n_train = len(data.x) - round(split * len(data.x))
            if not 0 < n_train < len(data.x):
                raise ValueError(
                    f"validation_split {split:g} of {len(data.x)} rows leaves no rows "
                    f"to {'validate' if n_train else 'train'} with"
                )
            validation = data.take(slice(n_train, None))
            data = data.take(slice(None, n_train))
            for part, use in ((data, "train"), (validation, "validate")):
                if part.weights is not None and not part.weights.any():
                    raise ValueError(
                        f"validation_split {split:g} leaves no rows of a sample_weight "
                        f"above 0 to {use} with"
                    )
        data = self._weighted(data)
        batch_size = min(batch_size, len(data.x))
        if isinstance(verbose, bool):
            verbose = int(verbose)
        if check_integer("verbose", verbose, 0):
            callbacks = [*callbacks, ProgressBar()]
        return self._fit(data, validation, epochs, batch_size, shuffle, callbacks)

    def _fit(
        self,
        data: Data,
        validation: Data | None,
        epochs: int,
        batch_size: int,
        order: Order,
        callbacks: Iterable[Callback],
    ) -> History:
        """Train with what `fit` has checked."""
        hooks = CallbackList(callbacks, self)
        n_rows = data.x.shape[0]
        if isinstance(self.optimizer, optim.LBFGS):
            epochs, batch_size = self.optimizer.max_iter, n_rows
        with self.network._training.free():
            self._begin()
            self.stop_training = False
            self._next_epoch = 0 if self._resume is None else self._resume.epoch
            self.params = {
                "epochs": self._next_epoch + epochs,
                "steps": -(-n_rows // batch_size),
                "rows": n_rows,
            }
            if isinstance(self.optimizer, optim.LBFGS):
                from ._lbfgs import minimize

                return minimize(self, self.optimizer, data, validation, hooks)
            return self._run_epochs(data, validation, batch_size, order, hooks)

    def step(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Make one update from one batch.

        A schedule does not know how many steps there will be: its ``total_steps`` is
        this step's number plus one.

        Parameters
        ----------
        X, y, sample_weight
            The batch, as in `Network.fit`.

        Returns
        -------
        float
            The batch's mean loss before the update.

        Raises
        ------
        DivergenceError
            If the loss, or a weight after the update, is not finite; the weights have
            not changed then.
        """
        if isinstance(self.optimizer, optim.LBFGS):
            raise NotSupportedError("LBFGS has no single steps; use fit")
        data = self._weighted(self._data(X, y, sample_weight))
        rate = self._rate(self.step_count)
        with self.network._training.free():
            self._begin()
            loss, diverged = self._core.step(data.x, *data.targets, data.weights, rate)
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the batch's loss is {loss}; the weights were left as they are. "
                f"{_ADVICE}",
                loss=loss,
            )
        if diverged:
            raise DivergenceError(
                f"{_NOT_FINITE}; the weights were left as they are. {_ADVICE}",
                loss=loss,
            )
        return float(loss)

    # Files and copies.

    def save_checkpoint(
        self,
        path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Save all that it takes to continue the training in another process.

        That is the network, the settings, the moments, the seed and the counts; and, if
        a callback calls it in the middle of a fit, the number of the epoch and the
        state of the callbacks. For `optim.LBFGS`, which starts a new search with each
        fit, it is the network and the settings. `callbacks.ModelCheckpoint` calls it
        after each epoch.

        Parameters
        ----------
        path : str, bytes or path-like
            The file, a safetensors file as `Network.save` writes it. It is replaced
            whole or not at all.
        metadata : mapping of str to str, optional
            As in `Network.save`.

        Raises
        ------
        NotSupportedError
            If the learning rate is a function of the user's or there is a gradient
            hook: a file cannot hold them. Or after a DivergenceError, if Adam or AdamW
            went on training a network with dropout.
        TypeError, ValueError
            If `metadata` is not what its description says.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import mlpcore, os, tempfile
        >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
        >>> net = mlpcore.Network([1, 8, 1], output="identity", rng=0)
        >>> trainer = mlpcore.Trainer(net)
        >>> history = trainer.fit(X, y, epochs=5)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "training.safetensors")
        ...     trainer.save_checkpoint(path)
        ...     other = mlpcore.Trainer.from_checkpoint(path)
        >>> for t in trainer, other:
        ...     history = t.fit(X, y, epochs=5)
        >>> (other.network.predict(X) == net.predict(X)).all()
        np.True_
        """
        from .formats._checkpoint import save

        save(self, path, metadata)

    @classmethod
    def from_checkpoint(
        cls, path: str | bytes | os.PathLike[str] | os.PathLike[bytes]
    ) -> Trainer:
        """Return a trainer that continues where another was saved.

        Parameters
        ----------
        path : str, bytes or path-like
            What `save_checkpoint` has written.

        Returns
        -------
        Trainer
            With a network of its own. If it was saved in the middle of a fit, its first
            `fit` goes on with that: epochs are counted on, and callbacks of the same
            classes take up the state of those before.

        Raises
        ------
        ModelFormatError, ModelVersionError, OSError, MemoryError
            As `mlpcore.load`.
        """
        from .formats._checkpoint import load

        return load(cls, path)

    @property
    def network(self) -> Network:
        """The network that is trained."""
        return self._network

    @property
    def optimizer(self) -> optim.Optimizer:
        """How it is trained; another one takes another trainer."""
        return self._optimizer

    @property
    def _moments_began(self) -> int:
        """The step at which the moments were last zero."""
        began: int = self._core.moments_began
        return self._steps_before + began

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds."""
        from ._trainer_state import get_state

        return get_state(self)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become the trainer that a pickle holds."""
        from ._trainer_state import set_state

        set_state(self, state)

    def _begin(self) -> None:
        """Begin to train; and draw the seed, as no call does that fails its checks."""
        self.network._training.begin()
        if self._seed is not None:
            return
        if self._rng is None:
            self._set_seed(self.network._next_training_seed())
        else:
            self._set_seed(seed_from(self._rng))

    def _set_seed(self, seed: int) -> None:
        self._seed = seed
        self._core.set_seed(seed)

    # Data.

    def _data(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> Data:
        data = Data(*self.network._checked(X, y, sample_weight))
        check_finite(data.x, "X")
        return data

    def _validation_data(self, given: ValidationData) -> Data:
        n = len(given) if isinstance(given, tuple | list) else None
        if n not in (2, 3):
            got = type(given).__name__
            if n is not None:
                got = f"a {got} of {n}"
            raise ValueError(
                f"validation_data must be (X, y) or (X, y, sample_weight), got {got}"
            )
        try:
            return self._data(given[0], given[1], given[2] if len(given) == 3 else None)
        except (TypeError, ValueError) as error:
            raise type(error)(f"validation_data: {error}") from None

    def _weighted(self, data: Data) -> Data:
        if self._class_weight is None:
            return data
        return with_class_weights(data, self._class_weight, self.network)

    # The epoch loop.

    def _rates(self, first: int, n: int, total: int) -> Array:
        rate = getattr(self.optimizer, "learning_rate")  # noqa: B009
        rates = schedules.learning_rates(rate, first, n, total)
        return rates * self.learning_rate_scale

    def _rate(self, step: int) -> float:
        """Return the learning rate of a single step."""
        rate = getattr(self.optimizer, "learning_rate")  # noqa: B009
        if not isinstance(rate, float):
            return float(self._rates(step, 1, step + 1)[0])
        return rate * self._learning_rate_scale

    def _run_epochs(
        self,
        data: Data,
        validation: Data | None,
        batch_size: int,
        order: Order,
        hooks: CallbackList,
    ) -> History:
        history = History()
        epochs, steps = self.params["epochs"], self.params["steps"]
        epoch = self._next_epoch
        total = self.step_count + (epochs - epoch) * steps
        # With nothing to do between epochs, many run in one native call.
        at_once = 1
        if not hooks.callbacks and validation is None and not callable(order):
            at_once = max(1, _MOST_RATES // steps)
        progress = hooks.on_progress if hooks.wants_progress else None
        with hooks, self._in_progress(hooks):
            if self._resume is not None:
                hooks.set_states(self._resume.callbacks)
                self._resume = None  # it goes on from here
            while epoch < epochs and not self.stop_training:
                hooks.on_epoch_begin(epoch)
                n = min(at_once, epochs - epoch)
                rates = self._rates(self.step_count, n * steps, total)
                records = self._native_epochs(
                    data, batch_size, order, n, rates, epoch, progress
                )
                for i, record in enumerate(records):
                    logs: Logs = {"loss": self._recorded_loss(record)}
                    if self.network.loss_name == "log_loss":
                        logs["accuracy"] = record.accuracy
                    if validation is not None:
                        logs.update(self.evaluate_validation(validation))
                    logs["learning_rate"] = float(rates[(i + 1) * steps - 1])
                    logs["epoch_time"] = record.seconds
                    self._next_epoch = epoch + 1
                    hooks.on_epoch_end(epoch, logs)
                    history.append(epoch, logs)
                    epoch += 1
        return history

    def _recorded_loss(self, record: EpochRecord) -> float:
        return record.loss

    @contextmanager
    def _in_progress(self, hooks: CallbackList) -> Iterator[None]:
        """Let a checkpoint made within the block have the callbacks' state."""
        self._hooks = hooks
        try:
            yield
        finally:
            self._hooks = None

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
        """Run some epochs; return the record of each."""
        report = None
        if progress is not None:

            def report(epoch: int, batch: int, batches: int, loss: float) -> None:
                progress(first_epoch + epoch, batch, batches, loss)

        diverged, batch, loss, records = self._core.fit(
            data.x,
            *data.targets,
            data.weights,
            batch_size,
            order is True,
            order() if callable(order) else None,
            epochs,
            rates,
            report,
        )
        if diverged:
            epoch = first_epoch + len(records)
            what = f"the loss became {loss}"
            if np.isfinite(loss):
                what = _NOT_FINITE
            rate = rates[len(records) * len(rates) // epochs + batch]
            raise DivergenceError(
                f"{what} in epoch {epoch}, batch {batch} (counted from 0); the weights "
                f"are back at those of the last finite epoch. {_ADVICE} The learning "
                f"rate was {rate:g}.",
                epoch,
                batch,
                loss,
            )
        return [EpochRecord(*record) for record in records]

    def evaluate_validation(self, validation: Data) -> Logs:
        """Return ``val_loss``, and ``val_accuracy`` of a ``"log_loss"`` network."""
        total, weight, correct = self.network._evaluate(*validation)
        logs: Logs = {"val_loss": total / weight}
        if self.network.loss_name == "log_loss":
            logs["val_accuracy"] = correct / weight
        return logs


def _hook_of(trainer: weakref.ref[Trainer]) -> GradientHook:
    """Return what calls a trainer's hook, and does not keep it alive.

    The native trainer has it, where Python's collector does not look; and a hook is
    often a method of what has the trainer.
    """

    def hook(gradient: Array) -> None:
        its = trainer()
        if its is not None and its._gradient_hook is not None:
            its._gradient_hook(gradient)

    return hook


_NOT_FINITE = "a weight, or a moment of the optimizer, became infinite or NaN"
_ADVICE = (
    "Try a smaller learning rate, clip_norm=1.0, or features, and targets of a "
    "regression, scaled to about unit size."
)
