// Activations inside a dense layer are elementwise maps of z, whatever else is stored;
// and phi' is the derivative of phi.
#include "mlpcore/function.h"
#include "reference_functions.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

std::vector<Activation> AllActivations() {
  std::vector<Activation> all;
  for (int a = 0; a < static_cast<int>(Activation::kCount); ++a) {
    all.push_back(static_cast<Activation>(a));
  }
  return all;
}

template <typename T>
std::vector<T> MapOf(Function f, const std::vector<T>& z) {
  std::vector<T> y(z.size());
  ActiveKernels<T>().map(f, z.data(), y.data(), static_cast<ptrdiff_t>(z.size()));
  return y;
}

// phi(z) by its definition over the elementary functions of the same table.
template <typename T>
std::vector<T> Phi(Activation a, const std::vector<T>& z) {
  const auto piecewise = [&](const std::vector<T>& negative, T negative_scale,
                             T scale) {
    std::vector<T> y(z.size());
    for (size_t i = 0; i < z.size(); ++i) {
      y[i] = z[i] < 0 ? negative[i] * negative_scale : z[i] * scale;
    }
    return y;
  };
  switch (a) {
    case Activation::kSigmoid:
      return MapOf(Function::kSigmoid, z);
    case Activation::kTanh:
      return MapOf(Function::kTanh, z);
    case Activation::kGelu:
      return MapOf(Function::kGelu, z);
    case Activation::kSilu:
      return MapOf(Function::kSilu, z);
    case Activation::kMish:
      return MapOf(Function::kMish, z);
    case Activation::kSoftplus:
      return MapOf(Function::kSoftplus, z);
    case Activation::kExp:
      return MapOf(Function::kExp, z);
    case Activation::kRelu:
      return piecewise(std::vector<T>(z.size()), 1, 1);
    case Activation::kLeakyRelu:
      return piecewise(z, static_cast<T>(0.01), 1);
    case Activation::kElu:
      return piecewise(MapOf(Function::kExpm1, z), 1, 1);
    case Activation::kSelu:
      return piecewise(MapOf(Function::kExpm1, z),
                       static_cast<T>(1.0507009873554804934 * 1.6732632423543772848),
                       static_cast<T>(1.0507009873554804934));
    default:
      return z;  // identity; softmax is a row's affair
  }
}

// phi' from y where it is a function of y, in T's arithmetic.
template <typename T>
T SlopeFromOutput(Activation a, T y) {
  switch (a) {
    case Activation::kSigmoid:
      return y * (1 - y);
    case Activation::kTanh:
      return (1 - y) * (1 + y);
    case Activation::kRelu:
      return y > 0 ? T(1) : T(0);
    case Activation::kLeakyRelu:
      return y > 0 ? T(1) : static_cast<T>(0.01);
    case Activation::kElu:
      return y < 0 ? y + 1 : T(1);
    case Activation::kSelu:
      return y < 0 ? y + static_cast<T>(1.0507009873554804934 * 1.6732632423543772848)
                   : static_cast<T>(1.0507009873554804934);
    case Activation::kExp:
      return y;
    default:
      return 1;
  }
}

Function FunctionOf(Activation a) {
  switch (a) {
    case Activation::kGelu:
      return Function::kGelu;
    case Activation::kSilu:
      return Function::kSilu;
    case Activation::kMish:
      return Function::kMish;
    default:
      return Function::kSoftplus;
  }
}

