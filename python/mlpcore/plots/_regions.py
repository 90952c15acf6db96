"""What a model says over the plane of two features."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._arguments import check_integer
from .._metrics import r2_score
from .._names import unknown_name
from .._validation import Array, as_real_array
from ._model import Model, as_model
from ._shared import (
    MARKERS,
    axes_or_new,
    check_names,
    class_colors,
    legend_label,
    shorten,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_CLASSES = 20


def decision_regions(
    net: Any,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    features: tuple[int | str, int | str] = (0, 1),
    held: str = "median",
    output: int | None = None,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    resolution: int = 200,
    ax: Axes | None = None,
) -> Axes:
    """Draw what a model predicts over the plane of two features.

    A classifier's regions have the colour of the class, paler where it is less sure,
    and a line where they meet. Regression is drawn as contours of the output.

    Parameters
    ----------
    net : Network or estimator
        A network, or a fitted estimator with ``predict`` (and ``predict_proba``).
    X : array_like, shape (n, n_in)
        Rows as the model takes them: they give the part of the plane, and are drawn as
        points.
    y : array_like, shape (n,), optional
        The true class or value of each row, for the colour of its point.
    features : tuple of int or str
        The two features, by column or by name.
    held : {"median", "mean"}
        What the other features are held at, if there are any. The points are not:
        they may lie in a region of the wrong colour and be predicted rightly.
    output : int, optional
        Of several outputs of a regression, which to draw; of several yes-or-no outputs,
        which question; of a classifier, the class whose probability to draw.
    feature_names : sequence of str, optional
        A name for each of the n_in features; by default those of a data frame.
    class_names : sequence of str, optional
        A name for each class, for the legend.
    resolution : int
        How many points of the plane are computed in each direction.
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
    TypeError, ValueError
        If the model cannot predict or X does not fit it, if there are no such features
        or outputs, or X has no rows that are finite in the two features.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import mlpcore
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> net = mlpcore.Network([2, 8, 2], "tanh", rng=0)
    >>> history = net.fit(X, y, epochs=300, optimizer=mlpcore.optim.Adam(0.05))
    >>> ax = mlpcore.plots.decision_regions(net, X, y, ax=Figure().subplots())
    >>> ax.get_title()
    'Decision regions: 100.0% of 4 right'
    """
    model = as_model(net, output)
    if feature_names is None and hasattr(X, "columns"):
        feature_names = [str(name) for name in X.columns]
    rows = _rows(X, model)
    names = check_names("feature_names", feature_names, rows.shape[1])
    columns = _columns(features, rows.shape[1], feature_names)
    truth = None if y is None else _truth(y, model, len(rows))
    if held not in ("median", "mean"):
        raise unknown_name("held", held, ["median", "mean"])
    resolution = check_integer("resolution", resolution, 2)
    called = _class_names(model, class_names)
    shown = np.isfinite(rows[:, columns]).all(axis=1)
    if not shown.any():
        raise ValueError(f"no row of X is finite in the features {features}")

    xs, ys, grid = _plane(rows, columns, held, resolution)
    values = model.predict(_like(X, grid)).reshape(resolution, resolution, -1)
    title = _title(model, rows, truth, X)
    if rows.shape[1] > 2:
        n_held = rows.shape[1] - 2
        title += f"\n{n_held} other feature{'s' * (n_held > 1)} at the {held}"
    left_out = int((~shown).sum())
    if left_out:
        title += f"\n{left_out:,} rows not finite, left out"

    ax = axes_or_new(ax, "plots.decision_regions", 6.0, 5.0)
    points = rows[shown][:, columns]
    true = None if truth is None else truth[shown]
    if model.classes is None:
        _draw_contours(ax, model, xs, ys, values[:, :, 0], points, true)
    else:
        _draw_classes(ax, called, xs, ys, values, points, true)
    ax.set(xlim=(xs[0], xs[-1]), ylim=(ys[0], ys[-1]))
    x_label, y_label = (
        f"Feature {column}" if names is None else names[column] for column in columns
    )
    ax.set(xlabel=x_label, ylabel=y_label)
    ax.set_title(title, fontsize="medium")
    return ax


def _rows(X: Any, model: Model) -> Array:
    rows = as_real_array(X, None, "X").astype(np.float64)
    if rows.ndim != 2 or rows.shape[1] < 2:
        raise ValueError(
            f"X must be 2-D (n, n_in) with two features or more, got shape {rows.shape}"
        )
    if model.n_in is not None and rows.shape[1] != model.n_in:
        raise ValueError(
            f"X has {rows.shape[1]} features, but the model expects {model.n_in}"
        )
    if len(rows) == 0:
        raise ValueError("X has 0 rows, at least 1 is needed")
    return rows


def _columns(features: Any, n_in: int, names: Sequence[str] | None) -> list[int]:
    wanted = f"features must be two different columns of {n_in}"
    if isinstance(features, str) or len(list(np.ravel(features))) != 2:
        raise ValueError(f"{wanted}, got {features!r}")
    columns = []
    for feature in features:
        if isinstance(feature, str):
            if names is None:
                raise ValueError(f"features has {feature!r}, but there are no names")
            if feature not in list(names):
                raise unknown_name("feature", feature, list(names))
            columns.append(list(names).index(feature))
            continue
        column = check_integer("features", feature, -n_in)
        if column >= n_in:
            raise ValueError(f"{wanted}, got {column}")
        columns.append(column % n_in)
    if columns[0] == columns[1]:
        raise ValueError(f"{wanted}, got {features!r}")
    return columns


def _truth(y: Any, model: Model, n: int) -> Array:
    """Return the index of the class, or the value, of each row."""
    array = np.asarray(y)
    of_classes = model.classes is not None or not model.scored
    if array.ndim == 2:
        if array.shape[1] <= 1 or model.questions or not of_classes:
            column = model.output if array.shape[1] > 1 else 0
            if column >= array.shape[1]:
                raise ValueError(f"y has {array.shape[1]} columns, output is {column}")
            array = array[:, column]
        else:
            array = array.argmax(axis=1)  # one-hot, or probabilities
    if array.shape != (n,):
        raise ValueError(f"y must have the shape ({n},), got {np.shape(y)}")
    if not model.scored:
        is_it: Array = array == model.of_class
        return is_it.astype(np.float64)
    if model.classes is None:
        return as_real_array(array, None, "y").astype(np.float64)
    index = {label: i for i, label in enumerate(model.classes)}
    found = np.array([index.get(label, -1) for label in array.tolist()], dtype=int)
    if (found < 0).any():
        row = int(np.argmax(found < 0))
        raise ValueError(
            f"y contains class {array.tolist()[row]!r}, which the model has not"
        )
    return found


def _class_names(model: Model, class_names: Sequence[str] | None) -> list[str]:
    if model.classes is None:
        return []
    n = len(model.classes)
    if n > _MOST_CLASSES:
        raise ValueError(
            f"the model has {n} classes, at most {_MOST_CLASSES} can be told apart; "
            "give output= to draw the probability of one"
        )
    names = check_names("class_names", class_names, n)
    return names or [shorten(str(label)) for label in model.classes]


def _plane(
    rows: Array, columns: list[int], held: str, resolution: int
) -> tuple[Array, Array, Array]:
    """Return the coordinates of the plane, and a row for each of its points."""
    middle: Callable[..., Any] = np.nanmedian if held == "median" else np.nanmean
    finite = np.where(np.isfinite(rows), rows, np.nan)
    others = [i for i in range(rows.shape[1]) if i not in columns]
    base = np.zeros(rows.shape[1])
    for i in others:
        if np.isnan(finite[:, i]).all():
            raise ValueError(f"X has no finite value in column {i} to hold it at")
        base[i] = middle(finite[:, i])
    axes = []
    for i in columns:
        low, high = np.nanmin(finite[:, i]), np.nanmax(finite[:, i])
        margin = 0.06 * (high - low) or 0.5
        axes.append(np.linspace(low - margin, high + margin, resolution))
    grid = np.tile(base, (resolution * resolution, 1))
    mesh = np.meshgrid(*axes)
    for i, coordinate in zip(columns, mesh, strict=True):
        grid[:, i] = coordinate.ravel()
    return axes[0], axes[1], grid


def _like(X: Any, grid: Array) -> Any:
    """Return the grid as a data frame if X is one, which an estimator insists on."""
    if hasattr(X, "columns") and hasattr(X, "iloc"):
        return type(X)(grid, columns=X.columns)
    return grid


def _title(model: Model, rows: Array, truth: Array | None, X: Any) -> str:
    title = model.title
    if truth is None:
        return title
    usable = np.isfinite(rows).all(axis=1) & np.isfinite(truth)
    if not usable.any():
        return title
    predicted = model.predict(_like(X, rows[usable]))
    n = int(usable.sum())
    if model.classes is None:
        if not model.scored:
            return title
        score = r2_score(truth[usable, None], predicted[:, :1], None)
        return f"{title}: R² {score:.3g} of {n:,} rows"
    share = float((predicted.argmax(axis=1) == truth[usable]).mean())
    return f"{title}: {share:.1%} of {n:,} right"


def _point_size(n: int) -> float:
    return float(np.clip(7000 / n, 12, 36))


def _draw_classes(
    ax: Axes,
    names: list[str],
    xs: Array,
    ys: Array,
    p: Array,
    points: Array,
    truth: Array | None,
) -> None:
    palette = class_colors(len(names))
    light = 1.0 - 0.5 * (1.0 - palette)
    # Where the model gives no finite answer, nothing is drawn.
    image = np.nan_to_num(p, nan=0.0) @ (light - 1.0) + 1.0
    ax.imshow(
        np.clip(image, 0.0, 1.0),
        extent=(xs[0], xs[-1], ys[0], ys[-1]),
        origin="lower",
        aspect="auto",
        interpolation="bilinear",
        zorder=0,
    )
    for k in range(len(names)):
        others = np.delete(p, k, axis=2)
        if others.shape[2] == 0:
            break
        ahead = p[:, :, k] - others.max(axis=2)
        if ahead.min() < 0 < ahead.max():
            ax.contour(xs, ys, ahead, [0.0], colors="0.25", linewidths=1.0, zorder=1)
    size = _point_size(len(points))
    if truth is None:
        ax.scatter(
            points[:, 0],
            points[:, 1],
            s=size,
            color="0.3",
            edgecolors="white",
            linewidths=0.5,
        )
    for k, name in enumerate(names):
        marker = MARKERS[k % len(MARKERS)]
        of = points[truth == k] if truth is not None else points[:0]
        ax.scatter(
            of[:, 0],
            of[:, 1],
            s=size * (1.7 if marker in "PX*" else 1.0),  # these have little area
            color=palette[k],
            marker=marker,
            edgecolors="white",
            linewidths=0.5,
            label=legend_label(name),
            zorder=2,
        )
    many = len(names) > 6 or max(map(len, names)) > 14
    where: dict[str, Any] = {"loc": "best"}
    if many:
        where = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)}
    ax.legend(
        title="Class",
        fontsize="small",
        title_fontsize="small",
        markerscale=1.4,
        **where,
    )


def _draw_contours(
    ax: Axes,
    model: Model,
    xs: Array,
    ys: Array,
    values: Array,
    points: Array,
    truth: Array | None,
) -> None:
    from matplotlib.colors import Normalize
    from matplotlib.ticker import MaxNLocator

    values = np.ma.masked_invalid(values)
    everything = [values.compressed()]
    if truth is not None and model.scored:
        everything.append(truth[np.isfinite(truth)])
    low, high = (f(np.concatenate(everything)) for f in (np.min, np.max))
    if not model.scored:
        low, high = 0.0, 1.0
    if low == high:
        low, high = low - 0.5, high + 0.5
    locator = MaxNLocator(12, steps=[1, 2, 2.5, 5, 10])
    levels = locator.tick_values(float(low), float(high))
    norm = Normalize(levels[0], levels[-1])
    filled = ax.contourf(
        xs, ys, values, levels, cmap="viridis", norm=norm, alpha=0.85, zorder=0
    )
    figure = ax.get_figure()
    assert figure is not None
    figure.colorbar(filled, ax=ax, label=model.label)
    size = _point_size(len(points))
    style: dict[str, Any] = {"s": size, "edgecolors": "white", "linewidths": 0.4}
    if truth is None:
        ax.scatter(points[:, 0], points[:, 1], color="0.3", **style)
    else:
        ax.scatter(
            points[:, 0], points[:, 1], c=truth, cmap="viridis", norm=norm, **style
        )
