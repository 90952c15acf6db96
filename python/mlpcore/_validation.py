"""Checks and conversions of arrays, before anything is changed.

Each function returns an array as the native code takes it (C-contiguous, aligned, of
the network's dtype), the caller's own if it already is one, and raises with what was
got and what was wanted.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core

Array = NDArray[Any]

NATIVE = (np.dtype(np.float32), np.dtype(np.float64))


def is_ready(value: Any, dtype: np.dtype[Any] | None) -> TypeGuard[Array]:
    """Whether all that `as_real_array` asks for holds already.

    Its way to the same answer takes 1.7 us: more than a kernel does for a small array.
    """
    if type(value) is not np.ndarray:
        return False
    own, flags = value.dtype, value.flags
    return (
        own.kind in "biuf"
        and own.isnative
        and (dtype is None or dtype == own)
        and flags.c_contiguous
        and flags.aligned
    )


def as_real_array(value: ArrayLike, dtype: np.dtype[Any] | None, name: str) -> Array:
    """Return `value` as a plain array of real numbers.

    Parameters
    ----------
    value : array_like
        Anything NumPy can make a numeric array of.
    dtype : dtype or None
        The dtype wanted; None keeps it.
    name : str
        The argument's name, for messages.

    Returns
    -------
    ndarray
        C-contiguous, aligned, in the machine's byte order.

    Raises
    ------
    TypeError
        If it is not numeric, not real, sparse, or has masked entries.
    ValueError
        If a finite value is too large for `dtype`.
    """
    if is_ready(value, dtype):
        return value
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise TypeError(
            f"{name} must be a dense array, got {type(value).__name__}; "
            f"call {name}.toarray()"
        )
    _refuse_masked(value, name)
    array = np.asarray(value)
    if array.dtype.kind == "O":
        array = _from_frame(value, array)
    if array.dtype.kind == "c":
        raise TypeError(f"{name} must be real, got {array.dtype}")
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must be numeric, got dtype {array.dtype}{_hint(array, name)}"
        )
    wanted = array.dtype.newbyteorder("=") if dtype is None else dtype
    if array.dtype.kind == "f" and array.dtype.itemsize > wanted.itemsize:
        try:
            with np.errstate(all="ignore", over="raise"):
                array = array.astype(wanted)
        except FloatingPointError:
            raise ValueError(
                f"{name} has a finite value too large for {wanted} "
                f"(largest {np.finfo(wanted).max:.3g})"
            ) from None
    return np.require(array, wanted, ["C", "A"])


def _hint(array: Array, name: str) -> str:
    """Return what to do with texts."""
    texts = array.dtype.kind in "UT" or (
        array.dtype.kind == "O" and any(isinstance(v, str) for v in array.flat)
    )
    if not texts:
        return ""
    if name == "y":
        return (
            "; for class labels y = np.unique(labels, return_inverse=True)[1], or "
            "mlpcore.sklearn.MLPClassifier, which takes them as they are"
        )
    return "; mlpcore.table.train makes features of columns of texts"


def _from_frame(value: Any, array: Array) -> Array:
    """Return a pandas frame or series that NumPy sees as objects, if it is numeric.

    That is so for nullable columns and for numbers beside booleans; missing values
    become NaN.
    """
    dtypes = getattr(value, "dtypes", ())
    kinds = [
        getattr(dtype, "kind", "O")
        for dtype in (dtypes if hasattr(dtypes, "__iter__") else [dtypes])
    ]
    if not kinds or not set(kinds) <= set("biuf") or not hasattr(value, "to_numpy"):
        return array
    return np.asarray(value.to_numpy(dtype=np.float64, na_value=np.nan))


def as_float_array(
    value: ArrayLike, name: str, dtype: np.dtype[Any] | None = None
) -> Array:
    """Return `value` as float32 or float64: as `dtype`, or the one nearest its own."""
    array = as_real_array(value, dtype, name)
    if array.dtype not in NATIVE:
        array = as_real_array(array, np.dtype(np.float64), name)
    return array


def as_features(X: ArrayLike, n_features: int, dtype: np.dtype[Any]) -> Array:
    """Return X as an array of shape (n, n_features).

    Raises
    ------
    TypeError, ValueError
        As `as_real_array`; if X is not 2-D or has another number of columns.
    """
    array = as_real_array(X, dtype, "X")
    if array.ndim != 2:
        hint = "; for one row use X.reshape(1, -1)" if array.ndim == 1 else ""
        raise ValueError(
            f"X must be 2-D (n, {n_features}), got shape {array.shape}{hint}"
        )
    if array.shape[1] != n_features:
        raise ValueError(
            f"X has {array.shape[1]} features, but Network expects {n_features}"
        )
    return array


def check_rows(X: Array) -> None:
    """Raise ValueError if X has no rows."""
    if len(X) == 0:
        raise ValueError("X has 0 rows, at least 1 is needed")


def check_finite(array: Array, name: str) -> None:
    """Raise ValueError if something is NaN or infinite; says what and where."""
    if array.dtype.kind != "f":
        return
    flags = array.flags
    is_native = array.dtype in NATIVE and flags.c_contiguous and flags.aligned
    if is_native and _core.all_finite(array):
        return
    bad = np.argwhere(~np.isfinite(array))
    if len(bad) == 0:
        return
    first = tuple(bad[0])
    what = "NaN" if np.isnan(array[first]) else "infinity"
    where = f"row {first[0]}" + (f", column {first[1]}" if len(first) == 2 else "")
    raise ValueError(f"{name} contains {what} (first at {where})")


def as_sample_weight(
    sample_weight: ArrayLike | None, n_rows: int, dtype: np.dtype[Any]
) -> Array | None:
    """Return the weights as an array of shape (n_rows,), or None.

    Raises
    ------
    TypeError, ValueError
        If they are not one finite number of 0 or more a row, or next to nothing.
    """
    if sample_weight is None:
        return None
    weights = as_real_array(sample_weight, dtype, "sample_weight")
    if weights.shape != (n_rows,):
        raise ValueError(
            f"sample_weight must have the shape ({n_rows},), got {weights.shape}"
        )
    check_finite(weights, "sample_weight")
    if n_rows and weights.min() < 0:
        row = int(np.argmax(weights < 0))
        raise ValueError(
            f"sample_weight must be 0 or more, got {weights[row]} at row {row}"
        )
    check_some_weight(weights, "sample_weight")
    return weights


def _refuse_masked(value: object, name: str) -> None:
    # Only a subclass can be masked: numpy.ma is imported, in 9 ms, when it is named.
    is_subclass = isinstance(value, np.ndarray) and type(value) is not np.ndarray
    if is_subclass and np.ma.is_masked(value):
        raise TypeError(f"{name}: masked entries are not supported; call .filled()")


def check_some_weight(weights: Array, name: str) -> None:
    """Raise ValueError if there are weights, and no mean can be taken with them."""
    if len(weights) == 0:
        return
    if not weights.any():
        raise ValueError(f"{name} is 0 in every row")
    least = np.finfo(np.float64).smallest_normal  # below it 1 / total overflows
    with np.errstate(over="ignore"):
        total = weights.sum(dtype=np.float64)
    if not least <= total < np.inf:
        raise ValueError(
            f"{name} adds up to {total:g}, it must be {least:g} or more, and finite"
        )


def check_out(out: object, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return `out` if results of this shape and dtype can be written into it.

    Raises
    ------
    TypeError, ValueError
        If it is not an array, masked, of another dtype, shape or layout, or read-only.
    """
    if not isinstance(out, np.ndarray):
        raise TypeError(f"out must be a numpy.ndarray, got {type(out).__name__}")
    _refuse_masked(out, "out")
    if out.dtype != dtype:
        raise TypeError(f"out must have dtype {dtype}, got {out.dtype}")
    if out.shape != shape:
        raise ValueError(f"out must have the shape {shape}, got {out.shape}")
    if not (out.flags.c_contiguous and out.flags.aligned):
        raise ValueError("out must be C-contiguous and aligned")
    if not out.flags.writeable:
        raise ValueError("out is read-only")
    return out
