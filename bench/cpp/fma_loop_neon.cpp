#define MLPCORE_ISA neon
#define MLPCORE_VEC_BYTES 16
#define MLPCORE_SIMD_OPS "simd/ops_neon-inl.h"
#include "fma_loop-inl.h"
