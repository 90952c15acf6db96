"""The examples and the demonstration do what they say.

The bounds are a little under what was measured when they were written: they catch a
network that has stopped learning, not a digit in the third place.
"""

import importlib.util
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
EXAMPLES = Path(__file__).parents[1] / "examples"


def run_example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main()


def draw_example(name, monkeypatch):
    """Run an example of the gallery; return its names, and the titles of its axes."""
    from matplotlib import pyplot

    titles = []

    def show():
        for number in pyplot.get_fignums():
            figure = pyplot.figure(number)
            figure.canvas.draw()
            titles.append([ax.get_title() for ax in figure.axes])
        pyplot.close("all")

    monkeypatch.setattr(pyplot, "show", show)
    return runpy.run_path(str(EXAMPLES / f"{name}.py")), titles


GALLERY = {
    "plot_calibration": 2,
    "plot_decision_regions": 2,
    "plot_digits": 4,
    "plot_network": 2,
    "plot_regression_losses": 2,
}


@pytest.mark.usefixtures("tidy_pictures")
@pytest.mark.parametrize("name", GALLERY)
def test_gallery(name, monkeypatch, capsys):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    # What sphinx-gallery needs: a title underlined in full, and cells.
    _, title, line, *_ = text.split("\n")
    assert text.startswith('"""\n')
    assert set(line) == {"="}
    assert len(line) == len(title)
    assert text.count("\n# %%\n") >= 2

    names, titles = draw_example(name, monkeypatch)
    assert len(titles) == GALLERY[name]
    check = globals()[f"check_{name}"]
    check(names, titles)


def check_plot_calibration(names, titles):
    errors = [error_of(names["y_test"], names[p]) for p in ("plain", "smooth")]
    decayed = error_of(names["y_test"], names["decayed"])
    assert errors[0] > 0.12  # too sure
    assert max(errors[1], decayed) < errors[0] / 2
    assert names["decayed_accuracy"] > names["plain_accuracy"] + 0.02
    assert names["smooth_accuracy"] > names["plain_accuracy"] - 0.03
    assert titles[0][0] == f"Reliability: expected calibration error {errors[0]:.1%}"


def error_of(y, p, n_bins=10):
    """Return the expected calibration error, from its definition."""
    sure, right = p.max(axis=1).astype(float), p.argmax(axis=1) == y
    total = 0.0
    for i in range(n_bins):
        low, high = i / n_bins, (i + 1) / n_bins
        rows = (sure >= low) & ((sure < high) | ((i == n_bins - 1) & (sure >= 1)))
        if rows.any():
            total += rows.mean() * abs(right[rows].mean() - sure[rows].mean())
    return total


def check_plot_decision_regions(names, titles):
    accuracies = names["accuracies"]
    assert len(titles[0]) == len(accuracies) == 9
    for depth in (1, 2, 3):
        assert accuracies["identity", depth] < 0.9
        assert min(accuracies[phi, depth] for phi in ("relu", "tanh")) > 0.95
    assert "of 178 right\n11 other features at the median" in titles[1][0]


def check_plot_digits(names, titles):
    assert names["accuracy"] > 0.95
    assert f"{names['accuracy']:.1%} of 360 right" in titles[1][0]


def check_plot_network(names, titles):
    assert names["accuracy"] > 0.96
    # What the text says of the petals, and of tanh.
    weight = names["weight"]
    assert weight[2:].min() > 2 * weight[:2].max()
    hidden = names["net"].forward(names["X"]).y[0]
    assert 0.4 < (abs(hidden) > 0.96).mean() < 0.5
    assert titles[0][0] == "Network 4-4-3: 35 parameters"


def check_plot_regression_losses(names, titles):
    distances = names["distances"]
    assert distances["squared_error"] > 0.2
    assert max(distances["absolute_error"], distances["huber"]) < 0.1
    assert abs(names["coverage"] - 0.8) < 0.03
    wide = names["upper"] - names["lower"]
    assert wide[-100:].mean() > 1.5 * wide[:100].mean()
    assert "of the data" in titles[1][0]


def test_every_example_is_tested():
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    scripts = {"binary_breast_cancer", "multilabel_digits", "regression_diabetes"}
    assert names == scripts | set(GALLERY)


def test_regression_diabetes(capsys):
    scores = run_example("regression_diabetes")
    # So few patients and so much noise that a line is as good as anything.
    assert scores["r2"] > 0.46
    assert scores["r2"] > scores["r2_linear"] - 0.03
    assert "ridge regression" in capsys.readouterr().out


def test_binary_breast_cancer(capsys):
    scores = run_example("binary_breast_cancer")
    assert scores["accuracy"] > 0.96
    assert scores["auc"] > 0.99
    assert scores["log_loss"] < 0.11
    assert "logistic regression" in capsys.readouterr().out


def test_multilabel_digits(capsys):
    scores = run_example("multilabel_digits")
    assert scores["all four right"] > 0.90
    assert scores["all four right"] > scores["all four right, linear"] + 0.10
    for question in ("even", "prime", "greater than four", "closed loop"):
        assert scores[question] > scores[question + ", linear"]
    assert "all four right" in capsys.readouterr().out


def test_demo(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    from mlpcore.demo import run

    result = run(tmp_path / "pictures")
    assert result.test_accuracy >= 0.97
    assert result.n_train + result.n_test == 1797
    assert result.n_misread == round((1 - result.test_accuracy) * result.n_test)
    names = ["loss_curves.png", "confusion_matrix.png", "misread.png"]
    assert [path.name for path in result.pictures] == names
    for path in result.pictures:
        assert path.parent == tmp_path / "pictures"
        assert path.read_bytes().startswith(b"\x89PNG")
    shown = capsys.readouterr()
    assert f"{result.test_accuracy:.2%}" in shown.out
    assert "epoch 60/60" in shown.err


def run_command(*arguments, **more):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"MPLBACKEND": "Agg"},
        **more,
    )


def test_demo_from_the_command_line(tmp_path):
    pytest.importorskip("matplotlib")
    done = run_command("-W", "error", "-m", "mlpcore", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(list((tmp_path / "demo").glob("*.png"))) == 3


def test_demo_into_a_file_is_refused_before_training(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").touch()
    done = run_command("-m", "mlpcore", "demo", "--out", "file", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "mlpcore: file: File exists\n"


@pytest.mark.parametrize("missing", ["sklearn", "matplotlib"])
def test_demo_without_what_it_needs_exits_with_2_and_one_line(tmp_path, missing):
    script = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from mlpcore.__main__ import main; sys.exit(main(['demo']))"
    )
    done = run_command("-c", script, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f'mlpcore: the demo needs {missing}: pip install "mlpcore[demo]"\n'
    )
    assert list(tmp_path.iterdir()) == []


def test_unknown_command_exits_with_2():
    done = run_command("-m", "mlpcore", "dmo")
    assert done.returncode == 2
    assert "demo" in done.stderr
