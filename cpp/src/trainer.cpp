#include "mlpcore/trainer.h"

#include <algorithm>
#include <cmath>
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

// base^n by squaring: products only, so every platform gives the same bits.
double Power(double base, int64_t n) {
  double result = 1;
  for (; n > 0; n /= 2, base *= base) {
    if (n % 2 == 1) result *= base;
  }
  return result;
}

// The panels of all layers, numbered through.
struct PanelIndex {
  ptrdiff_t layer, panel;
};
std::vector<PanelIndex> IndexPanels(const std::vector<LayerLayout>& layout) {
  std::vector<PanelIndex> all;
  for (size_t l = 0; l < layout.size(); ++l) {
    for (ptrdiff_t p = 0; p < layout[l].n_panels; ++p) {
      all.push_back({static_cast<ptrdiff_t>(l), p});
    }
  }
  return all;
}

double Sum(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

template <typename T>
bool AllFinite(const T* p, size_t n) {
  T sum = 0;  // 0 * x is 0 for every finite x, NaN for the rest
  for (size_t i = 0; i < n; ++i) sum += T(0) * p[i];
  return sum == T(0);
}

}  // namespace

template <typename T>
struct Trainer<T>::State {
  AlignedBuffer<T> moment1, moment2;  // empty if the optimizer has none
  std::vector<PanelIndex> panels;
  std::vector<double> panel_squares;  // sums of squares, for clipping and the penalty
  std::vector<int64_t> order;
  AlignedBuffer<T> last_finite;  // weights after the last good epoch
  UpdateArgs<T> update;          // this step's scalars
  std::chrono::steady_clock::time_point last_poll;
};

template <typename T>
Trainer<T>::Trainer(std::shared_ptr<Network<T>> network, const TrainerConfig& config)
    : network_(std::move(network)),
      config_(config),
      engine_(network_),
      state_(std::make_unique<State>()) {
  const size_t n = network_->arena_size();
  const bool adam =
      config.optimizer == Optimizer::kAdam || config.optimizer == Optimizer::kAdamW;
  if (adam || (config.optimizer == Optimizer::kSgd && config.momentum > 0)) {
    state_->moment1 = AlignedBuffer<T>(n);
  }
  if (adam || config.optimizer == Optimizer::kRmsprop) {
    state_->moment2 = AlignedBuffer<T>(n);
  }
  state_->panels = IndexPanels(network_->layout());
  state_->panel_squares.resize(state_->panels.size());
  state_->last_finite = AlignedBuffer<T>(n);
  after_gradient_ = [this](int threads) { Sweep(threads); };
}

template <typename T>
Trainer<T>::~Trainer() = default;

// This step's scalars, rounded to T once.
template <typename T>
UpdateArgs<T> UpdateArgsOf(const TrainerConfig& config, int64_t moment_age,
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
    const double correction2 = std::sqrt(1 - Power(config.beta_2, moment_age + 1));
    step_size *= correction2 / (1 - Power(config.beta_1, moment_age + 1));
    if (!config.epsilon_hat) epsilon *= correction2;
  }
  if (config.optimizer == Optimizer::kAdamW) {
    u.shrink = static_cast<T>(1 - learning_rate * config.weight_decay);
  }
  u.step_size = static_cast<T>(step_size);
  u.epsilon = static_cast<T>(epsilon);
  return u;
}

// f(panel) for all panels of all layers, in tasks of enough parameters that claiming
// one does not count.
template <typename T>
template <typename F>
void Trainer<T>::ForEachPanel(int threads, const F& f) const {
  constexpr ptrdiff_t kParametersOfTask = 16 * 1024;  // some 5 us
  const ptrdiff_t n = static_cast<ptrdiff_t>(state_->panels.size());
  const ptrdiff_t panel_size = static_cast<ptrdiff_t>(network_->arena_size()) / n;
  const ptrdiff_t panels = DivUp(kParametersOfTask, panel_size);
  ParallelFor(DivUp(n, panels), threads, [&](ptrdiff_t task) {
    for (ptrdiff_t i = task * panels; i < std::min(n, (task + 1) * panels); ++i) f(i);
  });
}

// What the gradient is multiplied by so that its norm is at most clip_norm. Panels are
// summed in order, whoever squared them.
template <typename T>
double Trainer<T>::ClippingScale(T l2, int threads) {
  if (config_.clip_norm == 0) return 1;
  const KernelTable<T>& kernels = ActiveKernels<T>();
  ForEachPanel(threads, [&](ptrdiff_t i) {
    const PanelIndex at = state_->panels[static_cast<size_t>(i)];
    const LayerLayout& layer = network_->layout()[static_cast<size_t>(at.layer)];
    const ptrdiff_t head = layer.offset + at.panel * layer.panel_size;
    const ptrdiff_t body = head + kPanel<T>;
    const T* g = engine_.gradient();
    const T* weights = l2 != T(0) ? network_->arena() + body : nullptr;
    state_->panel_squares[static_cast<size_t>(i)] =
        kernels.sum_squares(g + head, nullptr, T(0), kPanel<T>) +
        kernels.sum_squares(g + body, weights, l2, layer.panel_size - kPanel<T>);
  });
  const double norm = std::sqrt(Sum(state_->panel_squares));
  return norm > config_.clip_norm ? config_.clip_norm / norm : 1;
}

