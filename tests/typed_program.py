"""A program with types, as a user may write it: mypy --strict has to be content.

`test_typing.py` checks it, and runs it.
"""

import os
import tempfile
from collections.abc import Callable
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import mlpcore
from mlpcore import callbacks, ops, optim, reference, schedules
from mlpcore.callbacks import Callback, EarlyStopping, Logs, ModelCheckpoint


class Recorder(Callback):
    """A callback of one's own."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self.losses.append(logs["loss"])


def data() -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)).astype(np.float32)
    return X, (X[:, 0] > 0).astype(np.intp)


def train(folder: str) -> mlpcore.Network:
    X, y = data()
    net = mlpcore.Network([4, 16, 2], activation=["tanh"], dropout=0.1, rng=0)
    recorder = Recorder()
    history = net.fit(
        X,
        y,
        epochs=3,
        optimizer=optim.Adam(schedules.Cosine(0.01, warmup_steps=2)),
        validation_data=(X[:10], y[:10]),
        class_weight={0: 1.0, 1: 2.0},
        callbacks=[
            recorder,
            EarlyStopping(patience=2, restore_best_weights=True),
            ModelCheckpoint(os.path.join(folder, "best.safetensors")),
            callbacks.CSVLogger(os.path.join(folder, "log.csv")),
            callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: None),
        ],
    )
    assert_type(history, mlpcore.History)
    losses: list[float] = history.history["loss"]
    assert losses == recorder.losses
    return net


def use(net: mlpcore.Network) -> None:
    X, y = data()
    probabilities = net.predict(X)
    assert probabilities.shape == (60, 2)
    classes: NDArray[Any] = net.classify(X)
    z, outputs = net.forward(X)
    assert (outputs[-1] == net(X)).all()
    assert len(z) == 2
    assert_type(net.loss(X, y), float)
    value, gradient = net.loss_and_gradient(X, y, sample_weight=np.ones(60))
    assert_type(value, float)
    assert gradient.shape == (net.n_parameters,)
    scores = net.evaluate(X, y)
    assert_type(scores["accuracy"], float)
    net.set_weights(net.weights, [np.zeros(16), [0.0, 0.0]])
    assert_type(net.layer_sizes, list[int])
    assert_type(net.activations, list[str])
    name: str = net.loss_name
    print(net.summary(), name, classes[:3])


def files(net: mlpcore.Network, folder: str) -> None:
    path = os.path.join(folder, "net.safetensors")
    net.save(path, metadata={"author": "me"})
    assert_type(mlpcore.load(path), mlpcore.Network)
    assert_type(mlpcore.formats.read_metadata(path), dict[str, str])
    net.to_c(os.path.join(folder, "net.c"), name="policy")
    net.copy()


def step_by_step(net: mlpcore.Network, folder: str) -> None:
    X, y = data()

    def rate(step: int, total_steps: int) -> float:
        return 0.01 / (1 + step)

    decay: Callable[[int, int], float] = rate
    trainer = mlpcore.Trainer(net, optim.SGD(decay, momentum=0.9), l2=1e-4)
    assert_type(trainer.step(X[:8], y[:8]), float)
    assert_type(trainer.network, mlpcore.Network)
    fixed = mlpcore.Trainer(net, "adamw", clip_norm=1.0)
    fixed.fit(X, y, epochs=1, batch_size=16)
    path = os.path.join(folder, "training.safetensors")
    fixed.save_checkpoint(path)
    assert_type(mlpcore.Trainer.from_checkpoint(path), mlpcore.Trainer)


def functions() -> None:
    z = np.linspace(-3, 3, 12).reshape(4, 3)
    y = ops.softmax(z)
    loss, dz = ops.softmax_cross_entropy(z, [0, 1, 2, 0])
    assert loss.shape == (4,)
    assert dz.shape == z.shape
    assert np.allclose(ops.tanh(z), np.tanh(z))
    assert ops.dense(z, np.eye(3), activation="relu").shape == y.shape
    assert np.allclose(reference.softmax(z), y)


def machine() -> None:
    assert_type(mlpcore.supported_isas(), list[str])
    assert_type(mlpcore.isa(), str)
    assert_type(mlpcore.get_num_threads(), int)
    version: str = mlpcore.__version__
    assert version == mlpcore.build_config()["version"]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        net = train(folder)
        use(net)
        files(net, folder)
        step_by_step(net, folder)
    functions()
    machine()
    try:
        mlpcore.Network([4, 0, 2])
    except ValueError as error:
        print(error)


if __name__ == "__main__":
    main()
