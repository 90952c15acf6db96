"""An estimator's parameters: what they may be, and those of a network."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import (
    Interval,
    Options,
    StrOptions,
    validate_parameter_constraints,
)

from .. import schedules
from .._architecture import ACTIVATION_ALIASES, ACTIVATIONS
from ..network import Network

# Learning rates that go by the step; scikit-learn's own go by the epoch.
SCHEDULES = {"cosine": schedules.Cosine, "one_cycle": schedules.OneCycle}

# What each hidden layer may have of its own.
_OF_A_LAYER: dict[str, list[Any]] = {
    "activation": [StrOptions({*ACTIVATIONS, *ACTIVATION_ALIASES})],
    "dropout": [Interval(Real, 0, 1, closed="left")],
}

MORE_CONSTRAINTS: dict[str, list[Any]] = {
    # No arrays: scikit-learn's initial weights ask whether it is "logistic".
    "activation": [*_OF_A_LAYER["activation"], list, tuple],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *SCHEDULES})],
    "dropout": [*_OF_A_LAYER["dropout"], "array-like"],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "clip_norm": [None, Interval(Real, 0, None, closed="neither")],
    "scoring": [None, StrOptions({"loss", *get_scorer_names()}), callable],
    "dtype": [
        None,
        StrOptions({"float32", "float64"}),
        Options(type, {np.float32, np.float64}),
        Options(np.dtype, {np.dtype(np.float32), np.dtype(np.float64)}),
    ],
}


def check_layers(estimator: Any) -> None:
    """Check the entries of lists; scikit-learn has checked single values."""
    for name, constraints in _OF_A_LAYER.items():
        value = getattr(estimator, name)
        for entry in np.ravel(value).tolist() if np.ndim(value) else ():
            validate_parameter_constraints(
                {name: constraints}, {name: entry}, type(estimator).__name__
            )


def check_network(network: object) -> None:
    """Refuse what is no network."""
    if not isinstance(network, Network):
        raise TypeError(
            f"network must be a mlpcore.Network, got {type(network).__name__}; that of "
            "an estimator is its network_"
        )


def parameters_of(network: Network) -> dict[str, Any]:
    """Return the constructor's arguments that describe a network."""
    *hidden, _ = network.activations
    dropout: Any = network.dropout
    if not any(dropout):
        dropout = 0.0
    return {
        "hidden_layer_sizes": tuple(network.layer_sizes[1:-1]),
        "activation": hidden[0] if len(set(hidden)) == 1 else hidden or "relu",
        "dropout": dropout,
        "dtype": str(network.dtype),
    }
