// What the elementary functions share: polynomials, and numbers with more digits than
// T.
#ifndef MLPCORE_KERNELS_MATH_PAIR_INL_H_
#define MLPCORE_KERNELS_MATH_PAIR_INL_H_

#include "simd/vec-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// The number hi + lo, where lo is a correction of about an ULP of hi or less.
template <typename T>
struct Pair {
  V<T> hi, lo;
};

// a + b without error where |a| >= |b| or a == 0 (Dekker 1971).
template <typename T>
MLPCORE_INLINE Pair<T> FastTwoSum(V<T> a, V<T> b) {
  const V<T> sum = a + b;
  return {sum, (a - sum) + b};
}

// a + b without error for a, b >= 0. (Two comparisons, so that the compilers see a
// maximum and a minimum.)
template <typename T>
MLPCORE_INLINE Pair<T> PositiveTwoSum(V<T> a, V<T> b) {
  return FastTwoSum<T>(Select<T>(a > b, a, b), Select<T>(b > a, a, b));
}

// v cut into two halves of the significand, so that products of halves are exact
// (Veltkamp 1968). |v| may not be near the ends of T's range.
template <typename T>
MLPCORE_INLINE Pair<T> Halve(V<T> v) {
  constexpr T kCut = sizeof(T) == 4 ? T(0x1p12 + 1) : T(0x1p27 + 1);
  const V<T> big = v * kCut;
  const V<T> hi = big - (big - v);
  return {hi, v - hi};
}

// a b - product, where product is a * b rounded: without error (Dekker 1971).
template <typename T>
MLPCORE_INLINE V<T> ProductError(V<T> a, V<T> b, V<T> product) {
  if constexpr (kHasFma) {
    return MulAdd(a, b, -product);
  } else {
    const Pair<T> x = Halve<T>(a), y = Halve<T>(b);
    return ((x.hi * y.hi - product) + x.hi * y.lo + x.lo * y.hi) + x.lo * y.lo;
  }
}

// a b + c, to about one rounding of the result where c is small beside it.
template <typename T>
MLPCORE_INLINE V<T> MulAddOnce(V<T> a, V<T> b, V<T> c) {
  if constexpr (kHasFma) {
    return MulAdd(a, b, c);
  } else {
    const V<T> product = a * b;
    return product + (ProductError<T>(a, b, product) + c);
  }
}

// c - a b, to about one rounding of the result also where it cancels.
template <typename T>
MLPCORE_INLINE V<T> Residual(V<T> a, V<T> b, V<T> c) {
  if constexpr (kHasFma) {
    return NegMulAdd(a, b, c);
  } else {
    const V<T> product = a * b;
    return (c - product) - ProductError<T>(a, b, product);
  }
}

// num / den, and 1 / den to about one ULP.
template <typename T>
struct Quotient {
  V<T> hi;       // num / den to about an ULP
  V<T> rest;     // num - hi den
  V<T> inverse;  // 1 / den

  // The quotient to little more than half an ULP.
  MLPCORE_INLINE V<T> Value() const { return MulAdd(rest, inverse, hi); }
  // x times the quotient, rounded once as well.
  MLPCORE_INLINE V<T> Times(V<T> x) const {
    return MulAddOnce<T>(x, hi, x * inverse * rest);
  }
};
template <typename T>
MLPCORE_INLINE Quotient<T> Divide(Pair<T> num, Pair<T> den) {
  const V<T> inverse = T(1) / den.hi;
  const V<T> q = num.hi * inverse;
  const V<T> rest = NegMulAdd(q, den.lo, Residual<T>(q, den.hi, num.hi) + num.lo);
  return {q, rest, inverse};
}

// c[first] + c[first + step] x + c[first + 2 step] x^2 + ... by Horner's rule.
template <int first = 0, int step = 1, typename T, int kTerms>
MLPCORE_INLINE V<T> Polynomial(const T (&c)[kTerms], V<T> x) {
  if constexpr (first + step >= kTerms) {
    return Set<T>(c[first]);
  } else {
    return MulAdd(Polynomial<first + step, step>(c, x), x, Set<T>(c[first]));
  }
}

// The same polynomial, its even and its odd half side by side: half the latency, which
// is what these functions wait for. square = x * x.
template <typename T, int kTerms>
MLPCORE_INLINE V<T> Polynomial(const T (&c)[kTerms], V<T> x, V<T> square) {
  return MulAdd(Polynomial<1, 2>(c, square), x, Polynomial<0, 2>(c, square));
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_MATH_PAIR_INL_H_
