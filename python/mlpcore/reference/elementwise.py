"""The elementwise functions of ``mlpcore.ops``, real or complex.

Each is written in the form that keeps its relative accuracy over the whole range:
nothing overflows on the way, and no small result is the difference of large ones.
NaN gives NaN, and the infinities give the limits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .analytic import Array, absolute, as_array, log1p, positive_part, times_vanishing
from .error_function import normal_cdf


def exp(x: ArrayLike) -> Array:
    """Return exp(x).

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.exp([-np.inf, 0.0, 1.0]).round(8)
    array([0.        , 1.        , 2.71828183])
    """
    with np.errstate(over="ignore"):
        return np.exp(as_array(x))


def log(x: ArrayLike) -> Array:
    """Return the natural logarithm; -inf at 0, NaN below.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.log([0.0, 1.0, np.e])
    array([-inf,   0.,   1.])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(as_array(x))


def tanh(x: ArrayLike) -> Array:
    """Return the hyperbolic tangent.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.tanh([-np.inf, 0.0, 1.0]).round(8)
    array([-1.        ,  0.        ,  0.76159416])
    """
    return np.tanh(as_array(x))


def sigmoid(x: ArrayLike) -> Array:
    """Return the logistic function.

    ``sigmoid(x) = 1 / (1 + exp(-x)) = exp(x) / (1 + exp(x))``, the second for x < 0.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    x = as_array(x)
    e = np.exp(-absolute(x))
    value: Array = np.where(x.real < 0, e, 1) / (1 + e)
    return value


def softplus(x: ArrayLike) -> Array:
    """Return log(1 + exp(x)), whose derivative is the sigmoid.

    ``softplus(x) = max(x, 0) + log1p(exp(-|x|))``

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.softplus([-1000.0, 0.0, 10.0]).round(8)
    array([ 0.        ,  0.69314718, 10.0000454 ])
    """
    x = as_array(x)
    return positive_part(x) + log1p(np.exp(-absolute(x)))


def gelu(x: ArrayLike) -> Array:
    """Return x Phi(x), Phi the normal distribution function (Hendrycks & Gimpel 2016).

    The exact form, ``x (1 + erf(x / sqrt(2))) / 2``, not the one through tanh.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.gelu([-1.0, 0.0, 1.0]).round(8)
    array([-0.15865525,  0.        ,  0.84134475])
    """
    x = as_array(x)
    return times_vanishing(x, normal_cdf(x))


def silu(x: ArrayLike) -> Array:
    """Return x sigmoid(x), also called swish (Elfwing et al. 2018).

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.silu([-1.0, 0.0, 1.0]).round(8)
    array([-0.26894142,  0.        ,  0.73105858])
    """
    x = as_array(x)
    return times_vanishing(x, sigmoid(x))


def mish(x: ArrayLike) -> Array:
    """Return x tanh(softplus(x)) (Misra 2019).

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.mish([-1.0, 0.0, 1.0]).round(8)
    array([-0.30340146,  0.        ,  0.86509839])
    """
    x = as_array(x)
    return times_vanishing(x, np.tanh(softplus(x)))
