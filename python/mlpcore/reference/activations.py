"""The activation functions phi, each beside its derivative phi'.

Where the output y = phi(z) determines the slope, phi' is written in y, so that a
layer need not keep z. gelu, silu and mish are not monotone: two z share a y, and
phi' needs z.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .analytic import (
    Array,
    as_array,
    negative_part,
    positive_part,
    times_vanishing,
)
from .elementwise import exp, gelu, mish, sigmoid, silu, softplus, tanh
from .error_function import normal_cdf, normal_density

LEAKY_SLOPE = 0.01
# The fixed point of mean 0 and variance 1 (Klambauer et al. 2017, eq. 14).
SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


class Activation(NamedTuple):
    """A function phi(z), and its derivative as a function of y or of z."""

    name: str
    function: Callable[[ArrayLike], Array]
    slope: Callable[[Array], Array]
    slope_of: str = "y"

    def derivative(self, y: ArrayLike, z: ArrayLike | None = None) -> Array:
        """Return phi'(z), from y where y determines it.

        Raises
        ------
        ValueError
            If the slope depends on z, and z is not given.

        Examples
        --------
        >>> from mlpcore import reference
        >>> reference.activation("relu").derivative([0.0, 3.0])
        array([0., 1.])
        """
        if self.slope_of == "y":
            return self.slope(as_array(y))
        if z is None:
            raise ValueError(f"the derivative of {self.name} needs z, got None")
        return self.slope(as_array(z))


def identity(z: ArrayLike) -> Array:
    """Return z.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.identity([-1.0, 2.0])
    array([-1.,  2.])
    """
    return as_array(z)


def relu(z: ArrayLike) -> Array:
    """Return max(z, 0); the slope at 0 is 0.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.relu([-1.0, 2.0])
    array([0., 2.])
    """
    return positive_part(as_array(z))


def leaky_relu(z: ArrayLike) -> Array:
    """Return z for z > 0, else 0.01 z (Maas et al. 2013).

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.leaky_relu([-1.0, 2.0])
    array([-0.01,  2.  ])
    """
    z = as_array(z)
    return positive_part(z) + LEAKY_SLOPE * negative_part(z)


def elu(z: ArrayLike) -> Array:
    """Return z for z > 0, else exp(z) - 1 (Clevert et al. 2016, alpha = 1).

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.elu([-np.inf, 0.0, 2.0])
    array([-1.,  0.,  2.])
    """
    z = as_array(z)
    return positive_part(z) + np.expm1(negative_part(z))


def selu(z: ArrayLike) -> Array:
    """Return scale z for z > 0, else scale alpha (exp(z) - 1) (Klambauer et al. 2017).

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.selu([-np.inf, 0.0, 1.0]).round(8)
    array([-1.75809934,  0.        ,  1.05070099])
    """
    z = as_array(z)
    return SELU_SCALE * (positive_part(z) + SELU_ALPHA * np.expm1(negative_part(z)))


def _selu_slope(y: Array) -> Array:
    return np.where(y.real > 0, SELU_SCALE, y + SELU_SCALE * SELU_ALPHA)


def _gelu_slope(z: Array) -> Array:
    return normal_cdf(z) + times_vanishing(z, normal_density(z))


def _silu_slope(z: Array) -> Array:
    s = sigmoid(z)
    return s + times_vanishing(z, s * sigmoid(-z))


def _mish_slope(z: Array) -> Array:
    t = np.tanh(softplus(z))
    return t + times_vanishing(z, (1 - t * t) * sigmoid(z))


_TABLE = [
    Activation("identity", identity, lambda y: np.ones_like(y)),
    Activation("sigmoid", sigmoid, lambda y: y * (1 - y)),
    Activation("tanh", tanh, lambda y: 1 - y * y),
    Activation("relu", relu, lambda y: np.where(y.real > 0, 1.0, 0.0)),
    Activation(
        "leaky_relu", leaky_relu, lambda y: np.where(y.real > 0, 1.0, LEAKY_SLOPE)
    ),
    Activation("elu", elu, lambda y: np.where(y.real > 0, 1.0, 1 + y)),
    Activation("selu", selu, _selu_slope),
    Activation("softplus", softplus, lambda y: -np.expm1(-y)),
    Activation("exp", exp, lambda y: y),
    Activation("gelu", gelu, _gelu_slope, slope_of="z"),
    Activation("silu", silu, _silu_slope, slope_of="z"),
    Activation("mish", mish, _mish_slope, slope_of="z"),
]
ACTIVATIONS = {entry.name: entry for entry in _TABLE}
ALIASES = {"linear": "identity", "logistic": "sigmoid", "swish": "silu"}


def activation(name: str) -> Activation:
    """Return the activation of that name, or of that alias.

    Examples
    --------
    >>> from mlpcore import reference
    >>> swish = reference.activation("swish")
    >>> swish.name, swish.function is reference.silu
    ('silu', True)
    """
    canonical = ALIASES.get(name, name)
    if canonical not in ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}, known are {[*ACTIVATIONS]}")
    return ACTIVATIONS[canonical]
