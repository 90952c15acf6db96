"""The optimizer steps of mlpcore.reference, against their closed forms."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mlpcore import reference

N_STEPS = 20
rng = np.random.default_rng(40)
START = rng.normal(size=5)
GRADIENTS = rng.normal(size=(N_STEPS, 5))


def run(step, *moments, gradients=GRADIENTS, counted=False, **options):
    """Return START after a step for each gradient, and the last moments."""
    p = START
    for t, g in enumerate(gradients, start=1):
        p, *moments = step(p, g, *moments, *([t] if counted else []), **options)
    return p, moments


def decaying_average(values, decay):
    """Return the explicit sum (1 - decay) sum_i decay^(t - i) values_i at each t."""
    n = len(values)
    powers = [[decay ** (t - i) if i <= t else 0 for i in range(n)] for t in range(n)]
    return (1 - decay) * np.array(powers) @ values


ZERO = np.zeros(5)


class TestSgd:
    def test_plain_is_the_sum_of_gradients(self):
        p, _ = run(reference.sgd_step, ZERO, learning_rate=0.1)
        assert_allclose(p, START - 0.1 * GRADIENTS.sum(axis=0), rtol=1e-13)

    def test_momentum_is_a_geometric_sum(self):
        p, (velocity,) = run(reference.sgd_step, ZERO, learning_rate=0.1, momentum=0.8)
        remaining = np.arange(N_STEPS, 0, -1)  # steps in which gradient i still acts
        reach = (1 - 0.8**remaining) / (1 - 0.8)
        assert_allclose(p, START - 0.1 * reach @ GRADIENTS, rtol=1e-13)
        assert_allclose(velocity, -0.1 * 0.8 ** (remaining - 1) @ GRADIENTS, rtol=1e-13)

    def test_nesterov_is_the_gradient_at_the_point_ahead(self):
        # On |p|^2 / 2, in Nesterov's own form: g is taken at p + momentum velocity.
        ahead, velocity, q, v = START, ZERO, START, ZERO
        for _ in range(N_STEPS):
            ahead, velocity = reference.sgd_step(
                ahead, ahead, velocity, learning_rate=0.1, momentum=0.8, nesterov=True
            )
            v = 0.8 * v - 0.1 * (q + 0.8 * v)
            q = q + v
        assert_allclose(ahead, q + 0.8 * v, rtol=1e-12)


class TestAdam:
    options = {"learning_rate": 0.1, "beta_1": 0.8, "beta_2": 0.95, "epsilon": 1e-3}

    def test_explicit_sums(self):
        t = np.arange(1, N_STEPS + 1)[:, None]
        m_hat = decaying_average(GRADIENTS, 0.8) / (1 - 0.8**t)
        v_hat = decaying_average(GRADIENTS**2, 0.95) / (1 - 0.95**t)
        expected = START - np.sum(0.1 * m_hat / (np.sqrt(v_hat) + 1e-3), axis=0)
        p, _ = run(reference.adam_step, ZERO, ZERO, counted=True, **self.options)
        assert_allclose(p, expected, rtol=1e-12)

    def test_constant_gradient_has_unbiased_moments(self):
        gradients = np.tile(GRADIENTS[0], (N_STEPS, 1))
        p, _ = run(reference.adam_step, ZERO, ZERO, gradients=gradients, counted=True)
        step = 1e-3 * GRADIENTS[0] / (np.abs(GRADIENTS[0]) + 1e-8)
        assert_allclose(p, START - N_STEPS * step, rtol=1e-13)

    def test_adamw_decays_by_itself(self):
        p, _ = run(
            reference.adamw_step,
            ZERO,
            ZERO,
            gradients=np.zeros((N_STEPS, 5)),
            counted=True,
            learning_rate=0.1,
            weight_decay=0.3,
        )
        assert_allclose(p, START * (1 - 0.03) ** N_STEPS, rtol=1e-13)

    def test_adamw_decay_does_not_enter_the_moments(self):
        _, adam = run(reference.adam_step, ZERO, ZERO, counted=True)
        _, adamw = run(reference.adamw_step, ZERO, ZERO, counted=True, weight_decay=0.5)
        assert_array_equal(adam, adamw)

    def test_adamw_without_decay_is_adam(self):
        adam, _ = run(reference.adam_step, ZERO, ZERO, counted=True, **self.options)
        adamw, _ = run(
            reference.adamw_step,
            ZERO,
            ZERO,
            counted=True,
            weight_decay=0.0,
            **self.options,
        )
        assert_array_equal(adam, adamw)


class TestRmsprop:
    def test_explicit_sums(self):
        v = decaying_average(GRADIENTS**2, 0.7)
        expected = START - np.sum(0.1 * GRADIENTS / (np.sqrt(v) + 1e-3), axis=0)
        p, _ = run(
            reference.rmsprop_step, ZERO, learning_rate=0.1, rho=0.7, epsilon=1e-3
        )
        assert_allclose(p, expected, rtol=1e-12)

    def test_defaults(self):
        p, v = reference.rmsprop_step(START, GRADIENTS[0], ZERO)
        assert_allclose(v, 0.1 * GRADIENTS[0] ** 2, rtol=1e-14)
        assert_allclose(p, START - 1e-3 * np.sign(GRADIENTS[0]) / 0.1**0.5, rtol=1e-6)


class TestClip:
    def test_long_gradient_keeps_its_direction(self):
        g = GRADIENTS.ravel()
        clipped = reference.clip_by_norm(g, 0.5)
        assert_allclose(np.linalg.norm(clipped), 0.5, rtol=1e-15)
        assert_allclose(clipped / 0.5, g / np.linalg.norm(g), rtol=1e-14)

    def test_short_gradient_keeps_its_bits(self):
        g = np.array([0.3, -0.4])
        assert_array_equal(reference.clip_by_norm(g, 0.5), g)
        assert_array_equal(reference.clip_by_norm(ZERO, 0.5), ZERO)


ADAM = {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


@pytest.mark.parametrize(
    ("step", "defaults"),
    [
        (
            reference.sgd_step,
            {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
        ),
        (reference.adam_step, ADAM),
        (reference.adamw_step, ADAM | {"weight_decay": 0.01}),
        (reference.rmsprop_step, {"learning_rate": 1e-3, "rho": 0.9, "epsilon": 1e-8}),
    ],
)
def test_defaults_are_those_of_the_public_optimizers(step, defaults):
    options = inspect.signature(step).parameters.values()
    assert {o.name: o.default for o in options if o.kind is o.KEYWORD_ONLY} == defaults


@pytest.mark.parametrize(
    ("step", "moments"),
    [
        (reference.sgd_step, (ZERO,)),
        (reference.rmsprop_step, (ZERO,)),
        (reference.adam_step, (ZERO, ZERO, 1)),
        (reference.adamw_step, (ZERO, ZERO, 1)),
        (reference.clip_by_norm, None),
    ],
)
def test_nothing_changes_in_place(step, moments):
    p, g = START.copy(), GRADIENTS[0].copy()
    result = step(g, 9.9) if moments is None else step(p, g, *moments)
    for array in result if isinstance(result, tuple) else (result,):
        assert not any(np.shares_memory(array, given) for given in (p, g, ZERO))
    assert_array_equal(p, START)
    assert_array_equal(g, GRADIENTS[0])
    assert not ZERO.any()
