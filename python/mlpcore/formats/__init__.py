"""Models in files: mlpcore's own format, and what others read and write.

What is in a file of mlpcore's own, and what is checked, is in ``docs/formats.md``.
"""

# This module is imported with the package, so it imports nothing: each function
# fetches what it needs.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    from ..network import Network

__all__ = ["load", "read_metadata"]


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
