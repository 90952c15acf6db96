"""The examples and the demonstration do what they say.

The bounds are a little under what was measured when they were written: they catch a
network that has stopped learning, not a digit in the third place.
"""

import importlib.util
import os
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


def test_every_example_is_tested():
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == {"binary_breast_cancer", "multilabel_digits", "regression_diabetes"}


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
        f"mlpcore: the demo needs {missing}: pip install mlpcore[demo]\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_unknown_command_exits_with_2():
    done = run_command("-m", "mlpcore", "dmo")
    assert done.returncode == 2
    assert "demo" in done.stderr
