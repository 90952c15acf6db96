"""mlpcore.sklearn in the situations its users are in."""

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import warnings

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import mlpcore
from mlpcore.sklearn import MLPClassifier, MLPRegressor
from sklearn_support import TARGETS, WEIGHTS, N, X, quietly

QUICK = {"hidden_layer_sizes": (8,), "max_iter": 12, "random_state": 0}
NAMES = [f"x{i}" for i in range(5)]


def table(kind):
    frame = pd.DataFrame(X, columns=NAMES)
    frame["colour"] = np.array(["red", "green", "blue"])[np.arange(N) % 3]
    if kind == "pandas":
        return frame
    if kind == "pyarrow":
        pytest.importorskip("pyarrow")
        return frame.convert_dtypes(dtype_backend="pyarrow")
    return pytest.importorskip("polars").from_dict(frame.to_dict("list"))


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow"])
def test_a_pipeline_on_a_table(kind):
    frame = table(kind)
    columns = ColumnTransformer(
        [("number", StandardScaler(), NAMES), ("class", OneHotEncoder(), ["colour"])],
        sparse_threshold=0,
    )
    model = make_pipeline(columns, MLPClassifier(**QUICK))
    quietly(model.fit, frame, TARGETS["binary"])
    assert model[-1].n_features_in_ == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert model.predict(frame).shape == (N,)
    wanted = make_pipeline(columns, MLPClassifier(**QUICK))
    quietly(wanted.fit, table("pandas"), TARGETS["binary"])
    np.testing.assert_array_equal(
        model.predict_proba(frame), wanted.predict_proba(table("pandas"))
    )


def test_feature_names_are_kept_and_checked():
    frame = pd.DataFrame(X, columns=NAMES)
    clf = quietly(MLPClassifier(**QUICK).fit, frame, TARGETS["binary"])
    assert list(clf.feature_names_in_) == NAMES
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame[NAMES[::-1]])


@pytest.mark.parametrize("backend", ["loky", "multiprocessing"])
def test_grid_search_in_processes(backend):
    """It ends, agrees with one process, and workers do not take all processors each."""
    code = f"""
    import warnings; warnings.simplefilter("ignore")
    import joblib, numpy as np
    from sklearn.model_selection import GridSearchCV
    import mlpcore
    from mlpcore.sklearn import MLPClassifier
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6)); y = (X[:, 0] * X[:, 1] > 0) * 1
    # The parent's threads have run before the fork.
    MLPClassifier([300], max_iter=2).fit(np.tile(X, (20, 1)), np.tile(y, 20))
    grid = dict(alpha=[1e-4, 1e-1], hidden_layer_sizes=[(10,), (200,)])
    results = []
    for n_jobs in (1, 2):
        with joblib.parallel_config(backend={backend!r}):
            search = GridSearchCV(
                MLPClassifier(max_iter=8, random_state=0), grid, n_jobs=n_jobs, cv=3
            ).fit(X, y)
        results.append(search.cv_results_["mean_test_score"])
    assert (results[0] == results[1]).all(), results
    print("same")
    """
    done = run_in_process(code)
    assert done.stdout == "same\n", done.stderr


def run_in_process(code, **environment):
    """Run a program that may have to be killed, with no limit on threads but given."""
    inherited = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=inherited | environment,
    )


def threads_in_a_grid_search(backend, before="", **environment):
    """Return the numbers of threads in two workers, in joblib's eyes, in the parent."""
    code = f"""
    import warnings; warnings.simplefilter("ignore")
    import joblib, numpy as np
    from sklearn.model_selection import GridSearchCV
    import mlpcore
    from mlpcore.sklearn import MLPClassifier

    def threads(estimator, X, y):
        return mlpcore.get_num_threads()

    {before}
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 6)); y = (X[:, 0] * X[:, 1] > 0) * 1
    search = GridSearchCV(
        MLPClassifier([300], max_iter=2), dict(alpha=[1e-4, 1e-3]), scoring=threads,
        n_jobs=2, cv=2, refit=False,
    )
    with joblib.parallel_config(backend={backend!r}):
        results = search.fit(X, y).cv_results_
    found = [*results["split0_test_score"], *results["split1_test_score"]]
    print(*map(int, found), joblib.cpu_count(), mlpcore.get_num_threads())
    """
    done = run_in_process(code, **environment)
    assert done.returncode == 0, done.stderr
    *in_workers, processors, here = map(int, done.stdout.split())
    return {*in_workers}, processors, here


