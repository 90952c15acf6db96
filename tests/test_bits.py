"""The order of arithmetic is part of the API: only equalities of bits here."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mlpcore
from mlpcore import ops
from support import (
    ACTIVATIONS,
    SMOOTH,
    assert_same_bits,
    digest,
    fma_isas,
    make_problem,
    make_twins,
)

THREADS = [1, 2, 3, 8]
BLOCK = 256  # terms of a sum before the next partial sum begins


def round_to(x, dtype):
    """Round a Fraction to the nearest float of a type, ties to even, once."""
    if x == 0:
        return dtype.type(0)
    digits = np.finfo(dtype).nmant + 1
    exponent = x.numerator.bit_length() - x.denominator.bit_length() - digits
    while abs(x) >= Fraction(2) ** (exponent + digits):
        exponent += 1
    while abs(x) < Fraction(2) ** (exponent + digits - 1):
        exponent -= 1
    whole = round(x / Fraction(2) ** exponent)  # half to even
    return dtype.type(np.ldexp(float(whole), exponent))


def fma(a, b, c):
    """Return a b + c, rounded once."""
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    return round_to(exact, c.dtype)


def scalar_sum_of_products(a, b, start):
    """Return the sum of a_k b_k: chains of BLOCK fused terms, added in order."""
    total = None
    for first in range(0, len(a), BLOCK):
        chain = start if total is None else start.dtype.type(0)
        for a_k, b_k in zip(
            a[first : first + BLOCK], b[first : first + BLOCK], strict=True
        ):
            chain = fma(a_k, b_k, chain)
        total = chain if total is None else total + chain
    return start if total is None else total


def scalar_layer(x, w, b):
    """Return x w + b for one row x."""
    columns = zip(w.T, b, strict=True)
    return np.array([scalar_sum_of_products(x, w_j, b_j) for w_j, b_j in columns])


@pytest.fixture(params=fma_isas())
def fma_isa(request):
    mlpcore.set_isa(request.param)
    assert mlpcore.isa() == request.param
    return request.param


class TestScalarOracle:
    """The kernels against one chain of fma() for each output, written in Fractions."""

    @staticmethod
    def uneven(rng, shape, dtype):
        """Return numbers of very different sizes, whose sums depend on the order."""
        return (rng.normal(size=shape) * 10 ** rng.uniform(-3, 3, shape)).astype(dtype)

    def test_the_oracle_rounds_as_the_machine_does(self, dtype):
        rng = np.random.default_rng(0)
        a, b = self.uneven(rng, (2, 50), dtype)
        zero = dtype.type(0)
        for x, y in zip(a, b, strict=True):
            assert fma(x, y, zero) == x * y
            assert fma(x, dtype.type(1), y) == x + y
        # one rounding and two differ: (1 + u)^2 - 1 is 2 u + u^2
        u = np.finfo(dtype).eps
        assert fma(1 + u, 1 + u, -dtype.type(1)) == 2 * u + u * u
        assert (1 + u) * (1 + u) - 1 == 2 * u

    @pytest.mark.parametrize("k", [1, 2, 255, 256, 257, 600])
    def test_dense(self, fma_isa, dtype, k):
        rng = np.random.default_rng(k)
        x, w = self.uneven(rng, (2, k), dtype), self.uneven(rng, (k, 3), dtype)
        b = self.uneven(rng, 3, dtype)
        wanted = [
            [scalar_sum_of_products(x[i], w[:, j], b[j]) for j in range(3)]
            for i in range(2)
        ]
        assert_same_bits(ops.dense(x, w, b), np.array(wanted, dtype))

    @pytest.mark.parametrize("rows", [1, 3, 255, 256, 257, 520])
    def test_gradient_of_the_weights(self, fma_isa, dtype, rows):
        """The terms are the batch's rows."""
        rng = np.random.default_rng(rows)
        x, dy = self.uneven(rng, (rows, 2), dtype), self.uneven(rng, (rows, 3), dtype)
        w = self.uneven(rng, (2, 3), dtype)
        _, dw, _ = ops.dense_backward(dy, x, w, ops.dense(x, w), "identity")
        zero = dtype.type(0)
        wanted = [
            [scalar_sum_of_products(x[:, i], dy[:, j], zero) for j in range(3)]
            for i in range(2)
        ]
        assert_same_bits(dw, np.array(wanted, dtype))

    @pytest.mark.parametrize("n_out", [1, 7, 257, 520])
    def test_gradient_of_the_input(self, fma_isa, dtype, n_out):
        rng = np.random.default_rng(n_out)
        x, w = self.uneven(rng, (2, 3), dtype), self.uneven(rng, (3, n_out), dtype)
        dy = self.uneven(rng, (2, n_out), dtype)
        dx, _, _ = ops.dense_backward(dy, x, w, ops.dense(x, w), "identity")
        zero = dtype.type(0)
        wanted = [
            [scalar_sum_of_products(dy[i], w[j], zero) for j in range(3)]
            for i in range(2)
        ]
        assert_same_bits(dx, np.array(wanted, dtype))

    def test_network(self, fma_isa, dtype):
        """A prediction is the same sums, one layer after the other."""
        net, _ = make_twins(
            [300, 5, 2], "relu", "identity", "squared_error", dtype, rng=0
        )
        X = np.random.default_rng(1).normal(size=(2, 300)).astype(dtype)
        for row, got in zip(X, net.predict(X), strict=True):
            y = np.maximum(scalar_layer(row, net.weights[0], net.biases[0]), 0)
            assert_same_bits(got, scalar_layer(y, net.weights[1], net.biases[1]))


