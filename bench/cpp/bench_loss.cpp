// Losses with their gradients over 256 rows, one thread: ns an output.
#include "bench.h"
#include "dispatch.h"

namespace mlpcore::bench {
namespace {

template <typename T>
void RunLoss(benchmark::State& state, Loss loss, bool softmax, bool labels,
             ptrdiff_t n) {
  constexpr ptrdiff_t kRows = 256;
  const size_t size = static_cast<size_t>(kRows * n);
  std::vector<T> z = Values<T>(size, T(4)), t = Values<T>(size), gradient(size);
  for (T& value : t) value = value < 0 ? -value : value;
  if (loss == Loss::kPoisson) {
    for (T& value : z) value = 1 + value * value;
  }
  std::vector<T> row_loss(kRows);
  std::vector<int32_t> row_class(kRows), target(kRows);
  for (size_t i = 0; i < kRows; ++i)
    target[i] = static_cast<int32_t>(i % static_cast<size_t>(n));
  LossArgs<T> args;
  args.row_loss = row_loss.data();
  args.gradient = {gradient.data(), n};
  args.row_class = softmax ? row_class.data() : nullptr;
  args.z = {z.data(), n};
  if (labels)
    args.targets.labels = target.data();
  else
    args.targets = {nullptr, t.data(), n};
  args.rows = kRows;
  args.n_out = n;
  args.loss = loss;
  args.softmax = softmax;
  args.parameter = T(0.5);
  Measure<T>(state, 0, [&] { ActiveKernels<T>().loss(args); });
  ReportElements(state, static_cast<double>(size));
}

template <typename T>
void RegisterType(const std::string& isa) {
  for (const ptrdiff_t n : {2, 10, 16, 100}) {
    const std::string width = "/256x" + std::to_string(n);
    Register<T>("loss/softmax_labels" + width, isa, 1, [n](benchmark::State& state) {
      RunLoss<T>(state, Loss::kLogLoss, true, true, n);
    });
    Register<T>("loss/softmax_values" + width, isa, 1, [n](benchmark::State& state) {
      RunLoss<T>(state, Loss::kLogLoss, true, false, n);
    });
  }
  for (int l = 0; l < static_cast<int>(Loss::kCount); ++l) {
    const Loss loss = static_cast<Loss>(l);
    for (const ptrdiff_t n : {1, 16}) {
      Register<T>(std::string("loss/") + kLossNames[l] + "/256x" + std::to_string(n),
                  isa, 1, [loss, n](benchmark::State& state) {
                    RunLoss<T>(state, loss, false, false, n);
                  });
    }
  }
}

}  // namespace

void RegisterLoss(const Choice& choice) {
  for (const std::string& isa : choice.isas) {
    RegisterType<float>(isa);
    RegisterType<double>(isa);
  }
}

}  // namespace mlpcore::bench
