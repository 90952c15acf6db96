#include "mlpcore/trainer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <utility>

#include "aligned_buffer.h"
#include "dispatch.h"
#include "mlpcore/philox.h"
#include "mlpcore/random.h"
#include "packing.h"
#include "pool.h"

namespace mlpcore {
namespace {

// base^n by squaring: products only, so every platform gives the same bits. The squares
// are kept, because a step of a small network waited 90 ns for two chains of them.
class Powers {
 public:
  explicit Powers(double base) {
    for (double& square : squares_) {
      square = base;
      base *= base;
    }
  }
  double operator()(int64_t n) const {
    double result = 1;
    for (uint64_t bits = static_cast<uint64_t>(n); bits != 0; bits &= bits - 1) {
      result *= squares_[__builtin_ctzll(bits)];
    }
    return result;
  }

 private:
  double squares_[64];  // base^1, base^2, base^4, ...
};

// f(at, g, n, biases) for the stretches of a part that lie together in the arena, at
// `at`: of each panel the biases, and the weights; or both as one, if they are not to
// be told `apart`.
template <typename T, typename F>
void ForEachStretch(const LayerLayout& layer, const Part& part,
                    const PartGradient<T>& gradient, bool apart, const F& f) {
  for (ptrdiff_t p = 0; p < part.n_panels; ++p) {
    const ptrdiff_t at = OffsetOfLines<T>(layer, part, p);
    const T* g = gradient.lines + p * gradient.panel_size;
    const ptrdiff_t biases = apart && part.in_begin == 0 ? kPanel<T> : 0;
    if (biases) f(at, g, biases, true);
    f(at + biases, g + biases, part.n_lines() * kPanel<T> - biases, false);
  }
}

// Where no gradient arrives (a dead relu, a feature that is 0), moments shrink until
// they are subnormal, after some 750 steps at 0.9, and rounding to nearest keeps them
// there for good. A vector with one such lane takes the processor 100 cycles and more,
// so every so many steps they become 0. (Each step that would be 2 to 3 % of a small
// one.) It goes by the step's number, so that a continued training has the bits of one
// in one go.
constexpr int64_t kFlushInterval = 256;

template <typename T>
void FlushSubnormal(T* moment, ptrdiff_t n) {
  constexpr T kLeast = std::numeric_limits<T>::min();
  for (ptrdiff_t i = 0; i < n; ++i) {
    moment[i] = std::fabs(moment[i]) < kLeast ? T(0) : moment[i];
  }
}

double MeanLoss(const Evaluation& sums) { return OverWeight(sums.loss, sums.weight); }

double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

template <typename T>
bool IsFinite(const T* values, size_t n) {
  return ActiveKernels<T>().all_finite(values, static_cast<ptrdiff_t>(n));
}

// Of a last panel the columns that do not exist.
template <typename T>
void ZeroPadding(T* arena, const std::vector<LayerLayout>& layout) {
  for (const LayerLayout& layer : layout) {
    const ptrdiff_t last = layer.n_panels - 1;
    const ptrdiff_t columns = ColumnsOfPanel<T>(layer.n_out, last);
    T* line = arena + layer.offset + last * layer.panel_size;
    for (ptrdiff_t i = 0; i <= layer.n_in; ++i, line += kPanel<T>) {
      std::fill(line + columns, line + kPanel<T>, T(0));
    }
  }
}

}  // namespace

template <typename T>
struct Trainer<T>::State {
  explicit State(const TrainerConfig& config)
      : beta_1(config.beta_1), beta_2(config.beta_2) {}
  AlignedBuffer<T> moment1, moment2;  // empty if the optimizer has none
  std::vector<double> part_squares;   // sums of squares, for clipping and the penalty
  std::vector<int64_t> order;
  AlignedBuffer<T> last_finite;      // weights after the last good epoch
  uint64_t last_finite_version = 0;  // of the network's parameters
  UpdateArgs<T> update;              // this step's scalars
  Powers beta_1, beta_2;
  std::chrono::steady_clock::time_point last_poll;
};

template <typename T>
Trainer<T>::Trainer(std::shared_ptr<Network<T>> network, const TrainerConfig& config)
    : network_(std::move(network)),
      config_(config),
      engine_(network_),
      state_(std::make_unique<State>(config)) {
  const size_t n = network_->arena_size();
  const bool adam =
      config.optimizer == Optimizer::kAdam || config.optimizer == Optimizer::kAdamW;
  if (adam || (config.optimizer == Optimizer::kSgd && config.momentum > 0)) {
    state_->moment1 = AlignedBuffer<T>(n);
  }
  if (adam || config.optimizer == Optimizer::kRmsprop) {
    state_->moment2 = AlignedBuffer<T>(n);
  }
  engine_.SetSwept(state_->moment1.data(), state_->moment2.data());
  state_->part_squares.resize(engine_.parts().size());
  state_->last_finite = AlignedBuffer<T>(n);
  update_part_ = [this](const Part& part, const PartGradient<T>& gradient) {
    UpdatePart(part, gradient);
  };
}

template <typename T>
Trainer<T>::~Trainer() = default;

// This step's scalars, rounded to T once.
template <typename T>
UpdateArgs<T> UpdateArgsOf(const TrainerConfig& config, const Powers& beta_1,
                           const Powers& beta_2, int64_t moment_age,
                           double learning_rate) {
  UpdateArgs<T> u;
  u.optimizer = config.optimizer;
  u.nesterov = config.nesterov;
  double step_size = learning_rate, epsilon = config.epsilon;
  if (config.optimizer == Optimizer::kSgd) {
    u.momentum = static_cast<T>(config.momentum);
  } else {
    u.decay = static_cast<T>(config.beta_2);
    u.decay_rest = static_cast<T>(1 - config.beta_2);
  }
  if (config.optimizer == Optimizer::kAdam || config.optimizer == Optimizer::kAdamW) {
    u.momentum = static_cast<T>(config.beta_1);
    u.momentum_rest = static_cast<T>(1 - config.beta_1);
    const double correction2 = std::sqrt(1 - beta_2(moment_age + 1));
    step_size *= correction2 / (1 - beta_1(moment_age + 1));
    if (!config.epsilon_hat) epsilon *= correction2;
  }
  if (config.optimizer == Optimizer::kAdamW) {
    u.shrink = static_cast<T>(1 - learning_rate * config.weight_decay);
  }
  u.step_size = static_cast<T>(step_size);
  u.epsilon = static_cast<T>(epsilon);
  return u;
}

// l2 of this batch's mean loss.
template <typename T>
double Trainer<T>::WeightPenalty() const {
  if (!config_.l2_of_sum) return config_.l2;
  return OverWeight(config_.l2, engine_.result().weight);
}

// The norm of a gradient whose squares overflow, of its quotients by the largest
// element.
template <typename T>
double Trainer<T>::NormOfLargeGradient(T l2) {
  const auto for_each = [&](const auto& f) {
    const auto values = [&](ptrdiff_t at, const T* g, ptrdiff_t n, bool biases) {
      for (ptrdiff_t i = 0; i < n; ++i) {
        const T w = biases ? T(0) : network_->arena()[at + i];
        f(static_cast<double>(g[i]) + static_cast<double>(l2) * static_cast<double>(w));
      }
    };
    for (const Part& part : engine_.parts()) {
      const LayerLayout& layer = LayerOf(*network_, part);
      const PartGradient<T> gradient{
          engine_.gradient() + OffsetOfLines<T>(layer, part, 0), layer.panel_size};
      ForEachStretch(layer, part, gradient, true, values);
    }
  };
  double largest = 0, sum = 0;
  for_each([&](double g) { largest = std::max(largest, std::fabs(g)); });
  for_each([&](double g) { sum += (g / largest) * (g / largest); });
  return largest * std::sqrt(sum);
}

// What the gradient is multiplied by so that its norm is at most clip_norm. Parts are
// summed in order, whoever squared them.
template <typename T>
double Trainer<T>::ClippingScale() {
  if (config_.clip_norm == 0) return 1;
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const T l2 = static_cast<T>(WeightPenalty());
  const auto square_part = [&](const Part& part, const PartGradient<T>& gradient) {
    double sum = 0;
    const auto square = [&](ptrdiff_t at, const T* g, ptrdiff_t n, bool biases) {
      const T* weights = biases || l2 == T(0) ? nullptr : network_->arena() + at;
      sum += kernels.sum_squares(g, weights, l2, n);
    };
    ForEachStretch(LayerOf(*network_, part), part, gradient, true, square);
    state_->part_squares[static_cast<size_t>(part.index)] = sum;
  };
  engine_.ForEachPart(std::ref(square_part));  // a reference: a copy would be allocated
  double norm = std::sqrt(Sum(state_->part_squares));
  if (std::isinf(norm)) norm = NormOfLargeGradient(l2);
  return norm > config_.clip_norm ? config_.clip_norm / norm : 1;
}

// The optimizer over a part, biases without L2; both packed forms of W.
template <typename T>
void Trainer<T>::UpdatePart(const Part& part, const PartGradient<T>& gradient) {
  const KernelTable<T>& kernels = ActiveKernels<T>();
  const T l2 = static_cast<T>(WeightPenalty());
  // Adam's by the age of its moments, by which a restored trainer counts its steps.
  const bool has_age =
      config_.optimizer == Optimizer::kAdam || config_.optimizer == Optimizer::kAdamW;
  const bool flushes = ((has_age ? moment_age_ : step_) + 1) % kFlushInterval == 0;
  double squares = 0;
  UpdateArgs<T> u = state_->update;
  const auto update = [&](ptrdiff_t at, const T* g, ptrdiff_t n, bool biases) {
    u.parameters = network_->arena() + at;
    if (T* m = state_->moment1.data()) u.moment1 = m + at;
    if (T* v = state_->moment2.data()) u.moment2 = v + at;
    u.gradient = g;
    u.n = n;
    u.l2 = biases ? T(0) : l2;
    if (records_penalty() && !biases) {
      squares += kernels.sum_squares(u.parameters, nullptr, T(0), n);
    }
    kernels.update(u);
    if (flushes && u.moment1) FlushSubnormal(u.moment1, n);
    if (flushes && u.moment2) FlushSubnormal(u.moment2, n);
  };
  const bool apart = l2 != T(0) || records_penalty();
  ForEachStretch(LayerOf(*network_, part), part, gradient, apart, update);
  if (records_penalty())
    state_->part_squares[static_cast<size_t>(part.index)] = squares;
  engine_.RefreshTransposed(part);
}

// One batch. False if it was stopped before the update.
template <typename T>
bool Trainer<T>::UpdateAfterBatch(const Batch<T>& batch, double learning_rate,
                                  const ShouldStop& should_stop) {
  GradientOptions options;
  options.label_smoothing = config_.label_smoothing;
  options.dropout =
      std::any_of(network_->spec().dropout.begin(), network_->spec().dropout.end(),
                  [](double rate) { return rate > 0; });
  options.seed = config_.seed;
  options.step = static_cast<uint64_t>(step_);
  options.drops_tiny = true;
  state_->update = UpdateArgsOf<T>(config_, state_->beta_1, state_->beta_2, moment_age_,
                                   learning_rate);
  // A norm or a hook needs the gradient as a whole; else each part is used at once.
  const bool whole = hook_ || config_.clip_norm > 0;
  if (!engine_.Compute(batch, options, should_stop, whole ? nullptr : update_part_)) {
    return false;
  }
  if (hook_) {
    hook_(engine_.gradient());
    ZeroPadding(engine_.gradient(), network_->layout());
  }
  if (!std::isfinite(engine_.result().loss)) return true;
  if (whole) {
    state_->update.gradient_scale = static_cast<T>(ClippingScale());
    engine_.ForEachPart(update_part_);
  }
  penalty_ = records_penalty() ? 0.5 * WeightPenalty() * Sum(state_->part_squares) : 0;
  engine_.MarkRefreshed();
  ++step_;
  ++moment_age_;
  return true;
}

// The weights as they are, to go back to.
template <typename T>
void Trainer<T>::KeepFinite() {
  if (state_->last_finite_version == network_->version()) return;
  std::copy_n(network_->arena(), network_->arena_size(), state_->last_finite.data());
  state_->last_finite_version = network_->version();
}

// A square that overflows makes the second moment infinite, and then that weight does
// not move any more, in silence.
template <typename T>
bool Trainer<T>::StateIsFinite() const {
  const AlignedBuffer<T>& squares = state_->moment2;
  return IsFinite(network_->arena(), network_->arena_size()) &&
         IsFinite(squares.data(), squares.size());
}

// The last good weights, and moments that start again.
template <typename T>
void Trainer<T>::PutBackLastFinite() {
  std::copy_n(state_->last_finite.data(), network_->arena_size(), network_->arena());
  network_->ParametersChanged();
  state_->last_finite_version = network_->version();
  for (AlignedBuffer<T>* moment : {&state_->moment1, &state_->moment2}) {
    std::fill_n(moment->data(), moment->size(), T(0));
  }
  moment_age_ = 0;
}

template <typename T>
StepResult Trainer<T>::Step(const Batch<T>& batch, double learning_rate,
                            const ShouldStop& should_stop) {
  KeepFinite();
  if (!UpdateAfterBatch(batch, learning_rate, should_stop)) return {};
  StepResult result{MeanLoss(engine_.result()), false};
  result.diverged = !std::isfinite(result.loss) || !StateIsFinite();
  if (result.diverged) PutBackLastFinite();
  return result;
}

// However it ends, the weights are finite.
template <typename T>
FitResult Trainer<T>::Fit(const FitArgs<T>& args, const Poll& poll) {
  KeepFinite();
  const auto leave_finite = [&] {
    if (!StateIsFinite()) PutBackLastFinite();
  };
  try {
    FitResult result = RunEpochs(args, poll);
    if (result.status == FitStatus::kStopped) leave_finite();
    return result;
  } catch (...) {  // the hook's, or out of memory
    leave_finite();
    throw;
  }
}

template <typename T>
FitResult Trainer<T>::RunEpochs(const FitArgs<T>& args, const Poll& poll) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kPollInterval(50);
  const ptrdiff_t rows = args.data.rows;
  const ptrdiff_t batches = DivUp(rows, args.batch_size);
  FitResult result;
  result.epochs.reserve(static_cast<size_t>(args.epochs));
  if (args.shuffle && !args.order) state_->order.resize(static_cast<size_t>(rows));
  if (state_->last_poll == Clock::time_point{}) state_->last_poll = Clock::now();

