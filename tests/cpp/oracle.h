// The order of arithmetic that ARCHITECTURE.md promises, one scalar at a time: the
// three products of a dense layer must have these very bits, whatever the tile, the
// vector or the number of threads.
#ifndef MLPCORE_TESTS_ORACLE_H_
#define MLPCORE_TESTS_ORACLE_H_

#include <cmath>
#include <cstddef>
#include <vector>

namespace mlpcore::testing {

// The length of a chain. Not kBlockTerms: whoever changes that changes the bits of
// every result, and should hear of it here.
constexpr ptrdiff_t kOracleBlock = 256;

// One term of a chain: rounded once with FMA, twice without.
template <typename T>
T OracleMulAdd(bool fused, T a, T b, T c) {
  if (fused) return std::fma(a, b, c);
  const T product = a * b;
  return product + c;
}

// start + sum_k a(k) b(k): blocks of 256 terms, a chain each; the first chain
// starts from `start`, the others from 0; the chains are added in order.
template <typename T, typename A, typename B>
T OracleSum(bool fused, T start, ptrdiff_t terms, const A& a, const B& b) {
  T total = start;
  for (ptrdiff_t block = 0; block < terms; block += kOracleBlock) {
    T chain = block == 0 ? start : T(0);
    for (ptrdiff_t k = block; k < terms && k < block + kOracleBlock; ++k) {
      chain = OracleMulAdd(fused, a(k), b(k), chain);
    }
    total = block == 0 ? chain : total + chain;
  }
  return total;
}

// z (rows, n_out) = x (rows, n_in) W + b.
template <typename T>
std::vector<T> OracleDense(bool fused, const std::vector<T>& x,
                           const std::vector<T>& w_then_b, ptrdiff_t rows,
                           ptrdiff_t n_in, ptrdiff_t n_out) {
  std::vector<T> z;
  const T* w = w_then_b.data();
  for (ptrdiff_t i = 0; i < rows; ++i) {
    for (ptrdiff_t j = 0; j < n_out; ++j) {
      z.push_back(OracleSum(
          fused, w[n_in * n_out + j], n_in,
          [&](ptrdiff_t k) { return x[static_cast<size_t>(i * n_in + k)]; },
          [&](ptrdiff_t k) { return w[k * n_out + j]; }));
    }
  }
  return z;
}

// dx (rows, n_in) = dz (rows, n_out) W^T, before phi'.
template <typename T>
std::vector<T> OracleInputGradient(bool fused, const std::vector<T>& dz,
                                   const std::vector<T>& w_then_b, ptrdiff_t rows,
                                   ptrdiff_t n_in, ptrdiff_t n_out) {
  std::vector<T> dx;
  const T* w = w_then_b.data();
  for (ptrdiff_t i = 0; i < rows; ++i) {
    for (ptrdiff_t j = 0; j < n_in; ++j) {
      dx.push_back(OracleSum(
          fused, T(0), n_out,
          [&](ptrdiff_t k) { return dz[static_cast<size_t>(i * n_out + k)]; },
          [&](ptrdiff_t k) { return w[j * n_out + k]; }));
    }
  }
  return dx;
}

// dW (n_in, n_out) = x^T dz, then db = sum of dz: blocks are chunks of the batch's
// rows.
template <typename T>
std::vector<T> OracleWeightGradient(bool fused, const std::vector<T>& x,
                                    const std::vector<T>& dz, ptrdiff_t rows,
                                    ptrdiff_t n_in, ptrdiff_t n_out) {
  std::vector<T> dw;
  for (ptrdiff_t i = 0; i <= n_in; ++i) {
    for (ptrdiff_t j = 0; j < n_out; ++j) {
      dw.push_back(OracleSum(
          fused, T(0), rows,
          [&](ptrdiff_t k) {
            return i < n_in ? x[static_cast<size_t>(k * n_in + i)] : T(1);
          },
          [&](ptrdiff_t k) { return dz[static_cast<size_t>(k * n_out + j)]; }));
    }
  }
  return dw;
}

}  // namespace mlpcore::testing

#endif  // MLPCORE_TESTS_ORACLE_H_
