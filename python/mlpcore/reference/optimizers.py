"""One step of each optimizer, on flat float64 arrays; nothing is changed in place.

p: parameters, g: gradient, both (n_parameters,), as the moments are, which start at 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]


def clip_by_norm(g: Vector, clip_norm: float) -> Vector:
    """Return g, shortened to clip_norm if it is longer (Pascanu et al. 2013).

    ``g min(1, clip_norm / |g|)``

    Examples
    --------
    >>> from mlpcore import reference
    >>> reference.clip_by_norm(np.array([3.0, 4.0]), 2.5)
    array([1.5, 2. ])
    """
    norm = np.linalg.norm(g)
    return g * (clip_norm / norm) if norm > clip_norm else g.copy()


def sgd_step(
    p: Vector,
    g: Vector,
    velocity: Vector,
    *,
    learning_rate: float = 0.01,
    momentum: float = 0.0,
    nesterov: bool = False,
) -> tuple[Vector, Vector]:
    """Return (p, velocity) after a step of gradient descent with momentum.

    ``velocity = momentum velocity - learning_rate g``, ``p = p + velocity``, or with
    Nesterov's look ahead ``p = p + momentum velocity - learning_rate g``, the velocity
    being the new one (Sutskever et al. 2013).

    Examples
    --------
    >>> from mlpcore import reference
    >>> p, velocity = np.array([1.0]), np.array([0.0])
    >>> for _ in range(2):
    ...     p, velocity = reference.sgd_step(
    ...         p, np.array([1.0]), velocity, learning_rate=0.25, momentum=0.5
    ...     )
    >>> p, velocity
    (array([0.375]), array([-0.375]))
    """
    velocity = momentum * velocity - learning_rate * g
    if nesterov:
        return p + momentum * velocity - learning_rate * g, velocity
    return p + velocity, velocity


def adam_step(
    p: Vector,
    g: Vector,
    m: Vector,
    v: Vector,
    t: int,
    *,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
) -> tuple[Vector, Vector, Vector]:
    """Return (p, m, v) after step t = 1, 2, ... (Adam, Kingma & Ba 2015, algorithm 1).

    | ``m = beta_1 m + (1 - beta_1) g``
    | ``v = beta_2 v + (1 - beta_2) g^2``
    | ``m_hat = m / (1 - beta_1^t)``
    | ``v_hat = v / (1 - beta_2^t)``
    | ``p = p - learning_rate m_hat / (sqrt(v_hat) + epsilon)``

    Examples
    --------
    The first step is the learning rate, whatever the gradient's length:

    >>> from mlpcore import reference
    >>> zero = np.zeros(2)
    >>> p, m, v = reference.adam_step(zero, np.array([5.0, -1e-3]), zero, zero, t=1)
    >>> p.round(6)
    array([-0.001,  0.001])
    """
    m = beta_1 * m + (1 - beta_1) * g
    v = beta_2 * v + (1 - beta_2) * g * g
    m_hat = m / (1 - beta_1**t)
    v_hat = v / (1 - beta_2**t)
    return p - learning_rate * m_hat / (np.sqrt(v_hat) + epsilon), m, v


def adamw_step(
    p: Vector,
    g: Vector,
    m: Vector,
    v: Vector,
    t: int,
    *,
    learning_rate: float = 1e-3,
    beta_1: float = 0.9,
    beta_2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Vector, Vector, Vector]:
    """Return (p, m, v) after step t of AdamW (Loshchilov & Hutter 2019, algorithm 2).

    ``p = p (1 - learning_rate weight_decay)``, then a step of Adam. All parameters
    decay, biases too, and the moments know nothing of it.

    Examples
    --------
    Where the gradient is 0 there is only decay:

    >>> from mlpcore import reference
    >>> zero = np.zeros(1)
    >>> p, m, v = reference.adamw_step(
    ...     np.array([8.0]), zero, zero, zero, t=1, learning_rate=0.5, weight_decay=0.25
    ... )
    >>> p
    array([7.])
    """
    p = p * (1 - learning_rate * weight_decay)
    return adam_step(
        p,
        g,
        m,
        v,
        t,
        learning_rate=learning_rate,
        beta_1=beta_1,
        beta_2=beta_2,
        epsilon=epsilon,
    )


def rmsprop_step(
    p: Vector,
    g: Vector,
    v: Vector,
    *,
    learning_rate: float = 1e-3,
    rho: float = 0.9,
    epsilon: float = 1e-8,
) -> tuple[Vector, Vector]:
    """Return (p, v) after a step of RMSprop (Tieleman & Hinton 2012, lecture 6e).

    ``v = rho v + (1 - rho) g^2``, ``p = p - learning_rate g / (sqrt(v) + epsilon)``

    Examples
    --------
    >>> from mlpcore import reference
    >>> p, v = reference.rmsprop_step(
    ...     np.array([1.0]), np.array([2.0]), np.array([0.0]), rho=0.75, epsilon=0.0
    ... )
    >>> p, v
    (array([0.998]), array([1.]))
    """
    v = rho * v + (1 - rho) * g * g
    return p - learning_rate * g / (np.sqrt(v) + epsilon), v
