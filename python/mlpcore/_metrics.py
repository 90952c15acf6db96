"""Scores of predictions."""

from __future__ import annotations

import numpy as np

from ._validation import Array


def r2_score(target: Array, output: Array, weights: Array | None) -> float:
    """Return the coefficient of determination, averaged over outputs.

    Parameters
    ----------
    target, output : ndarray, shape (n, n_out)
        What was wanted, and what came.
    weights : ndarray, shape (n,), or None
        Of the rows.

    Returns
    -------
    float
        1 - residual / total sum of squares, in float64. A constant target scores 1 if
        it is met and 0 if not, as in scikit-learn.
    """
    t, y = target.astype(np.float64), output.astype(np.float64)
    w = np.ones(len(t)) if weights is None else weights.astype(np.float64)
    residual = w @ (t - y) ** 2
    counted = t[w > 0]  # which may be none: the estimators take negative weights
    constant = (counted == counted[:1]).all(axis=0)  # its mean may be off by a rounding
    total = np.where(constant, 0.0, w @ (t - w @ t / w.sum()) ** 2)
    ratio = residual / np.where(constant, 1.0, total)
    scores = np.where(constant, np.where(residual == 0, 1.0, 0.0), 1.0 - ratio)
    return float(scores.mean())
