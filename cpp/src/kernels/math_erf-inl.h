// erf and gelu.
#ifndef MLPCORE_KERNELS_MATH_ERF_INL_H_
#define MLPCORE_KERNELS_MATH_ERF_INL_H_

#include "kernels/math_sigmoid-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
struct ErfConstants;

template <>
struct ErfConstants<float> {
  // Q in erf(a) = 1 - exp(-a (c + a Q(a - kMiddle))), c = 2 / sqrt(pi): error 2^-27.9.
  // About the middle of the range its terms do not cancel.
  static constexpr float kQ[] = {0x1.8dd8fp-1f,   0x1.73e9eep-5f,   -0x1.1dd4c4p-7f,
                                 0x1.86ec14p-10f, -0x1.a635e4p-13f, 0x1.4889f6p-17f,
                                 0x1.071e9p-19f,  -0x1.3e2eecp-19f, 0x1.3b13f4p-20f};
  static constexpr float kMiddle = 2;
  static constexpr float kC = 0x1.20dd76p+0f, kCLo = -0x1.f7ac92p-25f;
  static constexpr float kErfMax = 3.95f;  // erf rounds to 1 above 3.92
  // R in Phi(x) = 1/2 + x R(x^2) for |x| <= 3/4: error 2^-28.2 of Phi(-|x|).
  static constexpr float kR[] = {0x1.988452p-2f, -0x1.1057b6p-4f, 0x1.46b13p-7f,
                                 -0x1.342138p-10f, 0x1.9c6ccap-14f};
  // P in Phi(-a) = exp(-a^2 / 2) w (c + t P(t)), w = 1 / (1 + a / 4), t = w - 3/8:
  // error 2^-29.8. About 3/8 the terms hardly cancel.
  static constexpr float kTailC = 0x1.3fe878p-3f, kTailCLo = -0x1.7da918p-30f;
  static constexpr float kP[] = {0x1.c8632ep-3f,  0x1.12fddep-2f,  0x1.0db88cp-2f,
                                 0x1.8e342ep-3f,  0x1.5bd8e2p-4f,  -0x1.627e0ap-7f,
                                 -0x1.7a1deep-5f, -0x1.3e5d8ep-6f, 0x1.94f00ap-6f};
  static constexpr float kGeluMax = 14.6f;  // a Phi(-a) < 2^-150 there
};

template <>
struct ErfConstants<double> {
  // Q: error 2^-55.8.
  static constexpr double kQ[] = {
      0x1.a14af6f4e759p-1,    0x1.039e0bf6e6eap-5,    -0x1.5bece6d64c9a6p-8,
      0x1.b935492b93589p-11,  -0x1.fda9934f219d3p-14, 0x1.f0b94a8bd6d8cp-17,
      -0x1.35e82911fdd4ep-20, -0x1.6aaff0721045ap-24, 0x1.1bb77b3fa48ddp-24,
      -0x1.4c6ff79d4e184p-26, 0x1.184b59f0d1fb5p-28,  -0x1.1ac96d2194833p-30,
      0x1.fb441f70b72f3p-34,  0x1.f54a72b440e45p-34,  0x1.767acd966a68ep-34,
      0x1.a43198d69014cp-38,  -0x1.79f0c62f1d465p-36, -0x1.a367b652c5c0cp-37,
      -0x1.f94262a0129c4p-40, 0x1.ed3f591577f15p-41,  0x1.2b6727454df72p-41,
      0x1.2153b1a5b4a19p-43,  0x1.1ac989df2baddp-46,  0x1.c753f82ba634fp-51};
  static constexpr double kMiddle = 3;
  static constexpr double kC = 0x1.20dd750429b6dp+0, kCLo = 0x1.1ae3a914fed8p-56;
  static constexpr double kErfMax = 5.93;
  // R: error 2^-58.7.
  static constexpr double kR[] = {0x1.9884533d43651p-2,  -0x1.1058377e2cf8ep-4,
                                  0x1.46d0429772fc9p-7,  -0x1.37403f6fc47e2p-10,
                                  0x1.e42b0f37211b1p-14, -0x1.3ce93c379c8a6p-17,
                                  0x1.6594cca361ac4p-21, -0x1.632882322c90ap-25,
                                  0x1.45c83f67ec89bp-29, -0x1.35cbcbf85e892p-33};
  // P: error 2^-56.8.
  static constexpr double kTailC = 0x1.3fe877d04add1p-3,
                          kTailCLo = 0x1.a780e90806831p-58;
  static constexpr double kP[] = {
      0x1.c8632e10e3709p-3,  0x1.12fddcda6ea7p-2,   0x1.0db89489b6cbdp-2,
      0x1.8e35bb67976d3p-3,  0x1.5bc3bbd0ea73bp-4,  -0x1.6582625e53c15p-7,
      -0x1.738abd7aa64p-5,   -0x1.4264bf602f0f4p-6, 0x1.0e83d77815b59p-6,
      0x1.2e4b274739cdep-6,  -0x1.6c31f48efde86p-8, -0x1.daf384b69c2a2p-7,
      0x1.12071a80cf13fp-9,  0x1.85b77b29a9d2bp-7,  -0x1.b9a46d1602b1ap-10,
      -0x1.53bcefdc6e72ep-7, 0x1.979df4c565176p-9,  0x1.0a2fe8b4b7f4p-7,
      -0x1.55fc81e96d3b9p-8, -0x1.34fb6c64d1a95p-9, 0x1.2dba480bb7ed9p-9};
  static constexpr double kGeluMax = 39;
};

