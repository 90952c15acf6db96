"""Plain arrays go past scikit-learn's checks: with the same results and refusals."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context, neural_network
from sklearn.exceptions import DataConversionWarning

from mlpcore.sklearn import MLPClassifier, MLPRegressor
from sklearn_support import TARGETS, N, X, quietly

CLASSES = np.unique(TARGETS["multiclass"], return_inverse=True)[1]
VALUES = X[:, 0].copy()
LABELS = {
    "multiclass": CLASSES,
    "binary": (X[:, 0] > 0).astype(int),
    "int8": CLASSES.astype(np.int8),
    "float": CLASSES * 2.0,
    "bool": X[:, 0] > 0,
    "str": TARGETS["multiclass"],
    "one class": np.zeros(N, int),
    "multilabel": (X[:, :3] > 0).astype(int),
}


def fitted(estimator=MLPRegressor, y=VALUES, **parameters):
    model = estimator(hidden_layer_sizes=(5,), max_iter=3, random_state=0, **parameters)
    return quietly(model.fit, X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
class TestPredict:
    def test_names_that_are_missing(self, dtype):
        frame = pd.DataFrame(X.astype(dtype)).add_prefix("x")
        reg = quietly(MLPRegressor(max_iter=2).fit, frame, VALUES)
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            reg.predict(X.astype(dtype))

    def test_no_rows(self, dtype):
        with pytest.raises(ValueError, match=r"0 sample\(s\)"):
            fitted().predict(np.empty((0, X.shape[1]), dtype))

    def test_what_is_not_finite(self, dtype):
        reg = fitted()
        features = np.full((1, X.shape[1]), np.nan, dtype)
        with pytest.raises(ValueError, match="Input X contains NaN"):
            reg.predict(features)
        with config_context(assume_finite=True):
            assert np.isnan(reg.predict(features)).all()


@pytest.mark.parametrize("kind", LABELS)
def test_labels_are_those_of_the_binarizer(kind):
    clf = fitted(MLPClassifier, LABELS[kind])
    outputs = clf._forward_pass_fast(X)
    wanted = clf._label_binarizer.inverse_transform(
        outputs.ravel() if outputs.shape[1] == 1 else outputs
    )
    labels = clf.predict(X)
    np.testing.assert_array_equal(labels, wanted)
    assert labels.dtype == wanted.dtype


@pytest.mark.parametrize("kind", LABELS)
def test_a_fit_has_the_one_hot_rows_of_scikit_learn(kind):
    ours, theirs = MLPClassifier(), neural_network.MLPClassifier()
    found, wanted = (
        model._validate_input(X, LABELS[kind], incremental=False, reset=True)
        for model in (ours, theirs)
    )
    np.testing.assert_array_equal(found[1], wanted[1])
    assert found[1].dtype == bool
    np.testing.assert_array_equal(ours.classes_, theirs.classes_)
    assert ours.classes_.dtype == theirs.classes_.dtype
    assert ours._label_binarizer.y_type_ == theirs._label_binarizer.y_type_


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (VALUES, "Unknown label type"),
        (np.where(X[:, 0] > 0, np.nan, 1.0), "Input y contains NaN"),
        (CLASSES[1:], "inconsistent numbers of samples"),
    ],
)
def test_a_fit_refuses_labels_as_scikit_learn_does(y, message):
    for model in MLPClassifier(), neural_network.MLPClassifier():
        with pytest.raises(ValueError, match=message):
            model.fit(X, y)


def assert_same_weights(a, b):
    for one, other in zip(a.coefs_, b.coefs_, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", LABELS)
def test_partial_fit_of_arrays_and_of_lists(kind):
    y = LABELS[kind]
    plain, listed = fitted(MLPClassifier, y), fitted(MLPClassifier, y)
    for rows in (slice(0, 20), slice(20, N)):
        plain.partial_fit(X[rows], y[rows])
        listed.partial_fit(X[rows].tolist(), y[rows].tolist())
    assert_same_weights(plain, listed)


def test_one_label_in_place_of_several():
    models = [fitted(MLPClassifier, LABELS["multilabel"]) for _ in range(2)]
    models[0].partial_fit(X, CLASSES)
    models[1].partial_fit(X.tolist(), CLASSES.tolist())
    assert_same_weights(*models)


@pytest.mark.parametrize("y", [VALUES, CLASSES, X[:, :2].copy()])
def test_partial_fit_of_values(y):
    plain, listed = fitted(y=y), fitted(y=y)
    plain.partial_fit(X, y)
    listed.partial_fit(X.tolist(), y.tolist())
    assert_same_weights(plain, listed)


def test_more_outputs_than_classes():
    clf = fitted(MLPClassifier, CLASSES)
    clf.coefs_ = [clf.coefs_[0], np.hstack([clf.coefs_[1], clf.coefs_[1] + 1])]
    clf.intercepts_ = [clf.intercepts_[0], np.tile(clf.intercepts_[1], 2)]
    wanted = clf._label_binarizer.inverse_transform(clf._forward_pass_fast(X))
    np.testing.assert_array_equal(clf.predict(X), wanted)


class TestRefused:
    def test_classes_that_are_unknown(self):
        clf = fitted(MLPClassifier, CLASSES)
        for unknown in (-1, 99):
            with pytest.raises(ValueError, match="has classes not in"):
                clf.partial_fit(X, np.where(np.arange(N) == 3, unknown, CLASSES))

    def test_classes_that_were_assigned(self):
        clf = fitted(MLPClassifier, CLASSES)
        clf.classes_ = clf.classes_ * 10
        with pytest.raises(ValueError, match="has classes not in"):
            clf.partial_fit(X, CLASSES)

    def test_one_label_in_place_of_two(self):
        clf = fitted(MLPClassifier, LABELS["multilabel"][:, :2])
        with pytest.raises(ValueError, match="the layers must be"):
            clf.partial_fit(X, LABELS["binary"])

    def test_no_columns(self):
        with pytest.raises(ValueError, match=r"0 feature\(s\)"):
            fitted().partial_fit(X, np.empty((N, 0)))

    def test_classes_that_a_warm_start_misses(self):
        clf = fitted(MLPClassifier, CLASSES, warm_start=True)
        with pytest.raises(ValueError, match="same classes"):
            clf.partial_fit(X, np.zeros(N, int))

    @pytest.mark.parametrize("y", [CLASSES[:-1], np.append(CLASSES, 0)])
    @pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
    def test_other_numbers_of_rows(self, estimator, y):
        model = fitted(estimator, CLASSES)
        with pytest.raises(ValueError, match="inconsistent numbers of samples"):
            model.partial_fit(X, y)

    def test_values_that_are_not_finite(self):
        with pytest.raises(ValueError, match="Input y contains NaN"):
            fitted().partial_fit(X, np.where(np.arange(N) == 3, np.nan, VALUES))

    @pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
    def test_a_column(self, estimator):
        model = fitted(estimator, CLASSES)
        with pytest.warns(DataConversionWarning, match="column-vector"):
            model.partial_fit(X, CLASSES[:, None].copy())
