"""The page of HTML: tables and pictures, with everything in it."""

from __future__ import annotations

import base64
import html
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .._core import build_config
from ._info import column_rows
from ._report import MOST_CLASSES_DRAWN
from ._train import baseline_text, doubt_of_scores, score_rows, summary

if TYPE_CHECKING:
    from ..table import TableTraining

_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff;
  max-width: 1080px; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .6rem; }
.lead { color: #555; margin-top: .3rem; }
.warning { background: #fff4e0; border-left: 4px solid #e08a00; padding: .5rem 1rem; }
table { border-collapse: collapse; }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; vertical-align: top; }
thead th { border-bottom: 2px solid #ccc; font-weight: 600; }
tbody td, tbody th { border-bottom: 1px solid #eee; }
tbody th { font-weight: 400; color: #555; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.scores tbody td:nth-child(2) { font-weight: 600; }
.pictures { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: flex-start; }
figure { margin: 0; flex: 1 1 460px; max-width: 560px; }
figure img { width: 100%; height: auto; }
figcaption { font-weight: 600; }
code { background: #f4f4f4; padding: .1rem .3rem; overflow-wrap: anywhere; }
pre { background: #f4f4f4; padding: .7rem 1rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
"""


def page(
    training: TableTraining,
    data: str,
    command: str,
    pictures: Sequence[tuple[str, bytes]],
) -> str:
    """Return the page.

    Parameters
    ----------
    training : TableTraining
        What to report.
    data, command : str
        The file with the data, and the command.
    pictures : sequence of (str, bytes)
        Titles and PNG files.
    """
    model = training.model
    title = f"Predicting {model.target.name}"
    scores = {score.name for score in training.scores}
    settings = [
        (key, str(value))
        for key, value in model.record.items()
        if key.removeprefix("baseline ") not in scores
    ]
    parts = [
        f"<h1>{_e(title)}</h1>",
        f'<p class="lead">{model.task.capitalize()}: the column '
        f"{_code(model.target.name)} of {_code(os.path.basename(data))} from "
        f"{len(model.columns)} others.</p>",
        *_scores(training),
        "<h2>What was trained</h2>",
        _table([], summary(training, data)),
        '<h2>Pictures</h2><div class="pictures">',
        *(_picture(caption, png) for caption, png in pictures),
        "</div>",
        *_classes(training),
        "<h2>What the columns became</h2>",
        _table(["column", "kind", "features", "what was learnt"], column_rows(model)),
        "<h2>How it was made</h2>",
        f"<pre>{_e(command)}</pre>",
        _table([], settings),
        f'<p class="lead">mlpcore {_e(build_config()["version"])}</p>',
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_e(title)}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body>\n</html>\n"
    )


def _scores(training: TableTraining) -> list[str]:
    if not training.scores:
        return ['<p class="warning">No rows were held out, so there is no score.</p>']
    n = len(training.y_true)
    parts = [
        f"<h2>Score on {n:,} held-out rows</h2>",
        '<div class="scores">',
        _table(
            ["", "network", baseline_text(training)],
            score_rows(training),
            numbers=(1, 2),
        ),
        "</div>",
    ]
    if doubt := doubt_of_scores(training):
        parts.append(f'<p class="warning">{_e(doubt[0].upper() + doubt[1:])}.</p>')
    if n < 100:
        parts.append(
            f'<p class="lead">With {n} rows a score is uncertain: another --seed gives '
            "another one.</p>"
        )
    return parts


def _classes(training: TableTraining) -> list[str]:
    counts = training.class_counts
    if counts is None:
        return []
    total = sum(counts.values())
    rows = [(str(label), f"{n:,}", f"{n / total:.1%}") for label, n in counts.items()]
    parts = [
        "<h2>The classes in the data</h2>",
        _table(["class", "rows", "share"], rows, numbers=(1, 2)),
    ]
    if len(counts) > MOST_CLASSES_DRAWN:
        parts.append(
            f'<p class="lead">Of more than {MOST_CLASSES_DRAWN} classes no matrix of '
            "predicted and true ones is drawn.</p>"
        )
    return parts


def _picture(caption: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    return (
        f"<figure><figcaption>{_e(caption)}</figcaption>"
        f'<img alt="{_e(caption)}" src="data:image/png;base64,{data}"></figure>'
    )


def _table(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()
) -> str:
    def cell(i: int, text: str, tag: str) -> str:
        kind = ' class="number"' if i in numbers else ""
        return f"<{tag}{kind}>{_e(text)}</{tag}>"

    top = "".join(cell(i, text, "th") for i, text in enumerate(head))
    top = f"<thead><tr>{top}</tr></thead>" if head else ""
    body = ""
    for row in rows:
        cells = [cell(i, text, "td" if i else "th") for i, text in enumerate(row)]
        body += f"<tr>{''.join(cells)}</tr>"
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _e(text: str) -> str:
    return html.escape(text)


def _code(text: str) -> str:
    return f"<code>{_e(text)}</code>"
