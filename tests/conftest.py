"""Fixtures for every test file: instruction sets, threads, hypothesis."""

import os
import signal

# Tests ask for more threads than most machines have. If those spin while they wait, the
# tests take twice as long. OpenMP reads this when it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

# A shell's job in the background ignores Ctrl-C, and so do the processes it starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import numpy as np
import pytest
from hypothesis import settings

import mlpcore

# The same examples every time: a failure seen once is seen by everybody.
settings.register_profile("mlpcore", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("mlpcore")


def pytest_generate_tests(metafunc):
    """Run a test that asks for `isa` on every instruction set of this machine."""
    if "isa" in metafunc.fixturenames:
        metafunc.parametrize("isa", mlpcore.supported_isas(), indirect=True)


@pytest.fixture(autouse=True)
def _machine_as_before():
    """Undo what a test does to the active instruction set and the threads."""
    isa, n_threads = mlpcore.isa(), mlpcore.get_num_threads()
    yield
    mlpcore.set_isa(isa)
    mlpcore.set_num_threads(n_threads)


@pytest.fixture
def isa(request):
    """Activate an instruction set, and fail unless the test did run on it."""
    mlpcore.set_isa(request.param)
    assert mlpcore.isa() == request.param
    yield request.param
    assert mlpcore.isa() == request.param


@pytest.fixture(params=[np.float32, np.float64], ids=["float32", "float64"])
def dtype(request):
    """One of the two types of arithmetic."""
    return np.dtype(request.param)


@pytest.fixture
def tidy_pictures(monkeypatch):
    """Draw without a window; fail if a picture is shown, left open or changes rcParams.

    A figure that a test lets a function make is to be closed by the test.
    """
    matplotlib = pytest.importorskip("matplotlib")
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    before = dict(matplotlib.rcParams)
    monkeypatch.setattr(pyplot, "show", lambda *_, **__: pytest.fail("it was shown"))
    yield
    left_open = pyplot.get_fignums()
    pyplot.close("all")
    assert left_open == []
    assert dict(matplotlib.rcParams) == before


@pytest.fixture
def table_folder(tmp_path, monkeypatch):
    """A folder with tables, which is the working directory."""
    from command_line_support import write_tables

    return write_tables(tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """A file with a model of the mixed table."""
    from command_line_support import write_model

    return write_model(tmp_path_factory.mktemp("model"))
