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

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
MLPCORE_INLINE T RowScale(const LossArgs<T>& a, ptrdiff_t row) {
  return a.row_weight ? a.row_weight[row] * a.scale : a.scale;
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

// Categorical cross-entropy of one row:
//   loss = sum_j t_j (m - z_j) + log1p(sum over j != top of exp(z_j - m)) sum_j t_j
// The two parts are returned apart, so that log1p runs over many rows at once.
template <typename T>
struct CrossEntropyParts {
  T gap;     // sum_j t_j (m - z_j), NaN if the row is
  T others;  // sum over j != top of exp(z_j - m)
  T weight;  // sum_j t_j
};

// A label's: the gradient p_c - 1 is minus the sum of the other probabilities, so it
// keeps its digits when p_c goes to 1.
template <typename T>
MLPCORE_INLINE CrossEntropyParts<T> LabelRow(T* dz, const T* z, ptrdiff_t n, T m,
                                             ptrdiff_t top, ptrdiff_t label, T scale) {
  const SumsWithout<T> sums = ExpRow(dz, z, n, m, top, label);
  if (dz) {
    const T sum = sums.top + (1 + (m - m));
    for (ptrdiff_t j = 0; j < n; j += kPanel<T>) {
      Line<T> line = LoadLine<T>(dz + j, n - j, T(0));
      for (V<T>& v : line.v) v = v / sum * scale;
      StoreLine(line, dz + j, n - j);
    }
    dz[label] = -(sums.target / sum) * scale;
  }
  return {(m - z[label]) + (m - m), sums.top, T(1)};
}

// A distribution's, labels and one-hot rows under label smoothing included:
// t_j = keep * t_j + share.
template <typename T>
MLPCORE_INLINE CrossEntropyParts<T> DistributionRow(T* dz, const T* z, const T* targets,
                                                    ptrdiff_t label, ptrdiff_t n, T m,
                                                    ptrdiff_t top, T scale, T keep,
                                                    T share) {
  using Int = typename Float<T>::Int;
  const auto target_line = [&](ptrdiff_t j) {
    Line<T> t;
    if (targets) {
      t = LoadLine(targets + j, n - j, T(0));
    } else {
      for (int v = 0; v < kVectors<T>; ++v) {
        t.v[v] =
            Select<T>(Columns<T>(j, v) == static_cast<Int>(label), Set<T>(1), V<T>{});
      }
    }
    for (int v = 0; v < kVectors<T>; ++v) {
      const I<T> exists = Columns<T>(j, v) < static_cast<Int>(n);
      t.v[v] = Select<T>(exists, MulAdd(Set<T>(keep), t.v[v], Set<T>(share)), V<T>{});
    }
    return t;
  };
  const SumsWithout<T> sums = ExpRow(dz, z, n, m, top, -1);
  Line<T> gap = SetLine<T>(0), weight = SetLine<T>(0);
  for (ptrdiff_t j = 0; j < n; j += kPanel<T>) {
    const Line<T> t = target_line(j);
    const Line<T> line = LoadLine(z + j, n - j, T(0));
    for (int v = 0; v < kVectors<T>; ++v) {
      // A class of probability 0 costs nothing, even at z = -inf.
      const V<T> cost = t.v[v] * (m - line.v[v]);
      gap.v[v] += Select<T>(t.v[v] == T(0), V<T>{}, cost);
      weight.v[v] += t.v[v];
    }
  }
  const T total = Sum(weight);
  if (dz) {
    const T sum = sums.top + (1 + (m - m));
    for (ptrdiff_t j = 0; j < n; j += kPanel<T>) {
      const Line<T> t = target_line(j);
      Line<T> line = LoadLine<T>(dz + j, n - j, T(0));
      for (int v = 0; v < kVectors<T>; ++v) {
        line.v[v] = MulAdd(line.v[v] / sum, Set<T>(total), -t.v[v]) * scale;
      }
      StoreLine(line, dz + j, n - j);
    }
  }
  return {Sum(gap) + (m - m), sums.top, total};
}

template <typename T>
void SoftmaxCrossEntropy(const LossArgs<T>& a) {
  const T keep = 1 - a.label_smoothing;
  const T share = a.label_smoothing / static_cast<T>(a.n_out);
  for (ptrdiff_t first = 0; first < a.rows; first += kPanel<T>) {
    const ptrdiff_t left = a.rows - first;
    const ptrdiff_t rows = left < kPanel<T> ? left : kPanel<T>;
    alignas(kCacheLine) T gap[kPanel<T>] = {};
    alignas(kCacheLine) T others[kPanel<T>] = {};
    alignas(kCacheLine) T weight[kPanel<T>] = {};
    for (ptrdiff_t r = 0; r < rows; ++r) {
      const ptrdiff_t i = first + r;
      const T* z = a.z.Row(i);
      T* dz = a.gradient ? a.gradient.Row(i) : nullptr;
      const T* t =
          a.targets.labels ? nullptr : a.targets.values + i * a.targets.value_stride;
      const T m = RowMax(z, a.n_out);
      const ptrdiff_t top = FirstEqual(z, a.n_out, m);
      const ptrdiff_t label =
          a.targets.labels ? a.targets.labels[i] : OneHotColumn(t, a.n_out);
      CrossEntropyParts<T> parts;
      if (a.label_smoothing == 0 && label >= 0) {
        parts = LabelRow(dz, z, a.n_out, m, top, label, RowScale(a, i));
      } else {
        parts = DistributionRow(dz, z, t, label, a.n_out, m, top, RowScale(a, i), keep,
                                share);
      }
      gap[r] = parts.gap;
      others[r] = parts.others;
      weight[r] = parts.weight;
      if (a.row_class) a.row_class[i] = static_cast<int32_t>(top);
    }
    Line<T> loss = LoadLine<T>(others, kPanel<T>, T(0));
    const Line<T> gaps = LoadLine<T>(gap, kPanel<T>, T(0));
    const Line<T> weights = LoadLine<T>(weight, kPanel<T>, T(0));
    for (int v = 0; v < kVectors<T>; ++v) {
      loss.v[v] = gaps.v[v] + weights.v[v] * Log1p<T>(loss.v[v]);
    }
    StoreLine(loss, a.row_loss + first, rows);
  }
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
  MLPCORE_INLINE Terms<T> operator()(V<T> z, V<T> target) const {
    const V<T> t = MulAdd(Set<T>(keep), target, Set<T>(share));
    const V<T> e = Exp<T>(-Abs<T>(z));
    const V<T> q = e / (T(1) + e);  // sigmoid(-|z|)
    const I<T> positive = z > T(0);
    const V<T> linear = Select<T>(positive, z * (T(1) - t), -z * t);
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
    // One logarithm while y is large enough for the quotient; two where y nears zero,
    // and nothing cancels. All three outputs have log y = z there.
    constexpr T kSmall = sizeof(T) == 4 ? T(1e-18) : T(1e-150);
    const I<T> small = mean.y < kSmall;
    const V<T> ratio = Select<T>(small, t, t / mean.y);
    const V<T> log_ratio = Log<T>(ratio) - Select<T>(small, mean.log_y, V<T>{});
    const V<T> log_term = Select<T>(t == T(0), V<T>{}, t * log_ratio);
    return {(mean.y - t) + log_term, mean.dy - t * mean.dlog_y};
  }
};

template <typename T, typename RowTerms>
MLPCORE_INLINE void SumOverOutputs(const LossArgs<T>& a, RowTerms terms) {
  for (ptrdiff_t i = 0; i < a.rows; ++i) {
    const T* y = a.z.Row(i);
    const T* t = a.targets.values + i * a.targets.value_stride;
    const T scale = RowScale(a, i);
    Line<T> sum = SetLine<T>(0);
    for (ptrdiff_t j = 0; j < a.n_out; j += kPanel<T>) {
      const ptrdiff_t left = a.n_out - j;
      const Line<T> ys = LoadLine(y + j, left, T(1));
      const Line<T> ts = LoadLine(t + j, left, T(1));
      Line<T> gradient;
      for (int v = 0; v < kVectors<T>; ++v) {
        const Terms<T> term = terms(ys.v[v], ts.v[v]);
        const I<T> exists =
            Columns<T>(j, v) < static_cast<typename Float<T>::Int>(a.n_out);
        sum.v[v] += Select<T>(exists, term.loss, V<T>{});
        gradient.v[v] = term.gradient * scale;
      }
      if (a.gradient) StoreLine(gradient, a.gradient.Row(i) + j, left);
    }
    a.row_loss[i] = Sum(sum);
  }
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
    const T scale = RowScale(a, i);
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
          a, BernoulliTerms<T>{1 - a.label_smoothing, a.label_smoothing * T(0.5)});
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
