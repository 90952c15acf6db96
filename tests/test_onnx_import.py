"""mlpcore.from_onnx: what is read, from whom, and what is refused in which words."""

import os
import shutil
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn import neural_network

import mlpcore
from mlpcore import ModelFormatError, ModelVersionError, NotSupportedError
from mlpcore._architecture import ACTIVATIONS
from mlpcore.formats import _onnx_export
from support import assert_same_bits

torch = pytest.importorskip("torch")
nn = torch.nn

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


# --- Our own ---------------------------------------------------------------------


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "softmax"])
def test_our_own_comes_back(activation, dtype, tmp_path):
    hidden = "selu" if activation == "softmax" else activation
    net = mlpcore.Network([3, 4, 4, 2], hidden, activation, dtype=dtype, rng=0)
    net.to_onnx(tmp_path / "net.onnx")
    for source in (
        tmp_path / "net.onnx",
        os.fspath(tmp_path / "net.onnx"),
        (tmp_path / "net.onnx").read_bytes(),
        onnx.load(tmp_path / "net.onnx"),
    ):
        twin = mlpcore.from_onnx(source)
        assert twin._architecture == net._architecture
        assert_same_bits(twin.get_parameters(), net.get_parameters())


def test_what_only_training_needs_comes_back():
    net = mlpcore.Network(
        [3, 4, 4, 2],
        ["relu", "gelu"],
        "identity",
        loss=("huber", 0.5),
        init="orthogonal",
        dropout=[0.1, 0.3],
        rng=0,
    )
    model = _onnx_export.onnx_model(net)
    twin = mlpcore.from_onnx(model)
    assert twin._architecture == net._architecture
    assert mlpcore.from_onnx(model, loss="euclidean").loss_name == "euclidean"


@pytest.mark.parametrize("damage", ["{", '{"layer_sizes": [3, 5, 2]}', "[]", "{}"])
def test_metadata_that_says_otherwise_is_let_be(damage):
    net = mlpcore.Network([3, 4, 2], output="sigmoid", dropout=0.5, rng=0)
    model = _onnx_export.onnx_model(net)
    for entry in model.metadata_props:
        if entry.key == "mlpcore.network":
            entry.value = damage
    twin = mlpcore.from_onnx(model)
    assert twin.dropout == [0]
    assert_same_bits(twin.get_parameters(), net.get_parameters())


def test_a_changed_graph_counts_more_than_the_metadata():
    model = _onnx_export.onnx_model(mlpcore.Network([3, 4, 2], dropout=0.5, rng=0))
    model.graph.node[1].op_type = "Tanh"
    twin = mlpcore.from_onnx(model)
    assert (twin.activations, twin.dropout) == (["tanh", "softmax"], [0])


# --- PyTorch ---------------------------------------------------------------------

_MODULES = {
    "identity": nn.Identity,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
}


def module():
    """Return every activation after one another, and Softmax; rows are 2 by 2."""
    torch.manual_seed(0)
    layers = [nn.Flatten()]
    n_in = 4
    for kind in _MODULES.values():
        layers += [nn.Linear(n_in, 5, bias=kind is not nn.Tanh), kind(), nn.Dropout()]
        n_in = 5
    return nn.Sequential(*layers, nn.Linear(5, 3), nn.Softmax(dim=-1)).eval()


def exported(module, path, rows, **options):
    options.setdefault("dynamo", True)
    if options["dynamo"]:
        options["verbose"] = False
    with warnings.catch_warnings(action="ignore"):  # of its own deprecations
        torch.onnx.export(module, (torch.from_numpy(rows),), os.fspath(path), **options)
    return path


@pytest.mark.parametrize(
    "options",
    [
        {"dynamo": False, "opset_version": 13},
        {"dynamo": False, "opset_version": 20},
        {"dynamic_shapes": ({0: torch.export.Dim.DYNAMIC},), "external_data": False},
        {},
    ],
    ids=["legacy 13", "legacy 20", "dynamo", "dynamo in two files"],
)
def test_pytorch(options, tmp_path):
    rows = X.reshape(-1, 2, 2)
    path = exported(module(), tmp_path / "net.onnx", rows, **options)
    assert (tmp_path / "net.onnx.data").exists() == (options == {})
    net = assert_agrees(onnx.load(path), rows)
    assert net.activations == [*_MODULES, "softmax"]
    twin = mlpcore.from_onnx(path)
    assert_same_bits(twin.get_parameters(), net.get_parameters())
    with torch.no_grad():
        wanted = module()(torch.from_numpy(rows)).numpy()
    np.testing.assert_allclose(twin.predict(X), wanted, rtol=1e-5, atol=1e-6)


