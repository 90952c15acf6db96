// Random numbers by address: see mlpcore/philox.h.
#ifndef MLPCORE_RANDOM_H_
#define MLPCORE_RANDOM_H_

#include "mlpcore/types.h"

namespace mlpcore {

// Uniform in [0, 1), 53 bits each; element i is a function of (seed, stream, i).
void Uniform(double* out, ptrdiff_t n, uint64_t seed, uint64_t stream);

// A uniformly random permutation of 0 .. n-1.
void Permutation(int64_t* out, ptrdiff_t n, uint64_t seed, uint64_t stream);

// Makes the columns of a (rows, cols), rows >= cols, orthonormal, by modified
// Gram-Schmidt: the Q of a QR decomposition, in the same bits on every machine.
void Orthonormalize(double* a, ptrdiff_t rows, ptrdiff_t cols);

}  // namespace mlpcore

#endif  // MLPCORE_RANDOM_H_
