// Training on the workloads: epochs of Trainer::Fit with Adam, shuffled, some batches
// each. The flops are those of forward, backward and the weights' gradients; the
// shuffle, the gathering of rows, the loss and the update are on top.
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
void Train(benchmark::State& state, const Workload& w, ptrdiff_t batch_rows) {
  // Enough batches that what is done once an epoch does not show, and at most 8192
  // rows.
  const ptrdiff_t batches = std::clamp<ptrdiff_t>(8192 / batch_rows, 1, 32);
  const ptrdiff_t rows = batches * batch_rows;
  const auto network = MakeNetwork<T>(w);
  const ptrdiff_t n_in = w.sizes.front(), n_out = w.sizes.back();
  const std::vector<T> x = Values<T>(static_cast<size_t>(rows * n_in));
  std::vector<int32_t> labels(static_cast<size_t>(rows));
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<int32_t>(i % static_cast<size_t>(n_out));
  }
  const std::vector<double> rates(static_cast<size_t>(batches), 1e-5);
  FitArgs<T> args;
  args.data.x = {x.data(), n_in};
  args.data.targets.labels = labels.data();
  args.data.rows = rows;
  args.batch_size = batch_rows;
  args.learning_rates = rates.data();
  Trainer<T> trainer(network, TrainerConfig{});
  Measure<T>(state, StepFlops(*network, w, rows), [&] { trainer.Fit(args, nullptr); });
  state.counters["us/step"] = benchmark::Counter(
      static_cast<double>(batches) * 1e-6,
      static_cast<benchmark::Counter::Flags>(
          benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert));
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
