"""The functions of mlpcore.reference, against mpmath, scipy and closed forms."""

import ast
import doctest
import importlib
import pkgutil
from pathlib import Path

import mpmath
import numpy as np
import pytest
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

from mlpcore import reference

inf, nan = np.inf, np.nan
MODULES = [
    importlib.import_module(f"mlpcore.reference.{module.name}")
    for module in pkgutil.iter_modules(reference.__path__)
]
EPS = np.finfo(np.float64).eps
STEP = 1e-30  # of the complex step

EXACT = {
    "exp": mpmath.exp,
    "tanh": mpmath.tanh,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "gelu": lambda x: x * mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "silu": lambda x: x / (1 + mpmath.exp(-x)),
    "mish": lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "erf": mpmath.erf,
    "log": mpmath.log,
    "identity": lambda x: x,
    "relu": lambda x: max(x, 0),
    "leaky_relu": lambda x: x if x > 0 else mpmath.mpf(0.01) * x,
    "elu": lambda x: x if x > 0 else mpmath.expm1(x),
    "selu": lambda x: (
        mpmath.mpf(1.0507009873554805)
        * (x if x > 0 else mpmath.mpf(1.6732632423543772) * mpmath.expm1(x))
    ),
}
ACTIVATIONS = sorted(reference.activations.ACTIVATIONS)


@pytest.fixture(autouse=True)
def many_digits():
    with mpmath.workdps(40):
        yield


def exactly(function, x):
    """Return function(x) for each x, rounded once to float64."""
    return np.array([float(function(mpmath.mpf(value))) for value in x.tolist()])


def arguments():
    """Return numbers of all magnitudes that are ordinary, both signs."""
    rng = np.random.default_rng(1)
    positive = np.concatenate(
        [
            rng.uniform(0, 4, 200),
            rng.uniform(0, 37, 100),
            10 ** rng.uniform(-290, 0, 50),
        ]
    )
    return np.concatenate([-positive, positive])


class TestElementwise:
    @pytest.mark.parametrize("name", sorted(EXACT))
    def test_relative_error(self, name):
        x = arguments() if name != "log" else np.abs(arguments())
        expected = exactly(EXACT[name], x)
        assert_allclose(getattr(reference, name)(x), expected, rtol=10 * EPS, atol=0)

    @pytest.mark.parametrize("name", ["exp", "sigmoid", "softplus", "silu", "mish"])
    def test_far_tail_is_not_flushed_to_zero(self, name):
        x = np.array([-80.0, -200.0, -700.0])
        expected = exactly(EXACT[name], x)
        assert (expected != 0).all()
        assert_allclose(getattr(reference, name)(x), expected, rtol=10 * EPS, atol=0)

    @pytest.mark.parametrize(
        ("name", "at_minus_inf", "at_zero", "at_inf"),
        [
            ("exp", 0, 1, inf),
            ("log", nan, -inf, inf),
            ("tanh", -1, 0, 1),
            ("erf", -1, 0, 1),
            ("sigmoid", 0, 0.5, 1),
            ("softplus", 0, np.log(2), inf),
            ("gelu", 0, 0, inf),
            ("silu", 0, 0, inf),
            ("mish", 0, 0, inf),
            ("relu", 0, 0, inf),
            ("leaky_relu", -inf, 0, inf),
            ("elu", -1, 0, inf),
        ],
    )
    def test_limits_and_nan(self, name, at_minus_inf, at_zero, at_inf):
        y = getattr(reference, name)([-inf, 0.0, inf, nan])
        assert_array_equal(y, [at_minus_inf, at_zero, at_inf, nan])

    @pytest.mark.parametrize("name", ["tanh", "erf"])
    def test_odd_functions_are_exactly_odd(self, name):
        function, x = getattr(reference, name), arguments()
        assert_array_equal(function(-x), -function(x))

    @pytest.mark.parametrize("name", sorted(EXACT))
    def test_float32_and_integers_become_float64(self, name):
        function = getattr(reference, name)
        assert function(np.float32([0.5])).dtype == np.float64
        assert_array_equal(function(np.array([1, 2])), function([1.0, 2.0]))


class TestErf:
    def test_real_arguments_against_scipy(self):
        x = np.linspace(-7, 7, 20001)
        assert_allclose(reference.erf(x), scipy.special.erf(x), rtol=1e-15)

    def test_complex_arguments_against_mpmath(self):
        rng = np.random.default_rng(2)
        z = rng.uniform(-8, 8, 1000) + 1j * rng.uniform(-24, 24, 1000)
        z[::2] = z[::2].real + 0.1j * z[::2].imag
        z[::5] *= 0.05
        expected = np.array([complex(mpmath.erf(value)) for value in z.tolist()])
        error = np.abs(reference.erf(z) - expected) / np.abs(expected)
        assert (error <= 1e-15 * (1 + np.abs(z) ** 2)).all()

    def test_scaled_complement_against_scipy(self):
        x = np.linspace(0, 40, 20001)
        ours = reference.error_function.erfcx(x)
        assert_allclose(ours, scipy.special.erfcx(x), rtol=2e-15)

    def test_lower_tail_of_the_normal_distribution(self):
        x = -np.linspace(0, 37, 500)
        assert_allclose(
            reference.error_function.normal_cdf(x),
            exactly(lambda t: mpmath.erfc(-t / mpmath.sqrt(2)) / 2, x),
            rtol=2e-15,
        )


