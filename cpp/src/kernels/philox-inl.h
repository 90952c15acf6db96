// Philox 4x32-10 (mlpcore/philox.h) for many counters at a time.
#ifndef MLPCORE_KERNELS_PHILOX_INL_H_
#define MLPCORE_KERNELS_PHILOX_INL_H_

#include "kernels/kernel_table.h"
#include "mlpcore/philox.h"
#include "simd/vec-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Round by round over arrays, because that is the form in which GCC and Clang find the
// 32-bit multiplication with a 64-bit product in every instruction set: 2.8 ns a block
// with AVX-512 and 5 with SSE2, against 10.6 block by block. (GCC 12 multiplies vectors
// of 64 bits in three steps, and with fewer blocks unrolls the loop first and then does
// not vectorise it.)
void RandomBlocks(uint32_t* words, ptrdiff_t blocks, uint64_t seed, uint64_t stream,
                  uint64_t first) {
  constexpr ptrdiff_t kMost = 64;  // 1 KB of counters
  for (ptrdiff_t done = 0; done < blocks; done += kMost) {
    const ptrdiff_t left = RoundUp(blocks - done, kRandomBlocksUnit);
    const ptrdiff_t n = left < kMost ? left : kMost;
    alignas(kCacheLine) uint32_t c0[kMost], c1[kMost], c2[kMost], c3[kMost];
    for (ptrdiff_t i = 0; i < n; ++i) {
      const uint64_t index = first + static_cast<uint64_t>(done + i);
      c0[i] = static_cast<uint32_t>(index);
      c1[i] = static_cast<uint32_t>(index >> 32);
      c2[i] = static_cast<uint32_t>(stream);
      c3[i] = static_cast<uint32_t>(stream >> 32);
    }
    uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
    for (int round = 0; round < kPhiloxRounds; ++round) {
      for (ptrdiff_t i = 0; i < n; ++i) {
        const uint64_t p0 = kPhiloxMultiplier0 * c0[i], p1 = kPhiloxMultiplier1 * c2[i];
        c0[i] = static_cast<uint32_t>(p1 >> 32) ^ c1[i] ^ k0;
        c1[i] = static_cast<uint32_t>(p1);
        c2[i] = static_cast<uint32_t>(p0 >> 32) ^ c3[i] ^ k1;
        c3[i] = static_cast<uint32_t>(p0);
      }
      k0 += kPhiloxWeyl0;
      k1 += kPhiloxWeyl1;
    }
    uint32_t* __restrict to = words + 4 * done;
    for (ptrdiff_t i = 0; i < n; ++i) {
      to[4 * i] = c0[i];
      to[4 * i + 1] = c1[i];
      to[4 * i + 2] = c2[i];
      to[4 * i + 3] = c3[i];
    }
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_PHILOX_INL_H_
