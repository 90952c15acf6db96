"""The work that is compared: networks, how many rows each gets, and the targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .. import Network
from .rivals.base import Weights

Task = Literal["predict", "train"]
Array = NDArray[np.floating]

# An epoch has enough steps that what is done once an epoch hardly counts, within these.
_MOST_STEPS = 256
_MOST_ROWS = 65_536
_MOST_FLOPS = 3e9  # some 30 ms a core


@dataclass(frozen=True)
class Net:
    """A network: its layers and phi of the hidden ones."""

    layer_sizes: tuple[int, ...]
    activation: str = "relu"
    is_regression: bool = False

    @property
    def name(self) -> str:
        """The layer sizes, and the activation unless it is relu."""
        sizes = "-".join(map(str, self.layer_sizes))
        return sizes if self.activation == "relu" else f"{sizes} {self.activation}"

    @property
    def output(self) -> str:
        """Phi of the output layer; each has one loss here, the one it is made for."""
        if self.is_regression:
            return "identity"
        return "sigmoid" if self.layer_sizes[-1] == 1 else "softmax"

    @property
    def layer_shapes(self) -> list[tuple[int, int]]:
        """(n_in, n_out) of each layer."""
        return list(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @property
    def n_parameters(self) -> int:
        """The number of weights and biases."""
        return sum((n_in + 1) * n_out for n_in, n_out in self.layer_shapes)

    @property
    def width(self) -> int:
        """The widest hidden layer."""
        return max(self.layer_sizes[1:-1])

    def make(self, dtype: str) -> Network:
        """Return mlpcore's network, with the same parameters every time."""
        network = Network(
            self.layer_sizes, self.activation, self.output, dtype=dtype, rng=0
        )
        # Initial biases are 0, and a rival that lost them would not be noticed.
        rng = np.random.default_rng(1)
        biases = [0.1 * rng.standard_normal(len(b)) for b in network.biases]
        network.set_weights(network.weights, biases)
        return network


@dataclass(frozen=True)
class Workload:
    """One network doing one thing."""

    net: Net
    task: Task
    rows: int
    """Of a call to predict, or of a batch."""
    dtype: str = "float32"

    @property
    def name(self) -> str:
        """What ``--only`` is matched with."""
        precision = "" if self.dtype == "float32" else f" {self.dtype}"
        return f"{self.task} {self.net.name} x {self.rows}{precision}"

    @property
    def steps(self) -> int:
        """Batches of an epoch; 1 for predictions."""
        if self.task == "predict":
            return 1
        most = min(_MOST_STEPS, _MOST_ROWS // self.rows, int(_MOST_FLOPS / self.flops))
        return max(4, most)

    @property
    def flops(self) -> float:
        """Operations in the matrix products of a call or a step, as counted by hand.

        A step has three products a layer: forward, dW, and, but for the first layer,
        the gradient handed down.
        """
        products = [n_in * n_out for n_in, n_out in self.net.layer_shapes]
        n = sum(products)
        if self.task == "train":
            n = 3 * n - products[0]
        return 2.0 * n * self.rows

    @property
    def target(self) -> float:
        """How many times faster than the best rival mlpcore wants to be."""
        if self.task == "train":
            if self.net.width < 32:
                return 5.0
            return 2.0 if self.net.width < 1024 else 1.3
        if self.rows == 1:
            return 10.0 if self.net.n_parameters <= 20_000 else 1.3
        return 2.5 if self.net.width <= 64 else 1.3

    def weights(self) -> Weights:
        """Return the initial parameters: (W, b) of each layer."""
        network = self.net.make(self.dtype)
        return list(zip(network.weights, network.biases, strict=True))

    def data(self) -> tuple[Array, NDArray[np.generic] | None]:
        """Return the rows and, for training, their targets, the same every time."""
        rng = np.random.default_rng(2)
        n, n_in, n_out = (
            self.rows * self.steps,
            self.net.layer_sizes[0],
            self.net.layer_sizes[-1],
        )
        # One of the two dtypes, which NumPy's stubs only know as literals.
        x: Array = rng.standard_normal((n, n_in), dtype=self.dtype)  # type: ignore[call-overload]
        if self.task == "predict":
            return x, None
        # Something that can be learnt: a linear teacher's opinion.
        score = x @ (rng.standard_normal((n_in, n_out)) / np.sqrt(n_in))
        if self.net.output == "softmax":
            return x, np.argmax(score, axis=1)
        if self.net.output == "sigmoid":
            return x, (score[:, 0] > 0).astype(np.int64)
        return x, np.tanh(score).astype(self.dtype)


def _workloads() -> list[Workload]:
    table: list[tuple[Net, tuple[int, ...], tuple[int, ...]]] = [
        (Net((4, 16, 16, 3)), (1, 32, 100_000), (32,)),
        (Net((4, 32, 16, 4), "tanh"), (1, 10_000), (10_000,)),
        (Net((24, 8, 2)), (1, 200), (200,)),
        (Net((17, 256, 256, 6), "tanh", is_regression=True), (1, 64), (256,)),
        (Net((28, 128, 128, 2)), (1, 100_000), (256,)),
        (Net((28, 256, 256, 256, 1)), (100_000,), ()),
        (Net((64, 64, 64, 64, 64, 16)), (1, 16_384, 1_000_000), (16_384,)),
        (Net((64, 64, 64, 10)), (1, 100_000), ()),
        (Net((784, 32, 10)), (), (32,)),
        (Net((784, 128, 10)), (1, 256, 10_000), (32, 128, 512)),
        (Net((784, 256, 128, 10)), (1, 32, 10_000), ()),
        (Net((784, 1024, 1024, 10)), (1, 128, 4096), (256,)),
        (Net((1024,) * 5, is_regression=True), (256,), (256,)),
        (Net((37, 101, 53, 7), "gelu"), (1, 97, 10_000), (97,)),
    ]
    work = []
    for net, predict_rows, batches in table:
        work += [Workload(net, "predict", rows) for rows in predict_rows]
        work += [Workload(net, "train", rows) for rows in batches]
        if net.layer_sizes == (24, 8, 2):
            work += [Workload(net, "train", rows, "float64") for rows in batches]
    return work


WORKLOADS = _workloads()

# One of each kind: calls, arithmetic, both tasks, a costly activation.
QUICK = [
    w
    for w in WORKLOADS
    if w.name
    in (
        "predict 4-16-16-3 x 1",
        "predict 64-64-64-64-64-16 x 16384",
        "predict 784-1024-1024-10 x 1",
        "predict 37-101-53-7 gelu x 97",
        "train 4-16-16-3 x 32",
        "train 784-128-10 x 128",
    )
]
