// What the vector extension lacks, for AVX-512 F, DQ, BW and VL (Skylake-X, Zen 4).
#include <immintrin.h>

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

constexpr bool kHasFma = true;

MLPCORE_INLINE V<float> MulAdd(V<float> a, V<float> b, V<float> c) {
  return _mm512_fmadd_ps(a, b, c);
}
MLPCORE_INLINE V<double> MulAdd(V<double> a, V<double> b, V<double> c) {
  return _mm512_fmadd_pd(a, b, c);
}
MLPCORE_INLINE HalfV<float> MulAdd(HalfV<float> a, HalfV<float> b, HalfV<float> c) {
  return _mm256_mask_fmadd_ps(a, 0xFF, b, c);
}
MLPCORE_INLINE HalfV<double> MulAdd(HalfV<double> a, HalfV<double> b, HalfV<double> c) {
  return _mm256_mask_fmadd_pd(a, 0xF, b, c);
}
MLPCORE_INLINE V<float> NegMulAdd(V<float> a, V<float> b, V<float> c) {
  return _mm512_fnmadd_ps(a, b, c);
}
MLPCORE_INLINE V<double> NegMulAdd(V<double> a, V<double> b, V<double> c) {
  return _mm512_fnmadd_pd(a, b, c);
}
// With a full mask: GCC 12 warns of an uninitialised value in its own _mm512_sqrt_ps.
MLPCORE_INLINE V<float> Sqrt(V<float> v) { return _mm512_maskz_sqrt_ps(0xFFFF, v); }
MLPCORE_INLINE V<double> Sqrt(V<double> v) { return _mm512_maskz_sqrt_pd(0xFF, v); }

// These two instructions return their second operand if either is NaN.
MLPCORE_INLINE V<float> AtMost(V<float> v, float bound) {
  return _mm512_maskz_min_ps(0xFFFF, Set(bound), v);
}
MLPCORE_INLINE V<double> AtMost(V<double> v, double bound) {
  return _mm512_maskz_min_pd(0xFF, Set(bound), v);
}
MLPCORE_INLINE V<float> AtLeast(V<float> v, float bound) {
  return _mm512_maskz_max_ps(0xFFFF, Set(bound), v);
}
MLPCORE_INLINE V<double> AtLeast(V<double> v, double bound) {
  return _mm512_maskz_max_pd(0xFF, Set(bound), v);
}

MLPCORE_INLINE V<float> LoadN(const float* p, ptrdiff_t n) {
  return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p);
}
MLPCORE_INLINE V<double> LoadN(const double* p, ptrdiff_t n) {
  return _mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p);
}
MLPCORE_INLINE void StoreN(V<float> v, float* p, ptrdiff_t n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), v);
}
MLPCORE_INLINE void StoreN(V<double> v, double* p, ptrdiff_t n) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), v);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore
