"""What a rival has to offer; each has a file of its own beside this one."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .._workloads import Workload

Weights: TypeAlias = list[tuple[NDArray[Any], NDArray[Any]]]
"""(W, b) of each layer: shapes (n_in, n_out) and (n_out,)."""

LEARNING_RATE = 1e-3
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


class UnsupportedError(Exception):
    """A rival cannot do this workload; the message says why."""


@dataclass(frozen=True)
class Predictor:
    """A network with its rows at hand, in the library's own kind of array.

    Attributes
    ----------
    predict : callable
        Predicts all rows; the result is complete when it returns.
    as_array : callable
        Turns such a result into an array of shape (n, n_out); never timed.
    """

    predict: Callable[[], Any]
    as_array: Callable[[Any], NDArray[Any]] = np.asarray


@dataclass(frozen=True)
class Training:
    """A training with its data at hand, in the library's own kind of array.

    Attributes
    ----------
    train : callable
        ``train(n)`` makes a step of Adam with each of the first n batches, in order,
        and returns when the last one is complete. Called again, it continues.
    weights : callable
        Returns the present parameters.
    """

    train: Callable[[int], object]
    weights: Callable[[], Weights]


class Rival(ABC):
    """A library. All but its names and `available` is used in its own process only."""

    name: ClassVar[str]
    """What ``--rivals`` takes."""
    title: ClassVar[str]
    """Of its column."""
    packages: ClassVar[tuple[str, ...]]
    """What has to be installed, the library itself first."""
    predictors: ClassVar[tuple[str, ...]] = ("",)
    """The ways to predict, all measured; the best counts."""
    trainings: ClassVar[tuple[str, ...]] = ("",)
    """The ways to train; none for a library that cannot."""
    slow_to_begin: ClassVar[tuple[str, ...]] = ()
    """Those ways whose first call takes many seconds."""

    def available(self) -> str | None:
        """Return None, or what is missing."""
        for package in self.packages:
            spec = importlib.util.find_spec(package)
            if spec is None or spec.origin is None:  # or a folder of that name
                return f'{package} is not installed: pip install "mlpcore[bench]"'
        return None

    def versions(self) -> dict[str, str]:
        """Return the versions of its packages."""
        names = {"sklearn": "scikit-learn"}
        versions = dict.fromkeys(self.packages, "of unknown version")
        for package in self.packages:
            # Some builds of a library are distributed under another name.
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                name = names.get(package, package)
                versions[package] = importlib.metadata.version(name)
        return versions

    def environment(self, n_threads: int) -> dict[str, str]:
        """Return environment variables to be set before its process starts."""
        return {}

    def start(self, n_threads: int) -> None:
        """Import it and tell it how many threads to use, if it needs telling."""
        return

    @abstractmethod
    def make_predictor(
        self, variant: str, workload: Workload, weights: Weights, x: NDArray[Any]
    ) -> Predictor:
        """Return what predicts, or raise `UnsupportedError`."""

    @abstractmethod
    def make_training(
        self,
        variant: str,
        workload: Workload,
        weights: Weights,
        x: NDArray[Any],
        y: NDArray[Any],
    ) -> Training:
        """Return what trains, or raise `UnsupportedError`.

        The targets y are class indices (n,), and (n, n_out) for regression.
        """
