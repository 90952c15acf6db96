#include "mlpcore/random.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "mlpcore/philox.h"

namespace mlpcore {
namespace {

// The i-th 64-bit word of a stream: two of each block.
uint64_t Word64(uint64_t seed, uint64_t stream, uint64_t i) {
  const PhiloxBlock block = Philox(seed, stream, i / 2);
  const uint32_t* half = block.word + i % 2 * 2;
  return half[0] | static_cast<uint64_t>(half[1]) << 32;
}

// The high 64 bits of a * b, from 32-bit halves.
uint64_t HighProduct(uint64_t a, uint64_t b) {
  const uint64_t a_lo = a & 0xFFFFFFFF, a_hi = a >> 32;
  const uint64_t b_lo = b & 0xFFFFFFFF, b_hi = b >> 32;
  const uint64_t mid = a_hi * b_lo + (a_lo * b_lo >> 32);
  const uint64_t mid2 = a_lo * b_hi + (mid & 0xFFFFFFFF);
  return a_hi * b_hi + (mid >> 32) + (mid2 >> 32);
}

}  // namespace

void Uniform(double* out, ptrdiff_t n, uint64_t seed, uint64_t stream) {
  for (ptrdiff_t i = 0; i < n; ++i) {
    out[i] = static_cast<double>(Word64(seed, stream, static_cast<uint64_t>(i)) >> 11) *
             0x1p-53;
  }
}

// Fisher & Yates; the bounded number is the high half of word * bound (Lemire 2019),
// whose bias, n / 2^64, no experiment could see.
void Permutation(int64_t* out, ptrdiff_t n, uint64_t seed, uint64_t stream) {
  std::iota(out, out + n, int64_t{0});
  for (ptrdiff_t i = n - 1; i > 0; --i) {
    const uint64_t bound = static_cast<uint64_t>(i) + 1;
    const uint64_t j =
        HighProduct(Word64(seed, stream, static_cast<uint64_t>(i)), bound);
    std::swap(out[i], out[j]);
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
