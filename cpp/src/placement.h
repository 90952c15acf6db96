// Which processor a thread is on.
#ifndef MLPCORE_PLACEMENT_H_
#define MLPCORE_PLACEMENT_H_

#if defined(__linux__)
#include <sched.h>
#endif

namespace mlpcore {

// The calling thread's, or -1 where that is not to be known.
int CurrentProcessor();

// A worker's own: keeps it off the processor of the thread that it works for.
//
// Linux may wake a thread on the processor of the one that wakes it, beside an idle one
// (where both were busy of late it does not look for one), and there the two take turns
// for tens of milliseconds.
class Placement {
 public:
  Placement();

  // If the thread is on that processor, it moves, and stays off: to another one that it
  // could be on from the start, and the process's first thread may be on now.
  void KeepOff(int processor) const;

#if defined(__linux__)
 private:
  cpu_set_t first_;  // where it could be from the start
#endif
};

}  // namespace mlpcore

#endif  // MLPCORE_PLACEMENT_H_
