"""Every parameter's gradient, against complex steps of the reference."""

import numpy as np
import pytest

from mlpcore import ops
from support import (
    ACTIVATIONS,
    KINKED,
    PAIRS,
    SMOOTH,
    SMOOTH_PAIRS,
    complex_step,
    make_problem,
    make_twins,
    random_problem,
)


def distance_from_kinks(problem):
    """Return how near to 0 any field of a relu or its kind comes."""
    z, _ = problem.ref.forward(problem.X)
    names = [*problem.ref.activations, problem.ref.output]
    fields = [field for field, name in zip(z, names, strict=True) if name in KINKED]
    return min((np.abs(field).min() for field in fields), default=np.inf)


def assert_gradient(problem, rtol=1e-12):
    assert distance_from_kinks(problem) > 1e-10
    _, got = problem.net.loss_and_gradient(problem.X, problem.y, problem.sample_weight)
    wanted = complex_step(problem)
    norm = np.linalg.norm(wanted)
    assert np.linalg.norm(got - wanted) <= rtol * norm
    return norm


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_pair_of_output_and_loss(output, loss):
    problem = make_problem([3, 4, 3], "tanh", output, loss, rows=7, weighted=True)
    assert assert_gradient(problem) > 1e-3


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_hidden_activation(isa, activation):
    problem = make_problem([3, 5, 4, 2], activation, "softmax", "auto", weighted=True)
    assert assert_gradient(problem) > 1e-3


@pytest.mark.parametrize("seed", range(30))
def test_smooth_random_networks(seed):
    """30 times 10 networks over smooth activations, all losses, with weights."""
    rng = np.random.default_rng(seed)
    for _ in range(10):
        assert_gradient(random_problem(rng, activations=SMOOTH, pairs=SMOOTH_PAIRS))


@pytest.mark.parametrize("seed", range(5))
def test_random_networks_with_kinks(seed):
    rng = np.random.default_rng(100 + seed)
    for _ in range(10):
        assert_gradient(random_problem(rng, activations=KINKED))


def test_more_rows_than_a_chunk(isa):
    """Chunks of 256 rows are added up."""
    for rows in (255, 256, 257, 700):
        problem = make_problem(
            [2, 3, 2], "gelu", "softmax", "auto", rows=rows, weighted=True
        )
        assert_gradient(problem)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_slope_at_the_kink(isa, dtype, activation):
    """At z = 0 the slope is that of z < 0."""
    net, _ = make_twins([1, 1, 1], activation, "identity", "squared_error", dtype, 0)
    net.set_weights([[[1.0]], [[1.0]]], [[0.0], [0.0]])
    _, gradient = net.loss_and_gradient([[0.0]], [-1.0])
    slope = {"relu": 0.0, "leaky_relu": 0.01}[activation]
    np.testing.assert_allclose(gradient, [0, slope, 0, 1], rtol=1e-6)


@pytest.mark.parametrize("output", ["identity", "tanh"])
def test_euclidean_at_distance_0(isa, dtype, output):
    """Where the distance has no gradient, it is 0 and not NaN."""
    net, _ = make_twins([2, 3], [], output, "euclidean", dtype, 0)
    X = np.random.default_rng(0).normal(size=(4, 2)).astype(dtype)
    loss, gradient = net.loss_and_gradient(X, net.predict(X))
    assert loss == 0
    np.testing.assert_array_equal(gradient, 0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_float32_is_near_float64(isa, activation):
    """Within 2e-6 of the gradient's norm."""
    for seed, (output, loss) in enumerate(
        [
            ("softmax", "log_loss"),
            ("sigmoid", "log_loss"),
            ("identity", "squared_error"),
        ]
    ):
        single = make_problem(
            [20, 32, 24, 5], activation, output, loss, np.float32, seed, rows=50
        )
        double, _ = make_twins([20, 32, 24, 5], activation, output, loss)
        double.set_parameters(single.net.get_parameters())
        _, got = single.net.loss_and_gradient(single.X, single.y)
        _, wanted = double.loss_and_gradient(single.X, single.y)
        assert np.linalg.norm(got - wanted) <= 2e-6 * np.linalg.norm(wanted)
        assert np.any(got != wanted)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_saturated_outputs_still_learn(isa, dtype, output):
    """Where y rounds to 1, the gradient is the small rest, not 0."""
    n_out = 2 if output == "softmax" else 1
    net, _ = make_twins([1, n_out], [], output, "log_loss", dtype, 0)
    rest = 1e-10 if dtype == np.float32 else 1e-20
    z = -np.log(rest)
    w = [[0.0, z]] if output == "softmax" else [[z]]
    net.set_weights([w], [np.zeros(n_out)])
    y = np.array([1])
    assert net.predict([[1.0]])[0, -1] == 1
    loss, gradient = net.loss_and_gradient([[1.0]], y)
    assert loss == pytest.approx(rest, rel=1e-5)
    assert gradient[-1] == pytest.approx(-rest, rel=1e-5)


def test_dense_backward_is_the_gradient_of_a_layer():
    """The op and the network are the same arithmetic: same bits, one layer, one row."""
    net, _ = make_twins([6, 3], [], "tanh", "squared_error", rng=1)
    x = np.random.default_rng(0).normal(size=(1, 6))
    (w,), (b,) = net.weights, net.biases
    y = ops.dense(x, w, b, "tanh")
    t = np.zeros((1, 3))
    _, dw, db = ops.dense_backward(y - t, x, w, y, "tanh")
    _, gradient = net.loss_and_gradient(x, t)
    np.testing.assert_allclose(
        gradient, np.concatenate([dw.ravel(), db]), rtol=1e-15, atol=1e-16
    )
