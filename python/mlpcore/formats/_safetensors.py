"""The container: a safetensors file with a digest of itself.

The format is that of https://github.com/huggingface/safetensors: eight bytes with the
header's length, little-endian; the header, JSON, padded with spaces; the tensors. Here
is what mlpcore adds, and checks: see ``docs/formats.md``.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

import numpy as np

from .._validation import Array
from ..errors import ModelFormatError
from ._atomic import Path, write_file

# The library's own limit; a header of ours has some hundred bytes a layer.
MAX_HEADER_SIZE = 100_000_000

OURS = "mlpcore."  # the keys of the metadata that begin so
DIGEST = OURS + "sha256"

_DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F64": np.dtype("<f8")}
_NAMES = {np.dtype("float32"): "F32", np.dtype("float64"): "F64"}
_UNSIGNED = "0" * 64  # in the digest's place while it is computed


class Tensor(NamedTuple):
    """A tensor as the header describes it."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


class Header(NamedTuple):
    """A file's header, checked against the file's length."""

    metadata: dict[str, str]
    tensors: dict[str, Tensor]
    front: bytes
    """The bytes before the tensors."""
    n_data: int


# Writing.


def write(
    path: Path, tensors: Mapping[str, Array], metadata: Mapping[str, str]
) -> None:
    """Write a file, whole or not at all.

    Parameters
    ----------
    path : str, bytes or path-like
        The file.
    tensors : mapping of str to ndarray
        float32 and float64 arrays, written in their order.
    metadata : mapping of str to str
        All of the metadata but the digest.

    Raises
    ------
    ValueError
        If the metadata is too large.
    OSError
        If the file cannot be written.
    """
    head: dict[str, Any] = {"__metadata__": {**metadata, DIGEST: _UNSIGNED}}
    chunks = []
    at = 0
    for name, array in tensors.items():
        kind = _NAMES[array.dtype]
        chunk = np.ascontiguousarray(array, _DTYPES[kind])
        span = [at, at + chunk.nbytes]
        head[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": span}
        # Flat, because a memoryview cannot cast an array with a dimension of 0.
        chunks.append(chunk.reshape(-1).view(np.uint8).data)
        at += chunk.nbytes
    text = to_json(head).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER_SIZE:
        raise ValueError(
            f"the header, with the metadata, has {len(text)} bytes; "
            f"at most {MAX_HEADER_SIZE} are allowed"
        )
    front = len(text).to_bytes(8, "little") + text
    digest = hashlib.sha256(front)
    for data in chunks:
        digest.update(data)
    # Quotes within a string are escaped, so no metadata of the user's looks like this.
    zeros = f'"{DIGEST}":"{_UNSIGNED}"'.encode()
    front = front.replace(
        zeros, zeros.replace(_UNSIGNED.encode(), digest.hexdigest().encode())
    )
    write_file(path, [front, *chunks])


def to_json(value: object) -> str:
    """Return compact JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def check_user_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Return the argument of that name as a dict, checked.

    Raises
    ------
    TypeError, ValueError
        If it is no mapping of str to str, or has a key that is kept for mlpcore.
    """
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise TypeError(
            f"metadata must be a dict of str to str, got {type(metadata).__name__}"
        )
    for key, value in metadata.items():
        for what, text in (("key", key), (f"value of {key!r}", value)):
            if not isinstance(text, str):
                raise TypeError(
                    f"metadata must be a dict of str to str, got the {what} {text!r} "
                    f"({type(text).__name__})"
                )
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise ValueError(f"metadata: the {what} is not text: {error}") from None
        if key.startswith(OURS):
            raise ValueError(
                f"metadata has the key {key!r}: those that begin with {OURS!r} are "
                "mlpcore's own"
            )
    return dict(metadata)


# Reading.


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file; a ModelFormatError raised inside gets its name."""
    with open(os.fspath(path), "rb") as file:
        try:
            yield file
        except ModelFormatError as error:
            raise type(error)(f"{os.fsdecode(path)}: {error}") from error.__cause__


def read_header(file: IO[bytes]) -> Header:
    """Read and check the header; nothing larger than the file is allocated.

    Raises
    ------
    ModelFormatError
        If this is no safetensors file, or not a whole one.
    """
    n_file = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    n_header = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or not 2 <= n_header <= min(n_file - 8, MAX_HEADER_SIZE):
        raise ModelFormatError(
            f"not a model file, or a damaged one: its {n_file} bytes do not begin with "
            "the length of a safetensors header"
        )
    text = file.read(n_header)
    if not text.startswith(b"{"):
        raise ModelFormatError("not a model file, or a damaged one: no JSON header")
    head = from_json(text, "the header")
    metadata = head.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in metadata.values()
    ):
        raise ModelFormatError("the metadata is not an object of strings")
    n_data = n_file - 8 - n_header
    tensors = {name: _tensor(name, entry) for name, entry in head.items()}
    _check_layout(tensors, n_data)
    return Header(metadata, tensors, prefix + text, n_data)


def from_json(text: str | bytes, what: str) -> dict[str, Any]:
    """Parse a JSON object; a key that is there twice is an error.

    Raises
    ------
    ModelFormatError
        If it is not the text of a JSON object.
    """
    try:
        value = json.loads(
            text.decode() if isinstance(text, bytes) else text,
            object_pairs_hook=_object,
            parse_constant=_refuse_constant,
        )
    except ModelFormatError as error:
        raise ModelFormatError(f"{what}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{what} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ModelFormatError(f"{what} is not a JSON object")
    return value


def check_keys(given: object, wanted: Sequence[str], what: str) -> dict[str, Any]:
    """Return `given` if it is an object with exactly the keys `wanted`.

    Raises
    ------
    ModelFormatError
        If it is not.
    """
    if not isinstance(given, dict):
        raise ModelFormatError(f"{what} is not an object")
    for names, problem in (
        (given.keys() - set(wanted), "unknown"),
        (set(wanted) - given.keys(), "missing"),
    ):
        if names:
            raise ModelFormatError(f"{what}: {problem} {sorted(names)}")
    return given


def read_tensors(file: IO[bytes], header: Header) -> dict[str, Array]:
    """Read the tensors that follow the header, and check the digest of the whole file.

    Raises
    ------
    ModelFormatError
        If the digest is another.
    """
    data = np.empty(header.n_data, np.uint8)

    def parts() -> Iterator[memoryview]:
        rest = data.data
        while rest and (n := file.readinto(rest)):  # type: ignore[attr-defined]
            yield rest[:n]
            rest = rest[n:]
        if rest:
            raise ModelFormatError("the file was cut off while it was read")

    _check_digest(header, itertools.chain(parts(), _rest_of(file)))
    return {
        name: data[tensor.begin : tensor.end]
        .view(tensor.dtype)
        .reshape(tensor.shape)
        .astype(tensor.dtype.newbyteorder("="), copy=False)
        for name, tensor in header.tensors.items()
    }


def check_digest(file: IO[bytes], header: Header) -> None:
    """Check the digest of the whole file without keeping the tensors.

    Raises
    ------
    ModelFormatError
        If the digest is another.
    """
    _check_digest(header, _rest_of(file))


def _rest_of(file: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: file.read(1 << 20), b"")


def _check_digest(header: Header, data: Iterable[bytes | memoryview]) -> None:
    written = header.metadata.get(DIGEST, "")
    digest = hashlib.sha256(_masked(header.front, written))
    for part in data:
        digest.update(part)
    if digest.hexdigest() != written:
        raise ModelFormatError(
            f"damaged: its SHA-256 is {digest.hexdigest()[:16]}..., "
            f"written down is {written[:16]}..."
        )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ModelFormatError(f"the key {twice!r} is there twice")
    return result


def _refuse_constant(name: str) -> Any:
    raise ModelFormatError(f"{name} is not JSON")


def _masked(front: bytes, signature: str) -> bytes:
    """Return the bytes before the tensors with zeros for the digest's characters."""
    if len(signature) != 64 or signature.strip("0123456789abcdef"):
        raise ModelFormatError("the SHA-256 is missing, or not 64 hexadecimal digits")
    if front.count(signature.encode()) != 1:
        raise ModelFormatError("the SHA-256 must be in the header once, unescaped")
    return front.replace(signature.encode(), _UNSIGNED.encode())


def _is_size(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _tensor(name: str, entry: object) -> Tensor:
    """Check a tensor's entry by itself. Python's integers do not overflow."""
    what = f"the tensor {name!r}"
    given = check_keys(entry, ("dtype", "shape", "data_offsets"), what)
    shape, offsets = given["shape"], given["data_offsets"]
    if not isinstance(given["dtype"], str) or given["dtype"] not in _DTYPES:
        raise ModelFormatError(f"{what} is of the type {given['dtype']!r}")
    dtype = _DTYPES[given["dtype"]]
    for value in (shape, offsets):
        # Two dimensions at most, so a product of sizes cannot take for ever either.
        if (
            not isinstance(value, list)
            or len(value) > 2
            or not all(map(_is_size, value))
        ):
            raise ModelFormatError(f"{what} has a wrong shape or wrong offsets")
    n_bytes = math.prod(shape) * dtype.itemsize
    if len(offsets) != 2 or offsets[1] - offsets[0] != n_bytes:
        raise ModelFormatError(
            f"{what} of shape {shape} has {n_bytes} bytes, its offsets are {offsets}"
        )
    return Tensor(dtype, tuple(shape), *offsets)


def _check_layout(tensors: Mapping[str, Tensor], n_data: int) -> None:
    """Check that the tensors cover the data, each byte once."""
    spans = sorted((tensor.begin, tensor.end) for tensor in tensors.values())
    end = 0
    for begin, next_end in spans:
        if begin != end:
            raise ModelFormatError(
                f"the tensors overlap or leave a gap: one begins at byte {begin}, the "
                f"one before ends at {end}"
            )
        end = next_end
    if end != n_data:
        raise ModelFormatError(
            f"the header promises {end:,} bytes of tensors, the file has {n_data:,}; "
            "it was cut off or changed"
        )
