// A block of rows through all layers: the one forward pass, for inference and training.
#ifndef MLPCORE_FORWARD_H_
#define MLPCORE_FORWARD_H_

#include "kernels/kernel_table.h"
#include "mlpcore/network.h"

namespace mlpcore {

// Where a layer's results go. z and derivative may be null.
template <typename T>
struct LayerRows {
  Rows<T> y, z, derivative;
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
  return args;
}

// Rows of a block: two activations of the widest layer and the weights' 16 KB should
// stay in the cache with room to spare, 64 KB of L2; but at least 48 rows share a pass
// over the weights, and more than 192 gain nothing (a pass is then paid off).
template <typename T>
ptrdiff_t BlockRows(ptrdiff_t widest, ptrdiff_t tile_rows) {
  constexpr ptrdiff_t kBytes = 64 * 1024;
  const ptrdiff_t fit =
      kBytes / (2 * PaddedStride<T>(widest) * static_cast<ptrdiff_t>(sizeof(T)));
  const ptrdiff_t rows = fit < 48 ? 48 : fit > 192 ? 192 : fit;
  return rows / tile_rows * tile_rows;
}

}  // namespace mlpcore

#endif  // MLPCORE_FORWARD_H_
