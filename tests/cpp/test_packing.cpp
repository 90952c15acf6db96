// Panels: where ARCHITECTURE.md's drawing says each weight lies.
#include "testing.h"

namespace mlpcore::testing {
namespace {

// Weight (i, j) is 1 + its place in W; bias j follows them. 0 is kept for padding.
template <typename T>
std::vector<T> Numbered(size_t n) {
  std::vector<T> flat(n);
  for (size_t i = 0; i < n; ++i) flat[i] = static_cast<T>(i + 1);
  return flat;
}

template <typename T>
void CheckLayer(const T* arena, const LayerLayout& at, const T* w) {
  const T* b = w + at.n_in * at.n_out;
  ptrdiff_t wrong = 0;
  for (ptrdiff_t j = 0; j < at.n_panels * kPanel<T>; ++j) {
    const T* panel = arena + at.offset + j / kPanel<T> * at.panel_size + j % kPanel<T>;
    const bool exists = j < at.n_out;
    wrong += panel[0] != (exists ? b[j] : T(0));
    for (ptrdiff_t i = 0; i < at.n_in; ++i) {
      wrong += panel[(1 + i) * kPanel<T>] != (exists ? w[i * at.n_out + j] : T(0));
    }
  }
  CHECK(wrong == 0);
}

template <typename T>
void CheckPacking(const std::vector<ptrdiff_t>& sizes) {
  const std::vector<LayerLayout> layout = LayOutPanels<T>(sizes);
  size_t n = 0;
  for (const LayerLayout& at : layout)
    n += static_cast<size_t>((1 + at.n_in) * at.n_out);
  const std::vector<T> flat = Numbered<T>(n);
  AlignedBuffer<T> arena(ArenaSize<T>(layout));
  CHECK(reinterpret_cast<uintptr_t>(arena.data()) % kCacheLine == 0);
  std::fill_n(arena.data(), arena.size(), Canary<T>());  // gone from the padding too
  Pack(arena.data(), flat.data(), layout);
  const T* w = flat.data();
  for (const LayerLayout& at : layout) {
    CheckLayer(arena.data(), at, w);
    w += (1 + at.n_in) * at.n_out;
  }
  std::vector<T> back(n, T(-1));
  Unpack(back.data(), arena.data(), layout);
  CHECK(back == flat);

  // W^T of every layer but the first; the heads and the padding stay zero.
  const std::vector<LayerLayout> to = LayOutTransposed<T>(layout);
  AlignedBuffer<T> transposed(ArenaSize<T>(to));
  w = flat.data();
  for (size_t l = 0; l < layout.size(); ++l) {
    const LayerLayout& at = layout[l];
    if (l > 0) {
      for (ptrdiff_t p = 0; p < at.n_panels; ++p) {
        // In two pieces, as far as there is a place to cut.
        const ptrdiff_t cut = at.n_in / 2 / kPanel<T> * kPanel<T>;
        TransposePanel(transposed.data(), to[l], arena.data(), at, p, cut, at.n_in);
        TransposePanel(transposed.data(), to[l], arena.data(), at, p, 0, cut);
      }
      std::vector<T> expected(static_cast<size_t>((1 + at.n_out) * at.n_in));
      for (ptrdiff_t i = 0; i < at.n_in; ++i) {
        for (ptrdiff_t j = 0; j < at.n_out; ++j) {
          expected[static_cast<size_t>(j * at.n_in + i)] = w[i * at.n_out + j];
        }
      }
      CheckLayer(transposed.data(), to[l], expected.data());
    }
    w += (1 + at.n_in) * at.n_out;
  }
}

}  // namespace

TEST_SUITE("packing") {
  TEST_CASE_TEMPLATE("panels and transposed panels", T, float, double) {
    for (const ptrdiff_t a : {1, 3, 8, 33}) {
      for (const ptrdiff_t b : {1, 7, 8, 9, 15, 16, 17, 33}) {
        CAPTURE(a);
        CAPTURE(b);
        OnEveryIsa([&] {
          CheckPacking<T>({a, b});
          CheckPacking<T>({b, a, b, 2 * a + 1});
        });
      }
    }
  }
}

}  // namespace mlpcore::testing
