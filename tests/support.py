"""What several test files share: comparisons, names, and random problems."""

import hashlib
import importlib.util
import itertools
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

import mlpcore
from mlpcore.reference import ReferenceNetwork

# The tests of a wheel (wheel.txt) run where there is none.
needs_scipy = pytest.mark.skipif(
    importlib.util.find_spec("scipy") is None, reason="L-BFGS needs SciPy"
)

SMOOTH = ["identity", "sigmoid", "tanh", "gelu", "silu", "mish", "softplus"]
KINKED = ["relu", "leaky_relu", "elu", "selu"]
ACTIVATIONS = SMOOTH + KINKED
ALIASES = {"linear": "identity", "logistic": "sigmoid", "swish": "silu"}

LOSSES_OVER_OUTPUTS = [
    "squared_error",
    "euclidean",
    "absolute_error",
    ("huber", 0.7),
    ("quantile", 0.8),
]
PAIRS = [
    ("softmax", "log_loss"),
    ("sigmoid", "log_loss"),
    ("softplus", "poisson"),
    ("sigmoid", "poisson"),
    ("exp", "poisson"),
    *[(output, loss) for output in ACTIVATIONS for loss in LOSSES_OVER_OUTPUTS],
]
SMOOTH_PAIRS = [(output, loss) for output, loss in PAIRS if output not in KINKED]


def fma_isas():
    """Return the instruction sets that promise each other's bits."""
    return [name for name in mlpcore.supported_isas() if name != "baseline"]


def unit_roundoff(dtype):
    """Return u: 2^-24 in float32, 2^-53 in float64."""
    return float(np.finfo(dtype).eps) / 2


def assert_same_bits(got, wanted, what="array"):
    """Compare two arrays for equality of type, shape and every bit."""
    got, wanted = np.asarray(got), np.asarray(wanted)
    assert got.dtype == wanted.dtype, f"{what}: {got.dtype}, not {wanted.dtype}"
    assert got.shape == wanted.shape, f"{what}: {got.shape}, not {wanted.shape}"
    if got.tobytes() != wanted.tobytes():
        unsigned = np.dtype(f"u{got.dtype.itemsize}")
        a = np.ascontiguousarray(got).view(unsigned).ravel()
        b = np.ascontiguousarray(wanted).view(unsigned).ravel()
        where = np.flatnonzero(a != b)
        first = got.ravel()[where[0]], wanted.ravel()[where[0]]
        raise AssertionError(
            f"{what}: {where.size} of {got.size} elements differ, "
            f"first at {where[0]}: {first[0]!r}, not {first[1]!r}"
        )


def digest(*arrays):
    """Return a hash of the bits of arrays and floats."""
    sha = hashlib.sha256()
    for array in arrays:
        sha.update(np.ascontiguousarray(array).tobytes())
    return sha.hexdigest()


def ulp_error(got, exact):
    """Return |got - exact| in units of the last place of exact, in got's type.

    `exact` is wider than `got`, so that its own rounding does not count. Where the two
    agree, infinities and NaN included, the error is 0.
    """
    got, exact = np.asarray(got), np.asarray(exact)
    finfo = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        nearest = exact.astype(got.dtype)
        equal = (got == nearest) | (np.isnan(got) & np.isnan(nearest))
        _, exponent = np.frexp(exact)
        exponent = np.maximum(exponent - 1, finfo.minexp) - finfo.nmant
        ulp = np.ldexp(np.ones_like(exact), exponent)
        error = np.abs(got.astype(exact.dtype) - exact) / ulp
    # A finite result next to an infinity, or a NaN for a number, is no rounding error.
    return np.where(equal, 0, np.where(np.isnan(error), np.inf, error)).astype(float)


def run_python(script, *args, env=None, timeout=60, check=True):
    """Run a script in a new interpreter and return the completed process."""
    result = subprocess.run(
        [sys.executable, "-c", script, *args],
        env=env,
        timeout=timeout,
        capture_output=True,
        text=True,
    )
    if check:
        assert result.returncode == 0, result.stderr
    return result


