"""The results as rows of text: for the terminal, with rich or without, and Markdown."""

from __future__ import annotations

from typing import Any

from ._results import Cell, Results
from ._worker import N_CHECKED_STEPS
from .rivals import OURS, RIVALS

_NONE = "-"
_RATIO = "best rival / ours"


def seconds_text(seconds: float | None) -> str:
    """Return a time with three digits and its unit.

    Examples
    --------
    >>> [seconds_text(s) for s in (8.3e-7, 0.00123, 4.5678, None)]
    ['0.83 us', '1.23 ms', '4.57 s', '-']
    """
    if seconds is None:
        return _NONE
    for unit, scale in (("us", 1e-6), ("ms", 1e-3)):
        if seconds < 999.5 * scale:
            value = seconds / scale
            digits = 0 if value >= 100 else 1 if value >= 10 else 2
            return f"{value:.{digits}f} {unit}"
    return f"{seconds:.3g} s"


def ratio_text(ratio: float | None) -> str:
    """Return a ratio with two digits or three.

    Examples
    --------
    >>> [ratio_text(r) for r in (0.847, 3.14159, 25.3)]
    ['0.85x', '3.14x', '25x']
    """
    if ratio is None:
        return _NONE
    return f"{ratio:.0f}x" if ratio >= 10 else f"{ratio:.2f}x"


def header(results: Results) -> list[str]:
    """Return the names of the columns."""
    return [
        "work",
        "threads",
        RIVALS[OURS].title,
        *(RIVALS[name].title for name in results.rivals()),
        _RATIO,
        "target",
        "GFLOP/s",
        "of peak",
        "agree",
    ]


def row(cell: Cell, rivals: list[str]) -> list[str]:
    """Return one line of the table; a library has its best way of doing it there."""
    best = cell.best()
    won = ""
    if best is not None and cell.ratio is not None:
        won = f" {best.title}" + ("" if cell.ratio >= 1 else " LOSS")
    medians = [cell.best(name) for name in rivals]
    met = {None: "", True: " met", False: " missed"}[cell.meets_target]
    share = cell.share_of_peak
    return [
        cell.workload.name,
        str(cell.n_threads),
        seconds_text(cell.ours),
        *(seconds_text(e.median if e else None) for e in medians),
        ratio_text(cell.ratio) + won,
        f"{cell.workload.target:g}x{met}",
        _NONE if cell.gflops is None else f"{cell.gflops:.3g}",
        _NONE if share is None else f"{share:.0%}",
        _agreement(cell),
    ]


def _agreement(cell: Cell) -> str:
    if cell.largest_deviation is None:
        return _NONE
    return "ok" if cell.agrees else "FAILED"


def summary(results: Results) -> str:
    """Return how often mlpcore was faster, and how often as much as it wants to be."""
    ratios = [cell.ratio for cell in results.cells if cell.ratio is not None]
    wins = sum(ratio >= 1 for ratio in ratios)
    met = sum(bool(cell.meets_target) for cell in results.cells)
    return (
        f"mlpcore is the fastest in {wins} of {len(ratios)}, slower in "
        f"{len(ratios) - wins}; {met} of {len(ratios)} targets met"
    )


def _busy(results: Results) -> str:
    return (
        f"the load was {results.machine['load_before']} before the run began: "
        "these figures are not to be relied on"
    )


def failures(results: Results) -> list[str]:
    """Say who does not compute the same: a line each."""
    return [
        f"{entry.title} in {cell.workload.name} ({cell.n_threads}): deviates by "
        f"{entry.deviation:.2g}; its time does not count"
        for cell in results.cells
        for entry in cell.entries
        if not entry.agrees
    ]


