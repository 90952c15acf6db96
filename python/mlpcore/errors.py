"""The errors that are mlpcore's own; for the rest, Python's and NumPy's are used."""

from __future__ import annotations

__all__ = [
    "DivergenceError",
    "ModelFormatError",
    "ModelVersionError",
    "NotSupportedError",
]


class DivergenceError(ArithmeticError):
    """A loss or a weight became infinite or NaN while training.

    The network has the weights of the last epoch that ended finite (or those from
    before the training) and can be used; the optimizer's moments start again.

    Attributes
    ----------
    epoch, batch : int
        Where it happened, counted from 0.
    loss : float
        The loss of that batch.
    """

    def __init__(self, message: str, epoch: int = 0, batch: int = 0, loss: float = 0.0):
        super().__init__(message)
        self.epoch = epoch
        self.batch = batch
        self.loss = loss

    def __reduce__(self) -> tuple[type[DivergenceError], tuple[object, ...]]:
        """Keep the attributes when pickled."""
        return type(self), (self.args[0], self.epoch, self.batch, self.loss)


class ModelFormatError(ValueError):
    """A model file is damaged, truncated, or not one of ours."""


class ModelVersionError(ModelFormatError):
    """A model file was written by a newer version of mlpcore."""


class NotSupportedError(ValueError):
    """What was asked for is meaningful, but this network cannot do it."""
