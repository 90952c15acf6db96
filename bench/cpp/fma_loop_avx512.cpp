#define MLPCORE_ISA avx512
#define MLPCORE_VEC_BYTES 64
#define MLPCORE_SIMD_OPS "simd/ops_avx512-inl.h"
#include "fma_loop-inl.h"
