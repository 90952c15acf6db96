// The door between the core and the kernels: one table of functions for each
// instruction set and scalar type. The core fills the argument structs; the kernels
// trust them (their preconditions are stated here) and allocate nothing.
#ifndef MLPCORE_KERNELS_KERNEL_TABLE_H_
#define MLPCORE_KERNELS_KERNEL_TABLE_H_

#include "mlpcore/function.h"
#include "mlpcore/types.h"

namespace mlpcore {

// A matrix whose rows are contiguous: element (i, j) is data[i * stride + j].
template <typename T>
struct Rows {
  T* data = nullptr;
  ptrdiff_t stride = 0;  // in elements

  MLPCORE_ALWAYS_INLINE T* Row(ptrdiff_t i) const { return data + i * stride; }
  MLPCORE_ALWAYS_INLINE Rows From(ptrdiff_t i) const {
    return {data ? Row(i) : nullptr, stride};
  }
  MLPCORE_ALWAYS_INLINE explicit operator bool() const { return data != nullptr; }
  MLPCORE_ALWAYS_INLINE operator Rows<const T>() const { return {data, stride}; }
};

// Elements one after the other.
template <typename T>
struct Span {
  const T* data = nullptr;
  ptrdiff_t size = 0;
};

// y = phi(x W + b) for the columns [col_begin, col_end) of some rows.
//
// col_begin is a multiple of kPanel; col_end is too, or is n_out. Columns past n_out
// are not written, unless rows are padded. y, z and derivative may not overlap x; z may
// be y.
template <typename T>
struct DenseArgs {
  Rows<T> y;                  // out (rows, n_out)
  Rows<T> z;                  // out (rows, n_out), the induced local field, or null
  Rows<T> derivative;         // out (rows, n_out), phi'(z), or null
  Rows<const T> x;            // (rows, n_in)
  const T* panels = nullptr;  // panels of W with b at their heads; see ARCHITECTURE.md
  ptrdiff_t rows = 0, n_in = 0, n_out = 0;
  ptrdiff_t col_begin = 0, col_end = 0;
  Activation activation = Activation::kIdentity;
  bool hidden = false;  // phi and phi' are 0 where they would be subnormal
  // Rows of z (of y, without z) have room for whole panels, and those of derivative
  // too. It costs less to fill it than to spare it; what is written there is z of
  // weights and a bias of zero, and phi and phi' of that.
  bool padded = false;
  // The panels are in memory beyond the second-level cache: ask for them ahead.
  bool far_panels = false;
  // Rows that are read next, and come from there too. May be empty.
  Span<T> next_x;
};

// y^T = phi(W^T x^T + b) for some groups of rows. A group's matrices are contiguous,
// (n, group_rows): the elements of one column side by side; groups follow one another.
template <typename T>
struct SidewaysArgs {
  T* y = nullptr;             // out (groups, n_out, group_rows)
  const T* x = nullptr;       // (groups, n_in, group_rows)
  const T* panels = nullptr;  // as in DenseArgs
  ptrdiff_t groups = 0, n_in = 0, n_out = 0;
  Activation activation = Activation::kIdentity;
  bool hidden = false;  // as in DenseArgs
};

// dz_in = (dz W^T) * phi'(z_in): the gradient one layer back.
template <typename T>
struct InputGradientArgs {
  Rows<T> dx;                 // out (rows, n_in)
  Rows<const T> dz;           // (rows, n_out)
  const T* panels = nullptr;  // panels of W^T; their heads are zero
  ptrdiff_t rows = 0, n_in = 0, n_out = 0;
  Activation activation = Activation::kIdentity;  // of the layer below
  Rows<const T> y;  // (rows, n_in), that layer's output, or
  Rows<const T>
      derivative;  // (rows, n_in), its phi', which goes first; both may be null
  // Rows of dx have room for whole panels: it gets 0 * dz. So have those of y, and what
  // is there is finite.
  bool padded = false;
  bool far_panels = false;  // as in DenseArgs
  bool drops_tiny = false;  // as in LossArgs, of phi' and of the product with it
};

// What the optimizer sweeps with some panels of the gradient, from their first line on.
template <typename T>
struct SweptLines {
  const T* arrays[3] = {};  // parameters, moments, with the gradient's layout; or null
  ptrdiff_t panel_size = 0;
  const T* transposed = nullptr;  // W^T: the first input's panel, the columns; or null
  ptrdiff_t transposed_panel_size = 0;
  bool asks_for_rows = false;  // for those of x and dz too
};

// Some panels of dW = x^T dz, the inputs [in_begin, in_end), and with in_begin == 0 the
// panels' db, for one chunk of at most kBlockTerms rows.
template <typename T>
struct WeightGradientArgs {
  T* panel = nullptr;       // out: a panel of the gradient, head line first
  ptrdiff_t in_origin = 0;  // the input whose line comes after the head
  ptrdiff_t n_panels = 1, panel_size = 0;  // how many, and how far apart
  Rows<const T> x;                         // (rows, n_in)
  Rows<const T> dz;  // (rows, n_panels * kPanel), zero in the padding columns
  ptrdiff_t last_columns = kPanel<T>;  // of the last panel, without its padding
  bool padded = false;  // x's rows have room for whole panels from in_begin on
  ptrdiff_t rows = 0, in_begin = 0, in_end = 0;
  bool accumulate = false;               // add to the panel, or overwrite it
  const SweptLines<T>* swept = nullptr;  // to be asked for ahead
};

// The loss of each row, and what it sends back.
//
// For log_loss and poisson, z holds the output layer's induced local fields; for the
// others z holds its outputs y. In both cases gradient receives the derivative with
// respect to what z holds, times the row's weight.
template <typename T>
struct LossArgs {
  T* row_loss = nullptr;         // out (rows), not weighted
  Rows<T> gradient;              // out (rows, n_out) or null
  int32_t* row_class = nullptr;  // out (rows) or null; softmax only: argmax of z
  Rows<const T> z;               // (rows, n_out)
  Targets<T> targets;
  const T* row_weight = nullptr;  // (rows), or null for 1
  T scale = 1;                    // times row_weight: 1 / sum of weights
  ptrdiff_t rows = 0, n_out = 0;
  Loss loss = Loss::kLogLoss;
  bool softmax = false;                  // log_loss: over a softmax, or over sigmoids
  Activation output = Activation::kExp;  // poisson: phi: exp, softplus or sigmoid
  T parameter = 0;                       // huber's delta, quantile's q
  T label_smoothing = 0;                 // log_loss only
  bool drops_tiny = false;               // gradients below kLeastGradient are 0
};

// One optimizer step over n parameters, n a multiple of kPanel.
template <typename T>
struct UpdateArgs {
  Optimizer optimizer = Optimizer::kSgd;
  T* parameters = nullptr;
  T* moment1 = nullptr;  // sgd: velocity (null without momentum); adam: m
  T* moment2 = nullptr;  // adam, rmsprop: v
  const T* gradient = nullptr;
  ptrdiff_t n = 0;
  T l2 = 0;              // gradient + l2 * parameter
  T gradient_scale = 1;  // then times this (clipping)
  T step_size = 0;       // learning rate, bias corrections included
  T momentum = 0;        // sgd: momentum; adam: beta_1
  T momentum_rest = 1;   // adam: 1 - beta_1, rounded once
  T decay = 0;           // adam: beta_2; rmsprop: rho
  T decay_rest = 1;      // 1 - decay, rounded once
  T epsilon = 0;
  T shrink = 1;  // adamw: 1 - learning rate * weight decay
  bool nesterov = false;
};

// Inverted dropout of some rows of a hidden layer's output (Srivastava et al. 2014).
// The mask of element (i, j) is addressed by (seed, stream, first_row + i, j).
template <typename T>
struct DropoutArgs {
  Rows<T> y;           // in, out (rows, n): kept elements are scaled
  Rows<T> derivative;  // out (rows, n): phi' times the mask
  ptrdiff_t rows = 0, n = 0;
  Activation activation = Activation::kIdentity;
  bool derivative_is_set =
      false;  // derivative holds phi' already; else it comes from y
  double rate = 0;
  uint64_t seed = 0, stream = 0;
  ptrdiff_t first_row = 0;
};

// RandomBlocks fills whole multiples of this: the lanes of the widest vector.
constexpr ptrdiff_t kRandomBlocksUnit = 16;

template <typename T>
struct KernelTable {
  const char* isa;
  ptrdiff_t tile_rows;   // rows of the register tile: good row blocks are its multiples
  ptrdiff_t group_rows;  // of a group that goes sideways
  ptrdiff_t column_unit;  // dense takes as long for fewer columns