def show(results: Results) -> None:
    """Print the table and what has to be said beside it."""
    rows = [row(cell, results.rivals()) for cell in results.cells]
    try:
        from rich.console import Console
    except ImportError:
        print(plain(header(results), rows))
    else:
        _show_rich(Console(), header(results), rows, results)
    for calls in results.first_calls():
        median, longest = map(seconds_text, (calls.median, calls.longest))
        print(f"first {calls.task}  {calls.title}: {median}, at most {longest}")
    for line in failures(results):
        print(f"FAILED  {line}")
    for line in results.reasons():
        print(f"missing  {line}")
    if results.was_busy:
        print(f"busy  {_busy(results)}")
    print(f"{summary(results)}; {results.seconds:.0f} s")


def plain(head: list[str], rows: list[list[str]]) -> str:
    """Return a table in plain text, its figures flush right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = []
    for line in (head, *rows):
        first, *others = zip(line, widths, strict=True)
        cells = [first[0].ljust(first[1]), *(text.rjust(n) for text, n in others)]
        lines.append("  ".join(cells))
    return "\n".join(lines)


def _show_rich(
    console: Any, head: list[str], rows: list[list[str]], results: Results
) -> None:
    # What to do without, where the terminal is too narrow: first the rivals' own times.
    rivals = [RIVALS[name].title for name in results.rivals()]
    columns = head
    for left_out in (
        [],
        rivals,
        ["target", "GFLOP/s", "agree"],
        ["threads", "of peak"],
    ):
        columns = [name for name in columns if name not in left_out]
        table = _rich_table(columns, head, rows, results.cells)
        wanted = console.options.update(max_width=1000)
        natural = console.measure(table, options=wanted).maximum
        if natural <= console.width or not console.is_terminal:
            break
    if not console.is_terminal:
        console.width = natural  # a file or a pipe has no width to keep to
    console.print(table)
    if columns != head:
        print("columns left out, for want of width: see results.md")


def _rich_table(
    columns: list[str], head: list[str], rows: list[list[str]], cells: list[Cell]
) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in columns:
        if name == head[0]:  # wrapped, if need be
            table.add_column(name, overflow="fold", min_width=14)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    for texts, cell in zip(rows, cells, strict=True):
        style = ""
        if cell.ratio is not None:
            style = "bold red" if cell.ratio < 1 else "green"
        by_name = dict(zip(head, texts, strict=True))
        table.add_row(
            *(Text(by_name[c], style if c == _RATIO else "") for c in columns)
        )
    return table


def _first_calls(results: Results) -> list[str]:
    lines = [
        "First calls, with what is compiled then; of training, the first "
        f"{N_CHECKED_STEPS} steps.",
        "",
        "| library | task | median | longest |",
        "|---|---|---:|---:|",
    ]
    for calls in results.first_calls():
        cells = (
            calls.title,
            calls.task,
            seconds_text(calls.median),
            seconds_text(calls.longest),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def markdown(results: Results) -> str:
    """Return the page for the documentation."""
    machine = results.machine
    versions = machine["versions"]
    assert isinstance(versions, dict)
    head = header(results)
    lines = [
        f"{machine['processor']}, {machine['processors']} processors, "
        f"{machine['isa']}, {machine['date']}. "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + ".",
        "",
        "Medians of a call, or of a step of training with Adam, from "
        f"{results.effort.rounds} rounds of {results.effort.seconds} s each. A library "
        "has its best way of doing it in the table.",
        "",
        "| " + " | ".join(head) + " |",
        "|---|" + "---:|" * (len(head) - 1),
    ]
    for cell in results.cells:
        texts = row(cell, results.rivals())
        if cell.ratio is not None and cell.ratio < 1:
            at = head.index(_RATIO)
            texts[at] = f"**{texts[at]}**"
        lines.append("| " + " | ".join(texts) + " |")
    lines += ["", summary(results) + "."]
    lines += ["", *_first_calls(results)]
    notes = [*failures(results), *results.reasons()]
    notes += [_busy(results)] if results.was_busy else []
    lines += ["", *(f"- {note}" for note in notes)] if notes else []
    return "\n".join(lines) + "\n"
