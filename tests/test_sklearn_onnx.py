"""Estimators and pipelines through skl2onnx: labels, probabilities, values."""

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn import neural_network
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpcore
from mlpcore import NotSupportedError
from mlpcore._architecture import ACTIVATIONS
from mlpcore.sklearn import MLPClassifier, MLPRegressor, register_onnx
from sklearn_support import CLASSIFIED, TARGETS, N, X, quietly
from support import run_python

ZIPMAPS = [True, False, "columns"]
# Of probabilities and of values of the size of 1, in the coarser of the two types.
TOLERANCE = {"float32": 2e-6, "float64": 1e-14}


@pytest.fixture(autouse=True, scope="module")
def _registered():
    register_onnx()
    register_onnx()  # again, as two libraries in a program would


def fitted(problem, **parameters):
    parameters = {"max_iter": 15, "random_state": 0, **parameters}
    if problem == "poisson":
        parameters["loss"] = "poisson"
    kind = MLPClassifier if problem in CLASSIFIED else MLPRegressor
    return quietly(kind(hidden_layer_sizes=(6,), **parameters).fit, X, TARGETS[problem])


def converted(model, example, **options):
    """Return a session with the model, which is checked as a whole."""
    proto = skl2onnx.to_onnx(model, example, **options)
    onnx.checker.check_model(proto, full_check=True)
    return onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def types(session):
    return [output.type for output in session.get_outputs()]


def probabilities(outputs, zipmap, classes):
    """Return an array from any of skl2onnx's forms."""
    if zipmap is True:
        return np.array([[row[label] for label in classes] for row in outputs[1]])
    return np.stack(outputs[1:], axis=1) if zipmap == "columns" else outputs[1]


@pytest.mark.parametrize("zipmap", ZIPMAPS)
@pytest.mark.parametrize("rows", ["float32", "float64", "int64"])
@pytest.mark.parametrize("problem", ["binary", "multiclass"])
def test_classifiers(problem, rows, zipmap, dtype):
    clf = fitted(problem, dtype=dtype.name)
    x = (3 * X).astype(rows)
    options = {"options": {id(clf): {"zipmap": zipmap}}}
    session = converted(clf, x[:1], **options)
    outputs = session.run(None, {"X": x})
    np.testing.assert_array_equal(outputs[0], clf.predict(x))
    assert types(session)[0] == "tensor(string)"
    exact = dtype == rows == "float64" and zipmap is not True
    np.testing.assert_allclose(
        probabilities(outputs, zipmap, clf.classes_),
        clf.predict_proba(x),
        rtol=0,
        atol=TOLERANCE["float64" if exact else "float32"],
    )
    number = "double" if rows == "float64" else "float"
    assert types(session)[1] == (
        "seq(map(string,tensor(float)))" if zipmap is True else f"tensor({number})"
    )


@pytest.mark.parametrize("zipmap", ZIPMAPS)
@pytest.mark.parametrize("rows", ["float32", "float64"])
def test_multilabel(rows, zipmap):
    clf = fitted("multilabel")
    x = X.astype(rows)
    session = converted(clf, x[:1], options={id(clf): {"zipmap": zipmap}})
    labels, p = session.run(None, {"X": x})
    assert [output.name for output in session.get_outputs()] == [
        "label",
        "probabilities",
    ]
    np.testing.assert_array_equal(labels, clf.predict(x))
    np.testing.assert_allclose(p, clf.predict_proba(x), rtol=0, atol=TOLERANCE[rows])


