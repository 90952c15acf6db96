// A sweep: how many rows should go through all layers together? The rows named
// "derived" are what BlockRowsOf (cpp/src/forward.h) makes of the sizes of the caches;
// the others are to show that nothing is much better. Multiples of both tiles' rows.
#include "workloads.h"

namespace mlpcore::bench {
namespace {

constexpr ptrdiff_t kDerived = 0;

template <typename T>
void PredictInBlocks(benchmark::State& state, const Workload& w, ptrdiff_t rows,
                     ptrdiff_t block) {
  const auto network = MakeNetwork<T>(w);
  if (block != kDerived) network->set_block_rows({block, block});
  const ptrdiff_t n_in = w.sizes.front(), n_out = w.sizes.back();
  const std::vector<T> x = Values<T>(static_cast<size_t>(rows * n_in));
  std::vector<T> y(static_cast<size_t>(rows * n_out));
  const double flops = 2 * network->multiply_adds() * static_cast<double>(rows);
  Measure<T>(state, flops, [&] { network->Predict(y.data(), {x.data(), n_in}, rows); });
  state.counters["block"] = static_cast<double>(network->block_rows().most);
}

template <typename T>
void RegisterType(const Workload& w, const std::string& isa) {
  // Some 50 ms of work, in many blocks.
  const ptrdiff_t rows = w.sizes.front() >= 512 ? 2016 : 16128;
  for (const ptrdiff_t block :
       {kDerived, ptrdiff_t{12}, ptrdiff_t{24}, ptrdiff_t{48}, ptrdiff_t{96},
        ptrdiff_t{144}, ptrdiff_t{192}, ptrdiff_t{252}, ptrdiff_t{504}}) {
    const std::string name = block == kDerived ? "derived" : std::to_string(block);
    Register<T>("blocks/" + NameOf(w, rows) + "/block:" + name, isa, 1,
                [w, rows, block](benchmark::State& state) {
                  PredictInBlocks<T>(state, w, rows, block);
                });
  }
}

}  // namespace

void RegisterBlocks(const Choice& choice) {
  for (const Workload& w : Workloads()) {
    if (w.sizes[1] < 64) continue;  // all of it is in L1
    for (const std::string& isa : choice.isas) RegisterType<float>(w, isa);
  }
}

}  // namespace mlpcore::bench
