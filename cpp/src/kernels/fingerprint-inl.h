// A number that tells whether bytes have changed (mlpcore/fingerprint.h).
#ifndef MLPCORE_KERNELS_FINGERPRINT_INL_H_
#define MLPCORE_KERNELS_FINGERPRINT_INL_H_

#include "kernels/kernel_table.h"
#include "simd/vec-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Eight chains, in as many registers as that takes.
typedef uint64_t Chains __attribute__((vector_size(64)));

// One-to-one in either argument. The product, with 2^64 by the golden ratio (Knuth
// 1998, 6.4), takes a change upwards, the shift down again: two signs would cancel
// otherwise.
template <typename U>
MLPCORE_INLINE U Mix(U state, U word) {
  const U product = (state ^ word) * 0x9E3779B97F4A7C15;
  return product ^ product >> 32;
}

// 32 chains hide the latency of a step. Memory is asked 4 KB ahead, as in AllFinite.
// With AVX-512, which multiplies 64 bits at once, it reads 59 to 97 GB/s, with AVX2 and
// SSE2 13 to 17 (Zen 5).
uint64_t Fingerprint(const void* data, ptrdiff_t bytes) {
  constexpr int kGroups = 4;
  constexpr ptrdiff_t kBlock = kGroups * ptrdiff_t{sizeof(Chains)}, kAhead = 4096;
  Chains chains[kGroups], words[kGroups];
  for (int g = 0; g < kGroups; ++g) {
    const uint64_t first = static_cast<uint64_t>(g) * 8;
    chains[g] = Chains{1, 2, 3, 4, 5, 6, 7, 8} + first;
  }
  const char* from = static_cast<const char*>(data);
  ptrdiff_t left = bytes;
  for (; left >= kBlock; left -= kBlock) {
    for (ptrdiff_t line = 0; line < kBlock; line += kCacheLine) {
      __builtin_prefetch(from + kAhead + line);
    }
    memcpy(words, from, sizeof words);
    for (int g = 0; g < kGroups; ++g) chains[g] = Mix(chains[g], words[g]);
    from += kBlock;
  }
  memset(words, 0, sizeof words);
  if (left > 0) memcpy(words, from, static_cast<size_t>(left));
  uint64_t all = static_cast<uint64_t>(bytes);
  for (int g = 0; g < kGroups; ++g) {
    // Once for the last words, and twice because their changes are in few bits so far.
    Chains c = Mix(chains[g], words[g]);
    c = Mix(Mix(c, Chains{}), Chains{});
    for (int i = 0; i < 8; ++i) all = Mix(all, uint64_t{c[i]});
  }
  return all;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_FINGERPRINT_INL_H_
