"""What a file says of itself, without making a network of it."""

from __future__ import annotations

import os
from typing import NamedTuple

from ._atomic import Path
from ._native import FORMAT, KIND, LIBRARY, _check_version
from ._safetensors import DIGEST, OURS, check_digest, opened, read_header


class FileInfo(NamedTuple):
    """What is in a file beside the numbers."""

    kind: str
    """``"network"`` or ``"checkpoint"``."""
    format: str
    """The version of the format."""
    library: str
    """The version of mlpcore that wrote it."""
    sha256: str
    """The digest written in the file, which is the right one."""
    n_bytes: int
    metadata: dict[str, str]
    """The user's own."""


def inspect(path: Path) -> FileInfo:
    """Read and check a file that mlpcore has written.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.

    Returns
    -------
    FileInfo
        What it says.

    Raises
    ------
    ModelFormatError, ModelVersionError, OSError
        As in `mlpcore.load`.
    """
    with opened(path) as file:
        header = read_header(file)
        _check_version(header)
        check_digest(file, header)
        n_bytes = os.fstat(file.fileno()).st_size
    ours = header.metadata
    return FileInfo(
        ours.get(KIND, ""),
        ours[FORMAT],
        ours.get(LIBRARY, "?"),
        ours[DIGEST],
        n_bytes,
        {key: value for key, value in ours.items() if not key.startswith(OURS)},
    )
