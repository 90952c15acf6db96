// The kernels for AVX2 with FMA: Haswell (2013), Zen (2017) and later.
#define MLPCORE_ISA avx2
#define MLPCORE_VEC_BYTES 32
#define MLPCORE_SIMD_OPS "simd/ops_avx2-inl.h"
#define MLPCORE_TILE_ROWS 6
#define MLPCORE_TILE_PANELS 1
#include "kernels/table-inl.h"
