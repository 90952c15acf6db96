// Fingerprints of arrays: every change shows.
#include <algorithm>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "mlpcore/fingerprint.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

template <typename T>
uint64_t OfVector(const std::vector<T>& x) {
  return Fingerprint(x.data(), static_cast<ptrdiff_t>(x.size() * sizeof(T)));
}

}  // namespace

TEST_SUITE("fingerprint") {
  TEST_CASE("every bit counts, in arrays of every size") {
    std::vector<unsigned char> bytes(515);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<unsigned char>(i);
    std::set<uint64_t> seen;
    size_t expected = 0;
    for (size_t n = 0; n <= bytes.size(); n += n < 66 ? 1 : 13) {
      seen.insert(Fingerprint(bytes.data(), static_cast<ptrdiff_t>(n)));
      for (size_t bit = 0; bit < 8 * n; ++bit) {
        const auto mask = static_cast<unsigned char>(1 << bit % 8);
        bytes[bit / 8] ^= mask;
        seen.insert(Fingerprint(bytes.data(), static_cast<ptrdiff_t>(n)));
        bytes[bit / 8] ^= mask;
      }
      expected += 1 + 8 * n;
    }
    CHECK(seen.size() == expected);
  }

  // Those that a sum, or products without a shift, would not see.
  TEST_CASE("changes that are alike do not cancel") {
    std::vector<double> x(90);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i) + 0.5;
    std::set<uint64_t> seen{OfVector(x)};
    size_t expected = 1;
    for (size_t i = 0; i < x.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        x[i] = -x[i], x[j] = -x[j];  // two signs
        seen.insert(OfVector(x));
        x[i] = -x[i], x[j] = -x[j];
        std::swap(x[i], x[j]);  // two elements
        seen.insert(OfVector(x));
        std::swap(x[i], x[j]);
        expected += 2;
      }
    }
    for (double& value : x) value = -value;
    seen.insert(OfVector(x));
    CHECK(seen.size() == expected + 1);
  }

  TEST_CASE("the same on every instruction set") {
    std::vector<float> x(1001);
    std::iota(x.begin(), x.end(), 0.5F);
    std::set<uint64_t> seen;
    OnEveryIsa([&] { seen.insert(OfVector(x)); });
    CHECK(seen.size() == 1);
  }

  TEST_CASE("large arrays, on any number of threads") {
    const Restore restore;
    std::vector<float> x(200'003);
    SetNumThreads(1);
    const uint64_t zeros = OfVector(x);
    SetNumThreads(3);
    CHECK(OfVector(x) == zeros);
    std::set<uint64_t> seen{zeros};
    const std::vector<size_t> places = {0, 65'535, 65'536, 131'072, 200'002};
    for (const size_t i : places) {
      x[i] = -0.0F;
      seen.insert(OfVector(x));
      x[i] = 0;
    }
    CHECK(seen.size() == 1 + places.size());
  }
}

}  // namespace mlpcore::testing
