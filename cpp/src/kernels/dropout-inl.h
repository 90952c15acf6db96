// Inverted dropout, Srivastava et al. 2014, section 10: an output is dropped with
// probability `rate`, and divided by 1 - rate if it is kept.
#ifndef MLPCORE_KERNELS_DROPOUT_INL_H_
#define MLPCORE_KERNELS_DROPOUT_INL_H_

#include "kernels/activation-inl.h"
#include "mlpcore/philox.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Four neighbouring elements share a Philox block; index = row * 2^32 + block.
template <typename T>
void Dropout(const DropoutArgs<T>& d) {
  const T kept_scale = static_cast<T>(1 / (1 - d.rate));
  const uint64_t threshold = static_cast<uint64_t>(d.rate * 4294967296.0);  // 2^32
  if (!d.derivative_is_set) {
    WithActivation<T>(d.activation, [&](auto phi, auto from_output) {
      using Phi = decltype(phi);
      if constexpr (decltype(from_output)::value) {
        ForEachVector<T>(d.rows, d.n, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
          Store<T>(Phi::FromOutput(Load<T>(d.y.Row(i) + j, lanes)),
                   d.derivative.Row(i) + j, lanes);
        });
      }
    });
  }
  for (ptrdiff_t i = 0; i < d.rows; ++i) {
    const uint64_t row = static_cast<uint64_t>(d.first_row + i) << 32;
    T* y = d.y.Row(i);
    T* derivative = d.derivative.Row(i);
    for (ptrdiff_t j = 0; j < d.n; j += 4) {
      const PhiloxBlock random =
          Philox(d.seed, d.stream, row | static_cast<uint64_t>(j / 4));
      const ptrdiff_t left = d.n - j < 4 ? d.n - j : 4;
      for (ptrdiff_t e = 0; e < left; ++e) {
        const bool keep = random.word[e] >= threshold;
        // Selected, not multiplied by 0: a dropped inf is 0, not NaN.
        y[j + e] = keep ? y[j + e] * kept_scale : T(0);
        derivative[j + e] = keep ? derivative[j + e] * kept_scale : T(0);
      }
    }
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_DROPOUT_INL_H_
