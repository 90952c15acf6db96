"""How training went, epoch by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import check_bool
from .._display import best_of
from .._names import unknown_name
from ._shared import COLORS, axes_or_new, colors, legend_label, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from .._validation import Array
    from ..history import History

_LABELS = {
    "loss": "Loss",
    "accuracy": "Accuracy",
    "r2": "R²",
    "learning_rate": "Learning rate",
    "epoch_time": "Seconds an epoch",
}


def loss_curves(
    histories: History | Mapping[str, History] | Sequence[History],
    *,
    quantity: str = "loss",
    log: bool = False,
    mark_best: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw the loss by epoch, of one training or of several side by side.

    Parameters
    ----------
    histories : History, mapping of str to History, or sequence of History
        What `Network.fit` returned; a mapping gives the trainings names.
    quantity : str
        What to draw of each: ``"loss"``, ``"accuracy"``, ``"r2"``,
        ``"learning_rate"`` or any other that was recorded, and of the validation data
        ``"val_" + quantity``: in another colour, or for several trainings as a broken
        line.
    log : bool
        Whether the vertical scale is logarithmic.
    mark_best : bool
        Whether to mark the best epoch, by the validation data if there are any; of
        several trainings, if all of them have some.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install mlpcore[plots]``).
    TypeError
        If something else than histories is given.
    ValueError
        If there is nothing to draw: no history, no epoch, no such quantity, or on a
        logarithmic scale no value above 0.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import mlpcore
    >>> X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    >>> histories = {}
    >>> for rate in (0.01, 0.1):
    ...     net = mlpcore.Network([1, 1], output="identity", rng=0)
    ...     sgd = mlpcore.optim.SGD(rate)
    ...     histories[f"rate {rate}"] = net.fit(X, y, epochs=5, optimizer=sgd)
    >>> ax = mlpcore.plots.loss_curves(histories, ax=Figure().subplots())
    >>> len(ax.lines)
    4
    """
    named = _named(histories)
    log, mark_best = check_bool("log", log), check_bool("mark_best", mark_best)
    for name, history in named.items():
        _check(history, quantity, log, f"histories[{name!r}]" if name else "histories")
    rows = -(-len(named) // 2)  # of the legend
    ax = axes_or_new(ax, "plots.loss_curves", 6.4, 4.4 + 0.17 * max(rows - 3, 0))
    if len(named) == 1 and "" in named:
        draw_quantity(ax, named[""], quantity, log=log, mark_best=mark_best)
        title = f"{label_of(quantity)} by epoch"
    else:
        _draw_several(ax, named, quantity, log, mark_best)
        title = f"{label_of(quantity)} by epoch, {len(named)} trainings"
    _finish(ax, quantity, log)
    legend_below(ax, [line for line in ax.lines if str(line.get_label())[0] != "_"])
    ax.set_title(title)
    return ax


def draw_history(history: History, ax: Axes | None, log: bool, mark_best: bool) -> Axes:
    """Draw the loss, and the score on a second axis; see `History.plot`."""
    log, mark_best = check_bool("log", log), check_bool("mark_best", mark_best)
    if not history.epoch:
        raise ValueError("the history is empty: no epoch has finished")
    score = next((s for s in ("accuracy", "r2") if _has(history, s)), None)
    if not _has(history, "loss") and score is None:
        recorded = ", ".join(history.history) or "none"
        raise ValueError(f"the history has no loss to draw, only: {recorded}")
    if _has(history, "loss"):
        _check(history, "loss", log, "history")
    ax = axes_or_new(ax, "History.plot", 6.4, 4.8)
    lines: list[Line2D] = []
    if _has(history, "loss"):
        lines = draw_quantity(
            ax, history, "loss", log=log, mark_best=mark_best, prefix="Loss, "
        )
        _finish(ax, "loss", log)
    if score is not None:
        on = ax.twinx() if lines else ax
        label = label_of(score)
        lines += draw_quantity(
            on,
            history,
            score,
            style="--",
            mark_best=mark_best and on is ax,
            prefix=f"{label}, ",
        )
        if on is ax:
            _finish(ax, score, False)
        else:
            on.set_ylabel(label)
    legend_below(ax, lines)
    return ax


def draw_quantity(
    ax: Axes,
    history: History,
    quantity: str,
    *,
    log: bool = False,
    style: str = "-",
    mark_best: bool = True,
    prefix: str = "",
) -> list[Line2D]:
    """Draw a quantity of the training data in blue, of the validation in orange."""
    lines = []
    validation = f"val_{quantity}"
    marked, best = validation, _best_of(history, validation)
    if best is None:
        marked, best = quantity, _best_of(history, quantity)
    for key, color in ((quantity, COLORS[0]), (validation, COLORS[5])):
        x, y = _points(history, key, log)
        if len(x) == 0:
            continue
        label = prefix + ("validation" if key == validation else "training")
        label = label[0].upper() + label[1:]
        if mark_best and best is not None and key == marked:
            epoch, value = best
            label += f" (best {value:.4g} in epoch {epoch})"
            _dot(ax, epoch, value, color)
        marker = _marker(x, key)
        lines += ax.plot(x, y, style, color=color, marker=marker, label=label)
        if style == "--":  # a score, which may lie on a loss
            lines[-1].set_markerfacecolor("none")
            lines[-1].set_markersize(9)
    return lines


def _marker(x: Array, key: str) -> str | None:
    """Return the marker of a curve that is a single point, and so has no line."""
    if len(x) > 1:
        return None
    return "D" if key.startswith("val_") else "o"


def legend_below(ax: Axes, lines: Sequence[Any]) -> None:
    """Put the legend below the axes, where no curve can be under it."""
    from matplotlib.transforms import ScaledTranslation

    widest = max(len(str(line.get_label())) for line in lines)
    columns = 1 if len(lines) == 1 or widest > 48 else 2
    figure = ax.get_figure(root=True)
    assert figure is not None
    # Below the axis's numbers and name, whose height is that of their letters.
    lower = ScaledTranslation(0.0, -36 / 72, figure.dpi_scale_trans)
    ax.legend(
        handles=list(lines),
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        bbox_transform=ax.transAxes + lower,
        ncols=columns,
        fontsize="small",
        frameon=False,
    )


def label_of(quantity: str) -> str:
    """Return a quantity's name for an axis."""
    return _LABELS.get(quantity, quantity)


def _named(histories: Any) -> dict[str, History]:
    """Return the histories by name; a single one without a name has an empty one."""
    from ..history import History

    if isinstance(histories, History):
        return {"": histories}
    if isinstance(histories, Mapping):
        named = {str(name): history for name, history in histories.items()}
    elif isinstance(histories, Sequence) and not isinstance(histories, str):
        named = {f"training {i + 1}": each for i, each in enumerate(histories)}
    else:
        raise TypeError(
            "histories must be a History, or a mapping or sequence of them, "
            f"got {type(histories).__name__}"
        )
    if not named:
        raise ValueError("histories has no history, at least 1 is needed")
    for name, history in named.items():
        if not isinstance(history, History):
            raise TypeError(
                f"histories[{name!r}] must be a History, got {type(history).__name__}"
            )
    return named


def _has(history: History, quantity: str) -> bool:
    return quantity in history.history or f"val_{quantity}" in history.history


def _check(history: History, quantity: str, log: bool, name: str) -> None:
    if not history.epoch:
        raise ValueError(f"{name} is empty: no epoch has finished")
    if not _has(history, quantity):
        known = [key for key in history.history if not key.startswith("val_")]
        raise unknown_name("quantity", quantity, known)
    keys = (quantity, f"val_{quantity}")
    if all(len(_points(history, key, log)[0]) == 0 for key in keys):
        wanted = "finite value above 0 to draw with log=True" if log else "finite value"
        raise ValueError(f"{name} has a {quantity}, but no {wanted}")


def _points(history: History, key: str, log: bool) -> tuple[Array, Array]:
    """Return the epochs, counted from 1, and what was recorded in them.

    Epochs without a value (a quantity computed every fifth epoch) are joined over.
    """
    y = np.array(history.history.get(key, []), dtype=np.float64)
    x = np.array(history.epoch[: len(y)], dtype=np.int64) + 1
    shown = np.isfinite(y) & ((y > 0) | (not log))
    return x[shown], y[shown]


def _best_of(history: History, key: str) -> tuple[int, float] | None:
    """Return in which epoch and how good the best value is, if there are several."""
    return best_of(history, key) if len(history) > 1 else None


def _dot(ax: Axes, epoch: int, value: float, color: Any) -> None:
    ax.plot([epoch], [value], "o", color=color, markeredgecolor="white", label="_best")


def _draw_several(
    ax: Axes, named: dict[str, History], quantity: str, log: bool, mark_best: bool
) -> None:
    # By one kind of data, or the best of a training would be compared with those of a
    # validation.
    key = f"val_{quantity}"
    if not all(key in history.history for history in named.values()):
        key = quantity
    for (name, history), color in zip(named.items(), colors(len(named)), strict=True):
        label = legend_label(shorten(name, 32))
        best = _best_of(history, key) if mark_best else None
        if best is not None:
            epoch, value = best
            label += f" (best {value:.4g} in epoch {epoch})"
            if value > 0 or not log:
                _dot(ax, epoch, value, color)
        for drawn, style in ((quantity, "-"), (f"val_{quantity}", "--")):
            x, y = _points(history, drawn, log)
            if len(x):
                marker = _marker(x, drawn)
                ax.plot(x, y, style, color=color, marker=marker, label=label)
                label = "_" + label  # one entry a training
    if any(f"val_{quantity}" in history.history for history in named.values()):
        for style, of in (("-", "training data"), ("--", "validation data")):
            ax.plot([], [], style, color="0.4", label=of)


def _finish(ax: Axes, quantity: str, log: bool) -> None:
    ax.set_xlabel("Epoch")
    ax.set_ylabel(label_of(quantity))
    ax.grid(alpha=0.3)
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

    ax.xaxis.set_major_locator(
        MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1)
    )
    if log:
        ax.set_yscale("log")
        # Plain numbers, and between the powers of ten where there are few of those.
        low, high = ax.get_ylim()
        few = high < 100 * low
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
        ax.yaxis.set_minor_formatter(FuncFormatter(lambda y, _: ""))
