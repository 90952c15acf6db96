// The optimizers, each one sweep: regularisation, clipping, moments, update.
//
// To add one: a name in mlpcore/types.h, a struct here, a line in Update, its scalars
// in UpdateArgsOf of cpp/src/trainer.cpp. The update must map (w, g, m, v) = 0 to 0:
// panels are padded.
#ifndef MLPCORE_KERNELS_OPTIMIZER_INL_H_
#define MLPCORE_KERNELS_OPTIMIZER_INL_H_

#include "kernels/rows-inl.h"
#include "kernels/tiny_gradient-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
struct State {
  V<T> w, m, v;
};

// Momentum as in Sutskever et al. 2013: the velocity holds the step itself.
template <typename T>
struct SgdRule {
  static MLPCORE_INLINE State<T> Step(const UpdateArgs<T>& u, State<T> s, V<T> g) {
    const V<T> step = g * u.step_size;
    if (!u.moment1) return {s.w - step, s.m, s.v};
    const V<T> velocity = MulAdd(Set<T>(u.momentum), s.m, -step);
    const V<T> move =
        u.nesterov ? MulAdd(Set<T>(u.momentum), velocity, -step) : velocity;
    return {s.w + move, velocity, s.v};
  }
};

// Adam, Kingma & Ba 2015, alg. 1. The bias corrections are in step_size and epsilon:
//   lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps)
//     = [lr sqrt(1 - b2^t) / (1 - b1^t)] m / (sqrt(v) + [eps sqrt(1 - b2^t)]).
// AdamW, Loshchilov & Hutter 2019, alg. 2: the weights shrink first, apart from m and
// v.
template <typename T>
struct AdamRule {
  static MLPCORE_INLINE State<T> Step(const UpdateArgs<T>& u, State<T> s, V<T> g) {
    g = DropBelow<T>(kLeastGradient<T>, g);
    s.m = MulAdd(Set<T>(u.momentum), s.m, g * u.momentum_rest);
    s.v = MulAdd(Set<T>(u.decay), s.v, g * u.decay_rest * g);
    const V<T> move = s.m * u.step_size / (Sqrt(s.v) + u.epsilon);
    return {s.w * u.shrink - move, s.m, s.v};
  }
};

// RMSprop, Tieleman & Hinton 2012, lecture 6e.
template <typename T>
struct RmspropRule {
  static MLPCORE_INLINE State<T> Step(const UpdateArgs<T>& u, State<T> s, V<T> g) {
    g = DropBelow<T>(kLeastGradient<T>, g);
    s.v = MulAdd(Set<T>(u.decay), s.v, g * u.decay_rest * g);
    return {s.w - g * u.step_size / (Sqrt(s.v) + u.epsilon), s.m, s.v};
  }
};

// The scalars are copied: through a reference they might change with any of the stores,
// and were read again for every vector (4-16-16-3: 50 instructions each, now 20).
template <typename Rule, typename T>
MLPCORE_INLINE void Sweep(const UpdateArgs<T>& args) {
  const UpdateArgs<T> u = args;
  for (ptrdiff_t i = 0; i < u.n; i += kLanes<T>) {
    State<T> s{Load(u.parameters + i), V<T>{}, V<T>{}};
    if (u.moment1) s.m = Load(u.moment1 + i);
    if (u.moment2) s.v = Load(u.moment2 + i);
    V<T> g = Load(u.gradient + i);
    g = MulAdd(Set<T>(u.l2), s.w, g) * u.gradient_scale;
    s = Rule::Step(u, s, g);
    Store<T>(s.w, u.parameters + i);
    if (u.moment1) Store<T>(s.m, u.moment1 + i);
    if (u.moment2) Store<T>(s.v, u.moment2 + i);
  }
}

template <typename T>
void Update(const UpdateArgs<T>& u) {
  switch (u.optimizer) {
    case Optimizer::kSgd:
      return Sweep<SgdRule<T>>(u);
    case Optimizer::kAdam:
    case Optimizer::kAdamW:
      return Sweep<AdamRule<T>>(u);
    case Optimizer::kRmsprop:
      return Sweep<RmspropRule<T>>(u);
    case Optimizer::kCount:
      return;
  }
}

// Chains of 32 squares a lane in T (their relative error is below 32 u / 2), then
// float64: what clipping and the penalty need, at the speed of a load.
template <typename T>
double SumSquares(const T* a, const T* b, T l2, ptrdiff_t n) {
  constexpr ptrdiff_t kChain = 32;
  alignas(kCacheLine) double lane[kPanel<T>] = {};
  for (ptrdiff_t first = 0; first < n; first += kChain * kPanel<T>) {
    const ptrdiff_t left = n - first;
    const ptrdiff_t end =
        first + (left < kChain * kPanel<T> ? left : kChain * kPanel<T>);
    Line<T> sum = SetLine<T>(0);
    for (ptrdiff_t i = first; i < end; i += kPanel<T>) {
      for (int v = 0; v < kVectors<T>; ++v) {
        V<T> x = Load(a + i + v * kLanes<T>);
        if (b) x = MulAdd(Set<T>(l2), Load(b + i + v * kLanes<T>), x);
        sum.v[v] = MulAdd(x, x, sum.v[v]);
      }
    }
    alignas(kCacheLine) T part[kPanel<T>];
    StoreLine(sum, part, kPanel<T>);
    for (ptrdiff_t i = 0; i < kPanel<T>; ++i) lane[i] += static_cast<double>(part[i]);
  }
  double total = 0;
  for (ptrdiff_t i = 0; i < kPanel<T>; ++i) total += lane[i];
  return total;
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_OPTIMIZER_INL_H_
