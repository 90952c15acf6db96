"""What NumPy lacks for complex arguments.

The whole reference accepts complex parameters, for the sake of the complex step
``f'(x) = Im f(x + ih) / h``. It subtracts nothing, so h may be 1e-30 and the
derivative is as accurate as f itself (Squire & Trapp 1998). It needs every formula
to be analytic: max, abs and comparisons therefore look at real parts only.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array: TypeAlias = NDArray[Any]
"""float64, or complex128 while a derivative is taken by complex step."""


def as_array(x: ArrayLike) -> Array:
    """Return x as float64, or as complex128 if it is complex.

    >>> as_array([1, 2]).dtype, as_array([1, 2j]).dtype
    (dtype('float64'), dtype('complex128'))
    """
    x = np.asarray(x)
    return x.astype(np.complex128 if np.iscomplexobj(x) else np.float64, copy=False)


def positive_part(x: Array) -> Array:
    """Return max(x, 0).

    >>> positive_part(np.array([-2.0, 3.0, -2 + 1j, 3 + 1j]))
    array([0.+0.j, 3.+0.j, 0.+0.j, 3.+1.j])
    """
    return np.where(x.real <= 0, 0, x)  # NaN is not <= 0, and passes


def negative_part(x: Array) -> Array:
    """Return min(x, 0).

    >>> negative_part(np.array([-2.0, 3.0]))
    array([-2.,  0.])
    """
    return np.where(x.real >= 0, 0, x)


def absolute(x: Array) -> Array:
    """Return x or -x, whichever has the positive real part.

    >>> absolute(np.array([-2.0, 3.0, -2 + 1j]))
    array([2.-0.j, 3.+0.j, 2.-1.j])
    """
    return np.where(x.real < 0, -x, x)


def log1p(x: Array) -> Array:
    """Return log(1 + x), accurate near 0, where NumPy's complex version is not.

    ``log|1 + a + ib| = log1p(a (2 + a) + b^2) / 2``

    >>> log1p(np.array([1e-30, 1e-30 + 1e-40j]))
    array([1.e-30+0.e+00j, 1.e-30+1.e-40j])
    """
    if not np.iscomplexobj(x):
        return np.log1p(x)
    a, b = x.real, x.imag
    value: Array = 0.5 * np.log1p(a * (2 + a) + b * b) + 1j * np.arctan2(b, 1 + a)
    return value


def times_vanishing(x: Array, factor: Array) -> Array:
    """Return x * factor for a factor that underflows to 0 as x goes to infinity.

    There the product is 0, where the arithmetic of infinities would give NaN.

    >>> times_vanishing(np.array([-np.inf, 2.0]), np.array([0.0, 0.5]))
    array([-0.,  1.])
    """
    with np.errstate(invalid="ignore"):
        return np.where(factor == 0, np.copysign(0.0, x.real), x * factor)
