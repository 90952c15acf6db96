"""What columns of a table become, and what targets are found to be."""

import datetime
import decimal
import math

import numpy as np
import pandas as pd
import pytest

from mlpcore.table._columns import (
    Boolean,
    Category,
    Date,
    Numeric,
    learn_column,
    mean_and_deviation,
)
from mlpcore.table._target import learn_classes_or_values
from mlpcore.table._values import as_booleans, as_days, as_numbers, as_texts, kind_of


def learn(values, *, categorical=False, most=20, dtype=None):
    return learn_column(
        pd.Series(values, dtype=dtype), "c", categorical=categorical, most=most
    )


def filled(column, values):
    out = np.full((len(values), len(column.features())), 9.0)
    column.fill(pd.Series(values), out)
    return out.tolist()


# Kinds and values.

DAY = datetime.date(2020, 1, 1)


@pytest.mark.parametrize(
    ("values", "dtype", "kind"),
    [
        ([1, 2], None, "numeric"),
        ([1, None], "Int64", "numeric"),
        ([1.5, None], "double[pyarrow]", "numeric"),
        ([decimal.Decimal("1.5"), None], None, "numeric"),
        ([True, False], None, "boolean"),
        ([True, None], None, "boolean"),
        ([True, None], "bool[pyarrow]", "boolean"),
        (["a", None], None, "category"),
        (["a", None], "string[pyarrow]", "category"),
        ([1, 2], "category", "category"),
        (["1", "2"], None, "category"),
        ([DAY, None], None, "date"),
        (["2020-01-01", None], "datetime64[s]", "date"),
        (["2020-01-01", "2020-01-02T10:30", None], None, "date"),
        (["2020-01-01", "soon"], None, "category"),
    ],
)
def test_kinds(values, dtype, kind):
    assert kind_of(pd.Series(values, dtype=dtype), "c") == kind


@pytest.mark.parametrize(
    "values", [[b"x"], [[1]], [1j], [datetime.timedelta(1)], [None], [math.nan]]
)
def test_kinds_that_are_refused(values):
    with pytest.raises(ValueError, match="column 'c' h"):
        kind_of(pd.Series(values), "c")


def test_days():
    series = pd.Series(["1970-01-02", "1969-12-31 12:00", "1970-01-01T05:00+05:00"])
    assert as_days(series, "c").tolist() == [1.0, -0.5, 0.0]
    assert as_days(pd.Series(["1500-01-01"]), "c").tolist() == [-171664.0]
    assert as_days(pd.Series([datetime.date(1970, 1, 3)]), "c").tolist() == [2.0]
    assert as_days(pd.to_datetime(pd.Series(["1970-01-03"])), "c").tolist() == [2.0]
    assert np.isnan(as_days(pd.Series([None, math.nan], dtype=object), "c")).all()


@pytest.mark.parametrize(
    ("function", "values", "wanted"),
    [
        (as_numbers, [1, "x"], "must hold numbers, got 'x' .row 8"),
        (as_numbers, [1.0, -math.inf], "contains -inf .first at row 8"),
        (as_days, ["2020-01-01", "2020-13-01"], "must hold dates, got '2020-13-01'"),
        (as_days, [DAY, 5], "must hold dates, got 5"),
        (as_booleans, [True, "maybe"], "must hold true or false, got 'maybe'"),
        (as_booleans, [1, 2], "must hold true or false, got 2"),
    ],
)
def test_wrong_values_name_column_and_row(function, values, wanted):
    with pytest.raises(ValueError, match=f"column 'c' {wanted}"):
        function(pd.Series(values, index=[7, 8]), "c")


def test_texts_do_not_depend_on_the_type():
    wanted = ["1", "2", "3"]
    for dtype in (int, float, "Int64", object, str):
        assert as_texts(pd.Series([1, 2, 3], dtype=dtype)).tolist() == wanted
    with_hole = as_texts(pd.Series([1, None, 3]))
    assert with_hole.tolist() == ["1", None, "3"]


# What a column becomes.


def test_numeric():
    column = learn([1.0, 3.0, None, 8.0])
    # The hole is a 3, so the values are 1, 3, 3, 8.
    assert column == Numeric("c", 3.0, 3.75, math.sqrt(6.6875), True)
    assert column.features() == ["c", "c=(missing)"]
    deviation = column.scale
    wanted = [[-0.75 / deviation, 1.0], [0.25 / deviation, 0.0]]
    assert filled(column, [None, 4.0]) == wanted


def test_numeric_without_holes_has_no_indicator():
    column = learn([1, 2, 6])
    assert column.features() == ["c"]
    assert filled(column, [2.0, None])[1] == filled(column, [2.0])[0]


