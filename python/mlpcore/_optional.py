"""Import of what is not required, with an error that says how to get it."""

from __future__ import annotations

import importlib
from typing import Any


def require(module: str, extra: str, purpose: str) -> Any:
    """Import a module that an extra of mlpcore installs.

    Parameters
    ----------
    module : str
        The module, such as ``"matplotlib.pyplot"``.
    extra : str
        The extra that installs it, such as ``"plots"``.
    purpose : str
        What needs it, to begin the message with.

    Returns
    -------
    module
        The module.

    Raises
    ------
    ImportError
        If its package is not installed.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A module missing inside an installed package is a different fault.
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        raise ImportError(
            f'{purpose} needs {package}: pip install "mlpcore[{extra}]"',
            name=package,
        ) from None


def pyplot(purpose: str) -> Any:
    """Import ``matplotlib.pyplot``; see `require`."""
    return require("matplotlib.pyplot", "plots", purpose)
