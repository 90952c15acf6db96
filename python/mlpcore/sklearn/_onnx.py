"""Converters for skl2onnx, so that a whole pipeline becomes one ONNX model."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._optional import require
from .._validation import Array
from ..errors import NotSupportedError
from ..formats._onnx_graph import Graph, add_network
from ._classifier import MLPClassifier
from ._regressor import MLPRegressor

# The options of skl2onnx's converter for scikit-learn's own classifier.
_OPTIONS = {
    "zipmap": [True, False, "columns"],
    "output_class_labels": [False, True],
    "nocl": [False, True],
}

_TYPES = "skl2onnx.common.data_types"


def register_onnx() -> None:
    """Teach skl2onnx the estimators of `mlpcore.sklearn`.

    After it ``skl2onnx.to_onnx`` and ``convert_sklearn`` take them, by themselves or in
    a pipeline or a search. The model computes in the type of the coefficients, whatever
    the type of its input, and so its labels and probabilities are those of `predict`
    and `predict_proba`. skl2onnx's options apply: ``zipmap``, ``output_class_labels``,
    ``nocl``. Dictionaries (``zipmap=True``, skl2onnx's default) have float32
    probabilities, because there are no others in ONNX; multilabel targets get a matrix
    instead. Calling it again does nothing new. Needs ``mlpcore[skl2onnx]``.

    Raises
    ------
    ImportError
        If skl2onnx is missing.

    Examples
    --------
    >>> import skl2onnx
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from mlpcore.sklearn import MLPClassifier, register_onnx
    >>> X, y = load_iris(return_X_y=True)
    >>> model = make_pipeline(
    ...     StandardScaler(),
    ...     MLPClassifier([16], "gelu", learning_rate_init=0.02, random_state=0),
    ... ).fit(X, y)
    >>> register_onnx()
    >>> onnx_model = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
    >>> [output.name for output in onnx_model.graph.output]
    ['label', 'probabilities']
    """
    skl2onnx = _import("skl2onnx")
    skl2onnx.update_registered_converter(
        MLPClassifier,
        "MlpcoreMLPClassifier",
        _classifier_shapes,
        _convert_classifier,
        parser=_parse_classifier,
        options=_OPTIONS,
    )
    skl2onnx.update_registered_converter(
        MLPRegressor, "MlpcoreMLPRegressor", _regressor_shapes, _convert_regressor
    )


def _import(name: str) -> Any:
    return require(name, "skl2onnx", "register_onnx")


# The signatures are skl2onnx's, which calls the arguments by their names.


def _parse_classifier(
    scope: Any, model: Any, inputs: Any, custom_parsers: Any = None
) -> Any:
    parse = _import("skl2onnx._parse")
    # skl2onnx's forms of probabilities are for one label a row.
    options = scope.get_options(model, {"zipmap": True})
    if _is_multilabel(model) and options["zipmap"] is not False:
        return parse._parse_sklearn_simple_model(scope, model, inputs, custom_parsers)
    outputs = parse._parse_sklearn_classifier(scope, model, inputs, custom_parsers)
    for operator in scope.operators.values():
        if operator.raw_operator is model:
            operator.makes_dictionaries = options["zipmap"] is True
    return outputs


def _is_multilabel(model: MLPClassifier) -> bool:
    return bool(model._label_binarizer.y_type_ == "multilabel-indicator")


def _classifier_shapes(operator: Any) -> None:
    types = _import(_TYPES)
    model, n = operator.raw_operator, operator.inputs[0].get_first_dimension()
    labels = _labels(operator.scope_inst, model)
    label, probabilities = operator.outputs
    if _is_multilabel(model):
        label.set_type(types.Int64TensorType([n, len(labels)]))
    elif labels.dtype.kind == "U":
        label.set_type(types.StringTensorType([n]))
    else:
        label.set_type(types.Int64TensorType([n]))
    kind = _float_type(operator)
    # Not so for one that is part of another estimator, whatever its options.
    if getattr(operator, "makes_dictionaries", False):
        kind = types.FloatTensorType
    probabilities.set_type(kind([n, len(labels)]))


def _regressor_shapes(operator: Any) -> None:
    n = operator.inputs[0].get_first_dimension()
    n_out = operator.raw_operator.n_outputs_
    operator.outputs[0].set_type(_float_type(operator)([n, n_out]))


def _float_type(operator: Any) -> Any:
    """Return skl2onnx's rule: double for double, else float."""
    types = _import(_TYPES)
    is_double = isinstance(operator.inputs[0].type, types.DoubleTensorType)
    return types.DoubleTensorType if is_double else types.FloatTensorType


def _labels(scope: Any, model: MLPClassifier) -> Array:
    """Return the class labels as ONNX has them: int64 or str."""
    labels = np.asarray(model.classes_)
    if scope.get_options(model, {"nocl": False}).get("nocl"):
        return np.arange(len(labels))
    if labels.dtype.kind == "U":
        return labels
    if labels.dtype.kind == "O" and all(isinstance(label, str) for label in labels):
        return labels.astype(str)
    if labels.dtype.kind in "biuf":
        whole = labels.astype(np.int64)
        if (whole == labels).all():
            return whole
    raise NotSupportedError(
        f"class labels in ONNX are integers or strings, got {labels}; "
        "options={id(model): {'nocl': True}} puts out their indices"
    )


def _convert_classifier(scope: Any, operator: Any, container: Any) -> None:
    model = operator.raw_operator
    label, probabilities = operator.outputs
    graph, y = _begin(scope, operator)
    if _is_multilabel(model):
        above = graph.node("Greater", y, graph.scalar(0.5))
        graph.node("Cast", above, to=_type_of(np.int64))
        graph.end(label.full_name)
    else:
        if len(model.classes_) == 2:
            y = graph.node("Concat", graph.node("Sub", graph.scalar(1), y), y, axis=1)
        labels = graph.constant(_labels(scope, model), "labels")
        # Of two it is the second where y > 1/2: 1 - y is exact there.
        index = graph.node("ArgMax", y, axis=1, keepdims=0)
        graph.node("Gather", labels, index, axis=0)
        graph.end(label.full_name)
    _end(graph, y, probabilities, container)


def _convert_regressor(scope: Any, operator: Any, container: Any) -> None:
    graph, y = _begin(scope, operator)
    _end(graph, y, operator.outputs[0], container)


def _begin(scope: Any, operator: Any) -> tuple[Graph, str]:
    """Return a graph with the network, and the name of its output signals."""
    network = operator.raw_operator.network_
    graph = Graph(network.dtype, scope.get_unique_variable_name("mlp") + ".")
    x = operator.inputs[0].full_name
    x = graph.node("Cast", x, to=_type_of(network.dtype))
    return graph, add_network(graph, network, x)


def _end(graph: Graph, y: str, output: Any, container: Any) -> None:
    """Add the cast to an output's type, and give everything to skl2onnx."""
    helper = _import("onnx.helper")
    types = _import(_TYPES)
    graph.node("Cast", y, to=types.guess_proto_type(output.type))
    graph.end(output.full_name)
    # Not by add_initializer, which takes whole tensors, but loses strings.
    container.initializers.extend(graph.initializers)
    for node in graph.nodes:
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        container.add_node(
            node.op_type,
            list(node.input),
            list(node.output),
            name=node.name,
            **attributes,
        )


def _type_of(dtype: Any) -> int:
    helper = _import("onnx.helper")
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
