// Trainer::Step with Adam on the workloads: forward, loss, backward, update.
#include "mlpcore/trainer.h"
#include "workloads.h"

namespace mlpcore::bench {
namespace {

// Three products a layer; the first one's input needs no gradient.
template <typename T>
double StepFlops(const Network<T>& network, const Workload& w, ptrdiff_t rows) {
  const double first = static_cast<double>(w.sizes[0] * w.sizes[1]);
  return 2 * (3 * network.multiply_adds() - first) * static_cast<double>(rows);
}

template <typename T>
void Train(benchmark::State& state, const Workload& w, ptrdiff_t rows) {
  const auto network = MakeNetwork<T>(w);
  const ptrdiff_t n_in = w.sizes.front(), n_out = w.sizes.back();
  const std::vector<T> x = Values<T>(static_cast<size_t>(rows * n_in));
  std::vector<int32_t> labels(static_cast<size_t>(rows));
  std::vector<int64_t> order(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<int32_t>(i % static_cast<size_t>(n_out));
    order[i] = static_cast<int64_t>(labels.size() - 1 - i);
  }
  Trainer<T> trainer(network, TrainerConfig{});
  Batch<T> batch;
  batch.x = {x.data(), n_in};
  batch.targets.labels = labels.data();
  batch.order = order.data();
  batch.rows = rows;
  Measure<T>(state, StepFlops(*network, w, rows), [&] { trainer.Step(batch, 1e-5); });
}

template <typename T>
void RegisterOne(const Workload& w, const Choice& choice) {
  for (const std::string& isa : choice.isas) {
    for (const ptrdiff_t rows : w.train_rows) {
      for (const int threads : choice.threads) {
        Register<T>("train/" + NameOf(w, rows), isa, threads,
                    [w, rows](benchmark::State& state) { Train<T>(state, w, rows); });
      }
    }
  }
}

}  // namespace

void RegisterTrain(const Choice& choice) {
  for (const Workload& w : Workloads()) {
    RegisterOne<float>(w, choice);
    if (w.float64) RegisterOne<double>(w, choice);
  }
}

}  // namespace mlpcore::bench
