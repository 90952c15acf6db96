// The number of threads: what is asked for, what is got, and after a fork.
#include <stdexcept>
#include <thread>

#include "network_case.h"
#include "thread_chooser.h"

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace mlpcore::testing {

namespace {

// How many of `steps` steps were given to a team of 4, which takes `team` seconds where
// one thread takes 1.
int TeamSteps(ThreadChooser& chooser, int steps, double team) {
  int count = 0;
  for (int i = 0; i < steps; ++i) {
    const int threads = chooser.Choose(4);
    CHECK((threads == 1 || threads == 4));
    count += threads == 4;
    chooser.Report(threads == 4 ? team : 1);
  }
  return count;
}

}  // namespace

TEST_SUITE("threads") {
  TEST_CASE("a team is chosen while it pays") {
    ThreadChooser chooser;
    TeamSteps(chooser, 9, 0.5);  // the first trial
    CHECK(TeamSteps(chooser, 2000, 0.5) > 1900);
    CHECK(TeamSteps(chooser, 10'000, 1000) < 300);  // the machine got busy
    CHECK(TeamSteps(chooser, 200'000, 1000) < 100);
    TeamSteps(chooser, 40'000, 0.5);  // it is idle again: the next trial sees it
    CHECK(TeamSteps(chooser, 2000, 0.5) > 1900);
    CHECK(chooser.Choose(1) == 1);
  }

  TEST_CASE("what is asked for is got, in every thread") {
    const Restore restore;
    CHECK_THROWS_AS(SetNumThreads(0), std::invalid_argument);
    CHECK_THROWS_AS(SetNumThreads(-3), std::invalid_argument);
    for (const int n : {1, 2, 3, 8}) {
      SetNumThreads(n);
      const int expected = HaveOpenMP() ? n : 1;
      CHECK(GetNumThreads() == expected);
      int elsewhere = 0;
      std::thread([&] { elsewhere = GetNumThreads(); }).join();
      CHECK(elsewhere == expected);
    }
  }

#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
  // OpenMP's threads do not live on in a child; to ask for them would hang.
  TEST_CASE("a forked child computes on one thread, with the same bits") {
    const Restore restore;
    SetNumThreads(2);
    const NetworkSpec spec =
        SpecOf({64, 128, 10}, Activation::kTanh, Activation::kSoftmax, Loss::kLogLoss);
    const auto network = MakeNetwork<float>(spec);
    const DataSet<float> data(spec, 500);
    std::vector<float> y(5000), again(5000);
    CheckTeamIsUsed(network->multiply_adds() * 500);
    network->Predict(y.data(), {data.x.data(), 64}, 500);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      alarm(60);  // a hang is a failure
      network->Predict(again.data(), {data.x.data(), 64}, 500);
      _exit(GetNumThreads() == 1 && again == y ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(GetNumThreads() == (HaveOpenMP() ? 2 : 1));
  }
#endif
}

}  // namespace mlpcore::testing
