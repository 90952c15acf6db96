// The kernels over plain arrays: whole numbers give exact results for every shape,
// empty ones too, and threads change no bit.
#include "mlpcore/ops.h"

#include <limits>
#include <utility>

#include "pool.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

// Whole numbers in [-4, 4]: 40 products and a bias stay far below 2^24.
template <typename T>
std::vector<T> SmallIntegers(ptrdiff_t n, uint64_t seed) {
  std::vector<T> values(static_cast<size_t>(n));
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<T>(static_cast<int>(RandomBits(seed, i) % 9) - 4);
  }
  return values;
}

// c (m, n) = a (m, k) b (k, n), or of their transposes as stated by the strides.
template <typename T>
void Multiply(T* c, const T* a, const T* b, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
              ptrdiff_t a_row, ptrdiff_t a_col, ptrdiff_t b_row, ptrdiff_t b_col) {
  for (ptrdiff_t i = 0; i < m; ++i) {
    for (ptrdiff_t j = 0; j < n; ++j) {
      T sum = 0;
      for (ptrdiff_t l = 0; l < k; ++l)
        sum += a[i * a_row + l * a_col] * b[l * b_row + j * b_col];
      c[i * n + j] = sum;
    }
  }
}

// The reference for `rows` rows, one more at each step: dw and db grow with them, and
// y and dx of fewer rows are the first rows.
template <typename T>
struct IntegerProducts {
  IntegerProducts(ptrdiff_t most_rows, ptrdiff_t inputs, ptrdiff_t outputs)
      : n_in(inputs),
        n_out(outputs),
        x(SmallIntegers<T>(most_rows * n_in, 21)),
        w(SmallIntegers<T>(n_in * n_out, 22)),
        b(SmallIntegers<T>(n_out, 23)),
        dy(SmallIntegers<T>(most_rows * n_out, 24)),
        y(dy.size()),
        dx(x.size()),
        dw(w.size()),
        db(b.size()) {
    Multiply(y.data(), x.data(), w.data(), most_rows, n_out, n_in, n_in, 1, n_out, 1);
    for (size_t i = 0; i < y.size(); ++i) y[i] += b[i % b.size()];
    Multiply(dx.data(), dy.data(), w.data(), most_rows, n_in, n_out, n_out, 1, 1,
             n_out);
  }
  void AddRow(ptrdiff_t row) {
    for (ptrdiff_t j = 0; j < n_out; ++j) {
      const T d = dy[static_cast<size_t>(row * n_out + j)];
      for (ptrdiff_t i = 0; i < n_in; ++i) {
        dw[static_cast<size_t>(i * n_out + j)] +=
            x[static_cast<size_t>(row * n_in + i)] * d;
      }
      db[static_cast<size_t>(j)] += d;
    }
  }

  ptrdiff_t n_in, n_out;
  std::vector<T> x, w, b, dy;    // given
  std::vector<T> y, dx, dw, db;  // wanted
};

// All three products of `rows` rows by the active kernels.
template <typename T>
void CheckIntegers(const IntegerProducts<T>& p, ptrdiff_t rows) {
  const size_t m = static_cast<size_t>(rows);
  const size_t k = static_cast<size_t>(p.n_in), n = static_cast<size_t>(p.n_out);
  std::vector<T> y(m * n, -1), dx(m * k, -1), dw(k * n, -1), db(n, -1);
  ops::Dense(y.data(), p.x.data(), p.w.data(), p.b.data(), Activation::kIdentity, rows,
             p.n_in, p.n_out);
  ops::DenseBackward<T>(dx.data(), dw.data(), db.data(), p.dy.data(), p.x.data(),
                        p.w.data(), y.data(), nullptr, Activation::kIdentity, rows,
                        p.n_in, p.n_out);
  CHECK(FirstDifference(y.data(), p.y.data(), y.size()) == -1);
  CHECK(FirstDifference(dx.data(), p.dx.data(), dx.size()) == -1);
  CHECK(dw == p.dw);
  CHECK(db == p.db);
}

}  // namespace

