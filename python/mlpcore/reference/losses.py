"""The losses of one row, each beside its gradient.

Those over probabilities are computed from the induced local field z, where nothing
saturates, and return (loss, dz). Those over real outputs y return (loss, dy). A loss
is summed over the outputs; the mean over rows is the network's business.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .activations import activation as find_activation
from .analytic import Array, absolute, as_array, log1p, positive_part
from .distributions import one_hot, shift, x_log_y
from .elementwise import sigmoid, softplus

LossSpec: TypeAlias = str | tuple[str, float]
LossAndGradient: TypeAlias = tuple[Array, Array]  # (n,), (n, n_out)


def softmax_cross_entropy(z: ArrayLike, target: ArrayLike) -> LossAndGradient:
    """Return the cross-entropy of target and softmax(z), and its gradient.

    ``loss = sum_c t_c [(m - z_c) + log1p(sum_{j != argmax} exp(z_j - m))]``, m = max z

    ``dz = p - t``, p = softmax(z)

    The gradient is ``(p - e) + (e - t)``, e the one-hot vector of the argmax: there
    p - 1 is minus the sum of the other probabilities, exact to the end as p goes to 1.

    Parameters
    ----------
    z : array_like, shape (n, n_classes)
        Logits.
    target : array_like, shape (n,) or (n, n_classes)
        Class indices, or probabilities.

    Returns
    -------
    loss : ndarray, shape (n,)
    dz : ndarray, shape (n, n_classes)

    Examples
    --------
    >>> from mlpcore import reference
    >>> loss, dz = reference.softmax_cross_entropy([[0.0, np.log(3.0)]], [1])
    >>> loss.round(8), dz
    (array([0.28768207]), array([[ 0.25, -0.25]]))
    """
    z = as_array(z)
    t = np.asarray(target)
    t = one_hot(t, z.shape[-1]) if t.ndim < z.ndim else as_array(t)
    row = shift(z)
    surprise = log1p(row.tail) - row.gap  # -log p
    with np.errstate(invalid="ignore"):
        loss = np.where(t == 0, 0, t * surprise).sum(axis=-1)

    p_minus_top = np.where(row.top == 1, -row.tail, row.exps) / (1 + row.tail)
    mass = t.sum(axis=-1, keepdims=True)  # 1 but for the rounding of t
    dz = mass * p_minus_top + (mass * row.top - t)
    return loss, dz


def sigmoid_cross_entropy(z: ArrayLike, target: ArrayLike) -> LossAndGradient:
    """Return the summed cross-entropies of targets and sigmoid(z), and their gradient.

    ``loss = sum_j max(z_j, 0) - z_j t_j + log1p(exp(-|z_j|))``

    ``dz = sigmoid(z) - t = (1 - t) sigmoid(z) - t sigmoid(-z)``, the second being the
    one that keeps its digits where sigmoid(z) is near t = 1.

    Parameters
    ----------
    z : array_like, shape (n, n_out)
        Logits.
    target : array_like, shape (n, n_out)
        Probabilities.

    Returns
    -------
    loss : ndarray, shape (n,)
    dz : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.sigmoid_cross_entropy([[0.0, -1e30]], [[0.5, 1.0]])
    (array([1.e+30]), array([[ 0., -1.]]))
    """
    z, t = as_array(z), as_array(target)
    loss = positive_part(z) - z * t + log1p(np.exp(-absolute(z)))
    dz = (1 - t) * sigmoid(z) - t * sigmoid(-z)
    return loss.sum(axis=-1), dz


def poisson(z: ArrayLike, target: ArrayLike, output: str = "exp") -> LossAndGradient:
    """Return half the Poisson deviance of target counts and y = phi(z) > 0.

    ``loss = sum y - t + t log(t / y)``, for t = 0 just y

    ``dz = phi'(z) - t (log phi)'(z)``

    log y is taken from z, so that a y that underflows costs no more than it should.

    Parameters
    ----------
    z : array_like, shape (n, n_out)
    target : array_like, shape (n, n_out)
        Nonnegative.
    output : {"exp", "softplus", "sigmoid"}
        The name of phi.

    Returns
    -------
    loss : ndarray, shape (n,)
    dz : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> loss, dz = reference.poisson([[0.0], [1.0]], [[0.0], [np.e]])
    >>> loss.round(8), dz.round(8).tolist()
    (array([1., 0.]), [[1.0], [0.0]])
    """
    z, t = as_array(z), as_array(target)
    phi = find_activation(output)
    y = phi.function(z)
    log_y, log_slope = _LOG_OUTPUT[phi.name](z)
    loss = y - t + (x_log_y(t, t) - t * log_y)
    dz = phi.derivative(y, z) - t * log_slope
    return loss.sum(axis=-1), dz


def _log_exp(z: Array) -> LossAndGradient:
    return z, np.ones_like(z)


def _log_sigmoid(z: Array) -> LossAndGradient:
    return -softplus(-z), sigmoid(-z)


def _log_softplus(z: Array) -> LossAndGradient:
    # softplus(z) = e (1 - e / 2 + ...), e = exp(z): for z < -40 it is exp(z) to the bit
    u = np.where(z.real < -40, 0, z)
    y = softplus(u)
    log_y = np.where(z.real < -40, z, np.log(y))
    return log_y, np.where(z.real < -40, 1, sigmoid(u) / y)


_LOG_OUTPUT: dict[str, Callable[[Array], LossAndGradient]] = {
    "exp": _log_exp,
    "sigmoid": _log_sigmoid,
    "softplus": _log_softplus,
}


def squared_error(y: ArrayLike, target: ArrayLike) -> LossAndGradient:
    """Return half the squared distance, ``sum (t - y)^2 / 2``, and ``dy = y - t``.

    Parameters
    ----------
    y, target : array_like, shape (n, n_out)

    Returns
    -------
    loss : ndarray, shape (n,)
    dy : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.squared_error([[3.0, 4.0]], [[0.0, 0.0]])
    (array([12.5]), array([[3., 4.]]))
    """
    r = as_array(y) - as_array(target)
    return (r * r).sum(axis=-1) / 2, r


def euclidean(y: ArrayLike, target: ArrayLike) -> LossAndGradient:
    """Return the distance, ``d = sqrt(sum (t - y)^2)``, and ``dy = (y - t) / d``.

    The gradient at distance 0 is 0.

    Parameters
    ----------
    y, target : array_like, shape (n, n_out)

    Returns
    -------
    loss : ndarray, shape (n,)
    dy : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.euclidean([[3.0, 4.0]], [[0.0, 0.0]])
    (array([5.]), array([[0.6, 0.8]]))
    """
    r = as_array(y) - as_array(target)
    distance = np.sqrt((r * r).sum(axis=-1))
    return distance, r / np.where(distance == 0, 1, distance)[..., np.newaxis]


def absolute_error(y: ArrayLike, target: ArrayLike) -> LossAndGradient:
    """Return ``sum |t - y|``, and ``dy = sign(y - t)``.

    Parameters
    ----------
    y, target : array_like, shape (n, n_out)

    Returns
    -------
    loss : ndarray, shape (n,)
    dy : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.absolute_error([[3.0, -4.0]], [[0.0, 0.0]])
    (array([7.]), array([[ 1., -1.]]))
    """
    r = as_array(y) - as_array(target)
    return absolute(r).sum(axis=-1), np.sign(r.real)


def huber(y: ArrayLike, target: ArrayLike, delta: float) -> LossAndGradient:
    """Return Huber's loss, squared near 0 and absolute beyond delta (Huber 1964).

    ``r = y - t``: ``sum r^2 / 2 if |r| <= delta else delta (|r| - delta / 2)``

    ``dy = r`` limited to -delta and delta

    Parameters
    ----------
    y, target : array_like, shape (n, n_out)
    delta : float
        Positive.

    Returns
    -------
    loss : ndarray, shape (n,)
    dy : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.huber([[1.0], [-10.0]], [[0.0], [0.0]], 2.0)
    (array([ 0.5, 18. ]), array([[ 1.],
           [-2.]]))
    """
    r = as_array(y) - as_array(target)
    near = np.abs(r.real) <= delta
    loss = np.where(near, r * r / 2, delta * (absolute(r) - delta / 2))
    dy = np.where(near, r, delta * np.sign(r.real))
    return loss.sum(axis=-1), dy


def quantile(y: ArrayLike, target: ArrayLike, q: float) -> LossAndGradient:
    """Return the pinball loss, least at the q-quantile (Koenker & Bassett 1978).

    ``sum max(q (t - y), (q - 1) (t - y))``

    ``dy = -q`` where t > y, ``1 - q`` where t < y, 0 where they are equal

    Parameters
    ----------
    y, target : array_like, shape (n, n_out)
    q : float
        Between 0 and 1.

    Returns
    -------
    loss : ndarray, shape (n,)
    dy : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.quantile([[0.0], [0.0]], [[1.0], [-1.0]], 0.75)
    (array([0.75, 0.25]), array([[-0.75],
           [ 0.25]]))
    """
    r = as_array(target) - as_array(y)
    dy = np.where(r.real > 0, -q, np.where(r.real < 0, 1 - q, 0.0))
    return (-dy * r).sum(axis=-1), dy


_OVER_OUTPUTS: dict[str, Callable[..., LossAndGradient]] = {
    "squared_error": squared_error,
    "euclidean": euclidean,
    "absolute_error": absolute_error,
    "huber": huber,
    "quantile": quantile,
}
LOSSES = ["log_loss", "poisson", *_OVER_OUTPUTS]
_UPPER_LIMIT = {"huber": np.inf, "quantile": 1.0}  # of the parameter; the lower is 0


def resolve_loss(loss: LossSpec, output: str) -> LossSpec:
    """Return the loss that belongs to an output, with "auto" settled and all checked.

    Raises
    ------
    ValueError
        If the loss is unknown, cannot be taken over this output, or has not the
        parameter it needs.

    Examples
    --------
    >>> from mlpcore import reference
    >>> [reference.resolve_loss("auto", out) for out in ("softmax", "identity")]
    ['log_loss', 'squared_error']
    """
    over_probabilities = output in ("softmax", "sigmoid")
    if loss == "auto":
        return "log_loss" if over_probabilities else "squared_error"
    name, *parameters = (loss,) if isinstance(loss, str) else loss
    if name not in LOSSES:
        raise ValueError(f"unknown loss {name!r}, known are {LOSSES}")

    if output == "softmax" and name != "log_loss":
        raise ValueError(f"a softmax output needs log_loss, got {name}")
    if name == "log_loss" and not over_probabilities:
        raise ValueError(f"log_loss needs a softmax or sigmoid output, got {output}")
    if name == "poisson" and output not in _LOG_OUTPUT:
        raise ValueError(f"poisson needs one of {[*_LOG_OUTPUT]}, got {output}")

    takes_parameter = name in _UPPER_LIMIT
    if len(parameters) != int(takes_parameter):
        example = f"({name!r}, 0.5)" if takes_parameter else repr(name)
        raise ValueError(f"loss must be like {example}, got {loss!r}")
    for parameter in parameters:
        if not 0 < parameter < _UPPER_LIMIT[name]:
            limit = _UPPER_LIMIT[name]
            raise ValueError(f"{name} needs 0 < parameter < {limit}, got {parameter}")
    return loss


def row_losses(
    z: ArrayLike, target: ArrayLike, output: str, loss: LossSpec
) -> LossAndGradient:
    """Return every row's loss, and its gradient with respect to the last layer's z.

    Parameters
    ----------
    z : array_like, shape (n, n_out)
        The induced local fields of the output layer.
    target : array_like, shape (n, n_out)
    output : str
        The name of the output's activation, or softmax.
    loss : str or (str, float)
        As `resolve_loss` returns it.

    Returns
    -------
    loss : ndarray, shape (n,)
    dz : ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.row_losses([[3.0, -4.0]], [[0.0, 0.0]], "relu", "squared_error")
    (array([4.5]), array([[3., 0.]]))
    """
    name, *parameters = (loss,) if isinstance(loss, str) else loss
    if name == "log_loss":
        over = softmax_cross_entropy if output == "softmax" else sigmoid_cross_entropy
        return over(z, target)
    if name == "poisson":
        return poisson(z, target, output)
    phi = find_activation(output)
    y = phi.function(z)
    rows, dy = _OVER_OUTPUTS[name](y, target, *parameters)
    return rows, dy * phi.derivative(y, z)
