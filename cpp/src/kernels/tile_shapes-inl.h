// The tiles there are, by their shape, and which of them take so many rows and panels.
#ifndef MLPCORE_KERNELS_TILE_SHAPES_INL_H_
#define MLPCORE_KERNELS_TILE_SHAPES_INL_H_

#include "kernels/tile-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
using TileFunction = void (*)(const TileArgs<T>&);

// The panels a tile of `rows` rows takes at once: as many accumulators as the full
// tile has, so that few rows still keep enough chains in flight to hide the latency of
// the multiply-add (4 cycles, two a cycle: 8 chains). Eight streams of weights are
// about what a prefetcher follows.
constexpr int kMaxPanels = 8;
template <typename T>
constexpr int PanelsFor(int rows) {
  const int panels = kTileRows * kTilePanels / rows;
  return panels < 1 ? 1 : panels > kMaxPanels ? kMaxPanels : panels;
}

// The tiles of one width, by their rows, and the most rows there are.
template <typename T>
struct TilesOfWidth {
  const TileFunction<T>* of;
  int most_rows;
};

// The tile of `panels` x `rows`, instantiated for panels = PanelsFor(rows), and 1 to 4;
// transposed, for the weight gradient, up to kWidePanels. And in the forward product
// that of half a panel.
template <typename T, bool kTransposed>
struct TileShapes {
  TileFunction<T> of[kMaxPanels + 1][kTileRows + 1] = {};
  TileFunction<T> half[kHalfTileRows<T> + 1] = {};

  constexpr TileShapes() {
    AddRows<kTileRows>();
    if constexpr (!kTransposed) AddHalf<kHalfTileRows<T>>();
  }
  MLPCORE_INLINE TilesOfWidth<T> OfWidth(int panels, bool is_half) const {
    if (is_half) return {half, kHalfTileRows<T>};
    return {of[panels], RowsOfFullTile(panels)};
  }

 private:
  template <int kRows>
  constexpr void AddRows() {
    constexpr int kMost = PanelsFor<T>(kRows);
    AddPanels<kRows, (kTransposed && kMost > kWidePanels ? kWidePanels : kMost)>();
    if constexpr (kRows > 1) AddRows<kRows - 1>();
  }
  template <int kRows, int kPanels>
  constexpr void AddPanels() {
    of[kPanels][kRows] = &Tile<T, kRows, 2 * kPanels, kTransposed>::Run;
    if constexpr (kPanels > 4) {
      AddPanels<kRows, 4>();
    } else if constexpr (kPanels > 1) {
      AddPanels<kRows, kPanels - 1>();
    }
  }
  template <int kRows>
  constexpr void AddHalf() {
    half[kRows] = &Tile<T, kRows, 1, kTransposed>::Run;
    if constexpr (kRows > 1) AddHalf<kRows - 1>();
  }
};
template <typename T, bool kTransposed>
constexpr TileShapes<T, kTransposed> kTiles;

// The full tiles that ask ahead, by their panels.
template <typename T, bool kTransposed>
struct AskingTilesOf {
  TileFunction<T> of[kWidePanels + 1] = {};

  constexpr AskingTilesOf() { Add<kWidePanels>(); }

 private:
  template <int kPanels>
  constexpr void Add() {
    of[kPanels] =
        &Tile<T, RowsOfFullTile(kPanels), 2 * kPanels, kTransposed, true>::Run;
    if constexpr (kPanels > kTilePanels) Add<kPanels - 1>();
  }
};
template <typename T, bool kTransposed>
constexpr AskingTilesOf<T, kTransposed> kAskingTiles;

// The tile of dW that sums dz on its way: with 32 registers there are two more, and two
// additions beside 24 multiply-adds cost nothing. (Wider tiles have none to spare.)
template <typename T>
constexpr TileFunction<T> kSummingTile =
    &Tile<T, kTileRows, 2 * kTilePanels, true, false, true>::Run;

// How many of the panels that are left a tile over so many rows takes: more than four
// if that many are instantiated for them; else all, or an even share of them: a tile of
// one panel loads as much as it multiplies.
template <typename T>
MLPCORE_INLINE int PanelsOfStrip(ptrdiff_t rows, ptrdiff_t panels_left) {
  if (panels_left == 1) return 1;
  const int most = PanelsFor<T>(rows < kWideRows ? static_cast<int>(rows) : kWideRows);
  if (panels_left >= most && most > 4) return most;
  const ptrdiff_t at_most = most < 4 ? most : 4;
  if (panels_left <= at_most) return static_cast<int>(panels_left);
  return static_cast<int>(EvenShare(panels_left, at_most));
}

// The rows of the next tile when `left` are left: full tiles, but the last two share
// what is over (7 = 4 + 3, not 6 + 1), because a one-row tile waits for its own chain.
MLPCORE_INLINE int RowsOfTile(ptrdiff_t left, int most) {
  if (left <= most) return static_cast<int>(left);
  if (left >= 2 * most) return most;
  return static_cast<int>((left + 1) / 2);
}
// How many of the tiles over so many rows are full.
MLPCORE_INLINE ptrdiff_t FullTiles(ptrdiff_t rows, int most = kTileRows) {
  return rows < most ? 0 : rows / most - (rows % most != 0);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_TILE_SHAPES_INL_H_
