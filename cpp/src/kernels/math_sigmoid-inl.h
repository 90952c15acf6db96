// tanh, the sigmoid, and the activations made of it: softplus, silu, mish.
#ifndef MLPCORE_KERNELS_MATH_SIGMOID_INL_H_
#define MLPCORE_KERNELS_MATH_SIGMOID_INL_H_

#include "kernels/math_log-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Below -kTail these functions are 0 as x e^x is, 2^-166 there, 2^-1086 in float64.
// They are computed of -tail: products a little less than the least subnormal take as
// long as subnormal ones. A lesser tail than kTail spares those, too, and leaves
// something else than the function below it.
template <typename T>
constexpr T kTail = sizeof(T) == 4 ? T(120) : T(760);

// phi(x) and phi'(x). The value has the bits of the function without derivative.
template <typename T>
struct ValueAndDerivative {
  V<T> value, derivative;
};

template <typename T>
struct TanhConstants;

template <>
struct TanhConstants<float> {
  // (e^2s - 1) / 2 = s + s^2 q(s): error 2^-28.1 of e^2s.
  static constexpr float kQ[] = {0x1.fffffcp-1f, 0x1.555494p-1f, 0x1.55588ep-2f,
                                 0x1.1239b6p-3f, 0x1.6a8b26p-5f};
  // tanh(a) = a + a^3 c(a^2) below kMiddle: error 2^-27.7. Above 3/4, where tanh is
  // flat, what a^3 c is rounded by would show as steps down.
  static constexpr float kC[] = {-0x1.555532p-2f, 0x1.1106f6p-3f, -0x1.b835a4p-5f,
                                 0x1.51f8cep-6f, -0x1.750ce2p-8f};
  static constexpr float kMiddle = 0.625f;
  static constexpr float kHalfLn2 = 0x1.62e43p-2f;
  static constexpr float kOne = 0x1.154246p3f;  // log(2^25 - 1) / 2
};

template <>
struct TanhConstants<double> {
  // Error 2^-56.2.
  static constexpr double kQ[] = {0x1.000000000000ap0,   0x1.555555555551p-1,
                                  0x1.5555555550863p-2,  0x1.111111112581ep-3,
                                  0x1.6c16c184554eep-5,  0x1.a01a013f7935dp-7,
                                  0x1.a019990246157p-9,  0x1.71dedd3f06b88p-11,
                                  0x1.28aed38d1bfe4p-13, 0x1.ae0b9557fae84p-16};
  // Error 2^-57.3.
  static constexpr double kC[] = {
      -0x1.5555555555529p-2,  0x1.111111110e0a4p-3,   -0x1.ba1ba1b7cc5f5p-5,
      0x1.664f48115a21ep-6,   -0x1.226e289551ef7p-7,  0x1.d6d1f90317a3cp-9,
      -0x1.7d8c932d87254p-10, 0x1.3495afc12a3f9p-11,  -0x1.ec7d924497642p-13,
      0x1.719e8bc209385p-14,  -0x1.c61b7622c998dp-16, 0x1.4220de88c242cp-18};
  static constexpr double kMiddle = 0.7;
  static constexpr double kHalfLn2 = 0x1.62e42fefa39efp-2;
  static constexpr double kOne = 0x1.2b708872320e2p4;  // log(2^54 - 1) / 2
};

// tanh(x). Error: 1 ULP, 1.5 without FMA. Monotone and odd.
template <typename T>
MLPCORE_INLINE V<T> Tanh(V<T> x) {
  using C = TanhConstants<T>;
  using E = ExpConstants<T>;
  const V<T> a = Abs<T>(x);
  // With d = (1 + e^2a) / 2, tanh(a) = (d - 1) / d. d - 1 is exact up to kOne, above
  // which 1 is as near as the number below; and what d is rounded by counts d^-2 times.
  // e^2a = 2^n e^2s: one number for ln 2 / 2 is enough, n 2^-n times its error.
  const V<T> t = MulAdd(a, Set(2 * E::kLog2E), Set(E::kShift));
  const V<T> s = NegMulAdd(t - E::kShift, Set(C::kHalfLn2), a);
  const V<T> s_square = s * s;
  const V<T> g = MulAdd(s_square, Polynomial(C::kQ, s, s_square), s);
  const V<T> power = PowerOfTwo<T>(ReducedExp<T>::Exponent(t));
  const V<T> d = MulAdd(power, g, MulAdd(power, Set(T(0.5)), Set(T(0.5))));
  const V<T> outer = Select<T>(a >= C::kOne, Set(T(1)), (d - T(1)) / d);
  const V<T> square = a * a;
  const V<T> inner = MulAdd(a * square, Polynomial(C::kC, square, square * square), a);
  return CopySign<T>(Select<T>(a < C::kMiddle, inner, outer), x);
}

