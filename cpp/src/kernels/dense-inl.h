// The products of a dense layer whose terms lie along its rows:
//
//   forward          y  = phi(x W + b)
//   input gradient   dx = (dz W^T) * phi'      the same product over W^T's panels
//
// Every sum of products is cut into blocks of kBlockTerms terms. A block is one chain
// of multiply-adds in a tile's registers; blocks are added in order, through C.
#ifndef MLPCORE_KERNELS_DENSE_INL_H_
#define MLPCORE_KERNELS_DENSE_INL_H_

#include "kernels/activation-inl.h"
#include "kernels/beside_tile-inl.h"
#include "kernels/tile_shapes-inl.h"

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

// Whether something is asked for while C is computed.
template <typename T>
MLPCORE_INLINE bool AsksAhead(const PanelProductArgs<T>& p) {
  return p.far_panels || p.next_a.size > 0;
}

// What comes from memory and what is computed must not take turns: the full tiles of a
// block (the terms from k of a strip that begins at col) ask for what is next, a share
// each, spread over their terms: asked for at once it would fill the buffers for
// misses. Both functions return how many rows are done, if any.
template <typename T>
class AskingTiles {
 public:
  AskingTiles(const PanelProductArgs<T>& p, const TileArgs<T>& t, int panels,
              ptrdiff_t col, ptrdiff_t k)
      : p_(p), t_(t), panels_(panels), col_(col), k_(k) {}

  // For the next block of weights, whose lines come at some 10 GB/s, as fast as 48 rows
  // are multiplied with them.
  __attribute__((noinline)) ptrdiff_t ForWeights() {
    if (n_ < 2) return 0;
    const T* next = t_.b + t_.terms * kPanel<T>;
    if (k_ + t_.terms == p_.terms) {
      if (col_ + width_ >= p_.col_end) return 0;
      next = p_.panels + (col_ / kPanel<T> + panels_) * t_.b_panel;
    }
    const ptrdiff_t step = DivUp(width_, n_);
    return Walk(step, [&](ptrdiff_t tile) {
      return next + tile % panels_ * t_.b_panel + tile / panels_ * step * t_.terms;
    });
  }

  // For the next rows of A.
  __attribute__((noinline)) ptrdiff_t ForRows() {
    if (n_ < 1) return 0;
    const ptrdiff_t size = p_.next_a.size, columns = p_.col_end - p_.col_begin;
    const ptrdiff_t blocks = DivUp(p_.terms, kBlockTerms);
    const ptrdiff_t share = DivUp(size * width_, columns * blocks * n_);
    const T* next = p_.next_a.data + size * (col_ - p_.col_begin) / columns +
                    k_ / kBlockTerms * n_ * share;
    return Walk(DivUp(share, t_.terms),
                [&](ptrdiff_t tile) { return next + tile * share; });
  }

 private:
  template <typename AheadOf>
  MLPCORE_INLINE ptrdiff_t Walk(ptrdiff_t step, AheadOf ahead_of) {
    t_.ahead_step = step * ptrdiff_t{sizeof(T)};
    for (ptrdiff_t tile = 0; tile < n_; ++tile) {
      t_.c = p_.c.Row(tile * rows_) + col_;
      t_.a = p_.a.Row(tile * rows_) + k_;
      const char* ahead = reinterpret_cast<const char*>(ahead_of(tile));
      for (const char*& stream : t_.ahead) stream = ahead;
      kAskingTiles<T, false>.of[panels_](t_);
    }
    return n_ * rows_;
  }

  const PanelProductArgs<T>& p_;
  TileArgs<T> t_;
  const ptrdiff_t panels_, col_, k_;
  const int rows_ = RowsOfFullTile(static_cast<int>(panels_));
  const ptrdiff_t width_ = panels_ * kPanel<T>, n_ = FullTiles(p_.rows, rows_);
};

// The columns of C that the tiles take at once, down all of the rows.
struct Strip {
  int panels;
  bool half;   // of a panel, that is all
  bool joins;  // and the quarter after it, in BesideTiles
};
// Whether its tiles have all the accumulators there are.
MLPCORE_INLINE bool IsFull(const Strip& strip) {
  return !strip.half && IsFullWidth(strip.panels);
}

// Whether the last panel of so many columns has at most some of them.
template <typename T>
MLPCORE_INLINE bool LastPanelHas(ptrdiff_t at_most, ptrdiff_t columns) {
  return (columns + kPanel<T> - 1) % kPanel<T> < at_most;
}

// Whether the last panel, of which three quarters are padding, joins the one before it.
// (Not if that takes it from a strip whose tiles take care of relu' too.)
template <typename T>
MLPCORE_INLINE bool JoinsLastPanel(const PanelProductArgs<T>& p) {
  const ptrdiff_t before = (p.col_end - p.col_begin) / kPanel<T>;
  return kVectors<T> == 1 && p.rows >= kTileRows && before > 0 && !AsksAhead(p) &&
         !(p.relu_y && before > 1) && LastPanelHas<T>(kQuarter<T>, p.col_end) &&
         (p.padded || p.col_end % kPanel<T> == kQuarter<T>);
}

