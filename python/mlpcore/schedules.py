"""Learning rates that change while training.

A schedule is called as ``schedule(step, total_steps)`` and returns the learning rate
of that step. Steps are optimizer updates (batches), counted from 0 over the whole
training, and ``total_steps`` is how many there will be. Any callable of these two
arguments may stand in for a schedule; those here are also vectorised, so a whole
epoch's rates cost a few microseconds.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._arguments import check_integer, check_real, set_fields
from ._portable import half_cosine, power

__all__ = [
    "Constant",
    "Cosine",
    "Exponential",
    "InverseScaling",
    "LearningRate",
    "OneCycle",
    "Schedule",
    "Step",
    "learning_rates",
]

FloatArray: TypeAlias = NDArray[np.float64]
LearningRate: TypeAlias = float | Callable[[int, int], float]


class Schedule(ABC):
    """Base of the schedules: a learning rate for every step.

    A subclass writes ``_rates``; calling the schedule and `values` follow from it, so
    a step has the same rate whichever way it is asked for.
    """

    @abstractmethod
    def _rates(self, steps: FloatArray, total_steps: int) -> FloatArray:
        """Return the rates of `steps`, whole numbers as float64, shape (n,)."""

    def __call__(self, step: int, total_steps: int) -> float:
        """Return the learning rate of one step.

        Parameters
        ----------
        step : int
            The step, counted from 0.
        total_steps : int
            How many steps the training will have.

        Returns
        -------
        float
            The learning rate.

        Raises
        ------
        TypeError, ValueError
            If `step` is no number of 0 or more.
        """
        step = check_integer("step", step, 0)
        return float(self._rates(np.array([step], dtype=np.float64), total_steps)[0])

    def values(self, first_step: int, n_steps: int, total_steps: int) -> FloatArray:
        """Return the learning rates of consecutive steps.

        Parameters
        ----------
        first_step : int
            The first step, counted from 0.
        n_steps : int
            How many steps to return.
        total_steps : int
            How many steps the training will have.

        Returns
        -------
        ndarray of float64, shape (n_steps,)
            The learning rates.

        Raises
        ------
        TypeError, ValueError
            If `first_step` is no number of 0 or more.
        """
        first_step = check_integer("first_step", first_step, 0)
        steps = np.arange(first_step, first_step + n_steps, dtype=np.float64)
        return self._rates(steps, total_steps)


@dataclass(frozen=True)
class Constant(Schedule):
    """The same learning rate at every step.

    Parameters
    ----------
    learning_rate : float
        The rate, 0 or more.

    Examples
    --------
    >>> Constant(0.01)(step=5, total_steps=10)
    0.01
    """

    learning_rate: float

    def __post_init__(self) -> None:
        """Check the arguments."""
        rate = check_real("learning_rate", self.learning_rate, 0)
        set_fields(self, learning_rate=rate)

    def _rates(self, steps: FloatArray, total_steps: int) -> FloatArray:
        return np.full(steps.shape, self.learning_rate)


@dataclass(frozen=True)
class InverseScaling(Schedule):
    """``learning_rate / (step + 1) ** power``.

    The shape of scikit-learn's ``learning_rate="invscaling"``. Here time is counted in
    optimizer steps; scikit-learn counts the rows seen so far and changes the rate once
    an epoch, so its rate falls faster for the same ``power``.

    Parameters
    ----------
    learning_rate : float
        The rate of the first step, 0 or more.
    power : float
        0 or more; 0 keeps the rate constant.

    Examples
    --------
    >>> InverseScaling(0.1)(step=3, total_steps=10)
    0.05
    """

    learning_rate: float
    power: float = 0.5

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            learning_rate=check_real("learning_rate", self.learning_rate, 0),
            power=check_real("power", self.power, 0),
        )

    def _rates(self, steps: FloatArray, total_steps: int) -> FloatArray:
        return self.learning_rate / power(steps + 1.0, self.power)


@dataclass(frozen=True)
class Step(Schedule):
    """Multiply the learning rate by ``gamma`` every `step_size` steps.

    Parameters
    ----------
    learning_rate : float
        The rate of the first `step_size` steps, 0 or more.
    step_size : int
        How many optimizer steps (batches, not epochs) between two changes.
    gamma : float
        The factor, more than 0 and at most 1.

    Examples
    --------
    >>> Step(0.1, step_size=100, gamma=0.5)(step=100, total_steps=300)
    0.05
    """

    learning_rate: float
    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            learning_rate=check_real("learning_rate", self.learning_rate, 0),
            step_size=check_integer("step_size", self.step_size, 1),
            gamma=check_real("gamma", self.gamma, 0, 1, closed="right"),
        )

    def _rates(self, steps: FloatArray, total_steps: int) -> FloatArray:
        return self.learning_rate * power(self.gamma, steps // self.step_size)


@dataclass(frozen=True)
class Exponential(Schedule):
    """``learning_rate * gamma ** (step / decay_steps)``.

    Parameters
    ----------
    learning_rate : float
        The rate of the first step, 0 or more.
    gamma : float
        The factor by which the rate falls in ``decay_steps`` steps, more than 0 and at
        most 1.
    decay_steps : int
        In optimizer steps. The default makes ``gamma`` the factor of one step; the
        number of batches in an epoch makes it the factor of one epoch.

    Examples
    --------
    >>> Exponential(0.1, gamma=0.25, decay_steps=10)(step=5, total_steps=100)
    0.05
    """

    learning_rate: float
    gamma: float
    decay_steps: int = 1

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            learning_rate=check_real("learning_rate", self.learning_rate, 0),
            gamma=check_real("gamma", self.gamma, 0, 1, closed="right"),
            decay_steps=check_integer("decay_steps", self.decay_steps, 1),
        )

    def _rates(self, steps: FloatArray, total_steps: int) -> FloatArray:
        return self.learning_rate * power(self.gamma, steps / self.decay_steps)


@dataclass(frozen=True)
class Cosine(Schedule):
    """A linear warm-up, then half a cosine down to ``final_learning_rate``.

    The curve of Loshchilov & Hutter 2017 (SGDR) with one period. No step is wasted on
    a rate of 0: both ends of the curve are one step outside the training.

    Parameters
    ----------
    learning_rate : float
        The highest rate, reached at step ``warmup_steps``; 0 or more.
    warmup_steps : int or float
        How many optimizer steps the warm-up takes; a float below 1 is a share of all
        steps, such as 0.05.
    final_learning_rate : float
        The rate the curve runs down to, from 0 to `learning_rate`.

    Examples
    --------
    >>> schedule = Cosine(0.1, warmup_steps=4)
    >>> schedule.values(0, 5, total_steps=100)
    array([0.02, 0.04, 0.06, 0.08, 0.1 ])
    >>> round(schedule(52, total_steps=100), 6)
    0.05
    """

    learning_rate: float
    warmup_steps: float = 0
    final_learning_rate: float = 0.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        rate = check_real("learning_rate", self.learning_rate, 0)
        warmup: float
        if isinstance(self.warmup_steps, (float, np.floating)):
            if not 0 <= self.warmup_steps < 1:
                raise ValueError(
                    "warmup_steps must be an integer of 0 or more, or a float in "
                    f"[0, 1) for a share of all steps, got {self.warmup_steps}"
                )
            warmup = float(self.warmup_steps)
        else:
            warmup = check_integer("warmup_steps", self.warmup_steps, 0)
        final = check_real(
            "final_learning_rate", self.final_learning_rate, 0, rate, closed="both"
        )
        set_fields(
            self, learning_rate=rate, warmup_steps=warmup, final_learning_rate=final
        )

    def _rates(self, steps: FloatArray, total_steps: int) -> FloatArray:
        warmup = self.warmup_steps
        if isinstance(warmup, float):
            warmup = round(warmup * total_steps)
        rising = self.learning_rate * (steps + 1.0) / (warmup + 1.0)
        # Steps past total_steps, in a training that is continued, stay at the end.
        progress = np.clip((steps - warmup) / max(total_steps - warmup, 1), 0.0, 1.0)
        falling = _anneal(self.learning_rate, self.final_learning_rate, progress)
        return np.where(steps < warmup, rising, falling)


@dataclass(frozen=True)
class OneCycle(Schedule):
    """Up to a high learning rate and down to almost nothing, in one training.

    The one-cycle policy of Smith & Topin 2018 ("Super-convergence"), with cosine
    ramps; the parameters and the rates are those of PyTorch's ``OneCycleLR`` (but a
    rise of less than a step begins at the highest rate). The momentum is left alone.

    Parameters
    ----------
    max_learning_rate : float
        The highest rate, 0 or more.
    pct_start : float
        The share of the steps spent going up, from 0 to 1.
    div_factor : float
        The first rate is ``max_learning_rate / div_factor``; 1 or more.
    final_div_factor : float
        The last rate is the first divided by this; 1 or more.

    Examples
    --------
    >>> schedule = OneCycle(0.5)
    >>> schedule(0, 100), schedule(29, 100), schedule(99, 100)
    (0.02, 0.5, 2e-06)
    """

    max_learning_rate: float
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4

    def __post_init__(self) -> None:
        """Check the arguments."""
        highest = check_real("max_learning_rate", self.max_learning_rate, 0)
        set_fields(
            self,
            max_learning_rate=highest,
            pct_start=check_real("pct_start", self.pct_start, 0, 1, closed="both"),
            div_factor=check_real("div_factor", self.div_factor, 1),
            final_div_factor=check_real("final_div_factor", self.final_div_factor, 1),
        )

    def _rates(self, steps: FloatArray, total_steps: int) -> FloatArray:
        highest = self.max_learning_rate
        first = highest / self.div_factor
        last = first / self.final_div_factor
        peak = max(self.pct_start * total_steps - 1.0, 0.0)  # step of the highest rate
        # The denominators are 0 when a ramp has no steps; np.where drops its values.
        up = np.clip(steps / (peak or 1.0), 0.0, 1.0)
        down = np.clip((steps - peak) / ((total_steps - 1.0 - peak) or 1.0), 0.0, 1.0)
        rising = _anneal(first, highest, up)
        falling = _anneal(highest, last, down)
        return np.where(steps < peak, rising, falling)


def _anneal(start: float, end: float, progress: FloatArray) -> FloatArray:
    """Go from `start` to `end` on half a cosine as `progress` goes from 0 to 1."""
    weight = half_cosine(progress)
    # Weights instead of end + (start - end) * w: exact at both ends.
    return start * weight + end * (1.0 - weight)


def learning_rates(
    rate: LearningRate, first_step: int, n_steps: int, total_steps: int
) -> FloatArray:
    """Return the learning rates of consecutive steps, checked.

    Parameters
    ----------
    rate : float, Schedule or callable
        The learning rate, or what gives it for ``(step, total_steps)``.
    first_step : int
        The first step, counted from 0.
    n_steps : int
        How many steps to return.
    total_steps : int
        How many steps the training will have.

    Returns
    -------
    ndarray of float64, shape (n_steps,)
        The learning rates, all finite and 0 or more.

    Raises
    ------
    ValueError, TypeError
        If a rate is negative, not finite or not a number; the message names the step.

    Examples
    --------
    >>> learning_rates(lambda step, total_steps: 1 / (step + 1), 0, 4, 10)
    array([1.        , 0.5       , 0.33333333, 0.25      ])
    """
    if isinstance(rate, float) and 0 <= rate < math.inf:
        # All are right if one is; and this is done for every epoch of a few us.
        rates = np.empty(n_steps)
        rates.fill(rate)
        return rates
    if isinstance(rate, Schedule):
        rates = np.asarray(rate.values(first_step, n_steps, total_steps), np.float64)
    elif callable(rate):
        steps = range(first_step, first_step + n_steps)
        rates = np.array([_call(rate, step, total_steps) for step in steps], np.float64)
    else:
        rates = np.full(n_steps, rate, dtype=np.float64)
    wrong = ~(np.isfinite(rates) & (rates >= 0))
    if wrong.any():
        index = int(np.argmax(wrong))
        raise ValueError(
            f"learning_rate is {rates[index]} at step {first_step + index} "
            f"of {total_steps}, it must be finite and 0 or more"
        )
    return rates


def _call(rate: Callable[[int, int], float], step: int, total_steps: int) -> float:
    value = rate(step, total_steps)
    try:
        if not isinstance(value, (str, bytes)):  # float() reads them
            return float(value)  # not only floats: np.where gives 0-d arrays
    except OverflowError:  # an int, which the caller takes for what it is
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        pass
    got = f"{value!r} ({type(value).__name__}) at step {step} of {total_steps}"
    raise TypeError(f"learning_rate returned {got}, not a number")
