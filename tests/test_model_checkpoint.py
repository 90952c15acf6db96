"""The callback ModelCheckpoint."""

import os

import numpy as np
import pytest

import mlpcore
from fake_trainer import FakeTrainer, losses
from mlpcore.callbacks import LambdaCallback, ModelCheckpoint
from support import assert_same_bits, blobs


def saved(trainer):
    return [os.path.basename(path) for path in trainer.network.saved]


def test_saves_every_epoch_with_the_name_filled_in(tmp_path):
    trainer = FakeTrainer()
    pattern = tmp_path / "models" / "{epoch:02d}-{val_loss:.1f}.safetensors"
    trainer.run(ModelCheckpoint(pattern), losses(3, 2.25))
    folder = tmp_path / "models"
    assert trainer.network.saved == [
        str(folder / "01-3.0.safetensors"),
        str(folder / "02-2.2.safetensors"),
    ]
    assert folder.is_dir()


def test_needs_no_monitor_unless_it_looks_for_the_best(tmp_path):
    trainer = FakeTrainer()
    trainer.run(ModelCheckpoint(tmp_path / "m"), losses(3, name="loss"))
    assert len(trainer.network.saved) == 1
    best = ModelCheckpoint(tmp_path / "m", save_best_only=True)
    with pytest.raises(ValueError, match="monitors 'val_loss'"):
        trainer.run(best, losses(3, name="loss"))


def test_saves_the_best_of_all_trainings(tmp_path):
    trainer = FakeTrainer()
    best = ModelCheckpoint(tmp_path / "{epoch}", save_best_only=True)
    trainer.run(best, losses(3, 4, 2, 2, np.nan))
    trainer.run(best, losses(2.5, 1))
    assert saved(trainer) == ["1", "3", "2"]
    assert best.best == 1


@pytest.mark.parametrize(
    ("monitor", "mode", "epochs"),
    [
        ("val_accuracy", "auto", ["1", "3"]),
        ("val_accuracy", "min", ["1", "2"]),
        ("val_loss", "auto", ["1", "2"]),
        ("val_loss", "max", ["1", "3"]),
    ],
)
def test_mode(monitor, mode, epochs, tmp_path):
    trainer = FakeTrainer()
    best = ModelCheckpoint(tmp_path / "{epoch}", monitor, True, mode)
    trainer.run(best, losses(0.5, 0.4, 0.6, name=monitor))
    assert saved(trainer) == epochs


@pytest.mark.parametrize("name", ["{loss}", "{", "{}"])
def test_name_that_cannot_be_filled_in(name):
    with pytest.raises(ValueError, match=r"it may use {epoch}, {val_loss}, {learn"):
        FakeTrainer().run(ModelCheckpoint(name), losses(1))


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"filepath": 3}, TypeError),
        ({"mode": "best"}, ValueError),
        ({"save_best_only": "no"}, TypeError),
        ({"save_trainer": 1}, TypeError),
    ],
)
def test_wrong_arguments(arguments, error):
    with pytest.raises(error):
        ModelCheckpoint(**({"filepath": "m"} | arguments))


def test_a_failed_save_is_no_best(tmp_path):
    trainer = FakeTrainer()
    best = ModelCheckpoint(tmp_path / "m", save_best_only=True)

    def fail(path):
        raise OSError("disk full")

    trainer.network.save = fail
    with pytest.raises(OSError, match="disk full"):
        trainer.run(best, losses(1))
    assert best.best is None


def test_it_comes_after_callbacks_that_add_to_the_logs(tmp_path):
    trainer = FakeTrainer()
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(f1=epoch))
    trainer.run([ModelCheckpoint(tmp_path / "{f1}"), add], losses(1, 1))
    assert saved(trainer) == ["0", "1"]


def test_a_real_training(tmp_path):
    X, y = blobs()
    kept = []
    keep = LambdaCallback(
        on_epoch_end=lambda epoch, logs: kept.append(net.get_parameters())
    )
    net = mlpcore.Network([5, 8, 3], rng=0)
    net.fit(
        X,
        y,
        epochs=3,
        callbacks=[
            ModelCheckpoint(tmp_path / "n{epoch}"),
            ModelCheckpoint(tmp_path / "t{epoch}", save_trainer=True),
            keep,
        ],
    )
    assert sorted(os.listdir(tmp_path)) == ["n1", "n2", "n3", "t1", "t2", "t3"]
    for i, parameters in enumerate(kept, 1):
        assert_same_bits(mlpcore.load(tmp_path / f"n{i}").get_parameters(), parameters)
        trainer = mlpcore.Trainer.from_checkpoint(tmp_path / f"t{i}")
        assert_same_bits(trainer.network.get_parameters(), parameters)
        assert trainer.epoch_count == i
