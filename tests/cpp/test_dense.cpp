// The forward product: the bits of the oracle for every shape of tile and tail.
#include "oracle.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

constexpr ptrdiff_t kMostRows = 26;  // two full AVX-512 tiles of 12, and 2

// y of a dense kernel, columns [col_begin, col_end), into a frame whose place changes
// with the number of rows.
template <typename T>
void RunDense(const Framed<T>& y, const Framed<T>& x, const PackedLayer<T>& layer,
              ptrdiff_t rows, ptrdiff_t col_begin, ptrdiff_t col_end,
              Activation activation, bool padded = false) {
  DenseArgs<T> args;
  args.y = y.rows();
  args.x = x.rows();
  args.panels = layer.arena.data();
  args.rows = rows;
  args.n_in = layer.layout[0].n_in;
  args.n_out = layer.layout[0].n_out;
  args.col_begin = col_begin;
  args.col_end = col_end;
  args.activation = activation;
  args.padded = padded;
  ActiveKernels<T>().dense(args);
}

template <typename T>
std::vector<T> Relu(std::vector<T> z) {
  for (T& value : z) value = value < 0 ? T(0) : value;
  return z;
}

// Numbers 1 to kMostRows of rows against the first rows of the oracle's z.
template <typename T>
void CheckAgainstOracle(const std::vector<T>& x, const std::vector<T>& w_then_b,
                        ptrdiff_t n_in, ptrdiff_t n_out) {
  const PackedLayer<T> layer(w_then_b, n_in, n_out);
  const std::vector<T> fused = OracleDense(true, x, w_then_b, kMostRows, n_in, n_out);
  const std::vector<T> unfused =
      OracleDense(false, x, w_then_b, kMostRows, n_in, n_out);
  OnEveryIsa([&] {
    const std::vector<T>& z = ActiveIsaHasFma() ? fused : unfused;
    const std::vector<T> relu = Relu(z);
    for (ptrdiff_t rows = 1; rows <= kMostRows; ++rows) {
      CAPTURE(rows);
      const size_t n = static_cast<size_t>(rows * n_out);
      const Framed<T> in(x, rows, n_in, rows % 4, rows % 7);
      const Framed<T> out(rows, n_out, rows % 3, rows % 5);
      RunDense(out, in, layer, rows, 0, n_out, Activation::kIdentity);
      CHECK(FirstDifference(out.Dense().data(), z.data(), n) == -1);
      RunDense(out, in, layer, rows, 0, n_out, Activation::kRelu);
      CHECK(FirstDifference(out.Dense().data(), relu.data(), n) == -1);
      CHECK(out.FrameIsIntact());

      // Padded: whole lines are written, and no more.
      const ptrdiff_t width = RoundUp(n_out, kPanel<T>);
      const Framed<T> wide(rows, width, rows % 3, rows % 5);
      RunDense(wide, in, layer, rows, 0, n_out, Activation::kRelu, true);
      std::vector<T> existing;
      ptrdiff_t unwritten = 0;
      for (ptrdiff_t i = 0; i < rows; ++i) {
        for (ptrdiff_t j = 0; j < n_out; ++j) existing.push_back(wide.at(i, j));
        for (ptrdiff_t j = n_out; j < width; ++j) unwritten += IsCanary(wide.at(i, j));
      }
      CHECK(FirstDifference(existing.data(), relu.data(), n) == -1);
      CHECK(unwritten == 0);
      CHECK(wide.FrameIsIntact());
    }
  });
}

template <typename T>
T SpecialValue(size_t i) {
  using Limits = std::numeric_limits<T>;
  constexpr T kSpecial[] = {Limits::quiet_NaN(), Limits::infinity(),
                            -Limits::infinity(), T(-0.0),
                            Limits::max(),       Limits::denorm_min()};
  return kSpecial[i % 6];
}

}  // namespace

TEST_SUITE("dense") {
  TEST_CASE_TEMPLATE("forward has the oracle's bits", T, float, double) {
    for (const ptrdiff_t n_in : {1, 3, 15, 16, 17, 255, 256, 257, 600}) {
      const std::vector<T> x = NoiseVector<T>(static_cast<size_t>(kMostRows * n_in), 1);
      for (const ptrdiff_t n_out : {1, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100}) {
        CAPTURE(n_in);
        CAPTURE(n_out);
        CheckAgainstOracle(
            x, NoiseVector<T>(static_cast<size_t>((n_in + 1) * n_out), 2), n_in, n_out);
      }
    }
  }

  TEST_CASE_TEMPLATE("NaN, infinities, -0 and extremes go where arithmetic sends them",
                     T, float, double) {
    for (const ptrdiff_t n_in : {1, 5, 300}) {
      for (const ptrdiff_t n_out : {1, 9, 40}) {
        CAPTURE(n_in);
        CAPTURE(n_out);
        std::vector<T> x = NoiseVector<T>(static_cast<size_t>(kMostRows * n_in), 3);
        std::vector<T> w = NoiseVector<T>(static_cast<size_t>((n_in + 1) * n_out), 4);
        // Every 4th row of x has one special value; so has every 5th column of W.
        for (ptrdiff_t i = 0; i < kMostRows; i += 4) {
          const size_t row = static_cast<size_t>(i);
          x[static_cast<size_t>(i * n_in) +
            RandomBits(5, row) % static_cast<size_t>(n_in)] = SpecialValue<T>(row / 4);
        }
        for (ptrdiff_t j = 0; j < n_out; j += 5) {
          const size_t col = static_cast<size_t>(j);
          w[RandomBits(6, col) % static_cast<size_t>(n_in + 1) *
                static_cast<size_t>(n_out) +
            col] = SpecialValue<T>(col / 5);
        }
        CheckAgainstOracle(x, w, n_in, n_out);
      }
    }
  }

  TEST_CASE_TEMPLATE("parts of the columns are the columns of the whole", T, float,
                     double) {
    constexpr ptrdiff_t kIn = 300, kOut = 100;
    const std::vector<T> x = NoiseVector<T>(static_cast<size_t>(kMostRows * kIn), 7);
    const std::vector<T> w = NoiseVector<T>((kIn + 1) * kOut, 8);
    const PackedLayer<T> layer(w, kIn, kOut);
    OnEveryIsa([&] {
      for (const ptrdiff_t rows :
           {ptrdiff_t{1}, ptrdiff_t{2}, ptrdiff_t{5}, kMostRows}) {
        for (const Activation phi : {Activation::kIdentity, Activation::kTanh}) {
          const Framed<T> in(x, rows, kIn, 1);
          const Framed<T> whole(rows, kOut, 3);
          RunDense(whole, in, layer, rows, 0, kOut, phi);
          for (ptrdiff_t mid = kPanel<T>; mid < kOut; mid += kPanel<T>) {
            CAPTURE(rows);
            CAPTURE(mid);
            const Framed<T> parts(rows, kOut, 3);
            RunDense(parts, in, layer, rows, mid, kOut, phi);
            bool untouched = true;
            for (ptrdiff_t i = 0; i < rows; ++i)
              untouched &= IsCanary(parts.at(i, mid - 1));
            CHECK(untouched);
            RunDense(parts, in, layer, rows, 0, mid, phi);
            CHECK(FirstDifference(parts.Dense(), whole.Dense()) == -1);
            CHECK(parts.FrameIsIntact());
          }
        }
      }
    });
  }
}

}  // namespace mlpcore::testing
