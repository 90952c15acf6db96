// The rows of a shuffled batch, side by side.
#ifndef MLPCORE_KERNELS_GATHER_INL_H_
#define MLPCORE_KERNELS_GATHER_INL_H_

#include "simd/vec-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// A row's place is known long before its turn comes, and the processor cannot guess it:
// so the lines of a short row are asked for kAhead rows before. Of a long one it is the
// next row's, line by line: by the time the processor follows a row by itself, much of
// it is over (784 columns: 49 lines).
template <typename T>
void GatherRows(Rows<T> to, Rows<const T> from, const int64_t* order, ptrdiff_t rows,
                ptrdiff_t n) {
  constexpr ptrdiff_t kAhead = 8;
  constexpr ptrdiff_t kShort = 4 * kPanel<T>;
  const ptrdiff_t whole = n - n % kLanes<T>;
  for (ptrdiff_t i = 0; i < rows; ++i) {
    const T* source = from.Row(order[i]);
    T* row = to.Row(i);
    if (n > kShort) {
      const T* next = from.Row(order[i + 1 < rows ? i + 1 : i]);
      for (ptrdiff_t j = 0; j < whole; j += kLanes<T>) {
        if (j % kPanel<T> == 0) __builtin_prefetch(next + j);
        Store<T>(Load(source + j), row + j);
      }
    } else {
      if (i + kAhead < rows) {
        const T* next = from.Row(order[i + kAhead]);
        for (ptrdiff_t j = 0; j < n; j += kPanel<T>) __builtin_prefetch(next + j);
      }
      for (ptrdiff_t j = 0; j < whole; j += kLanes<T>)
        Store<T>(Load(source + j), row + j);
    }
    if (whole < n) Store<T>(LoadN(source + whole, n - whole), row + whole);
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_GATHER_INL_H_
