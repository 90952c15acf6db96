"""What the first layer looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._arguments import check_integer
from .._optional import pyplot
from ._shared import SIGNED, parameters_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def first_layer_weights(
    net: Any,
    *,
    image_shape: tuple[int, int] | None = None,
    n: int = 24,
    fig: Figure | None = None,
) -> Figure:
    """Draw the weights into each unit of the first layer as an image.

    All images have one scale of colours, white at 0: red pixels excite the unit, blue
    ones inhibit it.

    Parameters
    ----------
    net : Network or estimator
        A network whose features are the pixels of an image, row by row.
    image_shape : tuple of int, optional
        Height and width of the image; by default it is square.
    n : int
        How many units to draw at most. Those with the longest vectors of weights come
        first.
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
    TypeError
        If `net` has no weights.
    ValueError
        If the image does not have as many pixels as the network has inputs, or the
        weights are not finite.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import mlpcore
    >>> net = mlpcore.Network([64, 10, 10], rng=0)
    >>> fig = mlpcore.plots.first_layer_weights(net, n=4, fig=Figure())
    >>> fig.get_suptitle()
    'First layer: weights of the 4 strongest of 10 units'
    """
    weights = np.asarray(parameters_of(net)[0][0], dtype=np.float64)
    n = check_integer("n", n, 1)
    height, width = _shape(image_shape, len(weights))
    if not np.isfinite(weights).all():
        raise ValueError("the weights of the first layer are not all finite")
    n_units = weights.shape[1]
    strength = np.linalg.norm(weights, axis=0)
    units = np.argsort(-strength, kind="stable")[:n]
    largest = float(np.abs(weights[:, units]).max()) or 1.0

    # A picture that is about half as high as wide, of tiles of an inch.
    n_columns = min(len(units), max(round((2 * len(units)) ** 0.5), 4), 12)
    n_rows = -(-len(units) // n_columns)
    if fig is None:
        tall = min(max(height / width, 0.25), 4.0)
        fig = pyplot("plots.first_layer_weights").figure(
            figsize=(max(1.05 * n_columns + 1.2, 5.2), (tall + 0.22) * n_rows + 0.7),
            layout="constrained",
        )
    assert fig is not None
    axes = fig.subplots(n_rows, n_columns, squeeze=False)
    for ax in axes.flat[len(units) :]:
        ax.set_axis_off()
    for ax, unit in zip(axes.flat, units, strict=False):
        image = ax.imshow(
            weights[:, unit].reshape(height, width),
            cmap=SIGNED,
            vmin=-largest,
            vmax=largest,
            interpolation="nearest",
        )
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_color("0.8")
        ax.set_title(f"unit {unit}", fontsize="small", pad=2)
    fig.colorbar(image, ax=list(axes.flat), label="Weight", shrink=0.9, aspect=30)
    which = f"all {n_units}" if len(units) == n_units else ""
    which = which or f"the {len(units)} strongest of {n_units}"
    fig.suptitle(f"First layer: weights of {which} unit{'' if n_units == 1 else 's'}")
    return fig


def _shape(image_shape: Any, n_in: int) -> tuple[int, int]:
    if image_shape is None:
        side = round(n_in**0.5)
        if side * side != n_in:
            raise ValueError(
                f"{n_in} inputs are no square image; give image_shape=(height, width)"
            )
        return side, side
    try:
        height, width = image_shape
    except (TypeError, ValueError):
        raise ValueError(
            f"image_shape must be (height, width), got {image_shape!r}"
        ) from None
    height = check_integer("image_shape[0]", height, 1)
    width = check_integer("image_shape[1]", width, 1)
    if height * width != n_in:
        raise ValueError(
            f"image_shape {(height, width)} has {height * width} pixels, "
            f"the network has {n_in} inputs"
        )
    return height, width
