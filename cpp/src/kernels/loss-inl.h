// The losses, row by row, each with the gradient it sends back.
//
// Cross-entropies are computed from z, never from the probabilities, and nothing is
// clipped: a gap of 1e4 between two logits is a loss of 1e4, a probability of 1 - 1e-30
// a loss of 1e-30.
//
// To add an elementwise one: a name in mlpcore/types.h, a struct here, a line in
// LossRows.
#ifndef MLPCORE_KERNELS_LOSS_INL_H_
#define MLPCORE_KERNELS_LOSS_INL_H_

#include "kernels/softmax-inl.h"
#include "kernels/tiny_gradient-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T, typename Group>
MLPCORE_INLINE V<T> RowScale(const Group& g, const LossArgs<T>& a) {
  return a.row_weight ? g.Of(a.row_weight) * a.scale : Set<T>(a.scale);
}

// The column of a row of probabilities that holds all of it, or -1: a one-hot row takes
// the way of its class label, and so gets its bits.
template <typename T>
MLPCORE_INLINE ptrdiff_t OneHotColumn(const T* t, ptrdiff_t n) {
  ptrdiff_t hot = -1;
  for (ptrdiff_t j = 0; j < n; ++j) {
    if (t[j] == T(0)) continue;
    if (t[j] != T(1) || hot >= 0) return -1;
    hot = j;
  }
  return hot;
}

// Categorical cross-entropy of a row:
//   loss = sum_j t_j (m - z_j) + log1p(sum over j != top of exp(z_j - m)) sum_j t_j
// The two parts are returned apart, so that log1p runs over many rows at once.
template <typename T>
struct CrossEntropyParts {
  V<T> gap;     // sum_j t_j (m - z_j), NaN if the row is
  V<T> others;  // sum over j != top of exp(z_j - m)
  V<T> weight;  // sum_j t_j
};

// A label's: the gradient p_c - 1 is minus the sum of the other probabilities, so it
// keeps its digits when p_c goes to 1.
template <typename T, typename Group>
MLPCORE_INLINE CrossEntropyParts<T> LabelRow(Group& g, const LossArgs<T>& a, V<T> m,
                                             I<T> top, I<T> label, V<T> scale) {
  const Rows<T> dz = a.gradient;
  const T least = LeastExponent<T>(a.drops_tiny);
  V<T> others;
  if (dz) {
    const DropTiny<T> drop_tiny(a.drops_tiny);
    const SumsWithout<T> sums = ExpRow<true>(g, dz, m, top, label, least);
    const V<T> sum = sums.top + (T(1) + (m - m));
    const V<T> at_label = -(sums.target / sum) * scale;
    for (ptrdiff_t k = 0; k < g.n_vectors(); ++k) {
      const V<T> elsewhere = g.Kept(dz, k) / sum * scale;
      const V<T> gradient = Select<T>(g.Column(k) == label, at_label, elsewhere);
      g.Put(drop_tiny(gradient), dz, k);
    }
    others = sums.top;
  } else {
    others = ExpRow<false>(g, dz, m, top, label, least).top;
  }
  return {(m - g.ZAt(label)) + (m - m), others, Set<T>(1)};
}

// A distribution's, labels and one-hot rows under label smoothing included:
// t_j = keep * t_j + share.
template <typename T, typename Group>
MLPCORE_INLINE CrossEntropyParts<T> DistributionRow(Group& g, const LossArgs<T>& a,
                                                    V<T> m, I<T> top, I<T> label,
                                                    V<T> scale) {
  const T keep = 1 - a.label_smoothing;
  const T share = a.label_smoothing / static_cast<T>(a.n_out);
  const Rows<const T> targets = {a.targets.values, a.targets.value_stride};
  const auto target = [&](ptrdiff_t k) {
    const V<T> t = targets ? g.Get(targets, k, T(0))
                           : Select<T>(g.Column(k) == label, Set<T>(1), V<T>{});
    return Select<T>(g.Exists(k), MulAdd(Set<T>(keep), t, Set<T>(share)), V<T>{});
  };
  const Rows<T> dz = a.gradient;
  const T least = LeastExponent<T>(a.drops_tiny);
  const V<T> others = dz ? ExpRow<true>(g, dz, m, top, top, least).top
                         : ExpRow<false>(g, dz, m, top, top, least).top;
  typename Group::Sums gap, weight;
  for (ptrdiff_t k = 0; k < g.n_vectors(); ++k) {
    const V<T> t = target(k);
    // A class of probability 0 costs nothing, even at z = -inf.
    gap.Add(k, Select<T>(t == T(0), V<T>{}, t * (m - g.Z(k))));
    weight.Add(k, t);
  }
  const V<T> total = g.RowSum(weight);
  if (dz) {
    const DropTiny<T> drop_tiny(a.drops_tiny);
    const V<T> sum = others + (T(1) + (m - m));
    for (ptrdiff_t k = 0; k < g.n_vectors(); ++k) {
      const V<T> gradient = MulAdd(g.Kept(dz, k) / sum, total, -target(k)) * scale;
      g.Put(drop_tiny(gradient), dz, k);
    }
  }
  return {g.RowSum(gap) + (m - m), others, total};
}

