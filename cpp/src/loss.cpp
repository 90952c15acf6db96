#include "loss.h"

#include <algorithm>

namespace mlpcore {
namespace {

// A distribution counts as its most probable class, the first of equals.
template <typename T>
bool SoftmaxRowIsRight(const LossArgs<T>& loss, ptrdiff_t row) {
  const int32_t predicted = loss.row_class[row];
  if (loss.targets.labels) return predicted == loss.targets.labels[row];
  const T* t = loss.targets.values + row * loss.targets.value_stride;
  return predicted == std::max_element(t, t + loss.n_out) - t;
}

// Every output on its target's side of 1/2 (z > 0 is y > 1/2).
template <typename T>
bool SigmoidRowIsRight(const LossArgs<T>& loss, ptrdiff_t row) {
  const T* z = loss.z.Row(row);
  const T* t = loss.targets.values + row * loss.targets.value_stride;
  for (ptrdiff_t j = 0; j < loss.n_out; ++j) {
    if ((z[j] > T(0)) != (t[j] > T(0.5))) return false;
  }
  return true;
}

}  // namespace

template <typename T>
Evaluation SumRows(const LossArgs<T>& loss, const T* weights, const NetworkSpec& spec) {
  Evaluation sum;
  const bool classifier = spec.loss == Loss::kLogLoss;
  for (ptrdiff_t r = 0; r < loss.rows; ++r) {
    const double weight = weights ? static_cast<double>(weights[r]) : 1;
    if (weight == 0) continue;  // nor may an infinite loss of its make 0 * inf
    sum.weight += weight;
    sum.loss += weight * static_cast<double>(loss.row_loss[r]);
    if (!classifier) continue;
    // By arithmetic: a branch on what nobody can predict costs 15 cycles a miss.
    const bool right =
        loss.softmax ? SoftmaxRowIsRight(loss, r) : SigmoidRowIsRight(loss, r);
    sum.correct += weight * static_cast<double>(right);
  }
  return sum;
}

Evaluation SumChunks(const std::vector<Evaluation>& chunks) {
  Evaluation sum;
  for (const Evaluation& chunk : chunks) {
    sum.loss += chunk.loss;
    sum.weight += chunk.weight;
    sum.correct += chunk.correct;
  }
  return sum;
}

template Evaluation SumRows(const LossArgs<float>&, const float*, const NetworkSpec&);
template Evaluation SumRows(const LossArgs<double>&, const double*, const NetworkSpec&);

}  // namespace mlpcore
