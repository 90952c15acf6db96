"""The multilayer perceptron: forward, loss, and the gradient by backpropagation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from .activations import activation as find_activation
from .analytic import Array, as_array
from .distributions import one_hot, softmax
from .layers import dense, dense_backward
from .losses import LossAndGradient, LossSpec, resolve_loss, row_losses

Masks: TypeAlias = Sequence[ArrayLike | None]
Scalar: TypeAlias = float | complex  # complex only if the parameters are


class ReferenceNetwork:
    """A multilayer perceptron in float64, the twin of ``mlpcore.Network``.

    Layer by layer ``z = x W + b`` and ``y = phi(z)``, the y of one being the x of the
    next. Parameters start at 0, and may be complex (see ``reference.analytic``).

    Parameters
    ----------
    layer_sizes : sequence of int
        ``[n_in, hidden..., n_out]``.
    activation : str or sequence of str
        For all hidden layers, or one a hidden layer.
    output : str
        An activation, or softmax.
    loss : str or (str, float)
        ``auto`` is log_loss for softmax and sigmoid outputs, else squared_error.

    Attributes
    ----------
    weights : list of ndarray, shape (n_in, n_out) each
    biases : list of ndarray, shape (n_out,) each
    activations : list of str
        Those of the hidden layers.

    Examples
    --------
    XOR, with two hidden neurons:

    >>> from mlpcore import reference
    >>> net = reference.ReferenceNetwork([2, 2, 1], "relu", "identity")
    >>> net.weights = [np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[1.0], [-2.0]])]
    >>> net.biases = [np.array([0.0, -1.0]), np.array([0.0])]
    >>> net.predict([[0, 0], [0, 1], [1, 0], [1, 1]]).ravel()
    array([0., 1., 1., 0.])
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str | Sequence[str] = "relu",
        output: str = "softmax",
        *,
        loss: LossSpec = "auto",
    ) -> None:
        self.layer_sizes = [int(size) for size in layer_sizes]
        n_hidden = len(self.layer_sizes) - 2
        if n_hidden < 0:
            raise ValueError(f"layer_sizes needs 2 sizes or more, got {layer_sizes}")
        names = [activation] * n_hidden if isinstance(activation, str) else activation
        if len(names) != n_hidden:
            raise ValueError(f"there are {n_hidden} hidden layers, got {names}")
        self.activations = [find_activation(name).name for name in names]
        self.output = output if output == "softmax" else find_activation(output).name
        self.loss_spec = resolve_loss(loss, self.output)
        arrays = [np.zeros(shape) for shape in self._shapes()]
        self.weights: list[Array] = arrays[0::2]
        self.biases: list[Array] = arrays[1::2]

    @property
    def loss_name(self) -> str:
        """The name of the loss, without its parameter."""
        return self.loss_spec if isinstance(self.loss_spec, str) else self.loss_spec[0]

    def _shapes(self) -> list[tuple[int, ...]]:
        """Return the shapes of W, b, W, b, ... in the order of the layers."""
        widths = zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True)
        return [shape for n_in, n_out in widths for shape in ((n_in, n_out), (n_out,))]

    def get_parameters(self) -> Array:
        """Return one flat vector: for each layer W row-major, then b."""
        layers = zip(self.weights, self.biases, strict=True)
        return np.concatenate([np.ravel(array) for layer in layers for array in layer])

    def set_parameters(self, flat: ArrayLike) -> None:
        """Take the weights and biases from a vector in `get_parameters` order."""
        flat = as_array(flat)
        shapes = self._shapes()
        sizes = [int(np.prod(shape)) for shape in shapes]
        if flat.shape != (sum(sizes),):
            raise ValueError(f"flat has shape {flat.shape}, expected ({sum(sizes)},)")
        pieces = np.split(flat.copy(), np.cumsum(sizes)[:-1])
        arrays = [p.reshape(shape) for p, shape in zip(pieces, shapes, strict=True)]
        self.weights, self.biases = arrays[0::2], arrays[1::2]

    def forward(
        self, X: ArrayLike, masks: Masks | None = None
    ) -> tuple[list[Array], list[Array]]:
        """Return every layer's induced local fields and outputs.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
        masks : list of (array_like of shape (n, width), or None), optional
            One a hidden layer; multiplies its output. For inverted dropout its elements
            are 0 or 1 / (1 - rate).

        Returns
        -------
        z : list of ndarray, shape (n, width) each
        y : list of ndarray, shape (n, width) each
            What the next layer receives, the mask included.
        """
        z: list[Array] = []
        y: list[Array] = []
        x = as_array(X)
        for w, b, name, mask in zip(
            self.weights,
            self.biases,
            [*self.activations, self.output],
            self._all_masks(masks),
            strict=True,
        ):
            z.append(dense(x, w, b))
            x = _function(name)(z[-1]) * mask
            y.append(x)
        return z, y

    def predict(self, X: ArrayLike) -> Array:
        """Return the output signals, shape (n, n_out)."""
        _, y = self.forward(X)
        return y[-1]

    def loss(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        label_smoothing: float = 0.0,
        masks: Masks | None = None,
    ) -> Scalar:
        """Return the mean loss of the rows, and the penalty on the weights.

        ``sum_i s_i loss_i / sum_i s_i + l2 / 2 sum W^2``

        Parameters
        ----------
        X : array_like, shape (n, n_in)
        y : array_like, shape (n,) or (n, n_out)
            Class indices or probabilities for a softmax, else a value for each output.
        sample_weight : array_like, shape (n,), optional
            s, by default 1.
        l2 : float
            Of the weights only, not of the biases.
        label_smoothing : float
            e: a target t becomes (1 - e) t + e / n_classes, n_classes being 2 for a
            sigmoid. For log_loss only.
        masks : list, optional
            As in `forward`.
        """
        z, _ = self.forward(X, masks)
        rows, _ = self._row_losses(z[-1], y, label_smoothing)
        return self._total(rows, _shares(sample_weight, len(rows)), l2)

    def loss_and_gradient(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        l2: float = 0.0,
        label_smoothing: float = 0.0,
        masks: Masks | None = None,
    ) -> tuple[Scalar, Array]:
        """Return what `loss` returns, and its gradient in `get_parameters` order.

        By backpropagation (Rumelhart, Hinton & Williams 1986): each layer turns the
        gradient of its output into those of its weights and of its input, which is the
        output of the layer before.
        """
        z, outputs = self.forward(X, masks)
        rows, dz = self._row_losses(z[-1], y, label_smoothing)
        shares = _shares(sample_weight, len(rows))

        inputs = [as_array(X), *outputs[:-1]]
        phis = [*self.activations, "identity"]  # dz is behind the output's phi already
        layers = zip(inputs, self.weights, z, phis, self._all_masks(masks), strict=True)
        gradient: list[Array] = []
        dy = shares[:, np.newaxis] * dz
        for x_l, w_l, z_l, phi, mask in reversed(list(layers)):
            y_l = _function(phi)(z_l)
            dx, dw, db = dense_backward(dy * mask, x_l, w_l, y_l, phi, z_l)
            gradient = [np.ravel(dw + l2 * w_l), db, *gradient]
            dy = dx
        return self._total(rows, shares, l2), np.concatenate(gradient)

    def log_likelihood(self, X: ArrayLike, y: ArrayLike) -> Scalar:
        """Return the sum over rows of log p(target given x), for log_loss networks.

        With targets that are probabilities, the expectation of it under them.
        """
        if self.loss_name != "log_loss":
            raise ValueError(f"log_likelihood needs log_loss, got {self.loss_name}")
        z, _ = self.forward(X)
        rows, _ = self._row_losses(z[-1], y, label_smoothing=0.0)
        return _scalar(-rows.sum())

    def _all_masks(self, masks: Masks | None) -> list[Array]:
        """Return one factor a layer: a mask, or 1; 1 for the output layer."""
        masks = [None] * len(self.activations) if masks is None else masks
        return [
            np.ones(1) if mask is None else as_array(mask) for mask in (*masks, None)
        ]

    def _row_losses(
        self, z: Array, y: ArrayLike, label_smoothing: float
    ) -> LossAndGradient:
        """Return the loss of each row, and its gradient in z, the output layer's."""
        t = self._targets(y, len(z))
        if label_smoothing:
            if self.loss_name != "log_loss":
                raise ValueError(
                    f"label_smoothing needs log_loss, got {self.loss_name}"
                )
            n_classes = self.layer_sizes[-1] if self.output == "softmax" else 2
            t = (1 - label_smoothing) * t + label_smoothing / n_classes
        return row_losses(z, t, self.output, self.loss_spec)

    def _targets(self, y: ArrayLike, n: int) -> Array:
        """Return targets of shape (n, n_out)."""
        n_out = self.layer_sizes[-1]
        t = np.asarray(y)
        if t.ndim == 1:
            t = one_hot(t, n_out) if self.output == "softmax" else t[:, np.newaxis]
        if t.shape != (n, n_out):
            raise ValueError(f"y has shape {np.shape(y)}, expected ({n}, {n_out})")
        return as_array(t)

    def _total(self, rows: Array, shares: Array, l2: float) -> Scalar:
        """Return the weighted mean of the rows' losses, and the penalty."""
        penalty = sum(np.sum(w * w) for w in self.weights)
        return _scalar(np.sum(shares * rows) + l2 / 2 * penalty)


def _function(name: str) -> Callable[[ArrayLike], Array]:
    return softmax if name == "softmax" else find_activation(name).function


def _shares(sample_weight: ArrayLike | None, n: int) -> Array:
    """Return each row's share in the mean, shape (n,), with sum 1."""
    s = np.ones(n) if sample_weight is None else as_array(sample_weight)
    if s.shape != (n,):
        raise ValueError(f"sample_weight has shape {s.shape}, expected ({n},)")
    return s / np.sum(s)


def _scalar(x: Array) -> Scalar:
    return complex(x) if np.iscomplexobj(x) else float(x)
