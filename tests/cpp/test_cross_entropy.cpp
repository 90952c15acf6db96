// The cross-entropy of a softmax: its digits, its extremes, labels against one-hot
// rows.
#include <limits>

#include "loss_run.h"

namespace mlpcore::testing {
namespace {

template <typename T>
constexpr T kInf = std::numeric_limits<T>::infinity();

// Loss and gradient of one row in long double, written as in numerics: nothing cancels.
// t sums to anything.
struct Reference {
  long double loss = 0;
  std::vector<long double> gradient;
};
template <typename T>
Reference ReferenceRow(const T* z, const std::vector<long double>& t) {
  const size_t n = t.size();
  const size_t top = static_cast<size_t>(std::max_element(z, z + n) - z);
  std::vector<long double> e(n);
  long double others = 0, weight = 0;
  for (size_t j = 0; j < n; ++j) {
    e[j] = std::exp(static_cast<long double>(z[j]) - static_cast<long double>(z[top]));
    if (j != top) others += e[j];
    weight += t[j];
  }
  Reference r;
  for (size_t j = 0; j < n; ++j) {
    const long double gap =
        static_cast<long double>(z[top]) - static_cast<long double>(z[j]);
    if (t[j] != 0) r.loss += t[j] * gap;
    long double rest = 0;  // of a label's column: p - 1 = -rest
    for (size_t k = 0; k < n; ++k) rest += k == j ? 0 : e[k];
    r.gradient.push_back(t[j] == 1 && weight == 1
                             ? -rest / (1 + others)
                             : weight * e[j] / (1 + others) - t[j]);
  }
  r.loss += weight * std::log1p(others);
  return r;
}

template <typename T>
LossRun<T> LabelRun(const std::vector<T>& z, ptrdiff_t rows,
                    const std::vector<int32_t>& labels) {
  LossRun<T> run;
  run.z = z;
  run.rows = rows;
  run.n = static_cast<ptrdiff_t>(z.size()) / rows;
  run.softmax = true;
  run.labels = labels;
  run.Run();
  return run;
}

// The worst errors of loss and gradient in ULP.
template <typename T>
void CheckLabels(const std::vector<T>& z, ptrdiff_t rows, double loss_ulp,
                 double gradient_ulp) {
  const size_t n = z.size() / static_cast<size_t>(rows);
  const std::vector<int32_t> labels = RandomLabels(rows, static_cast<ptrdiff_t>(n), 3);
  const LossRun<T> run = LabelRun(z, rows, labels);
  double worst_loss = 0, worst_gradient = 0;
  ptrdiff_t wrong_class = 0;
  for (size_t i = 0; i < static_cast<size_t>(rows); ++i) {
    std::vector<long double> t(n);
    t[static_cast<size_t>(labels[i])] = 1;
    const T* row = z.data() + i * n;
    const Reference reference = ReferenceRow(row, t);
    worst_loss = std::max(worst_loss, UlpError(run.row_loss[i], reference.loss));
    for (size_t j = 0; j < n; ++j) {
      worst_gradient = std::max(
          worst_gradient, UlpError(run.gradient[i * n + j], reference.gradient[j]));
    }
    wrong_class += run.row_class[i] != std::max_element(row, row + n) - row;
  }
  CHECK(worst_loss <= loss_ulp);
  CHECK(worst_gradient <= gradient_ulp);
  CHECK(wrong_class == 0);
}

}  // namespace

TEST_SUITE("cross_entropy") {
  TEST_CASE_TEMPLATE("4 ULP in the loss, 8 in the gradient", T, float, double) {
    OnEveryIsa([] {
      for (const ptrdiff_t n : {1, 2, 3, 7, 8, 9, 15, 16, 17, 33, 100}) {
        for (const double range : {1.0, 8.0, 40.0}) {
          CAPTURE(n);
          CAPTURE(range);
          std::vector<T> z =
              NoiseVector<T>(static_cast<size_t>(37 * n), 1, static_cast<T>(range));
          CheckLabels(z, 37, 4, 8);
        }
      }
    });
  }

  // Alone a row is taken along, among many across, up to a width that is the kernel's.
  TEST_CASE_TEMPLATE("a row alone has the bits it has among others", T, float, double) {
    OnEveryIsa([] {
      constexpr size_t kRows = 37;
      for (ptrdiff_t n = 1; n <= 8 * kPanel<T>; n += 1 + n / 10) {
        CAPTURE(n);
        const size_t width = static_cast<size_t>(n);
        const std::vector<T> z = NoiseVector<T>(kRows * width, 5, T(9));
        const std::vector<int32_t> labels = RandomLabels(kRows, n, 6);
        const LossRun<T> all = LabelRun(z, kRows, labels);
        ptrdiff_t different = 0;
        for (size_t i = 0; i < kRows; ++i) {
          const auto row = z.begin() + static_cast<ptrdiff_t>(i) * n;
          const LossRun<T> one = LabelRun(std::vector<T>(row, row + n), 1, {labels[i]});
          different += !SameBits(one.row_loss[0], all.row_loss[i]);
          for (size_t j = 0; j < width; ++j) {
            different += !SameBits(one.gradient[j], all.gradient[i * width + j]);
          }
        }
        CHECK(different == 0);
      }
    });
  }

  TEST_CASE_TEMPLATE("p going to 1, and a gap of 1e4", T, float, double) {
    OnEveryIsa([] {
      const double farthest = sizeof(T) == 4 ? 80 : 700;
      for (const ptrdiff_t n : {2, 3, 10, 17}) {
        for (double gap = 0; gap <= farthest; gap += farthest / 40) {
          CAPTURE(n);
          CAPTURE(gap);
          std::vector<T> z(static_cast<size_t>(n));
          z[1] = static_cast<T>(gap);
          const LossRun<T> run = LabelRun(z, 1, {1});
          std::vector<long double> t(z.size());
          t[1] = 1;
          const Reference reference = ReferenceRow(z.data(), t);
          CHECK(UlpError(run.row_loss[0], reference.loss) <= 4);
          CHECK(run.row_loss[0] > 0);
          for (size_t j = 0; j < z.size(); ++j) {
            CHECK(UlpError(run.gradient[j], reference.gradient[j]) <= 8);
          }
        }
      }
      const LossRun<T> run = LabelRun<T>({10000, 0, 0}, 1, {1});
      CHECK(run.row_loss[0] == 10000);
      CHECK(run.gradient == std::vector<T>{1, -1, 0});
    });
  }

  TEST_CASE_TEMPLATE("a common offset up to 1e8 changes no bit", T, float, double) {
    OnEveryIsa([] {
      for (const ptrdiff_t n : {2, 10, 17, 100}) {
        std::vector<T> z = NoiseVector<T>(static_cast<size_t>(n), 5, T(8));
        for (T& value : z)
          value = std::round(value) * 8;  // 1e8 + z is exact in float32
        std::vector<T> shifted = z;
        for (T& value : shifted) value += T(1e8);
        const LossRun<T> a = LabelRun(z, 1, {1}), b = LabelRun(shifted, 1, {1});
        CHECK(FirstDifference(a.row_loss, b.row_loss) == -1);
        CHECK(FirstDifference(a.gradient, b.gradient) == -1);
      }
    });
  }

  TEST_CASE_TEMPLATE("labels and one-hot rows have the same bits", T, float, double) {
    OnEveryIsa([] {
      for (const ptrdiff_t n : {1, 2, 9, 16, 40}) {
        for (const T smoothing : {T(0), T(0.1)}) {
          constexpr ptrdiff_t kRows = 20;
          LossRun<T> labelled;
          labelled.z = NoiseVector<T>(static_cast<size_t>(kRows * n), 6, T(5));
          labelled.rows = kRows;
          labelled.n = n;
          labelled.softmax = true;
          labelled.label_smoothing = smoothing;
          labelled.labels = RandomLabels(kRows, n, 7);
          labelled.weights = NoiseVector<T>(kRows, 8);
          labelled.scale = T(1) / kRows;
          LossRun<T> one_hot = labelled;
          one_hot.labels.clear();
          one_hot.targets.assign(static_cast<size_t>(kRows * n), 0);
          for (ptrdiff_t i = 0; i < kRows; ++i) {
            one_hot.targets[static_cast<size_t>(
                i * n + labelled.labels[static_cast<size_t>(i)])] = 1;
          }
          labelled.Run();
          one_hot.Run();
          CHECK(FirstDifference(labelled.row_loss, one_hot.row_loss) == -1);
          CHECK(FirstDifference(labelled.gradient, one_hot.gradient) == -1);
          CHECK(labelled.row_class == one_hot.row_class);
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("distributions, label smoothing, weights and scale", T, float,
                     double) {
    OnEveryIsa([] {
      for (const ptrdiff_t n : {2, 3, 16, 17, 40}) {
        for (const double smoothing : {0.0, 0.1}) {
          CAPTURE(n);
          CAPTURE(smoothing);
          const size_t width = static_cast<size_t>(n);
          LossRun<T> run;
          run.rows = 20;
          run.n = n;
          run.softmax = true;
          run.z = NoiseVector<T>(20 * width, 9, T(5));
          run.targets = NoiseVector<T>(20 * width, 10);
          for (T& t : run.targets) t = t < 0 ? T(0) : t / static_cast<T>(n);
          run.weights = NoiseVector<T>(20, 11);
          run.weights[3] = 0;
          run.scale = T(0.05);
          run.label_smoothing = static_cast<T>(smoothing);
          run.Run();
          size_t wrong = 0;
          for (size_t i = 0; i < 20; ++i) {
            std::vector<long double> t(width);
            for (size_t j = 0; j < width; ++j) {
              t[j] = (1 - smoothing) *
                         static_cast<long double>(run.targets[i * width + j]) +
                     smoothing / static_cast<double>(n);
            }
            const Reference reference = ReferenceRow(run.z.data() + i * width, t);
            const long double eps = std::numeric_limits<T>::epsilon();
            wrong += !(std::fabs(run.row_loss[i] - reference.loss) <=
                       16 * eps * std::fabs(reference.loss));
            for (size_t j = 0; j < width; ++j) {
              const long double expected =
                  reference.gradient[j] * run.weights[i] * run.scale;
              wrong += !(std::fabs(run.gradient[i * width + j] - expected) <=
                         16 * eps * std::fabs(run.scale));
            }
          }
          CHECK(wrong == 0);
        }
      }
    });
  }

  TEST_CASE_TEMPLATE("the class of a row is the first of equals", T, float, double) {
    OnEveryIsa([] {
      for (ptrdiff_t n = 1; n <= 40; ++n) {
        std::vector<T> z(static_cast<size_t>(n));
        CHECK(LabelRun(z, 1, {0}).row_class[0] == 0);
        z[static_cast<size_t>(n / 2)] = z.back() = 1;
        CHECK(LabelRun(z, 1, {0}).row_class[0] == n / 2);
      }
    });
  }

  TEST_CASE_TEMPLATE("masked classes", T, float, double) {
    OnEveryIsa([] {
      const std::vector<T> z = {-kInf<T>, 1, 2, -kInf<T>};
      const LossRun<T> run = LabelRun(z, 1, {1});
      CHECK(UlpError(run.row_loss[0], 1 + std::log1p(std::exp(-1.0L))) <= 4);
      CHECK(run.gradient[0] == 0);
      CHECK(run.gradient[3] == 0);
      CHECK(run.gradient[2] == -run.gradient[1]);
      // The right class is masked: impossible data cost infinitely much.
      const LossRun<T> impossible = LabelRun(z, 1, {0});
      CHECK(impossible.row_loss[0] == kInf<T>);
      CHECK(impossible.gradient[0] == -1);
      // A distribution without the masked classes is as good as a label.
      LossRun<T> mixed;
      mixed.z = z;
      mixed.rows = 1;
      mixed.n = 4;
      mixed.softmax = true;
      mixed.targets = {0, T(0.5), T(0.5), 0};
      mixed.Run();
      CHECK(UlpError(mixed.row_loss[0], 0.5L + std::log1p(std::exp(-1.0L))) <= 4);
      CHECK(mixed.gradient[0] == 0);
    });
  }

  TEST_CASE_TEMPLATE("a row that is not numbers is NaN, and it alone", T, float,
                     double) {
    OnEveryIsa([] {
      for (ptrdiff_t n = 1; n <= 300; ++n) {
        CAPTURE(n);
        const size_t width = static_cast<size_t>(n);
        LossRun<T> run;
        run.rows = 7;
        run.n = n;
        run.softmax = true;
        run.z = NoiseVector<T>(7 * width, 7);
        run.labels = RandomLabels(7, n, 8);
        LossRun<T> plain = run;
        plain.Run();
        T* z = run.z.data();
        z[RandomBits(8, width) % width] = std::numeric_limits<T>::quiet_NaN();
        z[2 * width + RandomBits(9, width) % width] = kInf<T>;
        std::fill_n(z + 4 * width, width, -kInf<T>);
        // The label's own class.
        z[6 * width + static_cast<size_t>(run.labels[6])] = kInf<T>;
        run.Run();
        LossRun<T> smooth = run, smooth_plain = plain;
        smooth.label_smoothing = smooth_plain.label_smoothing = T(0.1);
        smooth.Run();
        smooth_plain.Run();
        size_t numbers = 0, wrong = 0;
        for (size_t i = 0; i < run.gradient.size(); ++i) {
          if (i / width % 2 == 0) {
            numbers +=
                !std::isnan(run.gradient[i]) + !std::isnan(run.row_loss[i / width]);
            numbers += !std::isnan(smooth.gradient[i]);
            numbers += !std::isnan(smooth.row_loss[i / width]);
          } else {
            wrong += !SameBits(run.gradient[i], plain.gradient[i]);
            wrong += !SameBits(run.row_loss[i / width], plain.row_loss[i / width]);
            wrong += !SameBits(smooth.gradient[i], smooth_plain.gradient[i]);
          }
        }
        CHECK(numbers == 0);
        CHECK(wrong == 0);
      }
    });
  }
}

}  // namespace mlpcore::testing
