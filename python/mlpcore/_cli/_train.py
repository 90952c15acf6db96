"""``mlpcore train``: from a table to a model."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .._architecture import ACTIVATIONS
from . import _convert, _data, _doubts, _options, _output

if TYPE_CHECKING:
    import pandas as pd

    from ..table import TableModel, TableTraining

DESCRIPTION = """\
Train a network to predict a column of a table from the other columns, measure it on
rows that were held out, and write it to one file that has all that predicting needs.
"""

EPILOG = """\
what becomes of a column:
  numbers            mean 0 and deviation 1; a missing value becomes the median, and
                     there is a feature that says so
  true/false         the same, as 1 and 0
  texts              a feature for each of the most frequent values; rarer ones share
                     one; a missing value is a value of its own
  dates              (2024-05-01, with or without a time) days since 1970, a number
  the same in all rows, or a text of its own in each: left out.  No values at all: an
                     error; use --drop.

examples:
  mlpcore train iris.csv --target species -o iris.safetensors
  mlpcore train houses.parquet --target price --drop id --report houses.html \\
      --layers 128,64 --epochs 500 -o houses.safetensors
"""


def add_parser(commands: _options.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "train",
        help="learn to predict a column of a table (CSV, Parquet)",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("data", metavar="DATA", help="a .csv, .tsv or .parquet file")
    parser.add_argument(
        "--target", required=True, metavar="COLUMN", help="the column to predict"
    )
    _options.add_output(parser, "MODEL", "the file for the model (.safetensors)")
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write what came of it, as a page (.html) or a picture (.png)",
    )
    columns = parser.add_argument_group("columns")
    columns.add_argument(
        "--task",
        choices=("auto", "classification", "regression"),
        default="auto",
        help="what the target is; auto: numbers are values, unless whole and few",
    )
    columns.add_argument(
        "--drop",
        action="append",
        default=[],
        metavar="COLUMN",
        help="leave a column out; may be given several times",
    )
    columns.add_argument(
        "--categorical",
        action="append",
        default=[],
        metavar="COLUMN",
        help="the numbers of this column are names, such as a postcode",
    )
    columns.add_argument(
        "--max-categories",
        type=_options.whole,
        default=20,
        metavar="N",
        help="values of a text column with a feature of their own (default: 20)",
    )
    _options.add_dialect(parser)
    _add_training(parser)
    _options.add_verbosity(parser)


def _add_training(parser: argparse.ArgumentParser) -> None:
    network = parser.add_argument_group("network and training")
    network.add_argument(
        "--layers",
        type=_options.layers,
        default=[64, 64],
        metavar="N,N",
        help="widths of the hidden layers, or none (default: 64,64)",
    )
    network.add_argument(
        "--activation",
        default="relu",
        metavar="NAME",
        help=f"{', '.join(ACTIVATIONS)} (default: relu)",
    )
    network.add_argument(
        "--dropout", type=float, default=0.0, metavar="RATE", help="default: 0"
    )
    network.add_argument(
        "--loss",
        default="auto",
        metavar="NAME",
        help="of numbers: squared_error (default); absolute_error or huber for those "
        "with outliers",
    )
    network.add_argument(
        "--class-weight",
        metavar="balanced",
        help="weights of classes that make rare ones count as much as others",
    )
    network.add_argument(
        "--l2",
        type=float,
        metavar="X",
        help="weight of the squared weights (default: 5 / rows to learn from)",
    )
    network.add_argument(
        "--epochs",
        type=_options.whole,
        default=500,
        metavar="N",
        help="how often to go through the rows at the most (default: 500)",
    )
    network.add_argument(
        "--batch-size",
        type=_options.whole,
        default=32,
        metavar="N",
        help="rows of an update (default: 32)",
    )
    network.add_argument(
        "--optimizer",
        default="adam",
        metavar="NAME",
        help="adam, adamw, rmsprop, sgd (default: adam)",
    )
    network.add_argument(
        "--learning-rate",
        type=float,
        metavar="X",
        help="default: 0.001, for sgd 0.01",
    )
    network.add_argument(
        "--seed",
        type=_options.whole,
        default=0,
        metavar="N",
        help="of everything left to chance (default: 0): the same seed, the same file",
    )
    network.add_argument(
        "--holdout",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="rows only for the score in the end; 0: none (default: 0.2)",
    )
    network.add_argument(
        "--validation",
        type=float,
        default=0.2,
        metavar="SHARE",
        help="of the others, rows that say when to stop; 0: no early stopping "
        "(default: 0.2)",
    )
    network.add_argument(
        "--patience",
        type=_options.whole,
        default=20,
        metavar="N",
        help="epochs to wait for a lower validation loss (default: 20)",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from ..formats._inspect import inspect
    from ..table import train
    from . import _report

    model_path, report_path = options.output, options.report
    # Before minutes of training: what could not be written in the end.
    _options.check_writable(model_path)
    _options.check_apart(model_path, options.data, report_path)
    _check_model_path(model_path)
    if report_path is not None:
        _options.check_apart(report_path, options.data)
        _report.check(report_path)
        _options.check_writable(report_path)
    # The names first: with the wrong separator the rows may not even be read.
    dialect = _options.dialect_of(options)
    names = _data.column_names(options.data, dialect)
    _options.check_separator(options, names, options.target)
    frame = _data.read(options.data, dialect, options.categorical)
    for line in _doubts_of(options, frame, dialect):
        _output.note(line)
    if _data.file_format(options.data) == _data.CSV:
        _check_target(options, frame, dialect)
    show_bar = not options.quiet and (sys.stderr.isatty() or options.verbose)
    training = train(
        frame,
        options.target,
        task=options.task,
        drop=options.drop,
        categorical=options.categorical,
        max_categories=options.max_categories,
        layers=options.layers,
        activation=options.activation,
        dropout=options.dropout,
        loss=options.loss,
        class_weight=options.class_weight,
        l2=options.l2,
        epochs=options.epochs,
        batch_size=options.batch_size,
        optimizer=options.optimizer,
        learning_rate=options.learning_rate,
        holdout=options.holdout,
        validation=options.validation,
        patience=options.patience,
        seed=options.seed,
        verbose=int(show_bar),
    )
    if options.missing is not None:  # for predictions from files of the same kind
        training.model.record[_data.MISSING_IN_RECORD] = shlex.join(options.missing)
    training.model.save(model_path)
    if report_path is not None:
        command = shlex.join(["mlpcore", *options.arguments])
        _report.write(report_path, training, options.data, command)
    if not options.quiet:
        _output.facts(summary(training, options.data))
        show_scores(training)
        lines = [
            ("model", f"{model_path}, sha256 {inspect(model_path).sha256[:16]}...")
        ]
        lines += [("report", report_path)] if report_path is not None else []
        _output.facts(lines)
    if doubt := doubt_of_scores(training):
        _output.note(doubt)
    return 0


def _doubts_of(
    options: argparse.Namespace, frame: pd.DataFrame, dialect: _data.Dialect
) -> Iterator[str]:
    """Return a line for whatever may not be what it seems."""
    target, known = options.target, (*options.categorical, *options.drop)
    yield from _doubts.row_numbers(frame, (*known, target))
    if _data.file_format(options.data) == _data.CSV:
        yield from _doubts.texts_by_mistake(frame, known, dialect.decimal)
        yield from _doubts.leading_zeros(options.data, dialect, frame, known)
        if target in frame.columns and target not in known:
            yield from _doubts.many_classes(frame[target])


def _check_model_path(path: str) -> None:
    """Raise if a model's name promises something else."""
    from . import _report

    others = {e for e, of in _convert.BY_EXTENSION.items() if of != _convert.MLPCORE}
    others |= {".h", *_report.EXTENSIONS, *_data.EXTENSIONS, *_data.PACKED}
    if path.lower().endswith(tuple(others)):
        raise ValueError(
            f"{path}: a model is a .safetensors file, of which `mlpcore convert` makes "
            "others"
        )


