// The optimizers, through Trainer::Step, against the textbooks' formulas in double; and
// the sweep itself: padding, sums of squares.
#include "mlpcore/trainer.h"
#include "network_case.h"

namespace mlpcore::testing {
namespace {

constexpr double kLearningRate = 0.01;

NetworkSpec SmallSpec() {
  return SpecOf({7, 19, 4}, Activation::kTanh, Activation::kIdentity,
                Loss::kSquaredError);
}

// True for the elements of a flat parameter vector that are weights, not biases.
std::vector<bool> IsWeight(const NetworkSpec& spec) {
  std::vector<bool> is_weight;
  for (size_t l = 0; l + 1 < spec.layer_sizes.size(); ++l) {
    const ptrdiff_t n_out = spec.layer_sizes[l + 1];
    is_weight.insert(is_weight.end(), static_cast<size_t>(spec.layer_sizes[l] * n_out),
                     true);
    is_weight.insert(is_weight.end(), static_cast<size_t>(n_out), false);
  }
  return is_weight;
}

// One step of the rule as its paper states it; m and v start at 0, t at 1.
void TextbookStep(const TrainerConfig& c, int t, const std::vector<bool>& is_weight,
                  std::vector<double> g, std::vector<double>& p, std::vector<double>& m,
                  std::vector<double>& v) {
  double squares = 0;
  for (size_t i = 0; i < p.size(); ++i) {
    if (is_weight[i]) g[i] += c.l2 * p[i];
    squares += g[i] * g[i];
  }
  const double norm = std::sqrt(squares);
  const double clip = c.clip_norm > 0 && norm > c.clip_norm ? c.clip_norm / norm : 1;
  for (size_t i = 0; i < p.size(); ++i) {
    g[i] *= clip;
    switch (c.optimizer) {
      case Optimizer::kSgd:
        m[i] = c.momentum * m[i] - kLearningRate * g[i];
        p[i] += c.nesterov ? c.momentum * m[i] - kLearningRate * g[i] : m[i];
        break;
      case Optimizer::kAdam:
      case Optimizer::kAdamW: {
        if (c.optimizer == Optimizer::kAdamW)
          p[i] -= kLearningRate * c.weight_decay * p[i];
        m[i] = c.beta_1 * m[i] + (1 - c.beta_1) * g[i];
        v[i] = c.beta_2 * v[i] + (1 - c.beta_2) * g[i] * g[i];
        const double m_hat = m[i] / (1 - std::pow(c.beta_1, t));
        const double v_hat = v[i] / (1 - std::pow(c.beta_2, t));
        p[i] -= kLearningRate * m_hat / (std::sqrt(v_hat) + c.epsilon);
        break;
      }
      case Optimizer::kRmsprop:
        v[i] = c.beta_2 * v[i] + (1 - c.beta_2) * g[i] * g[i];
        p[i] -= kLearningRate * g[i] / (std::sqrt(v[i]) + c.epsilon);
        break;
      case Optimizer::kCount:
        break;
    }
  }
}

// 30 steps of a trainer beside the textbook, the textbook on the trainer's gradients.
template <typename T>
void CheckRule(const TrainerConfig& config, double tolerance) {
  const NetworkSpec spec = SmallSpec();
  const DataSet<T> data(spec, 25);
  const auto network = MakeNetwork<T>(spec);
  Trainer<T> trainer(network, config);
  GradientEngine<T> engine(network);
  const std::vector<bool> is_weight = IsWeight(spec);
  const size_t n = network->n_parameters();
  const std::vector<T> start = ParametersOf(*network);
  std::vector<double> p(start.begin(), start.end()), m(n), v(n);
  std::vector<T> flat(n);
  for (int t = 1; t <= 30; ++t) {
    engine.Compute(data.batch(), {});
    engine.CopyGradient(flat.data());
    TextbookStep(config, t, is_weight, {flat.begin(), flat.end()}, p, m, v);
    const StepResult step = trainer.Step(data.batch(), kLearningRate);
    CHECK(!step.diverged);
    CHECK(step.loss == engine.result().loss / engine.result().weight);
    CHECK(trainer.step() == t);
    const std::vector<T> got = ParametersOf(*network);
    double worst = 0;
    for (size_t i = 0; i < n; ++i) {
      worst = std::max(worst, std::fabs(static_cast<double>(got[i]) - p[i]));
    }
    CHECK(worst < tolerance);
    // Go on from the same place: errors must not add up to hide one.
    p.assign(got.begin(), got.end());
  }
  for (const int which : {1, 2}) {
    if (!trainer.has_moment(which)) continue;
    trainer.GetMoment(which, flat.data());
    const std::vector<double>& expected = which == 1 ? m : v;
    double worst = 0;
    for (size_t i = 0; i < n; ++i) {
      worst = std::max(worst, std::fabs(static_cast<double>(flat[i]) - expected[i]));
    }
    CHECK(worst < tolerance * 10);
  }
  // The padding of the last panel of 19 and 4 outputs.
  std::vector<T> only(ArenaSize<T>(network->layout()));
  Pack(only.data(), ParametersOf(*network).data(), network->layout());
  CHECK(FirstDifference(only.data(), network->arena(), only.size()) == -1);
}

std::vector<TrainerConfig> AllConfigs() {
  std::vector<TrainerConfig> configs;
  for (int o = 0; o < static_cast<int>(Optimizer::kCount); ++o) {
    TrainerConfig c;
    c.optimizer = static_cast<Optimizer>(o);
    c.weight_decay = 0.1;
    c.beta_2 = o == static_cast<int>(Optimizer::kRmsprop) ? 0.9 : 0.999;
    if (c.optimizer != Optimizer::kAdamW) c.weight_decay = 0;
    configs.push_back(c);
    if (c.optimizer == Optimizer::kSgd) {
      c.momentum = 0.9;
      configs.push_back(c);
      c.nesterov = true;
      configs.push_back(c);
    }
    c.l2 = 0.3;
    configs.push_back(c);
    c.clip_norm = 0.05;
    configs.push_back(c);
  }
  return configs;
}

// A sweep over n elements by hand: parameters, moments and gradient, 0 as yet.
template <typename T>
struct ByHand {
  ByHand(const TrainerConfig& config, ptrdiff_t n) : p(n), m(n), v(n), g(n) {
    u.optimizer = config.optimizer;
    u.parameters = p.data();
    u.moment1 = m.data();
    u.moment2 = v.data();
    u.gradient = g.data();
    u.n = n;
    u.momentum = T(0.9);
    u.momentum_rest = T(0.1);
    u.decay = T(0.999);
    u.decay_rest = T(0.001);
    u.step_size = T(0.1);
    u.epsilon = T(1e-8);
    u.nesterov = config.nesterov;
  }
  AlignedBuffer<T> p, m, v, g;
  UpdateArgs<T> u;
};

}  // namespace

TEST_SUITE("optimizer") {
  TEST_CASE_TEMPLATE("each rule is its textbook's", T, float, double) {
    OnEveryIsa([] {
      for (const TrainerConfig& config : AllConfigs()) {
        CAPTURE(kOptimizerNames[static_cast<int>(config.optimizer)]);
        CAPTURE(config.momentum);
        CAPTURE(config.nesterov);
        CAPTURE(config.l2);
        CAPTURE(config.clip_norm);
        CheckRule<T>(config, sizeof(T) == 4 ? 2e-7 : 1e-15);
      }
    });
  }

  TEST_CASE_TEMPLATE("the same bits on every instruction set and number of threads", T,
                     float, double) {
    const NetworkSpec spec = SpecOf({70, 190, 100, 4}, Activation::kTanh,
                                    Activation::kIdentity, Loss::kSquaredError);
    const DataSet<T> data(spec, 40);
    for (const TrainerConfig& config : AllConfigs()) {
      CAPTURE(kOptimizerNames[static_cast<int>(config.optimizer)]);
      SameOnEveryIsaAndThreads([&] {
        const auto network = MakeNetwork<T>(spec);
        Trainer<T> trainer(network, config);
        for (int t = 0; t < 3; ++t) trainer.Step(data.batch(), kLearningRate);
        return ParametersOf(*network);
      });
    }
  }

  TEST_CASE_TEMPLATE("sums of squares", T, float, double) {
    OnEveryIsa([] {
      const KernelTable<T>& kernels = ActiveKernels<T>();
      for (const ptrdiff_t lines : {0, 1, 2, 31, 32, 33, 100}) {
        CAPTURE(lines);
        const size_t n = static_cast<size_t>(lines * kPanel<T>);
        const std::vector<T> a = NoiseVector<T>(n, 1), b = NoiseVector<T>(n, 2);
        long double plain = 0, with = 0;
        for (size_t i = 0; i < n; ++i) {
          const long double g = a[i], w = b[i];
          plain += g * g;
          with += (g + 0.25L * w) * (g + 0.25L * w);
        }
        const double tolerance = 32 * std::numeric_limits<T>::epsilon();
        const ptrdiff_t size = static_cast<ptrdiff_t>(n);
        CHECK(std::fabs(kernels.sum_squares(a.data(), nullptr, 0, size) - plain) <=
              tolerance * plain);
        CHECK(std::fabs(kernels.sum_squares(a.data(), b.data(), T(0.25), size) -
                        with) <= tolerance * with);
      }
    });
  }

  TEST_CASE_TEMPLATE("subnormal moments become 0, every 256th step", T, float, double) {
    const NetworkSpec spec = SmallSpec();
    DataSet<T> data(spec, 25);
    std::fill(data.x.begin(), data.x.end(), T(0));  // so W of layer 0 has no gradient
    const size_t n_unreached = 7 * 19;
    const T least = std::numeric_limits<T>::min();
    for (const TrainerConfig& config : AllConfigs()) {
      if (config.l2 > 0) continue;  // that is a gradient
      CAPTURE(kOptimizerNames[static_cast<int>(config.optimizer)]);
      const auto network = MakeNetwork<T>(spec);
      Trainer<T> trainer(network, config);
      for (const int64_t step : {255, 256, 257, 1024}) {
        CAPTURE(step);
        std::vector<T> moment(network->n_parameters());
        for (size_t i = 0; i < n_unreached; ++i) {
          moment[i] = least * T(i % 2 ? 0.5 : 1.2);
        }
        for (const int which : {1, 2}) {
          if (trainer.has_moment(which)) trainer.SetMoment(which, moment.data());
        }
        trainer.set_counts(step - 1, 0);
        trainer.Step(data.batch(), kLearningRate);
        for (const int which : {1, 2}) {
          if (!trainer.has_moment(which)) continue;
          trainer.GetMoment(which, moment.data());
          const auto end = moment.begin() + n_unreached;
          const auto is_subnormal = [&](T m) { return m != 0 && std::fabs(m) < least; };
          CHECK(std::count_if(moment.begin(), end, is_subnormal) ==
                (step % 256 == 0 ? 0 : n_unreached / 2));
          CHECK(std::count(moment.begin(), end, T(0)) ==
                (step % 256 == 0 ? n_unreached / 2 : 0));
        }
      }
    }
  }

  TEST_CASE_TEMPLATE("a gradient whose square underflows counts as 0", T, float,
                     double) {
    const T least = sizeof(T) == 4 ? T(0x1p-58) : T(0x1p-506);
    OnEveryIsa([&] {
      constexpr ptrdiff_t kN = kPanel<T>;
      for (const TrainerConfig& config : AllConfigs()) {
        CAPTURE(kOptimizerNames[static_cast<int>(config.optimizer)]);
        const bool squares = config.optimizer != Optimizer::kSgd;
        ByHand<T> hand(config, kN);
        for (ptrdiff_t i = 0; i < kN; ++i) {
          hand.g.data()[i] = least * T(i % 2 ? 0.99 : 1.01) * T(i % 4 < 2 ? 1 : -1);
        }
        ActiveKernels<T>().update(hand.u);
        for (ptrdiff_t i = 0; i < kN; ++i) {
          const bool dropped = squares && i % 2;
          CHECK((hand.p.data()[i] == 0) == dropped);
          if (config.optimizer != Optimizer::kRmsprop) {
            CHECK((hand.m.data()[i] == 0) == dropped);
          }
          if (squares) {
            CHECK((hand.v.data()[i] >= std::numeric_limits<T>::min()) == !dropped);
            CHECK((hand.v.data()[i] == 0) == dropped);
          }
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("zero stays zero, with the smallest epsilon", T, float, double) {
    OnEveryIsa([] {
      constexpr ptrdiff_t kN = 2 * kPanel<T>;
      for (const TrainerConfig& config : AllConfigs()) {
        ByHand<T> hand(config, kN);
        hand.u.l2 = T(0.1);
        hand.u.epsilon = std::numeric_limits<T>::denorm_min();
        ActiveKernels<T>().update(hand.u);
        const std::vector<T> zeros(kN);
        CHECK(std::equal(zeros.begin(), zeros.end(), hand.p.data()));
        CHECK(std::equal(zeros.begin(), zeros.end(), hand.m.data()));
        CHECK(std::equal(zeros.begin(), zeros.end(), hand.v.data()));
      }
    });
  }
}

}  // namespace mlpcore::testing
