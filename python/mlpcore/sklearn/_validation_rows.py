"""Rows to validate with: split off, or the caller's own; and what scores them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.callback import CallbackSupportMixin
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split
from sklearn.utils.validation import _check_sample_weight, validate_data

from .._data import Data
from .._metrics import r2_score
from .._validation import Array
from ._trainer import as_type, evaluate, predict, recorded_scale


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """Say in an error what it is about; all become TypeError or ValueError."""
    try:
        yield
    except (TypeError, ValueError) as error:
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"{what}: {error}") from error
    except Exception as error:
        raise ValueError(f"{what}: {type(error).__name__}: {error}") from error


class ValidationSet(NamedTuple):
    """Rows to validate with: for a scorer, and as the network takes them."""

    x: Any
    y: Any
    weights: Array | None
    data: Data


class Validating(CallbackSupportMixin):
    """The part of an estimator that has validation rows."""

    _own_validation: tuple[Any, Any, Any] | None = None
    _validation_accuracy: float
    _validation_loss: float
    validation_loss_curve_: list[float]

    def _split(
        self, X: Any, y: Array, weights: Array | None
    ) -> tuple[tuple[Any, Array, Array | None], ValidationSet | None]:
        """Return the rows to train with, and those to validate with."""
        if self._own_validation is not None:
            with _naming("X_val, y_val"):
                own = self._checked_validation(*self._own_validation)
            return (X, y, weights), own
        if not self.early_stopping:
            return (X, y, weights), None
        # Multilabel targets cannot be stratified.
        stratify = y if is_classifier(self) and self.n_outputs_ == 1 else None
        parts = train_test_split(
            X,
            y,
            *(() if weights is None else (weights,)),
            random_state=self._random_state,
            test_size=self.validation_fraction,
            stratify=stratify,
        )
        if weights is None:
            parts += [None, None]
        x, x_val, y, y_val, weights, weights_val = parts
        if x_val.shape[0] < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' "
                "or the size of your dataset."
            )
        data = self._data(self._network, x_val, y_val, weights_val)
        validation = ValidationSet(x_val, self._decoded(y_val), weights_val, data)
        return (x, y, weights), validation

    def _checked_validation(self, X: Any, y: Any, weights: Any) -> ValidationSet:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            multi_output=True,
            y_numeric=not is_classifier(self),
            dtype=(np.float64, np.float32),
            reset=False,
        )
        if weights is not None:
            weights = _check_sample_weight(weights, X)
        if X.shape[0] < 2:
            raise ValueError(f"X_val must have 2 rows or more, got {X.shape[0]}")
        X = self._in_dtype(X)
        if sparse.issparse(y):
            y = y.toarray()
        encoded = self._encoded(y)
        encoded = encoded.reshape(len(encoded), -1)
        if encoded.shape[1] != self.n_outputs_:
            raise ValueError(
                f"y_val must have {self.n_outputs_} outputs as y has, "
                f"got {encoded.shape[1]}"
            )
        data = self._data(self._network, X, encoded, weights)
        return ValidationSet(X, y, weights, data)

    def _encoded(self, y: Array) -> Array:
        return y

    def _decoded(self, y: Array) -> Array:
        return y

    def _in_dtype(self, X: Any) -> Any:
        """Return X in the type of the arithmetic, if that is given."""
        if self.dtype is None or X.dtype == self.dtype:
            return X
        return as_type(X, np.dtype(self.dtype))

    def _validate(self, data: Data) -> None:
        loss, self._validation_accuracy = evaluate(self._network, data)
        self._validation_loss = loss * recorded_scale(self._network)

    def _score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the score that early stopping looks at; called by scikit-learn's.

        By default it is the accuracy, which came with the loss, or R^2: scikit-learn's
        own way to them takes 0.2 to 0.5 ms, ten times as long as a small epoch.
        """
        if self.scoring is None:
            if is_classifier(self):
                # Where there is one class, every prediction is that class.
                return self._validation_accuracy if len(self.classes_) > 1 else 1.0
            output = predict(self._network, X)
            if not np.isfinite(output).all():
                return float("nan")
            return r2_score(np.reshape(y, output.shape), output, sample_weight)
        if self.scoring == "loss":
            return -self._validation_loss
        with _naming(f"scoring={self.scoring!r} fails on the validation rows"):
            return self._scored(X, y, sample_weight)

    def _scored(self, X: Any, y: Any, sample_weight: Any) -> float:
        probe = copy.copy(self)  # X has no feature names any more
        probe.__dict__.pop("feature_names_in_", None)
        scorer = check_scoring(probe, self.scoring)
        # As scikit-learn tells which of its scorers take weights: the metric does.
        taken = signature(getattr(scorer, "_score_func", scorer)).parameters
        weights = {}
        if sample_weight is not None and "sample_weight" in taken:
            weights["sample_weight"] = sample_weight
        return float(scorer(probe, X, y, **weights))
