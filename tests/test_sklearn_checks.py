"""scikit-learn's own checks of estimators, and its own tests of its MLP."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

from mlpcore.sklearn import MLPClassifier, MLPRegressor

# None is expected to fail. That a weight of 2 is a row twice, which no shuffled
# minibatch method can meet, is not among them: with the checks' small data sets one
# batch holds all rows.
ESTIMATORS = [
    MLPClassifier(max_iter=100),
    MLPRegressor(max_iter=100),
]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:Got `batch_size`:UserWarning")
@parametrize_with_checks(ESTIMATORS)
def test_scikit_learns_checks(estimator, check):
    check(estimator)


def test_convergence_warning_is_scikit_learns():
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        MLPRegressor(max_iter=1).fit([[0.0], [1.0]], [0.0, 1.0])


def test_scikit_learns_tests_of_its_mlp_pass_with_one_import_changed(tmp_path):
    theirs = find_spec("sklearn.neural_network.tests.test_mlp")
    source = Path(theirs.origin).read_text(encoding="utf-8")
    line = "from {} import MLPClassifier, MLPRegressor"
    ours = source.replace(
        line.format("sklearn.neural_network"), line.format("mlpcore.sklearn")
    )
    assert ours != source
    (tmp_path / "test_mlp.py").write_text(ours, encoding="utf-8")
    plugins = ["-p", "no:cacheprovider", "-p", "sklearn.conftest"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugins, "test_mlp.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:]
