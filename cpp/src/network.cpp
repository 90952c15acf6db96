#include "mlpcore/network.h"

#include <algorithm>
#include <utility>

#include "aligned_buffer.h"
#include "dispatch.h"
#include "forward.h"
#include "loss.h"
#include "packing.h"
#include "pool.h"
#include "scratch.h"

namespace mlpcore {
namespace {

// Whether many rows cost less sideways, in multiply-adds of a vector for a vector of
// rows: each output once, where the upright product has whole panels; but each chain's
// start is broadcast, and the rows are turned, which takes 3.5 cycles a column. (Those
// of a softmax are turned there and back in any case.)
template <typename T>
bool IsFasterSideways(const std::vector<LayerLayout>& layout, bool softmax) {
  constexpr ptrdiff_t kTurn = 7, kStart = 1;
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t n_out = layout.back().n_out;
  ptrdiff_t upright = softmax ? 2 * kTurn * n_out : 0;
  ptrdiff_t sideways = kTurn * (layout.front().n_in + n_out);
  for (const LayerLayout& layer : layout) {
    upright += layer.n_in * RoundUp(layer.n_out, kernels.column_unit);
    sideways += (layer.n_in + kStart) * layer.n_out;
  }
  // Less gains nothing: 28-128-128-2 on AVX2 was 4 % slower.
  return sideways < upright - upright / 32;
}

// Few rows are as fast as the weights arrive, from beyond the second-level cache at 30
// to 55 GB/s, while 50 to 100 multiply-adds take a ns; and two threads have twice as
// much of that cache.
constexpr double kWorkOfByte = 2;
double WorkOfPass(double bytes) {
  return bytes > static_cast<double>(L2Bytes()) ? kWorkOfByte * bytes : 0;
}

}  // namespace

template <typename T>
Network<T>::Network(NetworkSpec spec)
    : spec_(std::move(spec)), layout_(LayOutPanels<T>(spec_.layer_sizes)) {
  for (const LayerLayout& layer : layout_) {
    n_parameters_ += static_cast<size_t>((layer.n_in + 1) * layer.n_out);
    multiply_adds_ +=
        static_cast<double>(layer.n_in) * static_cast<double>(layer.n_out);
    widest_ = std::max(widest_, layer.n_out);
  }
  work_ = multiply_adds_;
  for (size_t l = 0; l < layout_.size(); ++l) {
    const Activation phi = spec_.activations[l];
    const bool cheap = phi == Activation::kIdentity || phi == Activation::kRelu ||
                       phi == Activation::kLeakyRelu;
    constexpr double kFunction = 40;  // 0.3 to 0.5 ns, at some 100 multiply-adds a ns
    if (!cheap) work_ += kFunction * static_cast<double>(layout_[l].n_out);
  }
  arena_size_ = ArenaSize<T>(layout_);
  pass_work_ = WorkOfPass(static_cast<double>(arena_size_) * sizeof(T));
  block_rows_ = BlockRowsOf<T>(layout_);
  weights_are_far_ = WeightsAreFar<T>(layout_);
  faster_sideways_ = !weights_are_far_ && IsFasterSideways<T>(layout_, spec_.softmax());
  storage_ = std::make_unique<AlignedBuffer<T>>(arena_size_);
  arena_ = storage_->data();
}

template <typename T>
Network<T>::~Network() = default;

template <typename T>
void Network<T>::GetParameters(T* flat) const {
  Unpack(flat, arena_, layout_);
}

template <typename T>
void Network<T>::SetParameters(const T* flat) {
  Pack(arena_, flat, layout_);
  ParametersChanged();
}

namespace {

// Two buffers that a block's activations alternate between.
template <typename T>
struct PingPong {
  PingPong(ptrdiff_t rows, ptrdiff_t widest) : stride(PaddedStride<T>(widest)) {
    first = Scratch<T>(static_cast<size_t>(2 * rows * stride));
    second = first + rows * stride;
  }
  Rows<T> Of(ptrdiff_t layer) const { return {layer % 2 ? second : first, stride}; }

