"""What `train` says of columns that may not be what they seem."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .._optional import require
from ..table._values import ISO_DATE
from . import _data

if TYPE_CHECKING:
    import pandas as pd

_DATE_OF_PEOPLE = r"\d{1,2}[./-]\d{1,2}[./-]\d{4}(\s.*)?"


def texts_by_mistake(
    frame: pd.DataFrame, known: Sequence[str], decimal: str = "."
) -> Iterator[str]:
    """Say which columns of a CSV file are text, though most values are not.

    One wrong character makes a column of numbers, or dates, one of categories.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `_data.read` has returned.
    known : sequence of str
        Columns that are texts, or of no interest.
    decimal : str
        The decimal point of the file.

    Yields
    ------
    str
        A line for people.
    """
    pd = require("pandas", "cli", "a table")
    for name in frame.columns.difference(known, sort=False):
        texts = frame[name].dropna()
        if pd.api.types.is_numeric_dtype(texts.dtype) or not len(texts):
            continue
        texts = texts.astype(str)
        is_number = pd.to_numeric(
            texts.str.replace(decimal, ".", regex=False), errors="coerce"
        ).notna()
        is_date = texts.str.match(ISO_DATE)
        for is_one, kind in ((is_number, "number"), (is_date, "date")):
            if 0.5 < is_one.mean() < 1:
                others = texts[~is_one]
                text = others.iloc[0]
                hint = ""
                if others.nunique() == 1:
                    hint = f" (--missing {shlex.quote(text)}, if it says that none is)"
                yield (
                    f"column {name!r} is read as text, because {text!r} in row "
                    f"{others.index[0]} is no {kind}; {is_one.sum():,} of its "
                    f"{len(texts):,} values are{hint}"
                )
        other, theirs = (",", "comma") if decimal == "." else (".", "point")
        marked = texts[texts.str.fullmatch(rf"[+-]?\d+([{other}]\d+)+")]
        if (
            len(marked)
            and marked.str.fullmatch(rf"[+-]?[1-9]\d{{0,2}}([{other}]\d{{3}})+").all()
        ):
            if is_number.sum() + len(marked) > 0.5 * len(texts):
                yield (
                    f"column {name!r} is read as text: its thousands seem to be set "
                    f"off by a {theirs} ({marked.iloc[0]!r}); write them without"
                )
        elif len(marked) > 0.5 * len(texts):
            yield (
                f"column {name!r} is read as text: its numbers are written with a "
                f"{theirs} ({marked.iloc[0]!r}; --decimal {other!r})"
            )
        if texts.str.fullmatch(_DATE_OF_PEOPLE).mean() > 0.5:
            yield (
                f"column {name!r} is read as text: dates are written 2024-12-31, not "
                f"{texts.iloc[0]!r}"
            )


def many_classes(target: pd.Series) -> Iterator[str]:
    """Say if a target of texts has hardly two rows of a class.

    Parameters
    ----------
    target : pandas.Series
        What is to be predicted.

    Yields
    ------
    str
        A line for people.
    """
    pd = require("pandas", "cli", "a table")
    texts = target.dropna()
    n = texts.nunique()
    if not pd.api.types.is_numeric_dtype(target.dtype) and n > max(20, len(texts) / 2):
        yield (
            f"the target {target.name!r} is text, with {n:,} classes in {len(texts):,} "
            f"rows, such as {texts.iloc[0]!r}: is it meant to be a number?"
        )


def leading_zeros(
    path: str, dialect: _data.Dialect, frame: pd.DataFrame, known: Sequence[str]
) -> Iterator[str]:
    """Say which columns of whole numbers a CSV file has with leading zeros.

    Parameters
    ----------
    path, dialect
        The file; its first rows are read once more.
    frame, known
        As in `texts_by_mistake`.

    Yields
    ------
    str
        A line for people.
    """
    pd = require("pandas", "cli", "a table")
    columns = frame.columns.difference(known, sort=False)
    whole = [c for c in columns if pd.api.types.is_integer_dtype(frame[c].dtype)]
    if not whole:
        return
    first = next(_data.read_parts(path, dialect, whole, (), whole))
    for name in whole:
        texts = first[name].dropna().str.strip()
        texts = texts[texts.str.fullmatch(r"[+-]?0\d+")]
        if len(texts):
            yield (
                f"column {name!r} is read as numbers, without the zeros of "
                f"{texts.iloc[0]!r}; if these are names, keep them (--categorical "
                f"{shlex.quote(str(name))})"
            )


def row_numbers(frame: pd.DataFrame, known: Sequence[str]) -> Iterator[str]:
    """Say which columns count the rows.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table.
    known : sequence of str
        Columns of no interest.

    Yields
    ------
    str
        A line for people.
    """
    pd = require("pandas", "cli", "a table")
    for name in frame.columns.difference(known, sort=False):
        column = frame[name]
        if (
            len(column) > 2
            and pd.api.types.is_integer_dtype(column.dtype)
            and not column.isna().any()
            and (column.diff()[1:] == 1).all()
        ):
            yield (
                f"column {name!r} counts the rows from {column.iloc[0]}; if it is no "
                f"more than that, leave it out (--drop {shlex.quote(str(name))})"
            )
