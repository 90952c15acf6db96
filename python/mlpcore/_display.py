"""How a network shows itself: a table of its layers, a repr, HTML for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._architecture import LossName
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
    import html  # 2 ms, for its table of entities

    head, *body = _layer_rows(network)
    row = "<tr>{}</tr>".format
    cells = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
    lines = "".join(
        row("".join(f"<td>{html.escape(cell)}</td>" for cell in line)) for line in body
    )
    return (
        f"<table><caption>{html.escape(_totals(network))}</caption>"
        f"<thead>{row(cells)}</thead><tbody>{lines}</tbody></table>"
    )


def _bytes(size: int) -> str:
    if size < 1024:
        return f"{size} bytes"
    for exponent, unit in ((1, "KiB"), (2, "MiB")):
        if size < 1024 ** (exponent + 1):
            return f"{size / 1024**exponent:.1f} {unit}"
    return f"{size / 1024**3:.1f} GiB"
