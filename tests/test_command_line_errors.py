"""What the commands refuse: one line, exit code 2, nothing written."""

import bz2
import gzip
import io
import lzma
import os
import sys
import zipfile

import pytest

import mlpcore
from command_line_support import FEW, PNG, TRAIN, mlp, refused
from mlpcore import _cli
from mlpcore.__main__ import main
from table_support import mixed


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), "arguments are required: COMMAND"),
        (("trian",), "invalid choice: 'trian'"),
        (("train", "mixed.csv"), "required: --target, -o/--output"),
        ((*TRAIN, "--layers", "64,x"), "not a list of widths"),
        ((*TRAIN, "--epochs", "-1"), "not a whole number"),
        ((*TRAIN, "--activation", "rleu"), "did you mean 'relu'"),
        ((*TRAIN, "--optimizer", "adm"), "did you mean 'adam'"),
        ((*TRAIN, "--learning-rate", "nan"), "learning_rate must be in"),
        ((*TRAIN, "--report", "r.pdf"), "r.pdf: a report is a file that ends in"),
        ((*TRAIN, "--report", "no/r.png"), "no/r.png: No such file"),
        ((*TRAIN, "--drop", "z"), "no column 'z', there are"),
        (("train", "no.csv", "--target", "y", "-o", "m"), "no.csv: No such file"),
        (("train", "mixed.txt", "--target", "y", "-o", "m"), "tables are in files"),
        (("train", "mixed.csv", "--target", "z", "-o", "m"), "no column 'z'"),
        (("train", "mixed.csv", "--target", "y", "-o", "no/m"), "no/m: No such file"),
        (("train", "mixed.csv", "--target", "y", "-o", "."), ".: Is a directory"),
        (("train", "mixed.csv", "--target", "wild", "-o", "m"), "no value in"),
        (("train", "mixed.csv", "--target", "always", "-o", "m"), "is 1 in all rows"),
        (
            ("train", "empty.csv", "--target", "y", "-o", "m"),
            "empty.csv: the file is empty",
        ),
        (("train", "head.csv", "--target", "y", "-o", "m"), "has no rows"),
        (("train", "ragged.csv", "--target", "y", "-o", "m"), "ragged.csv: Error"),
        (("train", "binary.csv", "--target", "y", "-o", "m"), "not a text in UTF-8"),
        (("train", "bad.parquet", "--target", "y", "-o", "m"), "bad.parquet: Parquet"),
        (("train", "semi.csv", "--target", "y", "-o", "m"), "--separator ';'"),
        (("train", "gone.csv", "--target", "y", "-o", "m"), "column 'x' has no values"),
        (("train", "twice.csv", "--target", "y", "-o", "m"), "two columns 'x'"),
        (("train", "tabs.csv", "--target", "y", "-o", "m"), r"--separator '\t'"),
        (("train", "semi2.csv", "--target", "y", "-o", "m"), "--separator ';'"),
        ((*TRAIN, "--separator", "ab"), "'ab' is not one character"),
        ((*TRAIN, "--targt", "y"), "train: unrecognized arguments: --targt y, did you"),
        ((*TRAIN, "--drop", "wlid"), "did you mean 'wild'?"),
        ((*TRAIN, "--decimal", ","), "',' cannot be the decimal point and the"),
        ((*TRAIN, "--encoding", "hex"), "'hex' is no encoding"),
        ((*TRAIN, "--encoding", "utf-16"), "mixed.csv: not a text in UTF-16"),
        (("train", "comma.csv", "--target", "y", "-o", "m"), "--separator ';'"),
        (("train", "nameless.csv", "--target", "y", "-o", "m"), "line no header?"),
        (("train", "mixed.csv", "--target", "y", "-o", "m.onnx"), "is a .safetensors"),
        (("train", "mixed.csv", "--target", "y", "-o", "m.csv.gz"), "a .safetensors"),
        (("predict", "net", "mixed.csv", "-o", "o.csv.gz"), "tables are in files that"),
        (
            ("train", "mixed.csv", "--target", "y", "-o", "./mixed.csv"),
            "./mixed.csv: the command has another use for this file",
        ),
        ((*TRAIN, "--report", "m.png", "-o", "m.png"), "m.png: the command has"),
        (
            ("predict", "net", "mixed.csv", "-o", "mixed.csv"),
            "mixed.csv: the command has another use",
        ),
        (
            ("convert", "net.safetensors", "net.safetensors", "--to", "torch"),
            "net.safetensors: the command has another use",
        ),
        (("info", "mixed.csv"), "not a model file"),
        (("info", "no"), "no: No such file"),
        (("predict", "mixed.csv", "mixed.csv", "-o", "o.csv"), "not a model file"),
        (("predict", "net", "mixed.csv", "-o", "o.csv"), "network without the columns"),
        (("convert", "net", "o.onnx"), "for others there are --from and --to"),
        (("convert", "net.c", "o.onnx"), "C is only written"),
        (("convert", "net.pt", "o.onnx"), "give --activations"),
        (("convert", "net.safetensors", "o.keras"), "Keras is only read"),
        (
            ("convert", "net.safetensors", "o.c", "--activations", "relu"),
            "PyTorch only",
        ),
        (("bench", "--bad-option"), "bench: unrecognized arguments: --bad-option"),
        (("bench", "--only", "nothing"), "bench: no workload matches 'nothing'"),
        (("bench", "--threads", "0"), "bench: argument --threads: '0' is not a"),
    ],
)
def test_refused(table_folder, capsys, arguments, wanted):
    (table_folder / "empty.csv").write_text("")
    (table_folder / "head.csv").write_text("x,y\n")
    (table_folder / "ragged.csv").write_text("x,y\n1,2\n1,2,3\n")
    (table_folder / "binary.csv").write_bytes(PNG + bytes(range(256)))
    (table_folder / "bad.parquet").write_bytes(PNG)
    (table_folder / "semi.csv").write_text("x;y\n1;2\n")
    (table_folder / "semi2.csv").write_text("x;y\n1;2\n1,5;2,5,5\n")
    (table_folder / "comma.csv").write_text("a,b;y\n1;2\n")
    (table_folder / "nameless.csv").write_text("0.5,0.5,y\n1,2,a\n")
    (table_folder / "twice.csv").write_text("x,,x,,y\n1,2,3,4,5\n")
    (table_folder / "tabs.csv").write_text("x\ty\n1\t2\n")
    (table_folder / "gone.csv").write_text("x,y\n" + ",a\n,b\n" * 10)
    mlpcore.Network([2, 3]).save("net")
    before = sorted(path.name for path in table_folder.iterdir())
    assert wanted in refused(capsys, *arguments)
    assert sorted(path.name for path in table_folder.iterdir()) == before