class TestActivations:
    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_derivative_is_that_of_the_exact_function(self, name):
        z = np.array([-7.3, -2.1, -0.4, -1e-3, 1e-3, 0.3, 1.9, 6.7])
        phi = reference.activation(name)
        expected = exactly(lambda t: mpmath.diff(EXACT[name], t), z)
        slope = phi.derivative(phi.function(z), z)
        # 1 - y^2 and the like lose what y near 1 has lost: absolute, not relative
        assert_allclose(slope, expected, rtol=1e-14, atol=5e-16)

    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_complex_step_gives_the_derivative(self, name):
        z = np.array([-7.3, -2.1, -0.4, 0.3, 1.9, 6.7])
        phi = reference.activation(name)
        slope = phi.function(z + STEP * 1j).imag / STEP
        expected = exactly(lambda t: mpmath.diff(EXACT[name], t), z)
        assert_allclose(slope, expected, rtol=1e-14)

    @pytest.mark.parametrize(
        ("name", "slope_at_zero"),
        [("relu", 0), ("leaky_relu", 0.01), ("elu", 1), ("selu", 1.7580993408473766)],
    )
    def test_slope_at_the_kink(self, name, slope_at_zero):
        assert reference.activation(name).derivative([0.0]) == slope_at_zero

    @pytest.mark.parametrize("name", ["gelu", "silu", "mish"])
    def test_slope_at_the_infinities(self, name):
        slope = reference.activation(name).derivative([0.0, inf], [-inf, inf])
        assert_array_equal(slope, [0, 1])

    def test_selu_keeps_mean_and_variance(self):
        # The constants' definition: N(0, 1) in gives mean 0 and variance 1 out.
        z, weights = np.polynomial.legendre.leggauss(100)
        z = np.concatenate([6 * z - 6, 6 * z + 6])  # -12..0 and 0..12, kink between
        density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi) * np.tile(6 * weights, 2)
        y = reference.selu(z)
        assert abs(np.sum(density * y)) < 1e-14
        assert abs(np.sum(density * y * y) - 1) < 1e-14

    def test_aliases(self):
        for alias, name in reference.activations.ALIASES.items():
            assert reference.activation(alias) is reference.activation(name)

    def test_unknown_name(self):
        with pytest.raises(ValueError, match=r"unknown activation 'rleu'.*'relu'"):
            reference.activation("rleu")


class TestDense:
    def test_integers_give_the_integer_result(self):
        rng = np.random.default_rng(3)
        x, w = rng.integers(-9, 9, (5, 7)), rng.integers(-9, 9, (7, 3))
        b = rng.integers(-9, 9, 3)
        expected = [
            [sum(x[i, k] * w[k, j] for k in range(7)) + b[j] for j in range(3)]
            for i in range(5)
        ]
        assert_array_equal(reference.dense(x, w, b), expected)
        assert_array_equal(reference.dense(x, w, b, "relu"), np.maximum(expected, 0))
        assert_array_equal(reference.dense(x, w), expected - b)

    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_backward_is_the_complex_step_of_forward(self, name):
        rng = np.random.default_rng(4)
        arrays = [rng.normal(size=shape) for shape in [(5, 4), (4, 3), (3,)]]
        dy = rng.normal(size=(5, 3))
        z = reference.dense(*arrays)
        y = reference.dense(*arrays, name)
        gradients = reference.dense_backward(dy, *arrays[:2], y, name, z)
        for which, gradient in enumerate(gradients):
            for index in np.ndindex(gradient.shape):
                moved = [array.astype(complex) for array in arrays]
                moved[which][index] += STEP * 1j
                scalar = np.sum(dy * reference.dense(*moved, name))
                assert_allclose(gradient[index], scalar.imag / STEP, rtol=1e-12)

    @pytest.mark.parametrize("name", ["gelu", "silu", "swish", "mish"])
    def test_backward_without_z(self, name):
        one = np.ones((1, 1))
        with pytest.raises(ValueError, match="needs z, got None"):
            reference.dense_backward(one, one, one, one, name)


