"""A network from a model of ONNX."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..errors import ModelFormatError
from ._native import NETWORK, architecture_of, describe_architecture
from ._onnx_file import load_model
from ._onnx_import import Reader
from ._safetensors import from_json

if TYPE_CHECKING:
    import onnx

    from .._architecture import LossName
    from ..network import Network


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
    proto = load_model(model)
    try:
        network = Reader(proto, tensor).chain().network(output=output, loss=loss)
        if output is None and loss == "auto":
            _take_description(network, proto)
    except UnicodeDecodeError as error:  # a name, where it is first looked at
        raise ModelFormatError(
            f"the model has a name that is no text: {error}"
        ) from None
    return network


def _take_description(network: Network, model: Any) -> None:
    """Take what a graph does not say from the metadata, if the network is still that.

    The metadata adds to what the graph is; so what is not understood, or says
    otherwise, because another program has changed the graph, is let be.
    """
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    ours = describe_architecture(network._architecture)
    try:
        theirs = from_json(metadata[NETWORK], NETWORK)
        for name in ("layer_sizes", "activations", "dtype"):
            if theirs[name] != ours[name]:
                return
        architecture = architecture_of(theirs)
    except (KeyError, TypeError, ModelFormatError):
        return
    parameters = network.get_parameters()
    network._set_up(architecture, network._seed)
    network.set_parameters(parameters)
