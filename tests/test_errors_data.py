"""Bad X, y and sample_weight: each row of the table of errors, and nothing changed."""

import copy
import os
import re
import sys
from collections import namedtuple

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from mlpcore import Network, Trainer
from support import assert_same_bits

Case = namedtuple("Case", "kind message X y weight", defaults=(None, None, None))

N = 20
X = np.random.default_rng(0).normal(size=(N, 4))
LABELS = np.arange(N) % 3
MESSAGE_1D = r"X must be 2-D \(n, 4\), got shape \(4,\).*X\.reshape\(1, -1\)"


def with_value(array, index, value):
    array = np.array(array, dtype=float)
    array[index] = value
    return array


def masked(values):
    mask = np.zeros(values.shape, bool)
    mask[1, 2] = True
    return np.ma.array(values, mask=mask)


# What is wrong with X in every function that takes it.
BAD_X = {
    "columns": Case(ValueError, "X has 3 features, but Network expects 4", X[:, :3]),
    "one row": Case(ValueError, MESSAGE_1D, X[0]),
    "3-D": Case(ValueError, r"X must be 2-D \(n, 4\), got shape \(1, 20, 4\)", X[None]),
    "0-D": Case(ValueError, "X must be 2-D", np.array(1.0)),
    "object": Case(TypeError, "X must be numeric, got dtype object", X.astype(object)),
    "string": Case(TypeError, "X must be numeric, got dtype <U", X.astype(str)),
    "text": Case(TypeError, "mlpcore.table.train", X.astype(str).astype(object)),
    "bytes": Case(TypeError, "X must be numeric, got dtype", X.astype("S8")),
    "dates": Case(TypeError, "X must be numeric", X.astype("datetime64[s]")),
    "complex": Case(TypeError, "X must be real, got complex128", X + 1j),
    "masked": Case(
        TypeError, r"masked entries are not supported.*\.filled\(\)", masked(X)
    ),
    "sparse": Case(TypeError, r"\.toarray\(\)", scipy.sparse.csr_matrix(X)),
    "sparse array": Case(TypeError, r"\.toarray\(\)", scipy.sparse.coo_array(X)),
    "too large": Case(ValueError, "float32", with_value(X, (3, 1), 1e39)),
    "None": Case(TypeError, "X must be numeric", None),
    "ragged": Case((ValueError, TypeError), "", [[1.0, 2.0, 3.0, 4.0], [1.0]]),
}
# What else is wrong for training, and for the loss.
BAD_TRAINING_X = {
    "no rows": Case(
        ValueError, "X has 0 rows, at least 1 is needed", X[:0], LABELS[:0]
    ),
    "lengths": Case(ValueError, "X has 20 rows, y has 19", X, LABELS[:19]),
}
NOT_FINITE = {
    "nan": Case(
        ValueError,
        r"X contains NaN \(first at row 17, column 3\)",
        with_value(X, (17, 3), np.nan),
    ),
    "inf": Case(
        ValueError, r"X contains inf.*row 5, column 0", with_value(X, (5, 0), np.inf)
    ),
    "-inf": Case(
        ValueError, r"X contains -?inf.*row 5, column 0", with_value(X, (5, 0), -np.inf)
    ),
    "first of two": Case(
        ValueError,
        "row 2, column 1",
        with_value(with_value(X, (9, 0), np.nan), (2, 1), np.nan),
    ),
}
BAD_LABELS = {
    "too large": Case(
        ValueError,
        "y contains class 5, the network has 3 outputs",
        y=with_value(LABELS, 7, 5),
    ),
    "negative": Case(ValueError, "y contains class -1", y=with_value(LABELS, 7, -1)),
    "not whole": Case(ValueError, r"y .*1\.5.*row 7", y=with_value(LABELS, 7, 1.5)),
    "nan": Case(ValueError, "y .*(?i:nan).*row 7", y=with_value(LABELS, 7, np.nan)),
    "one sum": Case(
        ValueError, r"y.*row 4", y=with_value(np.eye(3)[LABELS], (4, 0), 0.7)
    ),
    "negative p": Case(
        ValueError, r"y.*row 4", y=with_value(np.eye(3)[LABELS], (4, 0), -0.1)
    ),
    "nan p": Case(
        ValueError, "y contains NaN", y=with_value(np.eye(3)[LABELS], (4, 0), np.nan)
    ),
    "width": Case(ValueError, r"y .*\(20, 2\)", y=np.ones((N, 2)) / 2),
    "3-D": Case(ValueError, r"y .*\(20, 3, 1\)", y=np.eye(3)[LABELS][..., None]),
    "object": Case(
        TypeError, "y must be numeric, got dtype object", y=np.array([None] * N)
    ),
    "string": Case(TypeError, "y must be numeric, got dtype <U", y=np.array(["a"] * N)),
    "objects": Case(TypeError, "np.unique.labels", y=np.array(["a"] * N, object)),
    "complex": Case(TypeError, "y must be real, got complex128", y=LABELS + 0j),
    "scalar": Case(ValueError, "y", y=np.array(1)),
    "None": Case(TypeError, "y", y=[None] * N),
}
BAD_WEIGHTS = {
    "negative": Case(
        ValueError, r"sample_weight.*-1", weight=with_value(np.ones(N), 3, -1)
    ),
    "nan": Case(
        ValueError, "sample_weight.*NaN", weight=with_value(np.ones(N), 3, np.nan)
    ),
    "inf": Case(ValueError, "sample_weight", weight=with_value(np.ones(N), 3, np.inf)),
    "all zero": Case(ValueError, "sample_weight", weight=np.zeros(N)),
    "next to nothing": Case(
        ValueError,
        "sample_weight (adds up to 2e-309, it must|is 0)",  # is 0 in float32
        weight=np.full(N, 1e-310),
    ),
    "too much": Case(
        ValueError,
        "sample_weight (adds up to inf, it must|.*too large for float32)",
        weight=np.full(N, 1e308),
    ),
    "short": Case(ValueError, r"sample_weight.*19", weight=np.ones(19)),
    "2-D": Case(ValueError, r"sample_weight.*\(20, 1\)", weight=np.ones((N, 1))),
    "string": Case(TypeError, "sample_weight must be numeric", weight=["a"] * N),
    "complex": Case(TypeError, "sample_weight must be real", weight=np.ones(N) + 0j),
}


