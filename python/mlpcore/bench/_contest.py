"""The contest: everybody in turn, a little at a time, so that a drift is shared."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from ._checks import (
    LOSS_TOLERANCE,
    PREDICTION_TOLERANCE,
    LossCheck,
    prediction_deviation,
)
from ._machine import describe_machine
from ._results import Cell, Effort, Entry, Results
from ._worker import Worker, WorkerError
from ._workloads import Workload
from .rivals import OURS, RIVALS
from .rivals.base import UnsupportedError

FULL = Effort(rounds=7, seconds=0.1)
# PyTorch compiles for 60 to 80 s in all the first time, 6 s when its cache has it all.
QUICK_EFFORT = Effort(rounds=3, seconds=0.03, is_quick=True)


def run_contest(
    workloads: Sequence[Workload],
    rivals: Sequence[str],
    thread_counts: Sequence[int],
    effort: Effort,
    report: Callable[[str], object] = lambda text: None,
) -> Results:
    """Measure workloads, each on some numbers of threads.

    Parameters
    ----------
    workloads : sequence of Workload
        What to do.
    rivals : sequence of str
        Who takes part beside mlpcore; one that is not installed is named as missing.
    thread_counts : sequence of int
        How many threads everybody may use.
    effort : Effort
        How long to measure.
    report : callable, optional
        Called with a line of text when something begins.

    Returns
    -------
    Results
        All figures, and who is missing; what there is if Ctrl-C ends it.
    """
    start = time.perf_counter()
    present, missing = [OURS], {}
    for name in rivals:
        reason = RIVALS[name].available()
        if reason is None:
            present.append(name)
        else:
            missing[name] = reason
    results = Results(describe_machine(present), missing, effort)
    for n_threads in thread_counts:
        workers: dict[str, Worker] = {}
        try:
            report(f"{n_threads} thread(s): starting {', '.join(present)}")
            for name in present:
                workers[name] = Worker(name, n_threads)
            _wait_until_started(workers, missing)
            for workload in workloads:
                report(f"{workload.name}, {n_threads} thread(s)")
                results.cells.append(_run_cell(workload, n_threads, workers, effort))
        except KeyboardInterrupt:
            results.was_interrupted = True
            break
        finally:
            for worker in workers.values():
                worker.stop()
    results.seconds = time.perf_counter() - start
    return results


def _wait_until_started(workers: dict[str, Worker], missing: dict[str, str]) -> None:
    """Drop who cannot start; but there is no contest without mlpcore."""
    for name, worker in list(workers.items()):
        try:
            worker.wait_until_started()
        except WorkerError as error:
            if name == OURS:
                raise
            missing[name] = f"cannot be loaded: {error}"
            workers.pop(name).stop()


def _run_cell(
    workload: Workload, n_threads: int, workers: dict[str, Worker], effort: Effort
) -> Cell:
    cell = Cell(workload, n_threads)
    for name in workers:
        rival = RIVALS[name]
        variants = rival.predictors if workload.task == "predict" else rival.trainings
        for variant in variants:
            late = effort.is_quick and variant in rival.slow_to_begin
            reason = "takes too long to begin for --quick" if late else None
            cell.entries.append(Entry(name, variant, reason))
        if not variants:
            cell.entries.append(Entry(name, "", reason="it only predicts"))
    _prepare(cell, workers)
    for i in range(effort.rounds):
        # Each round begins with another one: nobody always follows the same rival.
        shift = i % len(cell.entries)
        for entry in cell.entries[shift:] + cell.entries[:shift]:
            if entry.reason is None:
                _take_turn(entry, workers, effort.seconds)
        cell.peaks.append(workers[OURS].peak(n_threads))
    for worker in workers.values():
        try:
            worker.release()
        except WorkerError:
            pass  # it is gone, and its entries say so
    return cell


def _prepare(cell: Cell, workers: dict[str, Worker]) -> None:
    workload = cell.workload
    weights = workload.weights()
    check = LossCheck(workload) if workload.task == "train" else None
    ours: Any = None
    steps: int | None = None  # mlpcore, which is the first, says how many
    for entry in cell.entries:
        if entry.reason is not None:
            continue
        try:
            worker = workers[entry.rival]
            prepared = worker.prepare(workload, entry.variant, weights, steps)
        except (UnsupportedError, WorkerError) as error:
            if entry.rival == OURS:
                raise
            entry.reason = str(error)
            continue
        entry.first_call = prepared.first_call
        if entry.rival == OURS:
            ours, steps = prepared.result, prepared.steps
            cell.steps = steps
        elif check is None:
            entry.deviation = prediction_deviation(prepared.result, ours)  # type: ignore[arg-type]
            entry.agrees = entry.deviation <= PREDICTION_TOLERANCE
        else:
            entry.deviation = check.deviation(prepared.result, ours)  # type: ignore[arg-type]
            entry.agrees = entry.deviation <= LOSS_TOLERANCE


def _take_turn(entry: Entry, workers: dict[str, Worker], seconds: float) -> None:
    try:
        entry.samples += workers[entry.rival].time(entry.variant, seconds)
    except WorkerError as error:
        if entry.rival == OURS:
            raise
        entry.samples.clear()
        entry.reason = str(error)
