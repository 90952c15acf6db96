"""Bad arguments of Network, fit, Trainer and the machine: type, message, no change."""

import time

import numpy as np
import pytest

import mlpcore
from mlpcore import Network, Trainer, optim
from support import assert_same_bits, blobs

NAMES = ["identity", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "selu", "gelu"]


class TestLayerSizes:
    @pytest.mark.parametrize(
        ("sizes", "kind", "message"),
        [
            ([], ValueError, "layer_sizes"),
            ([4], ValueError, "layer_sizes.*2"),
            ([4, 0, 3], ValueError, r"layer_sizes\[1\].*0"),
            ([4, 5, -3], ValueError, r"layer_sizes\[2\].*-3"),
            ([True, 5, 3], TypeError, r"layer_sizes\[0\].*True"),
            ([4, 1.5, 3], TypeError, r"layer_sizes\[1\].*1\.5"),
            ([4, 5.0, 3], TypeError, r"layer_sizes\[1\].*5\.0"),
            ([4, "5", 3], TypeError, r"layer_sizes\[1\].*'5'"),
            ([4, None, 3], TypeError, r"layer_sizes\[1\].*None"),
            ([4, [5, 6], 3], TypeError, r"layer_sizes\[1\].*\[5, 6\]"),
            ("443", TypeError, "layer_sizes.*'443'|layer_sizes.*str"),
            (5, TypeError, "layer_sizes.*5|layer_sizes.*int"),
            (None, TypeError, "layer_sizes"),
        ],
    )
    def test_refused(self, sizes, kind, message):
        with pytest.raises(kind, match=message):
            Network(sizes)

    @pytest.mark.parametrize(
        "sizes",
        [
            [2**40, 2**40, 1],
            [2**62, 2],
            [2**63, 2],
            [10**30, 1],
            [2**31, 2**31],
            [3, 2**61, 3],
            [10**6, 10**8, 10],
        ],
    )
    def test_too_much_memory(self, sizes):
        """Said at once: nothing is allocated to find out."""
        start = time.process_time()
        with pytest.raises((ValueError, MemoryError)):
            Network(sizes)
        assert time.process_time() - start < 0.010


class TestNames:
    @pytest.mark.parametrize(
        ("options", "wrong", "nearest", "others"),
        [
            ({"activation": "rleu"}, "rleu", "'relu'", NAMES),
            ({"activation": "ReLU"}, "ReLU", "'relu'", NAMES),
            ({"activation": ["tanhh"]}, "tanhh", "'tanh'", NAMES),
            ({"output": "sofmax"}, "sofmax", "'softmax'", [*NAMES, "softmax"]),
            ({"loss": "logloss"}, "logloss", "'log_loss'", ["squared_error", "huber"]),
            ({"init": "he"}, "he", "'he_", ["glorot_uniform", "orthogonal", "zeros"]),
        ],
    )
    def test_unknown(self, options, wrong, nearest, others):
        with pytest.raises(ValueError, match=f"(?s){wrong}.*{nearest}") as caught:
            Network([4, 5, 3], **options)
        for name in others:
            assert name in str(caught.value)

    def test_unknown_optimizer(self):
        X, y = blobs(8)
        net = Network([5, 3], rng=0)
        before = net.get_parameters()
        for call in (
            lambda: Trainer(net, "adm"),
            lambda: net.fit(X, y, optimizer="adm"),
        ):
            with pytest.raises(ValueError, match=r"(?s)adm.*'adam'.*sgd"):
                call()
        assert_same_bits(net.get_parameters(), before)

    @pytest.mark.parametrize("name", ["activation", "output", "loss", "init"])
    @pytest.mark.parametrize("value", [3, None, b"relu", 2.5])
    def test_not_a_name(self, name, value):
        with pytest.raises((TypeError, ValueError), match=name):
            Network([4, 5, 3], **{name: value})

    def test_softmax_is_no_hidden_activation(self):
        with pytest.raises(ValueError, match="softmax"):
            Network([4, 5, 3], "softmax")


