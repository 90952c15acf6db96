// exp and expm1, and the reduction of e^x that the sigmoid family and erf share.
#ifndef MLPCORE_KERNELS_MATH_EXP_INL_H_
#define MLPCORE_KERNELS_MATH_EXP_INL_H_

#include "kernels/math_pair-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// e^x = 2^n e^s with n = round(x / ln 2), so |s| <= ln(2) / 2, and
// e^s = 1 + s + s^2 q(s).
template <typename T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
  // q: error 2^-30.9 of e^s - 1.
  static constexpr float kQ[] = {0x1p-1f,        0x1.555554p-3f,  0x1.5554fap-5f,
                                 0x1.1112bap-7f, 0x1.6d3996p-10f, 0x1.9ec752p-13f};
  // x + kShift has units of 1: the addition rounds, and leaves n in the low bits.
  static constexpr float kShift = 0x1.8p23f;
  static constexpr float kLog2E = 0x1.715476p0f;
  // ln 2 = hi + lo to 39 bits (Cody & Waite). hi has 15 bits, so n hi is exact for
  // |n| < 2^9 without FMA too.
  static constexpr float kLn2Hi = 0x1.62e4p-1f, kLn2Lo = 0x1.7f7d1cp-20f;
  static constexpr float kVanishes = -104;   // e^-104 < 2^-150
  static constexpr float kNormal = 87;       // e^-87 > 2^-126
  static constexpr float kExpMax = 89;       // e^89 overflows
  static constexpr float kExpm1Max = 88.8f;  // so does this, with n = 128 still
  static constexpr float kExpm1Min = -18;    // e^-18 < 2^-25
  static constexpr float kHead = 20;         // x e^-2x < 2^-53 above
};

template <>
struct ExpConstants<double> {
  // q: error 2^-60.9 of e^s - 1.
  static constexpr double kQ[] = {0x1p-1,
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
  static constexpr double kShift = 0x1.8p52;
  static constexpr double kLog2E = 0x1.71547652b82fep0;
  // 32 bits, for |n| < 2^21.
  static constexpr double kLn2Hi = 0x1.62e42feep-1, kLn2Lo = 0x1.a39ef35793c76p-33;
  static constexpr double kVanishes = -746;
  static constexpr double kNormal = 708;  // > 2^-1022
  static constexpr double kExpMax = 710;
  static constexpr double kExpm1Max = 709.9;  // n = 1024
  static constexpr double kExpm1Min = -38;    // e^-38 < 2^-54
  static constexpr double kHead = 40;
};

// What 2^k adds to the bits of 1.0.
template <typename T>
MLPCORE_INLINE constexpr typename Float<T>::Uint ExponentOf(int k) {
  return static_cast<typename Float<T>::Uint>(static_cast<typename Float<T>::Int>(k))
         << Float<T>::kMantissaBits;
}
// 2^k from that.
template <typename T>
MLPCORE_INLINE V<T> PowerOfTwo(U<T> exponent) {
  return FromBits<T>((I<T>)(exponent + ExponentOf<T>(Float<T>::kExponentBias)));
}

// 2^n reaches below the normal numbers. 2^n = FarPower(n) kFar does not, for n <= 0,
// and a product with both is rounded once.
template <typename T>
constexpr int kFarExponent = sizeof(T) == 4 ? 64 : 512;
template <typename T>
constexpr T kFar = sizeof(T) == 4 ? T(0x1p-64) : T(0x1p-512);
template <typename T>
MLPCORE_INLINE V<T> FarPower(U<T> exponent) {
  return PowerOfTwo<T>(exponent + ExponentOf<T>(kFarExponent<T>));
}

// e^x = 2^n (1 + r + w); r is exact.
template <typename T>
struct ReducedExp {
  V<T> t;  // kShift + n
  V<T> r;  // x - n ln 2, but for the low digits of ln 2
  V<T> w;  // those, and s^2 q(s)

