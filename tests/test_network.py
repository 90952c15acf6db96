"""Network: its constructor, its members, its parameters, its copies."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from mlpcore import Network
from support import ACTIVATIONS, ALIASES, assert_same_bits, make_twins


def small_network(dtype="float32", rng=0):
    return Network([4, 6, 5, 3], ["relu", "tanh"], dtype=dtype, rng=rng)


class TestConstructor:
    def test_defaults(self):
        net = Network([4, 7, 3])
        assert list(net.layer_sizes) == [4, 7, 3]
        assert net.loss_name == "log_loss"
        assert np.dtype(net.dtype) == np.float32
        assert net.n_parameters == 4 * 7 + 7 + 7 * 3 + 3
        assert next(iter(net.activations)) == "relu"

    def test_no_hidden_layer(self):
        net = Network([3, 2])
        assert net.n_parameters == 8
        assert net.predict(np.zeros((1, 3))).shape == (1, 2)

    @pytest.mark.parametrize("sizes", [(3, 4, 2), np.array([3, 4, 2]), range(3, 0, -1)])
    def test_layer_sizes_of_other_types(self, sizes):
        net = Network(sizes)
        assert list(net.layer_sizes) == list(sizes)
        assert all(type(size) is int for size in net.layer_sizes)

    @pytest.mark.parametrize("name", ACTIVATIONS)
    def test_every_activation_hidden_and_as_output(self, name):
        net = Network([2, 3, 2], name, name, rng=0)
        assert next(iter(net.activations)) == name
        assert np.isfinite(net.predict(np.ones((1, 2)))).all()

    @pytest.mark.parametrize(("alias", "name"), ALIASES.items())
    def test_aliases(self, alias, name):
        X = np.random.default_rng(0).normal(size=(5, 2))
        a = Network([2, 3, 2], alias, alias, rng=0)
        b = Network([2, 3, 2], name, name, rng=0)
        assert list(a.activations) == list(b.activations)
        assert a.loss_name == b.loss_name
        assert_same_bits(a.predict(X), b.predict(X))

    def test_a_list_of_activations(self):
        net = Network([2, 3, 4, 2], ["tanh", "swish"], rng=0)
        assert list(net.activations)[:2] == ["tanh", "silu"]
        with pytest.raises(ValueError, match=r"2.*\b1\b|\b1\b.*2"):
            Network([2, 3, 4, 2], ["tanh"])

    @pytest.mark.parametrize(
        ("output", "loss"),
        [
            ("softmax", "log_loss"),
            ("sigmoid", "log_loss"),
            ("identity", "squared_error"),
            ("relu", "squared_error"),
            ("softplus", "squared_error"),
        ],
    )
    def test_auto_loss(self, output, loss):
        assert Network([2, 3, 2], output=output).loss_name == loss

    @pytest.mark.parametrize(
        "loss", ["squared_error", "euclidean", "absolute_error", ("huber", 1.0)]
    )
    def test_loss_name(self, loss):
        net = Network([2, 2], output="identity", loss=loss)
        assert net.loss_name == (loss if isinstance(loss, str) else loss[0])

    @pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")])
    def test_dtype_spellings(self, dtype):
        assert np.dtype(Network([2, 2], dtype=dtype).dtype) == np.float32

    def test_rng(self):
        def weights(rng):
            return Network([5, 6, 2], rng=rng).get_parameters()

        assert_same_bits(weights(3), weights(3))
        assert_same_bits(weights(np.int64(3)), weights(3))
        assert not np.array_equal(weights(3), weights(4))
        assert not np.array_equal(weights(None), weights(None))
        generators = [np.random.default_rng(1), np.random.default_rng(1)]
        first = [weights(generator) for generator in generators]
        second = [weights(generator) for generator in generators]
        assert_same_bits(first[0], first[1])
        assert_same_bits(second[0], second[1])
        assert not np.array_equal(first[0], second[0])  # the generator moved on

    def test_leaves_the_global_generators_alone(self):
        np.random.seed(0)  # noqa: NPY002
        before = np.random.get_state()[1].copy()  # noqa: NPY002
        net = Network([5, 6, 2])
        net.fit(np.zeros((8, 5)), np.zeros(8, int), epochs=1)
        assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002

    @pytest.mark.parametrize(
        "name", ["layer_sizes", "activations", "loss_name", "dtype", "n_parameters"]
    )
    def test_read_only_members(self, name):
        net = small_network()
        with pytest.raises(AttributeError):
            setattr(net, name, getattr(net, name))

    def test_members_cannot_be_changed_through_what_they_return(self):
        net = small_network()
        X = np.ones((2, 4))
        before = net.predict(X)
        for value in (net.layer_sizes, net.activations):
            if isinstance(value, list):
                value[0] = value[-1]
        assert list(net.layer_sizes) == [4, 6, 5, 3]
        assert list(net.activations)[:2] == ["relu", "tanh"]
        assert_same_bits(net.predict(X), before)


class TestParameters:
    def test_shapes_and_order(self, dtype):
        net = small_network(dtype.name)
        assert [w.shape for w in net.weights] == [(4, 6), (6, 5), (5, 3)]
        assert [b.shape for b in net.biases] == [(6,), (5,), (3,)]
        assert all(a.dtype == dtype for a in [*net.weights, *net.biases])
        assert all(w.flags.c_contiguous for w in net.weights)
        pieces = []
        for w, b in zip(net.weights, net.biases, strict=True):
            pieces += [w.ravel(), b]
        flat = net.get_parameters()
        assert_same_bits(flat, np.concatenate(pieces))
        assert flat.size == net.n_parameters

    @pytest.mark.parametrize("width", [1, 7, 8, 9, 15, 16, 17, 33])
    def test_what_is_set_is_got(self, dtype, width):
        """At every width round a panel, in both directions."""
        net = Network([3, width, 2 * width + 1, 2], dtype=dtype.name, rng=0)
        rng = np.random.default_rng(width)
        flat = rng.normal(size=net.n_parameters).astype(dtype)
        net.set_parameters(flat)
        assert_same_bits(net.get_parameters(), flat)
        weights = [rng.normal(size=w.shape).astype(dtype) for w in net.weights]
        biases = [rng.normal(size=b.shape).astype(dtype) for b in net.biases]
        net.set_weights(weights, biases)
        for got, wanted in zip(
            [*net.weights, *net.biases], [*weights, *biases], strict=True
        ):
            assert_same_bits(got, wanted)

    def test_prediction_follows(self):
        a, b = small_network(rng=0), small_network(rng=1)
        X = np.random.default_rng(0).normal(size=(9, 4))
        assert not np.array_equal(a.predict(X), b.predict(X))
        a.set_parameters(b.get_parameters())
        assert_same_bits(a.predict(X), b.predict(X))
        c = small_network(rng=2)
        c.set_weights(b.weights, b.biases)
        assert_same_bits(c.predict(X), b.predict(X))

    def test_what_is_got_is_a_copy(self):
        net = small_network()
        before = net.get_parameters()
        for array in [*net.weights, *net.biases, net.get_parameters()]:
            array[...] = 9  # writable, and nobody else's
        net.weights[0] = np.zeros((4, 6))
        assert_same_bits(net.get_parameters(), before)

    def test_what_was_set_is_a_copy(self):
        net = small_network()
        flat = net.get_parameters()
        weights, biases = net.weights, net.biases
        net.set_parameters(flat)
        flat[:] = 0
        net.set_weights(weights, biases)
        for array in [*weights, *biases]:
            array[...] = 0
        assert np.count_nonzero(net.get_parameters())

    def test_layouts_and_types(self, dtype):
        net = small_network(dtype.name)
        weights = [
            np.asfortranarray(np.arange(w.size).reshape(w.shape)) for w in net.weights
        ]
        biases = [np.arange(2 * b.size)[::2] for b in net.biases]
        net.set_weights(weights, [b.tolist() for b in biases])
        assert_array_equal(net.weights[1], weights[1])
        assert_array_equal(net.biases[2], biases[2])
        net.set_parameters(np.arange(net.n_parameters)[::-1])
        assert_array_equal(net.get_parameters(), np.arange(net.n_parameters)[::-1])

    def test_set_weights_is_all_or_nothing(self):
        net = small_network()
        before = net.get_parameters()
        weights = [np.ones_like(w) for w in net.weights]
        biases = [np.ones_like(b) for b in net.biases]
        message = r"weights\[1\] has shape \(6, 4\), expected \(6, 5\)"
        with pytest.raises(ValueError, match=message):
            net.set_weights([weights[0], np.ones((6, 4)), weights[2]], biases)
        message = r"biases\[2\] has shape \(4,\), expected \(3,\)"
        with pytest.raises(ValueError, match=message):
            net.set_weights(weights, [*biases[:2], np.ones(4)])
        with pytest.raises(ValueError, match=r"3.*2|2.*3"):
            net.set_weights(weights[:2], biases)
        with pytest.raises(ValueError, match=r"3.*2|2.*3"):
            net.set_weights(weights, biases[:2])
        with pytest.raises(TypeError, match="object"):
            net.set_weights(weights, [*biases[:2], np.array([1, None, 2])])
        with pytest.raises(ValueError, match="float32"):
            net.set_weights(weights, [*biases[:2], np.array([0, 1e300, 0])])
        assert_same_bits(net.get_parameters(), before)

    @pytest.mark.parametrize("shape", [(0,), (81,), (83,), (1, 82)])
    def test_set_parameters_checks_the_shape(self, shape):
        net = small_network()
        assert net.n_parameters == 83
        before = net.get_parameters()
        if shape != (83,):
            with pytest.raises(ValueError, match="83"):
                net.set_parameters(np.ones(shape))
            assert_same_bits(net.get_parameters(), before)


class TestCopies:
    @staticmethod
    def copies(net):
        return [
            net.copy(),
            copy.copy(net),
            copy.deepcopy(net),
            *[
                pickle.loads(pickle.dumps(net, protocol))
                for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1)
            ],
        ]

    def test_have_the_same_bits_and_answers(self, dtype):
        net, _ = make_twins(
            [3, 17, 5, 2], ["gelu", "elu"], "identity", ("huber", 0.3), dtype, 0
        )
        rng = np.random.default_rng(1)
        X, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 2))
        for other in self.copies(net):
            assert type(other) is Network
            assert_same_bits(other.get_parameters(), net.get_parameters())
            for name in ("layer_sizes", "activations", "loss_name", "dtype"):
                assert getattr(other, name) == getattr(net, name)
            assert_same_bits(other.predict(X), net.predict(X))
            assert other.loss(X, y) == net.loss(X, y)
            assert repr(other) == repr(net)

    def test_are_independent(self):
        net = small_network()
        X, y = np.ones((4, 4)), np.zeros(4, int)
        before = net.get_parameters()
        for other in self.copies(net):
            other.fit(X, y, epochs=1, rng=0)
            assert not np.array_equal(other.get_parameters(), before)
            assert_same_bits(net.get_parameters(), before)

    def test_train_alike(self):
        """Dropout's rates are part of what is copied, and the network's own seeds."""
        net = Network([4, 30, 3], dropout=0.5, rng=0)
        X, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 3
        net.fit(X, y, epochs=1)
        others = self.copies(net)
        net.fit(X, y, epochs=2)
        for other in others:
            other.fit(X, y, epochs=2)
            assert_same_bits(other.get_parameters(), net.get_parameters())


class TestText:
    def test_repr_names_the_shape(self):
        text = repr(Network([4, 10, 3], "tanh", "softmax", dtype="float64"))
        for part in ("Network", "4", "10", "3", "tanh", "softmax", "float64"):
            assert part in text

    def test_summary_lists_layers_and_counts(self, capsys):
        net = Network([784, 128, 10], ["silu"], dropout=0.25)
        returned = net.summary()
        text = (returned or "") + capsys.readouterr().out
        plain = text.replace(",", "").replace("_", "").replace(" ", "")
        for number in (784 * 128 + 128, 128 * 10 + 10, net.n_parameters):
            assert str(number) in plain
        assert "silu" in text
        assert "softmax" in text

    def test_html(self):
        html = Network([4, 10, 3], "tanh")._repr_html_()
        assert html.count("<") == html.count(">") > 4
        for part in ("tanh", "softmax", "10"):
            assert part in html


def test_calling_is_predicting():
    net = small_network()
    X = np.random.default_rng(0).normal(size=(5, 4))
    assert_same_bits(net(X), net.predict(X))


def test_dropout_does_not_act_in_prediction():
    X = np.random.default_rng(0).normal(size=(5, 4))
    y = np.arange(5) % 3
    plain, dropped = Network([4, 20, 3], rng=0), Network([4, 20, 3], dropout=0.9, rng=0)
    assert_same_bits(dropped.get_parameters(), plain.get_parameters())
    assert_same_bits(dropped.predict(X), plain.predict(X))
    assert dropped.loss(X, y) == plain.loss(X, y)
    assert_same_bits(
        dropped.loss_and_gradient(X, y)[1], plain.loss_and_gradient(X, y)[1]
    )
    assert_allclose(dropped.evaluate(X, y)["loss"], plain.evaluate(X, y)["loss"])


def test_public_names():
    for name in ("Network", "Trainer", "ops", "optim", "schedules", "callbacks"):
        assert hasattr(mlpcore, name)
    assert issubclass(mlpcore.DivergenceError, ArithmeticError)
    assert issubclass(mlpcore.ModelFormatError, ValueError)
    assert issubclass(mlpcore.ModelVersionError, mlpcore.ModelFormatError)
    assert issubclass(mlpcore.NotSupportedError, ValueError)
