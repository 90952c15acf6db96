"""softmax, sigmoid and their cross-entropies with 100 digits, row by row."""

import mpmath
import numpy as np

DIGITS = 100


def to_long(x):
    """Round to a long double, over its whole range of exponents."""
    if not mpmath.isfinite(x):
        return np.longdouble(float(x))
    mantissa, exponent = mpmath.frexp(x)
    high = float(mantissa)
    long = np.longdouble(high) + np.longdouble(float(mantissa - high))
    return np.ldexp(long, max(min(exponent, 20000), -20000))


def to_longs(values):
    """Return an array of long doubles."""
    return np.array([to_long(x) for x in values], np.longdouble)


def numbers(row):
    """Return the floats of a row, exactly."""
    return [mpmath.mpf(float(x)) for x in row]


class SoftmaxRow:
    """A row of logits; -inf is a masked class.

    Nothing is taken relative to a maximum: mpmath's exponents have no end. A logarithm
    of p > 1/2 is taken from 1 - p, so that p may be 1 to any number of digits.
    """

    def __init__(self, z):
        with mpmath.workdps(DIGITS):
            self.z = numbers(z)
            self.exps = [mpmath.exp(x) for x in self.z]
            self.total = mpmath.fsum(self.exps)
            self.p = [e / self.total for e in self.exps]

    def others(self, j):
        """Return the sum of the other classes' probabilities."""
        rest = self.exps[:j] + self.exps[j + 1 :]
        return mpmath.fsum(rest) / self.total

    def log_p(self, j):
        """Return the logarithm of a class's probability."""
        if self.p[j] < 0.5:
            return mpmath.log(self.p[j])
        return mpmath.log1p(-self.others(j))

    def softmax(self):
        """Return the probabilities as long doubles."""
        return to_longs(self.p)

    def log_softmax(self):
        """Return their logarithms as long doubles."""
        with mpmath.workdps(DIGITS):
            return to_longs([self.log_p(j) for j in range(len(self.p))])

    def of_label(self, label):
        """Return the loss of a class label, and p - t."""
        with mpmath.workdps(DIGITS):
            dz = to_longs(self.p)
            dz[label] = to_long(-self.others(label))
            return to_long(-self.log_p(label)), dz

    def of_distribution(self, t):
        """Return loss, gradient, and the size of the gradient's two terms.

        The loss is -sum t log p whatever the sum of t, and so its gradient is
        p sum(t) - t.
        """
        with mpmath.workdps(DIGITS):
            t = numbers(t)
            loss = -mpmath.fsum(b * self.log_p(j) for j, b in enumerate(t) if b)
            scaled = [a * mpmath.fsum(t) for a in self.p]
            dz = to_longs([a - b for a, b in zip(scaled, t, strict=True)])
            size = to_longs([a + b for a, b in zip(scaled, t, strict=True)])
            return to_long(loss), dz, size


def sigmoid_cross_entropy(z, t):
    """Return one output's loss, its derivative, and the size of the latter's terms.

    The derivative is sigmoid(z) - t = (1 - t) - sigmoid(-z); its size is the sum of
    the magnitudes in whichever of the two forms has the smaller.
    """
    with mpmath.workdps(DIGITS):
        z, t = numbers([z, t])
        p, q = 1 / (1 + mpmath.exp(-z)), 1 / (1 + mpmath.exp(z))
        log_p = mpmath.log1p(-q) if q < 0.5 else mpmath.log(p)
        log_q = mpmath.log1p(-p) if p < 0.5 else mpmath.log(q)
        loss = -(t * log_p + (1 - t) * log_q)
        return (
            to_long(loss),
            to_long((1 - t) * p - t * q),
            to_long(min(p + t, (1 - t) + q)),
        )
