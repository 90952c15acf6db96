"""The base of the callbacks, and the list by which the Trainer calls them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from ..network import Network
    from ..trainer import Trainer

Logs: TypeAlias = dict[str, float]


class Callback:
    """Base of the callbacks: hooks that do nothing.

    A hook may set ``self.trainer.stop_training = True``, which ends the training after
    the epoch. An exception from a hook ends it at once and reaches the caller.

    Attributes
    ----------
    trainer : Trainer
        Who calls the hooks; set before `on_train_begin`. ``trainer.params`` is a dict
        with the ``epochs`` of this fit, the ``steps`` (batches) of an epoch and its
        ``rows``.
    network : Network
        The network that is trained.
    error : BaseException or None
        In `on_train_end`, the exception that ended the training, Ctrl-C's
        KeyboardInterrupt included, or None if it ended as planned.

    Examples
    --------
    >>> class PrintLoss(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         print(epoch, logs["loss"])
    """

    trainer: Trainer
    network: Network
    error: BaseException | None = None
    _turn: int = 0  # after an epoch, those with a higher one come later

    def set_trainer(self, trainer: Trainer) -> None:
        """Set `trainer` and `network`.

        Parameters
        ----------
        trainer : Trainer
            Who is going to call the hooks.
        """
        self.trainer = trainer
        self.network = trainer.network
        self.error = None

    def on_train_begin(self, logs: Logs) -> None:
        """Do something before the first epoch.

        Parameters
        ----------
        logs : dict of str to float
            Empty.
        """

    def on_train_end(self, logs: Logs) -> None:
        """Do something after the last epoch, or after what ended it (see ``error``).

        Parameters
        ----------
        logs : dict of str to float
            The last finished epoch's logs; empty if none has finished.
        """

    def on_epoch_begin(self, epoch: int, logs: Logs) -> None:
        """Do something before an epoch.

        Parameters
        ----------
        epoch : int
            The epoch's number, counted from 0.
        logs : dict of str to float
            Empty.
        """

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Do something after an epoch and its validation.

        Parameters
        ----------
        epoch : int
            The epoch's number, counted from 0.
        logs : dict of str to float
            The epoch's figures by name, such as ``loss`` and ``val_loss``. Figures
            added here reach the later callbacks and the `History`.
        """

    def on_progress(self, epoch: int, batch: int, n_batches: int, loss: float) -> None:
        """Do something within a long epoch; called a few times a second.

        Parameters
        ----------
        epoch : int
            The epoch's number, counted from 0.
        batch : int
            How many batches of the epoch are done.
        n_batches : int
            How many batches the epoch has.
        loss : float
            The mean loss of the batches done.
        """

    def get_state(self) -> dict[str, Any]:
        """Return what a checkpoint made in the middle of a fit has to keep.

        Returns
        -------
        dict of str to object
            Values that JSON can hold, and vectors of the length and type of
            `Network.get_parameters`. Empty here: a callback that remembers something
            from one epoch to the next overrides this and `set_state`.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take up a state; called after `on_train_begin`.

        Parameters
        ----------
        state : dict of str to object
            What `get_state` of a callback of the same class returned.
        """


class LambdaCallback(Callback):
    """A callback made of functions.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end : callable, optional
        Called with ``(epoch, logs)``.
    on_train_begin, on_train_end : callable, optional
        Called with ``(logs)``.
    on_progress : callable, optional
        Called with ``(epoch, batch, n_batches, loss)``.

    Examples
    --------
    >>> shout = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, logs))
    >>> shout.on_epoch_end(0, {"loss": 0.5})
    0 {'loss': 0.5}
    """

    def __init__(
        self,
        on_epoch_begin: Callable[[int, Logs], object] | None = None,
        on_epoch_end: Callable[[int, Logs], object] | None = None,
        on_train_begin: Callable[[Logs], object] | None = None,
        on_train_end: Callable[[Logs], object] | None = None,
        on_progress: Callable[[int, int, int, float], object] | None = None,
    ) -> None:
        hooks = {
            "on_epoch_begin": on_epoch_begin,
            "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin,
            "on_train_end": on_train_end,
            "on_progress": on_progress,
        }
        for name, hook in hooks.items():
            if hook is None:
                continue
            if not callable(hook):
                raise TypeError(
                    f"{name} must be callable, got {hook!r} ({type(hook).__name__})"
                )
            setattr(self, name, hook)


class CallbackList:
    """Calls the hooks of several callbacks, in order; a context for one training.

    Entering calls `on_train_begin`; leaving calls `on_train_end` of every callback that
    was begun, with its `error` set if an exception is passing, so bars and files are
    closed however the training ends. If hooks fail while it ends, all are still called
    and the first failure is raised, or noted on the exception that is passing.

    Parameters
    ----------
    callbacks : iterable of Callback, or a Callback
        Whom to call.
    trainer : Trainer
        Who calls.

    Examples
    --------
    The Trainer's loop::

        with CallbackList(callbacks, trainer) as hooks:
            for epoch in ...:
                hooks.on_epoch_begin(epoch)
                logs = ...  # train (hooks.on_progress within), validate
                hooks.on_epoch_end(epoch, logs)
                history.append(epoch, logs)  # after the hooks, which may add to logs
                if trainer.stop_training:
                    break
    """

    def __init__(
        self, callbacks: Iterable[Callback] | Callback, trainer: Trainer
    ) -> None:
        if isinstance(callbacks, Callback):
            callbacks = [callbacks]
        try:
            self.callbacks = list(callbacks)
        except TypeError:
            raise TypeError(
                f"callbacks must be a list of callbacks, got {callbacks!r}"
            ) from None
        for i, callback in enumerate(self.callbacks):
            if not isinstance(callback, Callback):
                got = repr(callback)
                if isinstance(callback, type):
                    got = f"the class {callback.__name__}; write {callback.__name__}()"
                raise TypeError(f"callbacks[{i}] must be a Callback, got {got}")
        self._by_turn = sorted(self.callbacks, key=lambda callback: callback._turn)
        self.trainer = trainer
        self._begun: list[Callback] = []
        self._last_logs: Logs = {}

    @property
    def wants_progress(self) -> bool:
        """Whether any callback has an `on_progress`; if not, it need not be called."""
        return any(
            getattr(callback.on_progress, "__func__", None) is not Callback.on_progress
            for callback in self.callbacks
        )

    def __enter__(self) -> CallbackList:
        """Call `set_trainer` and `on_train_begin`."""
        for callback in self.callbacks:
            callback.set_trainer(self.trainer)
        try:
            for callback in self.callbacks:
                # Before the call: one that fails half-way may have things to close.
                self._begun.append(callback)
                callback.on_train_begin({})
        except BaseException as error:
            self._end(error)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Call `on_train_end`."""
        self._end(error)

    def on_epoch_begin(self, epoch: int) -> None:
        """Call `on_epoch_begin`."""
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch, {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Call `on_epoch_end`, all with the same dict."""
        self._last_logs = logs
        for callback in self._by_turn:
            callback.on_epoch_end(epoch, logs)

    def on_progress(self, epoch: int, batch: int, n_batches: int, loss: float) -> None:
        """Call `on_progress`."""
        for callback in self.callbacks:
            callback.on_progress(epoch, batch, n_batches, loss)

    def get_states(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the class's name and the state of each callback, in their order."""
        return [(type(each).__name__, each.get_state()) for each in self.callbacks]

    def set_states(self, states: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Give each state to the next callback of its class, if there is one."""
        waiting = list(self.callbacks)
        for name, state in states:
            for callback in waiting:
                if type(callback).__name__ == name:
                    if state:
                        callback.set_state(state)
                    waiting.remove(callback)
                    break

    def _end(self, error: BaseException | None) -> None:
        first_failure: BaseException | None = None
        for callback in self._begun:
            callback.error = error
            try:
                callback.on_train_end(self._last_logs)
            except BaseException as failure:
                if error is not None:
                    name = type(callback).__name__
                    error.add_note(f"{name}.on_train_end also failed: {failure!r}")
                elif first_failure is None:
                    first_failure = failure
        self._begun = []
        if first_failure is not None:
            raise first_failure
