"""The list of callbacks, and those that watch a quantity."""

import numpy as np
import pytest

from fake_trainer import FakeTrainer, Recorder, losses
from mlpcore import callbacks
from mlpcore.callbacks import (
    Callback,
    CSVLogger,
    EarlyStopping,
    LambdaCallback,
    ProgressBar,
    ReduceLROnPlateau,
)
from mlpcore.callbacks.base import CallbackList

# --- CallbackList and the base ---------------------------------------------------


def test_hooks_are_called_in_order():
    calls = []
    FakeTrainer().run([Recorder(calls, "a"), Recorder(calls, "b")], losses(1))
    hooks = ["train_begin", "epoch_begin", "epoch_end", "train_end"]
    assert calls == [(name, hook) for hook in hooks for name in "ab"]


def test_trainer_and_network_are_set():
    trainer, callback = FakeTrainer(), Callback()
    trainer.run(callback, losses(1))  # a single callback need not be in a list
    assert callback.trainer is trainer
    assert callback.network is trainer.network
    assert callback.error is None


def test_on_train_end_comes_after_an_exception_too_and_knows_it():
    calls = []
    a, b = Recorder(calls, "a"), Recorder(calls, "b")
    with pytest.raises(KeyboardInterrupt):
        FakeTrainer().run([a, b], losses(1, 2), fail_at=1)
    assert calls[-2:] == [("a", "train_end"), ("b", "train_end")]
    assert isinstance(b.error, KeyboardInterrupt)
    FakeTrainer().run([a, b], losses(1))
    assert b.error is None


def test_a_failing_begin_ends_those_begun():
    calls = []
    recorders = [
        Recorder(calls, "a"),
        Recorder(calls, "b", ["train_begin"]),
        Recorder(calls, "c"),
    ]
    with pytest.raises(RuntimeError, match="b in train_begin"):
        FakeTrainer().run(recorders, losses(1))
    assert calls == [
        ("a", "train_begin"),
        ("b", "train_begin"),
        ("a", "train_end"),
        ("b", "train_end"),
    ]


def test_a_failing_end_does_not_keep_the_others_from_ending():
    calls = []
    failing = [Recorder(calls, "a", ["train_end"]), Recorder(calls, "b", ["train_end"])]
    with pytest.raises(RuntimeError, match="a in train_end"):
        FakeTrainer().run([*failing, Recorder(calls, "c")], losses(1))
    assert calls[-1] == ("c", "train_end")


def test_a_failing_end_does_not_hide_what_ended_the_training():
    failing = Recorder([], "a", ["train_end"])
    with pytest.raises(KeyboardInterrupt) as caught:
        FakeTrainer().run([failing], losses(1), fail_at=0)
    note = "Recorder.on_train_end also failed: RuntimeError('a in train_end')"
    assert caught.value.__notes__ == [note]


def test_logs_are_shared_and_the_last_reach_on_train_end():
    seen = {}

    def add(epoch, logs):
        logs["extra"] = 7.0

    FakeTrainer().run(
        [
            LambdaCallback(on_epoch_end=add, on_train_end=seen.update),
            EarlyStopping("extra"),
        ],
        losses(1),
    )
    assert seen == {"val_loss": 1, "learning_rate": 0.1, "extra": 7.0}


def test_what_is_no_callback():
    with pytest.raises(TypeError, match=r"callbacks\[1\] must be a Callback, got 3"):
        CallbackList([Callback(), 3], FakeTrainer())
    with pytest.raises(TypeError, match=r"got the class EarlyStopping; write Early"):
        CallbackList([EarlyStopping], FakeTrainer())
    with pytest.raises(TypeError, match="callbacks must be a list"):
        CallbackList(5, FakeTrainer())


def test_wants_progress_only_if_a_hook_is_there():
    def wants(*items):
        return CallbackList(items, FakeTrainer()).wants_progress

    assert not wants(Callback(), EarlyStopping(), LambdaCallback(on_epoch_end=print))
    assert wants(Callback(), ProgressBar())
    assert wants(LambdaCallback(on_progress=print))


