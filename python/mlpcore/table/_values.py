"""From a column of a data frame to plain values, with errors that name column and row.

Each function takes a pandas Series as it may come from a CSV file, a Parquet file or a
program, in training and in prediction alike, so that the same value in another file
format means the same.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._optional import require

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

NUMERIC, BOOLEAN, DATE, CATEGORY = "numeric", "boolean", "date", "category"

_INFERRED = {
    "string": CATEGORY,
    "categorical": CATEGORY,
    "mixed-integer": CATEGORY,  # texts and whole numbers
    "boolean": BOOLEAN,
    "integer": NUMERIC,
    "floating": NUMERIC,
    "mixed-integer-float": NUMERIC,
    "decimal": NUMERIC,
    "date": DATE,
    "datetime": DATE,
    "datetime64": DATE,
}
_MICROSECONDS_A_DAY = 86_400_000_000
ISO_DATE = r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"


def pandas() -> Any:
    """Import pandas, or say how to get it."""
    return require("pandas", "cli", "mlpcore.table")


def kind_of(series: pd.Series, name: str) -> str:
    """Return what a column of the training data holds.

    Parameters
    ----------
    series : pandas.Series
        The column.
    name : str
        Its name, for the message.

    Returns
    -------
    str
        ``"numeric"``, ``"boolean"``, ``"date"`` or ``"category"``. A column of texts
        that are all ISO dates is one of dates.

    Raises
    ------
    ValueError
        If it has no values, or values of another kind.
    """
    inferred = pandas().api.types.infer_dtype(series, skipna=True)
    if inferred == "empty" or not series.notna().any():
        raise ValueError(
            f"column {name!r} has no values in the rows to learn from; leave it out "
            f"(--drop {shlex.quote(name)})"
        )
    if inferred not in _INFERRED:
        raise ValueError(
            f"column {name!r} holds {inferred} values, which are not supported; there "
            "are numbers, booleans, texts and dates"
        )
    if inferred == "string":
        texts = series.dropna().astype(str)
        if texts.str.match(ISO_DATE).all():
            return DATE
    return _INFERRED[inferred]


def as_numbers(series: pd.Series, name: str) -> Floats:
    """Return a column as float64, NaN where a value is missing.

    Parameters
    ----------
    series : pandas.Series
        The column.
    name : str
        Its name, for the message.

    Returns
    -------
    ndarray of float64, shape (n,)
        The values.

    Raises
    ------
    ValueError
        If a value is no number, or infinite.
    """
    pd = pandas()
    types = pd.api.types
    if types.is_datetime64_any_dtype(series.dtype):
        raise ValueError(f"column {name!r} must hold numbers, got dates")
    if types.is_numeric_dtype(series.dtype):
        numbers = series
    else:
        plain = series.astype(object)
        numbers = pd.to_numeric(plain, errors="coerce")
        _refuse(plain, numbers.isna() & plain.notna(), name, "numbers")
    values: Floats = numbers.to_numpy(dtype=np.float64, na_value=np.nan)
    infinite = np.isinf(values)
    if infinite.any():
        at = int(infinite.argmax())
        raise ValueError(
            f"column {name!r} contains {values[at]:g} (first at row {series.index[at]})"
        )
    return values


def as_days(series: pd.Series, name: str) -> Floats:
    """Return dates as days since 1970 in UTC, NaN where a value is missing.

    Parameters
    ----------
    series : pandas.Series
        Datetimes, dates, or texts like ``2024-05-01`` and ``2024-05-01 12:30``; those
        without a time zone count as UTC.
    name : str
        Its name, for the message.

    Returns
    -------
    ndarray of float64, shape (n,)
        The days, with their fraction.

    Raises
    ------
    ValueError
        If a value is no date.
    """
    pd = pandas()
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        times = pd.to_datetime(series, utc=True)
    else:
        plain = series.astype(object)
        texts = plain.map(str, na_action="ignore")
        times = pd.to_datetime(texts, utc=True, format="ISO8601", errors="coerce")
        # pandas takes more for a date than what training takes for one: 5 is 1970.
        is_date = np.array([bool(re.match(ISO_DATE, str(t))) for t in texts], bool)
        _refuse(plain, ~(times.notna() & is_date) & plain.notna(), name, "dates")
    stamps = times.dt.tz_localize(None).to_numpy(dtype="datetime64[us]")
    values: Floats = stamps.astype(np.int64) / _MICROSECONDS_A_DAY
    values[np.isnat(stamps)] = np.nan
    return values


def as_booleans(series: pd.Series, name: str) -> Floats:
    """Return true as 1, false as 0, NaN where a value is missing.

    Parameters
    ----------
    series : pandas.Series
        Booleans, the numbers 0 and 1, or the texts ``true`` and ``false`` in any case.
    name : str
        Its name, for the message.

    Returns
    -------
    ndarray of float64, shape (n,)
        The values.

    Raises
    ------
    ValueError
        If a value is no boolean.
    """
    plain = series.astype(object)
    texts = plain.map(lambda value: str(value).lower(), na_action="ignore")
    known = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}
    numbers = texts.map(known).astype(np.float64)
    _refuse(plain, numbers.isna() & plain.notna(), name, "true or false")
    values: Floats = numbers.to_numpy()
    return values


def as_texts(series: pd.Series) -> NDArray[np.object_]:
    """Return values as texts, None where one is missing.

    A whole number has the same text as an integer and as a float, so that a missing
    value elsewhere in the column, which makes pandas read floats, changes nothing.

    Parameters
    ----------
    series : pandas.Series
        The column.

    Returns
    -------
    ndarray of object, shape (n,)
        The texts.

    Examples
    --------
    >>> import pandas
    >>> as_texts(pandas.Series([7.0, None, 1.5]))
    array(['7', None, '1.5'], dtype=object)
    """
    plain = series.astype(object).to_numpy()
    missing = series.isna().to_numpy()
    texts = np.empty(len(plain), object)
    for i, value in enumerate(plain.tolist()):
        texts[i] = None if missing[i] else _text(value)
    return texts


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _refuse(series: pd.Series, wrong: pd.Series, name: str, wanted: str) -> None:
    """Raise for the first value that is wrong."""
    mask = wrong.to_numpy(dtype=bool)
    if mask.any():
        at = int(mask.argmax())
        # The index counts on over the parts of a file that is read in parts.
        raise ValueError(
            f"column {name!r} must hold {wanted}, got {series.iloc[at]!r} "
            f"(row {series.index[at]}); if that says that none is known: --missing "
            f"{shlex.quote(str(series.iloc[at]))}"
        )
