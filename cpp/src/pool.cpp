#include "pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "placement.h"

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace mlpcore {
namespace {

void Pause() {
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// As long as waking a thread takes: who spins no longer loses at most twice what the
// best choice would have cost.
constexpr std::chrono::microseconds kSpin(50);
constexpr int kPausesBetweenClocks = 32;

using Clock = std::chrono::steady_clock;

// What this thread has spent in AwaitOthers.
thread_local Clock::duration waited{0};

// When to leave the workers alone. One that shares its processor with another thread
// (those of BLAS and OpenMP libraries spin on for 20 to 100 ms after a call) is taken
// off it after a slice of the scheduler's, some 3 ms, and keeps the task it has begun
// for as long. So after a wait for what would have been done sooner alone, the caller
// takes turns: with the workers for half a slice, then alone while they sleep, so that
// they have a slice again.
//
// A shorter wait is no other thread's slice: an idle machine's virtual processor is
// away now and then for 0.2 to 1.5 ms, and 64 ms of turns cost ten times that.
class Backoff {
 public:
  bool IsOn(Clock::time_point now) const {
    return now < end_ && (now - begin_) / kTurn % 2 == 1;
  }

  // For others' tasks, after some `work` on the caller's own. Those who kept it waiting
  // are back on their processors.
  void Waited(Clock::duration wait, Clock::duration work, Clock::time_point now) {
    if (wait < work + kLeastWait) return;
    begin_ = now;
    end_ = std::max(end_, now + (wait < kLeastSlice ? 2 * kTurn : kLength));
  }

 private:
  // More than interrupts and the start of a thread take.
  static constexpr std::chrono::microseconds kLeastWait{100};
  // Linux: 2.8 ms on 8 processors, in whole ticks of 1 to 4 ms.
  static constexpr std::chrono::microseconds kLeastSlice{2000};
  static constexpr std::chrono::microseconds kTurn{1500};
  // To wait for a slice now and then is not much of it.
  static constexpr std::chrono::microseconds kLength{64000};

  Clock::time_point begin_, end_;
};

class Pool {
 public:
  void Run(ptrdiff_t n, int threads, TaskFunction function, const void* context,
           Claim claim) {
    std::unique_lock<std::mutex> job(one_job_, std::defer_lock);
    const bool alone = n > kMostTasks || !job.try_lock();
    ptrdiff_t first = 0;  // that is not done alone: a long job outlasts the back-off
    Clock::time_point start = Clock::now();
    while (first < n && (alone || backoff_.IsOn(start))) {
      function(context, first++);
      if (!alone) start = Clock::now();
    }
    const ptrdiff_t shared = n - first;
    if (shared == 0) return;
    StartWorkers(threads - 1);
    function_ = function;
    context_ = context;
    first_ = first;
    caller_processor_.store(CurrentProcessor(), std::memory_order_relaxed);
    finished_.store(0, std::memory_order_relaxed);
    helpers_.store(threads - 1, std::memory_order_relaxed);
    const Tickets tickets(++generation_, claim, static_cast<uint64_t>(shared));
    tickets_.store(tickets.bits, std::memory_order_seq_cst);
    Wake();
    bool has_worked = false;
    waited = Clock::duration{0};
    while (DoOneTask(true)) has_worked = true;
    AwaitOthers(finished_, shared);
    if (failed_.load(std::memory_order_relaxed)) {
      failed_.store(false, std::memory_order_relaxed);
      std::rethrow_exception(std::exchange(error_, nullptr));
    }
    if (waited == Clock::duration{0}) return;
    if (!has_worked) return;  // a task may well take that long
    const Clock::time_point end = Clock::now();
    backoff_.Waited(waited, end - start - waited, end);
  }

 private:
  // The tasks not yet claimed, [begin, end), in one word that is changed at once. The
  // generation tells jobs apart.
  struct Tickets {
    static constexpr int kBits = 24;
    static constexpr uint64_t kMask = (uint64_t{1} << kBits) - 1;

    explicit Tickets(uint64_t word) : bits(word) {}
    Tickets(uint64_t generation, Claim claim, uint64_t n)
        : bits((generation << 1 | static_cast<uint64_t>(claim)) << 2 * kBits | n) {}

    uint64_t begin() const { return bits >> kBits & kMask; }
    uint64_t end() const { return bits & kMask; }
    Claim claim() const { return static_cast<Claim>(bits >> 2 * kBits & 1); }
    bool any() const { return begin() != end(); }
    Tickets WithoutFirst() const { return Tickets(bits + (uint64_t{1} << kBits)); }
    Tickets WithoutLast() const { return Tickets(bits - 1); }

    uint64_t bits;
  };
  static constexpr ptrdiff_t kMostTasks = Tickets::kMask;

  // While a claimed task is not finished, Run does not return, so what belongs to the
  // job may be read then.
  bool DoOneTask(bool is_caller) {
    uint64_t word = tickets_.load(std::memory_order_acquire);
    for (;;) {
      const Tickets tickets(word);
      if (!tickets.any()) return false;
      const bool first = is_caller || tickets.claim() == Claim::kInOrder;
      const Tickets left = first ? tickets.WithoutFirst() : tickets.WithoutLast();
      if (!tickets_.compare_exchange_weak(word, left.bits, std::memory_order_acq_rel,
                                          std::memory_order_acquire)) {
        continue;
      }
      const uint64_t task = first ? tickets.begin() : left.end();
      try {
        function_(context_, first_ + static_cast<ptrdiff_t>(task));
      } catch (...) {  // nobody may leave the job while others are in it
        if (!failed_.exchange(true, std::memory_order_relaxed)) {
          error_ = std::current_exception();
        }
      }
      finished_.fetch_add(1, std::memory_order_release);
      return true;
    }
  }

  bool HasWorkFor(int worker) const {
    return Tickets(tickets_.load(std::memory_order_seq_cst)).any() &&
           worker < helpers_.load(std::memory_order_relaxed);
  }

  void StartWorkers(int wanted) {
    for (; workers_ < wanted; ++workers_) {
      try {
        std::thread([this, worker = workers_] { Work(worker); }).detach();
      } catch (const std::system_error&) {
        return;  // no more threads to be had: those that are there do it
      }
    }
  }

  void Work(int worker) {
    const Placement placement;
    Clock::time_point idle_since = Clock::now();
    for (;;) {
      placement.KeepOff(caller_processor_.load(std::memory_order_relaxed));
      if (HasWorkFor(worker)) {
        while (DoOneTask(false)) {
        }
        idle_since = Clock::now();
      }
      for (int i = 0; i < kPausesBetweenClocks && !HasWorkFor(worker); ++i) Pause();
      if (!HasWorkFor(worker) && Clock::now() - idle_since > kSpin) {
        Sleep(worker, placement);
        idle_since = Clock::now();
      }
    }
  }

  void Sleep(int worker, const Placement& placement) {
    std::unique_lock<std::mutex> lock(sleep_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    while (!HasWorkFor(worker)) {
      wake_.wait(lock);
      lock.unlock();  // a move takes some 20 us, and the caller may want to wake others
      placement.KeepOff(caller_processor_.load(std::memory_order_relaxed));
      lock.lock();
    }
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }
  void Wake() {
    if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
    const std::lock_guard<std::mutex> lock(sleep_);
    wake_.notify_all();
  }

  std::mutex one_job_;
  Backoff backoff_;
  int workers_ = 0;
  uint64_t generation_ = 0;
  // The job.
  TaskFunction function_ = nullptr;
  const void* context_ = nullptr;
  ptrdiff_t first_ = 0;
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  std::atomic<int> caller_processor_{-1};
  alignas(kCacheLine) std::atomic<uint64_t> tickets_{0};
  std::atomic<int> helpers_{0};
  alignas(kCacheLine) std::atomic<ptrdiff_t> finished_{0};
  alignas(kCacheLine) std::atomic<int> sleepers_{0};
  std::mutex sleep_;
  std::condition_variable wake_;
};

// Never destroyed: workers may be asleep in it when the process ends.
Pool* NewPool() { return new Pool; }
std::atomic<Pool*> pool{nullptr};

Pool& ThePool() {
  static const bool registered = [] {
    pool.store(NewPool());
#if defined(__unix__) || defined(__APPLE__)
    // The parent's workers are not in the child, and its locks may be held for ever.
    pthread_atfork(nullptr, nullptr, [] { pool.store(NewPool()); });
#endif
    return true;
  }();
  static_cast<void>(registered);
  return *pool.load(std::memory_order_acquire);
}

}  // namespace

void AwaitOthers(const std::atomic<ptrdiff_t>& count, ptrdiff_t until) {
  if (count.load(std::memory_order_acquire) >= until) return;
  const Clock::time_point start = Clock::now();
  for (int pauses = 0; count.load(std::memory_order_acquire) < until; ++pauses) {
    if (pauses < 10'000) {
      Pause();
    } else {
      std::this_thread::yield();
    }
  }
  waited += Clock::now() - start;
}

void RunTasks(ptrdiff_t n, int threads, TaskFunction function, const void* context,
              Claim claim) {
  ThePool().Run(n, threads, function, context, claim);
}

}  // namespace mlpcore
