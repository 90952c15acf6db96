"""One way to ask networks and estimators what they predict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._arguments import check_integer
from .._validation import Array
from ..network import Network


class Model(NamedTuple):
    """What is to be drawn of a network or an estimator."""

    predict: Callable[[Any], Array]
    """Rows to (n, n_classes) probabilities, or (n, 1) values."""
    n_in: int | None
    """How many features it takes, if it says so."""
    classes: list[Any] | None
    """The classes; None if values are predicted."""
    output: int
    """Which of several outputs the value is."""
    title: str
    label: str
    """What the value is called."""
    scored: bool = True
    """Whether the value is to be near y, and not the probability of a class."""
    of_class: Any = None
    """If it is that, the class."""
    questions: bool = False
    """Whether y has a column of yes and no for each output."""


def as_model(net: Any, output: int | None) -> Model:
    """Return how to draw `net`.

    Parameters
    ----------
    net : Network or estimator
        A network, or anything with ``predict``.
    output : int or None
        Which of several outputs, or which class's probability; None for all classes.

    Raises
    ------
    TypeError
        If `net` cannot predict.
    ValueError
        If there is no such output, or one has to be chosen.
    """
    if isinstance(net, Network):
        return _of_network(net, output)
    if not callable(getattr(net, "predict", None)):
        raise TypeError(
            "net must be a Network or a fitted estimator with predict, "
            f"got {type(net).__name__}"
        )
    return _of_estimator(net, output)


def _of_network(net: Network, output: int | None) -> Model:
    n_in, n_out = net.layer_sizes[0], net.layer_sizes[-1]
    classifier = net.loss_name == "log_loss"
    if classifier and net.activations[-1] == "softmax":
        return _of_classes(net.predict, n_in, list(range(n_out)), output)
    if classifier and n_out == 1:
        return _of_classes(lambda x: _both(net.predict(x)), n_in, [0, 1], output)
    k = _choose(output, n_out)
    if classifier:  # several yes-or-no questions, of which one is drawn

        def answer(x: Any) -> Array:
            return _both(net.predict(x)[:, k : k + 1])

        title = f"Decision regions of output {k}"
        return Model(answer, n_in, [0, 1], k, title, "", questions=True)
    return _of_values(net.predict, n_in, n_out, k)


def _of_estimator(net: Any, output: int | None) -> Model:
    n_in = getattr(net, "n_features_in_", None)
    classes = getattr(net, "classes_", None)
    if classes is None:
        # How many outputs there are is known when it has predicted.
        n_out = np.size(getattr(net, "intercepts_", [[0]])[-1])
        k = check_integer("output", output, 0) if output is not None else 0
        if n_out > 1:
            k = _choose(output, n_out)
        return _of_values(net.predict, n_in, n_out, k)
    labels = np.asarray(classes, dtype=object).tolist()
    if any(isinstance(label, list | np.ndarray) for label in labels):
        raise ValueError("an estimator of several outputs at once cannot be drawn")
    if hasattr(net, "predict_proba"):
        return _of_classes(net.predict_proba, n_in, labels, output)

    def one_hot(x: Any) -> Array:
        of_class: Array = np.asarray(net.predict(x))[:, None] == np.asarray(classes)
        return of_class * 1.0

    return _of_classes(one_hot, n_in, labels, output)


def _of_classes(
    predict: Callable[[Any], Array],
    n_in: int | None,
    classes: list[Any],
    output: int | None,
) -> Model:
    if output is None:
        return Model(predict, n_in, classes, 0, "Decision regions", "")
    k = _choose(output, len(classes))
    label = f"Probability of class {classes[k]}"
    return Model(
        lambda x: np.asarray(predict(x))[:, k : k + 1],
        n_in,
        None,
        k,
        label,
        "Probability",
        scored=False,
        of_class=classes[k],
    )


def _of_values(
    predict: Callable[[Any], Array], n_in: int | None, n_out: int, k: int
) -> Model:
    def value(x: Any) -> Array:
        y = np.asarray(predict(x))
        return y.reshape(len(y), -1)[:, k : k + 1]

    title = "Predicted value" if n_out == 1 else f"Predicted value of output {k}"
    return Model(value, n_in, None, k, title, "Predicted value")


def _both(p: Array) -> Array:
    """Return the probabilities of no and yes."""
    return np.concatenate([1 - p, p], axis=1)


def _choose(output: int | None, n_out: int) -> int:
    if output is None:
        if n_out == 1:
            return 0
        raise ValueError(
            f"the model has {n_out} outputs; give output= to choose the one to draw"
        )
    k = check_integer("output", output, 0)
    if k >= n_out:
        raise ValueError(f"output must be below {n_out}, got {k}")
    return k
