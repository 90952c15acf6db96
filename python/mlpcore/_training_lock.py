"""Who may train a network, and who may copy or change it meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TrainingLock:
    """One thread trains a network at a time; no other may copy or change it then.

    The native loop writes to the parameters without the GIL: a copy made meanwhile
    would have some parameters from before an update and some from after it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None  # the last that trained
        self._trainings = 0  # how many have begun

    def free(self) -> threading.Lock:
        """Return what to hold in a ``with`` statement, which calls `begin` then.

        Python's lock itself: Ctrl-C may raise between any two lines of Python, and in
        an ``__enter__`` of ours it sometimes left the lock held for ever. (Of two
        threads that find it free at the same moment, one waits.)

        Raises
        ------
        RuntimeError
            If somebody trains already.
        """
        if self._lock.locked():
            raise self._error()
        return self._lock

    def begin(self) -> None:
        """Note that this thread trains; it holds the lock."""
        self._thread = threading.get_ident()
        self._trainings += 1

    def read(self, copy: Callable[[], T]) -> T:
        """Return what `copy` returns.

        Nothing is held meanwhile, so that readers stop neither each other nor a
        training, nor a child that is forked: a training that begins is noticed after.

        Raises
        ------
        RuntimeError
            If another thread trains before the copy is made.
        """
        begun = self._trainings
        self.refuse_other_threads()
        value = copy()
        if self._trainings != begun:
            raise self._error()
        return value

    def refuse_other_threads(self) -> None:
        """Raise RuntimeError if another thread trains."""
        if self._lock.locked() and self._thread != threading.get_ident():
            raise self._error()

    def _error(self) -> RuntimeError:
        if self._lock.locked() and self._thread == threading.get_ident():
            return RuntimeError("this Network is being trained already, by the caller")
        return RuntimeError("this Network is being trained in another thread")
