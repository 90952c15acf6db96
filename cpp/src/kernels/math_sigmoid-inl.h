// tanh, the sigmoid, and the activations made of it: softplus, silu, mish.
#ifndef MLPCORE_KERNELS_MATH_SIGMOID_INL_H_
#define MLPCORE_KERNELS_MATH_SIGMOID_INL_H_

#include "kernels/math_log-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// phi(x) and phi'(x). The value has the bits of the function without derivative.
template <typename T>
struct ValueAndDerivative {
  V<T> value, derivative;
};

// tanh(x). Error: 1 ULP. Monotone and odd.
template <typename T>
MLPCORE_INLINE V<T> Tanh(V<T> x) {
  // tanh(x) rounds to 1 above 9.01 (float32), 19.06 (float64).
  constexpr T kMax = sizeof(T) == 4 ? T(9.2) : T(19.2);
  // With E = e^-2|x| - 1, tanh|x| = -E / (2 + E), and E is accurate near 0.
  const ReducedExp<T> e = ReduceExp<T>(T(-2) * AtMost(Abs<T>(x), kMax));
  const Pair<T> num = e.MinusOne(PowerOfTwo<T>(e.Exponent(e.t)), Set(T(1)));
  const V<T> den = T(2) + num.hi;
  const V<T> den_lo = ((T(2) - den) + num.hi) + num.lo;
  return CopySign<T>(Divide<T>(num, {den, den_lo}).Value(), x);
}

// u = e^-x = 2^n (p + p_lo), prepared for quotients of polynomials in u. With m =
// max(n, 0) such a quotient is a polynomial in a = 2^-m and v = 2^-m u over another,
// times a power of 2^-m: nothing overflows, nothing is lost where the result is
// subnormal, and the two signs of x need no case.
template <typename T>
struct ReducedLogistic {
  V<T> far;  // 2^-m / kFar
  V<T> a;    // 2^-m; subnormal or 0 where it does not count beside v
  V<T> v, v_lo;
  V<T> x;  // in [-kTail, kHead]

  // value 2^-m
  MLPCORE_INLINE V<T> Scaled(V<T> value) const { return value * far * kFar<T>; }
  // x q 2^-m, for a quotient that is 1 above kHead, where far would overflow.
  MLPCORE_INLINE V<T> TimesArgument(const Quotient<T>& q, V<T> unbounded_x) const {
    // The sign is lost where the product is 0.
    const V<T> product = CopySign<T>(Scaled(q.Times(x)), x);
    return Select<T>(unbounded_x > ExpConstants<T>::kHead, unbounded_x, product);
  }
};

template <typename T>
MLPCORE_INLINE ReducedLogistic<T> ReduceLogistic(V<T> x) {
  using C = ExpConstants<T>;
  const V<T> bounded = AtMost(AtLeast(x, -C::kTail), C::kHead);
  const ReducedExp<T> e = ReduceExp<T>(-bounded);
  const U<T> n = e.Exponent(e.t), m = e.Exponent(AtLeast(e.t, C::kShift));
  const V<T> b = PowerOfTwo<T>(n - m);
  const V<T> far = FarPower<T>(-m);
  const Pair<T> p = e.Mantissa();
  return {far, far * kFar<T>, b * p.hi, b * p.lo, bounded};
}

// 1 / (1 + u), to be scaled by 2^-m.
template <typename T>
MLPCORE_INLINE Quotient<T> SigmoidMantissa(const ReducedLogistic<T>& l) {
  const Pair<T> s = PositiveTwoSum<T>(l.a, l.v);
  return Divide<T>({Set(T(1)), V<T>{}}, {s.hi, s.lo + l.v_lo});
}

// 1 / (1 + e^-x). Error: 1 ULP. Monotone.
template <typename T>
MLPCORE_INLINE V<T> Sigmoid(V<T> x) {
  const ReducedLogistic<T> l = ReduceLogistic<T>(x);
  return l.Scaled(SigmoidMantissa<T>(l).Value());
}

