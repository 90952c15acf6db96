"""Estimators of mlpcore.sklearn that go on training: partial_fit and warm starts."""

import numpy as np
import pytest

from sklearn_support import (
    TARGETS,
    N,
    X,
    classifier,
    quietly,
    regressor,
    same_weights,
)


@pytest.mark.parametrize(
    "change",
    [
        {"clip_norm": 1e-3},
        {"label_smoothing": 0.3},
        {"dropout": 0.5},
        {"class_weight": {"yes": 5.0}},
        {"activation": ["gelu"]},
        {"dtype": "float32"},
    ],
    ids=str,
)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_parameters_changed_before_a_partial_fit(solver, change):
    """Each acts at once, and the moments stay."""
    y = TARGETS["binary"]
    plain, changed, new = (classifier(solver=solver, max_iter=3) for _ in range(3))
    for clf in (plain, changed):
        quietly(clf.fit, X, y)
    new.partial_fit(X, y, classes=["no", "yes"])
    new.coefs_, new.intercepts_ = changed.coefs_, changed.intercepts_
    core = new._optimizer._core
    core.set_counts(3, 3)
    for which, moment in enumerate(changed._optimizer._core.moments(), 1):
        if moment is not None:
            core.set_moment(which, moment)
    for clf in (changed, new):
        clf.set_params(**change)
    for clf in (plain, changed, new):
        clf.partial_fit(X, y)
    assert same_weights(changed, new)
    assert not same_weights(changed, plain)
    assert changed.coefs_[0].dtype == change.get("dtype", np.float64)


def test_losses_changed_before_a_partial_fit():
    reg = regressor().partial_fit(X, X[:, 0])
    for parameters in ({"loss": "huber"}, {"huber_delta": 0.1}, {"loss": "quantile"}):
        reg.set_params(**parameters)
        before = reg.network_.get_parameters()
        reg.partial_fit(X, X[:, 0])
        network = reg.network_
        assert network.loss_name == reg.loss
        network.set_parameters(before)
        penalty = sum((w**2).sum() for w in network.weights) * reg.alpha / 2 / N
        assert reg.loss_ == pytest.approx(network.loss(X, X[:, 0]) + penalty)


def test_a_partial_fit_after_a_schedule_has_an_optimizer_of_its_own():
    reg = quietly(regressor(learning_rate="cosine").fit, X, X[:, 0])
    reg.set_params(learning_rate="constant", learning_rate_init=0.02)
    before = reg.coefs_[0]
    reg.partial_fit(X, X[:, 0])
    # Adam's first step is the rate, but where a gradient is nearly 0.
    assert np.median(abs(reg.coefs_[0] - before)) == pytest.approx(0.02, rel=1e-3)


def test_an_assigned_output_activation_is_trained_with_its_gradient():
    y = np.linspace(0, 1, N)
    parameters = {"solver": "sgd", "momentum": 0.0, "alpha": 0.0, "warm_start": True}
    reg = quietly(regressor(**parameters, max_iter=1).fit, X, y)
    reg.out_activation_ = "logistic"
    network = reg.network_
    _, gradient = network.loss_and_gradient(X, y)
    before = network.get_parameters()
    quietly(reg.fit, X, y)
    step = reg.network_.get_parameters() - before
    np.testing.assert_allclose(step, -0.001 * gradient, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    ("change", "y", "message"),
    [
        ({"hidden_layer_sizes": (8, 8)}, X[:, 0], r"\[5, 8, 1\].* got \[5, 8, 8, 1\]"),
        ({"hidden_layer_sizes": (7,)}, X[:, 0], r"\[5, 8, 1\].* got \[5, 7, 1\]"),
        ({}, X[:, :2], r"\[5, 8, 1\].* got \[5, 8, 2\]"),
        ({"loss": "poisson"}, X[:, 0] ** 2, "'poisson' does not go with output"),
    ],
    ids=["deeper", "narrower", "outputs", "loss"],
)
def test_a_refused_fit_leaves_the_estimator_as_it_was(change, y, message, solver):
    reg = regressor(solver=solver, warm_start=True)
    quietly(reg.fit, X, X[:, 0])
    kept, predictions = reg.get_params(), reg.predict(X)
    before = {k: v for k, v in vars(reg).items() if k not in kept}
    reg.set_params(**change)
    methods = [reg.fit] if solver == "lbfgs" else [reg.fit, reg.partial_fit]
    for method in methods:
        with pytest.raises(ValueError, match=message):
            method(X, y)
        after = {k: v for k, v in vars(reg).items() if k not in kept}
        assert all(before[k] is v for k, v in after.items())
        np.testing.assert_array_equal(reg.predict(X), predictions)
    quietly(reg.set_params(**kept).fit, X, X[:, 0])
    assert reg.n_outputs_ == 1


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("before", [{"solver": "lbfgs"}, {"early_stopping": True}, {}])
def test_a_warm_start_with_other_records(before, stop):
    reg = quietly(regressor(**before, warm_start=True).fit, X, X[:, 0])
    quietly(reg.set_params(solver="adam", early_stopping=stop).fit, X, X[:, 0])
    assert len(reg.loss_curve_) == reg.n_iter_ * (1 if "solver" in before else 2)
    assert (reg.best_loss_ is None) == stop
    assert (reg.validation_scores_ is None) != stop