def _check_target(
    options: argparse.Namespace, frame: pd.DataFrame, dialect: _data.Dialect
) -> None:
    """Raise if a class is taken for a missing value."""
    name = options.target
    if name not in frame.columns or not frame[name].isna().any():
        return
    texts = _data.missing_texts(options.data, dialect, name)
    if texts:
        raise ValueError(
            f"{options.data}: the target {name!r} is {texts[0]!r} in some rows, which "
            "counts as missing; if it is a class, say what else is (--missing TEXT, or "
            "--missing '')"
        )


def summary(training: TableTraining, path: str) -> list[tuple[str, str]]:
    """Return what was trained, as labels and values."""
    model, network = training.model, training.model.network
    n = training.n_rows
    sizes = "-".join(map(str, network.layer_sizes))
    lines = [
        (
            "data",
            f"{os.path.basename(path)}: {_output.counted(sum(n.values()), 'row')}; "
            f"{_output.counted(len(model.columns), 'column')} "
            f"{'becomes' if len(model.columns) == 1 else 'become'} "
            f"{_output.counted(len(model.feature_names), 'feature')}",
        ),
        *[("", line) for line in left_out_lines(model)],
        ("target", target_text(training)),
        (
            "rows",
            f"{n['training']:,} to learn from, {n['validation']:,} to stop by, "
            f"{n['test']:,} held out",
        ),
        (
            "network",
            f"{sizes}, {', '.join(dict.fromkeys(network.activations))}: "
            f"{network.n_parameters:,} parameters",
        ),
        ("epochs", epochs_text(training)),
    ]
    return lines


