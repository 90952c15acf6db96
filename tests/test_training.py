"""fit: its arguments, and what it records."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mlpcore import Network, Trainer, optim, schedules, set_num_threads
from mlpcore.callbacks import (
    Callback,
    EarlyStopping,
    LambdaCallback,
    ReduceLROnPlateau,
)
from support import assert_same_bits, blobs, needs_scipy


class TestHistory:
    def test_of_a_classifier(self):
        X, y = blobs()
        history = Network([5, 9, 3], rng=0).fit(
            X, y, epochs=4, validation_data=blobs(30, seed=1), rng=0
        )
        assert set(history.history) == {
            "loss",
            "val_loss",
            "accuracy",
            "val_accuracy",
            "learning_rate",
            "epoch_time",
        }
        assert history.epoch == [0, 1, 2, 3]
        for values in history.history.values():
            assert len(values) == 4
            assert all(type(value) is float for value in values)
        assert all(time > 0 for time in history.history["epoch_time"])
        assert all(0 <= a <= 1 for a in history.history["accuracy"])

    def test_without_validation(self):
        X, y = blobs()
        history = Network([5, 3], rng=0).fit(X, y, epochs=2).history
        assert set(history) == {"loss", "accuracy", "learning_rate", "epoch_time"}
        net = Network([5, 1], output="identity", rng=0)
        history = net.fit(X, y, epochs=2).history
        assert {"loss", "learning_rate", "epoch_time"} <= set(history)
        assert "accuracy" not in history

    def test_the_loss_is_the_mean_over_the_epoch(self):
        """With a learning rate of 0 it is the network's loss."""
        X, y = blobs(100)
        net = Network([5, 9, 3], rng=0)
        s = np.random.default_rng(0).uniform(size=100)
        history = net.fit(X, y, epochs=2, optimizer=optim.SGD(0.0), batch_size=32)
        assert_allclose(history.history["loss"], net.loss(X, y), rtol=1e-6)
        accuracy = net.evaluate(X, y)["accuracy"]
        assert_allclose(history.history["accuracy"], accuracy, rtol=1e-6)
        history = net.fit(X, y, epochs=1, optimizer=optim.SGD(0.0), sample_weight=s)
        assert_allclose(history.history["loss"], net.loss(X, y, s), rtol=1e-6)

    def test_validation_figures_are_those_of_evaluate(self):
        X, y = blobs()
        data = blobs(30, seed=1)
        net = Network([5, 9, 3], dropout=0.3, rng=0)
        history = net.fit(X, y, epochs=3, validation_data=data, rng=0).history
        figures = net.evaluate(*data)
        assert history["val_loss"][-1] == figures["loss"]
        assert history["val_accuracy"][-1] == figures["accuracy"]

    def test_validation_data_with_weights(self):
        X, y = blobs()
        data = (*blobs(30, seed=1), np.random.default_rng(0).uniform(size=30))
        net = Network([5, 9, 3], rng=0)
        history = net.fit(X, y, epochs=1, validation_data=data, rng=0).history
        assert history["val_loss"][-1] == net.evaluate(*data)["loss"]

    @pytest.mark.parametrize(
        ("schedule", "rates"),
        [
            (0.02, [0.02] * 3),
            (schedules.Constant(0.03), [0.03] * 3),
            (schedules.Step(0.1, step_size=4, gamma=0.5), [0.1, 0.05, 0.025]),
            (lambda step, total: 0.1 * (step // 4) / total, [0, 0.1 / 12, 0.2 / 12]),
        ],
    )
    def test_learning_rate(self, schedule, rates):
        """Steps are batches: here 4 an epoch, 12 in all."""
        X, y = blobs(100)
        net = Network([5, 3], rng=0)
        history = net.fit(X, y, epochs=3, batch_size=25, optimizer=optim.SGD(schedule))
        assert_allclose(history.history["learning_rate"], rates, rtol=1e-12)


class TestArguments:
    def test_epochs_and_batches(self):
        """A short last batch is a batch."""
        X, y = blobs(100)
        steps = []
        net = Network([5, 3], rng=0)
        trainer = Trainer(net, gradient_hook=lambda gradient: steps.append(1))
        assert len(trainer.fit(X, y, epochs=3, batch_size=32).epoch) == 3
        assert len(steps) == 3 * 4
        steps.clear()
        trainer.fit(X, y, epochs=1, batch_size=1000)
        assert len(steps) == 1

    def test_shuffle(self):
        """Without it rows come in their order; with it all of them, in another."""
        n = 60
        X, y = np.eye(n, dtype=np.float32), np.zeros(n)
        net = Network([n, 1], output="identity", dtype="float64")
        net.set_weights([np.arange(1, n + 1.0)[:, np.newaxis]], [np.zeros(1)])
        orders = []
        for shuffle in (False, True):
            seen = []  # row i alone has the gradient i + 1
            trainer = Trainer(
                net,
                optim.SGD(0.0),
                rng=0,
                gradient_hook=lambda g, seen=seen: seen.append(round(g.max())),
            )
            trainer.fit(X, y, epochs=2, batch_size=1, shuffle=shuffle)
            orders += [seen[:n], seen[n:]]
        assert orders[0] == orders[1] == [*range(1, n + 1)]
        assert sorted(orders[2]) == sorted(orders[3]) == orders[0]
        assert orders[2] != orders[0]
        assert orders[3] != orders[2]
        assert orders[3] != orders[0]

    def test_sample_weight_of_0_is_a_row_left_out(self):
        X, y = blobs(80)
        keep = np.random.default_rng(0).integers(2, size=80)
        some, all_ = [Network([5, 9, 3], dtype="float64", rng=0) for _ in range(2)]
        options = {"epochs": 5, "batch_size": 80, "shuffle": False}
        some.fit(X[keep == 1], y[keep == 1], optimizer=optim.SGD(0.1), **options)
        all_.fit(X, y, optimizer=optim.SGD(0.1), sample_weight=keep, **options)
        assert_allclose(all_.get_parameters(), some.get_parameters(), atol=1e-13)

    @pytest.mark.parametrize(
        ("dtype", "nothing"),
        [("float32", 0), ("float64", 0), ("float64", 1e-310)],
    )
    def test_a_batch_of_weight_0(self, dtype, nothing):
        """It has no mean: it changes nothing, and is no NaN."""
        X, y = blobs(20)
        keep = np.arange(20) % 2
        weight = np.where(keep, 1, nothing)
        some, all_ = [Network([5, 9, 3], dtype=dtype, rng=0) for _ in range(2)]
        options = {"batch_size": 1, "shuffle": False, "optimizer": optim.SGD(0.1)}
        some.fit(X[keep == 1], y[keep == 1], **options)
        all_.fit(X, y, sample_weight=weight, **options)
        assert_same_bits(all_.get_parameters(), some.get_parameters())

    @pytest.mark.parametrize("shuffle", [False, True])
    @pytest.mark.parametrize("threads", [1, 2])
    def test_a_row_of_weight_0_that_overflows(self, threads, shuffle):
        """It may hold a mark of missing data, the largest number of its type."""
        X, y = blobs(400)
        huge = X.copy()
        huge[::7] = np.finfo(X.dtype).max
        weight = np.ones(400)
        weight[::7] = 0
        options = {"batch_size": 200, "shuffle": shuffle, "sample_weight": weight}
        set_num_threads(threads)
        nets = [Network([5, 200, 3], rng=0) for _ in range(2)]
        for net, rows in zip(nets, (X, huge), strict=True):
            net.fit(rows, y, epochs=3, rng=1, **options)
            gradient = net.loss_and_gradient(rows, y, weight)[1]
            other = net.loss_and_gradient(X, np.eye(3)[y], weight)[1]
            assert_same_bits(gradient, other)
        assert_same_bits(*[net.get_parameters() for net in nets])

    def test_a_target_of_weight_0_that_overflows(self):
        X, _ = blobs(20)
        net = Network([5, 9, 2], output="identity", rng=0)
        y = np.ones((20, 2), np.float32)
        weight = np.arange(20) % 2
        wanted = net.loss_and_gradient(X, y, weight)[1]
        y[::2] = [np.finfo(np.float32).max, -np.finfo(np.float32).max]
        assert_same_bits(net.loss_and_gradient(X, y, weight)[1], wanted)

    def test_integer_weights_are_repeated_rows(self):
        X, y = blobs(50)
        times = np.random.default_rng(0).integers(0, 4, size=50)
        nets = [Network([5, 9, 3], dtype="float64", rng=0) for _ in range(2)]
        options = {"epochs": 5, "batch_size": 1000, "optimizer": optim.SGD(0.1)}
        nets[0].fit(X, y, sample_weight=times, **options)
        nets[1].fit(np.repeat(X, times, axis=0), np.repeat(y, times), **options)
        assert_allclose(nets[0].get_parameters(), nets[1].get_parameters(), atol=1e-13)

    @pytest.mark.parametrize("output", ["softmax", "sigmoid"])
    def test_class_weight(self, output):
        """A class's weight is the weight of each of its rows."""
        X, y = blobs(90)
        n_out = 3
        if output == "sigmoid":
            y, n_out = (y > 0).astype(int), 1
        counts = np.bincount(y)
        balanced = dict(enumerate(len(y) / (len(counts) * counts)))
        factors = np.array([balanced[c] for c in y])
        parameters = []
        for options in (
            {"sample_weight": factors},
            {"class_weight": balanced},
            {"class_weight": "balanced"},
        ):
            net = Network([5, 9, n_out], output=output, dtype="float64", rng=0)
            net.fit(X, y, epochs=3, batch_size=90, optimizer=optim.SGD(0.1), **options)
            parameters.append(net.get_parameters())
        assert_allclose(parameters[1], parameters[0], rtol=1e-9, atol=1e-12)
        assert_allclose(parameters[2], parameters[0], rtol=1e-9, atol=1e-12)

    def test_balanced_class_weight_helps_the_rare_class(self):
        rng = np.random.default_rng(0)
        X = np.concatenate([rng.normal(size=(950, 2)), rng.normal(size=(50, 2)) + 1.2])
        y = np.repeat([0, 1], [950, 50])
        recall = {}
        for weight in (None, "balanced"):
            net = Network([2, 8, 2], rng=0)
            net.fit(X, y, epochs=20, class_weight=weight, rng=0)
            recall[weight] = np.mean(net.classify(X[950:]) == 1)
        assert recall["balanced"] > recall[None] + 0.3

    def test_l2_shrinks_weights(self):
        X, y = blobs()
        norms = []
        for l2 in (0.0, 0.1):
            net = Network([5, 9, 3], rng=0)
            net.fit(X, y, epochs=20, optimizer=optim.SGD(0.1), l2=l2, rng=0)
            norms.append(sum(np.square(w).sum() for w in net.weights))
        assert norms[1] < 0.5 * norms[0]

    def test_validation_split(self):
        """The share is held out: its rows are not trained with."""
        X, y = blobs(100)
        rows = []
        net = Network([5, 3], rng=0)
        record = LambdaCallback(
            on_train_begin=lambda logs: rows.append(trainer.params["rows"])
        )
        trainer = Trainer(net, rng=0)
        history = trainer.fit(X, y, epochs=2, validation_split=0.25, callbacks=[record])
        assert rows == [75]
        assert len(history.history["val_loss"]) == 2
        assert len(history.history["val_accuracy"]) == 2

    def test_callbacks_see_the_training(self):
        X, y = blobs()
        calls = []

        class Record(Callback):
            def on_train_begin(self, logs):
                calls.append("begin")

            def on_epoch_begin(self, epoch, logs):
                calls.append(epoch)

            def on_epoch_end(self, epoch, logs):
                calls.append(sorted(logs))
                assert self.network is net
                logs["extra"] = epoch * 2.0

            def on_train_end(self, logs):
                calls.append("end")

        net = Network([5, 3], rng=0)
        history = net.fit(X, y, epochs=2, callbacks=[Record()])
        names = sorted(set(history.history) - {"extra"})
        assert calls == ["begin", 0, names, 1, names, "end"]
        assert history.history["extra"] == [0.0, 2.0]

    def test_early_stopping_restores_the_best_weights(self):
        X, y = blobs(40)
        data = (X[::-1], (y[::-1] + 1) % 3)  # what is learned is wrong here
        net = Network([5, 3], rng=0)
        saved = []
        stop = EarlyStopping(patience=3, restore_best_weights=True)
        keep = LambdaCallback(
            on_epoch_end=lambda epoch, logs: saved.append(net.get_parameters())
        )
        history = net.fit(
            X, y, epochs=100, validation_data=data, callbacks=[keep, stop], rng=0
        )
        best = int(np.argmin(history.history["val_loss"]))
        assert len(history.epoch) == best + 4 < 100
        assert_same_bits(net.get_parameters(), saved[best])
        assert net.loss(*data) == history.history["val_loss"][best]

    def test_a_callback_that_lowers_the_rate(self):
        """ReduceLROnPlateau acts on the updates, not only on what is recorded."""
        X, y = blobs(40)
        plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=100.0)
        net = Network([5, 3], dtype="float64", rng=0)
        history = net.fit(
            X,
            y,
            epochs=4,
            batch_size=40,
            optimizer=optim.SGD(0.1),
            callbacks=[plateau],
        ).history
        rates = history["learning_rate"]
        assert rates[0] == 0.1
        assert rates[-1] <= 0.05
        other = Network([5, 3], dtype="float64", rng=0)
        for rate in rates:
            Trainer(other, optim.SGD(rate)).step(X, y)
        assert_allclose(net.get_parameters(), other.get_parameters(), atol=1e-14)

    @needs_scipy
    def test_lbfgs_stops_at_max_iter(self):
        X, y = blobs(60)
        net = Network([5, 12, 3], "tanh", rng=0)
        history = net.fit(X, y, optimizer=optim.LBFGS(max_iter=4))
        assert len(history.epoch) == 4
        assert history.history["loss"] == sorted(history.history["loss"], reverse=True)
        assert_allclose(history.history["loss"][-1], net.loss(X, y), rtol=1e-6)

    @needs_scipy
    def test_lbfgs_drops_tiny_gradients_as_every_training_does(self):
        X, y = np.ones((1, 1)), np.array([0])
        optimizer = optim.LBFGS(max_iter=1, tol=1e-30)
        for dtype, epochs in (("float32", 0), ("float64", 1)):
            net = Network([1, 2], dtype=dtype)
            net.set_weights([[[45, 0]]], [[0, 0]])  # p = 1 - e^-45
            assert 2e-20 < net.loss_and_gradient(X, y)[1].max() < 3e-20
            assert len(net.fit(X, y, optimizer=optimizer).epoch) == epochs

    @needs_scipy
    def test_lbfgs_begins_the_epochs_that_it_ends_and_counts_them(self):
        X, y = blobs(60)
        calls = []
        record = LambdaCallback(
            on_epoch_begin=lambda epoch, logs: calls.append(("begin", epoch)),
            on_epoch_end=lambda epoch, logs: calls.append(("end", epoch)),
        )
        trainer = Trainer(Network([5, 12, 3], "tanh", rng=0), optim.LBFGS(max_iter=3))
        trainer.fit(X, y, callbacks=[record])
        wanted = [(what, epoch) for epoch in range(3) for what in ("begin", "end")]
        assert calls == wanted
        assert (trainer.epoch_count, trainer.step_count) == (3, 3)

    @pytest.mark.parametrize(
        "optimizer", ["adam", pytest.param("lbfgs", marks=needs_scipy)]
    )
    def test_a_stop_before_the_first_epoch(self, optimizer):
        X, y = blobs()
        net = Network([5, 3], rng=0)
        before = net.get_parameters()
        trainer = Trainer(net, optimizer)

        def stop(logs):
            trainer.stop_training = True

        history = trainer.fit(X, y, callbacks=[LambdaCallback(on_train_begin=stop)])
        assert history.epoch == []
        assert_same_bits(net.get_parameters(), before)

    @pytest.mark.parametrize(
        "optimizer", ["adam", pytest.param("lbfgs", marks=needs_scipy)]
    )
    def test_a_hooks_stop_iteration_reaches_the_caller(self, optimizer):
        X, y = blobs()
        hook = LambdaCallback(on_epoch_end=lambda epoch, logs: next(iter([])))
        with pytest.raises(StopIteration):
            Network([5, 3], rng=0).fit(X, y, optimizer=optimizer, callbacks=[hook])

    def test_verbose(self, capsys):
        """Captured, there is no terminal: plain lines, one an epoch."""
        X, y = blobs()
        Network([5, 3], rng=0).fit(
            X, y, epochs=2, validation_data=blobs(20), verbose=1, rng=0
        )
        captured = capsys.readouterr()
        lines = (captured.out + captured.err).splitlines()
        assert sum("val_loss" in line for line in lines) == 2
        assert not any("\x1b" in line for line in lines)

    def test_verbose_0_is_silent(self, capfd):
        X, y = blobs()
        Network([5, 3], rng=0).fit(X, y, epochs=2, verbose=0)
        captured = capfd.readouterr()
        assert captured.out == captured.err == ""

    def test_one_row(self):
        net = Network([2, 3, 1], output="identity", rng=0)
        net.fit([[1.0, 2.0]], [3.0], epochs=200, optimizer=optim.SGD(0.05))
        assert_allclose(net.predict([[1.0, 2.0]]), 3, atol=1e-3)

    def test_leaves_the_callers_arrays_alone(self, dtype):
        X, y = blobs(dtype=dtype)
        s = np.ones(len(X), dtype)
        before = X.copy(), y.copy(), s.copy()
        for array in (X, y, s):
            array.flags.writeable = False
        net = Network([5, 9, 3], dtype=dtype.name, rng=0)
        net.fit(X, y, sample_weight=s, epochs=2, validation_split=0.2, rng=0)
        for got, wanted in zip((X, y, s), before, strict=True):
            assert_same_bits(got, wanted)