def test_logits_and_what_to_make_of_them(tmp_path):
    logits = nn.Sequential(nn.Linear(4, 3))
    path = exported(logits, tmp_path / "a.onnx", X, dynamo=False)
    net = mlpcore.from_onnx(path, output="softmax")
    assert (net.activations, net.loss_name) == (["softmax"], "log_loss")
    logarithms = exported(
        nn.Sequential(logits, nn.LogSoftmax(1)), tmp_path / "b.onnx", X, dynamo=False
    )
    twin = mlpcore.from_onnx(logarithms, output="softmax")
    assert_same_bits(twin.predict(X), net.predict(X))
    with pytest.raises(NotSupportedError, match=r"LogSoftmax.*output='softmax'"):
        mlpcore.from_onnx(logarithms)


# --- Others ----------------------------------------------------------------------


def test_scikit_learn(tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    y = X[:, :3].argmax(axis=1)
    clf = neural_network.MLPClassifier((6, 5), max_iter=200, tol=1, random_state=0)
    clf.fit(X, y)
    model = skl2onnx.to_onnx(clf, X[:1], options={"zipmap": False})
    with pytest.raises(NotSupportedError, match=r"'label', 'probabilities'.*tensor="):
        mlpcore.from_onnx(model)
    net = mlpcore.from_onnx(model, tensor="probabilities")
    assert net.activations == ["relu", "relu", "softmax"]
    np.testing.assert_allclose(net.predict(X), clf.predict_proba(X), atol=1e-6)
    with pytest.raises(NotSupportedError, match=r"ArgMax.*dense layers and activ"):
        mlpcore.from_onnx(model, tensor="label")
    with pytest.raises(ValueError, match="no node of the model makes a tensor 'prob'"):
        mlpcore.from_onnx(model, tensor="prob")


# --- Dense layers ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("nodes", "constants"),
    [
        ([node("Gemm", "x W0 B0", "y")], {}),
        ([node("Gemm", "x W0", "y")], {}),
        ([node("Gemm", "x W B0", "y", transB=1)], {"W": W0.T.copy()}),
        ([node("Gemm", "x W0 B0", "y", alpha=0.5, beta=-3.0)], {}),
        ([node("Gemm", "x W0 c", "y", beta=2.0)], {"c": np.float32(0.7)}),
        ([node("Gemm", "x W0 c", "y")], {"c": B0[None]}),
        ([node("MatMul", "x W0", "y")], {}),
        ([node("MatMul", "x W0", "p"), node("Add", "p B0", "y")], {}),
        ([node("MatMul", "x W0", "p"), node("Add", "B0 p", "y")], {}),
        ([node("Gemm", "x W0 B0", "p"), node("Add", "p B0", "y")], {}),
        (
            [
                node("Transpose", "W", "T", perm=[1, 0]),
                node("MatMul", "x T", "p"),
                node("Identity", "p", "q"),
                node("Add", "q B0", "y"),
            ],
            {"W": W0.T.copy()},
        ),
        (
            [
                node("Constant", "", "c", value=numpy_helper.from_array(B0)),
                node("Neg", "c", "n"),
                node("Gemm", "x W0 n", "y"),
            ],
            {},
        ),
    ],
)
def test_a_dense_layer(nodes, constants):
    net = assert_agrees(build(nodes, constants))
    assert net.layer_sizes == [4, 5]
    assert net.activations == ["identity"]


def test_two_layers_without_an_activation_stay_two():
    net = assert_agrees(two_layers(node("Identity", "z", "h")))
    assert (net.layer_sizes, net.activations) == ([4, 5, 3], ["identity"] * 2)


