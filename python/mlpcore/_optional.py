"""Import of what is not required, with an error that says how to get it."""

from __future__ import annotations

import importlib
import sys
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
        If its package is not installed, or too old to have the module.
    """
    package = module.partition(".")[0]
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # A module missing inside an installed package is a different fault.
        if error.name is None or error.name.partition(".")[0] != package:
            raise
        needed, how = package, "pip install"
        if (old := sys.modules.get(package)) is not None:
            needed = f"a later {package} than {getattr(old, '__version__', 'this')}"
            how = "pip install --upgrade"
        raise ImportError(
            f'{purpose} needs {needed}: {how} "mlpcore[{extra}]"',
            name=package,
        ) from None


def pyplot(purpose: str) -> Any:
    """Import ``matplotlib.pyplot``; see `require`."""
    return require("matplotlib.pyplot", "plots", purpose)
