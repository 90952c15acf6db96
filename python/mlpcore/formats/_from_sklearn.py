"""Networks from estimators of scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._optional import require
from ..errors import NotSupportedError

if TYPE_CHECKING:
    from .._architecture import LossName
    from ..network import Network


def from_sklearn(estimator: Any) -> Network:
    """Return the network of a fitted MLPClassifier or MLPRegressor.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Of `sklearn.neural_network`, or of `mlpcore.sklearn`, whose ``network_`` this
        is a copy of. As `coefs_` and `intercepts_` are now.

    Returns
    -------
    Network
        Its outputs are the estimator's: for a classifier the probabilities of
        ``classes_`` (softmax), of ``classes_[1]`` if there are two (one sigmoid), or of
        each label (sigmoids); for a regressor the predictions, with ``exp`` outputs if
        its loss is ``"poisson"``. The loss is the estimator's too, and the type is that
        of its ``coefs_``.

    Raises
    ------
    TypeError
        If `estimator` is another one.
    sklearn.exceptions.NotFittedError
        If it is not fitted.
    ValueError
        If weights that were assigned to it do not fit, or are NaN or infinite.
    NotSupportedError
        If it is a multilayer perceptron of a kind that is not known.

    Examples
    --------
    >>> import mlpcore
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neural_network import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier([16], solver="lbfgs", max_iter=2000, random_state=0)
    >>> clf = clf.fit(X, y)
    >>> net = mlpcore.from_sklearn(clf)
    >>> net
    Network([4, 16, 3], 'relu', output='softmax', loss='log_loss', dtype='float64')
    >>> bool(abs(net.predict(X) - clf.predict_proba(X)).max() < 1e-12)
    True
    """
    purpose = "from_sklearn"
    kinds = require("sklearn.neural_network", "sklearn", purpose)
    if not isinstance(estimator, kinds.MLPClassifier | kinds.MLPRegressor):
        raise TypeError(
            "estimator must be a fitted MLPClassifier or MLPRegressor, got "
            f"{type(estimator).__name__}{_hint(estimator)}"
        )
    require("sklearn.utils.validation", "sklearn", purpose).check_is_fitted(estimator)

    from ._layers import Chain, activation_name

    own = getattr(estimator, "network_", None)  # knows dropout, and losses of ours
    if own is not None:
        network: Network = own.copy()
        return network
    is_classifier = isinstance(estimator, kinds.MLPClassifier)
    loss: LossName = "log_loss" if is_classifier else estimator.loss
    if loss not in ("log_loss", "squared_error", "poisson"):
        raise NotSupportedError(f"MLPRegressor with loss={loss!r} is not known")
    chain = Chain()
    n_layers = len(estimator.coefs_)
    if len(estimator.intercepts_) != n_layers:
        raise ValueError(
            f"the estimator has {n_layers} coefs_ and {len(estimator.intercepts_)} "
            "intercepts_"
        )
    for i, (w, b) in enumerate(
        zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ):
        is_last = i + 1 == n_layers
        where = f"layer {i} of the {type(estimator).__name__}"
        chain.dense(where, w, b)
        name = estimator.out_activation_ if is_last else estimator.activation
        chain.activation(where, activation_name(name))
    return chain.network(loss=loss)


def _hint(estimator: object) -> str:
    """Say where the estimator may be in what was given."""
    if hasattr(estimator, "steps"):
        return "; its last step may be one, and takes what the others make of the rows"
    if hasattr(estimator, "best_estimator_"):
        return "; .best_estimator_ may be one"
    return "; give it an instance" if isinstance(estimator, type) else ""
