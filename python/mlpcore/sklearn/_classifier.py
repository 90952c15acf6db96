"""The classifier."""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn import neural_network
from sklearn.base import _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_class_weight, compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import validate_data

from .._validation import Array, is_ready
from ..errors import NotSupportedError
from ..network import Network
from ._estimator import NativeEstimator
from ._parameters import MORE_CONSTRAINTS, check_network, parameters_of
from ._plain_arrays import decoded, encoded


class MLPClassifier(NativeEstimator, neural_network.MLPClassifier):
    """scikit-learn's MLPClassifier, trained and evaluated by mlpcore.

    With the same parameters, data and `random_state` it has the same initial weights
    (in float64 bit for bit) and, within 1e-6, the same losses and weights. The loss is
    not clipped: scikit-learn's stops growing where a probability is within 2e-16 of 0.

    Parameters
    ----------
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
    class_weight : dict, list of dict, "balanced" or None, default=None
        Weights of the classes, multiplied with the sample weights; ``"balanced"`` is
        n / (classes * rows of the class). Multilabel rows have the product of their
        outputs' weights, which a list gives for each output. Validation rows that are
        split off are weighted so as well, the caller's own are not.
    label_smoothing : float, default=0.0
        In [0, 1): targets become ``(1 - s) t + s / n_classes``; each multilabel output
        has two classes.
    dropout : float or array-like of float, default=0.0
        The dropout rate of the hidden layers, or of each; in training only.
    weight_decay : float, default=0.0
        With ``solver="adam"``, makes it AdamW (Loshchilov & Hutter 2019).
    clip_norm : float or None, default=None
        The largest norm of a gradient; longer ones are scaled down to it.
    scoring : None, "loss", str or callable, default=None
        What early stopping looks at: None is the accuracy, ``"loss"`` the validation
        loss; else a scorer's name, or ``scorer(estimator, X, y)``, whose X is an
        array. Weights are passed to those that have, or whose metric has, a
        `sample_weight`.
    dtype : {None, "float32", "float64"} or NumPy's types, default=None
        Of the weights and the arithmetic; None takes that of X.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The class labels.
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
    >>> from sklearn.datasets import load_iris
    >>> from mlpcore.sklearn import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = MLPClassifier([32], learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> clf.predict(X[:2])
    array([0, 0])

    An activation and a dropout rate for each layer, AdamW with a schedule, clipping,
    in float32:

    >>> clf = MLPClassifier(
    ...     [32, 32], ["gelu", "tanh"], dropout=[0.1, 0.0], weight_decay=0.01,
    ...     learning_rate="cosine", clip_norm=1.0, dtype="float32", tol=0.01,
    ...     random_state=0,
    ... ).fit(X, y)
    >>> clf.network_
    Network([4, 32, 32, 3], ['gelu', 'tanh'], output='softmax', loss='log_loss', \
dropout=[0.1, 0.0], dtype='float32')

    Without features, the probabilities are the shares of the classes; class weights
    change the shares, and smoother labels move them together:

    >>> import numpy as np
    >>> X, y = np.zeros((100, 1)), np.repeat([0, 1], [90, 10])
    >>> for more in {}, {"class_weight": "balanced"}, {"label_smoothing": 0.2}:
    ...     clf = MLPClassifier([2], solver="lbfgs", random_state=0, **more)
    ...     print(clf.fit(X, y).predict_proba(X[:1]).round(2))
    [[0.9 0.1]]
    [[0.5 0.5]]
    [[0.82 0.18]]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **neural_network.MLPClassifier._parameter_constraints,
        **MORE_CONSTRAINTS,
        "class_weight": [dict, list, StrOptions({"balanced"}), None],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
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
        class_weight: Any = None,
        label_smoothing: Any = 0.0,
        dropout: Any = 0.0,
        weight_decay: Any = 0.0,
        clip_norm: Any = None,
        scoring: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
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
        self.class_weight = class_weight
        self.label_smoothing = label_smoothing
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
    ) -> MLPClassifier:
        """Train.

        Parameters
        ----------
        X : array-like or sparse matrix, shape (n, n_features)
            The rows. float32 is trained in float32.
        y : array-like, shape (n,) or (n, n_outputs)
            Class labels; for multilabel targets an indicator matrix.
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
        Stopping on the loss of one's own validation rows, the last of which count
        less:

        >>> import numpy as np
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> clf = MLPClassifier(
        ...     [8], early_stopping=True, scoring="loss", learning_rate_init=0.1,
        ...     random_state=0,
        ... )
        >>> weights = np.linspace(1.0, 0.5, len(X[1::2]))
        >>> clf = clf.fit(
        ...     X[::2], y[::2], X_val=X[1::2], y_val=y[1::2], sample_weight_val=weights
        ... )
        >>> len(clf.validation_loss_curve_) == clf.n_iter_
        True
        >>> bool(clf.best_validation_score_ == -min(clf.validation_loss_curve_))
        True

        Or on any scorer of scikit-learn's, or on a function of one's own, here the
        share of the first class that is found, which is 1 at the best:

        >>> def first_class_recall(estimator, X, y):
        ...     return (estimator.predict(X[y == 0]) == 0).mean()
        >>> clf = clf.set_params(scoring=first_class_recall)
        >>> clf = clf.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> clf.best_validation_score_
        1.0

        Progress as text:

        >>> clf = MLPClassifier(
        ...     [8], verbose=True, tol=1.0, n_iter_no_change=2, random_state=0
        ... )
        >>> clf = clf.fit(X, y)
        Iteration 1, loss = 3.81751137
        Iteration 2, loss = 3.76428994
        Iteration 3, loss = 3.71126380
        Iteration 4, loss = 3.65844060
        Training loss did not improve more than tol=1.000000 for 2 consecutive \
epochs. Stopping.

        or as a bar, of scikit-learn's callbacks (``mlpcore[progress]``), beside one
        that scores the rows given to `fit` after each epoch:

        >>> from sklearn.callback import ProgressBar, ScoringMonitor
        >>> monitor = ScoringMonitor(scoring="accuracy")
        >>> clf = clf.set_params(verbose=False).set_callbacks(ProgressBar(), monitor)
        >>> clf = clf.fit(X, y)  # doctest: +ELLIPSIS
        MLPClassifier - fit ━...━ 100% 0:00:00
        >>> len(monitor.get_logs(select="most_recent").data) == clf.n_iter_ + 1
        True
        """
        self._fit_with_validation(X, y, sample_weight, X_val, y_val, sample_weight_val)
        return self

    @classmethod
    def from_network(
        cls, network: Network, classes: ArrayLike | None = None
    ) -> MLPClassifier:
        """Return an estimator that predicts with a network, without a `fit`.

        Parameters
        ----------
        network : mlpcore.Network
            With softmax outputs, three or more, or sigmoid ones. It is copied.
        classes : array-like, optional
            The class labels, in sorted order; by default 0, 1, ...

        Returns
        -------
        MLPClassifier
            Its parameters are those of the network; ``partial_fit`` trains it further.

        Raises
        ------
        NotSupportedError
            If the outputs are not probabilities of classes.
        ValueError
            If the number of classes is not that of the network.

        Examples
        --------
        >>> import mlpcore
        >>> net = mlpcore.Network([4, 8, 3], rng=0)
        >>> clf = MLPClassifier.from_network(net, classes=["a", "b", "c"])
        >>> clf.predict([[0.0, 0.0, 0.0, 0.0]])
        array(['a'], dtype='<U1')
        """
        check_network(network)
        n_out, output = network.layer_sizes[-1], network.activations[-1]
        if network.loss_name != "log_loss" or (output == "softmax" and n_out < 3):
            raise NotSupportedError(
                "from_network needs 3 or more softmax outputs, or sigmoid outputs, "
                f"with log_loss; this network has {n_out} {output} outputs with "
                f"{network.loss_name}"
            )
        multilabel = output == "sigmoid" and n_out > 1
        n_classes = max(n_out, 2)
        labels = np.arange(n_classes) if classes is None else np.asarray(classes)
        if labels.shape != (n_classes,) or (labels[:-1] >= labels[1:]).any():
            raise ValueError(
                f"classes must be {n_classes} sorted, different labels, got {labels}"
            )
        if multilabel and classes is not None:
            raise ValueError("classes of several sigmoid outputs cannot be named")
        clf = cls(**parameters_of(network))
        clf._label_binarizer = LabelBinarizer()
        clf._label_binarizer.fit(np.eye(n_out, dtype=int) if multilabel else labels)
        clf.classes_ = clf._label_binarizer.classes_
        clf._take_network(network, np.zeros((1, n_out)), network.layer_sizes)
        return clf

    def _with_class_weight(self, y: Array, weights: Array | None) -> Array | None:
        if self.class_weight is None:
            return weights
        labels, given = self._decoded(y), self.class_weight
        of_row: Array
        if labels.ndim == 1:
            if isinstance(given, list):
                raise ValueError(
                    "class_weight may be a list for multilabel targets only, got "
                    f"{given}"
                )
            of_row = _weights_of(labels, self.classes_, given)
        elif isinstance(given, list) and len(given) == labels.shape[1]:
            pair = np.arange(2)
            columns = zip(labels.T, given, strict=True)
            of_row = np.prod([_weights_of(c, pair, each) for c, each in columns], 0)
        else:
            of_row = compute_sample_weight(given, labels)
        if not np.isfinite(of_row).all():
            raise ValueError(f"class_weight must be finite, got {self.class_weight}")
        return of_row if weights is None else of_row * weights

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        if incremental or self.warm_start or not is_ready(y, None) or y.ndim != 1:
            return super()._validate_input(X, y, incremental, reset)
        # As there, but for one-hot rows, which it takes from a sparse matrix, after
        # checking the labels again: 0.6 of the 2.3 ms that a fit of digits takes beside
        # its epochs.
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        self._label_binarizer = LabelBinarizer().fit(y)
        self.classes_ = self._label_binarizer.classes_
        return self._in_dtype(X), encoded(y, self._label_binarizer)

    def _check_solver_options(self, incremental: bool) -> None:
        super()._check_solver_options(incremental)
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit: it needs "
                "all rows; give a dict, such as sklearn's compute_class_weight makes"
            )

    def _predict(self, X: Any, check_input: bool = True) -> Array:
        outputs = self._forward_pass_fast(X, check_input)
        return self._decoded(outputs.ravel() if self.n_outputs_ == 1 else outputs)

    def _network_loss(self) -> str:
        return "log_loss"

    def _encoded(self, y: Array) -> Array:
        if self._label_binarizer.y_type_ == "multilabel-indicator":
            if (kind := type_of_target(y)) != "multilabel-indicator":
                raise ValueError(
                    f"y_val must be multilabel as y is, got {kind} targets"
                )
        elif len(unknown := np.setdiff1d(y, self.classes_)):
            raise ValueError(f"y_val has classes that y has not: {unknown}")
        encoded: Array = self._label_binarizer.transform(y).astype(bool)
        return encoded

    def _decoded(self, y: Array) -> Array:
        return decoded(y, self._label_binarizer)

    def _checked_targets(self, X: Array, y: Any) -> Array | None:
        known = np.array_equal(self.classes_, self._label_binarizer.classes_)
        if self.warm_start or not known:  # after one all classes have to be there, too
            return None
        result = encoded(y, self._label_binarizer)
        return result if result is not None and len(result) == len(X) else None


def _weights_of(labels: Array, classes: Array, class_weight: Any) -> Array:
    """Return each row's weight by its class.

    A dict is of all classes: the rows of a `partial_fit` need not have each.
    """
    if not isinstance(class_weight, dict):
        classes = np.unique(labels)
    of_class = compute_class_weight(class_weight, classes=classes, y=labels)
    weights: Array = of_class[np.searchsorted(classes, labels)]
    return weights
