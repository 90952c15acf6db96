"""The model: a multilayer perceptron that predicts, explains itself, and is trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _core, _display
from ._architecture import Architecture, LossName, make_architecture
from ._exports import Exports
from ._initializers import initial_weights
from ._metrics import r2_score
from ._random import RandomState, seed_from
from ._targets import Targets, as_targets
from ._training_lock import TrainingLock
from ._validation import (
    Array,
    as_features,
    as_real_array,
    as_sample_weight,
    check_out,
    check_rows,
)
from .errors import NotSupportedError

if TYPE_CHECKING:
    from ._class_weight import ClassWeight
    from .callbacks import Callback
    from .history import History
    from .optim import Optimizer
    from .trainer import ValidationData

__all__ = ["ForwardPass", "Network"]

_PICKLE_VERSION = 1


class ForwardPass(NamedTuple):
    """Every layer's induced local fields and outputs."""

    z: list[Array]
    """z = x W + b of each layer, shapes (n, width)."""
    y: list[Array]
    """y = phi(z) of each layer, shapes (n, width)."""


class Network(Exports):
    """A multilayer perceptron.

    Layer by layer it computes ``z = x W + b`` and ``y = phi(z)``, from the features of
    a row to its output signals.

    Parameters
    ----------
    layer_sizes : sequence of int
        ``[n_in, hidden..., n_out]``, two entries or more.
    activation : str or sequence of str
        phi of all hidden layers, or of each: ``"identity"`` (``"linear"``),
        ``"sigmoid"`` (``"logistic"``), ``"tanh"``, ``"relu"``, ``"leaky_relu"``,
        ``"elu"``, ``"selu"``, ``"gelu"`` (exact), ``"silu"`` (``"swish"``), ``"mish"``,
        ``"softplus"``, ``"exp"``.
    output : str
        phi of the output layer: one of these, or ``"softmax"``.
    loss : str or tuple of (str, float)
        ``"log_loss"`` (negative log-likelihood of a class under a softmax, or of
        independent yes/no outputs under sigmoids), ``"squared_error"`` (half the
        squared Euclidean distance), ``"euclidean"`` (the distance),
        ``"absolute_error"``, ``("huber", delta)``, ``("quantile", q)``, ``"poisson"``
        (half the deviance).
        ``"auto"`` is ``"log_loss"`` for softmax and sigmoid outputs,
        ``"squared_error"`` for the rest.
    init : str
        ``"glorot_uniform"``, ``"glorot_normal"``, ``"he_uniform"``, ``"he_normal"``,
        ``"lecun_normal"``, ``"orthogonal"``, ``"zeros"``; ``"auto"`` picks by
        activation. Biases start at 0.
    dropout : float or sequence of float
        The rate in [0, 1) of all hidden layers, or of each; active in training only.
    dtype : {"float32", "float64"}
        Of the weights and of all arithmetic.
    rng : int, numpy.random.Generator or None
        Seeds the initial weights, and training unless it gets an ``rng`` of its own;
        None takes fresh entropy.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what its description says.
    MemoryError
        If the parameters do not fit in memory.

    Examples
    --------
    The exclusive or:

    >>> import mlpcore
    >>> X = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> y = [0, 1, 1, 0]
    >>> net = mlpcore.Network([2, 8, 2], activation="tanh", rng=0)
    >>> history = net.fit(X, y, epochs=300, optimizer=mlpcore.optim.Adam(0.05))
    >>> net.classify(X)
    array([0, 1, 1, 0])
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        activation: str | Sequence[str] = "relu",
        output: str = "softmax",
        *,
        loss: LossName = "auto",
        init: str = "auto",
        dropout: float | Sequence[float] = 0.0,
        dtype: Any = "float32",
        rng: RandomState = None,
    ) -> None:
        architecture = make_architecture(
            layer_sizes, activation, output, loss, init, dropout, dtype
        )
        self._set_up(architecture, seed_from(rng))
        weights = [
            initial_weights(architecture.init, phi, n_in, n_out, self._seed, i)
            for i, (phi, (n_in, n_out)) in enumerate(
                zip(architecture.activations, architecture.layer_shapes(), strict=True)
            )
        ]
        biases = [np.zeros(n) for n in architecture.layer_sizes[1:]]
        self.set_weights(weights, biases)

    def _set_up(self, architecture: Architecture, seed: int) -> None:
        self._architecture = architecture
        self._dtype = np.dtype(architecture.dtype)
        self._seed = seed
        self._n_trainers = 0  # each trainer without an rng has the next seed
        self._training = TrainingLock()
        make = _core.Network32 if architecture.dtype == "float32" else _core.Network64
        self._core = make(
            list(architecture.layer_sizes),
            list(architecture.activations),
            architecture.loss,
            architecture.loss_parameter,
            list(architecture.dropout),
        )
        self._handle = self._core.handle

    # What it is made of.

    @property
    def layer_sizes(self) -> list[int]:
        """``[n_in, hidden..., n_out]``."""
        return list(self._architecture.layer_sizes)

    @property
    def activations(self) -> list[str]:
        """The activation of each layer, the output's last."""
        return list(self._architecture.activations)

    @property
    def loss_name(self) -> str:
        """The loss."""
        return self._architecture.loss

    @property
    def loss_parameter(self) -> float | None:
        """Huber's delta, the quantile; None for a loss without one."""
        has_one = self.loss_name in ("huber", "quantile")
        return self._architecture.loss_parameter if has_one else None

    @property
    def dropout(self) -> list[float]:
        """The dropout rate of each hidden layer."""
        return list(self._architecture.dropout)

    @property
    def dtype(self) -> np.dtype[Any]:
        """float32 or float64."""
        return self._dtype

    @property
    def n_parameters(self) -> int:
        """The number of weights and biases."""
        return int(self._core.n_parameters)

    # Parameters.

    def _split(self, flat: Array) -> tuple[list[Array], list[Array]]:
        """Return the weights and the biases as views of a flat vector."""
        weights, biases = [], []
        at = 0
        for n_in, n_out in self._architecture.layer_shapes():
            weights.append(flat[at : at + n_in * n_out].reshape(n_in, n_out))
            at += n_in * n_out
            biases.append(flat[at : at + n_out])
            at += n_out
        return weights, biases

    @property
    def weights(self) -> list[Array]:
        """Copies of the weights, (n_in, n_out) for each layer."""
        return self._split(self.get_parameters())[0]

    @property
    def biases(self) -> list[Array]:
        """Copies of the biases, (n_out,) for each layer."""
        return self._split(self.get_parameters())[1]

    def set_weights(
        self, weights: Sequence[ArrayLike], biases: Sequence[ArrayLike]
    ) -> None:
        """Replace all weights and biases, or, if one does not fit, nothing.

        Parameters
        ----------
        weights : sequence of array_like
            (n_in, n_out) for each layer.
        biases : sequence of array_like
            (n_out,) for each layer.

        Raises
        ------
        TypeError, ValueError
            If a number of layers, a shape or a type does not fit.
        RuntimeError
            If the network is being trained in another thread.
        """
        shapes = self._architecture.layer_shapes()
        flat = np.empty(self.n_parameters, self.dtype)
        to_weights, to_biases = self._split(flat)
        for name, given, targets in (
            ("weights", weights, to_weights),
            ("biases", biases, to_biases),
        ):
            wanted = f"{name} must have one array a layer ({len(shapes)}), got "
            if not hasattr(given, "__len__"):
                raise TypeError(f"{wanted}{type(given).__name__}")
            if len(given) != len(shapes):
                raise ValueError(f"{wanted}{len(given)}")
            for i, (value, target) in enumerate(zip(given, targets, strict=True)):
                array = as_real_array(value, self.dtype, f"{name}[{i}]")
                if array.shape != target.shape:
                    raise ValueError(
                        f"{name}[{i}] has shape {array.shape}, expected {target.shape}"
                    )
                target[...] = array
        self._training.refuse_other_threads()
        self._core.set_parameters(flat)

    def get_parameters(self) -> Array:
        """Return a copy of all parameters as one vector.

        Returns
        -------
        ndarray, shape (n_parameters,)
            For each layer W row by row, then b.
        """
        return self._core.get_parameters()

    def set_parameters(self, flat: ArrayLike) -> None:
        """Replace all parameters.

        Parameters
        ----------
        flat : array_like, shape (n_parameters,)
            In the order of `get_parameters`.

        Raises
        ------
        TypeError, ValueError
            If the shape or type does not fit.
        RuntimeError
            If the network is being trained in another thread.
        """
        array = as_real_array(flat, self.dtype, "flat")
        if array.shape != (self.n_parameters,):
            raise ValueError(
                f"flat must have the shape ({self.n_parameters},), got {array.shape}"
            )
        self._training.refuse_other_threads()
        self._core.set_parameters(array)

    # Inference.

    def predict(self, X: ArrayLike, out: Array | None = None) -> Array:
        """Return the output signals.

        A row's result has the same bits alone or in any batch, on any number of threads
        and any instruction set with fused multiply-add. NaN and infinities in a row
        affect that row only.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
            The rows. An array of the network's dtype in C order is used as it is.
        out : ndarray, shape (n, n_out), optional
            Where to put the result; of the network's dtype, in C order.

        Returns
        -------
        ndarray, shape (n, n_out)
            The output signals; `out` if it was given.

        Raises
        ------
        TypeError, ValueError
            If X or `out` has a wrong shape or type.
        """
        # The short way in, for arrays that need no conversion; it declines the others.
        y = _core.predict(self._handle, X, out)
        return self._predict_any(X, out) if y is NotImplemented else y

    __call__ = predict

    def _predict_any(self, X: ArrayLike, out: Array | None) -> Array:
        x = self._features(X)
        shape = (len(x), self._architecture.n_out)
        if out is None:
            y = np.empty(shape, self.dtype)
        else:
            y = check_out(out, shape, self.dtype)
            if np.may_share_memory(x, y):
                x = x.copy()
        self._core.predict(x, y)
        return y

    def classify(self, X: ArrayLike) -> NDArray[np.intp]:
        """Return the class of each row.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
            The rows.

        Returns
        -------
        ndarray of int, shape (n,)
            The index of the largest output, the first of equals; with one sigmoid
            output 1 where it is above 1/2, else 0.

        Raises
        ------
        NotSupportedError
            If the network has one output that is not a sigmoid.
        """
        if self._architecture.n_out > 1:
            classes: NDArray[np.intp] = np.argmax(self.predict(X), axis=1)
            return classes
        if self._architecture.output != "sigmoid":
            raise NotSupportedError(
                "classify needs several outputs or one sigmoid output, "
                f"this network has one {self._architecture.output} output"
            )
        return (self.predict(X)[:, 0] > 0.5).astype(np.intp)

    def forward(self, X: ArrayLike) -> ForwardPass:
        """Return what every layer computes.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
            The rows.

        Returns
        -------
        ForwardPass
            Lists `z` (induced local fields) and `y` (outputs), an array of shape
            (n, width) for each layer.
        """
        z, y = self._core.forward(self._features(X))
        return ForwardPass(z, y)

    # How good it is.

    def loss(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> float:
        """Return the mean loss over the rows.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
            The rows, one or more.
        y : array_like
            Class indices (n,) or probabilities (n, n_out) for softmax; else values (n,)
            for one output, or (n, n_out).
        sample_weight : array_like, shape (n,), optional
            Weights of the mean.

        Returns
        -------
        float
            sum(w l) / sum(w), accumulated in float64.
        """
        total, weight, _ = self._evaluate(*self._checked(X, y, sample_weight))
        return total / weight

    def log_likelihood(self, X: ArrayLike, y: ArrayLike) -> float:
        """Return the log-likelihood of the targets.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
            The rows, one or more.
        y : array_like
            As in `loss`.

        Returns
        -------
        float
            The sum over the rows of log p(target given x), in nats.

        Raises
        ------
        NotSupportedError
            If the loss is not ``"log_loss"``.
        """
        if not self._architecture.is_classifier:
            raise NotSupportedError(
                "log_likelihood needs a network with log_loss, "
                f"this one has {self.loss_name}"
            )
        total, _, _ = self._evaluate(*self._checked(X, y, None))
        return -total

    def loss_and_gradient(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> tuple[float, Array]:
        """Return the mean loss and its gradient.

        Parameters
        ----------
        X, y, sample_weight
            As in `loss`. Dropout is not applied.

        Returns
        -------
        loss : float
            As `loss` returns it, but for the last bits: a gradient may need the rows
            in smaller parts, whose losses are added in another order.
        gradient : ndarray, shape (n_parameters,)
            With respect to the parameters in `get_parameters` order.
        """
        x, targets, weights = self._checked(X, y, sample_weight)
        return self._core.loss_and_gradient(x, *targets, weights, 0.0, drops_tiny=False)

    def evaluate(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> dict[str, float]:
        """Return the loss and a score.

        Parameters
        ----------
        X, y, sample_weight
            As in `loss`.

        Returns
        -------
        dict
            ``loss``, and for ``"log_loss"`` networks ``accuracy``, the weighted share
            of rows classified rightly (with several sigmoid outputs: in all of them),
            for others ``r2``, the coefficient of determination, averaged over outputs.
            Of an output whose targets are all equal, a single row's too, it is 1 if
            they are met and 0 if not.
        """
        x, targets, weights = self._checked(X, y, sample_weight)
        total, weight, correct = self._evaluate(x, targets, weights)
        if self._architecture.is_classifier:
            return {"loss": total / weight, "accuracy": correct / weight}
        assert targets.values is not None
        r2 = r2_score(targets.values, self.predict(x), weights)
        return {"loss": total / weight, "r2": r2}

    def _evaluate(
        self, x: Array, targets: Targets, weights: Array | None
    ) -> tuple[float, float, float]:
        """Return sums over rows: of the loss, of the weights, of the right ones."""
        return self._core.evaluate(x, *targets, weights)

    # Training.

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        epochs: int = 10,
        batch_size: int = 32,
        optimizer: str | Optimizer = "adam",
        shuffle: bool = True,
        sample_weight: ArrayLike | None = None,
        class_weight: ClassWeight = None,
        l2: float = 0.0,
        clip_norm: float | None = None,
        label_smoothing: float = 0.0,
        validation_data: ValidationData | None = None,
        validation_split: float = 0.0,
        callbacks: Iterable[Callback] = (),
        verbose: int = 0,
        rng: RandomState = None,
    ) -> History:
        """Train the network; a short cut to `Trainer`.

        Parameters
        ----------
        X : array_like, shape (n, n_in)
            The rows. An array of the network's dtype in C order is not copied.
        y : array_like
            As in `loss`.
        epochs : int
            How often to go through the rows. (`optim.LBFGS` has its own `max_iter`, and
            takes all rows at once.)
        batch_size : int
            Rows of an update.
        optimizer : str or Optimizer
            ``"sgd"``, ``"adam"``, ``"adamw"``, ``"rmsprop"``, ``"lbfgs"`` or one of
            `mlpcore.optim`.
        shuffle : bool
            Whether each epoch has an order of its own.
        sample_weight : array_like, shape (n,), optional
            Weights of the rows.
        class_weight : dict, "balanced" or None
            Weights of the classes, as in `Trainer`.
        l2 : float
            Adds ``l2 / 2`` times the sum of the squared weights (not biases) to what is
            minimised; the losses recorded are without it.
        clip_norm : float, optional
            The largest norm of a gradient; longer ones are shortened.
        label_smoothing : float
            In [0, 1): targets become ``(1 - s) t + s / n_classes``.
        validation_data : tuple, optional
            ``(X, y)`` or ``(X, y, sample_weight)`` to evaluate after each epoch,
            without class weights, smoothed labels and dropout.
        validation_split : float
            In [0, 1): instead of that, the share of the last rows to hold out. Rows
            that are sorted have to be shuffled before.
        callbacks : iterable of Callback
            See `mlpcore.callbacks`.
        verbose : int
            1 shows a progress bar.
        rng : int, numpy.random.Generator or None
            Of shuffles and dropout; None continues from the network's own.

        Returns
        -------
        History
            The losses and scores of each epoch.

        Raises
        ------
        TypeError, ValueError
            If an argument is wrong; nothing has changed then.
        DivergenceError
            If a loss or a weight became infinite or NaN; the weights are those of the
            last epoch that ended finite.
        KeyboardInterrupt
            After Ctrl-C; the weights are those of the last finished batch.
        RuntimeError
            If the network is being trained in another thread.
        """
        from .trainer import Trainer

        trainer = Trainer(
            self,
            optimizer,
            l2=l2,
            clip_norm=clip_norm,
            label_smoothing=label_smoothing,
            class_weight=class_weight,
            rng=rng,
        )
        return trainer.fit(
            X,
            y,
            epochs=epochs,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            validation_data=validation_data,
            validation_split=validation_split,
            callbacks=callbacks,
            verbose=verbose,
        )

    def _next_training_seed(self) -> int:
        """Return a seed for a trainer that was given none."""
        self._n_trainers += 1
        words = np.random.SeedSequence([self._seed, self._n_trainers])
        return int(words.generate_state(1, np.uint64)[0])

    # Checks.

    def _features(self, X: ArrayLike) -> Array:
        return as_features(X, self._architecture.n_in, self.dtype)

    def _checked(
        self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None
    ) -> tuple[Array, Targets, Array | None]:
        x = self._features(X)
        check_rows(x)
        targets = as_targets(y, len(x), self._architecture, self.dtype)
        return x, targets, as_sample_weight(sample_weight, len(x), self.dtype)

    # Copies.

    def copy(self) -> Network:
        """Return a network of its own with the same parameters, bit for bit.

        ``copy.copy`` and ``copy.deepcopy`` do the same. Callbacks may copy a network
        that is being trained. Attributes of a subclass are copied and pickled if its
        ``__getstate__`` and ``__setstate__`` do so.

        Raises
        ------
        RuntimeError
            If the network is being trained in another thread; pickling and saving it
            raise the same.
        """
        twin = type(self).__new__(type(self))
        twin.__setstate__(self.__getstate__())
        return twin

    __copy__ = copy

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        """Return `copy`."""
        return self.copy()

    def __getstate__(self) -> dict[str, Any]:
        """Return what a pickle holds."""
        from .formats._native import describe_architecture

        return {
            "version": _PICKLE_VERSION,
            "architecture": describe_architecture(self._architecture),
            "seed": self._seed,
            "n_trainers": self._n_trainers,
            "parameters": self._training.read(self.get_parameters),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become the network that a pickle holds."""
        from ._trainer_state import check_pickle_version
        from .formats._native import architecture_of

        check_pickle_version(state, _PICKLE_VERSION, "Network")
        self._set_up(architecture_of(state["architecture"]), state["seed"])
        self._n_trainers = state["n_trainers"]
        self._core.set_parameters(state["parameters"])

    # How it shows itself.

    def summary(self) -> _display.Summary:
        """Return a table of the layers: shapes, activations, parameter counts.

        Returns
        -------
        str
            The table; an interactive session shows it as it is.

        Examples
        --------
        >>> import mlpcore
        >>> print(mlpcore.Network([4, 16, 3]).summary())
        layer     activation  shape   parameters
        hidden 1  relu        4 x 16          80
        output    softmax     16 x 3          51
        131 parameters (524 bytes, float32), loss log_loss
        """
        return _display.summary(self)

    def __repr__(self) -> str:
        """Return how to make a network of these layers, with initial weights."""
        return _display.constructor_call(self)

    def _repr_html_(self) -> str:
        """Return the summary as a table, for notebooks."""
        return _display.html_table(self)
