// The random numbers: Philox's published answers, and what is made of them.
#include <algorithm>

#include "mlpcore/philox.h"
#include "mlpcore/random.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

constexpr uint64_t kSeed = 0x299f31d0a4093822, kStream = 0x0370734413198a2e;

bool Equal(const PhiloxBlock& block, uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  return block.word[0] == a && block.word[1] == b && block.word[2] == c &&
         block.word[3] == d;
}

// Pearson's statistic of counts that should all be alike.
double ChiSquare(const std::vector<int>& counts) {
  double total = 0, sum = 0;
  for (const int count : counts) total += count;
  const double expected = total / static_cast<double>(counts.size());
  for (const int count : counts)
    sum += (count - expected) * (count - expected) / expected;
  return sum;
}

}  // namespace

TEST_SUITE("philox") {
  // Random123 1.14, tests/kat_vectors, philox4x32 with 10 rounds: counter words 0 and 1
  // are our index, 2 and 3 our stream; key words 0 and 1 our seed, low word first.
  TEST_CASE("known answers") {
    CHECK(Equal(Philox(0, 0, 0), 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
    CHECK(Equal(Philox(~0ull, ~0ull, ~0ull), 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
                0x6d5451fd));
    CHECK(Equal(Philox(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88),
                0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1));
  }

  TEST_CASE("many blocks are the blocks one by one, on every instruction set") {
    OnEveryIsa([] {
      // The second begins where the counter's low word overflows.
      for (const uint64_t first : {uint64_t{0}, uint64_t{0xFFFFFFF5}}) {
        for (const ptrdiff_t blocks : {1, 15, 16, 17, 64, 65, 200}) {
          CAPTURE(blocks);
          std::vector<uint32_t> words(
              static_cast<size_t>(4 * RoundUp(blocks, kRandomBlocksUnit)));
          ActiveKernels<float>().random_blocks(words.data(), blocks, kSeed, kStream,
                                               first);
          bool all = true;
          for (ptrdiff_t i = 0; i < blocks; ++i) {
            const uint32_t* word = words.data() + 4 * i;
            all &= Equal(Philox(kSeed, kStream, first + static_cast<uint64_t>(i)),
                         word[0], word[1], word[2], word[3]);
          }
          CHECK(all);
        }
      }
    });
  }

  TEST_CASE("streams differ by kind, layer and step") {
    const uint64_t base = StreamOf(StreamKind::kDropout, 3, 5);
    CHECK(base != StreamOf(StreamKind::kShuffle, 3, 5));
    CHECK(base != StreamOf(StreamKind::kDropout, 2, 5));
    CHECK(base != StreamOf(StreamKind::kDropout, 3, 6));
    CHECK(StreamOf(StreamKind::kInit, 1, 0) != StreamOf(StreamKind::kInit, 0, 1));
  }

  TEST_CASE("uniform numbers are addressed, and lie in [0, 1)") {
    constexpr size_t kCount = 100'000;
    std::vector<double> u(kCount), tail(3);
    Uniform(u.data(), kCount, 7, 11);
    CHECK(*std::min_element(u.begin(), u.end()) >= 0);
    CHECK(*std::max_element(u.begin(), u.end()) < 1);
    // Element i is a function of i, not of how many were asked for.
    Uniform(tail.data(), 3, 7, 11);
    CHECK(tail[2] == u[2]);
    Uniform(tail.data(), 3, 7, 12);
    CHECK(tail[0] != u[0]);
    Uniform(tail.data(), 3, 8, 11);
    CHECK(tail[0] != u[0]);
    // The known answer again, through the whole way to 53 bits.
    Uniform(tail.data(), 2, 0, 0);
    CHECK(tail[0] == static_cast<double>(0xe169c58d6627e8d5 >> 11) * 0x1p-53);
    CHECK(tail[1] == static_cast<double>(0x9b00dbd8bc57ac4c >> 11) * 0x1p-53);

    // 100 cells, 99 degrees of freedom: the statistic has mean 99 and deviation 14; 50
    // and 170 are 3.5 and 5 of them away.
    std::vector<int> cells(100);
    for (const double value : u) ++cells[static_cast<size_t>(value * 100)];
    const double chi = ChiSquare(cells);
    CHECK(chi > 50);
    CHECK(chi < 170);
  }

  TEST_CASE("a permutation is one, and every one is as likely") {
    for (const ptrdiff_t n : {0, 1, 2, 3, 100, 1000}) {
      std::vector<int64_t> order(static_cast<size_t>(n));
      Permutation(order.data(), n, 42, 1);
      std::sort(order.begin(), order.end());
      bool all = true;
      for (ptrdiff_t i = 0; i < n; ++i) all &= order[static_cast<size_t>(i)] == i;
      CHECK(all);
    }
    // The 24 permutations of 4, 23 degrees of freedom: deviation 6.8.
    std::vector<int> seen(24);
    for (uint64_t seed = 0; seed < 24'000; ++seed) {
      int64_t p[4];
      Permutation(p, 4, seed, 9);
      const auto rank = [&p](int i) {  // of p[i] among those after it
        int less = 0;
        for (int j = i + 1; j < 4; ++j) less += p[j] < p[i];
        return less;
      };
      ++seen[static_cast<size_t>(6 * rank(0) + 2 * rank(1) + rank(2))];
    }
    const double chi = ChiSquare(seen);
    CHECK(chi > 5);
    CHECK(chi < 60);
  }
}

}  // namespace mlpcore::testing
