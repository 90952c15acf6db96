"""Learning rates: their curves, by step and by the array."""

import math
import pickle

import numpy as np
import pytest

from mlpcore import schedules
from mlpcore.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    Step,
    learning_rates,
)

ALL = [
    Constant(0.1),
    InverseScaling(0.1, power=0.7),
    Step(0.1, step_size=7, gamma=0.3),
    Exponential(0.1, gamma=0.9, decay_steps=13),
    Cosine(0.1),
    Cosine(0.1, warmup_steps=11, final_learning_rate=0.01),
    Cosine(0.1, warmup_steps=0.25),
    OneCycle(0.1),
    OneCycle(0.1, pct_start=0.0),
    OneCycle(0.1, pct_start=1.0),
]


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("total", [1, 2, 3, 100])
def test_values_are_the_calls_to_the_bit(schedule, total):
    # Training in pieces must see the same rates as training in one go.
    expected = [schedule(step, total) for step in range(total)]
    assert schedule.values(0, total, total).tolist() == expected
    n = total // 3
    assert schedule.values(n, total - n, total).tolist() == expected[n:]
    assert schedule.values(0, 0, total).shape == (0,)


@pytest.mark.parametrize("schedule", ALL, ids=repr)
@pytest.mark.parametrize("total", [1, 2, 3, 100])
def test_rates_stay_between_0_and_the_highest_also_past_the_end(schedule, total):
    rates = learning_rates(schedule, 0, 2 * total + 5, total)
    assert rates.dtype == np.float64
    assert rates.min() >= 0
    assert rates.max() <= 0.1


def test_inverse_scaling():
    rates = InverseScaling(0.5, power=0.5).values(0, 9, 9)
    np.testing.assert_allclose(rates, [0.5 / math.sqrt(t) for t in range(1, 10)])


def test_step():
    rates = Step(1.0, step_size=3, gamma=0.5).values(0, 7, 7)
    assert rates.tolist() == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]


def test_exponential():
    assert Exponential(1.0, gamma=0.5).values(0, 4, 4).tolist() == [1, 0.5, 0.25, 0.125]
    assert Exponential(1.0, gamma=0.25, decay_steps=4)(2, 100) == 0.5


def test_cosine_warms_up_in_equal_increments_and_falls_to_the_final_rate():
    total, warmup = 110, 10
    rates = Cosine(1.0, warmup, final_learning_rate=0.2).values(0, total + 1, total)
    np.testing.assert_allclose(rates[: warmup + 1], np.arange(1, 12) / 11)
    assert rates[warmup] == 1.0
    np.testing.assert_allclose(rates[60], 0.6)  # half-way down
    assert (np.diff(rates[warmup:]) < 0).all()
    assert 0.2 < rates[total - 1] < 0.201
    assert rates[total] == 0.2


def test_cosine_warmup_as_a_share_of_all_steps():
    share, steps = Cosine(1.0, warmup_steps=0.05), Cosine(1.0, warmup_steps=10)
    assert (share.values(0, 200, 200) == steps.values(0, 200, 200)).all()


def test_one_cycle_has_the_rates_of_pytorch():
    # torch.optim.lr_scheduler.OneCycleLR(max_lr=1, total_steps=10) by its formula:
    # ramps end at steps 0.3 * 10 - 1 = 2 and 10 - 1 = 9.
    def ramp(start, end, share):
        return end + (start - end) / 2 * (1 + math.cos(math.pi * share))

    first, last = 1 / 25, 1 / 25 / 1e4
    expected = [ramp(first, 1, t / 2) for t in range(2)]
    expected += [ramp(1, last, t / 7) for t in range(8)]
    rates = OneCycle(1.0).values(0, 10, 10)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    assert rates[2] == 1.0
    assert rates[9] == last


def test_learning_rates_of_a_float_and_of_a_callable():
    assert learning_rates(0.25, 3, 4, 10).tolist() == [0.25] * 4
    calls = []

    def rate(step, total_steps):
        calls.append((step, total_steps))
        return np.float32(0.5)

    assert learning_rates(rate, 3, 2, 10).tolist() == [0.5, 0.5]
    assert calls == [(3, 10), (4, 10)]


@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_bad_rate_names_its_step(bad):
    with pytest.raises(ValueError, match=f"learning_rate is {bad} at step 5 of 10"):
        learning_rates(lambda step, total: bad if step == 5 else 0.1, 4, 3, 10)


def test_a_callable_may_return_what_float_understands():
    rates = learning_rates(lambda s, total: np.where(s < 1, 1.0, 0.5), 0, 2, 2)
    assert rates.tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    ("value", "got"), [(None, r"None \(NoneType\)"), ("0.1", r"'0.1' \(str\)")]
)
def test_a_callable_that_returns_no_number(value, got):
    with pytest.raises(TypeError, match=f"returned {got} at step 2 of 10"):
        learning_rates(lambda step, total: value, 2, 1, 10)


def test_a_callable_that_returns_an_int_beyond_floats():
    with pytest.raises(ValueError, match="learning_rate is -inf at step 2 of 10"):
        learning_rates(lambda step, total: -(10**400), 2, 1, 10)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(-1), r"learning_rate must be in \[0, inf\), got -1"),
        (lambda: InverseScaling(0.1, -1), r"power must be in \[0, inf\)"),
        (lambda: Step(0.1, 0), "step_size must be an integer of 1 or more, got 0"),
        (lambda: Step(0.1, 5, gamma=0), r"gamma must be in \(0, 1\], got 0"),
        (lambda: Exponential(0.1, 1.5), r"gamma must be in \(0, 1\], got 1.5"),
        (lambda: Exponential(0.1, 0.9, 0), "decay_steps must be an integer of 1"),
        (lambda: Cosine(0.1, -1), "warmup_steps must be an integer of 0 or more"),
        (lambda: Cosine(0.1, 1.5), r"warmup_steps must .* a float in \[0, 1\)"),
        (lambda: Cosine(0.1, 0, 0.2), r"final_learning_rate must be in \[0, 0.1\]"),
        (lambda: OneCycle(math.nan), r"max_learning_rate must be in \[0, inf\)"),
        (lambda: OneCycle(0.1, pct_start=1.1), r"pct_start must be in \[0, 1\]"),
        (lambda: OneCycle(0.1, div_factor=0.5), r"div_factor must be in \[1, inf\)"),
        (lambda: OneCycle(0.1, final_div_factor=0), "final_div_factor must be in"),
    ],
)
def test_values_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_picklable_hashable_and_equal(schedule):
    copy = pickle.loads(pickle.dumps(schedule))
    assert copy == schedule
    assert hash(copy) == hash(schedule)


def test_a_schedule_of_ones_own():
    class Halves(schedules.Schedule):
        def _rates(self, steps, total_steps):
            return 0.5**steps

    assert Halves()(3, 10) == 0.125
    assert learning_rates(Halves(), 0, 3, 10).tolist() == [1, 0.5, 0.25]


@pytest.mark.parametrize("schedule", ALL, ids=repr)
def test_there_is_no_step_before_the_first(schedule):
    with pytest.raises(ValueError, match=r"step.*-1"):
        schedule(-1, 10)
    with pytest.raises(ValueError, match=r"first_step.*-1"):
        schedule.values(-1, 3, 10)
