"""The network of mlpcore.reference: gradients against the complex step."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mlpcore import reference
from mlpcore.reference import ReferenceNetwork

STEP = 1e-30  # of the complex step

ELEMENTWISE = sorted(reference.activations.ACTIVATIONS)
LOSSES_OVER_OUTPUTS = [
    "squared_error",
    "euclidean",
    "absolute_error",
    ("huber", 0.3),
    ("quantile", 0.8),
]
PAIRS = [
    ("softmax", "log_loss"),
    ("sigmoid", "log_loss"),
    *[(output, "poisson") for output in ("exp", "softplus", "sigmoid")],
    *[(output, loss) for output in ELEMENTWISE for loss in LOSSES_OVER_OUTPUTS],
]


def targets_for(output, loss, rng, shape):
    """Return targets that this output and this loss allow, away from every kink."""
    if output == "softmax":
        return rng.dirichlet(np.ones(shape[1]), size=shape[0])
    if loss == "log_loss":
        return rng.uniform(size=shape)
    return rng.poisson(1.5, shape) if loss == "poisson" else rng.normal(size=shape)


def random_network(rng, sizes, *args, **kwargs):
    net = ReferenceNetwork(sizes, *args, **kwargs)
    net.set_parameters(rng.normal(size=net.get_parameters().size) * 0.7)
    return net


def assert_gradient_is_complex_step(net, *args, rtol=1e-12, **kwargs):
    """Compare each element of the gradient with Im loss(p + i h) / h."""
    p = net.get_parameters()
    loss, gradient = net.loss_and_gradient(*args, **kwargs)
    assert loss == net.loss(*args, **kwargs)
    expected = np.empty_like(p)
    for index in range(p.size):
        net.set_parameters(p + STEP * 1j * (np.arange(p.size) == index))
        moved = net.loss(*args, **kwargs)
        assert_allclose(moved.real, loss, rtol=1e-13)
        expected[index] = moved.imag / STEP
    net.set_parameters(p)
    assert np.linalg.norm(expected) > 1e-3  # there is something to compare
    assert np.linalg.norm(gradient - expected) <= rtol * np.linalg.norm(expected)


class TestGradient:
    @pytest.mark.parametrize(("output", "loss"), PAIRS, ids=str)
    def test_every_output_and_loss(self, output, loss):
        rng = np.random.default_rng(20)
        net = random_network(rng, [3, 5, 4], "tanh", output, loss=loss)
        X = rng.normal(size=(7, 3))
        y = targets_for(output, loss, rng, (7, 4))
        w = rng.uniform(size=7)
        assert_gradient_is_complex_step(net, X, y, sample_weight=w, l2=0.1)

    @pytest.mark.parametrize("activation", ELEMENTWISE)
    @pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
    def test_every_activation(self, activation, output):
        rng = np.random.default_rng(21)
        net = random_network(rng, [3, 5, 4, 2], activation, output)
        net.weights = [w / 2 for w in net.weights]  # exp(exp(z)) stays ordinary
        X = rng.normal(size=(6, 3))
        y = targets_for(output, net.loss_name, rng, (6, 2))
        masks = [rng.integers(0, 2, (6, 5)) / 0.5, None]
        assert_gradient_is_complex_step(net, X, y, l2=0.05, masks=masks)

    @pytest.mark.parametrize("output", ["softmax", "sigmoid"])
    def test_label_smoothing(self, output):
        rng = np.random.default_rng(22)
        net = random_network(rng, [3, 4, 3], ["mish"], output)
        y = np.eye(3)[[0, 1, 2, 1]]
        assert_gradient_is_complex_step(
            net, rng.normal(size=(4, 3)), y, label_smoothing=0.2
        )

    def test_no_hidden_layer_is_linear_regression(self):
        rng = np.random.default_rng(23)
        net = random_network(rng, [3, 2], output="identity")
        X, t = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))
        residual = X @ net.weights[0] + net.biases[0] - t
        loss, gradient = net.loss_and_gradient(X, t)
        assert_allclose(loss, 0.5 * np.sum(residual**2) / 9, rtol=1e-14)
        expected = np.concatenate([(X.T @ residual).ravel(), residual.sum(axis=0)]) / 9
        assert_allclose(gradient, expected, rtol=1e-13)

    def test_hessian_by_complex_step_is_symmetric(self):
        # The gradient itself is analytic in the parameters.
        rng = np.random.default_rng(24)
        net = random_network(rng, [2, 3, 2], "gelu")
        X, p = rng.normal(size=(5, 2)), net.get_parameters()
        columns = []
        for unit in np.eye(p.size):
            net.set_parameters(p + STEP * 1j * unit)
            columns.append(net.loss_and_gradient(X, [0, 1, 1, 0, 1])[1].imag / STEP)
        hessian = np.array(columns)
        assert_allclose(hessian, hessian.T, atol=1e-14 * np.abs(hessian).max())

    @pytest.mark.parametrize("name", ELEMENTWISE)
    def test_the_check_detects_a_wrong_slope(self, name, monkeypatch):
        right = reference.activation(name)
        wrong = right._replace(slope=lambda variable: 1.000001 * right.slope(variable))
        monkeypatch.setitem(reference.activations.ACTIVATIONS, name, wrong)
        rng = np.random.default_rng(25)
        net = random_network(rng, [2, 3, 1], name, "identity")
        X, y = rng.normal(size=(5, 2)), rng.normal(size=5)
        with pytest.raises(AssertionError):
            assert_gradient_is_complex_step(net, X, y)


class TestNetwork:
    def net(self, output="softmax", **kwargs):
        rng = np.random.default_rng(30)
        return random_network(rng, [3, 6, 5, 4], ["tanh", "gelu"], output, **kwargs)

    X = np.random.default_rng(31).normal(size=(8, 3))
    labels = np.array([0, 1, 2, 3, 3, 2, 1, 0])

    def test_forward_is_layer_after_layer(self):
        net = self.net()
        z, y = net.forward(self.X)
        assert [a.shape for a in z] == [a.shape for a in y] == [(8, 6), (8, 5), (8, 4)]
        x = self.X
        for w, b, z_l, y_l, phi in zip(
            net.weights,
            net.biases,
            z,
            y,
            [np.tanh, reference.gelu, reference.softmax],
            strict=True,
        ):
            assert_allclose(z_l, x @ w + b, rtol=1e-14)
            assert_array_equal(y_l, phi(z_l))
            x = y_l
        assert_array_equal(net.predict(self.X), y[-1])

    def test_starts_at_zero(self):
        net = ReferenceNetwork([2, 3, 1])
        assert [w.shape for w in net.weights] == [(2, 3), (3, 1)]
        assert [b.shape for b in net.biases] == [(3,), (1,)]
        assert_array_equal(net.get_parameters(), np.zeros(13))

    def test_parameters_are_weights_row_major_then_biases(self):
        net = ReferenceNetwork([2, 3, 1])
        net.set_parameters(np.arange(13))
        assert_array_equal(net.weights[0], [[0, 1, 2], [3, 4, 5]])
        assert_array_equal(net.biases[0], [6, 7, 8])
        assert_array_equal(net.weights[1], [[9], [10], [11]])
        assert_array_equal(net.biases[1], [12])
        assert_array_equal(net.get_parameters(), np.arange(13))

    def test_set_parameters_copies(self):
        net, flat = ReferenceNetwork([1, 1]), np.array([1.0, 2.0])
        net.set_parameters(flat)
        flat[:] = 0
        assert_array_equal(net.get_parameters(), [1, 2])

    def test_repeating_a_row_is_weighting_it(self):
        times = np.array([1, 2, 3, 1, 5, 1, 1, 2])
        repeated = self.net().loss_and_gradient(
            np.repeat(self.X, times, axis=0), np.repeat(self.labels, times), l2=0.1
        )
        weighted = self.net().loss_and_gradient(
            self.X, self.labels, 0.3 * times, l2=0.1
        )
        assert_allclose(repeated[0], weighted[0], rtol=1e-14)
        assert_allclose(repeated[1], weighted[1], rtol=1e-12, atol=1e-15)

    def test_l2_is_of_weights_only(self):
        net = self.net()
        plain = net.loss(self.X, self.labels)
        squares = sum(np.sum(w**2) for w in net.weights)
        assert_allclose(net.loss(self.X, self.labels, l2=3.0), plain + 1.5 * squares)

    def test_label_smoothing_of_labels(self):
        net = self.net()
        soft = 0.9 * np.eye(4)[self.labels] + 0.1 / 4
        smoothed = net.loss(self.X, self.labels, label_smoothing=0.1)
        assert_allclose(smoothed, net.loss(self.X, soft), rtol=1e-15)
        assert smoothed != net.loss(self.X, self.labels)

    def test_label_smoothing_of_sigmoids(self):
        net, t = self.net("sigmoid"), np.eye(4)[self.labels]
        smoothed = net.loss(self.X, t, label_smoothing=0.1)
        assert_allclose(smoothed, net.loss(self.X, 0.9 * t + 0.05), rtol=1e-15)

    def test_label_smoothing_needs_log_loss(self):
        with pytest.raises(ValueError, match="label_smoothing needs log_loss"):
            self.net("identity").loss(self.X, np.zeros((8, 4)), label_smoothing=0.1)

    def test_a_masked_neuron_is_one_that_is_not_there(self):
        net, without = self.net(), ReferenceNetwork([3, 5, 5, 4], ["tanh", "gelu"])
        without.weights = [net.weights[0][:, 1:], net.weights[1][1:], net.weights[2]]
        without.biases = [net.biases[0][1:], *net.biases[1:]]
        mask = np.ones((8, 6))
        mask[:, 0] = 0
        masked = net.loss(self.X, self.labels, masks=[mask, None])
        assert_allclose(masked, without.loss(self.X, self.labels), rtol=1e-14)

    def test_mask_scales_the_output_of_a_layer(self):
        mask = np.full((8, 5), 2.0)
        _, y = self.net().forward(self.X)
        _, masked = self.net().forward(self.X, [None, mask])
        assert_array_equal(masked[0], y[0])
        assert_array_equal(masked[1], 2 * y[1])

    def test_log_likelihood_is_minus_the_sum_of_losses(self):
        net = self.net()
        p = net.predict(self.X)[np.arange(8), self.labels]
        value = net.log_likelihood(self.X, self.labels)
        assert_allclose(value, np.log(p).sum(), rtol=1e-14)
        assert_allclose(value, -8 * net.loss(self.X, self.labels), rtol=1e-14)

    def test_log_likelihood_of_bernoulli_outputs(self):
        net, t = self.net("sigmoid"), np.eye(4)[self.labels]
        y = net.predict(self.X)
        expected = np.log(np.where(t == 1, y, 1 - y)).sum()
        assert_allclose(net.log_likelihood(self.X, t), expected, rtol=1e-13)

    def test_log_likelihood_needs_log_loss(self):
        with pytest.raises(ValueError, match="needs log_loss, got squared_error"):
            self.net("identity").log_likelihood(self.X, np.zeros((8, 4)))

    def test_one_output_takes_flat_targets(self):
        net = random_network(np.random.default_rng(32), [3, 1], output="sigmoid")
        flat = np.array([0, 1, 1, 0, 1, 0, 0, 1])
        assert net.loss(self.X, flat) == net.loss(self.X, flat[:, None])

    @pytest.mark.parametrize(
        ("output", "y", "message"),
        [
            ("softmax", np.zeros(7, int), r"y has shape \(7,\), expected \(8, 4\)"),
            ("softmax", np.full(8, 4), "labels contain 4, expected 0 to 3"),
            ("identity", np.zeros(8), r"y has shape \(8,\), expected \(8, 4\)"),
            ("sigmoid", np.zeros((8, 3)), r"y has shape \(8, 3\), expected \(8, 4\)"),
        ],
    )
    def test_bad_targets(self, output, y, message):
        with pytest.raises(ValueError, match=message):
            self.net(output).loss(self.X, y)

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match="2 sizes or more"):
            ReferenceNetwork([3])
        with pytest.raises(ValueError, match="there are 2 hidden layers"):
            ReferenceNetwork([3, 4, 5, 2], ["relu"])
        with pytest.raises(ValueError, match=r"flat has shape \(3,\), expected \(2,\)"):
            ReferenceNetwork([1, 1]).set_parameters(np.zeros(3))
        with pytest.raises(ValueError, match=r"sample_weight has shape \(2,\)"):
            self.net().loss(self.X, self.labels, np.ones(2))
