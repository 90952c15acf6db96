"""Save the network, or the training, while it is going on."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from .._arguments import check_bool
from ._monitor import MonitorCallback
from .base import Logs

if TYPE_CHECKING:
    from pathlib import Path


class ModelCheckpoint(MonitorCallback):
    """Save the network after every epoch, or after every best one.

    After an epoch it comes when the other callbacks have had their turn, wherever it
    stands in the list, and those with `save_trainer` come last of all.

    Parameters
    ----------
    filepath : str or path-like
        Where to save. ``{epoch}`` (counted from 1) and the names of the logs are filled
        in, as in ``"best-{epoch:03d}-{val_loss:.3f}.safetensors"``. Folders are made.
    monitor : str
        The quantity that says which epoch is best.
    save_best_only : bool
        Whether to save only if the quantity is better than ever before, earlier
        trainings with this instance included.
    mode : {"auto", "min", "max"}
        Which direction is better. ``"auto"`` is ``"max"`` for names that end in
        ``accuracy`` or ``r2``, else ``"min"``.
    save_trainer : bool
        Whether to save what it takes to continue the training
        (`Trainer.save_checkpoint`) and not the network alone (`Network.save`).

    Attributes
    ----------
    best : float or None
        The best value seen, with `save_best_only`.

    Examples
    --------
    >>> ModelCheckpoint("best.safetensors", save_best_only=True).monitor
    'val_loss'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        save_best_only: bool = False,
        mode: str = "auto",
        *,
        save_trainer: bool = False,
    ) -> None:
        super().__init__(monitor, mode, min_delta=0)
        self.filepath = os.fsdecode(filepath)
        self.save_best_only = check_bool("save_best_only", save_best_only)
        self.save_trainer = check_bool("save_trainer", save_trainer)
        self._turn = 2 if save_trainer else 1
        self.best: float | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Fail now and not after an epoch if the trainer cannot be saved."""
        if self.save_trainer:
            from ..formats._checkpoint import check_can_be_saved

            check_can_be_saved(self.trainer)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save if it is time to."""
        best = self.best
        if self.save_best_only:
            current = self._current(logs)
            if not self._is_better(current, best):
                return
            self.best = current  # before saving: a checkpoint holds it
        try:
            path = self._path(epoch, logs)
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.save_trainer:
                self.trainer.save_checkpoint(path)
            else:
                self.network.save(path)
        except BaseException:
            self.best = best
            raise

    def get_state(self) -> dict[str, Any]:
        """Return the best value so far."""
        return {"best": self.best} if self.save_best_only else {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.best = state["best"]

    def _path(self, epoch: int, logs: Logs) -> Path:
        from pathlib import Path

        fields = {"epoch": epoch + 1, **logs}
        try:
            return Path(self.filepath.format(**fields))
        except (KeyError, IndexError, ValueError) as error:
            names = ", ".join("{" + name + "}" for name in fields)
            raise ValueError(
                f"filepath {self.filepath!r} cannot be filled in ({error!r}); "
                f"it may use {names}"
            ) from None
