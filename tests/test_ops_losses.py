"""softmax_cross_entropy and sigmoid_cross_entropy, from z and never from y."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from mlpcore import ops, reference
from support import assert_same_bits, digest, fma_isas, ulp_error, unit_roundoff


def exact_softmax_row(z, t):
    """Return a row's loss and dz with 100 digits, as long doubles."""
    with mpmath.workdps(100):
        z = [mpmath.mpf(float(v)) for v in z]
        t = [mpmath.mpf(float(v)) for v in t]
        exps = [mpmath.exp(v) for v in z]
        total = mpmath.fsum(exps)
        log_p = [mpmath.log(e / total) for e in exps]
        loss = -mpmath.fsum(b * a for a, b in zip(log_p, t, strict=True))
        mass = mpmath.fsum(t)
        dz = [mass * e / total - b for e, b in zip(exps, t, strict=True)]
        return to_long(loss), np.array([to_long(d) for d in dz])


def to_long(x):
    high = float(x)
    return np.longdouble(high) + np.longdouble(float(x - mpmath.mpf(high)))


class TestSoftmax:
    @pytest.mark.parametrize("gap", [0, 0.125, 1, 5.5, 17, 30, 60, 80])
    @pytest.mark.parametrize("label", [0, 1, 2])
    def test_accuracy_to_the_end(self, isa, dtype, gap, label):
        """4 ULP for the loss and 8 for the gradient, even where p goes to 1."""
        rng = np.random.default_rng(int(gap * 8))
        z = rng.normal(size=(8, 5)).astype(dtype) * 5
        z[:, 0] = z[:, 1:].max(axis=1) + dtype.type(gap)
        loss, dz = ops.softmax_cross_entropy(z, np.full(8, label))
        assert loss.dtype == dz.dtype == dtype
        assert loss.shape == (8,)
        assert dz.shape == z.shape
        for row in range(8):
            exact_loss, exact_dz = exact_softmax_row(z[row], np.eye(5)[label])
            assert ulp_error(loss[row], exact_loss) <= 4
            assert ulp_error(dz[row], exact_dz).max() <= 8

    @pytest.mark.parametrize("width", [1, 2, 3, 10, 16, 17, 33, 200])
    def test_against_the_reference(self, isa, dtype, width):
        rng = np.random.default_rng(width)
        z = (rng.normal(size=(16, width)) * 4).astype(dtype)
        t = rng.dirichlet(np.ones(width), 16).astype(dtype)
        loss, dz = ops.softmax_cross_entropy(z, t)
        wanted_loss, wanted_dz = reference.softmax_cross_entropy(z, t.astype(float))
        u = unit_roundoff(dtype)
        gaps = np.ptp(z, axis=1)
        assert (np.abs(loss - wanted_loss) <= (width + 8) * u * (1 + gaps)).all()
        atol = ((width + 8 + 2 * gaps) * u)[:, np.newaxis]
        assert (np.abs(dz - wanted_dz) <= atol).all()

    def test_labels_and_one_hot_targets_give_the_same_bits(self, isa, dtype):
        rng = np.random.default_rng(1)
        for width in [1, 2, 3, 8, 9, 16, 17, 40]:
            z = (rng.normal(size=(30, width)) * 10).astype(dtype)
            labels = rng.integers(width, size=30)
            by_label = ops.softmax_cross_entropy(z, labels)
            by_row = ops.softmax_cross_entropy(z, np.eye(width, dtype=dtype)[labels])
            assert_same_bits(by_row[0], by_label[0], "loss")
            assert_same_bits(by_row[1], by_label[1], "dz")

    def test_a_class_without_a_column(self, isa, dtype):
        with pytest.raises(ValueError, match="class 1234567, z has 3 columns"):
            ops.softmax_cross_entropy(np.zeros((2, 3), dtype), [0, 1234567])

    @pytest.mark.parametrize("offset", [-1e8, 1e8, 8192.0])
    def test_a_representable_offset_changes_no_bit(self, isa, dtype, offset):
        rng = np.random.default_rng(2)
        z = (rng.integers(-9, 10, size=(20, 7)) * 8).astype(dtype)
        labels = rng.integers(7, size=20)
        moved = z + dtype.type(offset)
        assert_array_equal(moved - dtype.type(offset), z)
        for a, b in zip(
            ops.softmax_cross_entropy(moved, labels),
            ops.softmax_cross_entropy(z, labels),
            strict=True,
        ):
            assert_same_bits(a, b)

    def test_a_gap_of_10000_is_a_loss_of_10000(self, isa, dtype):
        z = np.array([[0, 1e4], [0, 1e4]], dtype)
        loss, dz = ops.softmax_cross_entropy(z, np.array([0, 1]))
        assert_array_equal(loss, [1e4, 0])
        assert_array_equal(dz, [[-1, 1], [0, 0]])

    def test_masked_class(self, isa, dtype):
        z = np.array([[0, -np.inf, 0], [0, -np.inf, 0]], dtype)
        loss, dz = ops.softmax_cross_entropy(z, np.array([0, 1]))
        assert ulp_error(loss[0], np.float64(np.log(2))) <= 4
        assert loss[1] == np.inf
        assert_array_equal(dz, [[-0.5, 0, 0.5], [0.5, -1, 0.5]])
        t = np.array([[0.5, 0, 0.5]], dtype)
        loss, dz = ops.softmax_cross_entropy(z[:1], t)
        assert ulp_error(loss[0], np.float64(np.log(2))) <= 4
        assert_array_equal(dz, [[0, 0, 0]])

    def test_a_bad_row_is_nan_alone_at_every_width(self, isa, dtype):
        for width in range(1, 301):
            z = np.zeros((7, width), dtype)
            z[1] = -np.inf
            z[3, width // 2] = np.inf
            z[5, -1] = np.nan
            loss, dz = ops.softmax_cross_entropy(z, np.full(7, width // 3))
            bad = np.arange(7) % 2 == 1
            assert_array_equal(np.isnan(loss), bad)
            assert_array_equal(np.isnan(dz).all(axis=1), bad)
            assert_array_equal(np.isnan(dz).any(axis=1), bad)

    def test_the_gradient_is_p_minus_t(self, isa, dtype):
        rng = np.random.default_rng(3)
        z = rng.normal(size=(50, 6)).astype(dtype)
        labels = rng.integers(6, size=50)
        _, dz = ops.softmax_cross_entropy(z, labels)
        u = unit_roundoff(dtype)
        assert_allclose(dz, ops.softmax(z) - np.eye(6)[labels], atol=16 * u)
        assert_allclose(dz.sum(axis=1), 0, atol=16 * u)

    @pytest.mark.parametrize("label", [3, -1])
    def test_refuses_a_class_there_is_not(self, dtype, label):
        with pytest.raises(ValueError, match=str(label)):
            ops.softmax_cross_entropy(np.zeros((2, 3), dtype), np.array([0, label]))


class TestSigmoid:
    def test_finite_at_huge_fields(self, isa, dtype):
        z = np.array([[1e30], [1e30], [-1e30], [-1e30]], dtype)
        t = np.array([[1], [0], [1], [0]], dtype)
        loss, dz = ops.sigmoid_cross_entropy(z, t)
        assert_array_equal(loss, np.array([0, 1e30, 1e30, 0], dtype))
        assert_array_equal(dz, [[0], [1], [-1], [0]])

    def test_infinite_fields(self, isa, dtype):
        """On the right side they cost nothing; NaN stays NaN."""
        z = np.array([[np.inf], [np.inf], [-np.inf], [-np.inf], [np.nan]], dtype)
        t = np.array([[1], [0], [1], [0], [0]], dtype)
        loss, dz = ops.sigmoid_cross_entropy(z, t)
        assert_array_equal(loss, np.array([0, np.inf, np.inf, 0, np.nan], dtype))
        assert_array_equal(dz, [[0], [1], [-1], [0], [np.nan]])

    @pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
    def test_accuracy_to_the_end(self, isa, dtype, t):
        z = np.concatenate([np.linspace(-85, 85, 1361), [-1e3, 1e3]]).astype(dtype)
        target = np.full((z.size, 1), t, dtype)
        loss, dz = ops.sigmoid_cross_entropy(z[:, np.newaxis], target)
        assert loss.dtype == dz.dtype == dtype
        wanted_loss, wanted_dz = [], []
        with mpmath.workdps(100):
            for value in z.tolist():
                value = mpmath.mpf(value)
                p = 1 / (1 + mpmath.exp(-value))
                q = 1 / (1 + mpmath.exp(value))
                exact = -(t * mpmath.log(p) + (1 - t) * mpmath.log(q))
                wanted_loss.append(to_long(exact))
                wanted_dz.append(to_long((1 - t) * p - t * q))
        if t in (0.0, 1.0):  # nothing cancels
            assert ulp_error(loss, np.array(wanted_loss)).max() <= 4
            assert ulp_error(dz[:, 0], np.array(wanted_dz)).max() <= 8
        else:
            u = unit_roundoff(dtype)
            size = np.maximum(1, np.abs(z))
            assert (np.abs(loss - np.array(wanted_loss)) <= 8 * u * size).all()
            assert (np.abs(dz[:, 0] - np.array(wanted_dz)) <= 8 * u).all()

    @pytest.mark.parametrize("width", [1, 2, 3, 15, 16, 17, 33, 100])
    def test_sum_over_the_outputs(self, isa, dtype, width):
        rng = np.random.default_rng(width)
        z = (rng.normal(size=(11, width)) * 5).astype(dtype)
        t = rng.uniform(size=(11, width)).astype(dtype)
        loss, dz = ops.sigmoid_cross_entropy(z, t)
        wanted_loss, wanted_dz = reference.sigmoid_cross_entropy(z, t)
        u = unit_roundoff(dtype)
        size = (np.maximum(z, 0) + np.abs(z * t) + 1).sum(axis=1)
        assert (np.abs(loss - wanted_loss) <= (width + 8) * u * size).all()
        assert_allclose(dz, wanted_dz, atol=8 * u)

    def test_the_gradient_is_p_minus_t(self, isa, dtype):
        rng = np.random.default_rng(4)
        z = (rng.normal(size=(40, 3)) * 3).astype(dtype)
        t = rng.uniform(size=(40, 3)).astype(dtype)
        _, dz = ops.sigmoid_cross_entropy(z, t)
        assert_allclose(dz, ops.sigmoid(z) - t, atol=8 * unit_roundoff(dtype))

    def test_nan_stays_in_its_row(self, isa, dtype):
        z = np.zeros((3, 20), dtype)
        z[1, 7] = np.nan
        loss, dz = ops.sigmoid_cross_entropy(z, np.zeros((3, 20), dtype))
        assert_array_equal(np.isnan(loss), [False, True, False])
        assert_array_equal(np.isnan(dz[[0, 2]]), False)
        assert np.isnan(dz[1, 7])

    def test_one_neuron_is_two_classes(self, isa, dtype):
        """The loss over one sigmoid is that over a softmax of (z, 0)."""
        z = np.linspace(-40, 40, 641).astype(dtype)
        t = np.tile([0, 1], 321)[:641]
        one, d_one = ops.sigmoid_cross_entropy(
            z[:, np.newaxis], t[:, np.newaxis].astype(dtype)
        )
        pair = np.stack([np.zeros_like(z), z], axis=1)
        two, d_two = ops.softmax_cross_entropy(pair, t)
        u = unit_roundoff(dtype)
        assert_allclose(one, two, rtol=16 * u)
        assert_allclose(d_one[:, 0], d_two[:, 1], rtol=24 * u)
        assert_array_equal(d_two[:, 0], -d_two[:, 1])


def test_one_digest_on_every_instruction_set_with_fma(dtype):
    rng = np.random.default_rng(5)
    digests = set()
    cases = []
    for width in range(1, 50):
        z = (rng.normal(size=(9, width)) * 6).astype(dtype)
        cases.append((z, rng.integers(width, size=9), rng.uniform(size=z.shape)))
    for isa in fma_isas():
        mlpcore.set_isa(isa)
        arrays = []
        for z, labels, t in cases:
            arrays += ops.softmax_cross_entropy(z, labels)
            arrays += ops.sigmoid_cross_entropy(z, t.astype(dtype))
        digests.add(digest(*arrays))
    assert len(digests) <= 1