def test_float64_and_float16():
    nodes = [node("Cast", "x", "c", to=TensorProto.DOUBLE), node("MatMul", "c W", "y")]
    assert mlpcore.from_onnx(build(nodes, {"W": W0.astype("float64")})).dtype == "f8"
    nodes = [node("MatMul", "x W", "y")]
    model = build(nodes, {"W": W0.astype("float16")}, kind=TensorProto.FLOAT16)
    net = mlpcore.from_onnx(model)
    assert_same_bits(net.weights[0], W0.astype("float16").astype("float32"))


# --- Activations -----------------------------------------------------------------

ONE, TWO, HALF = (np.float32(x) for x in (1, 2, 0.5))
ROOT = np.float32(np.sqrt(2))
C = {"one": ONE, "two": TWO, "half": HALF, "root": ROOT, "inv": 1 / ROOT}
C |= {"zero": np.float32(0), "twenty": np.float32(20), "slope": np.float32(0.01)}
C |= {"ones": np.ones(5, "float32"), "max": np.float32(3e38)}

WRITTEN = {
    "gelu of one operator": ("gelu", [node("Gelu", "z", "h")]),
    "gelu, factors in another order": (
        "gelu",
        [
            node("Mul", "inv z", "a"),
            node("Erf", "a", "b"),
            node("Add", "ones b", "c"),
            node("Mul", "half z", "d"),
            node("Mul", "c d", "h"),
        ],
    ),
    "gelu, divided": (
        "gelu",
        [
            node("Div", "z root", "a"),
            node("Erf", "a", "b"),
            node("Add", "b one", "c"),
            node("Div", "c two", "d"),
            node("Mul", "d z", "h"),
        ],
    ),
    "mish of one operator": ("mish", [node("Mish", "z", "h")]),
    "softplus with a threshold": (
        "softplus",
        [
            node("Softplus", "z", "a"),
            node("Greater", "z twenty", "b"),
            node("Where", "b z a", "h"),
        ],
    ),
    "softplus that overflows": (
        "softplus",
        [node("Exp", "z", "a"), node("Add", "a one", "b"), node("Log", "b", "h")],
    ),
    "sigmoid with exp": (
        "sigmoid",
        [
            node("Neg", "z", "a"),
            node("Exp", "a", "b"),
            node("Add", "one b", "c"),
            node("Reciprocal", "c", "h"),
        ],
    ),
    "tanh with sigmoid": (
        "tanh",
        [
            node("Mul", "z two", "a"),
            node("Sigmoid", "a", "b"),
            node("Mul", "b two", "c"),
            node("Sub", "c one", "h"),
        ],
    ),
    "relu as a maximum": ("relu", [node("Max", "z zero", "h")]),
    "relu as a clip": ("relu", [node("Clip", "z zero", "h")]),
    "relu as a product with a cast": (
        "relu",
        [
            node("Greater", "z zero", "a"),
            node("Cast", "a", "b", to=TensorProto.FLOAT),
            node("Mul", "z b", "h"),
        ],
    ),
    "relu twice": ("relu", [node("Relu", "z", "a"), node("Relu", "a", "h")]),
    "leaky_relu as PRelu": ("leaky_relu", [node("PRelu", "z slope", "h")]),
    "identity in two steps": (
        "identity",
        [node("Neg", "z", "a"), node("Neg", "a", "h")],
    ),
    "silu past an Identity": (
        "silu",
        [
            node("Identity", "z", "a"),
            node("Sigmoid", "a", "b"),
            node("Dropout", "b", "c"),
            node("Mul", "z c", "h"),
        ],
    ),
    "exp": ("exp", [node("Exp", "z", "h")]),
    "elu": ("elu", [node("Celu", "z", "h", alpha=1.0)]),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_activations_however_they_are_written(name):
    wanted, nodes = WRITTEN[name]
    net = assert_agrees(two_layers(*nodes, constants=C))
    assert net.activations == [wanted, "identity"]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Gelu", "z", "h", approximate="tanh")], r"'the_h' \(Gelu\).* none of"),
        ([node("LeakyRelu", "z", "h", alpha=0.2)], r"\(LeakyRelu\).* none of the act"),
        ([node("LeakyRelu", "z", "h", alpha=0.01001)], r"\(LeakyRelu\).* none of"),
        ([node("Elu", "z", "h", alpha=0.5)], r"\(Elu\).* none of the activations"),
        ([node("HardSwish", "z", "h")], r"\(HardSwish\).* none of the activations"),
        ([node("Clip", "z zero twenty", "h")], r"\(Clip\).* none of the activations"),
        ([node("Clip", "z zero big", "h")], r"\(Clip\).* none of the activations"),
        (
            [node("Relu", "z", "a"), node("Tanh", "a", "h")],
            r"node 'the_a' \(Relu\) to node 'the_h' \(Tanh\) has no .* none of the",
        ),
        ([node("PRelu", "z B0", "h")], r"'the_h' \(PRelu\).*'B0' differs from column"),
        ([node("Mul", "z B0", "h")], r"'the_h' \(Mul\).*'B0' differs from column"),
        ([node("Softmax", "z", "h")], r"'the_h' \(Softmax\).* for the last layer"),
        (
            [node("LayerNormalization", "z B0 B0", "h")],
            r"'the_h' \(LayerNormalization\).* dense layers and activations only",
        ),
        ([node("Cast", "z", "h", to=TensorProto.FLOAT16)], r"\(Cast\).* float32 or"),
        ([node("Dropout", "z half yes", "h")], r"\(Dropout\).* exported for training"),
        ([node("Reshape", "z one_row", "h")], r"\(Reshape\).* may not keep the rows"),
        ([node("Flatten", "z", "h", axis=0)], r"\(Flatten\).* does not keep the rows"),
        ([node("Transpose", "z", "h")], r"'the_h' \(Transpose\).* dense layers and"),
    ],
)
def test_what_a_network_has_not(nodes, message):
    constants = C | {"yes": np.True_, "one_row": np.array([1, -1])}
    constants["big"] = np.float32(1e5)
    with pytest.raises(NotSupportedError, match=message):
        mlpcore.from_onnx(two_layers(*nodes, constants=constants))


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([node("Relu", "x", "y")], "'the_y'.*before the first layer"),
        (
            [node("Sub", "x m", "a"), node("Gemm", "a W0", "y")],
            "'the_a'.*before the first layer",
        ),
        ([node("Identity", "x", "y")], "no dense layer"),
        ([node("Gemm", "W0 x", "y")], r"\(Gemm\).*input 'x' is not a constant"),
        ([node("MatMul", "T x", "y")], r"\(MatMul\).* second factor"),
        ([node("Gemm", "x T", "y", transA=1)], r"\(Gemm\).*transA"),
        ([node("Gemm", "x W0 x", "y")], r"\(Gemm\).*input 'x' is not a constant"),
        ([node("Gemm", "x W0 C", "y")], r"\(Gemm\).*a bias of shape \(2, 5\)"),
        ([node("MatMul", "x V", "y")], r"\(MatMul\).*shape \(2, 4, 5\), not 2-D"),
        (
            [node("Gemm", "x S", "a"), node("Relu", "a", "b"), node("Add", "b x", "y")],
            r"'the_y' \(Add\).*'x' is from before the last layer",
        ),
        (
            [node("Gemm", "x W0", "a"), node("Add", "a C2", "y")],
            r"'the_y' \(Add\).*a bias of shape \(2, 5\)",
        ),
        (
            [
                node("RandomNormal", "", "r", shape=[5]),
                node("Gemm", "x W0 r", "y"),
            ],
            r"\(RandomNormal\).*does not depend on the rows",
        ),
        (
            [helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml")],
            r"node that makes 'y' \(Scaler\).*domain 'ai.onnx.ml'",
        ),
        (
            [node("Gemm", "x W0", "a"), node("Softmax", "a", "y", axis=0)],
            r"'the_y' \(Softmax\).*axis=0",
        ),
        (
            [
                node("Gemm", "x W0", "a"),
                node("Softmax", "a", "s"),
                node("Relu", "s", "y"),
            ],
            r"'the_y' \(Relu\).*second activation",
        ),
        ([node("Gemm", "x Q", "y")], r"\(Gemm\).*int8"),
    ],
)
def test_graphs_that_are_no_chain(nodes, message):
    constants = {"m": X[0], "T": W0.T.copy(), "S": np.eye(4, dtype="f4")}
    constants |= {"C": np.ones((2, 5), "f4"), "C2": np.ones((2, 5), "f4")}
    constants |= {"V": np.ones((2, 4, 5), "f4"), "Q": np.ones((4, 5), "i1")}
    with pytest.raises(NotSupportedError, match=message):
        mlpcore.from_onnx(build(nodes, constants))


