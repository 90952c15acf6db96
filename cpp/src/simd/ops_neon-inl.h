// What the vector extension lacks, for AArch64 (Advanced SIMD, always with FMA).
#include <arm_neon.h>

#include "simd/partial-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

constexpr bool kHasFma = true;

MLPCORE_INLINE V<float> MulAdd(V<float> a, V<float> b, V<float> c) {
  return (V<float>)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
MLPCORE_INLINE V<double> MulAdd(V<double> a, V<double> b, V<double> c) {
  return (V<double>)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
MLPCORE_INLINE V<float> NegMulAdd(V<float> a, V<float> b, V<float> c) {
  return (V<float>)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
MLPCORE_INLINE V<double> NegMulAdd(V<double> a, V<double> b, V<double> c) {
  return (V<double>)vfmsq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
}
MLPCORE_INLINE V<float> Sqrt(V<float> v) {
  return (V<float>)vsqrtq_f32((float32x4_t)v);
}
MLPCORE_INLINE V<double> Sqrt(V<double> v) {
  return (V<double>)vsqrtq_f64((float64x2_t)v);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore
