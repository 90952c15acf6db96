"""What the two estimators have in common: scikit-learn's classes, natively trained.

scikit-learn's own base does what it does well: checks of parameters and data, encoding
of labels, initial weights, the rules of stopping, predictions from outputs. Replaced
are its solvers and its forward pass. Its private methods of these names have stood
since 2014, in a module that is closed to new features.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.neural_network._multilayer_perceptron import (
    BaseMultilayerPerceptron,
    _pack,
)
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    check_is_fitted,
    validate_data,
)

from .. import optim, schedules
from .._architecture import ACTIVATION_ALIASES, ACTIVATIONS
from .._data import Data
from .._targets import Targets, as_targets
from .._validation import Array
from ..errors import DivergenceError
from ..network import Network
from ._epochs import EpochRules
from ._trainer import (
    EstimatorTrainer,
    loss_and_gradient,
    predict,
    recorded_scale,
    training_features,
)
from ._validation_rows import Validating
from ._warnings import warn

# Learning rates that go by the step; scikit-learn's own go by the epoch.
_SCHEDULES = {"cosine": schedules.Cosine, "one_cycle": schedules.OneCycle}

MORE_CONSTRAINTS: dict[str, list[Any]] = {
    "activation": [
        StrOptions({*ACTIVATIONS, *ACTIVATION_ALIASES}),
        list,
        tuple,
    ],
    "learning_rate": [StrOptions({"constant", "invscaling", "adaptive", *_SCHEDULES})],
    "dropout": [
        Interval(Real, 0, 1, closed="left"),
        list,
        tuple,
    ],
    "weight_decay": [Interval(Real, 0, None, closed="left")],
    "clip_norm": [None, Interval(Real, 0, None, closed="neither")],
    "scoring": [None, StrOptions({"loss"}), str, callable],
    "dtype": [None, StrOptions({"float32", "float64"})],
}


class NativeEstimator(Validating):
    """The mixin before scikit-learn's class."""

    # What scikit-learn's class has; here for the reader and the type checker.
    coefs_: list[Array]
    intercepts_: list[Array]

    # Training.

    def _fit_with_validation(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        X_val: Any,
        y_val: Any,
        weight_val: Any,
    ) -> Any:
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together")
        if weight_val is not None and X_val is None:
            raise ValueError("sample_weight_val needs X_val and y_val")
        context = self._init_callback_context(max_subtasks=self.max_iter)
        metadata = None
        if sample_weight is not None:
            metadata = {"sample_weight": sample_weight}
        task = {"estimator": self, "X": X, "y": y, "metadata": metadata}
        context.call_on_fit_task_begin(**task)
        if X_val is not None:
            self._own_validation = (X_val, y_val, weight_val)
        self._callback_task = task
        try:
            self._fit(X, y, sample_weight=sample_weight, incremental=False)
        finally:
            self.__dict__.pop("_own_validation", None)
            del self._callback_task
        context.call_on_fit_task_end(
            **task, reconstruction_attributes=self._reconstruction_attributes
        )
        return self

    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, incremental: bool = False
    ) -> Any:
        self._check_solver_options(incremental)
        return super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)

    def _check_solver_options(self, incremental: bool) -> None:
        """Refuse what the solver would ignore silently, where scikit-learn has none."""
        if self.weight_decay and self.solver != "adam":
            raise ValueError(
                f"weight_decay needs solver='adam', got solver={self.solver!r}"
            )
        if self.learning_rate in _SCHEDULES:
            if self.solver == "lbfgs":
                raise ValueError(
                    f"learning_rate={self.learning_rate!r} needs solver='adam' or "
                    "'sgd', lbfgs has no learning rate"
                )
            if incremental:
                raise ValueError(
                    f"partial_fit does not support learning_rate="
                    f"{self.learning_rate!r}: it does not know how many steps follow"
                )

    def _with_class_weight(self, y: Array, weights: Array | None) -> Array | None:
        return weights

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        X, y = super()._validate_input(X, y, incremental, reset)
        if self.dtype is not None:
            X = X.astype(self.dtype, copy=False)
        return X, y

    def _fit_stochastic(
        self, X: Any, y: Array, sample_weight: Array | None, *unused: Any
    ) -> None:
        incremental = unused[-1]
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        sample_weight = self._with_class_weight(y, sample_weight)
        trainer = self._optimizer_for(incremental)
        (x, y, weights), validation = self._split(X, y, sample_weight)
        data = self._data(trainer.network, x, y, weights)
        n_samples = x.shape[0]
        self._sample_idx = np.arange(n_samples, dtype=np.int64)
        rules = EpochRules(self, n_samples, validation, incremental)
        self.n_iter_ = 0
        try:
            trainer._fit(
                data,
                None,
                1 if incremental else self.max_iter,
                self._batch_rows(n_samples),
                self._next_order,
                [rules],
            )
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
        except DivergenceError as error:
            rules.diverged(error)
        finally:
            del self._sample_idx
            self._take_weights(trainer.network)
        if self.early_stopping:
            self.coefs_ = self._best_coefs
            self.intercepts_ = self._best_intercepts
            trainer.network.set_weights(self.coefs_, self.intercepts_)

    def _fit_lbfgs(
        self, X: Any, y: Array, sample_weight: Array | None, *rest: Any
    ) -> None:
        self._refuse_for_lbfgs()
        sample_weight = self._with_class_weight(y, sample_weight)
        self.__dict__.pop("_optimizer", None)
        network = self._network = self._make_network()
        try:
            super()._fit_lbfgs(X, y, sample_weight, *rest)
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
        finally:
            self.__dict__.pop("_lbfgs_data", None)
            network.set_weights(self.coefs_, self.intercepts_)
            self._take_weights(network)  # SciPy's are float64

    def _refuse_for_lbfgs(self) -> None:
        dropout = np.any(self.dropout)
        for name, given in (("dropout", dropout), ("clip_norm", self.clip_norm)):
            if given:
                raise ValueError(
                    f"solver='lbfgs' does not support {name}: its line search needs "
                    "the gradient of one fixed loss"
                )

    def _loss_grad_lbfgs(
        self, packed_coef_inter: Array, X: Any, y: Array, weights: Any, *unused: Any
    ) -> tuple[float, Array]:
        """Return the loss and its gradient; called by SciPy's search."""
        self._unpack(packed_coef_inter)
        network = self._network
        network.set_weights(self.coefs_, self.intercepts_)
        # One search asks for the same rows again and again: converted once.
        of, data = self.__dict__.get("_lbfgs_data", (None, None))
        if of is not X:
            data = self._data(network, X, y, weights)
            self._lbfgs_data = X, data
        smoothing = getattr(self, "label_smoothing", 0.0)
        loss, gradient = loss_and_gradient(network, data, smoothing)
        loss *= recorded_scale(network)
        total = float(X.shape[0] if weights is None else weights.sum())
        weight_gradients, bias_gradients = network._split(gradient)
        for w, dw in zip(self.coefs_, weight_gradients, strict=True):
            loss += 0.5 * self.alpha * np.vdot(w, w) / total
            dw += self.alpha / total * w
        return loss, _pack(weight_gradients, bias_gradients)

    def _batch_rows(self, n_samples: int) -> int:
        if self.batch_size == "auto":
            return min(200, n_samples)
        if self.batch_size > n_samples:
            warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going "
                "to be clipped"
            )
        return int(np.clip(self.batch_size, 1, n_samples))

    def _next_order(self) -> NDArray[np.int64]:
        """Return an epoch's order, drawn as scikit-learn draws it."""
        # What sklearn.utils.shuffle does in the end, without its 85 us of checks.
        if self.shuffle:
            self._random_state.shuffle(self._sample_idx)
        return self._sample_idx

    # The network.

    def _make_network(self) -> Network:
        """Return a network with the coefficients."""
        sizes = [self.coefs_[0].shape[0], *(b.shape[0] for b in self.intercepts_)]
        activation = self.activation
        if isinstance(activation, tuple):
            activation = list(activation)
        network = Network(
            sizes,
            activation,
            self.out_activation_,
            loss=self._network_loss(),
            init="zeros",
            dropout=self.dropout,
            dtype=self.coefs_[0].dtype,
            rng=0,
        )
        network.set_weights(self.coefs_, self.intercepts_)
        return network

    def _network_loss(self) -> Any:
        return self.loss

    def _make_optimizer(self) -> optim.Optimizer:
        # Epoch rules set the rate as a scale, so that 'adaptive' may change it.
        rate = _SCHEDULES[self.learning_rate](1.0) if self.has_step_schedule else 1.0
        if self.solver == "sgd":
            return optim.SGD(rate, float(self.momentum), self.nesterovs_momentum)
        moments = (float(self.beta_1), float(self.beta_2), float(self.epsilon))
        if self.weight_decay:
            return optim.AdamW(rate, *moments, weight_decay=float(self.weight_decay))
        return optim.Adam(rate, *moments)

    @property
    def has_step_schedule(self) -> bool:
        """Whether the learning rate goes by the step."""
        return self.learning_rate in _SCHEDULES

    def _make_trainer(
        self, network: Network, optimizer: optim.Optimizer
    ) -> EstimatorTrainer:
        seed = 0
        if any(network.dropout):  # else nothing is drawn that scikit-learn does not
            seed = int(self._random_state.randint(np.iinfo(np.int32).max))
        return EstimatorTrainer(
            network,
            optimizer,
            l2=float(self.alpha),
            clip_norm=self.clip_norm,
            label_smoothing=getattr(self, "label_smoothing", 0.0),
            rng=seed,
        )

    def _optimizer_for(self, incremental: bool) -> EstimatorTrainer:
        """Return the trainer of earlier partial fits, or a new one."""
        trainer: EstimatorTrainer | None = self.__dict__.get("_optimizer")
        if incremental and trainer is not None:
            if not self._has_weights_of(trainer.network):
                trainer.network.set_weights(self.coefs_, self.intercepts_)
        else:
            trainer = self._make_trainer(self._make_network(), self._make_optimizer())
            trainer.learning_rate_scale = float(self.learning_rate_init)
        self._optimizer = trainer
        self._network = trainer.network
        return trainer

    def _take_weights(self, network: Network) -> None:
        # One copy of the parameters for both.
        self.coefs_, self.intercepts_ = network._split(network.get_parameters())
        self._network = network

    def _has_weights_of(self, network: Network) -> bool:
        weights, biases = network._split(network.get_parameters())
        ours, theirs = [*self.coefs_, *self.intercepts_], [*weights, *biases]
        return len(ours) == len(theirs) and all(map(np.array_equal, ours, theirs))

    @property
    def network_(self) -> Network:
        """The `mlpcore.Network` with the coefficients as they are now.

        Examples
        --------
        >>> from mlpcore.sklearn import MLPRegressor
        >>> reg = MLPRegressor("huber", [3], solver="lbfgs", random_state=0)
        >>> reg = reg.fit([[0.0], [1.0]], [1.0, 2.0])
        >>> reg.network_.predict([[0.5]]).shape
        (1, 1)
        """
        check_is_fitted(self)
        network: Network | None = self.__dict__.get("_network")
        if network is None or not self._has_weights_of(network):
            # A new one: copies of the estimator, and threads, may be using the old.
            network = self._network = self._make_network()
        return network

    def _data(self, network: Network, x: Any, y: Array, weights: Array | None) -> Data:
        """Return rows as the trainer takes them."""
        architecture = network._architecture
        targets: Targets
        if architecture.output == "softmax":
            targets = Targets(y.argmax(axis=1).astype(np.int32), None)
        else:
            targets = as_targets(y, x.shape[0], architecture, network.dtype)
        if weights is not None:
            weights = np.ascontiguousarray(weights, network.dtype)
        return Data(training_features(x, network.dtype), targets, weights)

    # Prediction.

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Array:
        if check_input:
            X = validate_data(
                self, X, accept_sparse=["csr", "csc"], dtype="numeric", reset=False
            )
        return predict(self.network_, X)

    def _reconstruction_attributes(self) -> dict[str, Any]:
        """Return what a copy needs to predict as this estimator does now."""
        network = self._network
        return {
            "coefs_": network.weights,
            "intercepts_": network.biases,
            "_network": None,
            "_optimizer": None,
        }

    # From a network.

    def _take_network(
        self, network: Network, y: ArrayLike, layer_sizes: Sequence[int]
    ) -> None:
        """Become what a fit to that network would have left."""
        self.n_features_in_ = layer_sizes[0]
        self._random_state = np.random.RandomState()  # of no consequence
        BaseMultilayerPerceptron._initialize(
            self, np.asarray(y), list(layer_sizes), network.dtype
        )
        self._take_weights(network.copy())