def test_lambda_callback_calls_each_function():
    calls = []
    functions = {
        name: lambda *args, name=name: calls.append((name, args))
        for name in [
            "on_epoch_begin",
            "on_epoch_end",
            "on_train_begin",
            "on_train_end",
            "on_progress",
        ]
    }
    FakeTrainer().run(LambdaCallback(**functions), losses(1), n_batches=1)
    logs = {"val_loss": 1, "learning_rate": 0.1}
    assert calls == [
        ("on_train_begin", ({},)),
        ("on_epoch_begin", (0, {})),
        ("on_progress", (0, 1, 1, 0.5)),
        ("on_epoch_end", (0, logs)),
        ("on_train_end", (logs,)),
    ]


def test_lambda_callback_of_no_function():
    with pytest.raises(TypeError, match="on_epoch_end must be callable, got 3"):
        LambdaCallback(on_epoch_end=3)


def test_all_names_are_there():
    assert all(hasattr(callbacks, name) for name in callbacks.__all__)


# --- EarlyStopping ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("patience", "n_done"),
    [(0, 3), (1, 3), (2, 4), (3, 8), (9, 9)],
)
def test_early_stopping_waits(patience, n_done):
    stop = EarlyStopping(patience=patience)
    trainer = FakeTrainer()
    # Better at epochs 0, 1, 4; stopping at epoch e means e + 1 epochs are done.
    done = trainer.run(stop, losses(5, 4, 4, 4.5, 3, 4, 4, 4, 4))
    assert done == n_done
    assert trainer.stop_training == (n_done < 9)
    assert stop.stopped_epoch == (n_done - 1 if n_done < 9 else 0)
    assert (stop.best, stop.best_epoch) == ((4, 1) if patience < 3 else (3, 4))


def test_early_stopping_min_delta():
    assert FakeTrainer().run(EarlyStopping(min_delta=0.5), losses(5, 4.6, 1)) == 2
    assert FakeTrainer().run(EarlyStopping(min_delta=0.5), losses(5, 4.4, 3)) == 3


@pytest.mark.parametrize("name", ["accuracy", "val_accuracy", "val_r2"])
def test_early_stopping_maximises_scores(name):
    stop = EarlyStopping(name)
    assert FakeTrainer().run(stop, losses(0.1, 0.5, 0.4, 0.9, name=name)) == 3
    assert stop.best == 0.5


def test_early_stopping_mode():
    stop = EarlyStopping("thing", mode="max")
    assert FakeTrainer().run(stop, losses(1, 2, 1, name="thing")) == 3
    stop = EarlyStopping("accuracy", mode="min")
    assert FakeTrainer().run(stop, losses(2, 1, 2, name="accuracy")) == 3


def test_early_stopping_restores_the_best_weights():
    trainer = FakeTrainer()
    stop = EarlyStopping(patience=2, restore_best_weights=True)
    trainer.run(stop, losses(3, 2, 4, 5, 6))
    assert trainer.network.parameters == [1]


def test_early_stopping_restores_also_if_it_did_not_stop():
    trainer = FakeTrainer()
    stop = EarlyStopping(patience=9, restore_best_weights=True)
    trainer.run(stop, losses(3, 2, 4))
    assert trainer.network.parameters == [1]


def test_early_stopping_does_not_restore_unasked_or_after_an_exception():
    trainer = FakeTrainer()
    trainer.run(EarlyStopping(patience=2), losses(3, 2, 4, 5))
    assert trainer.network.parameters == [3]
    trainer = FakeTrainer()
    stop = EarlyStopping(patience=9, restore_best_weights=True)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(stop, losses(2, 4, 5), fail_at=2)
    assert trainer.network.parameters == [1]


def test_early_stopping_start_from_epoch():
    stop = EarlyStopping(start_from_epoch=2)
    assert FakeTrainer().run(stop, losses(1, 9, 8, 7, 8, 1)) == 5
    assert (stop.best, stop.best_epoch) == (7, 3)


def test_early_stopping_can_be_used_again():
    stop = EarlyStopping()
    FakeTrainer().run(stop, losses(1, 2))
    assert FakeTrainer().run(stop, losses(9, 8, 7)) == 3
    assert stop.stopped_epoch == 0


