"""Trainings that are saved, or pickled, and continued: the same bits, or an error."""

import copy
import json
import os
import pickle
import sys
import textwrap

import numpy as np
import pytest

import mlpcore
from bits_networks import CASES
from mlpcore import (
    DivergenceError,
    ModelFormatError,
    Network,
    NotSupportedError,
    Trainer,
    optim,
    schedules,
)
from mlpcore.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    ModelCheckpoint,
    ReduceLROnPlateau,
)
from support import assert_same_bits, blobs, needs_scipy, run_python

STOCHASTIC = [
    name
    for name, case in CASES.items()
    if not isinstance(case.optimizer, optim.LBFGS) and name != "relu_outputs"
]
TRAINER_OPTIONS = ("l2", "clip_norm", "label_smoothing", "class_weight")


def trainer_of(case):
    options = {k: v for k, v in case.fit.items() if k in TRAINER_OPTIONS}
    return Trainer(case.network(), case.optimizer, rng=7, **options)


def fit(trainer, case, epochs, callbacks=()):
    options = {k: v for k, v in case.fit.items() if k in ("batch_size", "shuffle")}
    return trainer.fit(
        case.rows(),
        case.targets(),
        sample_weight=case.sample_weight(),
        epochs=epochs,
        callbacks=callbacks,
        **options,
    )


def stop_after(epochs):
    """Return a callback that ends a fit early."""

    def stop(epoch, logs):
        if epoch + 1 == epochs:
            callback.trainer.stop_training = True

    callback = LambdaCallback(on_epoch_end=stop)
    return callback


def assert_same_trainer(got, wanted):
    assert_same_bits(got.network.get_parameters(), wanted.network.get_parameters())
    assert (got.step_count, got.epoch_count) == (wanted.step_count, wanted.epoch_count)
    pairs = zip(got._core.moments(), wanted._core.moments(), strict=True)
    for mine, theirs in pairs:
        assert (mine is None) == (theirs is None)
        if mine is not None:
            assert_same_bits(mine, theirs)


def through_file(trainer, path):
    trainer.save_checkpoint(path)
    return Trainer.from_checkpoint(path)


def through_pickle(trainer, path):
    return pickle.loads(pickle.dumps(trainer))


def through_deepcopy(trainer, path):
    return copy.deepcopy(trainer)


ways = pytest.mark.parametrize("way", [through_file, through_pickle, through_deepcopy])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "training.safetensors"


@ways
@pytest.mark.parametrize("name", STOCHASTIC)
def test_two_epochs_and_two_more_are_four(name, way, path):
    case = CASES[name]
    whole = trainer_of(case)
    losses = fit(whole, case, 4).history["loss"]
    first = trainer_of(case)
    begun = fit(first, case, 4, [stop_after(2)]).history["loss"]
    assert first.epoch_count == 2
    second = way(first, path)
    assert second.network is not first.network
    before = pickle.dumps(first)
    begun += fit(second, case, 2).history["loss"]
    assert begun == losses
    assert_same_trainer(second, whole)
    assert pickle.dumps(first) == before


def test_in_other_processes(tmp_path):
    for name in STOCHASTIC:
        trainer = trainer_of(CASES[name])
        fit(trainer, CASES[name], 4, [stop_after(2)])
        trainer.save_checkpoint(tmp_path / f"{name}.safetensors")
        (tmp_path / f"{name}.pickle").write_bytes(pickle.dumps(trainer))
    script = """
        import pickle, sys
        from pathlib import Path
        from bits_networks import CASES
        from mlpcore import Trainer
        from test_checkpoint import STOCHASTIC, fit

        folder = Path(sys.argv[1])
        for name in STOCHASTIC:
            a = Trainer.from_checkpoint(folder / f"{name}.safetensors")
            b = pickle.loads((folder / f"{name}.pickle").read_bytes())
            for suffix, trainer in ("a", a), ("b", b):
                fit(trainer, CASES[name], 2)
                trainer.save_checkpoint(folder / f"{name}.{suffix}")
        """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run_python(textwrap.dedent(script), tmp_path, env=environment)
    for name in STOCHASTIC:
        whole = trainer_of(CASES[name])
        fit(whole, CASES[name], 4)
        whole.save_checkpoint(tmp_path / "whole")
        for suffix in "ab":
            data = (tmp_path / f"{name}.{suffix}").read_bytes()
            assert data == (tmp_path / "whole").read_bytes(), name