template <typename T, typename Group>
MLPCORE_INLINE void CrossEntropyOfGroup(Group& g, const LossArgs<T>& a, I<T> label,
                                        bool labelled) {
  const V<T> m = g.RowMax();
  const I<T> top = g.FirstEqual(m);
  const V<T> scale = RowScale<T>(g, a);
  const CrossEntropyParts<T> parts =
      labelled ? LabelRow<T>(g, a, m, top, label, scale)
               : DistributionRow<T>(g, a, m, top, label, scale);
  g.SetOf(parts.gap + parts.weight * Log1p<T>(parts.others), a.row_loss);
  if (a.row_class) g.SetOf(top, a.row_class);
}

// The targets of a group: labels, which one-hot rows are too, or distributions.
template <typename T, typename Group>
void CrossEntropyWithTargets(Group& g, const LossArgs<T>& a) {
  I<T> label;
  bool labelled = a.label_smoothing == 0;
  if (a.targets.labels) {
    label = g.Of(a.targets.labels);
  } else {
    ptrdiff_t one_hot = 0;
    label = g.OfEach([&](ptrdiff_t row) {
      const T* targets = a.targets.values + row * a.targets.value_stride;
      const ptrdiff_t column = OneHotColumn(targets, a.n_out);
      one_hot += column >= 0;
      return column;
    });
    const ptrdiff_t rows = g.end() - g.begin();
    if (labelled && one_hot > 0 && one_hot < rows) {  // some of each: row by row
      for (ptrdiff_t row = g.begin(); row < g.end(); ++row) {
        AlongRow<T> one(a.z, row, a.n_out, NegativeInfinity<T>());
        CrossEntropyWithTargets<T>(one, a);
      }
      return;
    }
    labelled = labelled && one_hot == rows;
  }
  CrossEntropyOfGroup(g, a, label, labelled);
}

template <typename T>
void SoftmaxCrossEntropy(const LossArgs<T>& a) {
  ForEachGroup<T>(a.z, a.rows, a.n_out, NegativeInfinity<T>(),
                  [&](auto& g) { CrossEntropyWithTargets<T>(g, a); });
}

// Losses that are a sum over the outputs: Row(y, t) gives each output's term and its
// derivative with respect to y (for cross-entropy and poisson: to z).
template <typename T>
struct Terms {
  V<T> loss, gradient;
};

// max(z, 0) - z t + log1p(exp(-|z|)), Bernoulli over a sigmoid; the gradient
// sigmoid(z) - t is taken from the side where nothing cancels.
template <typename T>
struct BernoulliTerms {
  T keep, share;  // label smoothing
  T least;        // exponent of e
  MLPCORE_INLINE Terms<T> operator()(V<T> z, V<T> target) const {
    const V<T> t = MulAdd(Set<T>(keep), target, Set<T>(share));
    const V<T> e = Exp<T>(-Abs<T>(z), least);
    const V<T> q = e / (T(1) + e);  // sigmoid(-|z|)
    const I<T> positive = z > T(0);
    // Infinite logits on the right side cost nothing.
    const V<T> factor = Select<T>(positive, T(1) - t, -t);
    const V<T> linear = Select<T>(factor == T(0), V<T>{}, z * factor);
    return {linear + Log1p<T>(e), Select<T>(positive, (T(1) - t) - q, q - t)};
  }
};

