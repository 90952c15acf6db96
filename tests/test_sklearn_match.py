"""mlpcore.sklearn beside scikit-learn: the same seed gives the same network."""

import itertools
import warnings

import numpy as np
import pytest
from scipy import sparse

from sklearn_support import (
    CLASSIFIED,
    TARGETS,
    WEIGHTS,
    N,
    X,
    assert_same_training,
    pair,
    quietly,
)

BASE = {"hidden_layer_sizes": (12, 7), "max_iter": 20, "random_state": 3}
SCHEDULES = {
    "adam": ("constant",),
    "sgd": ("constant", "invscaling", "adaptive"),
    "lbfgs": ("constant",),
}
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
SPARSE = sparse.csr_array(np.where(np.abs(X) > 0.5, X, 0))


def compare(problem, sample_weight=None, features=X, rtol=1e-6, **parameters):
    a, b = pair(problem, **{**BASE, **parameters})
    for estimator in (a, b):
        quietly(estimator.fit, features, TARGETS[problem], sample_weight)
    assert_same_training(a, b, rtol)
    return a, b


@pytest.mark.parametrize("problem", TARGETS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", SCHEDULES)
def test_trainings(solver, activation, problem):
    for schedule, stop, weighted, batch in itertools.product(
        SCHEDULES[solver], (False, True), (False, True), ("auto", 17)
    ):
        if solver == "lbfgs" and (stop or batch != "auto"):
            continue
        compare(
            problem,
            WEIGHTS if weighted else None,
            solver=solver,
            activation=activation,
            learning_rate=schedule,
            learning_rate_init=0.01,
            early_stopping=stop,
            validation_fraction=0.2,
            n_iter_no_change=3,
            batch_size=batch,
        )


@pytest.mark.parametrize("problem", TARGETS)
def test_initial_weights_have_the_same_bits(problem):
    for activation in ("relu", "logistic"):
        a, b = pair(problem, **BASE, activation=activation)
        a.set_params(learning_rate_init=1e-300, solver="sgd", alpha=0.0, max_iter=1)
        b.set_params(learning_rate_init=1e-300, solver="sgd", alpha=0.0, max_iter=1)
        for estimator in (a, b):
            quietly(estimator.fit, X, TARGETS[problem])
        for wanted, got in zip(
            a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True
        ):
            assert got.tobytes() == wanted.tobytes()


@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_generator_is_left_where_scikit_learn_leaves_it(shuffle, stop):
    left = []
    for estimator in pair("regression", **BASE, shuffle=shuffle, early_stopping=stop):
        generator = np.random.RandomState(11)
        estimator.set_params(random_state=generator)
        quietly(estimator.fit, X, TARGETS["regression"])
        left.append(generator.randint(2**31, size=4).tolist())
    assert left[0] == left[1]


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "sgd", "nesterovs_momentum": False},
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-4},
        {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "max_iter": 80},
        {"alpha": 0.0},
        {"alpha": 3.0},
        {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2},
        {"shuffle": False},
        {"hidden_layer_sizes": 9},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": [3, 4, 5]},
        {"tol": 0.05, "n_iter_no_change": 2, "max_iter": 200},
        {"n_iter_no_change": np.inf},
        {"early_stopping": True, "validation_fraction": 0.35, "tol": 0.0},
    ],
    ids=str,
)
@pytest.mark.parametrize("problem", ["multiclass", "multioutput"])
def test_parameters(problem, parameters):
    compare(problem, **parameters)


# Stopping, weights, sparse features: each two of them in all four combinations.
SETTINGS = [
    (stop, weighted, stop != weighted)
    for stop in (False, True)
    for weighted in (False, True)
]


def unalias(theirs):
    """Give the best weights memory of their own.

    In scikit-learn a fit with early stopping ends with ``coefs_ = _best_coefs``, the
    same arrays, so the next one, which trains in place, changes its "best" weights.
    """
    if theirs.early_stopping:
        theirs.coefs_ = [w.copy() for w in theirs.coefs_]
        theirs.intercepts_ = [b.copy() for b in theirs.intercepts_]


