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
from command_line_support import (
    FEW,
    PNG,
    TRAIN,
    mlp,
    refused,
    run,
)
from mlpcore.__main__ import main
from mlpcore.table import TableModel
from support import assert_same_bits
from table_support import bunch, mixed

# The main way, as a user has it.


def test_train_info_predict(table_folder):
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


def test_same_seed_same_bytes(table_folder, capsys):
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
        files[name] = (table_folder / name).read_bytes()
    assert capsys.readouterr().out == ""
    # The same table in another format, too.
    assert files["a"] == files["b"] == files["parquet"]
    assert files["a"] != files["c"]
    report = (table_folder / "a.html").read_text()
    assert (
        report.replace("-o a", "-o b").replace("a.html", "b.html")
        == (table_folder / "b.html").read_text()
    )


@pytest.mark.skipif(os.name == "nt", reason="there are no such signals")
def test_interrupt(table_folder):
    options = ("--epochs", "100000000", "--validation", "0")
    process = subprocess.Popen(
        [sys.executable, "-m", "mlpcore", *TRAIN, *options, "-v"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr.readline().startswith("epoch ")  # it is under way
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "mlpcore: interrupted"
    assert "Traceback" not in err
    assert not (table_folder / "m").exists()


def test_a_pipe_that_closes(table_folder, model_file):
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


def test_options_arrive(table_folder, capsys):
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


@pytest.mark.parametrize(("written", "given"), [(";", ";"), ("\t", r"\t"), ("|", "|")])
def test_task_and_categorical_and_separator(table_folder, capsys, written, given):
    frame = bunch("wine")
    frame["y"] = frame["y"].str[-1].astype(int)
    frame["code"] = ["007", "7"] * 89
    frame.to_csv("w.csv", index=False, sep=written)
    common = ("train", "w.csv", "--separator", given, "--target", "y", "-o", "m", *FEW)
    assert run(capsys, *common, "--categorical", "code")[0] == 0
    model = TableModel.load("m")
    assert model.classes == [0, 1, 2]
    assert model.columns[-1].categories == ["007", "7"]
    assert run(capsys, *common, "--task", "regression")[0] == 0
    assert TableModel.load("m").task == "regression"


def test_keep_is_exact(table_folder, model_file, capsys):
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


def test_large_files_go_in_parts(table_folder, model_file, capsys, monkeypatch):
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
    assert (table_folder / "parts.csv").read_bytes() == (
        table_folder / "whole.csv"
    ).read_bytes()
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
    assert not (table_folder / "n.csv").exists()


def test_empty_table_predicts_nothing(table_folder, model_file, capsys):
    for suffix, write in (("csv", "to_csv"), ("parquet", "to_parquet")):
        getattr(mixed().iloc[:0], write)(f"none.{suffix}", index=False)
        code, out, _ = run(
            capsys, "predict", model_file, f"none.{suffix}", "-o", "o.parquet"
        )
        assert (code, out) == (0, "predicted   o.parquet: 0 rows\n")
        assert len(pd.read_parquet("o.parquet").columns) == 4


def test_index_of_a_data_frame_is_no_feature(table_folder, capsys):
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


def test_note_when_nothing_was_found(table_folder, capsys):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=200), "y": rng.normal(size=200)})
    frame.to_csv("noise.csv", index=False)
    arguments = ("train", "noise.csv", "--target", "y", "-o", "m", "--epochs", "2")
    code, _, err = run(capsys, *arguments, "--learning-rate", "0.5", "--l2", "0")
    assert code == 0
    assert err.startswith("mlpcore: no score is better than the baseline's: there is")


# Reports.


@pytest.mark.parametrize("name", ["mixed", "diabetes"])
def test_html_report(table_folder, capsys, name):
    bunch("diabetes").to_csv("diabetes.csv", index=False)
    arguments = ("train", f"{name}.csv", "--target", "y", "-o", "m", *FEW)
    code, out, _ = run(capsys, *arguments, "--report", "r.html")
    assert code == 0
    assert out.endswith("report      r.html\n")
    page = (table_folder / "r.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == (3 if name == "mixed" else 2)
    for outside in ("http:", "https:", 'src="/', "<link", "<script"):
        assert outside not in page
    record = TableModel.load("m").record
    key = "accuracy" if name == "mixed" else "R2"
    assert f'{key}</th><td class="number">{record[key]:.4f}</td>' in page
    assert "mlpcore train" in page


def test_report_escapes_what_is_in_the_data(table_folder, capsys):
    frame = bunch("iris")
    frame["y"] = frame["y"].map(
        {"setosa": "<b>$a$", "versicolor": "$\\frac$", "virginica": 'ü & "x"'}
    )
    frame = frame.rename(columns={"sepal length (cm)": "<i>&</i>"})
    frame.to_csv("odd.csv", index=False)
    for report in ("r.html", "r.png"):
        arguments = ("train", "odd.csv", "--target", "y", "-o", "m", *FEW)
        assert run(capsys, *arguments, "--report", report)[0] == 0
    page = (table_folder / "r.html").read_text(encoding="utf-8")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;b&gt;$a$" in page
    assert (table_folder / "r.png").read_bytes().startswith(PNG)


def test_report_without_held_out_rows(table_folder, capsys):
    arguments = ("train", "mixed.csv", "--target", "y", "-o", "m", *FEW)
    options = ("--holdout", "0", "--report", "r.html")
    assert run(capsys, *arguments, *options)[0] == 0
    page = (table_folder / "r.html").read_text()
    assert "No rows were held out" in page
    assert page.count("data:image/png;base64,") == 1


# Other commands.


def test_info_of_a_network_and_a_checkpoint(table_folder, capsys):
    net = mlpcore.Network([4, 16, 3], rng=0)
    net.save("net", metadata={"author": "Fisher"})
    code, out, _ = run(capsys, "info", "net")
    assert code == 0
    assert "kind        network" in out
    assert "  author: Fisher" in out
    header = (table_folder / "net").read_bytes().decode(errors="replace")
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


def test_predict_of_many_classes(tmp_path, monkeypatch):
    """A column for each, at once: pandas warns of tables that grow by the column."""
    monkeypatch.chdir(tmp_path)
    names = [f"c{i}" for i in range(120)]
    frame = pd.DataFrame({"x": np.arange(480.0), "y": names * 4})
    frame.to_csv("t.csv", index=False)
    assert mlp("train", "t.csv", "--target", "y", "-o", "m", "-q", *FEW).returncode == 0
    done = mlp("predict", "m", "t.csv", "-o", "o.csv")
    assert (done.returncode, done.stderr) == (0, "")
    columns = list(pd.read_csv("o.csv").columns)
    assert columns == ["prediction", *(f"probability_{name}" for name in sorted(names))]