  ptrdiff_t stride;
  T* first;
  T* second;
};

// The block of rows that a thread is likely to take after the one at `row`, as threads
// take them in turn: to be asked for ahead, if x does not stay in the second-level
// cache.
template <typename T>
Span<T> NextBlock(const InputRows<T>& x, ptrdiff_t rows, ptrdiff_t row, ptrdiff_t block,
                  int threads) {
  const ptrdiff_t next = row + threads * block;
  if (next >= rows || rows * x.stride * ptrdiff_t{sizeof(T)} <= L2Bytes()) return {};
  return {x.data + next * x.stride, std::min(block, rows - next) * x.stride};
}

}  // namespace

// Whole groups of rows through all layers, in two buffers by turns.
template <typename T>
void Network<T>::PredictSideways(T* y, InputRows<T> x, ptrdiff_t rows, T* in,
                                 T* out) const {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t groups = rows / kernels.group_rows, n_out = spec_.n_out();
  kernels.rows_to_groups(in, {x.data, x.stride}, groups, spec_.n_in());
  for (size_t l = 0; l < layout_.size(); ++l) {
    SidewaysArgs<T> args;
    args.y = out;
    args.x = in;
    args.panels = arena_ + layout_[l].offset;
    args.groups = groups;
    args.n_in = layout_[l].n_in;
    args.n_out = layout_[l].n_out;
    args.activation = spec_.activations[l];
    args.hidden = l + 1 < layout_.size();
    kernels.dense_sideways(args);
    std::swap(in, out);
  }
  kernels.groups_to_rows({y, n_out}, in, groups, n_out, spec_.softmax());
}

template <typename T>
void Network<T>::Predict(T* y, InputRows<T> x, ptrdiff_t rows) const {
  if (rows == 0) return;
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t n_layers = spec_.n_layers(), n_out = spec_.n_out();
  const int threads =
      ThreadsFor(std::max(work_ * static_cast<double>(rows), pass_work_));
  if (threads > 1 && rows < threads * kernels.tile_rows) {
    PredictPanels(y, x, rows, threads);
    return;
  }
  const bool sideways = faster_sideways_ && rows >= kernels.group_rows;
  const ptrdiff_t group = kernels.group_rows;
  const ptrdiff_t block =
      sideways ? ItemsOfTask(rows, threads, group, block_rows_.least,
                             block_rows_.most / group * group)
               : RowsOfTask(block_rows_, rows, threads, kernels.tile_rows);
  ParallelFor(DivUp(rows, block), threads, [&](ptrdiff_t task) {
    ptrdiff_t row = task * block, count = std::min(block, rows - row);
    const PingPong<T> hidden(count,
                             sideways ? std::max(widest_, spec_.n_in()) : widest_);
    if (sideways && count >= group) {
      const ptrdiff_t whole = count - count % group;
      PredictSideways(y + row * n_out, {x.data + row * x.stride, x.stride}, whole,
                      hidden.first, hidden.second);
      row += whole;
      count -= whole;
      if (count == 0) return;
    }
    const Rows<T> result{y + row * n_out, n_out};
    Rows<const T> in{x.data + row * x.stride, x.stride};
    for (ptrdiff_t l = 0; l < n_layers; ++l) {
      // Softmax reads its z from whole cache lines.
      const bool last = l + 1 == n_layers && !spec_.softmax();
      const Rows<T> out = last ? result : hidden.Of(l);
      DenseArgs<T> layer = DenseArgsOf(*this, l, in, {out, {}, {}, !last}, count);
      if (l == 0) layer.next_x = NextBlock(x, rows, row, block, threads);
      kernels.dense(layer);
      in = out;
    }
    if (spec_.softmax()) kernels.softmax(result, in, count, n_out, false);
  });
}

// Few rows through wide layers: a task is some panels of a layer.
template <typename T>
void Network<T>::PredictPanels(T* y, InputRows<T> x, ptrdiff_t rows,
                               int threads) const {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t n_layers = spec_.n_layers(), n_out = spec_.n_out();
  const PingPong<T> hidden(rows, widest_);
  Rows<const T> in{x.data, x.stride};
  for (ptrdiff_t l = 0; l < n_layers; ++l) {
    const Rows<T> out = l + 1 < n_layers ? hidden.Of(l) : Rows<T>{y, n_out};
    const DenseArgs<T> layer = DenseArgsOf(*this, l, in, {out, {}, {}}, rows);
    constexpr ptrdiff_t kLeastPanels = 8;  // as many as one row's tile takes at once
    // Workers stay awake from layer to layer: a quarter of the work is worth one.
    const double work_of_weight =
        4 * std::max(static_cast<double>(rows), kWorkOfByte * sizeof(T));
    const int layer_threads =
        std::min(threads, ThreadsFor(work_of_weight * static_cast<double>(layer.n_in) *
                                     static_cast<double>(layer.n_out)));
    const ptrdiff_t columns =
        ItemsOfTask(layer.n_out, layer_threads, kPanel<T>, kLeastPanels * kPanel<T>,
                    RoundUp(layer.n_out, kPanel<T>));
    ParallelFor(DivUp(layer.n_out, columns), layer_threads, [&](ptrdiff_t task) {
      DenseArgs<T> args = layer;
      args.col_begin = task * columns;
      args.col_end = std::min(layer.n_out, args.col_begin + columns);
      kernels.dense(args);
    });
    in = out;
  }
  if (spec_.softmax()) kernels.softmax({y, n_out}, {y, n_out}, rows, n_out, false);
}

template <typename T>
void Network<T>::Forward(const LayerOutputs<T>& out, InputRows<T> x,
                         ptrdiff_t rows) const {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const int threads = ThreadsFor(work_ * static_cast<double>(rows));
  const ptrdiff_t block = RowsOfTask(block_rows_, rows, threads, kernels.tile_rows);
  ParallelFor(DivUp(rows, block), threads, [&](ptrdiff_t task) {
    const ptrdiff_t row = task * block, count = std::min(block, rows - row);
    Rows<const T> in{x.data + row * x.stride, x.stride};
    for (ptrdiff_t l = 0; l < spec_.n_layers(); ++l) {
      const size_t i = static_cast<size_t>(l);
      const ptrdiff_t n = layout_[i].n_out;
      const Rows<T> z{out.z[i] + row * n, n}, y{out.y[i] + row * n, n};
      kernels.dense(DenseArgsOf(*this, l, in, {y, z, {}}, count));
      in = y;
    }
    if (spec_.softmax()) {
      const ptrdiff_t n = spec_.n_out();
      kernels.softmax({out.y.back() + row * n, n}, {out.z.back() + row * n, n}, count,
                      n, false);
    }
  });
}

template <typename T>
Evaluation Network<T>::Evaluate(InputRows<T> x, const Targets<T>& targets,
                                const T* weights, ptrdiff_t rows,
                                const ShouldStop& should_stop) const {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t n_layers = spec_.n_layers();
  const int threads = ThreadsFor(work_ * static_cast<double>(rows));
  const ptrdiff_t n_chunks = DivUp(rows, kBlockTerms);
  std::vector<Evaluation> chunks(static_cast<size_t>(n_chunks));
  const auto run_chunk = [&](ptrdiff_t chunk) {
    // One scratch for the activations and for what the loss leaves.
    const ptrdiff_t stride = PaddedStride<T>(widest_);
    T* scratch = Scratch<T>(static_cast<size_t>(kBlockTerms * (2 * stride + 2)));
    const Rows<T> buffers[2] = {{scratch, stride},
                                {scratch + kBlockTerms * stride, stride}};
    int32_t row_class[kBlockTerms];
    const ptrdiff_t row = chunk * kBlockTerms;
    const ptrdiff_t count = std::min(kBlockTerms, rows - row);
    Rows<const T> in{x.data + row * x.stride, x.stride};
    for (ptrdiff_t l = 0; l < n_layers; ++l) {
      DenseArgs<T> args =
          DenseArgsOf(*this, l, in, {buffers[l % 2], {}, {}, true}, count);
      if (l == 0) args.next_x = NextBlock(x, rows, row, kBlockTerms, threads);
      if (l + 1 == n_layers && LossTakesField(spec_)) {
        args.activation = Activation::kIdentity;
      }
      kernels.dense(args);
      in = buffers[l % 2];
    }
    LossArgs<T> loss = LossArgsOf<T>(spec_, count);
    loss.row_loss = scratch + 2 * kBlockTerms * stride;
    loss.row_class = row_class;
    loss.z = in;
    loss.targets = TargetsFrom(targets, row);
    kernels.loss(loss);
    chunks[static_cast<size_t>(chunk)] =
        SumRows(loss, weights ? weights + row : nullptr, spec_);
  };
  // It is asked between jobs, never in a task: a signal handler of Python's may fork,
  // and the child would wait for threads that it does not have. A job is some
  // milliseconds, or a few chunks for each thread.
  constexpr double kWorkOfJob = 500e6;
  const auto many = static_cast<ptrdiff_t>(kWorkOfJob / (work_ * kBlockTerms));
  const ptrdiff_t most = threads * std::max<ptrdiff_t>(many, 4);
  for (ptrdiff_t first = 0; first < n_chunks; first += most) {
    if (should_stop && should_stop()) break;
    ParallelFor(std::min(most, n_chunks - first), threads,
                [&](ptrdiff_t task) { run_chunk(first + task); });
  }
  return SumChunks(chunks);
}

template class Network<float>;
template class Network<double>;

}  // namespace mlpcore
