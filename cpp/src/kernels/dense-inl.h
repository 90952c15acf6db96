// The three products of a dense layer, forward and backward side by side:
//
//   forward          y  = phi(x W + b)
//   input gradient   dx = (dz W^T) * phi'      the forward product over W^T's panels
//   weight gradient  dW = x^T dz, db = sum dz  the same tile, read down the columns
//
// Every sum of products is cut into blocks of kBlockTerms terms. A block is one chain
// of multiply-adds in a tile's registers; blocks are added in order, through C.
#ifndef MLPCORE_KERNELS_DENSE_INL_H_
#define MLPCORE_KERNELS_DENSE_INL_H_

#include "kernels/activation-inl.h"
#include "kernels/rows-inl.h"
#include "kernels/transpose-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
struct PanelProductArgs {
  Rows<T> c;        // out (rows, n_out)
  Rows<const T> a;  // (rows, terms)
  const T* panels;  // (1 + terms) lines each
  ptrdiff_t rows, terms, col_begin, col_end;
  bool relu;
  bool padded;      // C's rows have room for whole panels
  bool far_panels;  // they do not stay in the second-level cache
  // C *= relu'(y), by the full tiles; of padded rows, or null.
  Rows<const T> relu_y = {};
  Span<T> next_a = {};  // rows of A that come from memory next
};

// What comes from memory and what is computed must not take turns: the full tiles of a
// block (of the columns from col, the terms from k) ask for what is next, a share each,
// spread over their terms: asked for at once it would fill the buffers for misses. Both
// functions return how many rows are done, if any.
template <typename T>
class AskingTiles {
 public:
  AskingTiles(const PanelProductArgs<T>& p, const TileArgs<T>& t, ptrdiff_t col,
              ptrdiff_t k)
      : p_(p), t_(t), col_(col), k_(k) {}

  // For the next block of weights, whose lines come at some 10 GB/s, as fast as 48 rows
  // are multiplied with them.
  __attribute__((noinline)) ptrdiff_t ForWeights() {
    if (n_ < 2 || t_.cols < kWidth) return 0;
    const T* next = t_.b + t_.terms * kPanel<T>;
    if (k_ + t_.terms == p_.terms) {
      if (col_ + kWidth >= p_.col_end) return 0;
      next = p_.panels + (col_ / kPanel<T> + kTilePanels) * t_.b_panel;
    }
    t_.ahead_step = DivUp(kWidth, n_);
    return Walk([&](ptrdiff_t tile) {
      return next + tile % kTilePanels * t_.b_panel +
             tile / kTilePanels * t_.ahead_step * t_.terms;
    });
  }

  // For the next rows of A.
  __attribute__((noinline)) ptrdiff_t ForRows() {
    if (n_ < 1 || t_.cols < kWidth) return 0;
    const ptrdiff_t blocks = DivUp(p_.terms, kBlockTerms);
    const ptrdiff_t strips = DivUp(p_.col_end - p_.col_begin, kWidth);
    const ptrdiff_t share = DivUp(p_.next_a.size, strips * blocks * n_);
    const ptrdiff_t strip = (col_ - p_.col_begin) / kWidth;
    const T* next = p_.next_a.data + (strip * blocks + k_ / kBlockTerms) * n_ * share;
    t_.ahead_step = DivUp(share, t_.terms);
    return Walk([&](ptrdiff_t tile) { return next + tile * share; });
  }

 private:
  static constexpr ptrdiff_t kWidth = kTilePanels * kPanel<T>;

  template <typename AheadOf>
  MLPCORE_INLINE ptrdiff_t Walk(AheadOf ahead_of) {
    for (ptrdiff_t tile = 0; tile < n_; ++tile) {
      t_.c = p_.c.Row(tile * kTileRows) + col_;
      t_.a = p_.a.Row(tile * kTileRows) + k_;
      const T* ahead = ahead_of(tile);
      for (const T*& stream : t_.ahead) stream = ahead;
      kAskingTile<T, false>(t_);
    }
    return n_ * kTileRows;
  }

  const PanelProductArgs<T>& p_;
  TileArgs<T> t_;
  const ptrdiff_t col_, k_;
  const ptrdiff_t n_ = FullTiles(p_.rows);
};

