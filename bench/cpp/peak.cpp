#include "peak.h"

#include <algorithm>
#include <chrono>
#include <string>

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

template <typename T>
double Peak(int threads) {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 6;
  constexpr int64_t kSteps =
      30'000;  // some 100 us: short enough to fit into a time slice
  const FmaLoops loops = ActiveLoops();
  const auto loop = sizeof(T) == sizeof(float) ? loops.float32 : loops.float64;
  const double flops = sizeof(T) == sizeof(float) ? loops.flops32 : loops.flops64;
  double best = 0;
  volatile double keep = 0;
  RunTeam(threads, [&](const Team& team) {
    for (int run = 0; run < kRuns; ++run) {
      team.Barrier();
      const Clock::time_point start = Clock::now();
      const double sum = loop(kSteps);
      team.Barrier();
      const std::chrono::duration<double> seconds = Clock::now() - start;
      if (team.index != 0) continue;
      keep = sum;
      best = std::max(best, static_cast<double>(team.size) * flops *
                                static_cast<double>(kSteps) / seconds.count());
    }
  });
  static_cast<void>(keep);
  return best;
}

template double Peak<float>(int threads);
template double Peak<double>(int threads);

}  // namespace mlpcore::bench
