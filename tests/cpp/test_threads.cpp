// The number of threads: what is asked for, what is got, and after a fork.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <new>
#include <stdexcept>
#include <thread>
#include <vector>

#include "network_case.h"
#include "placement.h"

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

namespace mlpcore::testing {
namespace {

using Clock = std::chrono::steady_clock;

// After so long the pool tries its workers again, whatever has been.
constexpr std::chrono::milliseconds kForgotten(100);

// How many of n tasks, of that length, are not done by the caller.
int TasksOfWorkers(ptrdiff_t n, Clock::duration length) {
  std::atomic<int> by_workers{0};
  const std::thread::id caller = std::this_thread::get_id();
  ParallelFor(n, 2, [&](ptrdiff_t) {
    by_workers += std::this_thread::get_id() != caller;
    const Clock::time_point start = Clock::now();
    while (Clock::now() - start < length) {
    }
  });
  return by_workers;
}

// A job in which a worker takes so long, and the caller waits for it: after its own
// task, or in it.
void WaitForWorker(Clock::duration length, bool in_task) {
  std::atomic<bool> begun{false};
  std::atomic<ptrdiff_t> done{0};
  const std::thread::id caller = std::this_thread::get_id();
  ParallelFor(2, 2, [&](ptrdiff_t) {
    if (std::this_thread::get_id() == caller) {
      const Clock::time_point start = Clock::now();
      while (!begun && Clock::now() - start < std::chrono::seconds(10)) {
      }
      if (begun && in_task) AwaitOthers(done, 1);
    } else {
      begun = true;
      std::this_thread::sleep_for(length);
      ++done;
    }
  });
  CHECK(done == 1);
  REQUIRE(begun);
}

// 50 ms of jobs of two short tasks: how many the caller does alone, and not.
struct ShortJobs {
  int alone = 0, together = 0;
};
ShortJobs DoShortJobs() {
  ShortJobs jobs;
  const Clock::time_point start = Clock::now();
  while (Clock::now() - start < std::chrono::milliseconds(50)) {
    const bool alone = TasksOfWorkers(2, std::chrono::microseconds(200)) == 0;
    ++(alone ? jobs.alone : jobs.together);
  }
  return jobs;
}

#if defined(__linux__)
cpu_set_t ProcessorsOf(pid_t thread) {
  cpu_set_t set;
  REQUIRE(sched_getaffinity(thread, sizeof set, &set) == 0);
  return set;
}
void Allow(pid_t thread, const cpu_set_t& set) {
  REQUIRE(sched_setaffinity(thread, sizeof set, &set) == 0);
}

// Puts back where the process's first thread may be.
class RestoreProcessors {
 public:
  ~RestoreProcessors() { sched_setaffinity(getpid(), sizeof were_, &were_); }