// Whether the second half of the last panel of so many columns is padding.
template <typename T>
constexpr bool EndsInHalfPanel(ptrdiff_t columns) {
  return (columns + kPanel<T> - 1) % kPanel<T> < kPanel<T> / 2;
}

// C = A * panels, strip by strip; finish(col, cols, row) is called when a strip is
// whole and still in the L1 cache, with the first row that relu_y was not taken for. A
// strip's block of weights (kBlockTerms lines, 16 KB a panel) stays there too, while
// the tiles walk down the rows.
//
// A last panel whose second half is padding is a strip of half the width, if there are
// rows enough to hide the latency of the multiply-add with one vector of each.
template <typename T, typename Finish>
MLPCORE_INLINE void PanelProduct(const PanelProductArgs<T>& p, Finish finish) {
  const ptrdiff_t panel_size = (1 + p.terms) * kPanel<T>;
  const int widest_rows = p.rows < kTileRows ? static_cast<int>(p.rows) : kTileRows;
  TileArgs<T> t;
  t.c_stride = p.c.stride;
  t.c_panel = kPanel<T>;
  t.a_stride = p.a.stride;
  t.b_stride = kPanel<T>;
  t.b_panel = panel_size;
  t.relu_y_stride = p.relu_y.stride;
  const bool narrow = p.rows >= kHalfTileRows<T> && EndsInHalfPanel<T>(p.col_end);
  for (ptrdiff_t col = p.col_begin; col < p.col_end;) {
    const ptrdiff_t cols_left = p.col_end - col;
    const bool half = narrow && cols_left < kPanel<T>;
    const ptrdiff_t panels_left =
        narrow ? cols_left / kPanel<T> : DivUp(cols_left, kPanel<T>);
    const int panels = half ? 1 : PanelsOfStrip<T>(widest_rows, panels_left);
    const TilesOfWidth<T> tiles = kTiles<T, false>.OfWidth(panels, half);
    const ptrdiff_t width = panels * kPanel<T>;
    const ptrdiff_t cols = cols_left < width ? cols_left : width;
    t.cols = p.padded ? width : cols;
    const T* head = p.panels + col / kPanel<T> * panel_size;
    ptrdiff_t k = 0, first_left = 0;
    do {  // once even without terms: C is then the heads
      const ptrdiff_t terms_left = p.terms - k;
      t.terms = terms_left < kBlockTerms ? terms_left : kBlockTerms;
      t.add = k > 0;
      t.head = k > 0 ? nullptr : head;
      t.relu = p.relu && terms_left <= kBlockTerms;
      t.b = head + (1 + k) * kPanel<T>;
      const bool takes_y =
          p.relu_y && cols == kTilePanels * kPanel<T> && terms_left <= kBlockTerms;
      ptrdiff_t row = 0;
      if (p.far_panels) {
        row = AskingTiles<T>(p, t, col, k).ForWeights();
      } else if (p.next_a.size > 0) {
        row = AskingTiles<T>(p, t, col, k).ForRows();
      }
      while (row < p.rows) {
        const int tile_rows = RowsOfTile(p.rows - row, tiles.most_rows);
        t.c = p.c.Row(row) + col;
        t.a = p.a.Row(row) + k;
        t.relu_y = nullptr;
        if (takes_y && tile_rows == kTileRows) {
          t.relu_y = p.relu_y.Row(row) + col;
          first_left = row + tile_rows;
        }
        tiles.of[tile_rows](t);
        row += tile_rows;
      }
      k += kBlockTerms;
    } while (k < p.terms);
    finish(col, cols, first_left);
    col += cols;
  }
}

template <typename T>
void Dense(const DenseArgs<T>& d) {
  PanelProductArgs<T> p;
  const Rows<T> z = d.z ? d.z : d.y;
  const bool in_tile =
      !d.z && !d.derivative &&
      (d.activation == Activation::kRelu || d.activation == Activation::kIdentity ||
       d.activation == Activation::kSoftmax);
  p.c = z;
  p.a = d.x;
  p.panels = d.panels;
  p.rows = d.rows;
  p.terms = d.n_in;
  p.col_begin = d.col_begin;
  p.col_end = d.col_end;
  p.relu = in_tile && d.activation == Activation::kRelu;
  p.padded = d.padded;
  p.far_panels = d.far_panels;
  p.next_a = d.next_x;
  PanelProduct(p, [&](ptrdiff_t col, ptrdiff_t cols, ptrdiff_t) {
    if (in_tile) return;
    const Rows<T> derivative = {d.derivative ? d.derivative.data + col : nullptr,
                                d.derivative.stride};
    Activate<T>(d.activation, {d.y.data + col, d.y.stride}, derivative,
                {z.data + col, z.stride}, d.rows, cols, d.padded && !d.z);
  });
}

