"""Small models of ONNX, written node by node, and what ONNX Runtime makes of them."""

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import mlpcore

_rng = np.random.default_rng(3)
W0, W1 = (_rng.normal(size=s).astype("float32") for s in ((4, 5), (5, 3)))
B0, B1 = (_rng.normal(size=n).astype("float32") for n in (5, 3))
X = _rng.normal(size=(20, 4)).astype("float32")


def node(op, inputs, output, **attributes):
    return helper.make_node(
        op, inputs.split(), [output], name=f"the_{output}", **attributes
    )


def build(nodes, constants=(), n_in=4, output="y", opset=20, **options):
    """Return a model; W0, B0, W1, B1 are there for its nodes."""
    tensors = {"W0": W0, "B0": B0, "W1": W1, "B1": B1, **dict(constants)}
    used = {name for each in nodes for name in each.input}
    shape = options.pop("shape", ["batch", n_in])
    kind = options.pop("kind", TensorProto.FLOAT)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", "n"])],
        [
            numpy_helper.from_array(np.asarray(array), name)
            for name, array in tensors.items()
            if name in used
        ],
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, **options)


def two_layers(*between, end="h", **options):
    """Return a model with some nodes from `z` to `end` between two dense layers."""
    return build(
        [
            node("Gemm", "x W0 B0", "z"),
            *between,
            node("Gemm", f"{end} W1 B1", "y"),
        ],
        **options,
    )


def predicted_by_onnx_runtime(model, rows=X):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: rows})[0]


def assert_agrees(model, rows=X):
    """Compare from_onnx's network with ONNX Runtime; return the network."""
    net = mlpcore.from_onnx(model)
    wanted = predicted_by_onnx_runtime(model, rows)
    np.testing.assert_allclose(
        net.predict(rows.reshape(len(rows), -1)), wanted, rtol=1e-5, atol=1e-5
    )
    return net
