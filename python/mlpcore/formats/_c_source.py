"""A network as one source file and one header of C99."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Iterator
from string import Template
from typing import TYPE_CHECKING

import numpy as np

from .. import _core
from .._validation import Array
from ._atomic import Path, write_file
from ._c_templates import c_functions, read_text

if TYPE_CHECKING:
    from ..network import Network

_BLOCK = 256  # terms of one chain of multiply-adds, as in the library
_LINE_OF_LANES = 64  # bytes
# Those of a hidden layer end where they would be subnormal, as in the library.
_VANISHING = ("sigmoid", "silu", "mish", "softplus", "exp")
_LEAST_FIELD = {"float32": -87, "float64": -708}
_LINE_LENGTH = 88


def write_c(network: Network, path: Path, name: str | None) -> None:
    """Do what `Network.to_c` says."""
    source, header = _check_path(path)
    prefix = _prefix_of(source) if name is None else _check_name(name)
    text = _Text(network, prefix, os.path.basename(source), os.path.basename(header))
    # The header first: the source notices one of another shape.
    write_file(header, [_encode(text.header())])
    write_file(source, map(_encode, text.source()))


def _check_path(path: Path) -> tuple[str, str]:
    """Return the names of the source and of the header."""
    source = os.fsdecode(path)
    stem, suffix = os.path.splitext(source)
    if suffix != ".c":
        raise ValueError(f"path must end with '.c', got {source!r}")
    # It stands between quotation marks in an #include, and in a comment.
    if re.search(r'["*?\\\x00-\x1f]', os.path.basename(stem)):
        raise ValueError(
            "the name of the file may have no quotation mark, asterisk, question mark, "
            f"backslash or control character in it, got {source!r}"
        )
    return source, stem + ".h"


def _prefix_of(source: str) -> str:
    stem = os.path.splitext(os.path.basename(source))[0]
    prefix = re.sub(r"[^0-9A-Za-z_]", "_", stem)
    # C has names that begin with an underscore for itself.
    return prefix if prefix[:1].isalpha() else f"net_{prefix}"


def _check_name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {type(name).__name__}")
    if not re.fullmatch(r"[A-Za-z][0-9A-Za-z_]*", name):
        raise ValueError(
            "name must be a letter and then letters, digits and underscores, "
            f"got {name!r}"
        )
    return name


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


class _Text:
    """The text of the two files."""

    def __init__(self, network: Network, prefix: str, source: str, header: str) -> None:
        self._network = network
        architecture = network._architecture
        self._dtype = architecture.dtype
        self._real = "float" if self._dtype == "float32" else "double"
        self._shapes = architecture.layer_shapes()
        self._activations = architecture.activations
        # Hidden layers go to the buffers a and b in turn.
        hidden = architecture.layer_sizes[1:-1]
        self._widths = {
            k: max(v)
            for k, v in zip("ab", (hidden[::2], hidden[1::2]), strict=True)
            if v
        }
        self._chain = max(
            (n_out for n_in, n_out in self._shapes if n_in > _BLOCK), default=0
        )
        self._values = {
            "version": _core.build_config()["version"],
            "name": prefix,
            "NAME": prefix.upper(),
            "file": source,
            "header": header,
            "real": self._real,
            "dtype": self._dtype,
            "n_in": architecture.n_in,
            "n_out": architecture.n_out,
        }

    def header(self) -> str:
        return self._fill("model.h")

    def source(self) -> Iterator[str]:
        yield self._fill(
            "model.c",
            layers="\n".join(
                f"     {n_in} x {n_out} {phi}"
                for (n_in, n_out), phi in zip(
                    self._shapes, self._activations, strict=True
                )
            ),
            n_parameters=f"{self._network.n_parameters:,}",
            digest=self._digest(),
            stack=f"{self._stack_bytes():,}",
        )
        needs = {phi for phi in self._activations if phi != "identity"}
        if self._chain:
            yield f"#define WIDEST_CHAIN {self._chain}\n\n"
        needs.add("dense_in_blocks" if self._chain else "dense")
        yield c_functions(needs, self._dtype)
        parameters = zip(self._network.weights, self._network.biases, strict=True)
        for i, (weight, bias) in enumerate(parameters, start=1):
            n_in, n_out = weight.shape
            yield f"\n/* Layer {i}: W, {n_in} x {n_out}, and b */\n"
            yield from self._array(f"weights_{i}", weight)
            yield from self._array(f"biases_{i}", bias)
        yield self._fill("predict.c", body="\n".join(self._steps()))

    def _fill(self, file: str, **values: str) -> str:
        return Template(read_text(file)).substitute(self._values, **values)

    def _digest(self) -> str:
        flat = self._network.get_parameters()
        return hashlib.sha256(
            flat.astype(flat.dtype.newbyteorder("<")).tobytes()
        ).hexdigest()

    def _stack_bytes(self) -> int:
        size = np.dtype(self._dtype).itemsize
        lanes = 2 * _LINE_OF_LANES if "softmax" in self._activations else 0
        return (sum(self._widths.values()) + self._chain) * size + lanes

    def _array(self, name: str, values: Array) -> Iterator[str]:
        yield f"static const {self._real} {name}[{values.size}] = {{\n"
        suffix = "f" if self._real == "float" else ""
        for row in values.reshape(-1, values.shape[-1]):
            lines = [" "]
            for value in row.tolist():
                word = f" {_literal(value, suffix)},"
                if len(lines[-1]) + len(word) > _LINE_LENGTH:
                    lines.append(" ")
                lines[-1] += word
            yield "\n".join(lines) + "\n"
        yield "};\n"

    def _steps(self) -> Iterator[str]:
        buffers = [f"{key}[{width}]" for key, width in self._widths.items()]
        if buffers:
            yield f"  {self._real} {', '.join(buffers)};"
        if set(self._activations) - {"identity", "softmax"}:
            yield "  size_t j;"
        x = "x"
        for i, ((n_in, n_out), phi) in enumerate(
            zip(self._shapes, self._activations, strict=True), start=1
        ):
            y = "y" if i == len(self._shapes) else "ba"[i % 2]
            yield f"  dense({y}, {x}, weights_{i}, biases_{i}, {n_in}, {n_out});"
            if phi == "softmax":
                yield f"  softmax({y}, {n_out});"
            elif phi != "identity":
                value = f"phi_{phi}({y}[j])"
                if y != "y" and phi in _VANISHING:
                    least = _LEAST_FIELD[self._dtype]
                    value = f"{y}[j] < {least} ? 0 : {value}"
                yield f"  for (j = 0; j < {n_out}; ++j) {y}[j] = {value};"
            x = y


def _literal(value: float, suffix: str) -> str:
    """Return a number in C, exactly: how decimal ones are rounded C leaves open."""
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    mantissa, exponent = value.hex().split("p")
    return f"{mantissa.rstrip('0').rstrip('.')}p{int(exponent)}{suffix}"
