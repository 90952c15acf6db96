/* @ tanh: powers_of_two polynomial_by_halves count */
/* @float32 */
#define TANH_MIDDLE 0.625
#define TANH_ONE 0x1.154246p3 /* log(2^25 - 1) / 2 */
#define TANH_HALF_LN2 0x1.62e43p-2
static const real tanh_q[] = {0x1.fffffcp-1, 0x1.555494p-1, 0x1.55588ep-2, 0x1.1239b6p-3,
                              0x1.6a8b26p-5};
static const real tanh_c[] = {-0x1.555532p-2, 0x1.1106f6p-3, -0x1.b835a4p-5,
                              0x1.51f8cep-6, -0x1.750ce2p-8};
/* @float64 */
#define TANH_MIDDLE 0.7
#define TANH_ONE 0x1.2b708872320e2p4 /* log(2^54 - 1) / 2 */
#define TANH_HALF_LN2 0x1.62e42fefa39efp-2
static const real tanh_q[] = {
    0x1.000000000000ap0,   0x1.555555555551p-1,   0x1.5555555550863p-2,
    0x1.111111112581ep-3,  0x1.6c16c184554eep-5,  0x1.a01a013f7935dp-7,
    0x1.a019990246157p-9,  0x1.71dedd3f06b88p-11, 0x1.28aed38d1bfe4p-13,
    0x1.ae0b9557fae84p-16};
static const real tanh_c[] = {
    -0x1.5555555555529p-2,  0x1.111111110e0a4p-3,   -0x1.ba1ba1b7cc5f5p-5,
    0x1.664f48115a21ep-6,   -0x1.226e289551ef7p-7,  0x1.d6d1f90317a3cp-9,
    -0x1.7d8c932d87254p-10, 0x1.3495afc12a3f9p-11,  -0x1.ec7d924497642p-13,
    0x1.719e8bc209385p-14,  -0x1.c61b7622c998dp-16, 0x1.4220de88c242cp-18};
/* @both */
/* tanh(a) = a + a^3 c(a^2) below TANH_MIDDLE; else (d - 1) / d with d = (1 + e^2a) / 2 and
   (e^2s - 1) / 2 = s + s^2 q(s). Error: 1 ULP. */
static real phi_tanh(real x) {
  const real a = fabs(x);
  const real t = fma(a, 2.0 * LOG2_E, EXP_SHIFT);
  const real s = fma(-(t - EXP_SHIFT), TANH_HALF_LN2, a);
  const real g = fma(s * s, polynomial_by_halves(tanh_q, COUNT(tanh_q), s), s);
  const real power = power_of_two(exponent_in(t));
  const real d = fma(power, g, fma(power, 0.5, 0.5));
  const real square = a * a;
  const real inner =
      fma(a * square, polynomial_by_halves(tanh_c, COUNT(tanh_c), square), a);
  const real outer = a >= TANH_ONE ? 1.0 : (d - 1.0) / d;
  return copysign(a < TANH_MIDDLE ? inner : outer, x);
}

/* @ logistic: reduce_exp far exp_range at_most */
/* 1 / (1 + e^|x|) = b / (one + h): b = 2^-n = far FAR_POWER, one is 1 + b rounded, and h
   makes up for the rest; x is |x| or where |x| e^-|x| vanishes. Nothing overflows. */
typedef struct {
  real x, far, b, one, h;
} reduced_logistic;

static reduced_logistic reduce_logistic(real x) {
  reduced_logistic l;
  reduced_exp e;
  l.x = at_most(fabs(x), EXP_TAIL);
  e = reduce_exp(l.x, 0.0);
  l.far = far_power(0 - exponent_in(e.t));
  l.b = l.far * FAR_POWER;
  l.one = 1.0 + l.b;
  l.h = e.r + (e.w + (l.b - (l.one - 1.0)));
  return l;
}

/* @ sigmoid: logistic */
/* 1 / (1 + e^-x). Error: 1 ULP. */
static real phi_sigmoid(real x) {
  const reduced_logistic l = reduce_logistic(x);
  const real den = l.one + l.h;
  const real q = 1.0 / den;
  const real den_lo = (l.one - den) + l.h;
  const real rest = fma(-q, den_lo, fma(-q, den, 1.0));
  const real tail = fma(q, rest, q) * l.b;
  return x < 0.0 ? tail : 1.0 - tail;
}

