// A number that tells whether an array has changed.
#ifndef MLPCORE_FINGERPRINT_H_
#define MLPCORE_FINGERPRINT_H_

#include <cstddef>
#include <cstdint>

namespace mlpcore {

// What a byte costs, in multiply-adds (some 100 a ns): 13 to 90 are read in a ns.
constexpr double kWorkOfFingerprint = 2;

// Of the bytes of an array. Other bytes have the same one by chance only, 1 in 2^64.
uint64_t Fingerprint(const void* data, ptrdiff_t bytes);

}  // namespace mlpcore

#endif  // MLPCORE_FINGERPRINT_H_
