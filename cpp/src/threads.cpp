#include "mlpcore/threads.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include "team.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace mlpcore {
namespace {

std::atomic<bool> pool_was_used{false};
std::atomic<bool> pool_is_lost{false};

#ifdef _OPENMP
// What SetNumThreads asked for (0: nothing), and OpenMP's own default when it did.
// OpenMP keeps one setting a thread; ours is for all of them, unless a thread's was
// changed by someone else (threadpoolctl, omp_set_num_threads), which then also binds.
std::atomic<int> requested{0};
const int default_threads = omp_get_max_threads();
#endif

}  // namespace

void NotePoolUse() {
  if (pool_was_used.load(std::memory_order_relaxed)) return;
#if defined(__unix__) || defined(__APPLE__)
  static const int registered = pthread_atfork(
      nullptr, nullptr, [] { pool_is_lost.store(pool_was_used.load()); });
  static_cast<void>(registered);
#endif
  pool_was_used.store(true);
}

void SetNumThreads(int n) {
  if (n < 1) {
    throw std::invalid_argument("n must be at least 1, got " + std::to_string(n));
  }
#ifdef _OPENMP
  requested.store(n);
  omp_set_num_threads(n);
#endif
}

int GetNumThreads() {
#ifdef _OPENMP
  if (pool_is_lost.load(std::memory_order_relaxed)) return 1;
  const int here = omp_get_max_threads();
  const int wanted = requested.load(std::memory_order_relaxed);
  if (wanted == 0) return here;
  return here == default_threads ? wanted : std::min(here, wanted);
#else
  return 1;
#endif
}

bool HaveOpenMP() {
#ifdef _OPENMP
  return true;
#else
  return false;
#endif
}

}  // namespace mlpcore