def zipped(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", data)
    return file.getvalue()


PACK = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zip": zipped,
}


def cut(data):
    return data[: len(data) // 2]


def damaged(data):
    at = len(data) // 2
    return (
        data[:at] + bytes(255 - byte for byte in data[at : at + 20]) + data[at + 20 :]
    )


def something_else(data):
    return b"x,y\n1,2\n"


@pytest.mark.parametrize("change", [cut, damaged, something_else])
@pytest.mark.parametrize("extension", PACK)
def test_damaged_packed_tables(table_folder, capsys, model_file, extension, change):
    """Cut off, damaged, or not packed at all; at the start and further on."""
    name = "mixed.csv" + extension
    # Much more than what is read to see the names of the columns.
    text = mixed().sample(20_000, replace=True, random_state=0).to_csv(index=False)
    (table_folder / name).write_bytes(change(PACK[extension](text.encode())))
    train = ("train", name, "--target", "y", "-o", "m")
    predict = ("predict", model_file, name, "-o", "o.csv")
    for arguments in (train, predict):
        message = refused(capsys, *arguments)
        assert message.startswith(f"mlpcore: {name}: ")
        assert len(message) > len(f"mlpcore: {name}: ") + 8
    assert not (table_folder / "m").exists()
    assert not (table_folder / "o.csv").exists()


def test_zip_files_that_no_table_comes_from(table_folder, capsys):
    """With a password: the bit that says so; and with nothing in it."""
    data = bytearray(zipped("x,y\n1,2\n"))
    for signature, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + at] |= 1
    (table_folder / "secret.csv.zip").write_bytes(data)
    (table_folder / "empty.csv.zip").write_bytes(b"PK\5\6" + bytes(18))
    arguments = ("--target", "y", "-o", "m")
    assert "password" in refused(capsys, "train", "secret.csv.zip", *arguments)
    assert refused(capsys, "train", "empty.csv.zip", *arguments)


