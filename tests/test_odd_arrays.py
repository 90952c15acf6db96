"""Arrays of odd type, order and memory give the bits of the plain array."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcore import Network
from support import assert_same_bits

N, WIDTH = 23, 6
LABELS = np.arange(N) % 3
RNG = np.random.default_rng(0)


def network(dtype="float32"):
    return Network([WIDTH, 9, 3], "tanh", dtype=dtype, rng=0)


def values(dtype):
    """Return an array of a type; its plain form is what a network converts it to."""
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        return RNG.integers(2, size=(N, WIDTH)).astype(dtype)
    if dtype.kind in "iu":
        low = 0 if dtype.kind == "u" else -100
        return RNG.integers(low, 100, (N, WIDTH)).astype(dtype)
    return RNG.normal(size=(N, WIDTH)).astype(dtype)


def misaligned(x):
    buffer = np.zeros(x.nbytes + 1, np.uint8)
    view = buffer[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    assert x.dtype.itemsize == 1 or not view.flags.aligned
    return view


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def strided(x):
    wide = np.full((2 * x.shape[0], 3 * x.shape[1]), 77).astype(x.dtype)
    wide[::2, ::3] = x
    return wide[::2, ::3]


class WithArray:
    def __init__(self, x):
        self.x = x

    def __array__(self, dtype=None, copy=None):
        return self.x if dtype is None else self.x.astype(dtype)


LAYOUTS = {
    "plain": lambda x: x,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder()),
    "F-order": np.asfortranarray,
    "strided": strided,
    "negative strides": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": read_only,
    "misaligned": misaligned,
    "misaligned and swapped": lambda x: misaligned(x.astype(x.dtype.newbyteorder())),
    "padded rows": lambda x: np.pad(x, ((0, 0), (2, 3)))[:, 2:-3],
    "subclass": lambda x: x.view(type("Sub", (np.ndarray,), {})),
    "matrix of no masks": lambda x: np.ma.array(x),
    "DataFrame": lambda x: pd.DataFrame(x, columns=list("abcdef")),
    "__array__": WithArray,
    "lists": lambda x: x.tolist(),
    "tuples": lambda x: tuple(map(tuple, x.tolist())),
    "memoryview": lambda x: memoryview(np.ascontiguousarray(x)),
}
TYPES = ["f2", "f4", "f8", "longdouble", "?", "i1", "u1", "i2", "u2", "i4", "u4", "i8"]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", TYPES)
def test_predict(dtype, kind, layout):
    plain = values(kind)
    odd = LAYOUTS[layout](plain)
    net = network(dtype.name)
    wanted = net.predict(np.ascontiguousarray(plain).astype(dtype))
    assert_same_bits(net.predict(odd), wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_training(layout):
    plain = values("f4")
    parameters = []
    for X in (plain, LAYOUTS[layout](plain)):
        net = network()
        net.fit(X, LABELS, epochs=2, batch_size=5, rng=0)
        parameters.append(net.get_parameters())
    assert_same_bits(parameters[1], parameters[0])


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "?"])
def test_targets_and_weights(layout, kind):
    if layout == "DataFrame":
        layout = "plain"
    X = values("f8")
    targets = values(kind)[:, :3]
    weights = values(kind)[:, :1] ** 2 + np.ones(1, kind)
    net = Network([WIDTH, 3], output="identity", dtype="float64", rng=0)
    wanted = net.loss_and_gradient(
        X, targets.astype(float), weights[:, 0].astype(float)
    )
    odd_weights = np.asarray(LAYOUTS[layout](weights))[:, 0]
    got = net.loss_and_gradient(X, LAYOUTS[layout](targets), odd_weights)
    assert got[0] == wanted[0]
    assert_same_bits(got[1], wanted[1])


def test_zero_strides():
    row = values("f4")[:1]
    net = network()
    same = np.broadcast_to(row, (50, WIDTH))
    assert same.strides[0] == 0
    assert_same_bits(net.predict(same), net.predict(np.repeat(row, 50, axis=0)))
    one = np.broadcast_to(np.float32(0.5), (50, WIDTH))
    assert_same_bits(net.predict(one), net.predict(np.full((50, WIDTH), 0.5)))
    a, b = network(), network()
    a.fit(same, np.broadcast_to(2, 50), epochs=2, rng=0)
    b.fit(np.repeat(row, 50, axis=0), np.full(50, 2), epochs=2, rng=0)
    assert_same_bits(a.get_parameters(), b.get_parameters())


def test_overlapping_windows():
    series = RNG.normal(size=100).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(series, WIDTH)
    net = network()
    assert_same_bits(net.predict(windows), net.predict(windows.copy()))


def test_memory_mapped(tmp_path):
    plain = values("f4")
    np.save(tmp_path / "x.npy", plain)
    for mode in ("r", "c", "r+"):
        X = np.load(tmp_path / "x.npy", mmap_mode=mode)
        net, other = network(), network()
        assert_same_bits(net.predict(X), net.predict(plain))
        net.fit(X, LABELS, epochs=1, rng=0)
        other.fit(plain, LABELS, epochs=1, rng=0)
        assert_same_bits(net.get_parameters(), other.get_parameters())
    with open(tmp_path / "raw", "wb") as file:  # odd offset in the file
        file.write(b"x" + plain.tobytes())
    X = np.memmap(tmp_path / "raw", np.float32, "r", offset=1, shape=(N, WIDTH))
    assert_same_bits(network().predict(X), network().predict(plain))


class TestPandas:
    def test_mixed_columns(self):
        plain = values("f8")
        frame = pd.DataFrame(plain, columns=list("abcdef"))
        frame["b"] = np.arange(N)
        frame["c"] = frame["c"].astype("float32")
        frame["d"] = frame["d"] > 0
        net = network()
        wanted = net.predict(np.asarray(frame, float))
        assert_same_bits(net.predict(frame), wanted)
        assert_same_bits(net.predict(frame[::-1])[::-1], wanted)

    def test_series_as_y_and_weights(self):
        X, y = values("f8"), pd.Series(LABELS, index=range(100, 100 + N))
        net = network()
        weights = np.linspace(0.5, 2, N)
        assert net.loss(X, y, pd.Series(weights)) == net.loss(X, LABELS, weights)
        a, b = network(), network()
        a.fit(pd.DataFrame(X), y, epochs=1, rng=0)
        b.fit(X, LABELS, epochs=1, rng=0)
        assert_same_bits(a.get_parameters(), b.get_parameters())

    def test_nullable_numbers_without_missing(self):
        frame = pd.DataFrame(values("i8")).astype("Int64")
        net = network()
        assert_same_bits(net.predict(frame), net.predict(frame.to_numpy(float)))

    def test_text_is_refused(self):
        frame = pd.DataFrame(values("f8"), columns=list("abcdef"))
        frame["b"] = "text"
        with pytest.raises(TypeError, match="X must be numeric, got dtype object"):
            network().predict(frame)

    def test_from_a_csv_file(self):
        plain = values("f8")
        file = io.StringIO(pd.DataFrame(plain).to_csv(index=False))
        net = network()
        assert_same_bits(net.predict(pd.read_csv(file)), net.predict(plain))


def test_numpy_s_error_state_does_not_matter(dtype):
    """Underflow in a conversion is no error, whatever the caller's settings."""
    tiny = np.full((3, WIDTH), 1e-320)
    net = network(dtype.name)
    wanted = net.predict(tiny)
    with np.errstate(all="raise"):
        assert_same_bits(net.predict(tiny), wanted)
        net.fit(tiny, [0, 1, 2], sample_weight=[1e-300, 1.0, 1e-310], epochs=1)
        net.evaluate(tiny, [0, 1, 2])


@settings(max_examples=80)
@given(
    st.sampled_from(["f2", "f4", "f8", ">f4", "<f8", ">f8", "?", "i1", ">i4", "u8"]),
    st.integers(0, 40),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.tuples(st.booleans(), st.booleans()),
    st.booleans(),
    st.integers(0, 7),
)
def test_any_combination(kind, rows, steps, flips, fortran, offset):
    """Type, byte order, strides, signs of strides, order and alignment at once."""
    shape = (rows * steps[0], WIDTH * steps[1])
    count = shape[0] * shape[1]
    buffer = np.zeros(count * np.dtype(kind).itemsize + offset, np.uint8)
    X = buffer[offset:].view(kind).reshape(shape, order="F" if fortran else "C")
    X[...] = np.random.default_rng(rows).integers(0, 100, shape)
    X = X[:: steps[0], :: steps[1]]
    X = X[:: -1 if flips[0] else 1, :: -1 if flips[1] else 1]
    before = buffer.copy()
    for dtype in ("float32", "float64"):
        net = network(dtype)
        wanted = net.predict(np.array(X, dtype=dtype, order="C"))
        assert_same_bits(net.predict(X), wanted)
        assert wanted.shape == (rows, 3)
    assert_same_bits(buffer, before)
