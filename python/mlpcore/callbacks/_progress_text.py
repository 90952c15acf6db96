"""The state of a training, and how it reads in a bar and in a line."""

from __future__ import annotations

import math

from .base import Logs

# Logs that say nothing about how good the network is.
_NOT_SHOWN = ("learning_rate", "epoch_time")


class Status:
    """How far a training is.

    Parameters
    ----------
    n_epochs : int
        How many epochs this training is to have.
    n_rows : int or None
        How many rows an epoch has.
    now : float
        The time in seconds.
    """

    def __init__(self, n_epochs: int, n_rows: int | None, now: float) -> None:
        self.n_epochs = n_epochs
        self.n_rows = n_rows
        self.started_at = self.now = now
        self.epochs_done = 0
        self.epoch_fraction = 0.0  # of the epoch that is under way
        self.logs: Logs = {}
        self.ended = False

    def advance(self, fraction: float, logs: Logs) -> None:
        """Note how much of the epoch is done, and its figures so far."""
        self.epoch_fraction = fraction
        self.logs = {**self.logs, **logs}

    def finish_epoch(self, logs: Logs) -> None:
        """Note that the epoch is over, and its figures."""
        self.epochs_done += 1
        self.epoch_fraction = 0.0
        self.logs = {k: v for k, v in logs.items() if k not in _NOT_SHOWN}

    @property
    def fraction(self) -> float:
        """How much of the whole is done, from 0 to 1."""
        done = self.epochs_done + self.epoch_fraction
        return min(done / max(self.n_epochs, 1), 1.0)

    def counter(self) -> str:
        """Return ``" 7/50"``: the epoch that is under way, or the last finished one."""
        width = len(str(self.n_epochs))
        under_way = self.epochs_done + (self.epoch_fraction > 0)
        return f"{under_way:{width}d}/{self.n_epochs}"

    def line(self) -> str:
        """Return one line of plain ASCII text for a finished epoch."""
        figures = [f"{name} {_figure(value)}" for name, value in self.logs.items()]
        return "  ".join([f"epoch {self.counter()}", *figures, self._rate()]).rstrip()

    def bar_text(self, room: int) -> str:
        """Return what stands beside the bar, the most important of what fits.

        Parameters
        ----------
        room : int
            How many columns there are.
        """
        scores = ("val_accuracy", "val_r2", "accuracy", "r2")
        names = ["loss", "val_loss", *[s for s in scores if s in self.logs][:1]]
        parts = [f"{n} {_figure(self.logs[n])}" for n in names if n in self.logs]
        text = ""
        for part in [*parts, self._rate(), self._time()]:
            longer = f"{text}  {part}" if text else part
            if part and len(longer) <= room:
                text = longer
        return text

    def _rate(self) -> str:
        elapsed = self.now - self.started_at
        done = self.epochs_done + self.epoch_fraction
        if elapsed <= 0 or done == 0:
            return ""
        if self.n_rows is None:
            return f"{_si(done / elapsed)} epochs/s"
        return f"{_si(done * self.n_rows / elapsed)} rows/s"

    def _time(self) -> str:
        elapsed = self.now - self.started_at
        if self.ended:
            return _duration(elapsed)
        if self.fraction == 0.0:
            return ""
        return f"{_duration(elapsed * (1.0 / self.fraction - 1.0))} left"


def _figure(value: float) -> str:
    """Four decimals, which keep the columns in place, or an exponent."""
    if value == 0.0 or 1e-3 <= abs(value) < 1e4 or not math.isfinite(value):
        return f"{value:.4f}"
    return f"{value:.2e}"


def _si(value: float) -> str:
    for factor, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g}{suffix}"
    return f"{value:.3g}"


def _duration(seconds: float) -> str:
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, seconds = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}:{seconds:02d} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d} h"
