"""Networks from modules and state dicts of PyTorch."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import NotSupportedError
from ._layers import (
    LOG_SOFTMAX,
    Chain,
    Reader,
    activation_reader,
    check_activations,
    unsupported,
)

if TYPE_CHECKING:
    from .._architecture import LossName
    from ..network import Network


def from_torch(
    module: Any,
    activations: Sequence[str] | None = None,
    *,
    output: str | None = None,
    loss: LossName = "auto",
) -> Network:
    """Return the network that a PyTorch module is.

    Parameters
    ----------
    module : torch.nn.Module, mapping of str to array, or path
        An ``nn.Sequential``, which may have others inside: of ``Linear``, with or
        without bias; ``ReLU``, ``LeakyReLU`` and ``ELU`` with their default slopes,
        ``SELU``, ``GELU`` (exact), ``SiLU``, ``Mish``, ``Softplus`` (default),
        ``Sigmoid``, ``Tanh``; a ``Softmax`` over the last axis at the end; ``Dropout``
        after hidden layers, whose rate is kept; ``Identity`` and ``Flatten``. With
        `activations`, the weights of the ``Linear`` layers are all that is looked at:
        of any module, of a state dict (tensors or arrays; no PyTorch needed), or of a
        ``.safetensors`` file with one.
    activations : sequence of str, optional
        The names of `Network`, one a layer, the output's last. Layers are taken by the
        number in their names, or else in the state dict's order.
    output : str, optional
        An activation to add at the end: ``"softmax"`` for a module that returns
        logits, as it is trained with ``nn.CrossEntropyLoss`` (also in place of a
        ``LogSoftmax``), ``"sigmoid"`` for ``nn.BCEWithLogitsLoss``.
    loss : str or tuple of (str, float)
        What further training minimises, as in `Network`. A module does not know.

    Returns
    -------
    Network
        The same function, float64 if weights are and float32 otherwise (bfloat16 and
        float16 weights too). It shares nothing with the module.

    Raises
    ------
    NotSupportedError
        If something is no such layer; says which, and why.
    TypeError, ValueError
        If `module` or `activations` is nothing of the kind, widths do not fit, or
        weights are NaN or infinite.
    ImportError
        If a file is given, and the safetensors library is missing.
    OSError
        If the file cannot be read.

    Examples
    --------
    >>> import mlpcore, torch
    >>> module = torch.nn.Sequential(
    ...     torch.nn.Linear(4, 16), torch.nn.GELU(), torch.nn.Linear(16, 3)
    ... )
    >>> net = mlpcore.from_torch(module, output="softmax")
    >>> net
    Network([4, 16, 3], 'gelu', output='softmax', loss='log_loss', dtype='float32')

    Weights alone:

    >>> twin = mlpcore.from_torch(module.state_dict(), ["gelu", "softmax"])
    >>> bool((twin.predict([[5, 3, 1, 0]]) == net.predict([[5, 3, 1, 0]])).all())
    True
    """
    torch = sys.modules.get("torch")  # there can be no module without it
    is_module = torch is not None and isinstance(module, torch.nn.Module)
    if is_module and activations is None:
        chain = _chain_of_modules(torch, module)
    else:
        tensors = _tensors(module, is_module)
        if activations is None:
            raise TypeError(
                "weights do not say what is between them: give activations=[...], one "
                "name a layer, the output's last"
            )
        chain = _chain_of_weights(tensors, activations)
    return chain.network(output=output, loss=loss)


# Modules.


def _chain_of_modules(torch: Any, module: Any) -> Chain:
    chain = Chain()
    readers = _readers(torch.nn)
    for place, child in _leaves(torch.nn, module):
        where = f"layer {place} ({type(child).__name__})"
        for kind, read in readers.items():
            # A subclass with a forward of its own is something else. (A parametrized
            # Linear, which has the class ParametrizedLinear, is not.)
            if isinstance(child, kind) and type(child).forward is kind.forward:
                read(chain, where, child)
                break
        else:
            raise unsupported(
                where,
                "from_torch reads nn.Sequential of Linear, activations, Dropout and "
                "Flatten; with activations=[...] it takes the weights of Linear layers "
                "from any module",
            )
    return chain


def _leaves(nn: Any, module: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Return the modules that data go through, with their places (``"2.0"``)."""
    if not (
        isinstance(module, nn.Sequential)
        and type(module).forward is nn.Sequential.forward
    ):
        yield prefix.rstrip(".") or "0", module
        return
    for i, child in enumerate(module):
        yield from _leaves(nn, child, f"{prefix}{i}.")


def _readers(nn: Any) -> dict[Any, Reader]:
    """Return what reads each kind of module."""
    return {
        nn.Linear: _read_linear,
        nn.Dropout: lambda chain, where, module: chain.drop(where, float(module.p)),
        nn.Flatten: _read_flatten,
        nn.Identity: activation_reader("identity"),
        nn.ReLU: activation_reader("relu"),
        nn.LeakyReLU: activation_reader("leaky_relu", negative_slope=[0.01]),
        nn.ELU: activation_reader("elu", alpha=[1.0]),
        nn.SELU: activation_reader("selu"),
        nn.GELU: activation_reader("gelu", approximate=["none"]),
        nn.SiLU: activation_reader("silu"),
        nn.Mish: activation_reader("mish"),
        # Above the threshold it is z, which differs from softplus by 2e-9 at 20.
        nn.Softplus: activation_reader("softplus", beta=[1.0], threshold=[20.0]),
        nn.Sigmoid: activation_reader("sigmoid"),
        nn.Tanh: activation_reader("tanh"),
        nn.Softmax: activation_reader("softmax", dim=[-1, 1]),
        nn.LogSoftmax: activation_reader(LOG_SOFTMAX, dim=[-1, 1]),
    }


