#include "placement.h"

#if defined(__linux__)
#include <unistd.h>
#endif

namespace mlpcore {

#if defined(__linux__)

int CurrentProcessor() { return sched_getcpu(); }

Placement::Placement() {
  if (sched_getaffinity(0, sizeof first_, &first_) != 0) CPU_ZERO(&first_);
}

void Placement::KeepOff(int processor) const {
  if (processor < 0 || processor >= CPU_SETSIZE || CurrentProcessor() != processor) {
    return;
  }
  cpu_set_t others;
  if (sched_getaffinity(getpid(), sizeof others, &others) != 0) return;
  CPU_AND(&others, &others, &first_);
  CPU_CLR(static_cast<size_t>(processor), &others);
  if (CPU_COUNT(&others) > 0) sched_setaffinity(0, sizeof others, &others);
}

#else

int CurrentProcessor() { return -1; }
Placement::Placement() = default;
void Placement::KeepOff(int) const {}

#endif

}  // namespace mlpcore
