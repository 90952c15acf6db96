// Small pieces of work to count the instructions of: `instruction_cases CASE TIMES`
// does one of them that many times. tools/count-instructions runs it under callgrind.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mlpcore/function.h"
#include "mlpcore/ops.h"
#include "mlpcore/threads.h"
#include "mlpcore/trainer.h"

namespace mlpcore {
namespace {

// Numbers between -1 and 1, without a library's random generator.
std::vector<float> Values(ptrdiff_t n) {
  std::vector<float> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(static_cast<int>(i * 1237 % 2001) - 1000) * 1e-3f;
  }
  return values;
}

std::shared_ptr<Network<float>> MakeNetwork(std::vector<ptrdiff_t> sizes) {
  NetworkSpec spec;
  spec.activations.assign(sizes.size() - 1, Activation::kRelu);
  spec.activations.back() = Activation::kSoftmax;
  spec.loss = Loss::kLogLoss;
  spec.dropout.assign(sizes.size() - 2, 0);
  spec.layer_sizes = std::move(sizes);
  auto network = std::make_shared<Network<float>>(spec);
  std::vector<float> p = Values(static_cast<ptrdiff_t>(network->n_parameters()));
  for (float& value : p) value *= 0.2f;
  network->SetParameters(p.data());
  return network;
}

void Predict(std::vector<ptrdiff_t> sizes, ptrdiff_t rows, int times) {
  const auto network = MakeNetwork(sizes);
  const std::vector<float> x = Values(rows * sizes.front());
  std::vector<float> y(static_cast<size_t>(rows * sizes.back()));
  for (int i = 0; i < times; ++i) {
    network->Predict(y.data(), {x.data(), sizes.front()}, rows);
  }
}

// `times` steps of Adam.
void Train(std::vector<ptrdiff_t> sizes, ptrdiff_t rows, int times) {
  const std::vector<float> x = Values(rows * sizes.front());
  std::vector<int32_t> labels(static_cast<size_t>(rows));
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] = static_cast<int32_t>(i % static_cast<size_t>(sizes.back()));
  }
  Trainer<float> trainer(MakeNetwork(sizes), TrainerConfig{});
  const std::vector<double> rates(static_cast<size_t>(times), 1e-4);
  FitArgs<float> args;
  args.data.x = {x.data(), sizes.front()};
  args.data.targets.labels = labels.data();
  args.data.rows = rows;
  args.batch_size = rows;
  args.epochs = times;
  args.learning_rates = rates.data();
  trainer.Fit(args, nullptr);
}

void Gelu(ptrdiff_t n, int times) {
  const std::vector<float> x = Values(n);
  std::vector<float> y(x.size());
  for (int i = 0; i < times; ++i) ops::Map(Function::kGelu, y.data(), x.data(), n);
}

const std::map<std::string, std::function<void(int)>> kCases = {
    {"predict-4-16-16-3-x1", [](int times) { Predict({4, 16, 16, 3}, 1, times); }},
    {"predict-64-64-64-10-x96",
     [](int times) { Predict({64, 64, 64, 10}, 96, times); }},
    {"train-4-16-16-3-x32", [](int times) { Train({4, 16, 16, 3}, 32, times); }},
    {"train-28-64-64-2-x100", [](int times) { Train({28, 64, 64, 2}, 100, times); }},
    {"gelu-x2048", [](int times) { Gelu(2048, times); }},
};

}  // namespace
}  // namespace mlpcore

int main(int argc, char** argv) {
  using mlpcore::kCases;
  if (argc == 2 && std::strcmp(argv[1], "--list") == 0) {
    for (const auto& [name, run] : kCases) std::puts(name.c_str());
    return 0;
  }
  const auto found = argc == 3 ? kCases.find(argv[1]) : kCases.end();
  if (found == kCases.end()) {
    return std::fprintf(stderr, "usage: %s --list | CASE TIMES\n", argv[0]), 2;
  }
  mlpcore::SetNumThreads(1);
  found->second(std::atoi(argv[2]));
  return 0;
}
