"""``mlpcore info``: what is in a model's file."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from . import _options, _output

if TYPE_CHECKING:
    from ..table import TableModel

DESCRIPTION = """\
Show what is in a file of mlpcore's: the layers, the metadata, the format's version; the
columns and classes of a model that `mlpcore train` made; the optimizer and the counts
of a trainer's checkpoint. The whole file is checked against its digest.
"""


def add_parser(commands: _options.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "info",
        help="show what is in a model's file, and check it",
        description=DESCRIPTION,
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="MODEL", help="a .safetensors file")
    _options.add_verbose(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from ..formats import load
    from ..formats._inspect import inspect
    from ..formats._native import CHECKPOINT_KIND
    from ..table import TableModel
    from ..table._model import METADATA
    from ..trainer import Trainer

    path = options.model
    info = inspect(path)
    metadata = dict(info.metadata)
    table = trainer = None
    if info.kind == CHECKPOINT_KIND:
        trainer = Trainer.from_checkpoint(path)
        network = trainer.network
        what = "checkpoint of a training"
    elif METADATA in metadata:
        del metadata[METADATA]
        table = TableModel.load(path)
        network = table.network
        what = "model of a table (mlpcore train)"
    else:
        network = load(path)
        what = "network"
    lines = [
        ("file", f"{path}: {info.n_bytes:,} bytes"),
        ("kind", what),
        ("format", f"{info.format}, written by mlpcore {info.library}"),
        ("sha256", info.sha256),
        ("", "the file is whole: it has this digest"),
    ]
    if trainer is not None:
        lines += [
            ("optimizer", repr(trainer.optimizer)),
            ("trained", f"{trainer.epoch_count} epochs, {trainer.step_count} steps"),
        ]
    _output.facts(lines)
    print()
    print(network.summary())
    if metadata:
        print()
        _output.facts([("metadata", "")])
        for key, value in metadata.items():
            print(f"  {key}: {_output.one_line(value)}")
    if table is not None:
        print()
        _show_table(table)
    return 0


def _show_table(model: TableModel) -> None:
    from ..table._target import Classes
    from ._train import left_out_lines

    target = model.target
    if isinstance(target, Classes):
        classes = ", ".join(map(str, target.labels))
        lines = [("target", target.name), ("classes", classes)]
    else:
        scale = f"mean {target.mean:.6g}, deviation {target.scale:.6g}"
        lines = [("target", f"{target.name}: {scale}")]
    lines += [("trained", "")]
    _output.facts(lines)
    for key, value in model.record.items():
        print(f"  {key}: {value}")
    print()
    _output.table(
        ["column", "kind", "features", "what was learnt"], column_rows(model), 4
    )
    for line in left_out_lines(model):
        print(line)


def column_rows(model: TableModel) -> list[list[str]]:
    """Return what became of each column, as rows of text."""
    return [
        [
            column.name,
            column.kind,
            str(len(column.features())),
            column.explain(),
        ]
        for column in model.columns
    ]