/* @ silu: logistic */
/* x sigmoid(x). Error: 2 ULP. */
static real phi_silu(real x) {
  const reduced_logistic l = reduce_logistic(x);
  const real tail = l.x / (l.one + l.h); /* x / (1 + e^x) = b tail */
  return x < 0.0 ? -tail * l.far * FAR_POWER : fma(-tail, l.b, x);
}

/* @ mish: mantissa far exp_range positive_two_sum quotient_times at_most at_least */
/* @float32 */
#define EXP_HEAD 20.0 /* x e^-2x is nothing beside 1 above */
/* @float64 */
#define EXP_HEAD 40.0 /* x e^-2x is nothing beside 1 above */
/* @both */
/* x tanh(log(1 + e^x)). With u = e^-x = 2^n (p.hi + p.lo), m = max(n, 0), a = 2^-m and
   v = 2^-m u, that is x 2^-m (a + 2 v) / (a (a + 2 v) + 2 v^2). Error: 1 ULP. */
static real phi_mish(real x) {
  const real bounded = at_most(at_least(x, -EXP_TAIL), EXP_HEAD);
  const reduced_exp e = reduce_exp(-bounded, 0.0);
  const word n = exponent_in(e.t), m = exponent_in(at_least(e.t, EXP_SHIFT));
  const real far = far_power(0 - m), a = far * FAR_POWER;
  const real b = power_of_two(n - m);
  const pair p = mantissa(e);
  const real v = b * p.hi, v_lo = b * p.lo;
  pair num = positive_two_sum(a, 2.0 * v), den;
  real square, square_lo, product;
  num.lo = num.lo + 2.0 * v_lo;
  square = 2.0 * v * v;
  den = positive_two_sum(a * num.hi, square);
  square_lo = fma(4.0 * v, v_lo, fma(2.0 * v, v, -square));
  den.lo = den.lo + fma(a, num.lo, square_lo);
  /* The sign is lost where the product is 0. */
  product = copysign(quotient_times(divide(num, den), bounded) * far * FAR_POWER, bounded);
  return x > EXP_HEAD ? x : product;
}

/* @ softplus: exp_minus exp_range fast_two_sum at_most at_least */
/* @float32 */
#define SOFTPLUS_LEAST -60.0 /* f^2 is nothing beside f = 2^-60 */
static const real log_r[] = {0x1.555554p-1, 0x1.999c26p-2, 0x1.23d3ep-2, 0x1.f13b22p-3};
/* @float64 */
#define SOFTPLUS_LEAST -100.0 /* f^2 is nothing beside f = 2^-100 */
static const real log_r[] = {0x1.5555555555592p-1, 0x1.999999997ff04p-2,
                             0x1.24924941e33bcp-2, 0x1.c71c521253dd1p-3,
                             0x1.74663d68f1999p-3, 0x1.39a1daaefd7a1p-3,
                             0x1.2f045716d7e09p-3};
/* @both */
/* log(1 + f) - f for f in [sqrt(1/2) - 1, sqrt(2) - 1] (fdlibm, Sun 1993). R(z) is R(0)
   below 2^-60. */
static real log1p_minus_argument(real f) {
  const real s = f / (f + 2.0);
  const real z = s * s;
  const real r = at_least(z, 0x1p-60);
  const real half_square = 0.5 * f * f;
  const real tail = fma(z, polynomial_by_halves(log_r, COUNT(log_r), r), half_square);
  return fma(s, tail, -half_square);
}

#define SOFTPLUS_LINEAR 40.0 /* e^-x is nothing beside x above */

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|). Error: 1 ULP. */
static real phi_softplus(real x) {
  const real bounded = at_most(at_least(x, -EXP_TAIL), SOFTPLUS_LINEAR);
  const real minus_abs = -fabs(bounded);
  const reduced_exp e = reduce_exp(minus_abs, 0.0);
  /* 1 + e^-|x| = 2^k (1 + f) with k = 1 where e^-|x| > sqrt(2) - 1: f is small. */
  const int k = minus_abs > -0.88137358701954303;
  const word n = exponent_in(e.t);
  const word n_bounded = exponent_in(at_least(e.t, EXP_SHIFT + SOFTPLUS_LEAST));
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
