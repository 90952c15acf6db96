"""A layer of a perceptron, forward and backward."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .activations import activation as find_activation
from .analytic import Array, as_array


def dense(
    x: ArrayLike, w: ArrayLike, b: ArrayLike | None = None, activation: str = "identity"
) -> Array:
    """Return the output of a layer.

    ``z = x w + b``, ``y = phi(z)``

    Parameters
    ----------
    x : array_like, shape (n, n_in)
    w : array_like, shape (n_in, n_out)
    b : array_like, shape (n_out,), optional
        None is 0.
    activation : str
        The name of phi.

    Returns
    -------
    ndarray, shape (n, n_out)

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.dense([[1.0, 2.0]], [[3.0], [-4.0]], [0.5], "relu")
    array([[0.]])
    """
    z = as_array(x) @ as_array(w)  # (n, n_in) (n_in, n_out)
    if b is not None:
        z = z + as_array(b)
    return find_activation(activation).function(z)


def dense_backward(
    dy: ArrayLike,
    x: ArrayLike,
    w: ArrayLike,
    y: ArrayLike,
    activation: str,
    z: ArrayLike | None = None,
) -> tuple[Array, Array, Array]:
    """Carry the gradient of the loss from a layer's output to its input and weights.

    ``dz = dy phi'(z)``, ``dx = dz w^T``, ``dw = x^T dz``, ``db = sum_rows dz``

    Parameters
    ----------
    dy : array_like, shape (n, n_out)
        The gradient with respect to y.
    x : array_like, shape (n, n_in)
    w : array_like, shape (n_in, n_out)
    y : array_like, shape (n, n_out)
        What `dense` returned.
    activation : str
        The name of phi.
    z : array_like, shape (n, n_out), optional
        Needed by gelu, silu and mish, whose derivative y does not determine.

    Returns
    -------
    dx : ndarray, shape (n, n_in)
    dw : ndarray, shape (n_in, n_out)
    db : ndarray, shape (n_out,)

    Raises
    ------
    ValueError
        If phi' needs z, and z is not given.

    Examples
    --------
    >>> from mlpcore import reference
    >>> x, w = [[1.0, 2.0]], [[3.0], [4.0]]
    >>> y = reference.dense(x, w)
    >>> dx, dw, db = reference.dense_backward([[1.0]], x, w, y, "identity")
    >>> dx.tolist(), dw.tolist(), db.tolist()
    ([[3.0, 4.0]], [[1.0], [2.0]], [1.0])
    """
    slope = find_activation(activation).derivative(y, z)
    dz = as_array(dy) * slope  # (n, n_out)
    dx = dz @ as_array(w).T  # (n, n_out) (n_out, n_in)
    dw = as_array(x).T @ dz  # (n_in, n) (n, n_out)
    db = np.sum(dz, axis=0)
    return dx, dw, db
