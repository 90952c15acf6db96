"""Tables in files: CSV and Parquet, whole and in parts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .._optional import require

if TYPE_CHECKING:
    import pandas as pd

CSV, PARQUET = "CSV", "Parquet"
_EXTENSIONS = {".csv": CSV, ".tsv": CSV, ".parquet": PARQUET, ".pq": PARQUET}
_PACKED = (".gz", ".bz2", ".xz", ".zip")  # which pandas reads as it is

# Whose errors say what is wrong with a file: by name, so that none has to be imported.
_READERS = ("pandas", "pyarrow", "zlib", "_lzma", "zipfile")

# What means in a CSV file that a value is missing. It is pandas' own list, but kept
# here: a model must not depend on the version that reads its data.
MISSING = [
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan"),
    *("1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan"),
    "null",
]

# Rows read, predicted and written at a time: some 10 MB.
ROWS = 50_000


def file_format(path: str) -> str:
    """Return ``"CSV"`` or ``"Parquet"``, by the file's extension.

    Raises
    ------
    ValueError
        If it has another one.
    """
    stem, extension = os.path.splitext(path.lower())
    if extension in _PACKED:
        extension = os.path.splitext(stem)[1]
        if extension in (".csv", ".tsv"):
            return CSV
    if extension not in _EXTENSIONS:
        raise ValueError(
            f"{path}: tables are in files that end in {', '.join(_EXTENSIONS)}"
        )
    return _EXTENSIONS[extension]


def default_separator(path: str) -> str:
    """Return what separates the values of a line."""
    return "\t" if ".tsv" in os.path.basename(path).lower() else ","


def read(
    path: str, separator: str | None = None, texts: Sequence[str] = ()
) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : str
        The file.
    separator : str, optional
        Of a CSV file's values; by default a comma, and a tab in a ``.tsv`` file.
    texts : sequence of str
        Columns of a CSV file to be read as they are, even if they look like numbers.

    Returns
    -------
    pandas.DataFrame
        The table.

    Raises
    ------
    OSError, ValueError
        If it cannot be read.
    """
    if file_format(path) == CSV:
        with _named_errors(path):
            frame = _read_csv(path, separator, dict.fromkeys(texts, str))
    else:
        parts = list(_parquet_parts(path, None))
        frame = require("pandas", "cli", "a table").concat(parts, ignore_index=True)
    if not len(frame):
        raise ValueError(f"{path}: the table has no rows")
    return frame


def column_names(path: str, separator: str | None) -> list[str]:
    """Return the names of a table's columns.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or two columns of a CSV file have one name.
    """
    if file_format(path) == CSV:
        with _named_errors(path):
            names = list(_read_csv(path, separator, {}, nrows=0).columns)
            # As they are in the file: pandas makes a.1 of a second a.
            line = _read_csv(path, separator, {}, nrows=1, header=None).iloc[0]
        twice = line[line.duplicated() & line.notna()]
        if len(twice):
            raise ValueError(f"{path}: there are two columns {str(twice.iloc[0])!r}")
        return names
    with _parquet(path) as source:
        return _parquet_columns(source)


def read_parts(
    path: str,
    separator: str | None,
    texts: Sequence[str],
    exact: Sequence[str],
    wanted: Sequence[str],
) -> Iterator[pd.DataFrame]:
    """Read a table some rows at a time; the index counts on.

    Parameters
    ----------
    path, separator, texts
        As in `read`.
    exact : sequence of str
        Columns of a CSV file of which every character is kept, ``NA`` and spaces too.
    wanted : sequence of str
        The columns to read, of those there are.

    Yields
    ------
    pandas.DataFrame
        The next rows; one without rows if the table has none.
    """
    if file_format(path) == PARQUET:
        yield from _parquet_parts(path, wanted)
        return
    with _named_errors(path):
        reader = _read_csv(
            path,
            separator,
            dict.fromkeys([*texts, *exact], str),
            na_values={name: MISSING for name in wanted if name not in exact},
            usecols=set(wanted).__contains__,
            chunksize=ROWS,
        )
        with reader:
            parts = iter(reader)
            while (part := next(parts, None)) is not None:
                yield part


