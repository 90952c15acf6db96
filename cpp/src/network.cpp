#include "mlpcore/network.h"

#include <algorithm>
#include <utility>

#include "aligned_buffer.h"
#include "dispatch.h"
#include "forward.h"
#include "loss.h"
#include "packing.h"
#include "scratch.h"
#include "team.h"

namespace mlpcore {

template <typename T>
Network<T>::Network(NetworkSpec spec)
    : spec_(std::move(spec)), layout_(LayOutPanels<T>(spec_.layer_sizes)) {
  for (const LayerLayout& layer : layout_) {
    n_parameters_ += static_cast<size_t>((layer.n_in + 1) * layer.n_out);
    multiply_adds_ +=
        static_cast<double>(layer.n_in) * static_cast<double>(layer.n_out);
    widest_ = std::max(widest_, layer.n_out);
  }
  arena_size_ = ArenaSize<T>(layout_);
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

}  // namespace

template <typename T>
void Network<T>::Predict(T* y, InputRows<T> x, ptrdiff_t rows) const {
  if (rows == 0) return;
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t n_layers = spec_.n_layers(), n_out = spec_.n_out();
  const int threads = ThreadsForCall(multiply_adds_ * static_cast<double>(rows));
  if (threads > 1 && rows < threads * kernels.tile_rows) {
    PredictPanels(y, x, rows, threads);
    return;
  }
  RunTeam(threads, [&](const Team& team) {
    const Range mine = team.Share(rows, kernels.tile_rows);
    if (mine.size() <= 0) return;
    const ptrdiff_t block =
        std::min(mine.size(), BlockRows<T>(widest_, kernels.tile_rows));
    const PingPong<T> hidden(block, widest_);
    for (ptrdiff_t row = mine.begin; row < mine.end; row += block) {
      const ptrdiff_t count = std::min(block, mine.end - row);
      Rows<const T> in{x.data + row * x.stride, x.stride};
      for (ptrdiff_t l = 0; l < n_layers; ++l) {
        const Rows<T> out =
            l + 1 < n_layers ? hidden.Of(l) : Rows<T>{y + row * n_out, n_out};
        kernels.dense(DenseArgsOf(*this, l, in, {out, {}, {}}, count));
        in = out;
      }
      if (spec_.softmax()) {
        const Rows<T> out{y + row * n_out, n_out};
        kernels.softmax(out, out, count, n_out, false);
      }
    }
  });
}

// Few rows through wide layers: each member computes some panels of every layer.
template <typename T>
void Network<T>::PredictPanels(T* y, InputRows<T> x, ptrdiff_t rows,
                               int threads) const {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t n_layers = spec_.n_layers(), n_out = spec_.n_out();
  const PingPong<T> hidden(rows, widest_);
  RunTeam(threads, [&](const Team& team) {
    Rows<const T> in{x.data, x.stride};
    for (ptrdiff_t l = 0; l < n_layers; ++l) {
      const Rows<T> out = l + 1 < n_layers ? hidden.Of(l) : Rows<T>{y, n_out};
      DenseArgs<T> args = DenseArgsOf(*this, l, in, {out, {}, {}}, rows);
      const Range mine = team.Share(args.n_out, kPanel<T>);
      args.col_begin = mine.begin;
      args.col_end = mine.end;
      if (mine.size() > 0) kernels.dense(args);
      team.Barrier();
      in = out;
    }
  });
  if (spec_.softmax()) kernels.softmax({y, n_out}, {y, n_out}, rows, n_out, false);
}

template <typename T>
void Network<T>::Forward(const LayerOutputs<T>& out, InputRows<T> x,
                         ptrdiff_t rows) const {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const int threads = ThreadsForCall(multiply_adds_ * static_cast<double>(rows));
  RunTeam(threads, [&](const Team& team) {
    const Range mine = team.Share(rows, kernels.tile_rows);
    if (mine.size() <= 0) return;
    Rows<const T> in{x.data + mine.begin * x.stride, x.stride};
    for (ptrdiff_t l = 0; l < spec_.n_layers(); ++l) {
      const size_t i = static_cast<size_t>(l);
      const ptrdiff_t n = layout_[i].n_out;
      const Rows<T> z{out.z[i] + mine.begin * n, n}, y{out.y[i] + mine.begin * n, n};
      kernels.dense(DenseArgsOf(*this, l, in, {y, z, {}}, mine.size()));
      in = y;
    }
    if (spec_.softmax()) {
      const ptrdiff_t n = spec_.n_out();
      kernels.softmax({out.y.back() + mine.begin * n, n},
                      {out.z.back() + mine.begin * n, n}, mine.size(), n, false);
    }
  });
}

template <typename T>
Evaluation Network<T>::Evaluate(InputRows<T> x, const Targets<T>& targets,
                                const T* weights, ptrdiff_t rows,
                                const ShouldStop& should_stop) const {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t n_layers = spec_.n_layers();
  const int threads = ThreadsForCall(multiply_adds_ * static_cast<double>(rows));
  const ptrdiff_t n_chunks = DivUp(rows, kBlockTerms);
  std::vector<Evaluation> chunks(static_cast<size_t>(n_chunks));
  std::atomic<bool> stopped{false};
  RunTeam(threads, [&](const Team& team) {
    const Range mine = team.Share(n_chunks);
    if (mine.size() <= 0) return;
    // One scratch for the activations and for what the loss leaves.
    const ptrdiff_t stride = PaddedStride<T>(widest_);
    T* scratch = Scratch<T>(static_cast<size_t>(kBlockTerms * (2 * stride + 2)));
    const Rows<T> buffers[2] = {{scratch, stride},
                                {scratch + kBlockTerms * stride, stride}};
    T* row_loss = scratch + 2 * kBlockTerms * stride;
    int32_t row_class[kBlockTerms];
    for (ptrdiff_t c = mine.begin; c < mine.end && !stopped; ++c) {
      if (team.index == 0 && should_stop && should_stop()) stopped = true;
      const ptrdiff_t row = c * kBlockTerms;
      const ptrdiff_t count = std::min(kBlockTerms, rows - row);
      Rows<const T> in{x.data + row * x.stride, x.stride};
      for (ptrdiff_t l = 0; l < n_layers; ++l) {
        DenseArgs<T> args = DenseArgsOf(*this, l, in, {buffers[l % 2], {}, {}}, count);
        if (l + 1 == n_layers && LossTakesField(spec_)) {
          args.activation = Activation::kIdentity;
        }
        kernels.dense(args);
        in = buffers[l % 2];
      }
      LossArgs<T> loss = LossArgsOf<T>(spec_, count);
      loss.row_loss = row_loss;
      loss.row_class = row_class;
      loss.z = in;
      loss.targets = TargetsFrom(targets, row);
      kernels.loss(loss);
      chunks[static_cast<size_t>(c)] =
          SumRows(loss, weights ? weights + row : nullptr, spec_);
    }
  });
  return SumChunks(chunks);
}

template class Network<float>;
template class Network<double>;

}  // namespace mlpcore
