// The most multiply-adds a core can do: chains in registers, no memory. Compiled once
// per instruction set, over the kernels' own vectors.
#ifndef MLPCORE_BENCH_FMA_LOOP_INL_H_
#define MLPCORE_BENCH_FMA_LOOP_INL_H_

#include "fma_loop.h"
#include "simd/vec-inl.h"

// A vector register as the operand of an asm statement.
#if defined(__x86_64__)
#define MLPCORE_REGISTER(v) "+v"(v)
#else
#define MLPCORE_REGISTER(v) "+w"(v)
#endif

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// A multiply-add takes 4 or 5 cycles and two start a cycle: 8 to 10 chains fill the
// pipe; with the two constants 12 still fit into 16 registers.
constexpr int kChains = 12;

template <typename T>
double FmaLoop(int64_t steps) {
  // c <- c / 2 + 1 stays near 2, so no subnormal or infinity slows it down.
  V<T> half = Set<T>(T(0.5)), one = Set<T>(T(1));
  V<T> c[kChains];
  for (int i = 0; i < kChains; ++i) c[i] = Set<T>(static_cast<T>(i));
  for (int64_t step = 0; step < steps; ++step) {
    // Unknown to the compiler, or it would sum the series itself.
    __asm__ volatile("" : MLPCORE_REGISTER(half), MLPCORE_REGISTER(one));
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 12
#endif
    for (int i = 0; i < kChains; ++i) c[i] = MulAdd(c[i], half, one);
  }
  double sum = 0;
  for (int i = 0; i < kChains; ++i) sum += static_cast<double>(c[i][0]);
  return sum;
}

}  // namespace

bench::FmaLoops FmaLoopsOf() {
  return {&FmaLoop<float>, &FmaLoop<double>, 2.0 * kChains * kLanes<float>,
          2.0 * kChains * kLanes<double>};
}

}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_BENCH_FMA_LOOP_INL_H_
