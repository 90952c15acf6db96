"""Layers from the nodes of a model of ONNX."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from .._optional import require
from .._validation import Array
from ..errors import ModelFormatError, NotSupportedError
from ._layers import LOG_SOFTMAX, Chain, unsupported
from ._onnx_functions import (
    ELEMENTWISE,
    FOLDED,
    TRUTHS,
    activation_of,
    attributes,
    describe,
    folded,
)
from ._onnx_parts import as_row, dims_of, input_of, row_width, sliced, target_of

_SOFTMAX = {"Softmax": "softmax", "LogSoftmax": LOG_SOFTMAX}


class Reader:
    """Goes through the nodes in order and tells a chain what they are.

    Between two dense layers data may branch and join again, as ``z * sigmoid(z)`` does:
    these nodes are gathered until the next dense layer, and then are one activation.

    Parameters
    ----------
    model : ModelProto
        A checked model.
    tensor : str, optional
        What the network is to put out.
    """

    def __init__(self, model: Any, tensor: str | None) -> None:
        onnx = require("onnx", "onnx", "from_onnx")
        graph = model.graph
        self._opsets = model.opset_import
        self._opset = max((o.version for o in self._opsets if not o.domain), default=1)
        self._to_array = onnx.numpy_helper.to_array
        self._floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.DOUBLE)
        self._initializers = {t.name: t for t in graph.initializer}
        self._constants: dict[str, Array] = {}
        self._end = target_of(graph, tensor)
        self._nodes, names = sliced(graph.node, self._end)
        self._uses = Counter(i for node in self._nodes for i in node.input)
        self._uses[self._end] += 1
        self._chain = Chain()
        # A dense layer whose bias may still come.
        self._pending: tuple[str, Array, Array | None] | None = None
        self._same_as: dict[str, str] = {}  # what only passes data on: output to input
        self._past: set[str] = set()
        self._gathered: list[Any] = []
        self._truths: set[str] = set()
        source = input_of(graph, self._initializers, names)
        self._dims = dims_of(source)
        self._from = source.name
        self._data = {source.name}

    def chain(self) -> Chain:
        """Return the layers."""
        for node in self._nodes:
            self._read(node)
        end = self._resolved(self._end)
        if end not in self._data:
            raise NotSupportedError(
                f"{self._end!r} is not what the last layer puts out"
            )
        self._close(end)
        return self._chain

    def _read(self, node: Any) -> None:
        inputs = [self._resolved(name) for name in node.input]
        where = describe(node)
        for name in inputs:
            if name in self._past:
                raise unsupported(
                    where,
                    f"its input {name!r} is from before the last layer, and there are "
                    "no connections that skip layers",
                )
        if not self._data.intersection(inputs):
            self._fold(node, where)
        elif node.domain not in ("", "ai.onnx"):
            raise unsupported(where, f"it is of the domain {node.domain!r}")
        elif node.op_type in _READERS:
            _READERS[node.op_type](self, node, where, inputs)
        elif node.op_type in ELEMENTWISE:
            self._elementwise(node, where, inputs)
        else:
            raise unsupported(where, "there are dense layers and activations only")

    # Constants.

    def _fold(self, node: Any, where: str) -> None:
        if node.op_type not in FOLDED or node.domain not in ("", "ai.onnx"):
            raise unsupported(where, "it does not depend on the rows, but is not known")
        known = {name: self._constant(name, where) for name in node.input if name}
        self._constants[node.output[0]] = folded(node, known, self._opsets)

    def _constant(self, name: str, where: str) -> Array:
        if name not in self._constants:
            if name not in self._initializers:
                raise unsupported(where, f"its input {name!r} is not a constant")
            try:
                array = self._to_array(self._initializers[name])
            except Exception as error:  # sizes and types that are wrong, of all sorts
                raise ModelFormatError(f"the tensor {name!r}: {error}") from error
            self._constants[name] = array
        return self._constants[name]

    # Dense layers.

    def _gemm(self, node: Any, where: str, inputs: list[str]) -> None:
        options = attributes(node)
        if options.get("transA", 0):
            raise unsupported(where, "transA=1: it takes rows as columns")
        weight = self._constant(inputs[1], where)
        if options.get("transB", 0):
            weight = weight.T
        if (alpha := options.get("alpha", 1.0)) != 1:
            weight = weight * weight.dtype.type(alpha)
        bias = None
        if len(inputs) > 2 and inputs[2]:
            bias = self._constant(inputs[2], where)
            if (beta := options.get("beta", 1.0)) != 1:
                bias = bias * bias.dtype.type(beta)
        self._dense(node, where, inputs, weight, bias)

    def _matmul(self, node: Any, where: str, inputs: list[str]) -> None:
        if inputs[1] in self._data:
            raise unsupported(where, "data are its second factor, not its first")
        self._dense(node, where, inputs, self._constant(inputs[1], where), None)

    def _dense(
        self,
        node: Any,
        where: str,
        inputs: list[str],
        weight: Array,
        bias: Array | None,
    ) -> None:
        if inputs[0] not in self._data:
            raise unsupported(where, "data are not its first factor")
        if weight.ndim != 2:
            raise unsupported(
                where, f"its weight has the shape {weight.shape}, not 2-D"
            )
        if bias is not None:
            row = as_row(bias, weight.shape[1])
            if row is None:
                raise unsupported(
                    where, f"a bias of shape {bias.shape} for {weight.shape[1]} outputs"
                )
            bias = row
        self._check_width(where, weight.shape[0])
        self._close(inputs[0])
        self._pending = where, weight, bias
        self._dims = [None, weight.shape[1]]
        self._go_on_from(node.output[0])

    def _check_width(self, where: str, n_in: int) -> None:
        if len(self._dims) != 2:
            raise unsupported(
                where, f"its input has {len(self._dims)} dimensions, rows have 2"
            )
        if self._dims[1] not in (None, n_in):
            raise ModelFormatError(
                f"{where} has {n_in} inputs, but what comes in has {self._dims[1]}"
            )

    # Activations.

    def _elementwise(self, node: Any, where: str, inputs: list[str]) -> None:
        if not self._past:
            raise unsupported(
                where, "it is before the first layer, a Network changes no inputs"
            )
        if node.op_type == "Add" and self._is_bias(node, where, inputs):
            return
        self._gathered.append(node)
        self._data.add(node.output[0])
        if node.op_type in TRUTHS:
            self._truths.add(node.output[0])

    def _is_bias(self, node: Any, where: str, inputs: list[str]) -> bool:
        """Take the constant of an Add as the bias of the layer before, if it is one."""
        if self._pending is None or self._gathered or not self._is_only_use(node):
            return False
        at, weight, bias = self._pending
        constant = self._constant(inputs[inputs[0] == self._from], where)
        row = as_row(constant, weight.shape[1])
        if row is None:
            raise unsupported(
                where, f"a bias of shape {constant.shape} for {weight.shape[1]} outputs"
            )
        self._pending = at, weight, row if bias is None else bias + row
        self._go_on_from(node.output[0])
        return True

    def _is_only_use(self, node: Any) -> bool:
        """Whether nothing else takes what the last layer has put out."""
        (name, *more) = [i for i in node.input if self._resolved(i) == self._from]
        while self._uses[name] == 1 and not more:
            if name == self._from:
                return True
            name = self._same_as[name]
        return False

    def _softmax(self, node: Any, where: str, inputs: list[str]) -> None:
        axis = attributes(node).get("axis", 1 if self._opset < 13 else -1)
        if axis not in (1, -1):
            raise unsupported(where, f"axis={axis} is not that of the outputs")
        self._close(inputs[0])
        self._chain.activation(where, _SOFTMAX[node.op_type])
        self._go_on_from(node.output[0])

    def _go_on_from(self, name: str) -> None:
        self._past |= self._data
        self._data, self._gathered, self._from = {name}, [], name

    def _close(self, y: str) -> None:
        """Tell the chain of the dense layer, and what comes after it up to `y`."""
        if self._pending is not None:
            try:
                self._chain.dense(*self._pending)
            except NotSupportedError:
                raise
            except (TypeError, ValueError) as error:
                raise ModelFormatError(str(error)) from None
            self._pending = None
        nodes = [self._renamed(node) for node in self._gathered]
        nodes, _ = sliced(nodes, y)
        if not nodes:
            return
        constants = {
            name: self._scalar(name, describe(node))
            for node in nodes
            for name in node.input
            if name and name not in self._data
        }
        name = activation_of(nodes, self._from, y, constants, self._opsets)
        where = " to ".join(dict.fromkeys(map(describe, (nodes[0], nodes[-1]))))
        if name is None:
            raise unsupported(where, "it is none of the activations there are")
        self._chain.activation(where, name)

    def _renamed(self, node: Any) -> Any:
        """Return a node that takes its inputs from where they come from."""
        twin = type(node)()
        twin.CopyFrom(node)
        twin.input[:] = [self._resolved(name) for name in node.input]
        if node.op_type == "Cast":  # of a truth; numbers are double there
            (to,) = (a for a in twin.attribute if a.name == "to")
            to.i = self._floats[1]
        return twin

    def _scalar(self, name: str, where: str) -> Array:
        array = self._constant(name, where)
        if array.size and (array == array.flat[0]).all():
            return np.asarray(array.flat[0])
        raise unsupported(
            where, f"{name!r} differs from column to column, an activation does not"
        )

    # What passes data on as they are.

    def _pass(self, node: Any, name: str) -> None:
        self._same_as[node.output[0]] = name

    def _resolved(self, name: str) -> str:
        while name in self._same_as:
            name = self._same_as[name]
        return name

    def _identity(self, node: Any, where: str, inputs: list[str]) -> None:
        self._pass(node, node.input[0])

    def _dropout(self, node: Any, where: str, inputs: list[str]) -> None:
        if len(inputs) > 2 and inputs[2] and self._constant(inputs[2], where).any():
            raise unsupported(
                where, "it is exported for training; export for inference"
            )
        self._pass(node, node.input[0])

    def _cast(self, node: Any, where: str, inputs: list[str]) -> None:
        if attributes(node).get("to") not in self._floats:
            raise unsupported(where, "numbers are float32 or float64")
        if inputs[0] in self._truths:
            self._elementwise(node, where, inputs)
        else:
            self._pass(node, node.input[0])

    def _flatten(self, node: Any, where: str, inputs: list[str]) -> None:
        axis = attributes(node).get("axis", 1)
        if axis not in (1, 1 - len(self._dims)):
            raise unsupported(where, f"axis={axis} does not keep the rows")
        self._flat(node)

    def _reshape(self, node: Any, where: str, inputs: list[str]) -> None:
        """Accept (rows, width), where the two are the rows' own or left open."""
        shape = [int(n) for n in self._constant(inputs[1], where).flat]
        rows, width = self._dims[0], row_width(self._dims)
        same = 0 if not attributes(node).get("allowzero", 0) else None
        if (
            len(shape) == 2
            and shape[0] in {-1, same, rows} - {None}
            and shape[1] in {-1, width} - {None}
            and shape != [-1, -1]
        ):
            self._flat(node)
        else:
            raise unsupported(
                where, f"from {self._dims} to {shape} it may not keep the rows"
            )

    def _flat(self, node: Any) -> None:
        self._dims = [self._dims[0], row_width(self._dims)]
        self._pass(node, node.input[0])


_READERS = {
    "Gemm": Reader._gemm,
    "MatMul": Reader._matmul,
    "Softmax": Reader._softmax,
    "LogSoftmax": Reader._softmax,
    "Identity": Reader._identity,
    "Dropout": Reader._dropout,
    "Cast": Reader._cast,
    "Flatten": Reader._flatten,
    "Reshape": Reader._reshape,
}