template <typename T>
struct SquaredTerms {
  MLPCORE_INLINE Terms<T> operator()(V<T> y, V<T> t) const {
    const V<T> r = y - t;
    return {r * r * T(0.5), r};
  }
};

// The sign of r, 0 at 0, NaN of NaN.
template <typename T>
MLPCORE_INLINE V<T> Sign(V<T> r) {
  return Select<T>(r > T(0), Set<T>(1), Select<T>(r < T(0), Set<T>(-1), r));
}

template <typename T>
struct AbsoluteTerms {
  MLPCORE_INLINE Terms<T> operator()(V<T> y, V<T> t) const {
    const V<T> r = y - t;
    return {Abs<T>(r), Sign<T>(r)};
  }
};

// Huber 1964: quadratic up to delta, then linear.
template <typename T>
struct HuberTerms {
  T delta;
  MLPCORE_INLINE Terms<T> operator()(V<T> y, V<T> t) const {
    const V<T> r = y - t;
    const V<T> a = Abs<T>(r);
    const I<T> far = a > delta;
    return {Select<T>(far, delta * (a - T(0.5) * delta), r * r * T(0.5)),
            Select<T>(far, Sign<T>(r) * delta, r)};
  }
};

// The pinball loss, Koenker & Bassett 1978: q (t - y) below, (1 - q)(y - t) above.
template <typename T>
struct QuantileTerms {
  T q;
  MLPCORE_INLINE Terms<T> operator()(V<T> y, V<T> t) const {
    const V<T> r = y - t;
    return {Select<T>(r > T(0), r * (T(1) - q), -r * q),
            Select<T>(r > T(0), Set<T>(T(1) - q), Select<T>(r < T(0), Set<T>(-q), r))};
  }
};

// Half the Poisson deviance, y - t + t log(t / y), from z: where y = phi(z) underflows,
// log y is still known. Each output gives y, log y far below zero, and the derivatives
// of y and of log y.
//
// The logarithm is log1p((t - y) / y), whose rounding is one of t - y and not of t:
// with log(t / y) the loss of a target of 1e6 was off by 0.06 in float32, and often
// negative.
template <typename T>
struct PoissonMean {
  V<T> y, log_y, dy, dlog_y;
};
template <typename T>
struct ExpMean {
  static MLPCORE_INLINE PoissonMean<T> Of(V<T> z) {
    const V<T> y = Exp<T>(z);
    return {y, z, y, Set<T>(1)};
  }
};
template <typename T>
struct SoftplusMean {
  static MLPCORE_INLINE PoissonMean<T> Of(V<T> z) {
    const ValueAndDerivative<T> y = SoftplusWithDerivative<T>(z);
    // log(e^z (1 - e^z / 2 + ...)) is z, and the quotient 1, to the last bit below
    // kFar.
    constexpr T kFar = sizeof(T) == 4 ? T(-20) : T(-40);
    return {y.value, z, y.derivative,
            Select<T>(z < kFar, Set<T>(1), y.derivative / y.value)};
  }
};
template <typename T>
struct SigmoidMean {
  static MLPCORE_INLINE PoissonMean<T> Of(V<T> z) {
    const V<T> y = Sigmoid<T>(z), rest = Sigmoid<T>(-z);
    return {y, z, y * rest, rest};
  }
};

template <typename T, typename Mean>
struct PoissonTerms {
  MLPCORE_INLINE Terms<T> operator()(V<T> z, V<T> t) const {
    const PoissonMean<T> mean = Mean::Of(z);
    // Where y is too small for the quotient, nothing cancels in the difference of two
    // logarithms. All three outputs have log y = z there.
    constexpr T kSmall = sizeof(T) == 4 ? T(1e-18) : T(1e-150);
    const I<T> small = mean.y < kSmall;
    const V<T> log_ratio =
        Select<T>(small, Log<T>(t) - mean.log_y, Log1p<T>((t - mean.y) / mean.y));
    const V<T> log_term = Select<T>(t == T(0), V<T>{}, t * log_ratio);
    const V<T> infinite = Set<T>(static_cast<T>(__builtin_inf()));
    const V<T> loss = Select<T>(mean.y == infinite, infinite, (mean.y - t) + log_term);
    return {loss, mean.dy - t * mean.dlog_y};
  }
};

