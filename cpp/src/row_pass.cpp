#include "row_pass.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "dispatch.h"
#include "forward.h"
#include "loss.h"
#include "mlpcore/philox.h"

namespace mlpcore {

template <typename T>
void RowPass<T>::BeginBatch(const Batch<T>& batch, const GradientOptions& options,
                            double scale, ptrdiff_t group_rows) {
  kernels_ = &ActiveKernels<T>();
  batch_ = batch;
  options_ = options;
  scale_ = scale;
  const auto has_weightless = [&] {
    return std::find(batch.weights, batch.weights + batch.rows, T(0)) !=
           batch.weights + batch.rows;
  };
  if (batch.order == nullptr && batch.weights && has_weightless()) {
    in_order_.resize(static_cast<size_t>(batch.rows));
    std::iota(in_order_.begin(), in_order_.end(), int64_t{0});
    batch_.order = in_order_.data();
  }
  Reserve(group_rows);
}

template <typename T>
void RowPass<T>::Reserve(ptrdiff_t rows) {
  const bool dropout = options_.dropout;
  if (rows <= capacity_ && (has_dropout_buffers_ || !dropout)) return;
  rows = std::max(rows, std::exchange(capacity_, 0));  // none, if memory runs out
  const ptrdiff_t n_layers = spec_.n_layers();
  layers_.clear();
  layers_.resize(static_cast<size_t>(n_layers));
  for (ptrdiff_t l = 0; l < n_layers; ++l) {
    Layer& layer = layers_[static_cast<size_t>(l)];
    const ptrdiff_t n = spec_.layer_sizes[static_cast<size_t>(l) + 1];
    const bool masked =
        dropout && l + 1 < n_layers && spec_.dropout[static_cast<size_t>(l)] > 0;
    layer.y = OwnedRows<T>(rows, n);
    layer.dz = OwnedRows<T>(rows, n);
    if (masked || !DerivativeFromOutput(spec_.activations[static_cast<size_t>(l)])) {
      layer.derivative = OwnedRows<T>(rows, n);
    }
  }
  const size_t n = static_cast<size_t>(rows);
  x_ = OwnedRows<T>(rows, spec_.n_in());
  target_values_ = OwnedRows<T>(rows, spec_.n_out());
  target_labels_.resize(n);
  row_class_.resize(n);
  row_weight_.resize(n);
  row_scale_.resize(n);
  row_loss_.resize(n);
  capacity_ = rows;
  has_dropout_buffers_ = dropout;
}

// Gathering costs one pass over data that has to be read anyway, and gives rows whose
// stride suits the cache; targets and weights come along. Rows in order are used in
// place. Those of weight 0 are read as zeros: of a row that overflows, 0 times its
// gradient would be NaN.
template <typename T>
void RowPass<T>::Gather(ptrdiff_t first, ptrdiff_t count) {
  if (batch_.order == nullptr) return;
  const int64_t* order = batch_.order + group_first_ + first;
  const Targets<T>& targets = batch_.targets;
  kernels_->gather(x_.rows(first), {batch_.x.data, batch_.x.stride}, order, count,
                   spec_.n_in());
  if (targets.labels) {
    int32_t* labels = target_labels_.data() + first;
    for (ptrdiff_t i = 0; i < count; ++i) labels[i] = targets.labels[order[i]];
  } else {
    kernels_->gather(target_values_.rows(first), {targets.values, targets.value_stride},
                     order, count, spec_.n_out());
  }
  if (batch_.weights) {
    T* weights = row_weight_.data() + first;
    for (ptrdiff_t i = 0; i < count; ++i) {
      weights[i] = batch_.weights[order[i]];
      if (weights[i] == T(0)) {
        std::fill_n(x_.rows(first).Row(i), spec_.n_in(), T(0));
      }
    }
  }
}

template <typename T>
Rows<const T> RowPass<T>::InputOf(ptrdiff_t layer, ptrdiff_t first) const {
  if (layer > 0) return layers_[static_cast<size_t>(layer) - 1].y.rows(first);
  if (batch_.order) return x_.rows(first);
  const ptrdiff_t row = group_first_ + first;
  return {batch_.x.data + row * batch_.x.stride, batch_.x.stride};
}

template <typename T>
Targets<T> RowPass<T>::TargetsOf(ptrdiff_t first) const {
  if (batch_.order == nullptr) return TargetsFrom(batch_.targets, group_first_ + first);
  if (batch_.targets.labels) return {target_labels_.data() + first, nullptr, 0};
  return {nullptr, target_values_.rows(first).data, target_values_.stride};
}

template <typename T>
const T* RowPass<T>::WeightsOf(ptrdiff_t first) const {
  if (batch_.weights == nullptr) return nullptr;
  return batch_.order ? row_weight_.data() + first
                      : batch_.weights + group_first_ + first;
}

template <typename T>
void RowPass<T>::Forward(ptrdiff_t first, ptrdiff_t count) {
  const ptrdiff_t n_layers = spec_.n_layers();
  for (ptrdiff_t l = 0; l < n_layers; ++l) {
    const size_t i = static_cast<size_t>(l);
    const Layer& state = layers_[i];
    const bool last = l + 1 == n_layers;
    const bool from_output = DerivativeFromOutput(spec_.activations[i]);
    const Rows<T> y = state.y.rows(first);
    const Rows<T> derivative = from_output ? Rows<T>{} : state.derivative.rows(first);
    DenseArgs<T> args =
        DenseArgsOf(network_, l, InputOf(l, first), {y, {}, derivative, true}, count);
    if (last && LossTakesField(spec_)) args.activation = Activation::kIdentity;
    kernels_->dense(args);
    if (!last && options_.dropout && spec_.dropout[i] > 0) {
      DropoutArgs<T> dropout;
      dropout.y = y;
      dropout.derivative = state.derivative.rows(first);
      dropout.rows = count;
      dropout.n = args.n_out;
      dropout.activation = args.activation;
      dropout.derivative_is_set = !from_output;
      dropout.rate = spec_.dropout[i];
      dropout.seed = options_.seed;
      dropout.stream =
          StreamOf(StreamKind::kDropout, static_cast<uint64_t>(l), options_.step);
      dropout.first_row = group_first_ + first;
      kernels_->dropout(dropout);
    }
  }
}

template <typename T>
void RowPass<T>::LossAndOutputGradient(ptrdiff_t first, ptrdiff_t count) {
  const Layer& output = layers_.back();
  LossArgs<T> loss = LossArgsOf<T>(spec_, count);
  loss.row_loss = row_loss_.data() + first;
  loss.row_class = row_class_.data() + first;
  loss.gradient = output.dz.rows(first);
  loss.z = output.y.rows(first);
  loss.label_smoothing = static_cast<T>(options_.label_smoothing);
  loss.drops_tiny = options_.drops_tiny;
  loss.targets = TargetsOf(first);
  if (const T* weights = WeightsOf(first)) {
    for (ptrdiff_t i = 0; i < count; ++i) {
      row_scale_[static_cast<size_t>(first + i)] =
          static_cast<T>(static_cast<double>(weights[i]) * scale_);
    }
    loss.row_weight = row_scale_.data() + first;
  } else {
    loss.scale = static_cast<T>(scale_);
  }
  kernels_->loss(loss);
  if (!LossTakesField(spec_)) {
    const Rows<T> dz = output.dz.rows(first);
    kernels_->activation_gradient(spec_.activations.back(), dz, dz,
                                  output.y.rows(first), output.derivative.rows(first),
                                  count, spec_.n_out());
  }
}

template <typename T>
void RowPass<T>::Backward(ptrdiff_t first, ptrdiff_t count) {
  for (ptrdiff_t l = spec_.n_layers() - 1; l > 0; --l) {
    const size_t i = static_cast<size_t>(l);
    const LayerLayout& layer = network_.layout()[i];
    const Layer& below = layers_[i - 1];
    InputGradientArgs<T> args;
    args.dx = below.dz.rows(first);
    args.dz = layers_[i].dz.rows(first);
    args.panels = transposed_.PanelsOf(l);
    args.rows = count;
    args.n_in = layer.n_in;
    args.n_out = layer.n_out;
    args.activation = spec_.activations[i - 1];
    args.padded = true;
    args.far_panels = network_.weights_are_far();
    args.drops_tiny = options_.drops_tiny;
    args.y = below.y.rows(first);
    // A buffer may be there from an earlier call with dropout.
    const bool masked = options_.dropout && spec_.dropout[i - 1] > 0;
    if (masked || !DerivativeFromOutput(args.activation)) {
      args.derivative = below.derivative.rows(first);
    }
    kernels_->input_gradient(args);
  }
}

template <typename T>
void RowPass<T>::Run(ptrdiff_t first, ptrdiff_t count) {
  Gather(first, count);
  Forward(first, count);
  LossAndOutputGradient(first, count);
  Backward(first, count);
}

template <typename T>
Evaluation RowPass<T>::Sums(ptrdiff_t first, ptrdiff_t count) {
  LossArgs<T> loss = LossArgsOf<T>(spec_, count);
  loss.row_loss = row_loss_.data() + first;
  loss.row_class = row_class_.data() + first;
  loss.z = layers_.back().y.rows(first);
  loss.targets = TargetsOf(first);
  return SumRows(loss, WeightsOf(first), spec_);
}

template class RowPass<float>;
template class RowPass<double>;

}  // namespace mlpcore
