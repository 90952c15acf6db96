// Inference: one row has the same bits alone, in any batch, on any number of threads
// and on every instruction set with FMA.
#include "mlpcore/network.h"

#include <algorithm>

#include "caches.h"
#include "loss_run.h"
#include "mlpcore/ops.h"
#include "network_case.h"

namespace mlpcore::testing {
namespace {

// Layer by layer through the kernels' public door.
template <typename T>
std::vector<T> PredictByOps(const NetworkSpec& spec, const std::vector<T>& flat,
                            std::vector<T> x, ptrdiff_t rows) {
  const T* w = flat.data();
  for (size_t l = 0; l < spec.activations.size(); ++l) {
    const ptrdiff_t n_in = spec.layer_sizes[l], n_out = spec.layer_sizes[l + 1];
    std::vector<T> y(static_cast<size_t>(rows * n_out));
    ops::Dense(y.data(), x.data(), w, w + n_in * n_out, spec.activations[l], rows, n_in,
               n_out);
    w += (n_in + 1) * n_out;
    x = y;
  }
  return x;
}

NetworkSpec Classifier() {
  return SpecOf({37, 101, 53, 7}, Activation::kGelu, Activation::kSoftmax,
                Loss::kLogLoss);
}
// Wide enough for several threads even with one row.
NetworkSpec Wide() {
  return SpecOf({300, 700, 500, 10}, Activation::kTanh, Activation::kSoftmax,
                Loss::kLogLoss);
}

}  // namespace

TEST_SUITE("network") {
  TEST_CASE_TEMPLATE("parameters go in and out unchanged", T, float, double) {
    const NetworkSpec spec = SpecOf({5, 17, 3}, Activation::kRelu,
                                    Activation::kIdentity, Loss::kSquaredError);
    Network<T> network(spec);
    CHECK(network.n_parameters() == 6 * 17 + 18 * 3);
    CHECK(network.multiply_adds() == 5 * 17 + 17 * 3);
    CHECK(ParametersOf(network) == std::vector<T>(network.n_parameters()));
    const uint64_t version = network.version();
    const std::vector<T> flat = RandomParameters<T>(spec, 3);
    network.SetParameters(flat.data());
    CHECK(ParametersOf(network) == flat);
    CHECK(network.version() != version);
  }

  TEST_CASE_TEMPLATE("a row's bits do not depend on its company", T, float, double) {
    for (const NetworkSpec& spec : {Classifier(), Wide()}) {
      const auto network = MakeNetwork<T>(spec);
      const ptrdiff_t most = spec.n_in() == 300 ? 40 : 2003;
      const DataSet<T> data(spec, most);
      SameOnEveryIsaAndThreads([&] {
        CheckTeamIsUsed(network->multiply_adds() * static_cast<double>(most));
        const std::vector<T> all = Predict(*network, data.x.data(), most);
        // The wide network's 8 to 11 rows are too few for two threads: each takes
        // panels.
        for (const ptrdiff_t rows :
             {1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 24, 25, 39, 100, 193}) {
          CAPTURE(rows);
          if (rows > most) continue;
          const ptrdiff_t first = most - rows;
          const std::vector<T> part =
              Predict(*network, data.x.data() + first * spec.n_in(), rows, rows % 3);
          CHECK(FirstDifference(part.data(), all.data() + first * spec.n_out(),
                                part.size()) == -1);
        }
        return all;
      });
    }
  }

  // Then the first layer's tiles ask for the rows to come. 20 columns: less than the
  // tile of two panels has.
  TEST_CASE_TEMPLATE("more rows than the second-level cache holds", T, float, double) {
    const NetworkSpec narrow = SpecOf({37, 20, 3}, Activation::kRelu,
                                      Activation::kIdentity, Loss::kSquaredError);
    for (const NetworkSpec& spec : {Classifier(), narrow}) {
      const auto network = MakeNetwork<T>(spec);
      const ptrdiff_t few = 500;
      const ptrdiff_t most = L2Bytes() / (spec.n_in() * ptrdiff_t{sizeof(T)}) + few;
      const DataSet<T> data(spec, most);
      SameOnEveryIsaAndThreads([&] {
        const std::vector<T> all = Predict(*network, data.x.data(), most);
        ptrdiff_t wrong = 0;
        for (ptrdiff_t first = 0; first < most; first += few) {
          const std::vector<T> part =
              Predict(*network, data.x.data() + first * spec.n_in(),
                      std::min(few, most - first));
          wrong += FirstDifference(part.data(), all.data() + first * spec.n_out(),
                                   part.size()) != -1;
        }
        CHECK(wrong == 0);
        return all;
      });
    }
  }

  TEST_CASE_TEMPLATE("one row on several threads", T, float, double) {
    // Widths that leave the last member no panel of some layers.
    const NetworkSpec spec = SpecOf({1024, 2050, 2048, 1000, 3}, Activation::kSigmoid,
                                    Activation::kSoftmax, Loss::kLogLoss);
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 3);
    const Restore restore;
    SetNumThreads(1);
    const std::vector<T> all = Predict(*network, data.x.data(), 3);
    for (const int threads : {2, 3, 4}) {
      CAPTURE(threads);
      SetNumThreads(threads);
      CheckTeamIsUsed(network->multiply_adds());
      CHECK(FirstDifference(Predict(*network, data.x.data(), 3), all) == -1);
      const std::vector<T> one = Predict(*network, data.x.data(), 1);
      CHECK(FirstDifference(one.data(), all.data(), 3) == -1);
    }
  }

