"""Powers and cosines with the same bits everywhere.

NumPy's ``power`` and ``cos`` round as the processor's vector unit or the C library
does, and a learning rate that differs in its last bit is another training. Here only
operations are used that IEEE 754 rounds alike on all machines, and the library's own
exponential and logarithm.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from . import ops

__all__ = ["half_cosine", "power"]

FloatArray: TypeAlias = NDArray[np.float64]


def power(base: FloatArray | float, exponent: FloatArray | float) -> FloatArray:
    """Return ``base ** exponent`` for finite bases above 0 and exponents of 0 or more.

    Whole exponents and square roots are products and roots, so that 0.5 ** 1 is 0.5.

    Parameters
    ----------
    base, exponent : float or ndarray of float64
        Broadcast against each other.

    Returns
    -------
    ndarray of float64
        The powers, to about 1e-15 times the logarithm of the result.
    """
    base, exponent = np.broadcast_arrays(
        np.asarray(base, dtype=np.float64), np.asarray(exponent, dtype=np.float64)
    )
    whole = np.floor(exponent)
    rest = exponent - whole
    root = np.where(rest == 0.5, np.sqrt(base), ops.exp(rest * ops.log(base)))
    return _whole_power(base, whole) * np.where(rest == 0.0, 1.0, root)


def _whole_power(base: FloatArray, exponent: FloatArray) -> FloatArray:
    """Multiply by squaring, lowest bit of the exponent first."""
    result = np.ones(base.shape)
    square = base
    with np.errstate(under="ignore", over="ignore"):
        while exponent.any():
            half = np.floor(exponent / 2.0)
            result = np.where(exponent > 2.0 * half, result * square, result)
            square = square * square
            exponent = half
    return result


def _sine_coefficients() -> list[float]:
    """Return c in sin(pi u) = u (c[0] + c[1] u^2 + ...): Taylor's series.

    The term after the last one is below 2^-56 for abs(u) <= 1/2.
    """
    coefficients = [math.pi]
    for k in range(1, 11):
        step = math.pi * math.pi / (2 * k * (2 * k + 1))
        coefficients.append(-coefficients[-1] * step)
    return coefficients


_SINE = _sine_coefficients()


def half_cosine(progress: FloatArray) -> FloatArray:
    """Return ``(1 + cos(pi progress)) / 2``: 1 at 0, 1/2 at 1/2 and 0 at 1, exactly.

    Parameters
    ----------
    progress : ndarray of float64
        From 0 to 1.

    Returns
    -------
    ndarray of float64
        The heights of the curve.
    """
    u = progress - 0.5  # (1 - sin(pi u)) / 2
    square = u * u
    total = np.full(u.shape, _SINE[-1])
    for coefficient in _SINE[-2::-1]:
        total = total * square + coefficient
    height = 0.5 * (1.0 - u * total)
    return np.where(progress == 0.0, 1.0, np.where(progress == 1.0, 0.0, height))
