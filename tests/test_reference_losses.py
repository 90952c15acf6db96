"""The losses of mlpcore.reference, against many digits and closed forms."""

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mlpcore import reference
from mlpcore.reference import ReferenceNetwork

EPS = np.finfo(np.float64).eps
ELEMENTWISE = sorted(reference.activations.ACTIVATIONS)


class TestSoftmaxCrossEntropy:
    z = np.random.default_rng(10).normal(size=(6, 4)) * 5

    @staticmethod
    def exact_row(z, t):
        """Return loss and gradient with 400 digits."""
        with mpmath.workdps(400):
            z, t = [mpmath.mpf(v) for v in z], [mpmath.mpf(v) for v in t]
            total = mpmath.fsum(mpmath.exp(v) for v in z)
            loss = mpmath.fsum(
                b * (mpmath.log(total) - a) for a, b in zip(z, t, strict=True)
            )
            dz = [mpmath.exp(a) / total - b for a, b in zip(z, t, strict=True)]
            return float(loss), [float(d) for d in dz]

    @pytest.mark.parametrize("gap", [0.0, 1.0, 30.0, 80.0, 700.0])
    @pytest.mark.parametrize("label", [0, 1, 2])
    def test_against_many_digits(self, gap, label):
        z = np.array([[gap, 0.5, -1.0]])
        loss, dz = reference.softmax_cross_entropy(z, [label])
        exact_loss, exact_dz = self.exact_row(z[0].tolist(), np.eye(3)[label].tolist())
        assert_allclose(loss, exact_loss, rtol=4 * EPS, atol=0)
        assert_allclose(dz[0], exact_dz, rtol=8 * EPS, atol=0)

    def test_soft_targets_against_many_digits(self):
        t = np.random.default_rng(11).dirichlet(np.ones(4), size=6)
        loss, dz = reference.softmax_cross_entropy(self.z, t)
        for row in range(6):
            exact_loss, exact_dz = self.exact_row(self.z[row].tolist(), t[row].tolist())
            assert_allclose(loss[row], exact_loss, rtol=10 * EPS)
            assert_allclose(dz[row], exact_dz, rtol=10 * EPS, atol=2 * EPS)

    def test_labels_and_one_hot_give_the_same_bits(self):
        labels = np.array([0, 1, 2, 3, 1, 1])
        one_hot = np.eye(4)[labels]
        for a, b in zip(
            reference.softmax_cross_entropy(self.z, labels),
            reference.softmax_cross_entropy(self.z, one_hot),
            strict=True,
        ):
            assert_array_equal(a, b)

    def test_a_gap_of_10000_is_a_loss_of_10000(self):
        loss, dz = reference.softmax_cross_entropy([[0.0, 1e4]], [0])
        assert loss == 1e4
        assert_array_equal(dz, [[-1, 1]])

    def test_an_offset_changes_no_bit(self):
        z = np.round(self.z * 64) / 64
        for a, b in zip(
            reference.softmax_cross_entropy(z, [0, 1, 2, 3, 0, 1]),
            reference.softmax_cross_entropy(z - 1e8, [0, 1, 2, 3, 0, 1]),
            strict=True,
        ):
            assert_array_equal(a, b)

    def test_masked_class(self):
        loss, dz = reference.softmax_cross_entropy(
            [[0.0, -np.inf, 0.0]], [[0.5, 0, 0.5]]
        )
        assert_allclose(loss, np.log(2), rtol=EPS)
        assert_array_equal(dz, [[0, 0, 0]])
        loss, dz = reference.softmax_cross_entropy([[0.0, -np.inf]], [1])
        assert loss == np.inf
        assert_array_equal(dz, [[1, -1]])

    @pytest.mark.parametrize("bad", [[-np.inf] * 3, [0, np.inf, 0], [0, 0, np.nan]])
    @pytest.mark.parametrize("label", [0, 1, 2])
    def test_a_bad_row_is_nan_alone(self, bad, label):
        loss, dz = reference.softmax_cross_entropy([[0.0] * 3, bad], [label] * 2)
        assert_array_equal(np.isnan(loss), [False, True])
        assert_array_equal(np.isnan(dz), [[False] * 3, [True] * 3])

    def test_is_the_cross_entropy_of_the_softmax(self):
        t = np.random.default_rng(12).dirichlet(np.ones(4), size=6)
        loss, _ = reference.softmax_cross_entropy(self.z, t)
        p = reference.softmax(self.z)
        assert_allclose(loss, reference.cross_entropy(t, p), rtol=1e-13)


