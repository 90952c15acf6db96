"""scikit-learn: MLPClassifier and MLPRegressor, where they have the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import (
    BETA_1,
    BETA_2,
    EPSILON,
    LEARNING_RATE,
    Predictor,
    Rival,
    Training,
    UnsupportedError,
    Weights,
)

if TYPE_CHECKING:
    from .._workloads import Workload


def _as_one_output(workload: Workload, weights: Weights) -> Weights:
    """Return the parameters as scikit-learn has them.

    It models two classes with one sigmoid, which is the softmax of two outputs if it
    gets their difference.
    """
    if workload.net.output != "softmax" or workload.net.layer_sizes[-1] != 2:
        return weights
    w, b = weights[-1]
    return [*weights[:-1], (w[:, 1:] - w[:, :1], b[1:] - b[:1])]


def _model(workload: Workload, weights: Weights, x: NDArray[Any], y: Any) -> Any:
    """Return an estimator with these parameters and an optimizer that has not begun."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    if workload.net.activation not in ("relu", "tanh"):
        raise UnsupportedError(f"scikit-learn has no {workload.net.activation}")
    is_classifier = not workload.net.is_regression
    make = MLPClassifier if is_classifier else MLPRegressor
    model = make(
        hidden_layer_sizes=workload.net.layer_sizes[1:-1],
        activation=workload.net.activation,
        alpha=0.0,
        batch_size=workload.rows,
        learning_rate_init=LEARNING_RATE,
        beta_1=BETA_1,
        beta_2=BETA_2,
        epsilon=EPSILON,
        shuffle=False,
        n_iter_no_change=10**9,
        random_state=0,
    )
    model.set_params(batch_size=len(x))
    n_classes = max(2, workload.net.layer_sizes[-1])
    model.partial_fit(
        x, y, **({"classes": np.arange(n_classes)} if is_classifier else {})
    )
    model.set_params(batch_size=workload.rows)
    model.coefs_ = [w.copy() for w, _ in weights]
    model.intercepts_ = [b.copy() for _, b in weights]
    del model._optimizer  # the next step makes one
    return model


class ScikitLearnRival(Rival):
    """Its checks of the arguments are off, as far as they can be."""

    name = "sklearn"
    title = "scikit-learn"
    packages = ("sklearn",)

    def start(self, n_threads: int) -> None:
        """Import it and turn its checks off."""
        import sklearn

        sklearn.set_config(assume_finite=True, skip_parameter_validation=True)

    def make_predictor(
        self, variant: str, workload: Workload, weights: Weights, x: NDArray[Any]
    ) -> Predictor:
        """Return a predictor."""
        n_out = workload.net.layer_sizes[-1]
        some, y = x[:1], np.zeros(1, int)
        if workload.net.is_regression:
            model = _model(workload, weights, some, np.zeros((1, n_out), x.dtype))
            predict = model.predict
            return Predictor(lambda: predict(x))
        model = _model(workload, _as_one_output(workload, weights), some, y)
        predict = model.predict_proba
        if n_out == 1:
            return Predictor(lambda: predict(x), lambda p: np.asarray(p[:, 1:]))
        return Predictor(lambda: predict(x))

    def make_training(
        self,
        variant: str,
        workload: Workload,
        weights: Weights,
        x: NDArray[Any],
        y: NDArray[Any],
    ) -> Training:
        """Return a training."""
        if workload.net.output == "softmax" and workload.net.layer_sizes[-1] == 2:
            raise UnsupportedError("scikit-learn trains two classes with one sigmoid")
        batch = workload.rows
        model = _model(workload, weights, x[:batch], y[:batch])

        def train(n_steps: int) -> None:
            model.partial_fit(x[: n_steps * batch], y[: n_steps * batch])

        def present() -> Weights:
            pairs = zip(model.coefs_, model.intercepts_, strict=True)
            return [(w.copy(), b.copy()) for w, b in pairs]

        return Training(train, present)
