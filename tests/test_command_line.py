"""The command line: what the commands print, write and refuse."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import mlpcore
from mlpcore.__main__ import main
from mlpcore.table import TableModel
from support import assert_same_bits
from table_support import bunch, mixed

TRAIN = ("train", "mixed.csv", "--target", "y", "-o", "m")
FEW = ("--layers", "8", "--epochs", "5")
PNG = b"\x89PNG\r\n"


def mlp(*arguments, cwd=None, **more):
    """Run the command as a user does; warnings would be lines on stderr."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "mlpcore", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        **more,
    )


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with tables, which is the working directory."""
    mixed().to_csv(tmp_path / "mixed.csv", index=False)
    mixed().to_parquet(tmp_path / "mixed.parquet")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def model_file(tmp_path_factory):
    """A model of the mixed table."""
    folder = tmp_path_factory.mktemp("model")
    mixed().to_csv(folder / "mixed.csv", index=False)
    path = folder / "m.safetensors"
    table = str(folder / "mixed.csv")
    assert main(["train", table, "--target", "y", "-o", str(path), "-q"]) == 0
    return path


def run(capsys, *arguments):
    """Run a command in this process; return its code and what it printed."""
    code = main(list(map(str, arguments)))
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def refused(capsys, *arguments):
    """Return the one line on stderr of a command that has to fail."""
    try:
        code = main(list(map(str, arguments)))
    except SystemExit as stop:  # argparse's
        code = stop.code
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert shown.err.startswith("mlpcore")
    assert shown.err.count("\n") == 1
    return shown.err


# The main way, as a user has it.


def test_train_info_predict(folder):
    trained = mlp("train", "mixed.csv", "--target", "y", "-o", "m.safetensors")
    assert trained.returncode == 0, trained.stderr
    assert trained.stderr == ""  # no bar where nobody looks
    lines = trained.stdout.splitlines()
    assert lines[0].startswith("data        mixed.csv: 150 rows; 7 columns become 13")
    assert "            left out, the same in all rows: always" in lines
    assert "rows        96 to learn from, 24 to stop by, 30 held out" in lines
    scores = [line.split() for line in lines if line.startswith("accuracy")]
    assert float(scores[0][1]) > 0.9 > float(scores[0][2])

    info = mlp("info", "m.safetensors")
    assert info.returncode == 0, info.stderr
    for text in (
        "kind        model of a table (mlpcore train)",
        "format      1, written by mlpcore",
        "the file is whole",
        "hidden 1  relu        13 x 64",
        "classes     setosa, versicolor, virginica",
        "baseline accuracy: 0.333333",
        "(missing)",
        "left out, the same in all rows: always",
    ):
        assert text in info.stdout

    done = mlp(
        "predict", "m.safetensors", "mixed.csv", "-o", "out.csv", "--keep", "day"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "predicted   out.csv: 150 rows\n"
    out = pd.read_csv("out.csv")
    assert list(out.columns) == [
        "day",
        "prediction",
        "probability_setosa",
        "probability_versicolor",
        "probability_virginica",
    ]
    frame = mixed()
    assert (out["prediction"] == frame["y"]).mean() > 0.9
    assert out["day"].tolist() == pd.read_csv("mixed.csv")["day"].tolist()
    probabilities = out.iloc[:, 2:].to_numpy().astype(np.float32)
    model = TableModel.load("m.safetensors")
    assert_same_bits(probabilities, model.predict_proba(frame))


def test_the_installed_script():
    script = os.path.join(os.path.dirname(sys.executable), "mlpcore")
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    assert done.stdout == f"mlpcore {mlpcore.__version__}\n"


def test_regression_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = bunch("diabetes")
    frame.to_parquet("d.parquet")
    arguments = ("train", "d.parquet", "--target", "y", "-o", "m", "--epochs", "30")
    code, out, err = run(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "target      y: a number" in out
    assert "held-out rows  network  always the mean" in out
    code, _, _ = run(capsys, "predict", "m", "d.parquet", "-o", "p.parquet")
    assert code == 0
    out = pd.read_parquet("p.parquet")
    assert list(out.columns) == ["prediction"]
    assert_same_bits(out["prediction"].to_numpy(), TableModel.load("m").predict(frame))


def test_same_seed_same_bytes(folder, capsys):
    files = {}
    for name, data, seed in (
        ("a", "mixed.csv", 1),
        ("b", "mixed.csv", 1),
        ("parquet", "mixed.parquet", 1),
        ("c", "mixed.csv", 2),
    ):
        options = ("--seed", seed, "-q")
        if name in "ab":
            options += ("--report", f"{name}.html")
        assert (
            main(["train", data, "--target", "y", "-o", name, *FEW, *map(str, options)])
            == 0
        )
        files[name] = (folder / name).read_bytes()
    assert capsys.readouterr().out == ""
    # The same table in another format, too.
    assert files["a"] == files["b"] == files["parquet"]
    assert files["a"] != files["c"]
    report = (folder / "a.html").read_text()
    assert (
        report.replace("-o a", "-o b").replace("a.html", "b.html")
        == (folder / "b.html").read_text()
    )


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_interrupt(folder):
    options = ("--epochs", "100000000", "--validation", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlpcore", *TRAIN, *options, "-v"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr.readline().startswith("epoch ")  # it is under way
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "mlpcore: interrupted"
    assert "Traceback" not in err
    assert not (folder / "m").exists()


def test_a_pipe_that_closes(folder, model_file):
    pd.concat([mixed()] * 200).to_csv("many.csv", index=False)
    command = [sys.executable, "-m", "mlpcore", "predict", str(model_file), "many.csv"]
    process = subprocess.Popen(
        [*command, "-o", "-"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout.readline().startswith(b"prediction,")
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(20) == 1
    process.stderr.close()


# Options.


def test_options_arrive(folder, capsys):
    code, out, _ = run(
        capsys,
        *("train", "mixed.csv", "--target", "y", "-o", "m"),
        *("--layers", "5,4", "--activation", "tanh", "--optimizer", "sgd"),
        *("--learning-rate", "0.05", "--batch-size", "16", "--epochs", "7"),
        *("--validation", "0", "--holdout", "0.3", "--drop", "day", "--drop", "wild"),
        *("--max-categories", "1", "--dropout", "0.1", "--l2", "0.5", "--seed", "9"),
    )
    assert code == 0
    model = TableModel.load("m")
    network = model.network
    assert network.layer_sizes[1:] == [5, 4, 3]
    assert network.activations == ["tanh", "tanh", "softmax"]
    assert network.dropout == [0.1, 0.1]
    record = model.record
    assert record["optimizer"].startswith("SGD(learning_rate=0.05")
    assert (record["batch size"], record["epochs"], record["seed"]) == (16, 7, 9)
    assert record["l2"] == 0.5
    assert record["rows"] == "105 for training, 45 for test"
    assert "day" not in model.column_names
    assert "wild" not in model.column_names
    assert model.feature_names[-3:] == [
        f"colour={name}"
        for name in (model.columns[-1].categories[0], "(other)", "(missing)")
    ]
    assert "left out, dropped: day, wild" in out


def test_task_and_categorical_and_separator(folder, capsys):
    frame = bunch("wine")
    frame["y"] = frame["y"].str[-1].astype(int)
    frame["code"] = ["007", "7"] * 89
    frame.to_csv("w.csv", index=False, sep=";")
    common = ("train", "w.csv", "--separator", ";", "--target", "y", "-o", "m", *FEW)
    assert run(capsys, *common, "--categorical", "code")[0] == 0
    model = TableModel.load("m")
    assert model.classes == [0, 1, 2]
    assert model.columns[-1].categories == ["007", "7"]
    assert run(capsys, *common, "--task", "regression")[0] == 0
    assert TableModel.load("m").task == "regression"


def test_keep_is_exact(folder, model_file, capsys):
    frame = mixed()
    frame.insert(0, "id", [f"{i:03d}" for i in range(150)])
    frame.loc[3, "id"] = "NA"
    frame.loc[4, "id"] = " x,y "
    frame.insert(1, "code", [f"{i:03d}" for i in range(150)])  # all digits
    frame.to_csv("t.csv", index=False)
    keep = (
        "--keep",
        "code",
        "--keep",
        "id",
        "--keep",
        "petal width (cm)",
        "--keep",
        "colour",
    )
    code, out, _ = run(capsys, "predict", model_file, "t.csv", *keep, "-o", "-")
    assert code == 0
    rows = out.splitlines()
    assert rows[0].startswith("code,id,petal width (cm),colour,prediction,probability_")
    assert rows[1].startswith("000,000,0.2,")
    assert rows[4].startswith("003,NA,")
    assert rows[5].startswith('004," x,y ",')
    assert len(rows) == 151


def test_large_files_go_in_parts(folder, model_file, capsys, monkeypatch):
    from mlpcore._cli import _data

    run(capsys, "predict", model_file, "mixed.csv", "-o", "whole.csv", "--keep", "y")
    run(capsys, "predict", model_file, "mixed.parquet", "-o", "whole.parquet")
    monkeypatch.setattr(_data, "ROWS", 7)
    # The first seven rows have no holes here, the second no values at all.
    frame = mixed()
    frame.loc[7:13, ["sepal length (cm)", "colour", "wild", "day"]] = None
    frame.to_csv("holes.csv", index=False)
    code, out, _ = run(
        capsys, "predict", model_file, "mixed.csv", "-o", "parts.csv", "--keep", "y"
    )
    assert (code, out) == (0, "predicted   parts.csv: 150 rows\n")
    run(capsys, "predict", model_file, "mixed.parquet", "-o", "parts.parquet")
    assert (
        run(capsys, "predict", model_file, "holes.csv", "-o", "holes.out.csv")[0] == 0
    )
    assert (folder / "parts.csv").read_bytes() == (folder / "whole.csv").read_bytes()
    for name in ("whole", "parts"):
        table = pd.read_parquet(f"{name}.parquet")
        got = table.iloc[:, 1:].to_numpy()
        assert_same_bits(got, TableModel.load(model_file).predict_proba(mixed()))
    with open("holes.csv", "a") as file:
        file.write("1,1,1,1,setosa,red,maybe,2020-01-01,1\n")
    message = refused(capsys, "predict", model_file, "holes.csv", "-o", "n.csv")
    assert "column 'wild' must hold true or false, got 'maybe' (row 150)" in message
    frame.loc[20, "petal width (cm)"] = np.inf
    frame.to_parquet("far.parquet")
    message = refused(capsys, "predict", model_file, "far.parquet", "-o", "n.csv")
    assert "column 'petal width (cm)' contains inf (first at row 20)" in message
    assert not (folder / "n.csv").exists()


def test_empty_table_predicts_nothing(folder, model_file, capsys):
    for suffix, write in (("csv", "to_csv"), ("parquet", "to_parquet")):
        getattr(mixed().iloc[:0], write)(f"none.{suffix}", index=False)
        code, out, _ = run(
            capsys, "predict", model_file, f"none.{suffix}", "-o", "o.parquet"
        )
        assert (code, out) == (0, "predicted   o.parquet: 0 rows\n")
        assert len(pd.read_parquet("o.parquet").columns) == 4


def test_index_of_a_data_frame_is_no_feature(folder, capsys):
    frame = bunch("iris")
    shuffled = frame.sample(frac=1.0, random_state=0)
    shuffled.to_parquet("unnamed.parquet")  # has __index_level_0__
    shuffled.rename_axis("id").to_parquet("named.parquet")
    for name, more in (("unnamed", ()), ("named", ("--drop", "id"))):
        arguments = ("train", f"{name}.parquet", "--target", "y", "-o", name)
        assert run(capsys, *arguments, *FEW, *more)[0] == 0
        assert len(TableModel.load(name).columns) == 4
    arguments = ("predict", "named", "named.parquet", "--keep", "id", "-o", "o.parquet")
    assert run(capsys, *arguments)[0] == 0
    assert pd.read_parquet("o.parquet")["id"].tolist() == shuffled.index.tolist()


def test_note_when_nothing_was_found(folder, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "y": rng.normal(size=200)})
    frame.to_csv("noise.csv", index=False)
    arguments = ("train", "noise.csv", "--target", "y", "-o", "m", "--epochs", "2")
    code, _, err = run(capsys, *arguments, "--learning-rate", "0.5", "--l2", "0")
    assert code == 0
    assert err.startswith("mlpcore: the R2 is no better than the baseline's")


# Reports.


@pytest.mark.parametrize("name", ["mixed", "diabetes"])
def test_html_report(folder, capsys, name):
    bunch("diabetes").to_csv("diabetes.csv", index=False)
    arguments = ("train", f"{name}.csv", "--target", "y", "-o", "m", *FEW)
    code, out, _ = run(capsys, *arguments, "--report", "r.html")
    assert code == 0
    assert out.endswith("report      r.html\n")
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == (3 if name == "mixed" else 2)
    for outside in ("http:", "https:", 'src="/', "<link", "<script"):
        assert outside not in page
    record = TableModel.load("m").record
    key = "accuracy" if name == "mixed" else "R2"
    assert f'{key}</th><td class="number">{record[key]:.4f}</td>' in page
    assert "mlpcore train" in page


def test_report_escapes_what_is_in_the_data(folder, capsys):
    frame = bunch("iris")
    frame["y"] = frame["y"].map(
        {"setosa": "<b>$a$", "versicolor": "$\\frac$", "virginica": 'ü & "x"'}
    )
    frame = frame.rename(columns={"sepal length (cm)": "<i>&</i>"})
    frame.to_csv("odd.csv", index=False)
    for report in ("r.html", "r.png"):
        arguments = ("train", "odd.csv", "--target", "y", "-o", "m", *FEW)
        assert run(capsys, *arguments, "--report", report)[0] == 0
    page = (folder / "r.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;$a$" in page
    assert (folder / "r.png").read_bytes().startswith(PNG)


def test_report_without_held_out_rows(folder, capsys):
    arguments = ("train", "mixed.csv", "--target", "y", "-o", "m", *FEW)
    options = ("--holdout", "0", "--report", "r.html")
    assert run(capsys, *arguments, *options)[0] == 0
    page = (folder / "r.html").read_text()
    assert "No rows were held out" in page
    assert page.count("data:image/png;base64,") == 1


# Other commands.


def test_info_of_a_network_and_a_checkpoint(folder, capsys):
    net = mlpcore.Network([4, 16, 3], rng=0)
    net.save("net", metadata={"author": "Fisher"})
    code, out, _ = run(capsys, "info", "net")
    assert code == 0
    assert "kind        network" in out
    assert "  author: Fisher" in out
    header = (folder / "net").read_bytes().decode(errors="replace")
    digest = header.partition('"mlpcore.sha256":"')[2][:64]
    assert f"sha256      {digest}" in out
    trainer = mlpcore.Trainer(net, mlpcore.optim.Adam(0.01))
    trainer.fit(np.eye(4), [0, 1, 2, 0], epochs=3, batch_size=2)
    trainer.save_checkpoint("checkpoint")
    code, out, _ = run(capsys, "info", "checkpoint")
    assert code == 0
    assert "kind        checkpoint of a training" in out
    assert "optimizer   Adam(learning_rate=0.01" in out
    assert "trained     3 epochs, 6 steps" in out


def test_config(capsys):
    code, out, _ = run(capsys, "config")
    assert code == 0
    assert f"version        {mlpcore.__version__}" in out


def test_bench_passes_its_options_on(capsys):
    code, out, _ = run(capsys, "bench", "--quick", "--list")
    assert code == 0
    assert len(out.splitlines()) > 1


@pytest.mark.parametrize("command", ["", "train", "predict", "info", "convert", "demo"])
def test_help(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command.split(), "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert out.startswith("usage: mlpcore")
    assert max(map(len, out.splitlines())) < 90


# What is refused: one line, exit code 2, nothing written.


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
def test_refused(folder, capsys, arguments, wanted):
    (folder / "empty.csv").write_text("")
    (folder / "head.csv").write_text("x,y\n")
    (folder / "ragged.csv").write_text("x,y\n1,2\n1,2,3\n")
    (folder / "binary.csv").write_bytes(PNG + bytes(range(256)))
    (folder / "bad.parquet").write_bytes(PNG)
    (folder / "semi.csv").write_text("x;y\n1;2\n")
    (folder / "gone.csv").write_text("x,y\n" + ",a\n,b\n" * 10)
    mlpcore.Network([2, 3]).save("net")
    before = sorted(path.name for path in folder.iterdir())
    assert wanted in refused(capsys, *arguments)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (("--keep", "z"), "no column 'z' to keep"),
        (("--keep", "prediction"), "has one of that name"),
    ],
)
def test_predict_refuses_columns(folder, capsys, model_file, arguments, wanted):
    mixed().assign(prediction=1).to_csv("t.csv", index=False)
    common = ("predict", model_file, "t.csv", "-o", "o.csv")
    assert wanted in refused(capsys, *common, *arguments)


def test_missing_columns_and_damaged_models(folder, capsys, model_file):
    mixed().drop(columns=["colour", "day"]).to_csv("less.csv", index=False)
    message = refused(capsys, "predict", model_file, "less.csv", "-o", "o.csv")
    assert "no column 'colour', 'day', there are 'sepal length (cm)'" in message
    data = bytearray(model_file.read_bytes())
    data[-1] ^= 1
    (folder / "bad").write_bytes(data)
    for arguments in (("info", "bad"), ("predict", "bad", "mixed.csv", "-o", "o.csv")):
        assert "bad: damaged" in refused(capsys, *arguments)


@pytest.mark.parametrize("missing", ["pandas", "pyarrow", "sklearn", "matplotlib"])
def test_missing_packages(folder, capsys, monkeypatch, missing):
    for name in list(sys.modules):
        if name.partition(".")[0] == missing:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    data = "mixed.parquet" if missing == "pyarrow" else "mixed.csv"
    arguments = ("train", data, "--target", "y", "-o", "m", "--report", "r.png")
    message = refused(capsys, *arguments)
    assert message.endswith(f"needs {missing}: pip install mlpcore[cli]\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_full_disk(folder, capsys):
    arguments = ("train", "mixed.csv", "--target", "y", "-o", "/dev/full", *FEW)
    assert "/dev/full: No space left" in refused(capsys, *arguments)


def test_divergence(folder, capsys):
    options = ("--optimizer", "sgd", "--learning-rate", "1e30")
    assert "Try a smaller learning rate" in refused(capsys, *TRAIN, *options)
