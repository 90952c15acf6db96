// gelu.
#ifndef MLPCORE_KERNELS_MATH_GELU_INL_H_
#define MLPCORE_KERNELS_MATH_GELU_INL_H_

#include "kernels/math_sigmoid-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// x Phi(x), where Phi(-a) comes from exp(-a^2 / 2) and a function of a that varies
// slowly. In float32 that is inside of the exponential, a polynomial: neither a
// division nor a product of two results. In float64 such a polynomial would have some
// 60 terms.
template <typename T>
struct GeluConstants;

template <>
struct GeluConstants<float> {
  // c + t P(t) = log(Phi(-a)) + a^2 / 2, t = a - 2: error 2^-27.1 where the result is
  // 1e-6 or more in magnitude. From there it grows to 1/4 at the end.
  static constexpr float kMiddle = 2;
  static constexpr float kC = -0x1.c87ec4p+0f, kCLo = -0x1.77cecap-25f;
  static constexpr float kP[] = {-0x1.7e2c36p-2f,  0x1.d4165cp-5f,   -0x1.44298p-7f,
                                 0x1.ae9454p-10f,  -0x1.fc8c54p-13f, 0x1.e09404p-16f,
                                 -0x1.db6a84p-20f, -0x1.526ddap-22f, 0x1.379eaap-23f,
                                 -0x1.fe4176p-26f, 0x1.e4b9dap-29f,  -0x1.e7352ap-33f,
                                 0x1.8815d2p-38f};
  static constexpr float kMax = 14.6f;  // a Phi(-a) < 2^-150 there
};

template <>
struct GeluConstants<double> {
  // R in Phi(x) = 1/2 + x R(x^2) for |x| <= 3/4: error 2^-58.7 of Phi(-|x|).
  static constexpr double kR[] = {0x1.9884533d43651p-2,  -0x1.1058377e2cf8ep-4,
                                  0x1.46d0429772fc9p-7,  -0x1.37403f6fc47e2p-10,
                                  0x1.e42b0f37211b1p-14, -0x1.3ce93c379c8a6p-17,
                                  0x1.6594cca361ac4p-21, -0x1.632882322c90ap-25,
                                  0x1.45c83f67ec89bp-29, -0x1.35cbcbf85e892p-33};
  // P in Phi(-a) = exp(-a^2 / 2) w (c + t P(t)), w = 1 / (1 + a / 4), t = w - 3/8:
  // error 2^-56.8. About 3/8 the terms hardly cancel.
  static constexpr double kC = 0x1.3fe877d04add1p-3, kCLo = 0x1.a780e90806831p-58;
  static constexpr double kP[] = {
      0x1.c8632e10e3709p-3,  0x1.12fddcda6ea7p-2,   0x1.0db89489b6cbdp-2,
      0x1.8e35bb67976d3p-3,  0x1.5bc3bbd0ea73bp-4,  -0x1.6582625e53c15p-7,
      -0x1.738abd7aa64p-5,   -0x1.4264bf602f0f4p-6, 0x1.0e83d77815b59p-6,
      0x1.2e4b274739cdep-6,  -0x1.6c31f48efde86p-8, -0x1.daf384b69c2a2p-7,
      0x1.12071a80cf13fp-9,  0x1.85b77b29a9d2bp-7,  -0x1.b9a46d1602b1ap-10,
      -0x1.53bcefdc6e72ep-7, 0x1.979df4c565176p-9,  0x1.0a2fe8b4b7f4p-7,
      -0x1.55fc81e96d3b9p-8, -0x1.34fb6c64d1a95p-9, 0x1.2dba480bb7ed9p-9};
  static constexpr double kMax = 39;
};

// Phi(x) from Phi(-|x|).
template <typename T>
MLPCORE_INLINE V<T> NormalCdf(V<T> x, V<T> tail) {
  return Select<T>(x > T(0), T(1) - tail, tail);
}
// Phi(x) + x Phi'(x), where power = exp(-x^2 / 2), x bounded.
template <typename T>
MLPCORE_INLINE V<T> GeluSlope(V<T> x, V<T> cdf, V<T> power) {
  constexpr T kDensity = static_cast<T>(0.39894228040143267794);  // 1 / sqrt(2 pi)
  return MulAdd(x, power * kDensity, cdf);
}

