"""Names of things the user chooses by a string, and the error for a wrong one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def nearest(got: object, names: Sequence[str]) -> str | None:
    """Return the name that `got` was probably meant to be, or None.

    Examples
    --------
    >>> nearest("ReLu", ["elu", "relu", "tanh"]), nearest("sinus", ["elu", "relu"])
    ('relu', None)
    """
    import difflib  # for errors only

    by_lower = {name.lower(): name for name in names}
    # difflib compares characters, so 'ReLU' would be far from 'relu'.
    near = difflib.get_close_matches(str(got).lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[near[0]] if near else None


def unknown_name(kind: str, got: object, names: Sequence[str]) -> ValueError:
    """Make the error for a name that is not among those there are.

    Parameters
    ----------
    kind : str
        What is being named, such as ``"activation"``.
    got : object
        What the caller gave.
    names : sequence of str
        The names there are, in the order to list them.

    Returns
    -------
    ValueError
        For the caller to raise.

    Examples
    --------
    >>> print(unknown_name("activation", "rleu", ["elu", "relu", "tanh"]))
    unknown activation 'rleu', did you mean 'relu'? There are 'elu', 'relu', 'tanh'
    """
    near = nearest(got, names)
    hint = "there are " if near is None else f"did you mean {near!r}? There are "
    listed = ", ".join(repr(name) for name in names)
    return ValueError(f"unknown {kind} {got!r}, {hint}{listed}")


def resolve(
    kind: str,
    got: object,
    names: Sequence[str],
    aliases: Mapping[str, str] | None = None,
) -> str:
    """Return the canonical name for `got`, which is a name or an alias of one.

    Parameters
    ----------
    kind : str
        What is being named; also the argument's name in messages.
    got : object
        What the caller gave.
    names : sequence of str
        The canonical names.
    aliases : mapping of str to str, optional
        Other names, and the canonical name of each.

    Returns
    -------
    str
        The canonical name.

    Raises
    ------
    TypeError
        If `got` is not a string.
    ValueError
        If there is no such name; lists those there are and suggests the nearest.

    Examples
    --------
    >>> resolve("activation", "logistic", ["relu", "sigmoid"], {"logistic": "sigmoid"})
    'sigmoid'
    """
    aliases = aliases or {}
    if not isinstance(got, str):
        raise TypeError(f"{kind} must be a name (str), got {type(got).__name__}")
    if got in names:
        return got
    if got in aliases:
        return aliases[got]
    raise unknown_name(kind, got, [*names, *aliases])