@pytest.mark.parametrize("rows", ["float32", "float64"])
@pytest.mark.parametrize("problem", ["regression", "multioutput", "poisson"])
def test_regressors(problem, rows, dtype):
    reg = fitted(problem, dtype=dtype.name)
    x = X.astype(rows)
    session = converted(reg, x[:1])
    (values,) = session.run(None, {"X": x})
    wanted = reg.predict(x).reshape(N, -1)
    assert values.shape == wanted.shape
    assert session.get_outputs()[0].shape == [None, wanted.shape[1]]
    exact = dtype == rows == "float64"
    np.testing.assert_allclose(
        values,
        wanted,
        rtol=5e-14 if exact else 5e-6,
        atol=TOLERANCE["float64" if exact else "float32"],
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation, dtype):
    reg = fitted("regression", activation=activation, dtype=dtype.name)
    x = X.astype(dtype)
    (values,) = converted(reg, x[:1]).run(None, {"X": x})
    scale = max(1, np.abs(reg.predict(x)).max())
    np.testing.assert_allclose(
        values[:, 0], reg.predict(x), rtol=0, atol=2 * scale * TOLERANCE[dtype.name]
    )


@pytest.mark.parametrize(
    "labels",
    [[3, 7], [-1, 0, 1], [False, True], [0.0, 2.0, 1.0], [10**12, 5], ["b", "a", "ü"]],
    ids=str,
)
@pytest.mark.parametrize("zipmap", ZIPMAPS)
def test_labels_of_every_kind(labels, zipmap):
    y = np.array(labels)[np.arange(N) % len(labels)]
    clf = quietly(MLPClassifier((3,), max_iter=5, random_state=0).fit, X, y)
    session = converted(clf, X[:1], options={id(clf): {"zipmap": zipmap}})
    outputs = session.run(None, {"X": X})
    np.testing.assert_array_equal(outputs[0], clf.predict(X))
    p = probabilities(outputs, zipmap, clf.classes_)
    np.testing.assert_allclose(p, clf.predict_proba(X), atol=1e-7)


def test_labels_as_objects_and_as_indices():
    y = np.array(["no", "yes"], object)[np.arange(N) % 2]
    clf = quietly(MLPClassifier((3,), max_iter=5, random_state=0).fit, X, y)
    (labels, _) = converted(clf, X[:1]).run(None, {"X": X})
    np.testing.assert_array_equal(labels, clf.predict(X))
    options = {id(clf): {"nocl": True, "zipmap": False}}
    (labels, _) = converted(clf, X[:1], options=options).run(None, {"X": X})
    np.testing.assert_array_equal(clf.classes_[labels], clf.predict(X))
    options = {id(clf): {"zipmap": False, "output_class_labels": True}}
    *_, classes = converted(clf, X[:1], options=options).run(None, {"X": X})
    np.testing.assert_array_equal(classes, clf.classes_)


def test_labels_that_onnx_has_not():
    clf = fitted("binary")
    clf.classes_ = np.array([0.5, 1.0])
    options = {id(clf): {"zipmap": False}}
    with pytest.raises(NotSupportedError, match=r"integers or strings, got \[0.5 1"):
        skl2onnx.to_onnx(clf, X[:1], options=options)


def test_ties_go_the_same_way():
    """A network of zeros has the same probability for all."""
    for sizes, output in (
        ([5, 3], "softmax"),
        ([5, 1], "sigmoid"),
        ([5, 2], "sigmoid"),
    ):
        clf = MLPClassifier.from_network(
            mlpcore.Network(sizes, output=output, init="zeros")
        )
        clf.n_features_in_ = 5
        x = X.astype("float32")
        labels, *_ = converted(clf, x[:1]).run(None, {"X": x})
        np.testing.assert_array_equal(labels, clf.predict(x))


def test_a_pipeline_of_columns():
    rows = pd.DataFrame(X, columns=list("abcde"))
    rows["colour"] = np.array(["red", "green", "blue"])[np.arange(N) % 3]
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), list("abcde")),
            ("colours", OneHotEncoder(), ["colour"]),
        ]
    )
    model = make_pipeline(columns, MLPClassifier((6,), "mish", max_iter=20))
    quietly(model.fit, rows, TARGETS["multiclass"])
    proto = skl2onnx.to_onnx(model, rows[:1])
    onnx.checker.check_model(proto, full_check=True)
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    feeds = {name: rows[[name]].to_numpy() for name in rows}
    label, p = session.run(None, feeds)
    np.testing.assert_array_equal(label, model.predict(rows))
    p = np.array([[row[name] for name in model.classes_] for row in p])
    np.testing.assert_allclose(p, model.predict_proba(rows), atol=1e-6)


