"""Derive the polynomial coefficients of cpp/src/kernels/math_*-inl.h.

Every polynomial P there minimises max |weight(x) (P(x) - g(x))| over an interval, with
coefficients that are themselves float32 or float64 numbers. The exchange algorithm of
Remez runs on a Chebyshev grid in 150-digit arithmetic; the coefficients are then
rounded one after another from the constant upwards, the rest being fitted again after
each, so that later coefficients absorb the rounding of earlier ones.

Run `python tools/minimax.py` to print every table with its error (needs mpmath; some
minutes), or name the ones wanted: exp, tanh, log, erf, gelu.
"""

import functools
import sys

import mpmath as mp

mp.mp.dps = 150


def round_to(x, bits):
    """Round to `bits` of significand: 24 for float32, 53 for float64."""
    if x == 0:
        return mp.mpf(0)
    with mp.workprec(bits):
        return +mp.mpf(x)


def grid_of(a, b, points):
    """Return Chebyshev points of [a, b]; neither end is one."""
    mid, half = (a + b) / 2, (b - a) / 2
    return [
        mid - half * mp.cos(mp.pi * (2 * i + 1) / (2 * points)) for i in range(points)
    ]


def polynomial(coefficients, x):
    """Evaluate a polynomial, given from the constant up, by Horner's rule."""
    total = mp.mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def exchange(xs, targets, weights, degree, iterations=40):
    """Return the weighted minimax polynomial on the grid xs, and its error."""
    n = degree + 2
    count = len(xs)
    picks = [
        min(count - 1, int(count * (1 - mp.cos(mp.pi * (2 * i + 1) / (2 * n))) / 2))
        for i in range(n)
    ]
    best = None
    for _ in range(iterations):
        system, rhs = mp.matrix(n, n), mp.matrix(n, 1)
        for row, k in enumerate(picks):
            power = mp.mpf(1)
            for column in range(degree + 1):
                system[row, column] = power
                power *= xs[k]
            system[row, degree + 1] = (-1) ** row / weights[k]
            rhs[row] = targets[k]
        solution = mp.lu_solve(system, rhs)
        coefficients = [solution[i] for i in range(degree + 1)]
        levelled = abs(solution[degree + 1])
        errors = [
            w * (polynomial(coefficients, x) - t)
            for x, t, w in zip(xs, targets, weights, strict=True)
        ]
        worst = max(abs(e) for e in errors)
        if best is None or worst < best[1]:
            best = (coefficients, worst)
        if worst <= levelled * mp.mpf("1.0005"):
            break
        # One extremum for each run of equal sign, then drop from the lesser end.
        extrema = []
        for k, e in enumerate(errors):
            if extrema and (errors[extrema[-1]] > 0) == (e > 0):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = k
            else:
                extrema.append(k)
        while len(extrema) > n:
            first, last = abs(errors[extrema[0]]), abs(errors[extrema[-1]])
            extrema.pop(0 if first < last else -1)
        if len(extrema) < n:
            break
        picks = extrema
    return best


def minimax(g, weight, a, b, degree, bits, refit=99, constant=None, points=1200):
    """Return rounded coefficients from the constant up, and the weighted error.

    The first `refit` ones are rounded one by one, the rest at once: where 0 is inside
    of the interval, higher powers can hardly take up what rounding leaves near it.
    `constant` is the first one, if the code has it with more digits.
    """
    xs = grid_of(mp.mpf(a), mp.mpf(b), points)
    goal = [g(x) for x in xs]
    weights = [mp.mpf(weight(x)) for x in xs]
    coefficients = []
    if constant is not None:
        coefficients.append(constant)
    while len(coefficients) <= degree:
        j = len(coefficients)
        targets = [
            (t - polynomial(coefficients, x)) / x**j
            for x, t in zip(xs, goal, strict=True)
        ]
        scaled = [w * abs(x) ** j for x, w in zip(xs, weights, strict=True)]
        rest, _ = exchange(xs, targets, scaled, degree - j)
        coefficients += [round_to(c, bits) for c in (rest[:1] if j < refit else rest)]
    error = max(
        abs(w * (polynomial(coefficients, x) - t))
        for x, t, w in zip(xs, goal, weights, strict=True)
    )
    return coefficients, error


def hex_of(c, bits):
    """Format a coefficient as a C++17 hexadecimal literal."""
    mantissa, exponent = float(c).hex().split("p")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}" + ("f" if bits == 24 else "")


def show(name, coefficients, error, bits):
    """Print one table as it stands in the source."""
    kind = "float" if bits == 24 else "double"
    print(f"// {name}, {kind}: error 2^{mp.nstr(mp.log(error, 2), 4)}")
    print("{" + ", ".join(hex_of(c, bits) for c in coefficients) + "}")
    sys.stdout.flush()


def exp_tables():
    """Q in e^s = 1 + s + s^2 Q(s), |s| <= ln(2) / 2, relative to e^s - 1."""
    end = mp.log(2) / 2 * mp.mpf("1.0001")
    for bits, degree in ((24, 5), (53, 10)):
        table = minimax(
            lambda s: (mp.expm1(s) - s) / s**2,
            lambda s: abs(s**2 / mp.expm1(s)),
            -end,
            end,
            degree,
            bits,
        )
        show("exp, kQ", *table, bits)


