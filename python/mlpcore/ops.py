"""The kernels by themselves.

Every function takes float32 or float64 (other numbers become float64), keeps the type,
and runs on the active instruction set. `mlpcore.reference` has the same functions in
plain NumPy, beside the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import _core, _elementwise
from ._architecture import ACTIVATION_ALIASES, ACTIVATIONS
from ._elementwise import map_function
from ._information import cross_entropy, entropy, kl_divergence, one_hot
from ._names import resolve
from ._targets import as_labels
from ._validation import Array, as_float_array, as_real_array, check_out

__all__ = [
    "cross_entropy",
    "dense",
    "dense_backward",
    "entropy",
    "erf",
    "exp",
    "gelu",
    "kl_divergence",
    "log",
    "log_softmax",
    "mish",
    "one_hot",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "tanh",
]


def _matrix(value: ArrayLike, name: str, dtype: np.dtype[Any] | None = None) -> Array:
    array = as_float_array(value, name, dtype)
    if array.ndim != 2:
        raise ValueError(f"{name} must be 2-D, got shape {array.shape}")
    return array


def _require_shape(array: Array, name: str, shape: tuple[int, ...]) -> Array:
    if array.shape != shape:
        raise ValueError(f"{name} must have the shape {shape}, got {array.shape}")
    return array


def exp(x: ArrayLike, out: Array | None = None) -> Array:
    """Return e to the power x, elementwise.

    Parameters
    ----------
    x : array_like
        Any shape.
    out : ndarray, optional
        Where to put the result, of x's shape and type; may be x.

    Returns
    -------
    ndarray
        x's shape and type; as in NumPy a scalar, if x is one.

    Examples
    --------
    >>> exp([0.0, 1.0])
    array([1.        , 2.71828183])
    """
    return map_function("exp", x, out)


def log(x: ArrayLike, out: Array | None = None) -> Array:
    """Return the natural logarithm: -inf at 0, NaN below; arguments as `exp`.

    Examples
    --------
    >>> log([1.0, 0.0])
    array([  0., -inf])
    """
    return map_function("log", x, out)


def tanh(x: ArrayLike, out: Array | None = None) -> Array:
    """Return the hyperbolic tangent; arguments as `exp`.

    Examples
    --------
    >>> tanh([0.0, 100.0])
    array([0., 1.])
    """
    return map_function("tanh", x, out)


def sigmoid(x: ArrayLike, out: Array | None = None) -> Array:
    """Return 1 / (1 + exp(-x)); arguments as `exp`.

    Examples
    --------
    >>> sigmoid([0.0, -1000.0])
    array([0.5, 0. ])
    """
    return map_function("sigmoid", x, out)


def softplus(x: ArrayLike, out: Array | None = None) -> Array:
    """Return log(1 + exp(x)), without overflow; arguments as `exp`.

    Examples
    --------
    >>> softplus([0.0, 1000.0])
    array([6.93147181e-01, 1.00000000e+03])
    """
    return map_function("softplus", x, out)


def gelu(x: ArrayLike, out: Array | None = None) -> Array:
    """Return x Phi(x), Phi the normal distribution function; arguments as `exp`.

    Hendrycks & Gimpel 2016, exact: x (1 + erf(x / sqrt 2)) / 2.

    Examples
    --------
    >>> gelu([0.0, 1.0])
    array([0.        , 0.84134475])
    """
    return map_function("gelu", x, out)


def silu(x: ArrayLike, out: Array | None = None) -> Array:
    """Return x sigmoid(x); arguments as `exp`.

    Examples
    --------
    >>> silu([0.0, 1.0])
    array([0.        , 0.73105858])
    """
    return map_function("silu", x, out)


def mish(x: ArrayLike, out: Array | None = None) -> Array:
    """Return x tanh(softplus(x)) (Misra 2020); arguments as `exp`.

    Examples
    --------
    >>> mish([0.0, 1.0])
    array([0.        , 0.86509839])
    """
    return map_function("mish", x, out)


def erf(x: ArrayLike, out: Array | None = None) -> Array:
    """Return the error function; arguments as `exp`.

    Examples
    --------
    >>> erf([0.0, 1.0])
    array([0.        , 0.84270079])
    """
    return map_function("erf", x, out)


def softmax(z: ArrayLike, out: Array | None = None) -> Array:
    """Return exp(z) / sum(exp(z)) over the last axis.

    A common offset changes nothing, ``-inf`` has probability 0; a row with NaN or
    ``inf``, or of ``-inf`` alone, is NaN.

    Parameters
    ----------
    z : array_like, shape (..., n_classes)
        The logits.
    out : ndarray, optional
        Where to put the result, of z's shape and type; may be z.

    Returns
    -------
    ndarray
        z's shape and type; each row sums to 1.

    Examples
    --------
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    return _elementwise.softmax(z, out, log=False)


