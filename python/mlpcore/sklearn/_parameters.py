"""An estimator's parameters from a network."""

from __future__ import annotations

from typing import Any

from ..network import Network


def parameters_of(network: Network) -> dict[str, Any]:
    """Return the constructor's arguments that describe a network."""
    *hidden, _ = network.activations
    dropout: Any = network.dropout
    if not any(dropout):
        dropout = 0.0
    return {
        "hidden_layer_sizes": tuple(network.layer_sizes[1:-1]),
        "activation": hidden[0] if len(set(hidden)) == 1 else hidden or "relu",
        "dropout": dropout,
        "dtype": str(network.dtype),
    }