def tanh_tables():
    """Q in (e^2s - 1) / 2 = s + s^2 Q(s), |s| <= ln(2) / 4, relative to e^2s.

    And C in tanh(a) = a + a^3 C(a^2), relative to tanh.
    """
    half = mp.log(2) / 2 * mp.mpf("1.0001")
    for bits, degree in ((24, 4), (53, 9)):
        table, error = minimax(
            lambda x: (mp.expm1(x) - x) / x**2,  # x = 2 s
            lambda x: x**2 / mp.exp(x),
            -half,
            half,
            degree,
            bits,
            points=600,
        )
        show("tanh, kQ", [c * 2 ** (k + 1) for k, c in enumerate(table)], error, bits)
    for bits, degree, middle in ((24, 4, "0.625"), (53, 11, "0.7")):
        table = minimax(
            lambda z: (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z,
            lambda z: z * mp.sqrt(z) / mp.tanh(mp.sqrt(z)),
            mp.mpf(2) ** -40,
            mp.mpf(middle) ** 2 * mp.mpf("1.0001"),
            degree,
            bits,
            points=600,
        )
        show("tanh, kC", *table, bits)


def log_tables():
    """R in 2 atanh(s) = 2 s + s z R(z), z = s^2, relative; f < sqrt(2) - 1."""
    f = mp.sqrt(2) - 1
    end = (f / (2 + f)) ** 2 * mp.mpf("1.0001")
    for bits, degree in ((24, 3), (53, 6)):
        table = minimax(
            lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z,
            lambda z: z / 2,
            mp.mpf(2) ** -40,
            end,
            degree,
            bits,
        )
        show("log, kR", *table, bits)


def erf_tables():
    """Q in erf(a) = 1 - exp(-a (c + a Q(a - middle))), c = 2 / sqrt(pi), relative.

    c is carried as two numbers, so the fit sees it exact. About the middle of the range
    the terms of Q do not cancel.
    """
    c = 2 / mp.sqrt(mp.pi)
    for bits, degree, middle, end in ((24, 8, 2, "3.95"), (53, 23, 3, "5.93")):
        table = minimax(
            lambda t, m=middle: (-mp.log(mp.erfc(t + m)) / (t + m) - c) / (t + m),
            lambda t, m=middle: (t + m) ** 2 * mp.erfc(t + m) / mp.erf(t + m),
            mp.mpf(2) ** -30 - middle,
            mp.mpf(end) - middle,
            degree,
            bits,
            refit=4,
        )
        show("erf, kQ", *table, bits)


# gelu: where its two pieces meet, and k in v = a / (1 + k a).
GELU_SPLIT, GELU_K = mp.mpf("0.84375"), mp.mpf("0.28125")


@functools.cache
def scaled_normal_tail(a):
    """Return a exp(a^2 / 2) Phi(-a)."""
    z = a / mp.sqrt(2)
    if z < 26:
        return a * mp.exp(z * z) * mp.erfc(z) / 2
    term = total = mp.mpf(1)  # the asymptotic series: its terms shrink to the 676th
    for k in range(1, 60):
        term *= -(2 * k - 1) / (2 * z * z)
        total += term
    return total / mp.sqrt(2 * mp.pi)


def gelu_center_tables():
    """R in Phi(x) = 1/2 + x R(-x^2 / 2), relative to Phi(-|x|)."""
    for bits, degree in ((24, 4), (53, 9)):
        table, error = minimax(
            lambda z: mp.erf(mp.sqrt(z / 2)) / mp.sqrt(z) / 2,
            lambda z: mp.sqrt(z) / mp.erfc(mp.sqrt(z / 2)) * 2,
            mp.mpf(2) ** -30,
            GELU_SPLIT**2 * mp.mpf("1.0001"),
            degree,
            bits,
            points=400,
        )
        show("gelu, kR", [c * (-2) ** k for k, c in enumerate(table)], error, bits)


def gelu_tail_tables():
    """P in a Phi(-a) = exp(-a^2 / 2) (c + t P(t)), t = v - middle, relative.

    In float32 more and more is allowed where the result is below 1e-6, up to 1/4 where
    it vanishes. c is carried as two numbers.
    """
    middle = mp.mpf("1.625")

    def single(a):
        if a < 2:
            return 1
        value = scaled_normal_tail(a) * mp.exp(-a * a / 2)
        return max(min(1, mp.mpf(10) ** 6 * value), mp.mpf(2) ** -26)

    def a_of(t):
        return (t + middle) / (1 - GELU_K * (t + middle))

    def t_of(a):
        return a / (1 + GELU_K * a) - middle

    for bits, degree, end, allowance in (
        (24, 8, "14.6", single),
        (53, 22, "39", lambda a: 1),
    ):
        value = scaled_normal_tail(a_of(mp.mpf(0)))
        high = round_to(value, bits)
        c = high + round_to(value - high, bits)
        table, error = minimax(
            lambda t: scaled_normal_tail(a_of(t)),
            lambda t, w=allowance: w(a_of(t)) / scaled_normal_tail(a_of(t)),
            t_of(GELU_SPLIT * mp.mpf("0.9999")),
            t_of(mp.mpf(end)),
            degree,
            bits,
            refit=3,
            constant=c,
            points=500,
        )
        show("gelu, kC and kCLo", [high, c - high], error, bits)
        show("gelu, kP", table[1:], error, bits)


def gelu_tables():
    """Both pieces of gelu."""
    gelu_center_tables()
    gelu_tail_tables()


TABLES = {
    "exp": exp_tables,
    "tanh": tanh_tables,
    "log": log_tables,
    "erf": erf_tables,
    "gelu": gelu_tables,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        TABLES[name]()