  TEST_CASE_TEMPLATE("every row alone, and no rows at all", T, float, double) {
    const NetworkSpec spec = Classifier();
    const auto network = MakeNetwork<T>(spec);
    const DataSet<T> data(spec, 200);
    OnEveryIsa([&] {
      const std::vector<T> all = Predict(*network, data.x.data(), 200);
      ptrdiff_t wrong = 0;
      for (ptrdiff_t i = 0; i < 200; ++i) {
        const std::vector<T> one =
            Predict(*network, data.x.data() + i * spec.n_in(), 1);
        wrong += FirstDifference(one.data(), all.data() + i * spec.n_out(),
                                 one.size()) != -1;
      }
      CHECK(wrong == 0);
      CHECK(Predict(*network, data.x.data(), 0).empty());
    });
  }

  TEST_CASE_TEMPLATE("predict and forward are the layers one by one", T, float,
                     double) {
    for (const NetworkSpec& spec :
         {Classifier(), Wide(),
          SpecOf({4, 1, 1}, Activation::kElu, Activation::kExp, Loss::kPoisson)}) {
      const auto network = MakeNetwork<T>(spec);
      const DataSet<T> data(spec, 33);
      OnEveryIsa([&] {
        for (const int threads : {1, 2, 8}) {
          SetNumThreads(threads);
          for (const ptrdiff_t rows : {1, 5, 33}) {
            CAPTURE(threads);
            CAPTURE(rows);
            const std::vector<T> x(data.x.begin(), data.x.begin() + rows * spec.n_in());
            const std::vector<T> expected =
                PredictByOps(spec, ParametersOf(*network), x, rows);
            CHECK(FirstDifference(Predict(*network, x.data(), rows), expected) == -1);

            LayerOutputs<T> out;
            std::vector<std::vector<T>> z, y;
            for (const LayerLayout& layer : network->layout()) {
              z.emplace_back(static_cast<size_t>(rows * layer.n_out));
              y.emplace_back(static_cast<size_t>(rows * layer.n_out));
              out.z.push_back(z.back().data());
              out.y.push_back(y.back().data());
            }
            network->Forward(out, {x.data(), spec.n_in()}, rows);
            CHECK(FirstDifference(y.back(), expected) == -1);
            // z of each layer: its dense product without the activation.
            std::vector<T> in = x;
            const std::vector<T> flat = ParametersOf(*network);
            const T* w = flat.data();
            for (size_t l = 0; l < z.size(); ++l) {
              const LayerLayout& at = network->layout()[l];
              std::vector<T> field(z[l].size());
              ops::Dense(field.data(), in.data(), w, w + at.n_in * at.n_out,
                         Activation::kIdentity, rows, at.n_in, at.n_out);
              CHECK(FirstDifference(z[l], field) == -1);
              w += (at.n_in + 1) * at.n_out;
              in = y[l];
            }
          }
        }
      });
    }
  }

