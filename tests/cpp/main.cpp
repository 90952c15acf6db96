// doctest's main, and a last look that no instruction set was left out.
#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdio>

#include "testing.h"

int main(int argc, char** argv) {
  doctest::Context context(argc, argv);
  const int failed = context.run();
  if (context.shouldExit() || failed != 0) return failed;
  for (const std::string& isa : mlpcore::SupportedIsas()) {
    const auto& visits = mlpcore::testing::IsaVisits();
    if (!visits.empty() &&
        (visits.count(isa) == 0 || visits.at(isa) != visits.begin()->second)) {
      std::fprintf(stderr, "%s was reached less often than others\n", isa.c_str());
      return 1;
    }
  }
  return 0;
}
