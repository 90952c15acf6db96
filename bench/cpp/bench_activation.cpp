// Elementary functions over arrays in the first cache, one thread: ns an element.
#include "bench.h"
#include "dispatch.h"

namespace mlpcore::bench {
namespace {

template <typename T>
void Map(benchmark::State& state, Function function) {
  constexpr size_t kElements = 2048;
  // Positive for log and log1p, which are else NaN on half of them.
  std::vector<T> x = Values<T>(kElements, T(8)), y(kElements);
  if (function == Function::kLog || function == Function::kLog1p) {
    for (T& value : x) value = value < 0 ? -value : value;
  }
  Measure<T>(state, 0,
             [&] { ActiveKernels<T>().map(function, x.data(), y.data(), kElements); });
  ReportElements(state, kElements);
}

template <typename T>
void Softmax(benchmark::State& state, ptrdiff_t rows, ptrdiff_t n, bool log) {
  const std::vector<T> z = Values<T>(static_cast<size_t>(rows * n), T(8));
  std::vector<T> y(z.size());
  Measure<T>(state, 0, [&] {
    ActiveKernels<T>().softmax({y.data(), n}, {z.data(), n}, rows, n, log);
  });
  ReportElements(state, static_cast<double>(z.size()));
}

template <typename T>
void RegisterType(const std::string& isa) {
  for (int f = 0; f < static_cast<int>(Function::kCount); ++f) {
    const Function function = static_cast<Function>(f);
    Register<T>(std::string("map/") + kFunctionNames[f], isa, 1,
                [function](benchmark::State& state) { Map<T>(state, function); });
  }
  for (const ptrdiff_t n : {3, 10, 16, 100}) {
    const std::string width = std::to_string(n);
    Register<T>("softmax/256x" + width, isa, 1,
                [n](benchmark::State& state) { Softmax<T>(state, 256, n, false); });
    Register<T>("log_softmax/256x" + width, isa, 1,
                [n](benchmark::State& state) { Softmax<T>(state, 256, n, true); });
  }
}

}  // namespace

void RegisterActivation(const Choice& choice) {
  for (const std::string& isa : choice.isas) {
    RegisterType<float>(isa);
    RegisterType<double>(isa);
  }
}

}  // namespace mlpcore::bench
