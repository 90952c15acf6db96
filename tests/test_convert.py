"""``mlpcore convert``: between mlpcore's own format, ONNX, PyTorch, Keras and C."""

import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from sklearn import neural_network

import mlpcore
from mlpcore.__main__ import main
from mlpcore.table import train
from support import assert_same_bits
from table_support import mixed

ACTIVATIONS = ("--activations", "gelu, tanh,softmax")


@pytest.fixture
def net(tmp_path, monkeypatch):
    """A network in ``net.safetensors`` in the working directory."""
    monkeypatch.chdir(tmp_path)
    network = mlpcore.Network([4, 9, 7, 3], ["gelu", "tanh"], rng=0)
    network.save("net.safetensors", metadata={"author": "me"})
    return network


def convert(*arguments):
    assert main(["convert", *arguments]) == 0


def refused(capsys, *arguments):
    assert main(["convert", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err


def test_to_mlpcore(net, tmp_path, capsys):
    convert("net.safetensors", "copy.safetensors")
    assert capsys.readouterr().out == (
        f"written     copy.safetensors: 4-9-7-3, {net.n_parameters} parameters\n"
    )
    copies = [tmp_path / name for name in ("net.safetensors", "copy.safetensors")]
    assert copies[0].read_bytes() == copies[1].read_bytes()


def test_from_a_checkpoint(net):
    trainer = mlpcore.Trainer(net)
    trainer.step(np.eye(4), [0, 1, 2, 0])
    trainer.save_checkpoint("checkpoint.safetensors")
    convert("checkpoint.safetensors", "out.safetensors", "-q")
    twin = mlpcore.load("out.safetensors")
    assert_same_bits(twin.get_parameters(), net.get_parameters())


def test_an_onnx_model_of_several_outputs(net, capsys):
    skl2onnx = pytest.importorskip("skl2onnx")
    clf = neural_network.MLPClassifier((6,), max_iter=200, tol=1, random_state=0)
    clf.fit(np.eye(4), [0, 1, 2, 0])
    options = {"zipmap": False}
    model = skl2onnx.to_onnx(clf, np.eye(4, dtype="f"), options=options)
    with open("two.onnx", "wb") as file:
        file.write(model.SerializeToString())
    assert "--tensor" in refused(capsys, "two.onnx", "out.safetensors")
    convert("two.onnx", "out.safetensors", "--tensor=probabilities", "-q")
    twin = mlpcore.load("out.safetensors")
    np.testing.assert_allclose(
        twin.predict(np.eye(4)), clf.predict_proba(np.eye(4)), atol=1e-6
    )
    err = refused(capsys, "net.safetensors", "out.onnx", "--tensor=probabilities")
    assert "--tensor is for ONNX models only" in err


def test_a_whole_module_of_pytorch(net, capsys):
    torch = pytest.importorskip("torch")
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 1)), "module.pt")
    activations = ("--activations", "identity")
    err = refused(capsys, "module.pt", "out.safetensors", *activations)
    assert "torch.save(module.state_dict(), path)" in err
    assert "\x1b" not in err


def test_a_table_keeps_its_columns_in_our_format_only(net, capsys):
    pytest.importorskip("torch")
    training = train(mixed(), "y", layers=[4], epochs=3)
    training.model.save("table.safetensors")
    convert("table.safetensors", "copy.safetensors", "-q")
    assert capsys.readouterr().err == ""
    assert main(["info", "copy.safetensors"]) == 0
    assert "model of a table" in capsys.readouterr().out
    convert("table.safetensors", "table.pt", "-q")
    assert "takes 13 prepared features; the preparation" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["net.pt", "net.pth", "state.safetensors"])
def test_torch_there_and_back(net, name):
    torch = pytest.importorskip("torch")
    convert("net.safetensors", name, "--to", "torch", "-q")
    if name.endswith(".pt"):
        state = torch.load(name, weights_only=True)
        assert state["0.weight"].shape == (9, 4)
    convert(name, "back.safetensors", "--from", "torch", *ACTIVATIONS, "-q")
    twin = mlpcore.load("back.safetensors")
    assert twin.activations == net.activations
    assert_same_bits(twin.get_parameters(), net.get_parameters())


def test_torch_is_loaded_without_running_anything(net, capsys, tmp_path):
    torch = pytest.importorskip("torch")
    import pickle

    class Malice:
        def __reduce__(self):
            return open, (str(tmp_path / "malice"), "w")

    torch.save({"0.weight": Malice()}, "evil.pt")
    with open("pickle.pt", "wb") as file:
        pickle.dump(Malice(), file)
    (tmp_path / "garbage.pt").write_bytes(bytes(range(256)))
    for name in ("evil.pt", "pickle.pt", "garbage.pt"):
        arguments = (name, "out.safetensors", *ACTIVATIONS)
        message = refused(capsys, *arguments)
        assert f"{name}: not a file of PyTorch's with weights only" in message
    assert not (tmp_path / "malice").exists()
    assert not (tmp_path / "out.safetensors").exists()


