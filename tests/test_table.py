"""mlpcore.table: training on tables, models in files, what is refused."""

import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlpcore
from mlpcore.table import TableModel, train
from mlpcore.table._model import METADATA
from support import assert_same_bits, run_python
from table_support import bunch, mixed

FEW = {"layers": [8], "epochs": 5}

# Training.


@pytest.mark.parametrize(
    ("name", "least"), [("iris", 0.9), ("wine", 0.95), ("breast_cancer", 0.95)]
)
def test_classification_learns(name, least):
    frame = bunch(name)
    training = train(frame, "y")
    score = training.scores[0]
    assert score.name == "accuracy"
    assert score.model > least > score.baseline
    assert training.is_better_than_baseline
    assert sum(training.n_rows.values()) == len(frame)
    model, rows = training.model, training.n_rows
    # On all rows it is about as good as on those held out.
    assert (model.predict(frame) == frame["y"]).mean() > least
    assert rows["test"] == round(0.2 * len(frame))
    assert training.class_counts == frame["y"].value_counts().to_dict()


def test_regression_learns():
    frame = bunch("diabetes")
    training = train(frame, "y")
    scores = {score.name: score for score in training.scores}
    assert list(scores) == ["R2", "RMSE", "MAE"]
    assert scores["R2"].model > 0.25 > 0.0 >= scores["R2"].baseline
    assert scores["RMSE"].model < scores["RMSE"].baseline
    residuals = training.model.predict(frame) - frame["y"]
    assert np.sqrt((residuals**2).mean()) < scores["RMSE"].baseline
    assert training.class_counts is None
    assert training.probabilities is None


def test_scores_are_those_of_the_held_out_rows():
    # Nothing to learn: the target is noise. A score that has seen the rows is high.
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(200, 10)), columns=list("abcdefghij"))
    frame["y"] = rng.choice(["no", "yes"], 200)
    options = {"validation": 0, "l2": 0, "epochs": 300}
    training = train(frame, "y", **options)
    seen = (training.model.predict(frame) == frame["y"]).mean()
    assert seen > 0.85
    assert training.scores[0].model < 0.7
    assert training.best_epoch is None


def test_score_values():
    frame = bunch("iris")
    training = train(frame, "y", **FEW)
    from sklearn import metrics

    true, predicted = training.y_true.tolist(), training.y_predicted.tolist()
    probabilities = training.probabilities.astype(float)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    scores = {score.name: score.model for score in training.scores}
    assert scores["accuracy"] == metrics.accuracy_score(true, predicted)
    loss = metrics.log_loss(true, probabilities, labels=training.model.classes)
    assert scores["log loss"] == pytest.approx(loss, rel=1e-5)
    assert training.scores[-1].baseline == pytest.approx(math.log(3))


def test_classes_are_divided_in_equal_shares():
    training = train(bunch("iris"), "y", **FEW)
    values, counts = np.unique(training.y_true.astype(str), return_counts=True)
    assert dict(zip(values, counts, strict=True)) == {
        "setosa": 10,
        "versicolor": 10,
        "virginica": 10,
    }


def test_the_preparation_does_not_see_the_held_out_rows():
    frame = bunch("diabetes")
    training = train(frame, "y", **FEW)
    learnt = training.model.columns[0]
    alone = train(frame, "y", holdout=0, **FEW).model.columns[0]
    assert alone.mean == pytest.approx(frame[learnt.name].mean(), abs=1e-12)
    assert learnt.mean != alone.mean


def test_mixed_table():
    training = train(mixed(), "y")
    assert [(c.name, c.kind) for c in training.model.columns][4:] == [
        ("colour", "category"),
        ("wild", "boolean"),
        ("day", "date"),
    ]
    assert training.model.left_out == {"always": "the same in all rows"}
    assert training.scores[0].model > 0.9


