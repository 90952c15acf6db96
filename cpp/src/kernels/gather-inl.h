// The rows of a shuffled batch, side by side.
#ifndef MLPCORE_KERNELS_GATHER_INL_H_
#define MLPCORE_KERNELS_GATHER_INL_H_

#include "simd/vec-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// A row's place is known long before its turn comes, and the processor cannot guess it:
// so its first lines are asked for kAhead rows before. The rest of a long row is a
// stream, which it does follow.
template <typename T>
void GatherRows(Rows<T> to, Rows<const T> from, const int64_t* order, ptrdiff_t rows,
                ptrdiff_t n) {
  constexpr ptrdiff_t kAhead = 8;
  constexpr ptrdiff_t kFirst = 4 * kPanel<T>;
  const ptrdiff_t whole = n - n % kLanes<T>;
  for (ptrdiff_t i = 0; i < rows; ++i) {
    if (i + kAhead < rows) {
      const T* next = from.Row(order[i + kAhead]);
      for (ptrdiff_t j = 0; j < n && j < kFirst; j += kPanel<T>) {
        __builtin_prefetch(next + j);
      }
    }
    const T* source = from.Row(order[i]);
    T* row = to.Row(i);
    for (ptrdiff_t j = 0; j < whole; j += kLanes<T>)
      Store<T>(Load(source + j), row + j);
    if (whole < n) Store<T>(LoadN(source + whole, n - whole), row + whole);
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_GATHER_INL_H_
