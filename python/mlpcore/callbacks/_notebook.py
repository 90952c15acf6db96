"""A progress bar in a Jupyter notebook, redrawn in place."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from ._progress_text import Status

_ROOM = 76  # characters beside the bar


def in_notebook() -> bool:
    """Whether this is a kernel, whose front end can show HTML and replace it."""
    # Whoever is in a notebook has imported IPython; nobody else has to.
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and hasattr(get_ipython(), "kernel")


class NotebookBar:
    """A bar and its figures, as one output of the cell that is replaced.

    It takes Jupyter's own messages (``update_display_data``), no ipywidgets: the last
    state is in the saved notebook, as HTML and as text.
    """

    def __init__(self) -> None:
        self._handle: Any = None

    def draw(self, status: Status) -> None:
        """Show the state, in the place of the one before."""
        # The line is for where HTML is not shown, such as a printed notebook.
        data = {"text/html": _html(status), "text/plain": status.line()}
        if self._handle is None:
            display = importlib.import_module("IPython.display").display
            self._handle = display(data, raw=True, display_id=True)
        else:
            self._handle.update(data, raw=True)

    def close(self) -> None:
        """Do nothing: the last state stays."""


def _html(status: Status) -> str:
    import html  # 2 ms, for its table of entities

    # A plain element, which has the colours of the reader's theme.
    return (
        '<div style="font-family: monospace; font-size: 0.9em; white-space: pre-wrap">'
        f'<progress value="{status.fraction:.4f}" max="1" '
        'style="width: 10em; vertical-align: middle"></progress> '
        f"{html.escape(status.counter())}  {html.escape(status.bar_text(_ROOM))}</div>"
    )
