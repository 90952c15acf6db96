"""What mlpcore.sklearn has beyond scikit-learn's classes."""

import io
import time

import numpy as np
import pytest
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.metrics import log_loss, make_scorer
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import InvalidParameterError

import mlpcore
from mlpcore import schedules
from mlpcore.sklearn import MLPClassifier, MLPRegressor
from sklearn_support import (
    TARGETS,
    WEIGHTS,
    N,
    X,
    classifier,
    quietly,
    regressor,
    same_weights,
)

TRAIN, VALIDATE = slice(0, 60), slice(60, None)


# class_weight


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_class_weights_multiply_sample_weights(solver):
    y = TARGETS["multiclass"]
    of_class = {"a": 2.0, "b": 0.5}
    weighted = quietly(
        classifier(class_weight=of_class, solver=solver).fit, X, y, WEIGHTS
    )
    factors = np.array([of_class.get(label, 1.0) for label in y])
    plain = quietly(classifier(solver=solver).fit, X, y, WEIGHTS * factors)
    assert same_weights(weighted, plain)


def test_balanced_class_weights():
    y = np.array(["few"] * 10 + ["many"] * 80)
    weighted = quietly(classifier(class_weight="balanced").fit, X, y)
    weights = np.where(y == "few", 90 / (2 * 10), 90 / (2 * 80))
    assert same_weights(weighted, quietly(classifier().fit, X, y, weights))
    with pytest.raises(ValueError, match="balanced"):
        weighted.partial_fit(X, y)


def test_class_weights_of_a_batch_without_the_class():
    y = TARGETS["multiclass"]
    weighted, plain = classifier(class_weight={"b": 5.0}), classifier()
    for rows in (slice(None), y == "a", y != "a"):
        weights = np.where(y[rows] == "b", 5.0, 1.0)
        weighted.partial_fit(X[rows], y[rows], classes=["a", "b", "c"])
        plain.partial_fit(X[rows], y[rows], weights, classes=["a", "b", "c"])
    assert same_weights(weighted, plain)
    with pytest.raises(ValueError, match="class_weight"):
        classifier(class_weight={"d": 5.0}).fit(X, y)
    with pytest.raises(ValueError, match="a list for multilabel targets only"):
        classifier(class_weight=[{"b": 5.0}]).fit(X, y)


def test_class_weights_of_a_multilabel_batch_without_one_value():
    y = TARGETS["multilabel"].copy()
    n_labels = y.shape[1]
    y[20:40, -1] = 0
    weighted, plain = classifier(class_weight=[{1: 5.0}] * n_labels), classifier()
    for rows in (slice(0, 20), slice(20, 40)):
        weights = 5.0 ** y[rows].sum(axis=1)
        weighted.partial_fit(X[rows], y[rows], classes=np.arange(n_labels))
        plain.partial_fit(X[rows], y[rows], weights, classes=np.arange(n_labels))
    assert same_weights(weighted, plain)
    with pytest.raises(ValueError, match="class_weight"):
        classifier(class_weight=[{2: 5.0}] * n_labels).fit(X, y)


# Validation


def test_own_validation_rows():
    y = TARGETS["multiclass"]
    clf = quietly(
        classifier(early_stopping=True, n_iter_no_change=100).fit,
        X[TRAIN],
        y[TRAIN],
        X_val=X[VALIDATE],
        y_val=y[VALIDATE],
    )
    assert len(clf.validation_scores_) == len(clf.validation_loss_curve_) == 15
    assert clf.best_validation_score_ == clf.score(X[VALIDATE], y[VALIDATE])
    # All rows were trained with: the same as without validation, up to the best epoch.
    best = int(np.argmax(clf.validation_scores_)) + 1
    plain = quietly(classifier(max_iter=best).fit, X[TRAIN], y[TRAIN])
    assert same_weights(clf, plain)
    assert clf.validation_loss_curve_[best - 1] == pytest.approx(
        log_loss(y[VALIDATE], plain.predict_proba(X[VALIDATE]), labels=clf.classes_)
    )


