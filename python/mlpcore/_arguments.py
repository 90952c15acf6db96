"""Checks of scalar arguments, with messages that name the argument and its range."""

from __future__ import annotations

import math
from numbers import Integral, Real


def _interval(low: float, high: float, closed: str) -> str:
    left = "[" if closed in ("left", "both") and low != -math.inf else "("
    right = "]" if closed in ("right", "both") and high != math.inf else ")"
    return f"{left}{low:g}, {high:g}{right}"


def check_real(
    name: str,
    value: object,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    closed: str = "left",
) -> float:
    """Return `value` as a float if it is a finite real number in the interval.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        What the caller gave. Booleans are not numbers here.
    low, high : float
        The ends of the interval.
    closed : {"left", "right", "both", "neither"}
        The ends that belong to the interval.

    Returns
    -------
    float
        The value.

    Raises
    ------
    TypeError
        If `value` is not a real number.
    ValueError
        If it is not finite or outside the interval.

    Examples
    --------
    >>> check_real("momentum", 1.5, 0, 1)
    Traceback (most recent call last):
    ...
    ValueError: momentum must be in [0, 1), got 1.5
    """
    interval = _interval(low, high, closed)
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(
            f"{name} must be a real number in {interval}, "
            f"got {value!r} ({type(value).__name__})"
        )
    try:
        number = float(value)
    except OverflowError:  # 10**400
        number = math.inf
    above = number >= low if closed in ("left", "both") else number > low
    below = number <= high if closed in ("right", "both") else number < high
    if not (math.isfinite(number) and above and below):
        raise ValueError(f"{name} must be in {interval}, got {value}")
    return number


def check_integer(name: str, value: object, low: int) -> int:
    """Return `value` as an int if it is a whole number of `low` or more.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        What the caller gave. Booleans and floats are not integers here.
    low : int
        The smallest value allowed.

    Returns
    -------
    int
        The value.

    Raises
    ------
    TypeError
        If `value` is not an integer.
    ValueError
        If it is below `low`.

    Examples
    --------
    >>> check_integer("patience", -1, 0)
    Traceback (most recent call last):
    ...
    ValueError: patience must be an integer of 0 or more, got -1
    """
    wanted = f"{name} must be an integer of {low} or more, got "
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{wanted}{value!r} ({type(value).__name__})")
    if value < low:
        raise ValueError(f"{wanted}{value}")
    return int(value)


def check_bool(name: str, value: object) -> bool:
    """Return `value` if it is True or False.

    Parameters
    ----------
    name : str
        The argument's name, for the message.
    value : object
        What the caller gave. NumPy's booleans are accepted.

    Returns
    -------
    bool
        The value.

    Raises
    ------
    TypeError
        If `value` is anything else: ``"no"`` and ``0.5`` would both count as true.

    Examples
    --------
    >>> check_bool("nesterov", "no")
    Traceback (most recent call last):
    ...
    TypeError: nesterov must be True or False, got 'no'
    """
    # numpy.bool_ without importing NumPy here.
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):
        return bool(value)
    raise TypeError(f"{name} must be True or False, got {value!r}")


def set_fields(instance: object, **values: object) -> None:
    """Store checked values in a frozen dataclass, from its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(instance, name, value)