def test_a_search_over_pipelines():
    model = GridSearchCV(
        make_pipeline(
            StandardScaler(), MLPRegressor(hidden_layer_sizes=(4,), max_iter=5)
        ),
        {"mlpregressor__alpha": [0.1, 1e-4]},
        cv=2,
    )
    quietly(model.fit, X, TARGETS["regression"])
    (values,) = converted(model, X[:1]).run(None, {"X": X})
    np.testing.assert_allclose(values[:, 0], model.predict(X), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rows", ["float32", "float64"])
@pytest.mark.parametrize("problem", ["binary", "multiclass"])
@pytest.mark.parametrize(
    "outer",
    [
        lambda clf: BaggingClassifier(clf, n_estimators=2, random_state=0),
        lambda clf: CalibratedClassifierCV(clf, cv=2),
        OneVsRestClassifier,
        lambda clf: StackingClassifier([("a", clf)], cv=2),
    ],
    ids=["bagging", "calibrated", "one against the rest", "stacking"],
)
def test_as_a_part_of_another_estimator(outer, problem, rows):
    model = outer(MLPClassifier((3,), max_iter=3, random_state=0))
    quietly(model.fit, X, TARGETS[problem])
    x = X.astype(rows)
    session = converted(model, x[:1], options={id(model): {"zipmap": False}})
    labels, p = session.run(None, {"X": x})
    np.testing.assert_array_equal(labels, model.predict(x))
    np.testing.assert_allclose(p, model.predict_proba(x), atol=1e-6)


@pytest.mark.parametrize("opset", [9, 11, 13, 18, 21])
@pytest.mark.parametrize("kind", [FloatTensorType, DoubleTensorType])
def test_every_opset(opset, kind):
    """Also unnamed types, and new coefficients."""
    clf = fitted("multiclass", activation="elu")
    clf.coefs_ = [2 * w for w in clf.coefs_]
    proto = skl2onnx.convert_sklearn(
        clf, initial_types=[("rows", kind([None, X.shape[1]]))], target_opset=opset
    )
    onnx.checker.check_model(proto, full_check=True)
    assert max(o.version for o in proto.opset_import if not o.domain) <= opset
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    x = X.astype("float32" if kind is FloatTensorType else "float64")
    np.testing.assert_array_equal(session.run(None, {"rows": x})[0], clf.predict(x))


def test_the_network_in_it_can_be_read_back():
    clf = fitted("multiclass", activation="silu", dtype="float32")
    x = X.astype("float32")
    proto = skl2onnx.to_onnx(clf, x[:1], options={id(clf): {"zipmap": False}})
    twin = mlpcore.from_onnx(proto, tensor="probabilities")
    np.testing.assert_array_equal(twin.predict(x), clf.predict_proba(x))


def test_scikit_learn_keeps_its_own_converter():
    clf = neural_network.MLPClassifier((3,), max_iter=5, random_state=0)
    quietly(clf.fit, X, TARGETS["binary"])
    proto = skl2onnx.to_onnx(clf, X[:1].astype("float32"))
    assert "MatMul" in {node.op_type for node in proto.graph.node}


def test_without_skl2onnx():
    script = """
import sys
sys.modules["skl2onnx"] = None
import mlpcore.sklearn
try:
    mlpcore.sklearn.register_onnx()
except ImportError as error:
    print(error)
"""
    assert run_python(script).stdout.strip() == (
        'register_onnx needs skl2onnx: pip install "mlpcore[skl2onnx]"'
    )