template <typename T>
void CheckInDense(Activation phi, ptrdiff_t rows, ptrdiff_t n_out) {
  constexpr ptrdiff_t kIn = 20;
  const std::vector<T> x = NoiseVector<T>(static_cast<size_t>(rows * kIn), 31, T(4));
  const PackedLayer<T> layer(NoiseVector<T>(static_cast<size_t>((kIn + 1) * n_out), 32),
                             kIn, n_out);
  const Framed<T> in(x, rows, kIn);
  const Framed<T> y(rows, n_out, 1, 3), z(rows, n_out, 2, 1), slope(rows, n_out, 5, 2);
  DenseArgs<T> args;
  args.y = z.rows();
  args.x = in.rows();
  args.panels = layer.arena.data();
  args.rows = rows;
  args.n_in = kIn;
  args.n_out = n_out;
  args.col_end = n_out;
  ActiveKernels<T>().dense(args);
  const std::vector<T> field = z.Dense();
  const std::vector<T> value = Phi(phi, field);

  args.activation = phi;
  for (int outputs = 0; outputs < 4; ++outputs) {  // 1: z, 2: derivative
    CAPTURE(outputs);
    args.y = y.rows();
    args.z = outputs & 1 ? z.rows() : Rows<T>{};
    args.derivative = outputs & 2 ? slope.rows() : Rows<T>{};
    std::fill_n(y.rows().data, rows * y.rows().stride, Canary<T>());
    std::fill_n(slope.rows().data, rows * slope.rows().stride, Canary<T>());
    if (outputs & 1) std::fill_n(z.rows().data, rows * z.rows().stride, Canary<T>());
    ActiveKernels<T>().dense(args);
    CHECK(FirstDifference(y.Dense(), value) == -1);
    CHECK(FirstDifference(z.Dense(), field) == -1);
    if (outputs & 2) {
      const std::vector<T> got = slope.Dense();
      size_t wrong = 0;
      for (size_t i = 0; i < got.size(); ++i) {
        if (DerivativeFromOutput(phi)) {
          wrong += !SameBits(got[i], SlopeFromOutput(phi, value[i]));
        } else {
          // All of these slopes lie in [-0.13, 1.13].
          const long double exact = ReferenceDerivative<long double>(
              FunctionOf(phi), static_cast<long double>(field[i]));
          wrong += !(std::fabs(static_cast<long double>(got[i]) - exact) <=
                     8 * std::numeric_limits<T>::epsilon());
        }
      }
      CHECK(wrong == 0);
    }
    CHECK(y.FrameIsIntact());
    CHECK(z.FrameIsIntact());
    CHECK(slope.FrameIsIntact());
  }
  // z may be y.
  args.z = args.y;
  args.derivative = {};
  ActiveKernels<T>().dense(args);
  CHECK(FirstDifference(y.Dense(), value) == -1);
}

}  // namespace

TEST_SUITE("activation") {
  TEST_CASE_TEMPLATE("in a dense layer", T, float, double) {
    OnEveryIsa([] {
      for (const Activation phi : AllActivations()) {
        CAPTURE(kActivationNames[static_cast<int>(phi)]);
        for (const ptrdiff_t rows : {1, 3, 6, 13, 25}) {
          for (const ptrdiff_t n_out : {1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 65}) {
            CAPTURE(rows);
            CAPTURE(n_out);
            CheckInDense<T>(phi, rows, n_out);
          }
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("alone, in place, and its gradient", T, float, double) {
    OnEveryIsa([] {
      const KernelTable<T>& kernels = ActiveKernels<T>();
      for (const Activation phi : AllActivations()) {
        CAPTURE(kActivationNames[static_cast<int>(phi)]);
        for (const ptrdiff_t n : {1, 3, 7, 8, 9, 15, 16, 17, 33}) {
          CAPTURE(n);
          constexpr ptrdiff_t kRows = 3;
          const size_t size = static_cast<size_t>(kRows * n);
          const std::vector<T> field = NoiseVector<T>(size, 33, T(9));
          const std::vector<T> dy = NoiseVector<T>(size, 34);
          const std::vector<T> value = Phi(phi, field);
          const Framed<T> y(field, kRows, n, 1, 1), slope(kRows, n, 2, 3);
          kernels.activate(phi, y.rows(), slope.rows(), y.rows(), kRows, n);
          CHECK(FirstDifference(y.Dense(), value) == -1);

          const Framed<T> dz(dy, kRows, n, 3, 2);
          std::vector<T> expected = slope.Dense();
          for (size_t i = 0; i < size; ++i) expected[i] *= dy[i];
          kernels.activation_gradient(phi, dz.rows(), dz.rows(), {}, slope.rows(),
                                      kRows, n);
          CHECK(FirstDifference(dz.Dense(), expected) == -1);
          if (DerivativeFromOutput(phi)) {
            const Framed<T> again(dy, kRows, n, 3, 2);
            kernels.activation_gradient(phi, again.rows(), again.rows(), y.rows(), {},
                                        kRows, n);
            CHECK(FirstDifference(again.Dense(), expected) == -1);
          }
          CHECK(dz.FrameIsIntact());
          CHECK(y.FrameIsIntact());
          CHECK(slope.FrameIsIntact());
        }
      }
    });
  }

  // A NaN must come through every activation: a network that has diverged says so.
  TEST_CASE_TEMPLATE("NaN stays NaN", T, float, double) {
    OnEveryIsa([] {
      for (const Activation phi : AllActivations()) {
        CAPTURE(kActivationNames[static_cast<int>(phi)]);
        T y[5] = {0, 1, std::numeric_limits<T>::quiet_NaN(), 2, 3}, slope[5];
        ActiveKernels<T>().activate(phi, {y, 5}, {slope, 5}, {y, 5}, 1, 5);
        CHECK(std::isnan(y[2]));
        CHECK(std::isfinite(y[1]));
        CHECK(std::isfinite(y[3]));
        if (!DerivativeFromOutput(phi)) CHECK(std::isnan(slope[2]));
      }
    });
  }
}

}  // namespace mlpcore::testing
