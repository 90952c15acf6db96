"""Rows as the native code takes them."""

from __future__ import annotations

from typing import NamedTuple

from ._targets import Targets
from ._validation import Array


class Data(NamedTuple):
    """Features, targets and weights of some rows, checked and converted."""

    x: Array
    targets: Targets
    weights: Array | None

    def take(self, rows: slice) -> Data:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[rows]
        return Data(self.x[rows], self.targets.take(rows), weights)
