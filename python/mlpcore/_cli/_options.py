"""Options that several commands have, and how their values are read."""

from __future__ import annotations

import argparse
import errno
import os
from collections.abc import Sequence
from typing import Any, NoReturn, TypeAlias

Commands: TypeAlias = Any  # argparse's action for subcommands, whose type is private


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

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


def add_separator(parser: argparse.ArgumentParser) -> None:
    """Add ``--separator``."""
    parser.add_argument(
        "--separator",
        type=one_character,
        metavar="TEXT",
        help="what separates the values of a CSV file (default: a comma; in .tsv a "
        "tab)",
    )


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
    if wanted in names or len(names) != 1 or options.separator is not None:
        return
    for separator in (";", "\t", "|"):
        if separator in names[0]:
            raise ValueError(
                f"{options.data}: the only column is {names[0]!r}; is its separator "
                f"another? (--separator {separator!r})"
            )
