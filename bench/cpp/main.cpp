// Microbenchmarks of the core. Every row tells its speed, and its share of the peak
// that a bare loop of multiply-adds reached around it, on the same threads.
//
//   mlpcore_bench [--isa=avx2,avx512 | --isa=all] [--threads=1,2] [--sweep]
//                 [Google Benchmark's]
//
// --sweep adds the sizes of row blocks around those that the library derives:
// --sweep --benchmark_filter=^blocks.
// Without --isa: the active instruction set, which MLPCORE_ISA can choose. Without
// --threads: one, and all. On a machine that others use too, the best of several runs
// is the figure: --benchmark_repetitions=9 --benchmark_report_aggregates_only=true.
#include <cstdio>
#include <exception>
#include <sstream>

#include "bench.h"

namespace mlpcore::bench {
namespace {

std::vector<std::string> Split(const std::string& list) {
  std::vector<std::string> items;
  std::istringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) items.push_back(item);
  return items;
}

// Takes our own options out of argv.
Choice ParseChoice(int* argc, char** argv) {
  Choice choice{{ActiveIsa()}, {1}};
  if (GetNumThreads() > 1) choice.threads.push_back(GetNumThreads());
  int kept = 1;
  for (int i = 1; i < *argc; ++i) {
    const std::string option = argv[i];
    if (option == "--isa=all") {
      choice.isas = SupportedIsas();
    } else if (option.rfind("--isa=", 0) == 0) {
      choice.isas = Split(option.substr(6));
    } else if (option == "--sweep") {
      choice.sweep = true;
    } else if (option.rfind("--threads=", 0) == 0) {
      choice.threads.clear();
      for (const std::string& n : Split(option.substr(10))) {
        choice.threads.push_back(std::stoi(n));
      }
    } else {
      argv[kept++] = argv[i];
    }
  }
  *argc = kept;
  return choice;
}

void PrintPeaks(const Choice& choice) {
  for (const std::string& isa : choice.isas) {
    SetIsa(isa);
    for (const int threads : choice.threads) {
      SetNumThreads(threads);
      std::fprintf(stderr, "peak of %s, %d thread(s): %.1f GFLOP/s f32, %.1f f64\n",
                   isa.c_str(), threads, MeasurePeak<float>(threads) * 1e-9,
                   MeasurePeak<double>(threads) * 1e-9);
    }
  }
}

int Main(int argc, char** argv) {
  const Choice choice = ParseChoice(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  PrintPeaks(choice);
  RegisterDense(choice);
  RegisterPredict(choice);
  RegisterTrain(choice);
  RegisterActivation(choice);
  RegisterLoss(choice);
  RegisterUpdate(choice);
  if (choice.sweep) RegisterBlocks(choice);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace mlpcore::bench

int main(int argc, char** argv) {
  try {
    return mlpcore::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "mlpcore_bench: %s\n", error.what());
    return 1;
  }
}