def test_joblib_gives_lokys_workers_a_share_of_the_threads():
    found, processors, _ = threads_in_a_grid_search("loky")
    assert found == {max(processors // 2, 1)}


def test_forked_workers_have_the_threads_of_the_parent():
    """Nobody limits them, unless the parent is limited."""
    for before, wanted in (("", None), ("mlpcore.set_num_threads(1)", 1)):
        found, _, here = threads_in_a_grid_search(
            "multiprocessing", before, JOBLIB_START_METHOD="fork"
        )
        assert found == {wanted or here}


def test_joblib_and_threadpoolctl_limit_the_threads():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def in_worker():
        return mlpcore.get_num_threads()

    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        assert joblib.Parallel(n_jobs=2)(
            joblib.delayed(in_worker)() for _ in range(2)
        ) == [1, 1]
    with threadpoolctl.threadpool_limits(1):
        assert mlpcore.get_num_threads() == 1


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("through", ["pickle", "joblib"])
def test_round_trips(through, solver, tmp_path):
    clf = quietly(MLPClassifier(**QUICK, solver=solver).fit, X, TARGETS["multiclass"])
    if through == "pickle":
        twin = pickle.loads(pickle.dumps(clf))
    else:
        joblib.dump(clf, tmp_path / "model")
        twin = joblib.load(tmp_path / "model")
    np.testing.assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
    np.testing.assert_array_equal(twin.network_.predict(X), clf.predict_proba(X))


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_a_pickle_continues_a_partial_fit(solver):
    y = TARGETS["regression"]
    reg = MLPRegressor(**QUICK, solver=solver, dropout=0.2, learning_rate="invscaling")
    for _ in range(3):
        reg.partial_fit(X, y)
    twin = pickle.loads(pickle.dumps(reg))
    for estimator in (reg, twin):
        for _ in range(3):
            estimator.partial_fit(X, y, WEIGHTS)
    for a, b in zip(reg.coefs_, twin.coefs_, strict=True):
        np.testing.assert_array_equal(a, b)
    assert reg.loss_curve_ == twin.loss_curve_


def test_another_process_predicts_the_same_bits(tmp_path):
    clf = quietly(MLPClassifier(**QUICK).fit, X, TARGETS["multiclass"])
    joblib.dump((clf, X), tmp_path / "model")
    code = (
        "import joblib, hashlib, sys; clf, X = joblib.load(sys.argv[1]);"
        "print(hashlib.sha256(clf.predict_proba(X).tobytes()).hexdigest())"
    )
    for threads in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "model")],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"OMP_NUM_THREADS": threads},
        )
        digest = hashlib.sha256(clf.predict_proba(X).tobytes()).hexdigest()
        assert done.stdout.strip() == digest


def test_clone_has_the_parameters_and_no_fit():
    reg = MLPRegressor(
        "huber", [4], ["mish"], huber_delta=2.0, clip_norm=1.0, dropout=0.1
    )
    quietly(reg.fit, X, TARGETS["regression"])
    twin = clone(reg)
    assert twin.get_params() == reg.get_params()
    assert not hasattr(twin, "coefs_")


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_ctrl_c_warns_and_leaves_a_usable_model(solver):
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    clf = MLPClassifier((400, 400), solver=solver, max_iter=10**6, tol=0.0)
    clf.set_params(n_iter_no_change=10**6, random_state=0)
    features, y = np.tile(X, (20, 1)), np.tile(TARGETS["multiclass"], 20)
    timer.start()
    with pytest.warns(UserWarning, match="Training interrupted by user"):
        clf.fit(features, y)
    assert np.isfinite(clf.predict_proba(X)).all()
    np.testing.assert_array_equal(clf.network_.weights[0], clf.coefs_[0])


