// A team of threads that run one function together, over OpenMP.
//
// Who does what is decided from (index, size) alone, and only over outputs: rows,
// panels. No sum is split among threads, so bits do not depend on their number.
#ifndef MLPCORE_TEAM_H_
#define MLPCORE_TEAM_H_

#include <algorithm>

#include "mlpcore/threads.h"
#include "mlpcore/types.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace mlpcore {

struct Range {
  ptrdiff_t begin, end;
  ptrdiff_t size() const { return end - begin; }
};

struct Team {
  int index = 0, size = 1;

  // This member's share of n items, in multiples of `unit` (the last may be less).
  Range Share(ptrdiff_t n, ptrdiff_t unit = 1) const {
    const ptrdiff_t share = RoundUp(DivUp(n, static_cast<ptrdiff_t>(size)), unit);
    return {std::min(n, index * share), std::min(n, (index + 1) * share)};
  }
  // Waits for the others. Every member calls it, or none.
  void Barrier() const {
#ifdef _OPENMP
    if (size > 1) {
#pragma omp barrier
    }
#endif
  }
};

// Threads worth waking for this many multiply-adds: each should have 200 k of them
// (some 5 us), several times what waking it costs.
inline int ThreadsFor(double multiply_adds) {
  constexpr double kWorthAThread = 200e3;
  if (multiply_adds < 2 * kWorthAThread) return 1;
  return static_cast<int>(
      std::min<double>(GetNumThreads(), multiply_adds / kWorthAThread));
}

void NotePoolUse();

// f(team) on `threads` threads; on this one alone if threads is 1. f must not throw.
template <typename F>
void RunTeam(int threads, const F& f) {
#ifdef _OPENMP
  if (threads > 1) {
    NotePoolUse();
#pragma omp parallel num_threads(threads)
    f(Team{omp_get_thread_num(), omp_get_num_threads()});
    return;
  }
#endif
  f(Team{});
}

}  // namespace mlpcore

#endif  // MLPCORE_TEAM_H_
