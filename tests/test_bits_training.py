"""Training: the same bits again, whatever the threads and the instruction set."""

import numpy as np
import pytest

import mlpcore
from mlpcore import Network, Trainer, optim, schedules
from support import assert_same_bits, blobs, digest, fma_isas, needs_scipy

THREADS = [1, 2, 3, 8]
OPTIMIZERS = [
    optim.SGD(0.05),
    optim.SGD(0.05, momentum=0.9),
    optim.SGD(schedules.Cosine(0.05, warmup_steps=3), momentum=0.9, nesterov=True),
    optim.Adam(),
    optim.AdamW(0.003, weight_decay=0.1),
    optim.RMSprop(),
    optim.LBFGS(max_iter=5),
]


def each(optimizers):
    """Parametrise a test by optimizers."""
    cases = [
        pytest.param(
            optimizer,
            id=f"{type(optimizer).__name__}{i}",
            marks=needs_scipy if isinstance(optimizer, optim.LBFGS) else (),
        )
        for i, optimizer in enumerate(optimizers)
    ]
    return pytest.mark.parametrize("optimizer", cases)


def train(optimizer="adam", *, seed=1, dtype="float32", dropout=0.25, **options):
    """Return the digest of a network's parameters and losses after a training."""
    X, labels = blobs(600, n_in=11, n_classes=5)
    if isinstance(optimizer, optim.LBFGS):
        dropout = 0.0
    net = Network(
        [11, 70, 33, 5], ["gelu", "relu"], dropout=dropout, dtype=dtype, rng=seed
    )
    options = {"epochs": 2, "batch_size": 64, "l2": 1e-4, "rng": seed} | options
    history = net.fit(X, labels, optimizer=optimizer, **options).history
    assert np.isfinite(net.get_parameters()).all()
    figures = [history[name] for name in ("loss", "accuracy") if name in history]
    return digest(net.get_parameters(), *figures)


@each(OPTIMIZERS)
def test_threads_and_instruction_sets(dtype, optimizer):
    digests = {}
    for isa in fma_isas():
        mlpcore.set_isa(isa)
        assert mlpcore.isa() == isa
        for n_threads in THREADS:
            mlpcore.set_num_threads(n_threads)
            digests[isa, n_threads] = train(optimizer, dtype=dtype.name)
    assert len(set(digests.values())) <= 1, digests


@pytest.mark.parametrize("sizes", [[16, 16, 16, 2], [20, 200, 200, 5]])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh"])
def test_gradients_that_are_next_to_nothing(activation, sizes):
    """Which rows a full tile takes decides nothing about what is dropped."""
    X, labels = blobs(500, n_in=sizes[0], n_classes=sizes[-1])
    digests = {}
    for isa in fma_isas():
        mlpcore.set_isa(isa)
        for n_threads in (1, 2, 3):
            mlpcore.set_num_threads(n_threads)
            net = Network(sizes, activation, "identity", rng=0)
            weights = net.weights
            weights[-1] = weights[-1] * 1e-16
            net.set_weights(weights, net.biases)
            Trainer(net, optim.SGD(1e15)).step(X, np.eye(sizes[-1])[labels])
            digests[isa, n_threads] = digest(*net.weights)
    assert len(set(digests.values())) <= 1, digests


@pytest.mark.parametrize("batch_size", [1, 7, 256, 257, 600])
def test_batch_sizes(batch_size):
    """Below, at and above the chunk of 256 rows."""
    digests = {}
    for isa in fma_isas():
        mlpcore.set_isa(isa)
        for n_threads in (1, 3):
            mlpcore.set_num_threads(n_threads)
            digests[isa, n_threads] = train(batch_size=batch_size, epochs=1)
    assert len(set(digests.values())) <= 1, digests


def test_baseline_gives_its_own_bits_again(isa):
    digests = set()
    for n_threads in THREADS:
        mlpcore.set_num_threads(n_threads)
        digests.add(train())
    assert len(digests) == 1


@each(OPTIMIZERS)
def test_the_same_seeds_give_the_same_bits(optimizer):
    assert train(optimizer) == train(optimizer)


