"""What type checkers see of the package, and what an import of it takes along."""

import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

import pytest

import mlpcore

PROGRAM = Path(__file__).with_name("typed_program.py")


def test_program_runs():
    subprocess.run([sys.executable, PROGRAM], check=True)


@pytest.fixture(scope="module")
def mypy(tmp_path_factory):
    """Run mypy as somebody does who has installed the package."""
    pytest.importorskip("mypy")
    folder = tmp_path_factory.mktemp("environment")
    builder = venv.EnvBuilder(symlinks=True)
    builder.create(folder)
    python = builder.ensure_directories(folder).env_exe
    packages = next(folder.rglob("site-packages"))
    # The editable package would count as sources of the program's own.
    paths = [Path(mlpcore.__file__).parent, Path(find_spec("numpy").origin).parent]
    for path in [*paths, Path(find_spec("typing_extensions").origin)]:
        (packages / path.name).symlink_to(path)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file="]
    command += [f"--python-executable={python}", f"--cache-dir={folder / 'cache'}"]
    return lambda program: subprocess.run(
        [*command, program], capture_output=True, text=True
    )


def test_types_of_a_program(mypy):
    run = mypy(PROGRAM)
    assert run.returncode == 0, run.stdout + run.stderr


def test_types_of_a_wrong_program(mypy, tmp_path):
    program = tmp_path / "wrong.py"
    program.write_text(
        "import mlpcore\n"
        "net = mlpcore.Network('4', output=3)\n"
        "a: str = net.n_parameters\n"
        "b: int = net.loss([[1]], [1])\n"
        "net.fit([[1]], [1], epoch=3)\n"
        "mlpcore.optim.Adam(momentum=0.9)\n"
        "mlpcore.Netwerk\n"
    )
    lines = [line for line in mypy(program).stdout.splitlines() if ": error:" in line]
    assert {line.split(":")[1] for line in lines} == set("234567"), lines


def test_import_is_light():
    """What takes milliseconds and is not needed yet stays out."""
    code = (
        "import sys, numpy; before = set(sys.modules); import mlpcore;"
        "print(*(set(sys.modules) - before))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    imported = run.stdout.split()
    assert "mlpcore.network" in imported
    tops = {name.partition(".")[0] for name in imported}
    assert not tops & {"sklearn", "scipy", "matplotlib", "rich", "pandas", "torch"}
    assert not tops & {"pathlib", "difflib", "html", "json", "logging", "inspect"}
    assert not {"numpy.random", "dataclasses"} & set(imported)
    assert not {"mlpcore.trainer", "mlpcore.optim", "mlpcore.ops"} & set(imported)


def test_a_first_prediction_is_light():
    """numpy.random and numpy.ma take 10 ms each."""
    code = (
        "import sys, mlpcore; net = mlpcore.Network([2, 3, 2]);"
        "mlpcore.Network([2, 3, 2], rng=0).predict([[1, 2]]);"
        "print(*sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    )
    assert not {"numpy.random", "numpy.ma"} & set(run.stdout.split())


@pytest.mark.parametrize("name", [*mlpcore.__all__, "plots", "reference", "table"])
def test_names_that_are_imported_when_asked_for(name):
    """Each is listed beforehand, and is there when asked for first, in any way."""
    if name in ("plots", "table"):
        pytest.importorskip("matplotlib" if name == "plots" else "pandas")
    code = f"import mlpcore; assert {name!r} in dir(mlpcore); a = mlpcore.{name};"
    code += f"from mlpcore import {name} as b; assert a is b"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_import_of_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="'mlpcore' has no attribute 'Netwerk'"):
        mlpcore.Netwerk  # noqa: B018