def test_own_validation_rows_change_no_weight_without_early_stopping():
    y = TARGETS["multioutput"]
    reg = quietly(
        regressor().fit, X[TRAIN], y[TRAIN], X_val=X[VALIDATE], y_val=y[VALIDATE]
    )
    assert same_weights(reg, quietly(regressor().fit, X[TRAIN], y[TRAIN]))
    assert reg.validation_scores_ is None
    error = (reg.predict(X[VALIDATE]) - y[VALIDATE]) ** 2
    assert reg.validation_loss_curve_[-1] == pytest.approx(error.mean() / 2)


def test_validation_weights():
    y, w = TARGETS["regression"], WEIGHTS[VALIDATE]
    reg = quietly(
        regressor().fit,
        X[TRAIN],
        y[TRAIN],
        X_val=X[VALIDATE],
        y_val=y[VALIDATE],
        sample_weight_val=w,
    )
    error = (reg.predict(X[VALIDATE]) - y[VALIDATE]) ** 2
    assert reg.validation_loss_curve_[-1] == pytest.approx(
        np.average(error, weights=w) / 2
    )


def test_the_split_is_scikit_learns():
    y = TARGETS["regression"]
    reg = regressor(early_stopping=True, scoring="loss", alpha=0.0)
    quietly(reg.fit, X, y)
    random = np.random.RandomState(0)
    for n_in, n_out in ((5, 8), (8, 1)):  # the initial weights come first
        random.uniform(size=n_in * n_out + n_out)
    _, x_val, _, y_val = train_test_split(X, y, random_state=random, test_size=0.1)
    error = ((reg.predict(x_val) - y_val) ** 2).mean() / 2
    assert error == pytest.approx(min(reg.validation_loss_curve_))
    assert reg.best_validation_score_ == -min(reg.validation_loss_curve_)


@pytest.mark.parametrize(
    "scoring",
    ["neg_mean_absolute_error", lambda e, X, y: -np.abs(e.predict(X) - y).mean()],
    ids=["name", "callable"],
)
def test_any_scorer(scoring):
    pandas = pytest.importorskip("pandas")
    frame, y = pandas.DataFrame(X).add_prefix("x"), TARGETS["regression"]
    reg = quietly(
        regressor(early_stopping=True, scoring=scoring, n_iter_no_change=50).fit,
        frame[TRAIN],
        y[TRAIN],
        X_val=frame[VALIDATE],
        y_val=y[VALIDATE],
    )
    mean = np.abs(reg.predict(frame[VALIDATE]) - y[VALIDATE]).mean()
    assert reg.best_validation_score_ == pytest.approx(-mean)


def accuracy(estimator, X, y):
    return (estimator.predict(X) == y).mean()


def weighted_accuracy(estimator, X, y, sample_weight):
    return np.average(estimator.predict(X) == y, weights=sample_weight)


@pytest.mark.parametrize(
    ("scoring", "weighted"),
    [
        (accuracy, False),
        (make_scorer(lambda y, predicted: (y == predicted).mean()), False),
        (weighted_accuracy, True),
        ("accuracy", True),
    ],
)
def test_scorers_get_the_weights_that_they_take(scoring, weighted):
    y, weights = TARGETS["binary"], WEIGHTS[VALIDATE] ** 4
    clf = classifier(early_stopping=True, scoring=scoring)
    own = {"X_val": X[VALIDATE], "y_val": y[VALIDATE], "sample_weight_val": weights}
    quietly(clf.fit, X[TRAIN], y[TRAIN], **own)
    wanted = clf.score(X[VALIDATE], y[VALIDATE], weights if weighted else None)
    assert clf.best_validation_score_ == pytest.approx(wanted)
    clf.set_params(class_weight="balanced")
    quietly(clf.fit, X, y)