template <typename T>
void InputGradient(const InputGradientArgs<T>& g) {
  PanelProductArgs<T> p;
  p.c = g.dx;
  p.a = g.dz;
  p.panels = g.panels;
  p.rows = g.rows;
  p.terms = g.n_out;
  p.col_begin = 0;
  p.col_end = g.n_in;
  p.relu = false;
  p.padded = g.padded;
  p.far_panels = g.far_panels;
  const bool relu = g.activation == Activation::kRelu && !g.derivative && g.padded;
  // What asks ahead does not.
  if (relu && !g.far_panels) p.relu_y = g.y;
  PanelProduct(p, [&](ptrdiff_t col, ptrdiff_t cols, ptrdiff_t row) {
    if (!g.y && !g.derivative) return;
    const Rows<T> dx = {g.dx.Row(row) + col, g.dx.stride};
    const Rows<const T> y = {g.y ? g.y.Row(row) + col : nullptr, g.y.stride};
    const Rows<const T> derivative = {
        g.derivative ? g.derivative.Row(row) + col : nullptr, g.derivative.stride};
    ActivationGradient<T>(g.activation, dx, dx, y, derivative, g.rows - row, cols,
                          g.padded);
  });
}

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

// Where a tile of dW asks, in turns, for what the optimizer is going to sweep with its
// lines: those of the panels from `panel` and of `share` inputs from i on. The moments
// and both forms of the weights come at some 10 GB/s, about as fast as 256 rows are
// multiplied; asked for by the sweep itself, they would be waited for.
template <typename T>
MLPCORE_INLINE void AskForSwept(TileArgs<T>& t, const SweptLines<T>& swept,
                                ptrdiff_t panel, ptrdiff_t i, ptrdiff_t share) {
  int n = 0;
  for (ptrdiff_t p = panel; p < panel + kTilePanels; ++p) {
    for (const T* array : swept.arrays) {
      if (array) t.ahead[n++] = array + p * swept.panel_size + i * kPanel<T>;
    }
    if (swept.transposed) {
      t.ahead[n++] = swept.transposed + i / kPanel<T> * swept.transposed_panel_size +
                     p * kPanel<T> * kPanel<T>;
    }
  }
  for (int s = n; s < kStreams; ++s) t.ahead[s] = t.ahead[s - n];
  // So many lines of an array, and kPanel of W^T.
  const ptrdiff_t lines = share > kPanel<T> ? share : kPanel<T>;
  const ptrdiff_t step = DivUp(lines * kPanel<T>, t.terms);
  // Of few rows not all are asked for, but no line is left out before.
  const ptrdiff_t most = kPanel<T> / n;
  t.ahead_step = step < most ? step : most;
}

