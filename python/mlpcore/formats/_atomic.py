"""Files that are replaced whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import IO, TypeAlias

Path: TypeAlias = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Chunk: TypeAlias = bytes | memoryview  # of an array: its .data


def write_file(path: Path, chunks: Iterable[Chunk]) -> None:
    """Write a file, so that whatever happens it is the whole old or the whole new one.

    The bytes go to a temporary file in the same folder (``.mlpcore-....tmp``), which is
    flushed to the disk and then takes the old file's name; at last the folder is
    flushed. A process that is killed may leave its temporary file behind, which is in
    nobody's way. A file that is replaced keeps its mode, and its owner if that is
    allowed; a new one gets the mode that the umask says. A symbolic link stays: what it
    points to is replaced. What is no regular file, such as ``/dev/null`` or a pipe, is
    written to as it is. Other hard links of the file keep the old content.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.
    chunks : iterable of bytes-like
        What to write.

    Raises
    ------
    OSError
        If it cannot be written: a missing folder, no permission, a full disk.
    """
    target = os.path.realpath(os.fsdecode(path))
    not_ours: list[OSError] = []
    chunks = _noting_errors(chunks, not_ours)
    try:
        old = _status(path)
        if old is not None and stat.S_ISDIR(old.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if old is not None and not os.access(target, os.W_OK):
            # A rename needs no right to the file, but who took it away meant something.
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if old is not None and not stat.S_ISREG(old.st_mode):
            with open(target, "wb", buffering=0) as file:
                _write_all(file, chunks)
            return
        _replace(target, old, chunks)
    except OSError as error:
        # The caller knows nothing of temporary files and of where links lead. A file
        # that the chunks come from names itself.
        if error not in not_ours:
            error.filename = os.fsdecode(path)
            del error.filename2  # None would be printed
        raise


def _noting_errors(chunks: Iterable[Chunk], noted: list[OSError]) -> Iterator[Chunk]:
    try:
        yield from chunks
    except OSError as error:
        noted.append(error)
        raise


def _status(path: Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _replace(target: str, old: os.stat_result | None, chunks: Iterable[Chunk]) -> None:
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".mlpcore-{os.urandom(8).hex()}.tmp")
    # Never readable by more than the file will be; the umask applies to a new one.
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode) & 0o700 | 0o200
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    descriptor = os.open(temporary, flags, mode)
    try:
        with open(descriptor, "wb", buffering=0) as file:
            _write_all(file, chunks)
            if old is not None:
                _keep_owner_and_mode(descriptor, old)
            os.fsync(descriptor)
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise
    _flush_folder(folder)


def _write_all(file: IO[bytes], chunks: Iterable[Chunk]) -> None:
    for chunk in chunks:
        rest = memoryview(chunk).cast("B")
        while rest:  # a write to a pipe, or of more than 2 GB, may take a part only
            rest = rest[file.write(rest) :]


def _keep_owner_and_mode(descriptor: int, old: os.stat_result) -> None:
    if not hasattr(os, "fchown"):  # Windows
        return
    new = os.fstat(descriptor)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):
            os.fchown(descriptor, old.st_uid, old.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(old.st_mode))


def _flush_folder(folder: str) -> None:
    """Make the new name last; Windows has no way to, nor have some file systems."""
    if os.name == "nt":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that may be written to and not read
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