// The strip that begins at a column: as many panels as a tile takes. A last panel whose
// second half is padding is a strip of half the width, if there are rows enough to hide
// the latency of the multiply-add with one vector of each.
template <typename T>
MLPCORE_INLINE Strip StripAt(ptrdiff_t col, const PanelProductArgs<T>& p) {
  const bool halves =
      p.rows >= kHalfTileRows<T> && LastPanelHas<T>(kPanel<T> / 2, p.col_end);
  const bool joins = JoinsLastPanel(p);
  const ptrdiff_t left = p.col_end - col;
  const ptrdiff_t panels = halves ? left / kPanel<T> : DivUp(left, kPanel<T>);
  const bool half = panels == 0, last = half || (joins && panels == 1);
  if (last) return {1, half, !half};
  return {PanelsOfStrip<T>(p.rows, panels - joins), false, false};
}

// The half panel after the one that t is for, for the same rows.
template <typename T>
MLPCORE_INLINE void RunHalfTile(TileArgs<T> t, int rows) {
  t.c += kPanel<T>;
  t.b += t.b_panel;
  if (t.head) t.head += t.b_panel;
  t.cols -= kPanel<T>;
  kTiles<T, false>.OfWidth(1, true).of[rows](t);
}

// C = A * panels, strip by strip; finish(col, cols, row) is called when a strip is
// whole and still in the L1 cache, with the first row that relu_y was not taken for. A
// strip's block of weights (kBlockTerms lines, 16 KB a panel) stays there too, or in
// L2, while the tiles walk down the rows.
template <typename T, typename Finish>
MLPCORE_INLINE void PanelProduct(const PanelProductArgs<T>& p, Finish finish) {
  const ptrdiff_t panel_size = (1 + p.terms) * kPanel<T>;
  TileArgs<T> t;
  t.c_stride = p.c.stride;
  t.c_panel = kPanel<T>;
  t.a_stride = p.a.stride;
  t.b_stride = kPanel<T>;
  t.b_panel = panel_size;
  t.relu_y_stride = p.relu_y.stride;
  for (ptrdiff_t col = p.col_begin; col < p.col_end;) {
    const Strip strip = StripAt(col, p);
    const TilesOfWidth<T> tiles = kTiles<T, false>.OfWidth(strip.panels, strip.half);
    const ptrdiff_t width = (strip.panels + strip.joins) * kPanel<T>;
    const ptrdiff_t cols = p.col_end - col < width ? p.col_end - col : width;
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
          p.relu_y && IsFull(strip) && cols == width && terms_left <= kBlockTerms;
      ptrdiff_t row = 0;
      if (AsksAhead(p) && IsFull(strip) && t.cols == width) {
        AskingTiles<T> asking(p, t, strip.panels, col, k);
        row = p.far_panels ? asking.ForWeights() : asking.ForRows();
      }
      for (; strip.joins && row + kTileRows <= p.rows; row += kTileRows) {
        t.c = p.c.Row(row) + col;
        t.a = p.a.Row(row) + k;
        RunBesideTile(t);
      }
      while (row < p.rows) {
        const int tile_rows = RowsOfTile(p.rows - row, tiles.most_rows);
        t.c = p.c.Row(row) + col;
        t.a = p.a.Row(row) + k;
        t.relu_y = nullptr;
        if (takes_y && tile_rows == tiles.most_rows) {
          t.relu_y = p.relu_y.Row(row) + col;
          first_left = row + tile_rows;
        }
        tiles.of[tile_rows](t);
        if (strip.joins) RunHalfTile(t, tile_rows);
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
  const bool in_tile = !d.z && !d.derivative && IsAppliedInTile(d.activation);
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
    Activate<T>(d.activation, d.hidden, {d.y.data + col, d.y.stride}, derivative,
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
  // Which rows the full tiles take depends on their shape, the threads and the caches.
  // They drop nothing, so behind relu nobody does.
  const bool drops = g.drops_tiny && !relu;
  PanelProduct(p, [&](ptrdiff_t col, ptrdiff_t cols, ptrdiff_t row) {
    if (!g.y && !g.derivative) return;
    const Rows<T> dx = {g.dx.Row(row) + col, g.dx.stride};
    const Rows<const T> y = {g.y ? g.y.Row(row) + col : nullptr, g.y.stride};
    const Rows<const T> derivative = {
        g.derivative ? g.derivative.Row(row) + col : nullptr, g.derivative.stride};
    ActivationGradient<T>(g.activation, dx, dx, y, derivative, g.rows - row, cols,
                          g.padded, DropTiny<T>(drops));
  });
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_DENSE_INL_H_
