"""What the commands refuse: one line, exit code 2, nothing written."""

import os
import sys

import pytest

import mlpcore
from command_line_support import FEW, PNG, TRAIN, refused
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
        (("train", "empty.csv", "--target", "y", "-o", "m"), "empty.csv: No columns"),
        (("train", "head.csv", "--target", "y", "-o", "m"), "has no rows"),
        (("train", "ragged.csv", "--target", "y", "-o", "m"), "ragged.csv: Error"),
        (("train", "binary.csv", "--target", "y", "-o", "m"), "not a text in UTF-8"),
        (("train", "bad.parquet", "--target", "y", "-o", "m"), "bad.parquet: Parquet"),
        (("train", "semi.csv", "--target", "y", "-o", "m"), "--separator ';'"),
        (("train", "gone.csv", "--target", "y", "-o", "m"), "column 'x' has no values"),
        (("info", "mixed.csv"), "not a model file"),
        (("info", "no"), "no: No such file"),
        (("predict", "mixed.csv", "mixed.csv", "-o", "o.csv"), "not a model file"),
        (("predict", "net", "mixed.csv", "-o", "o.csv"), "network without the columns"),
        (("convert", "net", "o.onnx"), "for others there are --from and --to"),
        (("convert", "net.c", "o.onnx"), "C is only written"),
        (("convert", "net.pt", "o.onnx"), "give --activations"),
        (
            ("convert", "net.safetensors", "o.c", "--activations", "relu"),
            "PyTorch only",
        ),
    ],
)
def test_refused(table_folder, capsys, arguments, wanted):
    (table_folder / "empty.csv").write_text("")
    (table_folder / "head.csv").write_text("x,y\n")
    (table_folder / "ragged.csv").write_text("x,y\n1,2\n1,2,3\n")
    (table_folder / "binary.csv").write_bytes(PNG + bytes(range(256)))
    (table_folder / "bad.parquet").write_bytes(PNG)
    (table_folder / "semi.csv").write_text("x;y\n1;2\n")
    (table_folder / "gone.csv").write_text("x,y\n" + ",a\n,b\n" * 10)
    mlpcore.Network([2, 3]).save("net")
    before = sorted(path.name for path in table_folder.iterdir())
    assert wanted in refused(capsys, *arguments)
    assert sorted(path.name for path in table_folder.iterdir()) == before


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


@pytest.mark.parametrize("missing", ["pandas", "pyarrow", "sklearn", "matplotlib"])
def test_missing_packages(table_folder, capsys, monkeypatch, missing):
    for name in list(sys.modules):
        if name.partition(".")[0] == missing:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    data = "mixed.parquet" if missing == "pyarrow" else "mixed.csv"
    arguments = ("train", data, "--target", "y", "-o", "m", "--report", "r.png")
    message = refused(capsys, *arguments)
    assert message.endswith(f"needs {missing}: pip install mlpcore[cli]\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_full_disk(table_folder, capsys):
    arguments = ("train", "mixed.csv", "--target", "y", "-o", "/dev/full", *FEW)
    assert "/dev/full: No space left" in refused(capsys, *arguments)


def test_divergence(table_folder, capsys):
    options = ("--optimizer", "sgd", "--learning-rate", "1e30")
    assert "Try a smaller learning rate" in refused(capsys, *TRAIN, *options)
