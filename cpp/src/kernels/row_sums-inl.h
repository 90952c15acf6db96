// Sums of products down the columns: the tile whose terms are rows of both factors.
#ifndef MLPCORE_KERNELS_ROW_SUMS_INL_H_
#define MLPCORE_KERNELS_ROW_SUMS_INL_H_

#include "kernels/tile_shapes-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Where a tile of dW asks, in turns, for what the optimizer is going to sweep with its
// lines: those of the panels from `panel` and of `share` inputs from i on. The moments
// and both forms of the weights come at some 10 GB/s, about as fast as 256 rows are
// multiplied; asked for by the sweep itself, they would be waited for.
template <typename T>
MLPCORE_INLINE void AskForSwept(TileArgs<T>& t, const SweptLines<T>& swept,
                                ptrdiff_t panel, int panels, ptrdiff_t i,
                                ptrdiff_t share) {
  int n = 0;
  const auto ask = [&](const T* p) { t.ahead[n++] = reinterpret_cast<const char*>(p); };
  for (ptrdiff_t p = panel; p < panel + panels; ++p) {
    for (const T* array : swept.arrays) {
      if (array) ask(array + p * swept.panel_size + i * kPanel<T>);
    }
    if (swept.transposed) {
      ask(swept.transposed + i / kPanel<T> * swept.transposed_panel_size +
          p * kPanel<T> * kPanel<T>);
    }
  }
  for (int s = n; s < kStreams; ++s) t.ahead[s] = t.ahead[s - n];
  // So many lines of an array, and kPanel of W^T.
  const ptrdiff_t lines = share > kPanel<T> ? share : kPanel<T>;
  const ptrdiff_t step = DivUp(lines * ptrdiff_t{kCacheLine}, t.terms);
  // Of few rows not all are asked for, but no line is left out before.
  const ptrdiff_t most = ptrdiff_t{kCacheLine} / n;
  t.ahead_step = step < most ? step : most;
  t.asks_for_rows = swept.asks_for_rows;
}

// For the columns [begin, end) of a: C[i] = sum over the rows r of a[r][i] b[r].
template <typename T>
struct RowSums {
  Rows<T> c;  // out: a row for each column, in panels that are c_panel apart
  ptrdiff_t c_panel;
  Rows<const T> a, b;
  ptrdiff_t begin, end, rows;
  int panels;
  ptrdiff_t slice = kBlockTerms;  // rows at a time
  bool add = false;               // to C
  bool relu = false;
  ptrdiff_t b_panel = kPanel<T>;  // how far apart b's panels are
  const T* head = nullptr;        // where the chains of each column start, or null
  const SweptLines<T>* swept = nullptr;
  ptrdiff_t swept_panel = 0;
  // Out: of b alone, of every pair of panels; or null. If there are kTileRows columns.
  T* b_sum = nullptr;
};

// The first columns of a, with the sums of b's pairs of panels; how many columns.
template <typename T>
MLPCORE_INLINE ptrdiff_t RunSummingTiles(TileArgs<T> t, const RowSums<T>& s) {
  t.c = s.c.data;
  t.a = s.a.data + s.begin;
  t.b_sum = s.b_sum;
  for (int panels = s.panels; panels > 0; panels -= kTilePanels) {
    const bool pair = panels >= kTilePanels;
    t.cols = pair ? kTilePanels * kPanel<T> : kPanel<T>;
    pair ? kSummingTile<T>(t) : kTiles<T, true>.of[1][kTileRows](t);
    t.c += kTilePanels * s.c_panel;
    t.b += kTilePanels * s.b_panel;
    t.b_sum += kTilePanels * s.c_panel;
  }
  return kTileRows;
}

template <typename T>
void SumOverRows(const RowSums<T>& s) {
  const TilesOfWidth<T> tiles = kTiles<T, true>.OfWidth(s.panels, false);
  TileArgs<T> t;
  t.c_stride = s.c.stride;
  t.c_panel = s.c_panel;
  t.a_stride = s.a.stride;
  t.b_stride = s.b.stride;
  t.b_panel = s.b_panel;
  t.head = nullptr;
  t.cols = s.panels * kPanel<T>;
  t.add = s.add;
  t.relu = s.relu;
  for (ptrdiff_t row = 0; row < s.rows; row += s.slice) {
    t.b = s.b.Row(row);
    t.terms = s.rows - row < s.slice ? s.rows - row : s.slice;
    t.resume = row > 0;
    // The full tiles ask, for what goes with the others too.
    const bool asks = s.swept && row == 0 && s.panels >= kTilePanels;
    const ptrdiff_t asking = asks ? FullTiles(s.end - s.begin, tiles.most_rows) : 0;
    const ptrdiff_t share = asking > 0 ? DivUp(s.end - s.begin, asking) : 0;
    ptrdiff_t asked = 0;
    ptrdiff_t i = s.begin;
    if (kTilePanels == 2 && s.b_sum) i += RunSummingTiles(t, s);
    while (i < s.end) {
      const int n = RowsOfTile(s.end - i, tiles.most_rows);
      t.c = s.c.Row(i - s.begin);
      t.a = s.a.Row(row) + i;
      if (s.head) t.head = s.head + i;
      if (asking > 0 && n == tiles.most_rows) {
        AskForSwept(t, *s.swept, s.swept_panel, s.panels, asked, share);
        asked += share;
        kAskingTiles<T, true>.of[s.panels](t);
      } else {
        tiles.of[n](t);
      }
      i += n;
    }
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_ROW_SUMS_INL_H_