@pytest.mark.parametrize("problem", TARGETS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", SCHEDULES)
def test_warm_start(solver, activation, problem):
    y = TARGETS[problem]
    for schedule, setting in itertools.product(SCHEDULES[solver], SETTINGS):
        stop, weighted, is_sparse = setting
        if solver == "lbfgs" and stop:
            continue
        a, b = pair(
            problem,
            **BASE | {"max_iter": 6},
            solver=solver,
            activation=activation,
            learning_rate=schedule,
            learning_rate_init=0.01,
            warm_start=True,
            early_stopping=stop,
            validation_fraction=0.2,
            # 'adaptive' shrinks the rate, the others stop.
            tol=0.02,
            n_iter_no_change=2,
        )
        features = SPARSE if is_sparse else X
        weights = WEIGHTS if weighted else None
        for order in (np.arange(N), np.arange(N)[::-1]):
            for estimator in (a, b):
                quietly(
                    estimator.fit,
                    features[order],
                    y[order],
                    None if weights is None else weights[order],
                )
            assert_same_training(a, b)
            unalias(a)


def test_a_warm_start_keeps_the_best_weights_of_all_fits():
    """A second fit that only makes it worse; scikit-learn loses the best weights."""
    y = TARGETS["regression"]
    a, b = pair("regression", **BASE, early_stopping=True, warm_start=True)
    for estimator in (a, b):
        quietly(estimator.fit, X, y)
    best = [w.copy() for w in b.coefs_]
    for estimator in (a, b):
        quietly(estimator.set_params(learning_rate_init=1.0).fit, X, y)
    for wanted, got, theirs in zip(best, b.coefs_, a.coefs_, strict=True):
        np.testing.assert_array_equal(got, wanted)
        assert not np.allclose(theirs, wanted)


@pytest.mark.parametrize("problem", TARGETS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_partial_fit(solver, activation, problem):
    y = TARGETS[problem]
    more = {}
    if problem in CLASSIFIED:
        more = {"classes": np.arange(3) if y.ndim == 2 else np.unique(y)}
    for schedule, weighted, features in itertools.product(
        SCHEDULES[solver], (False, True), (X, SPARSE)
    ):
        a, b = pair(
            problem,
            **BASE,
            solver=solver,
            activation=activation,
            learning_rate=schedule,
            learning_rate_init=0.05,
            tol=0.5,
            n_iter_no_change=1,
        )
        for estimator in (a, b):
            for i in range(4):
                rows = slice(i * 20, i * 20 + 20)
                estimator.partial_fit(
                    features[rows],
                    y[rows],
                    WEIGHTS[rows] if weighted else None,
                    **more if i == 0 else {},
                )
        assert_same_training(a, b)


@pytest.mark.parametrize("problem", ["binary", "regression"])
def test_fit_then_partial_fit(problem):
    a, b = pair(problem, **BASE)
    for estimator in (a, b):
        quietly(estimator.fit, X, TARGETS[problem])
        estimator.partial_fit(X[:50], TARGETS[problem][:50])
    assert_same_training(a, b)


@pytest.mark.parametrize("first", ["fit", "partial_fit"])
@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize(
    "change",
    [
        {"alpha": 0.5},
        {"activation": "tanh"},
        {"batch_size": 20},
        {"shuffle": False},
        {"tol": 1.0, "n_iter_no_change": 1},
        {"learning_rate_init": 1.0},
        {"learning_rate": "invscaling"},
        {"learning_rate": "adaptive"},
        {"power_t": 0.9},
        {"momentum": 0.1, "nesterovs_momentum": False},
        {"beta_1": 0.5, "beta_2": 0.5, "epsilon": 0.1},
        {"solver": "sgd"},
        {"solver": "adam"},
    ],
    ids=str,
)
def test_parameters_changed_before_a_partial_fit(change, schedule, first):
    """Some act at once; those that the optimizer was made with do not."""
    for solver in ("adam", "sgd"):
        parameters = {"solver": solver, "learning_rate": schedule, "max_iter": 3}
        a, b = pair("regression", **BASE | parameters, learning_rate_init=0.05)
        for estimator in (a, b):
            quietly(getattr(estimator, first), X, TARGETS["regression"])
            estimator.set_params(**change)
            for _ in range(3):
                estimator.partial_fit(X, TARGETS["regression"])
        assert_same_training(a, b)


@pytest.mark.parametrize("to_sparse", [sparse.csr_matrix, sparse.csc_array])
@pytest.mark.parametrize("problem", ["multilabel", "poisson"])
def test_sparse_features(problem, to_sparse, monkeypatch):
    from mlpcore.sklearn import _trainer

    for name in ("_DENSE_ELEMENTS", "_PART_ELEMENTS"):
        monkeypatch.setattr(_trainer, name, 5 * 23)  # several parts an epoch
    features = to_sparse(np.where(np.abs(X) > 0.5, X, 0))
    for solver, stop in (("adam", True), ("sgd", False), ("lbfgs", False)):
        a, b = compare(
            problem,
            WEIGHTS,
            features,
            solver=solver,
            early_stopping=stop,
            batch_size=10,
        )
        np.testing.assert_allclose(b.predict(features), a.predict(features), 1e-6)


@pytest.mark.parametrize("problem", TARGETS)
def test_float32_follows_the_features(problem):
    features = X.astype(np.float32)
    for solver in ("adam", "sgd"):
        a, b = compare(problem, features=features, rtol=1e-3, solver=solver)
        assert b.coefs_[0].dtype == np.float32
        assert b.predict(features).dtype == a.predict(features).dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("stop", [False, True])
@pytest.mark.parametrize("solver", SCHEDULES)
def test_records_have_the_types_of_scikit_learns(solver, stop, dtype):
    a, b = pair("binary", **BASE, solver=solver, early_stopping=stop)
    for estimator in (a, b):
        quietly(estimator.fit, X.astype(dtype), TARGETS["binary"])
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        if hasattr(a, name):
            assert type(getattr(b, name)) is type(getattr(a, name)), name
    for name in ("loss_curve_", "validation_scores_"):
        values = [getattr(estimator, name, None) or [] for estimator in (a, b)]
        assert {*map(type, values[1])} == {*map(type, values[0])}, name


@pytest.mark.parametrize("problem", TARGETS)
def test_predictions(problem):
    a, b = compare(problem)
    y = TARGETS[problem]
    if problem in CLASSIFIED:
        np.testing.assert_array_equal(b.predict(X), a.predict(X))
        np.testing.assert_array_equal(b.classes_, a.classes_)
        np.testing.assert_allclose(b.predict_proba(X), a.predict_proba(X), 1e-6)
        np.testing.assert_allclose(b.predict_log_proba(X), a.predict_log_proba(X), 1e-5)
    else:
        np.testing.assert_allclose(b.predict(X), a.predict(X), 1e-6)
        assert b.predict(X).shape == y.shape
    assert b.score(X, y, WEIGHTS) == pytest.approx(a.score(X, y, WEIGHTS), rel=1e-6)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_what_verbose_prints(solver, capsys):
    lines = []
    for estimator in pair(
        "multiclass",
        **BASE | {"max_iter": 300},
        solver=solver,
        verbose=True,
        learning_rate="adaptive",
        early_stopping=True,
        n_iter_no_change=2,
        tol=0.2,
    ):
        quietly(estimator.fit, X, TARGETS["multiclass"])
        lines.append(capsys.readouterr().out)
    assert lines[0] == lines[1]
    assert "Stopping" in lines[1]


@pytest.mark.parametrize("max_iter", [1, 4])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_same_warnings(solver, max_iter):
    messages = []
    for estimator in pair("binary", **BASE | {"max_iter": max_iter}, solver=solver):
        with pytest.warns(Warning) as caught:  # noqa: PT030 (they are compared)
            estimator.set_params(batch_size=1000).fit(X, TARGETS["binary"])
        messages.append([(w.category, str(w.message)) for w in caught])
    assert messages[0] == messages[1]


@pytest.mark.parametrize(
    ("parameters", "target"),
    [
        ({"hidden_layer_sizes": (3, -1)}, "binary"),
        ({"solver": "adamw"}, "binary"),
        ({"momentum": 2}, "regression"),
        ({"validation_fraction": 1.0}, "regression"),
        ({"early_stopping": True, "validation_fraction": 0.01}, "regression"),
        ({"learning_rate_init": -1}, "binary"),
    ],
    ids=str,
)
def test_the_same_errors(parameters, target):
    texts = []
    for estimator in pair(target, **parameters):
        with pytest.raises(ValueError) as caught:  # noqa: PT011 (they are compared)
            estimator.fit(X, TARGETS[target])
        texts.append(str(caught.value))
    if "solver" not in parameters:
        assert texts[0] == texts[1]


def test_new_classes_in_warm_start_and_partial_fit_are_refused():
    y = np.arange(N) % 3
    for change, call in (("warm_start", "fit"), (None, "partial_fit")):
        texts = []
        for estimator in pair("multiclass", max_iter=1, warm_start=bool(change)):
            quietly(estimator.fit, X, y)
            with pytest.raises(ValueError, match="classes") as caught:
                getattr(estimator, call)(X, y + 1)
            texts.append(str(caught.value))
        assert texts[0] == texts[1]


def test_partial_fit_is_hidden_with_lbfgs():
    for estimator in pair("binary", solver="lbfgs"):
        assert not hasattr(estimator, "partial_fit")


@pytest.mark.parametrize(
    "parameters", [{"max_iter": True}, {"n_iter_no_change": True, "tol": 1.0}]
)
def test_numbers_that_are_bools_are_printed_as_numbers(parameters, capsys):
    said = []
    for estimator in pair("binary", **BASE | {"verbose": True} | parameters):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            estimator.fit(X, TARGETS["binary"])
        texts = [str(warning.message) for warning in caught]
        said.append((texts, capsys.readouterr().out.splitlines()[-1]))
    assert said[0] == said[1]


@pytest.mark.parametrize("seed", [2, 5])
def test_a_single_class_stops_early(seed):
    """Every prediction is that class, whatever the output is: all scores are 1."""
    a, b = pair("binary", **BASE | {"random_state": seed, "early_stopping": True})
    for estimator in (a, b):
        quietly(estimator.fit, X, np.full(N, "only"))
    assert a.validation_scores_[0] == 1
    assert_same_training(a, b)


def test_predictions_follow_the_coefficients_not_the_network():
    _, clf = compare("multiclass")
    before = clf.predict_proba(X)
    network = clf.network_
    assert clf.network_ is network  # made once
    network.set_parameters(np.zeros(network.n_parameters))
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    for coef in clf.coefs_:
        np.negative(coef, out=coef)
    assert np.abs(clf.predict_proba(X) - before).max() > 0.01
    for coef in clf.coefs_:
        np.negative(coef, out=coef)
    np.testing.assert_array_equal(clf.predict_proba(X), before)


@pytest.mark.parametrize(
    "change",
    [
        lambda b: (b + 1).tolist(),
        lambda b: b[None] + 1,
        lambda b: b[:1] + 1,
        lambda b: 0.5,
        lambda b: np.array(3.0),
    ],
)
def test_assigned_intercepts_of_other_shapes(change):
    a, b = compare("multioutput")
    predictions = []
    for estimator in (a, b):
        estimator.intercepts_ = [change(z) for z in estimator.intercepts_]
        predictions.append(estimator.predict(X))
    np.testing.assert_allclose(predictions[1], predictions[0], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("problem", ["binary", "multioutput"])
def test_assigned_coefficients_are_used_by_the_next_prediction(problem):
    a, b = compare(problem)
    for estimator in (a, b):
        estimator.coefs_[1] = estimator.coefs_[1] * 0.5
        estimator.coefs_[0][:, 0] = 2.0  # in place
        estimator.intercepts_ = [z + 0.1 for z in estimator.intercepts_]
    predict = "predict_proba" if problem in CLASSIFIED else "predict"
    np.testing.assert_allclose(
        getattr(b, predict)(X), getattr(a, predict)(X), rtol=1e-6, atol=1e-9
    )
    for estimator in (a, b):
        estimator.partial_fit(X, TARGETS[problem])
    assert_same_training(a, b)


@pytest.mark.parametrize(
    ("problem", "change"),
    [
        ("regression", {"out_activation_": "logistic"}),
        ("multiclass", {"out_activation_": "identity"}),
        ("binary", {"activation": "tanh"}),
    ],
)
def test_assigned_activations_are_used_by_the_next_prediction(problem, change):
    a, b = compare(problem)
    method = "predict_proba" if problem in CLASSIFIED else "predict"
    before = getattr(b, method)(X)
    for estimator in (a, b):
        vars(estimator).update(change)
    wanted, got = (getattr(estimator, method)(X) for estimator in (a, b))
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-9)
    assert not np.allclose(got, before)


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.longdouble])
@pytest.mark.parametrize("features", [X, X.astype(np.float32)], ids=["f8", "f4"])
def test_assigned_coefficients_of_another_type(features, dtype):
    a, b = pair("regression", **BASE)
    for estimator in (a, b):
        quietly(estimator.fit, features, TARGETS["regression"])
    a.coefs_ = b.coefs_ = [(w * 3).astype(dtype) for w in a.coefs_]
    np.testing.assert_allclose(b.predict(X), a.predict(X), rtol=1e-5, atol=1e-6)
    assert b.predict(X).dtype == features.dtype
    b.partial_fit(features, TARGETS["regression"])
    assert b.coefs_[0].dtype == features.dtype


@pytest.mark.parametrize("solver", SCHEDULES)
def test_weights_that_are_all_zero_are_refused(solver):
    texts = []
    y = np.arange(N) % 2
    a, b = pair("binary", **BASE, solver=solver)
    twice = b.__class__(**BASE, solver=solver, class_weight={0: 0, 1: 1})
    none = b.__class__(**BASE, solver=solver, class_weight={0: 0, 1: 0})
    for estimator, w in ((a, y * 0), (b, y * 0), (twice, 1 - y), (none, None)):
        with pytest.raises(ValueError, match="non-zero") as caught:
            estimator.fit(X, y, w)
        texts.append(str(caught.value))
    assert len({*texts}) == 1
    assert not hasattr(none, "coefs_")
