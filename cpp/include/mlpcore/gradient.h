// The gradient of the mean loss of a batch: forward, loss, backward.
#ifndef MLPCORE_GRADIENT_H_
#define MLPCORE_GRADIENT_H_

#include <functional>
#include <memory>
#include <vector>

#include "mlpcore/network.h"

namespace mlpcore {

// Some rows of a data set. Row i of the batch is row order[i] of x, targets and
// weights, or row i if order is null.
template <typename T>
struct Batch {
  InputRows<T> x;
  Targets<T> targets;
  const T* weights = nullptr;
  const int64_t* order = nullptr;
  ptrdiff_t rows = 0;
};

// What training adds to the pure gradient.
struct GradientOptions {
  double label_smoothing = 0;
  bool dropout = false;         // apply the network's rates
  uint64_t seed = 0, step = 0;  // address the dropout masks
  bool drops_tiny = false;      // elements of dz that only slow it down are 0
  int threads = 0;              // 0: as many as the batch is worth
};

// Some lines of some panels of a layer: a share of the parameters, of the gradient, or
// of what else has their layout, small enough that a few of them stay in L1 and L2.
struct Part {
  ptrdiff_t index;  // among all parts
  ptrdiff_t layer, panel, n_panels;
  ptrdiff_t in_begin, in_end;  // inputs; with input 0 comes the head line, the biases

  // Within a panel: the first line, and how many.
  ptrdiff_t line() const { return in_begin == 0 ? 0 : 1 + in_begin; }
  ptrdiff_t n_lines() const { return 1 + in_end - line(); }
};

template <typename T>
const LayerLayout& LayerOf(const Network<T>& network, const Part& part) {
  return network.layout()[static_cast<size_t>(part.layer)];
}
// Where the lines of a part's p-th panel begin in an arena of the network's layout.
template <typename T>
ptrdiff_t OffsetOfLines(const LayerLayout& layer, const Part& part, ptrdiff_t p) {
  return layer.offset + (part.panel + p) * layer.panel_size + part.line() * kPanel<T>;
}

// The gradient of a part, complete.
template <typename T>
struct PartGradient {
  const T* lines;        // (n_panels, n_lines, kPanel)
  ptrdiff_t panel_size;  // how far apart the panels are
};

// Holds all that a gradient needs and reuses it from call to call. What it allocates,
// it does for the first batch, for a larger one, for the first that needs the gradient
// as a whole, and for more threads. One thread at a time.
template <typename T>
class GradientEngine {
 public:
  explicit GradientEngine(std::shared_ptr<Network<T>> network);
  ~GradientEngine();
  GradientEngine(GradientEngine&&) noexcept;

  // Takes the gradient part by part, from many threads at once; must not throw. A
  // gradient taken in the moment it is complete is still in L1, and the one of a batch
  // that is computed in one go, without chunks apart, is never in memory as a whole.
  using UsePart = std::function<void(const Part&, const PartGradient<T>&)>;

  // The gradient of sum(w l) / sum(w). With order == null the rows are used in place.
  // Without use_part it is left in gradient(). With it, each part goes there once, when
  // the backward pass has no more use for the weights; but if the loss is not finite,
  // none does. `result()` is valid within use_part and after the call. Returns false if
  // should_stop said so (it is asked between groups of rows, by the calling thread, and
  // must not throw), and use_part saw nothing.
  bool Compute(const Batch<T>& batch, const GradientOptions& options,
               const ShouldStop& should_stop = nullptr,
               const UsePart& use_part = nullptr);

  // What use_part reads and writes beside the network's arena, with the same layout, or
  // null: where the weights do not stay in the caches, it is asked for while a part's
  // gradient is computed.
  void SetSwept(const T* moment1, const T* moment2);

  const std::vector<Part>& parts() const;
  // use_part for the gradient that Compute left whole, on as many threads as it had.
  void ForEachPart(const UsePart& use_part) const;

  // Panels, as the network's arena: n = network.arena_size(). Left by Compute without
  // use_part.
  T* gradient();
  const Evaluation& result() const;
  // In get_parameters order.
  void CopyGradient(T* flat) const;

  // For the optimizer: writes a part's changed weights into W^T too, and tells, after
  // all of them, that the network's parameters changed.
  void RefreshTransposed(const Part& part);
  void MarkRefreshed();

 private:
  struct Workspace;
  std::unique_ptr<Workspace> work_;
};

}  // namespace mlpcore

#endif  // MLPCORE_GRADIENT_H_
