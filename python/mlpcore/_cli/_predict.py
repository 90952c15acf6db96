"""``mlpcore predict``: a model of a table on new rows."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .._optional import require
from . import _data, _options, _output

if TYPE_CHECKING:
    import pandas as pd

    from ..table import TableModel

DESCRIPTION = """\
Predict a column with a model that `mlpcore train` made. Columns are found by their
names; further ones are ignored. The result has a row for each row of the data: the
columns to keep, `prediction`, and for classes `probability_CLASS` of each. Large CSV
files are read, predicted and written some rows at a time.
"""

EPILOG = """\
A value of a text column that was not in training counts as one of the rare ones, or as
none if there were no rare ones. A missing number becomes the median of training.

examples:
  mlpcore predict iris.safetensors new.csv -o predicted.csv
  mlpcore predict iris.safetensors new.parquet --keep id -o predicted.parquet
  mlpcore predict iris.safetensors new.csv -o - | head
"""


def add_parser(commands: _options.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "predict",
        help="predict with a model of `mlpcore train` (CSV, Parquet)",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("model", metavar="MODEL", help="a file of `mlpcore train`")
    parser.add_argument("data", metavar="DATA", help="a .csv, .tsv or .parquet file")
    _options.add_output(
        parser, "OUT", "a .csv, .tsv or .parquet file; - for CSV on standard output"
    )
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="COLUMN",
        help="a column of the data to have beside the prediction, such as an id; may "
        "be given several times",
    )
    _options.add_dialect(parser)
    _options.add_verbosity(parser)


def run(options: argparse.Namespace) -> int:
    """Run the command."""
    from ..formats._atomic import write_file
    from ..table import TableModel

    target = options.output
    to_stdout = target == "-"
    kind = _data.CSV if to_stdout else _data.file_format(target, to_write=True)
    if not to_stdout:
        _options.check_writable(target)
        _options.check_apart(target, options.data, options.model)
    require("pandas", "cli", "mlpcore predict")
    model = TableModel.load(options.model)
    in_training = model.record.get(_data.MISSING_IN_RECORD)
    if options.missing is None and in_training is not None:
        options.missing = shlex.split(str(in_training))
    counted = _Counter()
    parts = counted.through(_predicted(model, options))
    separator = options.separator or _data.default_separator(target)
    if to_stdout:
        for chunk in _data.csv_chunks(parts, separator, options.decimal):
            # Line by line: Python notices a closed pipe at the next write only.
            sys.stdout.writelines(chunk.decode().splitlines(keepends=True))
    elif kind == _data.PARQUET:
        write_file(target, [_data.parquet_bytes(parts)])
    else:
        write_file(target, _data.csv_chunks(parts, separator, options.decimal))
    if not (options.quiet or to_stdout):
        rows = _output.counted(counted.n, "row")
        _output.facts([("predicted", f"{target}: {rows}")])
    return 0


class _Counter:
    """Counts the rows of tables that pass."""

    n = 0

    def through(self, parts: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        for part in parts:
            self.n += len(part)
            yield part


def _predicted(
    model: TableModel, options: argparse.Namespace
) -> Iterator[pd.DataFrame]:
    """Return the rows to write, some at a time."""
    from ..table._columns import Category, Date

    dialect = _options.dialect_of(options)
    there = _data.column_names(options.data, dialect)
    _options.check_separator(options, there, model.column_names[0])
    model.check_columns(there)
    keep = list(dict.fromkeys(options.keep))
    new = ["prediction"]
    if model.task == "classification":
        new += [f"probability_{label}" for label in model.classes]
    _check_kept(keep, there, new)
    texts = [c.name for c in model.columns if isinstance(c, Category | Date)]
    used = model.column_names
    parts = _data.read_parts(
        options.data,
        dialect,
        texts,
        exact=[name for name in keep if name not in used],
        wanted=[*used, *keep],
    )
    for part in parts:
        yield _with_prediction(model, part, keep, new)


def _with_prediction(
    model: TableModel, part: pd.DataFrame, keep: Sequence[str], new: Sequence[str]
) -> pd.DataFrame:
    result = part[list(keep)].copy()
    if model.task == "classification":
        import pandas as pd

        probabilities = model.predict_proba(part)
        result[new[0]] = model.labels_of(probabilities)
        more = pd.DataFrame(probabilities, result.index, new[1:])
        result = pd.concat([result, more], axis=1)
    else:
        result[new[0]] = model.predict(part)
    return result


def _check_kept(keep: Sequence[str], there: Sequence[str], new: Sequence[str]) -> None:
    for name in keep:
        if name not in there:
            raise ValueError(f"there is no column {name!r} to keep")
        if name in new:
            raise ValueError(
                f"the column {name!r} cannot be kept: the prediction has one of that "
                "name"
            )
