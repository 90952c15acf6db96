// A row by cache lines of lanes.
#ifndef MLPCORE_KERNELS_ROWS_INL_H_
#define MLPCORE_KERNELS_ROWS_INL_H_

#include "kernels/tile-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// One cache line of lanes: kPanel elements on every instruction set. Sums over the
// columns of a row are kept in these virtual lanes and combined by the fixed tree of
// Sum, so they do not depend on the vector's width.
template <typename T>
struct Line {
  V<T> v[kVectors<T>];
};

template <typename T>
MLPCORE_INLINE Line<T> SetLine(T value) {
  Line<T> line;
  for (V<T>& v : line.v) v = Set<T>(value);
  return line;
}

// The line at p, of which n elements exist; the others are `fill`.
template <typename T>
MLPCORE_INLINE Line<T> LoadLine(const T* p, ptrdiff_t n, T fill) {
  Line<T> line;
  constexpr ptrdiff_t kL = kLanes<T>;
  if (n >= kPanel<T>) {
    for (int i = 0; i < kVectors<T>; ++i) line.v[i] = Load(p + i * kL);
  } else {
    for (int i = 0; i < kVectors<T>; ++i) {
      const ptrdiff_t left = n - i * kL;
      const ptrdiff_t lanes = left < 0 ? 0 : left > kL ? kL : left;
      const I<T> exists = Iota<T>() < static_cast<typename Float<T>::Int>(lanes);
      line.v[i] =
          Select<T>(exists, LoadN(p + (lanes ? i * kL : 0), lanes), Set<T>(fill));
    }
  }
  return line;
}

template <typename T>
MLPCORE_INLINE void StoreLine(const Line<T>& line, T* p, ptrdiff_t n) {
  constexpr ptrdiff_t kL = kLanes<T>;
  if (n >= kPanel<T>) {
    for (int i = 0; i < kVectors<T>; ++i) Store<T>(line.v[i], p + i * kL);
  } else {
    for (int i = 0; i * kL < n; ++i) {
      StoreN(line.v[i], p + i * kL, n - i * kL < kL ? n - i * kL : kL);
    }
  }
}

// ((l0 + l8) + (l4 + l12)) + ...: halves are added until one is left.
template <typename T>
MLPCORE_INLINE T Sum(const Line<T>& line) {
  alignas(kCacheLine) T lane[kPanel<T>];
  StoreLine(line, lane, kPanel<T>);
  for (ptrdiff_t half = kPanel<T> / 2; half > 0; half /= 2) {
    for (ptrdiff_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  }
  return lane[0];
}

// sum[i] += term[i], for whole vectors.
template <typename T>
void Add(T* sum, const T* term, ptrdiff_t n) {
  for (ptrdiff_t i = 0; i < n; i += kLanes<T>) {
    Store<T>(Load(sum + i) + Load(term + i), sum + i);
  }
}

// x - x is 0 for what is finite, and NaN for the rest. Four chains; and memory is asked
// 4 KB ahead: of 50 to 400 MB 35 to 44 GB/s arrive, 30 to 35 without (Zen 5).
template <typename T>
bool AllFinite(const T* x, ptrdiff_t n) {
  constexpr ptrdiff_t kL = kLanes<T>, kLine = kPanel<T>, kAhead = 64 * kLine;
  constexpr int kChains = 4;
  V<T> sum[kChains] = {};
  ptrdiff_t i = 0;
  for (; i + kChains * kL <= n; i += kChains * kL) {
    for (ptrdiff_t line = 0; line < kChains * kL; line += kLine) {
      __builtin_prefetch(x + i + kAhead + line);
    }
    MLPCORE_UNROLL
    for (int c = 0; c < kChains; ++c) {
      const V<T> v = Load(x + i + c * kL);
      sum[c] += v - v;
    }
  }
  for (; i < n; i += kL) {
    const V<T> v = LoadN(x + i, n - i < kL ? n - i : kL);
    sum[0] += v - v;
  }
  const V<T> all = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  bool finite = true;
  for (int lane = 0; lane < kL; ++lane) finite = finite && all[lane] == T(0);
  return finite;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_ROWS_INL_H_