class TestSigmoidCrossEntropy:
    def test_huge_fields_are_finite(self):
        z = [[1e30, 1e30], [-1e30, -1e30]]
        loss, dz = reference.sigmoid_cross_entropy(z, [[1.0, 0.0], [1.0, 0.0]])
        assert_array_equal(loss, [1e30, 1e30])
        assert_array_equal(dz, [[0, 1], [-1, 0]])

    @pytest.mark.parametrize("z", [-80.0, -1.5, 0.0, 0.1, 40.0, 700.0])
    @pytest.mark.parametrize("t", [0.0, 0.25, 1.0])
    def test_against_many_digits(self, z, t):
        loss, dz = reference.sigmoid_cross_entropy([[z]], [[t]])
        with mpmath.workdps(400):
            y = 1 / (1 + mpmath.exp(-mpmath.mpf(z)))
            exact = -t * mpmath.log(y) - (1 - t) * mpmath.log(1 - y)
            exact_dz = y - t
        assert_allclose(loss, float(exact), rtol=4 * EPS)
        assert_allclose(dz, [[float(exact_dz)]], rtol=8 * EPS)

    def test_is_summed_over_outputs(self):
        z, t = np.random.default_rng(13).uniform(size=(2, 3, 5))
        loss, dz = reference.sigmoid_cross_entropy(z, t)
        assert loss.shape == (3,)
        each = [reference.sigmoid_cross_entropy(z[:, [j]], t[:, [j]]) for j in range(5)]
        assert_allclose(loss, sum(one for one, _ in each), rtol=4 * EPS)
        assert_array_equal(dz, np.hstack([d for _, d in each]))

    def test_one_sigmoid_is_a_softmax_over_two(self):
        z = np.random.default_rng(14).normal(size=(20, 1)) * 20
        labels = np.arange(20) % 2
        two = np.hstack([np.zeros_like(z), z])
        loss, dz = reference.sigmoid_cross_entropy(z, labels[:, None])
        softmax_loss, softmax_dz = reference.softmax_cross_entropy(two, labels)
        assert_allclose(loss, softmax_loss, rtol=4 * EPS)
        assert_allclose(dz, softmax_dz[:, [1]], rtol=4 * EPS)


