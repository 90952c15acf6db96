"""Twenty trainings whose bits are compared, and exact data for them.

Together they have every activation, loss, optimizer and schedule, both types, and
widths round what the kernels cut at: the panel (16 in float32, 8 in float64) and the
block of 256 terms. The data are integers divided by a power of two and the initial
weights come from the library's generator, so no libm and no NumPy version is in them.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlpcore import Network
from mlpcore.optim import LBFGS, SGD, Adam, AdamW, Optimizer, RMSprop
from mlpcore.schedules import (
    Constant,
    Cosine,
    Exponential,
    InverseScaling,
    OneCycle,
    Step,
)
from support import digest

N_ROWS = 300  # more than the largest batch size compared, and than a block of terms


def by_steps(step, total_steps):
    """Return a learning rate: a schedule of the user's own."""
    return 0.05 / (step + 1)


@dataclass(frozen=True)
class Case:
    """A network and how it is trained."""

    sizes: list[int]
    activation: str | list[str]
    output: str
    loss: str | tuple[str, float] = "auto"
    optimizer: Optimizer = field(default_factory=Adam)
    dtype: str = "float32"
    dropout: float | list[float] = 0.0
    init: str = "auto"
    weighted: bool = False
    fit: dict[str, Any] = field(default_factory=dict)

    def network(self):
        """Return the network with its initial weights."""
        return Network(
            self.sizes,
            self.activation,
            self.output,
            loss=self.loss,
            init=self.init,
            dropout=self.dropout,
            dtype=self.dtype,
            rng=2024,
        )

    def rows(self):
        """Return N_ROWS rows in [-1, 1): multiples of the golden ratio, modulo 2."""
        n = N_ROWS * self.sizes[0]
        words = np.arange(n, dtype=np.uint64) * np.uint64(2654435761) % 2**32
        X = (words.astype(float) / 2**31 - 1).reshape(N_ROWS, self.sizes[0])
        return X.astype(self.dtype)

    def targets(self):
        """Return targets the loss allows."""
        n_out = self.sizes[-1]
        if self.output == "softmax":
            return np.arange(N_ROWS) * 7 % n_out
        words = np.arange(N_ROWS * n_out).reshape(N_ROWS, n_out) * 40503 % 65536
        if self.loss == "poisson":
            return words % 5
        if self.output == "sigmoid":
            return words % 2
        return words / 2**15 - 1

    def sample_weight(self):
        """Return weights of the rows, one in nine of them 0; or None."""
        return np.arange(N_ROWS) * 5 % 9 / 4 if self.weighted else None

    def train(self, **changes):
        """Train a new network, and return it with the digest of all that came out."""
        net = self.network()
        X = self.rows()
        options = {"epochs": 3, "batch_size": 32, "rng": 7} | self.fit | changes
        history = net.fit(
            X,
            self.targets(),
            optimizer=self.optimizer,
            sample_weight=self.sample_weight(),
            **options,
        ).history
        assert np.isfinite(net.get_parameters()).all()
        return net, digest(net.get_parameters(), net.predict(X), history["loss"])


