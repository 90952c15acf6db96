"""The library once more in plain NumPy float64, to be read beside the formulas.

The native code is tested against this package, and never the other way round; it
imports NumPy and nothing else. In the order of reading:

====================  =================================================================
``elementwise``       exp, log, tanh, sigmoid, softplus, gelu, silu, mish
``error_function``    erf, of which NumPy has none
``activations``       the table of phi and phi'
``layers``            a layer, forward and backward
``distributions``     softmax, one-hot targets, entropy, Kullback-Leibler divergence
``losses``            every loss beside its gradient, and which output it goes with
``network``           `ReferenceNetwork`: forward, loss, backpropagation
``optimizers``        one step of SGD, Adam, AdamW, RMSprop
``analytic``          the few functions that make all of it work for complex parameters
====================  =================================================================

A gradient by backpropagation, and one of its elements by complex step:

>>> import numpy as np
>>> from mlpcore import reference
>>> net = reference.ReferenceNetwork([1, 2, 1], "tanh", "identity")
>>> p = np.array([0.5, -1.0, 0.1, 0.2, 1.5, -0.7, 0.3])
>>> net.set_parameters(p)
>>> loss, gradient = net.loss_and_gradient([[2.0]], [1.0])
>>> net.set_parameters(p + 1e-30j * (np.arange(7) == 1))
>>> bool(np.isclose(gradient[1], net.loss([[2.0]], [1.0]).imag / 1e-30, rtol=1e-14))
True
"""

from .activations import (
    Activation,
    activation,
    elu,
    identity,
    leaky_relu,
    relu,
    selu,
)
from .distributions import (
    cross_entropy,
    entropy,
    kl_divergence,
    log_softmax,
    one_hot,
    softmax,
)
from .elementwise import exp, gelu, log, mish, sigmoid, silu, softplus, tanh
from .error_function import erf
from .layers import dense, dense_backward
from .losses import (
    absolute_error,
    euclidean,
    huber,
    poisson,
    quantile,
    resolve_loss,
    row_losses,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from .network import ReferenceNetwork
from .optimizers import adam_step, adamw_step, clip_by_norm, rmsprop_step, sgd_step

__all__ = [
    "Activation",
    "ReferenceNetwork",
    "absolute_error",
    "activation",
    "adam_step",
    "adamw_step",
    "clip_by_norm",
    "cross_entropy",
    "dense",
    "dense_backward",
    "elu",
    "entropy",
    "erf",
    "euclidean",
    "exp",
    "gelu",
    "huber",
    "identity",
    "kl_divergence",
    "leaky_relu",
    "log",
    "log_softmax",
    "mish",
    "one_hot",
    "poisson",
    "quantile",
    "relu",
    "resolve_loss",
    "rmsprop_step",
    "row_losses",
    "selu",
    "sgd_step",
    "sigmoid",
    "sigmoid_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "squared_error",
    "tanh",
]
