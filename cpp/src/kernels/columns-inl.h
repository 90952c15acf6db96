// Some rows of a matrix as vectors of their columns, and back.
#ifndef MLPCORE_KERNELS_COLUMNS_INL_H_
#define MLPCORE_KERNELS_COLUMNS_INL_H_

#include "kernels/transpose-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// A piece of a row: 16 bytes, the part of a vector that every instruction set can put
// in and take out at once. Lane by lane it takes four instructions an element on
// AVX-512, and made up half of the loss of two classes.
template <typename T>
struct PieceOf {
  typedef T Type __attribute__((vector_size(16)));
  typedef T Pair __attribute__((vector_size(32)));
};
template <typename T>
using Piece = typename PieceOf<T>::Type;
template <typename T>
constexpr int kPiece = 16 / static_cast<int>(sizeof(T));
// Pieces in a vector.
template <typename T>
constexpr int kPieces = kLanes<T> / kPiece<T>;

// Two float elements, moved as one of 64 bits.
typedef int64_t Pairs __attribute__((vector_size(16)));

// The first kCols elements at p, and 0.
template <int kCols, typename T>
MLPCORE_INLINE Piece<T> LoadPiece(const T* p) {
  if constexpr (kCols == kPiece<T>) {
    Piece<T> piece;
    memcpy(&piece, p, sizeof piece);
    return piece;
  } else if constexpr (kCols == 1) {
    return Piece<T>{p[0]};
  } else {
    int64_t pair;
    memcpy(&pair, p, sizeof pair);
    if constexpr (kCols == 2) return (Piece<T>)Pairs{pair, 0};
    const Piece<T> third = {p[2]};
    return __builtin_shufflevector((Piece<T>)Pairs{pair, 0}, third, 0, 1, 4, 5);
  }
}
template <int kCols, typename T>
MLPCORE_INLINE void StorePiece(Piece<T> piece, T* p) {
  if constexpr (kCols == kPiece<T>) {
    memcpy(p, &piece, sizeof piece);
  } else if constexpr (kCols == 1) {
    p[0] = piece[0];
  } else {
    const int64_t pair = ((Pairs)piece)[0];
    memcpy(p, &pair, sizeof pair);
    if constexpr (kCols == 3) p[2] = piece[2];
  }
}

template <typename T>
MLPCORE_INLINE V<T> Join(const Piece<T> (&p)[kPieces<T>]) {
  if constexpr (kPieces<T> == 1) {
    return p[0];
  } else if constexpr (sizeof(T) == 4) {
    using Pair = typename PieceOf<T>::Pair;
    const Pair low = __builtin_shufflevector(p[0], p[1], 0, 1, 2, 3, 4, 5, 6, 7);
    if constexpr (kPieces<T> == 2) {
      return low;
    } else {
      const Pair high = __builtin_shufflevector(p[2], p[3], 0, 1, 2, 3, 4, 5, 6, 7);
      return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                     12, 13, 14, 15);
    }
  } else {
    using Pair = typename PieceOf<T>::Pair;
    const Pair low = __builtin_shufflevector(p[0], p[1], 0, 1, 2, 3);
    if constexpr (kPieces<T> == 2) {
      return low;
    } else {
      const Pair high = __builtin_shufflevector(p[2], p[3], 0, 1, 2, 3);
      return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
    }
  }
}
template <int kAt, typename T>
MLPCORE_INLINE Piece<T> PieceAt(V<T> v) {
  constexpr int k = kAt * kPiece<T>;
  if constexpr (kPieces<T> == 1) {
    return v;
  } else if constexpr (sizeof(T) == 4) {
    return __builtin_shufflevector(v, v, k, k + 1, k + 2, k + 3);
  } else {
    return __builtin_shufflevector(v, v, k, k + 1);
  }
}

