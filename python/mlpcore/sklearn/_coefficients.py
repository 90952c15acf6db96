"""The network behind an estimator's coefficients, made anew when those change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike
from sklearn.neural_network._multilayer_perceptron import BaseMultilayerPerceptron
from sklearn.utils.validation import check_is_fitted

from .. import _core
from .._architecture import ACTIVATION_ALIASES
from .._validation import Array
from ..network import Network

# Lists that grow by a value an epoch.
CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")

Fingerprints = list[tuple[tuple[int, ...], int]]
# Of a network's parameters, and the version that they are of.
_known: WeakKeyDictionary[Network, tuple[int, Fingerprints]] = WeakKeyDictionary()


def _fingerprints(arrays: Iterable[ArrayLike], dtype: np.dtype[Any]) -> Fingerprints:
    contiguous = [np.ascontiguousarray(array, dtype) for array in arrays]
    return [(array.shape, _core.fingerprint(array)) for array in contiguous]


def _fingerprints_of(network: Network) -> Fingerprints:
    version = network._core.version
    known = _known.get(network)
    if known is None or known[0] != version:
        weights, biases = network._split(network.get_parameters())
        known = version, _fingerprints([*weights, *biases], network.dtype)
        _known[network] = known
    return known[1]


class Coefficients:
    """The part of an estimator that has coefficients and their network."""

    # What the whole class has; here for the reader and the type checker.
    coefs_: list[Array]
    intercepts_: list[Array]
    out_activation_: str
    activation: Any
    dropout: Any
    dtype: Any
    loss: Any

    @property
    def network_(self) -> Network:
        """The `mlpcore.Network` with parameters and coefficients as they are now.

        Examples
        --------
        >>> from mlpcore.sklearn import MLPRegressor
        >>> reg = MLPRegressor("huber", [3], solver="lbfgs", random_state=0)
        >>> reg = reg.fit([[0.0], [1.0]], [1.0, 2.0])
        >>> reg.network_.predict([[0.5]]).shape
        (1, 1)
        """
        if "coefs_" not in self.__dict__:
            check_is_fitted(self)
        network: Network | None = self.__dict__.get("_network")
        if network is None or not self._predicts_as(network):
            # A new one: copies of the estimator, and threads, may be using the old.
            try:
                network = self._make_network()
            except ValueError:
                # An assigned output activation need not go with the loss, which
                # predictions do without.
                network = self._make_network(loss="auto")
            self._network = network
        return network

    def _make_network(self, **changes: Any) -> Network:
        network = Network(**self._architecture() | changes, rng=0)
        network.set_weights(self.coefs_, self._biases())
        return network

    def _biases(self) -> list[Array]:
        """Return the intercepts, one for each output.

        Assigned ones may be whatever scikit-learn can add to a row: a list, a number.
        """
        return [
            np.broadcast_to(np.ravel(b), w.shape[1:])
            for w, b in zip(self.coefs_, self.intercepts_, strict=True)
        ]

    def _architecture(self) -> dict[str, Any]:
        """Return the arguments of the network that the estimator describes now."""
        *hidden, output = self._activations()
        return {
            "layer_sizes": self._layer_sizes(),
            "activation": hidden,
            "output": output,
            "loss": self._network_loss(),
            "init": "zeros",
            "dropout": np.asarray(self.dropout).tolist(),
            "dtype": self._weight_type(),
        }

    def _activations(self) -> list[str]:
        hidden = self.activation
        if isinstance(hidden, str):
            hidden = [hidden] * (len(self.coefs_) - 1)
        names = [*hidden, self.out_activation_]
        return [ACTIVATION_ALIASES.get(name, name) for name in names]

    def _weight_type(self) -> Any:
        if self.dtype is not None:
            return np.dtype(self.dtype)
        dtype = self.coefs_[0].dtype
        if dtype in (np.float32, np.float64):
            return dtype
        # Assigned coefficients of another type are converted to that of the training.
        return getattr(self.__dict__.get("_network"), "dtype", np.float64)

    def _layer_sizes(self) -> list[int]:
        return [self.coefs_[0].shape[0], *(w.shape[1] for w in self.coefs_)]

    def _check_layer_sizes(self, wanted: Sequence[int]) -> None:
        """Refuse to go on with weights of other layers."""
        wanted, sizes = [int(size) for size in wanted], self._layer_sizes()
        if wanted != sizes:
            raise ValueError(
                f"the layers must be {sizes}, as the weights so far are, got {wanted} "
                "from hidden_layer_sizes and the data; a fit with warm_start=False "
                "makes new weights"
            )

    def _network_loss(self) -> Any:
        return self.loss

    def _predicts_as(self, network: Network) -> bool:
        """Whether a network predicts as the estimator says now."""
        return (
            network.activations == self._activations()
            and network.dtype == self._weight_type()
            and self._has_weights_of(network)
        )

    def _has_weights_of(self, network: Network) -> bool:
        # Asked before each prediction: to compare all weights took a row of a network
        # of 1000 x 1000 ten times as long as scikit-learn's.
        ours = _fingerprints([*self.coefs_, *self._biases()], network.dtype)
        return ours == _fingerprints_of(network)

    def _take_weights(self, network: Network) -> None:
        # One copy of the parameters for both.
        self.coefs_, self.intercepts_ = network._split(network.get_parameters())
        self._network = network

    def _take_network(
        self, network: Network, y: ArrayLike, layer_sizes: Sequence[int]
    ) -> None:
        """Become what a fit to that network would have left."""
        self.n_features_in_ = layer_sizes[0]
        self._random_state = np.random.RandomState()  # of no consequence
        BaseMultilayerPerceptron._initialize(
            self, np.asarray(y), list(layer_sizes), network.dtype
        )
        self._take_weights(network.copy())

    def _reconstruction_attributes(self) -> dict[str, Any]:
        """Return what a copy needs to predict as this estimator does now."""
        network = self._network
        curves = {name: list(c) for name in CURVES if (c := vars(self).get(name))}
        return curves | {
            "coefs_": network.weights,
            "intercepts_": network.biases,
            "_network": None,
            "_optimizer": None,
        }
