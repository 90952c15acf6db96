"""The progress bar: in a terminal, as lines, and where it cannot write."""

import io
import sys

import pytest

from fake_trainer import FakeTrainer
from mlpcore.callbacks import ProgressBar
from mlpcore.callbacks import progress as progress_module
from mlpcore.callbacks._progress_text import Status, _duration, _figure, _si


class Terminal(io.StringIO):
    def isatty(self):
        return True


LOGS = [
    {"loss": 1.0, "accuracy": 0.5, "val_loss": 1.5, "val_accuracy": 0.4},
    {"loss": 0.5, "accuracy": 0.75, "val_loss": 0.75, "val_accuracy": 0.7},
]


@pytest.fixture
def terminal(monkeypatch):
    """A terminal of 120 columns to draw the bar on."""
    pytest.importorskip("rich")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "120")
    return Terminal()


def test_lines_where_there_is_no_terminal(monkeypatch, capsys):
    monkeypatch.setattr(progress_module, "_LINE_SECONDS", 0.0)
    FakeTrainer().run(ProgressBar(), LOGS)
    shown = capsys.readouterr()
    first, second = shown.err.splitlines()
    assert first.startswith(
        "epoch 1/2  loss 1.0000  accuracy 0.5000  val_loss 1.5000  val_accuracy 0.4000"
    )
    assert second.startswith("epoch 2/2  loss 0.5000  accuracy 0.7500")
    assert second.endswith(" rows/s")
    assert "learning_rate" not in shown.err
    assert shown.out == ""


def test_lines_are_few_but_the_last_epoch_has_one():
    file = io.StringIO()
    FakeTrainer().run(ProgressBar(file), LOGS[:1] * 500)
    first, *others, last = file.getvalue().splitlines()
    assert first.startswith("epoch   1/500 ")
    assert last.startswith("epoch 500/500 ")
    assert len(others) <= 5


def test_lines_end_with_the_last_finished_epoch_if_training_raises():
    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        FakeTrainer().run(ProgressBar(file), LOGS[:1] * 4, fail_at=3)
    assert file.getvalue().splitlines()[-1].startswith("epoch 3/4 ")


def test_bar_in_a_terminal(terminal):
    FakeTrainer().run(ProgressBar(terminal), LOGS)
    shown = terminal.getvalue()
    assert "━" in shown
    assert "2/2" in shown
    assert "loss 0.5000  val_loss 0.7500  val_accuracy 0.7000" in shown
    assert "rows/s" in shown
    assert shown.endswith("\x1b[?25h")  # the cursor is back


def test_bar_is_closed_if_training_raises(terminal):
    with pytest.raises(KeyboardInterrupt):
        FakeTrainer().run(ProgressBar(terminal), LOGS, fail_at=1)
    assert terminal.getvalue().endswith("\x1b[?25h")


@pytest.mark.parametrize("width", [1, 10, 30, 60, 80, 99, 100, 200])
def test_bar_fits_in_one_line(terminal, monkeypatch, width):
    from rich.text import Text

    monkeypatch.setenv("COLUMNS", str(width))
    FakeTrainer().run(ProgressBar(terminal), LOGS)
    lines = Text.from_ansi(terminal.getvalue().replace("\r", "\n")).plain.splitlines()
    assert max(len(line) for line in lines) <= width
    # One line, drawn over and over: the cursor never goes up.
    assert "\x1b[1A" not in terminal.getvalue()


def test_bar_is_drawn_ten_times_a_second_at_most(terminal):
    bar = ProgressBar(terminal)
    FakeTrainer().run(bar, LOGS[:1] * 1000, n_batches=10)
    assert terminal.getvalue().count("\r") < 50


@pytest.mark.parametrize("without_rich", [False, True])
def test_lines_without_rich_or_with_a_dumb_terminal(
    terminal, monkeypatch, without_rich
):
    if without_rich:
        monkeypatch.setitem(sys.modules, "rich.console", None)
    else:
        monkeypatch.setenv("TERM", "dumb")
    FakeTrainer().run(ProgressBar(terminal), LOGS)
    assert "\x1b" not in terminal.getvalue()
    assert terminal.getvalue().startswith("epoch 1/2  loss 1.0000")


def test_a_log_file_gets_lines_though_colours_are_forced(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    file = io.StringIO()
    FakeTrainer().run(ProgressBar(file), LOGS)
    assert file.getvalue().startswith("epoch 1/2  loss 1.0000")
    assert "\x1b" not in file.getvalue()


def broken_pipe(terminal):
    def write(text):
        raise BrokenPipeError

    terminal.write = write
    return terminal


def closed(terminal):
    terminal.close()
    return terminal


def ascii_only(terminal):
    return io.TextIOWrapper(io.BytesIO(), encoding="ascii")


def test_what_a_stream_cannot_encode_is_replaced():
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii")
    FakeTrainer().run(ProgressBar(file), [{"loss": 1.0, "naïveté": 0.5}])
    assert b"loss 1.0000  na?vet? 0.5000" in raw.getvalue()


@pytest.mark.parametrize("spoil", [broken_pipe, closed, ascii_only])
@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_stream_that_cannot_be_written_to_does_not_stop_the_training(
    terminal, spoil, is_terminal
):
    stdout, stderr = sys.stdout, sys.stderr
    file = spoil(terminal if is_terminal else io.StringIO())
    logs = [{"loss": 1.0, "naïveté": 0.5}] * 3
    assert FakeTrainer().run(ProgressBar(file), logs) == 3
    assert (sys.stdout, sys.stderr) == (stdout, stderr)


def test_no_stderr_at_all(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    assert FakeTrainer().run(ProgressBar(), LOGS) == 2


def test_status_text():
    status = Status(n_epochs=50, n_rows=1000, now=100.0)
    assert status.bar_text(80) == ""
    assert status.counter() == " 0/50"
    status.advance(0.5, {"loss": 2.0})
    status.now = 101.0
    assert status.counter() == " 1/50"
    assert status.bar_text(80) == "loss 2.0000  500 rows/s  1:39 min left"
    status.finish_epoch({"loss": 1.5, "accuracy": 0.5, "val_accuracy": 0.25})
    assert status.bar_text(80) == (
        "loss 1.5000  val_accuracy 0.2500  1e+03 rows/s  49 s left"
    ).replace("1e+03", "1k")
    assert status.bar_text(35) == "loss 1.5000  val_accuracy 0.2500"
    assert status.fraction == 0.02
    status.ended = True
    assert status.bar_text(80).endswith("1.0 s")


def test_status_without_rows_counts_epochs():
    status = Status(n_epochs=4, n_rows=None, now=0.0)
    status.finish_epoch({})
    status.now = 0.5
    assert status.line() == "epoch 1/4  2 epochs/s"


def test_numbers_for_people():
    assert [_si(v) for v in (0.5, 12, 1e3, 123456, 2.5e6, 3e9)] == [
        "0.5",
        "12",
        "1k",
        "123k",
        "2.5M",
        "3G",
    ]
    assert [_duration(v) for v in (0.04, 9.94, 42.4, 61, 3599.6, 7260)] == [
        "0.0 s",
        "9.9 s",
        "42 s",
        "1:01 min",
        "1:00 h",
        "2:01 h",
    ]
    assert [_figure(v) for v in (0.0, 0.5, 1e-5, 123456.0, float("nan"))] == [
        "0.0000",
        "0.5000",
        "1.00e-05",
        "1.23e+05",
        "nan",
    ]
