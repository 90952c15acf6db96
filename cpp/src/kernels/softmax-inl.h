// Softmax and log-softmax of the rows of a matrix, and what softmax's cross-entropy
// shares with them.
//
// Everything is relative to the row's maximum m, so a common offset cancels exactly and
// exp never overflows. A row with +inf or NaN, or of -inf alone, is NaN throughout:
// m - m is then NaN, and is added wherever it could be lost.
#ifndef MLPCORE_KERNELS_SOFTMAX_INL_H_
#define MLPCORE_KERNELS_SOFTMAX_INL_H_

#include "kernels/math-inl.h"
#include "kernels/rows-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
MLPCORE_INLINE T NegativeInfinity() {
  return static_cast<T>(-__builtin_inf());
}

// The largest element that is not NaN; -inf if there is none.
template <typename T>
MLPCORE_INLINE T RowMax(const T* z, ptrdiff_t n) {
  Line<T> most = SetLine<T>(NegativeInfinity<T>());
  for (ptrdiff_t j = 0; j < n; j += kPanel<T>) {
    const Line<T> line = LoadLine(z + j, n - j, NegativeInfinity<T>());
    for (int v = 0; v < kVectors<T>; ++v) most.v[v] = Max<T>(line.v[v], most.v[v]);
  }
  V<T> max = most.v[0];
  for (int v = 1; v < kVectors<T>; ++v) max = Max<T>(max, most.v[v]);
  T m = max[0];
  for (int i = 1; i < kLanes<T>; ++i) m = max[i] > m ? max[i] : m;
  return m;
}

// The first column with z = value; n if there is none.
template <typename T>
MLPCORE_INLINE ptrdiff_t FirstEqual(const T* z, ptrdiff_t n, T value) {
  for (ptrdiff_t j = 0; j < n; ++j) {
    if (z[j] == value) return j;
  }
  return n;
}

// exp(z - m) with what rounding took from z - m put back: half an ULP of 80 would be 40
// ULP of exp(-80). By TwoSum, z - m = d + lo exactly; lo is NaN where d is -inf.
template <typename T>
MLPCORE_INLINE V<T> ExpOfDifference(V<T> z, T m) {
  const V<T> d = z - m;
  const V<T> minus_m = d - z;
  const V<T> lo = (z - (d - minus_m)) - (minus_m + m);
  const V<T> e = Exp<T>(d);
  return MulAdd(e, Select<T>(lo == lo, lo, V<T>{}), e);
}

// y = exp(z - m) (y may be null), and two sums of it over the columns: one without the
// column `top`, one without the column `target` (-1: none is left out).
template <typename T>
struct SumsWithout {
  T top, target;
};
template <typename T>
MLPCORE_INLINE SumsWithout<T> ExpRow(T* y, const T* z, ptrdiff_t n, T m, ptrdiff_t top,
                                     ptrdiff_t target) {
  using Int = typename Float<T>::Int;
  Line<T> without_top = SetLine<T>(0);
  Line<T> without_target = SetLine<T>(0);
  for (ptrdiff_t j = 0; j < n; j += kPanel<T>) {
    // Columns that do not exist are masked classes: exp(-inf) = 0.
    Line<T> line = LoadLine(z + j, n - j, NegativeInfinity<T>());
    for (int v = 0; v < kVectors<T>; ++v) {
      const V<T> e = ExpOfDifference<T>(line.v[v], m);
      // A lane past the row may be NaN (-inf - -inf); the row is NaN then anyway.
      const I<T> column = Columns<T>(j, v);
      without_top.v[v] += Select<T>(column == static_cast<Int>(top), V<T>{}, e);
      without_target.v[v] += Select<T>(column == static_cast<Int>(target), V<T>{}, e);
      line.v[v] = e;
    }
    if (y) StoreLine(line, y + j, n - j);
  }
  return {Sum(without_top), Sum(without_target)};
}

template <typename T>
void Softmax(Rows<T> y, Rows<const T> z, ptrdiff_t rows, ptrdiff_t n, bool log) {
  for (ptrdiff_t i = 0; i < rows; ++i) {
    const T* z_row = z.Row(i);
    T* y_row = y.Row(i);
    const T m = RowMax(z_row, n);
    if (log) {
      const ptrdiff_t top = FirstEqual(z_row, n, m);
      const T others = ExpRow<T>(nullptr, z_row, n, m, top, -1).top;
      const V<T> log_sum = Log1p<T>(Set<T>(others + (m - m)));
      for (ptrdiff_t j = 0; j < n; j += kPanel<T>) {
        Line<T> line = LoadLine(z_row + j, n - j, T(0));
        for (V<T>& v : line.v) v = (v - m) - log_sum;
        StoreLine(line, y_row + j, n - j);
      }
    } else {
      const T sum = ExpRow(y_row, z_row, n, m, -1, -1).target + (m - m);
      for (ptrdiff_t j = 0; j < n; j += kPanel<T>) {
        Line<T> line = LoadLine<T>(y_row + j, n - j, T(0));
        for (V<T>& v : line.v) v = v / sum;
        StoreLine(line, y_row + j, n - j);
      }
    }
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_SOFTMAX_INL_H_
