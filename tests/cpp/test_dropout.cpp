// Dropout masks are a function of (seed, stream, row, column) alone.
#include "mlpcore/philox.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

constexpr uint64_t kSeed = 0x123456789, kStream = 77;

bool Keeps(double rate, ptrdiff_t row, ptrdiff_t column) {
  const uint64_t index =
      static_cast<uint64_t>(row) << 32 | static_cast<uint64_t>(column / 4);
  return Philox(kSeed, kStream, index).word[column % 4] >= rate * 0x1p32;
}

template <typename T>
void RunDropout(const Framed<T>& y, const Framed<T>& slope, ptrdiff_t rows, ptrdiff_t n,
                double rate, Activation phi, bool slope_is_set, ptrdiff_t first_row) {
  DropoutArgs<T> args;
  args.y = y.rows();
  args.derivative = slope.rows();
  args.rows = rows;
  args.n = n;
  args.activation = phi;
  args.derivative_is_set = slope_is_set;
  args.rate = rate;
  args.seed = kSeed;
  args.stream = kStream;
  args.first_row = first_row;
  ActiveKernels<T>().dropout(args);
}

}  // namespace

TEST_SUITE("dropout") {
  TEST_CASE_TEMPLATE("masks, scales, and phi' under the mask", T, float, double) {
    constexpr ptrdiff_t kRows = 5, kFirst = 1000;
    OnEveryIsa([] {
      for (const ptrdiff_t n : {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33}) {
        for (const double rate : {0.0, 0.1, 0.5, 0.999}) {
          for (const bool slope_is_set : {false, true}) {
            CAPTURE(n);
            CAPTURE(rate);
            const size_t size = static_cast<size_t>(kRows * n);
            const std::vector<T> value = NoiseVector<T>(size, 41);
            const std::vector<T> given = NoiseVector<T>(size, 42);
            const Framed<T> y(value, kRows, n, 1, 3), slope(given, kRows, n, 2, 1);
            RunDropout(y, slope, kRows, n, rate, Activation::kTanh, slope_is_set,
                       kFirst);
            const T scale = static_cast<T>(1 / (1 - rate));
            std::vector<T> masked(size), masked_slope(size);
            for (size_t i = 0; i < size; ++i) {
              const ptrdiff_t at = static_cast<ptrdiff_t>(i);
              if (!Keeps(rate, kFirst + at / n, at % n)) continue;
              masked[i] = value[i] * scale;
              masked_slope[i] =
                  (slope_is_set ? given[i] : (1 - value[i]) * (1 + value[i])) * scale;
            }
            CHECK(FirstDifference(y.Dense(), masked) == -1);
            CHECK(FirstDifference(slope.Dense(), masked_slope) == -1);
            CHECK(y.FrameIsIntact());
            CHECK(slope.FrameIsIntact());
          }
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("a dropped infinity or NaN is 0", T, float, double) {
    OnEveryIsa([] {
      const T inf = std::numeric_limits<T>::infinity();
      const std::vector<T> bad = {inf, -inf, std::numeric_limits<T>::quiet_NaN()};
      std::vector<T> values(300);
      for (size_t i = 0; i < values.size(); ++i) values[i] = bad[i % 3];
      const Framed<T> y(values, 1, 300), slope(values, 1, 300);
      RunDropout(y, slope, 1, 300, 0.5, Activation::kRelu, true, 0);
      ptrdiff_t wrong = 0;
      for (ptrdiff_t j = 0; j < 300; ++j) {
        if (Keeps(0.5, 0, j)) continue;
        wrong += BitsOf(y.at(0, j)) != 0 || BitsOf(slope.at(0, j)) != 0;
      }
      CHECK(wrong == 0);
    });
  }

  TEST_CASE("the share that is kept is 1 - rate") {
    OnEveryIsa([] {
      constexpr ptrdiff_t kRows = 200, kColumns = 500;
      for (const double rate : {0.1, 0.5, 0.8}) {
        const Framed<float> y(std::vector<float>(kRows * kColumns, 1.0f), kRows,
                              kColumns);
        const Framed<float> slope(kRows, kColumns);
        RunDropout(y, slope, kRows, kColumns, rate, Activation::kRelu, false, 0);
        double kept = 0;
        for (const float value : y.Dense()) kept += value != 0;
        // Five deviations of a binomial share over 1e5 trials: at most 0.8 %.
        CHECK(kept / (kRows * kColumns) == doctest::Approx(1 - rate).epsilon(0.04));
        CHECK(std::fabs(kept / (kRows * kColumns) - (1 - rate)) < 0.008);
      }
    });
  }
}

}  // namespace mlpcore::testing
