"""Network.to_onnx: the model is valid, says what it is, and computes the same."""

import json
import os
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

import mlpcore
from mlpcore import NotSupportedError
from mlpcore._architecture import ACTIVATIONS
from mlpcore.formats import _onnx_export
from mlpcore.formats._onnx_graph import Graph, add_activation
from mlpcore.reference.activations import ACTIVATIONS as REFERENCE
from support import run_python, unit_roundoff

# 5 to 4 by way of 7 and 6.
SIZES = [5, 7, 6, 4]


def random_network(activation, output, dtype):
    net = mlpcore.Network(SIZES, activation, output, dtype=dtype, rng=0)
    rng = np.random.default_rng(1)
    net.set_parameters(rng.normal(size=net.n_parameters) / 2)
    return net


def run(model, X):
    """Return what ONNX Runtime makes of rows."""
    source = os.fspath(model) if isinstance(model, Path) else model
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    return session.run(["output"], {"input": X})[0]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.onnx"


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "softmax"])
def test_onnx_runtime_predicts_the_same(activation, dtype, path):
    hidden = "tanh" if activation in ("softmax", "exp") else activation
    net = random_network(hidden, activation, dtype)
    net.to_onnx(path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    X = np.random.default_rng(2).normal(size=(200, SIZES[0])).astype(dtype)
    got = run(path, X)
    assert got.dtype == dtype
    # Some ten roundings a layer of numbers as large as the layers' sums of magnitudes.
    forward = net.forward(X)
    size = max(np.abs(z).max() for z in forward.z)
    scale = max(size, 1) * max(np.abs(forward.y[-1]).max(), 1)
    np.testing.assert_allclose(
        got, net.predict(X), rtol=0, atol=40 * unit_roundoff(dtype) * scale
    )


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_alone_are_accurate(activation, dtype):
    """Far out too, where a formula that cancels or overflows shows."""
    helper = onnx.helper
    graph = Graph(dtype)
    add_activation(graph, activation, graph.node("Identity", "input"))
    graph.end("output")
    kind = helper.np_dtype_to_tensor_dtype(dtype)
    ends = [helper.make_tensor_value_info(x, kind, ["n"]) for x in ("input", "output")]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "g", ends[:1], ends[1:], graph.initializers),
        opset_imports=[helper.make_opsetid("", 13)],
        ir_version=7,
    )
    z = np.concatenate([np.linspace(-30, 30, 4001), np.geomspace(1e-9, 80, 60)])
    z = np.concatenate([z, -z]).astype(dtype)
    got = run(model.SerializeToString(), z)
    wanted = REFERENCE[activation].function(z.astype(np.float64))
    # In float64 the formulas are ours, and good to the last digits; ONNX Runtime's in
    # float32 are good beside 1, and exp in both.
    bound = 50 * unit_roundoff(dtype)
    if dtype == np.float64 and activation not in ("sigmoid", "silu", "tanh"):
        tiny = 1e-300
    else:
        tiny = bound * np.maximum(np.abs(z), 1)
    assert (np.abs(got - wanted) <= bound * np.abs(wanted) * 10 + tiny).all()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_limits_in_float64(activation):
    net = mlpcore.Network([1, 1, 1], activation, "identity", dtype="float64", rng=0)
    net.set_parameters([1, 0, 1, 0])
    model = _onnx_export.onnx_model(net).SerializeToString()
    X = np.array([[0.0], [1e10], [-1e10], [np.inf]])
    np.testing.assert_allclose(run(model, X), net.predict(X), rtol=1e-14)


def test_names_shapes_and_what_it_says_of_itself(path):
    net = mlpcore.Network([4, 16, 3], loss="log_loss", dropout=0.25, rng=0)
    net.to_onnx(path)
    model = onnx.load(path)
    assert (model.producer_name, model.producer_version) == (
        "mlpcore",
        mlpcore.__version__,
    )
    assert model.doc_string == repr(net)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 13)]
    assert model.ir_version == 7
    for value, name, width in (
        (model.graph.input[0], "input", 4),
        (model.graph.output[0], "output", 3),
    ):
        assert value.name == name
        rows, columns = value.type.tensor_type.shape.dim
        assert (rows.dim_param, columns.dim_value) == ("batch", width)
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}
    np.testing.assert_array_equal(tensors["layers.0.weight"], net.weights[0])
    np.testing.assert_array_equal(tensors["layers.1.bias"], net.biases[1])
    assert [node.op_type for node in model.graph.node] == [
        "Gemm",
        "Relu",
        "Gemm",
        "Softmax",
    ]
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["mlpcore.version"] == mlpcore.__version__
    network = json.loads(metadata["mlpcore.network"])
    assert (network["loss"], network["dropout"]) == ("log_loss", [0.25])


@pytest.mark.parametrize("rows", [0, 1, 17])
def test_any_number_of_rows(rows, path):
    net = random_network("relu", "softmax", "float32")
    net.to_onnx(path)
    assert run(path, np.zeros((rows, SIZES[0]), "float32")).shape == (rows, SIZES[-1])


def test_names_are_there_once():
    model = _onnx_export.onnx_model(random_network("gelu", "mish", "float64"))
    for names in (
        [node.name for node in model.graph.node],
        [name for node in model.graph.node for name in node.output],
        [tensor.name for tensor in model.graph.initializer],
    ):
        assert len(names) == len(set(names))


def test_the_same_file_every_time(path):
    net = random_network("gelu", "softmax", "float64")
    net.to_onnx(path)
    first = path.read_bytes()
    net.to_onnx(os.fsencode(path))
    assert path.read_bytes() == first


def test_an_error_leaves_the_old_file(path, monkeypatch):
    net = random_network("relu", "softmax", "float32")
    path.write_bytes(b"old")
    monkeypatch.setattr(_onnx_export, "_MOST_BYTES", 400)
    with pytest.raises(NotSupportedError, match=r"at most 2 GB"):
        net.to_onnx(path)
    assert path.read_bytes() == b"old"
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", _fail)
    with pytest.raises(OSError, match="no replacing"):
        net.to_onnx(path)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == [path.name]


def _fail(*args):
    raise OSError(5, "no replacing")


def test_no_warnings(path):
    with warnings.catch_warnings(action="error"):
        random_network("gelu", "softmax", "float64").to_onnx(path)


def test_without_onnx(path):
    script = f"""
import sys
sys.modules["onnx"] = None
import mlpcore
net = mlpcore.Network([2, 3])
for call in (lambda: net.to_onnx({os.fspath(path)!r}), lambda: mlpcore.from_onnx(b"")):
    try:
        call()
    except ImportError as error:
        print(error)
"""
    assert run_python(script).stdout.splitlines() == [
        'Network.to_onnx needs onnx: pip install "mlpcore[onnx]"',
        'from_onnx needs onnx: pip install "mlpcore[onnx]"',
    ]
    assert not path.exists()


def test_onnx_is_imported_when_it_is_used():
    script = """
import sys, mlpcore
print("onnx" in sys.modules, "mlpcore.reference" in sys.modules)
import mlpcore.sklearn
print("onnx" in sys.modules, "skl2onnx" in sys.modules)
"""
    assert run_python(script).stdout.split() == ["False"] * 4
