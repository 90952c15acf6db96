// Random numbers by address (see mlpcore/philox.h), and NumPy's shuffle.
#ifndef MLPCORE_RANDOM_H_
#define MLPCORE_RANDOM_H_

#include "mlpcore/types.h"

namespace mlpcore {

// Uniform in [0, 1), 53 bits each; element i is a function of (seed, stream, i).
void Uniform(double* out, ptrdiff_t n, uint64_t seed, uint64_t stream);

// A uniformly random permutation of 0 .. n-1.
void Permutation(int64_t* out, ptrdiff_t n, uint64_t seed, uint64_t stream);

// NumPy's interface to a bit generator (numpy/random/bitgen.h).
struct NumpyBitGenerator {
  void* state;
  uint64_t (*next_uint64)(void*);
  uint32_t (*next_uint32)(void*);
  double (*next_double)(void*);
  uint64_t (*next_raw)(void*);
};

// What numpy.random.RandomState.shuffle does to x: the same draws, the same order.
void ShuffleAsNumpy(int64_t* x, ptrdiff_t n, const NumpyBitGenerator& bits);

// Makes the columns of a (rows, cols), rows >= cols, orthonormal, by modified
// Gram-Schmidt: the Q of a QR decomposition, in the same bits on every machine.
void Orthonormalize(double* a, ptrdiff_t rows, ptrdiff_t cols);

}  // namespace mlpcore

#endif  // MLPCORE_RANDOM_H_
