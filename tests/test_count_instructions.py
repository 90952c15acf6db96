"""tools/count_instructions.py: what it takes for a failure."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[1] / "tools"


@pytest.fixture
def status(monkeypatch, tmp_path):
    """Return the status of a run with counts in place of valgrind's."""
    if not TOOLS.is_dir():
        pytest.skip("tools/ is not there")
    monkeypatch.syspath_prepend(TOOLS)
    tool = importlib.import_module("count_instructions")
    file = tmp_path / "instructions.json"
    monkeypatch.setattr(tool, "FILE", file)
    monkeypatch.setattr(tool, "compiler_of", lambda build: "GNU 12")

    def run(counts, *options, on_file=None):
        if on_file is not None:
            file.write_text(json.dumps(on_file))
        monkeypatch.setattr(tool, "instructions_of_one", lambda _, case: counts[case])
        listed = subprocess.CompletedProcess((), 0, stdout="\n".join(counts))
        monkeypatch.setattr(tool.subprocess, "run", lambda *_, **__: listed)
        monkeypatch.setattr(sys, "argv", ["tool", "a/b/c/d", *options])
        return tool.main()

    run.file = file
    return run


def test_slower_or_not(status):
    on_file = {"GNU 12": {"a": 100, "b": 100}}
    for options in ((), ("--require",)):
        assert status({"a": 110, "b": 50}, *options, on_file=on_file) == 0
        assert status({"a": 111, "b": 50}, *options, on_file=on_file) == 1


def test_nothing_to_compare_with(status, capsys):
    for on_file in (None, {"Clang 14": {"a": 1}}, {"GNU 12": {"b": 1}}):
        assert status({"a": 1}, on_file=on_file) == 0
        assert status({"a": 1}, "--require") == 1
        assert "no counts on file for GNU 12: ['a']" in capsys.readouterr().out
    assert status({}, "--require") == 1


def test_write(status):
    assert status({"a": 1}, "--write", on_file={"Clang 14": {"a": 2}}) == 0
    wanted = {"Clang 14": {"a": 2}, "GNU 12": {"a": 1}}
    assert json.loads(status.file.read_text()) == wanted
    assert status({"a": 1}, "--require") == 0
