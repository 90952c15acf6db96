"""What a training recorded, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import _display

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["History"]


@dataclass(repr=False)
class History:
    """The losses and scores of each epoch; what `Network.fit` returns.

    Attributes
    ----------
    history : dict of str to list of float
        By name, one value an epoch: ``loss``, ``val_loss``, ``accuracy``,
        ``val_accuracy``, ``learning_rate``, ``epoch_time`` (seconds), and what
        callbacks have added to the logs. Only what was recorded is there.
    epoch : list of int
        The epochs' numbers, counted from 0.

    Examples
    --------
    >>> history = History()
    >>> history.append(0, {"loss": 2.3, "val_loss": 2.2})
    >>> history.append(1, {"loss": 0.4, "val_loss": 0.5})
    >>> history.history["loss"]
    [2.3, 0.4]
    >>> history
    History(2 epochs, loss 2.3 -> 0.4, val_loss 2.2 -> 0.5)
    """

    history: dict[str, list[float]] = field(default_factory=dict)
    epoch: list[int] = field(default_factory=list)

    def append(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add one epoch.

        Parameters
        ----------
        epoch : int
            The epoch's number, counted from 0.
        logs : mapping of str to float
            The epoch's figures. A name that is missing in some epochs has NaN there,
            so every list is as long as `epoch`.
        """
        values = {name: float(value) for name, value in logs.items()}
        for name in values:
            if name not in self.history:
                self.history[name] = [float("nan")] * len(self.epoch)
        for name, column in self.history.items():
            column.append(values.get(name, float("nan")))
        self.epoch.append(int(epoch))

    def plot(
        self, ax: Axes | None = None, *, log: bool = False, mark_best: bool = True
    ) -> Axes:
        """Draw the loss, and the accuracy (or R²) on a second axis.

        `mlpcore.plots.loss_curves` compares several trainings.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if None.
        log : bool
            Whether the scale of the loss is logarithmic.
        mark_best : bool
            Whether to mark the epoch of the least loss, of the validation data if
            there are any.

        Returns
        -------
        matplotlib.axes.Axes
            The axes of the loss. The second axis, if there is one, belongs to the
            same figure.

        Raises
        ------
        ImportError
            If matplotlib is not installed (``pip install mlpcore[plots]``).
        ValueError
            If there is nothing to draw.
        """
        from .plots._curves import draw_history

        return draw_history(self, ax, log, mark_best)

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.epoch)

    def _repr_html_(self) -> str:
        """Return the first, the last and the best figures as a table, for notebooks."""
        return _display.history_html(self)

    def __repr__(self) -> str:
        """Return the number of epochs, and the first and last figures."""
        n = len(self.epoch)
        parts = [f"{n} epoch{'' if n == 1 else 's'}"]
        for name, column in self.history.items():
            if name in ("learning_rate", "epoch_time"):
                continue
            first, last = f"{column[0]:.4g}", f"{column[-1]:.4g}"
            parts.append(f"{name} {first} -> {last}" if n > 1 else f"{name} {last}")
        return f"History({', '.join(parts)})"
