"""Distributions over classes, and what information theory says about them.

Everything is along the last axis, in natural logarithms.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .analytic import Array, as_array, log1p


class ShiftedRow(NamedTuple):
    """A row of logits relative to its largest, z_top.

    Taking z_top out first makes every result below blind to a common offset of z.
    """

    top: Array  # 1 at the argmax, else 0    (..., n_classes)
    gap: Array  # z_j - z_top                (..., n_classes)
    exps: Array  # exp(gap)                  (..., n_classes)
    tail: Array  # sum of exps but the top's (..., 1)


def shift(z: Array) -> ShiftedRow:
    """Return z relative to its largest entry.

    A row of -inf, or one with inf or NaN, has a NaN at its argmax, for inf - inf; the
    tail picks it up, and with it the whole row.

    >>> shift(np.array([0.0, 1e9, 1e9 - 1])).gap
    array([-1.e+09,  0.e+00, -1.e+00])
    """
    where_top = z.real.argmax(axis=-1, keepdims=True)
    top = (np.arange(z.shape[-1]) == where_top).astype(np.float64)
    with np.errstate(invalid="ignore"):
        gap = z - np.take_along_axis(z, where_top, axis=-1)
        exps = np.exp(gap)
    tail = (exps - top).sum(axis=-1, keepdims=True)  # 1 - 1 = 0 at the top
    return ShiftedRow(top, gap, exps, tail)


def softmax(z: ArrayLike) -> Array:
    """Return the distribution of logits z.

    ``softmax(z)_i = exp(z_i) / sum_j exp(z_j)``

    Parameters
    ----------
    z : array_like, shape (..., n_classes)
        -inf is a class with probability 0.

    Returns
    -------
    ndarray, shape (..., n_classes)
        Nonnegative, with sum 1. A row that is all -inf, or has inf or NaN, is NaN.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.softmax([0.0, np.log(3.0), -np.inf])
    array([0.25, 0.75, 0.  ])
    """
    row = shift(as_array(z))
    p: Array = row.exps / (1 + row.tail)
    return p


def log_softmax(z: ArrayLike) -> Array:
    """Return log softmax(z), accurate where the probability is near 1, or underflows.

    ``log_softmax(z)_i = (z_i - m) - log1p(sum_{j != argmax} exp(z_j - m))``, m = max z.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.log_softmax([0.0, 10000.0])
    array([-10000.,      0.])
    """
    row = shift(as_array(z))
    return row.gap - log1p(row.tail)


def one_hot(labels: ArrayLike, n_classes: int) -> NDArray[np.float64]:
    """Return the distribution that has all its mass on the label.

    Parameters
    ----------
    labels : array_like, shape (...)
        Whole numbers from 0 to n_classes - 1.
    n_classes : int
        The width of the result.

    Returns
    -------
    ndarray of float64, shape (..., n_classes)

    Raises
    ------
    ValueError
        If a label is out of range or not whole.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.one_hot([2, 0], 3)
    array([[0., 0., 1.],
           [1., 0., 0.]])
    """
    labels = np.asarray(labels)
    hot: NDArray[np.bool_] = labels[..., np.newaxis] == np.arange(n_classes)
    bad = labels[~hot.any(axis=-1)]
    if bad.size:
        raise ValueError(f"labels contain {bad[0]}, expected 0 to {n_classes - 1}")
    return hot.astype(np.float64)


def x_log_y(x: Array, y: Array) -> Array:
    """Return x log(y), with 0 log(0) = 0.

    >>> x_log_y(np.array([0.0, 2.0]), np.array([0.0, np.e]))
    array([0., 2.])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(x == 0, 0, x * np.log(y))


def entropy(p: ArrayLike) -> Array:
    """Return the entropy ``H(p) = -sum p log p``.

    Parameters
    ----------
    p : array_like, shape (..., n_classes)

    Returns
    -------
    ndarray, shape (...)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.entropy([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]).round(8)
    array([0.69314718, 0.        ])
    """
    return cross_entropy(p, p)


def cross_entropy(p: ArrayLike, q: ArrayLike) -> Array:
    """Return the cross-entropy ``H(p, q) = -sum p log q``.

    Parameters
    ----------
    p, q : array_like, shape (..., n_classes)
        The data's distribution, and the model's.

    Returns
    -------
    ndarray, shape (...)
        inf if a class that occurs has probability 0 in the model.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.cross_entropy([[0.5, 0.5, 0.0]], [[0.25, 0.25, 0.5]]).round(8)
    array([1.38629436])
    """
    total: Array = np.sum(x_log_y(as_array(p), as_array(q)), axis=-1)
    return 0 - total  # -total would make -0 of 0


def kl_divergence(p: ArrayLike, q: ArrayLike) -> Array:
    """Return the Kullback-Leibler divergence ``KL(p || q) = sum p log(p / q)``.

    It is ``cross_entropy(p, q) - entropy(p)``, without that cancellation: where p and q
    are near, ``log(p / q) = log1p((p - q) / q)``, and the p - q is exact.

    Parameters
    ----------
    p, q : array_like, shape (..., n_classes)
        The data's distribution, and the model's.

    Returns
    -------
    ndarray, shape (...)
        Nonnegative up to rounding, 0 if p = q.

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.kl_divergence([[0.5, 0.5, 0.0]], [[0.25, 0.25, 0.5]]).round(8)
    array([0.69314718])
    """
    p, q = as_array(p), as_array(q)
    near = np.abs(p - q) <= 0.5 * np.abs(q)
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        log_ratio = np.where(near, log1p((p - q) / q), np.log(p) - np.log(q))
        terms = np.where(p == 0, 0, p * log_ratio)
    total: Array = np.sum(terms, axis=-1)
    return total
