"""Pictures of what a classifier gets right and wrong. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._arguments import check_bool, check_integer
from .._optional import pyplot
from .._validation import check_finite
from ._shared import axes_or_new, inches, name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SMALLEST_TEXT = 4.5  # points
_MOST_WITH_ZEROS = 15  # classes; in a larger matrix zeros hide the rest


def confusion_matrix(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    labels: Sequence[Any] | None = None,
    normalize: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often each class is taken for each.

    Parameters
    ----------
    y_true, y_pred : array_like, shape (n,)
        The true and the predicted class of each row.
    labels : sequence, optional
        The classes to show and their order; by default all there are, sorted. Rows of
        other classes are left out.
    normalize : bool
        Whether to show shares of the true class (each row of the picture sums to 1)
        in place of counts.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on: a row per true class, a column per predicted one.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install mlpcore[plots]``).
    TypeError
        If one array has names and the other numbers.
    ValueError
        If the arrays differ in length, are not 1-D or contain NaN, a label comes twice,
        or no row has two of the labels.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mlpcore import plots
    >>> ax = plots.confusion_matrix(
    ...     ["cat", "cow", "cow"], ["cat", "cow", "cat"], ax=Figure().subplots()
    ... )
    >>> [text.get_text() for text in ax.texts]
    ['1', '0', '1', '1']
    """
    true, predicted = _two_columns(y_true, y_pred)
    normalize = check_bool("normalize", normalize)
    counts, names = _count_pairs(true, predicted, labels)
    n = len(names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)

    side = min(max(4.5, 1.5 + 0.48 * n), 11.0)
    room = 0.055 * max(map(len, names))  # beside and below, for the names
    ax = axes_or_new(ax, "plots.confusion_matrix", side + room, side + room)
    # Shaded by share in both cases, so that a rare class is as readable as the rest.
    image = ax.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    texts = np.array([[f"{share:.2f}" for share in row] for row in shares])
    if not normalize:
        texts = counts.astype(str)
    # Text that fits a cell; no text where that could not be read.
    cell = 72 * 0.8 * min(inches(ax)) / n
    longest = max(map(len, texts.flat))
    size = min(10.0, 0.6 * cell, 1.5 * cell / longest)
    if size >= _SMALLEST_TEXT:
        _write_cells(ax, texts, shares, size)
    else:
        figure = ax.get_figure()
        assert figure is not None
        figure.colorbar(image, ax=ax, label="Share of the true class", shrink=0.8)
    # As many names as there is room for.
    step = max(-(-n * 6 // round(72 * 0.8 * min(inches(ax)))), 1)
    small = min(10.0, max(0.85 * cell * step, _SMALLEST_TEXT))
    ticks = range(0, n, step)
    longest_name = max(map(len, names))
    turned = 45 if longest_name > 3 or 0.7 * small * longest_name > step * cell else 0
    ax.set_xticks(
        ticks,
        names[::step],
        rotation=turned,
        ha="right" if turned else "center",
        rotation_mode="anchor" if turned else None,
        fontsize=small,
    )
    ax.set_yticks(ticks, names[::step], fontsize=small)
    ax.set_xlabel("Predicted class")
    ax.set_ylabel("True class")
    n_shown = counts.sum()
    accuracy = np.trace(counts) / n_shown if n_shown else float("nan")
    ax.set_title(f"Confusion matrix: {accuracy:.1%} of {n_shown:,} right")
    return ax


def misread_images(
    images: ArrayLike,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    probabilities: ArrayLike | None = None,
    n: int = 12,
    fig: Figure | None = None,
) -> Figure:
    """Draw images that were taken for something else.

    Parameters
    ----------
    images : array_like, shape (n_images, height, width) or (n_images, side * side)
        The images, the larger the darker.
    y_true, y_pred : array_like, shape (n_images,)
        The true and the predicted class of each image.
    probabilities : array_like, shape (n_images,), optional
        The probability the network gave to the class it predicted. If given, it is
        shown, and the surest mistakes come first.
    n : int
        How many to draw at most.
    fig : matplotlib.figure.Figure, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.figure.Figure
        The figure.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install mlpcore[plots]``).
    ValueError
        If the arrays' lengths or shapes do not fit, or a probability is not finite.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mlpcore import plots
    >>> images = [[0, 1, 0, 1], [1, 1, 1, 0]]
    >>> fig = plots.misread_images(images, [1, 0], [1, 1], fig=Figure())
    >>> fig.get_suptitle()
    '1 of 2 misread'
    """
    true, predicted = _two_columns(y_true, y_pred)
    pictures = _as_pictures(np.asarray(images))
    n = check_integer("n", n, 1)
    surety = None if probabilities is None else np.asarray(probabilities)
    for name, array in (("images", pictures), ("probabilities", surety)):
        if array is not None and len(array) != len(true):
            raise ValueError(f"{name} has {len(array)} rows, y_true has {len(true)}")
    wrong = np.flatnonzero(true != predicted)
    n_wrong = len(wrong)
    if surety is not None:
        if surety.ndim != 1:
            raise ValueError(f"probabilities must be 1-D, got shape {surety.shape}")
        check_finite(surety, "probabilities")
        wrong = wrong[np.argsort(-surety[wrong], kind="stable")]
    wrong = wrong[:n]

    titles = [
        _title_of(true[i], predicted[i], None if surety is None else float(surety[i]))
        for i in wrong
    ]
    # Rows of six at most, fewer if titles are long, and as even as can be.
    longest = max((len(line) for t in titles for line in t.split("\n")), default=0)
    tile = max(1.5, 0.095 * longest)
    n_rows = max(-(-len(wrong) // min(6, int(12 / tile))), 1)
    n_columns = max(-(-len(wrong) // n_rows), 1)
    if fig is None:
        fig = pyplot("plots.misread_images").figure(
            figsize=(max(tile * n_columns, 4.5), 2.0 * n_rows + 0.6),
            layout="constrained",
        )
    assert fig is not None
    axes = fig.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat[len(wrong) :]:
        ax.set_axis_off()
    for ax, i, title in zip(axes.flat, wrong, titles, strict=False):
        ax.imshow(pictures[i], cmap="gray_r", interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")  # shows where the scan ends
        ax.set_title(title, fontsize="medium")
    shown = "" if len(wrong) == n_wrong else f", {len(wrong)} shown"
    fig.suptitle(f"{n_wrong} of {len(true):,} misread{shown}")
    return fig


def _title_of(true: object, predicted: object, p: float | None) -> str:
    names = name_of(true), name_of(predicted)
    between = " read as " if sum(map(len, names)) < 10 else "\nread as "
    title = between.join(names)
    return title if p is None else f"{title}\n({_percent(p)} sure)"


def _percent(p: float) -> str:
    """Return a probability in percent; 100% only for what is certain."""
    if 0.995 <= p < 1.0:
        return f"{p:.1%}" if p < 0.9995 else ">99.9%"
    return f"{p:.0%}"


def _write_cells(
    ax: Axes, texts: NDArray[Any], shares: NDArray[Any], size: float
) -> None:
    for i, j in np.ndindex(*shares.shape):
        color = "white" if shares[i, j] > 0.5 else "black"
        if shares[i, j] == 0:
            color = "0.75"  # there, but out of the way
            if len(shares) > _MOST_WITH_ZEROS:
                continue
        text = str(texts[i, j]) if shares[i, j] else "0"
        ax.text(j, i, text, ha="center", va="center", color=color, fontsize=size)


def _two_columns(
    y_true: ArrayLike, y_pred: ArrayLike
) -> tuple[NDArray[Any], NDArray[Any]]:
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    for name, array in (("y_true", true), ("y_pred", predicted)):
        if array.ndim != 1:
            raise ValueError(f"{name} must be 1-D (n,), got shape {array.shape}")
        if array.dtype.kind == "f":
            check_finite(array, name)
    if len(true) != len(predicted):
        raise ValueError(f"y_true has {len(true)} rows, y_pred has {len(predicted)}")
    if (true.dtype.kind in "US") != (predicted.dtype.kind in "US") and (
        "O" not in (true.dtype.kind, predicted.dtype.kind)
    ):
        raise TypeError(
            f"y_true has dtype {true.dtype}, y_pred {predicted.dtype}: "
            "one has names, the other numbers"
        )
    return true, predicted


def _count_pairs(
    true: NDArray[Any], predicted: NDArray[Any], labels: Sequence[Any] | None
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the matrix of counts and the classes' names."""
    if labels is None:
        classes = np.unique(np.concatenate([true, predicted])).tolist()
    else:
        classes = np.asarray(labels).tolist()
        if len(set(classes)) != len(classes):
            raise ValueError(f"labels must differ from each other, got {classes}")
    if not classes:
        raise ValueError("y_true has 0 rows, at least 1 is needed")
    index = {label: i for i, label in enumerate(classes)}
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    for t, p in zip(true.tolist(), predicted.tolist(), strict=True):
        if t in index and p in index:
            counts[index[t], index[p]] += 1
    if labels is not None and len(true) and not counts.any():
        raise ValueError(
            f"no row has two of the labels {list(labels)!r}; they are values of y_true "
            f"and y_pred, as the first row's {true.tolist()[0]!r} and "
            f"{predicted.tolist()[0]!r}"
        )
    return counts, [name_of(label) for label in classes]


def _as_pictures(images: NDArray[Any]) -> NDArray[Any]:
    """Return images as (n, height, width)."""
    if images.ndim == 2:
        side = round(images.shape[1] ** 0.5)
        if side * side == images.shape[1]:
            return images.reshape(-1, side, side)
    if images.ndim != 3:
        raise ValueError(
            "images must be (n, height, width) or (n, side * side), "
            f"got shape {images.shape}"
        )
    return images
