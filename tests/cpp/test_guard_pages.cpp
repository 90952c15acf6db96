// No kernel touches memory outside of its operands: every operand ends where an
// unreadable page begins, or begins where one ends. A fault is the failure.
#include "testing.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <numeric>
#include <vector>

namespace mlpcore::testing {
namespace {

enum class Side { kBefore, kAfter };  // of the operand, the unreadable page

// Some pages between two unreadable ones.
class GuardedPages {
 public:
  explicit GuardedPages(size_t bytes)
      : page_(static_cast<size_t>(sysconf(_SC_PAGESIZE))),
        inner_(RoundUp(std::max(bytes, size_t{1}), page_)) {
    base_ = static_cast<char*>(mmap(nullptr, inner_ + 2 * page_, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(base_ != MAP_FAILED);
    REQUIRE(mprotect(base_ + page_, inner_, PROT_READ | PROT_WRITE) == 0);
  }
  GuardedPages(const GuardedPages&) = delete;
  ~GuardedPages() { munmap(base_, inner_ + 2 * page_); }

  size_t size() const { return inner_; }
  char* begin() const { return base_ + page_; }
  char* end() const { return begin() + inner_; }

 private:
  size_t page_, inner_;
  char* base_;
};

// Operands of one kernel call, all guarded on the same side. Pages are kept for the
// next call, because asking for them costs more than most of the kernels do.
class Operands {
 public:
  explicit Operands(Side side) : side_(side) {}

  template <typename T>
  T* Array(size_t n, T value = T(0.5)) {
    const GuardedPages& pages = NextPages(n * sizeof(T));
    T* data = reinterpret_cast<T*>(side_ == Side::kAfter ? pages.end() - n * sizeof(T)
                                                         : pages.begin());
    std::fill_n(data, n, value);
    return data;
  }
  // The gap after the last row does not exist.
  template <typename T>
  Rows<T> Matrix(ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t gap = 0) {
    const ptrdiff_t size = rows == 0 ? 0 : (rows - 1) * (cols + gap) + cols;
    return {Array<T>(static_cast<size_t>(size)), cols + gap};
  }
  // Panels of ones.
  template <typename T>
  const T* Panels(ptrdiff_t n_in, ptrdiff_t n_out) {
    return Array<T>(ArenaSize<T>(LayOutPanels<T>({n_in, n_out})), T(1));
  }

 private:
  const GuardedPages& NextPages(size_t bytes) {
    static std::vector<std::unique_ptr<GuardedPages>> kept;
    if (used_ == kept.size()) kept.emplace_back();
    std::unique_ptr<GuardedPages>& pages = kept[used_++];
    if (!pages || pages->size() < bytes) pages = std::make_unique<GuardedPages>(bytes);
    return *pages;
  }

  Side side_;
  size_t used_ = 0;
};

template <typename T>
void RunProducts(Side side, ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out,
                 ptrdiff_t gap) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  Operands memory(side);
  DenseArgs<T> dense;
  dense.y = memory.Matrix<T>(rows, n_out, gap);
  dense.x = memory.Matrix<T>(rows, n_in, gap);
  dense.panels = memory.Panels<T>(n_in, n_out);
  dense.rows = rows;
  dense.n_in = n_in;
  dense.n_out = n_out;
  dense.col_end = n_out;
  dense.activation = Activation::kRelu;
  kernels.dense(dense);
  dense.activation = Activation::kGelu;
  dense.z = memory.Matrix<T>(rows, n_out, gap);
  dense.derivative = memory.Matrix<T>(rows, n_out, gap);
  kernels.dense(dense);
  DenseArgs<T> padded = dense;
  padded.y = padded.z = memory.Matrix<T>(rows, RoundUp(n_out, kPanel<T>), 0);
  padded.derivative = {};
  padded.padded = true;
  kernels.dense(padded);

  InputGradientArgs<T> input;
  input.dx = memory.Matrix<T>(rows, n_in, gap);
  input.dz = dense.y;
  input.panels = memory.Panels<T>(n_out, n_in);
  input.rows = rows;
  input.n_in = n_in;
  input.n_out = n_out;
  input.activation = Activation::kTanh;
  input.y = dense.x;
  kernels.input_gradient(input);
  InputGradientArgs<T> padded_input = input;
  padded_input.dx = memory.Matrix<T>(rows, RoundUp(n_in, kPanel<T>), 0);
  padded_input.y = memory.Matrix<T>(rows, RoundUp(n_in, kPanel<T>), 0);
  padded_input.activation = Activation::kRelu;
  padded_input.padded = true;
  kernels.input_gradient(padded_input);

  WeightGradientArgs<T> weight;
  weight.n_panels = 1 + n_out % 3;
  weight.panel_size = (1 + n_in) * kPanel<T>;
  weight.panel =
      memory.Array<T>(static_cast<size_t>(weight.n_panels * weight.panel_size));
  weight.x = dense.x;
  weight.dz = memory.Matrix<T>(rows, weight.n_panels * kPanel<T>, gap);
  weight.rows = rows;
  weight.in_end = n_in;
  kernels.weight_gradient(weight);
  weight.last_columns = 1 + n_out % (kPanel<T> - 1);
  kernels.weight_gradient(weight);
  weight.accumulate = true;
  kernels.weight_gradient(weight);
  weight.x = memory.Matrix<T>(rows, RoundUp(n_in, kPanel<T>), 0);
  weight.padded = true;
  kernels.weight_gradient(weight);
}

template <typename T>
void RunRowKernels(Side side, ptrdiff_t rows, ptrdiff_t n, ptrdiff_t gap) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  Operands memory(side);
  const Rows<T> a = memory.Matrix<T>(rows, n, gap), b = memory.Matrix<T>(rows, n, gap);
  const Rows<T> c = memory.Matrix<T>(rows, n, gap);
  kernels.activate(Activation::kMish, a, b, c, rows, n);
  kernels.activation_gradient(Activation::kTanh, a, b, c, {}, rows, n);
  kernels.activation_gradient(Activation::kMish, a, b, {}, c, rows, n);
  kernels.softmax(a, b, rows, n, false);
  kernels.softmax(a, b, rows, n, true);
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.rbegin(), order.rend(), 0);
  const ptrdiff_t padded = RoundUp(n, kPanel<T>);
  kernels.gather(memory.Matrix<T>(rows, padded, 0), b, order.data(), rows, n);
  const size_t whole = static_cast<size_t>(rows * n);
  const T* map_in = memory.Array<T>(whole);
  T* map_out = memory.Array<T>(whole);
  for (int f = 0; f < static_cast<int>(Function::kCount); ++f) {
    kernels.map(static_cast<Function>(f), map_in, map_out, rows * n);
  }