class TestPairs:
    @pytest.mark.parametrize(
        "loss",
        ["squared_error", "euclidean", "absolute_error", ("huber", 1.0), "poisson"],
    )
    def test_softmax_goes_with_log_loss_only(self, loss):
        name = loss if isinstance(loss, str) else loss[0]
        with pytest.raises(ValueError, match="softmax") as error:
            Network([4, 3], loss=loss)
        assert name in str(error.value)
        assert "log_loss" in str(error.value)

    @pytest.mark.parametrize("output", ["identity", "relu", "tanh", "softplus"])
    def test_log_loss_needs_probabilities(self, output):
        with pytest.raises(ValueError, match="log_loss") as caught:
            Network([4, 3], output=output, loss="log_loss")
        assert "softmax" in str(caught.value)
        assert "sigmoid" in str(caught.value)

    @pytest.mark.parametrize("output", ["identity", "tanh", "elu"])
    def test_poisson_needs_a_positive_output(self, output):
        with pytest.raises(ValueError, match="poisson") as caught:
            Network([4, 3], output=output, loss="poisson")
        assert "softplus" in str(caught.value)

    @pytest.mark.parametrize(
        "loss",
        [
            ("huber", 0.0),
            ("huber", -1.0),
            ("huber", np.nan),
            ("huber", np.inf),
            ("huber", "1"),
            ("huber", 1.0, 2.0),
            ("quantile", 0.0),
            ("quantile", 1.0),
            ("quantile", 1.5),
            "quantile",
            ("squared_error", 1.0),
            (),
        ],
    )
    def test_parameters(self, loss):
        name = (loss if isinstance(loss, str) else [*loss, "loss"][0]) or "loss"
        with pytest.raises((ValueError, TypeError), match=name):
            Network([4, 3], output="identity", loss=loss)


class TestNetworkArguments:
    @pytest.mark.parametrize(
        ("options", "kind", "message"),
        [
            ({"dropout": 1.0}, ValueError, r"dropout.*\[0, 1\).*1"),
            ({"dropout": -0.1}, ValueError, r"dropout.*-0\.1"),
            ({"dropout": np.nan}, ValueError, "dropout.*nan"),
            ({"dropout": [0.1]}, ValueError, "dropout.*2"),
            ({"dropout": [0.1, 0.2, 0.3]}, ValueError, "dropout.*2"),
            ({"dropout": [0.1, 1.5]}, ValueError, r"dropout.*1\.5"),
            ({"dropout": "0.5"}, TypeError, "dropout"),
            ({"dropout": True}, TypeError, "dropout.*True"),
            ({"dtype": "float16"}, (ValueError, TypeError), "dtype.*float16"),
            ({"dtype": "int32"}, (ValueError, TypeError), "dtype.*int32"),
            ({"dtype": "nonsense"}, (ValueError, TypeError), "dtype.*nonsense"),
            ({"rng": "seed"}, (ValueError, TypeError), "rng|SeedSequence|seed"),
            ({"rng": -1}, ValueError, "rng|non-negative"),
            ({"rng": 1.5}, (ValueError, TypeError), "rng|SeedSequence|seed"),
            ({"activation": ["relu"]}, ValueError, "activation.*2"),
            ({"activation": ["relu"] * 3}, ValueError, "activation.*2"),
        ],
    )
    def test_refused(self, options, kind, message):
        with pytest.raises(kind, match=message):
            Network([4, 5, 6, 3], **options)

    def test_positional_only_up_to_output(self):
        with pytest.raises(TypeError, match="positional"):
            Network([4, 3], "relu", "softmax", "log_loss")


