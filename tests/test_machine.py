"""Instruction sets, threads, the build, and what importing costs."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import threadpoolctl

import mlpcore
from mlpcore import Network
from support import fma_isas, run_python

KNOWN = ["baseline", "avx2", "avx512", "neon"]


def cpu_flags():
    """Return the processor's flags as Linux names them, or None elsewhere."""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                if line.startswith(("flags", "Features")):
                    return set(line.split(":")[1].split())
    except OSError:
        pass
    return None


def environment(**changes):
    env = {k: v for k, v in os.environ.items() if k not in ("MLPCORE_ISA",)}
    return {k: v for k, v in (env | changes).items() if v is not None}


class TestInstructionSets:
    def test_supported(self):
        isas = mlpcore.supported_isas()
        assert "baseline" in isas
        assert set(isas) <= set(KNOWN)
        assert len(set(isas)) == len(isas)
        assert mlpcore.isa() in isas

    @pytest.mark.skipif(cpu_flags() is None, reason="needs /proc/cpuinfo")
    def test_all_the_processor_can_are_there(self):
        """Else every test on every instruction set would pass by testing none."""
        flags, isas = cpu_flags(), set(mlpcore.supported_isas())
        assert ("avx2" in isas) == ({"avx2", "fma"} <= flags)
        avx512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl"}
        assert ("avx512" in isas) == (avx512 <= flags)
        assert ("neon" in isas) == ("asimd" in flags)

    def test_set(self):
        X = np.random.default_rng(0).normal(size=(50, 20))
        net = Network([20, 30, 3], rng=0)
        for name in mlpcore.supported_isas():
            assert mlpcore.set_isa(name) is None
            assert mlpcore.isa() == name
            assert np.isfinite(net.predict(X)).all()

    def test_baseline_is_another_path(self):
        """Two roundings for one: set_isa does change what runs."""
        assert len(mlpcore.supported_isas()) > 1, "no SIMD on this machine?"
        x = np.random.default_rng(0).normal(size=(10, 200)).astype(np.float32)
        results = []
        for name in ("baseline", fma_isas()[0]):
            mlpcore.set_isa(name)
            results.append(mlpcore.ops.dense(x, x.T.copy()))
        assert not np.array_equal(*results)
        np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-4)

    @pytest.mark.parametrize("name", mlpcore.supported_isas())
    def test_variable(self, name):
        script = "import mlpcore; print(mlpcore.isa())"
        result = run_python(script, env=environment(MLPCORE_ISA=name))
        assert result.stdout.strip() == name

    def test_without_the_variable_the_best_is_taken(self):
        script = "import mlpcore; print(mlpcore.isa())"
        best = [n for n in KNOWN if n in mlpcore.supported_isas()][-1]
        for value in (None, ""):
            result = run_python(script, env=environment(MLPCORE_ISA=value))
            assert result.stdout.strip() == best

    def test_a_bad_variable(self):
        missing = [n for n in KNOWN if n not in mlpcore.supported_isas()]
        for name in ("sse9", *missing):
            result = run_python(
                "import mlpcore; mlpcore.isa()",
                env=environment(MLPCORE_ISA=name),
                check=False,
            )
            assert result.returncode == 1  # an exception, not an abort
            assert name in result.stderr
            assert "MLPCORE_ISA" in result.stderr
            assert "baseline" in result.stderr

    def test_networks_outlive_a_change(self):
        """The layout of the parameters does not depend on the instruction set."""
        X, y = np.random.default_rng(0).normal(size=(50, 20)), np.arange(50) % 3
        net = Network([20, 30, 3], rng=0)
        trainer = mlpcore.Trainer(net, rng=0)
        for name in [*mlpcore.supported_isas(), *mlpcore.supported_isas()[::-1]]:
            before = net.loss(X, y)
            mlpcore.set_isa(name)
            assert net.loss(X, y) == pytest.approx(before, rel=1e-6)
            trainer.fit(X, y, epochs=3)
            assert net.loss(X, y) < before


class TestThreads:
    def test_set_and_get(self):
        for n in (1, 2, 3, 8, 64):
            mlpcore.set_num_threads(n)
            assert mlpcore.get_num_threads() == n

    def test_another_thread_s_number_is_for_all(self):
        mlpcore.set_num_threads(1)
        thread = threading.Thread(target=mlpcore.set_num_threads, args=(2,))
        thread.start()
        thread.join()
        assert mlpcore.get_num_threads() == 2

    def test_numpy_integers(self):
        mlpcore.set_num_threads(np.int64(2))
        assert mlpcore.get_num_threads() == 2
        assert type(mlpcore.get_num_threads()) is int

    @pytest.mark.parametrize("n", [1, 3])
    def test_omp_num_threads_is_obeyed(self, n):
        script = "import mlpcore; print(mlpcore.get_num_threads())"
        result = run_python(script, env=environment(OMP_NUM_THREADS=str(n)))
        assert result.stdout.strip() == str(n)

    def test_the_processors_by_default(self):
        script = "import mlpcore; print(mlpcore.get_num_threads())"
        env = environment(OMP_NUM_THREADS=None, OMP_THREAD_LIMIT=None)
        result = run_python(script, env=env)
        if hasattr(os, "sched_getaffinity"):
            assert int(result.stdout) == len(os.sched_getaffinity(0))
        else:
            assert int(result.stdout) == os.cpu_count()

    @pytest.mark.skipif(
        not mlpcore.build_config()["openmp"], reason="this build has no OpenMP"
    )
    def test_threadpoolctl_sees_and_limits(self):
        Network([4, 3]).predict(np.zeros((1, 4)))
        pools = [
            pool
            for pool in threadpoolctl.threadpool_info()
            if pool["user_api"] == "openmp"
        ]
        assert pools
        mlpcore.set_num_threads(2)
        with threadpoolctl.threadpool_limits(1):
            assert mlpcore.get_num_threads() == 1
        assert mlpcore.get_num_threads() == 2