class TestSoftmax:
    def test_against_scipy(self):
        z = np.random.default_rng(5).normal(size=(50, 7)) * 10
        for name in ("softmax", "log_softmax"):
            expected = getattr(scipy.special, name)(z, axis=-1)
            # scipy's logarithm has an absolute error, where ours has a relative one
            ours = getattr(reference, name)(z)
            assert_allclose(ours, expected, rtol=1e-13, atol=1e-15)

    def test_is_a_distribution(self):
        p = reference.softmax(np.random.default_rng(5).normal(size=(50, 7)) * 300)
        assert (p >= 0).all()
        assert_allclose(p.sum(axis=-1), 1, rtol=4 * EPS)

    def test_an_offset_changes_no_bit(self):
        z = np.random.default_rng(6).integers(-64, 64, (20, 5)) / 8
        for function in (reference.softmax, reference.log_softmax):
            assert_array_equal(function(z + 1e8), function(z))

    def test_log_of_a_probability_near_one(self):
        (_, near_one) = reference.log_softmax([0.0, 80.0])
        assert_allclose(near_one, -np.exp(-80), rtol=4 * EPS)

    def test_two_classes_are_one_sigmoid(self):
        z = np.random.default_rng(7).normal(size=(50, 2)) * 5
        p = reference.sigmoid(z[:, 0] - z[:, 1])
        assert_allclose(reference.softmax(z), np.stack([p, 1 - p], -1), atol=2 * EPS)

    @pytest.mark.parametrize("width", [1, 2, 3, 300])
    @pytest.mark.parametrize("bad", [-inf, inf, nan])
    def test_a_bad_row_is_nan_alone(self, width, bad):
        z = np.zeros((3, width))
        z[1] = bad if bad == -inf else 0
        z[1, width // 2] = bad
        for function in (reference.softmax, reference.log_softmax):
            is_nan = np.isnan(function(z))
            assert is_nan[1].all()
            assert not is_nan[[0, 2]].any()

    def test_masked_class(self):
        assert_array_equal(reference.softmax([0.0, -inf, 0.0]), [0.5, 0, 0.5])
        assert reference.log_softmax([0.0, -inf])[1] == -inf


class TestInformation:
    p, q = np.random.default_rng(8).dirichlet(np.ones(6), size=(2, 40))

    def test_against_scipy(self):
        expected = scipy.special.rel_entr(self.p, self.q).sum(axis=-1)
        assert_allclose(reference.kl_divergence(self.p, self.q), expected, rtol=1e-13)
        expected = scipy.special.entr(self.p).sum(axis=-1)
        assert_allclose(reference.entropy(self.p), expected, rtol=1e-14)

    def test_cross_entropy_is_divergence_and_entropy(self):
        assert_allclose(
            reference.cross_entropy(self.p, self.q),
            reference.kl_divergence(self.p, self.q) + reference.entropy(self.p),
            rtol=1e-14,
        )

    def test_divergence_of_near_distributions(self):
        # sum (p - q)^2 / (2 q) to leading order: H(p, q) - H(p) has no digit of it
        q, d = np.array([0.25, 0.75]), 2.0**-24 * np.array([1, -1])
        kl = reference.kl_divergence(q + d, q)
        assert_allclose(kl, np.sum(d * d / (2 * q)), rtol=1e-6)

    def test_nothing_at_zero_probability(self):
        assert reference.entropy([0.0, 1.0]) == 0
        assert not np.signbit(reference.entropy([0.0, 1.0]))
        assert reference.cross_entropy([0.0, 1.0], [0.0, 1.0]) == 0
        assert reference.cross_entropy([0.5, 0.5], [0.0, 1.0]) == inf
        assert reference.kl_divergence([0.5, 0.5], [0.0, 1.0]) == inf
        assert reference.kl_divergence([0.0, 1.0], [0.5, 0.5]) == np.log(2)

    def test_tiny_probabilities_do_not_overflow(self):
        kl = reference.kl_divergence([1.0, 0.0], [1e-310, 1.0])
        assert_allclose(kl, -np.log(1e-310), rtol=1e-15)

    def test_uniform_has_the_greatest_entropy(self):
        assert_allclose(reference.entropy(np.full(8, 1 / 8)), np.log(8), rtol=1e-15)
        assert (reference.entropy(self.p) < np.log(6)).all()


class TestOneHot:
    def test_rows_of_the_identity(self):
        labels = np.array([[0, 3], [2, 2]], dtype=np.uint8)
        assert_array_equal(reference.one_hot(labels, 4), np.eye(4)[labels])

    @pytest.mark.parametrize("bad", [-1, 3, 1.5, nan])
    def test_bad_label(self, bad):
        with pytest.raises(ValueError, match=f"contain {bad}, expected 0 to 2"):
            reference.one_hot([0, bad], 3)


class TestPackage:
    @pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
    def test_imports_only_numpy(self, module):
        allowed = {"__future__", "collections", "typing", "numpy"}
        for node in ast.walk(ast.parse(Path(module.__file__).read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert {name.name.split(".")[0] for name in node.names} <= allowed
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] in allowed
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 1  # a neighbour in the package

    @pytest.mark.parametrize("module", [reference, *MODULES], ids=lambda m: m.__name__)
    def test_examples(self, module):
        failed, attempted = doctest.testmod(module, extraglobs={"np": np})
        assert failed == 0
        assert attempted > 0

    @pytest.mark.parametrize("name", reference.__all__)
    def test_every_public_name_has_an_example(self, name):
        documented = getattr(reference, name)
        if documented is reference.Activation:
            documented = reference.Activation.derivative
        assert ">>> " in documented.__doc__