FIT_ARGUMENTS = [
    ({"epochs": -1}, ValueError, "epochs.*-1"),
    ({"epochs": 1.5}, TypeError, r"epochs.*1\.5"),
    ({"epochs": True}, TypeError, "epochs.*True"),
    ({"epochs": "3"}, TypeError, "epochs.*'3'"),
    ({"batch_size": 0}, ValueError, "batch_size.*0"),
    ({"batch_size": -5}, ValueError, "batch_size.*-5"),
    ({"batch_size": 2.0}, TypeError, r"batch_size.*2\.0"),
    ({"shuffle": "no"}, TypeError, "shuffle.*'no'"),
    ({"validation_split": 1.0}, ValueError, "validation_split.*1"),
    ({"validation_split": -0.1}, ValueError, r"validation_split.*-0\.1"),
    ({"validation_split": 0.99}, ValueError, "validation_split"),
    ({"validation_data": ([[0.0] * 5],)}, ValueError, "validation_data.*tuple of 1"),
    (
        {"validation_split": 0.5, "sample_weight": [1.0] * 10 + [0.0] * 10},
        ValueError,
        "validation_split.*validate",
    ),
    (
        {"validation_split": 0.5, "sample_weight": [0.0] * 10 + [1.0] * 10},
        ValueError,
        "validation_split.*train",
    ),
    ({"callbacks": 3}, TypeError, "callbacks.*3"),
    ({"callbacks": [print]}, TypeError, r"callbacks\[0\]"),
    ({"verbose": "yes"}, (TypeError, ValueError), "verbose.*'yes'"),
]
TRAINER_ARGUMENTS = [
    ({"l2": -1e-3}, ValueError, r"l2.*-0\.001"),
    ({"l2": np.inf}, ValueError, "l2.*inf"),
    ({"l2": 10**400}, ValueError, r"l2.*\[0, inf"),
    ({"l2": "0"}, TypeError, "l2"),
    ({"clip_norm": 0.0}, ValueError, "clip_norm.*0"),
    ({"clip_norm": -1}, ValueError, "clip_norm.*-1"),
    ({"clip_norm": np.nan}, ValueError, "clip_norm.*nan"),
    ({"label_smoothing": 1.0}, ValueError, r"label_smoothing.*\[0, 1\)"),
    ({"label_smoothing": -0.1}, ValueError, r"label_smoothing.*-0\.1"),
    ({"class_weight": "balance"}, ValueError, "class_weight.*balanced"),
    ({"class_weight": {0: -1.0}}, ValueError, "class_weight.*-1"),
    ({"class_weight": {0: np.nan}}, ValueError, "class_weight.*nan"),
    ({"class_weight": {7: 1.0}}, ValueError, "class_weight.*7"),
    ({"class_weight": {"a": 1.0}}, (ValueError, TypeError), "class_weight.*a"),
    ({"class_weight": [1, 2, 3]}, TypeError, "class_weight"),
    ({"optimizer": 3}, TypeError, "optimizer.*3"),
    ({"optimizer": optim.Adam(epsilon=1e-44)}, ValueError, "epsilon.*float32.*1e-44"),
    ({"optimizer": optim.RMSprop(epsilon=1e-46)}, ValueError, "epsilon.*float32"),
    ({"optimizer": optim.Adam}, TypeError, r"optimizer.*Adam\("),
    ({"rng": "seed"}, (ValueError, TypeError), "rng|SeedSequence|seed"),
]


