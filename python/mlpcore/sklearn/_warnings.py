"""Warnings as scikit-learn's estimators give them."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import joblib
import sklearn
from sklearn.neural_network import _multilayer_perceptron as theirs

import mlpcore

_LIBRARIES = tuple(
    str(Path(module.__file__ or "").parent) for module in (mlpcore, sklearn, joblib)
)


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line that called the estimator, in the name of scikit-learn's module.

    Programs silence the warnings of these estimators by it:
    ``filterwarnings("ignore", category=ConvergenceWarning, module="sklearn")``.

    Parameters
    ----------
    message : str
        The text.
    category : type
        The kind of warning.
    """
    frame = sys._getframe(1)
    while frame.f_back and frame.f_code.co_filename.startswith(_LIBRARIES):
        frame = frame.f_back
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=theirs.__name__,
        registry=vars(theirs).setdefault("__warningregistry__", {}),
    )
