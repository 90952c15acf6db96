// What every C++ test needs: each instruction set in turn, reproducible data,
// comparison of bits, and matrices with canaries round them.
#ifndef MLPCORE_TESTS_TESTING_H_
#define MLPCORE_TESTS_TESTING_H_

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "aligned_buffer.h"
#include "dispatch.h"
#include "mlpcore/isa.h"
#include "mlpcore/threads.h"
#include "packing.h"

namespace mlpcore::testing {

// How often each instruction set was run; main.cpp wants the same number for all.
inline std::map<std::string, int>& IsaVisits() {
  static std::map<std::string, int> visits;
  return visits;
}

// Back to the instruction set and the threads of before, also after a failed REQUIRE.
class Restore {
 public:
  ~Restore() {
    SetIsa(isa_);
    SetNumThreads(threads_);
  }

 private:
  std::string isa_ = ActiveIsa();
  int threads_ = GetNumThreads();
};

// f() with each instruction set active; avx2x2, the tests' own, is among them (see
// CMakeLists.txt).
template <typename F>
void OnEveryIsa(const F& f) {
  const Restore restore;
  for (const std::string& isa : SupportedIsas()) {
    CAPTURE(isa);
    SetIsa(isa);
    REQUIRE(ActiveKernels<float>().isa == isa);
    REQUIRE(ActiveKernels<double>().isa == isa);
    ++IsaVisits()[isa];
    f();
  }
}

// True if MulAdd rounds once: everything but the baseline.
inline bool ActiveIsaHasFma() { return ActiveIsa() != "baseline"; }

template <typename T>
struct BitsOfType;
template <>
struct BitsOfType<float> {
  using Type = uint32_t;
  static constexpr Type kCanary = 0x7FC5A5A5;  // a NaN that no computation makes
};
template <>
struct BitsOfType<double> {
  using Type = uint64_t;
  static constexpr Type kCanary = 0x7FF8A5A5A5A5A5A5;
};

template <typename T>
typename BitsOfType<T>::Type BitsOf(T x) {
  typename BitsOfType<T>::Type bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

template <typename T>
T Canary() {
  T x;
  std::memcpy(&x, &BitsOfType<T>::kCanary, sizeof x);
  return x;
}
template <typename T>
bool IsCanary(T x) {
  return BitsOf(x) == BitsOfType<T>::kCanary;
}

// The same bits, any NaN for any other; but a canary is no result.
template <typename T>
bool SameBits(T a, T b) {
  if (IsCanary(a) || IsCanary(b)) return false;
  return BitsOf(a) == BitsOf(b) || (std::isnan(a) && std::isnan(b));
}

// The first place where two arrays differ in a bit, or -1.
template <typename T>
ptrdiff_t FirstDifference(const T* a, const T* b, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    if (!SameBits(a[i], b[i])) return static_cast<ptrdiff_t>(i);
  }
  return -1;
}
template <typename T>
ptrdiff_t FirstDifference(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return static_cast<ptrdiff_t>(std::min(a.size(), b.size()));
  return FirstDifference(a.data(), b.data(), a.size());
}

// |y - reference| in ULP of the result.
template <typename T>
double UlpError(T y, long double reference) {
  if (std::isnan(y) || std::isnan(reference)) {
    return std::isnan(y) && std::isnan(reference) ? 0 : HUGE_VAL;
  }
  const T rounded = std::fabs(static_cast<T>(reference));
  if (y == static_cast<T>(reference)) return 0;  // correctly rounded; infinities too
  const T ulp = std::nextafter(rounded, static_cast<T>(HUGE_VAL)) - rounded;
  return static_cast<double>(std::fabs(static_cast<long double>(y) - reference) /
                             static_cast<long double>(ulp));
}

// Number i of a reproducible sequence (splitmix64, Steele et al. 2014): 64 random bits,
// and a value in [-1, 1) with all its digits random.
inline uint64_t RandomBits(uint64_t seed, uint64_t i) {
  uint64_t z = (seed << 32) + (i + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}
template <typename T>
T Noise(uint64_t seed, size_t i) {
  return static_cast<T>(static_cast<double>(RandomBits(seed, i) >> 11) * 0x1p-52 - 1);
}
template <typename T>
std::vector<T> NoiseVector(size_t n, uint64_t seed, T scale = 1) {
  std::vector<T> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = scale * Noise<T>(seed, i);
  return values;
}
inline std::vector<int32_t> RandomLabels(ptrdiff_t rows, ptrdiff_t classes,
                                         uint64_t seed) {
  std::vector<int32_t> labels(static_cast<size_t>(rows));
  for (size_t i = 0; i < labels.size(); ++i) {
    labels[i] =
        static_cast<int32_t>(RandomBits(seed, i) % static_cast<uint64_t>(classes));
  }
  return labels;
}

// A matrix in the middle of a larger array: its first row begins `offset` elements past
// a cache line, its rows are cols + gap apart, and all that surrounds it is canaries:
// NaN where something reads it, changed bits where something writes it.
template <typename T>
class Framed {
 public:
  Framed(ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t gap = 0, ptrdiff_t offset = 0)
      : rows_(rows),
        cols_(cols),
        stride_(cols + gap),
        begin_(2 * kPanel<T> + offset),
        buffer_(static_cast<size_t>(begin_ + rows * stride_ + 3 * kPanel<T>)) {
    std::fill_n(buffer_.data(), buffer_.size(), Canary<T>());
  }
  // Filled with a dense matrix.
  Framed(const std::vector<T>& dense, ptrdiff_t rows, ptrdiff_t cols, ptrdiff_t gap = 0,
         ptrdiff_t offset = 0)
      : Framed(rows, cols, gap, offset) {
    for (ptrdiff_t i = 0; i < rows; ++i) {
      for (ptrdiff_t j = 0; j < cols; ++j) {
        at(i, j) = dense[static_cast<size_t>(i * cols + j)];
      }
    }
  }

  T& at(ptrdiff_t i, ptrdiff_t j) const {
    return buffer_.data()[begin_ + i * stride_ + j];
  }
  Rows<T> rows() const { return {buffer_.data() + begin_, stride_}; }
  ptrdiff_t size() const { return rows_ * cols_; }

  std::vector<T> Dense() const {
    std::vector<T> dense;
    dense.reserve(static_cast<size_t>(size()));
    for (ptrdiff_t i = 0; i < rows_; ++i) {
      for (ptrdiff_t j = 0; j < cols_; ++j) dense.push_back(at(i, j));
    }
    return dense;
  }
  // Nothing was written outside of the matrix.
  bool FrameIsIntact() const {
    size_t canaries = 0;
    for (size_t i = 0; i < buffer_.size(); ++i) canaries += IsCanary(buffer_.data()[i]);
    for (ptrdiff_t i = 0; i < rows_; ++i) {
      for (ptrdiff_t j = 0; j < cols_; ++j) canaries -= IsCanary(at(i, j));
    }
    return canaries == buffer_.size() - static_cast<size_t>(size());
  }

 private:
  ptrdiff_t rows_, cols_, stride_, begin_;
  AlignedBuffer<T> buffer_;
};

// W (n_in, n_out) and b as one flat vector, and their panels.
template <typename T>
struct PackedLayer {
  PackedLayer(const std::vector<T>& w_then_b, ptrdiff_t n_in, ptrdiff_t n_out)
      : layout(LayOutPanels<T>({n_in, n_out})), arena(ArenaSize<T>(layout)) {
    Pack(arena.data(), w_then_b.data(), layout);
  }
  std::vector<LayerLayout> layout;
  AlignedBuffer<T> arena;
};

}  // namespace mlpcore::testing

#endif  // MLPCORE_TESTS_TESTING_H_