// 1 / (1 + e^|x|) = b / (one + h), where b = 2^-n = far kFar may be subnormal or 0, one
// is 1 + b rounded, and h makes up for the rest. Nothing overflows, and nothing is lost
// where the result is subnormal.
template <typename T>
struct ReducedLogistic {
  V<T> x;  // |x|, tail at most
  V<T> far, b;
  V<T> one, h;
};

template <typename T>
MLPCORE_INLINE ReducedLogistic<T> ReduceLogistic(V<T> x, T tail) {
  const V<T> bounded = AtMost(Abs<T>(x), tail);
  const ReducedExp<T> e = ReduceExp<T>(bounded);
  const V<T> far = FarPower<T>(-e.Exponent(e.t));
  const V<T> b = far * kFar<T>, one = T(1) + b;
  return {bounded, far, b, one, e.r + (e.w + (b - (one - T(1))))};
}

// 1 / (1 + e^-x). Error: 1 ULP. Monotone.
template <typename T>
MLPCORE_INLINE V<T> Sigmoid(V<T> x, T tail = kTail<T>) {
  const ReducedLogistic<T> l = ReduceLogistic<T>(x, tail);
  const V<T> den = l.one + l.h;
  const V<T> q = T(1) / den;
  const V<T> den_lo = (l.one - den) + l.h;
  const V<T> rest = NegMulAdd(q, den_lo, Residual<T>(q, den, Set(T(1))));
  const V<T> less = MulAdd(q, rest, q) * l.b;
  return Select<T>(x < T(0), less, T(1) - less);
}

// x sigmoid(x). Error: 2 ULP. -inf gives -0.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> SiluWithDerivative(V<T> x, T tail = kTail<T>) {
  const ReducedLogistic<T> l = ReduceLogistic<T>(x, tail);
  const V<T> den = l.one + l.h;
  const V<T> rest = l.x / den;  // x / (1 + e^x) = b rest
  const I<T> negative = x < T(0);
  const V<T> value =
      Select<T>(negative, -rest * l.far * kFar<T>, NegMulAdd(rest, l.b, x));
  // s' = s (1 - s); s and 1 - s are these two.
  const V<T> less = l.b / den, more = T(1) - less;
  const V<T> s = Select<T>(negative, less, more);
  return {value, MulAdd(CopySign<T>(rest * l.b, x), more, s)};
}
template <typename T>
MLPCORE_INLINE V<T> Silu(V<T> x, T tail = kTail<T>) {
  return SiluWithDerivative<T>(x, tail).value;
}

