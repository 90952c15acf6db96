"""What scikit-learn's checks and encodings return, for plain arrays.

For few rows they take many times as long as the network: they find out which of many
kinds of arrays and targets they have been given. The usual kinds are recognised here;
all others are left to them, and so is everything that is to be refused.
"""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np
from sklearn.preprocessing import LabelBinarizer

from .. import _core
from .._validation import NATIVE, Array, is_ready


def is_finite(array: Any) -> TypeGuard[Array]:
    """Whether it is a plain array of whole numbers, or of finite float32 or 64."""
    if not is_ready(array, None):
        return False
    if array.dtype in NATIVE:
        return _core.all_finite(array)
    return array.dtype.kind in "iu"


def is_checked(X: Any, estimator: Any) -> bool:
    """Whether `validate_data(estimator, X, reset=False)` would return X as it is."""
    return (
        is_finite(X)
        and X.dtype in NATIVE
        and X.ndim == 2
        and len(X) > 0
        and X.shape[1] == getattr(estimator, "n_features_in_", None)
        and not hasattr(estimator, "feature_names_in_")
    )


def encoded(y: Any, binarizer: LabelBinarizer) -> Array | None:
    """Return `binarizer.transform(y)` as bool, or None."""
    classes: Array = binarizer.classes_
    known = is_ready(y, classes.dtype) and y.ndim == 1 and not binarizer.sparse_input_
    if not known or binarizer.y_type_ not in ("binary", "multiclass"):
        return None
    index = classes.searchsorted(y)
    if not np.array_equal(classes.take(index, mode="clip"), y):
        return None
    if binarizer.y_type_ == "binary":
        one_hot: Array = index[:, None] == 1
        return one_hot
    one_hot = np.zeros((len(y), len(classes)), bool)
    one_hot[np.arange(len(y)), index] = True
    return one_hot


def decoded(outputs: Array, binarizer: LabelBinarizer) -> Array:
    """Return `binarizer.inverse_transform(outputs)`."""
    classes = binarizer.classes_
    labels: Array
    plain = isinstance(outputs, np.ndarray) and not binarizer.sparse_input_
    if plain and binarizer.y_type_ == "multiclass":
        # Clipped as there: assigned coefficients may have more outputs.
        labels = classes.take(outputs.argmax(axis=1), mode="clip")
    elif plain and binarizer.y_type_ == "binary" and len(classes) == 2:
        labels = classes[(outputs.reshape(-1) > 0.5).astype(np.intp)]
    else:
        labels = binarizer.inverse_transform(outputs)
    return labels
