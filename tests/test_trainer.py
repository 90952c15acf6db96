"""Trainer: steps of each optimizer, the gradient hook, and what it keeps."""

import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mlpcore import DivergenceError, Network, Trainer, optim, reference, schedules
from support import assert_same_bits, blobs, make_problem

N_STEPS = 8


class ReferenceOptimizer:
    """The steps of `mlpcore.reference`, with the moments they need."""

    def __init__(self, optimizer):
        self.options = {
            name: value
            for name, value in vars(optimizer).items()
            if name != "learning_rate"
        }
        self.kind = type(optimizer).__name__
        self.m = self.v = 0.0
        self.t = 0

    def step(self, p, g, learning_rate):
        options = dict(self.options, learning_rate=learning_rate)
        self.m, self.v = self.m + np.zeros_like(p), self.v + np.zeros_like(p)
        self.t += 1
        if self.kind == "SGD":
            p, self.m = reference.sgd_step(p, g, self.m, **options)
        elif self.kind == "RMSprop":
            p, self.v = reference.rmsprop_step(p, g, self.v, **options)
        else:
            one = reference.adam_step if self.kind == "Adam" else reference.adamw_step
            p, self.m, self.v = one(p, g, self.m, self.v, self.t, **options)
        return p


OPTIMIZERS = [
    optim.SGD(0.1),
    optim.SGD(0.1, momentum=0.9),
    optim.SGD(0.1, momentum=0.8, nesterov=True),
    optim.Adam(0.05),
    optim.Adam(0.05, beta_1=0.5, beta_2=0.9, epsilon=1e-3),
    optim.AdamW(0.05),
    optim.AdamW(0.05, beta_1=0.7, weight_decay=0.5),
    optim.RMSprop(0.02),
    optim.RMSprop(0.02, rho=0.5, epsilon=1e-2),
]
IDS = [f"{type(o).__name__}{i}" for i, o in enumerate(OPTIMIZERS)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=IDS)
class TestOptimizers:
    def test_steps_are_the_reference_s(self, isa, optimizer):
        """Full-batch steps in float64, to 1e-12 of the parameters."""
        problem = make_problem([4, 7, 3], "gelu", "softmax", "auto", weighted=True)
        trainer = Trainer(problem.net, optimizer, l2=0.05, clip_norm=0.5)
        model, twin = ReferenceOptimizer(optimizer), problem.ref
        p = twin.get_parameters()
        for _ in range(N_STEPS):
            _, g = twin.loss_and_gradient(
                problem.X, problem.y, problem.sample_weight, l2=0.05
            )
            g = reference.clip_by_norm(g, 0.5)
            p = model.step(p, g, optimizer.learning_rate)
            twin.set_parameters(p)
            trainer.step(problem.X, problem.y, problem.sample_weight)
            got = problem.net.get_parameters()
            assert np.linalg.norm(got - p) <= 1e-12 * np.linalg.norm(p)

    def test_fit_is_the_same_steps(self, optimizer):
        problem = make_problem([4, 7, 3], "gelu", "softmax", "auto", weighted=True)
        stepped = problem.net.copy()
        trainer = Trainer(stepped, optimizer)
        for _ in range(N_STEPS):
            trainer.step(problem.X, problem.y, problem.sample_weight)
        problem.net.fit(
            problem.X,
            problem.y,
            sample_weight=problem.sample_weight,
            epochs=N_STEPS,
            batch_size=100,
            shuffle=False,
            optimizer=optimizer,
        )
        assert_same_bits(problem.net.get_parameters(), stepped.get_parameters())

    def test_float32_follows(self, isa, optimizer):
        problem = make_problem([4, 7, 3], "gelu", "softmax", "auto", np.float32)
        model, twin = ReferenceOptimizer(optimizer), problem.ref
        trainer = Trainer(problem.net, optimizer)
        p = twin.get_parameters()
        for _ in range(N_STEPS):
            _, g = twin.loss_and_gradient(problem.X, problem.y)
            p = model.step(p, g, optimizer.learning_rate)
            twin.set_parameters(p)
            trainer.step(problem.X, problem.y)
        got = problem.net.get_parameters()
        # Where a gradient is small, Adam's quotient of it by itself is as inexact as it
        # is: 1e-4 of the parameters still tells a wrong step from a right one.
        assert np.linalg.norm(got - p) <= 1e-4 * np.linalg.norm(p)

    def test_moves_only_while_there_is_a_gradient(self, optimizer):
        """A parameter no row reaches stays where it is, decay apart."""
        net = Network([3, 2], output="identity", dtype="float64", rng=0)
        before = net.weights[0][2].copy()
        X, y = np.array([[1.0, -2, 0], [0.5, 1, 0]]), np.ones((2, 2))
        trainer = Trainer(net, optimizer)
        for _ in range(3):
            trainer.step(X, y)
        rate = optimizer.learning_rate * getattr(optimizer, "weight_decay", 0.0)
        assert_allclose(net.weights[0][2], before * (1 - rate) ** 3, rtol=1e-14)


