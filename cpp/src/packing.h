// The two packed forms of a weight matrix and the canonical one, W (n_in, n_out).
// ARCHITECTURE.md draws a panel.
#ifndef MLPCORE_PACKING_H_
#define MLPCORE_PACKING_H_

#include <vector>

#include "mlpcore/network.h"

namespace mlpcore {

// The panels of every layer, one after the other.
template <typename T>
std::vector<LayerLayout> LayOutPanels(const std::vector<ptrdiff_t>& layer_sizes);

// The panels of the transposed weights of every layer but the first, whose input needs
// no gradient: n_in and n_out change places. Entry 0 is empty.
template <typename T>
std::vector<LayerLayout> LayOutTransposed(const std::vector<LayerLayout>& layout);

template <typename T>
size_t ArenaSize(const std::vector<LayerLayout>& layout);

// flat: for each layer W row-major, then b. The padding of the arena becomes 0.
template <typename T>
void Pack(T* arena, const T* flat, const std::vector<LayerLayout>& layout);
template <typename T>
void Unpack(T* flat, const T* arena, const std::vector<LayerLayout>& layout);

// Where W^T has the line of input in_begin and of a panel's first column. in_begin is a
// multiple of kPanel.
template <typename T>
ptrdiff_t OffsetOfTransposed(const LayerLayout& transposed, ptrdiff_t panel,
                             ptrdiff_t in_begin) {
  return transposed.offset + in_begin / kPanel<T> * transposed.panel_size +
         (1 + panel * kPanel<T>)*kPanel<T>;
}

// Writes the inputs [in_begin, in_end) of one panel of W into the panels of W^T (their
// heads stay zero). in_begin is a multiple of kPanel; in_end is too, or is n_in.
template <typename T>
void TransposePanel(T* transposed, const LayerLayout& to, const T* arena,
                    const LayerLayout& from, ptrdiff_t panel, ptrdiff_t in_begin,
                    ptrdiff_t in_end);

}  // namespace mlpcore

#endif  // MLPCORE_PACKING_H_
