"""The code of a function of `mlpcore.reference`, to stand beside its formula.

``reference-code`` is ``literalinclude`` but for the docstring, which is left out: what
it says is on the page around it, and in the API reference. The caption names the file.
"""

import ast
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.directives.code import LiteralInclude


def without_docstring(source: str) -> str:
    r"""Return the source of a function without its docstring.

    >>> without_docstring("def f(x):\n    'Say.'\n    return x").splitlines()
    ['def f(x):', '    return x']
    """
    statement = ast.parse(source).body[0]
    first = getattr(statement, "body", [None])[0]
    if not (isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)):
        return source
    lines = source.splitlines()
    return "\n".join(lines[: first.lineno - 1] + lines[first.end_lineno :])


class ReferenceCode(LiteralInclude):
    """``literalinclude`` without docstrings."""

    def run(self) -> list[nodes.Node]:
        """Return the block of code."""
        path = Path(self.env.relfn2path(self.arguments[0])[1])
        self.options["caption"] = f"mlpcore/reference/{path.name}"
        self.options["dedent"] = None  # methods as functions, which can be parsed
        (container,) = super().run()
        for block in container.findall(nodes.literal_block):
            block.rawsource = without_docstring(block.astext())
            block.children = [nodes.Text(block.rawsource)]
        return [container]


def setup(app: Sphinx) -> dict[str, Any]:
    """Add the directive."""
    app.add_directive("reference-code", ReferenceCode)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
