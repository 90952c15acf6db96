"""mlpcore's own file: what comes back, what others read, and what is refused."""

import copy
import hashlib
import json
import os
import pickle
import struct
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

import mlpcore
from bits_networks import CASES
from mlpcore import ModelFormatError, ModelVersionError, Network
from mlpcore.formats import read_metadata
from support import assert_same_bits, run_python

ZEROS = "0" * 64


def small():
    """Return a network whose file has every kind of entry."""
    return Network([3, 4, 2], "tanh", loss="log_loss", dropout=0.25, rng=7)


def taken_apart(path):
    """Return the header as an object, and the bytes of the tensors."""
    data = Path(path).read_bytes()
    n = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + n]), data[8 + n :]


def put_together(path, head, tensors, *, sign=True, dumps=json.dumps):
    """Write a file with a right digest, as a writer in any language would."""
    if sign:
        head["__metadata__"]["mlpcore.sha256"] = ZEROS
    text = head if isinstance(head, str) else dumps(head)
    text = text.encode()
    text += b" " * (-len(text) % 8)
    data = len(text).to_bytes(8, "little") + text + tensors
    if sign:
        assert data.count(ZEROS.encode()) == 1
        digest = hashlib.sha256(data).hexdigest()
        data = data.replace(ZEROS.encode(), digest.encode())
    Path(path).write_bytes(data)


@pytest.fixture
def safetensors():
    """The library, which mlpcore does without."""
    pytest.importorskip("safetensors.numpy")
    return pytest.importorskip("safetensors")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


# --- There and back --------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_the_same_network_comes_back(name, path):
    case = CASES[name]
    net = case.network()
    net._next_training_seed()
    net.save(path)
    twin = mlpcore.load(path)
    assert_same_bits(twin.get_parameters(), net.get_parameters())
    assert_same_bits(twin.predict(case.rows()), net.predict(case.rows()))
    assert twin._architecture == net._architecture
    assert (twin._seed, twin._n_trainers) == (net._seed, 1)


def test_a_number_is_no_path(path):
    """`open` would take it for a descriptor, and close it."""
    Network([4, 3], rng=0).save(path)
    with open(path, "rb") as file:
        for load in (
            mlpcore.load,
            mlpcore.Trainer.from_checkpoint,
            read_metadata,
        ):
            with pytest.raises(
                TypeError, match=r"str, bytes or os.PathLike .*, not int"
            ):
                load(file.fileno())
        assert file.read(1)


def test_it_is_trained_to_the_same_bits(path):
    net = small()
    X, y = np.eye(3, dtype="float32"), [0, 1, 1]
    net.fit(X, y, epochs=2)
    net.save(path)
    twin = mlpcore.load(path)
    for each in net, twin:
        each.fit(X, y, epochs=3, batch_size=1)
    assert_same_bits(twin.get_parameters(), net.get_parameters())


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_all_bits_of_a_weight_come_back(kind, path):
    net = Network([2, 3], dtype=kind)
    unsigned = np.dtype(f"u{net.dtype.itemsize}")
    quiet = np.array(np.nan, net.dtype).view(unsigned)
    # A signalling NaN, one with a payload, -0, a subnormal number, infinities.
    odd = [quiet ^ (quiet & -quiet) | 1, quiet | 5, 1 << (8 * unsigned.itemsize - 1), 1]
    words = np.array([int(word) for word in odd], unsigned).view(net.dtype)
    net.set_parameters(np.concatenate([words, [np.inf, -np.inf, 1, 2, 3]], dtype=kind))
    before = net.get_parameters()
    net.save(path)
    assert_same_bits(mlpcore.load(path).get_parameters(), before)


def test_saving_changes_nothing_and_is_the_same_every_time(path):
    net = small()
    before = pickle.dumps(net)
    net.save(path)
    first = path.read_bytes()
    net.save(path)
    assert path.read_bytes() == first
    assert pickle.dumps(net) == before
    mlpcore.load(path).save(path)
    assert path.read_bytes() == first


@pytest.mark.parametrize("convert", [str, os.fsencode, Path])
def test_paths_of_every_type(convert, path):
    net = small()
    net.save(convert(path))
    assert_same_bits(mlpcore.load(convert(path)).get_parameters(), net.get_parameters())
    assert read_metadata(convert(path)) == {}