def test_every_case_of_optimizer_and_schedule_was_there():
    kinds = {type(CASES[name].optimizer) for name in STOCHASTIC}
    assert kinds == {optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop}
    rates = {type(CASES[name].optimizer.learning_rate) for name in STOCHASTIC}
    assert {getattr(schedules, n) for n in schedules.__all__} - rates == {
        schedules.Schedule,
        schedules.LearningRate,
        schedules.learning_rates,
    }


@ways
def test_single_steps(way, path):
    X, y = blobs()
    trainer = Trainer(Network([5, 8, 3], dropout=0.3, rng=0))
    for i in range(5):
        trainer.step(X[i * 20 :][:20], y[i * 20 :][:20])
    twin = way(trainer, path)
    for each in trainer, twin:
        each.step(X, y)
    assert_same_trainer(twin, trainer)


@ways
@pytest.mark.parametrize(
    "rng", [None, 5, 2**70, np.random.SeedSequence(3), "generator"]
)
def test_before_the_first_step(rng, way, path):
    X, y = blobs()
    given = np.random.default_rng(4) if rng == "generator" else rng
    trainer = Trainer(Network([5, 8, 3], dropout=0.3, rng=0), rng=given)
    twin = way(trainer, path)
    for each in trainer, twin:
        each.fit(X, y, epochs=2)
    assert_same_trainer(twin, trainer)


@ways
def test_the_learning_rate_scale_and_a_next_trainer(way, path):
    X, y = blobs()
    trainer = Trainer(Network([5, 8, 3], rng=0))
    trainer.learning_rate_scale = 0.1
    trainer.fit(X, y, epochs=1)
    twin = way(trainer, path)
    assert twin.learning_rate_scale == 0.1
    for each in trainer, twin:
        each.fit(X, y, epochs=1)
        each.network.fit(X, y, epochs=1)  # with a trainer, and a seed, of its own
    assert_same_trainer(twin, trainer)


def test_a_shallow_copy_shares_the_network():
    X, y = blobs()
    trainer = Trainer(Network([5, 8, 3], rng=0))
    trainer.fit(X, y, epochs=1)
    twin = copy.copy(trainer)
    assert twin.network is trainer.network
    trainer.fit(X, y, epochs=1)
    assert twin.epoch_count == 1
    assert twin._core.moments()[0].tobytes() != trainer._core.moments()[0].tobytes()


@ways
@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_after_a_divergence(optimizer, dropout, way, path):
    """The moments began again then, and are younger than the steps."""
    X, y = blobs()
    net = Network([5, 8, 3], dropout=dropout, rng=0)
    trainer = Trainer(net, optim.get(optimizer))
    trainer.fit(X, y, epochs=1)
    trainer.learning_rate_scale = 1e38
    with pytest.raises(DivergenceError):
        trainer.fit(X * 1e5, y, epochs=3)
    trainer.learning_rate_scale = 1.0
    trainer.step(X[:20], y[:20])
    if dropout and optimizer in ("adam", "adamw"):
        with pytest.raises(NotSupportedError, match="younger than its steps"):
            way(trainer, path)
        return
    twin = way(through_pickle(trainer, path), path)
    for each in trainer, twin:
        each.step(X, y)
        each.fit(X, y, epochs=2)
    assert_same_trainer(twin, trainer)


def test_subnormal_moments_after_a_divergence(path):
    """They become 0 at the same step of a trainer and its twin."""
    X, y = blobs(20)
    trainer = Trainer(Network([5, 3], rng=0), optim.Adam(beta_1=0.6))
    trainer.fit(X, y, epochs=3)
    trainer.learning_rate_scale = 1e38
    with pytest.raises(DivergenceError):
        trainer.fit(X * 1e5, y, epochs=3)
    trainer.learning_rate_scale = 1.0
    trainer.step(X, y)
    twin = through_pickle(trainer, path)
    X[:, 0] = 0  # the moments of its weights shrink from now on
    was_subnormal = False
    for _ in range(270):
        for each in trainer, twin:
            each.step(X, y)
        moment = twin._core.moments()[0]
        tiny = (moment != 0) & (np.abs(moment) < np.finfo(np.float32).tiny)
        was_subnormal |= tiny.any()
        assert_same_bits(trainer._core.moments()[0], moment)
    assert was_subnormal
    assert not tiny.any()


