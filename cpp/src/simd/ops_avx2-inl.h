// What the vector extension lacks, for AVX2 with FMA3 (Haswell, Zen and later).
#include <immintrin.h>

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

constexpr bool kHasFma = true;

MLPCORE_INLINE V<float> MulAdd(V<float> a, V<float> b, V<float> c) {
  return _mm256_fmadd_ps(a, b, c);
}
MLPCORE_INLINE V<double> MulAdd(V<double> a, V<double> b, V<double> c) {
  return _mm256_fmadd_pd(a, b, c);
}
MLPCORE_INLINE V<float> NegMulAdd(V<float> a, V<float> b, V<float> c) {
  return _mm256_fnmadd_ps(a, b, c);
}
MLPCORE_INLINE V<double> NegMulAdd(V<double> a, V<double> b, V<double> c) {
  return _mm256_fnmadd_pd(a, b, c);
}
MLPCORE_INLINE V<float> Sqrt(V<float> v) { return _mm256_sqrt_ps(v); }
MLPCORE_INLINE V<double> Sqrt(V<double> v) { return _mm256_sqrt_pd(v); }

// These two instructions return their second operand if either is NaN.
MLPCORE_INLINE V<float> AtMost(V<float> v, float bound) {
  return _mm256_min_ps(Set(bound), v);
}
MLPCORE_INLINE V<double> AtMost(V<double> v, double bound) {
  return _mm256_min_pd(Set(bound), v);
}
MLPCORE_INLINE V<float> AtLeast(V<float> v, float bound) {
  return _mm256_max_ps(Set(bound), v);
}
MLPCORE_INLINE V<double> AtLeast(V<double> v, double bound) {
  return _mm256_max_pd(Set(bound), v);
}

// All ones in the first n lanes.
template <typename T>
MLPCORE_INLINE __m256i FirstLanes(ptrdiff_t n) {
  return (__m256i)(Iota<T>() < static_cast<typename Float<T>::Int>(n));
}

MLPCORE_INLINE V<float> LoadN(const float* p, ptrdiff_t n) {
  return _mm256_maskload_ps(p, FirstLanes<float>(n));
}
MLPCORE_INLINE V<double> LoadN(const double* p, ptrdiff_t n) {
  return _mm256_maskload_pd(p, FirstLanes<double>(n));
}
MLPCORE_INLINE void StoreN(V<float> v, float* p, ptrdiff_t n) {
  _mm256_maskstore_ps(p, FirstLanes<float>(n), v);
}
MLPCORE_INLINE void StoreN(V<double> v, double* p, ptrdiff_t n) {
  _mm256_maskstore_pd(p, FirstLanes<double>(n), v);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore
