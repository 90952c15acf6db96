"""What the figures were measured on, and with."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from .. import __version__
from ..machine import build_config
from ._worker import available_cpus
from .rivals import OURS, RIVALS


def _processor() -> str:
    """Return the processor's name; Linux has it in a file."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _load() -> float | None:
    """Return how many processes wanted a processor in the last minute, if known."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def describe_machine(rivals: Sequence[str]) -> dict[str, object]:
    """Return the machine and the versions of all that take part.

    Parameters
    ----------
    rivals : sequence of str
        Who takes part.

    Returns
    -------
    dict
        Ready for JSON.
    """
    versions = {"python": platform.python_version()}
    for name in rivals:
        if name != OURS:
            versions.update(RIVALS[name].versions())
    config = build_config()
    return {
        "processor": _processor(),
        "processors": len(available_cpus()),
        "system": f"{platform.system()} {platform.machine()}",
        "isa": config["isa"],
        "compiler": config["compiler"],
        "load_before": _load(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "versions": {"mlpcore": __version__, **versions},
    }
