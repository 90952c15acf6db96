// What the core does around the loss kernels: their arguments, and sums over rows.
#ifndef MLPCORE_LOSS_H_
#define MLPCORE_LOSS_H_

#include <vector>

#include "kernels/kernel_table.h"
#include "mlpcore/network.h"

namespace mlpcore {

// True if the loss is computed from the output layer's z rather than its y.
inline bool LossTakesField(const NetworkSpec& spec) {
  return spec.loss == Loss::kLogLoss || spec.loss == Loss::kPoisson;
}

// The arguments that depend on the network alone.
template <typename T>
LossArgs<T> LossArgsOf(const NetworkSpec& spec, ptrdiff_t rows) {
  LossArgs<T> args;
  args.rows = rows;
  args.n_out = spec.n_out();
  args.loss = spec.loss;
  args.softmax = spec.softmax();
  args.output = spec.activations.back();
  args.parameter = static_cast<T>(spec.loss_parameter);
  return args;
}

template <typename T>
Targets<T> TargetsFrom(const Targets<T>& targets, ptrdiff_t row) {
  return {targets.labels ? targets.labels + row : nullptr,
          targets.values ? targets.values + row * targets.value_stride : nullptr,
          targets.value_stride};
}

// Sums over one chunk's rows, in order, in float64, after the loss kernel has run.
// weights (rows) or null.
template <typename T>
Evaluation SumRows(const LossArgs<T>& loss, const T* weights, const NetworkSpec& spec);

// Sums over chunks, in order.
Evaluation SumChunks(const std::vector<Evaluation>& chunks);

}  // namespace mlpcore

#endif  // MLPCORE_LOSS_H_