def test_metadata_of_the_user(path):
    given = {"a": "ü\n\"'\\ \0", "": "", "format": "pt", "zeros": ZEROS}
    small().save(path, metadata=given)
    assert read_metadata(path) == given
    assert_same_bits(mlpcore.load(path).get_parameters(), small().get_parameters())


@pytest.mark.parametrize(
    ("metadata", "error", "message"),
    [
        ({"mlpcore.x": "1"}, ValueError, "mlpcore's own"),
        ({"a": 1}, TypeError, r"value of 'a' 1 \(int\)"),
        ({1: "a"}, TypeError, r"key 1 \(int\)"),
        ([("a", "b")], TypeError, "got list"),
        ({"a": "\ud800"}, ValueError, "value of 'a' is not text"),
    ],
)
def test_wrong_metadata_leaves_the_old_file(metadata, error, message, path):
    path.write_text("old")
    with pytest.raises(error, match=message):
        small().save(path, metadata=metadata)
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == [path.name]


# --- Other programs --------------------------------------------------------------


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_the_safetensors_library_reads_it(kind, path, safetensors):
    net = Network([3, 5, 2], dtype=kind, rng=0)
    net.save(path, metadata={"author": "me"})
    tensors = safetensors.numpy.load_file(path)
    assert sorted(tensors) == [
        "layers.0.bias",
        "layers.0.weight",
        "layers.1.bias",
        "layers.1.weight",
    ]
    for i in range(2):
        assert_same_bits(tensors[f"layers.{i}.weight"], net.weights[i])
        assert_same_bits(tensors[f"layers.{i}.bias"], net.biases[i])
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    assert metadata == taken_apart(path)[0]["__metadata__"]
    assert metadata["author"] == "me"
    assert json.loads(metadata["mlpcore.network"])["layer_sizes"] == [3, 5, 2]


def test_tensors_begin_at_a_multiple_of_8(path):
    for n in range(1, 9):
        small().save(path, metadata={"a": "x" * n})
        data = path.read_bytes()
        assert int.from_bytes(data[:8], "little") % 8 == 0
        assert data[8:9] == b"{"


def test_a_file_of_the_safetensors_library_is_read(path, safetensors):
    net = small()
    net.save(path)
    tensors = safetensors.numpy.load_file(path)
    metadata = dict(taken_apart(path)[0]["__metadata__"])
    metadata["mlpcore.sha256"] = ZEROS
    data = safetensors.numpy.save(tensors, metadata)
    digest = hashlib.sha256(data).hexdigest()
    path.write_bytes(data.replace(ZEROS.encode(), digest.encode()))
    assert_same_bits(mlpcore.load(path).get_parameters(), net.get_parameters())


def test_a_file_with_other_spaces_and_other_order_is_read(path):
    net = small()
    net.save(path)
    head, tensors = taken_apart(path)
    cut = head["layers.0.weight"]["data_offsets"][1]
    for entry in head.values():
        if "data_offsets" in entry:
            move = -cut if entry["data_offsets"][0] else len(tensors) - cut
            entry["data_offsets"] = [at + move for at in entry["data_offsets"]]
    head = dict(reversed(head.items()))
    moved = tensors[cut:] + tensors[:cut]
    put_together(path, head, moved, dumps=lambda x: json.dumps(x, indent=3))
    assert_same_bits(mlpcore.load(path).get_parameters(), net.get_parameters())


# --- Damage ----------------------------------------------------------------------


def assert_refused(path, data, what):
    path.write_bytes(data)
    for load in mlpcore.load, read_metadata:
        message = f"{what} was not noticed"
        try:
            load(path)
        except ModelFormatError as error:
            message = str(error)
        assert message.startswith(f"{path}: "), message


