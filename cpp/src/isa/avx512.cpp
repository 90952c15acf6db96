// The kernels for AVX-512 F, DQ, BW and VL: Skylake-X (2017), Zen 4 (2022) and later.
#define MLPCORE_ISA avx512
#define MLPCORE_VEC_BYTES 64
#define MLPCORE_SIMD_OPS "simd/ops_avx512-inl.h"
#define MLPCORE_TILE_ROWS 12
#define MLPCORE_TILE_PANELS 2
#include "kernels/table-inl.h"
