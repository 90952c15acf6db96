#include "peak.h"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "fma_loop.h"
#include "mlpcore/isa.h"
#include "team.h"

namespace mlpcore::bench {
namespace {

FmaLoops ActiveLoops() {
#if defined(__x86_64__)
  if (ActiveIsa() == "avx2") return avx2::FmaLoopsOf();
  if (ActiveIsa() == "avx512") return avx512::FmaLoopsOf();
#elif defined(__aarch64__)
  if (ActiveIsa() == "neon") return neon::FmaLoopsOf();
#endif
  return baseline::FmaLoopsOf();
}

}  // namespace

// Each thread takes the best of its own runs, all of them running at once: a barrier
// between the runs would make one thread's lost time slice everyone's.
template <typename T>
double Peak(int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 20;
  constexpr int64_t kSteps = 10'000;  // some 30 us: most runs fit into a time slice
  const FmaLoops loops = ActiveLoops();
  const auto loop = sizeof(T) == sizeof(float) ? loops.float32 : loops.float64;
  const double flops = sizeof(T) == sizeof(float) ? loops.flops32 : loops.flops64;
  std::vector<double> best(static_cast<size_t>(threads));
  RunTeam(threads, [&](const Team& team) {
    volatile double keep = 0;
    team.Barrier();
    for (int run = 0; run < kRuns; ++run) {
      const Clock::time_point start = Clock::now();
      keep = loop(kSteps);
      const std::chrono::duration<double> seconds = Clock::now() - start;
      double& mine = best[static_cast<size_t>(team.index)];
      mine = std::max(mine, flops * static_cast<double>(kSteps) / seconds.count());
    }
    static_cast<void>(keep);
  });
  return std::accumulate(best.begin(), best.end(), 0.0);
}

template double Peak<float>(int threads);
template double Peak<double>(int threads);

}  // namespace mlpcore::bench
