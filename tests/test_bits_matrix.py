"""Twenty networks, one SHA-256 each, whatever the machine does.

What is compared: threads, instruction sets, repeats, batch sizes from 1 to 257, and the
positions of a row in a batch and of a batch in memory. The instruction sets with fused
multiply-add promise each other's bits; baseline promises its own.
"""

import functools
import json
import os
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import mlpcore
from bits_networks import CASES, N_ROWS
from mlpcore import optim, schedules
from mlpcore._architecture import ACTIVATIONS, LOSSES
from mlpcore._initializers import INITIALIZERS
from support import assert_same_bits, digest, fma_isas, run_python

THREADS = [1, 2, 3, 4, 8]
BATCH_SIZES = range(1, 258)
REPEATS = 2

PROMISES = {"baseline": ["baseline"]}
if fma_isas():
    PROMISES["fma"] = fma_isas()

networks = pytest.mark.parametrize("name", CASES)


def firsts(size):
    """Return sizes of a first batch, which put all other rows at other positions."""
    return sorted({size, max(size // 3, 1), max(size - 1, 1)})


def batches(first, size):
    """Return where the batches begin and end, all but two of them of one size."""
    return pairwise([0, *range(first, N_ROWS, size), N_ROWS])


@pytest.fixture(params=PROMISES)
def isas(request):
    """Instruction sets that promise each other's bits; the first is active."""
    mlpcore.set_isa(PROMISES[request.param][0])
    mlpcore.set_num_threads(1)
    return PROMISES[request.param]


def machines(isas):
    """Activate each instruction set with each number of threads, and name them."""
    for isa in isas:
        mlpcore.set_isa(isa)
        assert mlpcore.isa() == isa
        for n_threads in THREADS:
            mlpcore.set_num_threads(n_threads)
            assert mlpcore.get_num_threads() == n_threads
            yield isa, n_threads


def assert_one(digests, n):
    """Fail unless there are n digests, all alike; name those that are not."""
    assert len(digests) == n
    usual, count = Counter(digests.values()).most_common(1)[0]
    others = [key for key, value in digests.items() if value != usual]
    assert count == n, f"{len(others)} of {n} differ from most, first {others[:5]}"


def multiply_adds(case):
    return sum(n_in * n_out for n_in, n_out in pairwise(case.sizes))


@functools.cache
def trained(name, isa):
    """Return a network whose weights and biases are the result of a training."""
    mlpcore.set_isa(isa)
    mlpcore.set_num_threads(1)
    return CASES[name].train()[0]


def misaligned(X):
    """Return a copy of X that begins one element past a cache line."""
    buffer = np.empty(X.size + 64, X.dtype)
    to_line = -buffer.ctypes.data % 64 // X.itemsize
    copy = buffer[to_line + 1 :][: X.size].reshape(X.shape)
    copy[...] = X
    assert copy.ctypes.data % 64 == X.itemsize
    return copy


class TestTheTable:
    """That the twenty are what they are said to be."""

    def test_has_everything(self):
        cases = list(CASES.values())
        assert len(cases) == 20
        nets = [case.network() for case in cases]
        hidden = {name for net in nets for name in net.activations[:-1]}
        assert hidden == set(ACTIVATIONS)
        assert {net.activations[-1] for net in nets} == {*ACTIVATIONS, "softmax"}
        assert {net.loss_name for net in nets} == set(LOSSES)
        assert {net.dtype.name for net in nets} == {"float32", "float64"}
        assert {len(net.layer_sizes) - 2 for net in nets} == set(range(6))
        assert {case.init for case in cases} == {*INITIALIZERS, "auto"} - {
            "he_uniform",  # what "auto" picks for a relu
            "glorot_uniform",  # and for the rest
            "zeros",
        }
        options = {key for case in cases for key in case.fit}
        assert options >= {"l2", "clip_norm", "label_smoothing", "class_weight"}
        assert any(case.weighted for case in cases)
        assert any(any(net.dropout) for net in nets)

    def test_has_every_optimizer_and_schedule(self):
        optimizers = [case.optimizer for case in CASES.values()]
        kinds = {type(optimizer).__name__ for optimizer in optimizers}
        assert kinds == set(optim.__all__) - {"Optimizer", "get"}
        sgd = [o for o in optimizers if isinstance(o, optim.SGD)]
        variants = {(bool(o.momentum), o.nesterov) for o in sgd}
        assert variants == {(False, False), (True, False), (True, True)}
        rates = [getattr(o, "learning_rate", 0.0) for o in optimizers]
        kinds = {type(rate).__name__ for rate in rates if callable(rate)}
        ours = {
            name
            for name in schedules.__all__
            if isinstance(getattr(schedules, name), type)
        }
        assert kinds == ours - {"Schedule"} | {"function"}

    def test_trainings_have_digests_of_their_own(self):
        digests = [case.train()[1] for case in CASES.values()]
        assert len(set(digests)) == len(digests)

    @pytest.mark.parametrize("name", ["gelu_tanh_32", "selu", "linear"])
    def test_seeds_and_options_change_the_digest(self, name):
        case = CASES[name]
        changes = [{}, {"rng": 8}, {"epochs": 2}, {"batch_size": 31}, {"l2": 0.5}]
        digests = [case.train(**change)[1] for change in changes]
        assert len(set(digests)) == len(digests)


class TestInference:
    @pytest.mark.parametrize("name", [name for name in CASES if name != "wide"])
    def test_batch_sizes_and_positions(self, isas, name):
        """All rows, in batches of every size, the first batch shortened or not."""
        net, X = trained(name, isas[0]), CASES[name].rows()
        whole = net.predict(X)
        assert np.isfinite(whole).all()
        memory = [X, misaligned(X)]
        digests = {"whole": digest(whole)}
        y = np.empty_like(whole)
        for isa, n_threads in machines(isas):
            for size in BATCH_SIZES:
                rows = memory[size % 2]
                for first in firsts(size):
                    y[...] = np.nan
                    for begin, end in batches(first, size):
                        net.predict(rows[begin:end], y[begin:end])
                    digests[isa, n_threads, size, first] = digest(y)
        n_ways = sum(len(firsts(size)) for size in BATCH_SIZES)
        assert_one(digests, len(isas) * len(THREADS) * n_ways + 1)

    def test_wide_layers(self, isas):
        """Here a team shares out the columns; it is slow, so one batch of each size."""
        sizes = BATCH_SIZES[::8] if isas == ["baseline"] else BATCH_SIZES
        net, X = trained("wide", isas[0]), CASES["wide"].rows()
        whole = net.predict(X)
        digests = {"whole": digest(whole)}
        for isa, n_threads in machines(isas):
            for size in sizes:
                begin = (N_ROWS - size) * THREADS.index(n_threads) // len(THREADS)
                y = whole.copy()
                y[begin : begin + size] = np.nan
                net.predict(X[begin : begin + size], y[begin : begin + size])
                digests[isa, n_threads, size] = digest(y)
        assert_one(digests, len(isas) * len(THREADS) * len(sizes) + 1)

    @networks
    def test_many_rows(self, isas, name):
        """So many, in any order, that the largest team is worth it."""
        case = CASES[name]
        net, X = trained(name, isas[0]), case.rows()
        n = 2_100_000 * max(THREADS) // multiply_adds(case)
        n = min(max(n, 1000), 5_000_000 // case.sizes[0])  # or as many as fit in 40 MB
        order = np.random.default_rng(0).integers(N_ROWS, size=n)
        X_many, whole = X[order], net.predict(X)
        wanted = whole[order]
        for isa, n_threads in machines(isas):
            for repeat in range(REPEATS):
                got = net.predict(X_many)
                what = f"{isa}, {n_threads} threads, repeat {repeat}"
                assert_same_bits(got, wanted, what)
                assert digest(net.predict(X)) == digest(whole)


class TestTraining:
    @networks
    def test_threads_and_instruction_sets(self, isas, name):
        digests = {
            (isa, n_threads, repeat): CASES[name].train()[1]
            for isa, n_threads in machines(isas)
            for repeat in range(REPEATS)
        }
        assert_one(digests, len(isas) * len(THREADS) * REPEATS)

    @pytest.mark.parametrize("name", ["gelu_tanh_64", "selu"])
    def test_batch_sizes(self, name):
        """Another batch size is another training, but the same on every machine."""
        isas = PROMISES.get("fma", ["baseline"])
        all_digests = {}
        for isa, n_threads in machines(isas):
            for size in BATCH_SIZES:
                _, got = CASES[name].train(batch_size=size, epochs=1)
                all_digests.setdefault(size, {})[isa, n_threads] = got
        for size, digests in all_digests.items():
            assert_one(digests, len(isas) * len(THREADS))
            all_digests[size] = digests.popitem()[1]
        assert len(set(all_digests.values())) == len(BATCH_SIZES)


SCRIPT = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import mlpcore
from bits_networks import CASES
def n_running():
    return len(os.listdir("/proc/self/task")) if sys.platform == "linux" else 0
before = n_running()
digests = {name: CASES[name].train()[1] for name in sys.argv[2:]}
print(json.dumps([
    mlpcore.isa(), mlpcore.get_num_threads(), n_running() - before, digests
]))
"""


class TestProcesses:
    NAMES = ["wide", "softmax_regression", "relu", "mish", "five_hidden_layers"]

    @pytest.mark.skipif(
        not mlpcore.build_config()["openmp"], reason="this build has no OpenMP"
    )
    def test_environment(self, isas):
        """What the variables ask for is what runs, and it changes no bit."""
        mlpcore.set_isa(isas[0])
        mlpcore.set_num_threads(1)
        digests = {"here": json.dumps({n: CASES[n].train()[1] for n in self.NAMES})}
        for isa in isas:
            for n_threads in (1, 3, 8):
                env = os.environ | {
                    "MLPCORE_ISA": isa,
                    "OMP_NUM_THREADS": str(n_threads),
                }
                here = str(Path(__file__).parent)
                out = run_python(SCRIPT, here, *self.NAMES, env=env).stdout
                *machine, more, of_all = json.loads(out)
                assert machine == [isa, n_threads]
                if sys.platform == "linux":  # a team did come together
                    assert more == n_threads - 1
                digests[isa, n_threads] = json.dumps(of_all)
        assert_one(digests, len(isas) * 3 + 1)
