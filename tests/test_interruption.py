"""Ctrl-C, divergence, threads, fork: what ends or disturbs a training."""

import copy
import os
import pickle
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import mlpcore
from mlpcore import DivergenceError, Network, Trainer, optim
from mlpcore.callbacks import LambdaCallback
from support import assert_same_bits, blobs, digest, run_python

WITHIN = 0.1  # s, the promise
MARGIN = 0.1  # s, for the thread that sends the signal and a busy machine

posix_signals = pytest.mark.skipif(sys.platform == "win32", reason="needs os.kill")

INTERRUPTED_FIT = """
import os, signal, sys, threading, time
import numpy as np
import mlpcore

n, n_in, width, batch_size = (int(v) for v in sys.argv[1:5])
rng = np.random.default_rng(0)
X = rng.normal(size=(n, n_in)).astype(np.float32)
y = rng.integers(10, size=n)
net = mlpcore.Network([n_in, width, 10], rng=0)
net.predict(X[:5])
sent = []

def interrupt():
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

timer = threading.Timer(0.25, interrupt)
timer.start()
try:
    net.fit(X, y, epochs=10**6, batch_size=batch_size, shuffle=False)
except KeyboardInterrupt:
    elapsed = time.perf_counter() - sent[0]
after = net.get_parameters()
assert np.isfinite(after).all()

# Which finished batch are these the weights of?
again = mlpcore.Network([n_in, width, 10], rng=0)
trainer = mlpcore.Trainer(again)
finished = 0
while not np.array_equal(again.get_parameters(), after):
    start = finished * batch_size % n
    trainer.step(X[start:start + batch_size], y[start:start + batch_size])
    finished += 1
    assert finished < 200_000, "not the weights of any finished batch"

assert np.isfinite(net.predict(X[:5])).all()
net.fit(X[:50], y[:50], epochs=1)
assert not np.array_equal(net.get_parameters(), after)
print(elapsed, finished)
"""


# A step of more than 10^12 operations, interrupted after 0.1 s.
INTERRUPTED_STEP = """
import os, signal, threading, time
import numpy as np
import mlpcore

n = 200_000
X = np.random.default_rng(0).normal(size=(n, 64)).astype(np.float32)
y = np.arange(n) % 10
net = mlpcore.Network([64, 1024, 1024, 10], rng=0)
trainer = mlpcore.Trainer(net)
trainer.step(X[:600], y[:600])
before = net.get_parameters()
sent = []

def interrupt():
    sent.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)

threading.Timer(0.1, interrupt).start()
try:
    trainer.step(X, y)
except KeyboardInterrupt:
    print(time.perf_counter() - sent[0])
assert (net.get_parameters() == before).all()
"""


MANY_INTERRUPTS = """
import random, signal
import numpy as np
import mlpcore

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
trainer = mlpcore.Trainer(mlpcore.Network([4, 8, 3], rng=0))
X, y = np.ones((8, 4), np.float32), np.arange(8) % 3
trainer.step(X, y)
for _ in range(3000):
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(5e-5, 4e-4))
        while True:
            trainer.step(X, y)
    except KeyboardInterrupt:
        pass
trainer.fit(X, y, epochs=1)
"""


