"""The multilayer perceptron, done completely, on a CPU.

>>> import mlpcore
>>> net = mlpcore.Network([4, 16, 3], rng=0)
>>> net.predict([[5.1, 3.5, 1.4, 0.2]]).shape
(1, 3)
"""

import importlib as _importlib
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any

from . import callbacks, formats, ops, optim, schedules
from ._core import build_config as _build_config
from .errors import (
    DivergenceError,
    ModelFormatError,
    ModelVersionError,
    NotSupportedError,
)
from .formats import load
from .history import History
from .machine import (
    build_config,
    get_num_threads,
    isa,
    set_isa,
    set_num_threads,
    show_config,
    supported_isas,
)
from .network import ForwardPass, Network
from .trainer import Trainer

if _TYPE_CHECKING:
    from .formats import from_keras, from_sklearn, from_torch

# What most programs do not need is imported when it is first asked for.
_LAZY = ("plots", "reference")


def __getattr__(name: str) -> _Any:
    if name in _LAZY:
        return _importlib.import_module(f".{name}", __name__)
    if name in formats.LAZY:
        return getattr(formats, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY, *formats.LAZY})


__version__: str = _build_config()["version"]

__all__ = [
    "DivergenceError",
    "ForwardPass",
    "History",
    "ModelFormatError",
    "ModelVersionError",
    "Network",
    "NotSupportedError",
    "Trainer",
    "build_config",
    "callbacks",
    "formats",
    "from_keras",
    "from_sklearn",
    "from_torch",
    "get_num_threads",
    "isa",
    "load",
    "ops",
    "optim",
    "schedules",
    "set_isa",
    "set_num_threads",
    "show_config",
    "supported_isas",
]
