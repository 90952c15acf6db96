"""Elementary functions and softmax of arrays.

Plain arrays take the short way into the native code, which declines all others; they
are checked and converted here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from . import _core
from ._validation import Array, as_float_array, check_out


def map_function(name: str, x: ArrayLike, out: Array | None = None) -> Array:
    """Return f(x), elementwise; `out` may be x."""
    y = _core.map_function(name, x, out)
    if y is not NotImplemented:
        return y
    array = as_float_array(x, "x")
    return _by_way_of_a_new_array(
        lambda: _core.map_function(name, array, None), array, out
    )


def softmax(z: ArrayLike, out: Array | None, log: bool) -> Array:
    """Return softmax, or its logarithm, over the last axis; `out` may be z."""
    y = _core.softmax(z, out, log)
    if y is not NotImplemented:
        return y
    array = as_float_array(z, "z")
    if array.ndim == 0 or array.shape[-1] == 0:
        raise ValueError(f"z must have classes along its last axis, got {array.shape}")
    return _by_way_of_a_new_array(lambda: _core.softmax(array, None, log), array, out)


def _by_way_of_a_new_array(
    compute: Callable[[], Any], array: Array, out: Array | None
) -> Array:
    if out is not None:
        check_out(out, array.shape, array.dtype)
    y: Array = compute()
    if out is None:
        return y
    out[...] = y
    return out
