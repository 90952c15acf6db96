// The vocabulary of a network: activations, losses, optimizers, and how a loss is told
// its targets. Plain data, shared by the core and the kernels.
#ifndef MLPCORE_TYPES_H_
#define MLPCORE_TYPES_H_

#include <stddef.h>
#include <stdint.h>

// Shared inline code must leave no out-of-line copy in the sources that are compiled
// for one instruction set: the linker would be free to pick that copy for everyone.
#define MLPCORE_ALWAYS_INLINE inline __attribute__((always_inline))

namespace mlpcore {

// phi, applied to the induced local field z. kSoftmax acts on a whole row and is legal
// for the output layer only.
enum class Activation : int32_t {
  kIdentity,
  kSigmoid,
  kTanh,
  kRelu,
  kLeakyRelu,
  kElu,
  kSelu,
  kGelu,
  kSilu,
  kMish,
  kSoftplus,
  kExp,
  kSoftmax,
  kCount
};
constexpr const char* kActivationNames[] = {
    "identity", "sigmoid", "tanh", "relu",     "leaky_relu", "elu",    "selu",
    "gelu",     "silu",    "mish", "softplus", "exp",        "softmax"};

constexpr double kLeakyReluSlope = 0.01;
// Klambauer et al. 2017, "Self-normalizing neural networks", eq. 14: the fixed point of
// mean 0 and variance 1.
constexpr double kSeluAlpha = 1.6732632423543772848;
constexpr double kSeluScale = 1.0507009873554804934;

// True where phi'(z) is a function of phi(z). For the others (gelu, silu and mish are
// not monotone; softplus would cancel) training keeps phi'(z) beside the output.
MLPCORE_ALWAYS_INLINE constexpr bool DerivativeFromOutput(Activation a) {
  return a != Activation::kGelu && a != Activation::kSilu && a != Activation::kMish &&
         a != Activation::kSoftplus;
}

enum class Loss : int32_t {
  kLogLoss,
  kSquaredError,
  kEuclidean,
  kAbsoluteError,
  kHuber,
  kQuantile,
  kPoisson,
  kCount
};
constexpr const char* kLossNames[] = {"log_loss",       "squared_error", "euclidean",
                                      "absolute_error", "huber",         "quantile",
                                      "poisson"};

enum class Optimizer : int32_t { kSgd, kAdam, kAdamW, kRmsprop, kCount };
constexpr const char* kOptimizerNames[] = {"sgd", "adam", "adamw", "rmsprop"};

// Widths in elements. A panel is one cache line of outputs wide, on every instruction
// set, so the packed form of the weights does not depend on it.
constexpr ptrdiff_t kCacheLine = 64;
template <typename T>
constexpr ptrdiff_t kPanel = kCacheLine / static_cast<ptrdiff_t>(sizeof(T));

// How many of so many columns are in a panel.
template <typename T>
constexpr ptrdiff_t ColumnsOfPanel(ptrdiff_t columns, ptrdiff_t panel) {
  const ptrdiff_t left = columns - panel * kPanel<T>;
  return left < kPanel<T> ? left : kPanel<T>;
}

// The length of one chain of fused multiply-adds (numerics: see ARCHITECTURE.md, "The
// order of arithmetic"). 256 terms of a panel are 16 KB: half of a 32 KB L1 cache,
// which leaves the other half to the rows and the tile. Changing it changes bits.
constexpr ptrdiff_t kBlockTerms = 256;

template <typename T>
MLPCORE_ALWAYS_INLINE constexpr T DivUp(T a, T b) {
  return (a + b - 1) / b;
}
template <typename T>
MLPCORE_ALWAYS_INLINE constexpr T RoundUp(T a, T b) {
  return DivUp(a, b) * b;
}
// How many of n come first where they go in equal shares, of `most` at most, as few as
// may be: of five by four three, not four and then one.
template <typename T>
MLPCORE_ALWAYS_INLINE constexpr T EvenShare(T n, T most) {
  return DivUp(n, DivUp(n, most));
}

// The targets of some rows: class indices, or values of shape (rows, n_out).
template <typename T>
struct Targets {
  const int32_t* labels = nullptr;  // (rows) or null
  const T* values = nullptr;        // (rows, n_out), or null if labels
  ptrdiff_t value_stride = 0;       // in elements
};

}  // namespace mlpcore

#endif  // MLPCORE_TYPES_H_
