"""What was measured, and what follows from it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from ._workloads import Workload
from .rivals import OURS, RIVALS


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    rounds: int
    seconds: float
    """A contestant's turn in a round."""
    is_quick: bool = False
    """Whether to leave out who takes long to begin."""


@dataclass(frozen=True)
class FirstCalls:
    """What a contestant took to begin, in seconds."""

    task: str
    title: str
    median: float
    longest: float


@dataclass
class Entry:
    """One contestant at one workload."""

    rival: str
    variant: str
    reason: str | None = None
    """Why there is no figure."""
    first_call: float | None = None
    """Seconds of the first call (for training: of the checked steps)."""
    samples: list[float] = field(default_factory=list)
    """Seconds a call or a step, of all rounds."""
    deviation: float | None = None
    """From mlpcore's predictions, or from the fall of its loss, see `_checks`."""
    agrees: bool = True

    @property
    def title(self) -> str:
        """The library, and which way of using it."""
        return f"{RIVALS[self.rival].title} {self.variant}".strip()

    @property
    def median(self) -> float | None:
        """Seconds a call or a step; None without samples."""
        return statistics.median(self.samples) if self.samples else None


@dataclass
class Cell:
    """One workload on some threads, done by all."""

    workload: Workload
    n_threads: int
    entries: list[Entry] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    """GFLOP/s in float32, measured between the rounds."""
    steps: int | None = None
    """Of training, in everybody's calls; None if nobody is ready."""

    @property
    def ours(self) -> float | None:
        """The seconds mlpcore takes."""
        return next((e.median for e in self.entries if e.rival == OURS), None)

    def best(self, rival: str | None = None) -> Entry | None:
        """Return the fastest rival that agrees, of all or of one library."""
        entries = [
            (e.median, i)
            for i, e in enumerate(self.entries)
            if e.rival != OURS
            and e.agrees
            and e.median is not None
            and rival in (None, e.rival)
        ]
        return self.entries[min(entries)[1]] if entries else None

    @property
    def ratio(self) -> float | None:
        """The best rival's time by ours: above 1 mlpcore is faster."""
        best = self.best()
        if best is None or best.median is None or self.ours is None:
            return None
        return best.median / self.ours

    @property
    def meets_target(self) -> bool | None:
        """Whether the ratio is what it should be."""
        return None if self.ratio is None else self.ratio >= self.workload.target

    @property
    def gflops(self) -> float | None:
        """What mlpcore computes in a second."""
        return None if self.ours is None else self.workload.flops / self.ours / 1e9

    @property
    def share_of_peak(self) -> float | None:
        """Of the fused multiply-adds that the cores could do, in the same precision."""
        if self.gflops is None or not self.peaks:
            return None
        peak = statistics.median(self.peaks)
        return self.gflops / (peak if self.workload.dtype == "float32" else peak / 2)

    @property
    def agrees(self) -> bool:
        """Whether all that were measured compute the same."""
        return all(e.agrees for e in self.entries)

    @property
    def largest_deviation(self) -> float | None:
        """Of any contestant."""
        given = [e.deviation for e in self.entries if e.deviation is not None]
        return max(given, default=None)


@dataclass
class Results:
    """A whole run."""

    machine: dict[str, object]
    missing: dict[str, str]
    """Rivals that took no part, and why."""
    effort: Effort
    cells: list[Cell] = field(default_factory=list)
    seconds: float = 0.0
    was_interrupted: bool = False

    @property
    def agree(self) -> bool:
        """Whether every check passed."""
        return all(cell.agrees for cell in self.cells)

    @property
    def was_busy(self) -> bool:
        """Whether others were computing when the run began."""
        load = self.machine.get("load_before")
        return isinstance(load, float) and load > 0.5

    def rivals(self) -> list[str]:
        """Return the rivals that took part."""
        names = {e.rival for cell in self.cells for e in cell.entries}
        return [name for name in RIVALS if name in names and name != OURS]

    def first_calls(self) -> list[FirstCalls]:
        """Return what beginning takes, with all compilation, by task and contestant."""
        seconds: dict[tuple[str, str], list[float]] = {}
        for cell in self.cells:
            for entry in cell.entries:
                if entry.first_call is not None:
                    key = cell.workload.task, entry.title
                    seconds.setdefault(key, []).append(entry.first_call)
        return [
            FirstCalls(*key, statistics.median(of_key), max(of_key))
            for key, of_key in sorted(seconds.items(), key=lambda item: item[0][0])
        ]

    def reasons(self) -> list[str]:
        """Say who is missing where, and why: a line each."""
        lines = [f"{RIVALS[name].title}: {why}" for name, why in self.missing.items()]
        where: dict[tuple[str, str], list[str]] = {}
        for cell in self.cells:
            for entry in cell.entries:
                if entry.reason is not None:
                    name = f"{cell.workload.name} ({cell.n_threads})"
                    where.setdefault((entry.title, entry.reason), []).append(name)
        for (title, reason), names in where.items():
            some = ", ".join(names[:4]) + (" ..." if len(names) > 4 else "")
            lines.append(f"{title}: {reason}; in {some}")
        return lines
