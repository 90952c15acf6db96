"""Networks and trainers that are sent to other processes, and come back."""

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import mlpcore
from mlpcore import Network, Trainer
from support import assert_same_bits

X = np.random.default_rng(0).normal(size=(70, 4)).astype(np.float32)
Y = np.arange(70) % 3

METHODS = [
    method
    for method in ("fork", "spawn", "forkserver")
    if method in multiprocessing.get_all_start_methods()
]


def made():
    net = Network([4, 9, 3], "gelu", dropout=0.2, rng=3)
    trainer = Trainer(net, mlpcore.optim.Adam(mlpcore.schedules.Step(0.02, 2)), l2=0.01)
    trainer.fit(X, Y, epochs=2)
    return trainer


def train(trainer):
    """Return what a worker sends back: the trainer, its history and predictions."""
    history = trainer.fit(X, Y, epochs=3)
    return trainer, history, trainer.network.predict(X)


@pytest.mark.parametrize("method", METHODS)
def test_trained_by_a_pool(method):
    here, history, y = train(made())
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        there, their_history, their_y = pool.submit(train, made()).result(60)
    assert_same_bits(their_y, y)
    assert_same_bits(there.network.predict(X), y)
    assert their_history.history["loss"] == history.history["loss"]
    # It goes on here as if it had never been away.
    assert_same_bits(train(there)[2], train(here)[2])


@pytest.mark.parametrize("method", METHODS)
def test_networks_mapped_over_a_pool(method):
    nets = [
        Network([4, 300, 3], "tanh", dtype=d, rng=0) for d in ("float32", "float64")
    ]
    wanted = [net.predict(X) for net in nets]  # this process's threads have run
    context = multiprocessing.get_context(method)
    with context.Pool(2) as pool:
        got = pool.starmap(Network.predict, [(net, X) for net in nets])
    for a, b in zip(got, wanted, strict=True):
        assert_same_bits(a, b)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_pickle_protocol(protocol):
    trainer = made()
    net = trainer.network
    twin, trainer_twin = pickle.loads(pickle.dumps((net, trainer), protocol))
    assert trainer_twin.network is twin
    assert_same_bits(twin.get_parameters(), net.get_parameters())
    assert repr(twin) == repr(net)
    assert_same_bits(train(trainer_twin)[2], train(trainer)[2])


class Named(Network):
    """A subclass with a constructor of its own."""

    def __init__(self):
        super().__init__([4, 3], rng=0)


@pytest.mark.parametrize(
    "twin_of", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]
)
def test_a_subclass_stays_one(twin_of):
    net = Named()
    twin = twin_of(net)
    assert type(twin) is Named
    assert_same_bits(twin.predict(X), net.predict(X))
