// Work shared out among threads, in tasks whose outputs are their own.
//
// Tasks are claimed one after another, by the caller and by whichever workers are
// there; the caller waits only for tasks that somebody has begun. So a worker that the
// scheduler does not run costs nothing, where the members of an OpenMP team all have to
// arrive: beside a busy process a step of 0.1 ms took 13 ms with a team of two. No sum
// is split among tasks by the number of threads, so who does what changes no bit.
//
// Workers spin for a moment after their last task, then sleep: between the phases of
// training steps nobody is woken, and nothing is left running after a call. They do not
// live on in a forked child, which starts its own.
#ifndef MLPCORE_POOL_H_
#define MLPCORE_POOL_H_

#include <algorithm>
#include <atomic>

#include "mlpcore/threads.h"
#include "mlpcore/types.h"

namespace mlpcore {

using TaskFunction = void (*)(const void* context, ptrdiff_t task);

// Where threads begin: at the first task all of them; or the workers at the last, and
// the caller at the first. In jobs that come again and again over the same memory, as
// the phases of training steps do, each then meets most of what it left in its caches.
enum class Claim : uint8_t { kInOrder, kFromBothEnds };

// function(context, task) for every task in [0, n) on up to `threads` threads; on this
// one alone while another caller has the workers.
void RunTasks(ptrdiff_t n, int threads, TaskFunction function, const void* context,
              Claim claim);

// Until others have counted so far: for a task that needs what other threads, which are
// in tasks too, have begun.
void AwaitOthers(const std::atomic<ptrdiff_t>& count, ptrdiff_t until);

// f(task) for every task in [0, n). What it throws, when memory runs out, is thrown
// here when nobody is in a task any more. A task begins no job of its own; so no Python
// runs in one, for a signal handler may compute, or fork.
template <typename F>
void ParallelFor(ptrdiff_t n, int threads, const F& f, Claim claim = Claim::kInOrder) {
  if (threads <= 1 || n <= 1) {
    for (ptrdiff_t task = 0; task < n; ++task) f(task);
    return;
  }
  RunTasks(
      n, threads,
      [](const void* context, ptrdiff_t task) {
        (*static_cast<const F*>(context))(task);
      },
      &f, claim);
}

// Multiply-adds that are worth another thread: 5 to 15 us, what it takes to wake one.
constexpr double kWorthAThread = 750e3;
constexpr bool IsWorthThreads(double multiply_adds) {
  return multiply_adds >= 2 * kWorthAThread;
}
inline int ThreadsFor(double multiply_adds) {
  if (!IsWorthThreads(multiply_adds)) return 1;
  return static_cast<int>(
      std::min<double>(GetNumThreads(), multiply_adds / kWorthAThread));
}

// How many of n items make a task: a multiple of `unit`, at most `most` (a multiple
// too), and no less than `least` where that leaves each thread a task. A few tasks a
// thread even out their speeds, the same number for each: with 256 rows by `most` = 48
// one of two threads got 144. One thread alone has tasks of one size, a little above
// `most` rather than one more of them: each costs a pass over the weights, and 256 rows
// of 1024^5 took 6 % longer as 120 + 120 + 16 than as 132 + 124.
inline ptrdiff_t ItemsOfTask(ptrdiff_t n, int threads, ptrdiff_t unit, ptrdiff_t least,
                             ptrdiff_t most) {
  const auto items_of = [&](ptrdiff_t tasks) {
    return std::max(unit, RoundUp(DivUp(n, tasks), unit));
  };
  if (threads <= 1) {
    return items_of(std::max<ptrdiff_t>(DivUp(n - most / 4, most), 1));
  }
  ptrdiff_t tasks = 4;
  while (tasks > 1 && items_of(tasks * threads) < least) --tasks;
  return items_of(threads * std::max(tasks, DivUp(n, most * threads)));
}

}  // namespace mlpcore

#endif  // MLPCORE_POOL_H_
