// One call of the loss kernel, with canaries round everything it writes.
#ifndef MLPCORE_TESTS_LOSS_RUN_H_
#define MLPCORE_TESTS_LOSS_RUN_H_

#include <vector>

#include "testing.h"

namespace mlpcore::testing {

template <typename T>
struct LossRun {
  std::vector<T> z;  // (rows, n): induced local fields, or outputs
  ptrdiff_t rows = 0, n = 0;
  Loss loss = Loss::kLogLoss;
  bool softmax = false;
  Activation output = Activation::kExp;  // poisson's
  std::vector<int32_t> labels;           // (rows), or
  std::vector<T> targets;                // (rows, n)
  std::vector<T> weights;                // (rows), or empty
  T scale = 1, parameter = 0, label_smoothing = 0;
  bool drops_tiny = false;

  std::vector<T> row_loss, gradient;
  std::vector<int32_t> row_class;

  void Run() {
    const Framed<T> in(z, rows, n, 3, 1), out(rows, n, 1, 5), losses(rows, 1);
    const Framed<T> values(targets.empty() ? z : targets, rows, n, 2, 3);
    row_class.assign(static_cast<size_t>(rows), -7);
    LossArgs<T> args;
    args.row_loss = losses.rows().data;
    args.gradient = out.rows();
    args.row_class = softmax ? row_class.data() : nullptr;
    args.z = in.rows();
    args.targets.labels = labels.empty() ? nullptr : labels.data();
    args.targets.values = targets.empty() ? nullptr : values.rows().data;
    args.targets.value_stride = values.rows().stride;
    args.row_weight = weights.empty() ? nullptr : weights.data();
    args.scale = scale;
    args.rows = rows;
    args.n_out = n;
    args.loss = loss;
    args.softmax = softmax;
    args.output = output;
    args.parameter = parameter;
    args.label_smoothing = label_smoothing;
    args.drops_tiny = drops_tiny;
    ActiveKernels<T>().loss(args);
    row_loss = losses.Dense();
    gradient = out.Dense();
    CHECK(losses.FrameIsIntact());
    CHECK(out.FrameIsIntact());

    // Without a gradient the losses are the same.
    const Framed<T> alone(rows, 1);
    args.row_loss = alone.rows().data;
    args.gradient = {};
    args.row_class = nullptr;
    ActiveKernels<T>().loss(args);
    CHECK(FirstDifference(alone.Dense(), row_loss) == -1);
    CHECK(alone.FrameIsIntact());
  }
};

}  // namespace mlpcore::testing

#endif  // MLPCORE_TESTS_LOSS_RUN_H_
