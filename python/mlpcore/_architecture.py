"""What a network is made of, from what the user said: checked and with plain names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from ._arguments import check_real
from ._initializers import INITIALIZERS
from ._names import resolve

ACTIVATIONS = (
    "identity",
    "sigmoid",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "exp",
)
ACTIVATION_ALIASES = {"linear": "identity", "logistic": "sigmoid", "swish": "silu"}
LOSSES = (
    "log_loss",
    "squared_error",
    "euclidean",
    "absolute_error",
    "huber",
    "quantile",
    "poisson",
)
# The losses with a parameter: its range.
_LOSS_PARAMETERS: dict[str, dict[str, Any]] = {
    "huber": {"low": 0, "closed": "neither"},
    "quantile": {"low": 0, "high": 1, "closed": "neither"},
}
# Outputs that are positive, as a Poisson mean has to be.
_POISSON_OUTPUTS = ("exp", "softplus", "sigmoid")

LossName: TypeAlias = str | tuple[str, float]


class Architecture(NamedTuple):
    """Everything about a network but its weights, in canonical names."""

    layer_sizes: tuple[int, ...]
    activations: tuple[str, ...]
    """One a layer, the output's last."""
    loss: str
    loss_parameter: float
    init: str
    dropout: tuple[float, ...]
    """One a hidden layer."""
    dtype: str

    @property
    def n_in(self) -> int:
        """The number of features."""
        return self.layer_sizes[0]

    @property
    def n_out(self) -> int:
        """The number of outputs."""
        return self.layer_sizes[-1]

    @property
    def output(self) -> str:
        """The output layer's activation."""
        return self.activations[-1]

    @property
    def is_classifier(self) -> bool:
        """Whether outputs are probabilities and the loss is their log-likelihood."""
        return self.loss == "log_loss"

    def layer_shapes(self) -> list[tuple[int, int]]:
        """Return (n_in, n_out) of each layer."""
        return list(pairwise(self.layer_sizes))


def make_architecture(
    layer_sizes: Sequence[int],
    activation: str | Sequence[str],
    output: str,
    loss: LossName,
    init: str,
    dropout: float | Sequence[float],
    dtype: object,
) -> Architecture:
    """Check the arguments of `Network`.

    Raises
    ------
    TypeError, ValueError
        If one is not what its description says.
    MemoryError
        If the parameters would not fit in the machine's memory.
    """
    sizes = _check_layer_sizes(layer_sizes)
    type_name = _check_dtype(dtype)
    _check_memory(sizes, np.dtype(type_name).itemsize)
    n_hidden = len(sizes) - 2
    hidden = _one_a_hidden_layer("activation", activation, str, n_hidden)
    names = [_resolve_activation(name) for name in hidden]
    out_name = resolve("output", output, (*ACTIVATIONS, "softmax"), ACTIVATION_ALIASES)
    loss_name, parameter = _check_loss(loss, out_name)
    rates = _one_a_hidden_layer("dropout", dropout, float, n_hidden)
    return Architecture(
        layer_sizes=sizes,
        activations=(*names, out_name),
        loss=loss_name,
        loss_parameter=parameter,
        init=resolve("init", init, (*INITIALIZERS, "auto")),
        dropout=tuple(check_real("dropout", rate, 0, 1) for rate in rates),
        dtype=type_name,
    )


def _resolve_activation(name: object) -> str:
    return resolve("activation", name, ACTIVATIONS, ACTIVATION_ALIASES)


def _check_layer_sizes(layer_sizes: Sequence[int]) -> tuple[int, ...]:
    if isinstance(layer_sizes, str | bytes) or not hasattr(layer_sizes, "__iter__"):
        raise TypeError(
            "layer_sizes must be a list of integers, [n_in, hidden..., n_out], "
            f"got {layer_sizes!r}"
        )
    sizes = list(layer_sizes)
    if len(sizes) < 2:
        raise ValueError(
            f"layer_sizes must have at least 2 entries, [n_in, n_out], got {sizes}"
        )
    for i, size in enumerate(sizes):
        if isinstance(size, bool | np.bool_) or not isinstance(size, int | np.integer):
            raise TypeError(
                f"layer_sizes[{i}] must be an integer, got {size!r} "
                f"({type(size).__name__})"
            )
        if size < 1:
            raise ValueError(f"layer_sizes[{i}] must be 1 or more, got {size}")
    return tuple(int(size) for size in sizes)


def _check_dtype(dtype: object) -> str:
    try:
        name = np.dtype(dtype).name  # type: ignore[call-overload]
    except TypeError:
        name = repr(dtype)
    if dtype is None or name not in ("float32", "float64"):
        raise ValueError(f"dtype must be float32 or float64, got {dtype!r}")
    return str(name)


def _check_memory(sizes: tuple[int, ...], itemsize: int) -> None:
    n_parameters = sum((a + 1) * b for a, b in pairwise(sizes))
    # In memory a layer's columns are rounded up to whole cache lines.
    line = 64 // itemsize
    n_bytes = sum((a + 1) * -(-b // line) * 64 for a, b in pairwise(sizes))
    if n_bytes >= 2**62:
        raise ValueError(
            f"layer_sizes {list(sizes)} have {n_parameters:.3g} parameters, "
            "more than can be addressed"
        )
    # Linux grants more than there is and kills who uses it: ask first.
    try:
        available = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return
    if 0 < available < n_bytes:
        raise MemoryError(
            f"layer_sizes {list(sizes)} need {n_bytes / 1e9:.1f} GB for "
            f"{n_parameters} parameters, this machine has {available / 1e9:.1f} GB"
        )


def _one_a_hidden_layer(name: str, value: Any, kind: type, n_hidden: int) -> list[Any]:
    """One value for all hidden layers, or a list with one each."""
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        if kind is float:
            check_real(name, value, 0, 1)
        else:
            _resolve_activation(value)
        return [value] * n_hidden
    values = list(value)
    if len(values) != n_hidden:
        raise ValueError(
            f"{name} must have one entry a hidden layer ({n_hidden}), got {len(values)}"
        )
    return values


def _check_loss(loss: LossName, output: str) -> tuple[str, float]:
    """Return the loss's name and parameter (0 if it has none), fit for the output."""
    parameter: object = None
    name: object = loss
    if isinstance(loss, tuple | list):
        if len(loss) != 2:
            raise ValueError(f"loss must be a name or (name, parameter), got {loss!r}")
        name, parameter = loss
    name = resolve("loss", name, ("auto", *LOSSES))
    if name == "auto":
        name = "log_loss" if output in ("softmax", "sigmoid") else "squared_error"
    if name in _LOSS_PARAMETERS:
        if parameter is None:
            raise ValueError(f"loss {name!r} has a parameter: write ({name!r}, value)")
        label = f"the parameter of {name}"
        value = check_real(label, parameter, **_LOSS_PARAMETERS[name])
    elif parameter is not None:
        raise ValueError(f"loss {name!r} has no parameter, got {parameter!r}")
    else:
        value = 0.0
    wrong = ((name == "log_loss") != (output == "softmax") and output != "sigmoid") or (
        name == "poisson" and output not in _POISSON_OUTPUTS
    )
    if wrong:
        raise ValueError(
            f"loss {name!r} does not go with output {output!r}; the pairs are: "
            "log_loss with softmax or sigmoid, poisson with exp, softplus or sigmoid, "
            "every other loss with every output but softmax"
        )
    return name, value