@pytest.mark.parametrize(
    "parameters",
    [{"early_stopping": False}, {"solver": "lbfgs", "early_stopping": True}],
    ids=str,
)
def test_scoring_that_would_be_ignored_is_refused(parameters):
    with pytest.raises(ValueError, match="scoring needs early_stopping=True"):
        classifier(scoring="accuracy", **parameters).fit(X, TARGETS["binary"])
    with pytest.raises(ValueError, match="'scoring' parameter"):
        classifier(scoring="foo", **parameters).fit(X, TARGETS["binary"])


@pytest.mark.parametrize("part", ["train", "validate"])
def test_weights_that_are_all_zero_after_the_split_are_refused(part):
    y = TARGETS["regression"]
    rows = np.arange(N)
    random = np.random.RandomState(0)
    for n_in, n_out in ((5, 8), (8, 1)):  # the initial weights come first
        random.uniform(size=n_in * n_out + n_out)
    train, _ = train_test_split(rows, random_state=random, test_size=0.1)
    weights = np.isin(rows, train, invert=part == "train") * 1.0
    reg = regressor(early_stopping=True)
    with pytest.raises(ValueError, match="at least one non-zero number"):
        reg.fit(X, y, weights)
    assert not hasattr(reg, "coefs_")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"X_val": X}, "together"),
        ({"y_val": [1]}, "together"),
        ({"sample_weight_val": [1]}, "needs X_val"),
        ({"X_val": X[:5, :2], "y_val": TARGETS["binary"][:5]}, "2 features"),
        ({"X_val": X[:5], "y_val": ["what"] * 5}, "classes that y has not"),
        ({"X_val": X[:1], "y_val": TARGETS["binary"][:1]}, "2 rows or more"),
    ],
)
def test_wrong_validation_rows_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, TARGETS["binary"], **more)


def test_validation_rows_are_not_for_lbfgs():
    with pytest.raises(ValueError, match="X_val and y_val need solver='adam' or"):
        classifier(solver="lbfgs").fit(
            X, TARGETS["binary"], X_val=X, y_val=TARGETS["binary"]
        )


def test_a_failed_fit_leaves_nothing_behind():
    clf = classifier()
    with pytest.raises(ValueError, match="classes that y has not"):
        clf.fit(X, TARGETS["binary"], X_val=X[:5], y_val=["what"] * 5)
    quietly(clf.fit, X, TARGETS["binary"])
    assert not hasattr(clf, "validation_loss_curve_")


# Callbacks


def test_scoring_monitor_sees_every_epoch():
    y = TARGETS["binary"]
    monitor = ScoringMonitor(scoring="neg_log_loss")
    clf = quietly(classifier(alpha=0.0).set_callbacks(monitor).fit, X, y)
    log = monitor.get_logs(select="most_recent")
    table = log.data_as_pandas
    scores = table[next(c for c in table.columns if "neg_log_loss" in str(c))]
    assert len(scores.dropna()) >= 15
    last = -log_loss(y, clf.predict_proba(X), labels=clf.classes_)
    assert scores.iloc[-1] == pytest.approx(last)


class StopAt:
    """A callback of scikit-learn's protocol."""

    def __init__(self, epoch):
        self.epoch, self.seen = epoch, 0

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        self.seen += 1
        self.proba = fitted_estimator.predict_proba(X)
        return self.seen == self.epoch

    def teardown(self, estimator, context):
        self.torn_down = True


def test_a_callback_stops_the_training():
    stop = StopAt(4)
    clf = classifier().set_callbacks(stop).fit(X, TARGETS["binary"])  # no warning
    assert clf.n_iter_ == 4
    assert stop.torn_down
    np.testing.assert_array_equal(stop.proba, clf.predict_proba(X))
    plain = quietly(classifier(max_iter=4).fit, X, TARGETS["binary"])
    assert same_weights(clf, plain)


