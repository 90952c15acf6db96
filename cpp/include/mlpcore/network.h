// A multilayer perceptron: its architecture, its parameters, and inference.
#ifndef MLPCORE_NETWORK_H_
#define MLPCORE_NETWORK_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "mlpcore/types.h"

namespace mlpcore {

// True: stop now.
using ShouldStop = std::function<bool()>;

struct NetworkSpec {
  std::vector<ptrdiff_t> layer_sizes;   // n_in, hidden..., n_out; at least 2
  std::vector<Activation> activations;  // one a layer, the output's last
  std::vector<double> dropout;          // one a hidden layer, in [0, 1)
  Loss loss = Loss::kSquaredError;
  double loss_parameter = 0;

  ptrdiff_t n_layers() const { return static_cast<ptrdiff_t>(activations.size()); }
  ptrdiff_t n_in() const { return layer_sizes.front(); }
  ptrdiff_t n_out() const { return layer_sizes.back(); }
  bool softmax() const { return activations.back() == Activation::kSoftmax; }
};

// Where a layer's panels lie in the arena; see ARCHITECTURE.md for a drawing.
struct LayerLayout {
  ptrdiff_t n_in, n_out;
  ptrdiff_t n_panels;
  ptrdiff_t panel_size;  // elements: (1 + n_in) * kPanel
  ptrdiff_t offset;      // of the first panel, in elements
};

// Rows of the caller's: dense, C-ordered, `stride` elements apart.
template <typename T>
struct InputRows {
  const T* data = nullptr;
  ptrdiff_t stride = 0;
};

// Where Forward puts each layer's z and y: dense (rows, n_out) arrays.
template <typename T>
struct LayerOutputs {
  std::vector<T*> z, y;
};

// Sums over rows, weighted; divide by `weight` for means.
struct Evaluation {
  double loss = 0;
  double weight = 0;
  double correct = 0;  // rows classified rightly; softmax and sigmoid outputs only

  void Add(const Evaluation& other) {
    loss += other.loss;
    weight += other.weight;
    correct += other.correct;
  }
};

// sum / weight, of rows that have any: below the least normal number the quotient would
// overflow.
inline double OverWeight(double sum, double weight) {
  return weight >= std::numeric_limits<double>::min() ? sum / weight : 0;
}

template <typename T>
class AlignedBuffer;

// How many rows go through all layers together: fewer than `least` do not pay for a
// pass over the weights.
struct BlockRows {
  ptrdiff_t least = 0, most = 0;
};

template <typename T>
class Network {
 public:
  // The parameters start as zeros. Preconditions on spec: as its comments say.
  // Throws std::bad_alloc.
  explicit Network(NetworkSpec spec);
  ~Network();

  const NetworkSpec& spec() const { return spec_; }
  const std::vector<LayerLayout>& layout() const { return layout_; }
  size_t n_parameters() const { return n_parameters_; }
  size_t arena_size() const { return arena_size_; }

  // One flat vector: for each layer W row-major (n_in, n_out), then b.
  void GetParameters(T* flat) const;
  void SetParameters(const T* flat);

  // The arena of panels. Whoever writes to it calls ParametersChanged.
  T* arena() { return arena_; }
  const T* arena() const { return arena_; }
  void ParametersChanged() { ++version_; }
  uint64_t version() const { return version_; }

  // y (rows, n_out), dense. y may not overlap x.
  void Predict(T* y, InputRows<T> x, ptrdiff_t rows) const;
  // Every layer's induced local field and output.
  void Forward(const LayerOutputs<T>& out, InputRows<T> x, ptrdiff_t rows) const;
  // Loss and accuracy over the rows; weights (rows) or null. should_stop may be null;
  // it is asked between chunks of rows, by the calling thread, and must not throw. What
  // is returned after it said yes means nothing.
  Evaluation Evaluate(InputRows<T> x, const Targets<T>& targets, const T* weights,
                      ptrdiff_t rows, const ShouldStop& should_stop = nullptr) const;

  // Multiply-adds of one row's forward pass.
  double multiply_adds() const { return multiply_adds_; }
  // Of a row, activations counted as what takes as long.
  double work() const { return work_; }
  // Derived from the sizes of the caches. Setting it changes no bit: it is for bench/.
  const BlockRows& block_rows() const { return block_rows_; }
  void set_block_rows(const BlockRows& rows) { block_rows_ = rows; }
  // They do not stay in a core's second-level cache.
  bool weights_are_far() const { return weights_are_far_; }

 private:
  void PredictPanels(T* y, InputRows<T> x, ptrdiff_t rows, int threads) const;
  void PredictSideways(T* y, InputRows<T> x, ptrdiff_t rows, T* in, T* out) const;

  NetworkSpec spec_;
  std::vector<LayerLayout> layout_;
  size_t n_parameters_ = 0;
  size_t arena_size_ = 0;
  double multiply_adds_ = 0, work_ = 0;
  double pass_work_ = 0;  // of reading weights that are too many for L2, or 0
  BlockRows block_rows_;
  bool weights_are_far_ = false, faster_sideways_ = false;
  ptrdiff_t widest_ = 0;  // of the hidden and output layers
  std::unique_ptr<AlignedBuffer<T>> storage_;
  T* arena_ = nullptr;
  std::atomic<uint64_t> version_{1};
};

}  // namespace mlpcore

#endif  // MLPCORE_NETWORK_H_
