// Networks and data for the tests of the core.
#ifndef MLPCORE_TESTS_NETWORK_CASE_H_
#define MLPCORE_TESTS_NETWORK_CASE_H_

#include <memory>
#include <utility>
#include <vector>

#include "mlpcore/gradient.h"
#include "pool.h"
#include "testing.h"

namespace mlpcore::testing {

inline NetworkSpec SpecOf(std::vector<ptrdiff_t> sizes, Activation hidden,
                          Activation output, Loss loss, double dropout = 0) {
  NetworkSpec spec;
  spec.activations.assign(sizes.size() - 1, hidden);
  spec.activations.back() = output;
  spec.dropout.assign(sizes.size() - 2, dropout);
  spec.layer_sizes = std::move(sizes);
  spec.loss = loss;
  spec.loss_parameter = 0.4;
  return spec;
}

// Random parameters, W scaled to keep activations of order 1.
template <typename T>
std::vector<T> RandomParameters(const NetworkSpec& spec, uint64_t seed) {
  std::vector<T> flat;
  for (size_t l = 0; l + 1 < spec.layer_sizes.size(); ++l) {
    const double n_in = static_cast<double>(spec.layer_sizes[l]);
    const size_t n =
        static_cast<size_t>((spec.layer_sizes[l] + 1) * spec.layer_sizes[l + 1]);
    for (size_t i = 0; i < n; ++i) {
      flat.push_back(static_cast<T>(Noise<double>(seed + l, i) * std::sqrt(3 / n_in)));
    }
  }
  return flat;
}

template <typename T>
std::shared_ptr<Network<T>> MakeNetwork(const NetworkSpec& spec, uint64_t seed = 1) {
  auto network = std::make_shared<Network<T>>(spec);
  network->SetParameters(RandomParameters<T>(spec, seed).data());
  return network;
}

template <typename T>
std::vector<T> ParametersOf(const Network<T>& network) {
  std::vector<T> flat(network.n_parameters());
  network.GetParameters(flat.data());
  return flat;
}

// Data in the domain of the network's loss. Labels for softmax, else values.
template <typename T>
struct DataSet {
  DataSet(const NetworkSpec& spec, ptrdiff_t n_rows, uint64_t seed = 1)
      : rows(n_rows), n_in(spec.n_in()), n_out(spec.n_out()) {
    x = NoiseVector<T>(static_cast<size_t>(rows * n_in), seed);
    if (spec.softmax()) {
      labels = RandomLabels(rows, n_out, seed + 1);
    } else {
      values = NoiseVector<T>(static_cast<size_t>(rows * n_out), seed + 1);
      for (T& t : values) {
        if (spec.loss == Loss::kLogLoss || spec.loss == Loss::kPoisson)
          t = std::fabs(t);
      }
    }
  }

  Targets<T> targets() const {
    return {labels.empty() ? nullptr : labels.data(),
            values.empty() ? nullptr : values.data(), n_out};
  }
  Batch<T> batch(ptrdiff_t n) const {
    Batch<T> b;
    b.x = {x.data(), n_in};
    b.targets = targets();
    b.weights = weights.empty() ? nullptr : weights.data();
    b.rows = n;
    return b;
  }
  Batch<T> batch() const { return batch(rows); }

  ptrdiff_t rows, n_in, n_out;
  std::vector<T> x, values;
  std::vector<int32_t> labels;
  std::vector<T> weights;  // empty: none
};

// That a single call with so many multiply-adds does use all threads: a test of threads
// on work that is too small for them would test nothing.
inline void CheckTeamIsUsed(double multiply_adds) {
  CHECK(ThreadsFor(multiply_adds) == GetNumThreads());
}

// f() on every instruction set and with several numbers of threads; tells f's result
// apart from the first one's with the same kind of rounding (with FMA, without).
template <typename F>
void SameOnEveryIsaAndThreads(const F& f) {
  using Result = decltype(f());
  std::vector<Result> fused, unfused;
  OnEveryIsa([&] {
    for (const int threads : {1, 2, 3, 8}) {
      CAPTURE(threads);
      SetNumThreads(threads);
      std::vector<Result>& results = ActiveIsaHasFma() ? fused : unfused;
      results.push_back(f());
      CHECK(FirstDifference(results.front(), results.back()) == -1);
      results.resize(1);
    }
  });
}

template <typename T>
std::vector<T> Predict(const Network<T>& network, const T* x, ptrdiff_t rows,
                       ptrdiff_t gap = 0) {
  const ptrdiff_t n_in = network.spec().n_in(), n_out = network.spec().n_out();
  const Framed<T> y(rows, n_out, 0, 3);  // dense
  const Framed<T> in(std::vector<T>(x, x + rows * n_in), rows, n_in, gap, 1);
  network.Predict(y.rows().data, {in.rows().data, in.rows().stride}, rows);
  CHECK(y.FrameIsIntact());
  return y.Dense();
}

}  // namespace mlpcore::testing

#endif  // MLPCORE_TESTS_NETWORK_CASE_H_
