"""What scikit-learn does between epochs: its records, its rules of stopping, hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from ..callbacks import Callback
from ..callbacks.base import Logs
from ..errors import DivergenceError
from ._coefficients import CURVES
from ._warnings import warn

if TYPE_CHECKING:
    from ._validation_rows import ValidationSet

# Where 'adaptive' gives up, and by how much it divides.
_SMALLEST_RATE = 1e-6
_DIVISOR = 5.0


class MadeWith(NamedTuple):
    """What an optimizer was made with and keeps, whatever the parameters become."""

    solver: str
    learning_rate: str
    learning_rate_init: float
    power_t: float

    @classmethod
    def parameters_of(cls, estimator: Any) -> MadeWith:
        """Return an estimator's parameters of now."""
        return cls(*(getattr(estimator, name) for name in cls._fields))


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
        self._go_on_recording()
        if validation is not None and estimator.early_stopping:
            self._score_again(validation)

    def _go_on_recording(self) -> None:
        """Begin the records that a warm start does not find.

        The training before had another solver, or another `early_stopping`.
        """
        est = self._estimator
        found = vars(est)
        if not self._incremental:
            if not est.warm_start:
                found.pop("validation_loss_curve_", None)
            for curve in CURVES:  # a fit that is refused leaves those from before
                if found.get(curve) is not None:
                    found[curve] = list(found[curve])
        found.setdefault("loss_curve_", [])
        if self._validation is not None:
            found.setdefault("validation_loss_curve_", [])
        found.setdefault("_no_improvement_count", 0)
        if est.early_stopping and found.get("validation_scores_") is None:
            est.validation_scores_ = []
            est.best_validation_score_ = -np.inf
            est.best_loss_ = None
        elif not est.early_stopping and found.get("best_loss_") is None:
            est.validation_scores_ = est.best_validation_score_ = None
            est.best_loss_ = np.inf

    def _score_again(self, validation: ValidationSet) -> None:
        """Score what a warm start goes on from, by this scoring on these rows.

        Scores of another kind do not compare. scikit-learn's own, of the rows that it
        splits off, are left as it leaves them.
        """
        est = self._estimator
        before = vars(est).get("_scored_by", (None, False))
        est._scored_by = est.scoring, est._own_validation is not None
        if not est.validation_scores_ or before == est._scored_by == (None, False):
            return
        if before[0] != est.scoring:
            est.validation_scores_ = []
        est._take_weights(est._network)
        est._validate(validation.data)
        score = est._score(*validation[:3])
        if score != est.best_validation_score_:
            est._no_improvement_count = 0
        est.best_validation_score_ = -np.inf if np.isnan(score) else score
        est._best_coefs = [w.copy() for w in est.coefs_]
        est._best_intercepts = [b.copy() for b in est.intercepts_]

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
        self._record(logs["loss"])
        if est.verbose:
            print(f"Iteration {est.n_iter_}, loss = {est.loss_:.8f}")
        rows: list[Any] = [None, None, None]
        if self._validation is not None:
            est._take_weights(self.network)
            *rows, data = self._validation
            est._validate(data)
            est.validation_loss_curve_.append(est._validation_loss)
        est._update_no_improvement_count(est.early_stopping, *rows)
        est._is_training = True
        made = est._made_with
        if made.solver == "sgd" and made.learning_rate == "invscaling":
            rate = float(made.learning_rate_init) / (est.t_ + 1) ** made.power_t
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
                f"Stochastic Optimizer: Maximum iterations ({est.max_iter:d}) reached "
                "and the optimization hasn't converged yet.",
                ConvergenceWarning,
            )

    def diverged(self, error: DivergenceError) -> None:
        """Raise scikit-learn's error, or warn where there are best weights to keep."""
        est = self._estimator
        est._is_training = True
        if not est.early_stopping or not est.validation_scores_:
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may "
                f"contain large values and need to be preprocessed. ({error})"
            ) from error
        self._record(error.loss)
        est.validation_scores_.append(float("nan"))
        est.validation_loss_curve_.append(float("nan"))
        warn(
            f"Training stopped, the best weights are kept: {error}", ConvergenceWarning
        )

    def _record(self, loss: float) -> None:
        est = self._estimator
        est.n_iter_ += 1
        est.loss_ = np.float64(loss)
        est.t_ += self._n_samples
        est.loss_curve_.append(est.loss_)

    def _stop_without_improvement(self) -> bool:
        """Whether nothing has improved for too long and the rate is not to shrink."""
        est = self._estimator
        if est._no_improvement_count <= est.n_iter_no_change:
            return False
        what = "Validation score" if est.early_stopping else "Training loss"
        message = (
            f"{what} did not improve more than tol={est.tol:f} for "
            f"{est.n_iter_no_change:d} consecutive epochs."
        )
        outcome = "Stopping."
        stop = True
        made = est._made_with
        if made.solver == "sgd" and made.learning_rate == "adaptive":
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
