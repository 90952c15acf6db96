"""The results as files: JSON with everything, Markdown, and a chart."""

from __future__ import annotations

import json
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ._results import Cell, Entry, Results
from ._table import markdown


def prepare(folder: Path) -> None:
    """Make a folder that can be written to, or raise OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def write(results: Results, folder: Path) -> list[Path]:
    """Write ``results.json``, ``results.md`` and, with matplotlib, ``results.png``.

    Parameters
    ----------
    results : Results
        What was measured.
    folder : Path
        Where to; `prepare` has made it.

    Returns
    -------
    list of Path
        What was written.
    """
    paths = [folder / "results.json", folder / "results.md"]
    text = json.dumps(as_json(results), indent=1, allow_nan=False)
    paths[0].write_text(text + "\n", encoding="utf-8")
    paths[1].write_text(markdown(results), encoding="utf-8")
    try:
        from ._chart import draw
    except ImportError:
        drawn = False
    else:
        drawn = any(cell.ratio is not None for cell in results.cells)
    chart = folder / "results.png"
    if drawn:
        draw(results, chart)
        paths.append(chart)
    else:
        chart.unlink(missing_ok=True)  # it would be of another run
    return paths


def as_json(results: Results) -> dict[str, Any]:
    """Return all results as what JSON knows; times are in seconds."""
    return {
        "machine": results.machine,
        "missing": results.missing,
        "effort": asdict(results.effort),
        "seconds": round(results.seconds, 1),
        "interrupted": results.was_interrupted,
        "cells": [_cell(cell) for cell in results.cells],
    }


def _cell(cell: Cell) -> dict[str, Any]:
    work, best = cell.workload, cell.best()
    return {
        "name": work.name,
        "layer_sizes": list(work.net.layer_sizes),
        "activation": work.net.activation,
        "output": work.net.output,
        "task": work.task,
        "rows": work.rows,
        "steps": cell.steps,
        "dtype": work.dtype,
        "threads": cell.n_threads,
        "flops": work.flops,
        "gflops": cell.gflops,
        "peak_gflops_float32": statistics.median(cell.peaks) if cell.peaks else None,
        "share_of_peak": cell.share_of_peak,
        "best_rival": None if best is None else best.title,
        "ratio": cell.ratio,
        "target": work.target,
        "meets_target": cell.meets_target,
        "agrees": cell.agrees,
        "contestants": [_entry(entry) for entry in cell.entries],
    }


def _entry(entry: Entry) -> dict[str, Any]:
    # JSON has no infinity: what cannot be compared at all has no deviation.
    deviation = entry.deviation
    if deviation == float("inf"):
        deviation = None
    quartiles: list[float] | None = None
    if len(entry.samples) > 1:
        quartiles = statistics.quantiles(entry.samples, n=4)
    return {
        "rival": entry.rival,
        "variant": entry.variant,
        "median": entry.median,
        "quartiles": quartiles,
        "samples": len(entry.samples),
        "first_call": entry.first_call,
        "deviation": deviation,
        "agrees": entry.agrees,
        "reason": entry.reason,
    }
