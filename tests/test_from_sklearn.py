"""mlpcore.from_sklearn, on estimators of scikit-learn's and ours."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpcore.sklearn
from mlpcore import NotSupportedError, from_sklearn
from sklearn_support import TARGETS, X, pair, quietly
from support import assert_same_bits

OUTPUTS = {
    "binary": ("sigmoid", "log_loss", 1),
    "multiclass": ("softmax", "log_loss", 3),
    "multilabel": ("sigmoid", "log_loss", 3),
    "regression": ("identity", "squared_error", 1),
    "multioutput": ("identity", "squared_error", 3),
    "poisson": ("exp", "poisson", 1),
}


def fitted(problem, x=X, **parameters):
    parameters = {
        "hidden_layer_sizes": (7, 5),
        "max_iter": 5,
        "random_state": 0,
    } | parameters
    theirs, ours = pair(problem, **parameters)
    return [quietly(e.fit, x, TARGETS[problem]) for e in (theirs, ours)]


def signals(estimator, x=X):
    """Return what the outputs of the estimator's network are."""
    if not hasattr(estimator, "predict_proba"):
        return estimator.predict(x).reshape(len(x), -1)
    proba = estimator.predict_proba(x)
    return proba[:, 1:] if estimator.n_outputs_ == 1 else proba


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("problem", OUTPUTS)
def test_every_problem_activation_and_type(problem, activation, dtype):
    x = X.astype(dtype)
    for estimator in fitted(problem, x, activation=activation):
        net = from_sklearn(estimator)
        output, loss, n_out = OUTPUTS[problem]
        assert net.layer_sizes == [5, 7, 5, n_out]
        assert (net.activations[-1], net.loss_name) == (output, loss)
        assert net.dtype == estimator.coefs_[0].dtype == dtype
        for i in range(3):
            assert_same_bits(net.weights[i], estimator.coefs_[i])
            assert_same_bits(net.biases[i], estimator.intercepts_[i])
        rtol = 1e-5 if dtype == "float32" else 1e-12
        assert_allclose(net.predict(x), signals(estimator, x), rtol=rtol, atol=rtol)


def test_no_hidden_layer():
    theirs, _ = fitted("multiclass", hidden_layer_sizes=())
    net = from_sklearn(theirs)
    assert net.layer_sizes == [5, 3]
    assert_allclose(net.predict(X), theirs.predict_proba(X))


def test_assigned_coefficients_count():
    for estimator in fitted("regression"):
        estimator.coefs_[0] = estimator.coefs_[0] * 2
        net = from_sklearn(estimator)
        assert_allclose(net.predict(X)[:, 0], estimator.predict(X))
        assert_array_equal(net.weights[0], estimator.coefs_[0])


def test_ours_has_what_scikit_learn_has_not():
    reg = mlpcore.sklearn.MLPRegressor(
        "huber", [6, 5], ["gelu", "mish"], huber_delta=0.5, dropout=[0.1, 0.2]
    )
    quietly(reg.set_params(max_iter=2).fit, X, TARGETS["regression"])
    net = from_sklearn(reg)
    assert net.activations == ["gelu", "mish", "identity"]
    assert (net.loss_name, net.loss_parameter) == ("huber", 0.5)
    assert net.dropout == [0.1, 0.2]
    assert_array_equal(net.predict(X)[:, 0], reg.predict(X))


def test_the_network_is_a_copy():
    for estimator in fitted("binary"):
        before = copy.deepcopy(estimator.coefs_)
        own = getattr(estimator, "network_", None)
        net = from_sklearn(estimator)
        assert net is not own
        net.set_parameters(np.zeros(net.n_parameters))
        for w, kept in zip(estimator.coefs_, before, strict=True):
            assert_array_equal(w, kept)
        assert signals(estimator).std() > 0


@pytest.mark.parametrize("kind", [mlpcore.sklearn.MLPClassifier, MLPRegressor])
def test_unfitted(kind):
    with pytest.raises(NotFittedError, match="not fitted"):
        from_sklearn(kind())


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LogisticRegression(), "got LogisticRegression$"),
        (make_pipeline(StandardScaler(), MLPClassifier()), "got Pipeline; its last"),
        (GridSearchCV(MLPClassifier(), {}), "got GridSearchCV; .best_estimator_ may"),
        (MLPClassifier, "give it an instance"),
        (None, "got NoneType$"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_other_types(estimator, message):
    if isinstance(estimator, GridSearchCV):
        quietly(estimator.fit, X, TARGETS["binary"])
    with pytest.raises(TypeError, match=message):
        from_sklearn(estimator)


def test_coefficients_that_do_not_fit():
    theirs, _ = fitted("binary")
    broken = copy.deepcopy(theirs)
    broken.coefs_[1] = broken.coefs_[1][:4]
    with pytest.raises(ValueError, match=r"layer 1 of the MLPC.* 4 inputs.*7 outputs"):
        from_sklearn(broken)
    broken = copy.deepcopy(theirs)
    broken.coefs_[2][3, 0] = np.nan
    with pytest.raises(
        ValueError, match=r"layer 2 of.* weight contains NaN.*row 3, co"
    ):
        from_sklearn(broken)
    broken = copy.deepcopy(theirs)
    broken.intercepts_.pop()
    with pytest.raises(ValueError, match="3 coefs_ and 2 intercepts_"):
        from_sklearn(broken)


def test_a_loss_of_a_later_scikit_learn():
    theirs, _ = fitted("regression")
    theirs.loss = "gamma"
    with pytest.raises(NotSupportedError, match="loss='gamma'"):
        from_sklearn(theirs)


def test_back_to_an_estimator():
    for problem in ("multiclass", "poisson"):
        for estimator in fitted(problem):
            net = from_sklearn(estimator)
            kind = {
                MLPClassifier: mlpcore.sklearn.MLPClassifier,
                MLPRegressor: mlpcore.sklearn.MLPRegressor,
            }.get(type(estimator), type(estimator))
            assert_allclose(signals(kind.from_network(net)), signals(estimator))
