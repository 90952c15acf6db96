"""mlpcore's own format: a network as a safetensors file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from .. import _core
from .._architecture import Architecture, make_architecture
from .._validation import Array
from ..errors import ModelFormatError, ModelVersionError
from ._atomic import Path
from ._safetensors import (
    DIGEST,
    OURS,
    Header,
    check_digest,
    check_keys,
    check_user_metadata,
    from_json,
    opened,
    read_header,
    read_tensors,
    to_json,
    write,
)

if TYPE_CHECKING:
    from ..network import Network

FORMAT_VERSION = 1

FORMAT, KIND = OURS + "format", OURS + "kind"
LIBRARY, NETWORK = OURS + "version", OURS + "network"
NETWORK_KIND, CHECKPOINT_KIND = "network", "checkpoint"

_WITH_PARAMETER = ("huber", "quantile")
_NETWORK_KEYS = (
    "layer_sizes",
    "activations",
    "loss",
    "loss_parameter",
    "init",
    "dropout",
    "dtype",
    "seed",
    "n_trainers",
)


def save_network(
    network: Network, path: Path, metadata: Mapping[str, str] | None
) -> None:
    """Do what `Network.save` says."""
    user = check_user_metadata(metadata)
    ours = own_metadata(network, NETWORK_KIND)
    write(path, layer_tensors(network, network.get_parameters()), {**ours, **user})


def load_network(path: Path) -> Network:
    """Do what `mlpcore.formats.load` says."""
    with opened(path) as file:
        header = read_header(file)
        check_own(header, NETWORK_KIND, ())
        return read_network(file, header)[0]


def load_metadata(path: Path) -> dict[str, str]:
    """Do what `mlpcore.formats.read_metadata` says, in little memory."""
    with opened(path) as file:
        header = read_header(file)
        _check_version(header)
        check_digest(file, header)
    return {k: v for k, v in header.metadata.items() if not k.startswith(OURS)}


# What networks and checkpoints have in common.


def own_metadata(network: Network, kind: str) -> dict[str, str]:
    """Return mlpcore's own part of the metadata, but the digest."""
    description = {
        **describe_architecture(network._architecture),
        "seed": network._seed,
        "n_trainers": network._n_trainers,
    }
    return {
        FORMAT: str(FORMAT_VERSION),
        KIND: kind,
        LIBRARY: _core.build_config()["version"],
        NETWORK: to_json(description),
    }


def describe_architecture(architecture: Architecture) -> dict[str, Any]:
    """Return an architecture as plain values, for JSON and for pickles."""
    has_parameter = architecture.loss in _WITH_PARAMETER
    return {
        "layer_sizes": list(architecture.layer_sizes),
        "activations": list(architecture.activations),
        "loss": architecture.loss,
        "loss_parameter": architecture.loss_parameter if has_parameter else None,
        "init": architecture.init,
        "dropout": list(architecture.dropout),
        "dtype": architecture.dtype,
    }


def architecture_of(description: Mapping[str, Any]) -> Architecture:
    """Make the architecture that `describe_architecture` described.

    Raises
    ------
    ModelFormatError
        If it is not one that this version knows.
    """
    wanted = {key: description[key] for key in _NETWORK_KEYS[:-2]}
    activations, parameter = wanted["activations"], wanted["loss_parameter"]
    if not isinstance(activations, list) or not activations:
        raise ModelFormatError("the network's activations are not a list")
    loss = wanted["loss"] if parameter is None else (wanted["loss"], parameter)
    try:
        architecture = make_architecture(
            wanted["layer_sizes"],
            activations[:-1],
            activations[-1],
            loss,
            wanted["init"],
            wanted["dropout"],
            wanted["dtype"],
        )
    except (TypeError, ValueError) as error:
        raise ModelFormatError(f"the network's description: {error}") from None
    # Names have to be the canonical ones: a file says one thing in one way.
    if describe_architecture(architecture) != wanted:
        raise ModelFormatError("the network's description is not in canonical form")
    return architecture


def layer_tensors(network: Network, flat: Array, prefix: str = "") -> dict[str, Array]:
    """Return a vector in `get_parameters` order as tensors with names."""
    tensors = {}
    for i, (weight, bias) in enumerate(zip(*network._split(flat), strict=True)):
        tensors[f"{prefix}layers.{i}.weight"] = weight
        tensors[f"{prefix}layers.{i}.bias"] = bias
    return tensors


