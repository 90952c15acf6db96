"""Does everybody compute the same? Otherwise the times mean nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._worker import N_CHECKED_STEPS
from ._workloads import Workload
from .rivals.base import Weights

PREDICTION_TOLERANCE = 1e-4
"""Of each output: absolute, and relative to mlpcore's if that is larger than 1."""
LOSS_TOLERANCE = 0.01
"""Of the fall of the loss in the first steps, as mlpcore has it.

A contestant that does not train would be off by 1. Float32 and the ways to write Adam's
epsilon are good for 0.1 % or so.
"""


def prediction_deviation(theirs: NDArray[Any], ours: NDArray[Any]) -> float:
    """Return the largest difference of two arrays of predictions.

    Parameters
    ----------
    theirs, ours : ndarray
        The predictions of the same rows; of different shapes they differ infinitely.

    Returns
    -------
    float
        Relative to ours where that is larger than 1.
    """
    if theirs.shape != ours.shape:
        return float("inf")
    a, b = theirs.astype(np.float64), ours.astype(np.float64)
    worst = float(np.max(np.abs(a - b) / np.maximum(1, np.abs(b))))
    return worst if np.isfinite(worst) else float("inf")


class LossCheck:
    """Compares losses after some steps, all computed by one float64 network.

    Parameters
    ----------
    workload : Workload
        The training.
    """

    def __init__(self, workload: Workload) -> None:
        x, y = workload.data()
        assert y is not None
        n = min(workload.steps, N_CHECKED_STEPS) * workload.rows
        self._x, self._y = x[:n].astype(np.float64), y[:n]
        self._network = workload.net.make("float64")
        self._before = self.loss(workload.weights())

    def loss(self, weights: Weights) -> float:
        """Return the mean loss over the rows of the checked steps."""
        self._network.set_weights([w for w, _ in weights], [b for _, b in weights])
        return self._network.loss(self._x, self._y)

    def deviation(self, theirs: Weights, ours: Weights) -> float:
        """Return the difference of the losses, in units of the fall of ours."""
        mine = self.loss(ours)
        fall = self._before - mine
        if not fall > 0:
            return float("inf")  # nothing was learnt, so nothing is compared
        off = abs(self.loss(theirs) - mine) / fall
        return off if np.isfinite(off) else float("inf")