def test_nan_is_no_improvement_but_anything_improves_on_it():
    nan = float("nan")
    assert FakeTrainer().run(EarlyStopping(patience=2), losses(nan, 5, 4, nan, 3)) == 5
    assert FakeTrainer().run(EarlyStopping(patience=2), losses(5, nan, nan, 3)) == 3


@pytest.mark.parametrize("callback", [EarlyStopping(), ReduceLROnPlateau()])
def test_a_missing_quantity_lists_those_there_are(callback):
    message = "monitors 'val_loss', but the epoch has 'loss', 'learning_rate'; pass val"
    with pytest.raises(ValueError, match=message):
        FakeTrainer().run(callback, losses(1, name="loss"))


def test_a_quantity_by_nearly_its_name():
    logs = [{"loss": 1.0, "val_accuracy": 0.5}]
    with pytest.raises(ValueError, match="; did you mean 'val_accuracy'") as e:
        FakeTrainer().run(EarlyStopping(monitor="val_acc"), logs)
    assert "validation_split" not in str(e.value)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: EarlyStopping(min_delta=-1), ValueError, r"min_delta must be in \[0,"),
        (lambda: EarlyStopping(patience=-1), ValueError, "patience must be an integer"),
        (lambda: EarlyStopping(patience=1.5), TypeError, "patience must be an integer"),
        (lambda: EarlyStopping(mode="mx"), ValueError, "unknown mode 'mx', did you"),
        (lambda: EarlyStopping(3), TypeError, "monitor must be a str, got 3"),
        (lambda: EarlyStopping(restore_best_weights=2), TypeError, "True or False"),
        (lambda: EarlyStopping(start_from_epoch=-1), ValueError, "start_from_epoch"),
        (lambda: ReduceLROnPlateau(factor=1), ValueError, r"factor must be in \(0, 1"),
        (lambda: ReduceLROnPlateau(cooldown=-1), ValueError, "cooldown must be"),
        (lambda: ReduceLROnPlateau(min_lr=-1), ValueError, "min_lr must be"),
        (lambda: CSVLogger("x", append="no"), TypeError, "append must be True or Fal"),
    ],
)
def test_bad_arguments(make, error, message):
    with pytest.raises(error, match=message):
        make()


# --- ReduceLROnPlateau -----------------------------------------------------------


def scales(callback, values, **more):
    """Return the scale that was in force in each epoch, and after the last."""
    trainer, seen = FakeTrainer(), []
    record = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: seen.append(trainer.learning_rate_scale)
    )
    trainer.run([record, callback], losses(*values), **more)
    return [*seen, trainer.learning_rate_scale]


def test_reduce_lr_after_patience():
    reduce = ReduceLROnPlateau(factor=0.5, patience=2)
    assert scales(reduce, [5, 5, 5, 5, 5, 1]) == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]


def test_reduce_lr_min_delta_counts_small_gains_as_none():
    reduce = ReduceLROnPlateau(factor=0.5, patience=1, min_delta=1)
    assert scales(reduce, [5, 4.5, 3]) == [1, 1, 0.5, 0.5]


def test_reduce_lr_cooldown():
    reduce = ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2)
    # Reduced after epoch 1; epoch 2 is cooling down, epoch 3 counts again.
    assert scales(reduce, [5] * 5) == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_reduce_lr_stops_at_min_lr():
    reduce = ReduceLROnPlateau(factor=0.1, patience=1, min_lr=0.02)
    np.testing.assert_allclose(
        scales(reduce, [5] * 5, rate=0.1), [1, 1, 0.2, 0.2, 0.2, 0.2]
    )


def test_reduce_lr_with_a_rate_that_is_0_already():
    assert scales(ReduceLROnPlateau(patience=1), [5] * 3, rate=0.0)[-1] == 1.0


def test_reduce_lr_needs_a_learning_rate():
    with CallbackList([ReduceLROnPlateau(patience=1)], FakeTrainer()) as hooks:
        hooks.on_epoch_end(0, {"val_loss": 1.0})
        with pytest.raises(ValueError, match="needs an optimizer with a learning rate"):
            hooks.on_epoch_end(1, {"val_loss": 1.0})