def test_a_diverged_training_says_so():
    with pytest.raises(
        ValueError, match=r"non-finite parameter weights.*Try a smaller"
    ):
        MLPRegressor(solver="sgd", learning_rate_init=1e6).fit(X * 100, X[:, 0])


def test_an_infinite_loss_says_so():
    features, y = (X * 1e20).astype(np.float32), X[:, 0]
    with pytest.raises(ValueError, match=r"large values.*the loss became inf"):
        MLPRegressor(max_iter=6).fit(features, y)


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")  # of the R squared
def test_early_stopping_keeps_the_best_weights_of_a_diverged_training():
    reg = MLPRegressor(
        activation="identity",
        solver="sgd",
        learning_rate_init=1.0,
        early_stopping=True,
        random_state=0,
    )
    with pytest.warns(UserWarning, match="best weights are kept"):
        reg.fit(X * 3, X[:, 0])
    assert np.isnan(reg.validation_scores_[-1])
    lengths = [len(reg.validation_scores_), len(reg.validation_loss_curve_)]
    assert [len(reg.loss_curve_), *lengths] == [reg.n_iter_] * 3
    assert reg.t_ == reg.n_iter_ * 81
    assert np.isfinite(reg.predict(X)).all()


def test_warnings_are_filtered_as_scikit_learns():
    """As the examples of scikit-learn do it; and they show the line of the call."""
    clf, y = MLPClassifier(**QUICK), TARGETS["binary"]
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        clf.fit(X, y)
    assert [w.category for w in seen] == [ConvergenceWarning]
    assert seen[0].filename == __file__
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        cross_val_score(clf, X, y, cv=2)
    assert [w.filename for w in seen] == [__file__] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=ConvergenceWarning, module="sklearn")
        clf.fit(X, y)


def test_meta_estimators():
    clf = MLPClassifier(**QUICK)
    calibrated = quietly(CalibratedClassifierCV(clf, cv=2).fit, X, TARGETS["binary"])
    assert calibrated.predict_proba(X).shape == (N, 2)
    quietly(clf.fit, X, TARGETS["binary"])
    importance = permutation_importance(clf, X, TARGETS["binary"], random_state=0)
    assert importance.importances_mean.shape == (5,)


def test_metadata_routing_of_sample_weights():
    with config_context(enable_metadata_routing=True):
        clf = MLPClassifier(**QUICK).set_fit_request(sample_weight=True)
        clf.set_score_request(sample_weight=True)
        search = GridSearchCV(clf, {"alpha": [1e-4]}, cv=[(range(60), range(60, N))])
        quietly(search.fit, X, TARGETS["binary"], sample_weight=WEIGHTS)
    plain = MLPClassifier(**QUICK)
    quietly(plain.fit, X[:60], TARGETS["binary"][:60], WEIGHTS[:60])
    score = plain.score(X[60:], TARGETS["binary"][60:], WEIGHTS[60:])
    assert search.best_score_ == score


@pytest.mark.parametrize("layout", ["C", "F", "frame"])
def test_memory_of_a_large_table(layout):
    """1e6 x 28 in float32 trains in less than half the data's size besides."""
    code = f"""
    import resource, threading, warnings
    warnings.simplefilter("ignore")
    import numpy as np, pandas as pd
    from mlpcore.sklearn import MLPClassifier
    layout = {layout!r}
    rng = np.random.default_rng(0)
    X = rng.standard_normal((28, 1_000_000), dtype=np.float32).T
    if layout == "C": X = np.ascontiguousarray(X)
    y = (X[:, 0] > 0).astype(np.int8)
    if layout == "frame": X = pd.DataFrame(X, copy=False)
    clf = MLPClassifier([16], max_iter=1, batch_size=1000)
    clf.fit(X[:1000], y[:1000])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clf.fit(X, y)
    assert clf.coefs_[0].dtype == np.float32
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / 112e6)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 0.5
