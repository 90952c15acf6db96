"""Cross-entropies and softmax against 100 digits, from the promises in ops.

4 ULP for losses and log_softmax, 8 for gradients and softmax, at every width from 1 to
300 and however close a probability comes to 0 or 1. Where the two terms of p - t cancel
(t not a label), an ULP of the difference can not be promised; there the error is
compared with the sum of their magnitudes.
"""

import functools

import mpmath
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from many_digits import DIGITS, SoftmaxRow, sigmoid_cross_entropy, to_long
from mlpcore import Network, Trainer, ops, optim
from support import assert_same_bits, ulp_error, unit_roundoff

LOSS_ULP = 4
GRADIENT_ULP = 8
GAPS = [0, 2**-10, 0.125, 1, 5.5, 17, 30, 60, 69.25, 80, 95.5, 300, 700.3, 1e4, 1e30]
WIDTHS = range(1, 301)
# Found by search: sums of equal terms whose roundings all go the same way.
EQUAL_GAPS = {
    "float32": [0.906, 6.977, 8.069, 9.772, 11.437],
    "float64": [1.65, 8.053, 10.702, 10.92, 11.293],
}
EQUAL_FIELDS = {"float32": [-9.879, -3.907], "float64": [-11.945, -5.433, -0.536]}
SOFTMAX = {ops.softmax: GRADIENT_ULP, ops.log_softmax: LOSS_ULP}


def assert_ulp(got, exact, bound, what):
    """Compare with long doubles."""
    error = np.atleast_1d(ulp_error(got, exact))
    assert error.max(initial=0) <= bound, (
        f"{what}: {error.max():.2f} ULP at {np.argmax(error)} of {error.size}"
    )


def assert_cancelling(got, exact, size, what):
    """Compare with the sum of the magnitudes of two terms, which may underflow."""
    finfo = np.finfo(got.dtype)
    allowed = 8 * unit_roundoff(got.dtype) * size + 2 * finfo.smallest_subnormal
    assert (np.abs(got - exact) <= allowed).all(), what


def assert_label_row(z, label, exact, what):
    """Check a row's loss and every element of its gradient."""
    loss, dz = ops.softmax_cross_entropy(z[np.newaxis], [label])
    assert loss.dtype == dz.dtype == z.dtype
    exact_loss, exact_dz = exact
    assert_ulp(loss[0], exact_loss, LOSS_ULP, f"loss of {what}")
    assert_ulp(dz[0], exact_dz, GRADIENT_ULP, f"gradient of {what}")


def assert_softmax_row(z, row, what):
    assert_ulp(ops.softmax(z), row.softmax(), GRADIENT_ULP, f"softmax of {what}")
    assert_ulp(ops.log_softmax(z), row.log_softmax(), LOSS_ULP, f"log of {what}")


@functools.cache
def rows_with_gaps(name):
    """Return rows of 5 whose first class is ahead by a gap, and their exact twins."""
    rng = np.random.default_rng(0)
    z = (rng.normal(size=(len(GAPS), 5)) * 5).astype(name)
    z[:, 0] = z[:, 1:].max(axis=1) + np.array(GAPS, name)
    return [(row, SoftmaxRow(row)) for row in z]


@functools.cache
def rows_of_every_width(name):
    """Return rows of each width, every third with one class far ahead."""
    rng = np.random.default_rng(1)
    rows = []
    for width in [*WIDTHS, *WIDTHS]:
        z = (rng.normal(size=width) * rng.choice([0.1, 1, 5, 20])).astype(name)
        if width % 3 == 0:
            z[rng.integers(width)] += rng.uniform(0, 90)
        exact = SoftmaxRow(z)
        labels = int(np.argmax(z)), int(rng.integers(width))
        rows.append((z, exact.softmax(), [(c, exact.of_label(c)) for c in labels]))
    return rows


