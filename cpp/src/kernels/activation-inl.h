// The activations: phi(z), and phi' from the output or from z.
//
// To add one: a name in mlpcore/types.h, a struct here, a line in WithActivation.
#ifndef MLPCORE_KERNELS_ACTIVATION_INL_H_
#define MLPCORE_KERNELS_ACTIVATION_INL_H_

#include "kernels/math-inl.h"
#include "kernels/tiny_gradient-inl.h"
#include "kernels/vectors-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Value(z) = phi(z). Those with phi' a function of y = phi(z) have FromOutput(y); the
// others have Both(z), whose value has the bits of Value(z).
template <typename T>
struct IdentityFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return z; }
  static MLPCORE_INLINE V<T> FromOutput(V<T>) { return Set<T>(1); }
};

template <typename T>
struct SigmoidFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Sigmoid<T>(z); }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) { return y * (T(1) - y); }
};

template <typename T>
struct TanhFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Tanh<T>(z); }
  // (1 - y)(1 + y) keeps the digits that 1 - y * y loses when |y| is near 1.
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) { return (T(1) - y) * (T(1) + y); }
};

template <typename T>
struct ReluFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Select<T>(z < T(0), V<T>{}, z); }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) {
    return Select<T>(y > T(0), Set<T>(1), V<T>{});
  }
};

template <typename T>
struct LeakyReluFn {
  static constexpr T kSlope = static_cast<T>(kLeakyReluSlope);
  static MLPCORE_INLINE V<T> Value(V<T> z) {
    return Select<T>(z < T(0), z * kSlope, z);
  }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) {
    return Select<T>(y > T(0), Set<T>(1), Set<T>(kSlope));
  }
};

// Clevert et al. 2016, with alpha = 1: y + 1 = exp(z) where z < 0.
template <typename T>
struct EluFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) {
    return Select<T>(z < T(0), Expm1<T>(z), z);
  }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) {
    return Select<T>(y < T(0), y + T(1), Set<T>(1));
  }
};

template <typename T>
struct SeluFn {
  static constexpr T kScale = static_cast<T>(kSeluScale);
  static constexpr T kAlpha = static_cast<T>(kSeluScale * kSeluAlpha);
  static MLPCORE_INLINE V<T> Value(V<T> z) {
    return Select<T>(z < T(0), Expm1<T>(z) * kAlpha, z * kScale);
  }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) {
    return Select<T>(y < T(0), y + kAlpha, Set<T>(kScale));
  }
};

template <typename T>
struct ExpFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Exp<T>(z); }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) { return y; }
};

template <typename T>
struct GeluFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Gelu<T>(z); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z) {
    return GeluWithDerivative<T>(z);
  }
};

template <typename T>
struct SiluFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Silu<T>(z); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z) {
    return SiluWithDerivative<T>(z);
  }
};

template <typename T>
struct MishFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Mish<T>(z); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z) {
    return MishWithDerivative<T>(z);
  }
};

template <typename T>
struct SoftplusFn {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Softplus<T>(z); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z) {
    return SoftplusWithDerivative<T>(z);
  }
};

// use(phi, from_output): phi is the activation's struct; from_output tells at compile
// time whether it has FromOutput or Both. Softmax is a row's affair: here it is z.
template <bool kValue>
struct Constant {
  static constexpr bool value = kValue;
};
template <typename T, typename Use>
MLPCORE_INLINE void WithActivation(Activation activation, Use use) {
  constexpr Constant<true> kFromOutput;
  constexpr Constant<false> kFromField;
  switch (activation) {
    case Activation::kSigmoid:
      return use(SigmoidFn<T>{}, kFromOutput);
    case Activation::kTanh:
      return use(TanhFn<T>{}, kFromOutput);
    case Activation::kRelu:
      return use(ReluFn<T>{}, kFromOutput);
    case Activation::kLeakyRelu:
      return use(LeakyReluFn<T>{}, kFromOutput);
    case Activation::kElu:
      return use(EluFn<T>{}, kFromOutput);
    case Activation::kSelu:
      return use(SeluFn<T>{}, kFromOutput);
    case Activation::kExp:
      return use(ExpFn<T>{}, kFromOutput);
    case Activation::kGelu:
      return use(GeluFn<T>{}, kFromField);
    case Activation::kSilu:
      return use(SiluFn<T>{}, kFromField);
    case Activation::kMish:
      return use(MishFn<T>{}, kFromField);
    case Activation::kSoftplus:
      return use(SoftplusFn<T>{}, kFromField);
    case Activation::kIdentity:
    case Activation::kSoftmax:
    case Activation::kCount:
      return use(IdentityFn<T>{}, kFromOutput);
  }
}

// Whether a product's tile applies it, or leaves z as it is.
constexpr bool IsAppliedInTile(Activation activation) {
  return activation == Activation::kRelu || activation == Activation::kIdentity ||
         activation == Activation::kSoftmax;
}

// padded: the rows of y and derivative have room for whole panels, and it may be used.
template <typename T>
void Activate(Activation activation, Rows<T> y, Rows<T> derivative, Rows<const T> z,
              ptrdiff_t rows, ptrdiff_t n, bool padded) {
  // Rows without gaps are one long row: narrow ones fill no vector by themselves.
  if (y.stride == n && z.stride == n && (!derivative || derivative.stride == n)) {
    n *= rows;
    rows = 1;
  }
  WithActivation<T>(activation, [&](auto phi, auto from_output) {
    using Phi = decltype(phi);
    if (!derivative) {
      ForEachVector<T>(rows, n, padded, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        StoreAt<T>(Phi::Value(LoadAt<T>(z, i, j, lanes)), y, i, j, lanes);
      });
    } else if constexpr (decltype(from_output)::value) {
      ForEachVector<T>(rows, n, padded, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        const V<T> value = Phi::Value(LoadAt<T>(z, i, j, lanes));
        StoreAt<T>(value, y, i, j, lanes);
        StoreAt<T>(Phi::FromOutput(value), derivative, i, j, lanes);
      });
    } else {
      ForEachVector<T>(rows, n, padded, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        const ValueAndDerivative<T> both = Phi::Both(LoadAt<T>(z, i, j, lanes));
        StoreAt<T>(both.value, y, i, j, lanes);
        StoreAt<T>(both.derivative, derivative, i, j, lanes);
      });
    }
  });
}

// padded: the rows of dz, dy and y, and what is there is finite.
template <typename T>
void ActivationGradient(Activation activation, Rows<T> dz, Rows<const T> dy,
                        Rows<const T> y, Rows<const T> derivative, ptrdiff_t rows,
                        ptrdiff_t n, bool padded, DropTiny<T> drop_tiny) {
  if (derivative) {
    ForEachVector<T>(rows, n, false, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
      const V<T> slope = LoadAt<T>(derivative, i, j, lanes);
      StoreAt<T>(drop_tiny(LoadAt<T>(dy, i, j, lanes) * slope), dz, i, j, lanes);
    });
    return;
  }
  if (padded) n = RoundUp<ptrdiff_t>(n, kLanes<T>);
  WithActivation<T>(activation, [&](auto phi, auto from_output) {
    using Phi = decltype(phi);
    if constexpr (decltype(from_output)::value) {
      ForEachVector<T>(rows, n, false, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        const V<T> slope = Phi::FromOutput(LoadAt<T>(y, i, j, lanes));
        StoreAt<T>(drop_tiny(LoadAt<T>(dy, i, j, lanes) * slope), dz, i, j, lanes);
      });
    }
  });
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_ACTIVATION_INL_H_
