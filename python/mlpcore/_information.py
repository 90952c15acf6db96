"""One-hot targets, entropy and its relatives: what cross-entropy losses estimate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._arguments import check_integer
from ._elementwise import map_function
from ._targets import as_labels
from ._validation import Array, as_float_array, as_real_array

_MOST_CLASSES = 2**31 - 1  # class indices are int32


def one_hot(labels: ArrayLike, n_classes: int, dtype: Any = np.float64) -> NDArray[Any]:
    """Return class indices as probabilities: all of it on the class.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        The classes.
    n_classes : int
        How many there are.
    dtype : dtype
        Of the result.

    Returns
    -------
    ndarray, shape (n, n_classes)
        1 at the class, 0 elsewhere.

    Examples
    --------
    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    n_classes = check_integer("n_classes", n_classes, 1)
    if n_classes > _MOST_CLASSES:
        raise ValueError(f"n_classes must be at most {_MOST_CLASSES}, got {n_classes}")
    given = as_real_array(labels, None, "labels")
    if given.ndim != 1:
        raise ValueError(f"labels must be 1-D, got shape {given.shape}")
    index = as_labels(given, n_classes, "labels", f"n_classes is {n_classes}")
    hot = np.zeros((len(index), n_classes), dtype)
    hot[np.arange(len(index)), index] = 1
    return hot


def _distributions(p: ArrayLike, q: ArrayLike) -> tuple[Array, Array]:
    pa, qa = as_float_array(p, "p"), as_float_array(q, "q")
    for name, a in (("p", pa), ("q", qa)):
        if a.ndim == 0 or (a < 0).any():
            raise ValueError(f"{name} must hold probabilities along its last axis")
    if pa.shape[-1] != qa.shape[-1]:
        raise ValueError(f"p has {pa.shape[-1]} outcomes, q has {qa.shape[-1]}")
    return pa, qa


def _weighted_sum(p: Array, values: Array) -> Array:
    """Sum of p * values over the last axis; what has probability 0 counts 0."""
    with np.errstate(invalid="ignore"):
        terms = np.where(p == 0, p.dtype.type(0), p * values)
    return np.asarray(terms.sum(axis=-1))[()]


def cross_entropy(p: ArrayLike, q: ArrayLike) -> Array:
    """Return H(p, q) = - sum p log q over the last axis, in nats.

    Parameters
    ----------
    p, q : array_like, shape (..., n)
        Distributions; p may be one-hot.

    Returns
    -------
    ndarray, shape (...)
        Entropy(p) + KL(p || q).

    Examples
    --------
    >>> float(cross_entropy([0.5, 0.5], [0.5, 0.5]).round(6))
    0.693147
    """
    pa, qa = _distributions(p, q)
    return _weighted_sum(pa, -map_function("log", qa))


def kl_divergence(p: ArrayLike, q: ArrayLike) -> Array:
    """Return KL(p || q) = sum p log(p / q) over the last axis, in nats.

    Parameters
    ----------
    p, q : array_like, shape (..., n)
        Distributions.

    Returns
    -------
    ndarray, shape (...)
        0 where they are equal, positive elsewhere, inf where q misses an outcome of p.

    Examples
    --------
    >>> float(kl_divergence([0.5, 0.5], [0.5, 0.5]))
    0.0
    """
    pa, qa = _distributions(p, q)
    # Near each other, p - q is exact and log1p loses nothing of it; far apart the two
    # logarithms do not cancel (and no quotient overflows).
    with np.errstate(all="ignore"):
        ratio = np.asarray((pa - qa) / qa)
        near = map_function("log1p", ratio)
        far = map_function("log", pa) - map_function("log", qa)
        logs = np.where(np.abs(ratio) < 0.5, near, far)
    return _weighted_sum(pa, logs)


def entropy(p: ArrayLike) -> Array:
    """Return H(p) = - sum p log p over the last axis, in nats.

    Parameters
    ----------
    p : array_like, shape (..., n)
        Distributions.

    Returns
    -------
    ndarray, shape (...)
        0 for a certain outcome, log n for the uniform distribution.

    Examples
    --------
    >>> float(entropy([1.0, 0.0]))
    0.0
    """
    pa, _ = _distributions(p, p)
    return _weighted_sum(pa, -map_function("log", pa))
