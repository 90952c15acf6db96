"""scikit-learn's MLP beside mlpcore.sklearn's: whole fits at default parameters."""

from __future__ import annotations

import os
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from .._optional import require
from ._timing import rest
from ._worker import available_cpus

Array = NDArray[np.floating]
LIBRARIES = ("mlpcore.sklearn", "sklearn.neural_network")
ROUNDS = 5


@dataclass(frozen=True)
class FitResult:
    """Median seconds of a fit by each library, and the largest relative deviation."""

    name: str
    ours: float
    theirs: float
    deviation: float

    @property
    def ratio(self) -> float:
        """How many times faster than scikit-learn's."""
        return self.theirs / self.ours


def _digits(dtype: str) -> tuple[Array, NDArray[np.int64]]:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16).astype(dtype), y


def _wide_table(dtype: str) -> tuple[Array, NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((100_000, 28))
    y = (np.sin(x[:, 0]) + x[:, 1] * x[:, 2] + 0.3 * rng.standard_normal(100_000)) > 0
    return x.astype(dtype), y.astype(np.int64)


# name: the data, and for how many epochs.
FITS: dict[str, tuple[Callable[[str], tuple[Array, NDArray[np.int64]]], int]] = {
    "digits, 1,797 x 64, 100 epochs": (_digits, 100),
    "table, 100,000 x 28, 4 epochs": (_wide_table, 4),
}


def _fit(library: str, name: str, dtype: str) -> tuple[float, list[float]]:
    """Fit once; return the seconds, and the loss curve."""
    import importlib

    make_data, epochs = FITS[name]
    x, y = make_data(dtype)
    model = importlib.import_module(library).MLPClassifier(
        max_iter=epochs, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        start = time.perf_counter()
        model.fit(x, y)
        seconds = time.perf_counter() - start
    rest()
    return seconds, model.loss_curve_


def compare_estimators(rounds: int = ROUNDS) -> list[FitResult]:
    """Time both libraries' fits, each in its own process, in turns.

    Parameters
    ----------
    rounds : int
        How many turns each has, after one to warm up.

    Returns
    -------
    list of FitResult
        For each data set and dtype.
    """
    require("sklearn", "sklearn", "the comparison of estimators")
    n = str(len(available_cpus()))
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(variable, n)
    context = get_context("spawn")
    pools = {
        library: ProcessPoolExecutor(1, mp_context=context) for library in LIBRARIES
    }
    results = []
    try:
        for name in FITS:
            for dtype in ("float32", "float64"):
                seconds: dict[str, list[float]] = {library: [] for library in LIBRARIES}
                losses = {}
                for _ in range(1 + rounds):
                    for library in LIBRARIES:
                        future = pools[library].submit(_fit, library, name, dtype)
                        took, losses[library] = future.result()
                        seconds[library].append(took)
                ours, theirs = (
                    statistics.median(seconds[library][1:]) for library in LIBRARIES
                )
                a, b = (np.array(losses[library]) for library in LIBRARIES)
                deviation = float(np.max(np.abs(a / b - 1)))
                results.append(FitResult(f"{name}, {dtype}", ours, theirs, deviation))
    finally:
        for pool in pools.values():
            pool.shutdown()
    return results


def show(results: list[FitResult]) -> None:
    """Print a Markdown table."""
    print("| fit | mlpcore.sklearn | scikit-learn | times faster | losses differ by |")
    print("|---|---:|---:|---:|---:|")
    for r in results:
        print(
            f"| {r.name} | {r.ours * 1e3:.1f} ms | {r.theirs * 1e3:.1f} ms "
            f"| {r.ratio:.1f} | {r.deviation:.1g} |"
        )
