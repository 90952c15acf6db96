"""The command line of the benchmark."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from .._cli._options import Parser
from . import _estimators, _files, _table
from ._contest import FULL, QUICK_EFFORT, run_contest
from ._worker import WorkerError, available_cpus
from ._workloads import QUICK, WORKLOADS, Workload
from .rivals import OURS, RIVALS

PROGRAM = "python -m mlpcore.bench"
_THEIRS = [name for name in RIVALS if name != OURS]


def main(argv: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Compare mlpcore with the libraries that are installed here.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; those of the process if None.
    prog : str
        What was called, for messages.

    Returns
    -------
    int
        The exit code: 0; 1 if somebody computes something else; 2 if mlpcore itself
        failed; 130 if Ctrl-C ended it, with the results so far. Losing, or missing a
        target, is a result and no failure.
    """
    parser = _parser(prog)
    arguments = parser.parse_args(argv)
    if arguments.estimators:
        _estimators.show(_estimators.compare_estimators())
        return 0
    # Who names workloads wants those, quick or not.
    few = arguments.quick and arguments.only is None
    workloads = _matching(QUICK if few else WORKLOADS, arguments.only)
    if not workloads:
        parser.error(f"no workload matches {arguments.only!r}; see --list")
    if arguments.list:
        print("\n".join(workload.name for workload in workloads))
        return 0
    try:
        _files.prepare(arguments.output)
    except OSError as error:
        parser.error(f"cannot write to --output: {error}")
    try:
        results = run_contest(
            workloads,
            arguments.rivals,
            arguments.threads,
            QUICK_EFFORT if arguments.quick else FULL,
            lambda text: print(text, file=sys.stderr, flush=True),
        )
    except WorkerError as error:
        print(f"mlpcore: {error}", file=sys.stderr)
        return 2
    if results.cells:
        paths = _files.write(results, arguments.output)
        _table.show(results)
        for path in paths:
            print(path)
    if results.was_interrupted:
        n = len(workloads) * len(arguments.threads)
        print(f"interrupted after {len(results.cells)} of {n}", file=sys.stderr)
        return 130
    return 0 if results.agree else 1


def _parser(prog: str) -> argparse.ArgumentParser:
    parser = Parser(
        prog=prog,
        description="Compare mlpcore with the libraries that people use instead.",
    )
    n = len(available_cpus())
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few workloads and rounds, in less than two minutes",
    )
    parser.add_argument(
        "--only",
        metavar="PATTERN",
        help="workloads whose name has this in it, or matches it with * and ?",
    )
    parser.add_argument(
        "--rivals",
        type=_rivals,
        default=_THEIRS,
        help="comma-separated: " + ", ".join(_THEIRS),
    )
    parser.add_argument(
        "--threads",
        type=_threads,
        default=sorted({1, n}),
        help=f"comma-separated numbers of threads (default: 1 and all, {n})",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("bench-results"),
        help="folder for results.json, .md and .png (default: bench-results)",
    )
    parser.add_argument(
        "--estimators",
        action="store_true",
        help="instead, time whole fits of mlpcore.sklearn and scikit-learn",
    )
    parser.add_argument("--list", action="store_true", help="name the workloads")
    return parser


def _matching(workloads: list[Workload], pattern: str | None) -> list[Workload]:
    if pattern is None:
        return workloads
    pattern = pattern.lower()
    return [w for w in workloads if pattern in w.name or fnmatch(w.name, pattern)]


def _rivals(text: str) -> list[str]:
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in _THEIRS:
            raise argparse.ArgumentTypeError(
                f"there is no rival {name!r}; there are {', '.join(_THEIRS)}"
            )
    return names


def _threads(text: str) -> list[int]:
    counts = []
    for part in text.split(","):
        if not part.strip().isdecimal() or not int(part):
            raise argparse.ArgumentTypeError(f"{part!r} is not a number of threads")
        counts.append(int(part))
    if max(counts) > len(available_cpus()):
        raise argparse.ArgumentTypeError(
            f"there are {len(available_cpus())} processors, not {max(counts)}"
        )
    return sorted(set(counts))
