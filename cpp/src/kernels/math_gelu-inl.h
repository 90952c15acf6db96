// gelu.
#ifndef MLPCORE_KERNELS_MATH_GELU_INL_H_
#define MLPCORE_KERNELS_MATH_GELU_INL_H_

#include "kernels/math_sigmoid-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// x Phi(x), where a Phi(-a) = exp(-a^2 / 2) g for a >= kSplit. g goes from 0.25 there
// to 0.40, so one rounding of it is all that counts: a polynomial in v = a / (1 + k a).
template <typename T>
struct GeluSplit {
  static constexpr T kSplit = T(27) / 32, kK = T(9) / 32, kMiddle = T(13) / 8;
};
template <typename T>
struct GeluConstants;

template <>
struct GeluConstants<float> : GeluSplit<float> {
  // Phi(x) = 1/2 + x R(-x^2 / 2) below kSplit: error 2^-27.7 of Phi(-|x|).
  static constexpr float kR[] = {0x1.988452p-2f, 0x1.1057aep-3f, 0x1.46af6ep-5f,
                                 0x1.340534p-7f, 0x1.9b77cp-10f};
  // g = c + t P(t), t = v - kMiddle: error 2^-29 where the result is 1e-6 or more in
  // magnitude. From there it grows to 1/4 at the end.
  static constexpr float kC = 0x1.7527d4p-2f, kCLo = -0x1.4fac6p-28f;
  static constexpr float kP[] = {0x1.ffa1f8p-5f,   -0x1.88d4d2p-5f, 0x1.59f424p-6f,
                                 -0x1.751238p-8f,  0x1.78e37cp-11f, 0x1.2664a4p-14f,
                                 -0x1.1fa3acp-15f, -0x1.af2ea6p-19f};
  static constexpr float kMax = 12.875f;  // Phi(-a) is nearly subnormal there: 3e-38
};

template <>
struct GeluConstants<double> : GeluSplit<double> {
  // Error 2^-58.2.
  static constexpr double kR[] = {0x1.9884533d4365p-2,   0x1.1058377e2ce31p-3,
                                  0x1.46d0429760d94p-5,  0x1.37403f68ba5e5p-7,
                                  0x1.e42b0c319465cp-10, 0x1.3ce8d903a1fb2p-12,
                                  0x1.6585327ffaaeap-15, 0x1.61ae92bfd3903p-18,
                                  0x1.3204e92d27366p-21, 0x1.8ace5d2d03662p-25};
  // Error 2^-58.
  static constexpr double kC = 0x1.7527d3ac14e81p-2, kCLo = 0x1.f39d40293f34ep-56;
  static constexpr double kP[] = {
      0x1.ffa1f7187b9f9p-5,   -0x1.88d4d8a81e06ap-5,  0x1.59f458e2bda26p-6,
      -0x1.750f437e11c8dp-8,  0x1.78b243f456c4dp-11,  0x1.21d6849bc69dbp-14,
      -0x1.1bb35b56e86dbp-15, -0x1.88e892e6f101dp-21, 0x1.99da7c79cc1fdp-20,
      0x1.9e1b35d37f5a2p-25,  -0x1.46d3e5510cf68p-24, -0x1.ffc268a85ac64p-28,
      0x1.f562dfeb43dbfp-29,  0x1.cb49704364038p-31,  -0x1.fb5ccfde87c8cp-34,
      -0x1.32f506b426a35p-34, -0x1.3de9d71d24e97p-38, 0x1.1fd623266f628p-38,
      0x1.8464deac33cb8p-40,  -0x1.bda4ae7fe25dfp-43, -0x1.5c48ffab7c853p-43,
      0x1.0f2541c966017p-45};
  static constexpr double kMax = 39;  // a Phi(-a) is 0 there
};

// x Phi(x) = x (1 + erf(x / sqrt(2))) / 2. -inf gives -0. Error: 2 ULP, 2.5 without
// FMA; in float32 where the result is below 1e-6 in magnitude 1e-13, and its sign and
// size are right; -0 below -12.875.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> GeluWithDerivative(V<T> x) {
  using C = GeluConstants<T>;
  const V<T> a = AtMost(Abs<T>(x), T(40));  // finite
  const V<T> minus_half = a * T(-0.5);
  const V<T> square = minus_half * a;
  const V<T> v = a / MulAdd(a, Set(C::kK), Set(T(1)));
  const V<T> t = v - C::kMiddle;
  const V<T> curve = MulAdd(t, Polynomial(C::kP, t, t * t), Set(C::kCLo));
  const Pair<T> g = FastTwoSum<T>(Set(C::kC), curve);
  const ReducedExp<T> e = ReduceExp<T>(square, ProductError<T>(minus_half, a, square));
  // Nothing is multiplied above kMax: products that are subnormal take long.
  const V<T> power = FarPower<T>(e.Exponent(e.t));
  const V<T> far = Select<T>(a > C::kMax, V<T>{}, power);
  // What g is rounded by is added here, where it costs no further rounding, relative to
  // the g of a result of 1e-6, which has to be within 1e-13.
  const V<T> q = e.r + MulAdd(g.lo, Set(T(2.6)), e.w);
  const V<T> scaled = g.hi * far;
  const V<T> tail = MulAdd(scaled, q, scaled);  // a Phi(-a) / kFar
  const V<T> outer = NegMulAdd(tail, Set(kFar<T>), AtLeast(x, T(-0.0)));
  // Near 0 the result is about x / 2, and all errors of the tail would show in it.
  const I<T> central = a < C::kSplit;
  const V<T> center = MulAdd(x, Polynomial(C::kR, square), Set(T(0.5)));
  const V<T> value = Select<T>(central, x * center, outer);
  // (x Phi(x))' = Phi(x) + x Phi'(x), Phi'(x) = exp(-x^2 / 2) / sqrt(2 pi).
  const V<T> below = tail * kFar<T> / a;
  const V<T> cdf = Select<T>(central, center, Select<T>(x > T(0), T(1) - below, below));
  constexpr T kDensity = static_cast<T>(0.39894228040143267794);
  const V<T> density = MulAdd(far, q, far) * (kDensity * kFar<T>);
  return {value, MulAdd(CopySign<T>(a, x), density, cdf)};
}

template <typename T>
MLPCORE_INLINE V<T> Gelu(V<T> x) {
  return GeluWithDerivative<T>(x).value;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_GELU_INL_H_
