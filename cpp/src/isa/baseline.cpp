// The kernels for x86-64 as it was born (SSE2), and for any other processor.
#define MLPCORE_ISA baseline
#define MLPCORE_VEC_BYTES 16
#define MLPCORE_SIMD_OPS "simd/ops_baseline-inl.h"
#define MLPCORE_TILE_ROWS 2
#define MLPCORE_TILE_PANELS 1
#include "kernels/table-inl.h"