def left_out_lines(model: TableModel) -> list[str]:
    """Say which columns are not used, a line for each reason."""
    lines = []
    for why in dict.fromkeys(model.left_out.values()):
        names = [name for name, reason in model.left_out.items() if reason == why]
        more = f" and {len(names) - 8} more" if len(names) > 8 else ""
        lines.append(f"left out, {why}: {', '.join(names[:8])}{more}")
    return lines


def target_text(training: TableTraining) -> str:
    """Say what is predicted."""
    target = training.model.target
    if training.class_counts is None:
        return f"{target.name}: a number"
    counts = [f"{name} ({n:,})" for name, n in training.class_counts.items()]
    shown = ", ".join(counts[:8]) + (", ..." if len(counts) > 8 else "")
    return f"{target.name}: {len(counts)} classes, {shown}"


def epochs_text(training: TableTraining) -> str:
    """Say how long it was trained."""
    text = f"{len(training.history)}"
    if training.best_epoch is not None:
        text += f"; the weights are those of epoch {training.best_epoch}"
        if training.best_epoch == len(training.history):
            text += ", the last: more --epochs may be better"
    return text


def doubt_of_scores(training: TableTraining) -> str:
    """Say which scores are no better than those of a constant, if there are any."""
    names = [score.name for score in training.scores if not score.is_better]
    if not names:
        return ""
    if training.is_better_than_baseline:
        *others, last = names
        which = f"{', '.join(others)} and {last} are" if others else f"{last} is"
        return f"{which} no better than the baseline's"
    return (
        "no score is better than the baseline's: there is nothing in these columns "
        "that this network has found"
    )


def score_rows(training: TableTraining) -> list[list[str]]:
    """Return the table of scores."""
    return [[s.name, _figure(s.model), _figure(s.baseline)] for s in training.scores]


def _figure(value: float) -> str:
    """Four decimals, or four digits of what is very large or small."""
    return f"{value:.4f}" if value == 0 or 0.01 <= abs(value) < 1e4 else f"{value:.4g}"


def baseline_text(training: TableTraining) -> str:
    """Say what the baseline is."""
    if training.class_counts is None:
        return "always the mean"
    return "always the most frequent class"


def show_scores(training: TableTraining) -> None:
    """Print the scores on the held-out rows."""
    if not training.scores:
        return
    print()
    _output.table(
        ["held-out rows", "network", baseline_text(training)], score_rows(training)
    )
    print()