def test_every_flipped_bit_is_noticed(path):
    small().save(path, metadata={"user": "some text"})
    data = bytearray(path.read_bytes())
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        assert_refused(path, data, f"bit {bit}")
        data[bit // 8] ^= 1 << bit % 8
    path.write_bytes(data)
    mlpcore.load(path)


def test_every_truncation_and_every_appended_byte_are_noticed(path):
    small().save(path)
    data = path.read_bytes()
    for n in range(len(data)):
        assert_refused(path, data[:n], f"the end at byte {n}")
    for byte in range(256):
        assert_refused(path, data + bytes([byte]), f"an appended byte {byte}")
    assert_refused(path, data + data, "the file twice")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        b"\xff" * 100,
        pickle.dumps({"a": 1}),
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 100_000_001) + b"{}" + b" " * 99,
        struct.pack("<Q", 2) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"  {}",
        struct.pack("<Q", 8) + b'{"a":NaN',
        struct.pack("<Q", 100_000) + b'{"a":' + b"[" * 99_995,
        struct.pack("<Q", 10_006) + b'{"a":' + b"1" * 10_000 + b"}",
        struct.pack("<Q", 8) + b'{"\xff":0}',
        struct.pack("<Q", 30) + b'{"__metadata__":{"mlpcore":1}}',
    ],
)
def test_what_is_no_model_file(data, path):
    assert_refused(path, data, data[:50])


def test_a_safetensors_file_of_somebody_else(path, safetensors):
    safetensors.numpy.save_file({"w": np.zeros((2, 2), "float32")}, path)
    with pytest.raises(ModelFormatError, match="not one of mlpcore's"):
        mlpcore.load(path)


def test_an_unpickled_file_would_have_run_code(path):
    """Nothing falls back to pickle."""

    class Evil:
        def __reduce__(self):
            return os.mkdir, (str(path.parent / "ran"),)

    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelFormatError):
        mlpcore.load(path)
    assert not (path.parent / "ran").exists()


# --- Files with a right digest that say something wrong --------------------------


def network_entry(change):
    def edit(head):
        entry = json.loads(head["__metadata__"]["mlpcore.network"])
        change(entry)
        head["__metadata__"]["mlpcore.network"] = json.dumps(entry)

    return edit


def set_item(key, value):
    return lambda entry: entry.__setitem__(key, value)


def metadata(key, value):
    return lambda head: head["__metadata__"].__setitem__(key, value)


def tensor(key, value):
    return lambda head: head["layers.0.weight"].__setitem__(key, value)


def missing(key):
    return lambda entry: entry.pop(key)


