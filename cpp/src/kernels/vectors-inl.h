// Walking over a matrix by vectors.
#ifndef MLPCORE_KERNELS_VECTORS_INL_H_
#define MLPCORE_KERNELS_VECTORS_INL_H_

#include "kernels/columns-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Which elements a vector at (row, column) has: as many of the row as it has lanes; the
// row's next n; or as many of each of kRows rows as fit.
struct All {};
struct First {
  ptrdiff_t n;
};
template <int kRows>
struct Beside {};

template <typename T>
MLPCORE_INLINE V<T> LoadAt(Rows<const T> m, ptrdiff_t row, ptrdiff_t col, All) {
  return Load(m.Row(row) + col);
}
template <typename T>
MLPCORE_INLINE V<T> LoadAt(Rows<const T> m, ptrdiff_t row, ptrdiff_t col, First lanes) {
  return LoadN(m.Row(row) + col, lanes.n);
}
template <typename T>
MLPCORE_INLINE void StoreAt(V<T> v, Rows<T> m, ptrdiff_t row, ptrdiff_t col, All) {
  Store<T>(v, m.Row(row) + col);
}
template <typename T>
MLPCORE_INLINE void StoreAt(V<T> v, Rows<T> m, ptrdiff_t row, ptrdiff_t col,
                            First lanes) {
  StoreN(v, m.Row(row) + col, lanes.n);
}

// Beside: 512 bits alone.
template <typename T>
MLPCORE_INLINE V<T> JoinHalves(HalfV<T> low, HalfV<T> high) {
  if constexpr (kLanes<T> == 16) {
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
                                   13, 14, 15);
  } else {
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7);
  }
}
template <int kHalf, typename T>
MLPCORE_INLINE HalfV<T> HalfAt(V<T> v) {
  constexpr int k = kHalf * kLanes<T> / 2;
  if constexpr (kLanes<T> == 16) {
    return __builtin_shufflevector(v, v, k, k + 1, k + 2, k + 3, k + 4, k + 5, k + 6,
                                   k + 7);
  } else {
    return __builtin_shufflevector(v, v, k, k + 1, k + 2, k + 3);
  }
}

// Two rows: a half of the vector each.
template <typename T>
MLPCORE_INLINE V<T> LoadAt(Rows<const T> m, ptrdiff_t row, ptrdiff_t col, Beside<2>) {
  HalfV<T> half[2];
  memcpy(&half[0], m.Row(row) + col, sizeof half[0]);
  memcpy(&half[1], m.Row(row + 1) + col, sizeof half[1]);
  return JoinHalves<T>(half[0], half[1]);
}
template <typename T>
MLPCORE_INLINE void StoreAt(V<T> v, Rows<T> m, ptrdiff_t row, ptrdiff_t col,
                            Beside<2>) {
  const HalfV<T> low = HalfAt<0, T>(v), high = HalfAt<1, T>(v);
  memcpy(m.Row(row) + col, &low, sizeof low);
  memcpy(m.Row(row + 1) + col, &high, sizeof high);
}

// Four rows: a piece each.
template <typename T>
MLPCORE_INLINE V<T> LoadAt(Rows<const T> m, ptrdiff_t row, ptrdiff_t col, Beside<4>) {
  Piece<T> pieces[4];
  for (int i = 0; i < 4; ++i) pieces[i] = LoadPiece<kPiece<T>>(m.Row(row + i) + col);
  return Join<T>(pieces);
}
template <typename T>
MLPCORE_INLINE void StoreAt(V<T> v, Rows<T> m, ptrdiff_t row, ptrdiff_t col,
                            Beside<4>) {
  StorePiece<kPiece<T>, T>(PieceAt<0, T>(v), m.Row(row) + col);
  StorePiece<kPiece<T>, T>(PieceAt<1, T>(v), m.Row(row + 1) + col);
  StorePiece<kPiece<T>, T>(PieceAt<2, T>(v), m.Row(row + 2) + col);
  StorePiece<kPiece<T>, T>(PieceAt<3, T>(v), m.Row(row + 3) + col);
}

// The last columns, `tail` of them at `col`, some rows at a time where these fit side
// by side. Returns how many rows were taken.
template <typename T, typename Body>
MLPCORE_INLINE ptrdiff_t ForRowsBeside(ptrdiff_t rows, ptrdiff_t col, ptrdiff_t tail,
                                       Body body) {
  ptrdiff_t row = 0;
  if (tail <= kPiece<T>) {
    for (; row + 4 <= rows; row += 4) body(row, col, Beside<4>{});
  }
  for (; row + 2 <= rows; row += 2) body(row, col, Beside<2>{});
  return row;
}

// body(row, column, lanes) for every vector of a (rows, n) matrix. The row loop is
// innermost for a strip of one or two vectors, so that independent chains overlap.
//
// Where rows are padded to whole panels, what is beyond the last column may be written
// too: then no store is masked, which costs 18 cycles on Zen 4, and of half a vector of
// 512 bits or less two or four rows are taken at a time. (With 256 bits nothing was
// gained.)
template <typename T, typename Body>
MLPCORE_INLINE void ForEachVector(ptrdiff_t rows, ptrdiff_t n, bool padded, Body body) {
  constexpr ptrdiff_t kL = kLanes<T>;
  constexpr ptrdiff_t kMostBeside = kPieces<T> == 4 ? kL / 2 : 0;
  ptrdiff_t tail = n % kL, first = 0;
  if (padded && tail > kMostBeside) {
    n += kL - tail;
    tail = 0;
  }
  const ptrdiff_t whole = n - tail;
  if constexpr (kMostBeside > 0) {
    if (padded && tail > 0) first = ForRowsBeside<T>(rows, whole, tail, body);
  }
  if (n <= 2 * kL) {
    for (ptrdiff_t j = 0; j < whole; j += kL) {
      for (ptrdiff_t i = 0; i < rows; ++i) body(i, j, All{});
    }
  } else {
    for (ptrdiff_t i = 0; i < rows; ++i) {
      for (ptrdiff_t j = 0; j < whole; j += kL) body(i, j, All{});
    }
  }
  if (tail > 0) {
    for (ptrdiff_t i = first; i < rows; ++i) body(i, whole, First{tail});
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_VECTORS_INL_H_