// x Phi(x) = x (1 + erf(x / sqrt(2))) / 2. -inf gives -0. Error: 2 ULP, 2.5 without
// FMA; where the result is below 1e-6 in magnitude 1e-13, and its sign and size are
// right.
MLPCORE_INLINE ValueAndDerivative<float> GeluWithDerivative(V<float> x) {
  using T = float;
  using C = GeluConstants<T>;
  const V<T> a = AtMost(Abs<T>(x), C::kMax);
  const V<T> minus_half = a * T(-0.5);
  const V<T> square = minus_half * a;
  const V<T> square_lo = ProductError<T>(minus_half, a, square);
  // t P(t), with the errors of the largest terms, which come first.
  const V<T> t = a - C::kMiddle;
  const V<T> t2 = t * t;
  const V<T> linear = t * C::kP[0];
  const V<T> linear_lo = ProductError<T>(t, Set(C::kP[0]), linear);
  V<T> p = MulAdd(Polynomial<4, 2>(C::kP, t2), t, Polynomial<3, 2>(C::kP, t2));
  p = MulAdd(MulAdd(p, t, Set(C::kP[2])), t, Set(C::kP[1])) * t;
  const V<T> curved = p * t;
  const V<T> curved_lo = ProductError<T>(p, t, curved);
  const Pair<T> line = FastTwoSum<T>(Set(C::kC), linear);
  const Pair<T> curve = FastTwoSum<T>(line.hi, curved);
  // log(Phi(-a)): an error of it is one of the result.
  const Pair<T> log = TwoSum<T>(square, curve.hi);
  const V<T> log_lo =
      ((line.lo + (linear_lo + C::kCLo)) + (curve.lo + (curved_lo + square_lo))) +
      log.lo;
  const ReducedExp<T> e = ReduceExp<T>(log.hi, log_lo);
  const V<T> far = FarPower<T>(e.Exponent(e.t));
  const V<T> q = e.r + e.w;
  const V<T> scaled = a * far;
  const V<T> product = MulAdd(scaled, q, scaled) * kFar<T>;  // a Phi(-a)
  // Below, for the derivative alone.
  const ReducedExp<T> d = ReduceExp<T>(square);
  const V<T> d_far = FarPower<T>(d.Exponent(d.t));
  const V<T> power = MulAdd(d_far, d.r + d.w, d_far) * kFar<T>;
  const V<T> tail = MulAdd(far, q, far) * kFar<T>;
  return {AtLeast(x, T(-0.0)) - product,
          GeluSlope<T>(CopySign<T>(a, x), NormalCdf<T>(x, tail), power)};
}

// The same. Error: 2 ULP of every result.
MLPCORE_INLINE ValueAndDerivative<double> GeluWithDerivative(V<double> x) {
  using T = double;
  using C = GeluConstants<T>;
  const V<T> a = AtMost(Abs<T>(x), C::kMax);
  const V<T> square = a * a;
  // exp(-a^2 / 2) with the square's own error: it would count 100 times.
  const V<T> square_lo = ProductError<T>(a, a, square);
  const ReducedExp<T> e = ReduceExp<T>(T(-0.5) * square, T(-0.5) * square_lo);
  const Pair<T> p = e.Mantissa();
  const V<T> d = MulAdd(a, Set(T(0.25)), Set(T(1)));
  const V<T> d_lo = MulAdd(a, Set(T(0.25)), T(1) - d);
  const V<T> w = T(1) / d;
  // w (1 + w_error) is exact. A relative error of w counts 1.2 to 2.8 times in w P(w);
  // 3/4 + 9/4 w is that factor to one tenth.
  const V<T> w_error = NegMulAdd(w, d_lo, Residual<T>(w, d, Set(T(1))));
  const V<T> factor = MulAdd(w, Set(T(2.25)), Set(0.75));
  const V<T> t = w - T(0.375);
  // Without error: |t P(t)| has at most the exponent of c.
  const Pair<T> poly =
      FastTwoSum<T>(Set(C::kC), MulAdd(t, Polynomial(C::kP, t, t * t), Set(C::kCLo)));
  const V<T> h = w * poly.hi;
  const V<T> h_lo =
      MulAdd(w_error * factor, h, MulAdd(w, poly.lo, ProductError<T>(w, poly.hi, h)));
  // Phi(-a) 2^-n = tail + tail_lo
  const V<T> tail = p.hi * h;
  const V<T> tail_lo =
      MulAdd(p.hi, h_lo, MulAdd(p.lo, h, ProductError<T>(p.hi, h, tail)));
  const V<T> far = FarPower<T>(e.Exponent(e.t));
  const V<T> outer =
      AtLeast(x, -0.0) - MulAddOnce<T>(a, tail, a * tail_lo) * far * kFar<T>;
  // Near 0 the result is about x / 2, and all errors of the tail would show in it.
  const I<T> central = a < 0.75;
  const V<T> center = MulAdd(x, Polynomial(C::kR, square), Set(T(0.5)));
  const V<T> value = Select<T>(central, x * center, outer);
  const V<T> power = far * kFar<T>;
  const V<T> cdf = Select<T>(central, center, NormalCdf<T>(x, tail * power));
  return {value, GeluSlope<T>(CopySign<T>(a, x), cdf, p.hi * power)};
}

template <typename T>
MLPCORE_INLINE V<T> Gelu(V<T> x) {
  return GeluWithDerivative(x).value;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_GELU_INL_H_
