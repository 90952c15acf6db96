"""The nodes of ONNX that compute what a network computes.

`Network.to_onnx` and the converter for skl2onnx share these. Only operators of opset 13
are used for which ONNX Runtime has kernels: in float64 it has none for LeakyRelu, Elu,
Selu, Softplus and Erf (1.32), so there these are made of others.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial

from .._optional import require
from .._validation import Array
from ..reference.activations import LEAKY_SLOPE, SELU_ALPHA, SELU_SCALE
from ..reference.error_function import erfcx

if TYPE_CHECKING:
    from ..network import Network

OPSET = 13

# The operators that are an activation by themselves, with their attributes.
_OPERATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "sigmoid": ("Sigmoid", {}),
    "tanh": ("Tanh", {}),
    "relu": ("Relu", {}),
    "leaky_relu": ("LeakyRelu", {"alpha": LEAKY_SLOPE}),
    "elu": ("Elu", {"alpha": 1.0}),
    "selu": ("Selu", {"alpha": SELU_ALPHA, "gamma": SELU_SCALE}),
    "softplus": ("Softplus", {}),
    "exp": ("Exp", {}),
    # Axis 1 is the last of two, and what operators before opset 11 understand as well.
    "softmax": ("Softmax", {"axis": 1}),
}


class Graph:
    """Nodes and initializers, each with a name of its own.

    Parameters
    ----------
    dtype : dtype
        Of the constants.
    prefix : str
        Before every name.
    """

    def __init__(self, dtype: np.dtype[Any], prefix: str = "") -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = []
        self.dtype = dtype
        self.at = ""
        """What the names of nodes begin with."""
        self._onnx = require("onnx", "onnx", "a network in ONNX")
        self._prefix = prefix
        self._scalars: dict[float, str] = {}
        self._used: Counter[str] = Counter()

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
        name = f"{self._prefix}{self.at}{operator}"
        self._used[name] += 1
        if self._used[name] > 1:
            name += f"_{self._used[name]}"
        self.nodes.append(
            self._onnx.helper.make_node(
                operator, list(inputs), [name], name=name, **attributes
            )
        )
        return name

    def constant(self, array: Array, name: str) -> str:
        """Add an initializer, and return its name."""
        name = self._prefix + name
        self.initializers.append(self._onnx.numpy_helper.from_array(array, name))
        return name

    def scalar(self, value: float) -> str:
        """Return the name of a constant of the graph's dtype."""
        if value not in self._scalars:
            array = np.array(value, self.dtype)
            self._scalars[value] = self.constant(array, f"scalar.{len(self._scalars)}")
        return self._scalars[value]

    def end(self, output: str) -> None:
        """Give the last node's output the name it has outside of the graph."""
        self.nodes[-1].output[0] = output


def add_network(graph: Graph, network: Network, x: str) -> str:
    """Add what a network does to `x`; return the name of the output signals."""
    layers = zip(network.weights, network.biases, network.activations, strict=True)
    for i, (weight, bias, activation) in enumerate(layers):
        graph.at = f"layers.{i}."
        w = graph.constant(weight, f"layers.{i}.weight")
        b = graph.constant(bias, f"layers.{i}.bias")
        x = add_activation(graph, activation, graph.node("Gemm", x, w, b))
    graph.at = ""
    return x


def add_activation(graph: Graph, activation: str, z: str) -> str:
    """Add phi(z); return its name."""
    if activation == "identity":
        return z
    if graph.dtype == np.float64 and activation in _IN_FLOAT64:
        return _IN_FLOAT64[activation](graph, z)
    if activation in _PRODUCTS:
        return _PRODUCTS[activation](graph, z)
    operator, attributes = _OPERATORS[activation]
    return graph.node(operator, z, **attributes)


# Products of z and something. Gelu and Mish are operators too, since opset 20 and 18;
# these are the nodes that PyTorch writes for older ones, and that runtimes fuse.


def _gelu(graph: Graph, z: str) -> str:
    """Add z (1 + erf(z / sqrt 2)) / 2."""
    erf = graph.node("Erf", graph.node("Div", z, graph.scalar(math.sqrt(2))))
    return graph.node(
        "Mul",
        graph.node("Mul", z, graph.node("Add", erf, graph.scalar(1))),
        graph.scalar(0.5),
    )


def _silu(graph: Graph, z: str) -> str:
    return graph.node("Mul", z, graph.node("Sigmoid", z))


