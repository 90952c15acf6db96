"""Pages whose text lies at the root of the repository, and links across that border.

Links of a page in Markdown are relative to its file, as a code host wants it. Where one
leads to a file outside of docs/, Sphinx is given the page that shows this file or, if
there is none, a copy to download.
"""

import os
import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
SHOWN = {
    "development/architecture": ROOT / "ARCHITECTURE.md",
    "development/changelog": ROOT / "CHANGELOG.md",
    "development/contributing": ROOT / "CONTRIBUTING.md",
}
LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)")


def rewritten(text: str, of: Path, page: Path) -> str:
    """Return text with its links as the page needs them.

    Parameters
    ----------
    text : str
        Markdown.
    of : pathlib.Path
        The file it was written in.
    page : pathlib.Path
        The file below docs/ in whose place it stands.

    Examples
    --------
    >>> page = DOCS / "development" / "architecture.md"
    >>> rewritten("[numerics](docs/numerics.md)", ROOT / "ARCHITECTURE.md", page)
    '[numerics](../numerics.md)'
    >>> rewritten("[licence](../LICENSE)", DOCS / "numerics.md", DOCS / "numerics.md")
    '[licence](path:../LICENSE)'
    """
    pages = {source: DOCS / f"{name}.md" for name, source in SHOWN.items()}

    def replace(match: re.Match[str]) -> str:
        target = (of.parent / match[1]).resolve()
        target = pages.get(target, target)
        link = Path(os.path.relpath(target, page.parent)).as_posix()
        inside = target.is_relative_to(DOCS)
        return f"]({link}" if inside or not target.is_file() else f"](path:{link}"

    return LINK.sub(replace, text)


def on_source_read(app: Sphinx, docname: str, source: list[str]) -> None:
    """Put the text in its place, and lead its links to pages."""
    page = Path(app.env.doc2path(docname))
    if page.suffix != ".md":
        return
    of = SHOWN.get(docname, page)
    if of != page:
        app.env.note_dependency(str(of))
        source[0] = of.read_text(encoding="utf-8")
    source[0] = rewritten(source[0], of, page)


def setup(app: Sphinx) -> dict[str, Any]:
    """Listen to pages being read."""
    app.connect("source-read", on_source_read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