def params(table):
    return pytest.mark.parametrize("case", table.values(), ids=table.keys())


@pytest.fixture
def net():
    return Network([4, 6, 3], rng=0)


def predicting(net):
    return {
        "predict": net.predict,
        "call": net,
        "classify": net.classify,
        "forward": net.forward,
    }


def training(net):
    """Return the functions of (X, y, sample_weight) that need finite data."""
    trainer = Trainer(net)
    return {
        "fit": lambda X, y, s: net.fit(X, y, sample_weight=s, epochs=1),
        "trainer.fit": lambda X, y, s: trainer.fit(X, y, sample_weight=s, epochs=1),
        "trainer.step": trainer.step,
    }


def judging(net):
    return {
        "loss": net.loss,
        "loss_and_gradient": net.loss_and_gradient,
        "evaluate": net.evaluate,
    }


def refuses(net, functions, case):
    """Check each function's error, and that neither network nor arguments changed."""
    arguments = [
        X if case.X is None and case.message != "X must be numeric" else case.X,
        LABELS if case.y is None else case.y,
        case.weight,
    ]
    kept = copy.deepcopy(arguments)
    parameters, answer = net.get_parameters(), net.predict(X)
    for name, function in functions.items():
        n_arguments = 1 if name in predicting(net) else 3
        with pytest.raises(case.kind) as caught:
            function(*arguments[:n_arguments])
        text = str(caught.value)
        assert re.search(case.message, text), f"{name}: {text!r}"
        assert_same_bits(net.get_parameters(), parameters)
        assert_same_bits(net.predict(X), answer)
    for before, after in zip(kept, arguments, strict=True):
        if isinstance(before, np.ndarray) and before.dtype != object:
            assert_same_bits(np.asarray(after), np.asarray(before))


@params(BAD_X)
def test_x(net, case):
    refuses(net, predicting(net) | judging(net) | training(net), case)


@params(BAD_TRAINING_X)
def test_rows_and_lengths(net, case):
    refuses(net, judging(net) | training(net), case)


@params(NOT_FINITE)
def test_x_that_is_not_finite(net, case):
    refuses(net, training(net), case)


@params(BAD_LABELS)
def test_labels(net, case):
    refuses(net, judging(net) | training(net), case)


@params(BAD_WEIGHTS)
def test_sample_weight(net, case):
    refuses(net, judging(net) | training(net), case)


@pytest.mark.parametrize(("value", "message"), [(1.2, r"1\.2"), (-0.1, r"-0\.1")])
def test_sigmoid_targets_outside_0_1(value, message):
    net = Network([4, 6, 2], output="sigmoid", rng=0)
    y = with_value(np.ones((N, 2)), (11, 1), value)
    case = Case(ValueError, rf"y.*(row 11.*{message}|{message}.*row 11)", y=y)
    refuses(net, judging(net) | training(net), case)


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_real_targets(loss):
    output = "softplus" if loss == "poisson" else "identity"
    net = Network([4, 6, 2], output=output, loss=loss, rng=0)
    bad = {
        r"y contains NaN.*row 2": with_value(np.ones((N, 2)), (2, 0), np.nan),
        r"y contains inf.*row 2": with_value(np.ones((N, 2)), (2, 0), np.inf),
        r"float32": with_value(np.ones((N, 2)), (2, 0), 1e39),
        r"y .*\(20,\).*\(20, 2\)|y .*2.*\(20,\)": np.ones(N),
        r"y .*\(20, 3\)": np.ones((N, 3)),
    }
    if loss == "poisson":
        bad[r"y.*(negative|-1).*row 2|row 2.*-1"] = with_value(
            np.ones((N, 2)), (2, 0), -1
        )
    for message, y in bad.items():
        refuses(net, training(net), Case(ValueError, message, y=y))


