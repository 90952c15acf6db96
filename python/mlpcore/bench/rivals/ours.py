"""mlpcore itself, through its public Python interface."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from ... import Network, Trainer, optim
from ...machine import set_num_threads
from .base import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Predictor, Rival, Training
from .base import Weights as _Weights

if TYPE_CHECKING:
    from .._workloads import Workload


def _network(workload: Workload, weights: _Weights) -> Network:
    network = workload.net.make(workload.dtype)
    network.set_weights([w for w, _ in weights], [b for _, b in weights])
    return network


class Ours(Rival):
    """`Network.predict`, and the native epoch loop of `Trainer.fit`."""

    name = "mlpcore"
    title = "mlpcore"
    packages = ("mlpcore",)

    def start(self, n_threads: int) -> None:
        """Set the threads."""
        set_num_threads(n_threads)

    def make_predictor(
        self, variant: str, workload: Workload, weights: _Weights, x: NDArray[Any]
    ) -> Predictor:
        """Return a predictor."""
        predict = _network(workload, weights).predict
        return Predictor(lambda: predict(x))

    def make_training(
        self,
        variant: str,
        workload: Workload,
        weights: _Weights,
        x: NDArray[Any],
        y: NDArray[Any],
    ) -> Training:
        """Return a training."""
        network = _network(workload, weights)
        trainer = Trainer(
            network, optim.Adam(LEARNING_RATE, BETA_1, BETA_2, EPSILON), rng=0
        )
        batch = workload.rows

        def train(n_steps: int) -> None:
            n = n_steps * batch
            trainer.fit(x[:n], y[:n], epochs=1, batch_size=batch, shuffle=False)

        def present() -> _Weights:
            return list(zip(network.weights, network.biases, strict=True))

        return Training(train, present)
