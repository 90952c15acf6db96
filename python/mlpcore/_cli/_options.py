"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import argparse
import codecs
import errno
import os
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

from .._names import nearest
from ._data import Dialect, default_separator

Commands: TypeAlias = Any  # argparse's action for subcommands, whose type is private


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def parse_known_args(
        self, args: Any = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        """Refuse what is unknown here: the program's own parser knows no options."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            there = [name for action in self._actions for name in action.option_strings]
            near = nearest(unknown[0].partition("=")[0], there)
            hint = "" if near is None else f", did you mean {near}?"
            self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Print the error and exit with 2."""
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def whole(text: str) -> int:
    """Read a whole number of 0 or more."""
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def one_character(text: str) -> str:
    r"""Read one character, a tab as ``\t`` too, which a hint may have said.

    Examples
    --------
    >>> one_character(";"), one_character(r"\t")
    (';', '\t')
    """
    text = {r"\t": "\t"}.get(text, text)
    if len(text) != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not one character")
    return text


def layers(text: str) -> list[int]:
    """Read widths of layers.

    Examples
    --------
    >>> layers("64,32"), layers("none")
    ([64, 32], [])
    """
    if text == "none":
        return []
    widths = [part.strip() for part in text.split(",")]
    if not all(width.isascii() and width.isdigit() and int(width) for width in widths):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a list of widths such as 64,32"
        )
    return [int(width) for width in widths]


def add_output(parser: argparse.ArgumentParser, metavar: str, text: str) -> None:
    """Add ``-o``."""
    parser.add_argument("-o", "--output", required=True, metavar=metavar, help=text)


def encoding(text: str) -> str:
    """Read the name of an encoding.

    Examples
    --------
    >>> encoding("Latin-1"), encoding("utf8")
    ('iso8859-1', 'utf-8-sig')
    """
    try:
        name = codecs.lookup(text).name
        "".encode(name)  # which those of no text refuse
    except (LookupError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is no encoding") from None
    # With or without the mark that some programs put before it.
    return "utf-8-sig" if name == "utf-8" else name


def add_dialect(parser: argparse.ArgumentParser) -> None:
    """Add what says how a CSV file is written."""
    group = parser.add_argument_group("CSV files")
    group.add_argument(
        "--separator",
        type=one_character,
        metavar="TEXT",
        help="what separates the values, also of what is written (default: a comma; "
        "in .tsv a tab)",
    )
    group.add_argument(
        "--decimal",
        type=one_character,
        default=".",
        metavar="TEXT",
        help="the decimal point, also of what is written (default: .)",
    )
    group.add_argument(
        "--missing",
        action="append",
        metavar="TEXT",
        help="what says that a value is missing, beside an empty field, and in place "
        "of NA, None and the like; may be given several times",
    )
    group.add_argument(
        "--encoding",
        type=encoding,
        default="utf-8-sig",
        metavar="NAME",
        help="of the text, such as latin-1 or utf-16 (default: utf-8)",
    )


def dialect_of(options: argparse.Namespace) -> Dialect:
    """Return what `add_dialect` has read.

    Raises
    ------
    ValueError
        If values are separated by the decimal point.
    """
    dialect = Dialect(
        options.separator, options.decimal, options.missing, options.encoding
    )
    if dialect.decimal == dialect.separator_of(options.data):
        raise ValueError(
            f"{dialect.decimal!r} cannot be the decimal point and the separator "
            "(--separator)"
        )
    return dialect


def add_verbosity(parser: argparse.ArgumentParser) -> None:
    """Add ``-q`` and ``-v``."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-q", "--quiet", action="store_true", help="print errors and warnings only"
    )
    add_verbose(
        group, "show progress in a file or a pipe too, and where an error comes from"
    )


def add_verbose(parser: Any, text: str = "show where an error comes from") -> None:
    """Add ``-v`` to a parser or a group."""
    parser.add_argument("-v", "--verbose", action="store_true", help=text)


def check_writable(path: str) -> None:
    """Check that a file can probably be written, before the work that goes into it.

    Raises
    ------
    OSError
        If its folder is missing, or it or the folder must not be written to.
    """
    folder = os.path.dirname(os.path.realpath(path))
    code = 0
    if os.path.isdir(path):
        code = errno.EISDIR
    elif not os.path.isdir(folder):
        code = errno.ENOENT
    elif not os.access(path if os.path.exists(path) else folder, os.W_OK):
        code = errno.EACCES
    if code:
        raise OSError(code, os.strerror(code), path)


def check_apart(output: str, *others: str | None) -> None:
    """Check that a file to be written is none that the command reads or writes too.

    Raises
    ------
    ValueError
        If it is.
    """
    target = os.path.realpath(output)
    if os.path.exists(target) and not os.path.isfile(target):
        return  # as /dev/null, which takes anything
    if target in [os.path.realpath(other) for other in others if other is not None]:
        raise ValueError(
            f"{output}: the command has another use for this file, which would be "
            "overwritten"
        )


def check_separator(
    options: argparse.Namespace, names: Sequence[str], wanted: str
) -> None:
    """Give a hint if a CSV file seems to have another separator.

    Raises
    ------
    ValueError
        If it does.
    """
    if wanted in names or options.separator is not None:
        return
    # A name may have a comma in it.
    header = default_separator(options.data).join(names)
    for separator in (";", "\t", "|"):
        others = [name.strip().strip('"') for name in header.split(separator)]
        if wanted in others or (len(names) == 1 and len(others) > 1):
            raise ValueError(
                f"{options.data}: there is no column {wanted!r} in {header!r}; is its "
                f"separator another? (--separator {separator!r})"
            )
