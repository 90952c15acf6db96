"""Lower the learning rate when nothing gets better any more."""

from __future__ import annotations

from typing import Any

from .._arguments import check_integer, check_real
from ._monitor import MonitorCallback
from .base import Logs


class ReduceLROnPlateau(MonitorCallback):
    """Lower the learning rate when a quantity has stopped improving.

    Multiplies ``trainer.learning_rate_scale``, which the optimizer's learning rate, or
    its schedule, is multiplied by.

    Parameters
    ----------
    monitor : str
        The quantity's name in the logs.
    factor : float
        The rate is multiplied by this; in (0, 1).
    patience : int
        After how many epochs without improvement.
    mode : {"auto", "min", "max"}
        Which direction is better. ``"auto"`` is ``"max"`` for names that end in
        ``accuracy`` or ``r2``, else ``"min"``.
    min_delta : float
        An improvement is a change by more than this; 0 or more.
    cooldown : int
        How many epochs after a reduction not to count.
    min_lr : float
        The rate is not made lower than this; 0 or more.

    Examples
    --------
    >>> ReduceLROnPlateau(factor=0.5, patience=3).factor
    0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta)
        self.factor = check_real("factor", factor, 0, 1, closed="neither")
        self.patience = check_integer("patience", patience, 0)
        self.cooldown = check_integer("cooldown", cooldown, 0)
        self.min_lr = check_real("min_lr", min_lr, 0)
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self._wait = 0
        self._cooldown_left = 0

    def on_train_begin(self, logs: Logs) -> None:
        """Forget the training before, so an instance can be used again."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Compare with the best epoch so far."""
        current = self._current(logs)
        if self._cooldown_left > 0:
            self._cooldown_left -= 1
            self._wait = 0
        if self._is_better(current, self.best):
            self.best = current
            self._wait = 0
        elif self._cooldown_left == 0:
            self._wait += 1
            if self._wait >= self.patience:
                self._reduce(logs)

    def _reduce(self, logs: Logs) -> None:
        if "learning_rate" not in logs:
            raise ValueError(
                "ReduceLROnPlateau needs an optimizer with a learning rate"
            )
        rate = logs["learning_rate"]
        if rate <= self.min_lr:
            return
        self.trainer.learning_rate_scale *= max(self.factor, self.min_lr / rate)
        self._cooldown_left = self.cooldown
        self._wait = 0

    def get_state(self) -> dict[str, Any]:
        """Return the best value so far and how long ago it was."""
        return {
            "best": self.best,
            "wait": self._wait,
            "cooldown_left": self._cooldown_left,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best = state["best"]
        self._wait = state["wait"]
        self._cooldown_left = state["cooldown_left"]
