"""A network together with what a table needs before it and after it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._names import nearest
from .._validation import Array
from ..errors import ModelFormatError, ModelVersionError, NotSupportedError
from ..formats import load, read_metadata
from ..formats._atomic import Path
from ..formats._safetensors import check_keys, from_json, to_json
from ..network import Network
from ._columns import Column, column_of, describe
from ._target import CLASSIFICATION, Classes, Label, Number, Target, target_of

if TYPE_CHECKING:
    import pandas as pd

METADATA = "mlpcore_table"
"""The key of the preparation in the file's metadata."""

VERSION = 1

# Rows whose features are in memory at once.
_BLOCK = 16_384


class TableModel:
    """Predicts a column of a table from its other columns.

    Made by `mlpcore.table.train` or by `load`. It looks for the columns it was trained
    with by their names; their order, and further columns, do not matter.

    Parameters
    ----------
    network : Network
        Takes `feature_names`; has an output a class, or one for a number.
    columns : sequence of Column
        What becomes of each column.
    target : Classes or Number
        What the outputs mean.
    left_out : mapping of str to str
        Columns of the training data that are not used, and why.
    record : mapping of str to str, int, float or bool
        What is worth knowing about the training, for people to read.

    Attributes
    ----------
    network : Network
        The network.
    columns : list of Column
        What becomes of each column.
    target : Classes or Number
        What the outputs mean.
    left_out, record : dict
        As above.
    """

    def __init__(
        self,
        network: Network,
        columns: Sequence[Column],
        target: Target,
        left_out: Mapping[str, str],
        record: Mapping[str, str | float | bool],
    ) -> None:
        self.network = network
        self.columns = list(columns)
        self.target = target
        self.left_out = dict(left_out)
        self.record = dict(record)

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return self.target.task

    @property
    def classes(self) -> list[Label]:
        """The classes, in the order of `predict_proba`'s columns."""
        if not isinstance(self.target, Classes):
            raise NotSupportedError("a regression has no classes")
        return list(self.target.labels)

    @property
    def column_names(self) -> list[str]:
        """The columns that data to predict has to have."""
        return [column.name for column in self.columns]

    @property
    def feature_names(self) -> list[str]:
        """The inputs of the network."""
        return feature_names(self.columns)

    def predict(self, frame: pd.DataFrame) -> NDArray[Any]:
        """Return the class, or the number, of each row.

        Parameters
        ----------
        frame : pandas.DataFrame, n rows
            Has the columns `column_names`, and may have others.

        Returns
        -------
        ndarray, shape (n,)
            The likeliest class (the first of equals), or the number as float64.

        Raises
        ------
        TypeError
            If `frame` is no data frame.
        ValueError
            If a column is missing, or holds something else than in training.
        """
        outputs = self._outputs(frame)
        if isinstance(self.target, Number):
            return self.target.unscaled(outputs[:, 0])
        return self.labels_of(outputs)

    def predict_proba(self, frame: pd.DataFrame) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        frame : pandas.DataFrame, n rows
            As in `predict`.

        Returns
        -------
        ndarray, shape (n, n_classes)
            In the order of `classes`.

        Raises
        ------
        NotSupportedError
            If this is a regression.
        TypeError, ValueError
            As in `predict`.
        """
        if self.task != CLASSIFICATION:
            raise NotSupportedError("a regression has no probabilities, only predict")
        return self._outputs(frame)

    def features(self, frame: pd.DataFrame) -> Array:
        """Return what the network gets to see.

        Parameters
        ----------
        frame : pandas.DataFrame, n rows
            As in `predict`.

        Returns
        -------
        ndarray, shape (n, n_features)
            In the order of `feature_names`.

        Raises
        ------
        TypeError, ValueError
            As in `predict`.
        """
        self._check(frame)
        return make_features(self.columns, frame, self.network.dtype)

    def check_columns(self, names: Sequence[str]) -> None:
        """Check that all columns are among some names.

        Raises
        ------
        ValueError
            If one is not; says which.
        """
        gone = [name for name in self.column_names if name not in names]
        if gone:
            raise no_such_column(gone, names, self.column_names)

    def labels_of(self, probabilities: Array) -> NDArray[Any]:
        """Return the likeliest class of each row, given `predict_proba`'s result."""
        labels = self.classes
        dtype = object if isinstance(labels[0], str) else None
        classes: NDArray[Any] = np.array(labels, dtype)[probabilities.argmax(axis=1)]
        return classes

    def save(self, path: Path) -> None:
        """Save the model as one file; `load` gives the same predictions.

        It is the file of `Network.save` with the preparation in its metadata, so
        `mlpcore.load` reads the bare network from it.

        Parameters
        ----------
        path : str, bytes or path-like
            The file; replaced whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        document = {
            "version": VERSION,
            "columns": [describe(column) for column in self.columns],
            "target": self.target.describe(),
            "left_out": self.left_out,
            "record": self.record,
        }
        self.network.save(path, metadata={METADATA: to_json(document)})

    @classmethod
    def load(cls, path: Path) -> TableModel:
        """Load a model that `save` has written; nothing in the file is run.

        Parameters
        ----------
        path : str, bytes or path-like
            The file.

        Returns
        -------
        TableModel
            The same model.

        Raises
        ------
        ModelFormatError
            If the file is damaged, or has a network only.
        ModelVersionError
            If it was written in a newer format.
        OSError
            If it cannot be read.
        """
        import os

        network = load(path)
        text = read_metadata(path).get(METADATA)
        try:
            if text is None:
                raise ModelFormatError(
                    "a network without the columns of a table; those that "
                    "mlpcore.table.train makes have them"
                )
            return cls._of(network, text)
        except ModelFormatError as error:
            raise type(error)(f"{os.fsdecode(path)}: {error}") from None

    @classmethod
    def _of(cls, network: Network, text: str) -> TableModel:
        document = from_json(text, "the table's description")
        version = document.get("version")
        if type(version) is not int or version < 1:
            raise ModelFormatError(f"the table's description has version {version!r}")
        if version > VERSION:
            raise ModelVersionError(
                f"the table's description is of version {version}; this mlpcore reads "
                f"version {VERSION}"
            )
        wanted = ("version", "columns", "target", "left_out", "record")
        check_keys(document, wanted, "the table's description")
        if not isinstance(document["columns"], list):
            raise ModelFormatError("the table's columns are not a list")
        columns = [column_of(column) for column in document["columns"]]
        names = [column.name for column in columns]
        if len(set(names)) < len(names):
            raise ModelFormatError("two of the table's columns have the same name")
        target = target_of(document["target"])
        for key, types in (("left_out", (str,)), ("record", (str, int, float, bool))):
            entry = document[key]
            if not isinstance(entry, dict) or not all(
                type(value) in types for value in entry.values()
            ):
                raise ModelFormatError(f"the table's {key} is not as it should be")
        _check_fit(network, columns, target)
        return cls(network, columns, target, document["left_out"], document["record"])

    def __repr__(self) -> str:
        """Return the task, the target and the sizes."""
        sizes = "-".join(map(str, self.network.layer_sizes))
        return (
            f"TableModel({self.task} of {self.target.name!r} from "
            f"{len(self.columns)} columns, {sizes})"
        )

    # How a frame gets through.

    def _check(self, frame: pd.DataFrame) -> None:
        check_frame(frame)
        self.check_columns(list(frame.columns))

    def _outputs(self, frame: pd.DataFrame) -> Array:
        self._check(frame)
        network = self.network
        out = np.empty((len(frame), network.layer_sizes[-1]), network.dtype)
        for rows, x in _blocks(self.columns, frame, network.dtype):
            network.predict(x, out=out[rows])
        return out


def check_frame(frame: object) -> None:
    """Check that this is a data frame.

    Raises
    ------
    TypeError, ValueError
        If it is not, or has two columns of one name.
    """
    from ._values import pandas

    if not isinstance(frame, pandas().DataFrame):
        got = type(frame).__name__
        if got == "DataFrame":  # polars has one too
            got = type(frame).__module__.split(".")[0] + ".DataFrame"
        hint = "; it has a method to_pandas" if hasattr(frame, "to_pandas") else ""
        raise TypeError(f"frame must be a pandas.DataFrame, got {got}{hint}")
    names = list(frame.columns)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the columns must have texts as names, got {name!r}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"there are two columns {twice!r}")


def feature_names(columns: Sequence[Column]) -> list[str]:
    """Return the names of all columns' features."""
    return [name for column in columns for name in column.features()]