def test_no_rows_to_predict(net):
    assert net.predict(X[:0]).shape == (0, 3)
    assert net.predict(np.zeros((0, 4), int)).shape == (0, 3)
    with pytest.raises(ValueError, match="X has 3 features, but Network expects 4"):
        net.predict(np.zeros((0, 3)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_x_that_is_not_finite_in_predict(net, value):
    """No error: NaN where it reaches, and rows stay independent."""
    bad = with_value(X, (17, 3), value)
    got, wanted = net.predict(bad), net.predict(X)
    others = np.arange(N) != 17
    assert_same_bits(got[others], wanted[others])
    assert np.isnan(got[17]).all()
    assert net.classify(bad).shape == (N,)


def test_too_large_for_float32_only():
    """The largest float32 is allowed, and so is 1e39 in a float64 network."""
    single, double = [
        Network([4, 3], output="identity", dtype=dtype, rng=0)
        for dtype in ("float32", "float64")
    ]
    largest = float(np.finfo(np.float32).max)
    single.predict(with_value(X, (0, 0), largest))
    for value in (largest * 1.0000001, 1e39, -1e300):
        with pytest.raises(ValueError, match="float32"):
            single.predict(with_value(X, (0, 0), value))
        assert np.isfinite(double.predict(with_value(X, (0, 0), value))).all()
    with pytest.raises(ValueError, match="float32"):
        single.predict([[2.0**200, 0, 0, 0]])


@pytest.mark.parametrize(
    ("out", "message"),
    [
        (np.zeros((N, 4), np.float32), r"out.*\(20, 4\).*\(20, 3\)"),
        (np.zeros((N - 1, 3), np.float32), r"out.*\(19, 3\).*\(20, 3\)"),
        (np.zeros(3 * N, np.float32), r"out.*\(60,\).*\(20, 3\)"),
        (np.zeros((N, 3)), "out.*float64.*float32"),
        (np.zeros((N, 3), ">f4" if sys.byteorder == "little" else "<f4"), "out"),
        (np.zeros((N, 3), np.float32, order="F"), "out.*(contiguous|order|layout)"),
        (np.zeros((N, 6), np.float32)[:, ::2], "out.*(contiguous|order|layout)"),
        ([[0.0] * 3] * N, "out.*list"),
        (np.ma.masked_less(np.zeros((N, 3), np.float32), 1), "out: masked entries"),
    ],
)
def test_bad_out(net, out, message):
    message = message.replace(", ", r",\s?")
    with pytest.raises((ValueError, TypeError)) as caught:
        net.predict(X, out=out)
    first, *rest = message.split(".*")
    text = str(caught.value)
    assert first in text
    assert all(re.search(part, text) for part in rest), text
    assert_array_equal(np.asarray(out), 0)


def test_read_only_out(net):
    out = np.zeros((N, 3), np.float32)
    out.flags.writeable = False
    with pytest.raises((ValueError, TypeError), match=r"out.*(writ|read-only)"):
        net.predict(X, out=out)
    assert_array_equal(out, 0)


def test_out_of_memory(net):
    """An X of 16 TB, of which one row exists."""
    huge = np.broadcast_to(np.float32(0), (2**40, 4))
    before = net.get_parameters()
    for function in (net.predict, net.classify, net.forward):
        with pytest.raises(MemoryError):
            function(huge)
    assert_same_bits(net.get_parameters(), before)
    assert net.predict(X).shape == (N, 3)


@pytest.mark.skipif(not hasattr(os, "sysconf"), reason="memory is not known here")
def test_a_narrow_layer_that_does_not_fit():
    """A column of weights takes a cache line a weight: 16 times its parameters."""
    n_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with pytest.raises(MemoryError, match="this machine has"):
        Network([n_bytes // 32, 1])


def test_validation_data_is_checked_before_training(net):
    before = net.get_parameters()
    for data, message in [
        ((X[:, :3], LABELS), "validation.*3 features|X has 3 features"),
        ((X, LABELS[:5]), "5"),
        ((with_value(X, (0, 0), np.nan), LABELS), "NaN"),
        ((X,), "validation_data"),
        (X, "validation_data"),
        ((X[:0], LABELS[:0]), "0 rows"),
        ((X, with_value(LABELS, 0, 9)), "class 9"),
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            net.fit(X, LABELS, validation_data=data)
        assert_same_bits(net.get_parameters(), before)
