"""Models in files: mlpcore's own format, and what others read and write.

What is in a file of mlpcore's own, and what is checked, is in ``docs/formats.md``.
"""

# This module is imported with the package, so it imports nothing: each function
# fetches what it needs.

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

    import onnx

    from .._architecture import LossName
    from ..network import Network

__all__ = ["from_onnx", "load", "read_metadata"]


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
        As in `load`: the whole file is checked.

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


def from_onnx(
    model: str | os.PathLike[str] | bytes | onnx.ModelProto,
    *,
    output: str | None = None,
    loss: LossName = "auto",
    tensor: str | None = None,
) -> Network:
    """Return the network that a model of ONNX is.

    Its dense layers may be written as ``Gemm``, or ``MatMul`` and ``Add``. The nodes
    after one of them are taken for the activation whose values they have, however that
    is written. What changes nothing is passed over: ``Identity``, ``Dropout``, ``Cast``
    to float32 or float64, ``Flatten`` and ``Reshape`` that keep the rows. Needs
    ``mlpcore[onnx]``.

    Parameters
    ----------
    model : str, path-like, bytes or onnx.ModelProto
        The file, its content, or the model. Weights in another file are read if that
        is in the same folder.
    output : str, optional
        An activation to add at the end: ``"softmax"`` for a model that puts out logits
        or log-probabilities, ``"sigmoid"`` for one output of log-odds.
    loss : str or tuple of (str, float)
        What further training minimises, as in `Network`. A model does not say, unless
        `Network.to_onnx` has written it.
    tensor : str, optional
        The tensor that the network is to put out, by its name in the model, if there
        are several outputs, or nodes at the end that a network has not.

    Returns
    -------
    Network
        The same function, in the dtype of the weights.

    Raises
    ------
    NotSupportedError
        If a node is none that a network has; says which, and why.
    ModelFormatError
        If the model is damaged or not valid.
    ModelVersionError
        If it is newer than the onnx library.
    TypeError, ValueError
        If an argument is not what its description says.
    OSError
        If a file cannot be read.
    ImportError
        If onnx is missing.

    Examples
    --------
    >>> import mlpcore, os, tempfile
    >>> net = mlpcore.Network([4, 16, 3], "gelu", rng=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.onnx")
    ...     net.to_onnx(path)
    ...     twin = mlpcore.from_onnx(path)
    >>> twin
    Network([4, 16, 3], 'gelu', output='softmax', loss='log_loss', dtype='float32')
    >>> (twin.predict([[5, 3, 1, 0]]) == net.predict([[5, 3, 1, 0]])).all()
    np.True_
    """
    from ._onnx_import import network_from_onnx

    return network_from_onnx(model, output, loss, tensor)