  DropoutArgs<T> dropout;
  dropout.y = a;
  dropout.derivative = b;
  dropout.rows = rows;
  dropout.n = n;
  dropout.rate = 0.5;
  kernels.dropout(dropout);

  const size_t m = static_cast<size_t>(rows);
  LossArgs<T> loss;
  loss.row_loss = memory.Array<T>(m);
  loss.row_class = memory.Array<int32_t>(m, 0);
  loss.gradient = a;
  loss.z = c;
  loss.row_weight = memory.Array<T>(m);
  loss.rows = rows;
  loss.n_out = n;
  loss.parameter = T(0.5);
  const Rows<T> values = memory.Matrix<T>(rows, n, gap);
  const int32_t* labels = memory.Array<int32_t>(m, static_cast<int32_t>(n - 1));
  for (const T smoothing : {T(0), T(0.1)}) {
    loss.label_smoothing = smoothing;
    loss.softmax = true;
    loss.targets = {labels, nullptr, 0};
    kernels.loss(loss);
    loss.targets = {nullptr, values.data, values.stride};
    kernels.loss(loss);
    loss.softmax = false;
    for (int l = 0; l < static_cast<int>(Loss::kCount); ++l) {
      loss.loss = static_cast<Loss>(l);
      kernels.loss(loss);
    }
    loss.loss = Loss::kLogLoss;
  }
}

template <typename T>
void RunSideways(Side side, ptrdiff_t groups, ptrdiff_t n_in, ptrdiff_t n_out,
                 ptrdiff_t gap) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  Operands memory(side);
  const ptrdiff_t rows = groups * kernels.group_rows;
  T* x = memory.Array<T>(static_cast<size_t>(rows * n_in));
  T* y = memory.Array<T>(static_cast<size_t>(rows * n_out));
  kernels.rows_to_groups(x, memory.Matrix<T>(rows, n_in, gap), groups, n_in);
  SidewaysArgs<T> args;
  args.y = y;
  args.x = x;
  args.panels = memory.Panels<T>(n_in, n_out);
  args.groups = groups;
  args.n_in = n_in;
  args.n_out = n_out;
  for (const Activation phi : {Activation::kRelu, Activation::kGelu}) {
    args.activation = phi;
    kernels.dense_sideways(args);
  }
  const Rows<T> result = memory.Matrix<T>(rows, n_out, gap);
  kernels.groups_to_rows(result, y, groups, n_out, false);
  kernels.groups_to_rows(result, y, groups, n_out, true);
}

