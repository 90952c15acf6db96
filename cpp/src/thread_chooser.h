// One thread or a team, for steps that are repeated: by trying both.
//
// On a machine with nothing else to do, a team pays for steps of some 10 us and more.
// On a busy one it can cost a thousand times what it saves: a member that is not
// running keeps the others waiting at the barrier for a slice of the scheduler's, some
// 10 ms. (Measured beside two compilers, 17 k parameters, batch 32, 2 threads: 13 ms a
// step with the team, 0.1 ms without.) No model of the work can know which it is, but a
// clock can; and since the number of threads never changes a bit, it may be changed at
// any step.
#ifndef MLPCORE_THREAD_CHOOSER_H_
#define MLPCORE_THREAD_CHOOSER_H_

#include <algorithm>
#include <limits>

namespace mlpcore {

class ThreadChooser {
 public:
  // Threads of the next step, which the cost model would give `most`.
  int Choose(int most) {
    trial_ = most > 1 && left_ <= 2 * kTrialSteps;
    alone_ = most <= 1 || (trial_ ? left_ > kTrialSteps : !team_pays_);
    return alone_ ? 1 : most;
  }

  // After the step: its time for each unit of work.
  void Report(double seconds_per_unit) {
    if (trial_) {
      double& best = alone_ ? best_alone_ : best_team_;
      best = std::min(best, seconds_per_unit);
    } else if (!alone_ && seconds_per_unit > 2 * usual_alone_ && ++late_ >= kMostLate) {
      team_pays_ = false;  // it did once; until the next trial it does not
    }
    if (--left_ > 0) return;
    team_pays_ = best_team_ < best_alone_;
    // A team that loses is tried ever more rarely.
    period_ = team_pays_ ? kShortestPeriod : std::min(2 * period_, kLongestPeriod);
    left_ = period_;
    late_ = 0;
    usual_alone_ = best_alone_;
    best_alone_ = best_team_ = std::numeric_limits<double>::infinity();
  }

 private:
  // The trial ends a period: some steps alone, some with the team, the best of each.
  static constexpr int kTrialSteps = 4;
  static constexpr int kMostLate = 3;
  static constexpr int kShortestPeriod = 256;
  static constexpr int kLongestPeriod = 16384;

  bool team_pays_ = true;
  bool trial_ = false, alone_ = true;
  int late_ = 0;
  int period_ = kShortestPeriod;
  int left_ = 2 * kTrialSteps + 1;  // the first step allocates; then a trial
  double best_alone_ = std::numeric_limits<double>::infinity();
  double best_team_ = std::numeric_limits<double>::infinity();
  double usual_alone_ = std::numeric_limits<double>::infinity();  // of the last trial
};

}  // namespace mlpcore

#endif  // MLPCORE_THREAD_CHOOSER_H_
