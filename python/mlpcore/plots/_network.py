"""A small network, drawn with its weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._validation import Array
from ._shared import SIGNED, axes_or_new, check_names, inches, parameters_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Beyond these, lines and circles cannot be told apart.
_MOST_UNITS = 32
_MOST_WEIGHTS = 1500

_THICKEST = 4.0  # points, of the largest weight if there is room


def network(
    net: Any,
    *,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a small network: a circle a unit, a line a weight.

    Red is above zero and blue below; the thicker and darker a line, the larger the
    weight. The colour within a circle is the unit's bias. Weights and biases have
    colour scales of their own, from minus to plus the largest.

    Parameters
    ----------
    net : Network or estimator
        A network of at most 32 units a layer and 1,500 weights, or a fitted estimator.
    feature_names : sequence of str, optional
        What the inputs are, for the left side.
    class_names : sequence of str, optional
        What the outputs are, for the right side.
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
        If `net` has no weights.
    ValueError
        If it is too large to be drawn, its parameters are not finite, or there are not
        as many names as inputs or outputs.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import mlpcore
    >>> net = mlpcore.Network([4, 5, 3], rng=0)
    >>> ax = mlpcore.plots.network(net, ax=Figure().subplots())
    >>> ax.get_title()
    'Network 4-5-3: 43 parameters'
    """
    weights, biases, activations = parameters_of(net)
    sizes = [weights[0].shape[0], *(len(b) for b in biases)]
    n_weights = sum(w.size for w in weights)
    if max(sizes) > _MOST_UNITS or n_weights > _MOST_WEIGHTS:
        raise ValueError(
            f"a network of layers {sizes} and {n_weights:,} weights is too large to be "
            f"drawn: at most {_MOST_UNITS} units a layer and {_MOST_WEIGHTS:,} weights"
        )
    if not all(np.isfinite(array).all() for array in (*weights, *biases)):
        raise ValueError("the weights and biases are not all finite")
    inputs = check_names("feature_names", feature_names, sizes[0])
    outputs = check_names("class_names", class_names, sizes[-1])

    columns = len(sizes)
    side = [max(map(len, names), default=0) for names in (inputs or [], outputs or [])]
    width = 1.5 + 1.9 * (columns - 1) + 0.075 * sum(side)
    height = 1.6 + min(max(0.42 * max(sizes), 1.8), 9.0)
    ax = axes_or_new(ax, "plots.network", max(width, 4.5), height)
    # Units of the drawing: layers are 1 apart, and each has the height 1.
    ys = [_places(n) for n in sizes]
    room = inches(ax)[1] * 72 * 0.75 / max(*sizes, 4)  # points between two units
    thickest = min(max(0.12 * room, 0.8), _THICKEST)
    biggest = max(float(np.abs(w).max()) for w in weights) or 1.0
    for layer, w in enumerate(weights):
        # The scale of lines is that of the whole network.
        _draw_weights(ax, layer, w / biggest, ys[layer], ys[layer + 1], thickest)
    _draw_units(ax, ys, biases, room)
    _write(ax, sizes, activations, ys, inputs, outputs)
    n_parameters = n_weights + sum(len(b) for b in biases)
    called = "-".join(map(str, sizes))
    ax.set_title(f"Network {called}: {n_parameters:,} parameters", pad=34)
    return ax


def _places(n: int) -> Array:
    """Return the heights of a layer's units, the first at the top."""
    gap = min(1.0 / n, 0.25)
    return gap * ((n - 1) / 2 - np.arange(n))


def _draw_weights(
    ax: Axes, layer: int, w: Array, y_in: Array, y_out: Array, thickest: float
) -> None:
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection

    order = np.argsort(np.abs(w), axis=None)  # the large ones on top
    i, j = np.unravel_index(order, w.shape)
    share = w[i, j]
    ends = np.stack(
        [
            np.stack([np.full(len(i), layer), y_in[i]], axis=1),
            np.stack([np.full(len(j), layer + 1), y_out[j]], axis=1),
        ],
        axis=1,
    )
    # A small weight is pale, on white and on black: not the white middle of the scale,
    # but one of its ends, that much transparent.
    shades = colormaps[SIGNED](0.5 + 0.4 * np.sign(share))
    shades[:, 3] = np.abs(share) ** 0.8
    ax.add_collection(
        LineCollection(
            list(ends),
            colors=list(shades),
            linewidths=list(0.2 + (thickest - 0.2) * np.abs(share)),
            zorder=1,
        )
    )


def _draw_units(ax: Axes, ys: list[Array], biases: list[Array], room: float) -> None:
    """Draw the circles: white for inputs, the colour of the bias for the others."""
    from matplotlib.colors import Normalize

    area = min(0.62 * room, 22.0) ** 2
    ax.scatter(
        np.zeros(len(ys[0])), ys[0], s=area, color="white", edgecolors="0.2", zorder=2
    )
    largest = max(float(np.abs(b).max()) for b in biases) or 1.0
    circles = ax.scatter(
        np.concatenate([np.full(len(y), x + 1.0) for x, y in enumerate(ys[1:])]),
        np.concatenate(ys[1:]),
        s=area,
        c=np.concatenate(biases),
        cmap=SIGNED,
        norm=Normalize(-largest, largest),
        edgecolors="0.2",
        zorder=2,
    )
    figure = ax.get_figure()
    assert figure is not None
    figure.colorbar(
        circles,
        ax=ax,
        orientation="horizontal",
        label="Bias",
        shrink=0.5,
        aspect=30,
        pad=0.01,
    )


def _write(
    ax: Axes,
    sizes: list[int],
    activations: list[str],
    ys: list[Array],
    inputs: list[str] | None,
    outputs: list[str] | None,
) -> None:
    top = max(float(y[0]) for y in ys)
    heads = ["inputs", *activations]
    for x, (head, n) in enumerate(zip(heads, sizes, strict=True)):
        ax.annotate(
            f"{head}\n{n}",
            (x, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize="small",
        )
    size = "medium" if max(sizes) <= 16 else "x-small"
    for names, x, shift, align in (
        (inputs, 0, -14, "right"),
        (outputs, len(sizes) - 1, 14, "left"),
    ):
        for name, y in zip(names or [], ys[x], strict=False):
            ax.annotate(
                name,
                (x, float(y)),
                xytext=(shift, 0),
                textcoords="offset points",
                ha=align,
                va="center",
                fontsize=size,
            )
    ax.set_axis_off()
    ax.set(xlim=(-0.15, len(sizes) - 0.85), ylim=(-top - 0.06, top + 0.06))