def targets_for(output, loss, rng, shape):
    """Return targets which this output and this loss allow, away from every kink."""
    if output == "softmax":
        return rng.dirichlet(np.ones(shape[1]), size=shape[0])
    if loss == "log_loss":
        return rng.uniform(size=shape)
    if loss == "poisson":
        return rng.poisson(1.5, shape).astype(float)
    return rng.normal(size=shape)


@dataclass
class Problem:
    """A network, its twin in the reference, and data for both."""

    net: mlpcore.Network
    ref: ReferenceNetwork
    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None = None


def make_twins(sizes, activation, output, loss, dtype=np.float64, rng=None, **options):
    """Return a Network with random parameters, and a ReferenceNetwork with the same."""
    rng = np.random.default_rng(rng)
    net = mlpcore.Network(
        sizes,
        activation,
        output,
        loss=loss,
        dtype=np.dtype(dtype).name,
        rng=0,
        **options,
    )
    ref = ReferenceNetwork(sizes, activation, output, loss=loss)
    pieces = []
    for n_in, n_out in itertools.pairwise(sizes):
        pieces += [rng.normal(size=n_in * n_out) / np.sqrt(n_in)]
        pieces += [rng.normal(size=n_out) * 0.3]
    net.set_parameters(np.concatenate(pieces).astype(dtype))
    ref.set_parameters(net.get_parameters())
    return net, ref


def make_problem(
    sizes, activation, output, loss, dtype=np.float64, seed=0, rows=12, weighted=False
):
    """Return a Problem whose numbers are all of type dtype."""
    rng = np.random.default_rng(seed)
    net, ref = make_twins(sizes, activation, output, loss, dtype, rng)
    X = rng.normal(size=(rows, sizes[0])).astype(dtype)
    y = targets_for(output, loss, rng, (rows, sizes[-1]))
    if output != "softmax":  # a softmax's rows must sum to 1, however they are rounded
        y = y.astype(dtype)
    sample_weight = rng.uniform(0.2, 3, rows).astype(dtype) if weighted else None
    return Problem(net, ref, X, y, sample_weight)


def random_problem(rng, dtype=np.float64, activations=ACTIVATIONS, pairs=PAIRS):
    """Return a Problem of random depth, widths, functions and data."""
    depth = int(rng.integers(0, 4))
    sizes = [int(size) for size in rng.integers(1, 9, depth + 2)]
    output, loss = pairs[rng.integers(len(pairs))]
    if output == "softmax":
        sizes[-1] = max(sizes[-1], 2)
    names = [str(name) for name in rng.choice(activations, depth)]
    return make_problem(
        sizes,
        names,
        output,
        loss,
        dtype,
        seed=int(rng.integers(1 << 30)),
        rows=int(rng.integers(1, 20)),
        weighted=bool(rng.integers(2)),
    )


STEP = 1e-30  # the complex step subtracts nothing, so it may be this small


def complex_step(problem, **options):
    """Return the derivative of the reference's loss by each parameter."""
    p = problem.ref.get_parameters()
    derivative = np.empty_like(p)
    for index in range(p.size):
        problem.ref.set_parameters(p + 1j * STEP * (np.arange(p.size) == index))
        loss = problem.ref.loss(problem.X, problem.y, problem.sample_weight, **options)
        derivative[index] = loss.imag / STEP
    problem.ref.set_parameters(p)
    return derivative


def blobs(n=200, n_in=5, n_classes=3, seed=0, dtype=np.float32):
    """Return rows round n_classes centres, and their classes."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(n_classes, n_in)) * 2
    labels = rng.integers(n_classes, size=n)
    X = centres[labels] + rng.normal(size=(n, n_in))
    return X.astype(dtype), labels
