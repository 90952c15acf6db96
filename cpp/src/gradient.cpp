#include "mlpcore/gradient.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "aligned_buffer.h"
#include "dispatch.h"
#include "forward.h"
#include "loss.h"
#include "mlpcore/philox.h"
#include "packing.h"
#include "pool.h"

namespace mlpcore {
namespace {

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

// What a layer keeps of the rows of a group, from the forward to the backward pass.
template <typename T>
struct LayerState {
  OwnedRows<T> y;           // output; of a layer whose loss is taken from z: z
  OwnedRows<T> derivative;  // phi'(z), if y does not give it or dropout masks it
  OwnedRows<T> dz;
};

// A part has as many of a layer's panels as any tile takes at once, and so many inputs
// that the panels of dz, read once a part, are used 10 times over. Its gradient is 16
// KB: half of L1. A multiple of kPanel, so that parts share no line of W^T.
constexpr ptrdiff_t kPartPanels = 2;
constexpr ptrdiff_t kPartInputs = 128;

std::vector<Part> PartsOf(const std::vector<LayerLayout>& layout) {
  std::vector<Part> parts;
  for (size_t l = 0; l < layout.size(); ++l) {
    for (ptrdiff_t panel = 0; panel < layout[l].n_panels; panel += kPartPanels) {
      for (ptrdiff_t in = 0; in < layout[l].n_in; in += kPartInputs) {
        parts.push_back({static_cast<ptrdiff_t>(parts.size()),
                         static_cast<ptrdiff_t>(l), panel,
                         std::min(kPartPanels, layout[l].n_panels - panel), in,
                         std::min(in + kPartInputs, layout[l].n_in)});
      }
    }
  }
  return parts;
}

}  // namespace

template <typename T>
struct GradientEngine<T>::Workspace {
  explicit Workspace(std::shared_ptr<Network<T>> of)
      : network(std::move(of)),
        spec(network->spec()),
        transposed_layout(LayOutTransposed<T>(network->layout())),
        transposed(ArenaSize<T>(transposed_layout)),
        parts(PartsOf(network->layout())) {}

  void Reserve(ptrdiff_t rows);
  void RefreshAll();
  void ForwardBackward(const KernelTable<T>& kernels, ptrdiff_t first, ptrdiff_t count);
  Rows<const T> InputRowsOf(const KernelTable<T>& kernels, ptrdiff_t first,
                            ptrdiff_t count);
  Targets<T> TargetsOf(ptrdiff_t first) const;
  const T* WeightsOf(ptrdiff_t first) const;
  void Forward(const KernelTable<T>& kernels, Rows<const T> x, ptrdiff_t first,
               ptrdiff_t count);
  void LossAndOutputGradient(const KernelTable<T>& kernels, ptrdiff_t first,
                             ptrdiff_t count);
  void Backward(const KernelTable<T>& kernels, ptrdiff_t first, ptrdiff_t count);
  struct PartBuffer;
  void WeightGradient(const KernelTable<T>& kernels, const Part& part, ptrdiff_t rows,
                      const PartBuffer& to);
  PartGradient<T> GradientOf(const Part& part) const;
  void SumGroup(ptrdiff_t rows);

  std::shared_ptr<Network<T>> network;
  const NetworkSpec& spec;
  std::vector<LayerLayout> transposed_layout;
  AlignedBuffer<T> transposed;
  uint64_t transposed_version = 0;  // of the network's parameters; 0: never written
  AlignedBuffer<T> gradient;        // empty until it is needed as a whole
  std::vector<Part> parts;
  int threads = 1;  // that the last batch got

  // A group: the rows between two barriers. Capacity, then the current one.
  ptrdiff_t capacity = 0;
  bool has_dropout_buffers = false;
  OwnedRows<T> x;  // rows gathered through the order
  std::vector<LayerState<T>> layers;
  OwnedRows<T> target_values;
  std::vector<int32_t> target_labels, row_class;
  std::vector<T> row_weight;  // as given, gathered
  std::vector<T> row_scale;   // divided by the batch's sum, so that no scale is lost
  std::vector<T> row_loss;

