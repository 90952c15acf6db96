// The gradient of a dense layer's parameters: dW = x^T dz and db = sum dz.
#ifndef MLPCORE_KERNELS_WEIGHT_GRADIENT_INL_H_
#define MLPCORE_KERNELS_WEIGHT_GRADIENT_INL_H_

#include "kernels/row_sums-inl.h"
#include "kernels/rows-inl.h"
#include "kernels/transpose-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// db of some panels: the head lines of the gradient, summed like dW with x = 1. (The
// summing tile does the same for the panels it takes.)
template <int kPanels, typename T>
MLPCORE_INLINE void BiasGradient(const WeightGradientArgs<T>& g, ptrdiff_t panel) {
  constexpr int kL = kLanes<T>, kSums = kPanels * kVectors<T>;
  V<T> sum[kSums] = {};
  const T* dz = g.dz.data + panel * kPanel<T>;
  for (ptrdiff_t r = 0; r < g.rows; ++r) {
    MLPCORE_UNROLL
    for (int v = 0; v < kSums; ++v) sum[v] = sum[v] + Load(dz + v * kL);
    dz += g.dz.stride;
  }
  for (int v = 0; v < kSums; ++v) {
    const ptrdiff_t of_panel = (panel + v / kVectors<T>)*g.panel_size;
    T* out = g.panel + of_panel + v % kVectors<T> * kL;
    Store<T>(g.accumulate ? Load(out) + sum[v] : sum[v], out);
  }
}

// dW of the last panels, if they have few columns, sideways: dW^T = dz^T x, a row for
// each column. The products and their order are the same, so the bits are; but a step
// now broadcasts an element of dz for each column and a line of x, in place of every
// element of x for lines of dz that are partly padding. `lines` are those of the inputs
// from `begin` on.
template <typename T>
void SumOverRowsSideways(T* lines, const WeightGradientArgs<T>& g, ptrdiff_t begin,
                         ptrdiff_t end, Rows<const T> dz, int dz_panels) {
  constexpr ptrdiff_t kSquare = kPanel<T> * kPanel<T>;
  constexpr ptrdiff_t kSquares = kTilePanels * kSquare;
  const ptrdiff_t columns = (dz_panels - 1) * kPanel<T> + g.last_columns;
  alignas(kCacheLine) T sums[kTilePanels * kSquares] = {};  // (inputs, columns)
  alignas(kCacheLine) T added[kSquare];
  for (ptrdiff_t i = begin; i < end;) {
    const int panels = end - i > kPanel<T> ? kTilePanels : 1;
    const Rows<const T> x = {g.x.data + i, g.x.stride};
    SumOverRows<T>({{sums, kPanel<T>}, kSquares, dz, x, 0, columns, g.rows, panels});
    for (int p = 0; p < panels; ++p, i += kPanel<T>) {
      const ptrdiff_t inputs = end - i < kPanel<T> ? end - i : kPanel<T>;
      for (int q = 0; q < dz_panels; ++q) {
        T* to = lines + q * g.panel_size + (i - begin) * kPanel<T>;
        TransposePanel<T>(g.accumulate ? added : to, 0,
                          sums + p * kSquares + q * kSquare, kPanel<T>, inputs);
        if (g.accumulate) Add<T>(to, added, inputs * kPanel<T>);
      }
    }
  }
}

// How many of the last panels are taken sideways: two or one, if a quarter of them is
// padding.
template <typename T>
MLPCORE_INLINE int SidewaysPanels(const WeightGradientArgs<T>& g) {
  const ptrdiff_t padding = kPanel<T> - g.last_columns;
  if (kTilePanels == 2 && g.n_panels % 2 == 0 && padding >= 2 * kQuarter<T>) return 2;
  return padding >= kQuarter<T> ? 1 : 0;
}

// As many panels at a time as the tile has: a tile of one panel loads as much as it
// multiplies, and two loads a cycle are all there are (AVX-512: 72 % of the peak with
// one panel, see bench/NOTES.md).
//
// A tile of one panel reads a line of x and one of dz for each row of the chunk, in six
// cycles, and its neighbour most of them again. More than 192 rows of both nearly fill
// an L1 of 32 KB and push each other out; so the tiles take half of such a chunk, then
// go on from C with the other half: the same chains. (Not where chains are added to C.
// A tile of 24 accumulators takes 24 cycles a row, 12 on Zen 5, and L2 keeps up.)
template <typename T>
void WeightGradient(const WeightGradientArgs<T>& g) {
  constexpr ptrdiff_t kStays = kBlockTerms * 3 / 4;
  const bool halve = kTilePanels == 1 && g.rows > kStays && !g.accumulate;
  const ptrdiff_t slice = halve ? kBlockTerms / 2 : kBlockTerms;
  const int sideways = SidewaysPanels(g);
  const ptrdiff_t whole = g.n_panels - sideways;
  const bool tile_sums =
      kTilePanels == 2 && !g.swept && FullTiles(g.in_end - g.in_begin) > 0;
  // Two panels at a time: the sum of one waits for its own chain.
  const auto sum_biases = [&](ptrdiff_t p, ptrdiff_t end) {
    for (; g.in_begin == 0 && p < end; p += 2) {
      p + 1 < end ? BiasGradient<2>(g, p) : BiasGradient<1>(g, p);
    }
  };
  const auto dz_of = [&](ptrdiff_t p) {
    return Rows<const T>{g.dz.data + p * kPanel<T>, g.dz.stride};
  };
  const auto line_of = [&](ptrdiff_t p, ptrdiff_t input) {
    return g.panel + p * g.panel_size + (1 + input - g.in_origin) * kPanel<T>;
  };
  const auto sum = [&](ptrdiff_t p, int panels, ptrdiff_t begin) {
    RowSums<T> s = {{line_of(p, begin), kPanel<T>},
                    g.panel_size,
                    g.x,
                    dz_of(p),
                    begin,
                    g.in_end,
                    g.rows,
                    panels,
                    slice,
                    g.accumulate};
    if (begin == g.in_begin) s.swept = g.swept;
    s.swept_panel = p;
    if (begin == 0 && tile_sums && p < whole) s.b_sum = g.panel + p * g.panel_size;
    SumOverRows<T>(s);
  };
  for (ptrdiff_t p = 0; p < whole;) {
    const int panels = PanelsOfStrip<T>(kWideRows, whole - p);
    sum_biases(p + (tile_sums ? panels / kTilePanels * kTilePanels : 0), p + panels);
    sum(p, panels, g.in_begin);
    p += panels;
  }
  sum_biases(whole, g.n_panels);
  if (sideways == 0) return;
  // Without padding, x may end inside of a line: what is left is taken upright.
  const ptrdiff_t rest = g.padded ? 0 : (g.in_end - g.in_begin) % kPanel<T>;
  SumOverRowsSideways<T>(line_of(whole, g.in_begin), g, g.in_begin, g.in_end - rest,
                         dz_of(whole), sideways);
  sum(whole, sideways, g.in_end - rest);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_WEIGHT_GRADIENT_INL_H_