  void (*dense)(const DenseArgs<T>&);
  void (*dense_sideways)(const SidewaysArgs<T>&);
  // Turns n columns of all rows of some groups.
  void (*rows_to_groups)(T* to, Rows<const T> from, ptrdiff_t groups, ptrdiff_t n);
  // And back: y = z or softmax(z).
  void (*groups_to_rows)(Rows<T> y, const T* z, ptrdiff_t groups, ptrdiff_t n,
                         bool softmax);
  void (*input_gradient)(const InputGradientArgs<T>&);
  void (*weight_gradient)(const WeightGradientArgs<T>&);
  // Row i of `to` (rows, n), whose rows are padded to whole panels, is row order[i] of
  // `from`. The padding may be written.
  void (*gather)(Rows<T> to, Rows<const T> from, const int64_t* order, ptrdiff_t rows,
                 ptrdiff_t n);
  // y = phi(z); derivative = phi'(z) unless null. y may be z.
  void (*activate)(Activation, Rows<T> y, Rows<T> derivative, Rows<const T> z,
                   ptrdiff_t rows, ptrdiff_t n);
  // dz = dy * phi', from y or from derivative as in InputGradientArgs. dz may be dy.
  void (*activation_gradient)(Activation, Rows<T> dz, Rows<const T> dy, Rows<const T> y,
                              Rows<const T> derivative, ptrdiff_t rows, ptrdiff_t n);
  // y = softmax(z) or log_softmax(z), row by row. y may be z.
  void (*softmax)(Rows<T> y, Rows<const T> z, ptrdiff_t rows, ptrdiff_t n, bool log);
  void (*loss)(const LossArgs<T>&);
  void (*update)(const UpdateArgs<T>&);
  // sum[i] += term[i], n a multiple of kPanel.
  void (*add)(T* sum, const T* term, ptrdiff_t n);
  // The sum of squares of a[i] + l2 * b[i] (b may be null), n a multiple of kPanel.
  double (*sum_squares)(const T* a, const T* b, T l2, ptrdiff_t n);
  // Whether none of n elements is NaN or infinite.
  bool (*all_finite)(const T* x, ptrdiff_t n);
  // Of some bytes (mlpcore/fingerprint.h).
  uint64_t (*fingerprint)(const void* data, ptrdiff_t bytes);
  void (*dropout)(const DropoutArgs<T>&);
  // The four words of each of the Philox blocks first, first + 1, ...; `words` has room
  // for `blocks` rounded up to kRandomBlocksUnit.
  void (*random_blocks)(uint32_t* words, ptrdiff_t blocks, uint64_t seed,
                        uint64_t stream, uint64_t first);
  // `n_in` lines of a panel of W, of which `cols` columns exist, into the panels of
  // W^T, to_panel_size apart: line j of them gets column j. Padding is written as zero.
  void (*transpose_panel)(T* to, ptrdiff_t to_panel_size, const T* from, ptrdiff_t n_in,
                          ptrdiff_t cols);
  // One elementary function over an array. y may be x.
  void (*map)(Function, const T* x, T* y, ptrdiff_t n);
  // Multiply-adds in registers, to measure the processor's peak. The value means
  // nothing.
  double (*multiply_add_loop)(ptrdiff_t steps);
  double flops_of_step;
};

// The tables that were compiled in, one function an instruction set (cpp/src/isa/).
#define MLPCORE_DECLARE_KERNELS(isa)      \
  namespace isa {                         \
  const KernelTable<float>& Kernels32();  \
  const KernelTable<double>& Kernels64(); \
  }
MLPCORE_DECLARE_KERNELS(baseline)
MLPCORE_DECLARE_KERNELS(avx2)
MLPCORE_DECLARE_KERNELS(avx512)
MLPCORE_DECLARE_KERNELS(neon)
MLPCORE_DECLARE_KERNELS(avx2x2)  // tests only: AVX-512's shapes on AVX2
#undef MLPCORE_DECLARE_KERNELS

}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_KERNEL_TABLE_H_