@posix_signals
class TestCtrlC:
    def test_the_lock_is_never_left_behind(self):
        """Also where the exception comes between taking it and its first use."""
        run_python(MANY_INTERRUPTS)

    @pytest.mark.parametrize(
        "sizes",
        [
            (4_000, 20, 64, 200),  # an epoch is shorter than the promise
            (400_000, 20, 64, 200),  # an epoch is longer
            (60_000, 64, 2048, 60_000),  # a batch is longer
        ],
    )
    def test_a_signal(self, sizes):
        result = run_python(INTERRUPTED_FIT, *map(str, sizes))
        elapsed, finished = result.stdout.split()
        assert float(elapsed) < WITHIN + MARGIN
        assert int(finished) > 0 or sizes[3] == 60_000
        assert result.stderr == ""

    def test_a_step(self):
        """Between the rows that it takes at once; without the update."""
        assert float(run_python(INTERRUPTED_STEP).stdout) < WITHIN + MARGIN

    def test_lbfgs(self):
        script = INTERRUPTED_FIT.replace(
            "epochs=10**6, batch_size=batch_size, shuffle=False",
            "optimizer=mlpcore.optim.LBFGS(max_iter=10**6, max_fun=10**6, tol=0.0)",
        )
        # Else the signal may find the first import of SciPy, not the training.
        script = "import scipy.optimize\n" + script
        start = script.index("# Which")
        script = script[:start] + script[script.index("assert np.isfinite(net.p") :]
        script = script.replace("print(elapsed, finished)", "print(elapsed)")
        result = run_python(script, "60000", "64", "2048", "1")
        assert float(result.stdout) < WITHIN + MARGIN

    def test_on_train_end_is_called_and_the_trainer_goes_on(self):
        X, y = blobs(64)
        ended = []

        def interrupt(epoch, logs):
            if epoch == 2:
                raise KeyboardInterrupt

        net = Network([5, 8, 3], rng=0)
        trainer = Trainer(net, rng=0)
        callback = LambdaCallback(
            on_epoch_end=interrupt, on_train_end=lambda logs: ended.append(1)
        )
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(X, y, epochs=10, callbacks=[callback])
        assert ended == [1]
        whole = Network([5, 8, 3], rng=0)
        Trainer(whole, rng=0).fit(X, y, epochs=3)
        assert_same_bits(net.get_parameters(), whole.get_parameters())
        assert len(trainer.fit(X, y, epochs=2).epoch) == 2


class TestDivergence:
    @staticmethod
    def explode_in_epoch(number, steps_per_epoch):
        def rate(step, total_steps):
            return 1e30 if step >= number * steps_per_epoch else 0.01

        return optim.SGD(rate)

    def test_weights_go_back_to_the_last_finite_epoch(self, isa, dtype):
        X = np.random.default_rng(0).normal(size=(64, 5))
        y = X[:, 0]
        options = {"activation": "relu", "output": "identity", "dtype": dtype.name}
        net = Network([5, 8, 1], rng=0, **options)
        trainer = Trainer(net, self.explode_in_epoch(2, 4), rng=1)
        with pytest.raises(DivergenceError, match=r"(?i)epoch") as caught:
            trainer.fit(X, y, epochs=6, batch_size=16)
        message = str(caught.value)
        assert "batch" in message
        assert "learning_rate" in message or "learning rate" in message
        wanted = Network([5, 8, 1], rng=0, **options)
        Trainer(wanted, self.explode_in_epoch(9, 4), rng=1).fit(
            X, y, epochs=2, batch_size=16
        )
        assert_same_bits(net.get_parameters(), wanted.get_parameters())
        net.fit(X, y, epochs=3, rng=0)
        assert np.isfinite(net.get_parameters()).all()
        assert net.loss(X, y) < wanted.loss(X, y)

    def test_in_the_first_epoch(self, dtype):
        X = np.random.default_rng(0).normal(size=(64, 5))
        net = Network([5, 8, 1], output="identity", dtype=dtype.name, rng=0)
        before = net.get_parameters()
        with pytest.raises(DivergenceError):
            net.fit(X, X[:, 0], optimizer=optim.SGD(1e30), batch_size=8)
        assert_same_bits(net.get_parameters(), before)

    @pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd"])
    def test_a_hook_that_makes_a_nan(self, name):
        def spoil(gradient):
            gradient[0] = np.nan

        X, y = blobs(64)
        net = Network([5, 8, 3], rng=0)
        before = net.get_parameters()
        with pytest.raises(DivergenceError):
            Trainer(net, name, gradient_hook=spoil).fit(X, y)
        assert_same_bits(net.get_parameters(), before)

    def test_a_step(self):
        X = np.random.default_rng(0).normal(size=(64, 5))
        net = Network([5, 8, 1], output="identity", rng=0)
        trainer = Trainer(net, optim.SGD(1e30))
        with pytest.raises(DivergenceError):  # noqa: PT012
            for _ in range(5):
                trainer.step(X, X[:, 0])
        assert np.isfinite(net.get_parameters()).all()

    def test_a_step_to_infinity(self):
        """The loss is finite, the weights it leads to are not: they stay behind."""
        X = np.random.default_rng(0).normal(size=(64, 5)) * 100
        net = Network([5, 8, 1], output="identity", rng=0)
        before = net.get_parameters()
        with pytest.raises(DivergenceError):
            Trainer(net, optim.SGD(1e38)).step(X, X[:, 0])
        assert_same_bits(net.get_parameters(), before)

    @pytest.mark.parametrize("how", ["hook", "progress"])
    def test_an_interruption_after_the_weights_overflowed(self, how):
        """The weights are those of the last finite epoch then too."""
        X = np.random.default_rng(0).normal(size=(64, 5)) * 1000
        net = Network([5, 8, 1], output="identity", rng=0)
        before = net.get_parameters()
        calls = []

        def interrupt(*_):
            calls.append(1)
            if len(calls) == (2 if how == "hook" else 1):  # of the second batch
                raise KeyboardInterrupt

        class Progress(mlpcore.callbacks.Callback):
            on_progress = interrupt

        def slow(gradient):
            time.sleep(0.06)  # the next poll is due

        trainer = Trainer(
            net, optim.SGD(1e38), gradient_hook=interrupt if how == "hook" else slow
        )
        callbacks = [] if how == "hook" else [Progress()]
        with pytest.raises(KeyboardInterrupt):
            trainer.fit(X, X[:, 0], batch_size=8, callbacks=callbacks)
        assert_same_bits(net.get_parameters(), before)
        calls += [1, 1]
        with pytest.raises(DivergenceError):
            trainer.fit(X, X[:, 0], batch_size=8)
        assert_same_bits(net.get_parameters(), before)

    def test_callbacks_are_told(self):
        X = np.random.default_rng(0).normal(size=(64, 5))
        net = Network([5, 8, 1], output="identity", rng=0)
        callback = LambdaCallback()
        with pytest.raises(DivergenceError) as caught:
            net.fit(X, X[:, 0], optimizer=optim.SGD(1e30), callbacks=[callback])
        assert callback.error is caught.value


