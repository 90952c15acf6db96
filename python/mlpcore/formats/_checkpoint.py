"""The checkpoint of a training: a network's file with more tensors and settings."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import optim, schedules
from .._arguments import check_real
from .._trainer_state import STATE_VERSION, FitState
from .._validation import Array
from ..errors import ModelFormatError, NotSupportedError
from ._atomic import Path
from ._native import (
    CHECKPOINT_KIND,
    check_count,
    check_own,
    join_layers,
    layer_tensors,
    own_metadata,
    read_network,
)
from ._safetensors import (
    OURS,
    check_keys,
    check_user_metadata,
    from_json,
    opened,
    read_header,
    to_json,
    write,
)

if TYPE_CHECKING:
    from ..trainer import Trainer

TRAINING = OURS + "training"

_OPTIMIZERS = {
    cls.name: cls
    for cls in (optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop, optim.LBFGS)
}
_SCHEDULES = {
    cls.__name__: cls
    for cls in (
        schedules.Constant,
        schedules.Cosine,
        schedules.Exponential,
        schedules.InverseScaling,
        schedules.OneCycle,
        schedules.Step,
    )
}
_PLAIN = ("l2", "clip_norm", "label_smoothing", "seed", "learning_rate_scale")
_COUNTS = ("step_count", "epoch_count", "moments_began")


def save(trainer: Trainer, path: Path, metadata: Mapping[str, str] | None) -> None:
    """Do what `Trainer.save_checkpoint` says."""
    user = check_user_metadata(metadata)
    check_can_be_saved(trainer)
    state = trainer.__getstate__()
    network = trainer.network.copy()  # so no other thread can train it meanwhile
    tensors = layer_tensors(network, network.get_parameters())
    for which, moment in enumerate(state["moments"], 1):
        if moment is not None:
            tensors |= layer_tensors(network, moment, _moment_prefix(which))
    class_weight = state["class_weight"]
    if isinstance(class_weight, Mapping):
        class_weight = {str(label): w for label, w in class_weight.items()}
    training = {
        "optimizer": _describe_optimizer(trainer.optimizer),
        "class_weight": class_weight,
        **{key: state[key] for key in (*_PLAIN, *_COUNTS)},
        "fit": _describe_fit(state["fit"], trainer, tensors),
    }
    ours = own_metadata(network, CHECKPOINT_KIND)
    write(path, tensors, {**ours, TRAINING: to_json(training), **user})


def load(cls: type[Trainer], path: Path) -> Trainer:
    """Do what `Trainer.from_checkpoint` says."""
    with opened(path) as file:
        header = read_header(file)
        check_own(header, CHECKPOINT_KIND, (TRAINING,))
        training = check_keys(
            from_json(header.metadata[TRAINING], TRAINING),
            ("optimizer", "class_weight", *_PLAIN, *_COUNTS, "fit"),
            TRAINING,
        )
        optimizer = _optimizer_of(training["optimizer"])
        state: dict[str, Any] = {
            "version": STATE_VERSION,
            "optimizer": optimizer,
            "class_weight": _class_weight_of(training["class_weight"]),
            "gradient_hook": None,
            **{key: training[key] for key in _PLAIN},
            **{key: check_count(training[key], key) for key in _COUNTS},
        }
        if training["seed"] is not None:
            check_count(training["seed"], "seed")
        if not state["moments_began"] <= state["step_count"] < 2**63:
            raise ModelFormatError("the counts of steps contradict each other")
        which = _moments_of(optimizer)
        vectors = _vectors_of(training["fit"])
        network, tensors = read_network(
            file, header, [_moment_prefix(w) for w in which], vectors
        )
        state["network"] = network
        state["moments"] = [
            join_layers(network, tensors, _moment_prefix(w)) if w in which else None
            for w in (1, 2)
        ]
        state["fit"] = _fit_of(training["fit"], tensors)
        trainer = cls.__new__(cls)
        try:
            check_real("learning_rate_scale", state["learning_rate_scale"])
            trainer.__setstate__(state)
        except (TypeError, ValueError) as error:
            raise ModelFormatError(f"the training's settings: {error}") from error
        return trainer


def check_can_be_saved(trainer: Trainer) -> None:
    """Check that a file can hold the trainer's settings.

    Raises
    ------
    NotSupportedError
        If it has a function of the user's in it.
    """
    if trainer._gradient_hook is not None:
        raise NotSupportedError(
            "a checkpoint cannot hold a gradient_hook, which is a function: "
            f"{trainer._gradient_hook!r}. Pickle the trainer if the hook can be pickled"
        )
    _describe_optimizer(trainer.optimizer)


# The optimizer and its learning rate.


def _describe_optimizer(optimizer: optim.Optimizer) -> dict[str, Any]:
    cls = type(optimizer)
    if _OPTIMIZERS.get(cls.name) is not cls:
        raise NotSupportedError(
            f"a checkpoint cannot hold the optimizer {optimizer!r}: "
            f"{cls.__name__} is not one of mlpcore.optim"
        )
    description = {"name": cls.name, **_fields(optimizer)}
    rate = description.get("learning_rate")
    if callable(rate):
        if _SCHEDULES.get(type(rate).__name__) is not type(rate):
            raise NotSupportedError(
                f"a checkpoint cannot hold the learning rate {rate!r}, only numbers "
                "and mlpcore.schedules. Pickle the trainer if it can be pickled"
            )
        description["learning_rate"] = {"name": type(rate).__name__, **_fields(rate)}
    return description


def _optimizer_of(description: object) -> optim.Optimizer:
    if isinstance(description, dict) and isinstance(
        description.get("learning_rate"), dict
    ):
        rate = _make(_SCHEDULES, description["learning_rate"], "the schedule")
        description = {**description, "learning_rate": rate}
    optimizer = _make(_OPTIMIZERS, description, "the optimizer")
    assert isinstance(optimizer, optim.Optimizer)
    return optimizer


def _fields(settings: Any) -> dict[str, Any]:
    return {
        field.name: getattr(settings, field.name)
        for field in dataclasses.fields(settings)
    }


def _make(classes: Mapping[str, type[Any]], description: object, what: str) -> object:
    """Make one of the classes known here; a file only says which."""
    name = description.get("name") if isinstance(description, dict) else None
    if not isinstance(name, str) or name not in classes:
        raise ModelFormatError(f"{what} is unknown: {name!r}")
    names = [field.name for field in dataclasses.fields(classes[name])]
    values = dict(check_keys(description, ("name", *names), what))
    del values["name"]
    try:
        return classes[name](**values)
    except (TypeError, ValueError) as error:
        raise ModelFormatError(f"{what}: {error}") from None


def _moments_of(optimizer: optim.Optimizer) -> tuple[int, ...]:
    """Which moments the native trainer keeps."""
    if isinstance(optimizer, optim.Adam | optim.AdamW):
        return 1, 2
    if isinstance(optimizer, optim.RMSprop):
        return (2,)
    return (1,) if isinstance(optimizer, optim.SGD) and optimizer.momentum else ()


def _moment_prefix(which: int) -> str:
    return f"moments.{which}."


def _class_weight_of(value: object) -> object:
    if not isinstance(value, dict):
        return value
    if not all(label.isascii() and label.isdigit() for label in value):
        raise ModelFormatError(f"class_weight has the classes {list(value)}")
    return {int(label): weight for label, weight in value.items()}


# The fit in progress.


def _describe_fit(
    fit: FitState | None, trainer: Trainer, tensors: dict[str, Array]
) -> dict[str, Any] | None:
    """Return a fit as values for JSON; vectors are added to the tensors."""
    if fit is None:
        return None
    shape, dtype = (trainer.network.n_parameters,), trainer.network.dtype
    callbacks = []
    for i, (name, state) in enumerate(fit.callbacks):
        plain, vectors = {}, []
        for key, value in state.items():
            if isinstance(value, np.ndarray):
                if value.shape != shape or value.dtype != dtype:
                    raise NotSupportedError(
                        f"{name}.get_state()[{key!r}] is {value.dtype} {value.shape}; "
                        f"a checkpoint can hold {dtype} {shape}"
                    )
                tensors[_vector_name(i, key)] = value
                vectors.append(key)
            else:
                plain[key] = _encode(value)
        try:
            to_json(plain)
        except (TypeError, ValueError) as error:
            raise NotSupportedError(
                f"a checkpoint cannot hold {name}.get_state(): {error}"
            ) from None
        callbacks.append({"class": name, "state": plain, "vectors": vectors})
    return {"epoch": fit.epoch, "callbacks": callbacks}


def _vectors_of(description: object) -> list[str]:
    """Check the description of a fit, and return the names of its vectors."""
    if description is None:
        return []
    fit = check_keys(description, ("epoch", "callbacks"), "the fit")
    check_count(fit["epoch"], "epoch")
    if not isinstance(fit["callbacks"], list):
        raise ModelFormatError("the fit's callbacks are not a list")
    names = []
    for i, callback in enumerate(fit["callbacks"]):
        check_keys(callback, ("class", "state", "vectors"), "the callback")
        keys = callback["vectors"]
        if not (
            isinstance(callback["class"], str)
            and isinstance(callback["state"], dict)
            and isinstance(keys, list)
            and all(isinstance(key, str) for key in keys)
        ):
            raise ModelFormatError("a callback's state is not as it should be")
        names += [_vector_name(i, key) for key in keys]
    return names


def _fit_of(description: Any, tensors: Mapping[str, Array]) -> FitState | None:
    if description is None:
        return None
    states = []
    for i, callback in enumerate(description["callbacks"]):
        state = {key: _decode(value) for key, value in callback["state"].items()}
        for key in callback["vectors"]:
            state[key] = tensors[_vector_name(i, key)].copy()  # and not all the file
        states.append((callback["class"], state))
    return FitState(description["epoch"], states)


def _vector_name(i: int, key: str) -> str:
    return f"callbacks.{i}.{key}"


def _encode(value: object) -> object:
    """JSON has no infinities; a best value may be one."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": repr(float(value))}
    return value


def _decode(value: object) -> object:
    if isinstance(value, dict) and value.get("float") in ("inf", "-inf", "nan"):
        return float(value["float"])
    return value
