"""What training holds in memory, beside the data."""

import sys

import pytest

from support import run_python

PROGRAM = """
import re
import numpy as np
import mlpcore
from mlpcore import Network, Trainer

def memory(what):
    with open("/proc/self/status") as status:
        return 1024 * int(re.search(what + r":\\s*(\\d+) kB", status.read())[1])

mlpcore.set_num_threads(1)
sizes = [1024, 2048, 2048, 10]
X = np.zeros((256, 1024), np.float32)
y = np.zeros(256, int)
small = Network([4, 3])
small.fit(np.zeros((8, 4)), np.zeros(8, int), epochs=1)  # imports, code, threads
net = Network(sizes, init="zeros")
before = memory("VmRSS")
Trainer(net).fit(X, y, epochs=2, batch_size=128)
parameters = 4 * net.n_parameters
transposed = 4 * (net.n_parameters - 1024 * 2048)
rows = 4 * 128 * (1024 + 2 * sum(sizes[1:]))
print(memory("VmHWM") - before, parameters, transposed, rows)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/status")
def test_training():
    """Two moments, the weights to fall back to, and W^T: no gradient of all weights."""
    grown, parameters, transposed, rows = map(int, run_python(PROGRAM).stdout.split())
    others = 4 << 20  # what Python allocates meanwhile
    assert grown < 3 * parameters + transposed + rows + others
    assert grown > 3 * parameters  # or this measures something else


OUT_OF_MEMORY = """
import resource
import numpy as np
import mlpcore

def with_little_memory(call, slack):
    with open("/proc/self/statm") as statm:
        used = 4096 * int(statm.read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (used + slack, -1))
    try:
        call()
        print("enough")
    except MemoryError:
        pass
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (-1, -1))

X = np.ones((20000, 40), np.float32)
y = np.arange(20000) % 10
for threads in 1, 2:
    mlpcore.set_num_threads(threads)
    spoilt, other = [mlpcore.Network([40, 9000, 10], rng=0) for _ in range(2)]
    trainers = [mlpcore.Trainer(net) for net in (spoilt, other)]
    for slack in 200_000, 5_000_000, 10_000_000:
        for trainer in trainers:
            trainer.step(X[:32], y[:32])
        with_little_memory(lambda: trainers[0].step(X, y), slack)
    assert (spoilt.get_parameters() == other.get_parameters()).all()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS")
def test_a_step_without_memory_leaves_a_trainer_that_goes_on():
    assert run_python(OUT_OF_MEMORY).stdout == ""