def test_torch_with_wrong_activations(net, capsys):
    pytest.importorskip("torch")
    convert("net.safetensors", "net.pt", "-q")
    for names in ("relu,softmax", "relu,rleu,softmax"):
        assert refused(capsys, "net.pt", "o.safetensors", "--activations", names)


def test_onnx_there_and_back(net):
    pytest.importorskip("onnx")
    convert("net.safetensors", "net.onnx", "-q")
    convert("net.onnx", "back.safetensors", "-q")
    twin = mlpcore.load("back.safetensors")
    assert twin.activations == net.activations
    assert_same_bits(twin.get_parameters(), net.get_parameters())


def test_onnx_that_is_none(net, capsys, tmp_path):
    pytest.importorskip("onnx")
    (tmp_path / "bad.onnx").write_bytes(bytes(range(256)))
    assert "bad.onnx: not an ONNX" in refused(capsys, "bad.onnx", "o.safetensors")
    assert refused(capsys, "no.onnx", "o.safetensors")
    assert not (tmp_path / "o.safetensors").exists()


@pytest.fixture
def keras(net, monkeypatch):
    pytest.importorskip("torch")
    if "keras" not in sys.modules:
        monkeypatch.setenv("KERAS_BACKEND", "torch")
    return pytest.importorskip("keras")


# Keras's own, with NumPy 2.
ignore_keras = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")


@ignore_keras
def test_keras(keras, tmp_path, capsys):
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(9, "gelu"),
            layers.Dropout(0.25),
            layers.Dense(7, "tanh"),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=w.shape).astype("float32") for w in model.get_weights()]
    model.set_weights(weights)
    model.save("model.keras")
    convert("model.keras", "out.safetensors")
    assert capsys.readouterr().out.startswith("written     out.safetensors: 4-9-7-3, ")
    twin = mlpcore.load("out.safetensors")
    assert twin.activations == ["gelu", "tanh", "softmax"]
    assert twin.dropout == [0.25, 0.0]
    for got, wanted in zip(twin.weights, weights[::2], strict=True):
        assert_same_bits(got, wanted)
    for got, wanted in zip(twin.biases, weights[1::2], strict=True):
        assert_same_bits(got, wanted)


@ignore_keras
def test_keras_files_that_are_no_network(keras, tmp_path, capsys):
    layers = keras.layers
    images = [keras.Input((4, 4, 1)), layers.Conv2D(2, 3), layers.Flatten()]
    keras.Sequential([*images, layers.Dense(3)]).save("images.keras")
    assert "Conv2D" in refused(capsys, "images.keras", "o.safetensors")
    (tmp_path / "bad.keras").write_bytes(bytes(range(256)))
    whole = (tmp_path / "images.keras").read_bytes()
    (tmp_path / "short.keras").write_bytes(whole[: len(whole) // 2])
    with zipfile.ZipFile("empty.keras", "w"):
        pass
    for name in ("bad.keras", "short.keras", "empty.keras"):
        message = refused(capsys, name, "o.safetensors")
        assert message.startswith(f"mlpcore: {name}: Keras cannot read it")
    assert refused(capsys, "gone.keras", "o.safetensors") == (
        "mlpcore: gone.keras: No such file or directory\n"
    )
    assert not (tmp_path / "o.safetensors").exists()


@ignore_keras
def test_keras_is_loaded_without_running_anything(keras, tmp_path, capsys):
    evil = keras.layers.Lambda(lambda x: (open("malice", "w"), x)[1], (4,))
    model = keras.Sequential([keras.Input((4,)), evil, keras.layers.Dense(3)])
    model.save("evil.keras")
    message = refused(capsys, "evil.keras", "o.safetensors")
    assert message.startswith("mlpcore: evil.keras: Keras cannot read it, in its safe")
    assert "Lambda" in message
    assert not (tmp_path / "malice").exists()
    assert not (tmp_path / "o.safetensors").exists()


def test_no_keras(net, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    (tmp_path / "model.keras").write_bytes(b"")
    assert refused(capsys, "model.keras", "o.safetensors") == (
        'mlpcore: reading .keras files needs keras: pip install "mlpcore[keras]"\n'
    )


def test_c(net, tmp_path):
    convert("net.safetensors", "net.c", "-q")
    assert (tmp_path / "net.h").exists()
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler:
        subprocess.run([compiler, "-c", "-O1", "net.c", "-o", "net.o"], check=True)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("net.safetensors", "net.txt"), "net.txt: networks are in files"),
        (("net.c", "o.safetensors"), "C is only written"),
        (("net.pt", "o.safetensors"), "give --activations"),
        (("net.safetensors", "o.pt", *ACTIVATIONS), "--activations is for"),
        (("net.safetensors", "no/o.safetensors"), "no/o.safetensors: No such file"),
        (("gone.safetensors", "o.safetensors"), "gone.safetensors: No such file"),
        (("bad.safetensors", "o.safetensors"), "not a model file"),
    ],
)
def test_refused(net, capsys, tmp_path, arguments, wanted):
    (tmp_path / "bad.safetensors").write_bytes(b"nothing")
    assert wanted in refused(capsys, *arguments)
    assert not list(tmp_path.glob("o.*"))
