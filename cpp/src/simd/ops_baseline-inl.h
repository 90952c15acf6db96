// What the vector extension lacks, in portable C++: x86-64 without FMA (SSE2), and any
// processor that has no file of its own. The product is rounded before the sum.
#include "simd/partial-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

constexpr bool kHasFma = false;

MLPCORE_INLINE V<float> MulAdd(V<float> a, V<float> b, V<float> c) { return a * b + c; }
MLPCORE_INLINE V<double> MulAdd(V<double> a, V<double> b, V<double> c) {
  return a * b + c;
}
MLPCORE_INLINE V<float> NegMulAdd(V<float> a, V<float> b, V<float> c) {
  return c - a * b;
}
MLPCORE_INLINE V<double> NegMulAdd(V<double> a, V<double> b, V<double> c) {
  return c - a * b;
}
MLPCORE_INLINE V<float> Sqrt(V<float> v) {
  for (int i = 0; i < kLanes<float>; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
}
MLPCORE_INLINE V<double> Sqrt(V<double> v) {
  for (int i = 0; i < kLanes<double>; ++i) v[i] = __builtin_sqrt(v[i]);
  return v;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore
