"""How good predictions are, beside those that a constant gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._optional import require
from .._validation import Array
from ._values import Floats


@dataclass(frozen=True)
class Score:
    """A score of the model, and of the baseline."""

    name: str
    model: float
    baseline: float
    larger_is_better: bool

    @property
    def is_better(self) -> bool:
        """Whether the model's is better than the baseline's."""
        sign = 1 if self.larger_is_better else -1
        return sign * self.model > sign * self.baseline


def class_scores(
    true: NDArray[np.int64],
    probabilities: Array,
    log_loss: float,
    learnt: NDArray[np.int64],
) -> list[Score]:
    """Return the scores of a classifier.

    Parameters
    ----------
    true : ndarray of int, shape (n,)
        The classes' indices.
    probabilities : ndarray, shape (n, n_classes)
        What the network says.
    log_loss : float
        Its mean loss, from the logits.
    learnt : ndarray of int
        The classes of the rows to learn from, for the baseline: always the most
        frequent class, with each class's share as its probability.

    Returns
    -------
    list of Score
        The first is the one that most people ask for.
    """
    metrics: Any = require("sklearn.metrics", "cli", "mlpcore.table")
    n_classes = probabilities.shape[1]
    shares = np.bincount(learnt, minlength=n_classes) / len(learnt)
    predicted = probabilities.argmax(axis=1)
    constant = np.full(len(true), shares.argmax())
    with np.errstate(divide="ignore"):
        constant_loss = -float(np.mean(np.log(shares[true])))

    def f1(guess: NDArray[Any]) -> float:
        return float(metrics.f1_score(true, guess, average="macro", zero_division=0))

    scores = [
        Score(
            "accuracy",
            float(np.mean(predicted == true)),
            float(np.mean(constant == true)),
            True,
        ),
        Score("F1 (macro)", f1(predicted), f1(constant), True),
        Score("log loss", log_loss, constant_loss, False),
    ]
    if n_classes == 2 and 0 < true.sum() < len(true):
        auc = float(metrics.roc_auc_score(true, probabilities[:, 1]))
        scores.insert(1, Score("ROC AUC", auc, 0.5, True))
    return scores


def number_scores(true: Floats, predicted: Floats, learnt: Floats) -> list[Score]:
    """Return the scores of a regression.

    Parameters
    ----------
    true, predicted : ndarray of float64, shape (n,)
        The values, and what the network says.
    learnt : ndarray of float64
        The values of the rows to learn from: the baseline always says their mean.

    Returns
    -------
    list of Score
        The first is the one that most people ask for.
    """
    constant = np.full(len(true), np.mean(learnt))
    metrics: Any = require("sklearn.metrics", "cli", "mlpcore.table")

    def pair(name: str, function: str, larger: bool) -> Score:
        of = getattr(metrics, function)
        return Score(
            name, float(of(true, predicted)), float(of(true, constant)), larger
        )

    return [
        pair("R2", "r2_score", True),
        pair("RMSE", "root_mean_squared_error", False),
        pair("MAE", "mean_absolute_error", False),
    ]
