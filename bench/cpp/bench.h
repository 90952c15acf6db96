// What the benchmarks share: registration for every chosen instruction set and number
// of threads, and the columns of a row.
#ifndef MLPCORE_BENCH_BENCH_H_
#define MLPCORE_BENCH_BENCH_H_

#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "mlpcore/isa.h"
#include "mlpcore/peak.h"
#include "mlpcore/threads.h"

namespace mlpcore::bench {

template <typename T>
constexpr const char* kTypeName = sizeof(T) == sizeof(float) ? "f32" : "f64";

// What the command line chose.
struct Choice {
  std::vector<std::string> isas;
  std::vector<int> threads;
  bool sweep = false;  // block sizes too, which nobody needs every day
};

// One for each source bench_*.cpp.
void RegisterActivation(const Choice& choice);
void RegisterBlocks(const Choice& choice);
void RegisterDense(const Choice& choice);
void RegisterLoss(const Choice& choice);
void RegisterPredict(const Choice& choice);
void RegisterTrain(const Choice& choice);
void RegisterUpdate(const Choice& choice);

// f(state) as the benchmark name/isa/type/threads.
template <typename T, typename F>
void Register(const std::string& name, const std::string& isa, int threads,
              const F& f) {
  const std::string full =
      name + "/" + kTypeName<T> + "/" + isa + "/threads:" + std::to_string(threads);
  benchmark::RegisterBenchmark(full.c_str(),
                               [isa, threads, f](benchmark::State& state) {
                                 SetIsa(isa);
                                 SetNumThreads(threads);
                                 f(state);
                               })
      ->UseRealTime()
      ->Unit(benchmark::kMicrosecond)
      // With repetitions: rates are best at their maximum, times at their minimum.
      ->ComputeStatistics("max",
                          [](const std::vector<double>& v) {
                            return *std::max_element(v.begin(), v.end());
                          })
      ->ComputeStatistics("min", [](const std::vector<double>& v) {
        return *std::min_element(v.begin(), v.end());
      });
}

// Runs work() for as long as the benchmark asks. `flops` is what one run needs, a
// multiply-add being two; 0: arithmetic is not the point.
template <typename T, typename F>
void Measure(benchmark::State& state, double flops, const F& work) {
  const int threads = GetNumThreads();
  work();  // caches, scratch
  double peak = flops > 0 ? MeasurePeak<T>(threads) : 0;
  for (auto _ : state) {
    work();
    benchmark::ClobberMemory();
  }
  if (flops == 0) return;
  peak = std::max(peak, MeasurePeak<T>(threads));
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(flops * 1e-9, Counter::kIsIterationInvariantRate);
  state.counters["peak%"] =
      Counter(100 * flops / peak, Counter::kIsIterationInvariantRate);
}

// Elements of work a run, as a time for each.
inline void ReportElements(benchmark::State& state, double elements) {
  using benchmark::Counter;
  state.counters["ns/elt"] = Counter(
      elements * 1e-9, static_cast<Counter::Flags>(Counter::kIsIterationInvariantRate |
                                                   Counter::kInvert));
}
inline void ReportBytes(benchmark::State& state, double bytes) {
  using benchmark::Counter;
  state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsIterationInvariantRate);
}

// Values in [-1, 1), no two runs alike in what they do to a branch predictor.
template <typename T>
std::vector<T> Values(size_t n, T scale = 1) {
  std::vector<T> values(n);
  uint64_t state = 1;
  for (T& value : values) {
    state = state * 6364136223846793005 + 1442695040888963407;  // Knuth's MMIX
    value = scale * static_cast<T>(static_cast<double>(state >> 11) * 0x1p-52 - 1);
  }
  return values;
}

}  // namespace mlpcore::bench

#endif  // MLPCORE_BENCH_BENCH_H_