def test_linear_model_and_other_options():
    training = train(
        bunch("iris"),
        "y",
        layers=[],
        optimizer="sgd",
        learning_rate=0.1,
        epochs=50,
        drop=["petal length (cm)"],
    )
    assert training.model.network.layer_sizes == [3, 3]
    assert training.model.left_out == {"petal length (cm)": "dropped"}
    assert "learning_rate=0.1" in training.model.record["optimizer"]


@pytest.mark.parametrize("loss", ["absolute_error", "huber"])
def test_numbers_with_outliers(loss, tmp_path):
    frame = bunch("diabetes")
    far = np.arange(len(frame)) % 10 == 0
    frame["y"] = np.where(far, 100 * frame["y"], frame["y"])
    errors = {}
    for name in ("auto", "squared_error", loss):
        training = train(frame, "y", loss=name, holdout=0, epochs=100, seed=1)
        kept = frame["y"][~far]
        predicted = training.model.predict(frame[~far])
        errors[name] = np.abs(predicted - kept).mean()
        assert training.model.network.loss_name == name.replace("auto", "squared_error")
    assert errors["auto"] == errors["squared_error"]
    assert errors[loss] < 0.5 * errors["auto"]
    assert training.model.record["loss"] == loss
    training.model.save(tmp_path / "m")
    twin = TableModel.load(tmp_path / "m")
    assert twin.network.loss_name == loss
    assert (twin.predict(frame[~far]) == predicted).all()


def test_balanced_classes():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"x": rng.normal(size=600)})
    rare = frame["x"] + rng.normal(size=600) > 1.9
    frame["y"] = np.where(rare, "rare", "many")
    found = {}
    for weight in (None, "balanced"):
        training = train(frame, "y", class_weight=weight, holdout=0, seed=0)
        found[weight] = (training.model.predict(frame[rare]) == "rare").mean()
        assert training.model.record.get("class weight") == weight
    assert found["balanced"] > found[None] + 0.3


def test_rare_class_is_no_obstacle():
    frame = bunch("iris").iloc[:101]  # one virginica
    training = train(frame, "y", **FEW)
    assert training.model.classes == ["setosa", "versicolor", "virginica"]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"target": "z"}, "no column 'z', there are 'sepal"),
        ({"drop": ["z"]}, "no column 'z'"),
        ({"categorical": ["z"]}, "no column 'z'"),
        ({"drop": ["y"]}, "the target 'y' cannot be left out"),
        ({"task": "clasification"}, "did you mean 'classification'"),
        ({"holdout": 1.0}, "holdout must be in"),
        ({"holdout": 0.001}, "holdout 0.001 divides 150 rows into 0 and 150"),
        ({"validation": 0.999}, "validation 0.999 divides 120 rows into 120 and 0"),
        ({"layers": [0]}, r"layers\[0\] must be"),
        ({"optimizer": "lbfgs"}, "must be 'adam'"),
        ({"loss": "hubert"}, "unknown loss 'hubert', did you mean 'huber'"),
        ({"loss": "huber"}, "the target has classes"),
        ({"class_weight": "balance"}, "did you mean 'balanced'"),
        (
            {"class_weight": "balanced", "target": "petal width (cm)"},
            "the target is a number",
        ),
        ({"seed": 2**32}, "seed must be"),
        ({"drop": list(bunch("iris").columns[:4])}, "no column is left"),
    ],
)
def test_arguments_that_are_refused(options, wanted):
    with pytest.raises(ValueError, match=wanted):
        train(bunch("iris"), options.pop("target", "y"), **options)


def test_frames_that_are_refused():
    with pytest.raises(TypeError, match=r"must be a pandas.DataFrame, got list"):
        train([[1]], "y")
    with pytest.raises(TypeError, match=r"must be a pandas.DataFrame, got polars.Data"):
        train(pytest.importorskip("polars").DataFrame({"y": [1]}), "y")
    with pytest.raises(TypeError, match="drop must be a list of columns, got 'z'"):
        train(bunch("iris"), "y", drop="z")
    with pytest.raises(TypeError, match="texts as names, got 0"):
        train(pd.DataFrame([[1, 2]]), "y")
    with pytest.raises(ValueError, match="two columns 'a'"):
        train(pd.DataFrame([[1, 2]], columns=["a", "a"]), "a")


