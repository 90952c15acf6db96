"""The callback that writes a file, CSVLogger."""

import csv
import errno
import os

import pytest

from fake_trainer import FakeTrainer, Recorder, losses
from mlpcore.callbacks import CSVLogger, LambdaCallback


def read(path):
    return list(csv.reader(path.read_text().splitlines()))


def test_csv_logger_writes_a_row_per_epoch(tmp_path):
    path = tmp_path / "log.csv"
    FakeTrainer().run(CSVLogger(path), losses(1 / 3, 0.25))
    assert read(path) == [
        ["epoch", "val_loss", "learning_rate"],
        ["0", repr(1 / 3), "0.1"],
        ["1", "0.25", "0.1"],
    ]
    assert b"\r" not in path.read_bytes()


def test_csv_logger_rows_are_there_at_once_and_the_file_is_closed(tmp_path):
    path = tmp_path / "log.csv"
    logger, seen = CSVLogger(path), []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(len(read(path))))
    with pytest.raises(KeyboardInterrupt):
        FakeTrainer().run([logger, look], losses(1, 2, 3), fail_at=2)
    assert seen == [2, 3]
    assert logger._file is None


def test_csv_logger_replaces_or_appends(tmp_path):
    path = tmp_path / "log.csv"
    FakeTrainer().run(CSVLogger(path), losses(1, 2))
    FakeTrainer().run(CSVLogger(path), losses(3))
    assert len(read(path)) == 2
    FakeTrainer().run(CSVLogger(path, append=True), losses(4, 5))
    assert [row[1] for row in read(path)] == ["val_loss", "3.0", "4.0", "5.0"]


def test_csv_logger_appends_to_no_file_and_to_a_last_line_without_an_end(tmp_path):
    path = tmp_path / "log.csv"
    FakeTrainer().run(CSVLogger(path, append=True), losses(1))
    path.write_bytes(path.read_bytes().rstrip())
    FakeTrainer().run(CSVLogger(path, append=True), losses(2))
    assert [row[1] for row in read(path)] == ["val_loss", "1.0", "2.0"]


def test_csv_logger_does_not_append_to_other_columns(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"has the columns \['a', 'b'\]"):
        FakeTrainer().run(CSVLogger(path, append=True), losses(1))
    assert path.read_text() == "a,b\n1,2\n"


def test_csv_logger_keeps_its_columns(tmp_path):
    path = tmp_path / "log.csv"
    FakeTrainer().run(CSVLogger(path), [{"loss": 1.0}, {"val_loss": 2.0}])
    assert read(path)[1:] == [["0", "1.0", "0.1"], ["1", "", "0.1"]]


def test_csv_logger_fails_before_the_training(tmp_path):
    calls = []
    with pytest.raises(FileNotFoundError):
        FakeTrainer().run(
            [CSVLogger(tmp_path / "no" / "log.csv"), Recorder(calls, "a")], losses(1)
        )
    assert calls == []


def test_csv_logger_leaves_no_half_row_on_a_full_disk(tmp_path):
    path = tmp_path / "log.csv"
    logger = CSVLogger(path)

    class FullDisk:
        def __init__(self, file):
            self.file = file

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, line):
            self.file.write(line[:3])
            raise OSError(errno.ENOSPC, "No space left on device")

    def fill(epoch, logs):
        if epoch == 1:
            logger._file = FullDisk(logger._file)

    with pytest.raises(OSError, match="No space left"):
        FakeTrainer().run([LambdaCallback(on_epoch_begin=fill), logger], losses(1, 2))
    assert len(read(path)) == 2
    assert path.read_bytes().endswith(b"0.1\n")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux's device")
def test_csv_logger_reads_no_header_from_a_device():
    with pytest.raises(OSError, match=r"No space left|Invalid argument"):
        FakeTrainer().run(CSVLogger("/dev/full"), losses(1))
