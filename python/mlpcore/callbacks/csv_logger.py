"""Write the logs to a file of comma-separated values."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from typing import IO

from .._arguments import check_bool
from .base import Callback, Logs


class CSVLogger(Callback):
    """Write one row per epoch to a CSV file, so a training can be watched or recovered.

    The columns are ``epoch`` (counted from 0) and the logs of the first epoch. Each row
    is on its way to the disk when its epoch ends, whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The file.
    append : bool
        Whether to add to the rows of a file that is there already, which must have the
        same columns; otherwise it is replaced.

    Examples
    --------
    >>> CSVLogger("training.csv").append
    False
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        from pathlib import Path  # 6 ms, which the package's import need not take

        self.path = Path(path)
        self.append = check_bool("append", append)
        self._file: IO[bytes] | None = None
        self._columns: list[str] | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Open the file: a wrong path fails before the training, not after an epoch."""
        self._columns = None
        if not self.append:
            self.path.write_bytes(b"")
        # Unbuffered, so that a row is one write, and appending, so that it is at the
        # end even if another process writes there too.
        self._file = open(self.path, "ab", buffering=0)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Write a row."""
        if self._columns is None:
            self._columns = self._begin_table(["epoch", *logs])
        # repr keeps all digits of a float. A column that is missing stays empty.
        values = {"epoch": str(epoch), **{k: repr(float(v)) for k, v in logs.items()}}
        self._write(_row([values.get(name, "") for name in self._columns]))

    def on_train_end(self, logs: Logs) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_table(self, columns: list[str]) -> list[str]:
        """Write the header, or check the one that is there."""
        existing = None
        if self.path.stat().st_size:  # 0 of a device, which may have no end
            with open(self.path, newline="", encoding="utf-8") as file:
                existing = next(csv.reader(file), None)
        if existing is None:
            self._write(_row(columns))
        elif existing != columns:
            raise ValueError(
                f"{self.path} has the columns {existing}, this training has {columns}"
            )
        elif not self.path.read_bytes().endswith(b"\n"):
            self._write(b"\n")
        return columns

    def _write(self, line: bytes) -> None:
        """Write a whole line or, if the disk is full, nothing of it."""
        assert self._file is not None
        size = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(f"could not write to {self.path}: the disk may be full")
        except OSError:
            self._file.truncate(size)
            raise


def _row(values: Sequence[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()
