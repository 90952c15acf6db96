#include "mlpcore/ops.h"

#include <algorithm>
#include <atomic>
#include <vector>

#include "aligned_buffer.h"
#include "dispatch.h"
#include "packing.h"
#include "pool.h"

namespace mlpcore::ops {

template <typename T>
void Map(Function f, T* y, const T* x, ptrdiff_t n) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  constexpr ptrdiff_t kElementsOfTask = 8192;  // some 5 us
  const int threads = ThreadsFor(kWorkOfMap * static_cast<double>(n));
  ParallelFor(DivUp(n, kElementsOfTask), threads, [&](ptrdiff_t task) {
    const ptrdiff_t first = task * kElementsOfTask;
    kernels.map(f, x + first, y + first, std::min(kElementsOfTask, n - first));
  });
}

template <typename T>
bool AllFinite(const T* x, ptrdiff_t n) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  constexpr ptrdiff_t kElementsOfTask = ptrdiff_t{256 * 1024} / sizeof(T);  // 3 to 7 us
  const int threads = ThreadsFor(kWorkOfAllFinite<T> * static_cast<double>(n));
  std::atomic<bool> finite{true};
  ParallelFor(DivUp(n, kElementsOfTask), threads, [&](ptrdiff_t task) {
    const ptrdiff_t first = task * kElementsOfTask;
    if (!kernels.all_finite(x + first, std::min(kElementsOfTask, n - first))) {
      finite.store(false, std::memory_order_relaxed);
    }
  });
  return finite.load(std::memory_order_relaxed);
}

template <typename T>
void Softmax(T* y, const T* z, ptrdiff_t rows, ptrdiff_t n, bool log) {
  ActiveKernels<T>().softmax({y, n}, {z, n}, rows, n, log);
}

namespace {

// A single layer, packed as the network's are.
template <typename T>
struct PackedLayer {
  PackedLayer(const T* w, const T* b, ptrdiff_t n_in, ptrdiff_t n_out)
      : layout(LayOutPanels<T>({n_in, n_out})), arena(ArenaSize<T>(layout)) {
    std::vector<T> flat(static_cast<size_t>((n_in + 1) * n_out), T(0));
    std::copy_n(w, n_in * n_out, flat.begin());
    if (b) std::copy_n(b, n_out, flat.begin() + n_in * n_out);
    Pack(arena.data(), flat.data(), layout);
  }
  std::vector<LayerLayout> layout;
  AlignedBuffer<T> arena;
};

double MultiplyAdds(ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out) {
  return static_cast<double>(rows) * static_cast<double>(n_in) *
         static_cast<double>(n_out);
}

ptrdiff_t RowsOfTask(ptrdiff_t rows, int threads, ptrdiff_t tile_rows) {
  return ItemsOfTask(rows, threads, tile_rows, 48, RoundUp<ptrdiff_t>(1024, tile_rows));
}

}  // namespace

template <typename T>
void Dense(T* y, const T* x, const T* w, const T* b, Activation activation,
           ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const PackedLayer<T> layer(w, b, n_in, n_out);
  const int threads = ThreadsFor(MultiplyAdds(rows, n_in, n_out));
  const ptrdiff_t block = RowsOfTask(rows, threads, kernels.tile_rows);
  ParallelFor(DivUp(rows, block), threads, [&](ptrdiff_t task) {
    const ptrdiff_t row = task * block;
    DenseArgs<T> args;
    args.y = {y + row * n_out, n_out};
    args.x = {x + row * n_in, n_in};
    args.panels = layer.arena.data();
    args.rows = std::min(block, rows - row);
    args.n_in = n_in;
    args.n_out = n_out;
    args.col_end = n_out;
    args.activation = activation;
    kernels.dense(args);
    if (activation == Activation::kSoftmax) {
      kernels.softmax(args.y, args.y, args.rows, n_out, false);
    }
  });
}

