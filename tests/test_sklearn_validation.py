"""Validation rows and scorers at their edges: wrong, changed, of no use."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss

from mlpcore.sklearn import MLPClassifier, MLPRegressor
from sklearn_support import TARGETS, X, classifier, quietly, regressor, same_weights

BINARY, MULTICLASS = TARGETS["binary"], TARGETS["multiclass"]
OWN = {"X_val": X[60:], "y_val": MULTICLASS[60:]}


def fitted(early_stopping=True, **parameters):
    clf = classifier(early_stopping=early_stopping, **parameters)
    return quietly(clf.fit, X[:60], MULTICLASS[:60], **OWN)


# Scorers


def test_a_scorer_without_a_number_leaves_the_last_weights():
    clf = classifier(early_stopping=True, scoring=lambda *_: np.nan)
    with pytest.warns(ConvergenceWarning) as caught:
        clf.fit(X, MULTICLASS, **OWN)
    assert "gave no finite number" in str(caught.list[-1].message)
    assert clf.n_iter_ == clf.max_iter
    plain = quietly(classifier().fit, X, MULTICLASS)
    assert same_weights(clf, plain)
    clf.set_params(early_stopping=False, scoring=None)
    assert same_weights(
        clf.partial_fit(X, MULTICLASS), plain.partial_fit(X, MULTICLASS)
    )


def test_a_scorer_with_a_number_at_times():
    """Epochs without one do not improve; the best of the others is kept."""
    epochs = []

    def scorer(estimator, X, y):
        epochs.append(estimator.coefs_[0].copy())
        return [np.nan, 1.0, 3.0, 2.0, np.nan][len(epochs) - 1]

    clf = quietly(
        classifier(early_stopping=True, max_iter=5, scoring=scorer).fit, X, BINARY
    )
    assert clf.best_validation_score_ == 3.0
    np.testing.assert_array_equal(clf.coefs_[0], epochs[2])


def test_ctrl_c_before_the_first_score():
    """There are the initial weights, and nothing to say of scores."""

    def scorer(*_):
        raise KeyboardInterrupt

    clf = classifier(early_stopping=True, scoring=scorer)
    with pytest.warns(UserWarning, match="^Training interrupted by user"):
        clf.fit(X, MULTICLASS)
    assert clf.validation_scores_ == []
    assert clf.predict(X).shape == (len(X),)


@pytest.mark.parametrize("warm_start", [False, True])
@pytest.mark.parametrize(
    ("scoring", "kind", "message"),
    [
        (accuracy_score, ValueError, "scoring=<function accuracy.*metric function"),
        ("f1", ValueError, "scoring='f1' fails on the validation rows: .*multiclass"),
        (lambda *_: {"a": 1}, TypeError, "scoring=<function .*number, not 'dict'"),
        (lambda e, X, y: X["a"], ValueError, "scoring=<function .*rows: IndexError: "),
    ],
)
def test_a_scorer_that_fails_leaves_the_estimator_as_it_was(
    scoring, kind, message, warm_start
):
    clf = fitted(warm_start=warm_start)
    before = vars(clf).copy()
    curves = {
        k: list(v) for k, v in before.items() if k.endswith(("curve_", "scores_"))
    }
    probabilities = clf.predict_proba(X)
    clf.set_params(scoring=scoring)
    with pytest.raises(kind, match=f"(?s){message}"):
        clf.fit(X[:, ::-1] * 2, MULTICLASS, **OWN)
    after = vars(clf) | {"scoring": None}
    assert after.keys() == before.keys()
    assert [k for k in before if after[k] is not before[k]] == []
    assert curves == {k: after[k] for k in curves}
    np.testing.assert_array_equal(clf.predict_proba(X), probabilities)


def test_a_scorer_that_fails_after_the_first_epoch_of_a_warm_start():
    calls = iter([0.5])
    clf = fitted(warm_start=True)
    clf.set_params(scoring=lambda *_: next(calls, "none"))
    curve, losses = list(clf.loss_curve_), list(clf.validation_loss_curve_)
    with pytest.raises(ValueError, match=r"scoring=.*'none'"):
        clf.fit(X, MULTICLASS, **OWN)
    assert clf.n_iter_ == len(clf.loss_curve_) == 15
    assert clf.loss_curve_ == curve
    assert clf.validation_loss_curve_ == losses


def test_a_scorer_that_fails_leaves_a_new_estimator_unfitted():
    clf = classifier(early_stopping=True, scoring="f1")
    with pytest.raises(ValueError, match="scoring='f1'"):
        clf.fit(X, MULTICLASS)
    assert not hasattr(clf, "coefs_")
    assert not hasattr(clf, "classes_")


# Warm starts


def test_a_warm_start_with_another_scoring_compares_by_it():
    clf = fitted(warm_start=True, max_iter=30)
    first = -log_loss(OWN["y_val"], clf.predict_proba(OWN["X_val"]))
    weights = clf.coefs_[0].copy()
    clf.set_params(scoring="loss")
    quietly(clf.fit, X[:60], MULTICLASS[:60], **OWN)
    assert len(clf.validation_scores_) < len(clf.loss_curve_)
    assert max(clf.validation_scores_) > first
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert not np.array_equal(clf.coefs_[0], weights)


def test_a_warm_start_with_another_scoring_counts_anew():
    """Else it would stop after an epoch that does not improve on the last fit's."""
    clf = fitted(warm_start=True, max_iter=200, learning_rate_init=0.1)
    assert clf.n_iter_ < 200
    clf.set_params(scoring="loss", learning_rate_init=1e-9)
    clf.fit(X[:60], MULTICLASS[:60], **OWN)
    assert clf.n_iter_ == clf.n_iter_no_change + 1


