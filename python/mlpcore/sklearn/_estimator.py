"""What the two estimators have in common: scikit-learn's classes, natively trained.

scikit-learn's own base does what it does well: checks of parameters and data, encoding
of labels, initial weights, the rules of stopping, predictions from outputs. Replaced
are its solvers and its forward pass. Its private methods of these names have stood
since 2014, in a module that is closed to new features.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network._multilayer_perceptron import _pack
from sklearn.utils.validation import validate_data

from .. import _core, optim
from .._architecture import ACTIVATION_ALIASES
from .._data import Data
from .._targets import Targets, as_targets
from .._validation import Array
from ..errors import DivergenceError
from ..network import Network
from ._coefficients import Coefficients
from ._epochs import EpochRules, MadeWith
from ._parameters import SCHEDULES, check_layers
from ._plain_arrays import is_checked
from ._trainer import (
    EstimatorTrainer,
    loss_and_gradient,
    predict,
    recorded_scale,
    training_features,
)
from ._validation_rows import Validating
from ._warnings import warn


class NativeEstimator(Coefficients, Validating):
    """The mixin before scikit-learn's class."""

    _made_with: MadeWith
    _trained_as: tuple[dict[str, Any], dict[str, Any]]

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
        before = self.__dict__.copy()
        self._is_training = False
        try:
            check_layers(self)
            self._check_solver_options(incremental)
            super()._fit(X, y, sample_weight=sample_weight, incremental=incremental)
        except Exception:
            if not self._is_training:  # refused: nothing has changed
                self.__dict__ = before
            raise
        finally:
            self.__dict__.pop("_is_training", None)
        return self

    def _check_solver_options(self, incremental: bool) -> None:
        """Refuse what the solver would ignore silently, where scikit-learn has none."""
        if self.weight_decay and self.solver != "adam":
            raise ValueError(
                f"weight_decay needs solver='adam', got solver={self.solver!r}"
            )
        scores = self.early_stopping and self.solver != "lbfgs"
        if self.scoring is not None and not scores:
            raise ValueError(
                "scoring needs early_stopping=True and solver='adam' or 'sgd', got "
                f"early_stopping={self.early_stopping}, solver={self.solver!r}; set "
                "scoring=None without them"
            )
        if self.solver == "lbfgs":
            self._refuse_for_lbfgs()
        elif self.learning_rate in SCHEDULES and incremental:
            raise ValueError(
                f"partial_fit does not support learning_rate={self.learning_rate!r}: "
                "it does not know how many steps follow"
            )

    def _refuse_for_lbfgs(self) -> None:
        if self.learning_rate in SCHEDULES:
            raise ValueError(
                f"learning_rate={self.learning_rate!r} needs solver='adam' or 'sgd', "
                "lbfgs has no learning rate"
            )
        if self._own_validation is not None:
            raise ValueError(
                "X_val and y_val need solver='adam' or 'sgd', lbfgs has no epochs to "
                "validate after"
            )
        dropout = np.any(self.dropout)
        for name, given in (("dropout", dropout), ("clip_norm", self.clip_norm)):
            if given:
                raise ValueError(
                    f"solver='lbfgs' does not support {name}: its line search needs "
                    "the gradient of one fixed loss"
                )

    def _with_class_weight(self, y: Array, weights: Array | None) -> Array | None:
        return weights

    def _checked_targets(self, X: Array, y: Any) -> Array | None:
        """Return what scikit-learn makes of y, or None if that is not plain to see."""
        return None

    def _validate_input(self, X: Any, y: Any, incremental: bool, reset: bool) -> Any:
        checked = None
        if incremental and not reset and is_checked(X, self):
            checked = self._checked_targets(X, y)
        if checked is None:
            X, y = super()._validate_input(X, y, incremental, reset)
        else:
            y = checked
        return self._in_dtype(X), y

    def _fit_stochastic(
        self, X: Any, y: Array, sample_weight: Array | None, *rest: Any
    ) -> None:
        *_, layer_sizes, incremental = rest
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        self._check_layer_sizes(layer_sizes)
        sample_weight = self._with_class_weight(y, sample_weight)
        trainer = self._optimizer_for(incremental)
        (x, y, weights), validation = self._split(X, y, sample_weight)
        data = self._data(trainer.network, x, y, weights)
        n_samples = x.shape[0]
        self._sample_idx = np.arange(n_samples, dtype=np.int64)
        rules = EpochRules(self, n_samples, validation, incremental)
        self.n_iter_ = 0
        # An error before the first score is one of what was given: the fit is refused.
        self._is_training = incremental
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
        scored = self.scoring is not None and self.validation_scores_
        if scored and self.best_validation_score_ == -np.inf:
            warn(
                f"No weights were the best: scoring={self.scoring!r} gave no finite "
                "number for the validation rows. The last ones are kept.",
                ConvergenceWarning,
            )
        elif self.early_stopping:
            self.coefs_ = self._best_coefs
            self.intercepts_ = self._best_intercepts
            trainer.network.set_weights(self.coefs_, self.intercepts_)

    def _fit_lbfgs(
        self, X: Any, y: Array, sample_weight: Array | None, *rest: Any
    ) -> None:
        self._check_layer_sizes(rest[-1])
        sample_weight = self._with_class_weight(y, sample_weight)
        self.__dict__.pop("validation_loss_curve_", None)
        network = self._make_network()
        # The search asks for the same rows again and again: converted once.
        self._lbfgs_data = self._data(network, X, y, sample_weight)
        self._network = network
        self.__dict__.pop("_optimizer", None)
        self._is_training = True
        try:
            super()._fit_lbfgs(X, y, sample_weight, *rest)
        except KeyboardInterrupt:
            warn("Training interrupted by user.")
        finally:
            del self._lbfgs_data
            network.set_weights(self.coefs_, self.intercepts_)
            self._take_weights(network)  # SciPy's are float64

    def _loss_grad_lbfgs(
        self, packed_coef_inter: Array, X: Any, y: Array, weights: Any, *unused: Any
    ) -> tuple[float, Array]:
        """Return the loss and its gradient; called by SciPy's search."""
        self._unpack(packed_coef_inter)
        network = self._network
        network.set_weights(self.coefs_, self.intercepts_)
        data = self.__dict__.get("_lbfgs_data")
        if data is None:  # called outside of a fit
            data = self._data(network, X, y, weights)
        smoothing = getattr(self, "label_smoothing", 0.0)
        loss, gradient = loss_and_gradient(network, data, smoothing)
        loss *= recorded_scale(network)
        total = float(X.shape[0] if weights is None else weights.sum())
        weight_gradients, bias_gradients = network._split(gradient)
        for w, dw in zip(self.coefs_, weight_gradients, strict=True):
            loss += 0.5 * self.alpha * float(np.vdot(w, w)) / total
            dw += self.alpha / total * w
        return np.float64(loss), _pack(weight_gradients, bias_gradients)

    def _init_coef(self, *args: Any) -> Any:
        """Return a layer's initial weights; scikit-learn knows one name of logistic."""
        names = np.ravel(self.activation).tolist()
        if {ACTIVATION_ALIASES.get(name, name) for name in names} == {"sigmoid"}:
            drawing = copy.copy(self)
            drawing.activation = "logistic"
            return super(NativeEstimator, drawing)._init_coef(*args)
        return super()._init_coef(*args)

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
        if self.shuffle:
            bits = self._random_state._bit_generator
            with bits.lock:
                _core.shuffle_as_numpy(self._sample_idx, bits.capsule)
        return self._sample_idx

    # The optimizer.

    def _make_optimizer(self) -> optim.Optimizer:
        # Epoch rules set the rate as a scale, so that 'adaptive' may change it.
        rate = SCHEDULES[self.learning_rate](1.0) if self.has_step_schedule else 1.0
        if self.solver == "sgd":
            return optim.SGD(rate, float(self.momentum), self.nesterovs_momentum)
        moments = (float(self.beta_1), float(self.beta_2), float(self.epsilon))
        if self.weight_decay:
            return optim.AdamW(rate, *moments, weight_decay=float(self.weight_decay))
        return optim.Adam(rate, *moments)

    @property
    def has_step_schedule(self) -> bool:
        """Whether the learning rate goes by the step."""
        return self.learning_rate in SCHEDULES

    def _optimizer_for(self, incremental: bool) -> EstimatorTrainer:
        """Return the trainer of earlier partial fits, or a new one.

        As in scikit-learn an earlier one keeps what its optimizer was made with, and
        follows all other parameters. Where a schedule by the step has come to its end,
        there is nothing to keep.
        """
        trainer: EstimatorTrainer | None = self.__dict__.get("_optimizer")
        architecture = self._architecture()
        settings = {
            "l2": float(self.alpha),
            "clip_norm": self.clip_norm,
            "label_smoothing": getattr(self, "label_smoothing", 0.0),
        }
        if (
            not incremental
            or trainer is None
            or self._made_with.learning_rate in SCHEDULES
        ):
            network = self._make_network()
            trainer = EstimatorTrainer(
                network, self._make_optimizer(), rng=self._seed(network), **settings
            )
            trainer.learning_rate_scale = float(self.learning_rate_init)
            self._made_with = MadeWith.parameters_of(self)
        elif self._trained_as != (architecture, settings):
            network = self._make_network()
            trainer = trainer.changed(network, seed=self._seed(network), **settings)
        elif not self._has_weights_of(trainer.network):
            trainer.network.set_weights(self.coefs_, self._biases())
        self._trained_as = architecture, settings
        self._optimizer = trainer
        self._network = trainer.network
        return trainer

    def _seed(self, network: Network) -> int:
        """Return the seed of dropout."""
        if any(network.dropout):
            return int(self._random_state.randint(np.iinfo(np.int32).max))
        return 0  # nothing is drawn that scikit-learn does not draw

    # Rows.

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
            if not weights.any():  # in this part, or times the class weights
                raise ValueError(
                    "Sample weights must contain at least one non-zero number."
                )
        return Data(training_features(x, network.dtype), targets, weights)

    # Prediction.

    def _forward_pass_fast(self, X: Any, check_input: bool = True) -> Array:
        if check_input and not is_checked(X, self):
            X = validate_data(
                self, X, accept_sparse=["csr", "csc"], dtype="numeric", reset=False
            )
        return predict(self.network_, X)
