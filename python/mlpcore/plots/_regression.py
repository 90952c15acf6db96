"""What a network for regression gets right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._metrics import r2_score
from .._names import unknown_name
from .._optional import pyplot
from .._validation import Array, as_real_array
from ._shared import COLORS, axes_or_new, check_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Beyond these, points hide each other and are counted instead.
_MOST_POINTS = 2000
_PANEL_INCHES = 4.2


def predicted_against_true(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    kind: str = "auto",
    names: Sequence[str] | None = None,
    ax: Axes | Sequence[Axes] | NDArray[Any] | None = None,
) -> Axes | NDArray[Any]:
    """Draw what was predicted over what is true; on the line, both are equal.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (n,) or (n, n_out)
        The true and the predicted values. Rows with NaN or infinity are left out, and
        counted in the title.
    kind : {"auto", "points", "hexbin"}
        A point a row, or the number of rows in hexagons; ``"auto"`` draws hexagons
        for more than 2,000 rows.
    names : sequence of str, optional
        What the outputs are, one name each.
    ax : matplotlib.axes.Axes or sequence of them, optional
        Where to draw, one for each output; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes or ndarray of them
        The axes drawn on; an array if there are several outputs.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install mlpcore[plots]``).
    TypeError
        If the arrays are not numeric, or `ax` is not axes.
    ValueError
        If the arrays' shapes differ or no row is finite, if there is no such `kind`,
        or if there are not as many names or axes as outputs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mlpcore import plots
    >>> ax = plots.predicted_against_true(
    ...     [1.0, 2.0, 3.0], [1.0, 2.5, 2.5], ax=Figure().subplots()
    ... )
    >>> ax.get_title()
    'R² 0.75, MAE 0.3333'
    """
    true, predicted = _columns(y_true, "y_true"), _columns(y_pred, "y_pred")
    if true.shape != predicted.shape:
        raise ValueError(
            f"y_true has the shape {np.shape(y_true)}, y_pred {np.shape(y_pred)}"
        )
    n_out = true.shape[1]
    if kind not in ("auto", "points", "hexbin"):
        raise unknown_name("kind", kind, ["auto", "points", "hexbin"])
    called = check_names("names", names, n_out)
    finite = np.isfinite(true) & np.isfinite(predicted)
    for i in range(n_out):
        if not finite[:, i].any():
            what = f" in column {i}" if n_out > 1 else ""
            raise ValueError(f"no row of y_true and y_pred is finite{what}")
    if kind == "auto":
        kind = "hexbin" if len(true) > _MOST_POINTS else "points"

    axes = _panels(ax, n_out)
    for i, panel in enumerate(axes):
        rows = finite[:, i]
        t, p = true[rows, i], predicted[rows, i]
        _draw(panel, t, p, kind)
        title = f"R² {r2_score(t[:, None], p[:, None], None):.3g}"
        error = float(np.abs(t - p).mean())
        title += f", MAE {error:,.0f}" if 1e4 <= error < 1e9 else f", MAE {error:.4g}"
        if n_out > 1 or called is not None:
            name = called[i] if called is not None else f"Output {i}"
            title = f"{name}\n{title}"
        n_left_out = len(rows) - int(rows.sum())
        if n_left_out:
            title += f"\n{n_left_out:,} of {len(rows):,} rows not finite, left out"
        panel.set_title(title, fontsize="medium")
    return axes[0] if n_out == 1 and not np.iterable(ax) else np.array(axes)


def _columns(values: ArrayLike, name: str) -> Array:
    array = as_real_array(values, None, name).astype(np.float64)
    if array.ndim not in (1, 2) or 0 in array.shape[1:]:
        raise ValueError(
            f"{name} must be 1-D (n,) or 2-D (n, n_out), got shape {array.shape}"
        )
    if len(array) == 0:
        raise ValueError(f"{name} has 0 rows, at least 1 is needed")
    return array.reshape(len(array), -1)


def _panels(ax: Any, n_out: int) -> list[Axes]:
    """Return axes for each output."""
    if ax is None and n_out > 1:
        n_columns = min(n_out, 3 if n_out != 4 else 2)
        n_rows = -(-n_out // n_columns)
        _, grid = pyplot("plots.predicted_against_true").subplots(
            n_rows,
            n_columns,
            squeeze=False,
            figsize=(_PANEL_INCHES * n_columns, _PANEL_INCHES * n_rows),
            layout="constrained",
        )
        for empty in grid.flat[n_out:]:
            empty.set_axis_off()
        return list(grid.flat[:n_out])
    given = np.array(ax, dtype=object).ravel().tolist()
    if len(given) != n_out:
        raise ValueError(f"ax must have axes for {n_out} outputs, got {len(given)}")
    purpose = "plots.predicted_against_true"
    return [axes_or_new(each, purpose, 5.0, 5.0) for each in given]


def _draw(ax: Axes, true: Array, predicted: Array, kind: str) -> None:
    low = float(min(true.min(), predicted.min()))
    high = float(max(true.max(), predicted.max()))
    # Some room, for a single value too.
    margin = 0.04 * (high - low) or 0.04 * abs(high) or 1.0
    low, high = low - margin, high + margin
    if kind == "hexbin":
        counts = ax.hexbin(
            true,
            predicted,
            gridsize=40,
            extent=(low, high, low, high),
            bins="log",
            mincnt=1,
            cmap="viridis",
            linewidths=0.2,
        )
        figure = ax.get_figure()
        assert figure is not None
        figure.colorbar(counts, ax=ax, label="Rows", shrink=0.75)
    else:
        # So that about 200 points are as dark as one of many.
        alpha = float(np.clip((200 / len(true)) ** 0.5, 0.15, 0.8))
        ax.scatter(true, predicted, s=18, color=COLORS[0], alpha=alpha, linewidths=0)
    ax.axline((low, low), slope=1, color="0.5", linewidth=1, linestyle="--")
    ax.set(xlim=(low, high), ylim=(low, high), aspect="equal")
    ax.locator_params(nbins=6)  # the numbers of prices are long
    ax.set(xlabel="True value", ylabel="Predicted value")
    ax.grid(alpha=0.3)
    ax.set_axisbelow(True)
