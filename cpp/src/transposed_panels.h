// The panels of W^T of every layer but the first: what dz W^T is computed with.
#ifndef MLPCORE_TRANSPOSED_PANELS_H_
#define MLPCORE_TRANSPOSED_PANELS_H_

#include <vector>

#include "aligned_buffer.h"
#include "mlpcore/gradient.h"
#include "packing.h"

namespace mlpcore {

template <typename T>
class TransposedPanels {
 public:
  explicit TransposedPanels(Network<T>& network)
      : network_(network),
        layout_(LayOutTransposed<T>(network.layout())),
        arena_(ArenaSize<T>(layout_)) {}

  const T* PanelsOf(ptrdiff_t layer) const {
    return arena_.data() + layout_[static_cast<size_t>(layer)].offset;
  }

  // The line of a part's first input and column.
  const T* LineOf(const Part& part) const {
    return arena_.data() +
           OffsetOfTransposed<T>(layout_[static_cast<size_t>(part.layer)], part.panel,
                                 part.in_begin);
  }
  ptrdiff_t PanelSizeOf(ptrdiff_t layer) const {
    return layout_[static_cast<size_t>(layer)].panel_size;
  }

  // All of them, if somebody else has changed the network's parameters.
  void RefreshAll() {
    if (version_ == network_.version()) return;
    for (size_t l = 1; l < layout_.size(); ++l) {
      const LayerLayout& layer = network_.layout()[l];
      for (ptrdiff_t p = 0; p < layer.n_panels; ++p) Refresh(l, p, 0, layer.n_in);
    }
    version_ = network_.version();
  }
  // A part whose weights have been changed; then, after all of them, MarkRefreshed.
  void Refresh(const Part& part) {
    if (part.layer == 0) return;
    for (ptrdiff_t p = 0; p < part.n_panels; ++p) {
      Refresh(static_cast<size_t>(part.layer), part.panel + p, part.in_begin,
              part.in_end);
    }
  }
  void MarkRefreshed() {
    network_.ParametersChanged();
    version_ = network_.version();
  }

 private:
  void Refresh(size_t layer, ptrdiff_t panel, ptrdiff_t in_begin, ptrdiff_t in_end) {
    TransposePanel(arena_.data(), layout_[layer], network_.arena(),
                   network_.layout()[layer], panel, in_begin, in_end);
  }

  Network<T>& network_;
  std::vector<LayerLayout> layout_;
  AlignedBuffer<T> arena_;
  uint64_t version_ = 0;  // of the network's parameters; 0: never written
};

}  // namespace mlpcore

#endif  // MLPCORE_TRANSPOSED_PANELS_H_
