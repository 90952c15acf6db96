// A block of rows through all layers: the one forward pass, for inference and training.
#ifndef MLPCORE_FORWARD_H_
#define MLPCORE_FORWARD_H_

#include <algorithm>
#include <vector>

#include "caches.h"
#include "kernels/kernel_table.h"
#include "mlpcore/network.h"
#include "packing.h"
#include "pool.h"

namespace mlpcore {

// Where a layer's results go. z and derivative may be null.
template <typename T>
struct LayerRows {
  Rows<T> y, z, derivative;
  bool padded = false;  // rows of our own, with room for whole panels
};

// The arguments of layer l's dense kernel; a softmax output is left as z.
template <typename T>
DenseArgs<T> DenseArgsOf(const Network<T>& network, ptrdiff_t layer, Rows<const T> x,
                         const LayerRows<T>& to, ptrdiff_t rows) {
  const LayerLayout& at = network.layout()[static_cast<size_t>(layer)];
  DenseArgs<T> args;
  args.y = to.y;
  args.z = to.z;
  args.derivative = to.derivative;
  args.x = x;
  args.panels = network.arena() + at.offset;
  args.rows = rows;
  args.n_in = at.n_in;
  args.n_out = at.n_out;
  args.col_begin = 0;
  args.col_end = at.n_out;
  args.activation = network.spec().activations[static_cast<size_t>(layer)];
  args.hidden = layer + 1 < network.spec().n_layers();
  args.padded = to.padded;
  args.far_panels = network.weights_are_far();
  return args;
}

template <typename T>
bool WeightsAreFar(const std::vector<LayerLayout>& layout) {
  const ptrdiff_t bytes =
      static_cast<ptrdiff_t>(ArenaSize<T>(layout)) * ptrdiff_t{sizeof(T)};
  return bytes > L2Bytes() / 2;
}

// Where the weights stay in the second-level cache, a pass over them costs little: two
// activations of the widest layer should stay in 64 KB of it, beside the tile's
// weights; but 48 rows at least, and more than 192 gain nothing. Other weights come
// from farther away at some 10 GB/s, and 48 rows are multiplied with 32 KB of them in 3
// us: so as many rows as the activations leave room for, two of them in all of the
// cache.
template <typename T>
BlockRows BlockRowsOf(const std::vector<LayerLayout>& layout) {
  constexpr ptrdiff_t kElement = sizeof(T);
  ptrdiff_t widest = 0;
  for (const LayerLayout& layer : layout) {
    widest = std::max({widest, layer.n_in, layer.n_out});
  }
  const ptrdiff_t row_bytes = 2 * PaddedStride<T>(widest) * kElement;
  const bool weights_stay = !WeightsAreFar<T>(layout);
  const ptrdiff_t fit = (weights_stay ? 64 * 1024 : L2Bytes()) / row_bytes;
  const ptrdiff_t least = weights_stay ? 48 : 96;
  const ptrdiff_t most = weights_stay ? 192 : kBlockTerms;
  return {least, std::clamp(fit, least, most)};
}

// One thread's blocks are multiples of the tile's rows; several threads' are of four,
// because even shares matter more: of 128 rows in twelves, one of two threads got 72.
// Few rows go without divisions: a call of 0.1 us has better things to do.
inline ptrdiff_t RowsOfTask(const BlockRows& block, ptrdiff_t rows, int threads,
                            ptrdiff_t tile_rows) {
  if (threads <= 1 && rows <= block.least) return std::max<ptrdiff_t>(rows, 1);
  const ptrdiff_t unit = threads > 1 ? 4 : tile_rows;
  return ItemsOfTask(rows, threads, unit, block.least, block.most / unit * unit);
}

}  // namespace mlpcore

#endif  // MLPCORE_FORWARD_H_
