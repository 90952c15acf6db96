// The networks that the benchmarks run, and how many rows each of them gets.
#ifndef MLPCORE_BENCH_WORKLOADS_H_
#define MLPCORE_BENCH_WORKLOADS_H_

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bench.h"
#include "mlpcore/network.h"

namespace mlpcore::bench {

struct Workload {
  std::vector<ptrdiff_t> sizes;
  Activation hidden;
  std::vector<ptrdiff_t> predict_rows, train_rows;
  bool float64;  // too
  const char* why;
};

inline std::vector<Workload> Workloads() {
  using A = Activation;
  return {
      {{4, 16, 16, 3}, A::kRelu, {1, 32, 100'000}, {32}, false, "the cost of a call"},
      {{4, 32, 16, 4},
       A::kTanh,
       {1, 10'000},
       {10'000},
       false,
       "SimpleChains.jl's case"},
      {{24, 8, 2}, A::kRelu, {1, 200}, {200}, true, "its other one"},
      {{17, 256, 256, 6}, A::kTanh, {1, 64}, {256}, false, "a control policy"},
      {{28, 128, 128, 2}, A::kRelu, {1, 100'000}, {256}, false, "a table"},
      {{28, 256, 256, 256, 1}, A::kRelu, {100'000}, {}, false, "a wider table"},
      {{64, 64, 64, 64, 64, 16},
       A::kRelu,
       {1, 16'384, 1'000'000},
       {16'384},
       false,
       "tiny-cuda-nn's shape"},
      {{64, 100, 10},
       A::kRelu,
       {},
       {200},
       true,
       "scikit-learn's defaults on its digits"},
      {{784, 32, 10}, A::kRelu, {}, {32}, false, "digits, small"},
      {{28, 100, 2}, A::kRelu, {}, {200}, true, "its defaults on a table"},
      {{784, 128, 10}, A::kRelu, {1, 256, 10'000}, {32, 128, 512}, false, "digits"},
      {{784, 1024, 1024, 10}, A::kRelu, {1, 128, 4096}, {256}, true, "wide"},
      {{1024, 1024, 1024, 1024, 1024}, A::kRelu, {256}, {256}, false, "libxsmm's case"},
      {{37, 101, 53, 7},
       A::kGelu,
       {1, 97, 10'000},
       {97},
       false,
       "tails, and a costly activation"},
  };
}

inline std::string NameOf(const Workload& w, ptrdiff_t rows) {
  std::string name;
  for (const ptrdiff_t size : w.sizes)
    name += (name.empty() ? "" : "-") + std::to_string(size);
  return name + "/rows:" + std::to_string(rows);
}

// A classifier with parameters of the usual size.
template <typename T>
std::shared_ptr<Network<T>> MakeNetwork(const Workload& w) {
  NetworkSpec spec;
  spec.layer_sizes = w.sizes;
  spec.activations.assign(w.sizes.size() - 1, w.hidden);
  spec.activations.back() = Activation::kSoftmax;
  spec.dropout.assign(w.sizes.size() - 2, 0);
  spec.loss = Loss::kLogLoss;
  auto network = std::make_shared<Network<T>>(spec);
  std::vector<T> flat = Values<T>(network->n_parameters());
  size_t at = 0;
  for (size_t l = 0; l + 1 < w.sizes.size(); ++l) {
    const double scale = std::sqrt(6.0 / static_cast<double>(w.sizes[l]));
    const size_t n = static_cast<size_t>((w.sizes[l] + 1) * w.sizes[l + 1]);
    for (size_t i = 0; i < n; ++i) flat[at++] *= static_cast<T>(scale);
  }
  network->SetParameters(flat.data());
  return network;
}

}  // namespace mlpcore::bench

#endif  // MLPCORE_BENCH_WORKLOADS_H_
