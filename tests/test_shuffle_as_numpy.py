"""The estimators' shuffle beside numpy.random.RandomState's: the same draws."""

import datetime

import numpy as np
import pytest

from mlpcore import _core

GENERATORS = [
    np.random.MT19937,
    np.random.PCG64,
    np.random.PCG64DXSM,
    np.random.Philox,
    np.random.SFC64,
]
# Around the powers of two, where NumPy's mask changes.
SIZES = [0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 64, 65, 1000, 4095, 4096, 4097, 70_000]


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_same_order_and_the_same_state_after_it(generator):
    numpys, ours = (np.random.RandomState(generator(5)) for _ in range(2))
    for n in SIZES:
        expected, x = np.arange(n), np.arange(n)
        for _ in range(3):  # from where the last one has left x and the generator
            numpys.shuffle(expected)
            _core.shuffle_as_numpy(x, ours._bit_generator.capsule)
            np.testing.assert_array_equal(x, expected)
    assert numpys.randint(2**31) == ours.randint(2**31)


def test_what_is_no_bit_generator_is_refused():
    x = np.arange(4)
    capsule = np.random.RandomState(0)._bit_generator.capsule
    for wrong in (None, object(), np.random.RandomState(0)):
        with pytest.raises(TypeError):
            _core.shuffle_as_numpy(x, wrong)
    with pytest.raises(ValueError, match="incorrect name"):
        _core.shuffle_as_numpy(x, datetime.datetime_CAPI)
    for wrong in (x.astype(np.int32), x.astype(float), [0, 1]):
        with pytest.raises(TypeError):
            _core.shuffle_as_numpy(wrong, capsule)
    x.flags.writeable = False
    with pytest.raises(ValueError, match="not writeable"):
        _core.shuffle_as_numpy(x, capsule)
    assert x.tolist() == [0, 1, 2, 3]