def test_target_of_numbers_that_are_names():
    frame = bunch("iris")
    frame["y"] = frame["y"].map({"setosa": 7, "versicolor": 8, "virginica": 9})
    training = train(frame, "y", categorical=["y"], **FEW)
    assert training.model.classes == ["7", "8", "9"]


# Models in files.


@pytest.fixture(scope="module")
def trained():
    return train(mixed(), "y", epochs=20).model


@pytest.fixture
def saved(trained, tmp_path):
    path = tmp_path / "model.safetensors"
    trained.save(path)
    return path


def test_round_trip(trained, saved):
    twin = TableModel.load(saved)
    frame = mixed()
    assert_same_bits(twin.predict_proba(frame), trained.predict_proba(frame))
    assert twin.predict(frame).tolist() == trained.predict(frame).tolist()
    assert twin.columns == trained.columns
    assert twin.target == trained.target
    assert (twin.left_out, twin.record) == (trained.left_out, trained.record)
    assert repr(twin) == repr(trained)


def test_bare_network(trained, saved):
    network = mlpcore.load(saved)
    frame = mixed()
    x = trained.features(frame)
    assert x.shape == (len(frame), len(trained.feature_names))
    assert_same_bits(network.predict(x), trained.predict_proba(frame))


def test_regression_round_trip(tmp_path):
    frame = bunch("diabetes")
    model = train(frame, "y", **FEW).model
    model.save(tmp_path / "m")
    twin = TableModel.load(tmp_path / "m")
    assert_same_bits(twin.predict(frame), model.predict(frame))
    with pytest.raises(mlpcore.NotSupportedError, match="no probabilities"):
        twin.predict_proba(frame)
    with pytest.raises(mlpcore.NotSupportedError, match="no classes"):
        twin.classes  # noqa: B018


def test_rows_and_columns_do_not_depend_on_each_other(trained):
    frame = mixed()
    wanted = trained.predict_proba(frame)
    turned = frame[list(reversed(frame.columns))].assign(more="x")
    assert_same_bits(trained.predict_proba(turned), wanted)
    some = [140, 3, 77]
    assert_same_bits(trained.predict_proba(frame.iloc[some]), wanted[some])
    many = pd.concat([frame] * 120, ignore_index=True)  # more than a block
    assert_same_bits(trained.predict_proba(many), np.tile(wanted, (120, 1)))
    assert trained.predict(frame.iloc[:0]).shape == (0,)


def test_missing_columns_are_named(trained):
    frame = mixed().drop(columns=["wild", "day", "always", "y"])
    with pytest.raises(ValueError, match="no column 'wild', 'day', there are 'sepal"):
        trained.predict(frame)


def test_same_seed_same_file_in_another_process(tmp_path):
    script = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from table_support import mixed\n"
        "from mlpcore.table import train\n"
        "train(mixed(), 'y', epochs=8, seed=3).model.save(sys.argv[1])"
    )
    run_python(script, str(tmp_path / "a"), str(Path(__file__).parent))
    for name, seed in (("b", 3), ("c", 4)):
        train(mixed(), "y", epochs=8, seed=seed).model.save(tmp_path / name)
    digests = [
        hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "abc"
    ]
    assert digests[0] == digests[1] != digests[2]


def test_the_order_of_the_rows_does_not_matter_to_the_preparation():
    frame = mixed()
    turned = frame.iloc[::-1].reset_index(drop=True)
    columns = [train(f, "y", holdout=0, **FEW).model.columns for f in (frame, turned)]
    assert columns[0] == columns[1]


# Files that are not right.