// erf(x). Error: 1.5 ULP, 2 without FMA. Monotone with FMA; odd.
template <typename T>
MLPCORE_INLINE V<T> Erf(V<T> x) {
  using C = ErfConstants<T>;
  // 1 - exp(-y) is accurate near 0, and forgives an error of y where y is great: one
  // polynomial for the whole range. y = a c + a^2 Q(a) as a pair.
  const V<T> a = AtMost(Abs<T>(x), C::kErfMax);
  const V<T> square = a * a;
  const V<T> linear = a * -C::kC;
  const V<T> linear_lo =
      MulAdd(a, Set(-C::kCLo), ProductError<T>(a, Set(-C::kC), linear));
  const V<T> square_lo = ProductError<T>(a, a, square);
  const V<T> t = a - C::kMiddle;
  const V<T> minus_q = -Polynomial(C::kQ, t, t * t);
  const V<T> curved = square * minus_q;
  const V<T> curved_lo =
      MulAdd(square_lo, minus_q, ProductError<T>(square, minus_q, curved));
  const V<T> y = linear + curved;
  const V<T> y_lo = ((linear - y) + curved) + (linear_lo + curved_lo);
  const ReducedExp<T> e = ReduceExp<T>(y, y_lo);
  const Pair<T> minus = e.MinusOne(PowerOfTwo<T>(e.Exponent(e.t)), Set(T(1)));
  return CopySign<T>(minus.hi + minus.lo, x);
}

// x Phi(x) = x (1 + erf(x / sqrt(2))) / 2. Error: 2 ULP, 2.5 without FMA. -inf gives 0.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> GeluWithDerivative(V<T> x) {
  using C = ErfConstants<T>;
  constexpr T kDensity = static_cast<T>(0.39894228040143267794);  // 1 / sqrt(2 pi)
  const V<T> a = AtMost(Abs<T>(x), C::kGeluMax);
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
  const V<T> factor = MulAdd(w, Set(T(2.25)), Set(T(0.75)));
  const V<T> t = w - T(0.375);
  // Without error: |t P(t)| has at most the exponent of c.
  const Pair<T> poly = FastTwoSum<T>(
      Set(C::kTailC), MulAdd(t, Polynomial(C::kP, t, t * t), Set(C::kTailCLo)));
  const V<T> h = w * poly.hi;
  const V<T> h_lo =
      MulAdd(w_error * factor, h, MulAdd(w, poly.lo, ProductError<T>(w, poly.hi, h)));
  // Phi(-a) 2^-n = tail + tail_lo
  const V<T> tail = p.hi * h;
  const V<T> tail_lo =
      MulAdd(p.hi, h_lo, MulAdd(p.lo, h, ProductError<T>(p.hi, h, tail)));
  const V<T> far = FarPower<T>(e.Exponent(e.t));
  const V<T> outer =
      AtLeast(x, T(0)) - MulAddOnce<T>(a, tail, a * tail_lo) * far * kFar<T>;
  // Near 0 the result is about x / 2, and all errors of the tail would show in it.
  const I<T> central = a < T(0.75);
  const V<T> center = MulAdd(x, Polynomial(C::kR, square), Set(T(0.5)));
  const V<T> value = Select<T>(central, x * center, outer);
  // Phi(x) + x Phi'(x)
  const V<T> power = far * kFar<T>;
  const V<T> cdf_tail = tail * power;
  const V<T> cdf =
      Select<T>(central, center, Select<T>(x > T(0), T(1) - cdf_tail, cdf_tail));
  const V<T> density = p.hi * power * kDensity;
  return {value, MulAdd(CopySign<T>(a, x), density, cdf)};
}
template <typename T>
MLPCORE_INLINE V<T> Gelu(V<T> x) {
  return GeluWithDerivative<T>(x).value;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_ERF_INL_H_
