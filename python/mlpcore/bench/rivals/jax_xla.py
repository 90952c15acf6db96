"""JAX: jit for predictions; for training one compiled scan an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Predictor, Rival, Training
from .base import Weights as _Weights

if TYPE_CHECKING:
    from .._workloads import Workload


def _logits(workload: Workload, layers: Any, x: Any) -> Any:
    import jax

    hidden = {
        "relu": jax.nn.relu,
        "tanh": jax.numpy.tanh,
        "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    }[workload.net.activation]
    for w, b in layers[:-1]:
        x = hidden(x @ w + b)
    w, b = layers[-1]
    return x @ w + b


class JaxRival(Rival):
    """XLA's compiler for the processor."""

    name = "jax"
    title = "JAX"
    packages = ("jax", "jaxlib")

    def environment(self, n_threads: int) -> dict[str, str]:
        """Set the size of XLA's pool; one thread is Eigen's own switch."""
        flags = "" if n_threads > 1 else "--xla_cpu_multi_thread_eigen=false"
        return {
            "NPROC": str(n_threads),
            "JAX_PLATFORMS": "cpu",
            "XLA_FLAGS": flags,
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }

    def start(self, n_threads: int) -> None:
        """Import it."""
        import jax

        jax.config.update("jax_enable_x64", True)  # every array has a dtype here

    def make_predictor(
        self, variant: str, workload: Workload, weights: _Weights, x: NDArray[Any]
    ) -> Predictor:
        """Return a predictor."""
        import jax

        layers = [(jax.numpy.asarray(w), jax.numpy.asarray(b)) for w, b in weights]
        output = {
            "softmax": jax.nn.softmax,
            "sigmoid": jax.nn.sigmoid,
            "identity": lambda z: z,
        }[workload.net.output]
        # Closed over: as arguments the parameters cost a microsecond or two a call.
        function = jax.jit(lambda x: output(_logits(workload, layers, x)))
        rows = jax.numpy.asarray(x)
        return Predictor(lambda: function(rows).block_until_ready())

    def make_training(
        self,
        variant: str,
        workload: Workload,
        weights: _Weights,
        x: NDArray[Any],
        y: NDArray[Any],
    ) -> Training:
        """Return a training."""
        import jax

        shape = (workload.steps, workload.rows)
        if workload.net.output == "sigmoid":
            y = y.astype(x.dtype).reshape(-1, 1)
        rows = jax.numpy.asarray(x.reshape(*shape, -1))
        targets = jax.numpy.asarray(y.reshape(*shape, *y.shape[1:]))
        epoch = jax.jit(_epoch(workload), donate_argnums=0)
        zeros = [(np.zeros_like(w), np.zeros_like(b)) for w, b in weights]
        start = (weights, zeros, zeros, np.asarray(0, workload.dtype))
        state = jax.tree.map(lambda a: jax.numpy.array(a, copy=True), start)
        parts = {workload.steps: (rows, targets)}  # sliced before they are timed

        def train(n_steps: int) -> None:
            nonlocal state
            if n_steps not in parts:
                parts[n_steps] = (rows[:n_steps], targets[:n_steps])
            state = jax.block_until_ready(epoch(state, *parts[n_steps]))

        def present() -> _Weights:
            return [(np.array(w), np.array(b)) for w, b in state[0]]

        return Training(train, present)


def _epoch(workload: Workload) -> Any:
    """Return a function of the state and the batches that returns the new state."""
    import jax

    def loss(layers: Any, x: Any, target: Any) -> Any:
        z = _logits(workload, layers, x)
        if workload.net.output == "softmax":
            log_p = jax.nn.log_softmax(z)
            return -jax.numpy.take_along_axis(log_p, target[:, None], axis=1).mean()
        if workload.net.output == "sigmoid":
            return (jax.nn.softplus(z) - target * z).mean()
        return 0.5 * jax.numpy.square(z - target).sum() / len(z)

    gradient = jax.grad(loss)

    def step(state: Any, batch: Any) -> tuple[Any, None]:
        layers, m, v, t = state
        t = t + 1
        g = gradient(layers, *batch)
        m = jax.tree.map(lambda m, g: BETA_1 * m + (1 - BETA_1) * g, m, g)
        v = jax.tree.map(lambda v, g: BETA_2 * v + (1 - BETA_2) * g * g, v, g)
        rate = LEARNING_RATE / (1 - BETA_1**t)
        correction = (1 - BETA_2**t) ** -0.5
        layers = jax.tree.map(
            lambda p, m, v: p - rate * m / (jax.numpy.sqrt(v) * correction + EPSILON),
            layers,
            m,
            v,
        )
        return (layers, m, v, t), None

    return lambda state, rows, targets: jax.lax.scan(step, state, (rows, targets))[0]
