// The gradient of a batch: composed of the kernels, equal to differences of the loss,
// the same bits for every number of threads and however the rows are given.
#include "mlpcore/gradient.h"

#include <atomic>
#include <cmath>
#include <limits>
#include <numeric>

#include "loss_run.h"
#include "mlpcore/ops.h"
#include "network_case.h"

namespace mlpcore::testing {
namespace {

template <typename T>
std::vector<T> GradientOf(GradientEngine<T>& engine, const Network<T>& network,
                          const Batch<T>& batch, GradientOptions options = {}) {
  options.threads = GetNumThreads();  // however small the batch
  CHECK(engine.Compute(batch, options));
  std::vector<T> flat(network.n_parameters());
  engine.CopyGradient(flat.data());
  return flat;
}
template <typename T>
std::vector<T> GradientOf(const std::shared_ptr<Network<T>>& network,
                          const Batch<T>& batch, const GradientOptions& options = {}) {
  GradientEngine<T> engine(network);
  return GradientOf(engine, *network, batch, options);
}

// With its padding, as it lies.
template <typename T>
std::vector<T> ArenaOf(GradientEngine<T>& engine, const Network<T>& network) {
  return {engine.gradient(), engine.gradient() + network.arena_size()};
}

// The same from ops, layer by layer, a chunk of rows at a time: chunks and blocks must
// fall in the same places.
template <typename T>
std::vector<T> GradientByOps(const Network<T>& network, const DataSet<T>& data,
                             ptrdiff_t rows, ptrdiff_t chunk_rows) {
  const NetworkSpec& spec = network.spec();
  const std::vector<T> flat = ParametersOf(network);
  const size_t n_layers = spec.activations.size();
  std::vector<std::vector<T>> y{
      std::vector<T>(data.x.begin(), data.x.begin() + rows * spec.n_in())};
  std::vector<const T*> w;
  const T* at = flat.data();
  for (size_t l = 0; l < n_layers; ++l) {
    const ptrdiff_t n_in = spec.layer_sizes[l], n_out = spec.layer_sizes[l + 1];
    w.push_back(at);
    y.emplace_back(static_cast<size_t>(rows * n_out));
    ops::Dense(y[l + 1].data(), y[l].data(), at, at + n_in * n_out,
               l + 1 < n_layers ? spec.activations[l] : Activation::kIdentity, rows,
               n_in, n_out);
    at += (n_in + 1) * n_out;
  }
  LossRun<T> loss;
  loss.z = y.back();
  loss.rows = rows;
  loss.n = spec.n_out();
  loss.softmax = true;
  loss.labels.assign(data.labels.begin(), data.labels.begin() + rows);
  loss.scale = static_cast<T>(1 / static_cast<double>(rows));
  loss.Run();

  std::vector<T> gradient(flat.size());
  std::vector<T> dy = loss.gradient;
  for (size_t l = n_layers; l-- > 0;) {
    const ptrdiff_t n_in = spec.layer_sizes[l], n_out = spec.layer_sizes[l + 1];
    std::vector<T> dx(static_cast<size_t>(rows * n_in));
    const size_t n_weights = static_cast<size_t>((n_in + 1) * n_out);
    T* sum = gradient.data() + (w[l] - flat.data());
    for (ptrdiff_t row = 0; row < rows; row += chunk_rows) {
      std::vector<T> dw(n_weights);
      ops::DenseBackward<T>(
          dx.data() + row * n_in, dw.data(), dw.data() + n_in * n_out,
          dy.data() + row * n_out, y[l].data() + row * n_in, w[l],
          y[l + 1].data() + row * n_out, nullptr,
          l + 1 < n_layers ? spec.activations[l] : Activation::kIdentity,
          std::min(chunk_rows, rows - row), n_in, n_out);
      for (size_t i = 0; i < n_weights; ++i) sum[i] = row == 0 ? dw[i] : sum[i] + dw[i];
    }
    dy = dx;
  }
  return gradient;
}

double MeanLoss(const Network<double>& network, const DataSet<double>& data) {
  const Evaluation sums =
      network.Evaluate({data.x.data(), data.n_in}, data.targets(),
                       data.weights.empty() ? nullptr : data.weights.data(), data.rows);
  return sums.loss / sums.weight;
}

// loss() against the gradient, by central differences in some of the parameters.
template <typename LossOf>
void CheckDifferences(Network<double>& network, const std::vector<double>& gradient,
                      const LossOf& loss) {
  constexpr double kStep = 1e-5;
  const std::vector<double> flat = ParametersOf(network);
  double norm = 0;
  for (const double g : gradient) norm = std::max(norm, std::fabs(g));
  REQUIRE(norm > 1e-4);
  for (size_t i = 0; i < flat.size(); i += 1 + flat.size() / 60) {
    CAPTURE(i);
    std::vector<double> moved = flat;
    moved[i] = flat[i] + kStep;
    network.SetParameters(moved.data());
    const double more = loss();
    moved[i] = flat[i] - kStep;
    network.SetParameters(moved.data());
    const double less = loss();
    // The differences' own errors: kStep^2 of curvature, 1e-16 / kStep of rounding.
    CHECK(std::fabs((more - less) / (2 * kStep) - gradient[i]) < 1e-8 * (1 + norm));
  }
  network.SetParameters(flat.data());
}

struct LossCase {
  Loss loss;
  Activation output;
};
constexpr LossCase kLossCases[] = {{Loss::kLogLoss, Activation::kSoftmax},
                                   {Loss::kLogLoss, Activation::kSigmoid},
                                   {Loss::kSquaredError, Activation::kIdentity},
                                   {Loss::kSquaredError, Activation::kTanh},
                                   {Loss::kEuclidean, Activation::kIdentity},
                                   {Loss::kPoisson, Activation::kExp},
                                   {Loss::kPoisson, Activation::kSoftplus},
                                   {Loss::kPoisson, Activation::kSigmoid},
                                   {Loss::kHuber, Activation::kMish}};

}  // namespace

TEST_SUITE("gradient") {
  TEST_CASE_TEMPLATE("the kernels composed, at every boundary of chunk and group", T,
                     float, double) {
    struct Cut {
      std::vector<ptrdiff_t> layer_sizes;
      ptrdiff_t rows, chunk_rows;
    };
    const std::vector<ptrdiff_t> light{37, 50, 20, 7};
    for (const Cut& cut : {
             Cut{light, 1, 256},
             Cut{light, 2, 256},
             Cut{light, 63, 256},  // little work, few rows: nothing to cut for
             Cut{light, 255, 128},
             Cut{light, 256, 128},
             Cut{light, 257, 132},
             Cut{light, 511, 256},
             Cut{light, 512, 256},
             Cut{light, 513, 132},
             Cut{light, 700, 176},
             Cut{light, 1537, 196},
             Cut{{200, 160, 10}, 60, 256},  // few rows
             Cut{{784, 128, 10}, 64, 256},  // more weights than rows leave behind
             Cut{{784, 128, 10}, 300, 152},
         }) {
      CAPTURE(cut.rows);
      const NetworkSpec spec = SpecOf(cut.layer_sizes, Activation::kTanh,
                                      Activation::kSoftmax, Loss::kLogLoss);
      const auto network = MakeNetwork<T>(spec);
      const DataSet<T> data(spec, cut.rows);
      SameOnEveryIsaAndThreads([&] {
        const std::vector<T> gradient = GradientOf(network, data.batch(cut.rows));
        const std::vector<T> wanted =
            GradientByOps(*network, data, cut.rows, cut.chunk_rows);
        CHECK(FirstDifference(gradient, wanted) == -1);
        return gradient;
      });
    }
  }

  TEST_CASE_TEMPLATE("rows through an order are rows in place", T, float, double) {
    const NetworkSpec softmax =
        SpecOf({30, 40, 9}, Activation::kGelu, Activation::kSoftmax, Loss::kLogLoss);
    const NetworkSpec squares = SpecOf({30, 40, 9}, Activation::kSilu,
                                       Activation::kIdentity, Loss::kSquaredError);
    for (const NetworkSpec& spec : {softmax, squares}) {
      const auto network = MakeNetwork<T>(spec);
      DataSet<T> data(spec, 700);
      data.weights = NoiseVector<T>(700, 5);
      for (T& weight : data.weights) weight = std::fabs(weight);
      // A permuted copy of the data, and the order that finds it in the original.
      std::vector<int64_t> order(700);
      for (size_t i = 0; i < 700; ++i) order[i] = static_cast<int64_t>(i * 311 % 700);
      DataSet<T> permuted = data;
      for (size_t i = 0; i < 700; ++i) {
        const size_t from = static_cast<size_t>(order[i]);
        std::copy_n(data.x.data() + from * 30, 30, permuted.x.data() + i * 30);
        if (!data.labels.empty()) permuted.labels[i] = data.labels[from];
        if (!data.values.empty()) {
          std::copy_n(data.values.data() + from * 9, 9, permuted.values.data() + i * 9);
        }
        permuted.weights[i] = data.weights[from];
      }
      for (const ptrdiff_t rows : {1, 100, 256, 257, 700}) {
        CAPTURE(rows);
        Batch<T> gathered = data.batch(rows);
        gathered.order = order.data();
        SameOnEveryIsaAndThreads([&] {
          const std::vector<T> in_place = GradientOf(network, permuted.batch(rows));
          CHECK(FirstDifference(GradientOf(network, gathered), in_place) == -1);
          return in_place;
        });
      }
    }
  }

  TEST_CASE("differences of the loss, for every activation and loss") {
    std::vector<Activation> smooth;
    for (int a = 0; a < static_cast<int>(Activation::kSoftmax); ++a) {
      smooth.push_back(static_cast<Activation>(a));
    }
    for (const Activation hidden : smooth) {
      for (const LossCase& c : kLossCases) {
        CAPTURE(kActivationNames[static_cast<int>(hidden)]);
        CAPTURE(kActivationNames[static_cast<int>(c.output)]);
        CAPTURE(kLossNames[static_cast<int>(c.loss)]);
        const NetworkSpec spec = SpecOf({5, 9, 6, 4}, hidden, c.output, c.loss);
        const auto network = MakeNetwork<double>(spec, 3);
        DataSet<double> data(spec, 11, 4);
        data.weights = {1, 2, 0, 0.5, 1, 1, 3, 1, 0.25, 1, 1};
        const std::vector<double> gradient = GradientOf(network, data.batch());
        CheckDifferences(*network, gradient, [&] { return MeanLoss(*network, data); });
      }
    }
  }

  TEST_CASE("differences under a dropout mask, with label smoothing") {
    NetworkSpec spec = SpecOf({5, 30, 20, 4}, Activation::kGelu, Activation::kSoftmax,
                              Loss::kLogLoss, 0.4);
    spec.activations[1] = Activation::kTanh;
    const auto network = MakeNetwork<double>(spec, 3);
    const DataSet<double> data(spec, 40, 4);
    GradientOptions options;
    options.dropout = true;
    options.seed = 5;
    options.step = 17;
    options.label_smoothing = 0.2;
    GradientEngine<double> engine(network);
    const std::vector<double> gradient =
        GradientOf(engine, *network, data.batch(), options);
    CheckDifferences(*network, gradient, [&] {
      engine.Compute(data.batch(), options);
      return engine.result().loss / engine.result().weight;
    });
    // Another step is another mask; without dropout there is none.
    options.step = 18;
    CHECK(GradientOf(engine, *network, data.batch(), options) != gradient);
  }

  TEST_CASE_TEMPLATE("dropout masks depend on no thread", T, float, double) {
    const NetworkSpec spec = SpecOf({30, 64, 64, 5}, Activation::kRelu,
                                    Activation::kSoftmax, Loss::kLogLoss, 0.5);
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 600);
    GradientOptions options;
    options.dropout = true;
    options.seed = 9;
    SameOnEveryIsaAndThreads(
        [&] { return GradientOf(network, data.batch(), options); });
  }

