#include "mlpcore/peak.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "dispatch.h"

namespace mlpcore {

// Each thread takes the best of its own runs, all of them running at once: a barrier
// between the runs would make one thread's lost time slice everyone's.
template <typename T>
double MeasurePeak(int threads) {
  if (threads < 1) throw std::invalid_argument("n_threads must be at least 1");
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 20;
  constexpr ptrdiff_t kSteps = 10'000;  // some 30 us: most runs fit into a time slice
  const KernelTable<T>& kernels = ActiveKernels<T>();
  std::vector<double> best(static_cast<size_t>(threads));
  std::atomic<int> missing{threads};
  const auto measure = [&](double& mine) {
    --missing;
    while (missing > 0) std::this_thread::yield();
    volatile double keep = 0;
    for (int run = 0; run < kRuns; ++run) {
      const Clock::time_point start = Clock::now();
      keep = kernels.multiply_add_loop(kSteps);
      const std::chrono::duration<double> seconds = Clock::now() - start;
      const double flops = kernels.flops_of_step * static_cast<double>(kSteps);
      mine = std::max(mine, flops / seconds.count());
    }
    static_cast<void>(keep);
  };
  std::vector<std::thread> others;
  others.reserve(best.size());
  for (size_t i = 1; i < best.size(); ++i) {
    try {
      others.emplace_back([&, i] { measure(best[i]); });
    } catch (const std::system_error&) {
      --missing;  // no more threads to be had
    }
  }
  measure(best[0]);
  for (std::thread& other : others) other.join();
  return std::accumulate(best.begin(), best.end(), 0.0);
}

template double MeasurePeak<float>(int threads);
template double MeasurePeak<double>(int threads);

}  // namespace mlpcore