# --- In the middle of a fit ------------------------------------------------------


def callbacks_of(folder):
    """Return new callbacks with things to remember."""
    return [
        ModelCheckpoint(folder / "t{epoch}", save_trainer=True),
        ModelCheckpoint(folder / "best", save_best_only=True),
        EarlyStopping(patience=4, restore_best_weights=True),
        ReduceLROnPlateau(patience=1, factor=0.5, cooldown=1, min_delta=0.01),
    ]


def fit_with(trainer, folder, epochs, callbacks):
    X, y = blobs(80)
    X = X + np.random.default_rng(1).normal(0, 2, X.shape).astype("float32")
    return trainer.fit(
        X, y, epochs=epochs, batch_size=16, validation_split=0.4, callbacks=callbacks
    )


def noisy_trainer():
    net = Network([5, 30, 3], dropout=0.2, rng=0)
    return Trainer(net, optim.Adam(schedules.Cosine(0.05)))


@pytest.mark.parametrize("k", [1, 2, 5, 8, 9, "last"])
def test_callbacks_go_on_from_a_checkpoint(k, tmp_path):
    """Early stopping waits as long and restores the same weights as without a stop."""
    whole = noisy_trainer()
    (tmp_path / "whole").mkdir()
    stops = callbacks_of(tmp_path / "whole")
    history = fit_with(whole, tmp_path, 30, stops)
    # The case is one in which it matters: something waited and something was reduced.
    assert 9 < len(history) < 30
    assert whole.learning_rate_scale < 1
    assert stops[2].best_epoch < stops[2].stopped_epoch
    k = len(history) if k == "last" else k
    again = Trainer.from_checkpoint(tmp_path / "whole" / f"t{k}")
    # A checkpoint that was loaded and not used yet is the same checkpoint.
    again.save_checkpoint(tmp_path / "copy")
    saved = (tmp_path / "whole" / f"t{k}").read_bytes()
    assert (tmp_path / "copy").read_bytes() == saved
    (tmp_path / "rest").mkdir()
    resumed = callbacks_of(tmp_path / "rest")
    rest = fit_with(again, tmp_path, 30 - again.epoch_count, resumed)
    assert_same_trainer(again, whole)
    assert rest.epoch == history.epoch[k:]
    for name in rest.history.keys() - {"epoch_time"}:
        assert rest.history[name] == history.history[name][k:]
    assert again.learning_rate_scale == whole.learning_rate_scale
    for mine, theirs in zip(resumed, stops, strict=True):
        wanted = theirs.get_state()
        assert mine.get_state().keys() == wanted.keys()
        for key, value in mine.get_state().items():
            assert np.array_equal(value, wanted[key]), key
    for each in sorted(os.listdir(tmp_path / "rest")):
        data = (tmp_path / "rest" / each).read_bytes()
        assert data == (tmp_path / "whole" / each).read_bytes(), each
    # Only the first fit goes on; the next is one of its own.
    assert fit_with(again, tmp_path, 1, []).epoch == [0]


def test_callbacks_go_on_in_another_process(tmp_path):
    whole = noisy_trainer()
    fit_with(whole, tmp_path, 30, callbacks_of(tmp_path))
    whole.save_checkpoint(tmp_path / "whole")
    script = """
        import sys
        from pathlib import Path
        from mlpcore import Trainer
        from test_checkpoint import callbacks_of, fit_with

        folder = Path(sys.argv[1])
        again = Trainer.from_checkpoint(folder / "t5")
        (folder / "rest").mkdir()
        fit_with(again, folder, 25, callbacks_of(folder / "rest"))
        again.save_checkpoint(folder / "again")
        """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    run_python(textwrap.dedent(script), tmp_path, env=environment)
    assert (tmp_path / "again").read_bytes() == (tmp_path / "whole").read_bytes()


