// The kernels for AArch64: Advanced SIMD, which every 64-bit ARM has.
#define MLPCORE_ISA neon
#define MLPCORE_VEC_BYTES 16
#define MLPCORE_SIMD_OPS "simd/ops_neon-inl.h"
#define MLPCORE_TILE_ROWS 6
#define MLPCORE_TILE_PANELS 1
#include "kernels/table-inl.h"
