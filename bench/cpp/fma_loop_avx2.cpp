#define MLPCORE_ISA avx2
#define MLPCORE_VEC_BYTES 32
#define MLPCORE_SIMD_OPS "simd/ops_avx2-inl.h"
#include "fma_loop-inl.h"
