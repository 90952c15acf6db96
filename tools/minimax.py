"""Derive the polynomial coefficients of cpp/src/kernels/math_*-inl.h.

Every polynomial P there minimises max |weight(x) (P(x) - g(x))| over an interval, with
coefficients that are themselves float32 or float64 numbers. The exchange algorithm of
Remez runs on a Chebyshev grid in 150-digit arithmetic; the coefficients are then rounded
one after another from the constant upwards, the rest being fitted again after each, so
that later coefficients absorb the rounding of earlier ones.

Run `python tools/minimax.py` to print every table with its error (needs mpmath), or
name the ones wanted: `python tools/minimax.py log erf`.
"""

import struct
import sys

import mpmath as mp

mp.mp.dps = 150


def round_to(x, bits):
    """Nearest float with `bits` of significand (24: float32, 53: float64)."""
    if x == 0:
        return mp.mpf(0)
    with mp.workprec(bits):
        return +mp.mpf(x)


def grid_of(a, b, points):
    """Chebyshev points of [a, b], without the ends' neighbourhood of zero weight."""
    mid, half = (a + b) / 2, (b - a) / 2
    return [
        mid - half * mp.cos(mp.pi * (2 * i + 1) / (2 * points)) for i in range(points)
    ]


def polynomial(coefficients, x):
    """Horner's rule, constant first."""
    total = mp.mpf(0)
    for c in reversed(coefficients):
        total = total * x + c
    return total


def exchange(xs, targets, weights, degree, iterations=40):
    """Coefficients and error of the weighted minimax polynomial on the grid xs."""
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
            for x, t, w in zip(xs, targets, weights)
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


def minimax(g, weight, a, b, degree, bits, fixed=(), points=1200):
    """Rounded coefficients (constant first) and the largest weighted error."""
    xs = grid_of(mp.mpf(a), mp.mpf(b), points)
    goal = [g(x) for x in xs]
    weights = [mp.mpf(weight(x)) for x in xs]
    coefficients = list(fixed)
    while len(coefficients) <= degree:
        j = len(coefficients)
        targets = [
            (t - polynomial(coefficients, x)) / x**j for x, t in zip(xs, goal)
        ]
        scaled = [w * abs(x) ** j for x, w in zip(xs, weights)]
        rest, _ = exchange(xs, targets, scaled, degree - j)
        coefficients.append(round_to(rest[0], bits))
    error = max(
        abs(w * (polynomial(coefficients, x) - t))
        for x, t, w in zip(xs, goal, weights)
    )
    return coefficients, error


def hex_of(c, bits):
    """C++17 hexadecimal literal: exact, and short."""
    value = float(c)
    text = value.hex()
    mantissa, exponent = text.split("p")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}p{exponent}" + ("f" if bits == 24 else "")


def show(name, coefficients, error, bits):
    """Print one table as it stands in the source."""
    kind = "float" if bits == 24 else "double"
    print(f"// {name}, {kind}: error 2^{mp.nstr(mp.log(error, 2), 4)}")
    print("{" + ", ".join(hex_of(c, bits) for c in coefficients) + "}")
    sys.stdout.flush()


def exp_tables():
    """q in e^r = 1 + r + r^2 q(r), error relative to e^r - 1."""
    half = mp.log(2) / 2 * mp.mpf("1.0001")
    for bits, degree in ((24, 4), (53, 9)):
        table = minimax(
            lambda r: (mp.expm1(r) - r) / r**2,
            lambda r: abs(r**2 / mp.expm1(r)),
            -half,
            half,
            degree,
            bits,
        )
        show("exp", *table, bits)


def log_tables():
    """R in log(1 + f) = 2 s + s R(z) z, s = f / (2 + f), z = s^2, relative."""
    s = mp.mpf(2) ** 0.5 - 1
    end = (s / (2 + s)) ** 2 * mp.mpf("1.0001")
    for bits, degree in ((24, 2), (24, 3), (53, 6)):
        table = minimax(
            lambda z: (2 * mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 2) / z,
            lambda z: z / 2,
            mp.mpf(2) ** -40,
            end,
            degree,
            bits,
        )
        show(f"log {degree}", *table, bits)


def erf_tables():
    """Q in erf(a) = 1 - exp(-a (c + a Q(a))), c = 2 / sqrt(pi), relative.

    c is carried as two numbers, so the fit sees it exact.
    """
    c = 2 / mp.sqrt(mp.pi)
    for bits, degree, end in ((24, 8, "3.95"), (24, 9, "3.95"), (53, 21, "5.93"), (53, 23, "5.93")):

        def y(a):
            return -mp.log(mp.erfc(a))

        table = minimax(
            lambda a: (y(a) / a - c) / a,
            lambda a: a**2 * mp.exp(-y(a)) / mp.erf(a),
            mp.mpf(2) ** -30,
            end,
            degree,
            bits,
        )
        show(f"erf {degree}", *table, bits)


def scaled_normal_tail(a):
    """Phi(-a) exp(a^2 / 2), the scaled complementary error function of a / sqrt(2)."""
    z = a / mp.sqrt(2)
    if z < 26:
        return mp.exp(z * z) * mp.erfc(z) / 2
    term = total = mp.mpf(1)  # asymptotic series: 26^2 = 676 terms shrink
    for k in range(1, 60):
        term *= -(2 * k - 1) / (2 * z * z)
        total += term
    return total / (z * mp.sqrt(mp.pi)) / 2


def gelu_tables():
    """P in Phi(-a) = exp(-a^2 / 2) w P(w), w = 1 / (1 + a / 4), relative."""
    for bits, degree, end in ((24, 8, 15), (24, 9, 15), (53, 21, 39), (53, 22, 39)):
        values = {}

        def h(w):
            if w not in values:
                values[w] = scaled_normal_tail((1 / w - 1) * 4)
            return values[w]

        table = minimax(
            lambda w: h(w) / w,
            lambda w: w / h(w),
            1 / (1 + mp.mpf(end) / 4),
            1 / (1 + mp.mpf("0.7") / 4),
            degree,
            bits,
        )
        show(f"gelu, tail {degree}", *table, bits)


def gelu_center_tables():
    """R in Phi(x) = 1/2 + x R(x^2) for |x| <= 3/4, relative to Phi(-|x|)."""
    for bits, degree in ((24, 3), (24, 4), (53, 9), (53, 10)):
        table = minimax(
            lambda z: mp.erf(mp.sqrt(z / 2)) / mp.sqrt(z) / 2,
            lambda z: mp.sqrt(z) / mp.erfc(mp.sqrt(z / 2)) * 2,
            mp.mpf(2) ** -30,
            mp.mpf("0.5626"),
            degree,
            bits,
        )
        show(f"gelu, center {degree}", *table, bits)


TABLES = {
    "exp": exp_tables,
    "log": log_tables,
    "erf": erf_tables,
    "gelu": gelu_tables,
    "center": gelu_center_tables,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or TABLES:
        TABLES[name]()
