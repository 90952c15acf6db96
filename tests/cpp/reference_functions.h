// The elementary functions in a wider type, as references for accuracy.cpp: double for
// float32 results, long double for float64 results. F is the wider type.
#ifndef MLPCORE_TESTS_REFERENCE_FUNCTIONS_H_
#define MLPCORE_TESTS_REFERENCE_FUNCTIONS_H_

#include <cmath>
#include <limits>

#include "mlpcore/function.h"

namespace mlpcore {

// e^x / (1 + e^x), and its like, lose nothing where e^x underflows in T: F's range is
// wider (long double) or ends where the result is 0 in T (double).
template <typename F>
F ReferenceSigmoid(F x) {
  if (x >= 0) return 1 / (1 + std::exp(-x));
  const F e = std::exp(x);
  return e / (1 + e);
}

// Phi(-a) = erfc(a / sqrt(2)) / 2. Rounding the argument costs 2 z^2 ULP of F, up to
// 1500 where float64 underflows, so its rounding error is put back to first order.
template <typename F>
F ReferenceNormalCdf(F x) {
  const F root_half = static_cast<F>(0.7071067811865475244008443621048490393L);
  // The digits of sqrt(1/2) that F cuts off; beyond quad precision none are missed.
  const F root_half_lo =
      std::numeric_limits<F>::digits == 53   ? F(-0x1.bdd3413b26456p-55)
      : std::numeric_limits<F>::digits == 64 ? F(0x1.65f626cdd52bp-66)
                                             : F(0);
  const F z = -x * root_half;
  const F z_lo = std::fma(-x, root_half, -z) - x * root_half_lo;
  const F slope =
      static_cast<F>(1.1283791670955125738961589031215451717L) * std::exp(-z * z);
  return (std::erfc(z) - slope * z_lo) / 2;
}

template <typename F>
F ReferenceMish(F x) {
  const F e = std::exp(-std::fabs(x));
  return x >= 0 ? x * ((1 + 2 * e) / (1 + 2 * e + 2 * e * e))
                : x * (e * (2 + e) / (2 + e * (2 + e)));
}

// The value of `function` at x in F. At -infinity gelu, silu and mish are their limit.
template <typename F>
F Reference(Function function, F x) {
  const bool vanishes = x == -std::numeric_limits<F>::infinity();
  switch (function) {
    case Function::kExp:
      return std::exp(x);
    case Function::kLog:
      return std::log(x);
    case Function::kTanh:
      return std::tanh(x);
    case Function::kSigmoid:
      return ReferenceSigmoid(x);
    case Function::kSoftplus:
      return std::fmax(x, F(0)) + std::log1p(std::exp(-std::fabs(x)));
    case Function::kErf:
      return std::erf(x);
    case Function::kGelu:
      if (vanishes || x == 0) return x == 0 ? x : -F(0);
      return std::fabs(x) > 1000 ? std::fmax(x, F(0)) : x * ReferenceNormalCdf(x);
    case Function::kSilu:
      return vanishes ? -F(0) : x * ReferenceSigmoid(x);
    case Function::kMish:
      return vanishes ? -F(0) : ReferenceMish(x);
    case Function::kExpm1:
      return std::expm1(x);
    case Function::kLog1p:
      return std::log1p(x);
    case Function::kCount:
      break;
  }
  return x;
}

// The derivative of gelu, silu, mish and softplus.
template <typename F>
F ReferenceDerivative(Function function, F x) {
  const F s = ReferenceSigmoid(x), one_minus_s = ReferenceSigmoid(-x);
  switch (function) {
    case Function::kGelu:
      return ReferenceNormalCdf(x) +
             x * std::exp(-x * x / 2) * static_cast<F>(0.398942280401432677939946L);
    case Function::kSilu:
      return s + x * s * one_minus_s;
    case Function::kMish: {
      const F t = std::tanh(Reference(Function::kSoftplus, x));
      const F c = std::cosh(Reference(Function::kSoftplus, x));
      return t + x * s / (c * c);
    }
    default:
      return s;
  }
}

}  // namespace mlpcore

#endif  // MLPCORE_TESTS_REFERENCE_FUNCTIONS_H_
