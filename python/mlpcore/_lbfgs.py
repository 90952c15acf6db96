"""Training by L-BFGS: the whole training set at each step, through SciPy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from ._optional import require
from ._validation import Array
from .errors import DivergenceError
from .history import History

if TYPE_CHECKING:
    from ._data import Data
    from .callbacks.base import CallbackList, Logs
    from .optim import LBFGS
    from .trainer import Trainer


def minimize(
    trainer: Trainer,
    settings: LBFGS,
    data: Data,
    validation: Data | None,
    hooks: CallbackList,
) -> History:
    """Minimise the loss; every iteration is an epoch of the history.

    Parameters
    ----------
    trainer : Trainer
        Whose network is trained.
    settings : LBFGS
        The optimizer.
    data, validation : Data
        All rows, and those to evaluate after each iteration.
    hooks : CallbackList
        Whom to tell.

    Returns
    -------
    History
        Of the iterations.

    Raises
    ------
    DivergenceError
        If the first loss is not finite, or the search ended at one that is not.
    """
    scipy_optimize = require("scipy.optimize", "lbfgs", "the LBFGS optimizer")
    network, core = trainer.network, trainer._core
    l2 = trainer._l2
    start = network.get_parameters()
    is_weight = _is_weight(trainer)
    data_losses: dict[bytes, float] = {}  # of the points seen since the last iteration
    points = 0  # looked at; the first one belongs to no iteration
    begun = 0  # epochs

    def objective(flat: Array) -> tuple[float, Array]:
        nonlocal points, begun
        if points and begun == len(history.epoch):
            hooks.on_epoch_begin(begun)
            begun += 1
        points += 1
        network.set_parameters(flat)
        loss, gradient = network._core.loss_and_gradient(
            data.x,
            *data.targets,
            data.weights,
            trainer._label_smoothing,
            drops_tiny=True,
        )
        data_losses[flat.tobytes()] = loss
        gradient = gradient.astype(np.float64)
        if l2:
            weights = np.where(is_weight, flat, 0.0)
            loss += 0.5 * l2 * float(weights @ weights)
            gradient += l2 * weights
        return loss, gradient

    history = History()
    finite = start.copy()
    failure: StopIteration | None = None  # of a hook
    started = time.perf_counter()

    def after_iteration(intermediate_result: Any) -> None:
        nonlocal started, finite, failure
        epoch = len(history.epoch)
        flat = intermediate_result.x
        network.set_parameters(flat)
        if np.isfinite(intermediate_result.fun):
            finite = network.get_parameters()
        loss = data_losses.get(flat.tobytes(), intermediate_result.fun)
        data_losses.clear()
        logs: Logs = {"loss": float(loss)}
        if validation is not None:
            logs.update(trainer.evaluate_validation(validation))
        now = time.perf_counter()
        logs["epoch_time"] = now - started
        started = now
        core.set_counts(core.step_count + 1, core.epoch_count + 1)
        try:
            hooks.on_epoch_end(epoch, logs)
        except StopIteration as error:  # to SciPy it says no more than: stop
            failure = error
            raise
        history.append(epoch, logs)
        if trainer.stop_training:
            raise StopIteration

    with hooks:
        if trainer.stop_training:
            return history
        try:
            result = scipy_optimize.minimize(
                objective,
                start.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=after_iteration,
                options={
                    "maxiter": settings.max_iter,
                    "maxfun": settings.max_fun,
                    "maxcor": settings.history_size,
                    "gtol": settings.tol,
                    # Only when the loss stands still: the gradient decides.
                    "ftol": 8 * np.finfo(np.float64).eps,
                },
            )
            if failure is not None:
                raise failure
        except BaseException:
            network.set_parameters(finite)
            raise
        if not (np.isfinite(result.fun) and np.isfinite(result.x).all()):
            network.set_parameters(finite)
            raise DivergenceError(
                f"the loss became {result.fun} in iteration {len(history.epoch)}; the "
                "weights are back at those of the last finite iteration. Try features "
                "scaled to about unit size.",
                epoch=len(history.epoch),
                loss=float(result.fun),
            )
        if not trainer.stop_training:  # a callback may have restored other weights
            network.set_parameters(result.x)
    return history


def _is_weight(trainer: Trainer) -> Array:
    """Which parameters are weights, not biases, in `get_parameters` order."""
    flags = np.zeros(trainer.network.n_parameters, bool)
    for weights in trainer.network._split(flags)[0]:
        weights[...] = True
    return flags
