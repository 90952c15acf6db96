"""The report of a training: a page that needs no other file, or a picture."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

from .. import plots
from .._optional import require
from ..formats._atomic import write_file
from ..plots._shared import name_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..table import TableTraining

EXTENSIONS = (".html", ".png")
_DPI = 160
# More are legible neither as a matrix nor as a legend.
MOST_CLASSES_DRAWN = 25


def check(path: str) -> None:
    """Check, before training, that a report can be made.

    Raises
    ------
    ValueError
        If its extension is neither ``.html`` nor ``.png``.
    ImportError
        If matplotlib is missing.
    """
    if _extension(path) not in EXTENSIONS:
        raise ValueError(f"{path}: a report is a file that ends in .html or .png")
    require("matplotlib.figure", "cli", "a report")


def write(path: str, training: TableTraining, data: str, command: str) -> None:
    """Write the report.

    Parameters
    ----------
    path : str
        The file, ``.html`` or ``.png``.
    training : TableTraining
        What to report.
    data, command : str
        The file with the data, and the command, for the reader.
    """
    if _extension(path) == ".png":
        write_file(path, [_png(_overview(training, data))])
        return
    from ._report_page import page

    pictures = [(title, _png(figure)) for title, figure in _pictures(training)]
    write_file(path, [page(training, data, command, pictures).encode()])


def _extension(path: str) -> str:
    return os.path.splitext(path)[1].lower()


def _drawings(training: TableTraining) -> list[tuple[str, Any]]:
    """Return the title of each picture there can be, and what draws it on axes."""
    true, predicted = training.y_true, training.y_predicted
    drawings: list[tuple[str, Any]] = []
    if len(training.history):
        drawings.append(("Training", training.history.plot))
    if not len(true):
        return drawings
    if training.class_counts is None:

        def draw_numbers(ax: Axes) -> Any:
            return plots.predicted_against_true(true, predicted, ax=ax)

        return [*drawings, ("Predicted and true", draw_numbers)]

    names = [str(label) for label in training.class_counts]
    index = {label: i for i, label in enumerate(training.class_counts)}
    indices = [index[label] for label in true.tolist()]

    def draw_classes(ax: Axes) -> Any:
        guesses = [names[index[label]] for label in predicted.tolist()]
        return plots.confusion_matrix(
            [names[i] for i in indices], guesses, labels=names, ax=ax
        )

    def draw_probabilities(ax: Axes) -> Any:
        probabilities = training.probabilities
        assert probabilities is not None
        if len(names) == 2:
            probabilities = probabilities[:, 1]
        plots.reliability_diagram(indices, probabilities, ax=ax)
        if len(names) == 2:  # which it calls class 1
            ax.child_axes[0].set_xlabel(f"Predicted probability of {name_of(names[1])}")

    if len(names) <= MOST_CLASSES_DRAWN:
        drawings.append(("Predicted and true classes", draw_classes))
    return [*drawings, ("Are the probabilities right?", draw_probabilities)]


def _pictures(training: TableTraining) -> list[tuple[str, Figure]]:
    from matplotlib.figure import Figure

    n = len(training.class_counts or ())
    result = []
    for title, draw in _drawings(training):
        side = max(4.6, 1.8 + 0.45 * n) if "classes" in title else 4.6
        figure = Figure(figsize=(max(side, 5.6), side), layout="constrained")
        draw(figure.subplots())
        result.append((title, figure))
    return result


def _overview(training: TableTraining, data: str) -> Figure:
    """Return everything in one picture."""
    from matplotlib.figure import Figure

    drawings = _drawings(training)
    if not drawings:
        raise ValueError("no epochs and no held-out rows: there is nothing to draw")
    n = len(drawings)
    figure = Figure(figsize=(5.9 * n, 5.8), layout="constrained")
    figure.set_layout_engine("constrained", w_pad=0.2, h_pad=0.1)
    panels = figure.subplots(1, n, squeeze=False)
    for ax, (_, draw) in zip(panels.flat, drawings, strict=True):
        draw(ax)
    file = name_of(os.path.basename(data))
    title = f"{name_of(training.model.target.name)}, from {file}"
    if training.scores:
        first = training.scores[0]
        title += (
            f"\n{first.name} {first.model:.3f} on {len(training.y_true):,} held-out "
            f"rows (baseline {first.baseline:.3f})"
        )
    figure.suptitle(title)
    return figure


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    # Without the version of matplotlib, so that the same training is the same file.
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()
