"""docs/command-line.md: its console blocks print what is shown."""

import re
import shlex
from pathlib import Path

import pytest
from sklearn.datasets import load_iris

import mlpcore
from mlpcore.__main__ import main

PAGE = Path(__file__).parents[1] / "docs" / "command-line.md"


def commands():
    """Return each command of the page with what it prints."""
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", "".join(blocks), re.MULTILINE)


def run(command, capsys):
    name, *arguments = shlex.split(command)
    if name == "head":
        count, path = arguments
        lines = Path(path).read_text().splitlines(keepends=True)
        return "".join(lines[: -int(count)])
    assert name == "mlpcore"
    code = main(arguments)
    shown = capsys.readouterr()
    assert code == (2 if shown.err else 0)
    return shown.out + shown.err


def test_console_blocks(tmp_path, monkeypatch, capsys):
    if mlpcore.isa() == "baseline":
        pytest.skip("without fused multiply-add the last digits differ")
    monkeypatch.chdir(tmp_path)
    data = load_iris(as_frame=True)
    frame = data.data.rename(
        columns=lambda name: name.removesuffix(" (cm)").replace(" ", "_")
    )
    frame["species"] = data.target_names[data.target]
    frame.to_csv("iris.csv", index=False)
    tried = 0
    for command, shown in commands():
        if command.startswith("pip "):
            continue
        # The model's digest too: its file names the version, and a new one has another.
        assert run(command, capsys) == shown, command
        tried += 1
    assert tried == 7
