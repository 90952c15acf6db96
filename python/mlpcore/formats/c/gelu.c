/* @ gelu: far polynomial polynomial_by_halves count fast_two_sum at_most at_least */
/* @float32 */
#define GELU_MAX 12.875 /* Phi(-a) is nearly subnormal there */
#define GELU_C 0x1.7527d4p-2
#define GELU_C_LO -0x1.4fac6p-28
static const real gelu_r[] = {0x1.988452p-2, 0x1.1057aep-3, 0x1.46af6ep-5, 0x1.340534p-7,
                              0x1.9b77cp-10};
static const real gelu_p[] = {0x1.ffa1f8p-5,   -0x1.88d4d2p-5, 0x1.59f424p-6,
                              -0x1.751238p-8,  0x1.78e37cp-11, 0x1.2664a4p-14,
                              -0x1.1fa3acp-15, -0x1.af2ea6p-19};
/* @float64 */
#define GELU_MAX 39.0 /* a Phi(-a) is 0 there */
#define GELU_C 0x1.7527d3ac14e81p-2
#define GELU_C_LO 0x1.f39d40293f34ep-56
static const real gelu_r[] = {0x1.9884533d4365p-2,   0x1.1058377e2ce31p-3,
                              0x1.46d0429760d94p-5,  0x1.37403f68ba5e5p-7,
                              0x1.e42b0c319465cp-10, 0x1.3ce8d903a1fb2p-12,
                              0x1.6585327ffaaeap-15, 0x1.61ae92bfd3903p-18,
                              0x1.3204e92d27366p-21, 0x1.8ace5d2d03662p-25};
static const real gelu_p[] = {
    0x1.ffa1f7187b9f9p-5,   -0x1.88d4d8a81e06ap-5,  0x1.59f458e2bda26p-6,
    -0x1.750f437e11c8dp-8,  0x1.78b243f456c4dp-11,  0x1.21d6849bc69dbp-14,
    -0x1.1bb35b56e86dbp-15, -0x1.88e892e6f101dp-21, 0x1.99da7c79cc1fdp-20,
    0x1.9e1b35d37f5a2p-25,  -0x1.46d3e5510cf68p-24, -0x1.ffc268a85ac64p-28,
    0x1.f562dfeb43dbfp-29,  0x1.cb49704364038p-31,  -0x1.fb5ccfde87c8cp-34,
    -0x1.32f506b426a35p-34, -0x1.3de9d71d24e97p-38, 0x1.1fd623266f628p-38,
    0x1.8464deac33cb8p-40,  -0x1.bda4ae7fe25dfp-43, -0x1.5c48ffab7c853p-43,
    0x1.0f2541c966017p-45};
/* @both */
#define GELU_SPLIT 0.84375
#define GELU_K 0.28125
#define GELU_MIDDLE 1.625
/* x Phi(x) = x (1 + erf(x / sqrt(2))) / 2. Phi(x) = 1/2 + x R(-x^2 / 2) near 0; else
   a Phi(-a) = e^(-a^2 / 2) (c + t P(t)), t = a / (1 + k a) - middle.
   Error: 2 ULP; in float32 1e-13 where the result is below 1e-6 in magnitude. */
static real phi_gelu(real x) {
  const real a = at_most(fabs(x), 40.0);
  const real minus_half = a * -0.5;
  const real square = minus_half * a;
  const real t = a / fma(a, GELU_K, 1.0) - GELU_MIDDLE;
  const real curve = fma(t, polynomial_by_halves(gelu_p, COUNT(gelu_p), t), GELU_C_LO);
  const pair g = fast_two_sum(GELU_C, curve);
  const reduced_exp e = reduce_exp(square, fma(minus_half, a, -square));
  const real scaled = g.hi * far_power(exponent_in(e.t));
  const real tail = fma(scaled, e.r + fma(g.lo, 2.6, e.w), scaled);
  const real linear = at_least(x, -0.0);
  const real outer = a > GELU_MAX ? linear : fma(-tail, FAR_POWER, linear);
  const real center = fma(x, polynomial(gelu_r, COUNT(gelu_r), 0, 1, square), 0.5);
  return a < GELU_SPLIT ? x * center : outer;
}