@functools.cache
def row_of_equal_logits(name, width, gap):
    """Return a row with one class ahead of equal others."""
    z = np.full(width, -gap, name)
    z[0] = 0
    return z, SoftmaxRow(z)


class TestSoftmaxOfLabels:
    def test_gaps(self, isa, dtype):
        """However far ahead a class is: p to 1 within 1e-30, and far beyond."""
        for gap, (z, exact) in zip(GAPS, rows_with_gaps(dtype.name), strict=True):
            for label in range(5):
                wanted = exact.of_label(label)
                assert_label_row(z, label, wanted, f"gap {gap}, label {label}")
            assert_softmax_row(z, exact, f"gap {gap}")

    def test_a_gap_of_80_leaves_a_loss(self, isa, dtype):
        """1 - p is below 1e-30, and the loss and p - 1 have all their digits."""
        z = np.array([[0, -80, -81.5]], dtype)
        with mpmath.workdps(DIGITS):
            others = mpmath.exp(-80) + mpmath.exp(-81.5)
            exact_loss = to_long(mpmath.log1p(others))
            exact_dz = to_long(-others / (1 + others))
        loss, dz = ops.softmax_cross_entropy(z, [0])
        assert 0 < loss[0] < 1e-30
        assert_ulp(loss[0], exact_loss, LOSS_ULP, "loss")
        assert_ulp(dz[0, 0], exact_dz, GRADIENT_ULP, "gradient")

    def test_every_width(self, isa, dtype):
        for z, p, labels in rows_of_every_width(dtype.name):
            for label, wanted in labels:
                assert_label_row(z, label, wanted, f"width {z.size}, label {label}")
                log_p = ops.log_softmax(z)[label]
                assert_ulp(log_p, -wanted[0], LOSS_ULP, f"log_softmax of {z.size}")
            assert_ulp(ops.softmax(z), p, GRADIENT_ULP, f"softmax of {z.size}")

    @pytest.mark.parametrize("width", [2, 10, 30, 64, 100, 300])
    def test_equal_logits_below_the_top(self, isa, dtype, width):
        for gap in EQUAL_GAPS[dtype.name]:
            z, exact = row_of_equal_logits(dtype.name, width, gap)
            what = f"{width - 1} classes {gap} below the top"
            for label in (0, 1):
                assert_label_row(z, label, exact.of_label(label), what)
            assert_softmax_row(z, exact, what)

    def test_one_hot_rows_have_the_same_bits(self, isa, dtype):
        rng = np.random.default_rng(2)
        for width in WIDTHS:
            z = (rng.normal(size=(4, width)) * [[0.1], [1], [10], [1e4]]).astype(dtype)
            z[3, rng.integers(width)] = -np.inf if width > 1 else 0
            labels = rng.integers(width, size=4)
            by_label = ops.softmax_cross_entropy(z, labels)
            one_hot = np.eye(width, dtype=dtype)[labels]
            by_row = ops.softmax_cross_entropy(z, one_hot)
            assert_same_bits(by_row[0], by_label[0], f"loss, width {width}")
            assert_same_bits(by_row[1], by_label[1], f"gradient, width {width}")


class TestSoftmaxOfDistributions:
    """No term of -sum t log p is negative, so the loss keeps its 4 ULP."""

    @staticmethod
    @functools.cache
    def rows(name):
        rng = np.random.default_rng(3)
        rows = []
        for width in [1, 2, 3, 8, 15, 16, 17, 33, 64, 100, 300]:
            for scale, sharpness in [(0.1, 1), (5, 0.05), (30, 1), (300, 0.3)]:
                z = (rng.normal(size=width) * scale).astype(name)
                t = rng.dirichlet(np.full(width, sharpness)).astype(name)
                rows.append((z, t, SoftmaxRow(z).of_distribution(t)))
                zeros = np.where(rng.uniform(size=width) < 0.5, t, 0).astype(name)
                rows.append((z, zeros, SoftmaxRow(z).of_distribution(zeros)))
        return rows

    def test_random_rows(self, isa, dtype):
        """Mass other than 1 included, which goes into both terms of the gradient."""
        for z, t, (exact_loss, exact_dz, size) in self.rows(dtype.name):
            loss, dz = ops.softmax_cross_entropy(z[np.newaxis], t[np.newaxis])
            assert_ulp(loss[0], exact_loss, LOSS_ULP, f"loss, width {z.size}")
            assert_cancelling(dz[0], exact_dz, size, f"gradient, width {z.size}")


