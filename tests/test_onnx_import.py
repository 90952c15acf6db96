"""mlpcore.from_onnx: what others and we have written, damage, weights elsewhere."""

import os
import shutil
import warnings

import numpy as np
import onnx
import pytest
from onnx import helper
from sklearn import neural_network

import mlpcore
from mlpcore import ModelFormatError, ModelVersionError, NotSupportedError
from mlpcore._architecture import ACTIVATIONS
from mlpcore.formats import _onnx_export
from onnx_support import B0, W0, X, assert_agrees, build, node
from support import assert_same_bits

torch = pytest.importorskip("torch")
nn = torch.nn

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
