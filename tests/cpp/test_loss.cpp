// The losses that are sums over outputs: values against long double, gradients against
// differences of the values, extremes, row weights.
#include <limits>

#include "loss_run.h"

namespace mlpcore::testing {
namespace {

constexpr double kParameter = 0.3;  // huber's delta, quantile's q

struct LossCase {
  Loss loss;
  Activation output;  // of poisson, whose z is not its y
  std::string name() const {
    return kLossNames[static_cast<int>(loss)] + std::string(" of ") +
           kActivationNames[static_cast<int>(output)];
  }
};
std::vector<LossCase> AllLosses() {
  std::vector<LossCase> all;
  for (int l = 0; l < static_cast<int>(Loss::kCount); ++l) {
    all.push_back({static_cast<Loss>(l), Activation::kExp});
  }
  all.push_back({Loss::kPoisson, Activation::kSoftplus});
  all.push_back({Loss::kPoisson, Activation::kSigmoid});
  return all;
}

// z and t in the loss's domain, away from the kinks of the piecewise ones.
template <typename T>
LossRun<T> MakeRun(const LossCase& c, ptrdiff_t rows, ptrdiff_t n, uint64_t seed) {
  LossRun<T> run;
  run.loss = c.loss;
  run.output = c.output;
  run.rows = rows;
  run.n = n;
  run.parameter = static_cast<T>(kParameter);
  const size_t size = static_cast<size_t>(rows * n);
  run.z = NoiseVector<T>(size, seed, T(2));
  run.targets = NoiseVector<T>(size, seed + 1, T(2));
  for (size_t i = 0; i < size; ++i) {
    T& t = run.targets[i];
    if (c.loss == Loss::kLogLoss) t = std::fabs(t) / 2;
    if (c.loss == Loss::kPoisson) t = t < -1 ? T(0) : std::fabs(t);  // some counts of 0
    const T r = std::fabs(run.z[i] - t);
    if (r < T(0.01) || std::fabs(r - run.parameter) < T(0.01)) t += T(0.05);
  }
  return run;
}

// Half the deviance, y - t + t log(t / y), of y = phi(z).
long double PoissonTerm(Activation phi, long double z, long double t) {
  const long double e = std::exp(z);
  const long double y = phi == Activation::kExp        ? e
                        : phi == Activation::kSoftplus ? std::log1p(e)
                                                       : e / (1 + e);
  return y - t + (t == 0 ? 0 : t * (std::log(t) - std::log(y)));
}

long double Term(Loss loss, long double y, long double t, long double parameter) {
  const long double r = y - t;
  switch (loss) {
    case Loss::kLogLoss:
      return std::fmax(y, 0.0L) - y * t + std::log1p(std::exp(-std::fabs(y)));
    case Loss::kSquaredError:
      return r * r / 2;
    case Loss::kAbsoluteError:
      return std::fabs(r);
    case Loss::kHuber:
      return std::fabs(r) <= parameter ? r * r / 2
                                       : parameter * (std::fabs(r) - parameter / 2);
    case Loss::kQuantile:
      return std::fmax(parameter * -r, (1 - parameter) * r);
    default:
      return r * r;  // the Euclidean distance: under a root
  }
}

template <typename T>
long double ReferenceLoss(const LossRun<T>& run, ptrdiff_t row) {
  long double sum = 0;
  for (ptrdiff_t j = 0; j < run.n; ++j) {
    const size_t at = static_cast<size_t>(row * run.n + j);
    const long double s = run.label_smoothing;
    const long double t = static_cast<long double>(run.targets[at]) * (1 - s) + s / 2;
    if (run.loss == Loss::kPoisson) {
      sum += PoissonTerm(run.output, run.z[at], run.targets[at]);
      continue;
    }
    sum += Term(run.loss, run.z[at], run.loss == Loss::kLogLoss ? t : run.targets[at],
                run.parameter);
  }
  return run.loss == Loss::kEuclidean ? std::sqrt(sum) : sum;
}

template <typename T>
ptrdiff_t WrongValues(const LossRun<T>& run) {
  ptrdiff_t wrong = 0;
  for (ptrdiff_t i = 0; i < run.rows; ++i) {
    const long double expected = ReferenceLoss(run, i);
    // All terms are nonnegative, so no sum cancels; Poisson's own terms do.
    const long double size =
        run.loss == Loss::kPoisson ? static_cast<long double>(run.n) * 4 : expected;
    wrong += !(std::fabs(run.row_loss[static_cast<size_t>(i)] - expected) <=
               16 * std::numeric_limits<T>::epsilon() * size);
  }
  return wrong;
}

}  // namespace

TEST_SUITE("loss") {
  TEST_CASE_TEMPLATE("values", T, float, double) {
    OnEveryIsa([] {
      for (const LossCase& loss : AllLosses()) {
        CAPTURE(loss.name());
        for (const ptrdiff_t n : {1, 3, 7, 8, 9, 15, 16, 17, 33, 40}) {
          CAPTURE(n);
          LossRun<T> run = MakeRun<T>(loss, 9, n, 1);
          run.Run();
          CHECK(WrongValues(run) == 0);
          if (loss.loss != Loss::kLogLoss) continue;
          run.label_smoothing = T(0.1);
          run.Run();
          CHECK(WrongValues(run) == 0);
        }
      }
    });
  }

  // The gradient is that of the kernel's own values, which the test above has checked.
  TEST_CASE("gradients are differences of values") {
    OnEveryIsa([] {
      constexpr double kStep = 1e-6;
      for (const LossCase& loss : AllLosses()) {
        CAPTURE(loss.name());
        for (const ptrdiff_t n : {1, 3, 8, 17}) {
          for (const double smoothing : {0.0, 0.2}) {
            CAPTURE(n);
            LossRun<double> run = MakeRun<double>(loss, 5, n, 3);
            run.label_smoothing = smoothing;
            run.Run();
            for (ptrdiff_t j = 0; j < n; ++j) {
              LossRun<double> less = run, more = run;
              for (ptrdiff_t i = 0; i < run.rows; ++i) {
                less.z[static_cast<size_t>(i * n + j)] -= kStep;
                more.z[static_cast<size_t>(i * n + j)] += kStep;
              }
              less.Run();
              more.Run();
              for (size_t i = 0; i < 5; ++i) {
                const double slope =
                    (more.row_loss[i] - less.row_loss[i]) / (2 * kStep);
                CHECK(std::fabs(run.gradient[i * static_cast<size_t>(n) +
                                             static_cast<size_t>(j)] -
                                slope) < 2e-8);
              }
            }
          }
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("row weights and the scale act on the gradient alone", T, float,
                     double) {
    OnEveryIsa([] {
      for (const LossCase& loss : AllLosses()) {
        CAPTURE(loss.name());
        LossRun<T> run = MakeRun<T>(loss, 4, 10, 5);
        run.Run();
        LossRun<T> weighted = run;
        weighted.weights = {T(0.5), 1, 0, 2};  // exact factors: equal bits
        weighted.scale = T(0.25);
        weighted.Run();
        CHECK(FirstDifference(weighted.row_loss, run.row_loss) == -1);
        size_t wrong = 0;
        for (size_t i = 0; i < run.gradient.size(); ++i) {
          wrong +=
              weighted.gradient[i] != run.gradient[i] * weighted.weights[i / 10] / 4;
        }
        CHECK(wrong == 0);
      }
    });
  }

  TEST_CASE_TEMPLATE("sigmoid cross-entropy far out", T, float, double) {
    OnEveryIsa([] {
      LossRun<T> run;
      run.rows = 1;
      run.n = 4;
      run.z = {T(1e30), T(-1e30), T(1e30), T(-1e30)};
      run.targets = {1, 0, 0, 1};
      run.Run();
      CHECK(run.row_loss[0] == T(1e30) + T(1e30));
      CHECK(run.gradient == std::vector<T>{0, 0, 1, -1});
      // p going to 1: the loss is the tail, not 0.
      run.n = 1;
      run.z = {80};
      run.targets = {1};
      run.Run();
      CHECK(UlpError(run.row_loss[0], std::log1p(std::exp(-80.0L))) <= 4);
      CHECK(UlpError(run.gradient[0], -1 / (1 + std::exp(80.0L))) <= 4);
    });
  }

  TEST_CASE_TEMPLATE("poisson where y underflows", T, float, double) {
    OnEveryIsa([] {
      for (const Activation output :
           {Activation::kExp, Activation::kSoftplus, Activation::kSigmoid}) {
        CAPTURE(kActivationNames[static_cast<int>(output)]);
        for (const T z : {T(-41), T(-42), T(-60), T(-95), T(-500), T(-5000)}) {
          LossRun<T> run;
          run.loss = Loss::kPoisson;
          run.output = output;
          run.rows = run.n = 1;
          run.z = {z};
          run.targets = {3};
          run.Run();
          // long double holds y still, so the formula is its own reference.
          const long double e = std::exp(static_cast<long double>(z));
          const long double expected = PoissonTerm(output, z, 3);
          const long double gradient = output == Activation::kExp ? e - 3
                                       : output == Activation::kSigmoid
                                           ? (e / (1 + e) - 3) / (1 + e)
                                           : e / (1 + e) * (1 - 3 / std::log1p(e));
          CHECK(UlpError(run.row_loss[0], expected) <= 4);
          CHECK(UlpError(run.gradient[0], gradient) <= 1);
          run.targets = {0};
          run.Run();
          CHECK(UlpError(run.row_loss[0], PoissonTerm(output, z, 0)) <= 4);
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("a training drops gradients below 2^-58, of float32", T, float,
                     double) {
    enum Kind { kSigmoid, kLabels, kDistributions };
    OnEveryIsa([] {
      for (const Kind kind : {kSigmoid, kLabels, kDistributions}) {
        for (const ptrdiff_t n : {2, 40}) {
          CAPTURE(kind);
          CAPTURE(n);
          LossRun<T> run;
          run.rows = 37;
          run.n = n;
          run.softmax = kind != kSigmoid;
          const size_t size = static_cast<size_t>(run.rows * n);
          run.z = NoiseVector<T>(size, 1, T(60));
          if (kind == kLabels) {
            run.labels = RandomLabels(run.rows, n, 2);
          } else {
            run.targets.assign(size, T(0));
            for (size_t i = 0; i < size; i += 2) {
              run.targets[i] = kind == kSigmoid || i % 4 ? T(1) : T(0.5);
            }
          }
          run.Run();
          std::vector<T> expected = run.gradient;
          ptrdiff_t dropped = 0;
          for (T& g : expected) {
            if (sizeof(T) == 8 || std::fabs(g) >= T(0x1p-58)) continue;
            dropped += g != 0;
            g = 0;
          }
          // And probabilities below e^-75, which is all of some rows' losses.
          std::vector<T> losses = run.row_loss;
          for (T& loss : losses) {
            if (sizeof(T) == 4 && loss < std::exp(T(-75))) loss = 0;
          }
          run.drops_tiny = true;
          run.Run();
          CHECK(FirstDifference(run.gradient, expected) == -1);
          CHECK(FirstDifference(run.row_loss, losses) == -1);
          if (sizeof(T) == 4) CHECK(dropped >= 5);
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("at the kinks the gradient is 0; far away nothing overflows", T,
                     float, double) {
    OnEveryIsa([] {
      for (const Loss loss : {Loss::kSquaredError, Loss::kAbsoluteError, Loss::kHuber,
                              Loss::kQuantile, Loss::kEuclidean}) {
        CAPTURE(kLossNames[static_cast<int>(loss)]);
        LossRun<T> run = MakeRun<T>({loss, {}}, 1, 5, 7);
        run.targets = run.z;
        run.Run();
        CHECK(run.row_loss[0] == 0);
        CHECK(run.gradient == std::vector<T>(5));
      }
      const T big = std::numeric_limits<T>::max() / 4;
      for (const Loss loss :
           {Loss::kAbsoluteError, Loss::kHuber, Loss::kQuantile, Loss::kEuclidean}) {
        CAPTURE(kLossNames[static_cast<int>(loss)]);
        LossRun<T> run = MakeRun<T>({loss, {}}, 1, 2, 9);
        run.z = {big, -big};
        run.targets = {0, 0};
        run.Run();
        CHECK(std::isfinite(run.row_loss[0]));
        CHECK(std::isfinite(run.gradient[0]));
      }
      // Tiny residuals do not vanish in their squares.
      LossRun<T> run = MakeRun<T>({Loss::kEuclidean, {}}, 1, 2, 11);
      const T tiny = std::numeric_limits<T>::min();
      run.z = {3 * tiny, 4 * tiny};
      run.targets = {0, 0};
      run.Run();
      CHECK(run.row_loss[0] == 5 * tiny);
      CHECK(UlpError(run.gradient[0], 0.6L) <= 2);
    });
  }

  TEST_CASE_TEMPLATE("NaN in a row is NaN in its loss, and in no other row's", T, float,
                     double) {
    OnEveryIsa([] {
      for (const LossCase& loss : AllLosses()) {
        CAPTURE(loss.name());
        for (const ptrdiff_t n : {1, 5, 16, 40}) {
          for (const bool in_target : {false, true}) {
            LossRun<T> run = MakeRun<T>(loss, 3, n, 13), plain = run;
            plain.Run();
            std::vector<T>& where = in_target ? run.targets : run.z;
            where[static_cast<size_t>(2 * n - 1)] = std::numeric_limits<T>::quiet_NaN();
            run.Run();
            CHECK(std::isnan(run.row_loss[1]));
            CHECK(std::isnan(run.gradient[static_cast<size_t>(2 * n - 1)]));
            CHECK(SameBits(run.row_loss[0], plain.row_loss[0]));
            CHECK(SameBits(run.row_loss[2], plain.row_loss[2]));
          }
        }
      }
    });
  }
}

}  // namespace mlpcore::testing
