"""The libraries that are compared, one file each."""

from __future__ import annotations

from .base import Rival
from .jax_xla import JaxRival
from .numpy_blas import NumpyRival
from .onnx_runtime import OnnxRuntimeRival
from .ours import Ours
from .pytorch import PyTorchRival
from .scikit_learn import ScikitLearnRival

OURS = Ours.name
_ALL: tuple[Rival, ...] = (
    Ours(),
    PyTorchRival(),
    JaxRival(),
    OnnxRuntimeRival(),
    ScikitLearnRival(),
    NumpyRival(),
)
RIVALS: dict[str, Rival] = {rival.name: rival for rival in _ALL}

__all__ = ["OURS", "RIVALS", "Rival"]
