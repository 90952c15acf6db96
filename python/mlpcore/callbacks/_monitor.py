"""What the callbacks that watch a quantity have in common."""

from __future__ import annotations

import math

from .._arguments import check_real
from .._names import nearest, unknown_name
from .base import Callback, Logs

# Quantities that are better when larger, with or without "val_" before them.
_LARGER_IS_BETTER = ("accuracy", "r2")


class MonitorCallback(Callback):
    """Base of the callbacks that watch one of the logged quantities.

    Parameters
    ----------
    monitor : str
        Its name in the logs.
    mode : {"auto", "min", "max"}
        Which direction is better; ``"auto"`` tells by the name.
    min_delta : float
        How much better a value must be to count.
    """

    def __init__(self, monitor: str, mode: str, min_delta: float) -> None:
        if not isinstance(monitor, str):
            raise TypeError(f"monitor must be a str, got {monitor!r}")
        if mode not in ("auto", "min", "max"):
            raise unknown_name("mode", mode, ["auto", "min", "max"])
        self.monitor = monitor
        self.mode = mode
        self.min_delta = check_real("min_delta", min_delta, 0)
        if mode == "auto":
            mode = "max" if monitor.endswith(_LARGER_IS_BETTER) else "min"
        self._sign = 1.0 if mode == "max" else -1.0

    def _current(self, logs: Logs) -> float:
        """Return the quantity; ValueError if it is not logged."""
        if self.monitor not in logs:
            available = ", ".join(repr(name) for name in logs) or "nothing"
            hint = ""
            near = nearest(self.monitor, list(logs))
            of_validation = self.monitor.startswith("val_")
            if of_validation and not any(name.startswith("val_") for name in logs):
                hint = "; pass validation_data or validation_split to fit"
            elif near is not None:
                hint = f"; did you mean {near!r}?"
            raise ValueError(
                f"{type(self).__name__} monitors {self.monitor!r}, "
                f"but the epoch has {available}{hint}"
            )
        return float(logs[self.monitor])

    def _is_better(self, current: float, best: float | None) -> bool:
        """Whether `current` beats `best`; NaN beats nothing, anything beats NaN."""
        if math.isnan(current):
            return False
        if best is None or math.isnan(best):
            return True
        return self._sign * (current - best) > self.min_delta
