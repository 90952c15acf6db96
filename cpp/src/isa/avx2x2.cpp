// Tests only: the shapes of the AVX-512 kernels, on pairs of AVX2 registers.
#define MLPCORE_ISA avx2x2
#define MLPCORE_VEC_BYTES 64
#define MLPCORE_SIMD_OPS "simd/ops_avx2x2-inl.h"
#define MLPCORE_TILE_ROWS 12
#define MLPCORE_TILE_PANELS 2
#include "kernels/table-inl.h"
