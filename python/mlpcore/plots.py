"""Pictures of what a classifier gets right and wrong. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ._arguments import check_bool, check_integer
from ._optional import pyplot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["confusion_matrix", "misread_images"]


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
    ValueError
        If the arrays differ in length or are not 1-D, or a label comes twice.
    """
    true, predicted = _two_columns(y_true, y_pred)
    normalize = check_bool("normalize", normalize)
    counts, names = _count_pairs(true, predicted, labels)
    n = len(names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)

    if ax is None:
        side = max(4.5, 1.5 + 0.48 * n)
        ax = pyplot("plots.confusion_matrix").subplots(
            figsize=(side, side), layout="constrained"
        )[1]
    # Shaded by share in both cases, so that a rare class is as readable as the rest.
    ax.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for i, j in np.ndindex(n, n):
        text = f"{shares[i, j]:.2f}" if normalize else str(counts[i, j])
        if counts[i, j] == 0:
            text, color = "0", "0.75"  # there, but out of the way
        else:
            color = "white" if shares[i, j] > 0.5 else "black"
        ax.text(j, i, text, ha="center", va="center", color=color, fontsize="medium")
    turned = 45 if max(map(len, names)) > 3 else 0
    ax.set_xticks(range(n), names, rotation=turned, ha="right" if turned else "center")
    ax.set_yticks(range(n), names)
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
        If the arrays' lengths or shapes do not fit.
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
        wrong = wrong[np.argsort(-surety[wrong], kind="stable")]
    wrong = wrong[:n]

    # Rows of six at most, and as even as can be.
    n_rows = max(-(-len(wrong) // 6), 1)
    n_columns = max(-(-len(wrong) // n_rows), 1)
    if fig is None:
        fig = pyplot("plots.misread_images").figure(
            figsize=(max(1.5 * n_columns, 4.5), 2.0 * n_rows + 0.6),
            layout="constrained",
        )
    assert fig is not None
    axes = fig.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat[len(wrong) :]:
        ax.set_axis_off()
    for ax, i in zip(axes.flat, wrong, strict=False):
        ax.imshow(pictures[i], cmap="gray_r", interpolation="nearest")
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")  # shows where the scan ends
        title = f"{true[i]} read as {predicted[i]}"
        if surety is not None:
            title += f"\n({surety[i]:.0%} sure)"
        ax.set_title(title, fontsize="medium")
    shown = "" if len(wrong) == n_wrong else f", {len(wrong)} shown"
    fig.suptitle(f"{n_wrong} of {len(true):,} misread{shown}")
    return fig


def _two_columns(
    y_true: ArrayLike, y_pred: ArrayLike
) -> tuple[NDArray[Any], NDArray[Any]]:
    true, predicted = np.asarray(y_true), np.asarray(y_pred)
    for name, array in (("y_true", true), ("y_pred", predicted)):
        if array.ndim != 1:
            raise ValueError(f"{name} must be 1-D (n,), got shape {array.shape}")
    if len(true) != len(predicted):
        raise ValueError(f"y_true has {len(true)} rows, y_pred has {len(predicted)}")
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
    return counts, [str(label) for label in classes]


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
