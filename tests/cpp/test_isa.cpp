// Which tables there are: asked of the processor itself, so that a test run that skips
// an instruction set fails instead of passing.
#include <algorithm>
#include <stdexcept>

#include "testing.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace mlpcore::testing {
namespace {

std::vector<std::string> IsasOfThisProcessor() {
  std::vector<std::string> isas = {"baseline"};
#if defined(__x86_64__)
  // Intel SDM vol. 2, CPUID leaves 1 and 7, and vol. 1, 14.3: the operating system must
  // save the registers too (XCR0: bits 1 and 2 for AVX, 5 to 7 for AVX-512).
  unsigned a = 0, b = 0, c = 0, d = 0;
  __get_cpuid(1, &a, &b, &c, &d);
  const bool fma = c >> 12 & 1, os_saves = c >> 27 & 1;
  unsigned xcr0 = 0, high = 0;
  if (os_saves) __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
  __get_cpuid_count(7, 0, &a, &b, &c, &d);
  if (fma && (b >> 5 & 1) && (xcr0 & 6) == 6) {
    isas.push_back("avx2x2");
    isas.push_back("avx2");
  }
  const bool f = b >> 16 & 1, dq = b >> 17 & 1, bw = b >> 30 & 1, vl = b >> 31 & 1;
  if (f && dq && bw && vl && (xcr0 & 0xE6) == 0xE6) isas.push_back("avx512");
#elif defined(__aarch64__)
  isas.push_back("neon");
#endif
  return isas;
}

}  // namespace

TEST_SUITE("isa") {
  TEST_CASE("every instruction set of this processor has its table") {
    CHECK(SupportedIsas() == IsasOfThisProcessor());
    OnEveryIsa([] {
      CHECK(FindKernels<float>(ActiveIsa()) == &ActiveKernels<float>());
      CHECK(FindKernels<double>(ActiveIsa()) == &ActiveKernels<double>());
    });
  }

  TEST_CASE("a table has every function") {
    OnEveryIsa([] {
      const auto complete = [](const auto& table) {
        return table.tile_rows > 0 && table.dense && table.input_gradient &&
               table.weight_gradient && table.activate && table.activation_gradient &&
               table.softmax && table.loss && table.update && table.sum_squares &&
               table.all_finite && table.dropout && table.map;
      };
      CHECK(complete(ActiveKernels<float>()));
      CHECK(complete(ActiveKernels<double>()));
    });
  }

  TEST_CASE("a name that is unknown is refused and changes nothing") {
    const std::string before = ActiveIsa();
    CHECK_THROWS_AS(SetIsa("sse9"), std::invalid_argument);
    CHECK_THROWS_AS(SetIsa(""), std::invalid_argument);
    CHECK(ActiveIsa() == before);
    CHECK(FindKernels<float>("sse9") == nullptr);
  }
}

}  // namespace mlpcore::testing
