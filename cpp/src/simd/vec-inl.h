// V<T>: one vector register of T, for the instruction set this file is compiled for.
//
// The compilers' vector extension (GCC and Clang: __attribute__((vector_size))) gives
// + - * / & | ^ << >> comparisons and mask ? a : b lane by lane, the same expression
// on every instruction set. What it does not give (fused multiply-add, square root,
// loads and stores of the first n lanes) comes from one small file per instruction
// set, included at the end. Nothing else in the library names an intrinsic.
//
// Preconditions: the including source defines
//   MLPCORE_ISA        the namespace of this instruction set, e.g. avx2
//   MLPCORE_VEC_BYTES  the width of a vector: 16, 32 or 64
//   MLPCORE_SIMD_OPS   the file that has the rest, e.g. "simd/ops_avx2-inl.h"
// and includes no header of the standard library that defines functions: the linker
// may keep the AVX copy of a shared inline function and crash an older processor.
#ifndef MLPCORE_SIMD_VEC_INL_H_
#define MLPCORE_SIMD_VEC_INL_H_

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MLPCORE_INLINE inline __attribute__((always_inline))

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// IEEE 754 layout of T, and the integer that has T's size.
template <typename T>
struct Float;
template <>
struct Float<float> {
  using Int = int32_t;
  using Uint = uint32_t;
  static constexpr int kMantissaBits = 23;
  static constexpr int kExponentBias = 127;
};
template <>
struct Float<double> {
  using Int = int64_t;
  using Uint = uint64_t;
  static constexpr int kMantissaBits = 52;
  static constexpr int kExponentBias = 1023;
};

template <typename T>
struct VectorOf {
  typedef T Type __attribute__((vector_size(MLPCORE_VEC_BYTES)));
};

// A vector of T; of signed integers of T's size (also the masks: 0 or -1 a lane); of
// unsigned ones.
template <typename T>
using V = typename VectorOf<T>::Type;
template <typename T>
using I = typename VectorOf<typename Float<T>::Int>::Type;
template <typename T>
using U = typename VectorOf<typename Float<T>::Uint>::Type;

template <typename T>
constexpr int kLanes = MLPCORE_VEC_BYTES / static_cast<int>(sizeof(T));

// Half a register, for the narrow tiles of instruction sets with 512 bits.
template <typename T>
struct HalfOf {
  typedef T Type __attribute__((vector_size(MLPCORE_VEC_BYTES / 2)));
};
template <typename T>
using HalfV = typename HalfOf<T>::Type;

template <typename T>
MLPCORE_INLINE V<T> Set(T value) {
  return value - V<T>{};  // x - (+0) is x, -0 and NaN included; folds to a broadcast
}

template <typename T>
MLPCORE_INLINE V<T> Load(const T* p) {
  V<T> v;
  memcpy(&v, p, sizeof v);
  return v;
}

template <typename T>
MLPCORE_INLINE void Store(V<T> v, T* p) {
  memcpy(p, &v, sizeof v);
}

// The same bits, seen as integers or as floats.
template <typename T>
MLPCORE_INLINE I<T> Bits(V<T> v) {
  return (I<T>)v;
}
template <typename T>
MLPCORE_INLINE V<T> FromBits(I<T> bits) {
  return (V<T>)bits;
}

// 0, 1, 2, ... as integers.
template <typename T>
MLPCORE_INLINE I<T> Iota() {
  I<T> lane;
  for (int i = 0; i < kLanes<T>; ++i) lane[i] = i;
  return lane;
}

// NaN in the comparison selects b, as mask ? a : b does everywhere.
template <typename T>
MLPCORE_INLINE V<T> Select(I<T> mask, V<T> a, V<T> b) {
  return mask ? a : b;
}

template <typename T>
constexpr typename Float<T>::Int kSignBit = static_cast<typename Float<T>::Int>(
    typename Float<T>::Uint{1} << (8 * sizeof(T) - 1));

template <typename T>
MLPCORE_INLINE V<T> Abs(V<T> v) {
  return FromBits<T>(Bits<T>(v) & ~kSignBit<T>);
}

// |magnitude| with the sign of `sign`.
template <typename T>
MLPCORE_INLINE V<T> CopySign(V<T> magnitude, V<T> sign) {
  return FromBits<T>((Bits<T>(magnitude) & ~kSignBit<T>) |
                     (Bits<T>(sign) & kSignBit<T>));
}

template <typename T>
MLPCORE_INLINE V<T> Max(V<T> a, V<T> b) {
  return a > b ? a : b;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

// kHasFma; MulAdd(a, b, c) = a * b + c (with 512 bits for HalfV, too) and NegMulAdd(a,
// b, c) = c - a * b, rounded once where there is FMA; Sqrt; AtMost(v, bound) and
// AtLeast(v, bound), in which NaN stays NaN (GCC 12 does not find the one instruction
// they are in a comparison with a constant); LoadN and StoreN of the first n lanes, n
// in [0, kLanes], which touch no memory past them (LoadN: 0 in the other lanes).
#include MLPCORE_SIMD_OPS

#endif  // MLPCORE_SIMD_VEC_INL_H_
