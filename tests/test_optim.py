"""Settings of the optimizers, and the errors for names and values that are wrong."""

import math
import pickle

import numpy as np
import pytest

from mlpcore import optim, schedules
from mlpcore._names import resolve, unknown_name

NAMES = {
    "sgd": optim.SGD,
    "adam": optim.Adam,
    "adamw": optim.AdamW,
    "rmsprop": optim.RMSprop,
    "lbfgs": optim.LBFGS,
}


@pytest.mark.parametrize("name", NAMES)
def test_get_by_name_gives_the_defaults(name):
    assert optim.get(name) == NAMES[name]()
    assert optim.get(name).name == name


def test_get_returns_an_instance_as_it_is():
    adam = optim.Adam(3e-4)
    assert optim.get(adam) is adam


@pytest.mark.parametrize(
    ("wrong", "near"), [("Adam", "adam"), ("rms_prop", "rmsprop"), ("l-bfgs", "lbfgs")]
)
def test_unknown_name_suggests_the_nearest_and_lists_all(wrong, near):
    with pytest.raises(ValueError, match=f"did you mean '{near}'") as caught:
        optim.get(wrong)
    assert all(repr(name) in str(caught.value) for name in NAMES)


def test_unknown_name_without_a_near_one_suggests_nothing():
    error = unknown_name("loss", "zzz", ["log_loss", "huber"])
    assert str(error) == "unknown loss 'zzz', there are 'log_loss', 'huber'"


def test_resolve():
    aliases = {"logistic": "sigmoid"}
    assert resolve("activation", "relu", ["relu", "sigmoid"], aliases) == "relu"
    assert resolve("activation", "logistic", ["relu", "sigmoid"], aliases) == "sigmoid"
    with pytest.raises(ValueError, match="did you mean 'logistic'"):
        resolve("activation", "logistc", ["relu", "sigmoid"], aliases)
    with pytest.raises(TypeError, match="activation must be a name"):
        resolve("activation", 3, ["relu"])


def test_a_class_in_place_of_an_instance_says_what_to_write():
    with pytest.raises(TypeError, match=r"the class Adam; write Adam\(\.\.\.\)"):
        optim.get(optim.Adam)
    with pytest.raises(TypeError, match=r"optimizer must be a name .* 3"):
        optim.get(3)
    with pytest.raises(TypeError, match="the class Cosine; write Cosine"):
        optim.SGD(schedules.Cosine)


@pytest.mark.parametrize("cls", [optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop])
@pytest.mark.parametrize("rate", [-1e-9, math.nan, math.inf])
def test_learning_rate_out_of_range(cls, rate):
    with pytest.raises(ValueError, match=r"learning_rate must be in \[0, inf\), got"):
        cls(learning_rate=rate)


@pytest.mark.parametrize("rate", ["fast", None, True, 1j, [0.1]])
def test_learning_rate_of_a_wrong_type(rate):
    with pytest.raises(TypeError, match="learning_rate must be a real number"):
        optim.SGD(rate)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.SGD(momentum=1.1), r"momentum must be in \[0, 1\], got 1.1"),
        (lambda: optim.SGD(momentum=-0.1), r"momentum must be in \[0, 1\]"),
        (lambda: optim.Adam(beta_1=1.0), r"beta_1 must be in \[0, 1\), got 1.0"),
        (lambda: optim.Adam(beta_2=-1), r"beta_2 must be in \[0, 1\)"),
        (lambda: optim.Adam(epsilon=0), r"epsilon must be in \(0, inf\), got 0"),
        (lambda: optim.AdamW(beta_1=2), r"beta_1 must be in \[0, 1\)"),
        (lambda: optim.AdamW(weight_decay=-1), r"weight_decay must be in \[0, inf\)"),
        (lambda: optim.RMSprop(rho=1), r"rho must be in \[0, 1\)"),
        (lambda: optim.RMSprop(epsilon=-1), r"epsilon must be in \(0, inf\)"),
        (lambda: optim.LBFGS(max_iter=0), "max_iter must be an integer of 1 or more"),
        (lambda: optim.LBFGS(max_fun=0), "max_fun must be an integer of 1 or more"),
        (lambda: optim.LBFGS(history_size=0), "history_size must be an integer of 1"),
        (lambda: optim.LBFGS(tol=-1), r"tol must be in \[0, inf\)"),
    ],
)
def test_values_out_of_range(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_values_of_a_wrong_type():
    with pytest.raises(TypeError, match="nesterov must be True or False, got 'no'"):
        optim.SGD(nesterov="no")
    with pytest.raises(TypeError, match=r"max_iter must be an integer .* 2\.5"):
        optim.LBFGS(max_iter=2.5)


def test_numpy_scalars_become_python_ones():
    sgd = optim.SGD(np.float32(0.5), np.float64(0.25), np.True_)
    assert sgd == optim.SGD(0.5, 0.25, True)
    assert [type(v) for v in vars(sgd).values()] == [float, float, bool]
    assert type(optim.LBFGS(np.int64(7)).max_iter) is int


def test_frozen_and_picklable_with_a_schedule():
    adam = optim.AdamW(schedules.Cosine(0.1, warmup_steps=5), weight_decay=0.1)
    assert pickle.loads(pickle.dumps(adam)) == adam
    with pytest.raises(AttributeError):
        adam.beta_1 = 0.5
