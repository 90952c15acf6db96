"""What is to be predicted: classes, or a number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._names import resolve
from .._validation import Array
from ..errors import ModelFormatError
from ..formats._safetensors import check_keys
from ._columns import is_finite, mean_and_deviation
from ._values import (
    BOOLEAN,
    CATEGORY,
    DATE,
    NUMERIC,
    Floats,
    as_booleans,
    as_numbers,
    as_texts,
    kind_of,
)

if TYPE_CHECKING:
    import pandas as pd

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = ("auto", CLASSIFICATION, REGRESSION)

# Whole numbers are classes if they are few, and each has some rows to learn from.
MOST_NUMERIC_CLASSES = 20
ROWS_A_NUMERIC_CLASS = 5
# A softmax of more is a wrong column far more often than it is meant.
MOST_CLASSES = 1000

Label: TypeAlias = str | bool | int | float


@dataclass(frozen=True)
class Classes:
    """The classes, in the order of the network's outputs."""

    name: str
    labels: list[Label]

    task = CLASSIFICATION

    def describe(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"task": self.task, "name": self.name, "classes": self.labels}


@dataclass(frozen=True)
class Number:
    """A number, which the network sees with mean 0 and deviation 1."""

    name: str
    mean: float
    scale: float

    task = REGRESSION

    def describe(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "task": self.task,
            "name": self.name,
            "mean": self.mean,
            "scale": self.scale,
        }

    def scaled(self, values: Floats) -> Floats:
        """Return what the network is to learn."""
        return (values - self.mean) / self.scale

    def unscaled(self, outputs: Array) -> Floats:
        """Return what the network's outputs mean."""
        values: Floats = self.mean + self.scale * outputs.astype(np.float64)
        return values


Target: TypeAlias = Classes | Number


def learn_classes_or_values(
    series: pd.Series, name: str, task: str, *, categorical: bool = False
) -> tuple[list[Label] | None, NDArray[Any]]:
    """Find out what is to be predicted.

    Parameters
    ----------
    series : pandas.Series
        The target's column, all rows.
    name : str
        Its name.
    task : {"auto", "classification", "regression"}
        ``"auto"``: numbers are values to predict, unless they are whole, at most 20
        different ones, and of each there are 5 rows on the average; all else is
        classes.
    categorical : bool
        Whether numbers are names.

    Returns
    -------
    labels : list or None
        The classes, sorted; None for a regression.
    values : ndarray, shape (n,)
        The class of each row as an index into `labels` (int64), or the values.

    Raises
    ------
    ValueError
        If values are missing, or there is only one.
    """
    task = resolve("task", task, TASKS)
    missing = series.isna().to_numpy()
    if missing.all():
        raise ValueError(f"the target {name!r} has no values")
    if missing.any():
        n = int(missing.sum())
        raise ValueError(
            f"the target {name!r} has no value in {n} of {len(series)} rows (first at "
            f"row {int(missing.argmax())}); leave these rows out"
        )
    kind = CATEGORY if categorical else kind_of(series, name)
    if kind == DATE:
        raise ValueError(f"the target {name!r} is a date; make a number of it")
    if task == REGRESSION and kind not in (NUMERIC, BOOLEAN):
        raise ValueError(f"the target {name!r} holds texts, a regression needs numbers")
    numbers = as_numbers(series, name) if kind == NUMERIC else None
    if task == REGRESSION or (
        numbers is not None and task == "auto" and not _looks_like_classes(numbers)
    ):
        values = as_booleans(series, name) if numbers is None else numbers
        if (values == values[0]).all():
            raise ValueError(f"the target {name!r} is {values[0]:g} in all rows")
        return None, values
    return _learn_labels(series, name, kind, numbers)


def _looks_like_classes(numbers: Floats) -> bool:
    if not (numbers == np.rint(numbers)).all():
        return False
    n = len(np.unique(numbers))
    return n <= MOST_NUMERIC_CLASSES and n * ROWS_A_NUMERIC_CLASS <= len(numbers)


def _learn_labels(
    series: pd.Series, name: str, kind: str, numbers: Floats | None
) -> tuple[list[Label], NDArray[np.int64]]:
    rows: list[Label]
    if numbers is not None:
        whole = bool((numbers == np.rint(numbers)).all())
        if whole and np.abs(numbers).max() >= 2**53:
            raise ValueError(
                f"the target {name!r} has whole numbers above 2^53, which floating "
                "point does not tell apart; as names (--categorical) it does"
            )
        rows = [int(x) if whole else x for x in numbers.tolist()]
    elif kind == BOOLEAN:
        rows = [bool(x) for x in as_booleans(series, name).tolist()]
    else:
        rows = as_texts(series).tolist()
    counts = Counter(rows)
    labels = sorted(counts)
    if len(labels) == 1:
        raise ValueError(f"the target {name!r} is {labels[0]!r} in all rows")
    if len(labels) > MOST_CLASSES:
        hint = "" if numbers is None else "; for numbers there is the task 'regression'"
        raise ValueError(
            f"the target {name!r} has {len(labels)} classes, at most {MOST_CLASSES} "
            f"are supported{hint}"
        )
    index = {label: i for i, label in enumerate(labels)}
    return labels, np.array([index[row] for row in rows], np.int64)


def number_target(name: str, values: Floats) -> Number:
    """Return the target of a regression, scaled by the training rows."""
    try:
        mean, scale = mean_and_deviation(values)
    except ValueError as error:
        raise ValueError(f"the target {name!r}: {error}") from None
    return Number(name, mean, scale or 1.0)


def target_of(description: object) -> Target:
    """Make the target that `describe` described.

    Raises
    ------
    ModelFormatError
        If it is not one.
    """
    task = description.get("task") if isinstance(description, dict) else None
    if task == CLASSIFICATION:
        given = check_keys(description, ("task", "name", "classes"), "the target")
        target: Target = Classes(given["name"], given["classes"])
        _check_labels(given["classes"])
    elif task == REGRESSION:
        given = check_keys(description, ("task", "name", "mean", "scale"), "the target")
        target = Number(given["name"], given["mean"], given["scale"])
        for value in (target.mean, target.scale):
            if not is_finite(value):
                raise ModelFormatError(f"the target's mean or scale is {value!r}")
        if not target.scale > 0:
            raise ModelFormatError(f"the target's scale is {target.scale!r}")
    else:
        raise ModelFormatError(f"the task {task!r} is unknown")
    if not isinstance(target.name, str):
        raise ModelFormatError(f"the target has the name {target.name!r}")
    return target


def _check_labels(labels: object) -> None:
    if not isinstance(labels, list) or len(labels) < 2:
        raise ModelFormatError("the classes must be a list of two or more")
    kinds = {type(label) for label in labels}
    if len(kinds) > 1 or not kinds <= {str, bool, int, float}:
        raise ModelFormatError("the classes must be all texts, booleans or numbers")
    if len(set(labels)) < len(labels):
        raise ModelFormatError("the classes must differ from each other")
