# The native core's types, kept true by stubtest (make lint). Arrays are C-contiguous,
# float32 where a name ends in 32 and float64 where it ends in 64.
from collections.abc import Callable, Sequence
from types import NotImplementedType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from typing_extensions import CapsuleType

_Array: TypeAlias = NDArray[Any]
_Labels: TypeAlias = NDArray[np.int32] | None

class CoreNetwork32: ...
class CoreNetwork64: ...

class Network32:
    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: Sequence[str],
        loss: str,
        loss_parameter: float,
        dropout: Sequence[float],
    ) -> None: ...
    @property
    def handle(self) -> CapsuleType: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def network(self) -> CoreNetwork32: ...
    def get_parameters(self) -> _Array: ...
    def set_parameters(self, flat: _Array) -> None: ...
    def predict(self, x: _Array, out: _Array) -> None: ...
    def forward(self, x: _Array) -> tuple[list[_Array], list[_Array]]: ...
    def evaluate(
        self, x: _Array, labels: _Labels, values: _Array | None, weights: _Array | None
    ) -> tuple[float, float, float]: ...
    def loss_and_gradient(
        self,
        x: _Array,
        labels: _Labels,
        values: _Array | None,
        weights: _Array | None,
        label_smoothing: float,
    ) -> tuple[float, _Array]: ...

class Network64:
    def __init__(
        self,
        layer_sizes: Sequence[int],
        activations: Sequence[str],
        loss: str,
        loss_parameter: float,
        dropout: Sequence[float],
    ) -> None: ...
    @property
    def handle(self) -> CapsuleType: ...
    @property
    def n_parameters(self) -> int: ...
    @property
    def network(self) -> CoreNetwork64: ...
    def get_parameters(self) -> _Array: ...
    def set_parameters(self, flat: _Array) -> None: ...
    def predict(self, x: _Array, out: _Array) -> None: ...
    def forward(self, x: _Array) -> tuple[list[_Array], list[_Array]]: ...
    def evaluate(
        self, x: _Array, labels: _Labels, values: _Array | None, weights: _Array | None
    ) -> tuple[float, float, float]: ...
    def loss_and_gradient(
        self,
        x: _Array,
        labels: _Labels,
        values: _Array | None,
        weights: _Array | None,
        label_smoothing: float,
    ) -> tuple[float, _Array]: ...

class Trainer32:
    def __init__(
        self,
        network: CoreNetwork32,
        *,
        optimizer: str,
        momentum: float,
        nesterov: bool,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        epsilon_hat: bool,
        weight_decay: float,
        l2: float,
        l2_of_sum: bool,
        clip_norm: float,
        label_smoothing: float,
        seed: int,
    ) -> None: ...
    @property
    def step_count(self) -> int: ...
    @property
    def epoch_count(self) -> int: ...
    def fit(
        self,
        x: _Array,
        labels: _Labels,
        values: _Array | None,
        weights: _Array | None,
        batch_size: int,
        shuffle: bool,
        order: NDArray[np.int64] | None,
        epochs: int,
        learning_rates: NDArray[np.float64],
        progress: Callable[[int, int, int, float], object] | None,
    ) -> tuple[bool, int, float, list[tuple[float, float, float, float, float]]]: ...
    def step(
        self,
        x: _Array,
        labels: _Labels,
        values: _Array | None,
        weights: _Array | None,
        learning_rate: float,
    ) -> tuple[float, bool]: ...
    def set_seed(self, seed: int) -> None: ...
    def set_gradient_hook(self, hook: Callable[[_Array], object] | None) -> None: ...
    def set_counts(self, step: int, epoch: int) -> None: ...
    def moments(self) -> list[_Array | None]: ...
    def set_moment(self, which: int, flat: _Array) -> None: ...

class Trainer64:
    def __init__(
        self,
        network: CoreNetwork64,
        *,
        optimizer: str,
        momentum: float,
        nesterov: bool,
        beta_1: float,
        beta_2: float,
        epsilon: float,
        epsilon_hat: bool,
        weight_decay: float,
        l2: float,
        l2_of_sum: bool,
        clip_norm: float,
        label_smoothing: float,
        seed: int,
    ) -> None: ...
    @property
    def step_count(self) -> int: ...
    @property
    def epoch_count(self) -> int: ...
    def fit(
        self,
        x: _Array,
        labels: _Labels,
        values: _Array | None,
        weights: _Array | None,
        batch_size: int,
        shuffle: bool,
        order: NDArray[np.int64] | None,
        epochs: int,
        learning_rates: NDArray[np.float64],
        progress: Callable[[int, int, int, float], object] | None,
    ) -> tuple[bool, int, float, list[tuple[float, float, float, float, float]]]: ...
    def step(
        self,
        x: _Array,
        labels: _Labels,
        values: _Array | None,
        weights: _Array | None,
        learning_rate: float,
    ) -> tuple[float, bool]: ...
    def set_seed(self, seed: int) -> None: ...
    def set_gradient_hook(self, hook: Callable[[_Array], object] | None) -> None: ...
    def set_counts(self, step: int, epoch: int) -> None: ...
    def moments(self) -> list[_Array | None]: ...
    def set_moment(self, which: int, flat: _Array) -> None: ...

def predict(
    handle: CapsuleType, X: object, out: object, /
) -> _Array | NotImplementedType: ...
def supported_isas() -> list[str]: ...
def isa() -> str: ...
def set_isa(name: str) -> None: ...
def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...
def measure_peak(n_threads: int) -> float: ...
def build_config() -> dict[str, Any]: ...
def map_function(name: str, x: _Array, out: _Array) -> None: ...
def all_finite(x: _Array) -> bool: ...
def softmax(z: _Array, out: _Array, log: bool) -> None: ...
def dense(
    x: _Array, w: _Array, b: _Array | None, activation: str, out: _Array
) -> None: ...
def dense_backward(
    dy: _Array, x: _Array, w: _Array, y: _Array, z: _Array | None, activation: str
) -> tuple[_Array, _Array, _Array]: ...
def cross_entropy(
    z: _Array, labels: _Labels, values: _Array | None, softmax: bool
) -> tuple[_Array, _Array]: ...
def philox(seed: int, stream: int, index: int) -> tuple[int, int, int, int]: ...
def uniform(n: int, seed: int, stream: int) -> NDArray[np.float64]: ...
def shuffle_as_numpy(x: NDArray[np.int64], bit_generator: object) -> None: ...
def orthonormalize(a: NDArray[np.float64]) -> None: ...
def init_stream(layer: int) -> int: ...