def test_numeric_that_is_constant_or_missing():
    column = learn([5, None, 5])
    assert filled(column, [5, None, 6]) == [[0, 0], [0, 1], [1, 0]]


def test_numeric_too_far():
    column = learn([1e-30, 2e-30])
    with pytest.raises(ValueError, match=r"column 'c': 1e\+200 is too far .*row 1"):
        column.fill(pd.Series([1, 1e200]), np.empty((2, 1), np.float32))
    with pytest.raises(ValueError, match=r"column 'c'.*cannot be standardised"):
        learn([1e308, -1e308])


def test_mean_and_deviation_are_exact():
    # A sum in order has lost the 1 long before 1e16 is subtracted again.
    values = np.array([1e16, 1.0, -1e16, 1.0])
    assert mean_and_deviation(values)[0] == 0.5
    big = 1e15 + np.array([0.0, 10.0, 20.0])
    assert mean_and_deviation(big) == (1e15 + 10, math.sqrt(200 / 3))


def test_boolean_and_date():
    column = learn([True, False, None, True])
    assert isinstance(column, Boolean)
    assert (column.median, column.mean, column.missing) == (1.0, 0.75, True)
    assert filled(column, ["FALSE", 0]) == filled(column, [False, False])
    day = learn(["2020-01-01", "2020-01-03"])
    assert isinstance(day, Date)
    assert (day.mean, day.scale) == (18263.0, 1.0)
    assert filled(day, [datetime.date(2020, 1, 4)]) == [[2.0]]


def test_category_ranks_by_count_then_by_name():
    column = learn(["b", "b", "a", "a", "c", "c", "c"])
    assert column == Category("c", ["c", "a", "b"], False, False)
    # One that is new, or missing, is none of them.
    wanted = [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]]
    assert filled(column, ["c", "b", "d", None]) == wanted


def test_category_other_and_missing():
    values = ["a"] * 3 + ["b"] * 2 + ["c"] + [None]
    column = learn(values)  # a single c is no category
    assert column.features() == ["c=a", "c=b", "c=(other)", "c=(missing)"]
    wanted = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 1]]
    assert filled(column, ["a", "c", "new", None]) == wanted
    assert learn(values, most=1).features() == ["c=a", "c=(other)", "c=(missing)"]


def test_category_of_numbers():
    column = learn([10, 20, 10, 20, None], categorical=True)
    assert column.categories == ["10", "20"]
    assert filled(column, ["10"]) == filled(column, [10.0]) == [[1, 0, 0]]


def test_columns_that_say_nothing():
    assert learn([3, 3, 3]) == "the same in all rows"
    assert learn(["a", "a"]) == "the same in all rows"
    assert learn(["a", "b", "c"]) == "a text of its own in every row"


# The target.


@pytest.mark.parametrize(
    ("values", "task", "labels"),
    [
        (["b", "a", "b"], "auto", ["a", "b"]),
        ([True, False], "auto", [False, True]),
        ([2.0, 1.0] * 5, "auto", [1, 2]),
        ([1, 2, 3], "auto", None),  # too few rows of each
        ([1.5, 2.5] * 50, "auto", None),
        (list(range(21)) * 10, "auto", None),
        (list(range(20)) * 5, "auto", list(range(20))),
        ([1, 2, 3], "classification", [1, 2, 3]),
        ([1.5, 2.5], "classification", [1.5, 2.5]),
        ([1, 2] * 50, "regression", None),
        ([True, False], "regression", None),
    ],
)
def test_target(values, task, labels):
    got, rows = learn_classes_or_values(pd.Series(values), "y", task)
    assert got == labels
    if labels is None:
        assert rows.tolist() == [float(value) for value in values]
    else:
        assert [type(label) for label in got] == [type(label) for label in labels]
        assert [labels[i] for i in rows] == values


@pytest.mark.parametrize(
    ("values", "task", "wanted"),
    [
        (["a", None, "b"], "auto", "no value in 1 of 3 rows .first at row 1"),
        ([None, None], "auto", "has no values"),
        (["a", "a"], "auto", "is 'a' in all rows"),
        ([1.5, 1.5], "auto", "is 1.5 in all rows"),
        (["a", "b"], "regression", "a regression needs numbers"),
        (["2020-01-01", "2020-01-02"], "auto", "is a date"),
        ([str(i) for i in range(1001)], "auto", "has 1001 classes"),
        ([2**60, 1], "classification", "above 2.53"),
    ],
)
def test_target_that_is_refused(values, task, wanted):
    with pytest.raises(ValueError, match=f"the target 'y' .*{wanted}"):
        learn_classes_or_values(pd.Series(values), "y", task)
