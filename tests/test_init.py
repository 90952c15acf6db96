"""The distributions of the initial weights."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy import stats

import mlpcore
from mlpcore import Network
from support import assert_same_bits, digest, fma_isas

N_IN, N_OUT = 250, 120  # 30 000 weights

UNIFORM_LIMIT = {
    "glorot_uniform": np.sqrt(6 / (N_IN + N_OUT)),  # Glorot & Bengio 2010
    "he_uniform": np.sqrt(6 / N_IN),  # He et al. 2015
}
NORMAL_SCALE = {
    "glorot_normal": np.sqrt(2 / (N_IN + N_OUT)),
    "he_normal": np.sqrt(2 / N_IN),
    "lecun_normal": np.sqrt(1 / N_IN),  # LeCun et al. 1998, Klambauer et al. 2017
}
NAMES = [*UNIFORM_LIMIT, *NORMAL_SCALE, "orthogonal", "zeros"]


def initial(init, dtype="float32", rng=0, activation="relu"):
    """Return the first of two layers' weights."""
    net = Network([N_IN, N_OUT, 7], activation, init=init, dtype=dtype, rng=rng)
    assert net.weights[0].shape == (N_IN, N_OUT)
    return net.weights[0]


@pytest.mark.parametrize("name", UNIFORM_LIMIT)
def test_uniform(dtype, name):
    w, limit = initial(name, dtype.name), UNIFORM_LIMIT[name]
    assert np.abs(w).max() <= limit * (1 + 1e-6)
    assert np.abs(w).max() > 0.999 * limit
    # a good sample fails this once in a thousand seeds; this seed does not
    w = w.ravel().astype(float) / limit
    assert stats.kstest(w, "uniform", (-1, 2)).pvalue > 1e-3


@pytest.mark.parametrize("name", NORMAL_SCALE)
def test_normal(dtype, name):
    w = initial(name, dtype.name).ravel().astype(float) / NORMAL_SCALE[name]
    assert abs(w.mean()) < 4 / np.sqrt(w.size)
    assert abs(w.std() - 1) < 4 / np.sqrt(2 * w.size)
    assert stats.kstest(w, "norm").pvalue > 1e-3
    assert 3.5 < np.abs(w).max() < 6


@pytest.mark.parametrize("name", [*UNIFORM_LIMIT, *NORMAL_SCALE])
def test_weights_are_independent(name):
    w = initial(name, "float64")
    w /= w.std()
    many = 4.5 / np.sqrt(w.size)
    assert abs((w[1:] * w[:-1]).mean()) < many
    assert abs((w[:, 1:] * w[:, :-1]).mean()) < many
    assert abs((w[:, 16:] * w[:, :-16]).mean()) < many
    assert np.unique(w).size == w.size
    other = initial(name, "float64", rng=1)
    assert abs((w * other).mean() / other.std()) < many


@pytest.mark.parametrize("sizes", [(30, 12), (12, 30), (20, 20), (1, 5), (5, 1)])
def test_orthogonal(dtype, sizes):
    """The shorter side's vectors are orthonormal, up to one gain (Saxe et al. 2014)."""
    net = Network(sizes, "linear", "linear", init="orthogonal", dtype=dtype.name, rng=0)
    w = net.weights[0].astype(float)
    gram = w.T @ w if sizes[0] >= sizes[1] else w @ w.T
    gain = gram[0, 0]
    assert gain > 0
    atol = 40 * np.finfo(dtype).eps * gain
    np.testing.assert_allclose(gram, gain * np.eye(min(sizes)), rtol=0, atol=atol)


def test_orthogonal_is_not_biased():
    """Over many seeds every element is as often positive as negative."""
    ws = [
        Network([4, 3], init="orthogonal", rng=seed).weights[0] for seed in range(400)
    ]
    assert np.abs(np.sign(ws).mean(axis=0)).max() < 4.5 / np.sqrt(400)
    squares = np.square(ws, dtype=float).mean(axis=0)
    assert np.ptp(squares) < 0.1 * squares.mean() * 4


def test_zeros(dtype):
    assert_array_equal(initial("zeros", dtype.name), 0)


@pytest.mark.parametrize("name", NAMES)
def test_biases_start_at_zero(name):
    net = Network([9, 8, 7], init=name, rng=0)
    for b in net.biases:
        assert_array_equal(b, 0)


@pytest.mark.parametrize(
    ("activation", "variance"),
    [
        ("tanh", 2 / (N_IN + N_OUT)),
        ("sigmoid", 2 / (N_IN + N_OUT)),
        ("relu", 2 / N_IN),
        ("leaky_relu", 2 / N_IN),
        ("selu", 1 / N_IN),
    ],
)
def test_auto_keeps_the_signal_of_each_activation(activation, variance):
    """Glorot for the odd and bounded, He for relu's kind, LeCun for selu."""
    w = initial("auto", "float64", activation=activation)
    assert abs(w.var() / variance - 1) < 0.05


@pytest.mark.parametrize("name", NAMES)
def test_same_bits_on_every_instruction_set_with_fma(dtype, name):
    digests = {}
    for isa in fma_isas():
        mlpcore.set_isa(isa)
        assert mlpcore.isa() == isa
        for n_threads in (1, 3):
            mlpcore.set_num_threads(n_threads)
            net = Network([37, 41, 5], init=name, dtype=dtype.name, rng=12345)
            digests[isa, n_threads] = digest(net.get_parameters())
    assert len(set(digests.values())) <= 1, digests


def test_seeds_beyond_32_bits():
    ws = [initial("glorot_uniform", rng=rng) for rng in (1, 1 + 2**32, 2**63)]
    assert not np.array_equal(ws[0], ws[1])
    assert not np.array_equal(ws[1], ws[2])


def test_a_layer_does_not_repeat_another():
    net = Network([40, 40, 40, 40], init="glorot_uniform", rng=0)
    w = net.weights
    assert not np.array_equal(w[0], w[1])
    assert abs(np.corrcoef(w[0].ravel(), w[1].ravel())[0, 1]) < 4.5 / 40
    assert np.intersect1d(w[0], w[1]).size < 3


def test_same_weights_whatever_the_activation_named():
    """An explicit init depends on the seed and the shape only."""
    a = initial("he_normal", activation="tanh")
    assert_same_bits(initial("he_normal", activation="gelu"), a)