# Batches that are not the usual 32 are so large that a team of threads is worth it.
CASES = {
    "softmax_regression": Case(
        [300, 5], [], "softmax", optimizer=SGD(0.1), fit={"l2": 1e-2, "batch_size": 128}
    ),
    "logistic_regression": Case(
        [257, 1],
        [],
        "sigmoid",
        optimizer=LBFGS(max_iter=6),
        dtype="float64",
        weighted=True,
        fit={"l2": 1e-2, "class_weight": "balanced"},
    ),
    "gelu_tanh_32": Case(
        [9, 40, 30, 4],
        ["gelu", "tanh"],
        "softmax",
        dropout=0.2,
        init="he_normal",
        fit={"l2": 1e-3},
    ),
    "gelu_tanh_64": Case(
        [9, 40, 30, 4],
        ["gelu", "tanh"],
        "softmax",
        dtype="float64",
        dropout=0.2,
        init="he_normal",
        fit={"l2": 1e-3},
    ),
    "relu": Case(
        [16, 65, 64, 10],
        "relu",
        "softmax",
        optimizer=SGD(0.05, momentum=0.9),
        dropout=[0.3, 0.1],
        weighted=True,
        fit={
            "label_smoothing": 0.1,
            "class_weight": {0: 2.0, 9: 0.5},
            "batch_size": 50,
        },
    ),
    "relu_outputs": Case(
        [15, 31, 3],
        "relu",
        "relu",
        optimizer=SGD(by_steps),
        fit={"clip_norm": 0.05, "l2": 1e-3},
    ),
    "leaky_relu": Case(
        [7, 33, 1],
        "leaky_relu",
        "identity",
        optimizer=RMSprop(InverseScaling(0.01, 0.3)),
        init="orthogonal",
    ),
    "elu": Case(
        [31, 64, 33, 3],
        "elu",
        "elu",
        ("huber", 0.7),
        SGD(Cosine(0.05, warmup_steps=3), momentum=0.9, nesterov=True),
        dtype="float64",
        fit={"batch_size": 64},
    ),
    "selu": Case(
        [12, 48, 49, 2],
        "selu",
        "selu",
        "euclidean",
        AdamW(0.003, weight_decay=0.1),
        dropout=0.1,
        weighted=True,
        fit={"batch_size": 64},
    ),
    "silu": Case(
        [8, 270, 3],
        "silu",
        "silu",
        "absolute_error",
        AdamW(Step(0.01, step_size=4, gamma=0.3)),
        fit={"clip_norm": 0.5, "batch_size": 270},
    ),
    "mish": Case(
        [20, 47, 48, 49, 6],
        "mish",
        "mish",
        ("quantile", 0.8),
        RMSprop(0.003, rho=0.99),
        dtype="float64",
        init="glorot_normal",
        fit={"batch_size": 100},
    ),
    "softplus": Case(
        [6, 32, 3],
        "softplus",
        "softplus",
        "poisson",
        RMSprop(),
        dropout=0.5,
        init="lecun_normal",
    ),
    "exp": Case(
        [10, 23, 1],
        "exp",
        "exp",
        "poisson",
        Adam(Exponential(0.003, 0.5, decay_steps=7)),
        dtype="float64",
        fit={"shuffle": False},
    ),
    "sigmoid": Case(
        [11, 65, 9],
        "sigmoid",
        "sigmoid",
        optimizer=SGD(Constant(0.5), momentum=0.5),
        weighted=True,
        fit={"label_smoothing": 0.2, "batch_size": 150},
    ),
    "sigmoid_rates": Case(
        [13, 16, 8],
        "tanh",
        "sigmoid",
        "poisson",
        Adam(0.01, beta_1=0.8),
        dtype="float64",
        fit={"clip_norm": 1.0},
    ),
    "linear": Case(
        [10, 9, 8, 7, 6, 4],
        "identity",
        "tanh",
        "squared_error",
        SGD(0.1, momentum=0.9, nesterov=True),
        dtype="float64",
        weighted=True,
    ),
    "five_hidden_layers": Case(
        [14, 17, 16, 15, 9, 8, 5],
        ["relu", "tanh", "silu", "elu", "gelu"],
        "gelu",
        optimizer=Adam(OneCycle(0.02)),
        dropout=[0.0, 0.1, 0.0, 0.2, 0.0],
        fit={"l2": 1e-4, "batch_size": 7, "epochs": 2},
    ),
    "many_outputs": Case(
        [10, 20, 131], "tanh", "softmax", optimizer=Adam(0.01), fit={"batch_size": 150}
    ),
    "leaky_outputs": Case(
        [300, 20, 6],
        ["leaky_relu"],
        "leaky_relu",
        ("huber", 2.0),
        LBFGS(max_iter=5),
        fit={"l2": 1e-3},
    ),
    # A team shares out this one's panels in a prediction of some 10 to 90 rows.
    "wide": Case(
        [300, 640, 300, 10],
        ["softplus", "mish"],
        "softmax",
        optimizer=AdamW(),
        dropout=0.2,
        fit={"batch_size": 257, "epochs": 2},
    ),
}

# The trainings whose digests are kept in a file. Every operation in them is IEEE 754's
# or the library's own: so no L-BFGS, which is SciPy's and its BLAS's.
GOLDEN = [
    "gelu_tanh_32",
    "gelu_tanh_64",
    "relu",
    "relu_outputs",
    "leaky_relu",
    "selu",
    "softplus",
    "sigmoid_rates",
    "five_hidden_layers",
]