NETWORKS = [
    ([1, 1], [], "sigmoid"),
    ([5, 3], [], "softmax"),
    ([7, 17, 9, 10], "relu", "softmax"),
    ([300, 33, 5], "gelu", "identity"),
    ([13, 48, 16, 1], "tanh", "sigmoid"),
    ([8, 270, 3], "mish", "softplus"),
]


class TestPredictionByRow:
    @pytest.mark.parametrize(("sizes", "activation", "output"), NETWORKS)
    def test_any_batch_size_and_position(self, isa, dtype, sizes, activation, output):
        """On baseline too: within an instruction set the order is fixed."""
        net, _ = make_twins(sizes, activation, output, "auto", dtype, rng=0)
        X = np.random.default_rng(1).normal(size=(601, sizes[0])).astype(dtype)
        whole = net.predict(X)
        for i in [*range(30), *range(250, 262), 600]:
            assert_same_bits(net.predict(X[i : i + 1])[0], whole[i], f"row {i}")
        for size in [*range(1, 34), 47, 48, 49, 255, 256, 257, 512]:
            for start in (0, 1, 601 - size):
                part = slice(start, start + size)
                assert_same_bits(net.predict(X[part]), whole[part], f"rows {part}")
        order = np.random.default_rng(2).permutation(601)
        assert_same_bits(net.predict(X[order]), whole[order], "permuted rows")

    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_every_activation(self, isa, dtype, activation):
        net, _ = make_twins([6, 37, 5], activation, activation, "squared_error", dtype)
        X = np.random.default_rng(1).normal(size=(40, 6)).astype(dtype) * 3
        whole = net.predict(X)
        for i in range(40):
            assert_same_bits(net.predict(X[i : i + 1])[0], whole[i])
        assert_same_bits(net.forward(X).y[-1], whole)

    @settings(max_examples=40)
    @given(st.integers(0, 2**32))
    def test_random_networks(self, seed):
        rng = np.random.default_rng(seed)
        sizes = [int(s) for s in rng.integers(1, 80, rng.integers(2, 5))]
        names = [str(name) for name in rng.choice(SMOOTH, len(sizes) - 2)]
        net, _ = make_twins(sizes, names, "softmax", "auto", np.float32, rng)
        n = int(rng.integers(2, 400))
        X = rng.normal(size=(n, sizes[0])).astype(np.float32)
        whole = net.predict(X)
        start, stop = sorted(int(i) for i in rng.integers(0, n + 1, 2))
        assert_same_bits(net.predict(X[start:stop]), whole[start:stop])


class TestThreadsAndInstructionSets:
    @pytest.mark.parametrize(("sizes", "activation", "output"), NETWORKS)
    def test_predict(self, dtype, sizes, activation, output):
        net, _ = make_twins(sizes, activation, output, "auto", dtype, rng=0)
        X = np.random.default_rng(1).normal(size=(3001, sizes[0])).astype(dtype)
        digests = {}
        for isa in fma_isas():
            mlpcore.set_isa(isa)
            assert mlpcore.isa() == isa
            for n_threads in THREADS:
                mlpcore.set_num_threads(n_threads)
                digests[isa, n_threads] = digest(net.predict(X))
        assert len(set(digests.values())) <= 1, digests

    def test_few_rows_through_wide_layers(self, dtype):
        """Here threads share out the columns."""
        net, _ = make_twins([600, 2100, 1030, 10], "silu", "softmax", "auto", dtype)
        X = np.random.default_rng(1).normal(size=(3, 600)).astype(dtype)
        digests = set()
        for isa in fma_isas():
            mlpcore.set_isa(isa)
            for n_threads in THREADS:
                mlpcore.set_num_threads(n_threads)
                digests.add(digest(net.predict(X)))
                digests.add(digest(*[net.predict(X[i : i + 1]) for i in range(3)]))
        assert len(digests) <= 1

    def test_baseline_does_not_depend_on_threads(self, isa, dtype):
        net, _ = make_twins([20, 100, 5], "gelu", "softmax", "auto", dtype)
        X = np.random.default_rng(1).normal(size=(3001, 20)).astype(dtype)
        digests = set()
        for n_threads in THREADS:
            mlpcore.set_num_threads(n_threads)
            digests.add(digest(net.predict(X)))
        assert len(digests) == 1

    @pytest.mark.parametrize("loss", ["log_loss", "euclidean", "huber", "poisson"])
    def test_loss_and_gradient(self, dtype, loss):
        output = {"log_loss": "softmax", "poisson": "softplus"}.get(loss, "identity")
        loss = (loss, 0.5) if loss == "huber" else loss
        problem = make_problem(
            [9, 50, 7], "elu", output, loss, dtype, rows=1500, weighted=True
        )
        digests = set()
        for isa in fma_isas():
            mlpcore.set_isa(isa)
            for n_threads in THREADS:
                mlpcore.set_num_threads(n_threads)
                value, gradient = problem.net.loss_and_gradient(
                    problem.X, problem.y, problem.sample_weight
                )
                digests.add(digest(np.float64(value), gradient))
        assert len(digests) <= 1

    def test_evaluate(self):
        problem = make_problem([9, 50, 7], "elu", "softmax", "auto", rows=3000)
        results = set()
        for isa in fma_isas():
            mlpcore.set_isa(isa)
            for n_threads in THREADS:
                mlpcore.set_num_threads(n_threads)
                figures = problem.net.evaluate(problem.X, problem.y)
                results.add(tuple(sorted(figures.items())))
        assert len(results) <= 1