template <typename T, typename RowTerms>
MLPCORE_INLINE void SumOverOutputs(const LossArgs<T>& a, RowTerms terms) {
  const Rows<const T> targets = {a.targets.values, a.targets.value_stride};
  const DropTiny<T> drop_tiny(a.drops_tiny);
  ForEachGroup<T>(a.z, a.rows, a.n_out, T(1), [&](auto& g) {
    const V<T> scale = RowScale<T>(g, a);
    auto sum = g.NoSums();
    for (ptrdiff_t k = 0; k < g.n_vectors(); ++k) {
      const Terms<T> term = terms(g.Z(k), g.Get(targets, k, T(1)));
      sum.Add(k, Select<T>(g.Exists(k), term.loss, V<T>{}));
      if (a.gradient) g.Put(drop_tiny(term.gradient * scale), a.gradient, k);
    }
    g.SetOf(g.RowSum(sum), a.row_loss);
  });
}

// The distance itself, |y - t|, scaled by the largest residual so that no square
// overflows or underflows. Its gradient at distance 0 is 0.
template <typename T>
void Euclidean(const LossArgs<T>& a) {
  for (ptrdiff_t i = 0; i < a.rows; ++i) {
    const T* y = a.z.Row(i);
    const T* t = a.targets.values + i * a.targets.value_stride;
    T largest = 0;
    for (ptrdiff_t j = 0; j < a.n_out; ++j) {
      const T r = __builtin_fabs(y[j] - t[j]);
      largest = largest >= r ? largest : r;  // NaN is taken, and kept by the sum below
    }
    const T unit = largest == T(0) ? T(1) : largest;
    Line<T> sum = SetLine<T>(0);
    for (ptrdiff_t j = 0; j < a.n_out; j += kPanel<T>) {
      const Line<T> ys = LoadLine(y + j, a.n_out - j, T(0));
      const Line<T> ts = LoadLine(t + j, a.n_out - j, T(0));
      for (int v = 0; v < kVectors<T>; ++v) {
        const V<T> r = (ys.v[v] - ts.v[v]) / unit;
        sum.v[v] = MulAdd(r, r, sum.v[v]);
      }
    }
    const T norm = Sqrt(Set<T>(Sum(sum)))[0];  // in [1, sqrt(n)], or 0
    a.row_loss[i] = norm * unit;
    if (!a.gradient) continue;
    const T divisor = norm == T(0) ? T(1) : norm;
    const T scale = a.row_weight ? a.row_weight[i] * a.scale : a.scale;
    for (ptrdiff_t j = 0; j < a.n_out; j += kPanel<T>) {
      const Line<T> ys = LoadLine(y + j, a.n_out - j, T(0));
      const Line<T> ts = LoadLine(t + j, a.n_out - j, T(0));
      Line<T> gradient;
      for (int v = 0; v < kVectors<T>; ++v) {
        gradient.v[v] = (ys.v[v] - ts.v[v]) / unit / divisor * scale;
      }
      StoreLine(gradient, a.gradient.Row(i) + j, a.n_out - j);
    }
  }
}

template <typename T>
void LossRows(const LossArgs<T>& a) {
  switch (a.loss) {
    case Loss::kLogLoss:
      if (a.softmax) return SoftmaxCrossEntropy(a);
      return SumOverOutputs(
          a, BernoulliTerms<T>{1 - a.label_smoothing, a.label_smoothing * T(0.5),
                               LeastExponent<T>(a.drops_tiny)});
    case Loss::kSquaredError:
      return SumOverOutputs(a, SquaredTerms<T>{});
    case Loss::kEuclidean:
      return Euclidean(a);
    case Loss::kAbsoluteError:
      return SumOverOutputs(a, AbsoluteTerms<T>{});
    case Loss::kHuber:
      return SumOverOutputs(a, HuberTerms<T>{a.parameter});
    case Loss::kQuantile:
      return SumOverOutputs(a, QuantileTerms<T>{a.parameter});
    case Loss::kPoisson:
      switch (a.output) {
        case Activation::kSoftplus:
          return SumOverOutputs(a, PoissonTerms<T, SoftplusMean<T>>{});
        case Activation::kSigmoid:
          return SumOverOutputs(a, PoissonTerms<T, SigmoidMean<T>>{});
        default:
          return SumOverOutputs(a, PoissonTerms<T, ExpMean<T>>{});
      }
    case Loss::kCount:
      return;
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_LOSS_INL_H_