  TEST_CASE_TEMPLATE("evaluate sums the losses of the rows", T, float, double) {
    NetworkSpec sigmoid = SpecOf({20, 200, 120, 3}, Activation::kRelu,
                                 Activation::kSigmoid, Loss::kLogLoss);
    NetworkSpec huber = SpecOf({20, 200, 120, 3}, Activation::kRelu,
                               Activation::kSoftplus, Loss::kHuber);
    NetworkSpec softmax = SpecOf({20, 200, 120, 3}, Activation::kGelu,
                                 Activation::kSoftmax, Loss::kLogLoss);
    for (const NetworkSpec& spec : {softmax, sigmoid, huber}) {
      const auto network = MakeNetwork<T>(spec);
      DataSet<T> data(spec, 700);
      const size_t n_out = static_cast<size_t>(spec.n_out());
      for (T& t : data.values) {
        if (spec.loss == Loss::kLogLoss) t = std::round(t);
      }
      data.weights = NoiseVector<T>(700, 9);
      for (T& weight : data.weights) weight = weight < 0 ? T(0) : weight;
      SameOnEveryIsaAndThreads([&] {
        CheckTeamIsUsed(network->multiply_adds() * 700);
        std::vector<double> results;
        LossRun<T> run;
        run.z = Predict(*network, data.x.data(), 700);
        std::vector<T> y = run.z;
        if (spec.loss == Loss::kLogLoss) {
          NetworkSpec linear = spec;
          linear.activations.back() = Activation::kIdentity;
          run.z = PredictByOps(linear, ParametersOf(*network), data.x, 700);
        }
        run.rows = 700;
        run.n = spec.n_out();
        run.loss = spec.loss;
        run.softmax = spec.softmax();
        run.parameter = static_cast<T>(spec.loss_parameter);
        run.labels = data.labels;
        run.targets = data.values;
        run.Run();
        for (const ptrdiff_t rows : {1, 255, 256, 257, 700}) {
          CAPTURE(rows);
          double loss = 0, weight = 0, correct = 0;
          for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
            const double w = static_cast<double>(data.weights[i]);
            loss += w * static_cast<double>(run.row_loss[i]);
            weight += w;
            bool right = spec.loss == Loss::kLogLoss;
            const T* row = y.data() + i * n_out;
            if (spec.softmax()) {
              right = std::max_element(row, row + n_out) - row == data.labels[i];
            } else {
              for (size_t j = 0; j < n_out && right; ++j) {
                right = (row[j] > T(0.5)) == (data.values[i * n_out + j] > T(0.5));
              }
            }
            correct += right ? w : 0;
          }
          const Evaluation sums = network->Evaluate(
              {data.x.data(), spec.n_in()}, data.targets(), data.weights.data(), rows);
          CHECK(sums.loss == doctest::Approx(loss).epsilon(1e-12));
          CHECK(sums.weight == doctest::Approx(weight).epsilon(1e-12));
          CHECK(sums.correct == doctest::Approx(correct).epsilon(1e-12));
          results.insert(results.end(), {sums.loss, sums.weight, sums.correct});
          int asked = 0;
          const Evaluation stopped =
              network->Evaluate({data.x.data(), spec.n_in()}, data.targets(), nullptr,
                                rows, [&] { return ++asked == 1; });
          CHECK(asked == 1);
          CHECK(stopped.weight <= rows);
          const Evaluation even = network->Evaluate({data.x.data(), spec.n_in()},
                                                    data.targets(), nullptr, rows);
          CHECK(even.weight == rows);
        }
        return results;
      });
    }
  }
}

}  // namespace mlpcore::testing
