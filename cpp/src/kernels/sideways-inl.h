// Layers sideways, for narrow networks: the rows of a group lie in the lanes, an
// element of each in one line, so that no lane is padding, however few outputs there
// are.
//
//   y^T = phi(W^T x^T + b)
//
// Each element is the same chain of multiply-adds as in the upright product
// (dense-inl.h), so it has the same bits. A group is as many rows as a line has
// elements; its matrices are contiguous, (n, kGroupRows), and those of several groups
// follow one another, as panels do: a tile takes up to kWidePanels of them.
#ifndef MLPCORE_KERNELS_SIDEWAYS_INL_H_
#define MLPCORE_KERNELS_SIDEWAYS_INL_H_

#include "kernels/activation-inl.h"
#include "kernels/columns-inl.h"
#include "kernels/row_sums-inl.h"
#include "kernels/softmax-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
constexpr ptrdiff_t kGroupRows = kPanel<T>;

// use(row, column, Columns<n>) for every piece of the rows of some groups.
template <typename T, typename Use>
MLPCORE_INLINE void ForEachPiece(ptrdiff_t groups, ptrdiff_t n, Use use) {
  for (ptrdiff_t row = 0; row < groups * kGroupRows<T>; row += kLanes<T>) {
    for (ptrdiff_t j = 0; j < n; j += kPiece<T>) {
      WithColumnsLeft<T>(n - j, [&](auto columns) __attribute__((always_inline)) {
        use(row, j, columns);
      });
    }
  }
}
// Where the lanes from `row` on of column j are, in the matrices of n columns.
template <typename T>
MLPCORE_INLINE ptrdiff_t OffsetInGroups(ptrdiff_t row, ptrdiff_t j, ptrdiff_t n) {
  const ptrdiff_t lane = row % kGroupRows<T>;
  return (row - lane) * n + j * kGroupRows<T> + lane;
}

template <typename T>
void RowsToGroups(T* to, Rows<const T> from, ptrdiff_t groups, ptrdiff_t n) {
  // Memory is asked 4 KB ahead.
  constexpr ptrdiff_t kAhead = 4096 / sizeof(T);
  ForEachPiece<T>(
      groups, n,
      [&](ptrdiff_t row, ptrdiff_t j, auto columns) __attribute__((always_inline)) {
        constexpr int kCols = decltype(columns)::value;
        V<T> v[kPiece<T>];
        // As many lines with each piece as it has elements.
        const T* ahead = from.Row(row) + j * kLanes<T> + kAhead;
        for (int line = 0; line < kPiece<T> * kLanes<T>; line += kPanel<T>) {
          __builtin_prefetch(ahead + line);
        }
        ReadColumns<kCols>(v, from.Row(row) + j, from.stride);
        for (int c = 0; c < kCols; ++c) {
          Store<T>(v[c], to + OffsetInGroups<T>(row, j + c, n));
        }
      });
}

// The outputs, z or its softmax.
template <typename T>
void GroupsToRows(Rows<T> y, const T* z, ptrdiff_t groups, ptrdiff_t n, bool softmax) {
  if (softmax && n <= AcrossRows<T>::kMostColumns) {
    for (ptrdiff_t row = 0; row < groups * kGroupRows<T>; row += kLanes<T>) {
      AcrossRows<T> group(z + OffsetInGroups<T>(row, 0, n), kGroupRows<T>, row, n);
      SoftmaxOf<T>(group, y, false);
    }
    return;
  }
  ForEachPiece<T>(groups, n,
                  [&](ptrdiff_t row, ptrdiff_t j, auto columns)
                      __attribute__((always_inline)) {
                        constexpr int kCols = decltype(columns)::value;
                        V<T> v[kPiece<T>] = {};
                        for (int c = 0; c < kCols; ++c) {
                          v[c] = Load(z + OffsetInGroups<T>(row, j + c, n));
                        }
                        WriteColumns<kCols>(v, y.Row(row) + j, y.stride);
                      });
  if (softmax) Softmax<T>(y, y, groups * kGroupRows<T>, n, false);
}

// Some outputs of some groups, those of the panel at `head`. The groups' matrices are
// y_group and x_group apart.
template <typename T>
MLPCORE_INLINE void PanelSideways(Rows<T> y, ptrdiff_t y_group, Rows<const T> x,
                                  ptrdiff_t x_group, int groups, const T* head,
                                  ptrdiff_t n_in, ptrdiff_t n_out, bool relu) {
  RowSums<T> sums = {y, y_group, {}, {}, 0, n_out, 0, groups};
  sums.b_panel = x_group;
  for (ptrdiff_t k = 0; k < n_in; k += kBlockTerms) {
    sums.a = {head + (1 + k) * kPanel<T>, kPanel<T>};
    sums.b = x.From(k);
    sums.rows = n_in - k < kBlockTerms ? n_in - k : kBlockTerms;
    sums.head = k == 0 ? head : nullptr;
    sums.add = k > 0;
    sums.relu = relu && n_in - k <= kBlockTerms;
    SumOverRows<T>(sums);
  }
}

template <typename T>
void DenseSideways(const SidewaysArgs<T>& d) {
  const bool relu = d.activation == Activation::kRelu;
  const ptrdiff_t x_group = d.n_in * kGroupRows<T>, y_group = d.n_out * kGroupRows<T>;
  for (ptrdiff_t group = 0; group < d.groups;) {
    const int groups = PanelsOfStrip<T>(kWideRows, d.groups - group);
    const Rows<const T> x = {d.x + group * x_group, kGroupRows<T>};
    const Rows<T> y = {d.y + group * y_group, kGroupRows<T>};
    for (ptrdiff_t j = 0; j < d.n_out; j += kPanel<T>) {
      PanelSideways<T>(y.From(j), y_group, x, x_group, groups,
                       d.panels + j * (1 + d.n_in), d.n_in,
                       d.n_out - j < kPanel<T> ? d.n_out - j : kPanel<T>, relu);
    }
    if (!IsAppliedInTile(d.activation)) {
      Activate<T>(d.activation, d.hidden, y, {}, y, 1, groups * y_group, false);
    }
    group += groups;
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_SIDEWAYS_INL_H_
