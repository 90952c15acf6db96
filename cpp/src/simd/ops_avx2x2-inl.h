// What the vector extension lacks, for vectors of 512 bits made of two AVX2 registers.
// Compiled for the tests only: it runs the shapes and tails of the AVX-512 table on
// processors without AVX-512.
#include <immintrin.h>

#include "simd/partial-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

constexpr bool kHasFma = true;

// Half of a vector, as the vector extension's type: __m256 itself carries attributes
// that a template argument loses.
typedef float HalfFloats __attribute__((vector_size(32)));
typedef double HalfDoubles __attribute__((vector_size(32)));

template <typename T, typename Half>
struct Halves {
  Half lo, hi;
  explicit MLPCORE_INLINE Halves(V<T> v) { memcpy(this, &v, sizeof v); }
  MLPCORE_INLINE Halves(Half low, Half high) : lo(low), hi(high) {}
  MLPCORE_INLINE V<T> Join() const {
    V<T> v;
    memcpy(&v, this, sizeof v);
    return v;
  }
};
using Floats = Halves<float, HalfFloats>;
using Doubles = Halves<double, HalfDoubles>;

MLPCORE_INLINE V<float> MulAdd(V<float> a, V<float> b, V<float> c) {
  const Floats x(a), y(b), z(c);
  return Floats(_mm256_fmadd_ps(x.lo, y.lo, z.lo), _mm256_fmadd_ps(x.hi, y.hi, z.hi))
      .Join();
}
MLPCORE_INLINE V<double> MulAdd(V<double> a, V<double> b, V<double> c) {
  const Doubles x(a), y(b), z(c);
  return Doubles(_mm256_fmadd_pd(x.lo, y.lo, z.lo), _mm256_fmadd_pd(x.hi, y.hi, z.hi))
      .Join();
}
MLPCORE_INLINE V<float> NegMulAdd(V<float> a, V<float> b, V<float> c) {
  return MulAdd(-a, b, c);
}
MLPCORE_INLINE V<double> NegMulAdd(V<double> a, V<double> b, V<double> c) {
  return MulAdd(-a, b, c);
}
MLPCORE_INLINE V<float> Sqrt(V<float> v) {
  const Floats x(v);
  return Floats(_mm256_sqrt_ps(x.lo), _mm256_sqrt_ps(x.hi)).Join();
}
MLPCORE_INLINE V<double> Sqrt(V<double> v) {
  const Doubles x(v);
  return Doubles(_mm256_sqrt_pd(x.lo), _mm256_sqrt_pd(x.hi)).Join();
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore
