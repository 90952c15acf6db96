// The tile of a panel and a quarter of the next one, where a register is as wide as a
// panel.
//
// Ten outputs of float64 are a panel of 8 and two columns more, which by themselves
// cost as much as the panel: every element of x is broadcast again, for a register that
// is nearly empty. Here the rows of the tile have these columns side by side, four rows
// in a register, and what was broadcast for the panel is put together for them. The
// same chains, each in a lane of its own, so the same bits.
//
// A term of 12 rows takes 9 cycles, and 6.8 + 6.7 apart (Zen 5). With half a panel and
// two rows in a register nothing is gained.
#ifndef MLPCORE_KERNELS_BESIDE_TILE_INL_H_
#define MLPCORE_KERNELS_BESIDE_TILE_INL_H_

#include "kernels/tile-inl.h"
#include "kernels/vectors-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Forward products of kTileRows rows. C has room for the quarter, and for a whole panel
// if t.cols is two panels: the rest is padding.
template <typename T>
struct BesideTile {
  static constexpr int kBeside = kPanel<T> / kQuarter<T>;
  static constexpr int kShared = kTileRows / kBeside;
  static_assert(kVectors<T> == 1 && kTileRows % kBeside == 0);

  // A quarter of a line, for each of the rows that share a register.
  static MLPCORE_INLINE V<T> Repeat(const T* quarter) {
    return LoadAt<T>({quarter, 0}, 0, 0, Beside<kBeside>{});
  }
  // Each row's lanes from its own vector.
  static MLPCORE_INLINE V<T> PutTogether(const V<T> (&x)[kBeside]) {
    V<T> v = x[0];
    MLPCORE_UNROLL
    for (int r = 1; r < kBeside; ++r) {
      const auto first = static_cast<typename Float<T>::Int>(r * kQuarter<T>);
      v = Select<T>(Iota<T>() < first, v, x[r]);
    }
    return v;
  }

  static __attribute__((noinline)) void Run(const TileArgs<T>& t) {
    V<T> whole[kTileRows] = {}, shared[kShared] = {};
    if (t.head) {
      MLPCORE_UNROLL
      for (V<T>& v : whole) v = Load(t.head);
      MLPCORE_UNROLL
      for (V<T>& v : shared) v = Repeat(t.head + t.b_panel);
    }
    const T* a[kShared];
    MLPCORE_UNROLL
    for (int s = 0; s < kShared; ++s) a[s] = t.a + s * kBeside * t.a_stride;
    const T* b = t.b;
    for (ptrdiff_t k = 0; k < t.terms; ++k) {
      const V<T> line = Load(b), quarter = Repeat(b + t.b_panel);
      MLPCORE_UNROLL
      for (int s = 0; s < kShared; ++s) {
        V<T> x[kBeside];
        MLPCORE_UNROLL
        for (int r = 0; r < kBeside; ++r) {
          x[r] = Set(a[s][r * t.a_stride]);
          V<T>& sum = whole[s * kBeside + r];
          sum = MulAdd(x[r], line, sum);
        }
        shared[s] = MulAdd(PutTogether(x), quarter, shared[s]);
        ++a[s];
      }
      b += kPanel<T>;
    }
    Finish(t, whole, shared);
  }

 private:
  static MLPCORE_INLINE void Finish(const TileArgs<T>& t, V<T> (&whole)[kTileRows],
                                    V<T> (&shared)[kShared]) {
    const Rows<T> c = {t.c, t.c_stride};
    const bool add = t.add, relu = t.relu, padded = t.cols > kPanel<T> + kQuarter<T>;
    MLPCORE_UNROLL
    for (int r = 0; r < kTileRows; ++r) {
      if (add) whole[r] = Load(c.Row(r)) + whole[r];
      if (relu) whole[r] = AtLeast(whole[r], T(0));
      Store<T>(whole[r], c.Row(r));
    }
    MLPCORE_UNROLL
    for (int s = 0; s < kShared; ++s) {
      const ptrdiff_t row = s * kBeside;
      V<T> v = shared[s];
      if (add) v = LoadAt<T>(c, row, kPanel<T>, Beside<kBeside>{}) + v;
      if (relu) v = AtLeast(v, T(0));
      for (int r = 0; padded && r < kBeside; ++r) {
        Store<T>(V<T>{}, c.Row(row + r) + kPanel<T>);
      }
      StoreAt<T>(v, c, row, kPanel<T>, Beside<kBeside>{});
    }
  }
};

template <typename T>
MLPCORE_INLINE void RunBesideTile(const TileArgs<T>& t) {
  if constexpr (kVectors<T> == 1) BesideTile<T>::Run(t);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_BESIDE_TILE_INL_H_
