"""What the units of each layer put out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from .._validation import check_rows
from ._shared import COLORS, axes_or_new

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from .._validation import Array
    from ..network import Network

# Where these cannot go on, their derivative is near 0 and the unit learns little.
_LIMITS = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0)}
_NEAR = 0.02  # of the range


def activations(net: Network, X: ArrayLike, *, ax: Axes | None = None) -> Axes:
    r"""Draw how the outputs of each layer are distributed.

    A box has the middle half of a layer's outputs over all rows and units, a line the
    median, whiskers the 5th and 95th percentile. Beside it is what hinders learning:
    relu units that are 0 for every row (dead), and the share of outputs of sigmoid and
    tanh that are within 2 % of a limit (saturated).

    Parameters
    ----------
    net : Network
        The network.
    X : array_like, shape (n, n_in)
        Rows to see it at work on.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure if None.

    Returns
    -------
    matplotlib.axes.Axes
        The axes drawn on: a box for each layer, the first on top.

    Raises
    ------
    ImportError
        If matplotlib is not installed (``pip install mlpcore[plots]``).
    TypeError, ValueError
        If X does not fit the network or has no rows.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> import mlpcore
    >>> net = mlpcore.Network([2, 8, 3], rng=0)
    >>> ax = mlpcore.plots.activations(net, [[0, 1], [1, 0]], ax=Figure().subplots())
    >>> [label.get_text() for label in ax.get_yticklabels()]
    ['hidden 1\nrelu, 8', 'output\nsoftmax, 3']
    """
    from ..network import Network

    if not isinstance(net, Network):
        raise TypeError(f"net must be a Network, got {type(net).__name__}")
    outputs = net.forward(X).y
    check_rows(outputs[0])
    n_layers = len(outputs)
    stats, labels, notes = [], [], []
    for i, (phi, y) in enumerate(zip(net.activations, outputs, strict=True)):
        finite = y[np.isfinite(y)].astype(np.float64)
        if finite.size == 0:
            raise ValueError(f"layer {i} has no finite output")
        low, q1, middle, q3, high = np.percentile(finite, [5, 25, 50, 75, 95])
        stats.append({"whislo": low, "q1": q1, "med": middle, "q3": q3, "whishi": high})
        name = "output" if i + 1 == n_layers else f"hidden {i + 1}"
        labels.append(f"{name}\n{phi}, {y.shape[1]:,}")
        notes.append(_note(phi, y))

    ax = axes_or_new(ax, "plots.activations", 7.0, 1.4 + 0.65 * n_layers)
    ax.bxp(
        stats,
        positions=range(n_layers),
        orientation="horizontal",
        showfliers=False,
        patch_artist=True,
        widths=0.55,
        boxprops={"facecolor": COLORS[4], "edgecolor": COLORS[0]},
        medianprops={"color": "black"},
    )
    ax.set_yticks(range(n_layers), labels)
    ax.invert_yaxis()
    for i, note in enumerate(notes):
        ax.annotate(
            note,
            (1.0, i),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize="small",
        )
    ax.grid(axis="x", alpha=0.3)
    ax.set_xlabel("Output of the units")
    n_rows = len(outputs[0])
    ax.set_title(f"Activations of {n_rows:,} row{'' if n_rows == 1 else 's'}")
    return ax


def _note(phi: str, y: Array) -> str:
    if phi == "relu":
        dead = int((y == 0).all(axis=0).sum())
        return f"{(y == 0).mean():.0%} zero\n{dead} of {y.shape[1]} dead on these rows"
    if phi in _LIMITS:
        low, high = _LIMITS[phi]
        near = _NEAR * (high - low)
        return f"{((y < low + near) | (y > high - near)).mean():.0%} saturated"
    return ""
