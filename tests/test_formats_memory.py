"""Models whose parameters do not fit into memory."""

import os
import sys

import pytest

from mlpcore import Network, Trainer, optim
from support import run_python

SCRIPT = """
import pathlib, resource, sys
import mlpcore
from mlpcore.__main__ import main

n_bytes, network, checkpoint = int(sys.argv[1]), *sys.argv[2:]

def limit(more):
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + more
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))

def unlimited():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)

for load, path in (
    (mlpcore.load, network), (mlpcore.Trainer.from_checkpoint, checkpoint)
):
    load(path)  # and import what that takes
    n_refused = 0
    while True:
        limit((n_refused + 1) * n_bytes // 4)
        try:
            load(path)
        except MemoryError:
            n_refused += 1
        else:
            break
        finally:
            unlimited()
    print(n_refused)
limit(n_bytes // 2)
code = main(["info", network])
unlimited()
print(code)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads Linux's /proc")
def test_loading_into_too_little_memory(tmp_path):
    """MemoryError, whichever of the copies on the way is the one that does not fit.

    The limit grows by quarters of a copy until there is enough.
    """
    net = Network([2000, 2000], rng=0)
    net.save(tmp_path / "network")
    trainer = Trainer(net, optim.SGD(0.1, momentum=0.9))
    trainer.step([[0.0] * 2000], [0])
    trainer.save_checkpoint(tmp_path / "checkpoint")
    paths = str(tmp_path / "network"), str(tmp_path / "checkpoint")
    # What is freed goes back to the system, or the next attempt finds room in it.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072"}
    done = run_python(SCRIPT, str(4 * net.n_parameters), *paths, env=environment)
    network, checkpoint, code = map(int, done.stdout.split())
    # What is read, the network's own copy, and one on the way; a checkpoint has the
    # velocity too.
    assert 8 < network <= 16
    assert network < checkpoint <= 48
    assert code == 2
    assert done.stderr.startswith("mlpcore: Unable to allocate 15.3 MiB")
    assert done.stderr.count("\n") == 1
