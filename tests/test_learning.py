"""Something is learned: real data sets, every optimizer, every kind of output."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from mlpcore import Network, Trainer, optim
from support import blobs


def split(X, y, seed=0):
    """Return a shuffled three quarters to train with and the rest to test with."""
    order = np.random.default_rng(seed).permutation(len(X))
    cut = len(X) * 3 // 4
    train, test = order[:cut], order[cut:]
    return (X[train], y[train]), (X[test], y[test])


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "rmsprop"])
def test_digits(optimizer):
    X, y = load_digits(return_X_y=True)
    train, test = split(X / 16, y)
    net = Network([64, 64, 10], dropout=0.1, rng=0)
    if optimizer == "sgd":
        optimizer = optim.SGD(0.1, momentum=0.9)
    history = net.fit(*train, epochs=25, optimizer=optimizer, rng=0).history
    assert net.evaluate(*test)["accuracy"] > 0.95
    assert history["loss"][-1] < 0.2 * history["loss"][0]
    assert history["accuracy"][-1] > 0.95


def test_breast_cancer_with_one_sigmoid():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    train, test = split(X, y)
    net = Network([30, 16, 1], "tanh", "sigmoid", rng=0)
    net.fit(*train, epochs=30, l2=1e-3, rng=0)
    assert net.evaluate(*test)["accuracy"] > 0.94


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", ("huber", 0.5)])
def test_diabetes(loss):
    X, y = load_diabetes(return_X_y=True)
    X, y = X / X.std(axis=0), (y - y.mean()) / y.std()
    train, test = split(X, y)
    net = Network([10, 20, 1], "silu", "identity", loss=loss, rng=0)
    net.fit(*train, epochs=40, optimizer=optim.Adam(0.003), l2=0.01, rng=0)
    assert net.evaluate(*test)["r2"] > 0.35


def test_quantile():
    """The network learns to lie above nine tenths of the targets."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (4000, 1))
    y = X[:, 0] + rng.exponential(size=4000) * (1 + X[:, 0])
    net = Network([1, 16, 1], "tanh", "identity", loss=("quantile", 0.9), rng=0)
    net.fit(X, y, epochs=30, optimizer=optim.Adam(0.01), rng=0)
    assert 0.87 < np.mean(y < net.predict(X)[:, 0]) < 0.93


def test_poisson():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (3000, 2))
    rate = 3 + 2 * X[:, 0]
    net = Network([2, 16, 1], "tanh", "softplus", loss="poisson", rng=0)
    net.fit(X, rng.poisson(rate), epochs=20, optimizer=optim.Adam(0.01), rng=0)
    assert np.corrcoef(net.predict(X)[:, 0], rate)[0, 1] > 0.98


def test_xor(dtype):
    X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    net = Network([2, 8, 1], "tanh", "sigmoid", dtype=dtype.name, rng=0)
    net.fit(X, y, epochs=300, batch_size=4, optimizer=optim.Adam(0.05), rng=0)
    assert_array_equal(net.classify(X), y)


def test_lbfgs_goes_to_the_bottom():
    X, y = blobs(60, dtype=np.float64)
    net = Network([5, 12, 3], "tanh", dtype="float64", rng=0)
    start = net.loss(X, y)
    net.fit(X, y, optimizer=optim.LBFGS(max_iter=500, tol=1e-8))
    assert net.loss(X, y) < 1e-5 * start


def test_lbfgs_with_l2_finds_a_stationary_point():
    X, y = blobs(60, dtype=np.float64)
    net = Network([5, 3], dtype="float64", rng=0)
    net.fit(X, y, optimizer=optim.LBFGS(max_iter=500, tol=1e-9), l2=0.01)
    trainer = Trainer(net, optim.SGD(1.0), l2=0.01)
    before = net.get_parameters()
    trainer.step(X, y)
    assert np.abs(net.get_parameters() - before).max() < 1e-6