def test_a_pickle_made_in_a_fit_goes_on(tmp_path):
    pickles = []

    class Pickle(Callback):
        def on_epoch_begin(self, epoch, logs):
            pickles.append(pickle.dumps(self.trainer))

    whole = noisy_trainer()
    history = fit_with(whole, tmp_path, 30, [*callbacks_of(tmp_path)[2:], Pickle()])
    again = pickle.loads(pickles[4])
    rest = fit_with(again, tmp_path, 26, callbacks_of(tmp_path)[2:])
    assert rest.epoch == history.epoch[4:]
    assert_same_trainer(again, whole)


def test_a_checkpoint_after_a_fit_begins_a_new_one(tmp_path):
    trainer = noisy_trainer()
    fit_with(trainer, tmp_path, 3, [EarlyStopping(patience=9)])
    again = through_file(trainer, tmp_path / "t")
    assert fit_with(again, tmp_path, 2, []).epoch == [0, 1]


def test_callbacks_that_are_not_there_any_more(tmp_path):
    trainer = noisy_trainer()
    fit_with(trainer, tmp_path, 3, callbacks_of(tmp_path))
    again = Trainer.from_checkpoint(tmp_path / "t2")
    other = EarlyStopping(patience=7)
    assert fit_with(again, tmp_path, 1, [other]).epoch == [2]
    assert again._hooks is None
    assert other.best is not None


class Remembers(Callback):
    def __init__(self, value):
        self.value = value

    def get_state(self):
        return {"value": self.value}

    def set_state(self, state):
        self.value = state["value"]


@pytest.mark.parametrize("value", [np.inf, -np.inf, [1, {"a": None}], "text", True])
def test_a_callback_of_the_users(value, tmp_path):
    trainer = noisy_trainer()
    checkpoint = ModelCheckpoint(tmp_path / "t", save_trainer=True)
    fit_with(trainer, tmp_path, 1, [Remembers(value), checkpoint])
    again = Trainer.from_checkpoint(tmp_path / "t")
    other = Remembers(None)
    fit_with(again, tmp_path, 1, [other])
    assert other.value == value


@pytest.mark.parametrize("value", [object(), np.zeros(3, "float32"), {1j}])
def test_a_callback_of_the_users_that_no_file_can_hold(value, tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "t", save_trainer=True)
    with pytest.raises(NotSupportedError, match="Remembers"):
        fit_with(noisy_trainer(), tmp_path, 1, [Remembers(value), checkpoint])
    assert os.listdir(tmp_path) == []


# --- What a file cannot hold -----------------------------------------------------


class OwnSchedule(schedules.Schedule):
    def _rates(self, steps, total_steps):
        return np.full(steps.shape, 0.1)


class Cosine(schedules.Cosine):
    """Not the library's, though it has its name."""


class OwnAdam(optim.Adam):
    """A subclass."""


def by_hand(step, total_steps):
    return 0.1


@pytest.mark.parametrize(
    ("optimizer", "hook", "message"),
    [
        (optim.SGD(by_hand), None, "learning rate <function by_hand"),
        (optim.SGD(OwnSchedule()), None, "learning rate .*OwnSchedule"),
        (optim.SGD(Cosine(0.1)), None, "learning rate Cosine"),
        (OwnAdam(), None, "OwnAdam is not one of"),
        (optim.SGD(), by_hand, "gradient_hook.*<function by_hand"),
    ],
)
def test_what_cannot_be_saved(optimizer, hook, message, path):
    path.write_text("old")
    trainer = Trainer(Network([5, 3], rng=0), optimizer, gradient_hook=hook)
    with pytest.raises(NotSupportedError, match=message):
        trainer.save_checkpoint(path)
    assert path.read_text() == "old"
    begun = []
    first = LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    checkpoint = ModelCheckpoint(path, save_trainer=True)
    with pytest.raises(NotSupportedError, match=message):
        trainer.fit(*blobs(), epochs=1, callbacks=[first, checkpoint])
    assert begun == []


def halve(gradient):
    gradient *= 0.5