def test_a_warm_start_that_only_gets_worse_ends_as_it_began():
    clf = fitted(warm_start=True, max_iter=30)
    before = clone(clf).set_params(warm_start=False)
    quietly(before.fit, X[:60], MULTICLASS[:60], **OWN)
    assert same_weights(clf, before)
    clf.set_params(scoring="loss", learning_rate_init=10.0, max_iter=3)
    quietly(clf.fit, X[:60], MULTICLASS[:60], **OWN)
    first = -log_loss(OWN["y_val"], before.predict_proba(OWN["X_val"]))
    assert max(clf.validation_scores_) < first
    assert clf.best_validation_score_ == pytest.approx(first)
    assert same_weights(clf, before)


def test_a_warm_start_with_other_validation_rows_compares_on_them():
    wrong = np.roll(np.unique(MULTICLASS), 1)[
        np.searchsorted(["a", "b", "c"], MULTICLASS)
    ]
    clf = fitted(warm_start=True, max_iter=40, scoring="loss", learning_rate_init=0.03)
    best = clf.best_validation_score_
    quietly(clf.fit, X, wrong, X_val=X, y_val=wrong)
    assert len(clf.validation_scores_) == len(clf.loss_curve_)
    assert clf.validation_scores_[40] < best  # worse than any before, and yet better
    assert clf.best_validation_score_ == max(clf.validation_scores_[40:])
    assert clf.score(X, wrong) > (wrong == MULTICLASS).mean()


# Validation rows


def test_validation_targets_of_another_kind():
    Y = TARGETS["multilabel"]
    with pytest.raises(ValueError, match=r"y_val must be multilabel .* got multiclass"):
        classifier().fit(X, Y, X_val=X, y_val=np.arange(len(X)) % 3)
    with pytest.raises(ValueError, match=r"X_val, y_val: .*inconsistent.*90, 89"):
        classifier().fit(X, Y, X_val=X, y_val=Y[1:])
    with pytest.raises(ValueError, match=r"X_val, y_val: Input X contains NaN"):
        regressor().fit(X, X[:, 0], X_val=X * np.nan, y_val=X[:, 0])


def test_sparse_multilabel_validation_targets():
    Y = TARGETS["multilabel"]
    some, other = [
        quietly(classifier().fit, X, as_is(Y), X_val=X[:9], y_val=as_is(Y[:9]))
        for as_is in (np.asarray, sparse.csr_matrix)
    ]
    assert some.validation_loss_curve_ == other.validation_loss_curve_


