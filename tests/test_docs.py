"""README and docs: their Python runs, prints what is shown; links lead somewhere.

The blocks of a page run in order and share their names, as they are read. A block
without a language right after a Python block is what that prints.
"""

import contextlib
import io
import re
from pathlib import Path

import pytest

import mlpcore

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(
    r"^```python\n(.*?)^```$(?:\n\n^```\n(.*?)^```$)?", re.DOTALL | re.MULTILINE
)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


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
    names = [page.name for page in PAGES]
    assert "numerics.md" in names
    (code, shown, _) = blocks(PAGES[names.index("README.md")].read_text("utf-8"))[0]
    assert "import mlpcore" in code
    assert shown


@pages
def test_code(page):
    if mlpcore.isa() == "baseline":
        pytest.skip("without fused multiply-add the last digits differ")
    text = page.read_text(encoding="utf-8")
    assert text.count("```python") == len(blocks(text))
    names = {}
    for code, shown, line in blocks(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            # As many empty lines before it: a traceback then has the page's numbers.
            exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
        assert printed.getvalue() == (shown or ""), f"{page.name}, line {line}"


@pages
def test_links(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target
