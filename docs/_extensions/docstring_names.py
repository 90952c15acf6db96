"""The role of `names` in docstrings: a link, if there is such a thing.

Autosummary's ``autolink`` looks in the module of the docstring and in its class. For
classes such as `Network`, which are spoken of everywhere, ``mlpcore`` is tried as well.
"""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.ext.autosummary import AutoLink


class Name(AutoLink):
    """``autolink``, with a second look at the classes of the package."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return a link, or the name in italics."""
        name = self.text
        here = super().run()
        # Not so names in lower case: `callbacks` is a parameter as well as a module.
        if isinstance(here[0][0], nodes.emphasis) and name[0].isupper():
            self.text = f"{name} <mlpcore.{name}>"
            there = super().run()
            if not isinstance(there[0][0], nodes.emphasis):
                return there
        return here


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the role."""
    app.add_role("name", Name())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
