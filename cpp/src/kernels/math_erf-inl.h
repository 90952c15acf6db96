// erf.
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

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_ERF_INL_H_
