"""Models in files: mlpcore's own format, and what others read and write.

What is in a file of mlpcore's own, and what is checked, is in ``docs/formats.md``.
"""

# This module is imported with the package, so it imports nothing: each function
# fetches what it needs.

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from ..network import Network
    from ._from_keras import from_keras
    from ._from_onnx import from_onnx
    from ._from_sklearn import from_sklearn
    from ._from_torch import from_torch

__all__ = [
    "from_keras",
    "from_onnx",
    "from_sklearn",
    "from_torch",
    "load",
    "read_metadata",
]

# Functions that are imported when they are first asked for, and where they are.
LAZY = {
    "from_keras": "._from_keras",
    "from_onnx": "._from_onnx",
    "from_sklearn": "._from_sklearn",
    "from_torch": "._from_torch",
}


def __getattr__(name: str) -> Any:
    if name in LAZY:
        return getattr(importlib.import_module(LAZY[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *LAZY})


def load(path: str | bytes | os.PathLike[str] | os.PathLike[bytes]) -> Network:
    """Load a network that `Network.save` has written.

    Nothing that a file names is evaluated or imported, so a file from a stranger can
    at worst be refused.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.

    Returns
    -------
    Network
        The same network: the same bits, in its predictions and in what it is trained
        to. It has no ties to the file.

    Raises
    ------
    ModelFormatError
        If the file is damaged, was cut off, or is not a network of mlpcore's.
    ModelVersionError
        If it was written in a newer format.
    OSError
        If it cannot be read; FileNotFoundError if there is none.
    MemoryError
        If its parameters do not fit in memory.

    Examples
    --------
    >>> import mlpcore, os, tempfile
    >>> net = mlpcore.Network([4, 16, 3], rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.safetensors")
    ...     net.save(path)
    ...     twin = mlpcore.load(path)
    >>> (twin.predict([[5, 3, 1, 0]]) == net.predict([[5, 3, 1, 0]])).all()
    np.True_
    """
    from ._native import load_network

    return load_network(path)


def read_metadata(
    path: str | bytes | os.PathLike[str] | os.PathLike[bytes],
) -> dict[str, str]:
    """Return the metadata that the user gave to `Network.save`.

    Parameters
    ----------
    path : str, bytes or path-like
        A file that `Network.save` or `Trainer.save_checkpoint` has written.

    Returns
    -------
    dict of str to str
        The metadata, without mlpcore's own entries.

    Raises
    ------
    ModelFormatError, ModelVersionError, OSError
        As in `mlpcore.load`: the whole file is checked.

    Examples
    --------
    >>> import mlpcore, os, tempfile
    >>> net = mlpcore.Network([4, 16, 3], rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.safetensors")
    ...     net.save(path, metadata={"author": "Fisher"})
    ...     mlpcore.formats.read_metadata(path)
    {'author': 'Fisher'}
    """
    from ._native import load_metadata

    return load_metadata(path)
