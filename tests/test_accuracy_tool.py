"""tools/accuracy.py: its measure, its references, and its tables."""

import importlib
from pathlib import Path

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

TOOLS = Path(__file__).parents[1] / "tools"
EPS = 2.0**-23  # an ULP of 1 in float32
TINY = 2.0**-149  # the least subnormal
FLT_MAX = float(np.finfo(np.float32).max)
EXACT = {
    "exp": mpmath.exp,
    "log": mpmath.log,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "erf": mpmath.erf,
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "expm1": mpmath.expm1,
    "log1p": mpmath.log1p,
}


@pytest.fixture
def tool(monkeypatch):
    if not TOOLS.is_dir():
        pytest.skip("tools/ is not there")
    monkeypatch.syspath_prepend(TOOLS)
    return importlib.import_module("accuracy")


@pytest.mark.parametrize(
    ("y", "reference", "ulp"),
    [
        (1.0, 1.0, 0),
        (1.0, 1 + EPS / 4, 0.25),
        (1 + 3 * EPS, 1.0, 3),
        (2.0, 2 - EPS, 1),  # the ULP below 2, as the correct result lies there
        (1 - EPS / 2, 1.0, 0.5),  # and that above 1
        (-1 - EPS, -1.0, 1),
        (0.0, 3 * TINY, 3),  # subnormal results count in full
        (-0.0, 0.0, 0),
        (TINY, 0.0, 1),
        (np.inf, 1e39, 0),
        (np.inf, FLT_MAX, 1),
        (FLT_MAX, 2.0**128, 1),
        (np.inf, np.inf, 0),
        (-np.inf, np.inf, np.inf),
        (FLT_MAX, np.inf, np.inf),
        (np.nan, np.nan, 0),
        (np.nan, 1.0, np.inf),
        (1.0, np.nan, np.inf),
    ],
)
def test_ulp_error(tool, y, reference, ulp):
    got = tool.ulp_error(np.array([y], np.float32), np.array([reference]))
    assert_array_equal(got, [ulp])


def test_ordered(tool):
    """Ascending, every float once, NaNs at the ends."""
    ends = np.array([0, 2**31 - 1, 2**31, 2**32 - 1], np.uint32)
    assert_array_equal(tool.ordered(ends), [np.nan, -0.0, 0.0, np.nan])
    places = np.arange(0, 2**32, 99991).astype(np.uint32)
    x = tool.ordered(places)
    assert np.unique(x.view(np.uint32)).size == x.size
    finite = x[~np.isnan(x)]
    assert (np.diff(finite.astype(float)) > 0).all()
    assert finite.size > 0.99 * x.size


def test_check_counts(tool):
    x = np.array([0, 1, 2, 3, 4], np.float32)
    reference = x.astype(float)
    y = x.copy()
    y[2] += 3 * np.spacing(y[2])
    y[4] = 2.5
    result = tool.check(x, y, reference, monotone=True)
    assert result.count == 4
    assert result.correctly_rounded == 2
    assert result.not_monotone == 1
    assert (result.ulp.error, result.ulp.x) == (1.5 * 2**21, 4)
    assert tool.check(x, y, reference, monotone=False).not_monotone == 0


def test_check_of_small_results(tool):
    """Below 1e-6 the absolute error counts, from there on the ULP."""
    x = np.array([0, 1e-7, 1], np.float32)
    y = np.array([0, 3e-7, 1 + 2 * EPS], np.float32)
    result = tool.check(x, y, x.astype(float), monotone=True)
    assert result.ulp.x == x[1]
    assert result.error_of_small.error == pytest.approx(2e-7, rel=1e-6)
    assert (result.ulp_of_large.error, result.ulp_of_large.x) == (2, 1)


def test_add(tool):
    x = np.array([0, 1, 2], np.float32)
    bad = tool.check(x, x + np.float32(0.5), x.astype(float), monotone=True)
    for first, second in [(0, 1), (1, 0)]:
        both = [tool.Result(), bad]
        total = tool.Result()
        total.add(both[first])
        total.add(both[second])
        assert total == bad


@pytest.mark.parametrize("name", EXACT)
def test_references(tool, name):
    """Within 2^-40 of the exact value, far tails included: half 2^-16 of an ULP."""
    x = np.array([-103.5, -37.25, -13.5, -5, -1.25, -0.5, -1e-5, 1e-20, 0.3, 4, 80])
    if name in ("log", "log1p"):
        x = np.abs(x)
    if name == "gelu":
        x = x[x > -30]  # where it is a float32
    with mpmath.workdps(100):
        exact = [float(EXACT[name](mpmath.mpf(value))) for value in x]
    assert_allclose(tool.REFERENCES[name](x), exact, rtol=2**-40)


@pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
def test_references_at_minus_infinity(tool, name):
    with np.errstate(invalid="ignore"):
        assert_array_equal(tool.REFERENCES[name](np.array([-np.inf])), [0])


def test_tables(tool, capsys, monkeypatch):
    def missing():
        raise ModuleNotFoundError

    tool.load.cache_clear()
    monkeypatch.setitem(tool.LOADERS, "torch", missing)
    options = "--stride 4000037 --jobs 1 --functions exp gelu erf --libraries"
    tool.main([*options.split(), "numpy", "mlpcore", "torch"])
    printed = capsys.readouterr().out
    assert "torch: not installed" in printed
    rows = [line for line in printed.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [row[:2] for row in cells if row[0] in tool.REFERENCES] == [
        ["exp", "numpy"],
        ["exp", "mlpcore"],
        ["gelu", "mlpcore"],
        ["erf", "mlpcore"],
        ["gelu", "mlpcore"],
    ]
    of_mlpcore = next(row for row in cells if row[:2] == ["exp", "mlpcore"])
    assert 0.5 <= float(of_mlpcore[2].split()[0]) <= 1
    assert 99 < float(of_mlpcore[3].split()[0]) <= 100
    assert of_mlpcore[4] == "0"
    assert 0 < float(of_mlpcore[5]) < 1000
    tool.load.cache_clear()
