"""How long a prediction takes: python docs/serving_latency.py [--calls N]."""

import argparse
import subprocess
import sys
import time
from functools import partial

import numpy as np

import mlpcore


def call_times(call, n_calls):
    """Return the seconds of each call, shape (n_calls,)."""
    times = np.empty(n_calls)
    for i in range(-n_calls // 10, n_calls):  # the first tenth warms up
        start = time.perf_counter()
        call()
        times[i] = time.perf_counter() - start
    return times


def start_up(statement):
    """Return the seconds that a new process needs for a statement, best of five."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", statement], check=True)
        times.append(time.perf_counter() - start)
    return min(times)


def main(n_calls):
    """Print a table in Markdown."""
    mlpcore.set_num_threads(1)
    clock = np.median(call_times(lambda: None, n_calls))
    print("| call | median | 99 % below | a row |")
    print("|---|---:|---:|---:|")
    for sizes in ([20, 64, 64, 3], [784, 256, 128, 10]):
        net = mlpcore.Network(sizes, rng=0)
        for n in (1, 10, 100):
            x = np.zeros((n, sizes[0]), net.dtype)
            y = np.empty((n, sizes[-1]), net.dtype)
            times = call_times(partial(net.predict, x, y), n_calls) - clock
            median, slow = np.percentile(times * 1e6, [50, 99])
            name = f"{'-'.join(map(str, sizes))}, {n} row{'s' if n > 1 else ''}"
            print(f"| {name} | {median:.2f} us | {slow:.2f} us | {median / n:.2f} us |")
    print("\n| new process | best of five |\n|---|---:|")
    for statement in ("pass", "import numpy", "import mlpcore"):
        print(f"| `python -c '{statement}'` | {start_up(statement) * 1e3:.0f} ms |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    main(parser.parse_args().calls)