  Evaluation sums;
  Progress progress{0, 0, batches, 0};
  const ShouldStop should_stop = [&] {
    if (!poll || Clock::now() - state_->last_poll < kPollInterval) return false;
    progress.loss = MeanLoss(sums);
    const bool go_on = poll(progress);
    state_->last_poll = Clock::now();
    return !go_on;
  };
  const auto diverged = [&] {
    PutBackLastFinite();
    result.status = FitStatus::kDiverged;
    return result;
  };

  for (ptrdiff_t e = 0; e < args.epochs; ++e) {
    const Clock::time_point start = Clock::now();
    const int64_t* order = args.order;
    if (args.shuffle && !args.order) {
      Permutation(state_->order.data(), rows, config_.seed,
                  StreamOf(StreamKind::kShuffle, 0, static_cast<uint64_t>(epoch_)));
      order = state_->order.data();
    }
    sums = Evaluation{};
    double batch_losses = 0, penalties = 0;
    progress.epoch = e;
    for (ptrdiff_t b = 0; b < batches; ++b) {
      progress.batch = b;
      result.batch = b;
      const ptrdiff_t first = b * args.batch_size;
      Batch<T> batch = args.data;
      batch.rows = std::min(args.batch_size, rows - first);
      if (order) {
        batch.order = order + first;
      } else {
        batch.x.data += first * batch.x.stride;
        if (batch.targets.labels) batch.targets.labels += first;
        if (batch.targets.values)
          batch.targets.values += first * batch.targets.value_stride;
        if (batch.weights) batch.weights += first;
      }
      if (should_stop() ||
          !UpdateAfterBatch(batch, args.learning_rates[e * batches + b], should_stop)) {
        result.status = FitStatus::kStopped;
        return result;
      }
      const Evaluation& of_batch = engine_.result();
      result.loss = MeanLoss(of_batch);
      if (!std::isfinite(of_batch.loss)) return diverged();
      sums.Add(of_batch);
      batch_losses += result.loss * static_cast<double>(batch.rows);
      penalties += penalty_ * static_cast<double>(batch.rows);
    }
    if (!StateIsFinite()) return diverged();
    KeepFinite();
    ++epoch_;
    const std::chrono::duration<double> seconds = Clock::now() - start;
    const double n_rows = static_cast<double>(rows);
    result.epochs.push_back({sums.loss / sums.weight, batch_losses / n_rows,
                             penalties / n_rows, sums.correct / sums.weight,
                             seconds.count()});
  }
  return result;
}

template <typename T>
bool Trainer<T>::has_moment(int which) const {
  return (which == 1 ? state_->moment1 : state_->moment2).size() > 0;
}
template <typename T>
void Trainer<T>::GetMoment(int which, T* flat) const {
  Unpack(flat, (which == 1 ? state_->moment1 : state_->moment2).data(),
         network_->layout());
}
template <typename T>
void Trainer<T>::SetMoment(int which, const T* flat) {
  Pack((which == 1 ? state_->moment1 : state_->moment2).data(), flat,
       network_->layout());
}

template class Trainer<float>;
template class Trainer<double>;

}  // namespace mlpcore
