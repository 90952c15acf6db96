"""softmax, log_softmax, and the quantities of information theory."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from mlpcore import ops, reference
from support import assert_same_bits, digest, fma_isas, ulp_error, unit_roundoff

WIDTHS = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 257]


def softmax_tolerance(z, u):
    """Bound the relative error of exp(z_i - m) / sum_j exp(z_j - m).

    Rounding a gap moves its exponential by |gap| u; an exponential has 2 u of its own,
    the sum of n positive terms at most n u, the quotient u.
    """
    z = z.astype(float)
    gap = z - z.max(axis=-1, keepdims=True)
    p = np.exp(gap) / np.exp(gap).sum(axis=-1, keepdims=True)
    mean_gap = (p * -gap).sum(axis=-1, keepdims=True)
    return u * (-gap + mean_gap + z.shape[-1] + 8)


@pytest.mark.parametrize("width", WIDTHS)
def test_against_the_reference(isa, dtype, width):
    rng = np.random.default_rng(width)
    z = (rng.normal(size=(9, width)) * ([[1], [5], [20]] * 3)).astype(dtype)
    got, wanted = ops.softmax(z), reference.softmax(z)
    assert got.dtype == dtype
    tolerance = softmax_tolerance(z, unit_roundoff(dtype))
    assert (np.abs(got - wanted) <= tolerance * wanted + 1e-45).all()
    assert_allclose(got.sum(axis=1), 1, rtol=(width + 8) * unit_roundoff(dtype))

    got, wanted = ops.log_softmax(z), reference.log_softmax(z)
    assert got.dtype == dtype
    # the gap's rounding and the tail's; relative errors of the exps become absolute
    tolerance = unit_roundoff(dtype) * (4 * np.abs(wanted) + width + 8)
    assert (np.abs(got - wanted) <= tolerance).all()


def test_two_classes_are_a_sigmoid(isa, dtype):
    """softmax(z1, z2) = (sigmoid(z1 - z2), 1 - sigmoid(z1 - z2))."""
    gap = np.linspace(-30, 30, 961).astype(dtype)  # multiples of 1/16
    p = ops.softmax(np.stack([gap, np.zeros_like(gap)], axis=1))
    exact = reference.sigmoid(gap.astype(float))
    u = unit_roundoff(dtype)
    assert_allclose(p[:, 0], exact, rtol=8 * u)
    assert_allclose(p[:, 0], ops.sigmoid(gap), rtol=8 * u)
    assert_allclose(p[:, 1], ops.sigmoid(-gap), rtol=8 * u)
    assert_allclose(p[:, 1], 1 - p[:, 0].astype(float), atol=4 * u)


@pytest.mark.parametrize("offset", [-1e8, 1e8, 4096.0, -65536.0])
@pytest.mark.parametrize("function", [ops.softmax, ops.log_softmax])
def test_a_representable_offset_changes_no_bit(isa, dtype, function, offset):
    rng = np.random.default_rng(0)
    z = (rng.integers(-10, 11, size=(20, 13)) * 8).astype(dtype)
    assert_array_equal((z + dtype.type(offset)) - dtype.type(offset), z)
    assert_same_bits(function(z + dtype.type(offset)), function(z))


def test_gaps_are_not_clipped(isa, dtype):
    z = np.array([[0, 1e4], [1e4, 0], [-3e30, 3e30]], dtype)
    assert_array_equal(ops.softmax(z), [[0, 1], [1, 0], [0, 1]])
    assert_array_equal(
        ops.log_softmax(z), np.array([[-1e4, 0], [0, -1e4], [-6e30, 0]], dtype)
    )


def test_masked_classes(isa, dtype):
    z = np.array([[0, -np.inf, 0], [-np.inf, 5, -np.inf]], dtype)
    assert_array_equal(ops.softmax(z), [[0.5, 0, 0.5], [0, 1, 0]])
    got = ops.log_softmax(z)
    assert_array_equal(got[:, 1], [-np.inf, 0])
    assert_array_equal(got[1], [-np.inf, 0, -np.inf])
    assert (ulp_error(got[0, [0, 2]], np.full(2, -np.log(2))) <= 2).all()


@pytest.mark.parametrize("function", [ops.softmax, ops.log_softmax])
def test_a_bad_row_is_nan_alone_at_every_width(isa, dtype, function):
    for width in range(1, 301):
        z = np.zeros((5, width), dtype)
        z[1] = -np.inf
        z[3, width // 2] = np.inf
        got = np.isnan(function(z))
        assert_array_equal(got.all(axis=1), [False, True, False, True, False])
        assert_array_equal(got.any(axis=1), [False, True, False, True, False])
        z[1:4] = 0
        z[2, -1] = np.nan
        got = np.isnan(function(z))
        assert_array_equal(got.all(axis=1), [False, False, True, False, False])
        assert_array_equal(got.any(axis=1), [False, False, True, False, False])


@pytest.mark.parametrize("function", [ops.softmax, ops.log_softmax])
def test_over_the_last_axis_of_any_shape(isa, dtype, function):
    z = np.random.default_rng(1).normal(size=(4, 3, 11)).astype(dtype)
    wanted = function(z.reshape(12, 11))
    assert_same_bits(function(z), wanted.reshape(4, 3, 11))
    assert_same_bits(function(z[0, 0]), wanted[0])
    assert_same_bits(function(np.asfortranarray(z)), wanted.reshape(4, 3, 11))
    assert_same_bits(function(z[::2, ::-1]), wanted.reshape(4, 3, 11)[::2, ::-1])
    assert function(np.zeros((0, 4), dtype)).shape == (0, 4)


@pytest.mark.parametrize("function", [ops.softmax, ops.log_softmax])
def test_out(isa, dtype, function):
    z = np.random.default_rng(2).normal(size=(7, 5)).astype(dtype)
    wanted = function(z)
    out = np.empty_like(z)
    assert function(z, out=out) is out
    assert_same_bits(out, wanted)
    function(z, out=z)
    assert_same_bits(z, wanted)
    with pytest.raises((ValueError, TypeError), match="out"):
        function(z, out=np.empty((7, 6), dtype))


@pytest.mark.parametrize("function", [ops.softmax, ops.log_softmax])
def test_one_digest_on_every_instruction_set_with_fma(dtype, function):
    rng = np.random.default_rng(3)
    arrays = [rng.normal(size=(6, n)).astype(dtype) * 4 for n in range(1, 70)]
    digests = set()
    for isa in fma_isas():
        mlpcore.set_isa(isa)
        digests.add(digest(*[function(z) for z in arrays]))
    assert len(digests) <= 1


class TestInformation:
    """H(p, q), KL(p || q) and H(p), in natural logarithms."""

    @staticmethod
    def distributions(dtype, n_classes, seed=0):
        rng = np.random.default_rng(seed)
        p = rng.dirichlet(np.ones(n_classes), size=40).astype(dtype)
        q = rng.dirichlet(np.ones(n_classes), size=40).astype(dtype)
        p[0] = np.eye(n_classes)[0]
        return p, q

    @pytest.mark.parametrize("n_classes", [2, 3, 10, 33])
    def test_against_the_reference(self, isa, dtype, n_classes):
        p, q = self.distributions(dtype, n_classes)
        u = unit_roundoff(dtype)
        wide_p, wide_q = p.astype(float), q.astype(float)
        # log within 2 ULP (4 u), a product, and a sum of n terms
        size = -(wide_p * np.log(wide_q)).sum(axis=1)
        atol = (n_classes + 8) * u * size
        got = ops.cross_entropy(p, q)
        assert got.dtype == dtype
        assert got.shape == (40,)
        wanted = reference.cross_entropy(wide_p, wide_q)
        assert (np.abs(got - wanted) <= atol).all()

        got, wanted = ops.entropy(p), reference.entropy(wide_p)
        assert got.dtype == dtype
        assert (np.abs(got - wanted) <= (n_classes + 8) * u * wanted).all()

        got, wanted = ops.kl_divergence(p, q), reference.kl_divergence(wide_p, wide_q)
        assert got.dtype == dtype
        with np.errstate(divide="ignore"):
            log_p, log_q = np.log(wide_p), np.log(wide_q)
        ratio = np.where(wide_p == 0, 0, log_p) - log_q
        terms = np.abs(wide_p * ratio).sum(axis=1) + size
        assert (np.abs(got - wanted) <= (n_classes + 8) * u * terms).all()

    def test_cross_entropy_is_divergence_plus_entropy(self, isa, dtype):
        """H(p, q) = KL(p || q) + H(p): why likelihood and divergence agree."""
        p, q = self.distributions(dtype, 7)
        h = ops.cross_entropy(p, q)
        parts = ops.kl_divergence(p, q) + ops.entropy(p)
        assert_allclose(parts, h, rtol=16 * unit_roundoff(dtype) * 4)

    def test_divergence_is_nonnegative_and_0_for_equals(self, isa, dtype):
        p, q = self.distributions(dtype, 6)
        assert_array_equal(ops.kl_divergence(p, p), 0)
        assert (ops.kl_divergence(p, q) > 0).all()

    def test_divergence_of_near_distributions(self, isa, dtype):
        """As p nears q it falls with the square: what is left must not be rounding."""
        q = np.full((1, 10), 0.1, dtype)
        step = np.sqrt(np.finfo(dtype).eps).astype(dtype) * dtype.type(0.01)
        p = q.copy()
        p[0, 0] += step
        p[0, 1] -= step
        wide_p, wide_q = p.astype(np.longdouble), q.astype(np.longdouble)
        wanted = (wide_p * np.log(wide_p / wide_q)).sum()
        terms = np.abs(wide_p * np.log(wide_p / wide_q)).sum()
        got = ops.kl_divergence(p, q)[0]
        assert abs(got - wanted) <= 16 * unit_roundoff(dtype) * terms

    def test_limits(self, isa, dtype):
        u = unit_roundoff(dtype)
        uniform = np.full((1, 8), 0.125, dtype)
        assert_allclose(ops.entropy(uniform), np.log(8), rtol=8 * u)
        corner = np.eye(8, dtype=dtype)[:1]
        assert_array_equal(ops.entropy(corner), 0)
        assert_allclose(ops.cross_entropy(corner, uniform), np.log(8), rtol=8 * u)
        assert_array_equal(ops.cross_entropy(uniform, corner), np.inf)
        assert_array_equal(ops.kl_divergence(uniform, corner), np.inf)

    @given(
        st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=9),
        st.integers(0, 100),
    )
    def test_of_labels_is_minus_the_log_likelihood(self, z, label):
        z = np.array([z])
        label %= z.shape[1]
        p = ops.one_hot(np.array([label]), z.shape[1])
        got = ops.cross_entropy(np.asarray(p, float), ops.softmax(z))
        assert_allclose(got, -ops.log_softmax(z)[:, label], rtol=1e-12, atol=1e-14)


class TestOneHot:
    def test_values(self):
        got = ops.one_hot(np.array([2, 0, 1, 2]), 4)
        assert_array_equal(got, np.eye(4)[[2, 0, 1, 2]])

    @pytest.mark.parametrize("label", [-1, 3])
    def test_refuses_a_label_out_of_range(self, label):
        wanted = f"labels contains class {label}, n_classes is 3"
        with pytest.raises(ValueError, match=wanted):
            ops.one_hot(np.array([0, label]), 3)

    def test_refuses_more_classes_than_indices_can_tell_apart(self):
        with pytest.raises(ValueError, match=f"at most {2**31 - 1}, got {2**31}"):
            ops.one_hot(np.array([0]), 2**31)
