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

// Multiply-adds that are worth waking a thread for. In a step that is repeated, 200 k
// (some 5 us, several times what waking costs): there ThreadChooser finds out whether a
// team pays. In a single call, 2 M: if other work keeps a member from running, the
// caller waits for a slice of the scheduler's, so little is gained and much can be
// lost.
constexpr double kWorthAThreadOfAStep = 200e3;
constexpr double kWorthAThreadOfACall = 2e6;

inline int ThreadsFor(double multiply_adds, double worth_a_thread) {
  if (multiply_adds < 2 * worth_a_thread) return 1;
  return static_cast<int>(
      std::min<double>(GetNumThreads(), multiply_adds / worth_a_thread));
}
inline int ThreadsForCall(double multiply_adds) {
  return ThreadsFor(multiply_adds, kWorthAThreadOfACall);
}

void NotePoolUse();

// f(team) on `threads` threads; on this one alone if threads is 1. f must not throw.
template <typename F>
void RunTeam([[maybe_unused]] int threads, const F& f) {
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