def _mish(graph: Graph, z: str) -> str:
    return graph.node("Mul", z, graph.node("Tanh", graph.node("Softplus", z)))


_PRODUCTS = {"gelu": _gelu, "silu": _silu, "mish": _mish}


# In float64.


def _leaky_relu(graph: Graph, z: str) -> str:
    below = graph.node("Less", z, graph.scalar(0))
    return graph.node(
        "Where", below, graph.node("Mul", z, graph.scalar(LEAKY_SLOPE)), z
    )


def _elu(graph: Graph, z: str) -> str:
    return graph.node("Add", graph.node("Max", z, graph.scalar(0)), _expm1(graph, z))


def _selu(graph: Graph, z: str) -> str:
    above = graph.node("Max", z, graph.scalar(0))
    below = graph.node("Mul", _expm1(graph, z), graph.scalar(SELU_ALPHA))
    return graph.node("Mul", graph.node("Add", above, below), graph.scalar(SELU_SCALE))


def _expm1(graph: Graph, z: str) -> str:
    """Add exp(z) - 1 for z < 0, else 0, as 2 t / (1 - t), t = tanh(z / 2)."""
    below = graph.node("Min", z, graph.scalar(0))
    t = graph.node("Tanh", graph.node("Mul", below, graph.scalar(0.5)))
    double = graph.node("Add", t, t)
    return graph.node("Div", double, graph.node("Sub", graph.scalar(1), t))


def _softplus(graph: Graph, z: str) -> str:
    """Add max(z, 0) + log(1 + e), e = exp(-|z|), with what 1 + e loses put back."""
    one = graph.scalar(1)
    e = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    s = graph.node("Add", one, e)
    lost = graph.node("Div", graph.node("Sub", e, graph.node("Sub", s, one)), s)
    log1p = graph.node("Add", graph.node("Log", s), lost)
    return graph.node("Add", graph.node("Max", z, graph.scalar(0)), log1p)


def _mish64(graph: Graph, z: str) -> str:
    """Add z tanh(softplus(z)) = z w / (w + 2), w = e (e + 2), e = exp(z).

    From 20 on the ratio is 1.
    """
    two = graph.scalar(2)
    e = graph.node("Exp", graph.node("Min", z, graph.scalar(20)))
    w = graph.node("Mul", e, graph.node("Add", e, two))
    return graph.node("Mul", z, graph.node("Div", w, graph.node("Add", w, two)))


# Beyond it the normal density is 0.
_FAR = 40.0
# What the map from [0, inf) to [-1, 1) takes to 0, and the polynomial's degree: so it
# is within 5e-15 of p, relatively; 18 give 7e-14, from 22 on rounding takes over.
_MIDDLE, _DEGREE = 4.0, 20


def _gelu64(graph: Graph, z: str) -> str:
    """Add max(z, 0) - a Phi(-a), a = |z|.

    The tail of the normal distribution is written as

        Phi(-a) = exp(-a^2 / 2) p(s) / (1 + a), s = (a - 4) / (a + 4)

    with a polynomial p (Shepherd & Laframboise 1981).
    """
    a = graph.node("Min", graph.node("Abs", z), graph.scalar(_FAR))
    middle = graph.scalar(_MIDDLE)
    s = graph.node("Div", graph.node("Sub", a, middle), graph.node("Add", a, middle))
    *rest, p = (graph.scalar(float(c)) for c in _tail_polynomial())
    for coefficient in reversed(rest):  # Horner
        p = graph.node("Add", graph.node("Mul", p, s), coefficient)
    density = graph.node(
        "Exp", graph.node("Mul", graph.node("Mul", a, a), graph.scalar(-0.5))
    )
    ratio = graph.node("Div", a, graph.node("Add", a, graph.scalar(1)))
    tail = graph.node("Mul", graph.node("Mul", p, density), ratio)
    return graph.node("Sub", graph.node("Max", z, graph.scalar(0)), tail)


def _tail_polynomial() -> Array:
    """Return the coefficients of p, the constant one first."""

    def p(s: Array) -> Array:
        a = _MIDDLE * (1 + s) / (1 - s)
        values: Array = (1 + a) * erfcx(a / math.sqrt(2)) / 2
        return values

    series = Chebyshev.interpolate(p, _DEGREE)
    coefficients: Array = series.convert(kind=Polynomial).coef
    return coefficients


_IN_FLOAT64: dict[str, Callable[[Graph, str], str]] = {
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "softplus": _softplus,
    "mish": _mish64,
    "gelu": _gelu64,
}
