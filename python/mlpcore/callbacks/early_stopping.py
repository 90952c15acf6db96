"""Stop when nothing gets better any more."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from .._arguments import check_bool, check_integer
from ._monitor import MonitorCallback
from .base import Logs


class EarlyStopping(MonitorCallback):
    """Stop training when a quantity has stopped improving.

    Parameters
    ----------
    monitor : str
        The quantity's name in the logs.
    min_delta : float
        An improvement is a change by more than this; 0 or more.
    patience : int
        How many epochs without improvement to wait for.
    mode : {"auto", "min", "max"}
        Which direction is better. ``"auto"`` is ``"max"`` for names that end in
        ``accuracy`` or ``r2``, else ``"min"``.
    restore_best_weights : bool
        Whether the network ends with the weights of its best epoch. It does so whether
        or not training was stopped early, but not after an exception or Ctrl-C.
    start_from_epoch : int
        Epochs before this one are not looked at.

    Attributes
    ----------
    best : float or None
        The best value seen.
    best_epoch : int
        The epoch of it, counted from 0.
    stopped_epoch : int
        The epoch after which training was stopped, or 0 if it was not.

    Examples
    --------
    >>> stop = EarlyStopping(monitor="val_accuracy", patience=5)
    >>> stop.patience
    5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        mode: str = "auto",
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.patience = check_integer("patience", patience, 0)
        self.restore_best_weights = check_bool(
            "restore_best_weights", restore_best_weights
        )
        self.start_from_epoch = check_integer("start_from_epoch", start_from_epoch, 0)
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0
        self.stopped_epoch = 0
        self._wait = 0
        self._best_weights: NDArray[Any] | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Forget the training before, so an instance can be used again."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Compare with the best epoch so far."""
        current = self._current(logs)
        if epoch < self.start_from_epoch:
            return
        if self._is_better(current, self.best):
            self.best = current
            self.best_epoch = epoch
            self._wait = 0
            if self.restore_best_weights:
                self._best_weights = self.network.get_parameters()
            return
        self._wait += 1
        if self._wait >= self.patience:
            self.stopped_epoch = epoch
            self.trainer.stop_training = True

    def on_train_end(self, logs: Logs) -> None:
        """Restore the best weights, unless an exception ended the training."""
        # After Ctrl-C or a DivergenceError the Trainer promises other weights.
        if self.error is None and self._best_weights is not None:
            self.network.set_parameters(self._best_weights)
        self._best_weights = None

    def get_state(self) -> dict[str, Any]:
        """Return the best epoch so far and how long ago it was."""
        state: dict[str, Any] = {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "stopped_epoch": self.stopped_epoch,
            "wait": self._wait,
        }
        if self._best_weights is not None:
            state["best_weights"] = self._best_weights
        return state

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there; a training that was stopped is over."""
        self.best = state["best"]
        self.best_epoch = state["best_epoch"]
        self.stopped_epoch = state["stopped_epoch"]
        self._wait = state["wait"]
        self._best_weights = state.get("best_weights")
        if self._wait and self._wait >= self.patience:
            self.trainer.stop_training = True