def test_inputs():
    model = build([node("MatMul", "x W0", "y")])
    model.graph.input.append(model.graph.input[0])
    model.graph.input[1].name = "unused"
    assert mlpcore.from_onnx(model).layer_sizes == [4, 5]
    model.graph.node[0].input[1] = "unused"
    with pytest.raises(NotSupportedError, match=r"takes 'x', 'unused'"):
        mlpcore.from_onnx(model)
    images = build([node("MatMul", "x W0", "y")], shape=["n", 3, 4])
    with pytest.raises(NotSupportedError, match=r"MatMul.* 3 dimensions, rows have 2"):
        mlpcore.from_onnx(images)


@pytest.mark.parametrize(
    ("shape", "to", "options"),
    [
        (["n", 2, 2], [-1, 4], {}),
        (["n", 2, 2], [0, -1], {}),
        (["n", 2, 2], [0, 4], {}),
        ([20, 2, 2], [20, -1], {"allowzero": 1}),
    ],
)
def test_reshape_of_rows(shape, to, options):
    nodes = [node("Reshape", "x to", "r", **options), node("MatMul", "r W0", "y")]
    model = build(nodes, {"to": np.array(to)}, shape=shape)
    assert_agrees(model, X.reshape(-1, 2, 2))


@pytest.mark.parametrize(
    ("shape", "to", "options"),
    [
        (["n", 2, 4], [-1, 4], {}),
        (["n", 2, "m"], [-1, 4], {}),
        (["n", 2, 2], [5, 4], {}),
        (["n", 2, 2], [0, -1], {"allowzero": 1}),
        (["n", 2, 2], [-1, 2, 2], {}),
    ],
)
def test_reshape_of_something_else(shape, to, options):
    nodes = [node("Reshape", "x to", "r", **options), node("MatMul", "r W0", "y")]
    with pytest.raises(NotSupportedError, match=r"\(Reshape\).*may not keep the rows"):
        mlpcore.from_onnx(build(nodes, {"to": np.array(to)}, shape=shape))


