// The most multiply-adds a core can do: chains in registers, no memory. Every speed in
// the benchmarks is a share of it.
#ifndef MLPCORE_KERNELS_PEAK_INL_H_
#define MLPCORE_KERNELS_PEAK_INL_H_

#include "kernels/tile-inl.h"

// A vector as the operand of an asm statement: a register, where one is that wide.
#if defined(__x86_64__) && (MLPCORE_VEC_BYTES < 64 || defined(__AVX512F__))
#define MLPCORE_REGISTER(v) "+v"(v)
#elif defined(__aarch64__)
#define MLPCORE_REGISTER(v) "+w"(v)
#else
#define MLPCORE_REGISTER(v) "+m"(v)
#endif

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// A multiply-add takes 4 or 5 cycles and two start a cycle: 8 to 10 chains fill the
// pipe; with the two constants 12 still fit into 16 registers.
constexpr int kChains = 12;
template <typename T>
constexpr double kFlopsOfStep = 2.0 * kChains * kLanes<T>;

template <typename T>
double MultiplyAddLoop(ptrdiff_t steps) {
  // c <- c / 2 + 1 stays near 2, so no subnormal or infinity slows it down.
  V<T> half = Set<T>(T(0.5)), one = Set<T>(T(1));
  V<T> c[kChains];
  for (int i = 0; i < kChains; ++i) c[i] = Set<T>(static_cast<T>(i));
  for (ptrdiff_t step = 0; step < steps; ++step) {
    // Unknown to the compiler, or it would sum the series itself.
    __asm__ volatile("" : MLPCORE_REGISTER(half), MLPCORE_REGISTER(one));
    MLPCORE_UNROLL
    for (int i = 0; i < kChains; ++i) c[i] = MulAdd(c[i], half, one);
  }
  double sum = 0;
  for (int i = 0; i < kChains; ++i) sum += static_cast<double>(c[i][0]);
  return sum;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_PEAK_INL_H_
