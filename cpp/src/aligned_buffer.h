// A zeroed array aligned to cache lines, a large one to pages of 2 MB: arenas, row
// blocks, scratch.
#ifndef MLPCORE_ALIGNED_BUFFER_H_
#define MLPCORE_ALIGNED_BUFFER_H_

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "mlpcore/types.h"

namespace mlpcore {

template <typename T>
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  // Throws std::bad_alloc.
  explicit AlignedBuffer(size_t size) : size_(size) {
    if (size > std::numeric_limits<size_t>::max() / 2 / sizeof(T))
      throw std::bad_alloc();
    const size_t bytes = size * sizeof(T) + 1;
    const bool large = kHavePageAdvice && bytes >= kHugePage;
    const std::align_val_t alignment{large ? kHugePage : kCacheLine};
    data_ = {static_cast<T*>(::operator new(bytes, alignment)), Free{alignment}};
#if defined(__linux__)
    if (large) madvise(data_.get(), bytes, MADV_HUGEPAGE);  // a wish; may be refused
#endif
    std::fill_n(data_.get(), size, T(0));
  }

  T* data() const { return data_.get(); }
  size_t size() const { return size_; }

 private:
  // The panels of wide layers are more pages of 4 KB than a TLB holds; of 2 MB they are
  // a few. What is over after the last whole page stays in small ones: to round it up
  // cost memory and gained nothing.
  static constexpr size_t kHugePage = size_t{2} << 20;
#if defined(__linux__)
  static constexpr bool kHavePageAdvice = true;
#else
  static constexpr bool kHavePageAdvice = false;
#endif

  struct Free {
    std::align_val_t alignment{kCacheLine};
    void operator()(T* p) const { ::operator delete(p, alignment); }
  };
  std::unique_ptr<T, Free> data_;
  size_t size_ = 0;
};

// The stride of a matrix of our own: whole cache lines, and an odd number of them.
// Rows whose distance is a multiple of 4 KB share one set of an 8-way L1 cache, and a
// tile reads up to 12 rows at once.
template <typename T>
ptrdiff_t PaddedStride(ptrdiff_t columns) {
  return (DivUp(columns, kPanel<T>) | 1) * kPanel<T>;
}

}  // namespace mlpcore

#endif  // MLPCORE_ALIGNED_BUFFER_H_
