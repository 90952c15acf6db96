"""Weights of the classes: checked, and turned into weights of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ._arguments import check_real
from ._data import Data
from ._validation import as_real_array, check_finite, check_some_weight

if TYPE_CHECKING:
    from .network import Network

ClassWeight: TypeAlias = Mapping[int, float] | str | None


def check_class_weight(
    class_weight: ClassWeight, network: Network
) -> Mapping[int, float] | str | None:
    """Return the argument of that name, checked.

    Raises
    ------
    TypeError, ValueError
        If it is not a dict of classes, "balanced" or None, or the network has no
        classes.
    """
    if class_weight is None:
        return None
    n_out = network.layer_sizes[-1]
    output = network.activations[-1]
    if output != "softmax" and not (output == "sigmoid" and n_out == 1):
        raise ValueError(
            "class_weight needs a softmax or one sigmoid output, this network has "
            f"{n_out} {output} output{'s' if n_out > 1 else ''}"
        )
    if isinstance(class_weight, str):
        if class_weight != "balanced":
            raise ValueError(
                f"class_weight must be a dict, 'balanced' or None, got {class_weight!r}"
            )
        return class_weight
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            "class_weight must be a dict, 'balanced' or None, "
            f"got {type(class_weight).__name__}"
        )
    n_classes = max(n_out, 2)
    checked = {}
    for label, weight in class_weight.items():
        if isinstance(label, bool) or not isinstance(label, int | np.integer):
            raise TypeError(f"class_weight: classes are integers, got {label!r}")
        if not 0 <= label < n_classes:
            raise ValueError(
                f"class_weight has class {label}, the network has {n_classes} classes"
            )
        checked[int(label)] = check_real(f"class_weight[{label}]", weight, 0)
    return checked


def with_class_weights(
    data: Data, class_weight: Mapping[int, float] | str, network: Network
) -> Data:
    """Return the data with its weights multiplied by those of the rows' classes.

    Raises
    ------
    ValueError
        If no row is left with a weight, or one is too large.
    """
    classes = data.targets.classes()
    n_classes = max(network.layer_sizes[-1], 2)
    if isinstance(class_weight, str):  # balanced
        counts = np.bincount(classes, minlength=n_classes)
        by_class = len(classes) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        by_class = np.ones(n_classes)
        for label, weight in class_weight.items():
            by_class[label] = weight
    products = by_class[classes]
    if data.weights is not None:
        with np.errstate(over="ignore"):
            products = products * data.weights
    name = "class_weight times sample_weight"
    weights = as_real_array(products, network.dtype, name)
    check_finite(weights, name)
    check_some_weight(weights, name)
    return data._replace(weights=weights)
