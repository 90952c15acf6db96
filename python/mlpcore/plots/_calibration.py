"""Whether the probabilities of a network can be taken at their word."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from .._arguments import check_integer
from .._validation import Array, as_real_array, check_finite
from ._shared import COLORS, axes_or_new, inches, legend_label, shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Z = 1.96  # of a 95 % interval


class _Bins(NamedTuple):
    """The bins that have rows, from the least sure to the surest."""

    confidence: Array  # the mean predicted probability
    share: Array  # how often it came true
    n_rows: Array


def reliability_diagram(
    y_true: ArrayLike,
    y_prob: ArrayLike,
    *,
    n_bins: int = 10,
    label: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how often what is predicted with a probability comes true.

    A calibrated network is on the diagonal: of the rows it is 80 % sure of, 80 % are
    so. Bars are 95 % intervals (Wilson's), wide where a bin has few rows. Below, how
    many rows there are of each probability. The title has the expected calibration
    error: the mean distance from the diagonal, weighted by the rows of a bin [1]_.

    Parameters
    ----------
    y_true : array_like, shape (n,)
        0 or 1 if `y_prob` has one column, else the index of the true class.
    y_prob : array_like, shape (n,), (n, 1) or (n, n_classes)
        The probability of class 1; or those of each class, of which the largest is
        compared with how often that class is the true one.
    n_bins : int
        How many bins of equal width there are.
    label : str, optional
        A name for the legend. Diagrams with labels may be drawn on the same axes, to
        compare them; the error of each is then in the legend.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None. The histogram takes its lower part.

    Returns
    -------
    matplotlib.axes.Axes
        The axes of the diagram.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install mlpcore[plots]``).
    TypeError
        If the arrays are not numeric.
    ValueError
        If their shapes do not fit, there are no rows, a probability is not in [0, 1],
        or a class is not one of those there are.

    References
    ----------
    .. [1] C. Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from mlpcore import plots
    >>> ax = plots.reliability_diagram(
    ...     [0, 0, 1, 1], [0.1, 0.1, 0.9, 0.9], ax=Figure().subplots()
    ... )
    >>> ax.get_title()
    'Reliability: expected calibration error 10.0%'
    """
    confidence, right, of_what = _check(y_true, y_prob)
    n_bins = check_integer("n_bins", n_bins, 1)
    edges = np.linspace(0.0, 1.0, n_bins + 1)
    bins = _bin(confidence, right, edges)
    error = float(bins.n_rows @ np.abs(bins.share - bins.confidence) / len(right))

    ax = axes_or_new(ax, "plots.reliability_diagram", 5.0, 5.8)
    below = _histogram_axes(ax)
    color = COLORS[len(ax.containers) % len(COLORS)]
    if not ax.containers:
        ax.plot([0, 1], [0, 1], ":", color="0.4", label="calibrated")
    low, high = _wilson(bins.share, bins.n_rows)
    text = f"expected calibration error {error:.1%}"
    name = f"{shorten(label, 32)}: error {error:.1%}" if label else "network"
    ax.errorbar(
        bins.confidence,
        bins.share,
        yerr=[bins.share - low, high - bins.share],
        fmt="o-",
        color=color,
        elinewidth=1,
        capsize=2,
        markersize=5,
        label=legend_label(name),
        zorder=3,
    )
    below.hist(confidence, list(edges), color=color, histtype="step", linewidth=1.4)
    if not below.get_xlabel():
        below.hist(confidence, list(edges), color=color, alpha=0.25)
    below.set(xlabel=f"Predicted probability {of_what}", ylabel="Rows")
    below.locator_params(axis="y", nbins=3, integer=True)
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.set_ylabel("Share that came true")
    ax.grid(alpha=0.3)
    ax.legend(loc="upper left", fontsize="small")
    ax.set_title(
        "Reliability, and expected calibration error"
        if label
        else f"Reliability: {text}"
    )
    return ax


def _check(y_true: ArrayLike, y_prob: ArrayLike) -> tuple[Array, Array, str]:
    """Return the probabilities, whether each came true, and what they are of."""
    prob = as_real_array(y_prob, None, "y_prob").astype(np.float64)
    true = as_real_array(y_true, None, "y_true")
    if prob.ndim not in (1, 2) or 0 in prob.shape[1:]:
        raise ValueError(
            f"y_prob must be 1-D (n,) or 2-D (n, n_classes), got shape {prob.shape}"
        )
    if true.ndim != 1:
        raise ValueError(f"y_true must be 1-D (n,), got shape {true.shape}")
    if len(true) != len(prob):
        raise ValueError(f"y_true has {len(true)} rows, y_prob has {len(prob)}")
    if len(true) == 0:
        raise ValueError("y_true has 0 rows, at least 1 is needed")
    check_finite(prob, "y_prob")
    check_finite(true, "y_true")
    outside = (prob < 0) | (prob > 1 + 1e-6)
    if outside.any():
        row = int(np.argwhere(outside)[0][0])
        raise ValueError(
            f"y_prob must be in [0, 1], got {prob[outside][0]:g} at row {row}"
        )
    prob = np.minimum(prob, 1.0)  # a softmax in float32 may be just above
    binary = prob.ndim == 1 or prob.shape[1] == 1
    n_classes = 2 if binary else prob.shape[1]
    wrong = (true != np.floor(true)) | (true < 0) | (true >= n_classes)
    if wrong.any():
        raise ValueError(
            f"y_true must be class indices from 0 to {n_classes - 1}, "
            f"got {true[wrong][0]:g} at row {int(np.argmax(wrong))}"
        )
    if binary:
        return prob.reshape(-1), (true == 1).astype(np.float64), "of class 1"
    right = (prob.argmax(axis=1) == true).astype(np.float64)
    return prob.max(axis=1), right, "of the predicted class"


def _bin(confidence: Array, right: Array, edges: Array) -> _Bins:
    n_bins = len(edges) - 1
    at = np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, n_bins - 1)
    count = np.bincount(at, minlength=n_bins)
    used = count > 0
    means = [
        np.bincount(at, values, minlength=n_bins)[used] / count[used]
        for values in (confidence, right)
    ]
    return _Bins(means[0], means[1], count[used])


def _wilson(share: Array, count: Array) -> tuple[Array, Array]:
    """Return the ends of Wilson's score interval, which is right for few rows too."""
    z2 = _Z * _Z / count
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z * np.sqrt(share * (1 - share) / count + z2 / (4 * count)) / (1 + z2)
    # At a share of 0 and 1 the end is the share, up to rounding.
    return np.minimum(middle - half, share), np.maximum(middle + half, share)


def _histogram_axes(ax: Axes) -> Axes:
    """Return the axes below the diagram: those of an earlier one, or new."""
    if ax.child_axes:
        return ax.child_axes[0]  # type: ignore[return-value]
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure = ax.get_figure(root=True)
    assert figure is not None
    # A child of the axes: it goes where they go, and a layout leaves it room. Its
    # height is in inches, or a layout would chase the axes' height.
    height = 0.2 * inches(ax)[1]
    corner = ScaledTranslation(0.0, 0.0, ax.transAxes)  # type: ignore[arg-type]
    where = blended_transform_factory(ax.transAxes, figure.dpi_scale_trans + corner)
    below = ax.inset_axes(
        (0.0, -1.25 * height, 1.0, height), transform=where, sharex=ax
    )
    ax.tick_params(labelbottom=False)
    return below
