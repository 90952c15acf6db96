// The bits that every compiler, option and processor with FMA gives: small trainings
// and predictions, against the digests in tests/golden/core.txt. (Those of the
// elementary functions are accuracy.cpp's.)
#include "golden.h"
#include "mlpcore/trainer.h"
#include "network_case.h"

namespace mlpcore::testing {
namespace {

struct Case {
  Activation hidden, output;
  Loss loss;
  Optimizer optimizer;
  double learning_rate;
};
// Every activation, every loss with an output it goes with, every optimizer.
constexpr Case kCases[] = {
    {Activation::kRelu, Activation::kSoftmax, Loss::kLogLoss, Optimizer::kAdam, 0.01},
    {Activation::kGelu, Activation::kSigmoid, Loss::kLogLoss, Optimizer::kAdamW, 0.01},
    {Activation::kTanh, Activation::kIdentity, Loss::kSquaredError, Optimizer::kSgd,
     0.05},
    {Activation::kSigmoid, Activation::kTanh, Loss::kEuclidean, Optimizer::kRmsprop,
     0.003},
    {Activation::kSilu, Activation::kIdentity, Loss::kAbsoluteError, Optimizer::kAdam,
     0.01},
    {Activation::kMish, Activation::kIdentity, Loss::kHuber, Optimizer::kAdamW, 0.01},
    {Activation::kSoftplus, Activation::kIdentity, Loss::kQuantile, Optimizer::kSgd,
     0.02},
    {Activation::kElu, Activation::kExp, Loss::kPoisson, Optimizer::kAdam, 0.003},
    {Activation::kSelu, Activation::kSoftplus, Loss::kPoisson, Optimizer::kRmsprop,
     0.001},
    {Activation::kLeakyRelu, Activation::kSoftmax, Loss::kLogLoss, Optimizer::kSgd,
     0.05},
    {Activation::kIdentity, Activation::kSoftmax, Loss::kLogLoss, Optimizer::kRmsprop,
     0.003},
    {Activation::kExp, Activation::kMish, Loss::kSquaredError, Optimizer::kAdam, 0.003},
};

template <typename T>
constexpr const char* kTypeName = sizeof(T) == 4 ? "float32" : "float64";

// A training with dropout, weights, L2, clipping and a short last batch, and what the
// network then predicts.
template <typename T>
uint64_t DigestOf(const Case& c) {
  const NetworkSpec spec = SpecOf({19, 70, 33, 5}, c.hidden, c.output, c.loss, 0.2);
  DataSet<T> data(spec, 530);
  data.weights = NoiseVector<T>(530, 4);
  for (T& weight : data.weights) weight = std::fabs(weight);
  TrainerConfig config;
  config.optimizer = c.optimizer;
  config.momentum = 0.9;
  config.nesterov = true;
  config.beta_2 = c.optimizer == Optimizer::kRmsprop ? 0.9 : 0.999;
  config.weight_decay = c.optimizer == Optimizer::kAdamW ? 0.01 : 0;
  config.clip_norm = 5;
  config.l2 = 1e-3;
  config.label_smoothing = c.loss == Loss::kLogLoss ? 0.1 : 0;
  config.seed = 3;
  const auto network = MakeNetwork<T>(spec);
  Trainer<T> trainer(network, config);
  FitArgs<T> args;
  args.data = data.batch();
  args.batch_size = 300;  // more than a chunk of rows
  args.epochs = 3;
  const std::vector<double> rates(6, c.learning_rate);
  args.learning_rates = rates.data();
  const FitResult result = trainer.Fit(args, nullptr);
  CHECK(result.status == FitStatus::kDone);

  Digest digest;
  for (const T p : ParametersOf(*network)) digest.AddValue(p);
  for (const EpochRecord& epoch : result.epochs) digest.AddValue(epoch.loss);
  std::vector<T> y(static_cast<size_t>(data.rows * spec.n_out()));
  network->Predict(y.data(), {data.x.data(), data.n_in}, data.rows);
  for (const T value : y) digest.AddValue(value);
  return digest.value();
}

template <typename T>
void CheckDigests(Golden& golden) {
  OnEveryIsa([&] {
    if (!ActiveIsaHasFma()) return;
    for (const Case& c : kCases) {
      const std::string key =
          std::string(kActivationNames[static_cast<int>(c.hidden)]) + ' ' +
          kActivationNames[static_cast<int>(c.output)] + ' ' +
          kLossNames[static_cast<int>(c.loss)] + ' ' +
          kOptimizerNames[static_cast<int>(c.optimizer)] + ' ' + kTypeName<T>;
      CAPTURE(key);
      for (const int threads : {1, 3}) {
        SetNumThreads(threads);
        CHECK(golden.Check(key, DigestOf<T>(c)));
      }
    }
  });
}

}  // namespace

TEST_SUITE("digests") {
  TEST_CASE("the bits of every machine") {
    Golden golden(MLPCORE_GOLDEN_DIR "/core.txt");
    CheckDigests<float>(golden);
    CheckDigests<double>(golden);
  }
}

}  // namespace mlpcore::testing