class TestTrainingArguments:
    X, y = blobs(20)

    @pytest.mark.parametrize(
        ("options", "kind", "message"), FIT_ARGUMENTS + TRAINER_ARGUMENTS
    )
    def test_fit(self, options, kind, message):
        net = Network([5, 6, 3], rng=0)
        before = net.get_parameters()
        with pytest.raises(kind, match=message):
            net.fit(self.X, self.y, **options)
        assert_same_bits(net.get_parameters(), before)

    @pytest.mark.parametrize(("options", "kind", "message"), FIT_ARGUMENTS)
    def test_trainer_fit_goes_on_as_if_nothing_was(self, options, kind, message):
        """After an error the trainer has its moments, its generator and its counts."""
        nets = [Network([5, 6, 3], dropout=0.2, rng=0) for _ in range(2)]
        trainers = [Trainer(net, "adam", rng=1) for net in nets]
        for trainer in trainers:
            trainer.fit(self.X, self.y, epochs=2, batch_size=8)
        with pytest.raises(kind, match=message):
            trainers[0].fit(self.X, self.y, **options)
        for trainer in trainers:
            trainer.fit(self.X, self.y, epochs=2, batch_size=8)
        assert_same_bits(nets[0].get_parameters(), nets[1].get_parameters())

    @pytest.mark.parametrize("wrong", [{"X": X[:, :2]}, {"epochs": -1}, {"l2": -1}])
    def test_a_failed_fit_takes_no_random_number(self, wrong):
        """Neither of the network's own nor of the caller's generator."""
        good = {"X": self.X, "y": self.y, "batch_size": 4, "epochs": 1}
        nets = [Network([5, 6, 3], rng=0) for _ in range(2)]
        generators = [np.random.default_rng(0) for _ in range(2)]
        with pytest.raises(ValueError, match=r"X|epochs|l2"):
            nets[0].fit(**(good | wrong))
        with pytest.raises(ValueError, match=r"X|epochs|l2"):
            nets[0].fit(**(good | wrong), rng=generators[0])
        for net, generator in zip(nets, generators, strict=True):
            net.fit(**good)
            net.fit(**good, rng=generator)
        assert_same_bits(nets[0].get_parameters(), nets[1].get_parameters())

    @pytest.mark.parametrize(("options", "kind", "message"), TRAINER_ARGUMENTS)
    def test_trainer(self, options, kind, message):
        net = Network([5, 6, 3], rng=0)
        with pytest.raises(kind, match=message):
            Trainer(net, **options)

    def test_trainer_needs_a_network_and_a_callable(self):
        with pytest.raises(TypeError, match="Network"):
            Trainer([5, 3])
        with pytest.raises(TypeError, match="gradient_hook"):
            Trainer(Network([5, 3]), gradient_hook=3)

    def test_smoothing_and_class_weights_need_classes(self):
        net = Network([5, 1], output="identity")
        y = self.y.astype(float)
        for options in ({"label_smoothing": 0.1}, {"class_weight": "balanced"}):
            with pytest.raises(ValueError, match=next(iter(options))):
                net.fit(self.X, y, **options)

    @pytest.mark.parametrize(
        ("factor", "weight", "message"),
        [
            (1e300, 1.0, "class_weight.*too large for float32"),
            (1e30, 1e30, "class_weight.*too large for float32"),
            (1e-50, 1.0, "class_weight.*0 in every row"),
            (1e-30, 1e-30, "class_weight.*0 in every row"),
        ],
    )
    def test_weights_that_float32_cannot_hold(self, factor, weight, message):
        net = Network([5, 6, 3], rng=0)
        before = net.get_parameters()
        weights = dict.fromkeys(range(3), factor)
        with pytest.raises(ValueError, match=message):
            net.fit(
                self.X,
                self.y,
                sample_weight=np.full(20, weight),
                class_weight=weights,
            )
        assert_same_bits(net.get_parameters(), before)

    @pytest.mark.parametrize("scale", [-1, np.nan, np.inf, "a"])
    def test_learning_rate_scale(self, scale):
        trainer = Trainer(Network([5, 3]))
        with pytest.raises((ValueError, TypeError), match="learning_rate_scale"):
            trainer.learning_rate_scale = scale
        assert trainer.learning_rate_scale == 1.0

    def test_validation_data_or_split_not_both(self):
        net = Network([5, 3], rng=0)
        with pytest.raises(ValueError, match=r"validation_data.*validation_split"):
            net.fit(
                self.X, self.y, validation_data=(self.X, self.y), validation_split=0.2
            )

    @pytest.mark.parametrize("rate", [-0.1, np.nan, np.inf, "0.1", None])
    def test_learning_rate(self, rate):
        with pytest.raises((ValueError, TypeError), match="learning_rate"):
            optim.SGD(rate)

    def test_a_schedule_that_returns_nonsense(self):
        net = Network([5, 3], rng=0)
        before = net.get_parameters()
        for bad in (-1.0, np.nan, "fast"):
            rate = {0: bad}.get
            optimizer = optim.SGD(lambda step, total, rate=rate: rate(step, 0.1))
            with pytest.raises((ValueError, TypeError), match=r"learning_rate.*step 0"):
                net.fit(self.X, self.y, optimizer=optimizer)
            assert_same_bits(net.get_parameters(), before)

    def test_epochs_0_trains_nothing(self):
        net = Network([5, 3], rng=0)
        before = net.get_parameters()
        try:
            history = net.fit(self.X, self.y, epochs=0)
        except ValueError as error:  # either is sane; silence with a change is not
            assert "epochs" in str(error)  # noqa: PT017
        else:
            assert len(history.epoch) == 0
        assert_same_bits(net.get_parameters(), before)


class TestMachine:
    @pytest.mark.parametrize("name", ["sse9", "AVX2 ", "", "neon-x"])
    def test_unknown_isa(self, name):
        before = mlpcore.isa()
        with pytest.raises(ValueError, match="baseline"):
            mlpcore.set_isa(name)
        assert mlpcore.isa() == before

    def test_unsupported_isa(self):
        """One that is known, but not of this processor."""
        known = {"baseline", "avx2", "avx512", "neon"}
        missing = sorted(known - set(mlpcore.supported_isas()))
        assert missing  # no processor has neon and avx2
        for name in missing:
            with pytest.raises(ValueError, match=name):
                mlpcore.set_isa(name)

    @pytest.mark.parametrize("n", [0, -1, 1.5, "2", None, True])
    def test_threads(self, n):
        before = mlpcore.get_num_threads()
        with pytest.raises((ValueError, TypeError)):
            mlpcore.set_num_threads(n)
        assert mlpcore.get_num_threads() == before