def _read_linear(chain: Chain, where: str, module: Any) -> None:
    weight = _array(where, module.weight)
    bias = None if module.bias is None else _array(where, module.bias)
    chain.dense(where, weight.T, bias)


def _read_flatten(chain: Chain, where: str, module: Any) -> None:
    if (module.start_dim, module.end_dim) != (1, -1):
        raise unsupported(
            where, f"it flattens dims {module.start_dim} to {module.end_dim}, not rows"
        )


# Weights.


def _tensors(source: Any, is_module: bool) -> Mapping[str, Any]:
    if is_module:
        tensors: Mapping[str, Any] = source.state_dict()
        return tensors
    if isinstance(source, str | bytes | os.PathLike):
        return _read_safetensors(os.fsdecode(source))
    if isinstance(source, Mapping):
        return source
    raise TypeError(
        "from_torch needs a torch.nn.Module, a state dict, or the path of a "
        f".safetensors file, got {type(source).__name__}"
    )


def _read_safetensors(path: str) -> dict[str, Any]:
    from .._optional import require

    if not path.endswith(".safetensors"):
        raise ValueError(
            f"{path!r} is not named .safetensors; load other files with PyTorch "
            "(torch.load, which may run code) and give the state dict"
        )
    with contextlib.suppress(ImportError):
        import ml_dtypes  # noqa: F401  # gives NumPy a bfloat16
    safetensors = require("safetensors", "torch", "from_torch with a file")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            if "mlpcore.format" in (file.metadata() or {}):
                raise ValueError(f"{path!r} is a file of mlpcore's: use mlpcore.load")
            tensors = {name: _tensor(file, name) for name in file.keys()}
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path!r} cannot be read: {error}") from None
    layers = _layer_names(tensors)
    if len(layers) > 1 and _numbers(layers) is None:
        raise NotSupportedError(
            f"the layers {layers} of {path!r} are not numbered, and a file does not "
            "keep their order: load it and give a dict in order"
        )
    return tensors


def _tensor(file: Any, name: str) -> Any:
    try:
        return file.get_tensor(name)
    except TypeError as error:
        raise unsupported(
            f"{name!r} in the file",
            f"NumPy cannot read it, {error}; load it with safetensors.torch and give "
            "the state dict",
        ) from None


def _chain_of_weights(tensors: Mapping[str, Any], activations: Sequence[str]) -> Chain:
    chain = Chain()
    layers = _layer_names(tensors)
    numbers = _numbers(layers)
    if numbers is not None:
        layers = [layer for _, layer in sorted(zip(numbers, layers, strict=True))]
    names = check_activations(activations, len(layers), "the state dict")
    for i, (layer, name) in enumerate(zip(layers, names, strict=True)):
        where = f"layer {i} ({layer!r})"
        weight = _array(where, tensors[_join(layer, "weight")])
        bias = tensors.get(_join(layer, "bias"))
        if weight.ndim != 2:
            raise unsupported(
                where, f"a weight of shape {weight.shape} is not a Linear's (2-D)"
            )
        chain.dense(where, weight.T, None if bias is None else _array(where, bias))
        chain.activation(f"activations[{i}]", name)
    return chain


def _layer_names(tensors: Mapping[str, Any]) -> list[str]:
    """Return the names that have a weight; everything else has to be their bias."""
    for key in tensors:
        if not isinstance(key, str):
            raise TypeError(f"a state dict has names (str) as keys, got {key!r}")
    layers = [
        key[: -len("weight")].rstrip(".") for key in tensors if _is(key, "weight")
    ]
    known = {_join(layer, kind) for layer in layers for kind in ("weight", "bias")}
    for key in tensors:
        if key not in known:
            raise unsupported(
                f"{key!r} of the state dict", "it is no weight or bias of a Linear"
            )
    return layers


def _is(key: str, kind: str) -> bool:
    return key == kind or key.endswith("." + kind)


def _join(layer: str, kind: str) -> str:
    return f"{layer}.{kind}" if layer else kind


def _numbers(layers: Sequence[str]) -> list[list[int]] | None:
    """Return the numbers in the names, if the names differ in nothing else."""
    if len({re.sub(r"\d+", "0", layer) for layer in layers}) > 1:
        return None
    return [[int(number) for number in re.findall(r"\d+", x)] for x in layers]


def _array(where: str, value: Any) -> Any:
    """Return a tensor, or what NumPy makes an array of, as an array."""
    import numpy as np

    if not hasattr(value, "detach"):
        return np.asarray(value)
    if getattr(value, "is_meta", False) or type(value).__name__.startswith("Uninit"):
        raise unsupported(where, "its parameters have no values yet")
    if value.is_quantized:
        raise unsupported(where, "quantized weights need their scales")
    value = value.detach().cpu()
    if str(value.dtype) == "torch.bfloat16":  # NumPy has none
        value = value.float()
    return value.to_dense().numpy()
