"""What a training recorded, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._optional import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

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
        n_before = len(self.epoch)
        for name in values:
            self.history.setdefault(name, [float("nan")] * n_before)
        for name, column in self.history.items():
            column.append(values.get(name, float("nan")))
        self.epoch.append(int(epoch))

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the loss, and the accuracy (or R²) on a second axis.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure if None.

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
        if not self.epoch:
            raise ValueError("the history is empty: no epoch has finished")
        if ax is None:
            ax = pyplot("History.plot").subplots(layout="constrained")[1]
        lines = self._draw(ax, "loss", "Loss", style="-")
        ax.set_xlabel("Epoch")
        ax.locator_params(axis="x", integer=True)
        ax.grid(alpha=0.3)
        top = ax
        score = next((s for s in ("accuracy", "r2") if self._has(s)), None)
        if score is not None:
            if lines:
                top = ax.twinx()
            label = {"accuracy": "Accuracy", "r2": "R²"}[score]
            lines += self._draw(top, score, label, style="--")
        if not lines:
            recorded = ", ".join(self.history) or "none"
            raise ValueError(f"the history has no loss to draw, only: {recorded}")
        # On the upper axes, or its lines would cross the box. Losses fall and scores
        # rise, which leaves the middle of the right side free.
        top.legend(handles=lines, loc="center right")
        return ax

    def _has(self, name: str) -> bool:
        return name in self.history or f"val_{name}" in self.history

    def _draw(self, ax: Axes, name: str, label: str, style: str) -> list[Line2D]:
        """Draw a quantity of the training and the validation data."""
        x = [epoch + 1 for epoch in self.epoch]
        # A single epoch has no line, only a point.
        marker = "o" if len(x) == 1 else None
        lines = []
        for key, color in ((name, "tab:blue"), (f"val_{name}", "tab:orange")):
            if key in self.history:
                of = "validation" if key.startswith("val_") else "training"
                lines += ax.plot(
                    x,
                    self.history[key],
                    style,
                    color=color,
                    marker=marker,
                    label=f"{label}, {of}",
                )
        ax.set_ylabel(label)
        return lines

    def __len__(self) -> int:
        """Return the number of epochs."""
        return len(self.epoch)

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
