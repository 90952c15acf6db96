"""Commands, run in this process or as a user does, and files for them."""

import subprocess
import sys

from mlpcore.__main__ import main
from table_support import mixed

TRAIN = ("train", "mixed.csv", "--target", "y", "-o", "m")
FEW = ("--layers", "8", "--epochs", "5")
PNG = b"\x89PNG\r\n"


def mlp(*arguments, **more):
    """Run the command as a user does; warnings would be lines on stderr."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "mlpcore", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        **more,
    )


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


def write_tables(folder, monkeypatch):
    """Write the mixed table, and make the folder the working directory."""
    mixed().to_csv(folder / "mixed.csv", index=False)
    mixed().to_parquet(folder / "mixed.parquet")
    monkeypatch.chdir(folder)
    return folder


def write_model(folder):
    """Train a model of the mixed table."""
    mixed().to_csv(folder / "mixed.csv", index=False)
    path = folder / "m.safetensors"
    table = str(folder / "mixed.csv")
    assert main(["train", table, "--target", "y", "-o", str(path), "-q"]) == 0
    return path
