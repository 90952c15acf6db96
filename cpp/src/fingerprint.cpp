#include "mlpcore/fingerprint.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "pool.h"

namespace mlpcore {
namespace {

// One-to-one in either argument. The product, with 2^64 by the golden ratio (Knuth
// 1998, 6.4), takes a change upwards, the shift down again: two signs would cancel
// otherwise.
uint64_t Mix(uint64_t state, uint64_t word) {
  const uint64_t product = (state ^ word) * 0x9E3779B97F4A7C15;
  return product ^ product >> 32;
}

// Eight chains, because a step takes six cycles and one may begin in each.
uint64_t OfPart(const char* from, size_t bytes) {
  constexpr size_t kChains = 8;
  uint64_t chain[kChains] = {1, 2, 3, 4, 5, 6, 7, 8}, words[kChains];
  const auto mix = [&] {
    for (size_t i = 0; i < kChains; ++i) chain[i] = Mix(chain[i], words[i]);
  };
  size_t left = bytes;
  for (; left >= sizeof words; left -= sizeof words) {
    std::memcpy(words, from, sizeof words);
    mix();
    from += sizeof words;
  }
  std::fill_n(words, kChains, 0);
  if (left > 0) std::memcpy(words, from, left);
  mix();
  uint64_t all = bytes;
  // Changes of the last words are in few bits so far.
  for (const uint64_t state : chain) all = Mix(all, Mix(Mix(state, 0), 0));
  return all;
}

}  // namespace

uint64_t Fingerprint(const void* data, size_t bytes) {
  constexpr size_t kPart = size_t{256} << 10;  // some 15 us
  const char* from = static_cast<const char*>(data);
  if (bytes <= kPart) return OfPart(from, bytes);
  std::vector<uint64_t> parts(DivUp(bytes, kPart));
  const int threads = ThreadsFor(kWorkOfFingerprint * static_cast<double>(bytes));
  ParallelFor(static_cast<ptrdiff_t>(parts.size()), threads, [&](ptrdiff_t task) {
    const size_t part = static_cast<size_t>(task), first = part * kPart;
    parts[part] = OfPart(from + first, std::min(kPart, bytes - first));
  });
  return OfPart(reinterpret_cast<const char*>(parts.data()),
                parts.size() * sizeof(uint64_t));
}

}  // namespace mlpcore
