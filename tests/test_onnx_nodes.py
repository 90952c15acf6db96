"""mlpcore.from_onnx, node by node: what is read, and what is refused in which words."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import mlpcore
from mlpcore import NotSupportedError
from onnx_support import B0, W0, X, assert_agrees, build, node, two_layers
from support import assert_same_bits

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
    "tanh of what is not a bias": (
        "tanh",
        [
            node("Add", "z one", "a"),
            node("Sub", "a z", "b"),
            node("Mul", "b z", "c"),
            node("Tanh", "c", "h"),
        ],
    ),
    "tanh of what is no bias past an Identity": (
        "tanh",
        [
            node("Identity", "z", "i"),
            node("Add", "i one", "a"),
            node("Sub", "a i", "b"),
            node("Mul", "b i", "c"),
            node("Tanh", "c", "h"),
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


def test_the_second_output_of_a_node():
    model = two_layers(node("Dropout", "z", "h"))
    model.graph.node[1].output.append("mask")
    assert mlpcore.from_onnx(model).layer_sizes == [4, 5, 3]
    with pytest.raises(NotSupportedError, match="'mask' is not what the last layer"):
        mlpcore.from_onnx(model, tensor="mask")


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
