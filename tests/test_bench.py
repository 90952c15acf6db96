"""The benchmark: who takes part, that all compute the same, and what is written."""

import importlib
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from mlpcore import _core
from mlpcore.bench import (
    Effort,
    _command,
    _contest,
    _estimators,
    _files,
    _table,
    main,
    run_contest,
)
from mlpcore.bench._checks import (
    LOSS_TOLERANCE,
    PREDICTION_TOLERANCE,
    LossCheck,
    prediction_deviation,
)
from mlpcore.bench._estimators import compare_estimators
from mlpcore.bench._results import Cell, Entry, Results
from mlpcore.bench._timing import timed_samples
from mlpcore.bench._worker import N_CHECKED_STEPS, Worker, WorkerError
from mlpcore.bench._workloads import QUICK, WORKLOADS, Net, Workload
from mlpcore.bench.rivals import OURS, RIVALS
from mlpcore.bench.rivals.base import UnsupportedError

TABLE = {
    "4-16-16-3": ([1, 32, 100_000], [32]),
    "4-32-16-4 tanh": ([1, 10_000], [10_000]),
    "24-8-2": ([1, 200], [200]),
    "17-256-256-6 tanh": ([1, 64], [256]),
    "28-128-128-2": ([1, 100_000], [256]),
    "28-256-256-256-1": ([100_000], []),
    "64-64-64-64-64-16": ([1, 16_384, 1_000_000], [16_384]),
    "64-64-64-10": ([1, 100_000], []),
    "784-32-10": ([], [32]),
    "784-128-10": ([1, 256, 10_000], [32, 128, 512]),
    "784-256-128-10": ([1, 32, 10_000], []),
    "784-1024-1024-10": ([1, 128, 4096], [256]),
    "1024-1024-1024-1024-1024": ([256], [256]),
    "37-101-53-7 gelu": ([1, 97, 10_000], [97]),
}

CLASSES = Net((5, 9, 4))
TWO_CLASSES = Net((5, 9, 2), "tanh")
YES_OR_NO = Net((5, 9, 7, 1))
REGRESSION = Net((5, 9, 3), "tanh", is_regression=True)
NETS = [CLASSES, TWO_CLASSES, YES_OR_NO, REGRESSION]
SMALL = ["predict 4-16-16-3 x 32", "train 4-16-16-3 x 32"]
BRIEF = Effort(rounds=2, seconds=0.002)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(_command, "QUICK_EFFORT", BRIEF)
    monkeypatch.setattr(_command, "FULL", BRIEF)


def named(name):
    (found,) = [w for w in WORKLOADS if w.name == name]
    return found


class TestWorkloads:
    def test_all_are_there(self):
        names = {"train 24-8-2 x 200 float64"}
        for net, (predict_rows, batches) in TABLE.items():
            names |= {f"predict {net} x {rows}" for rows in predict_rows}
            names |= {f"train {net} x {rows}" for rows in batches}
        assert {w.name for w in WORKLOADS} == names
        assert len(WORKLOADS) == len(names)
        assert len(QUICK) == 6

    def test_outputs(self):
        outputs = {w.net.name: w.net.output for w in WORKLOADS}
        identity = {"17-256-256-6 tanh", "1024-1024-1024-1024-1024"}
        assert {n for n, o in outputs.items() if o == "identity"} == identity
        assert {n for n, o in outputs.items() if o == "sigmoid"} == {"28-256-256-256-1"}

    @pytest.mark.parametrize(
        ("name", "target"),
        [
            ("predict 64-64-64-64-64-16 x 1", 10),  # 17,680 parameters
            ("predict 28-128-128-2 x 1", 1.3),  # 20,482
            ("predict 64-64-64-10 x 100000", 2.5),
            ("predict 37-101-53-7 gelu x 97", 1.3),
            ("train 4-16-16-3 x 32", 5),
            ("train 24-8-2 x 200 float64", 5),
            ("train 784-32-10 x 32", 2),
            ("train 17-256-256-6 tanh x 256", 2),
            ("train 784-1024-1024-10 x 256", 1.3),
        ],
    )
    def test_targets(self, name, target):
        assert named(name).target == target

    def test_flops_and_steps(self):
        predict, train = (named(name) for name in SMALL)
        assert predict.flops == 2 * 32 * (64 + 256 + 48)
        assert train.flops == 2 * 32 * (3 * (64 + 256 + 48) - 64)
        assert (predict.steps, train.steps) == (1, 256)
        assert named("train 1024-1024-1024-1024-1024 x 256").steps == 4

    @pytest.mark.parametrize("net", NETS)
    def test_data_are_the_same_every_time(self, net):
        work = Workload(net, "train", 20, "float64")
        (x, y), (x_again, y_again) = work.data(), work.data()
        assert x.dtype == np.float64
        assert len(x) == len(y) == 20 * work.steps
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)


