#include "mlpcore/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "dispatch.h"

namespace mlpcore {
namespace {

// The 64-bit words of a stream, two of each block, of which the first n are asked for.
// Some blocks are computed at a time, and kept.
class Words64 {
 public:
  Words64(ptrdiff_t n, uint64_t seed, uint64_t stream)
      : n_(n), seed_(seed), stream_(stream) {}

  uint64_t operator[](ptrdiff_t i) {
    if (i / kKept != kept_) Keep(i / kKept);
    const uint32_t* half = word_ + i % kKept * 2;
    return half[0] | static_cast<uint64_t>(half[1]) << 32;
  }

 private:
  static constexpr ptrdiff_t kWordsOfBlock = 2, kKept = 128;

  void Keep(ptrdiff_t kept) {
    kept_ = kept;
    const ptrdiff_t first = kept * kKept;
    ActiveKernels<float>().random_blocks(
        word_, DivUp(std::min(n_ - first, kKept), kWordsOfBlock), seed_, stream_,
        static_cast<uint64_t>(first / kWordsOfBlock));
  }

  ptrdiff_t n_;
  uint64_t seed_, stream_;
  ptrdiff_t kept_ = -1;
  alignas(kCacheLine) uint32_t word_[2 * kKept];
};

// The high 64 bits of a * b.
uint64_t HighProduct(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>(static_cast<Wide>(a) * b >> 64);
#else  // from 32-bit halves
  const uint64_t a_lo = a & 0xFFFFFFFF, a_hi = a >> 32;
  const uint64_t b_lo = b & 0xFFFFFFFF, b_hi = b >> 32;
  const uint64_t mid = a_hi * b_lo + (a_lo * b_lo >> 32);
  const uint64_t mid2 = a_lo * b_hi + (mid & 0xFFFFFFFF);
  return a_hi * b_hi + (mid >> 32) + (mid2 >> 32);
#endif
}

}  // namespace

void Uniform(double* out, ptrdiff_t n, uint64_t seed, uint64_t stream) {
  Words64 words(n, seed, stream);
  for (ptrdiff_t i = 0; i < n; ++i) {
    out[i] = static_cast<double>(words[i] >> 11) * 0x1p-53;
  }
}

// Fisher & Yates; the bounded number is the high half of word * bound (Lemire 2019),
// whose bias, n / 2^64, no experiment could see.
void Permutation(int64_t* out, ptrdiff_t n, uint64_t seed, uint64_t stream) {
  std::iota(out, out + n, int64_t{0});
  Words64 words(n, seed, stream);
  for (ptrdiff_t i = n - 1; i > 0; --i) {
    const uint64_t bound = static_cast<uint64_t>(i) + 1;
    const uint64_t j = HighProduct(words[i], bound);
    std::swap(out[i], out[j]);
  }
}

// Fisher & Yates; NumPy draws the bounded number by masking random bits until one is
// not too large, and has promised never to change that (NEP 19). One in three is too
// large and cannot be predicted: so here it does no harm, instead of being branched on.
// For 1,797 elements NumPy takes 15 us, this 5 (Zen 5), of which the draws are 4.
void ShuffleAsNumpy(int64_t* x, ptrdiff_t n, const NumpyBitGenerator& bits) {
  ptrdiff_t i = n - 1;
  for (uint64_t mask = INT64_MAX; i > 0; mask >>= 1) {
    const ptrdiff_t least = static_cast<ptrdiff_t>(mask >> 1) + 1;  // with this mask
    const bool is_wide = mask > UINT32_MAX;
    while (i >= least) {
      const uint64_t word =
          is_wide ? bits.next_uint64(bits.state) : bits.next_uint32(bits.state);
      const ptrdiff_t drawn = static_cast<ptrdiff_t>(word & mask);
      const ptrdiff_t fits = drawn <= i;
      std::swap(x[i], x[i + (drawn - i) * fits]);
      i -= fits;
    }
  }
}

// Row by row in the inner loops, so each column has a lane of its own and no sum is
// reordered. Bjorck 1967: the loss of orthogonality is the condition number times u,
// and a random matrix is well conditioned.
void Orthonormalize(double* a, ptrdiff_t rows, ptrdiff_t cols) {
  std::vector<double> dot(static_cast<size_t>(cols));
  for (ptrdiff_t k = 0; k < cols; ++k) {
    // Products of column k with itself and the columns after it.
    std::fill(dot.begin(), dot.end(), 0.0);
    for (ptrdiff_t i = 0; i < rows; ++i) {
      const double* row = a + i * cols;
      for (ptrdiff_t j = k; j < cols; ++j)
        dot[static_cast<size_t>(j)] += row[k] * row[j];
    }
    const double norm = std::sqrt(dot[static_cast<size_t>(k)]);
    for (ptrdiff_t i = 0; i < rows; ++i) {
      double* row = a + i * cols;
      row[k] /= norm;
      for (ptrdiff_t j = k + 1; j < cols; ++j) {
        row[j] -= row[k] * (dot[static_cast<size_t>(j)] / norm);
      }
    }
  }
}

}  // namespace mlpcore
