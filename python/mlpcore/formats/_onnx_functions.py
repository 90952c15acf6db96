"""What nodes of ONNX compute: constants, and which activation a few nodes are.

The same activation is written in many ways: GELU alone as one operator, or with the
error function and its factors in any order. So nodes are not compared with patterns but
run, by onnx's own evaluator in NumPy, and their values compared with the activations'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._optional import require
from .._validation import Array
from ..errors import ModelFormatError
from ..reference.activations import ACTIVATIONS
from ._layers import unsupported

# Of one number and constants: one number. Nothing else is run for data.
ELEMENTWISE = frozenset(
    "Abs Add And Celu Clip Div Elu Equal Erf Exp Gelu Greater GreaterOrEqual "
    "HardSigmoid HardSwish LeakyRelu Less LessOrEqual Log Max Min Mish Mul Neg Not Or "
    "PRelu Pow Reciprocal Relu Selu Sigmoid Sign Softplus Softsign Sqrt Sub Sum Swish "
    "Tanh ThresholdedRelu Where".split()
)
TRUTHS = frozenset("And Equal Greater GreaterOrEqual Less LessOrEqual Not Or".split())
# Of constants. Their results are no larger than what they get, so a small file cannot
# fill the memory (those that are elementwise are checked).
_SAME_SIZE = frozenset(
    "Cast Constant Identity Reshape Squeeze Transpose Unsqueeze".split()
)
FOLDED = ELEMENTWISE | _SAME_SIZE

# Where to compare: densely round 0, and far out, where what is clipped shows. Beyond
# _NEAR an exponential may have become infinite that the activation does without.
_NEAR = 30.0
_FAR = np.geomspace(40, 1e6, 12)
_PROBES = np.concatenate([np.linspace(-_NEAR, _NEAR, 1201), _FAR, -_FAR])[:, None]
# Constants of the nodes are float32, so they are within 6e-8; the nearest function that
# is another, GELU with tanh, is 5e-4 away.
_TOLERANCE = 1e-6


def describe(node: Any) -> str:
    """Return how to call a node in messages."""
    name = f"{node.name!r}" if node.name else f"that makes {node.output[0]!r}"
    return f"node {name} ({node.op_type})"


def attributes(node: Any) -> dict[str, Any]:
    """Return a node's attributes."""
    helper = require("onnx", "onnx", "from_onnx").helper
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def folded(node: Any, constants: Mapping[str, Array], opsets: Sequence[Any]) -> Array:
    """Return the output of a node of `FOLDED` whose inputs are constants.

    Raises
    ------
    ModelFormatError
        If it cannot be computed.
    NotSupportedError
        If it is sparse.
    """
    if "sparse_value" in attributes(node):
        raise unsupported(describe(node), "it is sparse")
    if node.op_type not in _SAME_SIZE:
        shapes = [array.shape for array in constants.values()]
        try:
            n = int(np.prod(np.broadcast_shapes(*shapes)))
        except ValueError:
            n = -1
        if not 0 <= n <= max(array.size for array in constants.values()):
            raise ModelFormatError(f"{describe(node)}: shapes {shapes} do not fit")
    return _run([node], constants, node.output[0], opsets)


def activation_of(
    nodes: Sequence[Any],
    z: str,
    y: str,
    constants: Mapping[str, Array],
    opsets: Sequence[Any],
) -> str | None:
    """Return the name of the activation that nodes of `ELEMENTWISE` compute.

    Parameters
    ----------
    nodes : sequence of NodeProto
        In an order in which they can be run.
    z, y : str
        The names of what goes in and of what comes out.
    constants : mapping of str to ndarray
        The other inputs.
    opsets : sequence of OperatorSetIdProto
        The model's.

    Returns
    -------
    str or None
        None if there is no such activation.
    """
    feeds = {name: _wide(array) for name, array in constants.items()}
    got = _run(nodes, {**feeds, z: _PROBES}, y, opsets)
    if got.shape != _PROBES.shape or got.dtype != np.float64:
        return None
    far = np.abs(_PROBES) > _NEAR
    with np.errstate(all="ignore"):
        for name, activation in ACTIVATIONS.items():
            wanted = activation.function(_PROBES)
            same = np.isclose(got, wanted, rtol=_TOLERANCE, atol=_TOLERANCE)
            if np.all(same | far & ~np.isfinite(got)):
                return name
    return None


def _wide(array: Array) -> Array:
    return array.astype(np.float64) if array.dtype.kind == "f" else array


def _run(
    nodes: Sequence[Any], feeds: Mapping[str, Array], output: str, opsets: Sequence[Any]
) -> Array:
    onnx = require("onnx", "onnx", "from_onnx")
    reference = require("onnx.reference", "onnx", "from_onnx")
    helper = onnx.helper
    kinds = {
        name: helper.np_dtype_to_tensor_dtype(array.dtype)
        for name, array in feeds.items()
    }
    graph = helper.make_graph(
        nodes,
        "part",
        [
            helper.make_tensor_value_info(name, kind, None)
            for name, kind in kinds.items()
        ],
        [helper.make_tensor_value_info(output, onnx.TensorProto.UNDEFINED, None)],
    )
    model = helper.make_model(graph, opset_imports=opsets)
    try:
        with np.errstate(all="ignore"):
            return np.asarray(
                reference.ReferenceEvaluator(model).run([output], dict(feeds))[0]
            )
    except Exception as error:  # whatever an attribute or a shape that is wrong causes
        what = " to ".join(dict.fromkeys(map(describe, (nodes[0], nodes[-1]))))
        raise ModelFormatError(f"{what} cannot be computed: {error}") from error