  Batch<T> batch;  // the whole batch
  GradientOptions options;
  double scale = 0;           // 1 / sum of the batch's weights
  ptrdiff_t group_first = 0;  // row of the batch
  Evaluation result;
};

template <typename T>
void GradientEngine<T>::Workspace::Reserve(ptrdiff_t rows) {
  const bool dropout = options.dropout;
  if (rows <= capacity && (has_dropout_buffers || !dropout)) return;
  rows = std::max(rows, capacity);
  const ptrdiff_t n_layers = spec.n_layers();
  layers.clear();
  layers.resize(static_cast<size_t>(n_layers));
  for (ptrdiff_t l = 0; l < n_layers; ++l) {
    LayerState<T>& layer = layers[static_cast<size_t>(l)];
    const ptrdiff_t n = spec.layer_sizes[static_cast<size_t>(l) + 1];
    const bool masked =
        dropout && l + 1 < n_layers && spec.dropout[static_cast<size_t>(l)] > 0;
    layer.y = OwnedRows<T>(rows, n);
    layer.dz = OwnedRows<T>(rows, n);
    if (masked || !DerivativeFromOutput(spec.activations[static_cast<size_t>(l)])) {
      layer.derivative = OwnedRows<T>(rows, n);
    }
  }
  const size_t n = static_cast<size_t>(rows);
  x = OwnedRows<T>(rows, spec.n_in());
  target_values = OwnedRows<T>(rows, spec.n_out());
  target_labels.resize(n);
  row_class.resize(n);
  row_weight.resize(n);
  row_scale.resize(n);
  row_loss.resize(n);
  capacity = rows;
  has_dropout_buffers = dropout;
}

template <typename T>
void GradientEngine<T>::Workspace::RefreshAll() {
  if (transposed_version == network->version()) return;
  for (size_t l = 1; l < transposed_layout.size(); ++l) {
    const LayerLayout& layer = network->layout()[l];
    for (ptrdiff_t p = 0; p < layer.n_panels; ++p) {
      TransposePanel(transposed.data(), transposed_layout[l], network->arena(), layer,
                     p, 0, layer.n_in);
    }
  }
  transposed_version = network->version();
}

// The group's input rows: in place if they are in order, else gathered. Gathering costs
// one pass over data that has to be read anyway, and gives rows whose stride suits the
// cache; targets and weights come along.
template <typename T>
Rows<const T> GradientEngine<T>::Workspace::InputRowsOf(const KernelTable<T>& kernels,
                                                        ptrdiff_t first,
                                                        ptrdiff_t count) {
  const ptrdiff_t row = group_first + first;
  if (batch.order == nullptr)
    return {batch.x.data + row * batch.x.stride, batch.x.stride};
  const int64_t* order = batch.order + row;
  const Targets<T>& targets = batch.targets;
  kernels.gather(x.rows(first), {batch.x.data, batch.x.stride}, order, count,
                 spec.n_in());
  if (targets.labels) {
    int32_t* labels = target_labels.data() + first;
    for (ptrdiff_t i = 0; i < count; ++i) labels[i] = targets.labels[order[i]];
  } else {
    kernels.gather(target_values.rows(first), {targets.values, targets.value_stride},
                   order, count, spec.n_out());
  }
  if (batch.weights) {
    T* weights = row_weight.data() + first;
    for (ptrdiff_t i = 0; i < count; ++i) weights[i] = batch.weights[order[i]];
  }
  return x.rows(first);
}

template <typename T>
Targets<T> GradientEngine<T>::Workspace::TargetsOf(ptrdiff_t first) const {
  if (batch.order == nullptr) return TargetsFrom(batch.targets, group_first + first);
  if (batch.targets.labels) return {target_labels.data() + first, nullptr, 0};
  return {nullptr, target_values.rows(first).data, target_values.stride};
}

template <typename T>
const T* GradientEngine<T>::Workspace::WeightsOf(ptrdiff_t first) const {
  if (batch.weights == nullptr) return nullptr;
  return batch.order ? row_weight.data() + first : batch.weights + group_first + first;
}

template <typename T>
void GradientEngine<T>::Workspace::Forward(const KernelTable<T>& kernels,
                                           Rows<const T> in, ptrdiff_t first,
                                           ptrdiff_t count) {
  const ptrdiff_t n_layers = spec.n_layers();
  for (ptrdiff_t l = 0; l < n_layers; ++l) {
    const size_t i = static_cast<size_t>(l);
    const LayerState<T>& state = layers[i];
    const bool last = l + 1 == n_layers;
    const bool from_output = DerivativeFromOutput(spec.activations[i]);
    const Rows<T> y = state.y.rows(first);
    const Rows<T> derivative = from_output ? Rows<T>{} : state.derivative.rows(first);
    DenseArgs<T> args = DenseArgsOf(*network, l, in, {y, {}, derivative, true}, count);
    if (last && LossTakesField(spec)) args.activation = Activation::kIdentity;
    kernels.dense(args);
    if (!last && options.dropout && spec.dropout[i] > 0) {
      DropoutArgs<T> dropout;
      dropout.y = y;
      dropout.derivative = state.derivative.rows(first);
      dropout.rows = count;
      dropout.n = args.n_out;
      dropout.activation = args.activation;
      dropout.derivative_is_set = !from_output;
      dropout.rate = spec.dropout[i];
      dropout.seed = options.seed;
      dropout.stream =
          StreamOf(StreamKind::kDropout, static_cast<uint64_t>(l), options.step);
      dropout.first_row = group_first + first;
      kernels.dropout(dropout);
    }
    in = y;
  }
}

template <typename T>
void GradientEngine<T>::Workspace::LossAndOutputGradient(const KernelTable<T>& kernels,
                                                         ptrdiff_t first,
                                                         ptrdiff_t count) {
  const LayerState<T>& output = layers.back();
  LossArgs<T> loss = LossArgsOf<T>(spec, count);
  loss.row_loss = row_loss.data() + first;
  loss.row_class = row_class.data() + first;
  loss.gradient = output.dz.rows(first);
  loss.z = output.y.rows(first);
  loss.label_smoothing = static_cast<T>(options.label_smoothing);
  loss.targets = TargetsOf(first);
  if (const T* weights = WeightsOf(first)) {
    for (ptrdiff_t i = 0; i < count; ++i) {
      row_scale[static_cast<size_t>(first + i)] =
          static_cast<T>(static_cast<double>(weights[i]) * scale);
    }
    loss.row_weight = row_scale.data() + first;
  } else {
    loss.scale = static_cast<T>(scale);
  }
  kernels.loss(loss);
  if (!LossTakesField(spec)) {
    const Rows<T> dz = output.dz.rows(first);
    kernels.activation_gradient(spec.activations.back(), dz, dz, output.y.rows(first),
                                output.derivative.rows(first), count, spec.n_out());
  }
}

template <typename T>
void GradientEngine<T>::Workspace::Backward(const KernelTable<T>& kernels,
                                            ptrdiff_t first, ptrdiff_t count) {
  for (ptrdiff_t l = spec.n_layers() - 1; l > 0; --l) {
    const size_t i = static_cast<size_t>(l);
    const LayerLayout& layer = network->layout()[i];
    const LayerState<T>& below = layers[i - 1];
    InputGradientArgs<T> args;
    args.dx = below.dz.rows(first);
    args.dz = layers[i].dz.rows(first);
    args.panels = transposed.data() + transposed_layout[i].offset;
    args.rows = count;
    args.n_in = layer.n_in;
    args.n_out = layer.n_out;
    args.activation = spec.activations[i - 1];
    args.padded = true;
    args.y = below.y.rows(first);
    // A buffer may be there from an earlier call with dropout.
    const bool masked = options.dropout && spec.dropout[i - 1] > 0;
    if (masked || !DerivativeFromOutput(args.activation)) {
      args.derivative = below.derivative.rows(first);
    }
    kernels.input_gradient(args);
  }
}

template <typename T>
void GradientEngine<T>::Workspace::ForwardBackward(const KernelTable<T>& kernels,
                                                   ptrdiff_t first, ptrdiff_t count) {
  const Rows<const T> in = InputRowsOf(kernels, first, count);
  Forward(kernels, in, first, count);
  LossAndOutputGradient(kernels, first, count);
  Backward(kernels, first, count);
}

// Where the gradient of a part is summed: panels, heads first.
template <typename T>
struct GradientEngine<T>::Workspace::PartBuffer {
  T* panel;
  ptrdiff_t panel_size, in_origin;
};

// One part over the group's chunks, in order.
template <typename T>
void GradientEngine<T>::Workspace::WeightGradient(const KernelTable<T>& kernels,
                                                  const Part& part, ptrdiff_t rows,
                                                  const PartBuffer& to) {
  const size_t l = static_cast<size_t>(part.layer);
  Rows<const T> in;
  if (l > 0) {
    in = layers[l - 1].y.rows();
  } else if (batch.order) {
    in = x.rows();
  } else {
    in = {batch.x.data + group_first * batch.x.stride, batch.x.stride};
  }
  WeightGradientArgs<T> args;
  args.panel = to.panel;
  args.n_panels = part.n_panels;
  args.narrow = part.panel + part.n_panels == network->layout()[l].n_panels &&
                EndsInHalfPanel<T>(network->layout()[l].n_out);
  args.panel_size = to.panel_size;
  args.in_origin = to.in_origin;
  args.in_begin = part.in_begin;
  args.in_end = part.in_end;
  for (ptrdiff_t chunk = 0; chunk < rows; chunk += kBlockTerms) {
    const Rows<T> dz = layers[l].dz.rows(chunk);
    args.x = in.From(chunk);
    args.dz = {dz.data + part.panel * kPanel<T>, dz.stride};
    args.rows = std::min(kBlockTerms, rows - chunk);
    args.accumulate = group_first + chunk > 0;
    kernels.weight_gradient(args);
  }
}

template <typename T>
PartGradient<T> GradientEngine<T>::Workspace::GradientOf(const Part& part) const {
  const LayerLayout& layer = network->layout()[static_cast<size_t>(part.layer)];
  return {gradient.data() + layer.offset + part.panel * layer.panel_size +
              part.line() * kPanel<T>,
          layer.panel_size};
}

// Losses and counts of the group, chunk by chunk, in order.
template <typename T>
void GradientEngine<T>::Workspace::SumGroup(ptrdiff_t rows) {
  for (ptrdiff_t chunk = 0; chunk < rows; chunk += kBlockTerms) {
    LossArgs<T> loss = LossArgsOf<T>(spec, std::min(kBlockTerms, rows - chunk));
    loss.row_loss = row_loss.data() + chunk;
    loss.row_class = row_class.data() + chunk;
    loss.z = layers.back().y.rows(chunk);
    loss.targets = TargetsOf(chunk);
    const Evaluation sums = SumRows(loss, WeightsOf(chunk), spec);
    result.loss += sums.loss;
    result.weight += sums.weight;
    result.correct += sums.correct;
  }
}

template <typename T>
GradientEngine<T>::GradientEngine(std::shared_ptr<Network<T>> network)
    : work_(std::make_unique<Workspace>(std::move(network))) {}
template <typename T>
GradientEngine<T>::~GradientEngine() = default;
template <typename T>
GradientEngine<T>::GradientEngine(GradientEngine&&) noexcept = default;

template <typename T>
bool GradientEngine<T>::Compute(const Batch<T>& batch, const GradientOptions& options,
                                const ShouldStop& should_stop,
                                const UsePart& use_part) {
  Workspace& work = *work_;
  const KernelTable<T>& kernels = ActiveKernels<T>();
  work.batch = batch;
  work.options = options;
  double weight = static_cast<double>(batch.rows);
  if (batch.weights) {
    weight = 0;
    for (ptrdiff_t i = 0; i < batch.rows; ++i) {
      weight += static_cast<double>(batch.weights[batch.order ? batch.order[i] : i]);
    }
  }
  work.scale = weight > 0 ? 1 / weight : 0;
  work.result = Evaluation{};

  // A group is a chunk of rows for each thread.
  const int threads =
      options.threads > 0
          ? options.threads
          : ThreadsFor(3 * work.network->work() * static_cast<double>(batch.rows));
  const ptrdiff_t group_rows =
      std::min(batch.rows, static_cast<ptrdiff_t>(threads) * kBlockTerms);
  work.threads = threads;
  work.Reserve(group_rows);
  work.RefreshAll();
  // Then a part is complete as soon as it is begun, and needs no place in memory.
  const bool at_once = use_part && group_rows == batch.rows;
  if (work.gradient.size() == 0 && !at_once) {
    work.gradient = AlignedBuffer<T>(work.network->arena_size());
  }

  const ptrdiff_t n_parts = static_cast<ptrdiff_t>(work.parts.size());
  for (ptrdiff_t first = 0; first < batch.rows; first += group_rows) {
    if (first > 0 && should_stop && should_stop()) return false;
    const ptrdiff_t rows = std::min(group_rows, batch.rows - first);
    work.group_first = first;
    const ptrdiff_t block =
        RowsOfTask(work.network->block_rows(), rows, threads, kernels.tile_rows);
    ParallelFor(DivUp(rows, block), threads, [&](ptrdiff_t task) {
      work.ForwardBackward(kernels, task * block, std::min(block, rows - task * block));
    });
    work.SumGroup(rows);
    const bool last = first + rows == batch.rows;
    if (use_part && last && !std::isfinite(work.result.loss)) return true;
    ParallelFor(n_parts, threads, [&](ptrdiff_t task) {
      const Part& part = work.parts[static_cast<size_t>(task)];
      if (at_once) {
        alignas(kCacheLine) T lines[kPartPanels * (1 + kPartInputs) * kPanel<T>];
        const ptrdiff_t panel_size = (1 + part.in_end - part.in_begin) * kPanel<T>;
        work.WeightGradient(kernels, part, rows, {lines, panel_size, part.in_begin});
        const T* first_line = lines + (part.in_begin == 0 ? 0 : kPanel<T>);
        return use_part(part, {first_line, panel_size});
      }
      const LayerLayout& layer =
          work.network->layout()[static_cast<size_t>(part.layer)];
      T* panel = work.gradient.data() + layer.offset + part.panel * layer.panel_size;
      work.WeightGradient(kernels, part, rows, {panel, layer.panel_size, 0});
      if (use_part && last) use_part(part, work.GradientOf(part));
    });
  }
  return true;
}

template <typename T>
const std::vector<Part>& GradientEngine<T>::parts() const {
  return work_->parts;
}
template <typename T>
void GradientEngine<T>::ForEachPart(const UsePart& use_part) const {
  const Workspace& work = *work_;
  ParallelFor(static_cast<ptrdiff_t>(work.parts.size()), work.threads,
              [&](ptrdiff_t task) {
                const Part& part = work.parts[static_cast<size_t>(task)];
                use_part(part, work.GradientOf(part));
              });
}

template <typename T>
T* GradientEngine<T>::gradient() {
  return work_->gradient.data();
}
template <typename T>
const Evaluation& GradientEngine<T>::result() const {
  return work_->result;
}
template <typename T>
void GradientEngine<T>::CopyGradient(T* flat) const {
  Unpack(flat, work_->gradient.data(), work_->network->layout());
}

template <typename T>
void GradientEngine<T>::RefreshTransposed(const Part& part) {
  if (part.layer == 0) return;
  const size_t l = static_cast<size_t>(part.layer);
  for (ptrdiff_t p = 0; p < part.n_panels; ++p) {
    TransposePanel(work_->transposed.data(), work_->transposed_layout[l],
                   work_->network->arena(), work_->network->layout()[l], part.panel + p,
                   part.in_begin, part.in_end);
  }
}
template <typename T>
void GradientEngine<T>::MarkRefreshed() {
  work_->network->ParametersChanged();
  work_->transposed_version = work_->network->version();
}

template class GradientEngine<float>;
template class GradientEngine<double>;

}  // namespace mlpcore
