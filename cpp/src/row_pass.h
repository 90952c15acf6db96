// The rows of a batch on their way through the network and back.
#ifndef MLPCORE_ROW_PASS_H_
#define MLPCORE_ROW_PASS_H_

#include <vector>

#include "aligned_buffer.h"
#include "kernels/kernel_table.h"
#include "mlpcore/gradient.h"
#include "packing.h"
#include "transposed_panels.h"

namespace mlpcore {

// A matrix of our own, its rows padded to whole panels. In the padding of dz is 0:
// the losses do not write there, and the products of zero weights are 0 (or NaN, where
// dz is not finite, and training ends).
template <typename T>
struct OwnedRows {
  OwnedRows() = default;
  OwnedRows(ptrdiff_t rows, ptrdiff_t columns)
      : stride(PaddedStride<T>(columns)), buffer(static_cast<size_t>(rows * stride)) {}
  Rows<T> rows(ptrdiff_t from = 0) const {
    return {buffer.data() ? buffer.data() + from * stride : nullptr, stride};
  }
  ptrdiff_t stride = 0;
  AlignedBuffer<T> buffer;
};

// Gather, forward, loss, backward; and what the weight gradients need of it. A batch is
// taken in groups of rows, of which some are in memory at a time: `first` counts within
// the group. Different rows may be run by different threads.
template <typename T>
class RowPass {
 public:
  RowPass(const Network<T>& network, const TransposedPanels<T>& transposed)
      : network_(network), spec_(network.spec()), transposed_(transposed) {}

  // scale: 1 / sum of the batch's weights.
  void BeginBatch(const Batch<T>& batch, const GradientOptions& options, double scale,
                  ptrdiff_t group_rows);
  void BeginGroup(ptrdiff_t first) { group_first_ = first; }
  // Rows [first, first + count) of the group, a block.
  void Run(ptrdiff_t first, ptrdiff_t count);

  // Of rows that were run: losses and counts, summed in order...
  Evaluation Sums(ptrdiff_t first, ptrdiff_t count);
  // ...and for the gradient of a layer's weights, its input and dz.
  Rows<const T> InputOf(ptrdiff_t layer, ptrdiff_t first) const;
  // Whether its rows have room for whole panels.
  bool InputIsPadded(ptrdiff_t layer) const { return layer > 0 || batch_.order; }
  Rows<const T> FieldGradientOf(ptrdiff_t layer, ptrdiff_t first) const {
    return layers_[static_cast<size_t>(layer)].dz.rows(first);
  }

 private:
  // What a layer keeps from the forward to the backward pass.
  struct Layer {
    OwnedRows<T> y;           // output; of a layer whose loss is taken from z: z
    OwnedRows<T> derivative;  // phi'(z), if y does not give it or dropout masks it
    OwnedRows<T> dz;
  };

  void Reserve(ptrdiff_t rows);
  void Gather(ptrdiff_t first, ptrdiff_t count);
  void Forward(ptrdiff_t first, ptrdiff_t count);
  void LossAndOutputGradient(ptrdiff_t first, ptrdiff_t count);
  void Backward(ptrdiff_t first, ptrdiff_t count);
  Targets<T> TargetsOf(ptrdiff_t first) const;
  const T* WeightsOf(ptrdiff_t first) const;

  const Network<T>& network_;
  const NetworkSpec& spec_;
  const TransposedPanels<T>& transposed_;
  const KernelTable<T>* kernels_ = nullptr;

  Batch<T> batch_;  // the whole batch
  GradientOptions options_;
  double scale_ = 0;
  ptrdiff_t group_first_ = 0;  // row of the batch

  ptrdiff_t capacity_ = 0;  // rows
  bool has_dropout_buffers_ = false;
  OwnedRows<T> x_;  // rows gathered through the order
  std::vector<Layer> layers_;
  OwnedRows<T> target_values_;
  std::vector<int32_t> target_labels_, row_class_;
  std::vector<T> row_weight_;      // as given, gathered
  std::vector<int64_t> in_order_;  // 0, 1, ... where there is no order to gather by
  std::vector<T> row_scale_;  // divided by the batch's sum, so that no scale is lost
  std::vector<T> row_loss_;
};

}  // namespace mlpcore

#endif  // MLPCORE_ROW_PASS_H_
