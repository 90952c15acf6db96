"""A network as a model of ONNX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import _core
from .._optional import require
from ..errors import NotSupportedError
from ._atomic import Path, write_file
from ._native import LIBRARY, NETWORK, describe_architecture
from ._safetensors import to_json

if TYPE_CHECKING:
    from ..network import Network

INPUT, OUTPUT, BATCH = "input", "output", "batch"

# protobuf's limit, less what is not weights.
_MOST_BYTES = 2**31 - 2**20


def save_onnx(network: Network, path: Path) -> None:
    """Do what `Network.to_onnx` says."""
    model = onnx_model(network)
    write_file(path, [model.SerializeToString(deterministic=True)])


def onnx_model(network: Network) -> Any:
    """Return a network as an ``onnx.ModelProto``.

    Raises
    ------
    NotSupportedError
        If it is too large for one.
    ImportError
        If onnx is missing.
    """
    helper = require("onnx", "onnx", "Network.to_onnx").helper
    # It computes coefficients with NumPy, and needs onnx itself.
    from ._onnx_graph import OPSET, Graph, add_network

    n_bytes = network.n_parameters * network.dtype.itemsize
    if n_bytes > _MOST_BYTES:
        raise NotSupportedError(
            f"the network has {n_bytes / 1e9:.1f} GB of parameters, an ONNX model in "
            "one file at most 2 GB"
        )
    graph = Graph(network.dtype)
    add_network(graph, network, INPUT)
    graph.end(OUTPUT)
    n_in, n_out = network.layer_sizes[0], network.layer_sizes[-1]
    kind = helper.np_dtype_to_tensor_dtype(network.dtype)
    version = _core.build_config()["version"]
    opset = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "mlpcore",
            [helper.make_tensor_value_info(INPUT, kind, [BATCH, n_in])],
            [helper.make_tensor_value_info(OUTPUT, kind, [BATCH, n_out])],
            graph.initializers,
        ),
        opset_imports=opset,
        ir_version=helper.find_min_ir_version_for(opset),
        producer_name="mlpcore",
        producer_version=version,
        doc_string=repr(network),
    )
    description = to_json(describe_architecture(network._architecture))
    helper.set_model_props(model, {LIBRARY: version, NETWORK: description})
    return model