template <typename T>
void DenseBackward(T* dx, T* dw, T* db, const T* dy, const T* x, const T* w, const T* y,
                   const T* z, Activation activation, ptrdiff_t rows, ptrdiff_t n_in,
                   ptrdiff_t n_out) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t stride = PaddedStride<T>(n_out);
  AlignedBuffer<T> dz_buffer(static_cast<size_t>(rows * stride));
  const Rows<T> dz{dz_buffer.data(), stride};
  AlignedBuffer<T> value, derivative;  // from z
  Rows<const T> outputs{y, n_out}, derivatives;
  if (z) {
    value = AlignedBuffer<T>(static_cast<size_t>(rows * n_out));
    derivative = AlignedBuffer<T>(static_cast<size_t>(rows * n_out));
    kernels.activate(activation, {value.data(), n_out}, {derivative.data(), n_out},
                     {z, n_out}, rows, n_out);
    derivatives = {derivative.data(), n_out};
  }
  kernels.activation_gradient(activation, dz, {dy, n_out}, outputs, derivatives, rows,
                              n_out);

  const PackedLayer<T> layer(w, nullptr, n_in, n_out);
  const LayerLayout& at = layer.layout[0];
  const std::vector<LayerLayout> to = LayOutPanels<T>({n_out, n_in});
  AlignedBuffer<T> transposed(ArenaSize<T>(to));
  for (ptrdiff_t p = 0; p < at.n_panels; ++p) {
    TransposePanel(transposed.data(), to[0], layer.arena.data(), at, p, 0, n_in);
  }
  AlignedBuffer<T> gradient(layer.arena.size());
  const int threads = ThreadsFor(2 * MultiplyAdds(rows, n_in, n_out));
  const ptrdiff_t block = RowsOfTask(rows, threads, kernels.tile_rows);
  ParallelFor(DivUp(rows, block), threads, [&](ptrdiff_t task) {
    const ptrdiff_t row = task * block;
    InputGradientArgs<T> args;
    args.dx = {dx + row * n_in, n_in};
    args.dz = dz.From(row);
    args.panels = transposed.data();
    args.rows = std::min(block, rows - row);
    args.n_in = n_in;
    args.n_out = n_out;
    kernels.input_gradient(args);
  });
  constexpr ptrdiff_t kPanels = 2;  // of a task
  ParallelFor(DivUp(at.n_panels, kPanels), threads, [&](ptrdiff_t task) {
    const ptrdiff_t panel = task * kPanels;
    for (ptrdiff_t chunk = 0; chunk < rows; chunk += kBlockTerms) {
      WeightGradientArgs<T> args;
      args.panel = gradient.data() + panel * at.panel_size;
      args.n_panels = std::min(kPanels, at.n_panels - panel);
      args.last_columns = ColumnsOfPanel<T>(n_out, panel + args.n_panels - 1);
      args.panel_size = at.panel_size;
      args.x = {x + chunk * n_in, n_in};
      args.dz = {dz.Row(chunk) + panel * kPanel<T>, stride};
      args.rows = std::min(kBlockTerms, rows - chunk);
      args.in_end = n_in;
      args.accumulate = chunk > 0;
      kernels.weight_gradient(args);
    }
  });
  std::vector<T> flat(static_cast<size_t>((n_in + 1) * n_out));
  Unpack(flat.data(), gradient.data(), layer.layout);
  std::copy_n(flat.begin(), n_in * n_out, dw);
  std::copy_n(flat.begin() + n_in * n_out, n_out, db);
}

template <typename T>
void CrossEntropy(T* loss, T* dz, const T* z, const Targets<T>& targets, bool softmax,
                  ptrdiff_t rows, ptrdiff_t n) {
  LossArgs<T> args;
  args.row_loss = loss;
  args.gradient = {dz, n};
  args.z = {z, n};
  args.targets = targets;
  args.rows = rows;
  args.n_out = n;
  args.softmax = softmax;
  ActiveKernels<T>().loss(args);
}

#define MLPCORE_INSTANTIATE(T)                                                        \
  template void Map<T>(Function, T*, const T*, ptrdiff_t);                            \
  template bool AllFinite<T>(const T*, ptrdiff_t);                                    \
  template void Softmax<T>(T*, const T*, ptrdiff_t, ptrdiff_t, bool);                 \
  template void Dense<T>(T*, const T*, const T*, const T*, Activation, ptrdiff_t,     \
                         ptrdiff_t, ptrdiff_t);                                       \
  template void DenseBackward<T>(T*, T*, T*, const T*, const T*, const T*, const T*,  \
                                 const T*, Activation, ptrdiff_t, ptrdiff_t,          \
                                 ptrdiff_t);                                          \
  template void CrossEntropy<T>(T*, T*, const T*, const Targets<T>&, bool, ptrdiff_t, \
                                ptrdiff_t);
MLPCORE_INSTANTIATE(float)
MLPCORE_INSTANTIATE(double)
#undef MLPCORE_INSTANTIATE

}  // namespace mlpcore::ops
