// log and log1p.
#ifndef MLPCORE_KERNELS_MATH_LOG_INL_H_
#define MLPCORE_KERNELS_MATH_LOG_INL_H_

#include "kernels/math_exp-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// x = 2^k m with m in [sqrt(1/2), sqrt(2)), and log(x) = k ln 2 + log(1 + f), f = m
// - 1. With s = f / (2 + f) and z = s^2, log(1 + f) = 2 atanh(s) = 2 s + s z R(z),
// which is f - f^2 / 2 + s (f^2 / 2 + z R(z)): no digit of f is lost (fdlibm, Sun
// 1993).
template <typename T>
struct LogConstants;

template <>
struct LogConstants<float> {
  // R: error 2^-35.2 of log(1 + f).
  static constexpr float kR[] = {0x1.555554p-1f, 0x1.999c26p-2f, 0x1.23d3ep-2f,
                                 0x1.f13b22p-3f};
  static constexpr float kMinNormal = 0x1p-126f;
  static constexpr int kSubnormalStep = 25;  // 2^25 makes every subnormal normal
  static constexpr float kIntShift = 0x1p23f;
  static constexpr uint32_t kSqrtHalfBits = 0x3f3504f3;
};

template <>
struct LogConstants<double> {
  // R: error 2^-59.5 of log(1 + f).
  static constexpr double kR[] = {0x1.5555555555592p-1, 0x1.999999997ff04p-2,
                                  0x1.24924941e33bcp-2, 0x1.c71c521253dd1p-3,
                                  0x1.74663d68f1999p-3, 0x1.39a1daaefd7a1p-3,
                                  0x1.2f045716d7e09p-3};
  static constexpr double kMinNormal = 0x1p-1022;
  static constexpr int kSubnormalStep = 54;
  static constexpr double kIntShift = 0x1p52;
  static constexpr uint64_t kSqrtHalfBits = 0x3fe6a09e667f3bcd;
};

template <typename T>
constexpr T kInfinity = static_cast<T>(__builtin_inff());
template <typename T>
constexpr T kNaN = static_cast<T>(__builtin_nanf(""));

// log(1 + f) - f for f in [sqrt(1/2) - 1, sqrt(2) - 1]; if tiny, f may be so small that
// z^2 would be subnormal. R(z) is R(0) before.
template <typename T, bool tiny = false>
MLPCORE_INLINE V<T> Log1pMinusArgument(V<T> f) {
  const V<T> s = f / (f + T(2));
  const V<T> z = s * s;
  const V<T> r = tiny ? AtLeast(z, T(0x1p-60)) : z;
  const V<T> half_square = T(0.5) * f * f;
  const V<T> tail = MulAdd(z, Polynomial(LogConstants<T>::kR, r, r * r), half_square);
  return MulAdd(s, tail, -half_square);
}

template <typename T>
struct ReducedLog {
  V<T> k, m;
  U<T> exponent;  // 2^k
};

template <typename T>
MLPCORE_INLINE ReducedLog<T> ReduceLog(V<T> x) {
  using C = LogConstants<T>;
  constexpr int kBits = Float<T>::kMantissaBits;
  constexpr auto kOneBits = ExponentOf<T>(Float<T>::kExponentBias);
  const U<T> bits = (U<T>)Bits<T>(x);
  // The biased exponent of x sqrt(2), so that it steps at sqrt(1/2).
  const U<T> biased = (bits + (kOneBits - C::kSqrtHalfBits)) >> kBits;
  // 2^23 + biased, read as a float: AVX2 cannot convert 64-bit integers.
  const V<T> k = FromBits<T>((I<T>)biased | Bits<T>(Set(C::kIntShift))) -
                 (C::kIntShift + T(Float<T>::kExponentBias));
  const U<T> exponent = (biased << kBits) - kOneBits;
  return {k, FromBits<T>((I<T>)(bits - exponent)), exponent};
}

// k ln 2 + log(1 + f)
template <typename T>
MLPCORE_INLINE V<T> LogOfParts(V<T> k, Pair<T> f) {
  using C = ExpConstants<T>;
  const Pair<T> sum = FastTwoSum<T>(k * C::kLn2Hi, f.hi);
  const V<T> low = MulAdd(k, Set(C::kLn2Lo), Log1pMinusArgument<T>(f.hi));
  return sum.hi + (low + (sum.lo + f.lo));
}

// The result where 0 < x < inf; x at inf and NaN; -inf at 0, NaN below.
template <typename T>
MLPCORE_INLINE V<T> WithLogLimits(V<T> result, V<T> x) {
  const V<T> below = Select<T>(x == T(0), Set(-kInfinity<T>), Set(kNaN<T>));
  return Select<T>(x > T(0), Select<T>(x < kInfinity<T>, result, x), below);
}

// log(x). Error: 1 ULP. Monotone; log(0) = -inf, NaN below 0.
template <typename T>
MLPCORE_INLINE V<T> Log(V<T> x) {
  using C = LogConstants<T>;
  constexpr T kUp = static_cast<T>(uint64_t{1} << C::kSubnormalStep);
  const I<T> subnormal = x < C::kMinNormal;
  const ReducedLog<T> p = ReduceLog<T>(Select<T>(subnormal, x * kUp, x));
  const V<T> k = p.k - Select<T>(subnormal, Set(T(C::kSubnormalStep)), V<T>{});
  return WithLogLimits<T>(LogOfParts<T>(k, {p.m - T(1), V<T>{}}), x);
}

// log(1 + x). Error: 1 ULP. Monotone; -0 gives -0, -1 gives -inf, less gives NaN.
template <typename T>
MLPCORE_INLINE V<T> Log1p(V<T> x) {
  // Below kLinear log(1 + x) is x, and nothing is computed: squares would be subnormal.
  constexpr T kLinear = sizeof(T) == 4 ? T(0x1p-25) : T(0x1p-54);
  const I<T> linear = Abs<T>(x) < kLinear;
  const V<T> y = Select<T>(linear, V<T>{}, x);
  const V<T> u = T(1) + y;
  // u + lost == 1 + y (Knuth's TwoSum: it is not known which of 1 and y is greater).
  const V<T> part = u - y;
  const V<T> lost = (y - (u - part)) + (T(1) - part);
  const ReducedLog<T> p = ReduceLog<T>(u);
  // 1 + f = (u + lost) 2^-k. With k = 0 this is f = y again, whatever 1 + y lost. Half
  // of 2^(1 - k) because k reaches 128; it is 0 there, where lost does not count.
  const V<T> scale = PowerOfTwo<T>(ExponentOf<T>(1) - p.exponent);
  const Pair<T> f = FastTwoSum<T>(p.m - T(1), T(0.5) * lost * scale);
  const V<T> result = WithLogLimits<T>(LogOfParts<T>(p.k, f), u);
  return Select<T>(linear, x, result);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_LOG_INL_H_