def edited(model, path, edit):
    """Save the model with another description; the file's digest is right."""
    model.save(path)
    document = json.loads(mlpcore.formats.read_metadata(path)[METADATA])
    edit(document)
    text = json.dumps(document)
    model.network.save(path, metadata={METADATA: text})


def put(*keys, value):
    def edit(document):
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return edit


REGRESSION = {"task": "regression", "name": "y", "mean": 0}


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        (put("version", value=0), "version 0"),
        (put("version", value=True), "version True"),
        (put("more", value=1), "unknown .'more'"),
        (lambda d: d.pop("target"), "missing .'target'"),
        (put("columns", value={}), "not a list"),
        (put("columns", 0, value=3), "a column is of the kind None"),
        (put("columns", 0, "kind", value="eval"), "kind 'eval'"),
        (put("columns", 0, "name", value=3), "the name 3"),
        (put("columns", 0, "mean", value="3"), "mean is '3'"),
        (put("columns", 0, "mean", value=True), "mean is True"),
        (put("columns", 0, "scale", value=0), "scale is 0"),
        (put("columns", 0, "median", value=10**400), "median is 1000"),
        (put("columns", 0, "missing", value=1), "missing is 1"),
        (lambda d: d["columns"][0].pop("mean"), "missing .'mean'"),
        (put("columns", 1, "name", value="wild"), "same name"),
        (put("columns", 4, "categories", value=["a", "a", "b"]), "different texts"),
        (put("columns", 4, "categories", value="abc"), "different texts"),
        (put("columns", 4, "other", value=None), "other is None"),
        (lambda d: d["columns"].pop(), "a network with 12 inputs"),
        (put("target", "task", value="x"), "task 'x'"),
        (put("target", "name", value=1), "the name 1"),
        (put("target", "classes", value=["a", "b"]), "2 outputs"),
        (put("target", "classes", value=["a", "b", 1]), "all texts"),
        (put("target", "classes", value=["a", "b", "b"]), "differ"),
        (put("target", "classes", value=[[], []]), "all texts"),
        (put("target", "classes", value=None), "list of two"),
        (put("left_out", value=[]), "left_out is not"),
        (put("record", "x", value=[1]), "record is not"),
        (put("target", value=REGRESSION | {"scale": 1}), "1 outputs"),
        (put("target", value=REGRESSION | {"scale": 0}), "scale is 0"),
    ],
)
def test_descriptions_that_are_refused(trained, tmp_path, edit, wanted):
    path = tmp_path / "m"
    edited(trained, path, edit)
    with pytest.raises(mlpcore.ModelFormatError, match=wanted) as caught:
        TableModel.load(path)
    assert str(path) in str(caught.value)
    assert mlpcore.load(path).layer_sizes == trained.network.layer_sizes


def test_newer_description(trained, tmp_path):
    edited(trained, tmp_path / "m", put("version", value=2))
    with pytest.raises(mlpcore.ModelVersionError, match=r"version 2; .* version 1"):
        TableModel.load(tmp_path / "m")


def test_files_that_are_no_tables(trained, saved, tmp_path):
    mlpcore.Network([2, 3]).save(tmp_path / "net")
    with pytest.raises(mlpcore.ModelFormatError, match="network without the columns"):
        TableModel.load(tmp_path / "net")
    data = bytearray(saved.read_bytes())
    data[200] ^= 1
    saved.write_bytes(data)
    with pytest.raises(mlpcore.ModelFormatError):
        TableModel.load(saved)
    with pytest.raises(FileNotFoundError):
        TableModel.load(tmp_path / "nothing")


def test_importing_mlpcore_imports_none_of_this():
    done = run_python(
        "import sys, mlpcore, mlpcore.table, mlpcore._cli\n"
        "print([m for m in ('pandas', 'sklearn', 'pyarrow', 'rich', 'matplotlib')"
        " if m in sys.modules])"
    )
    assert done.stdout == "[]\n"
