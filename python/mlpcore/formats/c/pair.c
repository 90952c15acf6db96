/* @ at_most */
/* The smaller one; NaN stays NaN. */
static real at_most(real v, real bound) { return bound < v ? bound : v; }

/* @ at_least */
/* The greater one; NaN stays NaN. */
static real at_least(real v, real bound) { return bound > v ? bound : v; }

/* @ polynomial */
/* c[first] + c[first + step] x + c[first + 2 step] x^2 + ... by Horner's rule. */
static real polynomial(const real *c, size_t n, size_t first, size_t step, real x) {
  size_t i = first + (n - 1 - first) / step * step;
  real sum = c[i];
  while (i > first) {
    i -= step;
    sum = fma(sum, x, c[i]);
  }
  return sum;
}

/* @ polynomial_by_halves: polynomial */
/* The same with its even and its odd half side by side. */
static real polynomial_by_halves(const real *c, size_t n, real x) {
  const real square = x * x;
  return fma(polynomial(c, n, 1, 2, square), x, polynomial(c, n, 0, 2, square));
}

/* @ count */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* @ pair */
/* The number hi + lo, where lo is a correction of about an ULP of hi or less. */
typedef struct {
  real hi, lo;
} pair;

/* @ fast_two_sum: pair */
/* a + b without error where |a| >= |b| or a == 0 (Dekker 1971). */
static pair fast_two_sum(real a, real b) {
  pair result;
  result.hi = a + b;
  result.lo = (a - result.hi) + b;
  return result;
}

/* @ positive_two_sum: fast_two_sum */
/* a + b without error for a, b >= 0. */
static pair positive_two_sum(real a, real b) {
  return fast_two_sum(a > b ? a : b, b > a ? a : b);
}

/* @ divide: pair */
/* num / den: hi to about an ULP, rest = num - hi den, inverse = 1 / den. */
typedef struct {
  real hi, rest, inverse;
} quotient;

static quotient divide(pair num, pair den) {
  quotient q;
  q.inverse = 1.0 / den.hi;
  q.hi = num.hi * q.inverse;
  q.rest = fma(-q.hi, den.lo, fma(-q.hi, den.hi, num.hi) + num.lo);
  return q;
}

/* @ quotient_times: divide */
/* x times the quotient, rounded once as well. */
static real quotient_times(quotient q, real x) {
  return fma(x, q.hi, x * q.inverse * q.rest);
}
