#define MLPCORE_ISA baseline
#define MLPCORE_VEC_BYTES 16
#define MLPCORE_SIMD_OPS "simd/ops_baseline-inl.h"
#include "fma_loop-inl.h"
