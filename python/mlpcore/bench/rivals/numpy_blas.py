"""NumPy: the formulas written out, with the BLAS that NumPy comes with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import (
    BETA_1,
    BETA_2,
    EPSILON,
    LEARNING_RATE,
    Predictor,
    Rival,
    Training,
    UnsupportedError,
    Weights,
)

if TYPE_CHECKING:
    from .._workloads import Workload

Array = NDArray[Any]


def _relu(z: Array) -> None:
    np.maximum(z, 0, out=z)


def _tanh(z: Array) -> None:
    np.tanh(z, out=z)


def _softmax(z: Array) -> None:
    z -= z.max(axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= z.sum(axis=1, keepdims=True)


def _sigmoid(z: Array) -> None:
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.reciprocal(z, out=z)


def _identity(z: Array) -> None:
    pass


_IN_PLACE: dict[str, Callable[[Array], None]] = {
    "relu": _relu,
    "tanh": _tanh,
    "softmax": _softmax,
    "sigmoid": _sigmoid,
    "identity": _identity,
}


def _activations(workload: Workload) -> list[Callable[[Array], None]]:
    hidden = workload.net.activation
    if hidden not in _IN_PLACE:
        raise UnsupportedError(f"NumPy has no error function for {hidden}")
    n_hidden = len(workload.net.layer_sizes) - 2
    return [_IN_PLACE[hidden]] * n_hidden + [_IN_PLACE[workload.net.output]]


class NumpyRival(Rival):
    """Matrix products by BLAS, the rest in place."""

    name = "numpy"
    title = "NumPy"
    packages = ("numpy",)

    def make_predictor(
        self, variant: str, workload: Workload, weights: Weights, x: Array
    ) -> Predictor:
        """Return a predictor."""
        layers = [
            (w, b, phi)
            for (w, b), phi in zip(weights, _activations(workload), strict=True)
        ]

        def predict() -> Array:
            y = x
            for w, b, phi in layers:
                y = y @ w
                y += b
                phi(y)
            return y

        return Predictor(predict)

    def make_training(
        self, variant: str, workload: Workload, weights: Weights, x: Array, y: Array
    ) -> Training:
        """Return a training."""
        _activations(workload)
        net = _TrainedNet(workload, weights)
        targets = y
        if workload.net.output == "softmax":
            targets = np.eye(workload.net.layer_sizes[-1], dtype=x.dtype)[y]
        elif workload.net.output == "sigmoid":
            targets = y.astype(x.dtype).reshape(-1, 1)
        batch = workload.rows

        def train(n_steps: int) -> None:
            for start in range(0, n_steps * batch, batch):
                rows = slice(start, start + batch)
                net.step(x[rows], targets[rows])

        return Training(train, net.copies)


class _TrainedNet:
    """All parameters in one vector, so that Adam is one sweep, as are its moments."""

    def __init__(self, workload: Workload, weights: Weights) -> None:
        self.activations = _activations(workload)
        self.is_relu = workload.net.activation == "relu"
        self.parameters = np.concatenate([a.ravel() for pair in weights for a in pair])
        self.gradient = np.empty_like(self.parameters)
        self.layers = self._views(self.parameters, weights)
        self.layer_gradients = self._views(self.gradient, weights)
        self.m = np.zeros_like(self.parameters)
        self.v = np.zeros_like(self.parameters)
        self.scratch = np.empty_like(self.parameters)
        self.t = 0

    @staticmethod
    def _views(flat: Array, like: Weights) -> Weights:
        views, at = [], 0
        for w, b in like:
            views.append(
                (
                    flat[at : at + w.size].reshape(w.shape),
                    flat[at + w.size : at + w.size + b.size],
                )
            )
            at += w.size + b.size
        return views

    def copies(self) -> Weights:
        return [(w.copy(), b.copy()) for w, b in self.layers]

    def step(self, x: Array, target: Array) -> None:
        outputs = [x]
        for (w, b), phi in zip(self.layers, self.activations, strict=True):
            y = outputs[-1] @ w
            y += b
            phi(y)
            outputs.append(y)
        # All three pairs of output and loss have this derivative with respect to z.
        dz = outputs[-1] - target
        dz /= len(x)
        for i in reversed(range(len(self.layers))):
            dw, db = self.layer_gradients[i]
            np.matmul(outputs[i].T, dz, out=dw)
            dz.sum(axis=0, out=db)
            if i > 0:
                dz = dz @ self.layers[i][0].T
                y = outputs[i]
                dz *= y > 0 if self.is_relu else 1 - y * y
        self._adam()

    def _adam(self) -> None:
        self.t += 1
        g, m, v, scratch = self.gradient, self.m, self.v, self.scratch
        m *= BETA_1
        np.multiply(g, 1 - BETA_1, out=scratch)
        m += scratch
        v *= BETA_2
        g *= g
        g *= 1 - BETA_2
        v += g
        # m_hat / (sqrt(v_hat) + epsilon), with the corrections as scalars.
        np.sqrt(v, out=scratch)
        scratch *= (1 - BETA_2**self.t) ** -0.5
        scratch += EPSILON
        np.divide(m, scratch, out=scratch)
        scratch *= LEARNING_RATE / (1 - BETA_1**self.t)
        self.parameters -= scratch
