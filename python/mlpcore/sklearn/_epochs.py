"""What scikit-learn does between epochs: its records, its rules of stopping, hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..callbacks import Callback
from ..callbacks.base import Logs
from ..errors import DivergenceError
from ._warnings import warn

if TYPE_CHECKING:
    from ._validation_rows import ValidationSet

# Where 'adaptive' gives up, and by how much it divides.
_SMALLEST_RATE = 1e-6
_DIVISOR = 5.0


class EpochRules(Callback):
    """The end of an epoch, as scikit-learn 1.9's MLP has it.

    Parameters
    ----------
    estimator : NativeEstimator
        Whose attributes to keep.
    n_samples : int
        How many rows an epoch has.
    validation : ValidationSet or None
        Rows to validate with.
    incremental : bool
        Whether this is a `partial_fit`.
    """

    def __init__(
        self,
        estimator: Any,
        n_samples: int,
        validation: ValidationSet | None,
        incremental: bool,
    ) -> None:
        self._estimator = estimator
        self._n_samples = n_samples
        self._validation = validation
        self._incremental = incremental
        self._context = getattr(estimator, "_callback_fit_ctx", None)
        if not getattr(estimator, "_skl_callbacks", None) or incremental:
            self._context = None
        self._epoch_context: Any = None
        if not incremental and not estimator.warm_start:
            estimator.__dict__.pop("validation_loss_curve_", None)
        if validation is not None and not hasattr(estimator, "validation_loss_curve_"):
            estimator.validation_loss_curve_ = []

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Tell scikit-learn's callbacks."""
        if self._context is None:
            return
        est = self._estimator
        self._epoch_context = self._context.subcontext(task_name="epoch")
        self._epoch_context.call_on_fit_task_begin(
            **est._callback_task,
            reconstruction_attributes=est._reconstruction_attributes,
        )

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Record, validate, adapt the learning rate, stop."""
        est = self._estimator
        est.n_iter_ += 1
        est.loss_ = logs["loss"]
        est.t_ += self._n_samples
        est.loss_curve_.append(est.loss_)
        if est.verbose:
            print(f"Iteration {est.n_iter_}, loss = {est.loss_:.8f}")
        x_val = y_val = weights_val = None
        if self._validation is not None:
            est._take_weights(self.network)
            est.validation_loss_curve_.append(est._validation_loss(self._validation))
            x_val, y_val, _, weights_val = self._validation
        est._update_no_improvement_count(est.early_stopping, x_val, y_val, weights_val)
        if est.solver == "sgd" and est.learning_rate == "invscaling":
            rate = float(est.learning_rate_init) / (est.t_ + 1) ** est.power_t
            self.trainer.learning_rate_scale = rate
        stopped = self._stop_without_improvement()
        if self._epoch_context is not None:
            stopped |= self._epoch_context.call_on_fit_task_end(
                **est._callback_task,
                reconstruction_attributes=est._reconstruction_attributes,
            )
        if stopped:
            self.trainer.stop_training = True
        elif not self._incremental and est.n_iter_ == est.max_iter:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({est.max_iter}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )

    def diverged(self, error: DivergenceError) -> None:
        """Raise scikit-learn's error, or warn where there are best weights to keep."""
        est = self._estimator
        if not est.early_stopping or not est.validation_scores_:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may "
                f"contain large values and need to be preprocessed. ({error})"
            ) from error
        est.loss_ = float(error.loss if error.loss is not None else np.nan)
        est.loss_curve_.append(est.loss_)
        est.validation_scores_.append(float("nan"))
        est.validation_loss_curve_.append(float("nan"))
        warn(
            f"Training stopped, the best weights are kept: {error}", ConvergenceWarning
        )

    def _stop_without_improvement(self) -> bool:
        """Whether nothing has improved for too long and the rate is not to shrink."""
        est = self._estimator
        if est._no_improvement_count <= est.n_iter_no_change:
            return False
        what = "Validation score" if est.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={est.tol:f} for "
            f"{est.n_iter_no_change} consecutive epochs."
        )
        outcome = "Stopping."
        stop = True
        if est.solver == "sgd" and est.learning_rate == "adaptive":
            if self.trainer.learning_rate_scale > _SMALLEST_RATE:
                self.trainer.learning_rate_scale /= _DIVISOR
                rate = self.trainer.learning_rate_scale
                outcome = f"Setting learning rate to {rate:f}"
                stop = False
                est._no_improvement_count = 0
            else:
                outcome = "Learning rate too small. Stopping."
        if est.verbose:
            print(f"{message} {outcome}")
        return stop
