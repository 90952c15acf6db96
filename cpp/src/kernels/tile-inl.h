// The register tile: the one loop that does nearly all of the work.
//
//   C (rows, panels * kPanel)  =  [head, C or 0]  +  A (rows, terms) B (terms, panels *
//   kPanel)
//
// In the forward product A is x as it lies and B a panel of packed weights, so a step
// loads one line of B and broadcasts one element of each row. In dW = x^T dz the terms
// are the rows of the batch: A is x read down its columns (kTransposed) and B is dz,
// both as they lie. The accumulators stay in registers throughout, each output in its
// own lane, one fused multiply-add a term, so the shape of a tile never changes a bit.
//
// A panel of which only the first half exists (up to 8 outputs of float32) has a tile
// of its own, of half the width: an output layer of few classes costs half.
//
// Registers (kVectors vectors a line, R rows, P panels): R * P * kVectors accumulators,
// P * kVectors for the line of B, one for the broadcast:
//   AVX2     6 x 1 : 12 + 2 + 1 = 15 of 16
//   AVX-512 12 x 2 : 24 + 2 + 1 = 27 of 32
//   SSE2     2 x 1 :  8 + 4 + 1 = 13 of 16
//   NEON     6 x 1 : 24 + 4 + 1 = 29 of 32
// and half a panel of twice as many rows, where that is a whole number of vectors.
//
// A term of a tile takes R + P * kVectors loads, so a square one takes the fewest: of
// 24 accumulators on AVX-512 12 x 2 takes 14, 8 x 3 takes 11 and 6 x 4 takes 10. Alone
// on a core all three run at 98 % of the peak; but where the core's other hardware
// thread is busy, as it often is on a rented machine, loads are what there is too
// little of.
#ifndef MLPCORE_KERNELS_TILE_INL_H_
#define MLPCORE_KERNELS_TILE_INL_H_

#include "kernels/kernel_table.h"
#include "simd/vec-inl.h"

#if defined(__clang__)
#define MLPCORE_UNROLL _Pragma("clang loop unroll(full)")
#else
#define MLPCORE_UNROLL _Pragma("GCC unroll 32")
#endif

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
constexpr int kVectors = static_cast<int>(kPanel<T>) / kLanes<T>;

constexpr int kTileRows = MLPCORE_TILE_ROWS;
constexpr int kTilePanels = MLPCORE_TILE_PANELS;
// The most panels of a tile with all accumulators, and its rows: where there are
// columns enough for it.
constexpr int kWidePanels = kTilePanels == 2 ? 4 : kTilePanels;
constexpr int kWideRows = kTileRows * kTilePanels / kWidePanels;
template <typename T>
constexpr ptrdiff_t kQuarter = kPanel<T> / 4;
template <typename T>
constexpr int kHalfTileRows = kVectors<T> == 1 ? kTileRows : 2 * kTileRows;

// A tile that asks memory for what is used later does so in as many places by turns:
// dW for four arrays that the optimizer sweeps, in each panel.
constexpr int kStreams = 4 * (kWidePanels < 2 ? 2 : kWidePanels);
// On AVX-512 it can ask for its own rows too, so many terms before it uses them (100
// cycles; 4 and 16 are as good): they are far apart, and 256 of them are more than L1
// holds.
constexpr ptrdiff_t kTermsAhead = 8;

template <typename T>
struct TileArgs {
  T* c;                // out (rows, cols)
  ptrdiff_t c_stride;  // from row to row
  ptrdiff_t c_panel;   // from panel to panel
  const T* a;          // (rows, terms), or (terms, rows) if kTransposed
  ptrdiff_t a_stride;
  const T* b;          // line of the first term
  ptrdiff_t b_stride;  // from term to term
  ptrdiff_t b_panel;   // from panel to panel
  const T* head;       // where the chains start (panels b_panel apart; kTransposed: an
                       // element for each row), or null for 0
  ptrdiff_t terms;     // at most kBlockTerms
  ptrdiff_t cols;      // columns of C to write, at most panels * kPanel (kTransposed,
                       // and if it asks ahead: all)
  const char* ahead[kStreams];  // where to ask memory, in turns, one a term
  ptrdiff_t ahead_step;         // and so many bytes further with each term
  bool asks_for_rows = false;   // for those of A and B too
  T* b_sum = nullptr;           // out: the sum of B's lines (panels c_panel apart)
  bool resume = false;          // the chains start from C: more terms of a block
  bool add;                     // C += chains
  bool relu;                    // C = max(C, 0), after all else
  const T* relu_y = nullptr;    // C *= relu'(y), after all else; or null; full tiles
  ptrdiff_t relu_y_stride = 0;
};

// Tiles with all the accumulators there are, for many rows: their panels and rows.
constexpr bool IsFullWidth(int panels) {
  return panels >= kTilePanels && panels <= kWidePanels;
}
constexpr int RowsOfFullTile(int panels) {
  return panels <= kTilePanels ? kTileRows : kTileRows * kTilePanels / panels;
}

// The register of a tile: a whole one, or a half of one that is as wide as a panel.
template <typename T, bool kIsHalf>
struct TileRegister {
  using Type = V<T>;
};
template <typename T>
struct TileRegister<T, true> {
  using Type = HalfV<T>;
};

// kHalves: the width in halves of a panel. kAsksAhead: for what t.ahead says. kSumsB:
// writes t.b_sum.
template <typename T, int kRows, int kHalves, bool kTransposed, bool kAsksAhead = false,
          bool kSumsB = false>
struct Tile {
  using W = typename TileRegister<T, kHalves == 1 && kVectors<T> == 1>::Type;
  static constexpr int kL = static_cast<int>(sizeof(W) / sizeof(T));
  static constexpr int kOfPanel = static_cast<int>(kPanel<T>) / kL;
  static constexpr ptrdiff_t kWidth = kHalves * kPanel<T> / 2;
  static constexpr int kLine = static_cast<int>(kWidth) / kL;
  // Only full tiles: in all of them it would be much code for little.
  static constexpr bool kTakesReluY = !kTransposed && !kAsksAhead &&
                                      IsFullWidth(kHalves / 2) &&
                                      kRows == RowsOfFullTile(kHalves / 2);
  static constexpr bool kMayAskForRows = kTransposed && kAsksAhead && kTilePanels == 2;

  static MLPCORE_INLINE W Load(const T* p) {
    W w;
    memcpy(&w, p, sizeof w);
    return w;
  }
  static MLPCORE_INLINE W LoadFirst(const T* p, ptrdiff_t lanes) {
    const V<T> v = LoadN(p, lanes);
    W w;
    memcpy(&w, &v, sizeof w);
    return w;
  }
  static MLPCORE_INLINE void Store(W w, T* p) { memcpy(p, &w, sizeof w); }
  static MLPCORE_INLINE void StoreFirst(W w, T* p, ptrdiff_t lanes) {
    V<T> v{};
    memcpy(&v, &w, sizeof w);
    StoreN(v, p, lanes);
  }

  // Vector v of a line, of panels that are `panel` apart.
  static MLPCORE_INLINE ptrdiff_t Offset(int v, ptrdiff_t panel) {
    return v / kOfPanel * panel + v % kOfPanel * kL;
  }

  // For each vector of the tile: f(row, vector, where it lies).
  template <typename Pointer, typename F>
  static MLPCORE_INLINE void ForEach(Pointer row, ptrdiff_t stride, ptrdiff_t panel,
                                     F f) {
    MLPCORE_UNROLL
    for (int r = 0; r < kRows; ++r) {
      MLPCORE_UNROLL
      for (int v = 0; v < kLine; ++v) f(r, v, row + Offset(v, panel));
      row += stride;
    }
  }

  static __attribute__((noinline)) void Run(const TileArgs<T>& t) {
    W acc[kRows][kLine];
    MLPCORE_UNROLL
    for (int v = 0; v < kLine; ++v) {
      W start{};
      if (!kTransposed && t.head) start = Load(t.head + Offset(v, t.b_panel));
      MLPCORE_UNROLL
      for (int r = 0; r < kRows; ++r) acc[r][v] = start;
    }
    if (kTransposed && t.head) {
      MLPCORE_UNROLL
      for (int r = 0; r < kRows; ++r) {
        MLPCORE_UNROLL
        for (int v = 0; v < kLine; ++v) acc[r][v] = t.head[r] - W{};
      }
    }
    if (kTransposed && t.resume) {
      ForEach(t.c, t.c_stride, t.c_panel,
              [&](int r, int v, const T* from) { acc[r][v] = Load(from); });
    }

    // A pointer for every four rows, the others by multiples of the stride: with one
    // for each there are not enough registers, and the loop reloads some of them.
    constexpr int kGroups = kTransposed ? 1 : (kRows + 3) / 4;
    const T* a[kGroups];
    MLPCORE_UNROLL
    for (int g = 0; g < kGroups; ++g) a[g] = t.a + 4 * g * t.a_stride;
    const T* b = t.b;
    // A panel of packed weights is read line by line: let the compiler see the
    // constant.
    const ptrdiff_t b_stride = kTransposed ? t.b_stride : kPanel<T>;
    const ptrdiff_t b_panel = t.b_panel;
    const ptrdiff_t a_step = kTransposed ? t.a_stride : 1;
    const ptrdiff_t ahead_step = t.ahead_step;
    const bool asks_for_rows = t.asks_for_rows;
    ptrdiff_t ahead = 0;
    // The last terms ask for the first ones, with which the next tile begins.
    const ptrdiff_t turn = t.terms - kTermsAhead;
    ptrdiff_t to_a = kTermsAhead * a_step, to_b = kTermsAhead * b_stride;
    W b_sum[kLine] = {};
    for (ptrdiff_t k = 0; k < t.terms; ++k) {
      if (kAsksAhead) {
        __builtin_prefetch(t.ahead[k % kStreams] + ahead);
        ahead += ahead_step;
      }
      if (kMayAskForRows && asks_for_rows) {
        if (k == turn) {
          to_a = -turn * a_step;
          to_b = -turn * b_stride;
        }
        __builtin_prefetch(a[0] + kRows - 1 + to_a);
        MLPCORE_UNROLL
        for (int v = 0; v < kLine; v += kOfPanel) {
          __builtin_prefetch(b + Offset(v, b_panel) + to_b);
        }
      }
      W line[kLine];
      MLPCORE_UNROLL
      for (int v = 0; v < kLine; ++v) line[v] = Load(b + Offset(v, b_panel));
      if (kSumsB) {
        MLPCORE_UNROLL
        for (int v = 0; v < kLine; ++v) b_sum[v] = b_sum[v] + line[v];
      }
      MLPCORE_UNROLL
      for (int r = 0; r < kRows; ++r) {
        const W x = (kTransposed ? a[0][r] : a[r / 4][r % 4 * t.a_stride]) - W{};
        MLPCORE_UNROLL
        for (int v = 0; v < kLine; ++v) acc[r][v] = MulAdd(x, line[v], acc[r][v]);
      }
      b += b_stride;
      MLPCORE_UNROLL
      for (int g = 0; g < kGroups; ++g) a[g] += a_step;
    }

    Finish(t, acc, b_sum);
  }

 private:
  // What becomes of the sums. Where C lies is copied, because a store may change what a
  // reference refers to, for all that the compiler knows: it was loaded again after
  // each of 24 stores. It is copied here, hidden behind `asm`: addresses that are known
  // before the loop take its registers (dW 30 % slower).
  static MLPCORE_INLINE void Finish(const TileArgs<T>& args, W (&acc)[kRows][kLine],
                                    const W (&b_sum)[kLine]) {
    const TileArgs<T>* t = &args;
    asm("" : "+r"(t));
    T* const c = t->c;
    const ptrdiff_t stride = t->c_stride, panel = t->c_panel, cols = t->cols;
    // dW's panels are whole, and so are those of tiles that ask.
    const bool whole = kTransposed || kAsksAhead || cols >= kWidth;
    const auto lanes_of = [&](int v) {
      const ptrdiff_t left = cols - v * kL;
      return left < 0 ? 0 : left > kL ? kL : left;
    };

    if (kSumsB) {
      MLPCORE_UNROLL
      for (int v = 0; v < kLine; ++v) {
        T* sum = t->b_sum + Offset(v, panel);
        Store(t->add ? Load(sum) + b_sum[v] : b_sum[v], sum);
      }
    }
    if (t->add) {
      ForEach(c, stride, panel, [&](int r, int v, const T* sum) {
        acc[r][v] = (whole ? Load(sum) : LoadFirst(sum, lanes_of(v))) + acc[r][v];
      });
    }
    if (t->relu) {
      ForEach(c, stride, panel,
              [&](int r, int v, T*) { acc[r][v] = NotNegative(acc[r][v]); });
    }
    if constexpr (kTakesReluY) {
      if (t->relu_y) {
        ForEach(t->relu_y, t->relu_y_stride, kPanel<T>, [&](int r, int v, const T* y) {
          acc[r][v] = acc[r][v] * Select<T>(Load(y) > T(0), Set<T>(1), W{});
        });
      }
    }
    if (whole) {
      ForEach(c, stride, panel, [&](int r, int v, T* to) { Store(acc[r][v], to); });
    } else {
      // A masked store costs several times a whole one.
      ForEach(c, stride, panel, [&](int r, int v, T* to) {
        const ptrdiff_t lanes = lanes_of(v);
        if (lanes == kL) {
          Store(acc[r][v], to);
        } else {
          StoreFirst(acc[r][v], to, lanes);
        }
      });
    }
    // Half a panel of a C that has room for all of it: the rest is padding.
    if (kHalves == 1 && cols > kWidth) {
      ForEach(c + kWidth, stride, panel, [&](int, int, T* to) { Store(W{}, to); });
    }
  }

  static MLPCORE_INLINE V<T> NotNegative(V<T> v) { return AtLeast(v, T(0)); }
  static MLPCORE_INLINE HalfV<T> NotNegative(HalfV<T> v) {
    return v < T(0) ? HalfV<T>{} : v;
  }
};

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_TILE_INL_H_
