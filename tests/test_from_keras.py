"""mlpcore.from_keras, on models that Keras made (with PyTorch below it)."""

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mlpcore import NotSupportedError, from_keras

pytest.importorskip("torch")
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")
L = keras.layers

# Keras's own, with NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ impl:DeprecationWarning")

X = np.random.default_rng(3).normal(size=(40, 5)).astype(np.float32) * 3
FUNCTIONS = {
    "linear": "identity",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "elu": "elu",
    "selu": "selu",
    "gelu": "gelu",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "exponential": "exp",
}
LAYERS = [
    (L.ReLU, {}, "relu"),
    (L.ReLU, {"negative_slope": 0.01}, "leaky_relu"),
    (L.LeakyReLU, {"negative_slope": 0.01}, "leaky_relu"),
    (L.ELU, {}, "elu"),
    (L.Activation, {"activation": "mish"}, "mish"),
    (L.Activation, {"activation": keras.activations.selu}, "selu"),
    (L.Identity, {}, "identity"),
]


def each(layers):
    ids = [f"{kind.__name__}-{name}" for kind, _, name in layers]
    return pytest.mark.parametrize(("kind", "arguments", "name"), layers, ids=ids)


def model_of(*between, n_out=3, activation=None, dtype="float32"):
    """Return 5 -> 6, what is between, 6 -> n_out, with biases that are not 0."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            L.Dense(6, dtype=dtype),
            *between,
            L.Dense(n_out, activation, dtype=dtype),
        ]
    )
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def assert_same_function(net, model, x=X):
    wanted = keras.ops.convert_to_numpy(model(x))
    assert net.dtype == wanted.dtype
    # Relative to the largest, because sums of some terms cancel.
    error = abs(net.predict(x.reshape(len(x), -1)) - wanted).max()
    assert error <= 1e-5 * abs(wanted).max()


# Models that a network can be.


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_activation(function):
    name = FUNCTIONS[function]
    model = keras.Sequential(
        [keras.Input((5,)), L.Dense(6, function), L.Dense(3, function)]
    )
    net = from_keras(model)
    assert net.activations == [name, name]
    x = X / 10 if name == "exp" else X
    assert_same_function(net, model, x)


@each(LAYERS)
def test_activation_layers(kind, arguments, name):
    model = model_of(kind(**arguments))
    net = from_keras(model)
    assert net.activations == [name, "identity"]
    assert_same_function(net, model)


@each(LAYERS[:-1])
def test_activation_layers_inside_dense(kind, arguments, name):
    model = model_of(L.Dense(6, kind(**arguments)))
    net = from_keras(model)
    assert net.activations == ["identity", name, "identity"]
    assert_same_function(net, model)


@pytest.mark.parametrize("layer", [None, L.Softmax(), L.Softmax(axis=1)])
def test_softmax(layer):
    model = model_of(activation="softmax" if layer is None else None)
    if layer is not None:
        model.add(layer)
    net = from_keras(model)
    assert (net.activations[-1], net.loss_name) == ("softmax", "log_loss")
    assert_same_function(net, model)


def test_flatten_dropout_no_bias():
    model = keras.Sequential(
        [
            keras.Input((2, 3, 2)),
            L.Flatten(),
            L.Dense(8, "tanh", use_bias=False),
            L.Dropout(0.3),
            L.Dense(2),
        ]
    )
    net = from_keras(model)
    assert net.layer_sizes == [12, 8, 2]
    assert net.dropout == [0.3]
    assert not net.biases[0].any()
    x = np.random.default_rng(0).normal(size=(7, 2, 3, 2)).astype(np.float32)
    assert_same_function(net, model, x)


def test_models_in_models_and_functional_models():
    inner = keras.Sequential([L.Dense(6, "gelu"), L.Dropout(0.25)])
    inputs = keras.Input((5,))
    hidden = L.ReLU()(L.Dense(4)(inner(inputs)))
    model = keras.Model(inputs, L.Dense(2, "sigmoid")(hidden))
    keras.Model(inputs, L.Dense(9)(hidden))  # another, with layers of this one
    net = from_keras(model)
    assert net.layer_sizes == [5, 6, 4, 2]
    assert net.activations == ["gelu", "relu", "sigmoid"]
    assert net.dropout == [0.25, 0.0]
    assert_same_function(net, model)
    assert_same_function(from_keras(keras.Sequential([inputs, model])), model)


def test_a_layer_used_twice():
    inputs, twice = keras.Input((5,)), L.Dense(5, "tanh")
    model = keras.Model(inputs, twice(twice(inputs)))
    net = from_keras(model)
    assert net.layer_sizes == [5, 5, 5]
    assert_same_function(net, model)


def test_built_by_a_call():
    model = keras.Sequential([L.Dense(3, "relu"), L.Dense(1)])
    with pytest.raises(ValueError, match="not built"):
        from_keras(model)
    model(X)
    assert_same_function(from_keras(model), model)


def test_a_subclass_that_trains_in_its_own_way():
    class Mine(keras.Model):
        def train_step(self, *args):
            pass

    inputs = keras.Input((5,))
    model = Mine(inputs, L.Dense(2)(inputs))
    assert_same_function(from_keras(model), model)


@pytest.mark.parametrize(
    ("dtype", "becomes"),
    [("float64", "float64"), ("float16", "float32"), ("bfloat16", "float32")],
)
def test_dtypes(dtype, becomes):
    model = model_of(L.Activation("tanh", dtype=dtype), dtype=dtype)
    net = from_keras(model)
    assert net.dtype == becomes
    assert_array_equal(net.weights[1], model.get_weights()[2].astype(becomes))


def test_logits_become_probabilities():
    net = from_keras(model_of(), output="softmax")
    assert_same_function(net, model_of(activation="softmax"))
    assert from_keras(model_of(), loss=("huber", 2.0)).loss_parameter == 2.0
    with pytest.raises(NotSupportedError, match="output='softmax'"):
        from_keras(model_of(activation="log_softmax"))
    assert_same_function(
        from_keras(model_of(activation="log_softmax"), output="softmax"),
        model_of(activation="softmax"),
    )


# What a network cannot be.


class MyDense(L.Dense):
    pass


@pytest.mark.parametrize(
    ("between", "message"),
    [
        (lambda: [L.BatchNormalization(name="b")], r"layer 2 \(BatchNormalization 'b'"),
        (lambda: [L.PReLU()], r"layer 2 \(PReLU"),
        (lambda: [MyDense(6)], r"layer 2 \(MyDense"),
        (lambda: [L.LeakyReLU()], r"layer 2 \(LeakyReLU.*negative_slope=0.01.*0\.3"),
        (lambda: [L.ELU(0.5)], r"layer 2 \(ELU.*alpha"),
        (lambda: [L.ReLU(6.0)], r"layer 2 \(ReLU.*max_value=None.*6\.0"),
        (lambda: [L.ReLU(threshold=1.0)], r"layer 2 \(ReLU.*threshold"),
        (lambda: [L.ReLU(negative_slope=0.3)], r"layer 2 \(ReLU.*slope=0\.01.*0\.3"),
        (lambda: [L.Dense(6, "leaky_relu")], r"layer 2 \(Dense.*slope is 0\.2"),
        (lambda: [L.Dense(6, "hard_sigmoid")], r"layer 2 \(Dense.*'hard_sigmoid'"),
        (lambda: [L.Dense(6, lambda x: x * 2)], r"layer 2 \(Dense.*'<lambda>'"),
        (lambda: [L.Softmax()], r"layer 2 \(Softmax.*last layer, layer 3 \(Dense"),
        (lambda: [L.ReLU(), L.ReLU()], r"layer 3 \(ReLU.*second.*layer 2 \(ReLU"),
        (lambda: [L.Dropout(0.5, noise_shape=(1, 6))], r"layer 2 \(Dropout.*one by on"),
        (lambda: [keras.Sequential([L.PReLU()])], r"layer 2\.1 \(PReLU"),
    ],
)
def test_what_cannot_be_represented_is_named(between, message):
    with pytest.raises(NotSupportedError, match=message):
        from_keras(model_of(*between()))


def image_model():
    return keras.Sequential(
        [keras.Input((8, 8, 1)), L.Conv2D(2, 3, name="c"), L.Flatten(), L.Dense(2)]
    )


def dense_on_images():
    return keras.Sequential([keras.Input((4, 5)), L.Dense(3)])


def branches(inputs=1, outputs=1):
    a, b = keras.Input((5,)), keras.Input((5,))
    if inputs == 2:
        return keras.Model([a, b], L.Dense(2)(L.Add(name="sum")([a, b])))
    hidden = L.Dense(5)(a)
    if outputs == 2:
        return keras.Model(a, [hidden, L.Dense(2)(hidden)])
    return keras.Model(a, L.Dense(2)(L.Add(name="sum")([a, hidden])))


def one_layer(layer):
    return keras.Sequential([keras.Input((5,)), layer])


def arithmetic():
    a = keras.Input((5,))
    return keras.Model(a, L.Dense(2)(a) * 2)


class Subclass(keras.Model):
    def __init__(self):
        super().__init__(name="mine")
        self.dense = L.Dense(2)

    def call(self, x):
        return self.dense(x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (image_model, r"layer 1 \(Conv2D 'c'\).*4 dimensions"),
        (dense_on_images, r"layer 1 \(Dense.*3 dimensions"),
        (branches, r"\(Add 'sum'\).*several inputs"),
        (lambda: branches(inputs=2), "2 inputs and 1 outputs"),
        (lambda: branches(outputs=2), "1 inputs and 2 outputs"),
        (arithmetic, r"layer 2 \(Multiply"),
        (Subclass, r"Subclass 'mine'.*get_weights"),
        (lambda: one_layer(L.Flatten()), "no dense layer"),
        (lambda: one_layer(L.ReLU()), r"layer 1 \(ReLU.*no dense layer"),
        (
            lambda: keras.Sequential([keras.Input((5,)), L.Dropout(0.1), L.Dense(2)]),
            r"layer 1 \(Dropout.*inputs",
        ),
    ],
    ids=str,
)
def test_models_that_are_no_network(make, message):
    with pytest.raises(NotSupportedError, match=message):
        from_keras(make())


def test_weights_that_are_no_numbers():
    model = model_of()
    weights = model.get_weights()
    weights[3][1] = np.nan
    model.set_weights(weights)
    with pytest.raises(ValueError, match=r"layer 2 \(Dense.*bias contains NaN.*row 1"):
        from_keras(model)


# Lists of weights.


def test_a_list_of_weights():
    model = model_of(L.Activation("swish"), L.Dropout(0.5), activation="softmax")
    net = from_keras(model.get_weights(), ["swish", "softmax"])
    assert net.activations == ["silu", "softmax"]
    assert_same_function(net, model)


def test_a_list_without_biases():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 4)), rng.normal(size=(4, 2))
    net = from_keras([a, b], ["tanh", "linear"])
    assert_allclose(net.predict(X), np.tanh(X @ a) @ b, rtol=1e-9)


W, B = np.ones((2, 3)), np.ones(3)


@pytest.mark.parametrize(
    ("weights", "activations", "error", "message"),
    [
        ([W, B], None, TypeError, r"give activations=\[\.\.\.\]"),
        ([W, B], ["relu"] * 2, ValueError, "has 1 layers, got 2 names"),
        ([W, B, W, B], ["relu"] * 2, ValueError, "layer 1 has 2 inputs.*3 outputs"),
        ([B, W], ["relu"], NotSupportedError, r"weights\[0\] of shape \(3,\)"),
        ([W, B, B], ["relu"], NotSupportedError, r"weights\[2\] of shape \(3,\)"),
        ([np.ones((3, 3, 1, 2))], ["relu"], NotSupportedError, r"\(3, 3, 1, 2\)"),
        ([W, np.ones(2)], ["relu"], ValueError, r"layer 0: bias must be \(3,\)"),
        ([W * np.inf], ["relu"], ValueError, "contains infinity"),
        ("model.keras", None, TypeError, "list of weights, got str"),
        (W, ["relu"], TypeError, "list of weights, got ndarray"),
        ([], [], NotSupportedError, "no dense layer"),
    ],
)
def test_wrong_arguments(weights, activations, error, message):
    with pytest.raises(error, match=message):
        from_keras(weights, activations)


def test_a_model_knows_its_activations():
    with pytest.raises(TypeError, match="activations are for a list of weights"):
        from_keras(model_of(), ["relu", "relu"])