TEST_SUITE("ops") {
  TEST_CASE_TEMPLATE("whole numbers, all 68,921 shapes up to 40 x 40 x 40", T, float,
                     double) {
    constexpr ptrdiff_t kMost = 40;
    OnEveryIsa([&] {
      for (ptrdiff_t n_in = 0; n_in <= kMost; ++n_in) {
        for (ptrdiff_t n_out = 0; n_out <= kMost; ++n_out) {
          IntegerProducts<T> products(kMost, n_in, n_out);
          for (ptrdiff_t rows = 0; rows <= kMost; ++rows) {
            CAPTURE(n_in);
            CAPTURE(n_out);
            CAPTURE(rows);
            CheckIntegers(products, rows);
            if (rows < kMost) products.AddRow(rows);
          }
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("one element that is not finite is found, wherever", T, float,
                     double) {
    using Limits = std::numeric_limits<T>;
    OnEveryIsa([] {
      // Finite, though their sum and their squares are not.
      std::vector<T> x(150, Limits::max());
      x[1] = -Limits::max();
      x[2] = Limits::denorm_min();
      for (size_t n = 0; n <= x.size(); ++n) {
        CHECK(ops::AllFinite(x.data(), static_cast<ptrdiff_t>(n)));
        if (n == 0) continue;
        for (const T bad :
             {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()}) {
          for (size_t i = 0; i < n; ++i) {
            const T good = std::exchange(x[i], bad);
            CHECK(!ops::AllFinite(x.data(), static_cast<ptrdiff_t>(n)));
            x[i] = good;
          }
        }
        // What comes after is not looked at.
        if (n == x.size()) continue;
        const T good = std::exchange(x[n], Limits::quiet_NaN());
        CHECK(ops::AllFinite(x.data(), static_cast<ptrdiff_t>(n)));
        x[n] = good;
      }
    });
    const Restore restore;
    SetNumThreads(3);
    std::vector<T> large(1'000'003);
    const ptrdiff_t n = static_cast<ptrdiff_t>(large.size());
    CHECK(ops::AllFinite(large.data(), n));
    for (const size_t i : {size_t{0}, large.size() / 2, large.size() - 1}) {
      large[i] = Limits::quiet_NaN();
      CHECK(!ops::AllFinite(large.data(), n));
      large[i] = 0;
    }
  }

  TEST_CASE_TEMPLATE("no bias is a bias of zero", T, float, double) {
    const std::vector<T> x = NoiseVector<T>(5 * 7, 1), w = NoiseVector<T>(7 * 3, 2);
    const std::vector<T> b(3);
    std::vector<T> with(15), without(15);
    ops::Dense(with.data(), x.data(), w.data(), b.data(), Activation::kSoftmax, 5, 7,
               3);
    ops::Dense<T>(without.data(), x.data(), w.data(), nullptr, Activation::kSoftmax, 5,
                  7, 3);
    CHECK(with == without);
  }

  TEST_CASE_TEMPLATE("threads change no bit", T, float, double) {
    const Restore restore;
    constexpr size_t kRows = 1030, kIn = 130, kOut = 125;
    const std::vector<T> x = NoiseVector<T>(kRows * kIn, 1);
    const std::vector<T> w = NoiseVector<T>(kIn * kOut, 2), b = NoiseVector<T>(kOut, 3);
    const std::vector<T> dy = NoiseVector<T>(kRows * kOut, 4);
    std::vector<std::vector<T>> results;
    for (const int threads : {1, 2, 3, 8}) {
      SetNumThreads(threads);
      CHECK(ThreadsFor(kRows * kIn * kOut) == GetNumThreads());
      std::vector<T> y(kRows * kOut), dx(kRows * kIn), dw(kIn * kOut), db(kOut);
      ops::Dense(y.data(), x.data(), w.data(), b.data(), Activation::kGelu, kRows, kIn,
                 kOut);
      ops::DenseBackward<T>(dx.data(), dw.data(), db.data(), dy.data(), x.data(),
                            w.data(), y.data(), y.data(), Activation::kGelu, kRows, kIn,
                            kOut);
      std::vector<T> exp(x.size());
      ops::Map(Function::kExp, exp.data(), x.data(), static_cast<ptrdiff_t>(x.size()));
      for (const std::vector<T>& part : {dx, dw, db, exp}) {
        y.insert(y.end(), part.begin(), part.end());
      }
      results.push_back(y);
      CHECK(FirstDifference(results.front(), y) == -1);
    }
  }
}

}  // namespace mlpcore::testing