def doubts(frame: pd.DataFrame, known: Sequence[str]) -> Iterator[str]:
    """Say which columns of a CSV file are text, though most values are numbers.

    One wrong character makes a column of numbers one of categories.

    Parameters
    ----------
    frame : pandas.DataFrame
        What `read` has returned.
    known : sequence of str
        Columns that are texts, or of no interest.

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
        is_number = pd.to_numeric(texts, errors="coerce").notna()
        if 0.5 < is_number.mean() < 1:
            row = (~is_number).idxmax()
            yield (
                f"column {name!r} is read as text, because {texts[row]!r} in row {row} "
                f"is no number; {is_number.sum():,} of its {len(texts):,} values are"
            )
        elif texts.str.fullmatch(r"[+-]?\d+,\d+").mean() > 0.5:
            yield (
                f"column {name!r} is read as text: its numbers are written with a "
                f"comma ({texts.iloc[0]!r}), not a point"
            )


def csv_chunks(parts: Iterable[pd.DataFrame], separator: str) -> Iterator[bytes]:
    """Return tables, one after another, as the bytes of one CSV file."""
    for i, part in enumerate(parts):
        text = part.to_csv(
            index=False, header=i == 0, sep=separator, lineterminator="\n"
        )
        yield text.encode()


def parquet_bytes(parts: Iterable[pd.DataFrame]) -> bytes:
    """Return tables, one after another, as the bytes of one Parquet file."""
    require("pyarrow", "cli", "Parquet")
    whole = require("pandas", "cli", "a table").concat(list(parts), ignore_index=True)
    content: bytes = whole.to_parquet(None, index=False, engine="pyarrow")
    return content


def _read_csv(
    path: str,
    separator: str | None,
    dtype: Mapping[str, Any],
    na_values: object = MISSING,
    **more: Any,
) -> Any:
    return require("pandas", "cli", "a table").read_csv(
        path,
        sep=separator or default_separator(path),
        dtype=dict(dtype) or None,
        na_values=na_values,
        keep_default_na=False,
        # The type of a column from all of its rows.
        low_memory=False,
        encoding="utf-8-sig",
        **more,
    )


@contextmanager
def _parquet(path: str) -> Iterator[Any]:
    parquet = require("pyarrow.parquet", "cli", "Parquet")
    with _named_errors(path), open(path, "rb") as file:
        yield parquet.ParquetFile(file)


def _parquet_columns(source: Any) -> list[str]:
    """Return the columns' names, without those of an index of pandas' without a name.

    One with a name is a column like others.
    """
    names = source.schema_arrow.names
    return [name for name in names if not re.fullmatch(r"__index_level_\d+__", name)]


def _parquet_parts(path: str, wanted: Sequence[str] | None) -> Iterator[pd.DataFrame]:
    with _parquet(path) as source:
        names = _parquet_columns(source)
        columns = [name for name in names if wanted is None or name in wanted]
        at = 0
        for batch in source.iter_batches(ROWS, columns=columns):
            part = batch.to_pandas(ignore_metadata=True)
            part.index = range(at, at + len(part))
            at += len(part)
            yield part
        if not at:
            empty = source.schema_arrow.empty_table().select(columns)
            yield empty.to_pandas(ignore_metadata=True)


@contextmanager
def _named_errors(path: str) -> Iterator[None]:
    """Give errors of reading the file's name."""
    try:
        yield
    except GeneratorExit:
        raise
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not a text in UTF-8, so no CSV ({error})") from None
    except EOFError:
        raise ValueError(f"{path}: cut off: its end is missing") from None
    except Exception as error:
        # An OSError without a number is no call of the system's: gzip's, bz2's.
        ours = isinstance(error, OSError) and error.errno is None
        # zipfile has only this one for a file with a password.
        ours |= isinstance(error, RuntimeError) and path.lower().endswith(".zip")
        if ours or type(error).__module__.partition(".")[0] in _READERS:
            raise ValueError(f"{path}: {error}") from None
        raise
