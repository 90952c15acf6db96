// No step on the way to a normal result underflows. It would cost nothing but time:
// some 100 cycles a product (bench/NOTES.md), which the processor's own flag tells
// better than a clock.
#include <cfenv>
#include <limits>

#include "mlpcore/function.h"
#include "oracle.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

constexpr size_t kLength = 48;  // whole vectors, of equal elements

template <typename F>
bool Underflows(const F& f) {
  std::feclearexcept(FE_ALL_EXCEPT);
  f();
  return std::fetestexcept(FE_UNDERFLOW) != 0;
}

// A product that is far below all subnormal numbers costs nothing; so 0 may be one.
template <typename T>
bool IsNormalOrZero(T y) {
  return y == 0 || !(std::fabs(y) < std::numeric_limits<T>::min());
}

// Of both signs, up to where e^x and e^-x are normal, for gelu in float64 e^(-x^2 / 2).
// (Below 1e-9 squares of squares underflow, which no network in use sees.)
template <typename T>
std::vector<T> Arguments(bool gelu) {
  const T end = sizeof(T) == 4 ? T(87) : gelu ? T(37) : T(700);
  std::vector<T> all;
  for (T x = T(1e-9); x < T(0.01); x *= T(1.5)) all.push_back(x);
  for (T x = T(0.01); x < end; x += x < 50 ? T(0.03) : T(0.7)) all.push_back(x);
  const size_t n = all.size();
  for (size_t i = 0; i < n; ++i) all.push_back(-all[i]);
  return all;
}

template <typename T>
void CheckElementary() {
  for (int i = 0; i < static_cast<int>(Function::kCount); ++i) {
    CAPTURE(std::string(kFunctionNames[i]));
    for (const T x : Arguments<T>(static_cast<Function>(i) == Function::kGelu)) {
      const std::vector<T> in(kLength, x);
      std::vector<T> y(kLength);
      const bool underflows = Underflows([&] {
        ActiveKernels<T>().map(static_cast<Function>(i), in.data(), y.data(), kLength);
      });
      if (underflows && IsNormalOrZero(y[0])) FAIL_CHECK(x);
    }
  }
}

template <typename T>
void CheckActivations() {
  for (int i = 0; i < static_cast<int>(Activation::kSoftmax); ++i) {
    const auto activation = static_cast<Activation>(i);
    CAPTURE(std::string(kActivationNames[i]));
    for (const T x : Arguments<T>(activation == Activation::kGelu)) {
      const AlignedBuffer<T> in(kLength), y(kLength), derivative(kLength);
      for (size_t j = 0; j < kLength; ++j) in.data()[j] = x;
      const bool underflows = Underflows([&] {
        ActiveKernels<T>().activate(activation, {y.data(), kLength},
                                    {derivative.data(), kLength}, {in.data(), kLength},
                                    1, kLength);
      });
      if (underflows && IsNormalOrZero(y.data()[0]) &&
          IsNormalOrZero(derivative.data()[0])) {
        FAIL_CHECK(x);
      }
    }
  }
}

// A hidden layer of one unit, z = x: phi and phi' of all activations, but 0 where they
// go to 0 with e^z and would be subnormal.
template <typename T>
void CheckHidden() {
  constexpr T kLeast = sizeof(T) == 4 ? -87 : -708;
  std::vector<T> x;
  for (T z = -3000; z < 3000; z += std::fabs(z) < 130 ? T(0.31) : T(7.3))
    x.push_back(z);
  const auto rows = static_cast<ptrdiff_t>(x.size());
  const PackedLayer<T> layer({T(1), T(0)}, 1, 1);
  const Framed<T> in(x, rows, 1), y(rows, 1), slope(rows, 1);
  std::vector<T> phi(x.size()), derivative(x.size());
  for (int i = 0; i < static_cast<int>(Activation::kSoftmax); ++i) {
    const auto activation = static_cast<Activation>(i);
    CAPTURE(std::string(kActivationNames[i]));
    ActiveKernels<T>().activate(activation, {phi.data(), rows},
                                {derivative.data(), rows}, {x.data(), rows}, 1, rows);
    DenseArgs<T> args;
    args.y = y.rows();
    args.derivative = slope.rows();
    args.x = in.rows();
    args.panels = layer.arena.data();
    args.rows = rows;
    args.n_in = args.n_out = args.col_end = 1;
    args.activation = activation;
    args.hidden = true;
    const bool underflows = Underflows([&] { ActiveKernels<T>().dense(args); });
    // (gelu in float64 has its own range.)
    if (sizeof(T) == 4 && ActiveIsaHasFma()) CHECK_FALSE(underflows);
    const bool vanishes =
        activation == Activation::kSigmoid || activation == Activation::kSilu ||
        activation == Activation::kMish || activation == Activation::kSoftplus ||
        activation == Activation::kExp;
    for (size_t j = 0; vanishes && j < x.size(); ++j) {
      if (x[j] < kLeast) phi[j] = derivative[j] = 0;
    }
    CHECK(FirstDifference(y.Dense(), phi) == -1);
    if (!DerivativeFromOutput(activation)) {
      CHECK(FirstDifference(slope.Dense(), derivative) == -1);
    }
  }
}

