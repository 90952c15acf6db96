// Inverted dropout, Srivastava et al. 2014, section 10: an output is dropped with
// probability `rate`, and divided by 1 - rate if it is kept.
#ifndef MLPCORE_KERNELS_DROPOUT_INL_H_
#define MLPCORE_KERNELS_DROPOUT_INL_H_

#include "kernels/activation-inl.h"
#include "kernels/philox-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Four neighbouring elements share a Philox block; index = row * 2^32 + block.
template <typename T>
void Dropout(const DropoutArgs<T>& d) {
  const T kept_scale = static_cast<T>(1 / (1 - d.rate));
  const uint32_t threshold = static_cast<uint32_t>(d.rate * 4294967296.0);  // 2^32
  constexpr ptrdiff_t kStrip = 256;  // columns whose random words are kept
  if (!d.derivative_is_set) {
    WithActivation<T>(d.activation, [&](auto phi, auto from_output) {
      using Phi = decltype(phi);
      if constexpr (decltype(from_output)::value) {
        ForEachVector<T>(d.rows, d.n, false, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
          StoreAt<T>(Phi::FromOutput(LoadAt<T>(d.y, i, j, lanes)), d.derivative, i, j,
                     lanes);
        });
      }
    });
  }
  for (ptrdiff_t i = 0; i < d.rows; ++i) {
    const uint64_t row = static_cast<uint64_t>(d.first_row + i) << 32;
    for (ptrdiff_t j = 0; j < d.n; j += kStrip) {
      const ptrdiff_t n = d.n - j < kStrip ? d.n - j : kStrip;
      alignas(kCacheLine) uint32_t random[kStrip];
      RandomBlocks(random, DivUp<ptrdiff_t>(n, 4), d.seed, d.stream,
                   row | static_cast<uint64_t>(j / 4));
      T* __restrict y = d.y.Row(i) + j;
      T* __restrict derivative = d.derivative.Row(i) + j;
      for (ptrdiff_t e = 0; e < n; ++e) {
        // Selected, not multiplied by 0: a dropped inf is 0, not NaN.
        const bool keep = random[e] >= threshold;
        y[e] = keep ? y[e] * kept_scale : T(0);
        derivative[e] = keep ? derivative[e] * kept_scale : T(0);
      }
    }
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_DROPOUT_INL_H_
