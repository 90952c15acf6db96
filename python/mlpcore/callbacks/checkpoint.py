"""Save the network while it is trained."""

from __future__ import annotations

import os
from pathlib import Path

from .._arguments import check_bool
from ._monitor import MonitorCallback
from .base import Logs


class ModelCheckpoint(MonitorCallback):
    """Save the network after every epoch, or after every best one.

    It saves the network, for use; `Trainer.save_checkpoint` saves what it takes to
    continue a training.

    Parameters
    ----------
    filepath : str or path-like
        Where to save. ``{epoch}`` (counted from 1) and the names of the logs are filled
        in, as in ``"best-{epoch:03d}-{val_loss:.3f}.mlp"``. Folders are made.
    monitor : str
        The quantity that says which epoch is best.
    save_best_only : bool
        Whether to save only if the quantity is better than ever before, earlier
        trainings with this instance included.

    Attributes
    ----------
    best : float or None
        The best value seen, with `save_best_only`.

    Examples
    --------
    >>> ModelCheckpoint("best.mlp", save_best_only=True).monitor
    'val_loss'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode="auto", min_delta=0)
        self.filepath = os.fspath(filepath)
        self.save_best_only = check_bool("save_best_only", save_best_only)
        self.best: float | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save if it is time to."""
        current = None
        if self.save_best_only:
            current = self._current(logs)
            if not self._is_better(current, self.best):
                return
        path = self._path(epoch, logs)
        path.parent.mkdir(parents=True, exist_ok=True)
        self.network.save(path)
        self.best = current  # after saving: a failed save is tried again

    def _path(self, epoch: int, logs: Logs) -> Path:
        fields = {"epoch": epoch + 1, **logs}
        try:
            return Path(self.filepath.format(**fields))
        except (KeyError, IndexError, ValueError) as error:
            names = ", ".join("{" + name + "}" for name in fields)
            raise ValueError(
                f"filepath {self.filepath!r} cannot be filled in ({error!r}); "
                f"it may use {names}"
            ) from None
