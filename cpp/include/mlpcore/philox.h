// Philox 4x32-10, the counter-based generator of Salmon et al. 2011, "Parallel random
// numbers: as easy as 1, 2, 3". A number is a function of (seed, stream, index): it
// depends on no thread and on no number drawn before it.
#ifndef MLPCORE_PHILOX_H_
#define MLPCORE_PHILOX_H_

#include "mlpcore/types.h"

namespace mlpcore {

// Four words for one counter.
struct PhiloxBlock {
  uint32_t word[4];
};

// Multipliers and Weyl increments of the paper, table 2 and section 4.
constexpr uint64_t kPhiloxMultiplier0 = 0xD2511F53, kPhiloxMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;
constexpr int kPhiloxRounds = 10;

// One block; kernels/philox-inl.h computes many.
MLPCORE_ALWAYS_INLINE PhiloxBlock Philox(uint64_t seed, uint64_t stream,
                                         uint64_t index) {
  uint32_t c0 = static_cast<uint32_t>(index), c1 = static_cast<uint32_t>(index >> 32);
  uint32_t c2 = static_cast<uint32_t>(stream), c3 = static_cast<uint32_t>(stream >> 32);
  uint32_t k0 = static_cast<uint32_t>(seed), k1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < kPhiloxRounds; ++round) {
    const uint64_t p0 = kPhiloxMultiplier0 * c0, p1 = kPhiloxMultiplier1 * c2;
    c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
    c1 = static_cast<uint32_t>(p1);
    c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c3 = static_cast<uint32_t>(p0);
    k0 += kPhiloxWeyl0;
    k1 += kPhiloxWeyl1;
  }
  return {{c0, c1, c2, c3}};
}

// What a stream is for: the top byte. Below it, the layer (16 bits) and the optimizer
// step, or the epoch (40 bits).
enum class StreamKind : uint64_t { kInit = 1, kShuffle = 2, kDropout = 3 };

MLPCORE_ALWAYS_INLINE uint64_t StreamOf(StreamKind kind, uint64_t layer,
                                        uint64_t step) {
  return static_cast<uint64_t>(kind) << 56 | (layer & 0xFFFF) << 40 |
         (step & 0xFFFFFFFFFF);
}

}  // namespace mlpcore

#endif  // MLPCORE_PHILOX_H_
