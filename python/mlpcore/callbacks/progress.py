"""One progress bar for a whole training, or plain lines where no bar can be drawn."""

from __future__ import annotations

import sys
import time
from typing import Any, Protocol, TextIO, cast

from ._notebook import NotebookBar, in_notebook
from ._progress_text import Status
from .base import Callback, Logs

# Faster than the eye follows, and rare enough to cost nothing beside the training.
_BAR_SECONDS = 0.1
_LINE_SECONDS = 0.5


class ProgressBar(Callback):
    """Show how far training is: epochs, losses, accuracy and rows per second.

    A bar in a Jupyter notebook, and in a terminal if rich is installed
    (``pip install 'mlpcore[progress]'``); elsewhere a plain line per epoch, at most two
    a second, and one for the last epoch. Outside of notebooks it writes to stderr, and
    a stream that cannot be written to never stops a training.

    Parameters
    ----------
    file : text file, optional
        Where to write in place of stderr or the notebook.

    Examples
    --------
    >>> bar = ProgressBar()
    """

    def __init__(self, file: TextIO | None = None) -> None:
        self.file = file
        self._display: _Display | None = None

    def on_train_begin(self, logs: Logs) -> None:
        """Open the bar."""
        params = self.trainer.params
        self._status = Status(params["epochs"], params.get("rows"), time.perf_counter())
        self._drawn_at = float("-inf")
        self._display = None
        if self.file is None and in_notebook():
            self._display = NotebookBar()
            return
        # sys.stderr is looked up now, as it may have been replaced since.
        file = self.file if self.file is not None else sys.stderr
        if file is not None:  # it is None under pythonw
            self._display = _make_display(file)

    def on_progress(self, epoch: int, batch: int, n_batches: int, loss: float) -> None:
        """Move the bar within an epoch."""
        self._status.advance(batch / n_batches, {"loss": loss})
        if isinstance(self._display, _BARS):
            self._draw(_BAR_SECONDS)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Move the bar to the end of the epoch."""
        self._status.finish_epoch(logs)
        bar = isinstance(self._display, _BARS)
        self._draw(_BAR_SECONDS if bar else _LINE_SECONDS)

    def on_train_end(self, logs: Logs) -> None:
        """Show the last state, whatever ended the training, and close the bar."""
        self._status.ended = True
        self._draw(0.0)
        if self._display is not None:
            self._display.close()
            self._display = None

    def _draw(self, seconds: float) -> None:
        """Draw, unless the last time is less than `seconds` ago."""
        now = time.perf_counter()
        if self._display is None or now - self._drawn_at < seconds:
            return
        self._drawn_at = self._status.now = now
        self._display.draw(self._status)


class _SafeFile:
    """A text file whose writing never fails: what cannot be written is lost.

    Around the file and not around the drawing, because rich exits the process when a
    pipe breaks, and would be left half-way through its own restoring of the terminal.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        try:
            return self._file.write(text)
        except UnicodeEncodeError:
            encoding = self._file.encoding
            return self.write(text.encode(encoding, "replace").decode(encoding))
        except (OSError, ValueError):  # a broken pipe, a full disk; a closed file
            return len(text)

    def flush(self) -> None:
        try:
            self._file.flush()
        except (OSError, ValueError):
            pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Display(Protocol):
    def draw(self, status: Status) -> None: ...
    def close(self) -> None: ...


class _Lines:
    """A line for each epoch drawn."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._epochs_drawn = 0

    def draw(self, status: Status) -> None:
        if status.epochs_done > self._epochs_drawn:
            self._epochs_drawn = status.epochs_done
            print(status.line(), file=self._file, flush=True)

    def close(self) -> None:
        pass


class _Bar:
    """A rich progress bar."""

    def __init__(self, console: Any) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self._console = console
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None if console.width < 100 else 30),
            TextColumn("{task.fields[text]}", style="none"),
            console=console,
            # Drawn from the hooks: no thread that competes with the training.
            auto_refresh=False,
            # Prints are moved above the bar, but only those to the same terminal: what
            # the user redirects to a file must get there.
            redirect_stdout=_is_terminal(sys.stdout),
            redirect_stderr=_is_terminal(sys.stderr),
            expand=console.width < 100,
        )
        self._task = self._progress.add_task("", total=1.0, text="")
        self._started = False

    def draw(self, status: Status) -> None:
        if not self._started:
            self._started = True
            self._progress.start()
        counter = status.counter()
        # What the bar leaves of the width: it takes 10 columns at least.
        room = min(self._console.width - 10, 110) - len(counter) - 3
        self._progress.update(
            self._task,
            completed=status.fraction,
            description=counter,
            text=status.bar_text(room),
        )
        self._progress.refresh()

    def close(self) -> None:
        self._progress.stop()


# What is redrawn within an epoch; lines are not.
_BARS = (_Bar, NotebookBar)


def _make_display(file: TextIO) -> _Display:
    """Return a bar if `file` can show one, else lines."""
    safe = cast(TextIO, _SafeFile(file))
    try:
        from rich.console import Console
    except ImportError:
        return _Lines(safe)
    # Left to itself, rich would draw a bar in a log file where FORCE_COLOR is set, as
    # it is in notebooks, or in the notebook itself in place of the file.
    console = Console(file=safe, force_terminal=_is_terminal(file), force_jupyter=False)
    # A dumb terminal cannot move the cursor.
    if console.is_terminal and not console.is_dumb_terminal:
        return _Bar(console)
    return _Lines(safe)


def _is_terminal(file: TextIO | None) -> bool:
    try:
        return file is not None and file.isatty()
    except ValueError:  # closed
        return False