class TestBuild:
    def test_config(self):
        config = mlpcore.build_config()
        assert isinstance(config, dict)
        assert config["version"] == mlpcore.__version__
        for key in ("compiler", "flags", "isas", "openmp"):
            assert key in config
        assert set(mlpcore.supported_isas()) <= set(config["isas"])
        assert isinstance(config["openmp"], bool)
        assert any("block" in key or "panel" in key for key in config)

    def test_is_a_copy(self):
        mlpcore.build_config()["version"] = "0"
        assert mlpcore.build_config()["version"] == mlpcore.__version__

    def test_show(self, capsys):
        mlpcore.show_config()
        text = capsys.readouterr().out
        for value in (
            mlpcore.__version__,
            mlpcore.isa(),
            mlpcore.build_config()["compiler"],
        ):
            assert value in text


class TestImport:
    OPTIONAL = ["scipy", "sklearn", "matplotlib", "rich", "pandas", "polars", "IPython"]

    def test_needs_numpy_only(self):
        script = f"""
import sys
import mlpcore
net = mlpcore.Network([4, 5, 3], rng=0)
net.fit([[0.0, 1, 2, 3]] * 4, [0, 1, 2, 0], epochs=1)
net.predict([[0.0, 1, 2, 3]])
print([name for name in {self.OPTIONAL!r} if name in sys.modules])
"""
        assert run_python(script).stdout.strip() == "[]"

    def test_works_where_the_optional_packages_are_absent(self):
        script = f"""
import sys
for name in {self.OPTIONAL!r}:
    sys.modules[name] = None
import mlpcore
net = mlpcore.Network([4, 5, 3], rng=0)
history = net.fit([[0.0, 1, 2, 3]] * 4, [0, 1, 2, 0], epochs=2, verbose=1)
repr(net), net.summary(), net._repr_html_()
for use in (history.plot, lambda: net.fit([[0.0] * 4], [0], optimizer="lbfgs")):
    try:
        use()
    except ImportError as error:
        assert 'pip install "mlpcore[' in str(error), error
    else:
        raise AssertionError("no ImportError")
"""
        run_python(script)

    def test_says_that_a_package_is_too_old(self):
        script = """
import sys, types
sys.modules["sklearn"] = old = types.ModuleType("sklearn")
old.__version__ = "1.6.1"
try:
    import mlpcore.sklearn
except ImportError as error:
    print(error)
"""
        assert run_python(script).stdout.strip() == (
            "mlpcore.sklearn needs a later sklearn than 1.6.1: "
            'pip install --upgrade "mlpcore[sklearn]"'
        )

    def test_is_quick(self):
        """Beside NumPy, some 23 ms of processor time: the best of five is compared."""
        script = """
import time, sys
import numpy
start = time.process_time()
import mlpcore
print(time.process_time() - start)
"""
        assert min(float(run_python(script).stdout) for _ in range(5)) < 0.06

    def test_prints_nothing(self):
        result = run_python("import mlpcore; mlpcore.Network([2, 2]).predict([[1, 2]])")
        assert result.stdout == result.stderr == ""

    def test_leaves_the_floating_point_unit_alone(self):
        """No flush to zero: subnormals survive, in this and in other threads."""
        tiny = np.finfo(np.float32).smallest_subnormal
        X = np.full((5000, 3), tiny)
        net = Network([3, 1], output="identity")
        net.set_weights([np.ones((3, 1))], [np.zeros(1)])
        assert (net.predict(X) == 3 * tiny).all()
        assert np.float32(1e-38) / np.float32(100) > 0


def test_ends_in_silence():
    """A process that used every part ends with status 0 and silence."""
    script = """
import numpy as np, mlpcore
net = mlpcore.Network([4, 50, 3], dropout=0.1, rng=0)
net.fit(np.zeros((500, 4)), np.zeros(500, int), epochs=2)
mlpcore.set_num_threads(3)
net.predict(np.zeros((5000, 4)))
"""
    result = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stdout == result.stderr == ""