class TestLossesOverOutputs:
    y = np.array([[1.0, -2.0], [0.0, 0.0], [3.0, 0.5]])
    t = np.array([[0.0, -4.0], [0.0, 0.0], [3.0, 10.5]])

    def test_squared_error(self):
        loss, dy = reference.squared_error(self.y, self.t)
        assert_array_equal(loss, [2.5, 0, 50])
        assert_array_equal(dy, [[1, 2], [0, 0], [0, -10]])

    def test_euclidean(self):
        loss, dy = reference.euclidean(self.y, self.t)
        assert_allclose(loss, [5**0.5, 0, 10], rtol=EPS)
        assert_allclose(dy, [[5**-0.5, 2 * 5**-0.5], [0, 0], [0, -1]], rtol=2 * EPS)

    def test_absolute_error(self):
        loss, dy = reference.absolute_error(self.y, self.t)
        assert_array_equal(loss, [3, 0, 10])
        assert_array_equal(dy, [[1, 1], [0, 0], [0, -1]])

    def test_huber(self):
        loss, dy = reference.huber(self.y, self.t, 1.5)
        assert_array_equal(loss, [0.5 + 1.5 * (2 - 0.75), 0, 1.5 * (10 - 0.75)])
        assert_array_equal(dy, [[1, 1.5], [0, 0], [0, -1.5]])

    def test_huber_is_squared_error_for_a_large_delta(self):
        for a, b in zip(
            reference.huber(self.y, self.t, 1e6),
            reference.squared_error(self.y, self.t),
            strict=True,
        ):
            assert_array_equal(a, b)

    def test_quantile(self):
        loss, dy = reference.quantile(self.y, self.t, 0.75)
        assert_array_equal(loss, [0.75, 0, 7.5])
        assert_array_equal(dy, [[0.25, 0.25], [0, 0], [0, -0.75]])

    def test_quantile_is_least_at_the_quantile(self):
        t = np.arange(1.0, 101)[:, None]
        candidates = np.arange(0.5, 101)
        means = [reference.quantile(c + 0 * t, t, 0.9)[0].mean() for c in candidates]
        assert candidates[np.argmin(means)] == 90.5  # 90 of 100 lie below

    def test_poisson_closed_form(self):
        z, t = np.log([[2.0, 3.0]]), np.array([[5.0, 0.0]])
        loss, dz = reference.poisson(z, t)
        assert_allclose(loss, (2 - 5 + 5 * np.log(5 / 2)) + 3, rtol=1e-14)
        assert_allclose(dz, [[2 - 5, 3]], rtol=1e-15)

    @pytest.mark.parametrize("output", ["exp", "softplus", "sigmoid"])
    def test_poisson_survives_an_output_that_underflows(self, output):
        loss, dz = reference.poisson([[-1000.0]], [[3.0]], output)
        assert_allclose(loss, 3 * 1000 - 3 + 3 * np.log(3), rtol=1e-14)
        assert_array_equal(dz, [[-3]])

    def test_poisson_softplus_near_its_switch(self):
        z = np.linspace(-41, -39, 101)[:, None]
        loss, dz = reference.poisson(z, np.ones_like(z), "softplus")
        with mpmath.workdps(60):
            y = [mpmath.log1p(mpmath.exp(mpmath.mpf(v))) for v in z.ravel().tolist()]
            exact = [float(v - 1 - mpmath.log(v)) for v in y]
        assert_allclose(loss, exact, rtol=4 * EPS)
        assert_allclose(dz, -1, rtol=4 * EPS)


class TestPairs:
    def test_auto(self):
        for output in ["softmax", "sigmoid", "logistic"]:
            assert ReferenceNetwork([2, 3], output=output).loss_name == "log_loss"
        for output in set(ELEMENTWISE) - {"sigmoid"}:
            assert ReferenceNetwork([2, 3], output=output).loss_name == "squared_error"

    @pytest.mark.parametrize(
        ("output", "loss", "message"),
        [
            ("softmax", "squared_error", "softmax output needs log_loss"),
            ("softmax", "poisson", "softmax output needs log_loss"),
            (
                "tanh",
                "log_loss",
                "log_loss needs a softmax or sigmoid output, got tanh",
            ),
            ("identity", "poisson", "poisson needs one of"),
            ("relu", "poisson", "poisson needs one of"),
            ("identity", "hubert", "unknown loss 'hubert'"),
            ("identity", "huber", r"loss must be like \('huber', 0.5\), got 'huber'"),
            ("identity", ("squared_error", 1.0), "loss must be like 'squared_error'"),
            ("identity", ("huber", 0.0), "huber needs 0 < parameter < inf, got 0.0"),
            ("identity", ("quantile", 1.0), "quantile needs 0 < parameter < 1.0"),
            ("identity", ("quantile", np.nan), "quantile needs 0 < parameter < 1.0"),
        ],
    )
    def test_bad_pair(self, output, loss, message):
        with pytest.raises(ValueError, match=message):
            ReferenceNetwork([2, 3], output=output, loss=loss)