class WaitForHalf:
    """A callback that waits after two epochs until something is in a text."""

    def __init__(self, file, text):
        self.file, self.text, self.epochs, self.found = file, text, 0, None

    def setup(self, estimator, context):
        pass

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context):
        self.epochs += 1
        deadline = time.monotonic() + 10
        while self.epochs == 2 and not self.found and time.monotonic() < deadline:
            self.found = self.text in self.file.getvalue()
            time.sleep(0.02)

    def teardown(self, estimator, context):
        pass


def test_progress_bar(monkeypatch):
    """It names the estimator, moves with the epochs and ends full."""
    rich = pytest.importorskip("rich")
    console = pytest.importorskip("rich.console").Console(
        file=io.StringIO(), force_terminal=True, width=80, color_system=None
    )
    monkeypatch.setattr(rich, "_console", console)
    wait = WaitForHalf(console.file, " 50%")
    clf = classifier(max_iter=4).set_callbacks(ProgressBar(), wait)
    quietly(clf.fit, X, TARGETS["binary"])
    assert wait.found
    shown = console.file.getvalue().removesuffix("\x1b[?25h")  # the cursor is back
    before, after = shown.split(" 50%", 1)
    assert "MLPClassifier - fit ━" in before
    assert "100%" not in before
    assert "MLPClassifier - fit ━" in after.rstrip().splitlines()[-1]
    assert "100%" in after.rstrip().splitlines()[-1]


def test_progress_bar_where_there_is_no_terminal(capsys):
    """One line, in the end, and nothing else."""
    pytest.importorskip("rich")
    clf = regressor().set_callbacks(ProgressBar())
    quietly(clf.fit, X, TARGETS["regression"])
    shown = capsys.readouterr()
    [line] = shown.out.strip().splitlines()
    assert line.startswith("MLPRegressor - fit ━")
    assert "100%" in line
    assert shown.err == ""


# The network


def test_activations_per_layer():
    clf = classifier(hidden_layer_sizes=(6, 5), activation=["gelu", "mish"])
    quietly(clf.fit, X, TARGETS["multiclass"])
    assert clf.network_.activations == ["gelu", "mish", "softmax"]
    np.testing.assert_array_equal(clf.network_.predict(X), clf.predict_proba(X))
    with pytest.raises(ValueError, match="activation"):
        classifier(activation=["gelu"] * 2).fit(X, TARGETS["binary"])


def test_dropout_acts_in_training_only():
    clf = quietly(classifier(dropout=0.5).fit, X, TARGETS["binary"])
    assert clf.network_.dropout == [0.5]
    again = quietly(classifier(dropout=0.5).fit, X, TARGETS["binary"])
    other = quietly(classifier(dropout=0.5, random_state=1).fit, X, TARGETS["binary"])
    assert same_weights(clf, again)
    assert not same_weights(clf, other)
    assert not same_weights(clf, quietly(classifier().fit, X, TARGETS["binary"]))
    np.testing.assert_array_equal(clf.predict_proba(X), clf.predict_proba(X))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(dtype):
    y = TARGETS["regression"]
    for features in (X, X.astype(np.float32)):
        reg = quietly(regressor(dtype=dtype).fit, features, y)
        assert reg.coefs_[0].dtype == dtype
        assert reg.predict(X).dtype == dtype


@pytest.mark.parametrize(
    "parameters",
    [
        {"dtype": np.float32},
        {"dtype": np.dtype(np.float32)},
        {"dtype": "float32", "dropout": np.array([0.25])},
        {"dtype": "float32", "activation": ("tanh",)},
    ],
    ids=str,
)
def test_parameters_of_other_types(parameters):
    network = quietly(regressor(**parameters).fit, X, X[:, 0]).network_
    assert network.dtype == np.float32
    if "dropout" in parameters:
        assert network.dropout == [0.25]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"activation": ["foo"]}, "'activation' parameter of MLPRegressor.*'foo'"),
        ({"activation": [3]}, "'activation' parameter of MLPRegressor.*3"),
        ({"dropout": ["foo"]}, "'dropout' parameter of MLPRegressor.*'foo'"),
        ({"dropout": [0.1, 1.5]}, r"range \[0.0, 1.0\). Got 1.5"),
        ({"dtype": np.float16}, "'dtype' parameter"),
    ],
)
def test_wrong_entries_are_refused_as_by_scikit_learn(parameters, message):
    with pytest.raises(InvalidParameterError, match=message):
        regressor(**parameters).fit(X, X[:, 0])