// Even lanes of two vectors into a, odd ones into b.
template <typename T>
MLPCORE_INLINE void Deinterleave(V<T>& a, V<T>& b) {
  const V<T> x = a, y = b;
  if constexpr (kLanes<T> == 2) {
    a = __builtin_shufflevector(x, y, 0, 2);
    b = __builtin_shufflevector(x, y, 1, 3);
  } else if constexpr (kLanes<T> == 4) {
    a = __builtin_shufflevector(x, y, 0, 2, 4, 6);
    b = __builtin_shufflevector(x, y, 1, 3, 5, 7);
  } else if constexpr (kLanes<T> == 8) {
    a = __builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14);
    b = __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15);
  } else {
    a = __builtin_shufflevector(x, y, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
                                28, 30);
    b = __builtin_shufflevector(x, y, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27,
                                29, 31);
  }
}

// kPiece vectors hold kLanes rows of kPiece elements, one after the other. Taking even
// and odd lanes apart moves the lowest bit of a column's number out of the lane's, so
// that after log2(kPiece) rounds vector j is column j; interleaving takes it back.
template <typename T>
MLPCORE_INLINE void RowsToColumns(V<T> (&v)[kPiece<T>]) {
  Deinterleave<T>(v[0], v[1]);
  if constexpr (kPiece<T> == 4) {
    Deinterleave<T>(v[2], v[3]);
    Deinterleave<T>(v[0], v[2]);
    Deinterleave<T>(v[1], v[3]);
  }
}
template <typename T>
MLPCORE_INLINE void ColumnsToRows(V<T> (&v)[kPiece<T>]) {
  if constexpr (kPiece<T> == 4) {
    Interleave<T>(v[0], v[2]);
    Interleave<T>(v[1], v[3]);
    Interleave<T>(v[2], v[3]);
  }
  Interleave<T>(v[0], v[1]);
}

// The columns [0, kCols) of kLanes rows at p. The other vectors are 0.
template <int kCols, typename T>
MLPCORE_INLINE void ReadColumns(V<T> (&v)[kPiece<T>], const T* p, ptrdiff_t stride) {
  MLPCORE_UNROLL
  for (int j = 0; j < kPiece<T>; ++j) {
    Piece<T> piece[kPieces<T>];
    MLPCORE_UNROLL
    for (int i = 0; i < kPieces<T>; ++i) piece[i] = LoadPiece<kCols>(p + i * stride);
    v[j] = Join<T>(piece);
    p += kPieces<T> * stride;
  }
  RowsToColumns<T>(v);
}

// The reverse. v is used up.
template <int kCols, typename T>
MLPCORE_INLINE void WriteColumns(V<T> (&v)[kPiece<T>], T* p, ptrdiff_t stride) {
  ColumnsToRows<T>(v);
  MLPCORE_UNROLL
  for (int j = 0; j < kPiece<T>; ++j) {
    StorePiece<kCols, T>(PieceAt<0, T>(v[j]), p);
    if constexpr (1 < kPieces<T>) {
      StorePiece<kCols, T>(PieceAt<1, T>(v[j]), p + stride);
    }
    if constexpr (2 < kPieces<T>) {
      StorePiece<kCols, T>(PieceAt<2, T>(v[j]), p + 2 * stride);
      StorePiece<kCols, T>(PieceAt<3, T>(v[j]), p + 3 * stride);
    }
    p += kPieces<T> * stride;
  }
}

// use(Columns<n>) for how many of the `left` columns are in the next piece.
template <int kCols>
struct Columns {
  static constexpr int value = kCols;
};
template <typename T, typename Use>
MLPCORE_INLINE void WithColumnsLeft(ptrdiff_t left, Use use) {
  if (left >= kPiece<T>) return use(Columns<kPiece<T>>{});
  if constexpr (kPiece<T> == 4) {
    if (left == 3) return use(Columns<3>{});
    if (left == 2) return use(Columns<2>{});
  }
  use(Columns<1>{});
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_COLUMNS_INL_H_
