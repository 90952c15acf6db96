"""Ends of processes, threads and objects while something still computes."""

import gc
import os
import sys
import weakref

import pytest

from mlpcore import Network, Trainer
from support import run_python

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

DAEMON = """
import sys, threading, time
import numpy as np
import mlpcore

X = np.zeros((50_000, 64), np.float32)
y = np.arange(len(X)) % 5
net = mlpcore.Network([64, 256, 256, 5], rng=0)
mlpcore.set_num_threads(2)

work = {
    "fit": lambda: net.fit(X, y, epochs=1000),
    "hook": lambda: mlpcore.Trainer(net, gradient_hook=lambda _: None).fit(X, y),
    "loss": lambda: net.loss(X, y),
    "predict": lambda: net.predict(X),
}[sys.argv[1]]

def for_ever():
    while True:
        work()

threading.Thread(target=for_ever, daemon=True).start()
time.sleep(0.2)
"""

# The child has none of the threads that share the parent's call.
FORK = """
import os, signal, time
import numpy as np
import mlpcore

X = np.zeros((400_000, 64), np.float32)
y = np.arange(len(X)) % 5
net = mlpcore.Network([64, 256, 256, 5], rng=0)
mlpcore.set_num_threads(2)
wanted = net.loss(X, y)
forked = []
signal.signal(signal.SIGALRM, lambda *_: forked.append(os.fork()))
start = time.perf_counter()
net.loss(X, y)
signal.setitimer(signal.ITIMER_REAL, 0.2 * (time.perf_counter() - start))
same = net.loss(X, y) == wanted
while not forked:
    time.sleep(0.01)
if forked[0] == 0:
    os._exit(0 if same else 3)
assert same
assert os.waitpid(forked[0], 0)[1] == 0
"""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="Python waits by itself")
@pytest.mark.parametrize("what", ["fit", "hook", "loss", "predict"])
def test_a_process_ends_while_a_daemon_thread_computes(what):
    for _ in range(3):
        run_python(DAEMON, what)


@needs_fork
def test_a_signal_handler_forks_while_threads_share_a_call():
    for _ in range(3):
        run_python(FORK, timeout=30)


def test_a_hook_that_has_its_trainer_is_collected():
    class Owner:
        def __init__(self):
            self.trainer = Trainer(Network([3, 2], rng=0), gradient_hook=self.hook)
            self.calls = 0

        def hook(self, gradient):
            self.calls += 1

    owner = Owner()
    owner.trainer.step([[1.0, 2.0, 3.0]], [1])
    assert owner.calls == 1
    reference = weakref.ref(owner)
    del owner
    gc.collect()
    assert reference() is None
