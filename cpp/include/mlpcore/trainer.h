// Training: the epoch loop, the optimizer's state, and what may stop it.
#ifndef MLPCORE_TRAINER_H_
#define MLPCORE_TRAINER_H_

#include <chrono>
#include <functional>
#include <memory>
#include <vector>

#include "mlpcore/gradient.h"

namespace mlpcore {

struct TrainerConfig {
  Optimizer optimizer = Optimizer::kAdam;
  double momentum = 0;                  // sgd
  bool nesterov = false;                // sgd
  double beta_1 = 0.9, beta_2 = 0.999;  // adam, adamw; beta_2 is rmsprop's rho
  double epsilon = 1e-8;
  // Adam's epsilon is added before the bias correction ("epsilon hat" of Kingma & Ba
  // 2015, section 2; scikit-learn's way), not after it.
  bool epsilon_hat = false;
  double weight_decay = 0;  // adamw
  double l2 = 0;            // adds l2 / 2 * sum of squared weights (no biases)
  // The penalty is added to a batch's summed loss, so to its mean loss it adds l2 / 2 /
  // (sum of the batch's weights) * ... (scikit-learn's alpha); epochs then record it.
  bool l2_of_sum = false;
  double clip_norm = 0;  // the gradient's largest Euclidean norm; 0: no limit
  double label_smoothing = 0;
  uint64_t seed = 0;  // of shuffles and dropout
};

// Which epochs of what data.
template <typename T>
struct FitArgs {
  Batch<T> data;  // all rows; order must be null
  ptrdiff_t batch_size = 32;
  bool shuffle = true;
  const int64_t* order =
      nullptr;  // (rows) the order of every epoch, instead of shuffle
  ptrdiff_t epochs = 1;
  const double* learning_rates = nullptr;  // (epochs * batches of an epoch)
};

struct EpochRecord {
  double loss = 0;  // mean over the epoch's rows, as each batch saw them
  // The means of the batches' mean losses and, with l2_of_sum, penalties, each batch
  // counted by its rows.
  double batch_loss = 0, penalty = 0;
  double accuracy = 0;  // of the same predictions; softmax and sigmoid outputs
  double seconds = 0;
};

enum class FitStatus { kDone, kStopped, kDiverged };

struct FitResult {
  FitStatus status = FitStatus::kDone;
  ptrdiff_t batch = 0;              // of the last epoch, where it stopped or diverged
  double loss = 0;                  // of that batch
  std::vector<EpochRecord> epochs;  // the finished ones
};

struct StepResult {
  double loss = 0;  // of the batch, before the update
  bool diverged = false;
};

struct Progress {
  ptrdiff_t epoch, batch, batches;  // epoch: since the call's first
  double loss;                      // mean so far in this epoch
};

template <typename T>
class Trainer {
 public:
  // Throws std::bad_alloc.
  Trainer(std::shared_ptr<Network<T>> network, const TrainerConfig& config);
  ~Trainer();

  // Sees the whole gradient (network.arena_size() values, panels; what it writes to
  // padding is of no consequence) before each update. May throw: training then ends
  // with the weights of the last finished batch.
  using GradientHook = std::function<void(T* gradient)>;
  void set_gradient_hook(GradientHook hook) { hook_ = std::move(hook); }
  // Called by the calling thread, at most every 50 ms; false stops training. It must
  // not throw.
  using Poll = std::function<bool(const Progress&)>;

  // The epoch loop. An epoch's order is a function of (seed, epoch()), a dropout mask
  // one of (seed, step()). Weights after it: kDone, the last batch's; kStopped, the
  // last finished batch's, if they are finite; else, and for kDiverged, those after the
  // last epoch that ended finite, or those it began with, and the moments start again
  // from zero. A second moment that is infinite is a divergence too.
  FitResult Fit(const FitArgs<T>& args, const Poll& poll);

  // One update. A loss or a weight that is not finite leaves the weights as they are;
  // so does a stop.
  StepResult Step(const Batch<T>& batch, double learning_rate,
                  const ShouldStop& should_stop = nullptr);

  // Of shuffles and dropout, from now on.
  void set_seed(uint64_t seed) { config_.seed = seed; }

  // State, for checkpoints.
  int64_t step() const { return step_; }
  int64_t epoch() const { return epoch_; }
  // The step at which the moments were last zero.
  int64_t moments_began() const { return step_ - moment_age_; }
  void set_counts(int64_t step, int64_t epoch) {
    step_ = moment_age_ = step;
    epoch_ = epoch;
  }
  // The optimizer's moments in get_parameters order; which is 1 or 2.
  bool has_moment(int which) const;
  void GetMoment(int which, T* flat) const;
  void SetMoment(int which, const T* flat);

  const std::shared_ptr<Network<T>>& network() const { return network_; }

 private:
  FitResult RunEpochs(const FitArgs<T>& args, const Poll& poll);
  void KeepFinite();
  void PutBackLastFinite();
  bool StateIsFinite() const;
  double NormOfLargeGradient(T l2);
  bool UpdateAfterBatch(const Batch<T>& batch, double learning_rate,
                        const ShouldStop& should_stop);
  void UpdatePart(const Part& part, const PartGradient<T>& gradient);
  double ClippingScale();
  double WeightPenalty() const;
  bool records_penalty() const { return config_.l2_of_sum && config_.l2 > 0; }

  std::shared_ptr<Network<T>> network_;
  TrainerConfig config_;
  GradientEngine<T> engine_;
  GradientHook hook_;
  typename GradientEngine<T>::UsePart update_part_;
  struct State;
  std::unique_ptr<State> state_;
  double penalty_ = 0;  // of the last batch, if l2_of_sum
  int64_t step_ = 0, epoch_ = 0;
  int64_t moment_age_ = 0;  // steps since the moments were zero
};

}  // namespace mlpcore

#endif  // MLPCORE_TRAINER_H_