// log(1 + e^x). Error: 1 ULP. Monotone.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> SoftplusWithDerivative(V<T> x, T tail = kTail<T>) {
  using C = ExpConstants<T>;
  // max(x, 0) + log(1 + e^-|x|), where the second term does not count above kLinear.
  constexpr T kLinear = 40;  // n stays above kLeast
  const V<T> bounded = AtMost(AtLeast(x, -tail), kLinear);
  const V<T> minus_abs = FromBits<T>(Bits<T>(bounded) | kSignBit<T>);
  const ReducedExp<T> e = ReduceExp<T>(minus_abs);
  // 1 + e^-|x| = 2^k (1 + f) with k = 1 where e^-|x| > sqrt(2) - 1, so that f is small;
  // there f = (e^-|x| - 1) / 2, which keeps its digits where x is near 0.
  const I<T> k = minus_abs > T(-0.88137358701954303);
  const U<T> n = e.Exponent(e.t);
  // f^2 is nothing beside f there, and neither f^2 nor what f is rounded by subnormal.
  constexpr T kLeast = sizeof(T) == 4 ? T(-60) : T(-100);
  const U<T> n_bounded = e.Exponent(AtLeast(e.t, C::kShift + kLeast));
  const V<T> power = PowerOfTwo<T>(n_bounded - ((U<T>)k & ExponentOf<T>(1)));
  const Pair<T> f = e.Minus(power, FromBits<T>(k & Bits<T>(Set(T(0.5)))));
  const V<T> curved = Log1pMinusArgument<T, true>(f.hi);
  // k ln 2 + (max(x, 0) + f + ...)
  const Pair<T> linear = FastTwoSum<T>(AtLeast(bounded, T(0)), f.hi);
  const V<T> ln2 = FromBits<T>(k & Bits<T>(Set(C::kLn2Hi)));
  const V<T> ln2_lo = FromBits<T>(k & Bits<T>(Set(C::kLn2Lo)));
  // d log(1 + f) = df / (1 + f), and 1 - f is near enough.
  const V<T> f_lo = NegMulAdd(f.hi, f.lo, f.lo);
  const V<T> low = (linear.lo + f_lo) + (curved + ln2_lo);
  // Where 2^n was bounded, the result is as small as e^x.
  const V<T> rest = PowerOfTwo<T>(n - n_bounded);
  const V<T> value = (ln2 + (linear.hi + low)) * rest;
  // The sigmoid, 1 / (1 + u) or u / (1 + u) with u = e^-|x|.
  const V<T> u = PowerOfTwo<T>(n_bounded) * (T(1) + (e.r + e.w));
  const V<T> slope = T(1) / (T(1) + u);
  return {Select<T>(x > kLinear, x, value),
          Select<T>(x < T(0), slope * u * rest, slope)};
}
template <typename T>
MLPCORE_INLINE V<T> Softplus(V<T> x, T tail = kTail<T>) {
  return SoftplusWithDerivative<T>(x, tail).value;
}

// x tanh(softplus(x)). Error: 1 ULP, 2 without FMA. -inf gives -0.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> MishWithDerivative(V<T> x, T tail = kTail<T>) {
  using C = ExpConstants<T>;
  // u = e^-x = 2^n (p + p_lo). With m = max(n, 0), a = 2^-m and v = 2^-m u,
  // tanh(log(1 + 1 / u)) = (1 + 2 u) / (1 + 2 u + 2 u^2)
  //                      = 2^-m (a + 2 v) / (a (a + 2 v) + 2 v^2).
  const V<T> bounded = AtMost(AtLeast(x, -tail), C::kHead);
  const ReducedExp<T> e = ReduceExp<T>(-bounded);
  const U<T> n = e.Exponent(e.t), m = e.Exponent(AtLeast(e.t, C::kShift));
  const V<T> far = FarPower<T>(-m), a = far * kFar<T>;
  const Pair<T> p = e.Mantissa();
  const V<T> v = PowerOfTwo<T>(n - m) * p.hi, v_lo = PowerOfTwo<T>(n - m) * p.lo;
  const Pair<T> sum = PositiveTwoSum<T>(a, T(2) * v);
  const Pair<T> num{sum.hi, sum.lo + T(2) * v_lo};
  const V<T> square = T(2) * v * v;
  const Pair<T> den = PositiveTwoSum<T>(a * num.hi, square);
  const V<T> square_lo = MulAdd(T(4) * v, v_lo, ProductError<T>(T(2) * v, v, square));
  const V<T> den_lo = den.lo + MulAdd(a, num.lo, square_lo);
  const Quotient<T> q = Divide<T>(num, {den.hi, den_lo});
  // Above kHead the quotient is 1. The sign is lost where the product is 0.
  const V<T> product = CopySign<T>(q.Times(bounded) * far * kFar<T>, bounded);
  // (x t)' = t + x (1 - t^2) s, where (1 - t^2) s = 4 u^2 (1 + u) / (1 + 2 u + 2 u^2)^2
  //                                              = 2^-m 4 v^2 (a + v) / den^2.
  const V<T> w = T(2) * v * q.inverse;
  const V<T> slope = bounded * (w * w) * (a + v);
  return {Select<T>(x > C::kHead, x, product), (q.Value() + slope) * far * kFar<T>};
}
template <typename T>
MLPCORE_INLINE V<T> Mish(V<T> x, T tail = kTail<T>) {
  return MishWithDerivative<T>(x, tail).value;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_SIGMOID_INL_H_
