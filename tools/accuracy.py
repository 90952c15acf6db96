"""Accuracy and speed of elementary functions in float32: mlpcore and other libraries.

    python tools/accuracy.py                 all 2^32 inputs (hours)
    python tools/accuracy.py --fast          every 4099th, a minute
    python tools/accuracy.py --functions exp gelu --libraries mlpcore torch --stride 17

The twin of tests/cpp/accuracy.cpp for what can be reached from Python. Results are
compared with float64. An error is in ULP of the correctly rounded result, subnormal
results included. The tables are in Markdown; a time is that of the call which a user
makes, on arrays that stay in the L1 cache, and so has the call's own cost in it.
"""

import argparse
import functools
import math
import multiprocessing
import os
import time
from dataclasses import dataclass, field

import numpy as np
from elementary_functions import (
    HELD_ABSOLUTELY,
    LOADERS,
    NOT_MONOTONE,
    REFERENCES,
    load,
)

FAST_STRIDE = 4099
BLOCK = 1 << 15  # inputs whose arrays stay in the cache
TASK = 32 * BLOCK  # inputs of a process at a time
SMALL = 1e-6  # where gelu and mish are held to an absolute error


# The measure.


def ordered(place):
    """Return the float32 at a place in ascending order.

    Parameters
    ----------
    place : ndarray of uint32
        0 to 2^32 - 1; NaNs of either sign come first and last.

    Returns
    -------
    ndarray of float32
    """
    sign = np.uint32(1 << 31)
    return np.where(place & sign, place ^ sign, ~place).view(np.float32)


def ulp_error(y, reference):
    """Return |y - reference| in ULP of the correctly rounded result.

    An infinity counts as the power of two it was rounded up from, as it does when IEEE
    754 rounds. A NaN for a number, or a number for a NaN or an infinity, is infinitely
    wrong.

    Parameters
    ----------
    y : ndarray of float32
    reference : ndarray of float64

    Returns
    -------
    ndarray of float64
    """
    end = 2.0**128
    with np.errstate(all="ignore"):
        rounded = reference.astype(np.float32)
        magnitude = np.minimum(np.abs(rounded), np.finfo(np.float32).max)
        above = (magnitude.view(np.uint32) + np.uint32(1)).view(np.float32)
        ulp = np.where(np.isinf(above), end, above.astype(float)) - magnitude
        value = np.clip(y.astype(float), -end, end)
        error = np.abs(value - reference) / ulp
    error = np.where(np.isnan(error), np.inf, error)
    right = (np.isinf(y) & (y == rounded)) | (np.isnan(y) & np.isnan(reference))
    return np.where(right, 0, error)


@dataclass
class Worst:
    """The largest error so far, and its argument."""

    error: float = 0.0
    x: float = math.nan

    def take(self, errors, x):
        """Look for a larger one."""
        if errors.size and errors.max() > self.error:
            self.error = float(errors.max())
            self.x = float(x[np.argmax(errors)])

    def add(self, other):
        """Take the larger one."""
        if other.error > self.error:
            self.error, self.x = other.error, other.x

    def text(self):
        """Return the error, and where it is."""
        error = f"{self.error:.3f}" if 0.01 < self.error < 1e6 else f"{self.error:.2e}"
        return error if math.isnan(self.x) else f"{error} at {self.x:.9g}"


# Half an ULP is correct rounding, and is not measured any closer.
HALF = functools.partial(Worst, 0.5)


@dataclass
class Result:
    """What is known of a library's function after some inputs."""

    count: int = 0
    correctly_rounded: int = 0
    not_monotone: int = 0
    ulp: Worst = field(default_factory=HALF)
    ulp_of_large: Worst = field(
        default_factory=HALF
    )  # where |reference| is SMALL or more
    error_of_small: Worst = field(default_factory=Worst)  # |y - reference| elsewhere

    def add(self, other):
        """Take in the result of other inputs."""
        self.count += other.count
        self.correctly_rounded += other.correctly_rounded
        self.not_monotone += other.not_monotone
        self.ulp.add(other.ulp)
        self.ulp_of_large.add(other.ulp_of_large)
        self.error_of_small.add(other.error_of_small)


def check(x, y, reference, monotone):
    """Compare a block, whose first element only serves the order of the second.

    Parameters
    ----------
    x, y : ndarray of float32
        Arguments in ascending order, and results.
    reference : ndarray of float64
        Exact results.
    monotone : bool
        Count descents.

    Returns
    -------
    Result
    """
    result = Result(count=x.size - 1)
    if monotone:
        descents = (x[:-1] <= x[1:]) & (y[1:] < y[:-1])
        result.not_monotone = int(np.count_nonzero(descents))
    x, y, reference = x[1:], y[1:], reference[1:]
    with np.errstate(all="ignore"):
        rounded = reference.astype(np.float32)
        right = (y == rounded) | (np.isnan(y) & np.isnan(rounded))
        small = np.abs(reference) < SMALL
        differences = np.abs(y[small] - reference[small])
    result.correctly_rounded = int(np.count_nonzero(right))
    # An infinity or a NaN for a small number is infinitely wrong, too.
    differences = np.where(np.isnan(differences), np.inf, differences)
    result.error_of_small.take(differences, x[small])
    wrong = np.flatnonzero(~right)
    errors = ulp_error(y[wrong], reference[wrong])
    result.ulp.take(errors, x[wrong])
    large = ~small[wrong]
    result.ulp_of_large.take(errors[large], x[wrong[large]])
    return result


