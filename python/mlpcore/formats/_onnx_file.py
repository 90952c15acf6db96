"""Reading ONNX files: what is damaged is refused, and no other file is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from .._optional import require
from ..errors import ModelFormatError, ModelVersionError, NotSupportedError


def load_model(source: Any) -> Any:
    """Return a checked ``onnx.ModelProto`` from a path, bytes or such a model.

    Raises
    ------
    ModelFormatError
        If it is not a valid model.
    ModelVersionError
        If it is newer than the onnx library.
    NotSupportedError
        If it has functions of its own, or weights in another file that cannot be found
        safely.
    OSError
        If a file cannot be read.
    """
    onnx = require("onnx", "onnx", "from_onnx")
    model, folder = source, None
    if not isinstance(source, onnx.ModelProto):
        if isinstance(source, str | os.PathLike):
            path = os.fsdecode(source)
            folder = os.path.dirname(os.path.abspath(path))
            with open(path, "rb") as file:
                data = file.read()
        elif isinstance(source, bytes | bytearray | memoryview):
            data = bytes(source)
        else:
            raise TypeError(
                "model must be the path of an ONNX file, its bytes or an "
                f"onnx.ModelProto, got {type(source).__name__}"
            )
        model = _parsed(onnx, data)
    _check_version(onnx, model)
    if any(True for _ in _external(onnx, model)):
        if folder is None:
            raise NotSupportedError(
                "the model keeps weights in another file, and without its own path "
                "there is no folder to look in; give the path"
            )
        _fetch_external(onnx, model, folder)
    try:
        onnx.checker.check_model(model)
    except (onnx.checker.ValidationError, ValueError) as error:
        raise ModelFormatError(f"not a valid ONNX model: {error}") from None
    return model


def _parsed(onnx: Any, data: bytes) -> Any:
    message = require("google.protobuf.message", "onnx", "from_onnx")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except message.DecodeError as error:
        raise ModelFormatError(f"not an ONNX model, or damaged: {error}") from None
    return model


def _check_version(onnx: Any, model: Any) -> None:
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in ("", "ai.onnx") and opset.version > newest:
            raise ModelVersionError(
                f"the model is of opset {opset.version}; onnx {onnx.__version__} knows "
                f"those up to {newest}"
            )
    if model.ir_version > onnx.IR_VERSION:
        raise ModelVersionError(
            f"the model is of IR version {model.ir_version}; onnx {onnx.__version__} "
            f"knows those up to {onnx.IR_VERSION}"
        )
    if model.functions:
        raise NotSupportedError(
            f"the model defines functions ({model.functions[0].name!r}); "
            "onnx.inliner.inline_local_functions puts their nodes into the graph"
        )


def _external(onnx: Any, model: Any) -> Iterator[Any]:
    """Return the tensors of the graph that are in other files."""
    tensors = list(model.graph.initializer)
    tensors += [a.t for node in model.graph.node for a in node.attribute]
    return filter(onnx.external_data_helper.uses_external_data, tensors)


def _fetch_external(onnx: Any, model: Any, folder: str) -> None:
    """Read tensors from files in the model's own folder."""
    for tensor in _external(onnx, model):
        where = {entry.key: entry.value for entry in tensor.external_data}
        name = where.get("location", "")
        path = os.path.join(folder, name)
        # Later versions of onnx check this as well.
        inside = os.path.dirname(os.path.realpath(path)) == os.path.realpath(folder)
        if not inside or name != os.path.basename(name):
            raise NotSupportedError(
                f"the tensor {tensor.name!r} is in the file {name!r}; only files in "
                "the model's own folder are read"
            )
        if not os.path.exists(path):
            raise FileNotFoundError(2, f"tensor {tensor.name!r}: no such file", path)
        try:
            onnx.external_data_helper.load_external_data_for_tensor(tensor, folder)
        except (ValueError, onnx.checker.ValidationError) as error:
            raise ModelFormatError(f"the tensor {tensor.name!r}: {error}") from None
        tensor.data_location = onnx.TensorProto.DEFAULT
        del tensor.external_data[:]