// x sigmoid(x). Error: 1 ULP. -inf gives -0.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> SiluWithDerivative(V<T> x) {
  const ReducedLogistic<T> l = ReduceLogistic<T>(x);
  const Quotient<T> quotient = SigmoidMantissa<T>(l);
  const V<T> q = quotient.Value();
  // s' = s (1 - s) and 1 - s = u / (1 + u) = v q, so (x s)' = s (1 + x v q).
  return {l.TimesArgument(quotient, x), l.Scaled(MulAdd(l.x * l.v, q * q, q))};
}
template <typename T>
MLPCORE_INLINE V<T> Silu(V<T> x) {
  return SiluWithDerivative<T>(x).value;
}

// log(1 + e^x). Error: 1 ULP. Monotone.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> SoftplusWithDerivative(V<T> x) {
  using C = ExpConstants<T>;
  // max(x, 0) + log(1 + e^-|x|), where the second term does not count above kLinear.
  constexpr T kLinear = 60;
  const V<T> bounded = AtMost(AtLeast(x, -C::kTail), kLinear);
  const V<T> minus_abs = FromBits<T>(Bits<T>(bounded) | kSignBit<T>);
  const ReducedExp<T> e = ReduceExp<T>(minus_abs);
  // 1 + e^-|x| = 2^k (1 + f) with k = 1 where e^-|x| > sqrt(2) - 1, so that f is small;
  // there f = (e^-|x| - 1) / 2, which keeps its digits where x is near 0.
  const I<T> k = minus_abs > T(-0.88137358701954303);
  const U<T> n = e.Exponent(e.t);
  const U<T> n_bounded = e.Exponent(AtLeast(e.t, C::kShift - T(100)));
  const V<T> power = PowerOfTwo<T>(n_bounded - ((U<T>)k & ExponentOf<T>(1)));
  const Pair<T> f = e.Minus(power, FromBits<T>(k & Bits<T>(Set(T(0.5)))));
  const V<T> tail = Log1pMinusArgument<T>(f.hi);
  // k ln 2 + (max(x, 0) + f + ...)
  const Pair<T> linear = FastTwoSum<T>(AtLeast(bounded, T(0)), f.hi);
  const V<T> ln2 = FromBits<T>(k & Bits<T>(Set(C::kLn2Hi)));
  const V<T> ln2_lo = FromBits<T>(k & Bits<T>(Set(C::kLn2Lo)));
  // d log(1 + f) = df / (1 + f), and 1 - f is near enough.
  const V<T> f_lo = NegMulAdd(f.hi, f.lo, f.lo);
  const V<T> low = (linear.lo + f_lo) + (tail + ln2_lo);
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
MLPCORE_INLINE V<T> Softplus(V<T> x) {
  return SoftplusWithDerivative<T>(x).value;
}

// x tanh(softplus(x)). Error: 1 ULP, 2 without FMA. -inf gives -0.
template <typename T>
MLPCORE_INLINE ValueAndDerivative<T> MishWithDerivative(V<T> x) {
  const ReducedLogistic<T> l = ReduceLogistic<T>(x);
  // tanh(log(1 + 1 / u)) = (1 + 2 u) / (1 + 2 u + 2 u^2)
  //                      = 2^-m (a + 2 v) / (a (a + 2 v) + 2 v^2).
  const V<T> v = l.v, v_lo = l.v_lo;
  const Pair<T> sum = PositiveTwoSum<T>(l.a, T(2) * v);
  const Pair<T> num{sum.hi, sum.lo + T(2) * v_lo};
  const V<T> square = T(2) * v * v;
  const Pair<T> den = PositiveTwoSum<T>(l.a * num.hi, square);
  const V<T> square_lo = MulAdd(T(4) * v, v_lo, ProductError<T>(T(2) * v, v, square));
  const V<T> den_lo = den.lo + MulAdd(l.a, num.lo, square_lo);
  const Quotient<T> q = Divide<T>(num, {den.hi, den_lo});
  // (x t)' = t + x (1 - t^2) s, where (1 - t^2) s = 4 u^2 (1 + u) / (1 + 2 u + 2 u^2)^2
  //                                              = 2^-m 4 v^2 (a + v) / den^2.
  const V<T> w = T(2) * v * q.inverse;
  const V<T> slope = l.x * (w * w) * (l.a + v);
  return {l.TimesArgument(q, x), l.Scaled(q.Value() + slope)};
}
template <typename T>
MLPCORE_INLINE V<T> Mish(V<T> x) {
  return MishWithDerivative<T>(x).value;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_SIGMOID_INL_H_