# --- Damage ----------------------------------------------------------------------


def test_what_is_no_model(tmp_path):
    for data in (b"", b"PK\3\4", b"\x08\x07" * 4, bytes(100)):
        with pytest.raises(ModelFormatError):
            mlpcore.from_onnx(data)
    with pytest.raises(FileNotFoundError):
        mlpcore.from_onnx(tmp_path / "none.onnx")
    with pytest.raises(TypeError, match=r"ONNX file.*got int"):
        mlpcore.from_onnx(3)


def test_sizes_that_do_not_fit():
    nodes = [node("MatMul", "x W0", "a"), node("MatMul", "a W0", "y")]
    with pytest.raises(ModelFormatError, match=r"the_y.* 4 inputs.* has 5"):
        mlpcore.from_onnx(build(nodes))
    with pytest.raises(ModelFormatError, match=r"the_y.* 4 inputs.* has 3"):
        mlpcore.from_onnx(build([node("MatMul", "x W0", "y")], n_in=3))
    model = build([node("MatMul", "x W0", "y")])
    model.graph.initializer[0].dims[0] = 2**40
    with pytest.raises(ModelFormatError, match="W0"):
        mlpcore.from_onnx(model)
    with pytest.raises(ModelFormatError, match="infinity"):
        mlpcore.from_onnx(build([node("MatMul", "x W", "y")], {"W": W0 * np.inf}))


