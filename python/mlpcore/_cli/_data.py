"""Tables in files: CSV and Parquet, whole and in parts."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .._optional import require

if TYPE_CHECKING:
    import pandas as pd

CSV, PARQUET = "CSV", "Parquet"
EXTENSIONS = {".csv": CSV, ".tsv": CSV, ".parquet": PARQUET, ".pq": PARQUET}
PACKED = (".gz", ".bz2", ".xz", ".zip")  # which pandas reads as it is

# Whose errors say what is wrong with a file: by name, so that none has to be imported.
_READERS = ("pandas", "pyarrow", "zlib", "_lzma", "zipfile")

# What means in a CSV file that a value is missing. It is pandas' own list, but kept
# here: a model must not depend on the version that reads its data.
MISSING = [
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan"),
    *("1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan"),
    "null",
]

# Under which name a model keeps what counted as missing when it was trained, as it is
# written on a command line.
MISSING_IN_RECORD = "missing"

# Rows read, predicted and written at a time: some 10 MB.
ROWS = 50_000


@dataclass(frozen=True)
class Dialect:
    """How a CSV file is written."""

    separator: str | None = None
    """Of values; None: a comma, and a tab in a ``.tsv`` file."""
    decimal: str = "."
    missing: Sequence[str] | None = None
    """What says that a value is missing, beside nothing; None: `MISSING`."""
    encoding: str = "utf-8-sig"

    def separator_of(self, path: str) -> str:
        """Return what separates the values of a file."""
        return self.separator or default_separator(path)

    @property
    def na_values(self) -> list[str]:
        """Return all texts that stand for a missing value."""
        return MISSING if self.missing is None else ["", *self.missing]


def file_format(path: str, *, to_write: bool = False) -> str:
    """Return ``"CSV"`` or ``"Parquet"``, by the file's extension.

    Raises
    ------
    ValueError
        If it has another one; to write, that of a packed file too.
    """
    stem, extension = os.path.splitext(path.lower())
    if extension in PACKED and not to_write:
        extension = os.path.splitext(stem)[1]
        if extension in (".csv", ".tsv"):
            return CSV
    if extension not in EXTENSIONS:
        raise ValueError(
            f"{path}: tables are in files that end in {', '.join(EXTENSIONS)}"
        )
    return EXTENSIONS[extension]


def default_separator(path: str) -> str:
    """Return what separates the values of a line."""
    return "\t" if ".tsv" in os.path.basename(path).lower() else ","


def read(path: str, dialect: Dialect, texts: Sequence[str] = ()) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : str
        The file.
    dialect : Dialect
        Of a CSV file.
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
            frame = _read_csv(path, dialect, dict.fromkeys(texts, str))
    else:
        parts = list(_parquet_parts(path, None))
        frame = require("pandas", "cli", "a table").concat(parts, ignore_index=True)
    if not len(frame):
        raise ValueError(f"{path}: the table has no rows")
    # A separator at the end of every line makes a column without a name or values.
    nameless = [
        name
        for name in frame.columns
        if re.fullmatch(r"Unnamed: \d+", str(name)) and frame[name].isna().all()
    ]
    return frame.drop(columns=nameless)


def missing_texts(path: str, dialect: Dialect, name: str) -> Sequence[str]:
    """Return what stands for missing values in a column of a CSV file, not nothing."""
    with _named_errors(path):
        column = _read_csv(path, dialect, {}, converters={name: _mark})[name]
    texts = column.str[len(_MARK) :].unique().tolist()
    return [text for text in texts if text and text in dialect.na_values]


def column_names(path: str, dialect: Dialect) -> list[str]:
    """Return the names of a table's columns.

    Raises
    ------
    OSError, ValueError
        If it cannot be read, or two columns of a CSV file have one name.
    """
    if file_format(path) == CSV:
        with _named_errors(path):
            names = list(_read_csv(path, dialect, {}, nrows=0).columns)
            # As they are in the file: pandas makes a.1 of a second a.
            line = _read_csv(path, dialect, {}, nrows=1, header=None).iloc[0]
        twice = line[line.duplicated() & line.notna()]
        if len(twice):
            name = str(twice.iloc[0])
            hint = "; is its first line no header?" if _is_number(name) else ""
            raise ValueError(f"{path}: there are two columns {name!r}{hint}")
        return names
    with _parquet(path) as source:
        return _parquet_columns(source)


def read_parts(
    path: str,
    dialect: Dialect,
    texts: Sequence[str],
    exact: Sequence[str],
    wanted: Sequence[str],
) -> Iterator[pd.DataFrame]:
    """Read a table some rows at a time; the index counts on.

    Parameters
    ----------
    path, dialect, texts
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
            dialect,
            dict.fromkeys(texts, str),
            converters=dict.fromkeys(exact, _mark),
            chunksize=ROWS,
        )
        with reader:
            parts = iter(reader)
            while (part := _next(parts)) is not None:
                # Not by `usecols`, with which pandas lets lines be too long.
                part = part[[name for name in part.columns if name in wanted]].copy()
                for name in exact:
                    part[name] = part[name].str[len(_MARK) :]
                yield part


def csv_chunks(
    parts: Iterable[pd.DataFrame], separator: str, decimal: str
) -> Iterator[bytes]:
    """Return tables, one after another, as the bytes of one CSV file."""
    for i, part in enumerate(parts):
        text = part.to_csv(
            index=False,
            header=i == 0,
            sep=separator,
            decimal=decimal,
            lineterminator="\n",
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
    dialect: Dialect,
    dtype: Mapping[str, Any],
    **more: Any,
) -> Any:
    pd = require("pandas", "cli", "a table")
    with _strict():
        return pd.read_csv(
            path,
            sep=dialect.separator_of(path),
            decimal=dialect.decimal,
            dtype=dict(dtype) or None,
            na_values=dialect.na_values,
            keep_default_na=False,
            # Or the first column of lines that are too long is no column.
            index_col=False,
            # The type of a column from all of its rows.
            low_memory=False,
            encoding=dialect.encoding,
            **more,
        )


# Before a text that is to be read as it is: then no text stands for a missing value.
_MARK = "="


def _mark(text: str) -> str:
    return _MARK + text


def _next(parts: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    with _strict():
        return next(parts, None)


@contextmanager
def _strict() -> Iterator[None]:
    """Make errors of what pandas only warns of: lines longer than the header."""
    pd = require("pandas", "cli", "a table")
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        yield


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    except UnicodeError as error:
        # Of an UTF-16 that does not begin as one no encoding is said.
        name = getattr(error, "encoding", "utf-16").removesuffix("-sig").upper()
        raise ValueError(
            f"{path}: not a text in {name} ({error}); if it is one in another "
            "encoding, name it (--encoding latin-1, utf-16)"
        ) from None
    except Warning:
        raise ValueError(
            f"{path}: its lines have more values than the header has names; is its "
            "separator another? (--separator ';', and --decimal , where its numbers "
            "have commas)"
        ) from None
    except EOFError:
        raise ValueError(f"{path}: cut off: its end is missing") from None
    except Exception as error:
        # An OSError without a number is no call of the system's: gzip's, bz2's.
        ours = isinstance(error, OSError) and error.errno is None
        # zipfile has only this one for a file with a password.
        ours |= isinstance(error, RuntimeError) and path.lower().endswith(".zip")
        if ours or type(error).__module__.partition(".")[0] in _READERS:
            what = str(error).strip()
            if "Error tokenizing data" in what:
                what += "; is its separator another? (--separator)"
            elif "No columns to parse" in what:
                what = "the file is empty"
            raise ValueError(f"{path}: {what}") from None
        raise
