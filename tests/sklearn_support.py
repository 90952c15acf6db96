"""Both libraries' estimators on the same problems, for the tests of mlpcore.sklearn."""

import warnings

import numpy as np
from sklearn import neural_network as theirs
from sklearn.exceptions import ConvergenceWarning

from mlpcore import sklearn as ours

_rng = np.random.default_rng(7)
N = 90
X = _rng.normal(size=(N, 5))
_SIGNAL = X @ _rng.normal(size=(5, 3))
TARGETS = {
    "binary": np.where(_SIGNAL[:, 0] > 0, "yes", "no"),
    "multiclass": np.array(["a", "b", "c"])[_SIGNAL.argmax(axis=1)],
    "multilabel": (_SIGNAL > 0.5).astype(int),
    "regression": _SIGNAL[:, 0] ** 2 / 10,
    "multioutput": _SIGNAL / 3,
    "poisson": np.abs(_SIGNAL[:, 1]).round(),
}
WEIGHTS = _rng.uniform(0.2, 3.0, N)
CLASSIFIED = ("binary", "multiclass", "multilabel")


def pair(problem, **parameters):
    """Return scikit-learn's estimator for a problem, and ours."""
    name = "MLPClassifier" if problem in CLASSIFIED else "MLPRegressor"
    if problem == "poisson":
        parameters["loss"] = "poisson"
    return getattr(theirs, name)(**parameters), getattr(ours, name)(**parameters)


def quietly(method, *args, **kwargs):
    """Call a fit that need not converge."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return method(*args, **kwargs)


def classifier(**parameters):
    """Return a small one."""
    return ours.MLPClassifier(
        **{"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0} | parameters
    )


def regressor(loss="squared_error", **parameters):
    """Return a small one."""
    return ours.MLPRegressor(
        loss,
        **{"hidden_layer_sizes": (8,), "max_iter": 15, "random_state": 0} | parameters,
    )


def same_weights(a, b):
    """Whether two estimators have the same weights."""
    return all(map(np.array_equal, a.coefs_, b.coefs_))


def assert_same_training(theirs, ours, rtol=1e-6):
    """Compare everything that a training leaves behind."""
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert ours.out_activation_ == theirs.out_activation_
    assert ours.n_layers_ == theirs.n_layers_
    assert ours.n_outputs_ == theirs.n_outputs_
    for name in (
        "loss_",
        "loss_curve_",
        "best_loss_",
        "validation_scores_",
        "best_validation_score_",
    ):
        assert hasattr(ours, name) == hasattr(theirs, name), name
        if not hasattr(theirs, name):
            continue
        wanted, got = getattr(theirs, name), getattr(ours, name)
        if wanted is None:
            assert got is None, name
        else:
            np.testing.assert_allclose(got, wanted, rtol=rtol, err_msg=name)
    for kind in ("coefs_", "intercepts_"):
        pairs = zip(getattr(theirs, kind), getattr(ours, kind), strict=True)
        for i, (wanted, got) in enumerate(pairs):
            assert got.dtype == wanted.dtype
            error = np.abs(got - wanted).max() / np.abs(wanted).max()
            assert error < rtol, f"{kind}[{i}] differs by {error:.2g} of its largest"