WRONG = {
    "unknown entry": (metadata("mlpcore.more", ""), "unknown \\['mlpcore.more'\\]"),
    "missing entry": (
        lambda head: head["__metadata__"].pop("mlpcore.version"),
        "missing \\['mlpcore.version'\\]",
    ),
    "value no string": (metadata("a", 1), "not an object of strings"),
    "version 0": (metadata("mlpcore.format", "0"), "no format '0'"),
    "version 01": (metadata("mlpcore.format", "01"), "no format '01'"),
    "version ²": (metadata("mlpcore.format", "²"), "not a number"),
    "kind": (metadata("mlpcore.kind", "forest"), "of the kind 'forest'"),
    "network no JSON": (metadata("mlpcore.network", "{"), "is not JSON"),
    "network no object": (metadata("mlpcore.network", "[]"), "not a JSON object"),
    "network key twice": (metadata("mlpcore.network", '{"a":1,"a":1}'), "'a' is there"),
    "sizes": (network_entry(set_item("layer_sizes", [3, 4, 3])), "has the shape"),
    "sizes, large": (
        network_entry(set_item("layer_sizes", [3, 2**62, 2])),
        "has the shape",
    ),
    "sizes, too large": (network_entry(set_item("layer_sizes", [3, 2**64])), "of two"),
    "sizes, many": (network_entry(set_item("layer_sizes", [3, 4, 2, 2])), "missing"),
    "sizes, bool": (network_entry(set_item("layer_sizes", [3, True])), "of two"),
    "sizes, 0": (network_entry(set_item("layer_sizes", [3, 0, 2])), "of two"),
    "sizes, negative": (network_entry(set_item("layer_sizes", [3, -4, 2])), "of two"),
    "sizes, none": (network_entry(set_item("layer_sizes", None)), "of two"),
    "activation": (
        network_entry(set_item("activations", ["os.system", "softmax"])),
        "unknown activation 'os.system'",
    ),
    "alias": (
        network_entry(set_item("activations", ["linear", "softmax"])),
        "canonical",
    ),
    "activations": (network_entry(set_item("activations", "tanh")), "not a list"),
    "loss": (network_entry(set_item("loss", "auto")), "canonical"),
    "loss and output": (network_entry(set_item("loss", "poisson")), "does not go"),
    "parameter": (network_entry(set_item("loss_parameter", 1.0)), "has no parameter"),
    "dropout": (network_entry(set_item("dropout", [1.5])), r"in \[0, 1\)"),
    "dtype": (network_entry(set_item("dtype", "float64")), "is float32, the network"),
    "dtype, list": (network_entry(set_item("dtype", [1])), "is float32, the network"),
    "seed": (network_entry(set_item("seed", 2**64)), "seed must be"),
    "seed, text": (network_entry(set_item("seed", "1")), "seed must be"),
    "network entry": (network_entry(set_item("import", "os")), "unknown"),
    "network entry missing": (network_entry(missing("init")), "missing"),
    "shape": (tensor("shape", [4, 3]), "has the shape"),
    "shape, negative": (tensor("shape", [-3, -4]), "wrong shape"),
    "shape, float": (tensor("shape", [3.0, 4]), "wrong shape"),
    "shape, bool": (tensor("shape", [True, 12]), "wrong shape"),
    "shape, wraps": (tensor("shape", [2**62 + 3, 4]), "offsets are"),
    "shape, 3-D": (tensor("shape", [3, 4, 1]), "wrong shape"),
    "shape, text": (tensor("shape", "ab"), "wrong shape"),
    "offsets": (
        tensor("data_offsets", [4, 52]),
        "begins at byte 4, the one before ends at 0",
    ),
    "offsets, one": (tensor("data_offsets", [48]), "offsets are"),
    "offsets, huge": (tensor("data_offsets", [2**62, 2**62 + 48]), "leave a gap"),
    "offsets, before": (tensor("data_offsets", [-48, 0]), "wrong offsets"),
    "type": (tensor("dtype", "F16"), "of the type 'F16'"),
    "type, list": (tensor("dtype", []), "of the type"),
    "tensor entry": (tensor("more", 1), "unknown"),
    "tensor no object": (lambda head: head.__setitem__("layers.0.bias", 1), "object"),
    "tensor missing": (missing("layers.1.bias"), "promises 96 bytes .* has 104"),
    "tensor empty, unknown": (
        set_item("x", {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}),
        "unknown \\['x'\\]",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_files_that_say_something_wrong(name, path):
    edit, message = WRONG[name]
    small().save(path)
    head, tensors = taken_apart(path)
    edit(head)
    put_together(path, head, tensors)
    with pytest.raises(ModelFormatError, match=message):
        mlpcore.load(path)


def test_a_key_that_is_there_twice(path):
    small().save(path)
    head, tensors = taken_apart(path)
    for text in (
        json.dumps(head)[:-1] + ', "layers.0.bias": {}}',
        json.dumps(head).replace('"mlpcore.kind"', '"mlpcore.format"', 1),
    ):
        put_together(path, text, tensors, sign=False)
        with pytest.raises(ModelFormatError, match="is there twice"):
            mlpcore.load(path)


@pytest.mark.parametrize("digest", ["", "A" * 64, "g" * 64, "1" * 63, "é" * 64])
def test_a_digest_that_is_none(digest, path):
    small().save(path)
    head, tensors = taken_apart(path)
    head["__metadata__"]["mlpcore.sha256"] = digest
    put_together(path, head, tensors, sign=False)
    with pytest.raises(ModelFormatError, match="SHA-256 is missing, or not 64"):
        mlpcore.load(path)


def test_a_digest_in_capitals_or_twice(path):
    small().save(path, metadata={"a": "2" * 64})
    data = path.read_bytes()
    head, _ = taken_apart(path)
    digest = head["__metadata__"]["mlpcore.sha256"]
    path.write_bytes(data.replace(digest.encode(), digest.upper().encode()))
    with pytest.raises(ModelFormatError, match="64 hexadecimal"):
        mlpcore.load(path)
    path.write_bytes(data.replace(digest.encode(), b"2" * 64))
    with pytest.raises(ModelFormatError, match="once, unescaped"):
        mlpcore.load(path)


def test_a_newer_format(path):
    small().save(path)
    head, tensors = taken_apart(path)
    head["__metadata__"] |= {"mlpcore.format": "2", "mlpcore.version": "9.1"}
    head["__metadata__"]["mlpcore.new"] = "thing"
    put_together(path, head, tensors)
    for load in mlpcore.load, read_metadata, mlpcore.Trainer.from_checkpoint:
        with pytest.raises(ModelVersionError, match=r"mlpcore 9\.1 in format 2"):
            load(path)


def test_large_sizes_without_data_are_refused_at_once(path):
    """A header that promises 2 TB in a file of 2 TB that has no blocks."""
    shape = [2**20, 2**19 - 1]
    n = shape[0] * shape[1] * 4
    head = {
        "__metadata__": {"mlpcore.format": "1"},
        "w": {"dtype": "F32", "shape": shape, "data_offsets": [0, n]},
    }
    put_together(path, head, b"")
    with pytest.raises(
        ModelFormatError,
        match="promises 2,199,019,061,248 bytes of tensors, the file has 0",
    ):
        mlpcore.load(path)
    try:
        os.truncate(path, path.stat().st_size + n)
    except OSError:
        pytest.skip("no sparse files here")
    with pytest.raises(ModelFormatError, match="this is a file of the kind None"):
        mlpcore.load(path)


def test_errors_of_the_file_system(path):
    with pytest.raises(FileNotFoundError):
        mlpcore.load(path)
    with pytest.raises(IsADirectoryError):
        mlpcore.load(path.parent)
    with pytest.raises(FileNotFoundError) as error:
        small().save(path / "net")
    assert error.value.filename == str(path / "net")
    with pytest.raises(TypeError):
        mlpcore.load(3.5)
    with pytest.raises(TypeError):
        small().save(None)


# --- Pickles and copies ----------------------------------------------------------


def test_a_pickle_and_a_file_predict_the_same_in_another_process(tmp_path):
    nets = {name: case.network() for name, case in CASES.items()}
    (tmp_path / "pickle").write_bytes(pickle.dumps(nets))
    for name, net in nets.items():
        net.save(tmp_path / name)
    script = """
        import pickle, sys
        from pathlib import Path
        import numpy as np
        import mlpcore
        from bits_networks import CASES

        folder = Path(sys.argv[1])
        for name, net in pickle.loads((folder / "pickle").read_bytes()).items():
            X = CASES[name].rows()
            y = [net.predict(X), mlpcore.load(folder / name).predict(X)]
            np.save(folder / f"{name}.npy", np.stack(y))
        """
    run_python(
        textwrap.dedent(script), tmp_path, env={"PYTHONPATH": os.pathsep.join(sys.path)}
    )
    for name, net in nets.items():
        y = net.predict(CASES[name].rows())
        assert_same_bits(np.load(tmp_path / f"{name}.npy"), np.stack([y, y]), name)


@pytest.mark.parametrize("twin_of", [copy.copy, copy.deepcopy, Network.copy])
def test_copies_are_their_own(twin_of):
    net = small()
    net._next_training_seed()
    twin = twin_of(net)
    assert_same_bits(twin.get_parameters(), net.get_parameters())
    assert twin._next_training_seed() == net._next_training_seed()
    twin.set_parameters(np.zeros(net.n_parameters))
    assert_same_bits(net.get_parameters(), small().get_parameters())


def test_a_deep_copy_keeps_what_is_shared():
    net = small()
    a, b = copy.deepcopy([net, net])
    assert a is b


@pytest.mark.parametrize("of", ["Network", "Trainer"])
def test_a_pickle_of_a_newer_version(of):
    made = small() if of == "Network" else mlpcore.Trainer(small())
    state = made.__getstate__()
    empty = type(made).__new__(type(made))
    with pytest.raises(ModelVersionError, match=f"{of} of version 2"):
        empty.__setstate__(state | {"version": 2})
    for wrong in ({}, {"version": "1"}, None):
        with pytest.raises(ModelFormatError, match=f"no {of} of mlpcore's"):
            empty.__setstate__(wrong)


@pytest.mark.parametrize("name", ["net.onnx", "NET.PT", "net.keras"])
def test_the_name_of_another_format_is_refused(name, tmp_path):
    with pytest.raises(ValueError, match="save writes a safetensors file"):
        mlpcore.Network([2, 1]).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