def test_constants_do_not_grow():
    """A small file cannot ask for much memory."""
    wide, high = np.zeros((1, 10**6), "f4"), np.zeros((10**6, 1), "f4")
    nodes = [node("Add", "wide high", "w"), node("MatMul", "x w", "y")]
    with pytest.raises(ModelFormatError, match=r"the_w.*do not fit"):
        mlpcore.from_onnx(build(nodes, {"wide": wide, "high": high}))
    nodes = [
        node("ConstantOfShape", "shape", "w"),
        node("MatMul", "x w", "y"),
    ]
    with pytest.raises(NotSupportedError, match="ConstantOfShape"):
        mlpcore.from_onnx(build(nodes, {"shape": np.array([10**6, 10**6])}))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_damaged_byte_is_an_error_or_a_network(dtype):
    """No other exception, whatever is read; there is no digest in the format."""
    net = mlpcore.Network([2, 2, 2], "silu", dtype=dtype, rng=0)
    data = _onnx_export.onnx_model(net).SerializeToString()
    refused = 0
    for i in range(0, len(data), 2):
        for damaged in (
            data[:i],
            data[:i] + bytes([data[i] ^ 1 << i // 2 % 8]) + data[i + 1 :],
        ):
            try:
                mlpcore.from_onnx(damaged)
            except (ModelFormatError, ModelVersionError, NotSupportedError):
                refused += 1
    assert refused > len(data) / 2


def test_newer_versions():
    model = build([node("MatMul", "x W0", "y")])
    model.ir_version = 1000
    with pytest.raises(ModelVersionError, match="IR version 1000"):
        mlpcore.from_onnx(model)
    model = build([node("MatMul", "x W0", "y")], opset=1000)
    with pytest.raises(ModelVersionError, match="opset 1000"):
        mlpcore.from_onnx(model)


def test_functions_are_refused():
    model = build([node("MatMul", "x W0", "y")])
    opset = [helper.make_opsetid("", 20)]
    model.functions.append(
        helper.make_function("d", "Mine", ["a"], ["b"], [node("Relu", "a", "b")], opset)
    )
    with pytest.raises(NotSupportedError, match=r"'Mine'.*inline_local_functions"):
        mlpcore.from_onnx(model)


# --- Weights in another file -------------------------------------------------------


@pytest.fixture
def two_files(tmp_path):
    """Return the path of a model whose weights are beside it."""
    folder = tmp_path / "model"
    folder.mkdir()
    onnx.save(
        build([node("Gemm", "x W0 B0", "y")]),
        folder / "net.onnx",
        save_as_external_data=True,
        location="weights",
        size_threshold=0,
    )
    return folder / "net.onnx"


def with_location(path, location, **more):
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = location
            entry.value = more.get(entry.key, entry.value)
    path.write_bytes(model.SerializeToString())


def test_weights_beside_the_model(two_files, monkeypatch):
    monkeypatch.chdir(two_files.parent.parent)
    for path in (two_files, "model/net.onnx"):
        net = mlpcore.from_onnx(path)
        assert_same_bits(net.weights[0], W0)
        assert_same_bits(net.biases[0], B0)
    with pytest.raises(NotSupportedError, match="give the path"):
        mlpcore.from_onnx(two_files.read_bytes())


@pytest.mark.parametrize(
    "location", ["../secret", "sub/../../secret", "/etc/hostname", "link", ".", ""]
)
def test_other_folders_are_not_read(location, two_files):
    folder = two_files.parent
    shutil.copy(folder / "weights", folder.parent / "secret")
    (folder / "link").symlink_to(folder.parent / "secret")
    (folder / "sub").mkdir()
    with_location(two_files, location)
    with pytest.raises((NotSupportedError, ModelFormatError)) as info:
        mlpcore.from_onnx(two_files)
    if location not in ("", "."):
        assert "only files in the model's own folder" in str(info.value)


def test_weights_that_are_missing_or_cut_off(two_files):
    weights = two_files.parent / "weights"
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(ModelFormatError, match=r"tensor '[WB]0'"):
        mlpcore.from_onnx(two_files)
    weights.unlink()
    with pytest.raises(FileNotFoundError):
        mlpcore.from_onnx(two_files)


@pytest.mark.parametrize("more", [{"offset": "-4"}, {"length": "x"}, {"length": "3"}])
def test_places_in_the_other_file_that_are_wrong(more, two_files):
    with_location(two_files, "weights", **more)
    with pytest.raises(ModelFormatError, match="tensor"):
        mlpcore.from_onnx(two_files)
