"""What each column of a table becomes: learnt numbers, kept as plain values.

A column becomes one or several features of the network's input. What it needs for that
is learnt from the training rows once and described by plain values, so it can be kept
in a file as JSON and checked when it is read.
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np

from .._validation import Array
from ..errors import ModelFormatError
from ..formats._safetensors import check_keys
from ._values import (
    BOOLEAN,
    CATEGORY,
    DATE,
    NUMERIC,
    Floats,
    as_booleans,
    as_days,
    as_numbers,
    as_texts,
    kind_of,
    pandas,
)

if TYPE_CHECKING:
    import pandas as pd

# A value that was seen once says nothing about the next row that has it.
FEWEST_OF_A_CATEGORY = 2

# Why a column is left out.
SAME = "the same in all rows"
DIFFERENT = "a text of its own in every row"


@dataclass(frozen=True)
class Numeric:
    """A number: the median for what is missing, then mean 0 and deviation 1."""

    kind: ClassVar[str] = NUMERIC
    name: str
    median: float
    mean: float
    scale: float
    missing: bool
    """Whether values were missing in training; then an indicator is a feature."""

    @classmethod
    def values(cls, series: pd.Series, name: str) -> Floats:
        """Return the column as numbers."""
        return as_numbers(series, name)

    @classmethod
    def learn(cls, series: pd.Series, name: str) -> Numeric | str:
        """Return what the training rows say, or why they say nothing."""
        values = cls.values(series, name)
        gone = np.isnan(values)
        median = float(np.median(values[~gone]))
        try:
            mean, scale = mean_and_deviation(np.where(gone, median, values))
        except ValueError as error:
            raise ValueError(f"column {name!r}: {error}") from None
        if scale == 0.0 and not gone.any():
            return SAME
        return cls(name, median, mean, scale or 1.0, bool(gone.any()))

    def features(self) -> list[str]:
        """Return the features' names."""
        return [self.name, *([f"{self.name}=(missing)"] if self.missing else [])]

    def fill(self, series: pd.Series, out: Array) -> None:
        """Write the features of some rows, (n, n_features)."""
        values = self.values(series, self.name)
        gone = np.isnan(values)
        with np.errstate(over="ignore"):
            scaled = (np.where(gone, self.median, values) - self.mean) / self.scale
        too_far = ~(np.abs(scaled) <= np.finfo(out.dtype).max)
        if too_far.any():
            at = int(too_far.argmax())
            raise ValueError(
                f"column {self.name!r}: {values[at]:g} is too far from what was "
                f"learnt, {self.mean:g} +- {self.scale:g} (row {series.index[at]})"
            )
        out[:, 0] = scaled
        if self.missing:
            out[:, 1] = gone

    def check(self) -> None:
        """Check the values that a file had."""
        _check_name(self.name)
        for key in ("median", "mean", "scale"):
            value = getattr(self, key)
            if not is_finite(value):
                raise ModelFormatError(f"column {self.name!r}: {key} is {value!r}")
        if not self.scale > 0:
            raise ModelFormatError(f"column {self.name!r}: scale is {self.scale!r}")
        _check_bool(self, "missing")

    def explain(self) -> str:
        """Say in a line what becomes of the column."""
        text = f"mean {self.mean:.6g}, deviation {self.scale:.6g}"
        return text + (f", missing as {self.median:.6g}" if self.missing else "")


@dataclass(frozen=True)
class Date(Numeric):
    """A date, as days since 1970, and then a number like others."""

    kind: ClassVar[str] = DATE

    @classmethod
    def values(cls, series: pd.Series, name: str) -> Floats:
        """Return the column as days."""
        return as_days(series, name)

    def explain(self) -> str:
        """Say in a line what becomes of the column."""
        day = np.datetime64(0, "D") + round(self.mean)
        return f"days since 1970: mean {day}, deviation {self.scale:.6g} days"


@dataclass(frozen=True)
class Boolean(Numeric):
    """True or false, as 1 and 0, and then a number like others."""

    kind: ClassVar[str] = BOOLEAN

    @classmethod
    def values(cls, series: pd.Series, name: str) -> Floats:
        """Return the column as 0 and 1."""
        return as_booleans(series, name)

    def explain(self) -> str:
        """Say in a line what becomes of the column."""
        text = f"true in {self.mean:.1%}"
        return text + (f", missing as {self.median >= 0.5}" if self.missing else "")


