"""The optimizers and their settings.

These classes hold settings only, so they can be compared, printed, pickled and used
for several networks. The moments live in the `Trainer`, the updates in native code.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ._arguments import check_bool, check_integer, check_real, set_fields
from ._names import unknown_name
from .schedules import LearningRate, Schedule

__all__ = ["LBFGS", "SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "get"]


class Optimizer:
    """Base of the optimizers."""

    name: ClassVar[str]
    """The name by which `get` finds it."""


@dataclass(frozen=True)
class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    With momentum m, velocity v and gradient g: v = m v - learning_rate g, and the
    parameters move by v, or by m v - learning_rate g with ``nesterov``
    (Sutskever et al. 2013).

    Parameters
    ----------
    learning_rate : float, Schedule or callable
        The step size, 0 or more; or what gives it for ``(step, total_steps)``, see
        `mlpcore.schedules`.
    momentum : float
        In [0, 1]; at 1 the velocity never dies away.
    nesterov : bool
        Whether to look ahead. Makes no difference with a momentum of 0.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9, nesterov=True)
    SGD(learning_rate=0.1, momentum=0.9, nesterov=True)
    """

    name: ClassVar[str] = "sgd"

    learning_rate: LearningRate = 0.01
    momentum: float = 0.0
    nesterov: bool = False

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            learning_rate=_check_learning_rate(self.learning_rate),
            momentum=check_real("momentum", self.momentum, 0, 1, closed="both"),
            nesterov=check_bool("nesterov", self.nesterov),
        )


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma & Ba 2015, algorithm 1).

    Parameters
    ----------
    learning_rate : float, Schedule or callable
        The step size, 0 or more; or what gives it for ``(step, total_steps)``, see
        `mlpcore.schedules`.
    beta_1, beta_2 : float
        How slowly the means of the gradient and of its square change; in [0, 1).
    epsilon : float
        Added to the root of the second moment; more than 0.

    Examples
    --------
    >>> Adam(3e-4).beta_2
    0.999
    """

    name: ClassVar[str] = "adam"

    learning_rate: LearningRate = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            learning_rate=_check_learning_rate(self.learning_rate),
            beta_1=check_real("beta_1", self.beta_1, 0, 1),
            beta_2=check_real("beta_2", self.beta_2, 0, 1),
            epsilon=check_real("epsilon", self.epsilon, 0, closed="neither"),
        )


@dataclass(frozen=True)
class AdamW(Optimizer):
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019).

    Each step also multiplies the weights, and the biases, by
    ``1 - learning_rate * weight_decay``. It is not an `Adam` to ``isinstance``:
    whatever treats it as one would lose the decay.

    Parameters
    ----------
    learning_rate : float, Schedule or callable
        The step size, 0 or more; or what gives it for ``(step, total_steps)``, see
        `mlpcore.schedules`.
    beta_1, beta_2 : float
        How slowly the means of the gradient and of its square change; in [0, 1).
    epsilon : float
        Added to the root of the second moment; more than 0.
    weight_decay : float
        0 or more.

    Examples
    --------
    >>> AdamW(weight_decay=0.1).weight_decay
    0.1
    """

    name: ClassVar[str] = "adamw"

    learning_rate: LearningRate = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.01

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            learning_rate=_check_learning_rate(self.learning_rate),
            beta_1=check_real("beta_1", self.beta_1, 0, 1),
            beta_2=check_real("beta_2", self.beta_2, 0, 1),
            epsilon=check_real("epsilon", self.epsilon, 0, closed="neither"),
            weight_decay=check_real("weight_decay", self.weight_decay, 0),
        )


@dataclass(frozen=True)
class RMSprop(Optimizer):
    """Gradient descent divided by a running root mean square (Tieleman & Hinton 2012).

    Parameters
    ----------
    learning_rate : float, Schedule or callable
        The step size, 0 or more; or what gives it for ``(step, total_steps)``, see
        `mlpcore.schedules`.
    rho : float
        How slowly the mean square changes; in [0, 1).
    epsilon : float
        Added to the root of the mean square; more than 0.

    Examples
    --------
    >>> RMSprop(rho=0.99)
    RMSprop(learning_rate=0.001, rho=0.99, epsilon=1e-08)
    """

    name: ClassVar[str] = "rmsprop"

    learning_rate: LearningRate = 1e-3
    rho: float = 0.9
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            learning_rate=_check_learning_rate(self.learning_rate),
            rho=check_real("rho", self.rho, 0, 1),
            epsilon=check_real("epsilon", self.epsilon, 0, closed="neither"),
        )


@dataclass(frozen=True)
class LBFGS(Optimizer):
    """Limited-memory BFGS on the whole training set (Liu & Nocedal 1989).

    A quasi-Newton method with a line search; it has no learning rate and needs SciPy.
    Good for small data sets and small networks, where it converges further than the
    stochastic methods.

    Parameters
    ----------
    max_iter : int
        The most iterations, 1 or more; the `epochs` and `batch_size` of a fit have no
        say.
    tol : float
        Stop when no element of the gradient is larger than this; 0 or more.
    max_fun : int
        The most evaluations of the loss, 1 or more.
    history_size : int
        How many past updates approximate the curvature, 1 or more.

    Examples
    --------
    >>> LBFGS(max_iter=500).max_fun
    15000
    """

    name: ClassVar[str] = "lbfgs"

    max_iter: int = 200
    tol: float = 1e-4
    max_fun: int = 15000
    history_size: int = 10

    def __post_init__(self) -> None:
        """Check the arguments."""
        set_fields(
            self,
            max_iter=check_integer("max_iter", self.max_iter, 1),
            tol=check_real("tol", self.tol, 0),
            max_fun=check_integer("max_fun", self.max_fun, 1),
            history_size=check_integer("history_size", self.history_size, 1),
        )


_BY_NAME: dict[str, type[Optimizer]] = {
    cls.name: cls for cls in (SGD, Adam, AdamW, RMSprop, LBFGS)
}


def get(optimizer: str | Optimizer) -> Optimizer:
    """Return the optimizer of a name, with its default settings.

    Parameters
    ----------
    optimizer : str or Optimizer
        ``"sgd"``, ``"adam"``, ``"adamw"``, ``"rmsprop"`` or ``"lbfgs"``; an optimizer
        is returned as it is.

    Returns
    -------
    Optimizer
        The settings.

    Raises
    ------
    ValueError
        If there is no optimizer of that name.
    TypeError
        If `optimizer` is neither a name nor an optimizer.

    Examples
    --------
    >>> get("sgd")
    SGD(learning_rate=0.01, momentum=0.0, nesterov=False)
    """
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str):
        if optimizer not in _BY_NAME:
            raise unknown_name("optimizer", optimizer, list(_BY_NAME))
        return _BY_NAME[optimizer]()
    hint = ""
    if isinstance(optimizer, Schedule):
        hint = "; a schedule is a learning rate, as in optim.Adam(schedule)"
    raise TypeError(
        "optimizer must be a name or one of mlpcore.optim, "
        f"got {_describe_callable(optimizer)}{hint}"
    )


def _check_learning_rate(value: object) -> object:
    """Return the number as a float, or the schedule as it is."""
    if isinstance(value, type):
        raise TypeError(
            "learning_rate must be a number or a schedule, "
            f"got {_describe_callable(value)}"
        )
    return value if callable(value) else check_real("learning_rate", value, 0)


def _describe_callable(value: object) -> str:
    if isinstance(value, type):  # Adam in place of Adam()
        return f"the class {value.__name__}; write {value.__name__}(...)"
    return f"{value!r} ({type(value).__name__})"
