// What a training takes for 0, so that it does not end up among subnormal numbers, with
// which processors are slow (see bench/NOTES.md): rows that the network is sure of, and
// units that L2 has shrunk, make nothing else.
#ifndef MLPCORE_KERNELS_TINY_GRADIENT_INL_H_
#define MLPCORE_KERNELS_TINY_GRADIENT_INL_H_

#include "kernels/math_exp-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Below it (1 - b2) g^2 is subnormal for b2 = 0.999: 2^-10 g^2 < 2^-126, or 2^-1022.
// That is nothing beside Adam's epsilon.
template <typename T>
constexpr T kLeastGradient = sizeof(T) == 4 ? T(0x1p-58) : T(0x1p-506);

template <typename T>
MLPCORE_INLINE V<T> DropBelow(T least, V<T> v) {
  return Select<T>(Abs<T>(v) < least, V<T>{}, v);
}

// Of dz, if it is a training's. float64 does not come near: e^-352, the probability of
// a class, was not worth 3 % of a step of 24-8-2.
template <typename T>
class DropTiny {
 public:
  explicit MLPCORE_INLINE DropTiny(bool drops)
      : least_(drops ? kLeastGradient<T> : T(0)) {}
  MLPCORE_INLINE V<T> operator()(V<T> dz) const {
    return sizeof(T) == 8 ? dz : DropBelow<T>(least_, dz);
  }

 private:
  T least_;
};

// Below it a training takes e^x, the probability of a class that is as good as
// excluded, for 0. e^-75 = 2^-108 is still normal when it is divided by the number of
// rows, and what becomes of it is dropped there.
template <typename T>
MLPCORE_INLINE T LeastExponent(bool drops) {
  return sizeof(T) == 4 && drops ? T(-75) : ExpConstants<T>::kVanishes;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_TINY_GRADIENT_INL_H_