def test_a_solver_without_validation_removes_its_curve():
    clf = fitted().set_params(solver="lbfgs", early_stopping=False)
    quietly(clf.fit, X, MULTICLASS)
    assert not hasattr(clf, "validation_loss_curve_")


@pytest.mark.parametrize("features", [X * 1e39, sparse.csr_matrix(X * 1e39)])
def test_features_beyond_float32(features):
    clf = classifier(dtype="float32")
    with pytest.raises(ValueError, match=r"^X has values .* too large for float32"):
        clf.fit(features, BINARY)
    with pytest.raises(ValueError, match=r"X_val, y_val: X has .* too large"):
        clf.fit(X, BINARY, X_val=features, y_val=BINARY)


# Others


@pytest.mark.parametrize("weight", [np.nan, np.inf])
def test_class_weights_that_are_no_numbers(weight):
    clf = fitted()
    before = vars(clf).copy()
    clf.set_params(class_weight={"a": weight})
    with pytest.raises(ValueError, match="class_weight must be finite"):
        clf.fit(X, MULTICLASS)
    assert vars(clf) | {"class_weight": None} == before


def test_snapshots_of_callbacks_keep_their_curves():
    seen = []

    class Keeps(ScoringMonitor):
        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, **rest):
            if context.task_name == "epoch":
                seen.append(fitted_estimator)
                fitted_estimator.loss_curve_.append(99.0)
            super().on_fit_task_end(
                estimator, context, fitted_estimator=fitted_estimator, **rest
            )

    clf = classifier(max_iter=4, early_stopping=True)
    quietly(clf.set_callbacks(Keeps(scoring="accuracy")).fit, X, MULTICLASS)
    assert 99.0 not in clf.loss_curve_
    for n, model in enumerate(seen, start=1):
        assert model.loss_curve_ == [*clf.loss_curve_[:n], 99.0]
        assert model.validation_scores_ == clf.validation_scores_[:n]
        assert model.validation_loss_curve_ == clf.validation_loss_curve_[:n]


@pytest.mark.parametrize("activation", ["sigmoid", ["logistic"], ("sigmoid",)])
def test_every_name_of_logistic_begins_alike(activation):
    some, other = [
        quietly(classifier(activation=a, hidden_layer_sizes=[7]).fit, X, BINARY)
        for a in (activation, "logistic")
    ]
    assert same_weights(some, other)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_from_network_wants_a_network(kind):
    with pytest.raises(TypeError, match=r"mlpcore\.Network, got str; .* network_"):
        kind.from_network("model.safetensors")


@pytest.mark.parametrize("sparse_", [False, True])
def test_features_that_float32_cannot_hold_are_not_predicted(sparse_):
    clf = quietly(MLPClassifier((3,), max_iter=2).fit, X.astype("f4"), MULTICLASS)
    rows = X[:2] * 1e39
    if sparse_:
        rows = sparse.csr_matrix(rows)
    for predict in clf.predict, clf.predict_proba:
        with pytest.raises(ValueError, match=r"^X has values .* too large for float32"):
            predict(rows)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_weights_of_validation_rows_that_sum_to_0(early_stopping):
    weights = np.ones(len(X))
    weights[::2] = -1
    reg = MLPRegressor(
        hidden_layer_sizes=(3,), max_iter=2, early_stopping=early_stopping
    )
    with pytest.raises(ValueError, match="sample weights sum to 0"):
        reg.fit(X, X[:, 0], X_val=X, y_val=X[:, 0], sample_weight_val=weights)
    with pytest.raises(ValueError, match="sample weights sum to 0"):
        MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs").fit(X, X[:, 0], weights)


def test_negative_weights_of_validation_rows():
    """scikit-learn allows them: R^2 is that of the positive ones."""
    reg = MLPRegressor(
        hidden_layer_sizes=(3,), max_iter=3, early_stopping=True, random_state=0
    )
    own = {"X_val": X, "y_val": X[:, 0]}
    quietly(reg.fit, X, X[:, 0], **own, sample_weight_val=-np.ones(len(X)))
    assert len(reg.validation_scores_) == reg.n_iter_
    assert np.isfinite(reg.validation_scores_).all()
