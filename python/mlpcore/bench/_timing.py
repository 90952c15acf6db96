"""Timing of one contestant, inside its own process."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable

# A sample is as many calls as take this long: the clock's own 50 ns do not count then.
_SAMPLE_SECONDS = 200e-6
_LONGEST_REST = 0.5
# Several ticks of the scheduler, which is how often the time of threads that run is
# counted: in a shorter nap a spinning thread looks idle.
_NAP = 0.02


def timed_samples(call: Callable[[], object], seconds: float) -> list[float]:
    """Return the seconds a call takes, measured for a while.

    Parameters
    ----------
    call : callable
        What to time.
    seconds : float
        How long to measure; one sample is taken at least.

    Returns
    -------
    list of float
        Seconds a call, one figure a sample.
    """
    clock = time.perf_counter
    gc.collect()
    gc.disable()
    try:
        # Caches and thread pools have to wake up: a fifth of the time, uncounted.
        shortest = float("inf")
        begin = now = clock()
        while now - begin < seconds / 5 or shortest == float("inf"):
            start = now
            call()
            now = clock()
            shortest = min(shortest, now - start)
        if shortest > seconds:
            return [shortest]  # it takes so long that waking up does not count
        calls = max(1, int(_SAMPLE_SECONDS / max(shortest, 1e-7)))
        samples: list[float] = []
        begin = now = clock()
        while not samples or now - begin < seconds:
            start = clock()
            for _ in range(calls):
                call()
            now = clock()
            samples.append((now - start) / calls)
        return samples
    finally:
        gc.enable()


def rest() -> None:
    """Wait until this process is idle: a thread pool may spin after its work is done.

    What would go on spinning would disturb the contestant that is next.
    """
    end = time.perf_counter() + _LONGEST_REST
    while time.perf_counter() < end:
        used = time.process_time()
        time.sleep(_NAP)
        if time.process_time() - used < _NAP / 4:
            return