template <typename T>
void RunSweeps(Side side, ptrdiff_t panels) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  Operands memory(side);
  const size_t n = static_cast<size_t>(panels * kPanel<T>);
  UpdateArgs<T> update;
  update.parameters = memory.Array<T>(n);
  update.moment1 = memory.Array<T>(n);
  update.moment2 = memory.Array<T>(n);
  update.gradient = memory.Array<T>(n);
  update.n = panels * kPanel<T>;
  for (int o = 0; o < static_cast<int>(Optimizer::kCount); ++o) {
    update.optimizer = static_cast<Optimizer>(o);
    kernels.update(update);
  }
  kernels.sum_squares(update.gradient, update.parameters, T(0.1), update.n);
  kernels.sum_squares(update.gradient, nullptr, T(0), update.n);
}

template <typename T>
void RunAllShapes(Side side) {
  for (const ptrdiff_t rows : {1, 2, 3, 5, 7, 13, 23, 256}) {
    for (const ptrdiff_t n_in : {1, 6, 17, 300}) {
      for (const ptrdiff_t n_out : {1, 7, 8, 9, 16, 31, 64, 130}) {
        for (const ptrdiff_t gap : {0, 1, 5})
          RunProducts<T>(side, rows, n_in, n_out, gap);
      }
    }
  }
  for (const ptrdiff_t rows : {1, 2, 15, 16, 17}) {
    for (const ptrdiff_t n : {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 100}) {
      for (const ptrdiff_t gap : {0, 3}) RunRowKernels<T>(side, rows, n, gap);
    }
  }
  for (const ptrdiff_t groups : {1, 2}) {
    for (const ptrdiff_t n_in : {1, 2, 3, 4, 17, 300}) {
      for (const ptrdiff_t n_out : {1, 2, 3, 8, 31, 130}) {
        for (const ptrdiff_t gap : {0, 3})
          RunSideways<T>(side, groups, n_in, n_out, gap);
      }
    }
  }
  for (const ptrdiff_t panels : {0, 1, 2, 33}) RunSweeps<T>(side, panels);
}

// Number i of a sequence of shapes, most of them round the tiles. An operand's end lies
// on a page's end, so its beginning has every alignment.
template <typename T>
void RunRandomShape(size_t i) {
  const auto draw = [i](uint64_t seed, uint64_t most) {
    return static_cast<ptrdiff_t>(RandomBits(seed, i) % most);
  };
  const Side side = i % 8 == 0 ? Side::kBefore : Side::kAfter;
  const ptrdiff_t rows = 1 + draw(1, 40), gap = draw(2, 20);
  const ptrdiff_t n_in = 1 + draw(3, i % 10 == 0 ? 600 : 70);
  const ptrdiff_t n_out = 1 + draw(4, i % 10 == 1 ? 300 : 70);
  CAPTURE(rows);
  CAPTURE(n_in);
  CAPTURE(n_out);
  CAPTURE(gap);
  RunProducts<T>(side, rows, n_in, n_out, gap);
  if (i % 10 == 2) RunRowKernels<T>(side, rows, n_out, gap);
}

}  // namespace

TEST_SUITE("guard_pages") {
  TEST_CASE_TEMPLATE("kernels stay inside of their operands", T, float, double) {
    OnEveryIsa([] {
      CHECK_NOTHROW(RunAllShapes<T>(Side::kAfter));
      CHECK_NOTHROW(RunAllShapes<T>(Side::kBefore));
    });
  }

  TEST_CASE_TEMPLATE("10,000 random shapes and alignments", T, float, double) {
    OnEveryIsa([] {
      for (size_t i = 0; i < 10'000; ++i) RunRandomShape<T>(i);
    });
  }
}

}  // namespace mlpcore::testing

#endif  // unix
