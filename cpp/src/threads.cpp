#include "mlpcore/threads.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace mlpcore {
namespace {

// What SetNumThreads asked for; 0: nothing.
std::atomic<int> requested{0};

#ifdef _OPENMP
// What this thread has set OpenMP to for it; 0: nothing.
thread_local int set_here = 0;

// OpenMP's own default. It keeps one setting a thread; ours is for all of them, unless
// a thread's was changed by someone else (threadpoolctl, omp_set_num_threads), which
// then also binds.
const int default_threads = omp_get_max_threads();
#else
const int default_threads = [] {
  const char* variable = std::getenv("OMP_NUM_THREADS");
  const int wanted = variable ? std::atoi(variable) : 0;
  return wanted > 0
             ? wanted
             : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}();
#endif

}  // namespace

void SetNumThreads(int n) {
  if (n < 1) {
    throw std::invalid_argument("n must be at least 1, got " + std::to_string(n));
  }
  requested.store(n);
#ifdef _OPENMP
  omp_set_num_threads(n);
  set_here = n;
#endif
}

int GetNumThreads() {
  const int wanted = requested.load(std::memory_order_relaxed);
#ifdef _OPENMP
  const int here = omp_get_max_threads();
  const bool is_ours = here == default_threads || here == set_here;
#else
  const int here = default_threads;
  const bool is_ours = true;
#endif
  if (wanted == 0) return here;
  return is_ours ? wanted : std::min(here, wanted);
}

bool HaveOpenMP() {
#ifdef _OPENMP
  return true;
#else
  return false;
#endif
}

}  // namespace mlpcore
