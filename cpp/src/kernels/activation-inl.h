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

// Whether phi(z) and phi'(z) go to 0 as e^z does.
struct Vanishing {
  static constexpr bool kVanishes = true;
};
struct Lasting {
  static constexpr bool kVanishes = false;
};

// Value(z) = phi(z). Those with phi' a function of y = phi(z) have FromOutput(y); the
// others have Both(z), whose value has the bits of Value(z).
template <typename T>
struct IdentityFn : Lasting {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return z; }
  static MLPCORE_INLINE V<T> FromOutput(V<T>) { return Set<T>(1); }
};

template <typename T>
struct SigmoidFn : Vanishing {
  static MLPCORE_INLINE V<T> Value(V<T> z, T tail) { return Sigmoid<T>(z, tail); }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) { return y * (T(1) - y); }
};

template <typename T>
struct TanhFn : Lasting {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Tanh<T>(z); }
  // (1 - y)(1 + y) keeps the digits that 1 - y * y loses when |y| is near 1.
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) { return (T(1) - y) * (T(1) + y); }
};

template <typename T>
struct ReluFn : Lasting {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Select<T>(z < T(0), V<T>{}, z); }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) {
    return Select<T>(y > T(0), Set<T>(1), V<T>{});
  }
};

template <typename T>
struct LeakyReluFn : Lasting {
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
struct EluFn : Lasting {
  static MLPCORE_INLINE V<T> Value(V<T> z) {
    return Select<T>(z < T(0), Expm1<T>(z), z);
  }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) {
    return Select<T>(y < T(0), y + T(1), Set<T>(1));
  }
};

template <typename T>
struct SeluFn : Lasting {
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
struct ExpFn : Vanishing {
  static MLPCORE_INLINE V<T> Value(V<T> z, T tail) { return Exp<T>(z, -tail); }
  static MLPCORE_INLINE V<T> FromOutput(V<T> y) { return y; }
};

template <typename T>
struct GeluFn : Lasting {
  static MLPCORE_INLINE V<T> Value(V<T> z) { return Gelu<T>(z); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z) {
    return GeluWithDerivative<T>(z);
  }
};

template <typename T>
struct SiluFn : Vanishing {
  static MLPCORE_INLINE V<T> Value(V<T> z, T tail) { return Silu<T>(z, tail); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z, T tail) {
    return SiluWithDerivative<T>(z, tail);
  }
};

template <typename T>
struct MishFn : Vanishing {
  static MLPCORE_INLINE V<T> Value(V<T> z, T tail) { return Mish<T>(z, tail); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z, T tail) {
    return MishWithDerivative<T>(z, tail);
  }
};

template <typename T>
struct SoftplusFn : Vanishing {
  static MLPCORE_INLINE V<T> Value(V<T> z, T tail) { return Softplus<T>(z, tail); }
  static MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z, T tail) {
    return SoftplusWithDerivative<T>(z, tail);
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

// phi of a layer. A hidden one's is 0 where it and phi' would be subnormal, if it
// vanishes: no weight makes that visible, but each product with them takes 100 cycles.
// Trained networks have fields of -100, and so have networks of data that are not
// scaled.
template <typename T, typename Phi>
class LayerPhi {
 public:
  explicit MLPCORE_INLINE LayerPhi(bool hidden)
      : least_(hidden ? -ExpConstants<T>::kNormal : -kInfinity<T>),
        tail_(hidden ? ExpConstants<T>::kNormal : kTail<T>) {}
  MLPCORE_INLINE V<T> Value(V<T> z) const {
    if constexpr (!Phi::kVanishes) {
      return Phi::Value(z);
    } else {
      return Select<T>(z < least_, V<T>{}, Phi::Value(z, tail_));
    }
  }
  MLPCORE_INLINE ValueAndDerivative<T> Both(V<T> z) const {
    if constexpr (!Phi::kVanishes) {
      return Phi::Both(z);
    } else {
      const ValueAndDerivative<T> both = Phi::Both(z, tail_);
      const I<T> vanishes = z < least_;
      return {Select<T>(vanishes, V<T>{}, both.value),
              Select<T>(vanishes, V<T>{}, both.derivative)};
    }
  }

 private:
  T least_, tail_;
};

// hidden: as in DenseArgs. padded: the rows of y and derivative have room for whole
// panels, and it may be used.
template <typename T>
void Activate(Activation activation, bool hidden, Rows<T> y, Rows<T> derivative,
              Rows<const T> z, ptrdiff_t rows, ptrdiff_t n, bool padded) {
  // Rows without gaps are one long row: narrow ones fill no vector by themselves.
  if (y.stride == n && z.stride == n && (!derivative || derivative.stride == n)) {
    n *= rows;
    rows = 1;
  }
  WithActivation<T>(activation, [&](auto phi, auto from_output) {
    using Phi = decltype(phi);
    const LayerPhi<T, Phi> phi_of(hidden);
    if (!derivative) {
      ForEachVector<T>(rows, n, padded, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        StoreAt<T>(phi_of.Value(LoadAt<T>(z, i, j, lanes)), y, i, j, lanes);
      });
    } else if constexpr (decltype(from_output)::value) {
      ForEachVector<T>(rows, n, padded, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        const V<T> value = phi_of.Value(LoadAt<T>(z, i, j, lanes));
        StoreAt<T>(value, y, i, j, lanes);
        StoreAt<T>(Phi::FromOutput(value), derivative, i, j, lanes);
      });
    } else {
      ForEachVector<T>(rows, n, padded, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        const ValueAndDerivative<T> both = phi_of.Both(LoadAt<T>(z, i, j, lanes));
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
      const V<T> slope = drop_tiny(LoadAt<T>(derivative, i, j, lanes));
      StoreAt<T>(drop_tiny(LoadAt<T>(dy, i, j, lanes) * slope), dz, i, j, lanes);
    });
    return;
  }
  if (padded) n = RoundUp<ptrdiff_t>(n, kLanes<T>);
  WithActivation<T>(activation, [&](auto phi, auto from_output) {
    using Phi = decltype(phi);
    if constexpr (decltype(from_output)::value) {
      ForEachVector<T>(rows, n, false, [&](ptrdiff_t i, ptrdiff_t j, auto lanes) {
        V<T> slope = Phi::FromOutput(LoadAt<T>(y, i, j, lanes));
        if constexpr (Phi::kVanishes) slope = drop_tiny(slope);
        StoreAt<T>(drop_tiny(LoadAt<T>(dy, i, j, lanes) * slope), dz, i, j, lanes);
      });
    }
  });
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_ACTIVATION_INL_H_
