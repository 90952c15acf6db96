"""L2, clipping, label smoothing, class weights and dropout, seen through one step.

With SGD a step is ``w_new = w - learning_rate g``, so that the gradient which the
Trainer used can be read from the weights.
"""

import numpy as np
import pytest

from mlpcore import Trainer, optim
from mlpcore.reference import clip_by_norm
from support import (
    SMOOTH,
    assert_same_bits,
    complex_step,
    make_problem,
    make_twins,
    random_problem,
)


def gradient_of_a_step(net, X, y, sample_weight=None, **options):
    """Return what a step of SGD with learning rate 1 subtracts, and its loss."""
    trainer = Trainer(net, optimizer=optim.SGD(1.0), **options)
    before = net.get_parameters()
    loss = trainer.step(X, y, sample_weight)
    return before - net.get_parameters(), loss


def assert_close(got, wanted, rtol=1e-12):
    assert np.linalg.norm(wanted) > 1e-3
    assert np.linalg.norm(got - wanted) <= rtol * np.linalg.norm(wanted)


def test_plain_step(isa):
    problem = make_problem([3, 5, 2], "tanh", "softmax", "auto", weighted=True)
    X, y, s = problem.X, problem.y, problem.sample_weight
    wanted_loss, wanted = problem.net.loss_and_gradient(X, y, s)
    got, loss = gradient_of_a_step(problem.net, X, y, s)
    assert_close(got, wanted)
    assert isinstance(loss, float)
    assert loss == pytest.approx(wanted_loss, rel=1e-14)


@pytest.mark.parametrize("seed", range(20))
def test_l2_on_random_networks(seed):
    """``l2 / 2 sum W^2`` is added to the loss; the biases are left alone."""
    problem = random_problem(np.random.default_rng(seed), activations=SMOOTH)
    wanted = complex_step(problem, l2=0.3)
    got, _ = gradient_of_a_step(
        problem.net, problem.X, problem.y, problem.sample_weight, l2=0.3
    )
    assert_close(got, wanted)


def test_l2_float32(isa):
    problem = make_problem([3, 5, 2], "tanh", "softmax", "auto", np.float32)
    _, wanted = problem.ref.loss_and_gradient(problem.X, problem.y, l2=0.3)
    got, _ = gradient_of_a_step(problem.net, problem.X, problem.y, l2=0.3)
    assert_close(got, wanted, rtol=2e-6)


@pytest.mark.parametrize("clip_norm", [0.01, 0.5, 1e3])
@pytest.mark.parametrize("l2", [0.0, 0.1])
def test_clipping(isa, clip_norm, l2):
    """The norm of the whole gradient, penalty included, is at most clip_norm."""
    problem = make_problem([3, 5, 2], "tanh", "identity", "squared_error")
    _, whole = problem.ref.loss_and_gradient(problem.X, problem.y, l2=l2)
    got, _ = gradient_of_a_step(
        problem.net, problem.X, problem.y, l2=l2, clip_norm=clip_norm
    )
    norm = np.linalg.norm(got)
    assert norm == pytest.approx(min(clip_norm, np.linalg.norm(whole)), rel=1e-12)
    assert np.linalg.norm(got - clip_by_norm(whole, clip_norm)) <= 1e-12 * norm + 1e-15


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("smoothing", [0.1, 0.5])
def test_label_smoothing(isa, output, smoothing):
    problem = make_problem([3, 5, 4], "gelu", output, "log_loss", weighted=True)
    X, y, s = problem.X, problem.y, problem.sample_weight
    wanted = complex_step(problem, label_smoothing=smoothing)
    got, loss = gradient_of_a_step(problem.net, X, y, s, label_smoothing=smoothing)
    assert_close(got, wanted)
    smoothed = problem.ref.loss(X, y, s, label_smoothing=smoothing)
    assert loss == pytest.approx(smoothed, rel=1e-13)


def test_label_smoothing_of_labels():
    problem = make_problem([3, 5, 4], "gelu", "softmax", "log_loss")
    labels = np.arange(12) % 4
    _, wanted = problem.ref.loss_and_gradient(problem.X, labels, label_smoothing=0.2)
    got, _ = gradient_of_a_step(problem.net, problem.X, labels, label_smoothing=0.2)
    assert_close(got, wanted)


@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 2.5, 2: 0.5}, {1: 3.0}])
def test_class_weights_multiply_sample_weights(class_weight):
    problem = make_problem([3, 5, 3], "tanh", "softmax", "auto", weighted=True)
    labels = np.arange(12) ** 2 % 3
    factors = np.array([class_weight.get(c, 1.0) for c in labels])
    _, wanted = problem.ref.loss_and_gradient(
        problem.X, labels, problem.sample_weight * factors
    )
    got, _ = gradient_of_a_step(
        problem.net, problem.X, labels, problem.sample_weight, class_weight=class_weight
    )
    assert_close(got, wanted)


class TestDropout:
    RATE = 0.3

    def masks_of_a_step(self, net, rng, n=6):
        """Return the masks of a step for n rows of one layer, and what it subtracted.

        With the rows of a unit matrix as X, row i of dW1 is the dz of example i, which
        is 0 where the neuron was dropped.
        """
        X = np.eye(n)
        y = np.random.default_rng(3).normal(size=(n, net.layer_sizes[-1]))
        got, _ = gradient_of_a_step(net, X, y, rng=rng)
        width = net.layer_sizes[1]
        dw = got[: n * width].reshape(n, width)
        return X, y, (dw != 0) / (1 - self.RATE), got

    @pytest.mark.parametrize("activation", ["identity", "tanh", "gelu", "softplus"])
    def test_gradient_with_its_mask(self, isa, activation):
        net, ref = make_twins(
            [6, 40, 2],
            activation,
            "identity",
            "squared_error",
            rng=0,
            dropout=self.RATE,
        )
        X, y, mask, got = self.masks_of_a_step(net, rng=5)
        assert 0.5 < np.mean(mask != 0) < 0.9
        _, wanted = ref.loss_and_gradient(X, y, masks=[mask])
        assert_close(got, wanted)

    def test_two_layers_with_their_own_rates(self):
        net, ref = make_twins(
            [6, 40, 9, 2],
            "tanh",
            "identity",
            "squared_error",
            rng=0,
            dropout=[self.RATE, 0.0],
        )
        X, y, mask, got = self.masks_of_a_step(net, rng=5)
        assert 0.5 < np.mean(mask != 0) < 0.9
        _, wanted = ref.loss_and_gradient(X, y, masks=[mask, None])
        assert_close(got, wanted)

    def test_statistics(self, dtype):
        """The share that stays, and no pattern over neurons, rows or steps."""
        width, n = 3000, 6
        net, _ = make_twins(
            [n, width, 1],
            "identity",
            "identity",
            "squared_error",
            dtype,
            rng=0,
            dropout=self.RATE,
        )
        kept = []
        for seed in range(4):
            _, _, mask, _ = self.masks_of_a_step(net.copy(), rng=seed, n=n)
            kept.append((mask != 0).astype(float) - (1 - self.RATE))
        kept = np.array(kept) / np.sqrt(self.RATE * (1 - self.RATE))  # (seed, row, j)
        limit = 4.5 / np.sqrt(kept.size)
        assert abs(kept.mean()) < limit
        for lag in (1, 2, 4, 8, 16):
            assert abs((kept[..., lag:] * kept[..., :-lag]).mean()) < limit * 1.1
        assert abs((kept[:, 1:] * kept[:, :-1]).mean()) < limit * 1.2
        assert abs((kept[1:] * kept[:-1]).mean()) < limit * 1.2

    def test_changes_from_step_to_step(self):
        net, _ = make_twins(
            [6, 200, 1], "identity", "identity", "squared_error", dropout=self.RATE
        )
        trainer = Trainer(net, optimizer=optim.SGD(0.0), rng=0)
        X, y = np.eye(6), np.ones(6)
        losses = [trainer.step(X, y) for _ in range(20)]
        assert len(set(losses)) == 20

    def test_is_reproducible_from_the_seed(self):
        def masks(rng):
            net, _ = make_twins(
                [6, 50, 1], "identity", "identity", "squared_error", dropout=self.RATE
            )
            return self.masks_of_a_step(net, rng)[2]

        assert_same_bits(masks(1), masks(1))
        assert not np.array_equal(masks(1), masks(2))

    def test_rate_0_is_none(self):
        steps = []
        for options in ({}, {"dropout": 0.0}, {"dropout": [0.0]}):
            net, _ = make_twins([6, 9, 2], "tanh", "softmax", "auto", rng=0, **options)
            steps.append(gradient_of_a_step(net, np.eye(6), np.arange(6) % 2, rng=0)[0])
        assert_same_bits(steps[1], steps[0])
        assert_same_bits(steps[2], steps[0])
