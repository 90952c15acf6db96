// Softmax and log-softmax against long double; offsets, masked classes, rows that are
// not numbers.
#include <limits>

#include "testing.h"

namespace mlpcore::testing {
namespace {

template <typename T>
constexpr T kInf = std::numeric_limits<T>::infinity();
template <typename T>
constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();

template <typename T>
std::vector<T> SoftmaxOf(const std::vector<T>& z, ptrdiff_t rows, ptrdiff_t n,
                         bool log) {
  const Framed<T> in(z, rows, n, 1, 3), out(rows, n, 2, 1);
  ActiveKernels<T>().softmax(out.rows(), in.rows(), rows, n, log);
  CHECK(out.FrameIsIntact());
  const std::vector<T> y = out.Dense();
  ActiveKernels<T>().softmax(in.rows(), in.rows(), rows, n, log);  // in place
  CHECK(FirstDifference(in.Dense(), y) == -1);
  return y;
}

// Multiples of `grid`, so that differences are exact and the errors are softmax's own.
template <typename T>
std::vector<T> OnGrid(ptrdiff_t n, uint64_t seed, double range, double grid) {
  std::vector<T> z = NoiseVector<T>(static_cast<size_t>(n), seed);
  for (T& value : z) {
    value =
        static_cast<T>(std::round(static_cast<double>(value) * range / grid) * grid);
  }
  return z;
}

template <typename T>
double WorstError(const std::vector<T>& z, const std::vector<T>& y, bool log) {
  const auto top = std::max_element(z.begin(), z.end());
  const long double m = *top;
  long double others = 0;  // the sum of all is 1 more
  for (auto value = z.begin(); value != z.end(); ++value) {
    if (value != top) others += std::exp(static_cast<long double>(*value) - m);
  }
  double worst = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    const long double d = static_cast<long double>(z[i]) - m;
    worst = std::max(worst, UlpError(y[i], log ? d - std::log1p(others)
                                               : std::exp(d) / (1 + others)));
  }
  return worst;
}

}  // namespace

TEST_SUITE("softmax") {
  TEST_CASE_TEMPLATE("values", T, float, double) {
    OnEveryIsa([] {
      for (const double range : {1.0, 16.0, 80.0}) {
        for (const ptrdiff_t n : {1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 100, 1000}) {
          CAPTURE(range);
          CAPTURE(n);
          const std::vector<T> z =
              OnGrid<T>(n, static_cast<uint64_t>(n), range, 0x1p-10);
          const std::vector<T> p = SoftmaxOf(z, 1, n, false);
          // Sums of up to 1000 / kPanel terms a lane and the tree round some more.
          CHECK(WorstError(z, p, false) <= 4);
          long double sum = 0;
          for (const T value : p) sum += value;
          CHECK(std::fabs(sum - 1) < 4 * std::numeric_limits<T>::epsilon());
          // log p = d - log(sum): two rounded terms, neither of which cancels.
          CHECK(WorstError(z, SoftmaxOf(z, 1, n, true), true) <= 4);
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("a common offset up to 1e8 changes no bit", T, float, double) {
    OnEveryIsa([] {
      for (const ptrdiff_t n : {1, 2, 10, 17, 100}) {
        const std::vector<T> z = OnGrid<T>(n, 5, 64, 8);  // 1e8 + z is exact in float32
        for (const double offset : {1e8, -1e8, 4096.0}) {
          std::vector<T> shifted = z;
          for (T& value : shifted) value += static_cast<T>(offset);
          for (const bool log : {false, true}) {
            CHECK(FirstDifference(SoftmaxOf(shifted, 1, n, log),
                                  SoftmaxOf(z, 1, n, log)) == -1);
          }
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("gaps of 1e4", T, float, double) {
    OnEveryIsa([] {
      const std::vector<T> z = {-10000, 0, -50};
      const std::vector<T> p = SoftmaxOf(z, 1, 3, false);
      CHECK(p[0] == 0);
      CHECK(p[1] == 1);
      CHECK(p[2] == doctest::Approx(std::exp(-50.0)).epsilon(1e-6));
      const std::vector<T> log = SoftmaxOf(z, 1, 3, true);
      CHECK(log[0] == T(-10000));
      CHECK(UlpError(log[1], -std::log1p(std::exp(-50.0L))) <= 4);
    });
  }

  TEST_CASE_TEMPLATE("a masked class has probability 0", T, float, double) {
    OnEveryIsa([] {
      for (const ptrdiff_t n : {2, 3, 8, 9, 16, 17, 40}) {
        for (ptrdiff_t masked = 0; masked < n; ++masked) {
          const size_t at = static_cast<size_t>(masked);
          std::vector<T> z = OnGrid<T>(n, 6, 8, 0x1p-8);
          std::vector<T> others = z;
          others.erase(others.begin() + masked);
          z[at] = -kInf<T>;
          const std::vector<T> p = SoftmaxOf(z, 1, n, false);
          const std::vector<T> log = SoftmaxOf(z, 1, n, true);
          CHECK(p[at] == 0);
          CHECK(log[at] == -kInf<T>);
          std::vector<T> rest = p;
          rest.erase(rest.begin() + masked);
          CHECK(WorstError(others, rest, false) <= 4);
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("a row that is not numbers is NaN, and it alone", T, float,
                     double) {
    OnEveryIsa([] {
      for (ptrdiff_t n = 1; n <= 300; ++n) {
        CAPTURE(n);
        const size_t width = static_cast<size_t>(n);
        std::vector<T> z = NoiseVector<T>(5 * width, 7);
        const std::vector<T> plain = z;
        T* bad = z.data();
        bad[RandomBits(8, width) % width] = kNaN<T>;
        bad[2 * width + RandomBits(9, width) % width] = kInf<T>;
        std::fill_n(bad + 4 * width, width, -kInf<T>);
        for (const bool log : {false, true}) {
          const std::vector<T> y = SoftmaxOf(z, 5, n, log);
          const std::vector<T> good = SoftmaxOf(plain, 5, n, log);
          size_t numbers = 0, wrong = 0;
          for (size_t i = 0; i < y.size(); ++i) {
            if (i / width % 2 == 0)
              numbers += !std::isnan(y[i]);
            else
              wrong += !SameBits(y[i], good[i]);
          }
          CHECK(numbers == 0);
          CHECK(wrong == 0);
        }
      }
    });
  }
}

}  // namespace mlpcore::testing