  // 2^n, n as in t.
  static MLPCORE_INLINE U<T> Exponent(V<T> t) {
    return (U<T>)Bits<T>(t) << Float<T>::kMantissaBits;
  }
  // 1 + r + w. The sum of hi and lo is exact: (1 - hi) + r is about -w, a multiple of
  // r's ULP, and |w| < |r|.
  MLPCORE_INLINE Pair<T> Mantissa() const {
    const V<T> hi = T(1) + (r + w);
    return {hi, ((T(1) - hi) + r) + w};
  }
  // power (1 + r + w) - one, where power - one is exact.
  MLPCORE_INLINE Pair<T> Minus(V<T> power, V<T> one) const {
    const V<T> base = power - one;
    const V<T> hi = MulAdd(power, r + w, base);
    return {hi, MulAdd(power, w, MulAdd(power, r, base - hi))};
  }
  // The same where power may be too small for that.
  MLPCORE_INLINE Pair<T> MinusOne(V<T> power, V<T> one) const {
    const Pair<T> result = Minus(power, one);
    return {result.hi, result.lo + (power - ((power - one) + one))};
  }
};

// x_lo is a correction of x.
template <typename T>
MLPCORE_INLINE ReducedExp<T> ReduceExp(V<T> x, V<T> x_lo = V<T>{}) {
  using C = ExpConstants<T>;
  const V<T> t = MulAdd(x, Set(C::kLog2E), Set(C::kShift));
  const V<T> n = t - C::kShift;
  const V<T> r = NegMulAdd(n, Set(C::kLn2Hi), x);
  const V<T> low = NegMulAdd(n, Set(C::kLn2Lo), x_lo);
  const V<T> s = r + low;
  const V<T> square = s * s;
  return {t, r, MulAdd(square, Polynomial(C::kQ, s, square), low)};
}

// e^x, and 0 where x < least. Error: 1 ULP. Monotone.
template <typename T>
MLPCORE_INLINE V<T> Exp(V<T> x, T least = ExpConstants<T>::kVanishes) {
  using C = ExpConstants<T>;
  // A product that underflows takes Zen 4 some 80 cycles more, so none is made of what
  // is 0 anyway: classes that are masked or do not exist have x = -inf.
  const I<T> vanishes = x < least;
  const ReducedExp<T> e =
      ReduceExp<T>(AtMost(Select<T>(vanishes, V<T>{}, x), C::kExpMax));
  // 2^n as a product: n reaches 128 and, where the result is subnormal, -150.
  const U<T> all = e.Exponent(e.t);
  const U<T> half = ((U<T>)Bits<T>(e.t) >> 1) << Float<T>::kMantissaBits;
  const V<T> mantissa = Select<T>(vanishes, V<T>{}, T(1) + (e.r + e.w));
  return mantissa * PowerOfTwo<T>(half) * PowerOfTwo<T>(all - half);
}

// e^x - 1. Error: 1.5 ULP. Monotone; -0 gives -0.
template <typename T>
MLPCORE_INLINE V<T> Expm1(V<T> x) {
  using C = ExpConstants<T>;
  const ReducedExp<T> e = ReduceExp<T>(AtMost(AtLeast(x, C::kExpm1Min), C::kExpm1Max));
  // Half of the result, because 2^n overflows where e^x does not yet.
  const V<T> half_power = PowerOfTwo<T>(e.Exponent(e.t) - ExponentOf<T>(1));
  const Pair<T> half = e.MinusOne(half_power, Set(T(0.5)));
  // x^2 / 2 is below half an ULP of x; and half of a subnormal may not be a float.
  constexpr T kLinear = sizeof(T) == 4 ? T(0x1p-25) : T(0x1p-54);
  return Select<T>(Abs<T>(x) < kLinear, x, (half.hi + half.lo) * T(2));
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_EXP_INL_H_
