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

template <typename T>
bool RowIsRight(const LossArgs<T>& loss, ptrdiff_t row) {
  return loss.softmax ? SoftmaxRowIsRight(loss, row) : SigmoidRowIsRight(loss, row);
}

// By arithmetic: a branch on what nobody can predict costs 15 cycles a miss.
template <typename T>
ptrdiff_t CountRight(const LossArgs<T>& loss) {
  ptrdiff_t right = 0;
  if (loss.softmax && loss.targets.labels) {  // in vectors
    for (ptrdiff_t r = 0; r < loss.rows; ++r) {
      right += loss.row_class[r] == loss.targets.labels[r];
    }
  } else {
    for (ptrdiff_t r = 0; r < loss.rows; ++r) right += RowIsRight(loss, r);
  }
  return right;
}

}  // namespace

template <typename T>
Evaluation SumRows(const LossArgs<T>& loss, const T* weights, const NetworkSpec& spec) {
  Evaluation sum;
  const bool classifier = spec.loss == Loss::kLogLoss;
  if (weights == nullptr) {  // the same sums: ones are added exactly
    for (ptrdiff_t r = 0; r < loss.rows; ++r) {
      sum.loss += static_cast<double>(loss.row_loss[r]);
    }
    sum.weight = static_cast<double>(loss.rows);
    if (classifier) sum.correct = static_cast<double>(CountRight(loss));
    return sum;
  }
  for (ptrdiff_t r = 0; r < loss.rows; ++r) {
    const double weight = static_cast<double>(weights[r]);
    if (weight == 0) continue;  // nor may an infinite loss of its make 0 * inf
    sum.weight += weight;
    sum.loss += weight * static_cast<double>(loss.row_loss[r]);
    if (classifier) sum.correct += weight * static_cast<double>(RowIsRight(loss, r));
  }
  return sum;
}

Evaluation SumChunks(const std::vector<Evaluation>& chunks) {
  Evaluation sum;
  for (const Evaluation& chunk : chunks) sum.Add(chunk);
  return sum;
}

template Evaluation SumRows(const LossArgs<float>&, const float*, const NetworkSpec&);
template Evaluation SumRows(const LossArgs<double>&, const double*, const NetworkSpec&);

}  // namespace mlpcore