 private:
  const cpu_set_t were_ = ProcessorsOf(getpid());
};
#endif

}  // namespace

TEST_SUITE("threads") {
  TEST_CASE("every task is done once, whoever does it") {
    for (const int threads : {1, 2, 3, 8}) {
      for (const ptrdiff_t n : {0, 1, 2, 7, 1000, 100'000}) {
        CAPTURE(threads);
        CAPTURE(n);
        std::vector<int> done(static_cast<size_t>(n));
        ParallelFor(n, threads,
                    [&](ptrdiff_t task) { ++done[static_cast<size_t>(task)]; });
        CHECK(std::count(done.begin(), done.end(), 1) == n);
      }
    }
  }

  TEST_CASE("from both ends the caller begins at the first, a worker at the last") {
    std::this_thread::sleep_for(kForgotten);
    constexpr ptrdiff_t kTasks = 40;
    const std::thread::id caller = std::this_thread::get_id();
    ptrdiff_t shared = 0;  // jobs that a worker came to
    for (int job = 0; job < 20; ++job) {
      std::vector<std::atomic<int>> done(kTasks);
      std::vector<char> by_caller(kTasks);
      const auto task = [&](ptrdiff_t i) {
        ++done[static_cast<size_t>(i)];
        by_caller[static_cast<size_t>(i)] = std::this_thread::get_id() == caller;
        const Clock::time_point start = Clock::now();
        while (Clock::now() - start < std::chrono::microseconds(20)) {
        }
      };
      ParallelFor(kTasks, 2, task, Claim::kFromBothEnds);
      CHECK(std::all_of(done.begin(), done.end(), [](int n) { return n == 1; }));
      // The caller's are the first, all of them.
      CHECK(std::is_sorted(by_caller.rbegin(), by_caller.rend()));
      shared += by_caller.back() == 0;
    }
    CHECK(shared > 0);
  }

  TEST_CASE("what a task throws comes to the caller, when nobody is in one") {
    for (int job = 0; job < 50; ++job) {
      std::atomic<int> inside{0};
      const auto task = [&](ptrdiff_t i) {
        ++inside;
        const Clock::time_point start = Clock::now();
        while (Clock::now() - start < std::chrono::microseconds(20)) {
        }
        --inside;
        if (i % 3 == 0) throw std::bad_alloc();
      };
      CHECK_THROWS_AS(ParallelFor(30, 2, task, Claim::kFromBothEnds), std::bad_alloc);
      CHECK(inside == 0);
      CHECK_NOTHROW(ParallelFor(30, 2, [](ptrdiff_t) {}));
    }
  }

  TEST_CASE("several callers at once") {
    std::atomic<int> total{0};
    std::vector<std::thread> callers;
    for (int c = 0; c < 4; ++c) {
      callers.emplace_back([&] {
        for (int i = 0; i < 500; ++i) {
          std::vector<int> done(20);
          ParallelFor(20, 3,
                      [&](ptrdiff_t task) { ++done[static_cast<size_t>(task)]; });
          total += static_cast<int>(std::count(done.begin(), done.end(), 1));
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    CHECK(total == 4 * 500 * 20);
  }

  // Work that keeps each thread for a while gets a second one, also after a rest.
  TEST_CASE("workers come, and come again") {
    std::this_thread::sleep_for(kForgotten);
    for (int rest = 0; rest < 3; ++rest) {
      const int by_workers = TasksOfWorkers(20, std::chrono::milliseconds(5));
      CHECK(by_workers > 0);
      CHECK(by_workers < 20);
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  // Whether it waits after its tasks, or in one of them.
  TEST_CASE("a caller that a worker has kept waiting works alone by turns") {
    bool in_task = false;
    SUBCASE("after its task") {}
    SUBCASE("in its task") { in_task = true; }
    std::this_thread::sleep_for(kForgotten);
    WaitForWorker(std::chrono::milliseconds(100), in_task);
    const ShortJobs jobs = DoShortJobs();
    CHECK(jobs.alone >= 20);  // every other turn, 4 in each
    CHECK(jobs.together >= 20);
    CHECK(TasksOfWorkers(40, std::chrono::milliseconds(5)) > 0);  // nor to a job's end
    std::this_thread::sleep_for(kForgotten);
    CHECK(TasksOfWorkers(20, std::chrono::milliseconds(5)) > 0);
  }

  // If the machine lets it: a worker may begin so late that it is not waited for, or
  // sleep so long that it is a slice.
  TEST_CASE("after less than a slice of the scheduler's it does so once") {
    int with_turns = 0, fewest = std::numeric_limits<int>::max();
    for (int i = 0; i < 10; ++i) {
      std::this_thread::sleep_for(kForgotten);
      WaitForWorker(std::chrono::milliseconds(1), false);
      const int alone = DoShortJobs().alone;
      if (alone == 0) continue;
      ++with_turns;
      fewest = std::min(fewest, alone);
    }
    CHECK(with_turns >= 3);
    CHECK(fewest < 20);  // 64 ms of turns: 70
  }

#if defined(__linux__)
  // The first thread may be on all processors here, and then on one.
  TEST_CASE("a worker leaves its caller's processor, not for one it may not be on") {
    const RestoreProcessors restore;
    const cpu_set_t all = ProcessorsOf(0);
    if (CPU_COUNT(&all) < 2) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<size_t>(CurrentProcessor()), &one);
    const auto is_allowed = [&](const cpu_set_t& set) {
      const cpu_set_t now = ProcessorsOf(0);
      return CPU_EQUAL(&now, &set);
    };

    std::thread([&] {
      const Placement placement;
      placement.KeepOff(-1);
      placement.KeepOff(CurrentProcessor() + 1);
      CHECK(is_allowed(all));
      for (int i = 0; i < 10; ++i) {
        const int left = CurrentProcessor();
        placement.KeepOff(left);
        CHECK(CurrentProcessor() != left);
        cpu_set_t others = all;
        CPU_CLR(static_cast<size_t>(left), &others);
        CHECK(is_allowed(others));
      }
    }).join();
    std::thread([&] {  // it never could
      Allow(0, one);
      const Placement placement;
      placement.KeepOff(CurrentProcessor());
      CHECK(is_allowed(one));
    })
        .join();
    Allow(getpid(), one);
    std::thread([&] {  // it could, but nobody is to any more
      Allow(0, all);
      const Placement placement;
      Allow(0, one);
      placement.KeepOff(CurrentProcessor());
      CHECK(is_allowed(one));
    })
        .join();
  }
#endif

  TEST_CASE("a task is many items, but no thread goes without") {
    CHECK(ItemsOfTask(10'000, 2, 12, 48, 192) == 192);
    CHECK(ItemsOfTask(1000, 2, 12, 48, 192) == 132);
    CHECK(ItemsOfTask(128, 2, 12, 48, 192) == 72);
    CHECK(ItemsOfTask(256, 2, 4, 48, 48) == 44);  // not 48: 144 rows and 112
    CHECK(ItemsOfTask(30, 2, 12, 48, 192) == 24);
    CHECK(ItemsOfTask(1, 8, 6, 48, 192) == 6);
    CHECK(ItemsOfTask(256, 1, 12, 96, 120) == 132);  // not 120, with 16 left over
    CHECK(ItemsOfTask(300, 1, 12, 48, 192) == 156);
    CHECK(ItemsOfTask(200, 1, 12, 48, 192) == 204);
    CHECK(ItemsOfTask(1, 1, 12, 48, 192) == 12);
    CHECK(ItemsOfTask(0, 1, 12, 48, 192) == 12);
  }

  TEST_CASE("what is asked for is got, in every thread") {
    const Restore restore;
    CHECK_THROWS_AS(SetNumThreads(0), std::invalid_argument);
    CHECK_THROWS_AS(SetNumThreads(-3), std::invalid_argument);
    for (const int n : {1, 2, 3, 8}) {
      SetNumThreads(n);
      CHECK(GetNumThreads() == n);
      int elsewhere = 0;
      std::thread([&] { elsewhere = GetNumThreads(); }).join();
      CHECK(elsewhere == n);
    }
  }

#if defined(__unix__) && !defined(__SANITIZE_THREAD__)
  // The parent's workers do not live on in a child.
  TEST_CASE("a forked child has workers of its own, and the same bits") {
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
      _exit(GetNumThreads() == 2 && again == y ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(GetNumThreads() == 2);
  }
#endif
}

}  // namespace mlpcore::testing
