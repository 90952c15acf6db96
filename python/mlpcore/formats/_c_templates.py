"""The C functions that a network needs, for one of the two types.

They lie in the folder ``c``, one file a topic, and are the C++ kernels' arithmetic
(``cpp/src/kernels``) a second time, for one number in place of a vector: the same
operations in the same order, so the same bits. A file is cut into pieces by comments:
``/* @ name: needs */`` begins a piece and lists those it calls, ``/* @float32 */``,
``/* @float64 */`` and ``/* @both */`` say which type the lines up to the next such
comment are for, and may list what only that type's lines call. ``real`` and ``word``
(the unsigned integer of the same size) stand for the type, and numbers have no suffix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.resources import files

_FILES = ("pair.c", "exp.c", "sigmoid.c", "gelu.c", "layer.c")
_PIECE = re.compile(r"/\* @ (\w+)(?:: ([\w ]+))? \*/")
_TYPE = re.compile(r"/\* @(float32|float64|both)(?:: ([\w ]+))? \*/")
# A number with a point or in hexadecimal, not a part of a name.
_NUMBER = re.compile(r"(?<![\w.])(0x[0-9a-f.]+p[+-]?\d+|\d+\.\d+)")


def read_text(file: str) -> str:
    """Return a file of the folder ``c``."""
    return (files(__package__) / "c" / file).read_text(encoding="utf-8")


@dataclass
class _Piece:
    needs: list[tuple[str, str]] = field(default_factory=list)
    """(type or "both", name of a piece)"""
    lines: list[tuple[str, str]] = field(default_factory=list)
    """(type or "both", text)"""

    def need(self, dtype: str, names: str | None) -> None:
        self.needs += [(dtype, name) for name in (names or "").split()]


def _read_pieces() -> dict[str, _Piece]:
    pieces: dict[str, _Piece] = {}
    for file in _FILES:
        dtype = "both"
        for line in read_text(file).splitlines():
            if begin := _PIECE.fullmatch(line):
                piece = _Piece()
                piece.need("both", begin[2])
                pieces[begin[1]] = piece
                dtype = "both"
            elif to := _TYPE.fullmatch(line):
                dtype = to[1]
                piece.need(dtype, to[2])
            else:
                piece.lines.append((dtype, line))
    return pieces


def c_functions(names: Iterable[str], dtype: str) -> str:
    """Return the C text of some functions and of all that they call.

    Parameters
    ----------
    names : iterable of str
        Pieces of the files in ``c``.
    dtype : {"float32", "float64"}
        The type.

    Returns
    -------
    str
        C99, callees first.
    """
    pieces = _read_pieces()
    wanted: set[str] = set()
    queue = list(names)
    while queue:
        name = queue.pop()
        if name not in wanted:
            wanted.add(name)
            queue += [n for of, n in pieces[name].needs if of in ("both", dtype)]
    texts = [
        "\n".join(line for of, line in piece.lines if of in ("both", dtype)).strip()
        for name, piece in pieces.items()
        if name in wanted
    ]
    return _typed("\n\n".join(texts), dtype) + "\n"


def _typed(text: str, dtype: str) -> str:
    if dtype == "float64":
        return re.sub(r"\bword\b", "uint64_t", re.sub(r"\breal\b", "double", text))
    code = []
    # Numbers and names in comments stay as they are.
    for part in re.split(r"(/\*.*?\*/)", text, flags=re.DOTALL):
        if not part.startswith("/*"):
            part = re.sub(r"\breal\b", "float", part)
            part = re.sub(r"\bword\b", "uint32_t", part)
            part = re.sub(r"\b(fma|fabs|copysign)\(", r"\1f(", part)
            part = _NUMBER.sub(r"\1f", part)
        code.append(part)
    return "".join(code)
