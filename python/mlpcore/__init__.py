"""The multilayer perceptron, done completely, on a CPU.

>>> import mlpcore
>>> net = mlpcore.Network([4, 16, 3], rng=0)
>>> net.predict([[5.1, 3.5, 1.4, 0.2]]).shape
(1, 3)
"""

import importlib as _importlib
import typing as _typing

from . import formats
from ._core import build_config as _build_config
from .errors import (
    DivergenceError,
    ModelFormatError,
    ModelVersionError,
    NotSupportedError,
)
from .formats import load
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

# What a program that only predicts does not need is imported when it is first asked
# for; the dataclasses of the optimizers and schedules alone take 7 ms to make.
_MODULES = (
    "callbacks",
    "ops",
    "optim",
    "plots",
    "reference",
    "schedules",
    "table",
)
_NAMES = {
    "History": "history",
    "Trainer": "trainer",
    **dict.fromkeys(formats.LAZY, "formats"),
}

if _typing.TYPE_CHECKING:
    # To a type checker, a module with a __getattr__ has every name there is.
    from . import callbacks as callbacks
    from . import ops as ops
    from . import optim as optim
    from . import plots as plots
    from . import reference as reference
    from . import schedules as schedules
    from . import table as table
    from .formats import from_keras, from_onnx, from_sklearn, from_torch
    from .history import History
    from .trainer import Trainer
else:

    def __getattr__(name):
        if name in _MODULES:
            return _importlib.import_module(f".{name}", __name__)
        if name in _NAMES:
            module = _importlib.import_module(f".{_NAMES[name]}", __name__)
            return getattr(module, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return sorted({*globals(), *_MODULES, *_NAMES})


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
    "from_onnx",
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
