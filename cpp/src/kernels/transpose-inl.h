// A panel of W into the panels of W^T.
#ifndef MLPCORE_KERNELS_TRANSPOSE_INL_H_
#define MLPCORE_KERNELS_TRANSPOSE_INL_H_

#include "kernels/tile-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// a0 b0 a1 b1 ... of the lower and of the upper halves of two vectors.
template <typename T>
MLPCORE_INLINE void Interleave(V<T>& a, V<T>& b) {
  const V<T> x = a, y = b;
  if constexpr (kLanes<T> == 2) {
    a = __builtin_shufflevector(x, y, 0, 2);
    b = __builtin_shufflevector(x, y, 1, 3);
  } else if constexpr (kLanes<T> == 4) {
    a = __builtin_shufflevector(x, y, 0, 4, 1, 5);
    b = __builtin_shufflevector(x, y, 2, 6, 3, 7);
  } else if constexpr (kLanes<T> == 8) {
    a = __builtin_shufflevector(x, y, 0, 8, 1, 9, 2, 10, 3, 11);
    b = __builtin_shufflevector(x, y, 4, 12, 5, 13, 6, 14, 7, 15);
  } else {
    a = __builtin_shufflevector(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22,
                                7, 23);
    b = __builtin_shufflevector(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14,
                                30, 15, 31);
  }
}

// to[j][i] = from[i][j] for i < rows and j < cols, at most kLanes each; to[j][i] = 0
// for i >= rows. Interleaving rows that are half a block apart moves the highest bit of
// the row's number to the lowest of the column's; after log2(kLanes) rounds the two
// have changed places.
template <typename T>
MLPCORE_INLINE void TransposeBlock(T* to, const T* from, ptrdiff_t stride,
                                   ptrdiff_t rows, ptrdiff_t cols) {
  constexpr int kL = kLanes<T>;
  V<T> row[kL];
  MLPCORE_UNROLL
  for (int i = 0; i < kL; ++i) row[i] = i < rows ? Load(from + i * stride) : V<T>{};
  MLPCORE_UNROLL
  for (int round = 1; round < kL; round *= 2) {
    V<T> next[kL];
    MLPCORE_UNROLL
    for (int i = 0; i < kL / 2; ++i) {
      next[2 * i] = row[i];
      next[2 * i + 1] = row[i + kL / 2];
      Interleave<T>(next[2 * i], next[2 * i + 1]);
    }
    MLPCORE_UNROLL
    for (int i = 0; i < kL; ++i) row[i] = next[i];
  }
  MLPCORE_UNROLL
  for (int j = 0; j < kL; ++j) {
    if (j < cols) Store<T>(row[j], to + j * stride);
  }
}

template <typename T>
void TransposePanel(T* to, ptrdiff_t to_panel_size, const T* from, ptrdiff_t n_in,
                    ptrdiff_t cols) {
  constexpr ptrdiff_t kL = kLanes<T>;
  for (ptrdiff_t i = 0; i < n_in; i += kL) {
    const ptrdiff_t rows = n_in - i < kL ? n_in - i : kL;
    T* lines = to + i / kPanel<T> * to_panel_size + i % kPanel<T>;
    for (ptrdiff_t j = 0; j < cols; j += kL) {
      TransposeBlock(lines + j * kPanel<T>, from + i * kPanel<T> + j, kPanel<T>, rows,
                     cols - j);
    }
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_TRANSPOSE_INL_H_
