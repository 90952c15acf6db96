"""dense and dense_backward: exact on integers, bounded on reals, layouts, `out=`."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mlpcore import ops, reference
from support import ACTIVATIONS, assert_same_bits, ulp_error, unit_roundoff

NEEDS_Z = ["gelu", "silu", "mish"]
# Round 1, a vector of 8 and of 16, and a tile of 6 and of 12 rows.
SIZES = [0, 1, 3, 5, 6, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 40]
# Round a block of 256 terms.
BLOCK_SIZES = [255, 256, 257, 511, 512, 513, 1024]


def integers(rng, shape, dtype):
    return rng.integers(-8, 9, shape).astype(dtype)


class TestDense:
    def test_integers_are_exact(self, isa, dtype):
        rng = np.random.default_rng(0)
        x, w = integers(rng, (40, 40), dtype), integers(rng, (40, 40), dtype)
        b = integers(rng, 40, dtype)
        for m in SIZES:
            for k in SIZES:
                for n in SIZES:
                    got = ops.dense(x[:m, :k], w[:k, :n], b[:n])
                    assert got.dtype == dtype
                    assert_array_equal(got, x[:m, :k] @ w[:k, :n] + b[:n])

    @pytest.mark.parametrize("k", BLOCK_SIZES)
    def test_integers_are_exact_over_blocks(self, isa, dtype, k):
        rng = np.random.default_rng(k)
        for m, n in [(1, 1), (1, 33), (7, 16), (13, 50)]:
            x, w = integers(rng, (m, k), dtype), integers(rng, (k, n), dtype)
            assert_array_equal(ops.dense(x, w), x @ w)

    @pytest.mark.parametrize("k", [1, 2, 17, 256, 300, 1000, 4096])
    def test_error_on_reals(self, isa, dtype, k):
        """At most 16 u (|A| |B| + |b|), whatever the length of the sum."""
        rng = np.random.default_rng(k)
        x = rng.normal(size=(9, k)).astype(dtype)
        w = rng.normal(size=(k, 21)).astype(dtype)
        b = rng.normal(size=21).astype(dtype)
        wide = np.longdouble
        exact = x.astype(wide) @ w.astype(wide) + b
        size = np.abs(x).astype(wide) @ np.abs(w).astype(wide) + np.abs(b)
        error = np.abs(ops.dense(x, w, b) - exact) / (unit_roundoff(dtype) * size)
        assert error.max() <= 16
        assert k < 17 or error.max() > 0

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_activation_is_that_of_z(self, isa, dtype, activation):
        rng = np.random.default_rng(1)
        x = rng.normal(size=(13, 10)).astype(dtype)
        w = rng.normal(size=(10, 37)).astype(dtype)
        b = rng.normal(size=37).astype(dtype)
        z = ops.dense(x, w, b)
        got = ops.dense(x, w, b, activation)
        wanted = reference.activation(activation).function(z.astype(float))
        error = ulp_error(got, wanted)
        error[np.abs(wanted) < 1e-6] = 0  # where gelu and mish have an absolute bound
        assert error.max() <= 6
        if hasattr(ops, activation):  # the same operations wherever they stand
            assert_same_bits(got, getattr(ops, activation)(z))
        if activation in ("identity", "relu"):
            assert_array_equal(got, wanted)

    def test_no_bias_is_a_bias_of_0(self, isa, dtype):
        rng = np.random.default_rng(2)
        x, w = rng.normal(size=(2, 5, 5)).astype(dtype)
        assert_array_equal(ops.dense(x, w), ops.dense(x, w, np.zeros(5, dtype)))
        assert_array_equal(ops.dense(x, w, None), ops.dense(x, w))

    def test_layouts(self, isa, dtype):
        rng = np.random.default_rng(3)
        x = rng.normal(size=(20, 18)).astype(dtype)
        w = rng.normal(size=(18, 19)).astype(dtype)
        b = rng.normal(size=19).astype(dtype)
        wanted = ops.dense(x, w, b)
        assert_same_bits(
            ops.dense(np.asfortranarray(x), np.asfortranarray(w), b), wanted
        )
        assert_same_bits(ops.dense(x[::-1], w, b), wanted[::-1])
        wide_x = np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)
        assert_same_bits(ops.dense(wide_x[::2, ::3], w, b), wanted)
        assert_same_bits(ops.dense(x, w[:, ::-1], b[::-1]), wanted[:, ::-1])

    def test_nan_stays_in_its_row_and_its_column(self, isa, dtype):
        x, w = np.ones((14, 20), dtype), np.ones((20, 35), dtype)
        x[4, 3] = np.nan
        w[2, 17] = np.inf
        bad = ~np.isfinite(ops.dense(x, w))
        assert_array_equal(bad.all(axis=1), np.arange(14) == 4)
        assert_array_equal(bad.all(axis=0), np.arange(35) == 17)
        assert bad.sum() == 35 + 14 - 1

    def test_out(self, isa, dtype):
        rng = np.random.default_rng(4)
        x = rng.normal(size=(6, 6)).astype(dtype)
        w = rng.normal(size=(6, 6)).astype(dtype)
        wanted = ops.dense(x, w, None, "tanh")
        frame = np.full((8, 6), 5, dtype)
        out = frame[1:7]
        assert ops.dense(x, w, None, "tanh", out=out) is out
        assert_same_bits(out, wanted)
        assert_array_equal(frame[[0, 7]], 5)
        same = x.copy()
        ops.dense(same, w, None, "tanh", out=same)
        assert_same_bits(same, wanted)
        same = w.copy()
        ops.dense(x, same, None, "tanh", out=same)
        assert_same_bits(same, wanted)
        with pytest.raises((ValueError, TypeError), match="out"):
            ops.dense(x, w, out=np.empty((6, 5), dtype))

    def test_refuses_shapes_that_do_not_fit(self, dtype):
        x, w = np.zeros((2, 3), dtype), np.zeros((4, 5), dtype)
        with pytest.raises(ValueError, match=r"(3.*4|4.*3)"):
            ops.dense(x, w)
        with pytest.raises(ValueError, match=r"b .*4"):
            ops.dense(x, w[:3], np.zeros(4, dtype))
        with pytest.raises(ValueError, match="relu"):
            ops.dense(x, w[:3], None, "rleu")


def backward(dy, x, w, y, activation, z):
    if activation in NEEDS_Z:
        return ops.dense_backward(dy, x, w, y, activation, z=z)
    return ops.dense_backward(dy, x, w, y, activation)


class TestDenseBackward:
    def test_integers_are_exact(self, isa, dtype):
        rng = np.random.default_rng(5)
        sizes = [1, 3, 6, 8, 9, 13, 16, 17, 33]
        for rows in [*sizes, 255, 256, 257, 513]:
            for k in sizes:
                for n in sizes:
                    dy = integers(rng, (rows, n), dtype)
                    x, w = integers(rng, (rows, k), dtype), integers(rng, (k, n), dtype)
                    dx, dw, db = ops.dense_backward(dy, x, w, x @ w, "identity")
                    assert dx.dtype == dw.dtype == db.dtype == dtype
                    assert_array_equal(dx, dy @ w.T)
                    assert_array_equal(dw, x.T @ dy)
                    assert_array_equal(db, dy.sum(axis=0))

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_against_the_reference(self, isa, dtype, activation):
        rng = np.random.default_rng(6)
        rows, k, n = 300, 19, 23
        x = rng.normal(size=(rows, k)).astype(dtype)
        w = (rng.normal(size=(k, n)) / np.sqrt(k)).astype(dtype)
        dy = rng.normal(size=(rows, n)).astype(dtype)
        z = ops.dense(x, w)
        y = ops.dense(x, w, None, activation)
        dx, dw, db = backward(dy, x, w, y, activation, z)
        wanted = reference.dense_backward(
            *[a.astype(float) for a in (dy, x, w, y)], activation, z.astype(float)
        )
        # A slope is at most 1.8 (selu) and has an absolute error of some u.
        u = unit_roundoff(dtype)
        size = np.abs(dy).astype(float) * 1.8
        assert (np.abs(dx - wanted[0]) <= 16 * u * (size @ np.abs(w).T)).all()
        assert (np.abs(dw - wanted[1]) <= 16 * u * (np.abs(x).T @ size)).all()
        assert (np.abs(db - wanted[2]) <= 16 * u * size.sum(axis=0)).all()

    def test_is_the_adjoint_of_dense(self, isa):
        """<dy, dense(x)> = <dx, x> for the identity: one identity, all the products."""
        rng = np.random.default_rng(7)
        x, w = rng.normal(size=(30, 8)), rng.normal(size=(8, 5))
        dy = rng.normal(size=(30, 5))
        y = ops.dense(x, w)
        dx, dw, _ = ops.dense_backward(dy, x, w, y, "identity")
        product = np.vdot(dy, y)
        assert abs(np.vdot(dx, x) - product) < 1e-13 * np.abs(dy * y).sum()
        assert abs(np.vdot(dw, w) - product) < 1e-13 * np.abs(dy * y).sum()