def test_the_seeds_matter():
    X, labels = blobs()

    def parameters(rng):
        net = Network([5, 30, 3], rng=0)
        net.fit(X, labels, epochs=1, rng=rng)
        return net.get_parameters()

    assert_same_bits(parameters(1), parameters(1))
    assert not np.array_equal(parameters(1), parameters(2))
    generators = [np.random.default_rng(3) for _ in range(2)]
    assert_same_bits(parameters(generators[0]), parameters(generators[1]))


def test_without_a_seed_training_continues_from_the_network_s():
    """One seed, the network's, is enough; and no two trainings are alike."""
    X, labels = blobs()

    def twice(rng):
        net = Network([5, 30, 3], init="zeros", rng=rng)
        results = []
        for _ in range(2):
            net.set_parameters(np.linspace(-1, 1, net.n_parameters))
            net.fit(X, labels, epochs=1)
            results.append(net.get_parameters())
        return results

    first, second = twice(0), twice(0)
    assert_same_bits(first[0], second[0])
    assert_same_bits(first[1], second[1])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], twice(1)[0])
    assert not np.array_equal(twice(None)[0], twice(None)[0])


def test_no_generator_is_needed_without_shuffle_and_dropout():
    X, labels = blobs()
    digests = set()
    for rng in (None, 1, 2):
        net = Network([5, 30, 3], rng=0)
        net.fit(X, labels, epochs=2, shuffle=False, rng=rng)
        digests.add(digest(net.get_parameters()))
    assert len(digests) == 1


def test_what_is_watched_does_not_change_what_is_learned(capsys):
    """Validation data, callbacks and progress bars take no random number."""
    X, labels = blobs(300)
    plain = Network([5, 30, 3], dropout=0.2, rng=0)
    plain.fit(X, labels, epochs=3, rng=1)
    watched = Network([5, 30, 3], dropout=0.2, rng=0)
    watched.fit(
        X,
        labels,
        epochs=3,
        rng=1,
        verbose=1,
        validation_data=blobs(50, seed=9),
        callbacks=[mlpcore.callbacks.LambdaCallback(lambda epoch, logs: None)],
    )
    assert_same_bits(watched.get_parameters(), plain.get_parameters())


def test_a_step_is_a_batch_of_fit():
    X, labels = blobs(100)
    by_fit, by_step = [Network([5, 30, 3], rng=0) for _ in range(2)]
    Trainer(by_fit, "adam").fit(X, labels, epochs=2, batch_size=32, shuffle=False)
    trainer = Trainer(by_step, "adam")
    for _ in range(2):
        for start in range(0, 100, 32):
            trainer.step(X[start : start + 32], labels[start : start + 32])
    assert_same_bits(by_step.get_parameters(), by_fit.get_parameters())


def test_fit_twice_is_fit_once():
    """A Trainer continues: moments, generator and counts are its own."""
    X, labels = blobs(100)

    def trainer():
        net = Network([5, 30, 3], dropout=0.2, rng=0)
        return Trainer(net, optim.Adam(0.01), l2=1e-3, rng=7)

    once, twice = trainer(), trainer()
    history = once.fit(X, labels, epochs=5, batch_size=16).history
    first = twice.fit(X, labels, epochs=2, batch_size=16).history
    second = twice.fit(X, labels, epochs=3, batch_size=16).history
    assert_same_bits(twice.network.get_parameters(), once.network.get_parameters())
    assert first["loss"] + second["loss"] == history["loss"]


def test_network_fit_is_a_trainer():
    X, labels = blobs(100)
    by_fit, by_trainer = [Network([5, 30, 3], dropout=0.2, rng=0) for _ in range(2)]
    by_fit.fit(X, labels, epochs=3, batch_size=16, optimizer="rmsprop", l2=0.1, rng=5)
    trainer = Trainer(by_trainer, optimizer="rmsprop", l2=0.1, rng=5)
    assert trainer.network is by_trainer
    trainer.fit(X, labels, epochs=3, batch_size=16)
    assert_same_bits(by_trainer.get_parameters(), by_fit.get_parameters())


def test_labels_and_one_hot_targets_train_alike():
    X, labels = blobs(100)
    nets = [Network([5, 30, 3], dropout=0.2, rng=0) for _ in range(2)]
    for net, y in zip(nets, (labels, np.eye(3)[labels]), strict=True):
        net.fit(X, y, epochs=3, batch_size=16, rng=5)
    assert_same_bits(nets[1].get_parameters(), nets[0].get_parameters())