def test_a_pickle_holds_functions_of_modules():
    X, y = blobs()
    net = Network([5, 3], rng=0)
    trainer = Trainer(net, optim.SGD(by_hand), gradient_hook=halve)
    trainer.fit(X, y, epochs=1)
    twin = through_pickle(trainer, None)
    for each in trainer, twin:
        each.fit(X, y, epochs=1)
    assert_same_trainer(twin, trainer)


@needs_scipy
@ways
def test_lbfgs_starts_anew_from_the_weights(way, path):
    X, y = blobs()
    trainer = Trainer(Network([5, 3], rng=0), optim.LBFGS(max_iter=5), l2=0.1)
    trainer.fit(X, y)
    twin = way(trainer, path)
    assert twin.optimizer == trainer.optimizer
    for each in trainer, twin:
        each.fit(X, y)
    assert_same_trainer(twin, trainer)


# --- Files -----------------------------------------------------------------------


def test_a_network_is_no_checkpoint_and_the_other_way_round(path):
    trainer = Trainer(Network([5, 3], rng=0))
    trainer.save_checkpoint(path, metadata={"a": "b"})
    assert mlpcore.formats.read_metadata(path) == {"a": "b"}
    with pytest.raises(ModelFormatError, match=r"Trainer\.from_checkpoint"):
        mlpcore.load(path)
    trainer.network.save(path)
    with pytest.raises(ModelFormatError, match=r"use mlpcore\.load"):
        Trainer.from_checkpoint(path)


def test_flipped_bits_of_a_checkpoint(path):
    trainer = Trainer(Network([2, 2], rng=0), optim.Adam(schedules.Cosine(0.1)))
    trainer.fit([[0, 1.0], [1, 0]], [0, 1], epochs=1)
    trainer.save_checkpoint(path)
    data = bytearray(path.read_bytes())
    for bit in range(8 * len(data)):
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        with pytest.raises(ModelFormatError):
            Trainer.from_checkpoint(path)
        data[bit // 8] ^= 1 << bit % 8


WRONG = {
    "optimizer": ({"name": "os.system"}, "optimizer is unknown: 'os.system'"),
    "l2": (-1, "l2 must be"),
    "clip_norm": ("x", "clip_norm must be"),
    "label_smoothing": (2, "label_smoothing must be"),
    "class_weight": ({"a": 1}, "class_weight has the classes"),
    "seed": (-1, "seed must be"),
    "learning_rate_scale": ("1", "learning_rate_scale must be"),
    "step_count": (2**63, "contradict"),
    "epoch_count": (1.0, "epoch_count must be"),
    "moments_began": (9, "contradict"),
    "fit": ({"epoch": 1}, "the fit: missing"),
    "more": (1, "unknown"),
}


@pytest.mark.parametrize("key", WRONG)
def test_checkpoints_that_say_something_wrong(key, path):
    from test_formats_native import put_together, taken_apart

    Trainer(Network([5, 3], rng=0)).save_checkpoint(path)
    head, tensors = taken_apart(path)
    training = json.loads(head["__metadata__"]["mlpcore.training"])
    value, message = WRONG[key]
    training[key] = value
    head["__metadata__"]["mlpcore.training"] = json.dumps(training)
    put_together(path, head, tensors)
    with pytest.raises(ModelFormatError, match=message):
        Trainer.from_checkpoint(path)


@pytest.mark.parametrize(
    ("rate", "message"),
    [
        ({"name": "Cosine"}, "the schedule: missing"),
        ({"name": "open"}, "the schedule is unknown: 'open'"),
        (-1.0, "learning_rate must be"),
        ("fast", "learning_rate must be"),
    ],
)
def test_checkpoints_with_a_wrong_learning_rate(rate, message, path):
    from test_formats_native import put_together, taken_apart

    Trainer(Network([5, 3], rng=0), "sgd").save_checkpoint(path)
    head, tensors = taken_apart(path)
    training = json.loads(head["__metadata__"]["mlpcore.training"])
    training["optimizer"]["learning_rate"] = rate
    head["__metadata__"]["mlpcore.training"] = json.dumps(training)
    put_together(path, head, tensors)
    with pytest.raises(ModelFormatError, match=message):
        Trainer.from_checkpoint(path)
