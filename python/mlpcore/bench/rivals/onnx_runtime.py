"""ONNX Runtime: predictions only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import Predictor, Rival, Training, UnsupportedError, Weights

if TYPE_CHECKING:
    from .._workloads import Workload

_OPERATORS = {
    "relu": "Relu",
    "tanh": "Tanh",
    "gelu": "Gelu",
    "softmax": "Softmax",
    "sigmoid": "Sigmoid",
    "identity": "Identity",
}


def _model(workload: Workload, weights: Weights) -> bytes:
    import onnx
    from onnx import helper, numpy_helper

    nodes, parameters, signal = [], [], "x"
    for i, (w, b) in enumerate(weights):
        parameters.append(numpy_helper.from_array(np.ascontiguousarray(w), f"W{i}"))
        parameters.append(numpy_helper.from_array(b, f"b{i}"))
        is_last = i == len(weights) - 1
        phi = workload.net.output if is_last else workload.net.activation
        y = "y" if is_last else f"y{i}"
        nodes.append(helper.make_node("Gemm", [signal, f"W{i}", f"b{i}"], [f"z{i}"]))
        nodes.append(helper.make_node(_OPERATORS[phi], [f"z{i}"], [y]))
        signal = y
    element = helper.np_dtype_to_tensor_dtype(np.dtype(workload.dtype))
    sizes = workload.net.layer_sizes
    graph = helper.make_graph(
        nodes,
        "mlp",
        [helper.make_tensor_value_info("x", element, [workload.rows, sizes[0]])],
        [helper.make_tensor_value_info("y", element, [workload.rows, sizes[-1]])],
        parameters,
    )
    # The first operators with Gelu, which every present runtime reads.
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10
    )
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    return serialized


class OnnxRuntimeRival(Rival):
    """A session with its input and output bound, its threads spinning or sleeping."""

    name = "onnxruntime"
    title = "ONNX Runtime"
    packages = ("onnxruntime", "onnx")
    predictors = ("spinning", "sleeping")
    trainings = ()

    _n_threads = 1

    def start(self, n_threads: int) -> None:
        """Keep the number of threads for the sessions."""
        self._n_threads = n_threads

    def make_predictor(
        self, variant: str, workload: Workload, weights: Weights, x: NDArray[Any]
    ) -> Predictor:
        """Return a predictor."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._n_threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry(
            "session.intra_op.allow_spinning", "1" if variant == "spinning" else "0"
        )
        session = onnxruntime.InferenceSession(
            _model(workload, weights), options, providers=["CPUExecutionProvider"]
        )
        # Faster than session.run by what it saves in looking at its arguments.
        y = np.empty((workload.rows, workload.net.layer_sizes[-1]), workload.dtype)
        result = onnxruntime.OrtValue.ortvalue_from_numpy(y)
        binding = session.io_binding()
        binding.bind_ortvalue_input("x", onnxruntime.OrtValue.ortvalue_from_numpy(x))
        binding.bind_ortvalue_output("y", result)
        run = session.run_with_iobinding
        return Predictor(lambda: run(binding), lambda _: np.array(result.numpy()))

    def make_training(
        self,
        variant: str,
        workload: Workload,
        weights: Weights,
        x: NDArray[Any],
        y: NDArray[Any],
    ) -> Training:
        """Raise UnsupportedError."""
        raise UnsupportedError("ONNX Runtime does not train")
