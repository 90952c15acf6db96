"""The API reference has every public name, and none that is not there."""

import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("pandas")
pytest.importorskip("sklearn")

PAGES = sorted((Path(__file__).parents[1] / "docs" / "reference").glob("*.md"))
MODULES = (
    "mlpcore",
    "mlpcore.bench",
    "mlpcore.callbacks",
    "mlpcore.errors",
    "mlpcore.formats",
    "mlpcore.machine",
    "mlpcore.ops",
    "mlpcore.optim",
    "mlpcore.plots",
    "mlpcore.reference",
    "mlpcore.schedules",
    "mlpcore.sklearn",
    "mlpcore.table",
)


def documented():
    """Return (module, name) of every entry of the reference."""
    entries = set()
    for page in PAGES:
        module = None
        for line in page.read_text(encoding="utf-8").splitlines():
            if match := re.match(r"\.\. (?:currentmodule|automodule):: (\S+)$", line):
                module = match[1]
                entries.add((module, ""))
            elif match := re.match(r"(?:   |\.\. py:type:: )(\w+)$", line):
                entries.add((module, match[1]))
    return entries


def public():
    """Return (module, name) of every public name, modules themselves left out."""
    return {
        (module, name)
        for module in MODULES
        for name in importlib.import_module(module).__all__
        if f"{module}.{name}" not in MODULES
    }


def thing(module, name):
    return getattr(importlib.import_module(module), name)


def test_every_module_has_a_page():
    package = Path(importlib.import_module("mlpcore").__file__).parent
    paths = [*package.glob("[a-z]*.py"), *package.glob("[a-z]*/__init__.py")]
    stems = {p.parent.name if p.stem == "__init__" else p.stem for p in paths}
    # network, trainer and history have their names from mlpcore; demo is a program.
    within = {"network", "trainer", "history", "demo"}
    assert {f"mlpcore.{stem}" for stem in stems - within} == {*MODULES} - {"mlpcore"}
    assert {*MODULES} <= {module for module, _ in documented()}


def test_every_public_name_is_in_the_reference():
    # load is both mlpcore's and mlpcore.formats': one entry for the thing is enough.
    shown = [thing(*entry) for entry in documented() if entry[1]]
    missing = [
        f"{module}.{name}"
        for module, name in sorted(public() - documented())
        if not any(thing(module, name) is one for one in shown)
    ]
    assert missing == [], "add them to a page of docs/reference"


def test_every_entry_is_a_public_name():
    entries = {entry for entry in documented() if entry[1]}
    assert len(entries) > 100
    assert entries - public() == set()
