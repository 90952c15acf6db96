// What can be said portably: LoadN and StoreN for instruction sets without masked
// memory operations, AtMost and AtLeast.
#ifndef MLPCORE_SIMD_PARTIAL_INL_H_
#define MLPCORE_SIMD_PARTIAL_INL_H_

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
MLPCORE_INLINE V<T> LoadN(const T* p, ptrdiff_t n) {
  V<T> v{};
  memcpy(&v, p, static_cast<size_t>(n) * sizeof(T));
  return v;
}
template <typename T>
MLPCORE_INLINE void StoreN(V<T> v, T* p, ptrdiff_t n) {
  memcpy(p, &v, static_cast<size_t>(n) * sizeof(T));
}

template <typename T>
MLPCORE_INLINE V<T> AtMost(V<T> v, T bound) {
  return Select<T>(v > bound, Set(bound), v);
}
template <typename T>
MLPCORE_INLINE V<T> AtLeast(V<T> v, T bound) {
  return Select<T>(v < bound, Set(bound), v);
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_SIMD_PARTIAL_INL_H_
