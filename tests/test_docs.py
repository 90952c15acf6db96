"""README and docs: their Python runs, prints what is shown; links lead somewhere.

The blocks of a page run in order and share their names, as they are read. A block
without a language right after a Python block is what that prints.
"""

import contextlib
import importlib.util
import io
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

import mlpcore

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    *(p for p in sorted(DOCS.rglob("*.md")) if "gallery" not in p.parts),
]
# Libraries that a reader of the page has, and others may lack.
NEEDS = {"from-keras.md": "keras", "from-pytorch.md": "torch", "serving.md": "fastapi"}
BLOCK = re.compile(
    r"^```python\n(.*?)^```$(?:\n\n^```\n(.*?)^```$)?", re.DOTALL | re.MULTILINE
)


def name_of(page):
    return page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT).as_posix()


pages = pytest.mark.parametrize("page", PAGES, ids=name_of)


def blocks(text):
    """Return (code, what it prints or None, the code's first line) of each block."""
    return [
        (match[1], match[2], text.count("\n", 0, match.start(1)) + 1)
        for match in BLOCK.finditer(text)
    ]


def test_blocks():
    text = "a\n\n```python\nb\n```\n\n```\nc\n```\n\n```python\nd\n```\n\n```sh\ne\n"
    assert blocks(text) == [("b\n", "c\n", 4), ("d\n", None, 12)]


def test_there_are_pages():
    names = [name_of(page) for page in PAGES]
    assert {"numerics.md", "mathematics/backpropagation.md", *NEEDS} <= {*names}
    (code, shown, _) = blocks(PAGES[names.index("README.md")].read_text("utf-8"))[0]
    assert "import mlpcore" in code
    assert shown


@pages
# Keras's own, with NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")
def test_code(page):
    if mlpcore.isa() == "baseline":
        pytest.skip("without fused multiply-add the last digits differ")
    needed = NEEDS.get(page.name)
    if needed and importlib.util.find_spec(needed) is None:
        pytest.skip(f"{needed} is not installed")
    text = page.read_text(encoding="utf-8")
    assert text.count("```python") == len(blocks(text))
    names = {}
    # A page may set variables of the environment; they are put back after it.
    with mock.patch.dict(os.environ):
        for code, shown, line in blocks(text):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                # As many empty lines before it: a traceback has the page's numbers.
                exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
            assert printed.getvalue() == (shown or ""), f"{page.name}, line {line}"


@pages
def test_links(page):
    text = page.read_text(encoding="utf-8")
    included = re.findall(r"^```\{[a-z]+-?(?:include|code)\} (\S+)$", text, re.M)
    plots = [f"{DOCS}/{path}" for path in re.findall(r"^\.\. plot:: (\S+)", text, re.M)]
    for target in [*re.findall(r"\]\(([^)#]+)\)", text), *included, *plots]:
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_latency_script_runs():
    command = [sys.executable, DOCS / "serving_latency.py", "--calls", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.count("\n| 20-64-64-3, ") == 3
    assert "import mlpcore" in done.stdout