def log_softmax(z: ArrayLike, out: Array | None = None) -> Array:
    """Return log(softmax(z)), without losing what softmax rounds; arguments as there.

    Examples
    --------
    >>> log_softmax([0.0, 1000.0])
    array([-1000.,     0.])
    """
    return _elementwise.softmax(z, out, log=True)


def dense(
    x: ArrayLike,
    w: ArrayLike,
    b: ArrayLike | None = None,
    activation: str = "identity",
    out: Array | None = None,
) -> Array:
    """Return one layer's output, phi(x W + b).

    Parameters
    ----------
    x : array_like, shape (n, n_in)
        The rows.
    w : array_like, shape (n_in, n_out)
        The weights.
    b : array_like, shape (n_out,), optional
        The biases.
    activation : str
        phi, by its name in `Network`; ``"softmax"`` is one, too.
    out : ndarray, shape (n, n_out), optional
        Where to put the result.

    Returns
    -------
    ndarray, shape (n, n_out)
        The outputs, of x's type.

    Examples
    --------
    >>> dense([[1.0, 2.0]], [[3.0], [4.0]], [5.0])
    array([[16.]])
    """
    names = (*ACTIVATIONS, "softmax")
    phi = resolve("activation", activation, names, ACTIVATION_ALIASES)
    xa = _matrix(x, "x")
    wa = _matrix(w, "w", xa.dtype)
    n, n_in = xa.shape
    n_out = wa.shape[1]
    _require_shape(wa, "w", (n_in, n_out))
    ba = None
    if b is not None:
        ba = _require_shape(as_float_array(b, "b", xa.dtype), "b", (n_out,))
    if out is not None:
        check_out(out, (n, n_out), xa.dtype)
        inputs = [a for a in (xa, wa, ba) if a is not None]
        if not any(np.may_share_memory(a, out) for a in inputs):
            _core.dense(xa, wa, ba, phi, out)
            return out
    y = np.empty((n, n_out), xa.dtype)
    _core.dense(xa, wa, ba, phi, y)
    if out is None:
        return y
    out[...] = y
    return out


