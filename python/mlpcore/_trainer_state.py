"""All that a trainer is, as a dict: for pickles, copies and checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from . import optim
from ._random import seed_from
from .errors import ModelFormatError, ModelVersionError, NotSupportedError

if TYPE_CHECKING:
    from .trainer import Trainer

STATE_VERSION = 1


class FitState(NamedTuple):
    """How far a fit had come, for a trainer that was saved in the middle of one."""

    epoch: int
    """The epoch to go on with, counted from 0."""
    callbacks: list[tuple[str, dict[str, Any]]]
    """The class and the state of each callback, in their order."""


def get_state(trainer: Trainer) -> dict[str, Any]:
    """Return a trainer's state; its generator, if it has yet to, gives the seed.

    Raises
    ------
    NotSupportedError
        If the state cannot be set again in another trainer.
    """
    if trainer._seed is None and trainer._rng is not None:
        trainer._set_seed(seed_from(trainer._rng))
    began = trainer._moments_began
    if began and _has_age(trainer) and any(trainer.network.dropout):
        raise NotSupportedError(
            f"a {trainer.optimizer.name} training with dropout that went on after a "
            "DivergenceError cannot be saved or copied: its moments are younger than "
            "its steps"
        )
    return {
        "version": STATE_VERSION,
        "network": trainer.network,
        "optimizer": trainer.optimizer,
        "l2": trainer._l2,
        "clip_norm": trainer._clip_norm or None,
        "label_smoothing": trainer._label_smoothing,
        "class_weight": trainer._class_weight,
        "gradient_hook": trainer._gradient_hook,
        "seed": trainer._seed,
        "learning_rate_scale": float(trainer.learning_rate_scale),
        "step_count": trainer.step_count,
        "epoch_count": trainer.epoch_count,
        "moments_began": began,
        "moments": trainer.network._training.read(trainer._core.moments),
        "fit": _fit_state(trainer),
    }


def set_state(trainer: Trainer, state: dict[str, Any]) -> None:
    """Make an empty trainer the one whose state this is.

    Raises
    ------
    TypeError, ValueError
        If the settings are wrong or do not go together.
    ModelVersionError
        If the state is one of a newer version.
    """
    check_pickle_version(state, STATE_VERSION, "Trainer")
    trainer.__init__(  # type: ignore[misc]
        state["network"],
        state["optimizer"],
        l2=state["l2"],
        clip_norm=state["clip_norm"],
        label_smoothing=state["label_smoothing"],
        class_weight=state["class_weight"],
        gradient_hook=state["gradient_hook"],
    )
    if state["seed"] is not None:
        trainer._set_seed(state["seed"])
    trainer.learning_rate_scale = state["learning_rate_scale"]
    # The native count is also the moments' age. Where these differ, which is after a
    # divergence, it is set to the age: without dropout nothing else depends on it.
    trainer._steps_before = state["moments_began"] if _has_age(trainer) else 0
    steps = state["step_count"] - trainer._steps_before
    trainer._core.set_counts(steps, state["epoch_count"])
    for which, moment in enumerate(state["moments"], 1):
        if moment is not None:
            trainer._core.set_moment(which, moment)
    trainer._resume = state["fit"]


def check_pickle_version(state: object, newest: int, what: str) -> None:
    """Check the version of what a pickle holds.

    Raises
    ------
    ModelFormatError, ModelVersionError
        If it is no version, or one to come.
    """
    version = state.get("version") if isinstance(state, dict) else None
    if type(version) is not int or version < 1:
        raise ModelFormatError(f"this pickle has no {what} of mlpcore's in it")
    if version > newest:
        raise ModelVersionError(
            f"this pickle has a {what} of version {version}, written by a newer "
            f"mlpcore; this one knows version {newest}"
        )


def _has_age(trainer: Trainer) -> bool:
    """Whether an update depends on how many there have been (bias correction)."""
    return isinstance(trainer.optimizer, optim.Adam | optim.AdamW)


def _fit_state(trainer: Trainer) -> FitState | None:
    if isinstance(trainer.optimizer, optim.LBFGS):
        return None  # a search that is cut short begins anew
    if trainer._hooks is None:
        return trainer._resume
    return FitState(trainer._next_epoch, trainer._hooks.get_states())
