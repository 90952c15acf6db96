"""Initial weights.

All are functions of (seed, layer, element) alone: the generator is Philox, addressed by
index, and what follows uses only operations that IEEE 754 rounds in one way.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from . import _core
from ._elementwise import map_function

FloatArray = NDArray[np.float64]

INITIALIZERS = (
    "glorot_uniform",
    "glorot_normal",
    "he_uniform",
    "he_normal",
    "lecun_normal",
    "orthogonal",
    "zeros",
)

# What "auto" picks. He et al. 2015 for the rectifiers and their smooth relatives,
# Klambauer et al. 2017 for selu, Glorot & Bengio 2010 for the rest.
_AUTO = {
    "relu": "he_uniform",
    "leaky_relu": "he_uniform",
    "elu": "he_uniform",
    "gelu": "he_uniform",
    "silu": "he_uniform",
    "mish": "he_uniform",
    "softplus": "he_uniform",
    "selu": "lecun_normal",
}


def initial_weights(
    init: str, activation: str, n_in: int, n_out: int, seed: int, layer: int
) -> FloatArray:
    """Draw one layer's weights.

    Parameters
    ----------
    init : str
        One of `INITIALIZERS`, or ``"auto"``, which picks by the activation.
    activation : str
        The layer's.
    n_in, n_out : int
        The layer's widths.
    seed : int
        The network's seed.
    layer : int
        The layer's number, counted from 0: each has a stream of its own.

    Returns
    -------
    ndarray of float64, shape (n_in, n_out)
        The weights.
    """
    if init == "auto":
        init = _AUTO.get(activation, "glorot_uniform")

    def uniform01() -> FloatArray:
        stream = _core.init_stream(layer)
        return _core.uniform(n_in * n_out, seed, stream).reshape(n_in, n_out)

    def uniform(limit: float) -> FloatArray:
        return (2.0 * uniform01() - 1.0) * limit

    def normal(deviation: float) -> FloatArray:
        # Half a step up: 0 itself has no quantile.
        return normal_quantile(uniform01() + 2.0**-54) * deviation

    def orthogonal() -> FloatArray:
        # Saxe et al. 2014: the Q of a normal matrix.
        a = normal(1.0)
        tall = np.ascontiguousarray(a if n_in >= n_out else a.T)
        _core.orthonormalize(tall)
        return tall if n_in >= n_out else np.ascontiguousarray(tall.T)

    draw: dict[str, Callable[[], FloatArray]] = {
        "glorot_uniform": lambda: uniform(math.sqrt(6 / (n_in + n_out))),
        "glorot_normal": lambda: normal(math.sqrt(2 / (n_in + n_out))),
        "he_uniform": lambda: uniform(math.sqrt(6 / n_in)),
        "he_normal": lambda: normal(math.sqrt(2 / n_in)),
        "lecun_normal": lambda: normal(math.sqrt(1 / n_in)),
        "orthogonal": orthogonal,
        "zeros": lambda: np.zeros((n_in, n_out)),
    }
    return draw[init]()


# Wichura 1988, algorithm AS 241 (PPND16), relative accuracy about 1e-16: numerators and
# denominators, highest power first, for |p - 1/2| <= 0.425, and for the tails in
# r = sqrt(-log(min(p, 1 - p))) below and above 5.
_CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853,
     45921.953931549871457, 13731.693765509461125, 1971.5909503065514427,
     133.14166789178437745, 3.3871328727963666080),
    (5226.4952788528545610, 28729.085735721942674, 39307.895800092710610,
     21213.794301586595867, 5394.1960214247511077, 687.18700749205790830,
     42.313330701600911252, 1.0),
)  # fmt: skip
_NEAR_TAIL = (
    (7.74545014278341407640e-4, 0.0227238449892691845833, 0.241780725177450611770,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
     4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 0.0151986665636164571966,
     0.148103976427480074590, 0.689767334985100004550, 1.67638483018380384940,
     2.05319162663775882187, 1.0),
)  # fmt: skip
_FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.00124266094738807843860,
     0.0265321895265761230930, 0.296560571828504891230, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 0.0148753612908506148525, 0.136929880922735805310,
     0.599832206555887937690, 1.0),
)  # fmt: skip


def normal_quantile(p: FloatArray) -> FloatArray:
    """Return the standard normal's quantile, where it has probability p below it.

    Parameters
    ----------
    p : ndarray of float64
        Probabilities, in (0, 1).

    Returns
    -------
    ndarray of float64, same shape
        The quantiles.
    """

    def ratio(of: FloatArray, parts: tuple[tuple[float, ...], ...]) -> FloatArray:
        top, bottom = (np.full_like(of, 0.0) for _ in range(2))
        for a, b in zip(*parts, strict=True):
            top = top * of + a
            bottom = bottom * of + b
        return top / bottom

    q = p - 0.5
    tail = np.minimum(p, 1.0 - p)
    r = np.sqrt(-map_function("log", tail))
    centre = q * ratio(0.180625 - q * q, _CENTRE)
    tails = np.where(r <= 5.0, ratio(r - 1.6, _NEAR_TAIL), ratio(r - 5.0, _FAR_TAIL))
    return np.where(np.abs(q) <= 0.425, centre, np.copysign(tails, q))