// For the columns [begin, end) of a: C[i] = sum over the rows r of a[r][i] b[r].
template <typename T>
struct RowSums {
  T* c;  // out: lines of panels that are c_panel apart, as many as b has
  ptrdiff_t c_panel;
  Rows<const T> a, b;
  ptrdiff_t begin, end, rows;
  int panels;
  ptrdiff_t slice = kBlockTerms;  // rows at a time
  bool add = false;               // to C
  const SweptLines<T>* swept = nullptr;
  ptrdiff_t swept_panel = 0;
  T* b_sum = nullptr;  // out: of b alone, or null; if there are full tiles
};
template <typename T>
MLPCORE_INLINE void SumOverRows(const RowSums<T>& s) {
  const TilesOfWidth<T> tiles = kTiles<T, true>.OfWidth(s.panels, false);
  TileArgs<T> t;
  t.c_stride = kPanel<T>;
  t.c_panel = s.c_panel;
  t.a_stride = s.a.stride;
  t.b_stride = s.b.stride;
  t.b_panel = kPanel<T>;
  t.head = nullptr;
  t.cols = s.panels * kPanel<T>;
  t.add = s.add;
  t.relu = false;
  for (ptrdiff_t row = 0; row < s.rows; row += s.slice) {
    t.b = s.b.Row(row);
    t.terms = s.rows - row < s.slice ? s.rows - row : s.slice;
    t.resume = row > 0;
    // The full tiles ask, for what goes with the others too.
    const bool asks = s.swept && row == 0 && s.panels == kTilePanels;
    const ptrdiff_t asking = asks ? FullTiles(s.end - s.begin) : 0;
    const ptrdiff_t share = asking > 0 ? DivUp(s.end - s.begin, asking) : 0;
    ptrdiff_t asked = 0;
    for (ptrdiff_t i = s.begin; i < s.end;) {
      const int n = RowsOfTile(s.end - i, tiles.most_rows);
      t.c = s.c + (i - s.begin) * kPanel<T>;
      t.a = s.a.Row(row) + i;
      if (asking > 0 && n == kTileRows) {
        AskForSwept(t, *s.swept, s.swept_panel, asked, share);
        asked += share;
        kAskingTile<T, true>(t);
      } else if (kTilePanels == 2 && s.b_sum && i == s.begin) {
        t.b_sum = s.b_sum;
        kSummingTile<T>(t);
      } else {
        tiles.of[n](t);
      }
      i += n;
    }
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
    SumOverRows<T>({sums, kSquares, dz, x, 0, columns, g.rows, panels});
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
  constexpr ptrdiff_t kQuarter = kPanel<T> / 4;
  const ptrdiff_t padding = kPanel<T> - g.last_columns;
  if (kTilePanels == 2 && g.n_panels % 2 == 0 && padding >= 2 * kQuarter) return 2;
  return padding >= kQuarter ? 1 : 0;
}

// As many panels at a time as the tile has: a tile of one panel loads as much as it
// multiplies, and two loads a cycle are all there are (AVX-512: 72 % of the peak with
// one panel, see bench/NOTES.md).
//
// A tile of one panel reads a line of x and one of dz for each row of the chunk, in six
// cycles, and its neighbour most of them again. More than 192 rows of both nearly fill
// an L1 of 32 KB and push each other out; so the tiles take half of such a chunk, then
// go on from C with the other half: the same chains. (Not where chains are added to C.
// A tile of 12 x 2 takes 24 cycles a row, 12 on Zen 5, and L2 keeps up.)
template <typename T>
void WeightGradient(const WeightGradientArgs<T>& g) {
  constexpr ptrdiff_t kStays = kBlockTerms * 3 / 4;
  const bool halve = kTilePanels == 1 && g.rows > kStays && !g.accumulate;
  const ptrdiff_t slice = halve ? kBlockTerms / 2 : kBlockTerms;
  const int sideways = SidewaysPanels(g);
  const ptrdiff_t whole = g.n_panels - sideways;
  const bool tile_sums =
      kTilePanels == 2 && !g.swept && FullTiles(g.in_end - g.in_begin) > 0;
  const ptrdiff_t summed = tile_sums ? whole / kTilePanels * kTilePanels : 0;
  // Two panels at a time: the sum of one waits for its own chain.
  for (ptrdiff_t p = summed; g.in_begin == 0 && p < g.n_panels; p += 2) {
    p + 1 < g.n_panels ? BiasGradient<2>(g, p) : BiasGradient<1>(g, p);
  }
  const auto dz_of = [&](ptrdiff_t p) {
    return Rows<const T>{g.dz.data + p * kPanel<T>, g.dz.stride};
  };
  const auto line_of = [&](ptrdiff_t p, ptrdiff_t input) {
    return g.panel + p * g.panel_size + (1 + input - g.in_origin) * kPanel<T>;
  };
  const auto sum = [&](ptrdiff_t p, int panels, ptrdiff_t begin) {
    RowSums<T> s = {line_of(p, begin), g.panel_size, g.x,    dz_of(p), begin,
                    g.in_end,          g.rows,       panels, slice,    g.accumulate};
    if (begin == g.in_begin) s.swept = g.swept;
    s.swept_panel = p;
    if (begin == 0 && p < summed) s.b_sum = g.panel + p * g.panel_size;
    SumOverRows<T>(s);
  };
  for (ptrdiff_t p = 0; p < whole; p += kTilePanels) {
    sum(p, whole - p < kTilePanels ? static_cast<int>(whole - p) : kTilePanels,
        g.in_begin);
  }
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

#endif  // MLPCORE_KERNELS_DENSE_INL_H_
