"""How a network shows itself: a table of its layers, a repr, HTML for notebooks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._architecture import LossName
    from .history import History
    from .network import Network


class Summary(str):
    """A text that shows itself as it is, in an interactive session too."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Return the text, not its quotes."""
        return str(self)


def _layer_rows(network: Network) -> list[tuple[str, str, str, str]]:
    rows = [("layer", "activation", "shape", "parameters")]
    sizes, activations, dropout = (
        network.layer_sizes,
        network.activations,
        network.dropout,
    )
    for i, phi in enumerate(activations):
        n_in, n_out = sizes[i], sizes[i + 1]
        name = "output" if i + 1 == len(activations) else f"hidden {i + 1}"
        if i < len(dropout) and dropout[i] > 0:
            phi += f", dropout {dropout[i]:g}"
        rows.append((name, phi, f"{n_in} x {n_out}", f"{(n_in + 1) * n_out:,}"))
    return rows


def _totals(network: Network) -> str:
    loss = network.loss_name
    if network.loss_parameter is not None:
        loss += f" ({network.loss_parameter:g})"
    size = _bytes(network.n_parameters * network.dtype.itemsize)
    return f"{network.n_parameters:,} parameters ({size}, {network.dtype}), loss {loss}"


def summary(network: Network) -> Summary:
    """Return a table of the layers as text."""
    rows = _layer_rows(network)
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        cells[3] = row[3].rjust(widths[3])
        lines.append("  ".join(cells).rstrip())
    return Summary("\n".join([*lines, _totals(network)]))


def constructor_call(network: Network) -> str:
    """Return how to make a network like this one."""
    hidden = network.activations[:-1]
    parts = [repr(network.layer_sizes)]
    if hidden:
        parts.append(repr(hidden[0] if len(set(hidden)) == 1 else hidden))
    parts.append(f"output={network.activations[-1]!r}")
    loss: LossName = network.loss_name
    if network.loss_parameter is not None:
        loss = (network.loss_name, network.loss_parameter)
    parts.append(f"loss={loss!r}")
    if any(network.dropout):
        parts.append(f"dropout={network.dropout!r}")
    parts.append(f"dtype={str(network.dtype)!r}")
    return f"Network({', '.join(parts)})"


def html_table(network: Network) -> str:
    """Return the table of the layers as HTML."""
    return _html_table("Network", _totals(network), _layer_rows(network), n_left=3)


def history_html(history: History) -> str:
    """Return the first, the last and the best of each figure as HTML."""
    n = len(history)
    caption = f"{n:,} epoch{'' if n == 1 else 's'}"
    seconds = [s for s in history.history.get("epoch_time", []) if s == s]
    if seconds:
        caption += f", {sum(seconds):.3g} s"
    rows = [("", "first", "last", "best", "in epoch")]
    for name, column in history.history.items():
        if name == "epoch_time" or not column:
            continue
        best, epoch = "", ""
        found = best_of(history, name)
        if found is not None:
            best, epoch = f"{found[1]:.4g}", f"{found[0]:,}"
        rows.append((name, f"{column[0]:.4g}", f"{column[-1]:.4g}", best, epoch))
    return _html_table("History", caption, rows, n_left=1)


def best_of(history: History, name: str) -> tuple[int, float] | None:
    """Return the epoch, counted from 1, and the value of the best one recorded.

    None for a quantity of which it is not known whether more is better, or that has no
    finite value.
    """
    better = {"loss": min, "accuracy": max, "r2": max}.get(name.removeprefix("val_"))
    recorded = zip(history.epoch, history.history.get(name, []), strict=False)
    finite = [(value, -epoch) for epoch, value in recorded if math.isfinite(value)]
    if better is None or not finite:
        return None
    if better is min:  # of equals the first
        value, epoch = min((value, -epoch) for value, epoch in finite)
    else:
        value, epoch = max(finite)
        epoch = -epoch
    return epoch + 1, value


def _html_table(
    title: str, caption: str, rows: Sequence[Sequence[str]], n_left: int
) -> str:
    """Return a table whose first columns are text, the others numbers.

    The colours are left to the notebook, so that they fit its theme.
    """
    import html  # 2 ms, for its table of entities

    def line(kind: str, cells: Sequence[str]) -> str:
        return "".join(
            f'<{kind} style="text-align: {"left" if i < n_left else "right"}">'
            f"{html.escape(cell)}</{kind}>"
            for i, cell in enumerate(cells)
        )

    head, *body = rows
    lines = "".join(f"<tr>{line('td', cells)}</tr>" for cells in body)
    return (
        '<table><caption style="caption-side: top; text-align: left; '
        'color: inherit; white-space: nowrap">'
        f"<strong>{html.escape(title)}</strong>: {html.escape(caption)}</caption>"
        f"<thead><tr>{line('th', head)}</tr></thead><tbody>{lines}</tbody></table>"
    )


def _bytes(size: int) -> str:
    if size < 1024:
        return f"{size} bytes"
    for exponent, unit in ((1, "KiB"), (2, "MiB")):
        if size < 1024 ** (exponent + 1):
            return f"{size / 1024**exponent:.1f} {unit}"
    return f"{size / 1024**3:.1f} GiB"