// The optimizer over all panels, heads (biases) without L2; both packed forms of W.
template <typename T>
void Trainer<T>::Sweep(int threads) {
  if (!std::isfinite(engine_.result().loss)) return;
  const KernelTable<T>& kernels = ActiveKernels<T>();
  double l2 = config_.l2;
  const double weight = engine_.result().weight;
  if (config_.l2_of_sum) l2 = weight > 0 ? l2 / weight : 0;
  const bool record_penalty = config_.l2_of_sum && l2 > 0;
  const T weight_l2 = static_cast<T>(l2);
  state_->update.gradient_scale = static_cast<T>(ClippingScale(weight_l2, threads));
  ForEachPanel(threads, [&](ptrdiff_t i) {
    const PanelIndex at = state_->panels[static_cast<size_t>(i)];
    const LayerLayout& layer = network_->layout()[static_cast<size_t>(at.layer)];
    const ptrdiff_t head = layer.offset + at.panel * layer.panel_size;
    UpdateArgs<T> u = state_->update;
    const auto update = [&](ptrdiff_t from, ptrdiff_t n, T l2) {
      u.parameters = network_->arena() + from;
      u.gradient = engine_.gradient() + from;
      if (T* m = state_->moment1.data()) u.moment1 = m + from;
      if (T* v = state_->moment2.data()) u.moment2 = v + from;
      u.n = n;
      u.l2 = l2;
      kernels.update(u);
    };
    const ptrdiff_t body = head + kPanel<T>, size = layer.panel_size - kPanel<T>;
    if (record_penalty) {
      state_->panel_squares[static_cast<size_t>(i)] =
          kernels.sum_squares(network_->arena() + body, nullptr, T(0), size);
    }
    update(head, kPanel<T>, T(0));
    update(body, size, weight_l2);
    engine_.RefreshTransposed(at.layer, at.panel);
  });
  penalty_ = record_penalty ? 0.5 * l2 * Sum(state_->panel_squares) : 0;
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
  state_->update = UpdateArgsOf<T>(config_, moment_age_, learning_rate);
  if (hook_) {
    if (!engine_.Compute(batch, options, should_stop)) return false;
    hook_(engine_.gradient());
    Sweep(GetNumThreads());
  } else if (!engine_.Compute(batch, options, should_stop, after_gradient_)) {
    return false;
  }
  if (std::isfinite(engine_.result().loss)) {
    engine_.MarkRefreshed();
    ++step_;
    ++moment_age_;
  }
  return true;
}

// The last good weights, and moments that start again.
template <typename T>
void Trainer<T>::PutBackLastFinite() {
  std::copy_n(state_->last_finite.data(), network_->arena_size(), network_->arena());
  network_->ParametersChanged();
  for (AlignedBuffer<T>* moment : {&state_->moment1, &state_->moment2}) {
    std::fill_n(moment->data(), moment->size(), T(0));
  }
  moment_age_ = 0;
}

template <typename T>
StepResult Trainer<T>::Step(const Batch<T>& batch, double learning_rate) {
  const size_t n = network_->arena_size();
  std::copy_n(network_->arena(), n, state_->last_finite.data());
  UpdateAfterBatch(batch, learning_rate, nullptr);
  const Evaluation& sums = engine_.result();
  StepResult result{sums.weight > 0 ? sums.loss / sums.weight : 0, false};
  result.diverged = !std::isfinite(result.loss) || !AllFinite(network_->arena(), n);
  if (result.diverged) PutBackLastFinite();
  return result;
}

template <typename T>
FitResult Trainer<T>::Fit(const FitArgs<T>& args, const Poll& poll) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kPollInterval(50);
  const ptrdiff_t rows = args.data.rows;
  const ptrdiff_t batches = DivUp(rows, args.batch_size);
  FitResult result;
  result.epochs.reserve(static_cast<size_t>(args.epochs));
  if (args.shuffle && !args.order) state_->order.resize(static_cast<size_t>(rows));
  const size_t n = network_->arena_size();
  std::copy_n(network_->arena(), n, state_->last_finite.data());
  if (state_->last_poll == Clock::time_point{}) state_->last_poll = Clock::now();

  Evaluation sums;
  Progress progress{0, 0, batches, 0};
  const ShouldStop should_stop = [&] {
    if (!poll || Clock::now() - state_->last_poll < kPollInterval) return false;
    progress.loss = sums.weight > 0 ? sums.loss / sums.weight : 0;
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
      result.loss = of_batch.weight > 0 ? of_batch.loss / of_batch.weight : 0;
      if (!std::isfinite(of_batch.loss)) return diverged();
      sums.loss += of_batch.loss;
      sums.weight += of_batch.weight;
      sums.correct += of_batch.correct;
      batch_losses += result.loss * static_cast<double>(batch.rows);
      penalties += penalty_ * static_cast<double>(batch.rows);
    }
    if (!AllFinite(network_->arena(), n)) return diverged();
    std::copy_n(network_->arena(), n, state_->last_finite.data());
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
