"""The regressor."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn import neural_network
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval, StrOptions

from .._validation import Array
from ..errors import NotSupportedError
from ..network import Network
from ._estimator import NativeEstimator
from ._parameters import MORE_CONSTRAINTS, check_network, parameters_of
from ._plain_arrays import is_finite

# The activation of the outputs that goes with a loss.
_OUTPUT = {"poisson": "exp"}


class MLPRegressor(NativeEstimator, neural_network.MLPRegressor):
    """scikit-learn's MLPRegressor, trained and evaluated by mlpcore.

    With the same parameters, data and `random_state` it has the same initial weights
    (in float64 bit for bit) and, within 1e-6, the same losses and weights. As
    scikit-learn's, the squared loss of several outputs is recorded as their mean while
    the gradient is that of their sum.

    Parameters
    ----------
    loss : {"squared_error", "poisson", "absolute_error", "huber", "quantile"}, \
default="squared_error"
        Half the squared error; half the Poisson deviance of ``exp`` outputs; the
        absolute error, whose minimum is the median; Huber's; the pinball loss of
        `quantile`. Of several outputs the sum.
    hidden_layer_sizes : int or sequence of int, default=(100,)
        The widths of the hidden layers.
    activation : str or list of str, default="relu"
        Of the hidden layers, or of each: ``"identity"``, ``"logistic"``, ``"tanh"``,
        ``"relu"``, and `mlpcore.Network`'s ``"leaky_relu"``, ``"elu"``, ``"selu"``,
        ``"gelu"``, ``"silu"``, ``"mish"``, ``"softplus"``, ``"exp"``.
    solver : {"adam", "sgd", "lbfgs"}, default="adam"
        How to minimise the loss.
    alpha : float, default=1e-4
        The penalty is ``alpha / 2`` times the sum of the squared weights, divided by
        the sum of a batch's sample weights.
    batch_size : int or "auto", default="auto"
        Rows of a batch; ``"auto"`` is ``min(200, n_samples)``.
    learning_rate : {"constant", "invscaling", "adaptive", "cosine", "one_cycle"}, \
default="constant"
        How the rate changes. The first three act with ``solver="sgd"`` only, as
        scikit-learn's do; ``"cosine"`` and ``"one_cycle"`` run over `max_iter` epochs
        with ``"adam"`` too (`mlpcore.schedules`). The rates that one cycle begins with
        are so small that stopping needs an `n_iter_no_change` of 0.3 `max_iter`.
    learning_rate_init : float, default=0.001
        The learning rate to begin with; the highest, for the last two schedules.
    power_t : float, default=0.5
        The exponent of ``"invscaling"``.
    max_iter : int, default=200
        The most epochs (``"lbfgs"``: iterations).
    shuffle : bool, default=True
        Whether to shuffle the rows in each epoch.
    random_state : int, RandomState instance or None, default=None
        Of initial weights, shuffles, the validation split and dropout.
    tol : float, default=1e-4
        How much the loss or the score has to improve to count.
    verbose : bool, default=False
        Whether to print each epoch's loss.
    warm_start : bool, default=False
        Whether `fit` goes on from the present weights.
    momentum : float, default=0.9
        Of ``"sgd"``.
    nesterovs_momentum : bool, default=True
        Whether ``"sgd"`` looks ahead.
    early_stopping : bool, default=False
        Whether to stop when the validation score does not improve, and to keep the
        best weights.
    validation_fraction : float, default=0.1
        The share of the rows to validate with, unless `fit` gets rows of their own.
    beta_1, beta_2, epsilon : float
        Of ``"adam"``.
    n_iter_no_change : int, default=10
        How many epochs without improvement to bear.
    max_fun : int, default=15000
        The most evaluations of the loss by ``"lbfgs"``.
    quantile : float, default=0.5
        In (0, 1), for ``loss="quantile"``.
    huber_delta : float, default=1.0
        Where Huber's loss turns from squared to absolute.
    dropout : float or array-like of float, default=0.0
        The dropout rate of the hidden layers, or of each; in training only.
    weight_decay : float, default=0.0
        With ``solver="adam"``, makes it AdamW (Loshchilov & Hutter 2019).
    clip_norm : float or None, default=None
        The largest norm of a gradient; longer ones are scaled down to it.
    scoring : None, "loss", str or callable, default=None
        What early stopping looks at: None is R squared, ``"loss"`` the validation
        loss; else a scorer's name, or ``scorer(estimator, X, y)``, whose X is an
        array. Weights are passed to those that have, or whose metric has, a
        `sample_weight`.
    dtype : {None, "float32", "float64"} or NumPy's types, default=None
        Of the weights and the arithmetic; None takes that of X.

    Attributes
    ----------
    coefs_ : list of ndarray, shape (fan_in, fan_out)
        The weights; new ones may be assigned, of any real type.
    intercepts_ : list of ndarray, shape (fan_out,)
        The biases; new ones may be assigned.
    network_ : mlpcore.Network
        The network with these weights.
    loss_curve_ : list of float
        The loss of each epoch.
    validation_scores_ : list of float or None
        The score of each epoch, with `early_stopping`.
    validation_loss_curve_ : list of float
        The loss over the validation rows, after each epoch that had some.
    n_iter_, t_, loss_, best_loss_, best_validation_score_, n_layers_, n_outputs_, \
