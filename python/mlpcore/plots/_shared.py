"""Colours, axes and checks that the pictures share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._optional import pyplot
from .._validation import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito 2008, "Color Universal Design": the colour-blind can tell them apart.
COLORS = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # green
    "#CC79A7",  # pink
    "#56B4E9",  # sky
    "#D55E00",  # vermilion
    "#F0E442",  # yellow
    "#000000",
)
# A second sign of what a point is, beside its colour.
MARKERS = "os^DvPX*"
SIGNED = "RdBu_r"  # blue below zero, red above: not red and green


def colors(n: int) -> list[Any]:
    """Return `n` colours, from a sequence where there are more than can be named."""
    if n <= len(COLORS):
        return list(COLORS[:n])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0.0, 0.95, n)))


def class_colors(n: int) -> Array:
    """Return colours for `n` classes, (n, 3): those above, then darker and lighter.

    Twenty at the most; beyond, nobody can tell them apart.
    """
    from matplotlib.colors import to_rgb

    named = np.array([to_rgb(color) for color in COLORS])
    hues = named[:-1]
    return np.vstack([named, 0.5 * hues, 0.5 + 0.5 * hues])[:n]


def axes_or_new(ax: Axes | None, purpose: str, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure of this size in inches.

    Called when all else is checked, so that an error leaves no empty figure behind.
    """
    if ax is None:
        new: Axes = pyplot(purpose).subplots(
            figsize=(width, height), layout="constrained"
        )[1]
        return new
    if not hasattr(ax, "imshow"):
        raise TypeError(f"ax must be matplotlib Axes, got {type(ax).__name__}")
    return ax


def inches(ax: Axes) -> tuple[float, float]:
    """Return the width and height of the room that axes have."""
    box = ax.get_window_extent()
    dpi = float(ax.get_figure(root=True).dpi)  # type: ignore[union-attr]
    return box.width / dpi, box.height / dpi


def shorten(text: str, most: int = 24) -> str:
    """Return `text` in `most` characters: without its middle if it is longer.

    Names that begin alike often differ at the end.
    """
    if len(text) <= most:
        return text
    tail = (most - 1) // 3
    return text[: most - 1 - tail].rstrip() + "…" + text[len(text) - tail :].lstrip()


def legend_label(text: str) -> str:
    """Return `text` as a legend shows it.

    matplotlib leaves out what is empty or begins with an underscore.
    """
    return f" {text}" if text[:1] in ("", "_") else text


def name_of(label: object) -> str:
    """Return how a class is called in a picture: 1 for a 1.0 too.

    Dollars are dollars, not the beginning of a formula.
    """
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return shorten(str(label)).replace("$", r"\$")


def check_names(name: str, names: Sequence[Any] | None, n: int) -> list[str] | None:
    """Return `n` names to be drawn, or None if none were given.

    Raises
    ------
    TypeError, ValueError
        If they are one string, or their number is wrong.
    """
    if names is None:
        return None
    if isinstance(names, str):
        raise TypeError(f"{name} must be a sequence of {n} names, got {names!r}")
    if len(names) != n:
        raise ValueError(f"{name} must have {n} names, got {len(names)}")
    return [name_of(each) for each in names]


def parameters_of(net: Any) -> tuple[list[Array], list[Array], list[str]]:
    """Return the weights, biases and activations, a list entry a layer.

    Parameters
    ----------
    net : Network or estimator
        A network, or a fitted estimator of mlpcore's or scikit-learn's.
    """
    if not hasattr(net, "set_weights"):
        for attribute in ("coefs_", "intercepts_", "out_activation_"):
            if not hasattr(net, attribute):
                raise TypeError(
                    "net must be a Network or a fitted estimator with coefs_, "
                    f"got {type(net).__name__}"
                )
        hidden = [str(net.activation)] * (len(net.coefs_) - 1)
        return list(net.coefs_), list(net.intercepts_), [*hidden, net.out_activation_]
    return net.weights, net.biases, net.activations
