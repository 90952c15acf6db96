"""How much faster than the best rival, as bars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ._results import Cell, Results
from ._table import ratio_text

_COLOURS = ("#1f6fb4", "#7fb8e0", "#b8b8b8", "#d8c38f")  # one a number of threads
_LOSSES = ("#c0392b", "#e39b92", "#8c6d6a", "#d3b8b5")
_BAR_INCHES = 0.2


def draw(results: Results, path: Path) -> None:
    """Draw best rival / mlpcore for every workload, one panel a kind of work.

    Parameters
    ----------
    results : Results
        With one ratio at least.
    path : Path
        The picture to write.
    """
    cells = [cell for cell in results.cells if cell.ratio is not None]
    panels = [
        ("Predict one row", [c for c in cells if _kind(c) == "one"]),
        ("Predict many rows", [c for c in cells if _kind(c) == "many"]),
        ("Train: one step of Adam", [c for c in cells if _kind(c) == "train"]),
    ]
    panels = [panel for panel in panels if panel[1]]
    threads = sorted({cell.n_threads for cell in cells})
    heights = [_n_slots(group, len(threads)) for _, group in panels]
    figure = Figure(
        figsize=(9, 1.2 + 0.7 * len(panels) + _BAR_INCHES * sum(heights)),
        layout="constrained",
    )
    # One scale for all panels: their bars are to be compared.
    axes = figure.subplots(
        len(panels), squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights}
    )[:, 0]
    ratios = [cell.ratio for cell in cells if cell.ratio is not None]
    targets = [cell.workload.target for cell in cells]
    for ax, (title, group) in zip(axes, panels, strict=True):
        _draw_panel(ax, title, group, threads)
        ax.set_xlim(
            min(0.8, *ratios) / 1.3, max(*ratios, *targets) * 5
        )  # room for names
        ax.tick_params(axis="x", labelbottom=True)
    axes[-1].set_xlabel("times faster than the best rival (its time / mlpcore's)")
    _draw_legend(figure, axes[0], threads)
    figure.suptitle(f"mlpcore beside the best rival, {results.machine['processor']}")
    figure.savefig(path, dpi=150)


def _kind(cell: Cell) -> str:
    if cell.workload.task == "train":
        return "train"
    return "one" if cell.workload.rows == 1 else "many"


def _n_slots(group: list[Cell], n_threads: int) -> int:
    """Return the height of a panel in bars: its groups, with a gap after each."""
    return len({cell.workload.name for cell in group}) * (n_threads + 1)


def _draw_panel(ax: Any, title: str, group: list[Cell], threads: list[int]) -> None:
    names = list(dict.fromkeys(cell.workload.name for cell in group))
    slots = len(threads) + 1
    for cell in group:
        assert cell.ratio is not None
        i = threads.index(cell.n_threads)
        at = names.index(cell.workload.name) * slots + i
        won = cell.ratio >= 1
        # Bars begin at 1, to the right where mlpcore is faster.
        ax.barh(
            at,
            cell.ratio - 1,
            left=1,
            height=0.85,
            color=(_COLOURS if won else _LOSSES)[i % len(_COLOURS)],
        )
        ax.plot(
            [cell.workload.target] * 2, [at - 0.5, at + 0.5], color="black", linewidth=2
        )
        best = cell.best()
        assert best is not None
        # Beyond the target's mark too, if that is near.
        end = max(cell.ratio, 1.0)
        if end <= cell.workload.target < 3 * end:
            end = cell.workload.target
        ax.text(
            end * 1.05,
            at,
            f"{ratio_text(cell.ratio)}  {best.title}",
            va="center",
            fontsize=7,
            color="black" if won else _LOSSES[0],
        )
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}x"))
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.axvline(1, color="black", linewidth=0.8)
    middles = [i * slots + (len(threads) - 1) / 2 for i in range(len(names))]
    labels = [name.partition(" ")[2] for name in names]  # the title has the task
    ax.set_yticks(middles, labels, fontsize=8)
    ax.set_ylim(len(names) * slots - 1, -1)
    ax.set_title(title, loc="left", fontsize=10)
    ax.grid(axis="x", alpha=0.3)
    ax.set_axisbelow(True)


def _draw_legend(figure: Figure, ax: Any, threads: list[int]) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(
            color=_COLOURS[i % len(_COLOURS)],
            label=f"{n} thread{'s' if n > 1 else ''}",
        )
        for i, n in enumerate(threads)
    ]
    handles.append(Patch(color=_LOSSES[0], label="slower than the best rival"))
    handles.append(Line2D([], [], color="black", linewidth=2, label="target"))
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8
    )
