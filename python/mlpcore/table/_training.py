"""From a table to a model, with a score on rows it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import optim
from .._arguments import check_integer, check_real
from .._names import resolve, unknown_name
from .._optional import require
from .._validation import Array
from ..callbacks import Callback, EarlyStopping
from ..history import History
from ..network import Network
from ._columns import Column, learn_column
from ._model import (
    TableModel,
    check_frame,
    feature_names,
    make_features,
    no_such_column,
)
from ._scores import Score, class_scores, number_scores
from ._target import (
    Classes,
    Label,
    Number,
    Target,
    learn_classes_or_values,
    number_target,
)

if TYPE_CHECKING:
    import pandas as pd

# Of the target's deviation, which outliers make large. Diabetes with each tenth target
# 1, 10 and 100 times as large, mean absolute error for the others: 41, 44, 85; with 1.0
# 37, 76, 696; by the squared error 37, 155, 1,650, by the absolute one 35, 34, 115.
HUBER_DELTA = 0.1
# Of the weights. Means over six seeds without it and with it: diabetes R2 0.31 and
# 0.41, breast cancer log loss 0.086 and 0.066, iris accuracy 0.93 and 0.96.
PRIOR_PRECISION = 5.0


@dataclass(frozen=True)
class TableTraining:
    """What `train` did.

    Attributes
    ----------
    model : TableModel
        The model.
    history : History
        The losses of each epoch.
    best_epoch : int or None
        The epoch, counted from 1, whose weights the model has; None without early
        stopping, when it has the last ones.
    n_rows : dict of str to int
        How many rows were for ``training``, ``validation`` and ``test``.
    scores : list of Score
        On the held-out rows, beside the baseline's; empty if none were held out.
    y_true, y_predicted : ndarray
        The target of the held-out rows, and what the model says.
    probabilities : ndarray or None
        Its probabilities, for classes.
    class_counts : dict or None
        How often each class is in the data.
    """

    model: TableModel
    history: History
    best_epoch: int | None
    n_rows: dict[str, int]
    scores: list[Score]
    y_true: NDArray[Any]
    y_predicted: NDArray[Any]
    probabilities: Array | None
    class_counts: dict[Label, int] | None

    @property
    def is_better_than_baseline(self) -> bool:
        """Whether a score is better than that of a constant.

        Not only the first: of rare classes the accuracy of a constant is hard to beat.
        """
        return any(score.is_better for score in self.scores)


def train(
    frame: pd.DataFrame,
    target: str,
    *,
    task: str = "auto",
    drop: Sequence[str] = (),
    categorical: Sequence[str] = (),
    max_categories: int = 20,
    layers: Sequence[int] = (64, 64),
    activation: str = "relu",
    dropout: float = 0.0,
    loss: str = "auto",
    class_weight: str | None = None,
    l2: float | None = None,
    epochs: int = 500,
    batch_size: int = 32,
    optimizer: str = "adam",
    learning_rate: float | None = None,
    holdout: float = 0.2,
    validation: float = 0.2,
    patience: int = 20,
    seed: int = 0,
    callbacks: Iterable[Callback] = (),
    verbose: int = 0,
) -> TableTraining:
    """Train a network to predict a column of a table from the others.

    The rows are divided by chance, classes in equal shares: first the held-out rows,
    which only the scores in the end see; of the rest the validation rows, which say
    when to stop. The same data, settings and seed give the same model, bit for bit.

    Parameters
    ----------
    frame : pandas.DataFrame
        The data, a row an example.
    target : str
        The column to predict.
    task : {"auto", "classification", "regression"}
        ``"auto"``: a number is a regression, unless it looks like the number of a
        class: whole, at most 20 different ones, 5 rows of each on the average.
    drop : sequence of str
        Columns to leave out.
    categorical : sequence of str
        Columns of numbers that are names, such as a code; the target may be one.
    max_categories : int
        How many values of a text column get a feature of their own; the rarer ones
        share one.
    layers : sequence of int
        The widths of the hidden layers.
    activation, dropout
        As in `Network`.
    loss : {"auto", "squared_error", "absolute_error", "huber"}
        Of numbers, which the network sees with deviation 1: the last two are for those
        with outliers (Huber's is linear from a tenth of the deviation on, which
        outliers make large). ``"auto"`` is the squared error, and for classes the
        log-loss.
    class_weight : {None, "balanced"}
        Of the rows to learn from, as in `Trainer`; neither the validation loss nor the
        scores are weighted.
    l2 : float, optional
        As in `Network.fit`. By default 5 divided by the number of rows to learn from:
        a prior that the weights are normal with the deviation 0.45, as of networks
        that do well on small tables, and which counts less the more rows there are.
    epochs, batch_size
        As in `Network.fit`.
    optimizer : {"adam", "adamw", "rmsprop", "sgd"}
        Its name.
    learning_rate : float, optional
        By default the optimizer's own.
    holdout, validation : float
        Shares of the rows, in [0, 1); 0 for none. `validation` is of the rows that are
        not held out; without it there is no early stopping.
    patience : int
        How many epochs to wait for a lower validation loss. The weights are those of
        the best epoch.
    seed : int
        Of the division of the rows, the initial weights and the shuffles; in [0, 2^32).
    callbacks : iterable of Callback
        Further callbacks.
    verbose : int
        1 shows a progress bar.

    Returns
    -------
    TableTraining
        The model, and how good it is.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong, or the data cannot be used.
    DivergenceError
        If the loss became infinite or NaN.
    ImportError
        If pandas or scikit-learn is missing (``pip install mlpcore[cli]``).

    Examples
    --------
    >>> import pandas
    >>> frame = pandas.DataFrame({"x": range(100), "unit": ["cm", "inch"] * 50})
    >>> frame["cm"] = frame["x"] * frame["unit"].map({"cm": 1.0, "inch": 2.54})
    >>> training = train(frame, "cm", seed=1)
    >>> training.model
    TableModel(regression of 'cm' from 2 columns, 3-64-64-1)
    >>> training.scores[0].name, training.is_better_than_baseline
    ('R2', True)
    """
    check_frame(frame)
    for argument, names in (("drop", drop), ("categorical", categorical)):
        if isinstance(names, str):
            raise TypeError(f"{argument} must be a list of columns, got {names!r}")
    for name in (target, *drop, *categorical):
        if name not in frame.columns:
            raise no_such_column([name], list(frame.columns))
    if target in drop:
        raise ValueError(f"the target {target!r} cannot be left out")
    max_categories = check_integer("max_categories", max_categories, 1)
    layers = [check_integer(f"layers[{i}]", n, 1) for i, n in enumerate(layers)]
    holdout = check_real("holdout", holdout, 0, 1)
    validation = check_real("validation", validation, 0, 1)
    seed = check_integer("seed", seed, 0)
    if seed >= 2**32:
        raise ValueError(f"seed must be in [0, 2^32), got {seed}")
    chosen = _optimizer(optimizer, learning_rate)
    stopping = EarlyStopping(patience=patience, restore_best_weights=True)

    labels, y = learn_classes_or_values(
        frame[target], target, task, categorical=target in categorical
    )
    classes = None if labels is None else y
    loss = _loss(loss, class_weight, labels is None)
    rest, test = _split(np.arange(len(frame)), holdout, classes, seed, "holdout")
    learning, watching = _split(rest, validation, classes, seed, "validation")

    names = [name for name in frame.columns if name != target and name not in drop]
    known = frame.iloc[rest]
    columns, left_out = _learn_columns(known, names, categorical, max_categories)
    left_out = {**dict.fromkeys(drop, "dropped"), **left_out}
    n_out = 1 if labels is None else len(labels)
    network = Network(
        [len(feature_names(columns)), *layers, n_out],
        activation,
        "identity" if labels is None else "softmax",
        loss=("huber", HUBER_DELTA) if loss == "huber" else loss,
        dropout=dropout if layers else 0.0,
        rng=seed,
    )
    meaning: Target = (
        number_target(target, y[rest]) if labels is None else Classes(target, labels)
    )
    x = make_features(columns, frame, network.dtype)
    goal = y if isinstance(meaning, Classes) else meaning.scaled(y)
    if l2 is None:
        l2 = PRIOR_PRECISION / len(learning)
    history = network.fit(
        x[learning],
        goal[learning],
        epochs=epochs,
        batch_size=batch_size,
        optimizer=chosen,
        class_weight=class_weight,
        l2=l2,
        validation_data=(x[watching], goal[watching]) if len(watching) else None,
        callbacks=[*([stopping] if len(watching) else []), *callbacks],
        verbose=verbose,
    )
    best = stopping.best_epoch + 1 if stopping.best is not None else None
    n_rows = {
        "training": len(learning),
        "validation": len(watching),
        "test": len(test),
    }
    record: dict[str, str | float | bool] = {
        "rows": ", ".join(f"{n} for {what}" for what, n in n_rows.items() if n),
        "optimizer": repr(chosen),
        "batch size": batch_size,
        "l2": float(f"{l2:.6g}"),
        "epochs": len(history),
        "seed": seed,
    }
    if loss != "auto":
        record["loss"] = loss
    if class_weight is not None:
        record["class weight"] = class_weight
    model = TableModel(network, columns, meaning, left_out, record)
    if best is not None:
        model.record["best epoch"] = best
    scores, predicted, probabilities = _measure(model, x[test], y[test], y[rest])
    for score in scores:
        for whose, value in (("", score.model), ("baseline ", score.baseline)):
            if np.isfinite(value):  # JSON has no infinities
                model.record[f"{whose}{score.name}"] = float(f"{value:.6g}")
    true, counts = y[test], None
    if labels is not None:
        true = np.array(labels, object)[true]
        counts = dict(zip(labels, np.bincount(y).tolist(), strict=True))
    return TableTraining(
        model=model,
        history=history,
        best_epoch=best,
        n_rows=n_rows,
        scores=scores,
        y_true=true,
        y_predicted=predicted,
        probabilities=probabilities,
        class_counts=counts,
    )


def _optimizer(name: str, learning_rate: float | None) -> optim.Optimizer:
    chosen = optim.get(name)
    if isinstance(chosen, optim.LBFGS):
        # It counts iterations where the others count epochs, and has no batches.
        raise ValueError("the optimizer must be 'adam', 'adamw', 'rmsprop' or 'sgd'")
    if learning_rate is None:
        return chosen
    return type(chosen)(learning_rate=learning_rate)  # type: ignore[call-arg]


def _loss(loss: str, class_weight: object, is_regression: bool) -> str:
    """Check what is minimised against the task."""
    loss = resolve("loss", loss, ["auto", "squared_error", "absolute_error", "huber"])
    if class_weight not in (None, "balanced"):
        raise unknown_name("class_weight", class_weight, ["balanced"])
    if loss != "auto" and not is_regression:
        raise ValueError(f"loss {loss!r} is one of numbers, the target has classes")
    if class_weight is not None and is_regression:
        raise ValueError("class_weight needs classes, the target is a number")
    return loss


def _split(
    rows: NDArray[np.intp],
    share: float,
    classes: NDArray[np.int64] | None,
    seed: int,
    what: str,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Divide rows in two; each class in equal shares, if there is enough of each."""
    n = round(share * len(rows))
    if not share:
        n = 0
    elif not 2 <= n <= len(rows) - 2:
        raise ValueError(
            f"{what} {share:g} divides {len(rows)} rows into {n} and "
            f"{len(rows) - n}; each side needs 2 at least, or {what} has to be 0"
        )
    if n == 0:
        return rows, rows[:0]
    stratify = None
    if classes is not None:
        counts = np.bincount(classes[rows])
        counts = counts[counts > 0]
        if counts.min() >= 2 and len(counts) <= min(n, len(rows) - n):
            stratify = classes[rows]
    selection: Any = require("sklearn.model_selection", "cli", "mlpcore.table")
    first, second = selection.train_test_split(
        rows, test_size=n, random_state=seed, stratify=stratify
    )
    # In their order: only which rows are where is left to chance.
    return np.sort(first), np.sort(second)