out_activation_, n_features_in_, feature_names_in_
        As scikit-learn has them.

    See Also
    --------
    mlpcore.Network : The model by itself.

    Examples
    --------
    >>> from sklearn.datasets import make_regression
    >>> from mlpcore.sklearn import MLPRegressor
    >>> X, y = make_regression(200, 4, random_state=0)
    >>> reg = MLPRegressor(solver="lbfgs", max_iter=5000, random_state=0).fit(X, y)
    >>> reg.score(X, y) > 0.999
    True

    Of numbers without features, the mean, the median, a mean that outliers pull at no
    harder than a distance of 10 does, and the 70 % quantile:

    >>> import numpy as np
    >>> zeros, numbers = np.zeros((5, 1)), [0, 1, 2, 3, 100]
    >>> for loss, more in [
    ...     ("squared_error", {}),
    ...     ("absolute_error", {}),
    ...     ("huber", {"huber_delta": 10.0}),
    ...     ("quantile", {"quantile": 0.7}),
    ... ]:
    ...     constant = MLPRegressor(loss, (), solver="lbfgs", random_state=0, **more)
    ...     print(loss, constant.fit(zeros, numbers).predict(zeros[:1]).round(2))
    squared_error [21.2]
    absolute_error [2.]
    huber [4.]
    quantile [3.]

    The 90 % quantile of a function, with AdamW and a one-cycle schedule:

    >>> reg = MLPRegressor(
    ...     "quantile", quantile=0.9, weight_decay=0.01, learning_rate="one_cycle",
    ...     learning_rate_init=0.01, clip_norm=10.0, max_iter=300,
    ...     n_iter_no_change=300, random_state=0,
    ... )
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):  # of max_iter
    ...     above = reg.fit(X, y).predict(X) >= y
    >>> bool(0.85 < above.mean() < 0.95)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **neural_network.MLPRegressor._parameter_constraints,
        **MORE_CONSTRAINTS,
        "loss": [
            StrOptions(
                {"squared_error", "poisson", "absolute_error", "huber", "quantile"}
            )
        ],
        "quantile": [Interval(Real, 0, 1, closed="neither")],
        "huber_delta": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: Any = "adam",
        alpha: Any = 0.0001,
        batch_size: Any = "auto",
        learning_rate: Any = "constant",
        learning_rate_init: Any = 0.001,
        power_t: Any = 0.5,
        max_iter: Any = 200,
        shuffle: Any = True,
        random_state: Any = None,
        tol: Any = 1e-4,
        verbose: Any = False,
        warm_start: Any = False,
        momentum: Any = 0.9,
        nesterovs_momentum: Any = True,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        beta_1: Any = 0.9,
        beta_2: Any = 0.999,
        epsilon: Any = 1e-8,
        n_iter_no_change: Any = 10,
        max_fun: Any = 15000,
        quantile: Any = 0.5,
        huber_delta: Any = 1.0,
        dropout: Any = 0.0,
        weight_decay: Any = 0.0,
        clip_norm: Any = None,
        scoring: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            loss=loss,
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
        )
        self.quantile = quantile
        self.huber_delta = huber_delta
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.clip_norm = clip_norm
        self.scoring = scoring
        self.dtype = dtype

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> MLPRegressor:
        """Train.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, n_features)
            The rows. float32 is trained in float32.
        y : array-like, shape (n,) or (n, n_outputs)
            Target values.
        sample_weight : array-like, shape (n,), optional
            Weights of the rows.
        X_val, y_val : array-like, optional
            Rows to validate with after each epoch, instead of a split: `scoring` of
            them is what `early_stopping` looks at, and their loss is recorded.
        sample_weight_val : array-like, optional
            Weights of these rows.

        Returns
        -------
        self
            The trained estimator.

        Raises
        ------
        ValueError, TypeError
            If a parameter or the data are not as described, or if the weights became
            infinite or NaN.

        Examples
        --------
        Stopping on a score of one's own validation rows:

        >>> from sklearn.datasets import make_regression
        >>> X, y = make_regression(200, 4, random_state=0)
        >>> reg = MLPRegressor(
        ...     early_stopping=True, scoring="neg_mean_absolute_error",
        ...     learning_rate_init=0.1, random_state=0,
        ... )
        >>> reg = reg.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> len(reg.validation_loss_curve_) == len(reg.validation_scores_)
        True
        >>> reg.best_validation_score_ == max(reg.validation_scores_)
        True

        Or of a function of one's own, and with a bar of scikit-learn's callbacks
        (``mlpcore[progress]``; ``verbose=True`` prints a line an epoch):

        >>> from sklearn.callback import ProgressBar
        >>> def worst(estimator, X, y):
        ...     return -abs(estimator.predict(X) - y).max()
        >>> reg = reg.set_params(scoring=worst).set_callbacks(ProgressBar())
        >>> reg = reg.fit(X[::2], y[::2])  # doctest: +ELLIPSIS
        MLPRegressor - fit ━...━ 100% 0:00:00
        >>> reg.best_validation_score_ == max(reg.validation_scores_)
        True
        """
        self._fit_with_validation(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self

    @classmethod
    def from_network(cls, network: Network) -> MLPRegressor:
        """Return an estimator that predicts with a network, without a `fit`.

        Parameters
        ----------
        network : mlpcore.Network
            With identity outputs, or ``exp`` ones and the Poisson loss. It is copied.

        Returns
        -------
        MLPRegressor
            Its parameters are those of the network; ``partial_fit`` trains it further.

        Raises
        ------
        NotSupportedError
            If the outputs or the loss are others.

        Examples
        --------
        >>> import mlpcore
        >>> net = mlpcore.Network([2, 8, 1], output="identity", rng=0)
        >>> MLPRegressor.from_network(net).predict([[0.0, 0.0]])
        array([0.], dtype=float32)
        """
        check_network(network)
        loss, output = network.loss_name, network.activations[-1]
        known = cls._parameter_constraints["loss"][0].options
        if loss not in known or output != _OUTPUT.get(loss, "identity"):
            raise NotSupportedError(
                "from_network needs identity outputs, or exp ones and the poisson "
                f"loss; this network has {output} outputs with {loss}"
            )
        parameters = parameters_of(network)
        for name, of_loss in (("quantile", "quantile"), ("huber_delta", "huber")):
            if loss == of_loss:
                parameters[name] = network.loss_parameter
        reg = cls(loss, **parameters)
        reg._take_network(
            network, np.zeros((1, network.layer_sizes[-1])), network.layer_sizes
        )
        return reg

    def _checked_targets(self, X: Array, y: Any) -> Array | None:
        plain = is_finite(y) and (y.ndim == 1 or (y.ndim == 2 and y.shape[1] > 1))
        return y if plain and len(y) == len(X) else None

    def _network_loss(self) -> Any:
        if self.loss == "quantile":
            return "quantile", float(self.quantile)
        if self.loss == "huber":
            return "huber", float(self.huber_delta)
        return self.loss