def test_learning_rate_schedule_step_by_step():
    """SGD with rate r(step): the weights show every rate."""
    X, y = np.ones((1, 1)), np.zeros(1)
    net = Network([1, 1], output="identity", dtype="float64")
    net.set_parameters([1.0, 0.0])
    asked = []

    def rate(step, total_steps):
        asked.append((step, total_steps))
        return 0.01 * (step + 1)

    trainer = Trainer(net, optim.SGD(rate))
    w, b = 1.0, 0.0
    trainer.fit(X, y, epochs=4, batch_size=1)
    for step in range(4):
        r = 0.01 * (step + 1) * (w + b)
        w, b = w - r, b - r
    assert_allclose(net.get_parameters(), [w, b], rtol=1e-12)
    assert [step for step, _ in asked] == [0, 1, 2, 3]
    assert {total for _, total in asked} == {4}


@pytest.mark.parametrize(
    "schedule", [schedules.Cosine(0.1, 5), schedules.OneCycle(0.1)]
)
def test_a_schedule_and_a_function_of_the_same_rates(schedule):
    X, y = blobs(64)
    nets = [Network([5, 8, 3], rng=0) for _ in range(2)]
    rates = [schedule, lambda step, total: schedule(step, total)]
    for net, rate in zip(nets, rates, strict=True):
        net.fit(X, y, epochs=4, batch_size=16, optimizer=optim.SGD(rate), rng=1)
    assert_same_bits(nets[1].get_parameters(), nets[0].get_parameters())


class TestStep:
    def test_returns_the_loss_before_the_update(self, isa, dtype):
        problem = make_problem([4, 7, 3], "tanh", "softmax", "auto", dtype)
        X, y = problem.X, problem.y
        trainer = Trainer(problem.net, optim.SGD(0.5))
        for _ in range(3):
            wanted = problem.net.loss(X, y)
            got = trainer.step(X, y)
            assert isinstance(got, float)
            assert_allclose(got, wanted, rtol=1e-14)
        assert problem.net.loss(X, y) < got

    def test_trains_in_place(self):
        net = Network([5, 3], rng=0)
        X, y = blobs(8)
        trainer = Trainer(net)
        assert trainer.network is net
        before = net.predict(X)
        trainer.step(X, y)
        assert not np.array_equal(net.predict(X), before)

    def test_sees_weights_that_were_set_meanwhile(self):
        """The transposed copy which the backward pass uses is kept in step."""
        problem = make_problem([4, 9, 6, 3], "tanh", "softmax", "auto")
        X, y = problem.X, problem.y
        trainer = Trainer(problem.net, optim.SGD(1.0))
        trainer.step(X, y)
        other = make_problem([4, 9, 6, 3], "tanh", "softmax", "auto", seed=5).net
        problem.net.set_weights(other.weights, other.biases)
        trainer.step(X, y)
        _, gradient = other.loss_and_gradient(X, y)
        wanted = other.get_parameters() - gradient
        assert_allclose(problem.net.get_parameters(), wanted, rtol=1e-12)

    def test_two_trainers_of_one_network(self):
        """Each has its own moments; both see the other's updates."""
        problem = make_problem([4, 9, 3], "tanh", "softmax", "auto")
        X, y = problem.X, problem.y
        a, b = [Trainer(problem.net, optim.SGD(1.0)) for _ in range(2)]
        for trainer in (a, b, a, b):
            before = problem.net.get_parameters()
            _, gradient = problem.net.loss_and_gradient(X, y)
            trainer.step(X, y)
            assert_allclose(
                problem.net.get_parameters(), before - gradient, rtol=1e-12, atol=1e-14
            )

    def test_a_network_taken_up_again_by_another_optimizer(self):
        X, y = blobs()
        net = Network([5, 8, 3], rng=0)
        losses = [net.loss(X, y)]
        for optimizer in ("sgd", "adam", "rmsprop"):
            net.fit(X, y, epochs=3, optimizer=optimizer, rng=0)
            losses.append(net.loss(X, y))
        assert losses == sorted(losses, reverse=True)