// Rows with one logit of `gap` beside zeros, whose label is that one or another; the
// target as a label, or as a distribution; a training's, with weights and without.
template <typename T>
void CheckLoss(bool softmax, ptrdiff_t n, T gap) {
  constexpr ptrdiff_t kRows = 20;
  const auto size = static_cast<size_t>(kRows * n);
  std::vector<T> z(size), gradient(size), row_loss(kRows), weights(kRows, T(0.3));
  for (size_t i = 0; i < size; i += static_cast<size_t>(n)) z[i] = gap;
  for (int label = 0; label < 2; ++label) {
    const std::vector<int32_t> labels(kRows, label);
    std::vector<T> targets(size);
    for (size_t i = 0; i < size; i += static_cast<size_t>(n)) {
      if (n == 1) {
        targets[i] = T(label);
      } else {
        targets[i + static_cast<size_t>(label)] = n > 2 ? T(0.5) : T(1);
        if (n > 2) targets[i + 2] = T(0.5);  // no one-hot rows
      }
    }
    for (int form = 0; form < 4; ++form) {
      LossArgs<T> args;
      args.row_loss = row_loss.data();
      args.gradient = {gradient.data(), n};
      args.z = {z.data(), n};
      if (softmax && form % 2 == 0) {
        args.targets.labels = labels.data();
      } else {
        args.targets.values = targets.data();
        args.targets.value_stride = n;
      }
      args.row_weight = form < 2 ? nullptr : weights.data();
      args.scale = T(1) / kRows;
      args.rows = kRows;
      args.n_out = n;
      args.softmax = softmax;
      args.drops_tiny = true;
      CAPTURE(n);
      CAPTURE(gap);
      CAPTURE(label);
      CAPTURE(form);
      CHECK_FALSE(Underflows([&] { ActiveKernels<T>().loss(args); }));
    }
  }
}

template <typename T>
void CheckLosses() {
  // In float64 nothing is dropped: e^-700 is normal still.
  for (T gap = 1; gap < (sizeof(T) == 4 ? 300 : 690); gap += T(0.7)) {
    for (const ptrdiff_t n : {2, 3, 10, 130}) CheckLoss<T>(true, n, gap);
    CheckLoss<T>(false, 1, gap);
    CheckLoss<T>(false, 1, -gap);
  }
}

}  // namespace

TEST_SUITE("underflow") {
  TEST_CASE("not in elementary functions with normal results") {
    OnEveryIsa([] {
      if (!ActiveIsaHasFma()) return;  // products of their own underflow first
      CheckElementary<float>();
      CheckElementary<double>();
    });
  }

  TEST_CASE("nor in activations") {
    OnEveryIsa([] {
      if (!ActiveIsaHasFma()) return;
      CheckActivations<float>();
      CheckActivations<double>();
    });
  }

  TEST_CASE("nor in a hidden layer, whatever the fields") {
    OnEveryIsa([] {
      CheckHidden<float>();
      CheckHidden<double>();
    });
  }

  TEST_CASE("nor in the losses of a training, however sure the network is") {
    OnEveryIsa([] {
      CheckLosses<float>();
      CheckLosses<double>();
    });
  }
}

}  // namespace mlpcore::testing
