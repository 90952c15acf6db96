"""A process of its own for each library, and the parent's hold on it.

Thread pools of several libraries in one process disturb each other, and most read how
many threads they may have from the environment when they are loaded.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ._timing import rest, timed_samples
from ._workloads import Workload
from .rivals import RIVALS
from .rivals.base import UnsupportedError, Weights

# Rows whose predictions are compared.
N_COMPARED = 256
# Steps after which losses are compared.
N_CHECKED_STEPS = 10

_LONG_EPOCH = 0.05  # seconds
_START_SECONDS = 120
_CALL_SECONDS = 600  # a compiler may take its time, but not for ever


@dataclass(frozen=True)
class Prepared:
    """What a contestant answers when it has got ready for a workload."""

    first_call: float
    """Seconds, with all compilation."""
    steps: int
    """How many steps a call makes; 1 to predict."""
    result: NDArray[Any] | Weights
    """Predictions of the first rows, or the parameters after the checked steps."""


class WorkerError(Exception):
    """A contestant failed; the message says how."""


def available_cpus() -> list[int]:
    """Return the processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


class _Server:
    """The worker's side: keeps the contestants of one workload, each variant one."""

    def __init__(self, rival: str, n_threads: int) -> None:
        if hasattr(os, "sched_setaffinity"):
            # Whatever a library thinks of threads, it has no more processors; the last
            # ones, because interrupts prefer the first.
            os.sched_setaffinity(0, available_cpus()[-n_threads:])
        self._rival = RIVALS[rival]
        self._rival.start(n_threads)
        self._calls: dict[str, tuple[Callable[[], object], int]] = {}
        self._data: dict[Workload, tuple[Any, Any]] = {}  # shared by the variants

    def prepare(
        self, workload: Workload, variant: str, weights: Weights, steps: int | None
    ) -> Prepared:
        if workload not in self._data:
            self._data[workload] = workload.data()
        x, y = self._data[workload]
        if workload.task == "predict":
            predictor = self._rival.make_predictor(variant, workload, weights, x)
            start = time.perf_counter()
            result = predictor.predict()
            seconds = time.perf_counter() - start
            self._calls[variant] = (predictor.predict, 1)
            compared = predictor.as_array(result)[:N_COMPARED]
            return Prepared(seconds, 1, np.array(compared, copy=True))
        training = self._rival.make_training(variant, workload, weights, x, y)
        n_steps = min(workload.steps, N_CHECKED_STEPS)
        start = time.perf_counter()
        training.train(n_steps)
        seconds = time.perf_counter() - start
        after = training.weights()
        if steps is None:
            start = time.perf_counter()
            training.train(n_steps)
            step = (time.perf_counter() - start) / n_steps
            # What takes long has no use for the long epoch: a turn is short.
            is_short = step * workload.steps < _LONG_EPOCH
            steps = workload.steps if is_short else n_steps
        training.train(steps)  # may compile for this number of steps
        self._calls[variant] = (partial(training.train, steps), steps)
        return Prepared(seconds, steps, after)

    def time(self, variant: str, seconds: float) -> list[float]:
        call, steps = self._calls[variant]
        samples = timed_samples(call, seconds)
        rest()
        return [sample / steps for sample in samples]

    def release(self) -> None:
        self._calls.clear()
        self._data.clear()
        gc.collect()

    def peak(self, n_threads: int) -> float:
        peak = _core.measure_peak(n_threads)
        rest()
        return peak


def _serve(connection: Connection, rival: str, n_threads: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    server: _Server | None = None
    try:
        while True:
            command, *arguments = connection.recv()
            if command == "stop":
                return
            try:
                if server is None:
                    server = _Server(rival, n_threads)
                answer = None
                if command != "start":
                    answer = getattr(server, command)(*arguments)
                connection.send(("done", answer))
            except UnsupportedError as error:
                connection.send(("unsupported", str(error)))
            except Exception as error:
                lines = str(error).strip().splitlines() or [""]
                connection.send(("failed", f"{type(error).__name__}: {lines[0]}"))
    except (EOFError, OSError):
        pass  # the parent is gone


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait; the processes that are started meanwhile never see it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker  # which is there where signals are

    resource_tracker.ensure_running()  # or `start` does it, and lets Ctrl-C in again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Worker:
    """The parent's side.

    Parameters
    ----------
    rival : str
        Its name.
    n_threads : int
        How many threads it may use.
    """

    def __init__(self, rival: str, n_threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, rival, n_threads), daemon=True
        )
        n = str(n_threads)
        variables = dict.fromkeys(
            ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), n
        )
        variables |= RIVALS[rival].environment(n_threads)
        with _environment(variables), _without_interrupts():
            self._process.start()
        theirs.close()
        self._connection.send(("start",))  # answered while others start, too

    def wait_until_started(self) -> None:
        """Return when the library is loaded, or raise WorkerError."""
        self._answer(_START_SECONDS)

    def prepare(
        self, workload: Workload, variant: str, weights: Weights, steps: int | None
    ) -> Prepared:
        """Get ready, and make a first call; UnsupportedError if it cannot.

        A call will make so many steps of training, or as many as suit its speed.
        """
        prepared: Prepared = self._ask("prepare", workload, variant, weights, steps)
        return prepared

    def time(self, variant: str, seconds: float) -> list[float]:
        """Return the seconds of a call or a step, one figure a sample."""
        samples: list[float] = self._ask("time", variant, seconds)
        return samples

    def release(self) -> None:
        """Forget the workload."""
        self._ask("release")

    def peak(self, n_threads: int) -> float:
        """Return the GFLOP/s of bare float32 multiply-adds, as measured there."""
        peak: float = self._ask("peak", n_threads)
        return peak

    def _ask(self, *message: object) -> Any:
        try:
            self._connection.send(message)
        except OSError:
            raise WorkerError("its process is gone") from None
        return self._answer(_CALL_SECONDS)

    def _answer(self, seconds: float) -> Any:
        try:
            if not self._connection.poll(seconds):
                self.stop()
                raise WorkerError(f"no answer in {seconds:.0f} s")
            kind, answer = self._connection.recv()
        except (EOFError, OSError):
            raise WorkerError("its process ended") from None
        if kind == "unsupported":
            raise UnsupportedError(answer)
        if kind == "failed":
            raise WorkerError(answer)
        return answer

    def stop(self) -> None:
        """End the process."""
        try:
            self._connection.send(("stop",))
        except OSError:
            pass
        self._process.join(2)
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()
        self._connection.close()
