"""What the commands print: plain lines, or rich's tables on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Print a line for each label and its value.

    An empty label continues the one before.

    Examples
    --------
    >>> facts([("rows", "150"), ("target", "species")])
    rows        150
    target      species
    """
    console = _terminal()
    for label, value in pairs:
        text = printable(f"{label:<12}{value}".rstrip())
        if console is None:
            print(text)
        else:
            from rich.text import Text

            line = Text(text)
            line.stylize("bold cyan", 0, len(label))
            console.print(line, soft_wrap=True)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], n_left: int = 1) -> None:
    """Print a table; all columns but the first `n_left` are flush right.

    Examples
    --------
    >>> table(["score", "network"], [["accuracy", "0.9667"], ["log loss", "0.1"]])
    score     network
    accuracy   0.9667
    log loss      0.1
    """
    head, rows = list(map(printable, head)), [list(map(printable, row)) for row in rows]
    console = _terminal()
    if console is None:
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        for line in (head, *rows):
            cells = [
                cell.ljust(width) if i < n_left else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            print("  ".join(cells).rstrip())
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for i, name in enumerate(head):
        drawn.add_column(name, justify="left" if i < n_left else "right")
    for line in rows:
        drawn.add_row(*map(Text, line))
    console.print(drawn)


def counted(n: int, noun: str) -> str:
    """Return how many there are.

    Examples
    --------
    >>> counted(1, "row"), counted(2000, "row")
    ('1 row', '2,000 rows')
    """
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def printable(text: str) -> str:
    r"""Return a text with escapes for what stdout cannot write, or a terminal obeys.

    Names may come from a stranger's file.

    Examples
    --------
    >>> print(printable("red\x1b[31m"))
    red\x1b[31m
    """
    text = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode() for c in text
    )
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def note(text: str) -> None:
    """Print a line for people, not for pipes: on stderr."""
    print(f"mlpcore: {one_line(text)}", file=sys.stderr)


def one_line(text: str) -> str:
    r"""Return a text with all white space as single spaces.

    Examples
    --------
    >>> one_line("first line\n  second line")
    'first line second line'
    """
    return " ".join(text.split())


def _terminal() -> Any:
    """Return rich's console if stdout is a terminal and rich is there, else None."""
    if not sys.stdout.isatty():
        return None
    try:
        from rich.console import Console
    except ImportError:
        return None
    return Console(highlight=False)
