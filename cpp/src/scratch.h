// Scratch memory of the calling thread, kept from call to call so that a prediction
// allocates nothing. It grows, and goes with its thread.
#ifndef MLPCORE_SCRATCH_H_
#define MLPCORE_SCRATCH_H_

#include "aligned_buffer.h"

namespace mlpcore {

// At least `size` elements, not initialised; valid until the thread's next call.
template <typename T>
T* Scratch(size_t size) {
  thread_local AlignedBuffer<T> buffer;
  if (buffer.size() < size) buffer = AlignedBuffer<T>(size);
  return buffer.data();
}

}  // namespace mlpcore

#endif  // MLPCORE_SCRATCH_H_