@pytest.mark.parametrize(
    ("loss", "more", "inner"),
    [
        ("absolute_error", {}, "absolute_error"),
        ("huber", {"huber_delta": 0.3}, ("huber", 0.3)),
        ("quantile", {"quantile": 0.8}, ("quantile", 0.8)),
    ],
)
def test_losses(loss, more, inner):
    y = TARGETS["multioutput"]
    reg = quietly(regressor(loss, **more, alpha=0.0, max_iter=1).fit, X, y)
    random = np.random.RandomState(0)
    weights, biases = [], []
    for n_in, n_out in ((5, 8), (8, 3)):
        bound = np.sqrt(6 / (n_in + n_out))
        weights.append(random.uniform(-bound, bound, (n_in, n_out)))
        biases.append(random.uniform(-bound, bound, n_out))
    net = mlpcore.Network(
        [5, 8, 3], output="identity", loss=inner, dtype="float64", rng=0
    )
    net.set_weights(weights, biases)
    # One batch, so the first epoch's loss is that of the initial weights.
    assert reg.loss_curve_ == pytest.approx([net.loss(X, y)])


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="poisson"):
        regressor("poisson").fit(X, -np.ones(N))


# The optimizer


def test_weight_decay_is_adamw():
    plain = quietly(regressor(max_iter=1).fit, X, TARGETS["regression"])
    decayed = quietly(
        regressor(max_iter=1, weight_decay=0.5).fit, X, TARGETS["regression"]
    )
    start = quietly(
        regressor(max_iter=1, learning_rate_init=1e-300).fit, X, TARGETS["regression"]
    )
    for a, b, w in zip(plain.coefs_, decayed.coefs_, start.coefs_, strict=True):
        np.testing.assert_allclose(a - b, 0.001 * 0.5 * w, rtol=1e-9, atol=1e-15)
    for solver in ("sgd", "lbfgs"):
        with pytest.raises(ValueError, match="weight_decay needs solver='adam'"):
            regressor(solver=solver, weight_decay=0.1).fit(X, TARGETS["regression"])


