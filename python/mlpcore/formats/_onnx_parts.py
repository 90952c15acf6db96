"""Parts of a graph of ONNX: what belongs to an output, and sizes of what is in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from .._validation import Array
from ..errors import NotSupportedError

Dims: TypeAlias = list[int | None]
"""The sizes of a tensor; None is open."""


def target_of(graph: Any, tensor: str | None) -> str:
    """Return the name of what a network is to put out.

    Raises
    ------
    NotSupportedError
        If `tensor` is None and there are several outputs.
    ValueError
        If there is no tensor of that name.
    """
    outputs: list[str] = [output.name for output in graph.output]
    if tensor is None:
        if len(outputs) == 1:
            return outputs[0]
        raise NotSupportedError(
            f"the model has the outputs {', '.join(map(repr, outputs))}; choose one "
            "with tensor= (mlpcore convert: --tensor)"
        )
    if tensor not in {name for node in graph.node for name in node.output}:
        raise ValueError(
            f"no node of the model makes a tensor {tensor!r}; its outputs are "
            f"{', '.join(map(repr, outputs))}"
        )
    return tensor


def sliced(nodes: Sequence[Any], target: str) -> tuple[list[Any], set[str]]:
    """Return the nodes that `target` needs, and all names that these take."""
    makers = {name: i for i, node in enumerate(nodes) for name in node.output if name}
    needed: set[int] = set()
    names = {target}
    rest = [target]
    while rest:
        i = makers.get(rest.pop())
        if i is not None and i not in needed:
            needed.add(i)
            names.update(nodes[i].input)
            rest += nodes[i].input
    return [node for i, node in enumerate(nodes) if i in needed], names


def input_of(graph: Any, initializers: Mapping[str, Any], names: set[str]) -> Any:
    """Return the one input of a graph that is among `names`.

    Raises
    ------
    NotSupportedError
        If there is none, or several, or it is not a tensor of rows.
    """
    # Before IR version 4 initializers are listed as inputs too.
    inputs = [v for v in graph.input if v.name in names and v.name not in initializers]
    if len(inputs) != 1:
        listed = ", ".join(repr(value.name) for value in inputs) or "none"
        raise NotSupportedError(f"a Network has one input, the model takes {listed}")
    if not inputs[0].type.HasField("tensor_type"):
        raise NotSupportedError(f"the input {inputs[0].name!r} is not a tensor")
    if not inputs[0].type.tensor_type.shape.dim:
        raise NotSupportedError(f"the input {inputs[0].name!r} has no rows")
    return inputs[0]


def dims_of(value: Any) -> Dims:
    """Return the sizes of an input; a valid one has a shape."""
    dims = value.type.tensor_type.shape.dim
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]


def row_width(dims: Dims) -> int | None:
    """Return how many numbers a row has, if the sizes tell."""
    known = [n for n in dims[1:] if n is not None]
    return math.prod(known) if len(known) == len(dims) - 1 else None


def as_row(bias: Array, n_out: int) -> Array | None:
    """Return what is added to every row as (n_out,); None if it is no such thing."""
    try:
        row: Array = np.broadcast_to(bias, (1, n_out))[0]
    except ValueError:
        return None
    return row
