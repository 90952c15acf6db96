"""Seeds for the native generator, Philox 4x32-10, from what a user may give."""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np

# A string: naming numpy.random would import it with the package, in 10 ms.
RandomState: TypeAlias = (
    "int | np.random.Generator | np.random.BitGenerator | np.random.SeedSequence | None"
)


def seed_from(rng: RandomState) -> int:
    """Return a 64-bit seed; a generator is advanced.

    Parameters
    ----------
    rng : int, numpy.random.Generator, BitGenerator, SeedSequence or None
        As in SPEC 7: a number is the seed, a generator is drawn from (and advanced),
        None takes fresh entropy.

    Returns
    -------
    int
        In [0, 2**64).

    Raises
    ------
    TypeError, ValueError
        If `rng` is something else, or a negative number.
    """
    check_rng(rng)
    # First what does without numpy.random, which is imported when it is named.
    if rng is None:
        return int.from_bytes(os.urandom(8), "little")
    if isinstance(rng, int | np.integer):
        if rng < 2**64:
            return int(rng)
        rng = np.random.SeedSequence(int(rng))
    if isinstance(rng, np.random.BitGenerator):
        rng = np.random.Generator(rng)
    if isinstance(rng, np.random.Generator):
        return int(rng.integers(0, 2**64, dtype=np.uint64))
    return int(rng.generate_state(1, np.uint64)[0])


def check_rng(rng: RandomState) -> None:
    """Raise what `seed_from` would, and draw nothing.

    Raises
    ------
    TypeError, ValueError
        If `rng` is not one of those types, or a negative number.
    """
    if rng is None:
        return
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool):
        if rng < 0:
            raise ValueError(f"rng must be 0 or more, got {rng}")
        return
    kinds = np.random.Generator, np.random.BitGenerator, np.random.SeedSequence
    if not isinstance(rng, kinds):
        raise TypeError(
            f"rng must be an int, a numpy.random.Generator or None, got {rng!r} "
            f"({type(rng).__name__})"
        )
