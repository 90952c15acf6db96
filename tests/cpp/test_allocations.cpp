// After its first call a thread allocates nothing: operator new is counted. A worker of
// the pool may have its first task in any call, so workers are counted apart.
#include <atomic>
#include <cstdlib>
#include <new>

#include "mlpcore/trainer.h"
#include "network_case.h"

// The sanitizers bring their own operator new, and check that it is matched.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLPCORE_SANITIZED
#endif
#endif
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !defined(MLPCORE_SANITIZED)
#define MLPCORE_COUNTS_ALLOCATIONS
#endif

namespace {
thread_local int64_t allocations_here = 0;
std::atomic<int64_t> allocations{0};  // of all threads

[[maybe_unused]] void Count() {
  ++allocations_here;
  ++allocations;
}
}  // namespace

#ifdef MLPCORE_COUNTS_ALLOCATIONS
void* operator new(size_t size) {
  Count();
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void* operator new(size_t size, std::align_val_t align) {
  Count();
  const size_t unit = static_cast<size_t>(align);
  if (void* p = std::aligned_alloc(unit, (size + unit - 1) / unit * unit)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { std::free(p); }
#endif

namespace mlpcore::testing {
namespace {

// By the calling thread.
template <typename F>
int64_t AllocationsOf(const F& f) {
  const int64_t before = allocations_here;
  f();
  return allocations_here - before;
}

}  // namespace

TEST_SUITE("allocations") {
#ifdef MLPCORE_COUNTS_ALLOCATIONS
  TEST_CASE("they are counted") {
    CHECK(AllocationsOf([] { std::vector<int> v(100); }) == 1);
    CHECK(AllocationsOf([] { AlignedBuffer<float> b(100); }) == 1);
  }
#endif

  TEST_CASE_TEMPLATE("none in a prediction, an evaluation or a step", T, float,
                     double) {
    const NetworkSpec spec = SpecOf({20, 64, 48, 5}, Activation::kGelu,
                                    Activation::kSoftmax, Loss::kLogLoss, 0.3);
    const DataSet<T> data(spec, 1000);
    std::vector<int64_t> order(1000);
    for (size_t i = 0; i < 1000; ++i) order[i] = static_cast<int64_t>(i * 311 % 1000);
    OnEveryIsa([&] {
      for (const int threads : {1, 2, 3}) {
        CAPTURE(threads);
        SetNumThreads(threads);
        const int64_t by_workers = allocations - allocations_here;
        const auto network = MakeNetwork<T>(spec);
        std::vector<T> y(5000);
        const auto predict = [&](ptrdiff_t rows) {
          network->Predict(y.data(), {data.x.data(), 20}, rows);
        };
        predict(1000);
        CHECK(AllocationsOf([&] { predict(1000); }) == 0);
        CHECK(AllocationsOf([&] { predict(1); }) == 0);

        // With the gradient as a whole, and part by part.
        for (const double clip_norm : {1.0, 0.0}) {
          TrainerConfig config;
          config.clip_norm = clip_norm;
          Trainer<T> trainer(network, config);
          Batch<T> batch = data.batch();
          trainer.Step(batch, 0.01);
          batch.order = order.data();
          trainer.Step(batch, 0.01);
          // Enough steps that some run alone and some with workers.
          const auto ten_steps = [&] {
            for (int i = 0; i < 10; ++i) trainer.Step(batch, 0.01);
          };
          CHECK(AllocationsOf(ten_steps) == 0);
          batch.rows = 37;
          CHECK(AllocationsOf(ten_steps) == 0);

          // A fit allocates something, but no more for ten epochs than for one.
          const std::vector<double> rates(1000, 0.001);
          const auto fit = [&](ptrdiff_t epochs) {
            FitArgs<T> args;
            args.data = data.batch();
            args.batch_size = 50;
            args.epochs = epochs;
            args.learning_rates = rates.data();
            trainer.Fit(args, nullptr);
          };
          fit(1);
          const int64_t one = AllocationsOf([&] { fit(1); });
          CHECK(AllocationsOf([&] { fit(10); }) == one);
        }

        // A worker's scratch grows with its first prediction and its first step, then
        // perhaps once more for the larger of two blocks.
        CHECK(allocations - allocations_here - by_workers <= 3 * (threads - 1));
      }
    });
  }
}

}  // namespace mlpcore::testing
