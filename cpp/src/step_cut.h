// How a training step is cut: the gradient into parts, the rows into chunks.
#ifndef MLPCORE_STEP_CUT_H_
#define MLPCORE_STEP_CUT_H_

#include <algorithm>
#include <vector>

#include "aligned_buffer.h"
#include "mlpcore/gradient.h"
#include "mlpcore/network.h"
#include "pool.h"

namespace mlpcore {

// A part has as many of a layer's panels as any tile takes at once, and so many inputs
// that the panels of dz, read once a part, are used 8 to 10 times over. Its gradient is
// 16 KB at most: a third or half of L1. 96 and 48 inputs are whole tiles (of 12, 8 or
// 6) and whole panels, so that parts share no line of W^T.
constexpr ptrdiff_t kPartPanels = 4, kMostPartLines = 256;
inline ptrdiff_t PartInputs(ptrdiff_t n_panels) { return n_panels > 2 ? 48 : 96; }

// The parts that share inputs follow one another: those columns of x stay in L2, and dz
// comes from beyond it n_in / 48 times, in place of x n_out / 64 times.
inline std::vector<Part> PartsOf(const std::vector<LayerLayout>& layout) {
  std::vector<Part> parts;
  for (size_t l = 0; l < layout.size(); ++l) {
    const ptrdiff_t n_in = layout[l].n_in, n_panels = layout[l].n_panels;
    const ptrdiff_t inputs = PartInputs(n_panels);
    for (ptrdiff_t in = 0, end; in < n_in; in = end) {
      // The last part may have a third more.
      end = 3 * (n_in - in) > 4 * inputs ? in + inputs : n_in;
      for (ptrdiff_t panel = 0, n; panel < n_panels; panel += n) {
        n = EvenShare(n_panels - panel, kPartPanels);
        parts.push_back({static_cast<ptrdiff_t>(parts.size()),
                         static_cast<ptrdiff_t>(l), panel, n, in, end});
      }
    }
  }
  return parts;
}

// Forward, dx and dW.
template <typename T>
double WorkOf(const Network<T>& network, ptrdiff_t rows) {
  return 3 * network.work() * static_cast<double>(rows);
}

// How a batch's rows are cut for the sums over them: a matter of the network and the
// batch, never of the threads, because it shows in the bits.
//
// Two threads can share a step in two ways. Together: each takes half of the rows
// forward and back, then half of the gradient's parts, over the rows of both; in the
// next step both write where the other has just read (4 ns a line, Zen 4). Apart: each
// takes chunks of its own through all of it, and only the chunks' gradients meet.
// That is faster if a gradient has no more elements than the rows leave in memory, and
// if a chunk has rows enough for a tile's sum. Then there are as many chunks for one as
// for the other, of one size.
struct Chunks {
  ptrdiff_t rows = kBlockTerms;
  bool may_be_apart = false;
};
template <typename T>
Chunks ChunksOf(const Network<T>& network, ptrdiff_t rows) {
  constexpr ptrdiff_t kLeastRows = 32, kUnit = 4;
  Chunks chunks;
  if (rows < 2 * kLeastRows || !IsWorthThreads(WorkOf(network, rows))) return chunks;
  ptrdiff_t row_elements = 0;
  for (const LayerLayout& layer : network.layout()) {
    row_elements += PaddedStride<T>(layer.n_in) + PaddedStride<T>(layer.n_out);
  }
  if (static_cast<ptrdiff_t>(network.arena_size()) > rows * row_elements) return chunks;
  const ptrdiff_t n = 2 * DivUp(rows, 2 * kBlockTerms);
  chunks.rows = RoundUp(DivUp(rows, n), kUnit);
  chunks.may_be_apart = true;
  return chunks;
}

}  // namespace mlpcore

#endif  // MLPCORE_STEP_CUT_H_
