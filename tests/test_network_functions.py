"""What a Network computes, against ReferenceNetwork and against its own definition."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import r2_score

from mlpcore import Network
from support import (
    PAIRS,
    assert_same_bits,
    make_problem,
    random_problem,
    unit_roundoff,
)

# Shallow networks of some 10 wide: each layer multiplies and adds errors of some u.
TOLERANCE = 400  # u


def assert_close(got, wanted, dtype, what):
    """Compare with the reference, relative to the largest number of the result."""
    got, wanted = np.asarray(got, float), np.asarray(wanted, float)
    scale = max(np.abs(wanted).max(initial=0), 1e-3)
    error = np.abs(got - wanted).max(initial=0) / (scale * unit_roundoff(dtype))
    assert error <= TOLERANCE, f"{what} is off by {error:.0f} u"


def compare_with_reference(problem, dtype):
    net, ref, X, y, s = (
        problem.net,
        problem.ref,
        problem.X,
        problem.y,
        problem.sample_weight,
    )
    assert net.predict(X).dtype == dtype
    assert_close(net.predict(X), ref.predict(X), dtype, "predict")
    loss, gradient = net.loss_and_gradient(X, y, s)
    wanted_loss, wanted_gradient = ref.loss_and_gradient(X, y, s)
    assert isinstance(loss, float)
    assert gradient.dtype == dtype
    assert_close(loss, wanted_loss, dtype, "loss")
    assert_close(gradient, wanted_gradient, dtype, "gradient")
    assert net.loss(X, y, sample_weight=s) == pytest.approx(loss, rel=1e-15)


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_pair_of_output_and_loss(isa, dtype, output, loss):
    problem = make_problem([5, 9, 4], "tanh", output, loss, dtype, seed=1, rows=30)
    assert problem.net.loss_name == problem.ref.loss_name
    compare_with_reference(problem, dtype)
    problem = make_problem([3, 1], [], output, loss, dtype, seed=2, weighted=True)
    compare_with_reference(problem, dtype)


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from([np.float32, np.float64]))
def test_random_networks(seed, scalar):
    dtype = np.dtype(scalar)
    compare_with_reference(random_problem(np.random.default_rng(seed), dtype), dtype)


def test_wide_and_deep(isa, dtype):
    problem = make_problem(
        [70, 130, 65, 33, 10], "gelu", "softmax", "auto", dtype, rows=600
    )
    compare_with_reference(problem, dtype)


class TestForward:
    def test_every_layer(self, isa, dtype):
        names = ["gelu", "sigmoid", "relu"]
        problem = make_problem([4, 9, 17, 5, 3], names, "softmax", "auto", dtype)
        result = problem.net.forward(problem.X)
        wanted_z, wanted_y = problem.ref.forward(problem.X)
        assert len(result.z) == len(result.y) == 4
        for got, wanted in zip(
            [*result.z, *result.y], [*wanted_z, *wanted_y], strict=True
        ):
            assert got.shape == wanted.shape
            assert got.dtype == dtype
            assert_close(got, wanted, dtype, "a layer")
        assert_same_bits(result.y[-1], problem.net.predict(problem.X))

    def test_no_rows(self):
        result = Network([2, 3, 4]).forward(np.zeros((0, 2)))
        assert [z.shape for z in result.z] == [(0, 3), (0, 4)]
        assert [y.shape for y in result.y] == [(0, 3), (0, 4)]

    def test_unpacks_as_z_and_y(self):
        z, y = Network([2, 3]).forward(np.ones((1, 2)))
        assert z[0].shape == y[0].shape == (1, 3)

    def test_work_that_releases_the_gil(self, dtype):
        net = Network([64, 32, 10], dtype=dtype, rng=0)
        X = np.random.default_rng(0).normal(size=(2000, 64))
        assert_same_bits(net.forward(X).y[-1], net.predict(X))


class TestPredict:
    def test_softmax_is_a_distribution(self, isa, dtype):
        net = Network([4, 8, 11], dtype=dtype.name, rng=0)
        p = net.predict(np.random.default_rng(0).normal(size=(50, 4)) * 30)
        assert (p >= 0).all()
        assert_allclose(p.sum(axis=1), 1, rtol=20 * unit_roundoff(dtype))

    def test_no_rows(self, dtype):
        got = Network([4, 8, 3], dtype=dtype.name).predict(np.zeros((0, 4)))
        assert got.shape == (0, 3)
        assert got.dtype == dtype

    def test_out(self, isa, dtype):
        net = Network([4, 8, 3], dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(20, 4)).astype(dtype)
        out = np.full((22, 3), 5, dtype)
        assert net.predict(X, out=out[1:21]).base is out
        assert_same_bits(out[1:21], net.predict(X))
        assert_array_equal(out[[0, 21]], 5)

    def test_out_that_overlaps_x(self, isa, dtype):
        net = Network([5, 8, 5], output="tanh", dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(400, 5)).astype(dtype)
        wanted = net.predict(X)
        buffer = X.copy()
        assert net.predict(buffer, out=buffer) is buffer
        assert_same_bits(buffer, wanted)
        buffer = np.concatenate([X, X[:1]])
        net.predict(buffer[:-1], out=buffer[1:])
        assert_same_bits(buffer[1:], wanted)
        buffer = np.concatenate([X[:1], X])
        net.predict(buffer[1:], out=buffer[:-1])
        assert_same_bits(buffer[:-1], wanted)

    def test_nan_and_inf_stay_in_their_rows(self, isa, dtype):
        net = Network([4, 8, 3], "relu", "identity", dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(50, 4))
        wanted = net.predict(X)
        X[7, 2], X[31, 0] = np.nan, np.inf
        got = net.predict(X)
        others = np.setdiff1d(np.arange(50), [7, 31])
        assert_same_bits(got[others], wanted[others])
        assert np.isnan(got[7]).all()
        assert not np.isfinite(got[31]).all()


class TestClassify:
    def test_softmax(self, isa, dtype):
        net = Network([4, 8, 5], dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(40, 4))
        classes = net.classify(X)
        assert classes.shape == (40,)
        assert classes.dtype.kind == "i"
        assert_array_equal(classes, net.predict(X).argmax(axis=1))

    def test_one_sigmoid(self, isa):
        net = Network([4, 8, 1], output="sigmoid", rng=0)
        X = np.random.default_rng(0).normal(size=(40, 4))
        classes = net.classify(X)
        assert classes.shape == (40,)
        assert set(classes.tolist()) == {0, 1}
        assert_array_equal(classes, net.predict(X)[:, 0] > 0.5)

    def test_no_rows(self):
        assert Network([4, 3]).classify(np.zeros((0, 4))).shape == (0,)

    def test_takes_the_first_of_equals(self):
        net = Network([2, 4], init="zeros")
        net.set_parameters(np.zeros(net.n_parameters))
        assert_array_equal(net.classify(np.ones((3, 2))), 0)


class TestTargets:
    def test_labels_and_one_hot_give_the_same_bits(self, isa, dtype):
        net = Network([4, 9, 3], dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(21, 4))
        labels = np.arange(21) % 3
        loss, gradient = net.loss_and_gradient(X, labels)
        for y in (
            np.eye(3)[labels],
            np.eye(3, dtype=bool)[labels],
            np.eye(3, dtype=np.int8)[labels],
            labels.astype(float),
            labels.astype(np.uint8),
            labels.tolist(),
        ):
            other_loss, other_gradient = net.loss_and_gradient(X, y)
            assert other_loss == loss
            assert_same_bits(other_gradient, gradient)

    @pytest.mark.parametrize("output", ["sigmoid", "identity"])
    def test_one_output_takes_a_vector_or_a_column(self, output):
        net = Network([4, 9, 1], output=output, rng=0)
        X = np.random.default_rng(0).normal(size=(21, 4))
        y = np.arange(21) % 2
        assert net.loss(X, y) == net.loss(X, y[:, np.newaxis])
        assert net.loss(X, y) == net.loss(X, y.astype(bool))

    def test_one_sigmoid_is_two_classes_of_a_softmax(self, isa, dtype):
        """The same classifier, with weights (0, w) in place of w."""
        one = Network([4, 6, 1], "tanh", "sigmoid", dtype=dtype.name, rng=0)
        two = Network([4, 6, 2], "tanh", "softmax", dtype=dtype.name, rng=0)
        (w1, w2), (b1, b2) = one.weights, one.biases
        two.set_weights([w1, np.hstack([0 * w2, w2])], [b1, np.append(0 * b2, b2)])
        X = np.random.default_rng(0).normal(size=(30, 4))
        y = np.arange(30) % 2
        u = unit_roundoff(dtype)
        assert_allclose(two.predict(X)[:, 1], one.predict(X)[:, 0], rtol=16 * u)
        assert_allclose(two.loss(X, y), one.loss(X, y), rtol=16 * u)
        assert_array_equal(two.classify(X), one.classify(X))
        assert_allclose(
            two.loss_and_gradient(X, y)[1][:30],
            one.loss_and_gradient(X, y)[1][:30],
            atol=50 * u,
        )


class TestLoss:
    def test_is_a_mean_over_the_rows(self, dtype):
        net = Network([4, 9, 3], dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(10, 4))
        y = np.arange(10) % 3
        rows = [net.loss(X[i : i + 1], y[i : i + 1]) for i in range(10)]
        assert_allclose(net.loss(X, y), np.mean(rows), rtol=1e-14)
        repeated = net.loss(np.tile(X, (500, 1)), np.tile(y, 500))
        assert_allclose(repeated, np.mean(rows), rtol=1e-13)  # summed in float64
        weights = np.arange(10)
        weighted = net.loss(X, y, sample_weight=weights)
        assert_allclose(weighted, np.average(rows, weights=weights), rtol=1e-7)

    def test_integer_weights_are_repeated_rows(self, dtype):
        net = Network([4, 9, 3], dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(10, 4))
        y, times = np.arange(10) % 3, np.array([1, 0, 3, 1, 2, 0, 1, 5, 1, 1])
        loss, gradient = net.loss_and_gradient(X, y, times)
        many_loss, many_gradient = net.loss_and_gradient(
            np.repeat(X, times, axis=0), np.repeat(y, times)
        )
        u = unit_roundoff(dtype)
        assert_allclose(loss, many_loss, rtol=16 * u)
        assert_allclose(gradient, many_gradient, atol=32 * u)

    def test_a_saturated_network_says_how_wrong_it_is(self, isa, dtype):
        """A gap of 10^4 between logits is a loss of 10^4: nothing is clipped."""
        net = Network([1, 2], dtype=dtype.name)
        net.set_weights([np.array([[0.0, 1e4]])], [np.zeros(2)])
        assert net.loss([[1.0]], [0]) == 1e4
        assert net.loss([[1.0]], [1]) == 0
        assert net.log_likelihood([[1.0]], [0]) == -1e4
        net = Network([1, 1], output="sigmoid", dtype=dtype.name)
        net.set_weights([[[-1e30]]], [[0.0]])
        assert net.loss([[1.0]], [1.0]) == pytest.approx(1e30, rel=1e-7)
        assert net.loss([[1.0]], [0.0]) == 0

    @pytest.mark.parametrize("output", ["exp", "softplus", "sigmoid"])
    def test_poisson_where_y_underflows(self, isa, dtype, output):
        """log y is taken from z: a rate of 0 for a count of 3 is no infinite loss."""
        net = Network([1, 1], output=output, loss="poisson", dtype=dtype.name)
        net.set_weights([[[1.0]]], [[0.0]])
        z = -100.0 if dtype == np.float32 else -800.0
        loss, gradient = net.loss_and_gradient([[z]], [3.0])
        assert_allclose(loss, 3 * np.log(3) - 3 - 3 * z, rtol=1e-6)
        assert_allclose(gradient, [-3 * z, -3], rtol=1e-6)
        loss, gradient = net.loss_and_gradient([[z]], [0.0])
        assert_allclose(loss, 0, atol=1e-40)
        assert_allclose(gradient, 0, atol=1e-40)

    @pytest.mark.parametrize("target", [10.0, 1e3, 1e6])
    def test_poisson_near_its_minimum(self, isa, dtype, target):
        """The error is one of t - y, not of t."""
        net = Network([1, 1], output="exp", loss="poisson", dtype=dtype.name)
        net.set_weights([[[1.0]]], [[0.0]])
        u = unit_roundoff(dtype)
        nearest = dtype.type(np.log(target))
        with mpmath.workdps(60):
            for z in nearest * (1 + u * np.arange(-2000, 2001, 100)):
                z = dtype.type(z)
                true = mpmath.exp(float(z)) - target * (
                    1 - mpmath.log(target) + float(z)
                )
                distance = abs(mpmath.exp(float(z)) - target)
                error = abs(net.loss([[z]], [target]) - true)
                assert error <= 8 * u * float(distance + u * target)

    def test_poisson_of_an_infinite_rate(self, isa, dtype):
        net = Network([1, 1], output="exp", loss="poisson", dtype=dtype.name)
        net.set_weights([[[1.0]]], [[0.0]])
        for target in (0.0, 1.0):
            assert net.loss([[800.0]], [target]) == np.inf

    @pytest.mark.parametrize("scale", [2.0**-140, 1e-30, 1e30, 3e38])
    def test_the_scale_of_the_weights_does_not_matter(self, isa, dtype, scale):
        net = Network([4, 9, 3], dtype=dtype.name, rng=0)
        X = np.random.default_rng(0).normal(size=(20, 4))
        y, weights = np.arange(20) % 3, np.full(20, scale)
        loss, gradient = net.loss_and_gradient(X, y)
        scaled_loss, scaled_gradient = net.loss_and_gradient(X, y, weights)
        u = unit_roundoff(dtype)
        assert_allclose(scaled_loss, loss, rtol=8 * u)
        atol = 8 * u * np.abs(gradient).max()
        assert_allclose(scaled_gradient, gradient, rtol=0, atol=atol)

    @pytest.mark.parametrize("distance", [1e-25, 1e-20, 1e20, 1e30])
    def test_a_distance_that_overflows_when_squared(self, isa, dtype, distance):
        net = Network([1, 2], output="identity", loss="euclidean", dtype=dtype.name)
        net.set_parameters(np.zeros(4))
        y = [[3 * distance, 4 * distance]]
        loss, gradient = net.loss_and_gradient([[1.0]], y)
        assert_allclose(loss, 5 * distance, rtol=1e-6)
        assert_allclose(gradient, [-0.6, -0.8, -0.6, -0.8], rtol=1e-6)

    @pytest.mark.parametrize("output", ["softmax", "sigmoid"])
    def test_log_likelihood(self, dtype, output):
        problem = make_problem([4, 6, 3], "tanh", output, "log_loss", dtype, rows=20)
        got = problem.net.log_likelihood(problem.X, problem.y)
        assert isinstance(got, float)
        wanted = problem.ref.log_likelihood(problem.X, problem.y)
        assert_allclose(got, wanted, rtol=100 * unit_roundoff(dtype))
        assert_allclose(got, -20 * problem.net.loss(problem.X, problem.y), rtol=1e-14)

    def test_log_likelihood_is_the_sum_of_log_p(self):
        net = Network([4, 6, 3], dtype="float64", rng=0)
        X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 3
        log_p = np.log(net.predict(X)[np.arange(20), y])
        assert_allclose(net.log_likelihood(X, y), log_p.sum(), rtol=1e-13)

    def test_log_likelihood_needs_a_distribution(self):
        net = Network([4, 1], output="identity")
        with pytest.raises(ValueError, match="log_loss"):
            net.log_likelihood(np.zeros((2, 4)), np.zeros(2))


class TestEvaluate:
    X = np.random.default_rng(0).normal(size=(60, 4))
    weights = np.random.default_rng(1).uniform(size=60).astype(np.float32)

    def test_classes(self):
        net = Network([4, 6, 3], rng=0)
        y = np.random.default_rng(2).integers(3, size=60)
        for s in (None, self.weights):
            got = net.evaluate(self.X, y, sample_weight=s)
            assert set(got) == {"loss", "accuracy"}
            assert got["loss"] == net.loss(self.X, y, s)
            right = net.classify(self.X) == y
            assert_allclose(got["accuracy"], np.average(right, weights=s), rtol=1e-12)
        assert net.evaluate(self.X, np.eye(3)[y]) == net.evaluate(self.X, y)

    def test_one_sigmoid(self):
        net = Network([4, 6, 1], output="sigmoid", rng=0)
        y = np.random.default_rng(2).integers(2, size=60)
        got = net.evaluate(self.X, y)
        assert_allclose(got["accuracy"], np.mean(net.classify(self.X) == y), rtol=1e-12)

    @pytest.mark.parametrize("n_out", [1, 3])
    def test_regression(self, n_out):
        net = Network([4, 6, n_out], output="identity", dtype="float64", rng=0)
        y = np.random.default_rng(2).normal(size=(60, n_out)) + net.predict(self.X)
        for s in (None, self.weights):
            got = net.evaluate(self.X, y, sample_weight=s)
            assert set(got) == {"loss", "r2"}
            wanted = r2_score(y, net.predict(self.X), sample_weight=s)
            assert_allclose(got["r2"], wanted, rtol=1e-12)

    @pytest.mark.parametrize("n", [3, 7, 10])
    @pytest.mark.parametrize(("met", "score"), [(True, 1.0), (False, 0.0)])
    def test_a_constant_target(self, n, met, score):
        """The mean of equal numbers is not always that number: 0.1 three times."""
        net = Network([1, 1], output="identity", dtype="float64", init="zeros")
        net.set_weights([[[0.0]]], [[0.1 if met else 0.2]])
        assert net.evaluate(np.zeros((n, 1)), np.full(n, 0.1))["r2"] == score
        # Rows without weight do not count.
        y, weights = np.append(np.full(n, 0.1), 5.0), np.append(np.ones(n), 0.0)
        assert net.evaluate(np.zeros((n + 1, 1)), y, weights)["r2"] == score