@dataclass(frozen=True)
class Category:
    """One of some values: a feature each, one of which is 1 (one-hot)."""

    kind: ClassVar[str] = CATEGORY
    name: str
    categories: list[str]
    """Those with a feature of their own, the most frequent first."""
    other: bool
    """Whether rarer values share a feature, which new ones then have too."""
    missing: bool
    """Whether a missing value is a category of its own; else it is a new one."""

    @classmethod
    def learn(cls, series: pd.Series, name: str, most: int) -> Category | str:
        """Return what the training rows say, or why they say nothing."""
        texts = as_texts(series)
        counts = Counter(text for text in texts.tolist() if text is not None)
        # By name where counts are equal: the order of the rows has no say.
        ranked = sorted(counts, key=lambda text: (-counts[text], text))
        own = [t for t in ranked[:most] if counts[t] >= FEWEST_OF_A_CATEGORY]
        n_known = sum(counts.values())
        column = cls(name, own, len(own) < len(ranked), n_known < len(texts))
        if len(column.features()) > 1:
            return column
        return DIFFERENT if column.other else SAME

    def features(self) -> list[str]:
        """Return the features' names."""
        names = list(self.categories)
        names += ["(other)"] if self.other else []
        names += ["(missing)"] if self.missing else []
        return [f"{self.name}={name}" for name in names]

    def fill(self, series: pd.Series, out: Array) -> None:
        """Write the features of some rows, (n, n_features)."""
        texts = as_texts(series)
        n = len(self.categories)
        codes = pandas().Index(self.categories, dtype=object).get_indexer(texts)
        if self.other:
            codes[codes < 0] = n
        if self.missing:
            codes[[text is None for text in texts]] = n + self.other
        out[...] = 0
        known = np.flatnonzero(codes >= 0)
        out[known, codes[known]] = 1

    def check(self) -> None:
        """Check the values that a file had."""
        _check_name(self.name)
        names = self.categories
        if (
            not isinstance(names, list)
            or not all(isinstance(name, str) for name in names)
            or len(set(names)) < len(names)
        ):
            raise ModelFormatError(
                f"column {self.name!r}: categories must be a list of different texts"
            )
        _check_bool(self, "other")
        _check_bool(self, "missing")

    def explain(self) -> str:
        """Say in a line what becomes of the column."""
        shown = [*self.categories[:6], *(["..."] if len(self.categories) > 6 else [])]
        shown += ["(other)"] if self.other else []
        shown += ["(missing)"] if self.missing else []
        return ", ".join(shown)


Column: TypeAlias = Numeric | Category

_KINDS: dict[str, type[Numeric] | type[Category]] = {
    cls.kind: cls for cls in (Numeric, Date, Boolean, Category)
}


def learn_column(
    series: pd.Series, name: str, *, categorical: bool, most: int
) -> Column | str:
    """Learn what a column becomes.

    Parameters
    ----------
    series : pandas.Series
        The column's training rows.
    name : str
        Its name.
    categorical : bool
        Whether its values are categories, whatever they look like.
    most : int
        How many categories may have a feature of their own.

    Returns
    -------
    Column or str
        A text says why nothing can be learnt from it.

    Raises
    ------
    ValueError
        If it has no values, or some that cannot be used.
    """
    kind = kind_of(series, name)
    if categorical or kind == CATEGORY:
        return Category.learn(series, name, most)
    cls = _KINDS[kind]
    assert issubclass(cls, Numeric)
    return cls.learn(series, name)


def describe(column: Column) -> dict[str, Any]:
    """Return a column as plain values for JSON."""
    values = {field.name: getattr(column, field.name) for field in fields(column)}
    return {"kind": column.kind, **values}


def column_of(description: object) -> Column:
    """Make the column that `describe` described.

    Raises
    ------
    ModelFormatError
        If it is not one.
    """
    kind = description.get("kind") if isinstance(description, dict) else None
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ModelFormatError(f"a column is of the kind {kind!r}, which is unknown")
    cls = _KINDS[kind]
    names = [field.name for field in fields(cls)]
    given = dict(check_keys(description, ("kind", *names), "a column"))
    del given["kind"]
    column = cls(**given)
    column.check()
    return column


def mean_and_deviation(values: Floats) -> tuple[float, float]:
    """Return the mean and the standard deviation, from exact sums.

    Exact, so that no order of additions, which is another on another processor, gets
    into a model's file.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        Finite values, one or more.

    Returns
    -------
    mean, deviation : float
        The deviation is 0.0 if all values are equal.

    Raises
    ------
    ValueError
        If they are too large for this.

    Examples
    --------
    >>> mean_and_deviation(np.array([1.0, 2.0, 3.0, 6.0]))
    (3.0, 1.8708286933869707)
    """
    if (values == values[0]).all():
        return float(values[0]), 0.0
    try:
        mean = math.fsum(values.tolist()) / len(values)
        with np.errstate(over="ignore"):
            squares = np.square(values - mean).tolist()
        deviation = math.sqrt(math.fsum(squares) / len(values))
    except OverflowError:
        deviation = math.inf
    if not 0 < deviation < math.inf:
        raise ValueError(
            f"values from {values.min():g} to {values.max():g} cannot be standardised: "
            "their squares are too large or too small for float64; use another unit"
        )
    return mean, deviation


def is_finite(value: object) -> bool:
    """Return whether a value of JSON's is a number that a float can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Not math.isfinite, which raises at an int beyond the largest float.
    return abs(value) <= sys.float_info.max


def _check_name(name: object) -> None:
    if not isinstance(name, str):
        raise ModelFormatError(f"a column has the name {name!r}")


def _check_bool(column: Column, key: str) -> None:
    value = getattr(column, key)
    if type(value) is not bool:
        raise ModelFormatError(f"column {column.name!r}: {key} is {value!r}")
