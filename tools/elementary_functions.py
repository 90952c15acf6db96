"""The functions that accuracy.py compares: references in float64, and libraries."""

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

# References, in float64.


def sigmoid(x):
    """Return 1 / (1 + e^-x) without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def softplus(x):
    """Return log(1 + e^x) without overflow."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def erf(x):
    """Return the error function."""
    import scipy.special

    return scipy.special.erf(x)


def gelu(x):
    """Return x Phi(x)."""
    import scipy.special

    return without_limit(x, lambda x: x * scipy.special.ndtr(x))


def silu(x):
    """Return x sigmoid(x)."""
    return without_limit(x, lambda x: x * sigmoid(x))


def mish(x):
    """Return x tanh(softplus(x)), in terms of e^-|x|."""

    def of_finite(x):
        e = np.exp(-np.abs(x))
        right = (1 + 2 * e) / (1 + 2 * e + 2 * e * e)
        left = e * (2 + e) / (2 + e * (2 + e))
        return x * np.where(x >= 0, right, left)

    return without_limit(x, of_finite)


def without_limit(x, function):
    """Put -0 at -inf, where x times 0 would be NaN."""
    return np.where(x == -np.inf, -0.0, function(x))


REFERENCES: dict[str, Callable[..., Any]] = {
    "exp": np.exp,
    "log": np.log,
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softplus": softplus,
    "erf": erf,
    "gelu": gelu,
    "silu": silu,
    "mish": mish,
    "expm1": np.expm1,
    "log1p": np.log1p,
}
NOT_MONOTONE = {"gelu", "silu", "mish"}
HELD_ABSOLUTELY = {"gelu", "mish"}


# Libraries.


@dataclass
class Library:
    """A library's functions, and its way from and to NumPy."""

    version: str
    functions: dict[str, Callable[..., Any]]
    from_numpy: Callable[..., Any] = lambda x: x
    to_numpy: Callable[..., Any] = lambda y: y


def load_mlpcore():
    """Return what mlpcore.ops has of the functions."""
    import mlpcore

    mlpcore.set_num_threads(1)
    functions = {
        name: getattr(mlpcore.ops, name)
        for name in REFERENCES
        if hasattr(mlpcore.ops, name)
    }
    return Library(f"{mlpcore.__version__} ({mlpcore.isa()})", functions)


def load_numpy():
    """Return NumPy's functions, and the formulas usually written with them."""
    functions = {
        "exp": np.exp,
        "log": np.log,
        "tanh": np.tanh,
        "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
        "softplus": lambda x: np.logaddexp(np.float32(0), x),
        "silu": lambda x: x / (1 + np.exp(-x)),
        "mish": lambda x: x * np.tanh(np.logaddexp(np.float32(0), x)),
        "expm1": np.expm1,
        "log1p": np.log1p,
    }
    return Library(np.__version__, functions)


def load_scipy():
    """Return the functions of scipy.special, gelu by its normal distribution."""
    import scipy
    import scipy.special as special

    functions = {
        "sigmoid": special.expit,
        "erf": special.erf,
        "gelu": lambda x: x * special.ndtr(x),
        "silu": lambda x: x * special.expit(x),
        "expm1": special.expm1,
        "log1p": special.log1p,
    }
    return Library(scipy.__version__, functions)


def load_torch():
    """Return PyTorch's functions, on one thread."""
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    of_torch = "exp", "log", "tanh", "sigmoid", "erf", "expm1", "log1p"
    of_networks = "softplus", "gelu", "silu", "mish"
    functions = {name: getattr(torch, name) for name in of_torch}
    functions |= {name: getattr(torch.nn.functional, name) for name in of_networks}
    return Library(
        torch.__version__, functions, torch.from_numpy, lambda tensor: tensor.numpy()
    )


LOADERS = {
    "mlpcore": load_mlpcore,
    "numpy": load_numpy,
    "scipy": load_scipy,
    "torch": load_torch,
}


@functools.cache
def load(name):
    """Return a library, or None if it is not installed."""
    try:
        return LOADERS[name]()
    except ModuleNotFoundError:
        return None
