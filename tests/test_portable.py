"""Powers and cosines of the schedules: right, and the same whatever NumPy runs on."""

import os

import mpmath
import numpy as np
import pytest

from mlpcore._portable import half_cosine, power
from support import assert_same_bits, run_python


def test_whole_powers_and_roots_are_products_and_roots():
    assert_same_bits(power(0.3, [0.0, 1.0, 2.0]), np.array([1.0, 0.3, 0.3 * 0.3]))
    assert_same_bits(power([2.0, 9.0], 0.5), np.sqrt([2.0, 9.0]))
    assert power(4.0, 2.5) == 32
    assert power(0.5, 1e6) == 0
    assert power(2.0, 1e6) == np.inf


@pytest.mark.parametrize("base", [1e-12, 0.1, 0.97, 1.0, 3.0, 12345.0])
def test_powers(base):
    exponents = np.array([0.1, 0.3, 0.75, 1.3, 7.7, 20.01])
    with mpmath.workdps(40):
        wanted = [float(mpmath.mpf(base) ** mpmath.mpf(e)) for e in exponents]
    np.testing.assert_allclose(power(base, exponents), wanted, rtol=1e-13)


def test_half_cosine():
    progress = np.linspace(0, 1, 999)
    with mpmath.workdps(40):
        wanted = [float((1 + mpmath.cos(mpmath.pi * p)) / 2) for p in progress]
    np.testing.assert_allclose(half_cosine(progress), wanted, atol=2.3e-16, rtol=0)
    assert half_cosine(np.array([0.0, 0.5, 1.0])).tolist() == [1.0, 0.5, 0.0]


RATES = """
import hashlib
import numpy as np
from mlpcore import schedules
sha = hashlib.sha256()
for schedule in (
    schedules.InverseScaling(0.1, 0.3),
    schedules.Step(0.1, 5, 0.3),
    schedules.Exponential(0.1, 0.5, 7),
    schedules.Cosine(0.1, warmup_steps=0.1),
    schedules.OneCycle(0.1),
):
    sha.update(schedule.values(0, 5000, 5000).tobytes())
print(sha.hexdigest())
"""


def test_rates_do_not_depend_on_numpy_s_dispatch():
    """NumPy's own power gives other bits without its AVX-512 code."""
    features = "X86_V4 AVX512_ICL AVX512_SKX"  # by NumPy's new and old names
    other = dict(os.environ, NPY_DISABLE_CPU_FEATURES=features)
    assert run_python(RATES).stdout == run_python(RATES, env=other).stdout