def make_features(
    columns: Sequence[Column], frame: pd.DataFrame, dtype: np.dtype[Any]
) -> Array:
    """Return the network's input, (n, n_features)."""
    x = np.empty((len(frame), len(feature_names(columns))), dtype)
    for rows, block in _blocks(columns, frame, dtype):
        x[rows] = block
    return x


def no_such_column(
    gone: Sequence[str], names: Sequence[str], used: Collection[str] = ()
) -> ValueError:
    """Make the error for columns that are not among those there are.

    Those that are `used` anyway are not meant.
    """
    there = _there(names)
    others = [name for name in names if name not in used]
    near = nearest(gone[0], others) if len(gone) == 1 else None
    if near is not None:
        there = f"did you mean {near!r}? {there[0].upper()}{there[1:]}"
    return ValueError(f"the data has no column {_listed(gone)}, {there}")


def _blocks(
    columns: Sequence[Column], frame: pd.DataFrame, dtype: np.dtype[Any]
) -> Iterator[tuple[slice, Array]]:
    """Go through a frame with the features of some rows at a time."""
    widths = [len(column.features()) for column in columns]
    for begin in range(0, len(frame), _BLOCK):
        rows = slice(begin, min(begin + _BLOCK, len(frame)))
        part = frame.iloc[rows]
        x = np.empty((len(part), sum(widths)), dtype)
        at = 0
        for column, width in zip(columns, widths, strict=True):
            column.fill(part[column.name], x[:, at : at + width])
            at += width
        yield rows, x


def _check_fit(network: Network, columns: Sequence[Column], target: Target) -> None:
    """Check that the network is one for these columns and this target."""
    n_out = len(target.labels) if isinstance(target, Classes) else 1
    output = "softmax" if isinstance(target, Classes) else "identity"
    sizes = (len(feature_names(columns)), n_out)
    if (network.layer_sizes[0], network.layer_sizes[-1]) != sizes:
        raise ModelFormatError(
            f"the table's columns and target need a network with {sizes[0]} inputs and "
            f"{n_out} outputs, this one has {network.layer_sizes}"
        )
    if network.activations[-1] != output:
        raise ModelFormatError(f"the table's target needs {output} outputs")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _there(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > 10 else ""
    return f"there are {_listed(names[:10])}{more}" if names else "it has no columns"
