"""The gradient of a training step with everything at once, against complex steps.

Random networks of every activation, output and loss, with sample weights, L2, label
smoothing, dropout and clipping, each switched on or off at random. The dropout masks
are drawn here, from Philox by the addresses of mlpcore/philox.h: no mask is read back
from what the network did.
"""

import numpy as np
import pytest

from mlpcore import Trainer, _core, optim
from mlpcore.reference import clip_by_norm
from support import (
    ACTIVATIONS,
    KINKED,
    PAIRS,
    Problem,
    complex_step,
    make_twins,
    targets_for,
)

DROPOUT_STREAM = 3 << 56
# A power of 2, large enough for the step not to be lost beside the weights.
LEARNING_RATE = 2.0**12


def dropout_mask(seed, layer, step, rate, shape):
    """Return 1 / (1 - rate) where an output is kept, else 0.

    Four neighbouring columns share a block of Philox, addressed by the layer and the
    step in the stream, and by the row and the block in the index.
    """
    rows, width = shape
    stream = DROPOUT_STREAM | layer << 40 | step
    words = [
        [
            word
            for block in range(-(-width // 4))
            for word in _core.philox(seed, stream, row << 32 | block)
        ]
        for row in range(rows)
    ]
    kept = np.array(words)[:, :width] >= int(rate * 2**32)
    return kept / (1 - rate)


def masks_of_step(net, seed, step, rows):
    """Return a hidden layer's mask each, None where nothing is dropped."""
    return [
        dropout_mask(seed, layer, step, rate, (rows, width)) if rate else None
        for layer, (rate, width) in enumerate(
            zip(net.dropout, net.layer_sizes[1:-1], strict=True)
        )
    ]


def random_network(rng, names, output, loss, rows):
    """Return a Problem with a network of these functions and random dropout."""
    sizes = [int(size) for size in rng.integers(1, 9, len(names) + 2)]
    if output == "softmax":
        sizes[-1] = max(sizes[-1], 2)
    rates = [float(rate) for rate in rng.choice([0, 0.1, 0.5, 0.8], len(names))]
    net, ref = make_twins(sizes, names, output, loss, rng=rng, dropout=rates)
    X = rng.normal(size=(rows, sizes[0]))
    y = targets_for(output, loss, rng, (rows, sizes[-1]))
    if output == "softmax" and rng.integers(2):
        y = rng.integers(sizes[-1], size=rows)
    s = rng.uniform(0.2, 3, rows) if rng.integers(2) else None
    return Problem(net, ref, X, y, s)


def distance_from_kinks(problem, masks):
    z, _ = problem.ref.forward(problem.X, masks)
    names = [*problem.ref.activations, problem.ref.output]
    fields = [field for field, name in zip(z, names, strict=True) if name in KINKED]
    return min((np.abs(field).min() for field in fields), default=np.inf)


def assert_step(problem, trainer, seed, clip_norm=None, **options):
    """Make a step, and compare what it subtracted with complex steps."""
    problem.ref.set_parameters(problem.net.get_parameters())
    masks = masks_of_step(problem.net, seed, trainer.step_count, len(problem.X))
    assert distance_from_kinks(problem, masks) > 1e-10
    wanted = complex_step(problem, masks=masks, **options)
    if clip_norm is not None:
        wanted = clip_by_norm(wanted, clip_norm)
    before = problem.net.get_parameters()
    trainer.step(problem.X, problem.y, problem.sample_weight)
    got = (before - problem.net.get_parameters()) / LEARNING_RATE
    norm = np.linalg.norm(wanted)
    assert np.linalg.norm(got - wanted) <= 1e-12 * norm
    return norm


def assert_random_step(rng, names, output, loss):
    rows = int(rng.integers(1, 20))
    problem = random_network(rng, names, output, loss, rows)
    options = {"l2": float(rng.choice([0, 0.01, 0.3]))}
    if problem.net.loss_name == "log_loss":
        options["label_smoothing"] = float(rng.choice([0, 0.1, 0.7]))
    clip_norm = rng.choice([None, 0.01, 0.5, 10.0])
    seed = int(rng.integers(1 << 62))
    trainer = Trainer(
        problem.net,
        optim.SGD(LEARNING_RATE),
        rng=seed,
        clip_norm=clip_norm,
        **options,
    )
    return assert_step(problem, trainer, seed, clip_norm, **options)


@pytest.mark.parametrize("seed", range(30))
def test_random_networks(seed):
    """30 times 10 networks, over all activations and losses."""
    rng = np.random.default_rng(seed)
    for _ in range(10):
        output, loss = PAIRS[rng.integers(len(PAIRS))]
        names = [str(name) for name in rng.choice(ACTIVATIONS, rng.integers(4))]
        assert_random_step(rng, names, output, loss)


@pytest.mark.parametrize(("output", "loss"), PAIRS)
def test_every_pair_of_output_and_loss(output, loss):
    rng = np.random.default_rng(1)
    norms = [assert_random_step(rng, ["tanh"], output, loss) for _ in range(4)]
    assert max(norms) > 1e-3


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_hidden_activation(isa, activation):
    rng = np.random.default_rng(2)
    names = [activation, activation]
    norms = [assert_random_step(rng, names, "softmax", "auto") for _ in range(4)]
    assert max(norms) > 1e-3


@pytest.mark.parametrize("rows", [40, 257, 520])
def test_masks_of_later_steps_and_of_chunks(isa, rows):
    """A mask belongs to the step, and to the row's place in the batch."""
    rng = np.random.default_rng(rows)
    net, ref = make_twins(
        [3, 13, 6, 2], ["gelu", "tanh"], "softmax", "auto", dropout=[0.25, 0.6], rng=rng
    )
    X, y = rng.normal(size=(rows, 3)), rng.integers(2, size=rows)
    problem = Problem(net, ref, X, y)
    trainer = Trainer(net, optim.SGD(LEARNING_RATE), rng=12345678901234567)
    start = net.get_parameters()
    for step in range(3):
        assert trainer.step_count == step
        assert assert_step(problem, trainer, 12345678901234567) > 1e-3
        net.set_parameters(start)