@pytest.mark.parametrize("command", ["demo", "config"])
def test_verbose_where_nothing_is_read(capsys, monkeypatch, command):
    def fail(options):
        raise OSError("no luck")

    monkeypatch.setattr(_cli, f"_run_{command}", fail)
    assert main([command]) == 2
    assert capsys.readouterr().err == "mlpcore: no luck\n"
    assert main([command, "-v"]) == 2
    assert capsys.readouterr().err.startswith("Traceback")


@pytest.mark.parametrize("command", ["train", "predict", "info", "convert"])
def test_verbose_errors_have_a_traceback(table_folder, capsys, command):
    more = {
        "train": ("--target", "y", "-o", "m"),
        "predict": ("mixed.csv", "-o", "o.csv"),
        "info": (),
        "convert": ("o.c", "--from", "mlpcore"),
    }
    assert main([command, "no.csv", *more[command], "--verbose"]) == 2
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "Traceback (most recent call last):"
    assert shown[-1] == "mlpcore: no.csv: No such file or directory"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--keep", "z"), "no column 'z' to keep"),
        (("--keep", "prediction"), "has one of that name"),
    ],
)
def test_predict_refuses_columns(table_folder, capsys, model_file, arguments, wanted):
    mixed().assign(prediction=1).to_csv("t.csv", index=False)
    common = ("predict", model_file, "t.csv", "-o", "o.csv")
    assert wanted in refused(capsys, *common, *arguments)


def test_missing_columns_and_damaged_models(table_folder, capsys, model_file):
    mixed().drop(columns=["colour", "day"]).to_csv("less.csv", index=False)
    message = refused(capsys, "predict", model_file, "less.csv", "-o", "o.csv")
    assert "no column 'colour', 'day', there are 'sepal length (cm)'" in message
    data = bytearray(model_file.read_bytes())
    data[-1] ^= 1
    (table_folder / "bad").write_bytes(data)
    for arguments in (("info", "bad"), ("predict", "bad", "mixed.csv", "-o", "o.csv")):
        assert "bad: damaged" in refused(capsys, *arguments)


def test_names_that_stdout_cannot_write_or_a_terminal_obeys(table_folder):
    """They are escaped, and end no command half-way."""
    frame = mixed().rename(columns={"colour": "größe", "day": "d\x1b[31m\ny"})
    frame.to_csv("odd.csv", index=False)
    train = mlp("train", "odd.csv", "--target", "y", "-o", "m.safetensors", *FEW)
    assert train.returncode == 0
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    info = mlp("info", "m.safetensors", env=ascii_only)
    assert (info.returncode, info.stderr) == (0, "")
    assert "gr\\xf6\\xdfe" in info.stdout
    assert "d\\x1b[31m\\ny" in info.stdout
    assert "\x1b" not in info.stdout


@pytest.mark.parametrize("missing", ["pandas", "pyarrow", "sklearn", "matplotlib"])
def test_missing_packages(table_folder, capsys, monkeypatch, missing):
    for name in list(sys.modules):
        if name.partition(".")[0] == missing:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    data = "mixed.parquet" if missing == "pyarrow" else "mixed.csv"
    arguments = ("train", data, "--target", "y", "-o", "m", "--report", "r.png")
    message = refused(capsys, *arguments)
    assert message.endswith(f'needs {missing}: pip install "mlpcore[cli]"\n')


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_full_disk(table_folder, capsys):
    arguments = ("train", "mixed.csv", "--target", "y", "-o", "/dev/full", *FEW)
    assert "/dev/full: No space left" in refused(capsys, *arguments)


def test_divergence(table_folder, capsys):
    options = ("--optimizer", "sgd", "--learning-rate", "1e30")
    assert "Try a smaller learning rate" in refused(capsys, *TRAIN, *options)
