/* @ powers_of_two */
/* @float32 */
#define MANTISSA_BITS 23
#define ONE_BITS UINT32_C(0x3f800000) /* of 1.0f */
#define EXP_SHIFT 0x1.8p23            /* x + EXP_SHIFT has units of 1 */
#define LOG2_E 0x1.715476p0
/* @float64 */
#define MANTISSA_BITS 52
#define ONE_BITS UINT64_C(0x3ff0000000000000) /* of 1.0 */
#define EXP_SHIFT 0x1.8p52                    /* x + EXP_SHIFT has units of 1 */
#define LOG2_E 0x1.71547652b82fep0
/* @both */

typedef union {
  real value;
  word bits;
} real_bits;

/* 2^k, where exponent is k moved up to where the bits of a number have it. */
static real power_of_two(word exponent) {
  real_bits number;
  number.bits = exponent + ONE_BITS;
  return number.value;
}

/* n moved there, from t = EXP_SHIFT + n. */
static word exponent_in(real t) {
  real_bits number;
  number.value = t;
  return number.bits << MANTISSA_BITS;
}

/* @ reduce_exp: powers_of_two polynomial_by_halves count */
/* @float32 */
#define LN2_HI 0x1.62e4p-1 /* ln 2 = hi + lo (Cody & Waite) */
#define LN2_LO 0x1.7f7d1cp-20
static const real exp_q[] = {0x1p-1,        0x1.555554p-3,  0x1.5554fap-5,
                             0x1.1112bap-7, 0x1.6d3996p-10, 0x1.9ec752p-13};
/* @float64 */
#define LN2_HI 0x1.62e42feep-1 /* ln 2 = hi + lo (Cody & Waite) */
#define LN2_LO 0x1.a39ef35793c76p-33
static const real exp_q[] = {
    0x1p-1,
    0x1.5555555555559p-3,
    0x1.5555555555559p-5,
    0x1.111111110f71fp-7,
    0x1.6c16c16c163a9p-10,
    0x1.a01a01af68359p-13,
    0x1.a01a019ba8385p-16,
    0x1.71ddfa1ee0b33p-19,
    0x1.27e50ac422852p-22,
    0x1.af5af5c88d32bp-26,
    0x1.1f08e37b0d505p-29};
/* @both */
/* e^x = 2^n (1 + r + w), n = round(x / ln 2): t = EXP_SHIFT + n, r = x - n ln 2 but for
   the low digits of ln 2, and w is those and s^2 q(s), s = r + low. */
typedef struct {
  real t, r, w;
} reduced_exp;

/* x_lo is a correction of x. */
static reduced_exp reduce_exp(real x, real x_lo) {
  reduced_exp e;
  real n, low, s;
  e.t = fma(x, LOG2_E, EXP_SHIFT);
  n = e.t - EXP_SHIFT;
  e.r = fma(-n, LN2_HI, x);
  low = fma(-n, LN2_LO, x_lo);
  s = e.r + low;
  e.w = fma(s * s, polynomial_by_halves(exp_q, COUNT(exp_q), s), low);
  return e;
}

/* @ far: reduce_exp */
/* 2^n reaches below the normal numbers; far_power(n) FAR_POWER = 2^n does not. */
/* @float32 */
#define FAR_POWER 0x1p-64
#define FAR_EXPONENT (UINT32_C(64) << MANTISSA_BITS)
/* @float64 */
#define FAR_POWER 0x1p-512
#define FAR_EXPONENT (UINT64_C(512) << MANTISSA_BITS)
/* @both */
static real far_power(word exponent) { return power_of_two(exponent + FAR_EXPONENT); }

/* @ mantissa: reduce_exp pair */
/* 1 + r + w */
static pair mantissa(reduced_exp e) {
  pair p;
  p.hi = 1.0 + (e.r + e.w);
  p.lo = ((1.0 - p.hi) + e.r) + e.w;
  return p;
}

/* @ exp_minus: reduce_exp pair */
/* power (1 + r + w) - one, where power - one is exact. */
static pair exp_minus(reduced_exp e, real power, real one) {
  const real base = power - one;
  pair p;
  p.hi = fma(power, e.r + e.w, base);
  p.lo = fma(power, e.w, fma(power, e.r, base - p.hi));
  return p;
}

/* @ exp_minus_one: exp_minus */
/* The same where power may be too small for that. */
static pair exp_minus_one(reduced_exp e, real power, real one) {
  pair p = exp_minus(e, power, one);
  p.lo = p.lo + (power - ((power - one) + one));
  return p;
}

/* @ exp_range */
/* x e^x is 0 below -EXP_TAIL. */
/* @float32 */
#define EXP_TAIL 120.0
/* @float64 */
#define EXP_TAIL 760.0

/* @ exp: reduce_exp exp_range at_most at_least */
/* @float32 */
#define EXP_MAX 89.0 /* e^89 overflows */
/* @float64 */
#define EXP_MAX 710.0
/* @both */
/* e^x. Error: 1 ULP. */
static real phi_exp(real x) {
  const reduced_exp e = reduce_exp(at_most(at_least(x, -EXP_TAIL), EXP_MAX), 0.0);
  /* 2^n as a product: it may be too large or too small for one number. */
  const word all = exponent_in(e.t);
  real_bits t;
  word half;
  t.value = e.t;
  half = (t.bits >> 1) << MANTISSA_BITS;
  return (1.0 + (e.r + e.w)) * power_of_two(half) * power_of_two(all - half);
}

/* @ expm1: exp_minus_one at_most at_least */
/* @float32 */
#define EXPM1_MIN -18.0
#define EXPM1_MAX 88.8
#define EXPM1_LINEAR 0x1p-25
/* @float64 */
#define EXPM1_MIN -38.0
#define EXPM1_MAX 709.9
#define EXPM1_LINEAR 0x1p-54
/* @both */
/* e^x - 1. Error: 1.5 ULP. */
static real exp_x_minus_1(real x) {
  const reduced_exp e = reduce_exp(at_most(at_least(x, EXPM1_MIN), EXPM1_MAX), 0.0);
  /* Half of the result, because 2^n overflows where e^x does not yet. */
  const word one = (word)1 << MANTISSA_BITS;
  const pair p = exp_minus_one(e, power_of_two(exponent_in(e.t) - one), 0.5);
  return fabs(x) < EXPM1_LINEAR ? x : (p.hi + p.lo) * 2.0;
}