class TestOffset:
    """An offset is exact if z + offset is a multiple of z's grain, and not too long."""

    @pytest.mark.parametrize("width", [1, 2, 7, 16, 17, 40, 300])
    def test_changes_no_bit(self, isa, dtype, width):
        rng = np.random.default_rng(width)
        bits = np.finfo(dtype).nmant + 1
        for grain in 2.0 ** np.arange(-20, 4):
            span = min(90, 2.0 ** (bits - 2) * grain) // grain
            z = (rng.integers(-span, span, size=(9, width)) * grain).astype(dtype)
            furthest = min(1e8 // grain, 2.0**bits - span)
            offset = np.round(rng.uniform(-furthest, furthest, size=(9, 1)))
            offset[:2, 0] = furthest, -furthest
            offset *= grain
            moved = z + offset.astype(dtype)
            assert_array_equal(moved.astype(float), z.astype(float) + offset)
            labels = rng.integers(width, size=9)
            t = rng.dirichlet(np.ones(width), 9).astype(dtype)
            for target in (labels, t):
                got = ops.softmax_cross_entropy(moved, target)
                wanted = ops.softmax_cross_entropy(z, target)
                assert_same_bits(got[0], wanted[0], f"loss, grain {grain}")
                assert_same_bits(got[1], wanted[1], f"gradient, grain {grain}")
            for function in SOFTMAX:
                assert_same_bits(function(moved), function(z), function.__name__)

    def test_of_1e8(self, isa, dtype):
        z = np.array([[0, 8, -16, 24, -80]], dtype)
        for offset in (1e8, -1e8):
            moved = z + dtype.type(offset)
            assert_array_equal(moved.astype(float), z.astype(float) + offset)
            for label in range(5):
                got = ops.softmax_cross_entropy(moved, [label])
                wanted = ops.softmax_cross_entropy(z, [label])
                assert_same_bits(got[0], wanted[0], "loss")
                assert_same_bits(got[1], wanted[1], "gradient")


class TestMaskedClasses:
    @staticmethod
    @functools.cache
    def rows(name):
        rng = np.random.default_rng(4)
        rows = []
        for width in [2, 3, 9, 16, 17, 50, 300]:
            z = (rng.normal(size=width) * 10).astype(name)
            masked = rng.uniform(size=width) < 0.5
            masked[rng.integers(width)] = False
            masked[-1] = not masked[:-1].all()
            z[masked] = -np.inf
            rows.append((z, masked, SoftmaxRow(z)))
        return rows

    def test_have_probability_0_and_no_gradient(self, isa, dtype):
        for z, masked, exact in self.rows(dtype.name):
            what = f"masked row of {z.size}"
            for label in (np.argmax(z), np.flatnonzero(~masked)[0]):
                assert_label_row(z, label, exact.of_label(label), what)
                _, dz = ops.softmax_cross_entropy(z[np.newaxis], [label])
                assert_array_equal(dz[0, masked], 0)
            assert_ulp(ops.softmax(z), exact.softmax(), GRADIENT_ULP, what)
            assert_array_equal(ops.softmax(z)[masked], 0)
            assert_array_equal(ops.log_softmax(z)[masked], -np.inf)

    def test_under_a_distribution(self, isa, dtype):
        """t = 0 on a masked class costs nothing, more costs everything."""
        for z, masked, exact in self.rows(dtype.name):
            t = np.where(masked, 0, 1).astype(dtype) / dtype.type((~masked).sum())
            loss, dz = ops.softmax_cross_entropy(z[np.newaxis], t[np.newaxis])
            exact_loss, exact_dz, size = exact.of_distribution(t)
            assert_ulp(loss[0], exact_loss, LOSS_ULP, f"loss, width {z.size}")
            assert_cancelling(dz[0], exact_dz, size, f"gradient, width {z.size}")
            assert_array_equal(dz[0, masked], 0)
            t[np.flatnonzero(masked)[0]] = 0.5
            loss, dz = ops.softmax_cross_entropy(z[np.newaxis], t[np.newaxis])
            assert loss[0] == np.inf
            assert np.isfinite(dz).all()


class TestBadRows:
    """All -inf, one +inf, one NaN: NaN for the row, and no bit less for the others."""

    def test_are_nan_alone_at_every_width(self, isa, dtype):
        rng = np.random.default_rng(5)
        bad = np.arange(9) % 2 == 1
        for width in WIDTHS:
            good = rng.normal(size=(9, width)).astype(dtype)
            z = good.copy()
            column = rng.integers(width, size=4)
            z[1] = -np.inf
            z[3, column[0]] = np.inf
            z[5, column[1]] = np.nan
            z[7] = -np.inf
            z[7, column[2]] = rng.choice([np.inf, np.nan])
            labels = rng.integers(width, size=9)
            labels[[3, 5]] = column[:2]  # the label's own class is the bad one
            t = rng.dirichlet(np.ones(width), 9).astype(dtype)
            for target in (labels, t):
                loss, dz = ops.softmax_cross_entropy(z, target)
                assert np.isnan(loss[bad]).all()
                assert np.isnan(dz[bad]).all()
                wanted = ops.softmax_cross_entropy(good, target)
                assert_same_bits(loss[~bad], wanted[0][~bad], f"loss, {width}")
                assert_same_bits(dz[~bad], wanted[1][~bad], f"gradient, {width}")
            for function in SOFTMAX:
                y = function(z)
                assert np.isnan(y[bad]).all()
                assert_same_bits(y[~bad], function(good)[~bad], f"{width}")


class TestSigmoid:
    FIELDS = np.concatenate(
        [
            np.linspace(-50, 50, 81),
            [0.0, -0.0, 1e-40, 1e-9, -1e-9, 87.5, -87.5, 103.0, -103.0],
            [700.5, -700.5, 1e4, -1e4, 1e30, -1e30, 3e38, -3e38],
        ]
    )

    @staticmethod
    @functools.cache
    def exact(name, t):
        rows = [sigmoid_cross_entropy(z, t) for z in TestSigmoid.FIELDS.astype(name)]
        return [np.array(part, np.longdouble) for part in zip(*rows, strict=True)]

    def of_fields(self, dtype, t):
        z = self.FIELDS.astype(dtype)[:, np.newaxis]
        loss, dz = ops.sigmoid_cross_entropy(z, np.full_like(z, t))
        assert loss.dtype == dz.dtype == dtype
        assert np.isfinite(loss).all()
        assert np.isfinite(dz).all()
        return loss, dz[:, 0], self.exact(dtype.name, float(dtype.type(t)))

    @pytest.mark.parametrize("t", [0.0, 1.0])
    def test_labels(self, isa, dtype, t):
        loss, dz, (exact_loss, exact_dz, _) = self.of_fields(dtype, t)
        assert_ulp(loss, exact_loss, LOSS_ULP, "loss")
        assert_ulp(dz, exact_dz, GRADIENT_ULP, "gradient")

    @pytest.mark.parametrize("t", [1e-12, 0.1, 0.3, 0.5, 0.77, 0.999])
    def test_probabilities(self, isa, dtype, t):
        """Written as |z| t or |z| (1 - t) plus the tail, the loss has no cancellation.

        So it keeps its 4 ULP. sigmoid(z) - t goes through 0, and is held to the sum of
        the magnitudes of its terms.
        """
        loss, dz, (exact_loss, exact_dz, size) = self.of_fields(dtype, t)
        assert_ulp(loss, exact_loss, LOSS_ULP, "loss")
        assert_cancelling(dz, exact_dz, size, "gradient")

    @staticmethod
    @functools.cache
    def sums(name):
        """Return rows of several outputs with their exact sums."""
        rng = np.random.default_rng(6)
        rows = []
        for width in [2, 3, 16, 17, 50, 100, 300]:
            for t in (rng.integers(2, size=width), rng.uniform(size=width)):
                z = (rng.normal(size=width) * 5).astype(name)
                t = t.astype(name)
                pairs = zip(z, t, strict=True)
                exact = np.sum([sigmoid_cross_entropy(*pair)[0] for pair in pairs])
                rows.append((z, t, exact))
        return rows

    def test_sum_over_outputs(self, isa, dtype):
        for z, t, exact in self.sums(dtype.name):
            loss, _ = ops.sigmoid_cross_entropy(z[np.newaxis], t[np.newaxis])
            assert_ulp(loss[0], exact, LOSS_ULP, f"loss of {z.size} outputs")

    @pytest.mark.parametrize("width", [10, 100, 300])
    def test_sum_over_equal_outputs(self, isa, dtype, width):
        for z in EQUAL_FIELDS[dtype.name]:
            row = np.full((1, width), z, dtype)
            loss, _ = ops.sigmoid_cross_entropy(row, np.zeros_like(row))
            exact, _, _ = sigmoid_cross_entropy(row[0, 0], 0)
            assert_ulp(loss[0], width * exact, LOSS_ULP, f"{width} outputs with z {z}")


def logits_network(width, dtype):
    """Return a network whose output layer's field is its input."""
    net = Network([width, width], output="softmax", dtype=dtype.name, rng=0)
    net.set_weights([np.eye(width)], [np.zeros(width)])
    return net


class TestThroughANetwork:
    """Sample weights and label smoothing, which the ops do not have."""

    def test_sample_weights(self, isa, dtype):
        rng = np.random.default_rng(7)
        u = unit_roundoff(dtype)
        for width in (2, 5, 16, 17):
            z = (rng.normal(size=(6, width)) * 8).astype(dtype)
            labels = rng.integers(width, size=6)
            s = rng.uniform(0.1, 5, 6).astype(dtype)
            s[2] = 0
            net = logits_network(width, dtype)
            loss, gradient = net.loss_and_gradient(z, labels, s)
            rows = [SoftmaxRow(a).of_label(c) for a, c in zip(z, labels, strict=True)]
            shares = s.astype(np.longdouble) / s.astype(np.longdouble).sum()
            exact_loss = sum(a * row[0] for a, row in zip(shares, rows, strict=True))
            assert abs(loss - exact_loss) <= (2 * LOSS_ULP + 2) * u * exact_loss
            terms = np.array([a * row[1] for a, row in zip(shares, rows, strict=True)])
            error = np.abs(gradient[-width:] - terms.sum(axis=0))
            assert (error <= 20 * u * np.abs(terms).sum(axis=0)).all()

    def test_label_smoothing(self, isa, dtype):
        """(1 - e) t + e / n, without rounding for these e and n; the loss has 4 ULP."""
        rng = np.random.default_rng(8)
        for width in (2, 4, 8, 16, 64):
            for smoothing in (0.25, 0.5):
                z = (rng.normal(size=(1, width)) * 8).astype(dtype)
                label = int(rng.integers(width))
                trainer = Trainer(
                    logits_network(width, dtype),
                    optim.SGD(0.0),
                    label_smoothing=smoothing,
                )
                loss = trainer.step(z, np.array([label]))
                t = np.full(width, smoothing / width)
                t[label] += 1 - smoothing
                exact, _, _ = SoftmaxRow(z[0]).of_distribution(t)
                assert_ulp(dtype.type(loss), exact, LOSS_ULP, f"width {width}")
