"""scikit-learn's own checks of estimators."""

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
