"""The machine: instruction sets, threads, and how this build was made."""

from __future__ import annotations

from typing import Any

from . import _core
from ._arguments import check_integer
from ._names import unknown_name

__all__ = [
    "build_config",
    "get_num_threads",
    "isa",
    "set_isa",
    "set_num_threads",
    "show_config",
    "supported_isas",
]

_ALL_ISAS = ("baseline", "avx2", "avx512", "neon")


def supported_isas() -> list[str]:
    """Return the instruction sets this build has and this processor can run.

    Returns
    -------
    list of str
        Among ``"baseline"``, ``"avx2"``, ``"avx512"`` and ``"neon"``, slowest first.

    Examples
    --------
    >>> "baseline" in supported_isas()
    True
    """
    return _core.supported_isas()


def isa() -> str:
    """Return the active instruction set.

    It is the fastest supported one, unless the environment variable ``MLPCORE_ISA`` or
    `set_isa` named another.

    Examples
    --------
    >>> isa() in supported_isas()
    True
    """
    return _core.isa()


def set_isa(name: str) -> None:
    """Choose the instruction set of all further calls.

    Results have the same bits on all of them but ``"baseline"``, which has no fused
    multiply-add.

    Parameters
    ----------
    name : str
        One of `supported_isas`.

    Raises
    ------
    ValueError
        If the name is unknown, or not supported here.

    Examples
    --------
    >>> set_isa(isa())
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {name!r}")
    if name not in _ALL_ISAS:
        raise unknown_name("instruction set", name, _ALL_ISAS)
    _core.set_isa(name)


def set_num_threads(n: int) -> None:
    """Set how many threads a call may use.

    Small work uses fewer. Results do not depend on it, not in one bit.

    Parameters
    ----------
    n : int
        1 or more.

    Examples
    --------
    >>> set_num_threads(get_num_threads())
    """
    _core.set_num_threads(check_integer("n", n, 1))


def get_num_threads() -> int:
    """Return how many threads a call may use.

    By default as many as OpenMP says: the processors, or ``OMP_NUM_THREADS``; limits
    set by threadpoolctl are kept.

    Examples
    --------
    >>> get_num_threads() >= 1
    True
    """
    return _core.get_num_threads()


def build_config() -> dict[str, Any]:
    """Return how this build was made and what it runs on.

    Returns
    -------
    dict
        ``version``, ``compiler``, ``build_type``, ``flags``, ``openmp``, ``isas``
        (supported here), ``isa`` (active), ``num_threads``, and the sizes that fix the
        order of arithmetic: ``panel_float32``, ``panel_float64``, ``block_terms``.

    Examples
    --------
    >>> build_config()["block_terms"]
    256
    """
    return {
        **_core.build_config(),
        "isas": supported_isas(),
        "isa": isa(),
        "num_threads": get_num_threads(),
    }


def show_config() -> None:
    """Print `build_config`, one line an entry."""
    for key, value in build_config().items():
        text = ", ".join(value) if isinstance(value, list) else value
        print(f"{key:14} {text}")