  TEST_CASE_TEMPLATE("an engine keeps nothing from call to call", T, float, double) {
    const NetworkSpec spec = SpecOf({8, 40, 40, 5}, Activation::kTanh,
                                    Activation::kSoftmax, Loss::kLogLoss, 0.5);
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 300);
    GradientOptions with_dropout;
    with_dropout.dropout = true;
    OnEveryIsa([&] {
      GradientEngine<T> engine(network);
      const std::vector<T> plain = GradientOf(network, data.batch());
      const std::vector<T> masked = GradientOf(network, data.batch(), with_dropout);
      CHECK(FirstDifference(GradientOf(engine, *network, data.batch()), plain) == -1);
      CHECK(FirstDifference(GradientOf(engine, *network, data.batch(), with_dropout),
                            masked) == -1);
      CHECK(FirstDifference(GradientOf(engine, *network, data.batch()), plain) == -1);
      CHECK(FirstDifference(GradientOf(engine, *network, data.batch(3)),
                            GradientOf(network, data.batch(3))) == -1);
      // Changed parameters reach W^T.
      const std::vector<T> before = ParametersOf(*network);
      network->SetParameters(RandomParameters<T>(spec, 77).data());
      CHECK(FirstDifference(GradientOf(engine, *network, data.batch()),
                            GradientOf(network, data.batch())) == -1);
      network->SetParameters(before.data());
      CHECK(FirstDifference(GradientOf(engine, *network, data.batch()), plain) == -1);
    });
  }

  TEST_CASE_TEMPLATE("rows of weight 0 count for nothing", T, float, double) {
    const NetworkSpec spec = SpecOf({6, 20, 3}, Activation::kRelu,
                                    Activation::kIdentity, Loss::kSquaredError);
    const auto network = MakeNetwork<T>(spec);
    OnEveryIsa([&] {
      DataSet<T> data(spec, 20);
      data.weights.assign(20, 1);
      data.weights[4] = 0;
      const std::vector<T> gradient = GradientOf(network, data.batch());
      data.values[4 * 3] = 1000;
      CHECK(FirstDifference(GradientOf(network, data.batch()), gradient) == -1);
    });
  }

  TEST_CASE_TEMPLATE("the number of threads is chosen, and changes no bit", T, float,
                     double) {
    const NetworkSpec spec =
        SpecOf({64, 128, 10}, Activation::kTanh, Activation::kSoftmax, Loss::kLogLoss);
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 700);
    const Restore restore;
    SetNumThreads(4);
    CheckTeamIsUsed(3 * network->multiply_adds() * 700);
    GradientEngine<T> engine(network);
    REQUIRE(engine.Compute(data.batch(), {}));
    std::vector<T> gradient(network->n_parameters());
    engine.CopyGradient(gradient.data());
    CHECK(FirstDifference(GradientOf(network, data.batch()), gradient) == -1);
  }

  // Chunks of rows that each thread takes through all of a step, and that whoever is
  // done first helps with.
  TEST_CASE_TEMPLATE("however many share a chunk, it changes no bit", T, float,
                     double) {
    const NetworkSpec spec = SpecOf({28, 100, 40, 2}, Activation::kRelu,
                                    Activation::kSoftmax, Loss::kLogLoss);
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 1500);
    const Restore restore;
    for (const ptrdiff_t rows : {200, 997, 1500}) {
      Batch<T> batch = data.batch();
      batch.rows = rows;
      GradientOptions alone;
      alone.threads = 1;
      GradientEngine<T> engine(network);
      REQUIRE(engine.Compute(batch, alone));
      const std::vector<T> wanted = ArenaOf(engine, *network);
      const Evaluation evaluation = engine.result();
      for (const int threads : {2, 3, 8}) {
        SetNumThreads(threads);
        GradientOptions options;
        options.threads = threads;
        for (int repeat = 0; repeat < 50; ++repeat) {
          CAPTURE(rows);
          CAPTURE(threads);
          REQUIRE(engine.Compute(batch, options));
          REQUIRE(FirstDifference(wanted, ArenaOf(engine, *network)) == -1);
          REQUIRE(engine.result().loss == evaluation.loss);
          REQUIRE(engine.result().correct == evaluation.correct);
        }
      }
    }
  }

  TEST_CASE_TEMPLATE("part by part it is the same", T, float, double) {
    const NetworkSpec spec = SpecOf({300, 70, 40, 5}, Activation::kTanh,
                                    Activation::kSoftmax, Loss::kLogLoss);
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 700);
    const Restore restore;
    for (const int threads : {1, 2, 3}) {
      SetNumThreads(threads);
      // In one go, and in groups of rows.
      for (const ptrdiff_t rows : {200, 700}) {
        CAPTURE(threads);
        CAPTURE(rows);
        Batch<T> batch = data.batch();
        batch.rows = rows;
        GradientOptions options;
        options.threads = threads;
        GradientEngine<T> engine(network), whole(network);
        std::vector<T> taken(network->arena_size(), std::numeric_limits<T>::max());
        const auto take = [&](const Part& part, const PartGradient<T>& gradient) {
          const LayerLayout& layer = network->layout()[static_cast<size_t>(part.layer)];
          for (ptrdiff_t p = 0; p < part.n_panels; ++p) {
            std::copy_n(
                gradient.lines + p * gradient.panel_size, part.n_lines() * kPanel<T>,
                taken.data() + layer.offset + (part.panel + p) * layer.panel_size +
                    part.line() * kPanel<T>);
          }
        };
        REQUIRE(engine.Compute(batch, options, nullptr, take));
        REQUIRE(whole.Compute(batch, options));
        CHECK(FirstDifference(ArenaOf(whole, *network), taken) == -1);
      }
    }
  }

  TEST_CASE_TEMPLATE("no part of a loss that is not finite is used", T, float, double) {
    const Restore restore;
    // The second on several threads with chunks apart.
    for (const std::vector<ptrdiff_t>& sizes :
         {std::vector<ptrdiff_t>{8, 10, 5}, std::vector<ptrdiff_t>{40, 64, 5}}) {
      const NetworkSpec spec =
          SpecOf(sizes, Activation::kTanh, Activation::kSoftmax, Loss::kLogLoss);
      DataSet<T> data(spec, 300);
      *(data.x.end() - 1) = std::numeric_limits<T>::quiet_NaN();  // in the last chunk
      for (const int threads : {1, 2, 3}) {
        CAPTURE(threads);
        SetNumThreads(threads);
        GradientOptions options;
        options.threads = threads;
        GradientEngine<T> engine(MakeNetwork<T>(spec));
        std::atomic<size_t> used{0};
        const auto count = [&](const auto&, const auto&) { ++used; };
        CHECK(engine.Compute(data.batch(), options, nullptr, count));
        CHECK(std::isnan(engine.result().loss));
        CHECK(used == 0);
      }
    }
  }

  TEST_CASE_TEMPLATE("it can be stopped between groups", T, float, double) {
    const NetworkSpec spec =
        SpecOf({8, 10, 5}, Activation::kTanh, Activation::kSoftmax, Loss::kLogLoss);
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 700);
    const Restore restore;
    SetNumThreads(1);
    GradientEngine<T> engine(network);
    int asked = 0;
    size_t used = 0;
    const auto count = [&](const auto&, const auto&) { ++used; };
    CHECK(!engine.Compute(data.batch(), {}, [&] { return ++asked == 2; }, count));
    CHECK(asked == 2);
    CHECK(used == 0);
    CHECK(engine.Compute(data.batch(), {}, [] { return false; }, count));
    CHECK(used == engine.parts().size());
    CHECK(FirstDifference(GradientOf(engine, *network, data.batch()),
                          GradientOf(network, data.batch())) == -1);
  }
}

}  // namespace mlpcore::testing
