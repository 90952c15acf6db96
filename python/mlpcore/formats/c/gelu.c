/* @ gelu: far fast_two_sum at_most at_least */
/* @float32: two_sum */
#define GELU_MAX 14.6 /* a Phi(-a) is less than half of the least number there */
#define GELU_MIDDLE 2.0
#define GELU_C -0x1.c87ec4p+0
#define GELU_C_LO -0x1.77cecap-25
static const real gelu_p[] = {
    -0x1.7e2c36p-2, 0x1.d4165cp-5, -0x1.44298p-7, 0x1.ae9454p-10, -0x1.fc8c54p-13,
    0x1.e09404p-16, -0x1.db6a84p-20, -0x1.526ddap-22, 0x1.379eaap-23, -0x1.fe4176p-26,
    0x1.e4b9dap-29, -0x1.e7352ap-33, 0x1.8815d2p-38};
/* x Phi(x) = x (1 + erf(x / sqrt(2))) / 2, log(Phi(-a)) = -a^2 / 2 + c + t P(t), t = a - 2.
   Error: 2 ULP; 1e-13 where the result is below 1e-6 in magnitude. */
static real phi_gelu(real x) {
  const real a = at_most(fabs(x), GELU_MAX);
  const real minus_half = a * -0.5;
  const real square = minus_half * a;
  const real square_lo = fma(minus_half, a, -square);
  const real t = a - GELU_MIDDLE;
  const real t2 = t * t;
  const real linear = t * gelu_p[0];
  const real linear_lo = fma(t, gelu_p[0], -linear);
  const real p3 = fma(polynomial(gelu_p, COUNT(gelu_p), 4, 2, t2), t,
                      polynomial(gelu_p, COUNT(gelu_p), 3, 2, t2));
  const real p = fma(fma(p3, t, gelu_p[2]), t, gelu_p[1]) * t;
  const real curved = p * t;
  const real curved_lo = fma(p, t, -curved);
  const pair line = fast_two_sum(GELU_C, linear);
  const pair curve = fast_two_sum(line.hi, curved);
  const pair log = two_sum(square, curve.hi);
  const real log_lo =
      ((line.lo + (linear_lo + GELU_C_LO)) + (curve.lo + (curved_lo + square_lo))) + log.lo;
  const reduced_exp e = reduce_exp(log.hi, log_lo);
  const real scaled = a * far_power(exponent_in(e.t));
  return at_least(x, -0.0) - fma(scaled, e.r + e.w, scaled) * FAR_POWER;
}
/* @float64: mantissa */
#define GELU_MAX 39.0 /* a Phi(-a) is less than half of the least number there */
#define GELU_C 0x1.3fe877d04add1p-3
#define GELU_C_LO 0x1.a780e90806831p-58
static const real gelu_r[] = {0x1.9884533d43651p-2,  -0x1.1058377e2cf8ep-4,
                              0x1.46d0429772fc9p-7,  -0x1.37403f6fc47e2p-10,
                              0x1.e42b0f37211b1p-14, -0x1.3ce93c379c8a6p-17,
                              0x1.6594cca361ac4p-21, -0x1.632882322c90ap-25,
                              0x1.45c83f67ec89bp-29, -0x1.35cbcbf85e892p-33};
static const real gelu_p[] = {
    0x1.c8632e10e3709p-3,  0x1.12fddcda6ea7p-2,   0x1.0db89489b6cbdp-2,
    0x1.8e35bb67976d3p-3,  0x1.5bc3bbd0ea73bp-4,  -0x1.6582625e53c15p-7,
    -0x1.738abd7aa64p-5,   -0x1.4264bf602f0f4p-6, 0x1.0e83d77815b59p-6,
    0x1.2e4b274739cdep-6,  -0x1.6c31f48efde86p-8, -0x1.daf384b69c2a2p-7,
    0x1.12071a80cf13fp-9,  0x1.85b77b29a9d2bp-7,  -0x1.b9a46d1602b1ap-10,
    -0x1.53bcefdc6e72ep-7, 0x1.979df4c565176p-9,  0x1.0a2fe8b4b7f4p-7,
    -0x1.55fc81e96d3b9p-8, -0x1.34fb6c64d1a95p-9, 0x1.2dba480bb7ed9p-9};
/* x Phi(x) = x (1 + erf(x / sqrt(2))) / 2. Phi(x) = 1/2 + x R(x^2) for |x| < 3/4; else
   Phi(-a) = e^(-a^2 / 2) w (c + t P(t)), w = 1 / (1 + a / 4), t = w - 3/8.
   Error: 2 ULP. */
static real phi_gelu(real x) {
  const real a = at_most(fabs(x), GELU_MAX);
  const real square = a * a;
  const real square_lo = fma(a, a, -square);
  const reduced_exp e = reduce_exp(-0.5 * square, -0.5 * square_lo);
  const pair p = mantissa(e);
  const real d = fma(a, 0.25, 1.0);
  const real d_lo = fma(a, 0.25, 1.0 - d);
  const real w = 1.0 / d;
  const real w_error = fma(-w, d_lo, fma(-w, d, 1.0));
  const real factor = fma(w, 2.25, 0.75);
  const real t = w - 0.375;
  const pair poly = fast_two_sum(
      GELU_C,
      fma(t, polynomial_by_halves(gelu_p, COUNT(gelu_p), t), GELU_C_LO));
  const real h = w * poly.hi;
  const real h_lo = fma(w_error * factor, h, fma(w, poly.lo, fma(w, poly.hi, -h)));
  const real tail = p.hi * h;
  const real tail_lo = fma(p.hi, h_lo, fma(p.lo, h, fma(p.hi, h, -tail)));
  const real far = far_power(exponent_in(e.t));
  const real outer = at_least(x, -0.0) - fma(a, tail, a * tail_lo) * far * FAR_POWER;
  const real center = fma(x, polynomial(gelu_r, COUNT(gelu_r), 0, 1, square), 0.5);
  return a < 0.75 ? x * center : outer;
}
