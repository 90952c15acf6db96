"""The targets of a network: class indices, probabilities, or values."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core
from ._architecture import Architecture
from ._validation import Array, as_real_array, check_finite


class Targets(NamedTuple):
    """As the native code takes them: exactly one is not None."""

    labels: NDArray[np.int32] | None
    """Class indices, shape (n,)."""
    values: Array | None
    """Probabilities or values, shape (n, n_out), of the network's dtype."""

    def take(self, rows: slice) -> Targets:
        """Return the targets of some rows."""
        return Targets(*(None if part is None else part[rows] for part in self))

    def classes(self) -> NDArray[np.intp]:
        """Return each row's class; one output's is whether it is above 1/2."""
        if self.labels is not None:
            return self.labels.astype(np.intp)
        assert self.values is not None
        if self.values.shape[1] == 1:
            return (self.values[:, 0] > 0.5).astype(np.intp)
        classes: NDArray[np.intp] = np.argmax(self.values, axis=1)
        return classes


def as_targets(
    y: ArrayLike, n_rows: int, architecture: Architecture, dtype: np.dtype[Any]
) -> Targets:
    """Check and convert y.

    Parameters
    ----------
    y : array_like
        For softmax class indices (n,) or probabilities (n, n_out); else values (n,)
        for one output, or (n, n_out).
    n_rows : int
        How many rows X has.
    architecture : Architecture
        The network's.
    dtype : dtype
        The network's.

    Returns
    -------
    Targets
        The targets.

    Raises
    ------
    TypeError, ValueError
        If the shape or a value does not fit the network's output and loss.
    """
    array = as_real_array(y, None, "y")
    if array.ndim == 0:
        raise ValueError(f"y must have one entry a row, got shape {array.shape}")
    if len(array) != n_rows:
        raise ValueError(f"X has {n_rows} rows, y has {len(array)}")
    if architecture.output == "softmax" and array.ndim == 1:
        return Targets(as_labels(array, architecture.n_out), None)
    values = _as_values(array, architecture)
    check_finite(values if values.ndim > 1 else values[:, None], "y")
    if architecture.loss == "log_loss":
        if architecture.output == "softmax":
            _check_probability_rows(values)
        else:
            _check_range(values, 0, 1, "in [0, 1] for sigmoid outputs")
    elif architecture.loss == "poisson":
        _check_range(values, 0, np.inf, "0 or more for the poisson loss")
    return Targets(None, as_real_array(values, dtype, "y"))


def as_labels(
    y: Array, n_classes: int, name: str = "y", of: str | None = None
) -> NDArray[np.int32]:
    """Return class indices as int32; `of` says where `n_classes` is from.

    By default from the network's outputs.

    Raises
    ------
    ValueError
        If one is not whole, negative, or `n_classes` or more.
    """
    labels = _core.class_indices(y, n_classes)
    if labels is not NotImplemented:
        return labels
    # Of another type, or wrong.
    whole = y.dtype.kind != "f" or (y == np.floor(y)).all()
    if len(y) > 0 and not (whole and y.min() >= 0 and y.max() < n_classes):
        wrong = ~((y >= 0) & (y < n_classes) & (y == np.floor(y)))
        row = int(np.argmax(wrong))
        value = y[row].item()
        hint = ""
        if of is None:
            of = f"the network has {n_classes} output{'s' if n_classes > 1 else ''}"
            hint = _hint(n_classes)
        if value != np.floor(value):  # NaN too
            raise ValueError(
                f"{name} must hold whole class indices, got {value} at row {row}{hint}"
            )
        raise ValueError(
            f"{name} contains class {value:.0f}, {of} (first at row {row}){hint}"
        )
    return y.astype(np.int32)


def _hint(n_out: int) -> str:
    """Say what a network is made with if a softmax of one output was not meant."""
    if n_out > 1:
        return ""
    return (
        "; a softmax of one output is always 1: for two classes there is "
        "output='sigmoid', for a number output='identity'"
    )


def _as_values(y: Array, architecture: Architecture) -> Array:
    n_out = architecture.n_out
    if y.ndim == 1 and n_out == 1:
        return y[:, None]
    if y.shape[1:] != (n_out,):
        wanted = f"(n, {n_out})"
        if n_out == 1 or architecture.output == "softmax":
            wanted = f"(n,) or {wanted}"
        raise ValueError(f"y must have the shape {wanted}, got {y.shape}")
    return y


def _check_range(y: Array, low: float, high: float, wanted: str) -> None:
    wrong = (y < low) | (y > high)
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise ValueError(
            f"y must be {wanted}, got {y[row, column]} at row {row}, column {column}"
        )


def _check_probability_rows(y: Array) -> None:
    if y.size > 0 and y.min() < 0:
        row = int(np.argmax((y < 0).any(axis=1)))
        raise ValueError(
            f"y must hold probabilities, got {y[row].min()} at row {row}"
            f"{_hint(y.shape[1])}"
        )
    sums = y.sum(axis=1, dtype=np.float64)
    # The rounding of some hundred classes in y's own precision.
    eps = np.finfo(y.dtype).eps if y.dtype.kind == "f" else 0.0
    wrong = np.abs(sums - 1) > max(1e-6, 100 * float(eps))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f"rows of y must sum to 1, got {sums[row]:.6g} at row {row}"
            f"{_hint(y.shape[1])}"
        )
