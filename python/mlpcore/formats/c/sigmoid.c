/* @ tanh: exp_minus_one quotient_value at_most */
/* @float32 */
#define TANH_MAX 9.2 /* tanh(x) rounds to 1 above 9.01 */
/* @float64 */
#define TANH_MAX 19.2 /* tanh(x) rounds to 1 above 19.06 */
/* @both */
/* With E = e^-2|x| - 1, tanh|x| = -E / (2 + E). Error: 1 ULP. */
static real phi_tanh(real x) {
  const reduced_exp e = reduce_exp(-2.0 * at_most(fabs(x), TANH_MAX), 0.0);
  const pair num = exp_minus_one(e, power_of_two(exponent_in(e.t)), 1.0);
  pair den;
  den.hi = 2.0 + num.hi;
  den.lo = ((2.0 - den.hi) + num.hi) + num.lo;
  return copysign(quotient_value(divide(num, den)), x);
}

/* @ logistic: mantissa far exp_range at_most at_least */
/* @float32 */
#define EXP_HEAD 80.0 /* x e^-x is nothing beside 1 above */
/* @float64 */
#define EXP_HEAD 700.0 /* x e^-x is nothing beside 1 above */
/* @both */
/* u = e^-x, prepared for quotients of polynomials in u: with m = max(n, 0), far = 2^-m /
   FAR_POWER, a = 2^-m, v + v_lo = 2^-m u; x is bounded. Nothing overflows. */
typedef struct {
  real far, a, v, v_lo, x;
} reduced_logistic;

static reduced_logistic reduce_logistic(real x) {
  const real bounded = at_most(at_least(x, -EXP_TAIL), EXP_HEAD);
  const reduced_exp e = reduce_exp(-bounded, 0.0);
  const word n = exponent_in(e.t), m = exponent_in(at_least(e.t, EXP_SHIFT));
  const real b = power_of_two(n - m);
  const pair p = mantissa(e);
  reduced_logistic l;
  l.far = far_power(0 - m);
  l.a = l.far * FAR_POWER;
  l.v = b * p.hi;
  l.v_lo = b * p.lo;
  l.x = bounded;
  return l;
}

/* @ sigmoid_mantissa: logistic positive_two_sum divide */
/* 1 / (1 + u), to be scaled by 2^-m. */
static quotient sigmoid_mantissa(reduced_logistic l) {
  const pair one = {1.0, 0.0};
  pair sum = positive_two_sum(l.a, l.v);
  sum.lo = sum.lo + l.v_lo;
  return divide(one, sum);
}

/* @ sigmoid: sigmoid_mantissa quotient_value */
/* 1 / (1 + e^-x). Error: 1 ULP. */
static real phi_sigmoid(real x) {
  const reduced_logistic l = reduce_logistic(x);
  return quotient_value(sigmoid_mantissa(l)) * l.far * FAR_POWER;
}

/* @ times_argument: logistic quotient_times */
/* x q 2^-m, for a quotient that is 1 above EXP_HEAD, where far would overflow. */
static real times_argument(reduced_logistic l, quotient q, real x) {
  /* The sign is lost where the product is 0. */
  const real product = copysign(quotient_times(q, l.x) * l.far * FAR_POWER, l.x);
  return x > EXP_HEAD ? x : product;
}

/* @ silu: sigmoid_mantissa times_argument */
/* x sigmoid(x). Error: 1 ULP. */
static real phi_silu(real x) {
  const reduced_logistic l = reduce_logistic(x);
  return times_argument(l, sigmoid_mantissa(l), x);
}

/* @ mish: times_argument positive_two_sum divide */
/* x tanh(log(1 + e^x)) = x (1 + 2 u) / (1 + 2 u + 2 u^2). Error: 1 ULP. */
static real phi_mish(real x) {
  const reduced_logistic l = reduce_logistic(x);
  pair num = positive_two_sum(l.a, 2.0 * l.v), den;
  real square, square_lo;
  num.lo = num.lo + 2.0 * l.v_lo;
  square = 2.0 * l.v * l.v;
  den = positive_two_sum(l.a * num.hi, square);
  square_lo = fma(4.0 * l.v, l.v_lo, fma(2.0 * l.v, l.v, -square));
  den.lo = den.lo + fma(l.a, num.lo, square_lo);
  return times_argument(l, divide(num, den), x);
}

/* @ softplus: exp_minus exp_range fast_two_sum at_most at_least */
/* @float32 */
static const real log_r[] = {0x1.555554p-1, 0x1.999c26p-2, 0x1.23d3ep-2, 0x1.f13b22p-3};
/* @float64 */
static const real log_r[] = {0x1.5555555555592p-1, 0x1.999999997ff04p-2,
                             0x1.24924941e33bcp-2, 0x1.c71c521253dd1p-3,
                             0x1.74663d68f1999p-3, 0x1.39a1daaefd7a1p-3,
                             0x1.2f045716d7e09p-3};
/* @both */
/* log(1 + f) - f for f in [sqrt(1/2) - 1, sqrt(2) - 1] (fdlibm, Sun 1993). */
static real log1p_minus_argument(real f) {
  const real s = f / (f + 2.0);
  const real z = s * s;
  const real half_square = 0.5 * f * f;
  const real tail = fma(z, polynomial_by_halves(log_r, COUNT(log_r), z), half_square);
  return fma(s, tail, -half_square);
}

#define SOFTPLUS_LINEAR 60.0 /* e^-x is nothing beside x above */

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). Error: 1 ULP. */
static real phi_softplus(real x) {
  const real bounded = at_most(at_least(x, -EXP_TAIL), SOFTPLUS_LINEAR);
  const real minus_abs = -fabs(bounded);
  const reduced_exp e = reduce_exp(minus_abs, 0.0);
  /* 1 + e^-|x| = 2^k (1 + f) with k = 1 where e^-|x| > sqrt(2) - 1: f is small. */
  const int k = minus_abs > -0.88137358701954303;
  const word n = exponent_in(e.t);
  const word n_bounded = exponent_in(at_least(e.t, EXP_SHIFT - 100.0));
  const real power = power_of_two(n_bounded - ((word)k << MANTISSA_BITS));
  const pair f = exp_minus(e, power, k ? 0.5 : 0.0);
  const real tail = log1p_minus_argument(f.hi);
  const pair linear = fast_two_sum(at_least(bounded, 0.0), f.hi);
  const real f_lo = fma(-f.hi, f.lo, f.lo);
  const real low = (linear.lo + f_lo) + (tail + (k ? LN2_LO : 0.0));
  /* Where 2^n was bounded, the result is as small as e^x. */
  const real rest = power_of_two(n - n_bounded);
  const real value = ((k ? LN2_HI : 0.0) + (linear.hi + low)) * rest;
  return x > SOFTPLUS_LINEAR ? x : value;
}
