// The epoch loop: the same bits from run to run, through threads, instruction sets and
// interruptions; what stops it, and what it then leaves behind.
#include "mlpcore/trainer.h"

#include <stdexcept>

#include "caches.h"
#include "network_case.h"

namespace mlpcore::testing {
namespace {

NetworkSpec Spec(double dropout = 0) {
  return SpecOf({20, 64, 48, 5}, Activation::kGelu, Activation::kSoftmax,
                Loss::kLogLoss, dropout);
}

TrainerConfig Adam(uint64_t seed = 3) {
  TrainerConfig config;
  config.seed = seed;
  return config;
}

template <typename T>
FitResult Fit(Trainer<T>& trainer, const DataSet<T>& data, ptrdiff_t epochs,
              double learning_rate = 0.01,
              const typename Trainer<T>::Poll& poll = nullptr) {
  FitArgs<T> args;
  args.data = data.batch();
  args.batch_size = 100;
  args.epochs = epochs;
  const std::vector<double> rates(
      static_cast<size_t>(epochs * DivUp(data.rows, args.batch_size)), learning_rate);
  args.learning_rates = rates.data();
  return trainer.Fit(args, poll);
}

// Parameters, moments and the records' losses, as one vector.
template <typename T>
std::vector<T> StateOf(const Trainer<T>& trainer) {
  std::vector<T> state = ParametersOf(*trainer.network());
  for (const int which : {1, 2}) {
    if (!trainer.has_moment(which)) continue;
    std::vector<T> moment(trainer.network()->n_parameters());
    trainer.GetMoment(which, moment.data());
    state.insert(state.end(), moment.begin(), moment.end());
  }
  return state;
}

}  // namespace

TEST_SUITE("trainer") {
  TEST_CASE_TEMPLATE("the same bits over threads and instruction sets", T, float,
                     double) {
    const NetworkSpec spec = Spec(0.3);
    DataSet<T> data(spec, 530);  // the last batch is short
    data.weights = NoiseVector<T>(530, 4);
    for (T& weight : data.weights) weight = std::fabs(weight);
    TrainerConfig config = Adam();
    config.clip_norm = 0.5;
    config.l2 = 1e-3;
    config.label_smoothing = 0.1;
    SameOnEveryIsaAndThreads([&] {
      Trainer<T> trainer(MakeNetwork<T>(spec), config);
      const FitResult result = Fit(trainer, data, 3);
      CHECK(result.status == FitStatus::kDone);
      REQUIRE(result.epochs.size() == 3);
      CHECK(result.epochs[2].loss < result.epochs[0].loss);
      CHECK(trainer.step() == 18);
      CHECK(trainer.epoch() == 3);
      std::vector<T> state = StateOf(trainer);
      for (const EpochRecord& epoch : result.epochs) {
        state.push_back(static_cast<T>(epoch.loss));
        state.push_back(static_cast<T>(epoch.accuracy));
      }
      return state;
    });
  }

  TEST_CASE_TEMPLATE("it learns", T, float, double) {
    const NetworkSpec spec = Spec();
    DataSet<T> data(spec, 300);
    // Five classes that a hidden layer can tell apart.
    for (size_t i = 0; i < 300; ++i)
      data.x[i * 20] += static_cast<T>(3 * data.labels[i]);
    OnEveryIsa([&] {
      Trainer<T> trainer(MakeNetwork<T>(spec), Adam());
      const FitResult result = Fit(trainer, data, 40);
      CHECK(result.epochs.back().accuracy > 0.95);
      CHECK(result.epochs.back().loss < 0.3);
    });
  }

  TEST_CASE_TEMPLATE("another seed is another order", T, float, double) {
    const NetworkSpec spec = Spec();
    const DataSet<T> data(spec, 300);
    Trainer<T> a(MakeNetwork<T>(spec), Adam(1)), b(MakeNetwork<T>(spec), Adam(2));
    Fit(a, data, 1);
    Fit(b, data, 1);
    CHECK(StateOf(a) != StateOf(b));
  }

  TEST_CASE_TEMPLATE("continued training is one run", T, float, double) {
    const NetworkSpec spec = Spec(0.3);
    const DataSet<T> data(spec, 330);
    OnEveryIsa([&] {
      Trainer<T> once(MakeNetwork<T>(spec), Adam()),
          twice(MakeNetwork<T>(spec), Adam());
      Fit(once, data, 5);
      Fit(twice, data, 2);
      // A third trainer takes over from a checkpoint.
      Trainer<T> resumed(MakeNetwork<T>(spec, 99), Adam());
      resumed.network()->SetParameters(ParametersOf(*twice.network()).data());
      for (const int which : {1, 2}) {
        std::vector<T> moment(twice.network()->n_parameters());
        twice.GetMoment(which, moment.data());
        resumed.SetMoment(which, moment.data());
      }
      resumed.set_counts(twice.step(), twice.epoch());
      Fit(twice, data, 3);
      Fit(resumed, data, 3);
      CHECK(FirstDifference(StateOf(twice), StateOf(once)) == -1);
      CHECK(FirstDifference(StateOf(resumed), StateOf(once)) == -1);
    });
  }

  TEST_CASE_TEMPLATE("fit is its steps one by one", T, float, double) {
    const NetworkSpec spec = Spec(0.3);
    const DataSet<T> data(spec, 250);
    std::vector<int64_t> order(250);
    for (size_t i = 0; i < 250; ++i) order[i] = static_cast<int64_t>(i * 101 % 250);
    OnEveryIsa([&] {
      Trainer<T> whole(MakeNetwork<T>(spec), Adam()),
          steps(MakeNetwork<T>(spec), Adam());
      FitArgs<T> args;
      args.data = data.batch();
      args.batch_size = 100;
      args.order = order.data();
      const double rates[] = {0.01, 0.02, 0.03};
      args.learning_rates = rates;
      const FitResult result = whole.Fit(args, nullptr);
      double loss = 0;
      for (ptrdiff_t b = 0; b < 3; ++b) {
        Batch<T> batch = data.batch();
        batch.order = order.data() + b * 100;
        batch.rows = b < 2 ? 100 : 50;
        loss += steps.Step(batch, rates[b]).loss * static_cast<double>(batch.rows);
      }
      CHECK(FirstDifference(StateOf(whole), StateOf(steps)) == -1);
      CHECK(result.epochs[0].loss == doctest::Approx(loss / 250).epsilon(1e-12));

      // Without shuffle or order the rows are taken as they lie.
      Trainer<T> plain(MakeNetwork<T>(spec), Adam()),
          in_order(MakeNetwork<T>(spec), Adam());
      for (size_t i = 0; i < 250; ++i) order[i] = static_cast<int64_t>(i);
      in_order.Fit(args, nullptr);
      args.order = nullptr;
      args.shuffle = false;
      plain.Fit(args, nullptr);
      CHECK(FirstDifference(StateOf(plain), StateOf(in_order)) == -1);
      for (size_t i = 0; i < 250; ++i) order[i] = static_cast<int64_t>(i * 101 % 250);
    });
  }

  TEST_CASE_TEMPLATE("divergence leaves the last finite epoch's weights", T, float,
                     double) {
    const NetworkSpec spec = SpecOf({20, 30, 5}, Activation::kRelu,
                                    Activation::kIdentity, Loss::kSquaredError);
    const DataSet<T> data(spec, 300);
    TrainerConfig sgd;
    sgd.optimizer = Optimizer::kSgd;
    sgd.momentum = 0.9;
    OnEveryIsa([&] {
      Trainer<T> trainer(MakeNetwork<T>(spec), sgd);
      CHECK(Fit(trainer, data, 2, 1e-3).status == FitStatus::kDone);
      // Two good epochs of three batches, then it goes wrong.
      std::vector<double> rates(150, 1e6);
      std::fill_n(rates.begin(), 6, 1e-3);
      FitArgs<T> args;
      args.data = data.batch();
      args.batch_size = 100;
      args.epochs = 50;
      args.learning_rates = rates.data();
      const FitResult result = trainer.Fit(args, nullptr);
      CHECK(result.status == FitStatus::kDiverged);
      REQUIRE(result.epochs.size() >= 2);
      CHECK(result.epochs.size() < 50);
      Trainer<T> stops(MakeNetwork<T>(spec), sgd);
      Fit(stops, data, 2, 1e-3);
      args.epochs = static_cast<ptrdiff_t>(result.epochs.size());
      CHECK(stops.Fit(args, nullptr).status == FitStatus::kDone);
      const std::vector<T> good = ParametersOf(*stops.network());
      CHECK(FirstDifference(ParametersOf(*trainer.network()), good) == -1);
      size_t bad = 0;
      for (const T value : StateOf(trainer)) bad += !std::isfinite(value);
      CHECK(bad == 0);
      std::vector<T> moment(good.size());
      trainer.GetMoment(1, moment.data());
      CHECK(moment == std::vector<T>(good.size()));
      // It can go on from there, from the restored weights in both packed forms.
      Trainer<T> fresh(MakeNetwork<T>(spec), sgd);
      fresh.network()->SetParameters(ParametersOf(*trainer.network()).data());
      fresh.set_counts(trainer.step(), trainer.epoch());
      Fit(trainer, data, 1, 1e-3);
      Fit(fresh, data, 1, 1e-3);
      CHECK(FirstDifference(StateOf(trainer), StateOf(fresh)) == -1);
    });
  }

  TEST_CASE_TEMPLATE("a loss that is not finite leaves the weights as they are", T,
                     float, double) {
    const NetworkSpec spec = Spec();
    DataSet<T> data(spec, 50);
    data.x[7] = std::numeric_limits<T>::quiet_NaN();
    OnEveryIsa([&] {
      Trainer<T> trainer(MakeNetwork<T>(spec), Adam());
      const std::vector<T> before = StateOf(trainer);
      const StepResult step = trainer.Step(data.batch(), 0.01);
      CHECK(std::isnan(step.loss));
      CHECK(step.diverged);
      CHECK(FirstDifference(StateOf(trainer), before) == -1);
      CHECK(trainer.step() == 0);
      const FitResult result = Fit(trainer, data, 3);
      CHECK(result.status == FitStatus::kDiverged);
      CHECK(result.batch == 0);
      CHECK(std::isnan(result.loss));
      CHECK(FirstDifference(StateOf(trainer), before) == -1);
    });
  }

  TEST_CASE_TEMPLATE("divergence leaves weights that were set since the last epoch", T,
                     float, double) {
    const NetworkSpec spec = Spec();
    DataSet<T> data(spec, 50);
    Trainer<T> trainer(MakeNetwork<T>(spec), Adam());
    CHECK(Fit(trainer, data, 2).status == FitStatus::kDone);
    data.x[7] = std::numeric_limits<T>::quiet_NaN();
    for (const bool in_fit : {true, false}) {
      std::vector<T> set = ParametersOf(*trainer.network());
      for (T& value : set) value += T(0.5);
      trainer.network()->SetParameters(set.data());
      if (in_fit) {
        CHECK(Fit(trainer, data, 1).status == FitStatus::kDiverged);
      } else {
        CHECK(trainer.Step(data.batch(), 0.01).diverged);
      }
      CHECK(FirstDifference(ParametersOf(*trainer.network()), set) == -1);
    }
  }

  TEST_CASE_TEMPLATE("rows that are certain have no gradient in float32", T, float,
                     double) {
    const NetworkSpec spec =
        SpecOf({2, 2}, Activation::kTanh, Activation::kSoftmax, Loss::kLogLoss);
    DataSet<T> data(spec, 5);
    std::fill(data.labels.begin(), data.labels.end(), 1);
    const auto network = MakeNetwork<T>(spec);
    const std::vector<T> certain = {0, 0, 0, 0, 0, 60};  // W and b: e^-60 is 9e-27
    network->SetParameters(certain.data());
    GradientEngine<T> engine(network);
    engine.Compute(data.batch(), {});
    std::vector<T> gradient(certain.size());
    engine.CopyGradient(gradient.data());
    CHECK(gradient[4] > 0);  // by itself it is what it is
    TrainerConfig config;
    config.optimizer = Optimizer::kSgd;
    Trainer<T> trainer(network, config);
    trainer.Step(data.batch(), 1e20);
    CHECK((ParametersOf(*network) == certain) == (sizeof(T) == 4));
  }

  TEST_CASE("poll stops it after a whole batch") {
    const NetworkSpec spec = Spec();
    const DataSet<float> data(spec, 530);
    TrainerConfig config = Adam();
    Trainer<float> trainer(MakeNetwork<float>(spec), config);
    int asked = 0;
    const FitResult result =
        Fit<float>(trainer, data, 1'000'000 / 6, 0.001, [&](const Progress& progress) {
          CHECK(progress.batches == 6);
          CHECK(progress.batch < 6);
          return ++asked < 2;
        });
    CHECK(result.status == FitStatus::kStopped);
    CHECK(asked == 2);
    CHECK(trainer.epoch() == static_cast<int64_t>(result.epochs.size()));
    CHECK(trainer.step() == trainer.epoch() * 6 + result.batch);
    // As many whole steps of another trainer end with the same bits.
    Trainer<float> other(MakeNetwork<float>(spec), config);
    Fit(other, data, trainer.epoch(), 0.001);
    if (result.batch == 0) {
      CHECK(FirstDifference(StateOf(other), StateOf(trainer)) == -1);
    } else {
      CHECK(FirstDifference(StateOf(other), StateOf(trainer)) != -1);
    }
  }

  // Then what the update sweeps is asked for ahead, by tiles of dW of their own; a hook
  // takes the gradient whole, without.
  TEST_CASE_TEMPLATE("weights that do not stay in the second-level cache", T, float,
                     double) {
    const ptrdiff_t wide = L2Bytes() / 2 / ptrdiff_t{sizeof(T)} / 150;
    const NetworkSpec spec = SpecOf({40, wide, 150, 6}, Activation::kRelu,
                                    Activation::kSoftmax, Loss::kLogLoss);
    const DataSet<T> data(spec, 150);  // batches of 100 and of 50
    TrainerConfig sgd;
    sgd.optimizer = Optimizer::kSgd;
    for (const TrainerConfig& config : {Adam(), sgd}) {
      OnEveryIsa([&] {
        for (const int threads : {1, 2}) {
          SetNumThreads(threads);
          Trainer<T> in_parts(MakeNetwork<T>(spec), config),
              whole(MakeNetwork<T>(spec), config);
          CHECK(in_parts.network()->weights_are_far());
          whole.set_gradient_hook([](T*) {});
          Fit(in_parts, data, 1);
          Fit(whole, data, 1);
          CHECK(FirstDifference(StateOf(in_parts), StateOf(whole)) == -1);
        }
      });
    }
  }

  TEST_CASE_TEMPLATE("the hook sees and may change the gradient", T, float, double) {
    const NetworkSpec spec = Spec();
    const DataSet<T> data(spec, 300);
    OnEveryIsa([&] {
      Trainer<T> plain(MakeNetwork<T>(spec), Adam()),
          hooked(MakeNetwork<T>(spec), Adam());
      int calls = 0;
      hooked.set_gradient_hook([&](T*) { ++calls; });
      Fit(plain, data, 2);
      Fit(hooked, data, 2);
      CHECK(calls == 6);
      CHECK(FirstDifference(StateOf(plain), StateOf(hooked)) == -1);

      const std::vector<T> before = ParametersOf(*hooked.network());
      TrainerConfig sgd;
      sgd.optimizer = Optimizer::kSgd;
      Trainer<T> frozen(hooked.network(), sgd);
      frozen.set_gradient_hook([&](T* gradient) {
        std::fill_n(gradient, frozen.network()->arena_size(), T(0));
      });
      Fit(frozen, data, 1);
      CHECK(FirstDifference(ParametersOf(*frozen.network()), before) == -1);

      frozen.set_gradient_hook([](T*) { throw std::runtime_error("from the hook"); });
      CHECK_THROWS_AS(Fit(frozen, data, 1), std::runtime_error);
      CHECK(FirstDifference(ParametersOf(*frozen.network()), before) == -1);
    });
  }
}

}  // namespace mlpcore::testing
