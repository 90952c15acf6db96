"""Network.to_torch: the same function, and the way back."""

import sys

import numpy as np
import pytest

from mlpcore import Network, NotSupportedError, from_torch
from support import assert_same_bits
from test_from_torch import MODULES, X, assert_same_function, nn, outputs, torch


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
