"""Networks from models and weights of Keras 3."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ._layers import (
    LOG_SOFTMAX,
    Chain,
    Reader,
    activation_reader,
    check_activations,
    unsupported,
)

if TYPE_CHECKING:
    from .._architecture import LossName
    from ..network import Network

# keras.activations that are ours by another name, or the same. leaky_relu is not: its
# slope is 0.2 there.
_FUNCTIONS = {
    "linear": "identity",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "exponential": "exp",
    "softmax": "softmax",
    "log_softmax": LOG_SOFTMAX,
}


def from_keras(
    model: Any,
    activations: Sequence[str] | None = None,
    *,
    output: str | None = None,
    loss: LossName = "auto",
) -> Network:
    """Return the network that a Keras model is.

    Parameters
    ----------
    model : keras.Model, or sequence of array_like
        A built `Sequential`, or a functional model that is one chain, of Keras 3: of
        ``Dense``, with or without bias, with an activation that `Network` has too or
        an ``Activation``, ``ReLU``, ``LeakyReLU(0.01)``, ``ELU`` or ``Softmax`` layer
        after it; ``Dropout`` after hidden layers, whose rate is kept; ``InputLayer``,
        ``Flatten``, and models of these. Or a list of weights, as
        ``model.get_weights()`` returns it, with `activations`; no Keras needed.
    activations : sequence of str, optional
        For a list of weights: the names of `Network`, one a layer, the output's last.
    output : str, optional
        An activation to add at the end: ``"softmax"`` or ``"sigmoid"`` for a model that
        returns logits, as it is trained with ``from_logits=True``.
    loss : str or tuple of (str, float)
        What further training minimises, as in `Network`. That of a compiled model is
        not looked at.

    Returns
    -------
    Network
        The same function, float64 if weights are and float32 otherwise. It shares
        nothing with the model. A model with a first layer ``Flatten`` becomes a network
        of flat rows.

    Raises
    ------
    NotSupportedError
        If something is no such layer, or the model is no chain; says which, and why.
    TypeError, ValueError
        If `model` or `activations` is nothing of the kind, the model is not built,
        widths do not fit, or weights are NaN or infinite.

    Examples
    --------
    The weights of two layers, as ``model.get_weights()`` returns them:

    >>> import mlpcore
    >>> weights = [[[1.0, -1.0]], [0.0, 0.0], [[2.0], [1.0]], [0.5]]
    >>> net = mlpcore.from_keras(weights, ["relu", "linear"])
    >>> net.predict([[3.0], [-3.0]])
    array([[6.5],
           [3.5]])
    """
    keras = sys.modules.get("keras")  # there can be no model without it
    if keras is not None and isinstance(model, keras.Model):
        if activations is not None:
            raise TypeError(
                "activations are for a list of weights; a model knows its own"
            )
        chain = Chain()
        _read_model(keras, chain, model, "")
    elif isinstance(model, Sequence) and not isinstance(model, str | bytes):
        chain = _chain_of_weights(model, activations)
    else:
        is_path = isinstance(model, str | bytes | os.PathLike)
        hint = "; keras.saving.load_model reads a file" if is_path else ""
        raise TypeError(
            "from_keras needs a keras.Model (Keras 3), or a list of weights, got "
            f"{type(model).__name__}{hint}"
        )
    return chain.network(output=output, loss=loss)


# Models.


def _read_model(keras: Any, chain: Chain, model: Any, prefix: str = "") -> None:
    readers = _readers(keras)
    of_any_shape = keras.layers.InputLayer, keras.layers.Flatten, keras.Model
    for i, (layer, n_dims) in enumerate(_path(model)):
        where = f"layer {prefix}{i} ({type(layer).__name__} {layer.name!r})"
        if n_dims is None:
            raise unsupported(where, "it has several inputs")
        if n_dims != 2 and not isinstance(layer, of_any_shape):
            raise unsupported(
                where, f"its input has {n_dims} dimensions, not two (n, features)"
            )
        if isinstance(layer, keras.Model):
            _read_model(keras, chain, layer, f"{prefix}{i}.")
        elif (read := readers.get(type(layer))) is not None:
            read(chain, where, layer)
        else:
            raise unsupported(
                where, "from_keras reads chains of Dense, activations, Dropout, Flatten"
            )


def _path(model: Any) -> list[tuple[Any, int | None]]:
    """Return the layers from the input to the output.

    With each the number of dimensions of its input; None if it has several.
    """
    # A subclass may train in its own way, but a call of its own is another function.
    if type(model).call.__qualname__ not in ("Sequential.call", "Functional.call"):
        raise unsupported(
            f"{type(model).__name__} {model.name!r}",
            "only Sequential and functional models say what their layers do; give "
            "model.get_weights() and activations=[...]",
        )
    if not hasattr(model, "outputs"):
        raise ValueError(
            f"the model {model.name!r} is not built: call it, or give it a keras.Input"
        )
    if len(model.outputs) != 1 or len(model.inputs) != 1:
        raise unsupported(
            f"the model {model.name!r}",
            f"it has {len(model.inputs)} inputs and {len(model.outputs)} outputs",
        )
    path: list[tuple[Any, int | None]] = []
    tensors = model.outputs
    while len(tensors) == 1:
        # Which layer has made it, in which of its calls.
        layer, call, _ = tensors[0]._keras_history
        tensors = layer._inbound_nodes[call].input_tensors
        n_dims = len(tensors[0].shape) if len(tensors) == 1 else None
        path.append((layer, n_dims if tensors else 2))
    return path[::-1]


def _readers(keras: Any) -> dict[Any, Reader]:
    """Return what reads each kind of layer."""
    layers = keras.layers
    functions = [(getattr(keras.activations, k), v) for k, v in _FUNCTIONS.items()]

    def read_function(chain: Chain, where: str, layer: Any) -> None:
        function = layer.activation
        for known, name in functions:
            if function is known:
                return chain.activation(where, name)
        if type(function) in activations:  # Dense(..., activation=LeakyReLU(0.01))
            return activations[type(function)](chain, where, function)
        name = getattr(function, "__name__", type(function).__name__)
        hint = "; its slope is 0.2, not 0.01" if name == "leaky_relu" else ""
        raise unsupported(where, f"the activation {name!r} is not one of ours{hint}")

    def read_dense(chain: Chain, where: str, layer: Any) -> None:
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            # Keras's own, of how it makes an array.
            as_array = keras.ops.convert_to_numpy
            kernel = as_array(layer.kernel)
            bias = None if layer.bias is None else as_array(layer.bias)
        chain.dense(where, kernel, bias)
        read_function(chain, where, layer)

    activations = {
        layers.Activation: read_function,
        layers.ReLU: _read_relu,
        layers.LeakyReLU: activation_reader("leaky_relu", negative_slope=[0.01]),
        layers.ELU: activation_reader("elu", alpha=[1.0]),
        layers.Softmax: activation_reader("softmax", axis=[-1, 1]),
    }
    return {
        **activations,
        layers.Dense: read_dense,
        layers.Dropout: _read_dropout,
        layers.Flatten: activation_reader("identity", data_format=["channels_last"]),
        layers.InputLayer: activation_reader("identity"),
        layers.Identity: activation_reader("identity"),
    }


def _read_relu(chain: Chain, where: str, layer: Any) -> None:
    name = "leaky_relu" if layer.negative_slope else "relu"
    slopes = [0.01] if layer.negative_slope else [0.0]
    read = activation_reader(
        name, max_value=[None], threshold=[0.0], negative_slope=slopes
    )
    read(chain, where, layer)


def _read_dropout(chain: Chain, where: str, layer: Any) -> None:
    if layer.noise_shape is not None:
        raise unsupported(where, "signals are dropped one by one, not by noise_shape")
    chain.drop(where, float(layer.rate))


# Weights.


def _chain_of_weights(
    arrays: Sequence[Any], activations: Sequence[str] | None
) -> Chain:
    if activations is None:
        raise TypeError(
            "weights do not say what is between them: give activations=[...], one name "
            "a layer, the output's last"
        )
    layers: list[list[Any]] = []
    for i, array in enumerate(arrays):
        n_dims = np.ndim(array)
        if n_dims == 2:
            layers.append([array])
        elif n_dims == 1 and layers and len(layers[-1]) == 1:
            layers[-1].append(array)
        else:
            raise unsupported(
                f"weights[{i}] of shape {np.shape(array)}",
                "a Dense layer has a kernel (n_in, n_out) and perhaps a bias (n_out,)",
            )
    names = check_activations(activations, len(layers), "the list of weights")
    chain = Chain()
    for i, (layer, name) in enumerate(zip(layers, names, strict=True)):
        chain.dense(f"layer {i}", *layer)
        chain.activation(f"activations[{i}]", name)
    return chain
