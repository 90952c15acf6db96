"""PyTorch modules from networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._optional import require
from ..errors import NotSupportedError

if TYPE_CHECKING:
    from ..network import Network

_MODULES = {
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "relu": "ReLU",
    "leaky_relu": "LeakyReLU",
    "elu": "ELU",
    "selu": "SELU",
    "gelu": "GELU",
    "silu": "SiLU",
    "mish": "Mish",
    "softplus": "Softplus",
}


def to_torch(network: Network) -> Any:
    """Do what `Network.to_torch` says."""
    torch = require("torch", "torch", "Network.to_torch")
    nn = torch.nn
    modules = []
    rates = [*network.dropout, 0.0]
    for i, (w, b, phi, rate) in enumerate(
        zip(network.weights, network.biases, network.activations, rates, strict=True)
    ):
        # Without initial weights, which would draw from PyTorch's generator.
        linear = nn.utils.skip_init(nn.Linear, *w.shape, device="cpu")
        linear.weight = nn.Parameter(torch.from_numpy(np.ascontiguousarray(w.T)))
        linear.bias = nn.Parameter(torch.from_numpy(b.copy()))
        modules.append(linear)
        if phi == "softmax":
            modules.append(nn.Softmax(dim=-1))
        elif phi in _MODULES:
            modules.append(getattr(nn, _MODULES[phi])())
        elif phi != "identity":
            raise NotSupportedError(
                f"layer {i} has the activation {phi!r}, which is no module of PyTorch's"
            )
        if rate:
            modules.append(nn.Dropout(rate))
    return nn.Sequential(*modules).eval()