def dense_backward(
    dy: ArrayLike,
    x: ArrayLike,
    w: ArrayLike,
    y: ArrayLike,
    activation: str = "identity",
    z: ArrayLike | None = None,
) -> tuple[Array, Array, Array]:
    """Return the gradients of one layer.

    With dz = dy * phi'(z): dx = dz W^T, dW = x^T dz, db = the sum of dz over the rows.

    Parameters
    ----------
    dy : array_like, shape (n, n_out)
        The derivative of the loss with respect to the layer's output.
    x : array_like, shape (n, n_in)
        The layer's input.
    w : array_like, shape (n_in, n_out)
        Its weights.
    y : array_like, shape (n, n_out)
        Its output, which gives phi'.
    activation : str
        phi, by its name in `Network`.
    z : array_like, shape (n, n_out), optional
        Its induced local field. ``"gelu"``, ``"silu"`` and ``"mish"`` are not monotone,
        so their outputs do not tell phi', and need it.

    Returns
    -------
    dx : ndarray, shape (n, n_in)
    dw : ndarray, shape (n_in, n_out)
    db : ndarray, shape (n_out,)

    Examples
    --------
    >>> dense_backward([[1.0]], [[1.0, 2.0]], [[3.0], [4.0]], [[11.0]])[0]
    array([[3., 4.]])
    """
    phi = resolve("activation", activation, ACTIVATIONS, ACTIVATION_ALIASES)
    xa = _matrix(x, "x")
    wa = _matrix(w, "w", xa.dtype)
    n, n_in = xa.shape
    n_out = wa.shape[1]
    _require_shape(wa, "w", (n_in, n_out))
    dya = _require_shape(_matrix(dy, "dy", xa.dtype), "dy", (n, n_out))
    ya = _require_shape(_matrix(y, "y", xa.dtype), "y", (n, n_out))
    za = None
    if phi in ("gelu", "silu", "mish", "softplus"):
        if z is not None:
            za = _require_shape(_matrix(z, "z", xa.dtype), "z", (n, n_out))
        elif phi == "softplus":
            # y = log(1 + e^z), so phi' = sigmoid(z) = 1 - e^-y.
            dya, phi = dya * -map_function("expm1", -ya), "identity"
        else:
            raise ValueError(
                f"{phi}'s output does not determine its derivative: pass z=, "
                "the induced local field"
            )
    return _core.dense_backward(dya, xa, wa, ya, za, phi)


def softmax_cross_entropy(z: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Return the categorical cross-entropy of softmax(z), and its gradient.

    Computed from z: exact to a few units in the last place however close a probability
    comes to 0 or 1, and never clipped.

    Parameters
    ----------
    z : array_like, shape (n, n_classes)
        The logits.
    target : array_like
        Class indices (n,), or probabilities (n, n_classes), which are not checked: the
        formula holds for any weights t that sum to 1.

    Returns
    -------
    loss : ndarray, shape (n,)
        - sum t log p of each row.
    dz : ndarray, shape (n, n_classes)
        Its derivative, p - t.

    Examples
    --------
    >>> softmax_cross_entropy([[0.0, 10000.0]], [0])[0]
    array([10000.])
    """
    za = _matrix(z, "z")
    t = as_real_array(target, None, "target")
    if len(t.shape) == 0 or len(t) != len(za):
        raise ValueError(f"z has {len(za)} rows, target has shape {t.shape}")
    if t.ndim == 1:
        labels = as_labels(t, za.shape[1], "target", f"z has {za.shape[1]} columns")
        return _core.cross_entropy(za, labels, None, True)
    values = _require_shape(_matrix(t, "target", za.dtype), "target", za.shape)
    return _core.cross_entropy(za, None, values, True)


def sigmoid_cross_entropy(z: ArrayLike, target: ArrayLike) -> tuple[Array, Array]:
    """Return the Bernoulli cross-entropy of sigmoid(z), summed over outputs.

    Parameters
    ----------
    z : array_like, shape (n, n_out)
        The logits.
    target : array_like, shape (n, n_out)
        Probabilities, which are not checked; (n,) if n_out is 1.

    Returns
    -------
    loss : ndarray, shape (n,)
        - sum [t log y + (1 - t) log(1 - y)] of each row.
    dz : ndarray, shape (n, n_out)
        Its derivative, sigmoid(z) - t.

    Examples
    --------
    >>> sigmoid_cross_entropy([[-1000.0]], [1.0])[0]
    array([1000.])
    """
    za = _matrix(z, "z")
    t = as_float_array(target, "target", za.dtype)
    if t.ndim == 1 and za.shape[1] == 1:
        t = t[:, None]
    return _core.cross_entropy(za, None, _require_shape(t, "target", za.shape), False)