class TestThreads:
    def test_a_second_fit_of_the_same_network(self):
        X, y = blobs(64)
        net = Network([5, 8, 3], rng=0)
        inside, go_on = threading.Event(), threading.Event()

        def wait(epoch, logs):
            inside.set()
            assert go_on.wait(30)

        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(
                net.fit, X, y, epochs=2, callbacks=[LambdaCallback(on_epoch_end=wait)]
            )
            try:
                assert inside.wait(30)
                during = net.get_parameters()
                message = "this Network is being trained in another thread"
                for train in (
                    lambda: net.fit(X, y, epochs=1),
                    lambda: Trainer(net).fit(X, y, epochs=1),
                    lambda: Trainer(net).step(X, y),
                    lambda: net.set_parameters(during),
                    lambda: net.set_weights(net.weights, net.biases),
                ):
                    with pytest.raises(RuntimeError, match=message):
                        train()
                    assert_same_bits(net.get_parameters(), during)
            finally:
                go_on.set()
            assert len(first.result(30).epoch) == 2
        net.fit(X, y, epochs=1)

    def test_a_fit_within_a_fit(self):
        X, y = blobs()
        net = Network([5, 3], rng=0)

        def again(epoch, logs):
            net.set_parameters(net.get_parameters())  # this thread may
            net.fit(X, y)

        with pytest.raises(RuntimeError, match="trained already, by the caller"):
            net.fit(X, y, callbacks=[LambdaCallback(on_epoch_end=again)])

    def test_a_refused_fit_changes_nothing(self, tmp_path):
        """Neither what a checkpoint says of the fit, nor a request to stop."""
        X, y = blobs()
        path = tmp_path / "training.safetensors"
        trainer = Trainer(Network([5, 3], rng=0), rng=0)

        def again(epoch, logs):
            if epoch == 1:
                trainer.stop_training = True
                with pytest.raises(RuntimeError, match="trained already"):
                    trainer.fit(X, y, epochs=9)
                assert trainer.params["epochs"] == 5
                trainer.save_checkpoint(path)

        history = trainer.fit(
            X, y, epochs=5, callbacks=[LambdaCallback(on_epoch_end=again)]
        )
        assert history.epoch == [0, 1]
        resumed = Trainer.from_checkpoint(path)

        def fail(logs):
            raise LookupError

        with pytest.raises(LookupError):
            resumed.fit(X, y, callbacks=[LambdaCallback(on_train_begin=fail)])
        assert resumed.fit(X, y, epochs=2).epoch == [2, 3]

    def test_a_copy_is_never_torn(self, tmp_path):
        """Only the thread that trains may copy, pickle or save meanwhile."""
        X, y = blobs(64)
        net = Network([5, 8, 3], rng=0)
        trainer = Trainer(net, rng=0)
        path = tmp_path / "net.safetensors"
        writers = {
            "copy": net.copy,
            "deepcopy": lambda: copy.deepcopy(net),
            "pickle": lambda: pickle.dumps(net),
            "save": lambda: net.save(path),
            "C": lambda: net.to_c(tmp_path / "net.c"),
            "trainer": lambda: copy.copy(trainer),
            "checkpoint": lambda: trainer.save_checkpoint(path),
        }
        inside, go_on, twins = threading.Event(), threading.Event(), []

        def wait(epoch, logs):
            twins.append(net.copy())
            for write in writers.values():
                write()
            inside.set()
            assert go_on.wait(30)

        net.save(path)
        with ThreadPoolExecutor(1) as pool:
            training = pool.submit(
                trainer.fit, X, y, epochs=1, callbacks=[LambdaCallback(wait)]
            )
            try:
                assert inside.wait(30)
                saved = path.read_bytes()
                for write in writers.values():
                    with pytest.raises(RuntimeError, match="trained in another thread"):
                        write()
                assert path.read_bytes() == saved
            finally:
                go_on.set()
            training.result(30)
        for write in writers.values():
            write()
        assert not np.array_equal(net.weights[0], twins[0].weights[0])

    def test_a_copy_notices_a_training_that_begins_meanwhile(self):
        X, y = blobs(64)
        net = Network([5, 8, 3], rng=0)

        def train_elsewhere():
            with ThreadPoolExecutor(1) as pool:
                pool.submit(net.fit, X, y, epochs=1).result(30)

        with pytest.raises(RuntimeError, match="trained in another thread"):
            net._training.read(train_elsewhere)
        net.copy()

    def test_other_networks_train_at_the_same_time(self):
        X, y = blobs(2000)

        def train(seed):
            net = Network([5, 40, 3], dropout=0.2, rng=seed)
            net.fit(X, y, epochs=3, rng=seed)
            return digest(net.get_parameters())

        alone = [train(seed) for seed in range(6)]
        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(train, range(6))) == alone

    def test_predict_from_many_threads(self):
        net = Network([5, 300, 60, 3], "gelu", rng=0)
        X, y = blobs(3000)
        wanted, loss = net.predict(X), net.loss(X, y)
        _, gradient = net.loss_and_gradient(X, y)

        def work(i):
            out = np.empty((3000, 3), np.float32)
            net.predict(X, out=out)
            row = net.predict(X[i : i + 1])
            return out, row, net.loss(X, y), net.loss_and_gradient(X, y)[1]

        with ThreadPoolExecutor(8) as pool:
            for i, (out, row, other_loss, other) in enumerate(
                pool.map(work, range(40))
            ):
                assert_same_bits(out, wanted)
                assert_same_bits(row[0], wanted[i])
                assert other_loss == loss
                assert_same_bits(other, gradient)

    def test_the_gil_is_released(self):
        """Python goes on while a long native call runs."""
        net = Network([64, 2000, 2000, 10], rng=0)
        X = np.zeros((4000, 64), np.float32)
        done, ticks = threading.Event(), 0
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(net.predict, X)
            future.add_done_callback(lambda _: done.set())
            while not done.wait(0.001):
                ticks += 1
            future.result()
        assert ticks >= 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
class TestFork:
    @staticmethod
    def in_child(work, seconds=20):
        """Return what work() returns in a forked child, or fail if it hangs."""
        read, write = os.pipe()
        with warnings.catch_warnings():
            # Python 3.12 warns of a fork with threads, which is what is tested.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            try:
                os.write(write, work().encode())
            finally:
                os._exit(0)
        os.close(write)
        answer = []
        reader = threading.Thread(target=lambda: answer.append(os.read(read, 1000)))
        reader.start()
        reader.join(seconds)
        if reader.is_alive():
            os.kill(pid, 9)
        os.waitpid(pid, 0)
        reader.join()
        os.close(read)
        return answer[0].decode()

    def test_use_in_a_child_after_use_in_the_parent(self):
        mlpcore.set_num_threads(4)
        X, y = blobs(3000)
        net = Network([5, 100, 3], rng=0)
        net.predict(X)

        def work():
            other = net.copy()
            other.fit(X, y, epochs=2, rng=3)
            mlpcore.set_num_threads(2)
            return digest(net.predict(X), other.predict(X))

        wanted = work()
        mlpcore.set_num_threads(4)
        net.predict(X)
        assert self.in_child(work) == wanted
        assert work() == wanted
