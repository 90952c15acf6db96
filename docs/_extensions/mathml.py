"""Formulas as MathML, which browsers show by themselves: no script, no network."""

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

# A function of more than one letter, and whether a parenthesis follows.
FUNCTION = re.compile(
    r"<m[io]>(ln|tanh|max|Im|softplus|softmax)</m[io]>(<mo stretchy|<mrow><mo)?"
)


def to_mathml(latex: str, display: str) -> str:
    """Return a formula as a <math> element.

    >>> to_mathml("x", "inline").startswith("<math")
    True
    """

    def set_apart(match: re.Match[str]) -> str:
        # As TeX does it: thin spaces, but none before a parenthesis.
        after = "0" if match[2] else "0.17em"
        operator = f'<mo lspace="0.17em" rspace="{after}">{match[1]}</mo>'
        return operator + (match[2] or "")

    return FUNCTION.sub(set_apart, convert(latex, display=display))


def visit_math(translator: Any, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    translator.body.append(to_mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def visit_math_block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own."""
    formula = to_mathml(node.astext(), "block")
    translator.body.append(f'<div class="math">{formula}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Make it the way formulas are shown."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
