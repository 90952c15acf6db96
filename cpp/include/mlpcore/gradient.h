// The gradient of the mean loss of a batch: forward, loss, backward.
#ifndef MLPCORE_GRADIENT_H_
#define MLPCORE_GRADIENT_H_

#include <functional>
#include <memory>

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
  int threads = 0;              // 0: as many as the batch is worth
};

// Holds all that a gradient needs and reuses it from call to call; nothing is allocated
// once the largest batch has been seen. One thread at a time.
template <typename T>
class GradientEngine {
 public:
  explicit GradientEngine(std::shared_ptr<Network<T>> network);
  ~GradientEngine();
  GradientEngine(GradientEngine&&) noexcept;

  // Run by the caller once the gradient is whole; told how many threads the batch got.
  using AfterGradient = std::function<void(int threads)>;
  // True: stop now, leave the batch. Asked between groups of rows, by the calling
  // thread.
  using ShouldStop = std::function<bool()>;

  // Leaves the gradient of sum(w l) / sum(w) in gradient(). With order == null the rows
  // are used in place. `result()` is valid within `after` and after the call.
  // Returns false if should_stop said so (it is asked between groups of rows, by the
  // calling thread, and must not throw), and `after` was not run.
  bool Compute(const Batch<T>& batch, const GradientOptions& options,
               const ShouldStop& should_stop = nullptr,
               const AfterGradient& after = nullptr);

  // Panels, as the network's arena: n = network.arena_size().
  T* gradient();
  const Evaluation& result() const;
  // In get_parameters order.
  void CopyGradient(T* flat) const;

  // For the optimizer's sweep: writes one panel of changed weights into W^T too, and
  // tells, after all of them, that the network's parameters changed.
  void RefreshTransposed(ptrdiff_t layer, ptrdiff_t panel);
  void MarkRefreshed();

 private:
  struct Workspace;
  std::unique_ptr<Workspace> work_;
};

}  // namespace mlpcore

#endif  // MLPCORE_GRADIENT_H_
