#include "packing.h"

#include <algorithm>

#include "dispatch.h"

namespace mlpcore {
namespace {

template <typename T>
LayerLayout LayOut(ptrdiff_t n_in, ptrdiff_t n_out, ptrdiff_t offset) {
  const ptrdiff_t panels = DivUp(n_out, kPanel<T>);
  return {n_in, n_out, panels, (1 + n_in) * kPanel<T>, offset};
}

// copy(arena line, flat row, columns) for every line of every panel.
template <typename T, typename Copy>
void ForEachLine(const std::vector<LayerLayout>& layout, Copy copy) {
  size_t flat = 0;
  for (const LayerLayout& layer : layout) {
    const size_t biases = flat + static_cast<size_t>(layer.n_in * layer.n_out);
    for (ptrdiff_t p = 0; p < layer.n_panels; ++p) {
      const ptrdiff_t col = p * kPanel<T>;
      const ptrdiff_t cols = ColumnsOfPanel<T>(layer.n_out, p);
      const ptrdiff_t panel = layer.offset + p * layer.panel_size;
      copy(panel, biases + static_cast<size_t>(col), cols);
      for (ptrdiff_t i = 0; i < layer.n_in; ++i) {
        copy(panel + (1 + i) * kPanel<T>,
             flat + static_cast<size_t>(i * layer.n_out + col), cols);
      }
    }
    flat = biases + static_cast<size_t>(layer.n_out);
  }
}

}  // namespace

template <typename T>
std::vector<LayerLayout> LayOutPanels(const std::vector<ptrdiff_t>& layer_sizes) {
  std::vector<LayerLayout> layout;
  ptrdiff_t offset = 0;
  for (size_t l = 0; l + 1 < layer_sizes.size(); ++l) {
    layout.push_back(LayOut<T>(layer_sizes[l], layer_sizes[l + 1], offset));
    offset += layout.back().n_panels * layout.back().panel_size;
  }
  return layout;
}

template <typename T>
std::vector<LayerLayout> LayOutTransposed(const std::vector<LayerLayout>& layout) {
  std::vector<LayerLayout> transposed{LayerLayout{}};
  ptrdiff_t offset = 0;
  for (size_t l = 1; l < layout.size(); ++l) {
    transposed.push_back(LayOut<T>(layout[l].n_out, layout[l].n_in, offset));
    offset += transposed.back().n_panels * transposed.back().panel_size;
  }
  return transposed;
}

template <typename T>
size_t ArenaSize(const std::vector<LayerLayout>& layout) {
  const LayerLayout& last = layout.back();
  return static_cast<size_t>(last.offset + last.n_panels * last.panel_size);
}

template <typename T>
void Pack(T* arena, const T* flat, const std::vector<LayerLayout>& layout) {
  ForEachLine<T>(layout, [&](ptrdiff_t line, size_t row, ptrdiff_t cols) {
    std::fill_n(std::copy_n(flat + row, cols, arena + line), kPanel<T> - cols, T(0));
  });
}

template <typename T>
void Unpack(T* flat, const T* arena, const std::vector<LayerLayout>& layout) {
  ForEachLine<T>(layout, [&](ptrdiff_t line, size_t row, ptrdiff_t cols) {
    std::copy_n(arena + line, cols, flat + row);
  });
}

template <typename T>
void TransposePanel(T* transposed, const LayerLayout& to, const T* arena,
                    const LayerLayout& from, ptrdiff_t panel, ptrdiff_t in_begin,
                    ptrdiff_t in_end) {
  const T* lines = arena + from.offset + panel * from.panel_size;
  ActiveKernels<T>().transpose_panel(
      transposed + OffsetOfTransposed<T>(to, panel, in_begin), to.panel_size,
      lines + (1 + in_begin) * kPanel<T>, in_end - in_begin,
      ColumnsOfPanel<T>(from.n_out, panel));
}

#define MLPCORE_INSTANTIATE(T)                                                      \
  template std::vector<LayerLayout> LayOutPanels<T>(const std::vector<ptrdiff_t>&); \
  template std::vector<LayerLayout> LayOutTransposed<T>(                            \
      const std::vector<LayerLayout>&);                                             \
  template size_t ArenaSize<T>(const std::vector<LayerLayout>&);                    \
  template void Pack<T>(T*, const T*, const std::vector<LayerLayout>&);             \
  template void Unpack<T>(T*, const T*, const std::vector<LayerLayout>&);           \
  template void TransposePanel<T>(T*, const LayerLayout&, const T*,                 \
                                  const LayerLayout&, ptrdiff_t, ptrdiff_t,         \
                                  ptrdiff_t);
MLPCORE_INSTANTIATE(float)
MLPCORE_INSTANTIATE(double)
#undef MLPCORE_INSTANTIATE

}  // namespace mlpcore
