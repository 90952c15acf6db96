// Network::Predict on the workloads.
#include "workloads.h"

namespace mlpcore::bench {
namespace {

template <typename T>
void Predict(benchmark::State& state, const Workload& w, ptrdiff_t rows) {
  const auto network = MakeNetwork<T>(w);
  const ptrdiff_t n_in = w.sizes.front(), n_out = w.sizes.back();
  const std::vector<T> x = Values<T>(static_cast<size_t>(rows * n_in));
  std::vector<T> y(static_cast<size_t>(rows * n_out));
  const double flops = 2 * network->multiply_adds() * static_cast<double>(rows);
  Measure<T>(state, flops, [&] { network->Predict(y.data(), {x.data(), n_in}, rows); });
}

template <typename T>
void RegisterOne(const Workload& w, const Choice& choice) {
  for (const std::string& isa : choice.isas) {
    for (const ptrdiff_t rows : w.predict_rows) {
      for (const int threads : choice.threads) {
        Register<T>("predict/" + NameOf(w, rows), isa, threads,
                    [w, rows](benchmark::State& state) { Predict<T>(state, w, rows); });
      }
    }
  }
}

}  // namespace

void RegisterPredict(const Choice& choice) {
  for (const Workload& w : Workloads()) {
    RegisterOne<float>(w, choice);
    if (w.float64) RegisterOne<double>(w, choice);
  }
}

}  // namespace mlpcore::bench
