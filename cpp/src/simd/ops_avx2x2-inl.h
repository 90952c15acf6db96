// What the vector extension lacks, for vectors of 512 bits made of two AVX2 registers.
// Compiled for the tests only: it runs the shapes and tails of the AVX-512 table on
// processors without AVX-512.
#include <immintrin.h>

#include "simd/partial-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

constexpr bool kHasFma = true;

template <typename T>
struct Halves {
  HalfV<T> lo, hi;
  explicit MLPCORE_INLINE Halves(V<T> v) { memcpy(this, &v, sizeof v); }
  MLPCORE_INLINE Halves(HalfV<T> low, HalfV<T> high) : lo(low), hi(high) {}
  MLPCORE_INLINE V<T> Join() const {
    V<T> v;
    memcpy(&v, this, sizeof v);
    return v;
  }
};
using Floats = Halves<float>;
using Doubles = Halves<double>;

MLPCORE_INLINE HalfV<float> MulAdd(HalfV<float> a, HalfV<float> b, HalfV<float> c) {
  return _mm256_fmadd_ps(a, b, c);
}
MLPCORE_INLINE HalfV<double> MulAdd(HalfV<double> a, HalfV<double> b, HalfV<double> c) {
  return _mm256_fmadd_pd(a, b, c);
}
MLPCORE_INLINE V<float> MulAdd(V<float> a, V<float> b, V<float> c) {
  const Floats x(a), y(b), z(c);
  return Floats(MulAdd(x.lo, y.lo, z.lo), MulAdd(x.hi, y.hi, z.hi)).Join();
}
MLPCORE_INLINE V<double> MulAdd(V<double> a, V<double> b, V<double> c) {
  const Doubles x(a), y(b), z(c);
  return Doubles(MulAdd(x.lo, y.lo, z.lo), MulAdd(x.hi, y.hi, z.hi)).Join();
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