class TestLargeGradients:
    """Their squares overflow: nanoseconds as a feature, in float32."""

    def test_are_clipped_to_the_norm(self, isa, dtype):
        big = 1.7e18 if dtype == np.float32 else 1e150
        net = Network([1, 1], output="identity", dtype=dtype.name)
        net.set_weights([[[1.0]]], [[0.0]])
        before = net.get_parameters()
        trainer = Trainer(net, optim.SGD(0.25), l2=0.5, clip_norm=1.0)
        trainer.step([[big]], [0.0])
        step = net.get_parameters() - before
        assert_allclose(step, [-0.25, 0], atol=1e-6)

    @pytest.mark.parametrize("optimizer", ["adam", "rmsprop"])
    def test_that_make_a_moment_infinite_are_a_divergence(self, optimizer):
        """Or the weight would not move any more, in silence."""
        net = Network([1, 1], output="identity", rng=0)
        before = net.get_parameters()
        trainer = Trainer(net, optimizer)
        for call in (trainer.step, trainer.fit):
            with pytest.raises(DivergenceError, match="a moment of the optimizer"):
                call([[1.7e18]], [0.0])
            assert_same_bits(net.get_parameters(), before)
        trainer.step([[1.0]], [9.0])
        assert (net.get_parameters() != before).all()


def test_the_network_and_the_optimizer_stay():
    trainer = Trainer(Network([2, 2], rng=0))
    for name in ("network", "optimizer"):
        with pytest.raises(AttributeError):
            setattr(trainer, name, getattr(trainer, name))


def test_an_epsilon_that_the_first_step_makes_0():
    adam = optim.Adam(beta_2=1 - 1.2e-16, epsilon=1.2e-38)
    with pytest.raises(ValueError, match=r"epsilon must be 1\..*e-30 or more"):
        Trainer(Network([2, 2]), adam)


class TestGradientHook:
    def test_sees_the_gradient(self, isa, dtype):
        problem = make_problem([4, 7, 3], "tanh", "softmax", "auto", dtype)
        seen = []
        trainer = Trainer(
            problem.net, optim.SGD(0.0), gradient_hook=lambda g: seen.append(g.copy())
        )
        _, wanted = problem.net.loss_and_gradient(problem.X, problem.y)
        trainer.step(problem.X, problem.y)
        assert len(seen) == 1
        assert seen[0].dtype == dtype
        assert seen[0].ndim == 1
        # In an internal order, and padded: the same numbers, and zeros.
        got = np.sort(seen[0][seen[0] != 0])
        rtol = 1e-12 if dtype == np.float64 else 1e-4
        assert_allclose(got, np.sort(wanted[wanted != 0]), rtol=rtol, atol=1e-7)

    def test_an_array_that_it_keeps_stays_in_memory(self, isa, dtype):
        """Its numbers are those of a later step, but they are somebody's own."""
        problem = make_problem([4, 7, 3], "tanh", "softmax", "auto", dtype)
        kept = []
        trainer = Trainer(problem.net, gradient_hook=kept.append)
        trainer.step(problem.X, problem.y)
        [gradient] = kept
        assert gradient.base is trainer._core
        alive = weakref.ref(trainer._core)
        del trainer
        assert alive() is not None
        gradient[:] = 7
        del gradient, kept[:]
        assert alive() is None

    def test_what_it_writes_is_what_is_used(self, isa, dtype):
        problem = make_problem([4, 7, 3], "tanh", "softmax", "auto", dtype)
        updates = []
        for factor in (1, -2, 0):
            net = problem.net.copy()

            def scale(gradient, factor=factor):
                gradient *= factor

            before = net.get_parameters()
            trainer = Trainer(net, optim.SGD(0.25), gradient_hook=scale)
            trainer.step(problem.X, problem.y)
            updates.append(net.get_parameters() - before)
        atol = 4 * np.finfo(dtype).eps
        assert_allclose(updates[1], -2 * updates[0], rtol=1e-6, atol=atol)
        assert_array_equal(updates[2], 0)

    @pytest.mark.parametrize("width", [16, 17])
    def test_what_it_writes_to_the_padding_is_of_no_consequence(self, width):
        X, y = blobs(64, n_in=4, n_classes=width)
        net = Network([4, width, width], rng=0)
        before = net.get_parameters()

        def all_ones(gradient):
            gradient[:] = 1

        trainer = Trainer(net, optim.SGD(1.0), clip_norm=1, gradient_hook=all_ones)
        trainer.step(X, y)
        step = net.get_parameters() - before
        assert_allclose(np.linalg.norm(step), 1, rtol=1e-5)

    def test_averaging_two_halves_is_a_whole_batch(self):
        """What data-parallel training does, with one process for both halves."""
        problem = make_problem([4, 7, 3], "tanh", "softmax", "auto", rows=20)
        X, y = problem.X, problem.y
        whole, half = problem.net.copy(), problem.net.copy()
        gradients = []
        spy = Trainer(
            problem.net.copy(),
            optim.SGD(0.0),
            gradient_hook=lambda g: gradients.append(g.copy()),
        )
        spy.step(X[:10], y[:10])

        def all_reduce(gradient):
            gradient += gradients[0]
            gradient /= 2

        Trainer(half, optim.SGD(1.0), gradient_hook=all_reduce).step(X[10:], y[10:])
        Trainer(whole, optim.SGD(1.0)).step(X, y)
        assert_allclose(half.get_parameters(), whole.get_parameters(), rtol=1e-12)

    def test_an_error_in_it_keeps_the_weights_of_the_last_batch(self):
        X, y = blobs(64)
        wanted = Network([5, 8, 3], rng=0)
        trainer = Trainer(wanted, optim.Adam())
        for start in (0, 8, 16):
            trainer.step(X[start : start + 8], y[start : start + 8])

        calls = []

        def fail(gradient):
            gradient[:] *= 1  # writable even in the failing call
            calls.append(1)
            if len(calls) == 4:
                raise LookupError("no network today")

        net = Network([5, 8, 3], rng=0)
        trainer = Trainer(net, optim.Adam(), gradient_hook=fail)
        with pytest.raises(LookupError, match="today"):
            trainer.fit(X, y, batch_size=8, shuffle=False)
        assert_same_bits(net.get_parameters(), wanted.get_parameters())
        trainer.fit(X, y, epochs=2)
        net.fit(X, y, epochs=1)
        assert np.isfinite(net.get_parameters()).all()

    def test_is_not_called_without_a_backward_pass(self):
        calls = []
        X, y = blobs(20)
        net = Network([5, 3], rng=0)
        Trainer(net, gradient_hook=calls.append)
        net.predict(X)
        net.loss_and_gradient(X, y)
        net.evaluate(X, y)
        assert calls == []