def _learn_columns(
    frame: pd.DataFrame, names: Sequence[str], categorical: Sequence[str], most: int
) -> tuple[list[Column], dict[str, str]]:
    columns: list[Column] = []
    left_out = {}
    for name in names:
        column = learn_column(
            frame[name], name, categorical=name in categorical, most=most
        )
        if isinstance(column, str):
            left_out[name] = column
        else:
            columns.append(column)
    if not columns:
        raise ValueError(
            "no column is left to learn from"
            + "".join(f"; {name!r} is {why}" for name, why in left_out.items())
        )
    return columns, left_out


def _measure(
    model: TableModel, x: Array, y: NDArray[Any], learnt: NDArray[Any]
) -> tuple[list[Score], NDArray[Any], Array | None]:
    """Return the scores, the predictions and the probabilities of the held-out rows."""
    outputs = model.network.predict(x)
    if isinstance(model.target, Number):
        predicted: NDArray[Any] = model.target.unscaled(outputs[:, 0])
        scores = number_scores(y, predicted, learnt) if len(y) else []
        return scores, predicted, None
    if not len(y):
        return [], model.labels_of(outputs), outputs
    loss = model.network.loss(x, y)
    return (
        class_scores(y, outputs, loss, learnt),
        model.labels_of(outputs),
        outputs,
    )