@pytest.mark.parametrize("name", ["numpy", "sklearn"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("net", NETS)
class TestContestantsAgree:
    def test_on_predictions(self, name, net, dtype):
        work = Workload(net, "predict", 33, dtype)
        outputs = []
        for rival in (RIVALS[OURS], RIVALS[name]):
            x, _ = work.data()
            predictor = rival.make_predictor("", work, work.weights(), x)
            outputs.append(predictor.as_array(predictor.predict()))
        assert outputs[0].shape == outputs[1].shape == (33, net.layer_sizes[-1])
        assert outputs[1].dtype == dtype
        assert prediction_deviation(*outputs) < PREDICTION_TOLERANCE / 10

    def test_on_the_loss(self, name, net, dtype):
        work = Workload(net, "train", 16, dtype)
        if name == "sklearn" and net == TWO_CLASSES:
            with pytest.raises(UnsupportedError, match="one sigmoid"):
                train(name, work, 1)
            return
        ours, theirs = (train(who, work, N_CHECKED_STEPS) for who in (OURS, name))
        check = LossCheck(work)
        assert check.loss(ours) < check.loss(work.weights())
        assert check.deviation(theirs, ours) < LOSS_TOLERANCE / 10


def train(name, work, n_steps):
    training = RIVALS[name].make_training("", work, work.weights(), *work.data())
    training.train(n_steps)
    return training.weights()


class TestChecks:
    def test_a_training_that_does_nothing_is_noticed(self):
        work = Workload(CLASSES, "train", 16)
        ours = train(OURS, work, N_CHECKED_STEPS)
        check = LossCheck(work)
        assert check.deviation(work.weights(), ours) == pytest.approx(1)
        one_less = train(OURS, work, N_CHECKED_STEPS - 1)
        assert check.deviation(one_less, ours) > LOSS_TOLERANCE
        assert check.deviation(ours, work.weights()) == np.inf

    def test_predictions(self):
        ours = np.array([[0.5, 100.0]])
        assert prediction_deviation(ours + 0.01, ours) == pytest.approx(0.01)
        assert prediction_deviation(np.array([[0.5, 101.0]]), ours) == 0.01
        assert prediction_deviation(np.array([[0.5, np.nan]]), ours) == np.inf
        assert prediction_deviation(ours[:, :1], ours) == np.inf

    @pytest.mark.parametrize("name", ["numpy", "sklearn"])
    def test_gelu_is_named(self, name):
        work = Workload(Net((5, 9, 4), "gelu"), "predict", 3)
        with pytest.raises(UnsupportedError, match="gelu"):
            RIVALS[name].make_predictor("", work, work.weights(), *work.data()[:1])

    def test_onnxruntime_does_not_train(self):
        work = Workload(CLASSES, "train", 3)
        with pytest.raises(UnsupportedError, match="does not train"):
            RIVALS["onnxruntime"].make_training("", work, [], *work.data())


class TestMeasuring:
    def test_peak(self):
        """A core of this century does 1 to 1000 GFLOP/s."""
        assert 1 < _core.measure_peak(1) < 1000

    def test_samples(self):
        calls = []
        samples = timed_samples(lambda: calls.append(0), 0.002)
        assert len(calls) > len(samples) > 0
        assert 0 < min(samples) < 1e-5

    def test_a_slow_call_is_made_once(self):
        assert len(timed_samples(lambda: sum(range(100_000)), 1e-6)) == 1

    def test_ratio_and_share_of_peak(self):
        work = Workload(CLASSES, "predict", 1000)
        cell = Cell(work, 1, peaks=[1.0, 2.0, 9.0])
        cell.entries = [
            Entry(OURS, "", samples=[4e-5, 1e-4, 1e-3]),
            Entry("torch", "eager", samples=[3e-4]),
            Entry("torch", "compile", samples=[2e-4]),
            Entry("numpy", "", samples=[1e-9], agrees=False),
            Entry("jax", "", reason="not installed"),
        ]
        assert cell.best().title == "PyTorch compile"
        assert cell.ratio == pytest.approx(2)
        assert cell.meets_target is False
        assert cell.gflops == pytest.approx(2 * (45 + 36) * 1000 / 1e-4 / 1e9)
        assert cell.share_of_peak == pytest.approx(cell.gflops / 2)
        cell.workload = Workload(CLASSES, "predict", 1000, "float64")
        assert cell.share_of_peak == pytest.approx(cell.gflops)

    def test_first_calls(self):
        results = Results({}, {}, BRIEF)
        for seconds in (1.0, 2.0, 6.0):
            for task in ("train", "predict"):
                cell = Cell(Workload(CLASSES, task, 1), 1)
                cell.entries = [
                    Entry(OURS, "", first_call=seconds / 10),
                    Entry("torch", "eager", first_call=seconds),
                    Entry("jax", "", reason="not installed"),
                ]
                results.cells.append(cell)
        assert [
            (calls.task, calls.title, calls.median, calls.longest)
            for calls in results.first_calls()
        ] == [
            ("predict", "mlpcore", 0.2, 0.6),
            ("predict", "PyTorch eager", 2.0, 6.0),
            ("train", "mlpcore", 0.2, 0.6),
            ("train", "PyTorch eager", 2.0, 6.0),
        ]

    def test_a_process_that_ended_is_named(self):
        worker = Worker("numpy", 1)
        worker.wait_until_started()
        worker._process.kill()
        worker._process.join()
        with pytest.raises(WorkerError, match="process"):
            worker.time("", 0.001)
        worker.stop()

    def test_a_fault_of_a_rival_is_a_reason(self):
        worker = Worker("numpy", 1)
        try:
            worker.wait_until_started()
            with pytest.raises(WorkerError, match="KeyError"):
                worker.time("never prepared", 0.001)
        finally:
            worker.stop()


class TestCommand:
    def test_a_run(self, monkeypatch, capfd, tmp_path):
        why = "jax is not installed"
        monkeypatch.setattr(RIVALS["jax"], "available", lambda: why, raising=False)
        arguments = ["--only", "4-16-16-3 x 32", "--rivals", "numpy,jax", "--threads=1"]
        assert main([*arguments, "--output", str(tmp_path / "new")]) == 0
        out, err = capfd.readouterr()
        assert f"missing  JAX: {why}" in out
        assert "FAILED" not in out
        assert SMALL[0] in err
        for name in ("results.json", "results.md", "results.png"):
            assert (tmp_path / "new" / name).stat().st_size > 100

        result = json.loads((tmp_path / "new" / "results.json").read_text())
        assert result["missing"] == {"jax": why}
        assert result["machine"]["isa"] in ("baseline", "avx2", "avx512", "neon")
        assert {"mlpcore", "numpy", "python"} <= set(result["machine"]["versions"])
        assert result["effort"] == {"rounds": 2, "seconds": 0.002, "is_quick": False}
        assert [cell["name"] for cell in result["cells"]] == SMALL
        for cell in result["cells"]:
            ours, theirs = cell["contestants"]
            assert cell["best_rival"] == "NumPy"
            assert cell["ratio"] == theirs["median"] / ours["median"]
            assert theirs["agrees"]
            assert 0 <= theirs["deviation"] < LOSS_TOLERANCE
            assert min(ours["first_call"], theirs["first_call"]) > 0

        page = (tmp_path / "new" / "results.md").read_text()
        assert f"JAX: {why}" in page
        tables = [
            [line.count("|") for line in part.splitlines()]
            for part in page.split("\n\n")
            if part.startswith("|")
        ]
        assert [len(table) - 2 for table in tables] == [len(SMALL), 4]
        assert all(len(set(table)) == 1 for table in tables)

    def test_a_rival_that_is_not_installed(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        for name in ("torch", "jax", "onnxruntime", "sklearn"):
            assert 'pip install "mlpcore[bench]"' in RIVALS[name].available()

    def test_a_folder_is_no_library(self, monkeypatch, tmp_path):
        monkeypatch.setattr(RIVALS["jax"], "packages", ("no_such_library",))
        (tmp_path / "no_such_library").mkdir()
        monkeypatch.syspath_prepend(tmp_path)
        assert "not installed" in RIVALS["jax"].available()
        (tmp_path / "no_such_library" / "__init__.py").touch()
        importlib.invalidate_caches()
        assert RIVALS["jax"].available() is None
        assert RIVALS["jax"].versions() == {"no_such_library": "of unknown version"}

    def test_quick_leaves_out_who_takes_long_to_begin(self, monkeypatch):
        monkeypatch.setattr(RIVALS["numpy"], "slow_to_begin", ("",))
        for is_quick in (False, True):
            effort = Effort(rounds=1, seconds=0.001, is_quick=is_quick)
            results = run_contest([named(SMALL[0])], ["numpy"], [1], effort)
            [cell] = results.cells
            assert (cell.best() is None) is is_quick
            said = "NumPy: takes too long to begin for --quick; in " + SMALL[0]
            assert any(said in line for line in results.reasons()) is is_quick

    def test_everybody_makes_as_many_steps(self, monkeypatch):
        asked = []

        def prepare(worker, *arguments, prepare=Worker.prepare):
            prepared = prepare(worker, *arguments)
            asked.append((arguments[-1], prepared.steps))
            return prepared

        monkeypatch.setattr(Worker, "prepare", prepare)
        [cell] = run_contest([named(SMALL[1])], ["numpy"], [1], BRIEF).cells
        (first, steps), other = asked
        assert first is None
        assert other == (steps, steps)
        assert cell.steps == steps

    @pytest.mark.parametrize("folder", ["file", "file/sub"])
    def test_a_folder_that_cannot_be_written_to(self, folder, capsys, tmp_path):
        """It is noticed before the contest."""
        (tmp_path / "file").touch()
        with pytest.raises(SystemExit) as exit_:
            main(["--only", SMALL[0], "--output", str(tmp_path / folder)])
        assert exit_.value.code == 2
        [*_, line] = capsys.readouterr().err.splitlines()
        assert "cannot write to --output" in line

    def test_ctrl_c_keeps_what_is_finished(self, monkeypatch, capsys, tmp_path):
        def run_cell(workload, *rest, run_cell=_contest._run_cell):
            if workload.name == SMALL[1]:
                raise KeyboardInterrupt
            return run_cell(workload, *rest)

        monkeypatch.setattr(_contest, "_run_cell", run_cell)
        arguments = ["--only", "4-16-16-3 x 32", "--rivals=numpy", "--threads=1"]
        assert main([*arguments, "--output", str(tmp_path)]) == 130
        out, err = capsys.readouterr()
        assert SMALL[0] in out
        assert err.endswith("interrupted after 1 of 2\n")
        result = json.loads((tmp_path / "results.json").read_text())
        assert [cell["name"] for cell in result["cells"]] == SMALL[:1]
        assert result["interrupted"] is True

    def test_an_old_chart_does_not_stay_beside_new_figures(self, monkeypatch, tmp_path):
        (tmp_path / "results.png").touch()
        monkeypatch.setitem(sys.modules, "mlpcore.bench._chart", None)
        _files.write(run_contest([], [], [], BRIEF), tmp_path)
        assert sorted(p.name for p in tmp_path.iterdir()) == [
            "results.json",
            "results.md",
        ]

    def test_who_computes_something_else_does_not_count(
        self, monkeypatch, capfd, tmp_path
    ):
        monkeypatch.setattr(_contest, "prediction_deviation", lambda *_: np.inf)
        arguments = ["--only", SMALL[0], "--rivals=numpy", "--threads=1"]
        assert main([*arguments, "--output", str(tmp_path)]) == 1
        assert "FAILED  NumPy" in capfd.readouterr().out
        (cell,) = json.loads((tmp_path / "results.json").read_text())["cells"]
        assert cell["ratio"] is None
        assert cell["agrees"] is False

    def test_mlpcore_has_to_work(self, monkeypatch, capsys, tmp_path):
        def fail(worker):
            raise WorkerError("no")

        monkeypatch.setattr(Worker, "wait_until_started", fail)
        arguments = ["--only", SMALL[0], "--rivals=numpy", "--threads=1"]
        assert main([*arguments, "--output", str(tmp_path)]) == 2
        assert capsys.readouterr().err.endswith("mlpcore: no\n")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--only", "nothing"], "no workload matches 'nothing'"),
            (["--rivals", "mlpcore"], "no rival 'mlpcore'"),
            (["--rivals", "numpi"], "no rival 'numpi'; there are torch, jax"),
            (["--rivals", ""], "no rival ''"),
            (["--threads", "0"], "'0' is not a number of threads"),
            (["--threads", "1,x"], "'x' is not"),
            (["--threads", "100000"], "processors, not 100000"),
        ],
    )
    def test_arguments_are_checked(self, arguments, message, capsys):
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        assert exit_.value.code == 2
        assert message in capsys.readouterr().err

    def test_list(self, capsys):
        assert main(["--list", "--only", "*4-16-16-3 X 32"]) == 0
        assert capsys.readouterr().out.split("\n")[:-1] == SMALL

    def test_without_rich(self, monkeypatch, capsys):
        results = run_contest([named(SMALL[0])], ["numpy"], [1], BRIEF)
        monkeypatch.setitem(sys.modules, "rich.console", None)
        _table.show(results)
        head, row, *_ = capsys.readouterr().out.splitlines()
        assert len(head) == len(row)
        assert head.startswith("work")
        assert row.startswith(SMALL[0])

    @pytest.mark.parametrize("width", [66, 80, 100, 120, 160, 300])
    def test_no_figure_is_cut(self, width, monkeypatch, capsys):
        for name in ("COLUMNS", "LINES", "NO_COLOR"):
            monkeypatch.delenv(name, raising=False)
        work = Workload(Net((1024, 1024, 1024, 1024, 1024)), "train", 256)
        rivals = ["onnxruntime", "torch", "jax", "sklearn", "numpy"]
        entries = [Entry(name, "sleeping", samples=[1.23456]) for name in rivals]
        cell = Cell(work, 2, [Entry(OURS, "", samples=[2.5]), *entries], [100.0])
        results = run_contest([], [], [], BRIEF)
        results.cells = [cell]
        console = Console(width=width, force_terminal=True, no_color=True)
        monkeypatch.setattr("rich.console.Console", lambda: console)
        _table.show(results)
        out = capsys.readouterr().out
        assert "…" not in out
        for text in ("2.5 s", "0.49x ONNX Runtime sleeping LOSS"):
            assert text in out
        assert out.count("1.23 s") == (5 if width == 300 else 0)
        assert ("left out, for want of width" in out) is (width < 300)

    def test_a_busy_machine_is_named(self, capsys):
        results = run_contest([], [], [], BRIEF)
        for load, is_busy in ((0.1, False), (3.0, True)):
            results.machine["load_before"] = load
            _table.show(results)
            assert ("busy  the load was 3.0" in capsys.readouterr().out) is is_busy


def test_a_loss_is_marked():
    work = Workload(CLASSES, "predict", 10)
    entries = [Entry(OURS, "", samples=[2.0]), Entry("numpy", "", samples=[1.0])]
    cell = Cell(work, 1, entries)
    results = SimpleNamespace(cells=[cell])
    assert _table.row(cell, ["numpy"])[4] == "0.50x NumPy LOSS"
    assert "slower in 1" in _table.summary(results)


def test_estimators_are_compared(monkeypatch, capsys):
    (first, *_) = _estimators.FITS
    monkeypatch.setattr(_estimators, "FITS", {first: _estimators.FITS[first]})
    monkeypatch.setattr(
        _estimators, "compare_estimators", lambda: compare_estimators(rounds=1)
    )
    assert main(["--estimators"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| digits, 1,797 x 64, 100 epochs, float32 |")
    assert float(lines[3].split("|")[-2]) < 1e-6  # the losses, in float64