def check_own(header: Header, kind: str, more: tuple[str, ...]) -> None:
    """Check the version and the kind of a file, and which entries of ours it has.

    Raises
    ------
    ModelFormatError, ModelVersionError
        If it is not a file of that kind that this version can read.
    """
    _check_version(header)
    given = header.metadata.get(KIND)
    if given != kind:
        hint = {
            NETWORK_KIND: "a network, not a training; use mlpcore.load",
            CHECKPOINT_KIND: "the checkpoint of a training; use "
            "mlpcore.Trainer.from_checkpoint, whose .network is the network",
        }
        raise ModelFormatError(
            f"this is {hint.get(str(given), f'a file of the kind {given!r}')}"
        )
    ours = {k: v for k, v in header.metadata.items() if k.startswith(OURS)}
    check_keys(ours, (FORMAT, KIND, LIBRARY, NETWORK, DIGEST, *more), "the metadata")


def read_network(
    file: IO[bytes],
    header: Header,
    prefixes: Sequence[str] = (),
    vectors: Sequence[str] = (),
) -> tuple[Network, dict[str, Array]]:
    """Read the tensors and make the network; return it and all tensors.

    Parameters
    ----------
    file : binary file
        At the first tensor.
    header : Header
        The header before it.
    prefixes : sequence of str
        Before the names of tensors that have to be there beside the layers', one for
        each of these.
    vectors : sequence of str
        Names of tensors that have to be there, of the length of all parameters.

    Raises
    ------
    ModelFormatError
        If the description is wrong, or the tensors are not those it needs.
    """
    from ..network import Network

    description = check_keys(
        from_json(header.metadata[NETWORK], NETWORK), _NETWORK_KEYS, NETWORK
    )
    # The sizes against the file first, so that nothing is made for sizes without data.
    layers = _layer_shapes(description["layer_sizes"])
    n_parameters = sum(map(math.prod, layers.values()))
    expected = {
        p + name: shape for p in ("", *prefixes) for name, shape in layers.items()
    }
    expected |= dict.fromkeys(vectors, (n_parameters,))
    _check_tensors(header, expected, description["dtype"])
    architecture = architecture_of(description)
    seed, n_trainers = (
        check_count(description[key], key) for key in ("seed", "n_trainers")
    )
    tensors = read_tensors(file, header)
    network = Network.__new__(Network)
    network._set_up(architecture, seed)
    network._n_trainers = n_trainers
    network._core.set_parameters(join_layers(network, tensors))
    return network, tensors


def join_layers(
    network: Network, tensors: Mapping[str, Array], prefix: str = ""
) -> Array:
    """Return the vector that `layer_tensors` has split."""
    flat = np.empty(network.n_parameters, network.dtype)
    for name, target in layer_tensors(network, flat, prefix).items():
        target[...] = tensors[name]
    return flat


def check_count(value: object, what: str) -> int:
    """Return `value` if it is an integer in [0, 2**64).

    Raises
    ------
    ModelFormatError
        If it is not.
    """
    if type(value) is not int or not 0 <= value < 2**64:
        raise ModelFormatError(f"{what} must be an integer in [0, 2^64), got {value!r}")
    return value


def _layer_shapes(sizes: object) -> dict[str, tuple[int, ...]]:
    if (
        not isinstance(sizes, list)
        or len(sizes) < 2
        or not all(type(size) is int and 0 < size < 2**63 for size in sizes)
    ):
        raise ModelFormatError("layer_sizes must be a list of two sizes or more")
    shapes: dict[str, tuple[int, ...]] = {}
    for i, (n_in, n_out) in enumerate(pairwise(sizes)):
        shapes[f"layers.{i}.weight"] = (n_in, n_out)
        shapes[f"layers.{i}.bias"] = (n_out,)
    return shapes


def _check_tensors(
    header: Header, expected: Mapping[str, tuple[int, ...]], dtype: object
) -> None:
    check_keys(header.tensors, list(expected), "the tensors")
    for name, shape in expected.items():
        tensor = header.tensors[name]
        if tensor.shape != shape:
            raise ModelFormatError(
                f"the tensor {name!r} has the shape {tensor.shape}, the network's "
                f"layers need {shape}"
            )
        if tensor.dtype.newbyteorder("=").name != dtype:
            raise ModelFormatError(
                f"the tensor {name!r} is {tensor.dtype.name}, the network {dtype!r}"
            )


def _check_version(header: Header) -> None:
    version = header.metadata.get(FORMAT)
    if version is None:
        raise ModelFormatError(
            f"a safetensors file, but not one of mlpcore's: no {FORMAT!r} in it"
        )
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise ModelFormatError(f"the format's version is {version!r}, not a number")
    if int(version) > FORMAT_VERSION:
        by = header.metadata.get(LIBRARY, "a newer version")
        raise ModelVersionError(
            f"written by mlpcore {by} in format {version}; this is mlpcore "
            f"{_core.build_config()['version']}, which reads format {FORMAT_VERSION}"
        )
    if int(version) < 1 or version != str(int(version)):
        raise ModelFormatError(f"there is no format {version!r}")