def check_task(function, libraries, stride, first, last):
    """Compare the inputs first, first + 1, ... of every stride-th.

    Returns
    -------
    dict of str to Result
        Of each library.
    """
    results = {name: Result() for name in libraries}
    for begin in range(first, last, BLOCK):
        numbers = np.arange(begin - 1, min(begin + BLOCK, last))
        places = np.maximum(numbers, 0) * stride
        x = ordered(places.astype(np.uint32))
        with np.errstate(all="ignore"):
            reference = REFERENCES[function](x.astype(np.float64))
            for name in libraries:
                library = load(name)
                y = library.functions[function](library.from_numpy(x))
                y = library.to_numpy(y)
                assert y.dtype == np.float32
                results[name].add(check(x, y, reference, function not in NOT_MONOTONE))
    return results


def nanoseconds(function, library, n=4096, repeats=20, runs=60):
    """Return the time of an element, the least of many runs.

    The inputs are those of accuracy.cpp: 0 to 16 for logarithms, else -8 to 8.
    """
    u = np.arange(n, dtype=np.float32) * 1237 % n / n
    x = library.from_numpy(16 * u if function in ("log", "log1p") else 16 * u - 8)
    call = library.functions[function]
    best = math.inf
    with np.errstate(all="ignore"):
        for _ in range(runs):
            start = time.perf_counter_ns()
            for _ in range(repeats):
                call(x)
            best = min(best, (time.perf_counter_ns() - start) / (n * repeats))
    return best


# The report.


def run(function, libraries, stride, pool):
    """Compare all inputs; `pool` is None for this process alone."""
    count = -(-(1 << 32) // stride)
    tasks = [
        (function, libraries, stride, first, min(first + TASK, count))
        for first in range(0, count, TASK)
    ]
    parts = pool.imap_unordered(_check_task, tasks) if pool else map(_check_task, tasks)
    totals = {name: Result() for name in libraries}
    for part in parts:
        for name, result in part.items():
            totals[name].add(result)
    return totals


def _check_task(arguments):
    return check_task(*arguments)


def print_row(*cells):
    """Print a row of a Markdown table."""
    print("|", " | ".join(cells), "|", flush=True)


def print_head(*names):
    """Print the head of a Markdown table."""
    print_row(*names)
    print_row(*("---" for _ in names))


def parse(arguments):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--functions", nargs="+", choices=REFERENCES, default=[*REFERENCES])
    add("--libraries", nargs="+", choices=LOADERS, default=[*LOADERS])
    add("--stride", type=int, default=1, help="take every n-th input")
    add("--fast", action="store_true", help=f"a stride of {FAST_STRIDE}")
    add("--jobs", type=int, default=os.cpu_count(), help="processes, one a core")
    options = parser.parse_args(arguments)
    if options.fast:
        options.stride = FAST_STRIDE
    if options.stride < 1 or options.jobs < 1:
        parser.error("--stride and --jobs must be 1 or more")
    return options


def main(arguments=None):
    """Print the tables."""
    options = parse(arguments)
    for name in options.libraries:
        version = load(name).version if load(name) else "not installed"
        print(f"{name}: {version}")
    installed = [name for name in options.libraries if load(name)]
    print(f"\nEvery {options.stride}-th of all 2^32 inputs.\n")
    # Times first, while no other process is at work.
    times = {
        (function, name): nanoseconds(function, load(name))
        for function in options.functions
        for name in installed
        if function in load(name).functions
    }
    results = {}
    print_head("function", "library", "max ULP", "correctly rounded", "descents", "ns")
    # Spawned: a fork would take over locks of the libraries' threads.
    context = multiprocessing.get_context("spawn")
    pool = context.Pool(options.jobs) if options.jobs > 1 else None
    try:
        for function in options.functions:
            having = [name for name in installed if (function, name) in times]
            for name, r in run(function, having, options.stride, pool).items():
                results[function, name] = r
                print_row(
                    function,
                    name,
                    r.ulp.text(),
                    f"{100 * r.correctly_rounded / r.count:.3f} %",
                    "" if function in NOT_MONOTONE else str(r.not_monotone),
                    f"{times[function, name]:.2f}",
                )
    finally:
        if pool:
            pool.terminate()
    held = [key for key in results if key[0] in HELD_ABSOLUTELY]
    if held:
        print()
        print_head(
            "function",
            "library",
            f"max ULP where abs(y) >= {SMALL:g}",
            "largest absolute error below",
        )
    for key in held:
        r = results[key]
        print_row(*key, r.ulp_of_large.text(), r.error_of_small.text())


if __name__ == "__main__":
    main()
