"""What other libraries' layers become, one after another, until they are a network.

Each importer reads its own kind of model and tells a `Chain` what it finds, in the
order in which data go through it. What a `Network` has no place for is an error that
names the layer, so no importer has to know what those places are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .._architecture import (
    ACTIVATION_ALIASES,
    ACTIVATIONS,
    LossName,
    make_architecture,
)
from .._names import resolve
from .._random import seed_from
from .._validation import Array, as_float_array, check_finite
from ..errors import NotSupportedError
from ..network import Network

LOG_SOFTMAX = "log_softmax"

# phi(c z) = c phi(z) for c >= 0: dropout before them is dropout after them.
_HOMOGENEOUS = ("identity", "relu", "leaky_relu")


@dataclass
class Layer:
    """A dense layer, and what comes after it."""

    where: str
    weight: Array
    """(n_in, n_out)"""
    bias: Array
    """(n_out,)"""
    activation: str = "identity"
    activation_at: str = ""
    dropout: float = 0.0
    dropout_at: str = ""


def unsupported(where: str, why: str) -> NotSupportedError:
    """Make the error for a layer that cannot be represented.

    Parameters
    ----------
    where : str
        Which layer: its place and its type in the library it comes from.
    why : str
        What a network has not.

    Returns
    -------
    NotSupportedError
        For the caller to raise.

    Examples
    --------
    >>> print(unsupported("layer 2 (Conv2d)", "there are dense layers only"))
    layer 2 (Conv2d) has no counterpart in a Network: there are dense layers only
    """
    return NotSupportedError(f"{where} has no counterpart in a Network: {why}")


class Chain:
    """The layers found so far.

    Everywhere, `where` says in an error which layer of the source it is about.

    Examples
    --------
    >>> chain = Chain()
    >>> chain.dense("layer 0 (Linear)", [[1.0, -1.0]], [0.0, 0.5])
    >>> chain.activation("layer 1 (ReLU)", "relu")
    >>> chain.dense("layer 2 (Linear)", [[2.0], [1.0]])
    >>> chain.network().predict([[3.0]])
    array([[6.]])
    """

    def __init__(self) -> None:
        self._layers: list[Layer] = []

    def dense(
        self, where: str, weight: ArrayLike, bias: ArrayLike | None = None
    ) -> None:
        """Add a dense layer.

        Parameters
        ----------
        where : str
            Which layer.
        weight : array_like, shape (n_in, n_out)
            Its weights; float16 ones are converted to float32.
        bias : array_like, shape (n_out,), optional
            Its biases; without, they are 0.

        Raises
        ------
        NotSupportedError
            If the weights are quantized, or the layer before has an activation that
            only an output layer may have.
        TypeError, ValueError
            If a shape does not fit, or a number is NaN or infinite.
        """
        w = _floats(where, weight, "weight")
        if w.ndim != 2 or 0 in w.shape:
            raise ValueError(f"{where}: weight must be (n_in, n_out), got {w.shape}")
        n_in, n_out = w.shape
        if self._layers:
            before = self._layers[-1]
            if before.weight.shape[1] != n_in:
                raise ValueError(
                    f"{where} has {n_in} inputs, but {before.where} before it has "
                    f"{before.weight.shape[1]} outputs"
                )
            if before.activation in ("softmax", LOG_SOFTMAX):
                raise unsupported(
                    before.activation_at,
                    f"{before.activation} is for the last layer, {where} follows",
                )
        b = np.zeros(n_out, w.dtype) if bias is None else _floats(where, bias, "bias")
        if b.shape != (n_out,):
            raise ValueError(f"{where}: bias must be ({n_out},), got {b.shape}")
        self._layers.append(Layer(where, w, b))

    def activation(self, where: str, name: str) -> None:
        """Add an activation, in the name that `Network` has for it, or log_softmax.

        Parameters
        ----------
        where : str
            Which layer.
        name : str
            ``"identity"`` changes nothing, wherever it is.

        Raises
        ------
        NotSupportedError
            If it does not follow a dense layer without an activation.
        """
        if name == "identity":
            return
        if not self._layers:
            raise unsupported(where, "no dense layer is before this activation")
        layer = self._layers[-1]
        if layer.activation != "identity":
            raise unsupported(
                where, f"a second activation after {layer.activation_at}, only one fits"
            )
        if layer.dropout and name not in _HOMOGENEOUS:
            raise unsupported(
                where,
                f"{layer.dropout_at} is before this activation, but a Network drops "
                "what comes out of one",
            )
        layer.activation, layer.activation_at = name, where

    def drop(self, where: str, rate: float) -> None:
        """Add dropout; two in succession drop what either of them does.

        Parameters
        ----------
        where : str
            Which layer.
        rate : float
            The share of the signals to drop.

        Raises
        ------
        NotSupportedError
            If it is on the network's inputs, or everything is dropped.
        """
        if not rate:
            return
        if not self._layers:
            raise unsupported(
                where,
                "dropout acts on hidden layers, not on inputs; it changes no "
                "prediction, so it may be left out",
            )
        if not 0 < rate < 1:
            raise unsupported(where, f"a dropout rate is in [0, 1), this is {rate}")
        layer = self._layers[-1]
        layer.dropout = 1 - (1 - layer.dropout) * (1 - rate) if layer.dropout else rate
        layer.dropout_at = where

    def network(self, *, output: str | None = None, loss: LossName = "auto") -> Network:
        """Return the network.

        Parameters
        ----------
        output : str, optional
            An activation to add to a last layer without one.
        loss : str or tuple of (str, float)
            As in `Network`.

        Returns
        -------
        Network
            float64 if some of the weights are, else float32.

        Raises
        ------
        NotSupportedError
            If there is no dense layer, or the last has what no output layer has.
        TypeError, ValueError
            If `output` or `loss` is not one that `Network` takes.
        """
        layers = self._layers
        if not layers:
            raise NotSupportedError("the model has no dense layer")
        *hidden, last = layers
        if last.dropout:
            raise unsupported(
                last.dropout_at,
                "dropout acts on hidden layers, not on outputs; it changes no "
                "prediction, so it may be left out",
            )
        architecture = make_architecture(
            [*(layer.weight.shape[0] for layer in layers), last.weight.shape[1]],
            [layer.activation for layer in hidden],
            _output_of(last, output),
            loss,
            "auto",
            [layer.dropout for layer in hidden],
            np.result_type(*(a for at in layers for a in (at.weight, at.bias))),
        )
        network = Network.__new__(Network)
        network._set_up(architecture, seed_from(None))
        network.set_weights(
            [layer.weight for layer in layers], [layer.bias for layer in layers]
        )
        return network


Reader: TypeAlias = Callable[[Chain, str, Any], None]
"""Tells a chain about a layer, which is at a place."""


def activation_reader(name: str, **wanted: Sequence[object]) -> Reader:
    """Return a reader of layers that are an activation.

    Parameters
    ----------
    name : str
        Its name in a chain.
    **wanted : sequence of object
        The values that an attribute of the layer may have for it to be this
        activation, the usual one first.

    Returns
    -------
    Reader
        Raises a NotSupportedError if an attribute has another value.
    """

    def read(chain: Chain, where: str, layer: Any) -> None:
        for attribute, values in wanted.items():
            if (got := getattr(layer, attribute)) not in values:
                raise unsupported(
                    where, f"{name} has {attribute}={values[0]!r}, this has {got!r}"
                )
        chain.activation(where, name)

    return read


def activation_name(name: object) -> str:
    """Return the canonical name of an activation, softmax among them.

    Raises
    ------
    TypeError, ValueError
        If there is none of that name.
    """
    return resolve("activation", name, (*ACTIVATIONS, "softmax"), ACTIVATION_ALIASES)


def check_activations(
    activations: Sequence[str], n_layers: int, source: str
) -> list[str]:
    """Return canonical names, one a layer, from what a user gave.

    Parameters
    ----------
    activations : sequence of str
        The hidden layers', then the output's.
    n_layers : int
        How many there have to be.
    source : str
        What has so many layers.

    Returns
    -------
    list of str
        The names.

    Raises
    ------
    TypeError, ValueError
        If these are not so many names of activations.

    Examples
    --------
    >>> check_activations(["swish", "softmax"], 2, "the list of weights")
    ['silu', 'softmax']
    """
    if isinstance(activations, str) or not isinstance(activations, Iterable):
        raise TypeError(
            "activations must be a list with one name a layer, the output's last, "
            f"got {activations!r}"
        )
    names = [activation_name(name) for name in activations]
    if len(names) != n_layers:
        raise ValueError(
            f"activations must have one name a layer, the output's last: "
            f"{source} has {n_layers} layers, got {len(names)} names"
        )
    return names


def _output_of(last: Layer, output: str | None) -> str:
    """Return the activation of the last layer, with what the user asked to add."""
    if output is None:
        if last.activation == LOG_SOFTMAX:
            raise unsupported(
                last.activation_at,
                "outputs are probabilities, not their logarithms; output='softmax' "
                "takes these",
            )
        return last.activation
    name = activation_name(output)
    of_logarithms = last.activation == LOG_SOFTMAX and name == "softmax"  # of log p: p
    if "identity" in (name, last.activation) or of_logarithms:
        return last.activation if name == "identity" else name
    raise unsupported(
        f"output={output!r}", f"the last layer has an activation, {last.activation_at}"
    )


def _floats(where: str, value: ArrayLike, name: str) -> Array:
    """Return weights as float32 or float64, all of them finite."""
    array = np.asarray(value)
    if array.dtype.name == "bfloat16":  # of the package ml_dtypes
        value = array = array.astype(np.float32)
    if array.dtype.kind in "biu" and isinstance(value, np.ndarray):
        raise unsupported(
            where, f"its {name} is {array.dtype}; quantized weights need their scales"
        )
    half = array.dtype == np.float16
    name = f"{where}: {name}"
    array = as_float_array(value, name, np.dtype(np.float32) if half else None)
    check_finite(array, name)
    return array
