// Softmax and log-softmax of the rows of a matrix, and what softmax's cross-entropy
// shares with them.
//
// Everything is relative to the row's maximum m, so a common offset cancels exactly and
// exp never overflows. A row with +inf or NaN, or of -inf alone, is NaN throughout:
// m - m is then NaN, and is added wherever it could be lost.
#ifndef MLPCORE_KERNELS_SOFTMAX_INL_H_
#define MLPCORE_KERNELS_SOFTMAX_INL_H_

#include "kernels/math-inl.h"
#include "kernels/row_group-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// exp(z - m) with what rounding took from z - m put back: half an ULP of 80 would be 40
// ULP of exp(-80). By TwoSum, z - m = d + lo exactly; lo is NaN where d is -inf. It is
// 0 where z - m < least.
template <typename T>
MLPCORE_INLINE V<T> ExpOfDifference(V<T> z, V<T> m, T least) {
  const V<T> d = z - m;
  const V<T> minus_m = d - z;
  const V<T> lo = (z - (d - minus_m)) - (minus_m + m);
  const V<T> e = Exp<T>(d, least);
  return MulAdd(e, Select<T>(lo == lo, lo, V<T>{}), e);
}

// exp(z - m), kept in y if `keep`, and two sums of it over the columns: one without the
// column `top`, one without the column `target` (-1: none is left out). exp is 0 below
// `least`.
template <typename T>
struct SumsWithout {
  V<T> top, target;
};
template <bool keep, typename T, typename Group>
MLPCORE_INLINE SumsWithout<T> ExpRow(Group& g, Rows<T> y, V<T> m, I<T> top, I<T> target,
                                     T least = ExpConstants<T>::kVanishes) {
  typename Group::Sums without_top, without_target;
  for (ptrdiff_t k = 0; k < g.n_vectors(); ++k) {
    const V<T> e = ExpOfDifference<T>(g.Z(k), m, least);
    // A lane past the row may be NaN (-inf - -inf); the row is NaN then anyway.
    const I<T> column = g.Column(k);
    without_top.Add(k, Select<T>(column == top, V<T>{}, e));
    without_target.Add(k, Select<T>(column == target, V<T>{}, e));
    if constexpr (keep) g.Keep(e, y, k);
  }
  return {g.RowSum(without_top), g.RowSum(without_target)};
}

// Of one group of rows (row_group-inl.h).
template <typename T, typename Group>
MLPCORE_INLINE void SoftmaxOf(Group& g, Rows<T> y, bool log) {
  const I<T> none = ~I<T>{};  // -1
  const V<T> m = g.RowMax();
  if (log) {
    const V<T> others = ExpRow<false>(g, y, m, g.FirstEqual(m), none).top;
    const V<T> log_sum = Log1p<T>(others + (m - m));
    for (ptrdiff_t k = 0; k < g.n_vectors(); ++k) {
      g.Put((g.Z(k) - m) - log_sum, y, k);
    }
  } else {
    const V<T> sum = ExpRow<true>(g, y, m, none, none).target + (m - m);
    for (ptrdiff_t k = 0; k < g.n_vectors(); ++k) g.Put(g.Kept(y, k) / sum, y, k);
  }
}

template <typename T>
void Softmax(Rows<T> y, Rows<const T> z, ptrdiff_t rows, ptrdiff_t n, bool log) {
  // Columns that do not exist are masked classes: exp(-inf) = 0.
  ForEachGroup<T>(z, rows, n, NegativeInfinity<T>(),
                  [&](auto& g) { SoftmaxOf<T>(g, y, log); });
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_SOFTMAX_INL_H_