@pytest.mark.parametrize("solver", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_schedules_by_the_step(schedule, solver):
    kind = {"cosine": schedules.Cosine, "one_cycle": schedules.OneCycle}[schedule]
    parameters = {"learning_rate": schedule, "learning_rate_init": 0.02}
    reg = regressor(solver=solver, **parameters, batch_size=30)
    quietly(reg.fit, X, X[:, 0])
    steps = 15 * 3
    rates = reg._optimizer._rates(0, steps, steps)
    np.testing.assert_allclose(rates, kind(0.02).values(0, steps, steps), rtol=1e-15)
    reg.set_params(learning_rate="constant")
    constant = quietly(regressor(solver=solver, batch_size=30).fit, X, X[:, 0])
    assert not same_weights(reg, constant)
    with pytest.raises(ValueError, match="does not know how many steps"):
        regressor(solver=solver, **parameters).partial_fit(X, X[:, 0])
    with pytest.raises(ValueError, match="lbfgs has no learning rate"):
        regressor(solver="lbfgs", **parameters).fit(X, X[:, 0])


def test_clipping_and_smoothing_reach_the_trainer():
    y = TARGETS["multiclass"]
    smooth = quietly(classifier(label_smoothing=0.3, alpha=0.0, max_iter=1).fit, X, y)
    start = quietly(
        classifier(max_iter=1, alpha=0.0, learning_rate_init=1e-300).fit, X, y
    )
    p = start.predict_proba(X)
    target = 0.7 * (y[:, None] == start.classes_) + 0.1
    wanted = -(target * np.log(p)).sum(axis=1).mean()
    assert smooth.loss_curve_ == pytest.approx([wanted])
    for solver, wrong in (("lbfgs", {"clip_norm": 1.0}), ("lbfgs", {"dropout": 0.1})):
        with pytest.raises(ValueError, match="lbfgs"):
            classifier(solver=solver, **wrong).fit(X, y)


def test_clipping_shortens_the_step():
    """One step of plain SGD is the rate times the gradient, of that norm at most."""
    y = TARGETS["multioutput"]

    def step(**more):
        start, moved = (
            quietly(
                regressor(
                    solver="sgd",
                    momentum=0.0,
                    alpha=0.0,
                    max_iter=1,
                    learning_rate_init=rate,
                    **more,
                ).fit,
                X,
                y,
            ).network_.get_parameters()
            for rate in (1e-300, 0.1)
        )
        return (start - moved) / 0.1

    gradient = step()
    norm = np.linalg.norm(gradient)
    np.testing.assert_allclose(step(clip_norm=norm / 4), gradient / 4, atol=1e-12)
    np.testing.assert_array_equal(step(clip_norm=norm * 4), gradient)


# from_network


@pytest.mark.parametrize(
    ("n_out", "output", "classes"),
    [(3, "softmax", ["x", "y", "z"]), (1, "sigmoid", [5, 9]), (4, "sigmoid", None)],
)
def test_classifier_from_network(n_out, output, classes):
    net = mlpcore.Network([5, 7, n_out], "gelu", output, rng=1)
    clf = MLPClassifier.from_network(net, classes)
    p = net.predict(X)
    if n_out == 1:
        wanted = np.array(classes)[(p[:, 0] > 0.5).astype(int)]
        np.testing.assert_array_equal(clf.predict_proba(X)[:, 1], p[:, 0])
    else:
        np.testing.assert_array_equal(clf.predict_proba(X), p)
        if output == "softmax":
            wanted = np.array(classes)[p.argmax(axis=1)]
        else:
            wanted = (p > 0.5).astype(int)
    np.testing.assert_array_equal(clf.predict(X), wanted)
    before = net.get_parameters()
    clf.partial_fit(X, clf.predict(X))
    np.testing.assert_array_equal(net.get_parameters(), before)
    assert clf.n_iter_ == 1


def test_early_stopping_from_a_network():
    net = mlpcore.Network([5, 7, 3], rng=1)
    clf = MLPClassifier.from_network(net, ["a", "b", "c"])
    clf.set_params(warm_start=True, early_stopping=True, max_iter=3)
    quietly(clf.fit, X, TARGETS["multiclass"])
    assert len(clf.validation_scores_) == 3


@pytest.mark.parametrize("loss", ["squared_error", ("quantile", 0.3), "poisson"])
def test_regressor_from_network(loss):
    output = "exp" if loss == "poisson" else "identity"
    net = mlpcore.Network([5, 7, 2], "tanh", output, loss=loss, rng=1)
    reg = MLPRegressor.from_network(net)
    np.testing.assert_array_equal(reg.predict(X), net.predict(X))
    reg.partial_fit(X, np.abs(X[:, :2]))
    assert reg.network_.loss_name == net.loss_name
    assert reg.network_.loss_parameter == net.loss_parameter


def test_networks_that_are_no_such_estimator():
    softmax2 = mlpcore.Network([5, 2], rng=0)
    with pytest.raises(mlpcore.NotSupportedError, match="2 softmax outputs"):
        MLPClassifier.from_network(softmax2)
    with pytest.raises(mlpcore.NotSupportedError, match="softmax"):
        MLPRegressor.from_network(softmax2)
    softmax3 = mlpcore.Network([5, 3], rng=0)
    for classes in (["b", "a", "c"], [1, 2], [1, 1, 2]):
        with pytest.raises(ValueError, match="3 sorted, different labels"):
            MLPClassifier.from_network(softmax3, classes)
