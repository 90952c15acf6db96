// Layers sideways: the oracle's bits, as upright.
#include "network_case.h"
#include "oracle.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

// y of a layer, by way of groups, into a frame.
template <typename T>
void RunSideways(const Framed<T>& y, const Framed<T>& x, const PackedLayer<T>& layer,
                 ptrdiff_t groups, Activation activation, bool softmax = false) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const ptrdiff_t rows = groups * kernels.group_rows;
  SidewaysArgs<T> args;
  args.n_in = layer.layout[0].n_in;
  args.n_out = layer.layout[0].n_out;
  std::vector<T> x_groups(static_cast<size_t>(rows * args.n_in));
  std::vector<T> y_groups(static_cast<size_t>(rows * args.n_out));
  kernels.rows_to_groups(x_groups.data(), x.rows(), groups, args.n_in);
  args.y = y_groups.data();
  args.x = x_groups.data();
  args.panels = layer.arena.data();
  args.groups = groups;
  args.activation = activation;
  kernels.dense_sideways(args);
  kernels.groups_to_rows(y.rows(), y_groups.data(), groups, args.n_out, softmax);
}

// The rows' functions, one after the other.
template <typename T>
std::vector<T> Upright(Activation activation, bool softmax, std::vector<T> z,
                       ptrdiff_t rows, ptrdiff_t n) {
  const Rows<T> all{z.data(), n};
  const KernelTable<T>& kernels = ActiveKernels<T>();
  kernels.activate(activation, all, {}, all, rows, n);
  if (softmax) kernels.softmax(all, all, rows, n, false);
  return z;
}

template <typename T>
void CheckAgainstOracle(const std::vector<T>& x, const std::vector<T>& w_then_b,
                        ptrdiff_t most_rows, ptrdiff_t n_in, ptrdiff_t n_out) {
  const PackedLayer<T> layer(w_then_b, n_in, n_out);
  const std::vector<T> fused = OracleDense(true, x, w_then_b, most_rows, n_in, n_out);
  const std::vector<T> unfused =
      OracleDense(false, x, w_then_b, most_rows, n_in, n_out);
  OnEveryIsa([&] {
    const std::vector<T>& z = ActiveIsaHasFma() ? fused : unfused;
    const ptrdiff_t group_rows = ActiveKernels<T>().group_rows;
    for (ptrdiff_t groups = 1; groups * group_rows <= most_rows; ++groups) {
      CAPTURE(groups);
      const ptrdiff_t rows = groups * group_rows;
      const size_t n = static_cast<size_t>(rows * n_out);
      const std::vector<T> field(z.begin(), z.begin() + static_cast<ptrdiff_t>(n));
      const Framed<T> in(x, rows, n_in, groups % 4, groups % 7);
      const Framed<T> out(rows, n_out, groups % 3, groups % 5);
      const auto check = [&](Activation phi, bool softmax) {
        RunSideways(out, in, layer, groups, phi, softmax);
        CHECK(FirstDifference(out.Dense(), Upright(phi, softmax, field, rows, n_out)) ==
              -1);
        CHECK(out.FrameIsIntact());
      };
      check(Activation::kIdentity, false);
      check(Activation::kRelu, false);
      check(Activation::kTanh, false);
      check(Activation::kSoftmax, true);
    }
  });
}

constexpr ptrdiff_t kMostRows = 64;  // two groups of float on AVX-512

}  // namespace

TEST_SUITE("sideways") {
  TEST_CASE_TEMPLATE("a layer has the oracle's bits", T, float, double) {
    for (const ptrdiff_t n_in : {1, 3, 4, 6, 17, 256, 257, 600}) {
      const std::vector<T> x = NoiseVector<T>(static_cast<size_t>(kMostRows * n_in), 1);
      // More than 96 outputs are too many for softmax in the lanes.
      for (const ptrdiff_t n_out : {1, 2, 3, 5, 8, 9, 13, 16, 31, 100}) {
        CAPTURE(n_in);
        CAPTURE(n_out);
        CheckAgainstOracle(x,
                           NoiseVector<T>(static_cast<size_t>((n_in + 1) * n_out), 2),
                           kMostRows, n_in, n_out);
      }
    }
  }

  TEST_CASE_TEMPLATE("NaN, infinities, -0 and extremes go where arithmetic sends them",
                     T, float, double) {
    using Limits = std::numeric_limits<T>;
    constexpr ptrdiff_t kIn = 5, kOut = 3;
    std::vector<T> x = NoiseVector<T>(kMostRows * kIn, 3);
    size_t i = 0;
    for (const T special :
         {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), T(-0.0),
          Limits::max(), Limits::denorm_min()}) {
      x[7 * i++] = special;
    }
    std::vector<T> w = NoiseVector<T>((kIn + 1) * kOut, 4);
    w[kIn * kOut] = T(-0.0);  // a bias, of a column of zeros
    for (ptrdiff_t k = 0; k < kIn; ++k) w[static_cast<size_t>(k * kOut)] = T(-0.0);
    CheckAgainstOracle(x, w, kMostRows, kIn, kOut);
  }

  // Small networks, which are computed so, beside their rows one by one.
  TEST_CASE_TEMPLATE("predictions of many rows are those of each", T, float, double) {
    const Restore restore;
    for (const std::vector<ptrdiff_t>& sizes : {std::vector<ptrdiff_t>{4, 16, 16, 3},
                                                {24, 8, 2},
                                                {37, 101, 53, 7},
                                                {300, 3, 1},
                                                {3, 20, 100}}) {
      const NetworkSpec spec =
          SpecOf(sizes, Activation::kGelu, Activation::kSoftmax, Loss::kLogLoss);
      const auto network = MakeNetwork<T>(spec);
      const DataSet<T> data(spec, 500);
      OnEveryIsa([&] {
        std::vector<T> one_by_one;
        for (ptrdiff_t i = 0; i < 500; ++i) {
          const auto y = Predict(*network, data.x.data() + i * spec.n_in(), 1);
          one_by_one.insert(one_by_one.end(), y.begin(), y.end());
        }
        for (const int threads : {1, 2, 8}) {
          SetNumThreads(threads);
          for (const ptrdiff_t rows : {15, 16, 31, 32, 33, 97, 500}) {
            CAPTURE(threads);
            CAPTURE(rows);
            const std::vector<T> y = Predict(*network, data.x.data(), rows);
            CHECK(FirstDifference(y.data(), one_by_one.data(), y.size()) == -1);
          }
        }
      });
    }
  }
}

}  // namespace mlpcore::testing
