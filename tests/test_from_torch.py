"""mlpcore.from_torch and Network.to_torch, on modules that PyTorch made."""

import sys
import textwrap

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from mlpcore import Network, NotSupportedError, from_torch
from support import assert_same_bits, run_python

torch = pytest.importorskip("torch")
nn = torch.nn

X = np.random.default_rng(3).normal(size=(40, 5)).astype(np.float32) * 3
MODULES = {
    "identity": nn.Identity(),
    "sigmoid": nn.Sigmoid(),
    "tanh": nn.Tanh(),
    "relu": nn.ReLU(inplace=True),
    "leaky_relu": nn.LeakyReLU(),
    "elu": nn.ELU(),
    "selu": nn.SELU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "mish": nn.Mish(),
    "softplus": nn.Softplus(),
}


def module_of(*between, seed=0, n_out=3):
    """Return 5 -> 6, what is between, 6 -> n_out."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(5, 6), *between, nn.Linear(6, n_out))


def outputs(module, x=X):
    with torch.no_grad():
        return module(torch.from_numpy(x)).numpy()


def assert_same_function(net, module, x=X):
    wanted = outputs(module, x)
    assert net.dtype == wanted.dtype
    # Relative to the largest, because sums of some terms cancel.
    assert_allclose(net.predict(x), wanted, rtol=0, atol=1e-5 * abs(wanted).max())


# Modules that a network can be.


@pytest.mark.parametrize("name", MODULES)
def test_every_activation(name):
    module = module_of(MODULES[name])
    module.append(MODULES[name])
    net = from_torch(module)
    assert net.activations == [name, name]
    assert_same_function(net, module)


@pytest.mark.parametrize("dim", [-1, 1])
def test_softmax(dim):
    module = module_of(nn.Tanh()).append(nn.Softmax(dim=dim))
    net = from_torch(module)
    assert net.activations == ["tanh", "softmax"]
    assert net.loss_name == "log_loss"
    assert_same_function(net, module)


def test_nested_named_flattened():
    inner = nn.Sequential(nn.Linear(6, 6), nn.Sequential(nn.SiLU(), nn.Dropout(0.25)))
    module = nn.Sequential()
    module.add_module("flat", nn.Flatten())
    module.add_module("fc1", nn.Linear(5, 6))
    module.add_module("inner", inner)
    module.add_module("fc2", nn.Linear(6, 2))
    net = from_torch(module)
    assert net.layer_sizes == [5, 6, 6, 2]
    assert net.activations == ["identity", "silu", "identity"]
    assert net.dropout == [0.0, 0.25]
    assert_same_function(net, module.eval())


def test_one_linear_layer():
    module = nn.Linear(5, 2)
    assert_same_function(from_torch(module), module)


def test_no_bias():
    module = nn.Sequential(
        nn.Linear(5, 4, bias=False), nn.Tanh(), nn.Linear(4, 1, bias=False)
    )
    net = from_torch(module)
    assert not any(b.any() for b in net.biases)
    assert_same_function(net, module)


def test_a_parametrized_linear_has_its_effective_weight():
    module = module_of(nn.ReLU())
    nn.utils.parametrizations.weight_norm(module[0])
    with torch.no_grad():
        module[0].parametrizations.weight.original0.mul_(3)
    assert_same_function(from_torch(module), module)


def test_two_dropouts_are_one():
    net = from_torch(module_of(nn.Tanh(), nn.Dropout(0.5), nn.Dropout(0.2)))
    assert net.dropout == pytest.approx([0.6])
    assert from_torch(module_of(nn.Tanh(), nn.Dropout(0.0))).dropout == [0.0]


def test_dropout_before_relu_is_dropout_after_it():
    net = from_torch(module_of(nn.Dropout(0.5), nn.ReLU()))
    assert (net.activations[0], net.dropout) == ("relu", [0.5])
    with pytest.raises(NotSupportedError, match=r"layer 2 \(Tanh\).*layer 1 \(Drop"):
        from_torch(module_of(nn.Dropout(0.5), nn.Tanh()))


@pytest.mark.parametrize(
    ("dtype", "becomes"),
    [("float64", "float64"), ("float16", "float32"), ("bfloat16", "float32")],
)
def test_dtypes(dtype, becomes):
    module = module_of(nn.Tanh()).to(getattr(torch, dtype))
    net = from_torch(module)
    assert net.dtype == becomes
    wide = module.to(getattr(torch, becomes))
    assert_same_function(net, wide, X.astype(becomes))
    for i, linear in enumerate((wide[0], wide[2])):
        assert_array_equal(net.weights[i], linear.weight.detach().numpy().T)


def test_it_shares_nothing_with_the_module():
    module = module_of(nn.ReLU())
    net = from_torch(module)
    before = net.get_parameters()
    with torch.no_grad():
        module[0].weight.zero_()
    assert_array_equal(net.get_parameters(), before)


# output= and loss=


def test_logits_become_probabilities():
    module = module_of(nn.ReLU())
    whole = module_of(nn.ReLU()).append(nn.Softmax(-1))
    assert_same_function(from_torch(module, output="softmax"), whole)
    logarithms = module_of(nn.ReLU()).append(nn.LogSoftmax(-1))
    assert_same_function(from_torch(logarithms, output="softmax"), whole)
    with pytest.raises(NotSupportedError, match=r"layer 3 \(LogSoftmax\).*output='so"):
        from_torch(logarithms)
    with pytest.raises(NotSupportedError, match=r"output='softmax'.*layer 3 \(Softmax"):
        from_torch(whole, output="softmax")
    with pytest.raises(ValueError, match="did you mean 'sigmoid'"):
        from_torch(module, output="sigmoyd")


def test_loss():
    assert from_torch(module_of(nn.ReLU())).loss_name == "squared_error"
    net = from_torch(module_of(nn.ReLU()), loss=("huber", 2.0))
    assert (net.loss_name, net.loss_parameter) == ("huber", 2.0)


# What a network cannot be.


class OwnForward(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(5, 6)
        self.last = nn.Linear(6, 3)

    def forward(self, x):
        return self.last(torch.tanh(self.first(x)))


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Scaled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("between", "message"),
    [
        ([nn.Conv2d(1, 1, 3)], r"layer 1 \(Conv2d\)"),
        ([nn.ReLU(), nn.BatchNorm1d(6)], r"layer 2 \(BatchNorm1d\)"),
        ([nn.Sequential(nn.ReLU(), nn.LayerNorm(6))], r"layer 1\.1 \(LayerNorm\)"),
        ([nn.Hardtanh()], r"layer 1 \(Hardtanh\)"),
        ([nn.AlphaDropout(0.1)], r"layer 1 \(AlphaDropout\)"),
        ([Residual(nn.Linear(6, 6))], r"layer 1 \(Residual\)"),
        ([Scaled(6, 6)], r"layer 1 \(Scaled\)"),
        ([nn.LeakyReLU(0.2)], r"layer 1 \(LeakyReLU\).*negative_slope=0.01.*0\.2"),
        ([nn.ELU(0.5)], r"layer 1 \(ELU\).*alpha=1.0.*0\.5"),
        ([nn.GELU("tanh")], r"layer 1 \(GELU\).*approximate='none'.*'tanh'"),
        ([nn.Softplus(beta=2)], r"layer 1 \(Softplus\).*beta"),
        ([nn.Softplus(threshold=5)], r"layer 1 \(Softplus\).*threshold"),
        ([nn.Softmax(0)], r"layer 1 \(Softmax\).*dim"),
        ([nn.Softmax(-1)], r"layer 1 \(Softmax\).*last layer, layer 2 \(Linear\)"),
        ([nn.LogSoftmax(-1)], r"layer 1 \(LogSoftmax\).*last layer"),
        ([nn.ReLU(), nn.Tanh()], r"layer 2 \(Tanh\).*second.*layer 1 \(ReLU\)"),
        ([nn.Flatten(0)], r"layer 1 \(Flatten\)"),
        ([nn.ReLU(), nn.Dropout(1.0)], r"layer 2 \(Dropout\).*rate"),
    ],
    ids=str,
)
def test_what_cannot_be_represented_is_named(between, message):
    with pytest.raises(NotSupportedError, match=message):
        from_torch(module_of(*between))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(), "no dense layer"),
        (nn.ReLU(), r"layer 0 \(ReLU\).*no dense layer"),
        (nn.Sequential(nn.Dropout(0.1), nn.Linear(5, 2)), r"layer 0 \(Dro.*inputs"),
        (nn.Sequential(nn.Linear(5, 2), nn.Dropout(0.1)), r"layer 1 \(Dro.*outputs"),
        (OwnForward(), r"layer 0 \(OwnForward\).*activations="),
        (nn.ModuleList([nn.Linear(5, 2)]), r"layer 0 \(ModuleList\)"),
        (nn.Sequential(nn.LazyLinear(2)), r"layer 0 \(LazyLinear\).*no values"),
        (nn.Linear(5, 2, device="meta"), r"layer 0 \(Linear\).*no values"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_modules_that_are_no_network(module, message):
    with pytest.raises(NotSupportedError, match=message):
        from_torch(module)


def test_widths_that_do_not_fit():
    with pytest.raises(ValueError, match=r"layer 1 \(Linear\) has 7 inputs.*6 outputs"):
        from_torch(nn.Sequential(nn.Linear(5, 6), nn.Linear(7, 2)))


@pytest.mark.parametrize(("value", "name"), [(np.nan, "NaN"), (-np.inf, "infinity")])
def test_weights_that_are_no_numbers(value, name):
    module = module_of(nn.ReLU())
    with torch.no_grad():
        module[2].weight[1, 4] = value
    where = r"layer 2 \(Linear\): weight contains"
    with pytest.raises(ValueError, match=f"{where} {name}.*row 4, column 1"):
        from_torch(module)


@pytest.mark.parametrize("wrong", [3, None, [nn.Linear(2, 2)], nn.Linear])
def test_other_types(wrong):
    with pytest.raises(TypeError, match=r"needs a torch\.nn\.Module"):
        from_torch(wrong)


# State dicts, files.


def test_weights_of_a_module_of_any_kind():
    module = OwnForward()
    net = from_torch(module, ["tanh", "linear"])
    assert net.activations == ["tanh", "identity"]
    assert_same_function(net, module)
    assert_same_function(from_torch(module.state_dict(), ["tanh", "linear"]), module)


def test_numbered_layers_are_taken_by_number():
    """A state dict from a file has them in alphabetical order: 0, 10, 2, ..."""
    torch.manual_seed(0)
    layers = [nn.Linear(5, 5) for _ in range(12)]
    module = nn.Sequential(*layers)
    tensors = {f"model.{k}": v.numpy() for k, v in sorted(module.state_dict().items())}
    assert list(tensors)[2].startswith("model.1.")
    assert list(tensors)[4].startswith("model.10.")
    net = from_torch(tensors, ["linear"] * 12)
    assert_same_function(net, module)


def test_arrays_need_no_torch():
    code = """
    import sys, numpy as np, mlpcore
    rng = np.random.default_rng(0)
    w1, w2 = rng.normal(size=(6, 5)), rng.normal(size=(2, 6))
    tensors = {"a.weight": w1, "a.bias": np.ones(6), "b.weight": w2}
    net = mlpcore.from_torch(tensors, ["relu", "identity"])
    x = rng.normal(size=(3, 5))
    assert np.allclose(net.predict(x), np.maximum(x @ w1.T + 1, 0) @ w2.T)
    assert "torch" not in sys.modules and "keras" not in sys.modules
    print("done")
    """
    assert run_python(textwrap.dedent(code)).stdout == "done\n"


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "bfloat16"])
def test_a_safetensors_file(tmp_path, dtype):
    if dtype == "bfloat16":
        pytest.importorskip("ml_dtypes")
    save = pytest.importorskip("safetensors.torch").save_file
    module = module_of(nn.GELU()).to(getattr(torch, dtype))
    path = tmp_path / "model.safetensors"
    save(module.state_dict(), path)
    for given in (path, str(path)):
        net = from_torch(given, ["gelu", "softmax"])
        assert net.activations == ["gelu", "softmax"]
        wide = module.to(getattr(torch, str(net.dtype)))
        assert_array_equal(net.weights[0], wide[0].weight.detach().numpy().T)
        assert_array_equal(net.biases[1], wide[2].bias.detach().numpy())


def test_files_that_are_refused(tmp_path):
    save = pytest.importorskip("safetensors.torch").save_file
    path = tmp_path / "model.safetensors"
    save(OwnForward().state_dict(), path)
    with pytest.raises(NotSupportedError, match=r"'first', 'last'.*not numbered"):
        from_torch(path, ["tanh", "identity"])
    save(nn.Linear(5, 2).bfloat16().state_dict(), path)
    code = "import sys, mlpcore; sys.modules['ml_dtypes'] = None;"
    code += "mlpcore.from_torch(sys.argv[1], ['relu'])"
    done = run_python(code, str(path), check=False)
    assert "NotSupportedError: 'bias' in the file" in done.stderr
    assert "bfloat16" in done.stderr
    Network([5, 5]).save(path)
    with pytest.raises(ValueError, match=r"use mlpcore\.load"):
        from_torch(path, ["softmax"])
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="cannot be read"):
        from_torch(path, ["softmax"])
    with pytest.raises(ValueError, match=r"not named \.safetensors"):
        from_torch("model.pt", ["softmax"])
    with pytest.raises(FileNotFoundError):
        from_torch(tmp_path / "no.safetensors", ["softmax"])


W, B = np.ones((2, 5), np.float32), np.ones(2, np.float32)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"c.weight": np.ones((1, 1, 3, 3))}, r"layer 0 \('c'\).*\(1, 1, 3, 3\)"),
        ({"n.weight": B}, r"layer 0 \('n'\).*\(2,\).*2-D"),
        ({"n.weight": W, "n.running_mean": B}, "'n.running_mean'"),
        ({"n.weight": W, "m.bias": B}, "'m.bias'"),
        ({"n.weight": W.astype(np.int8)}, "int8; quantized"),
    ],
)
def test_state_dicts_that_are_no_network(tensors, message):
    with pytest.raises(NotSupportedError, match=message):
        from_torch(tensors, ["relu"])


@pytest.mark.parametrize(
    ("tensors", "activations", "error", "message"),
    [
        ({"0.weight": W}, None, TypeError, r"give activations=\[\.\.\.\]"),
        ({"0.weight": W}, "relu", TypeError, "a list with one name a layer"),
        ({"0.weight": W}, ["relu"] * 2, ValueError, "has 1 layers, got 2 names"),
        ({"0.weight": W}, ["rleu"], ValueError, "did you mean 'relu'"),
        ({"weight": W, "bias": np.ones(3)}, ["relu"], ValueError, r"bias must be \(2,"),
        ({0: W}, ["relu"], TypeError, "names"),
        ({"weight": np.array([["a"]])}, ["relu"], TypeError, "numeric"),
        ({}, [], NotSupportedError, "no dense layer"),
    ],
)
def test_wrong_arguments(tensors, activations, error, message):
    with pytest.raises(error, match=message):
        from_torch(tensors, activations)


# to_torch


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*MODULES, "softmax"])
def test_to_torch(name, dtype):
    hidden = "relu" if name == "softmax" else name
    net = Network([5, 7, 6, 3], hidden, name, dropout=[0.5, 0], dtype=dtype, rng=1)
    net.set_parameters(np.random.default_rng(0).normal(size=net.n_parameters))
    state = torch.get_rng_state()
    module = net.to_torch()
    assert torch.equal(torch.get_rng_state(), state)
    assert not module.training  # else the dropout would act
    assert_same_function(net, module, X.astype(dtype))
    twin = from_torch(module)
    assert (twin.activations, twin.dropout) == (net.activations, net.dropout)
    assert_same_bits(twin.get_parameters(), net.get_parameters())


def test_to_torch_learns_on():
    net = Network([5, 7, 3], dropout=0.5, rng=0)
    module = net.to_torch().train()
    before = net.get_parameters()
    optimizer = torch.optim.SGD(module.parameters(), 0.1)
    y = torch.arange(len(X)) % 3
    nn.CrossEntropyLoss()(module[:-1](torch.from_numpy(X)), y).backward()
    optimizer.step()
    assert_same_bits(net.get_parameters(), before)
    assert not np.array_equal(from_torch(module).get_parameters(), before)
    active = outputs(module[:2]) > 0
    assert 0.3 < (outputs(module[:3])[active] == 0).mean() < 0.7


def test_to_torch_has_no_exp():
    net = Network([5, 2], output="exp", loss="poisson")
    with pytest.raises(NotSupportedError, match="layer 0 has the activation 'exp'"):
        net.to_torch()


def test_to_torch_without_torch(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"mlpcore\[torch\]"):
        Network([5, 2]).to_torch()


def test_names_are_listed():
    for name in ("from_torch", "from_keras", "from_sklearn"):
        assert name in dir(mlpcore)
        assert name in mlpcore.__all__
        assert getattr(mlpcore, name) is getattr(mlpcore.formats, name)
    with pytest.raises(AttributeError, match="from_tensorflow"):
        mlpcore.formats.from_tensorflow  # noqa: B018
