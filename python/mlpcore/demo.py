"""The demonstration: a network learns to read handwritten digits."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import plots
from ._optional import require
from .history import History
from .network import Network

EPOCHS = 60
BATCH_SIZE = 32
N_SINGLE_ROWS = 2000  # predictions timed one by one; enough for a steady median


@dataclass(frozen=True)
class DemoResult:
    """What the demonstration measured."""

    n_train: int
    n_test: int
    test_accuracy: float
    test_loss: float
    train_seconds: float
    rows_per_second: float
    predict_microseconds: float
    n_misread: int
    pictures: tuple[Path, ...]


def run(out: str | Path = "demo", verbose: int = 1) -> DemoResult:
    """Train on scans of digits, test on others, and draw what came of it.

    The scans are the 1,797 of scikit-learn's ``load_digits``, 8 x 8 pixels each; a
    fifth, the same share of every digit, is held out for the test.

    Parameters
    ----------
    out : str or path
        The folder for ``loss_curves.png``, ``confusion_matrix.png`` and
        ``misread.png``; it is made if need be.
    verbose : int
        1 shows a progress bar and prints a report, 0 nothing.

    Returns
    -------
    DemoResult
        The figures of the report.

    Raises
    ------
    ImportError
        If scikit-learn or matplotlib is missing (``pip install mlpcore[demo]``).
    OSError
        If the folder cannot be made or written to.
    """
    require("matplotlib.figure", "demo", "the demo")
    x_train, x_test, y_train, y_test = _load()
    Path(out).mkdir(parents=True, exist_ok=True)  # before training: it may fail
    network = Network([64, 128, 64, 10], "relu", "softmax", rng=0)
    if verbose:
        print(_introduction(network, len(x_train), len(x_test)), flush=True)

    start = time.perf_counter()
    # The held-out scans are only watched: no choice depends on them.
    history = network.fit(
        x_train,
        y_train,
        epochs=EPOCHS,
        batch_size=BATCH_SIZE,
        validation_data=(x_test, y_test),
        verbose=verbose,
        rng=0,
    )
    seconds = time.perf_counter() - start

    probabilities = network.predict(x_test)
    predicted = probabilities.argmax(axis=1)
    scores = network.evaluate(x_test, y_test)
    result = DemoResult(
        n_train=len(x_train),
        n_test=len(x_test),
        test_accuracy=scores["accuracy"],
        test_loss=scores["loss"],
        train_seconds=seconds,
        rows_per_second=EPOCHS * len(x_train) / seconds,
        predict_microseconds=_time_single_rows(network, x_test),
        n_misread=int((predicted != y_test).sum()),
        pictures=_draw(Path(out), history, x_test, y_test, probabilities),
    )
    if verbose:
        print(_report(result))
    return result


def _load() -> tuple[NDArray[Any], ...]:
    """Return the pixels, scaled to 0..1, and the digits: train, test, train, test."""
    datasets = require("sklearn.datasets", "demo", "the demo")
    model_selection = require("sklearn.model_selection", "demo", "the demo")
    x, y = datasets.load_digits(return_X_y=True)
    split = model_selection.train_test_split(
        (x / 16).astype(np.float32), y, test_size=0.2, stratify=y, random_state=0
    )
    return tuple(split)


def _time_single_rows(network: Network, x: NDArray[Any]) -> float:
    """Return the median time to predict one row, in microseconds."""
    rows = [x[i % len(x)].reshape(1, -1) for i in range(N_SINGLE_ROWS)]
    clock = time.perf_counter_ns
    times = []
    for row in rows:
        start = clock()
        network.predict(row)
        times.append(clock() - start)
    return float(np.median(times)) / 1000


def _draw(
    folder: Path,
    history: History,
    x: NDArray[Any],
    y: NDArray[Any],
    probabilities: NDArray[Any],
) -> tuple[Path, ...]:
    # Figures of their own: no window, and nothing left behind in pyplot.
    from matplotlib.figure import Figure

    predicted = probabilities.argmax(axis=1)
    curves = Figure(figsize=(7, 4.5), layout="constrained")
    history.plot(curves.subplots(), log=True).set_title("Learning handwritten digits")
    matrix = Figure(figsize=(6, 6), layout="constrained")
    plots.confusion_matrix(y, predicted, ax=matrix.subplots())
    misread = Figure(figsize=(9, 4.6), layout="constrained")
    plots.misread_images(
        x, y, predicted, probabilities=probabilities.max(axis=1), fig=misread
    )
    paths = []
    for name, figure in (
        ("loss_curves.png", curves),
        ("confusion_matrix.png", matrix),
        ("misread.png", misread),
    ):
        paths.append(folder / name)
        figure.savefig(paths[-1], dpi=150)
    return tuple(paths)


def _introduction(network: Network, n_train: int, n_test: int) -> str:
    sizes = "-".join(map(str, network.layer_sizes))
    lines = [
        ("data", f"{n_train + n_test:,} scans of handwritten digits, 8 x 8 pixels"),
        ("", f"{n_train:,} to learn from, {n_test:,} held out for the test"),
        ("network", f"{sizes}, relu, softmax: {network.n_parameters:,} parameters"),
        ("training", f"{EPOCHS} epochs, batches of {BATCH_SIZE}, Adam"),
    ]
    return _table(lines) + "\n"


def _report(result: DemoResult) -> str:
    n_right = result.n_test - result.n_misread
    lines = [
        ("test accuracy", f"{result.test_accuracy:.2%}"),
        ("", f"{n_right} of {result.n_test} right, {result.n_misread} misread"),
        ("test loss", f"{result.test_loss:.4f} nats a scan"),
        ("time to train", f"{1000 * result.train_seconds:,.0f} ms"),
        ("", f"{result.rows_per_second:,.0f} rows/s, with validation every epoch"),
        ("predict, one row", f"{result.predict_microseconds:.2f} us (median)"),
        *zip(("pictures", "", ""), map(str, result.pictures), strict=True),
    ]
    return "\n" + _table(lines)


def _table(lines: list[tuple[str, str]]) -> str:
    return "\n".join(f"  {label:<18}{value}" for label, value in lines)


if __name__ == "__main__":  # python -m mlpcore.demo
    import sys

    from ._cli import main

    sys.exit(main(["demo", *sys.argv[1:]]))
