// The sizes of this processor's caches, which block sizes are derived from. They change
// speed only: no bit depends on them.
#ifndef MLPCORE_CACHE_SIZES_H_
#define MLPCORE_CACHE_SIZES_H_

#include <stddef.h>

#if defined(__linux__)
#include <unistd.h>
#endif

namespace mlpcore {

// Bytes of a core's second-level cache: as the system says, or what processors of
// the last ten years have at least.
inline ptrdiff_t L2Bytes() {
  static const ptrdiff_t bytes = [] {
    ptrdiff_t size = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
    size = static_cast<ptrdiff_t>(sysconf(_SC_LEVEL2_CACHE_SIZE));
#endif
    return size > 0 ? size : ptrdiff_t{256} * 1024;
  }();
  return bytes;
}

}  // namespace mlpcore

#endif  // MLPCORE_CACHE_SIZES_H_
