// Accuracy, shape, speed and digests of the elementary functions, on every instruction
// set this machine has.
//
//   accuracy                     all 2^32 float32 inputs, 10^8 float64 (10 min)
//   accuracy --fast              a strided subset, some seconds; `make test` runs this
//   accuracy --function exp --isa avx2 --type float32 --stride 17 --random 1000000
//
// Float32 results are compared with double, float64 results with long double. The
// errors are in ULP of the correctly rounded result, subnormal results included (of
// gelu in float32 where the result is 1e-6 or more in magnitude; below, its error is an
// absolute one). The exit status is 1 if a bound of kLimits is passed, a shape is
// violated, a special value is wrong, two instruction sets with FMA differ in a bit, or
// the digest of all inputs, or of --fast, is not the one in tests/golden/functions.txt.
#include <chrono>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "dispatch.h"
#include "golden.h"
#include "mlpcore/isa.h"
#include "reference_functions.h"

namespace mlpcore {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

// The contract. The doc comments in cpp/src/kernels/math_*-inl.h state the same
// numbers.
enum class Monotone { kNo, kWithFma, kAlways };
struct Limits {
  double ulp;          // float32 and float64
  double ulp_unfused;  // the same without FMA
  Monotone monotone;
  bool odd;
  double at_minus_infinity, at_zero, at_infinity;  // exact, in T; NaN means NaN
};
constexpr double kLn2 = 0.69314718055994530942;
constexpr Monotone kNo = Monotone::kNo, kAlways = Monotone::kAlways;
constexpr Limits kLimits[] = {
    {1.0, 1.0, kAlways, false, 0, 1, kInf},          // exp
    {1.0, 1.0, kAlways, false, NAN, -kInf, kInf},    // log
    {1.0, 1.5, kAlways, true, -1, 0, 1},             // tanh
    {1.0, 1.0, kAlways, false, 0, 0.5, 1},           // sigmoid
    {1.0, 1.0, kAlways, false, 0, kLn2, kInf},       // softplus
    {1.5, 2.0, Monotone::kWithFma, true, -1, 0, 1},  // erf
    {2.0, 2.5, kNo, false, 0, 0, kInf},              // gelu
    {2.0, 2.0, kNo, false, 0, 0, kInf},              // silu
    {1.0, 2.0, kNo, false, 0, 0, kInf},              // mish
    {1.5, 1.5, kAlways, false, -1, 0, kInf},         // expm1
    {1.0, 1.0, kAlways, false, NAN, 0, kInf},        // log1p
};
static_assert(sizeof kLimits / sizeof *kLimits == static_cast<int>(Function::kCount));

template <typename T>
struct Wide;
template <>
struct Wide<float> {
  using Type = double;
  using Bits = uint32_t;
  static constexpr const char* kName = "float32";
};
template <>
struct Wide<double> {
  using Type = long double;
  using Bits = uint64_t;
  static constexpr const char* kName = "float64";
};
template <typename T>
typename Wide<T>::Bits BitsOf(T x) {
  typename Wide<T>::Bits bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}
template <typename T>
T FromBitsOf(typename Wide<T>::Bits bits) {
  T x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// The i-th value of T in ascending order; NaNs of either sign come first and last.
template <typename T>
T Ordered(typename Wide<T>::Bits i) {
  constexpr auto kSign = typename Wide<T>::Bits{1} << (8 * sizeof(T) - 1);
  return FromBitsOf<T>(i & kSign ? i ^ kSign : ~i);
}
template <typename T>
typename Wide<T>::Bits OrderOf(T x) {
  constexpr auto kSign = typename Wide<T>::Bits{1} << (8 * sizeof(T) - 1);
  const auto bits = BitsOf(x);
  return bits & kSign ? ~bits : bits ^ kSign;
}

// |y - reference| in ULP of the correctly rounded result. An infinity counts as the
// power of two it was rounded up from, as it does when IEEE 754 rounds.
template <typename T, typename F>
double UlpError(T y, T rounded, F reference) {
  if (std::isnan(reference)) return std::isnan(y) ? 0 : kInf;
  if (std::isnan(y)) return kInf;
  if (y == rounded && std::isinf(y)) return 0;
  if (std::isinf(reference)) return kInf;
  using Limit = std::numeric_limits<T>;
  const F end = std::ldexp(F(1), Limit::max_exponent);
  const F value = std::isinf(y) ? std::copysign(end, F(y)) : F(y);
  const T magnitude = std::fmin(std::fabs(rounded), Limit::max());
  const T next = FromBitsOf<T>(BitsOf(magnitude) + 1);
  const F ulp = (std::isinf(next) ? end : F(next)) - F(magnitude);
  return static_cast<double>(std::fabs(value - reference) / ulp);
}

// Where a result is held to an absolute error in place of one in ULP.
constexpr double kSmall = 1e-6, kSmallError = 1e-13, kSmallErrorUnfused = 1.5e-13;
constexpr double kVanishing = -12.875;  // gelu is -4e-37 there, and -0 below
template <typename T>
bool IsHeldAbsolutely(Function function, T rounded) {
  return sizeof(T) == 4 && function == Function::kGelu && std::fabs(rounded) < kSmall;
}

struct Result {
  double max_ulp = 0.5, worst_x = 0;
  double small_error = 0;    // the greatest absolute one
  double subnormal_ulp = 0;  // the greatest where the result is subnormal
  uint64_t count = 0, correctly_rounded = 0;
  uint64_t not_monotone = 0, not_odd = 0, wrong_special = 0;
  Digest digest;
  double nanoseconds = kInf;

  void Add(const Result& other) {
    if (other.max_ulp > max_ulp) max_ulp = other.max_ulp, worst_x = other.worst_x;
    count += other.count;
    correctly_rounded += other.correctly_rounded;
    not_monotone += other.not_monotone;
    not_odd += other.not_odd;
    wrong_special += other.wrong_special;
    subnormal_ulp = std::fmax(subnormal_ulp, other.subnormal_ulp);
    small_error = std::fmax(small_error, other.small_error);
    digest.Add(other.digest.value());
  }
};

struct Options {
  std::string function, isa, type;
  uint64_t stride = kAllStride;
  uint64_t random = kAllRandom;

  static constexpr uint64_t kAllStride = 1, kAllRandom = 100'000'000;
  static constexpr uint64_t kFastStride = 4099, kFastRandom = 200'000;
  // The name of these inputs among the golden digests, if they have one.
  std::string Sample() const {
    if (stride == kAllStride && random == kAllRandom) return "all";
    if (stride == kFastStride && random == kFastRandom) return "fast";
    return "";
  }
};

constexpr uint64_t kBlock = 1 << 15;

// Block `block` of the inputs. float32: every stride-th value in ascending order, the
// last one of the block before first.
std::vector<float> Inputs(float, const Options& options, uint64_t block) {
  std::vector<float> x;
  x.reserve(kBlock + 1);
  for (uint64_t i = block * kBlock; i <= (block + 1) * kBlock; ++i) {
    const uint64_t place = i == 0 ? 0 : (i - 1) * options.stride;
    if (place >> 32 != 0) break;
    x.push_back(Ordered<float>(static_cast<uint32_t>(place)));
  }
  return x;
}

// float64: pairs of neighbours. A quarter of the pairs has random bits, the rest random
// bits with an exponent from -30 to 10, where the functions are not linear or constant.
std::vector<double> Inputs(double, const Options&, uint64_t block) {
  std::vector<double> x = {0};
  uint64_t state = block * kBlock;
  for (uint64_t i = 0; i < kBlock / 2; ++i) {
    uint64_t bits = state += 0x9e3779b97f4a7c15;  // splitmix64, Steele et al. 2014
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
    bits ^= bits >> 31;
    if (i % 4 != 0) {
      const uint64_t exponent = 1023 - 30 + (bits >> 52 & 0x7ff) % 41;
      bits = (bits & ~(0x7ffull << 52)) | exponent << 52;
    }
    const uint64_t place = OrderOf(FromBitsOf<double>(bits));
    x.push_back(Ordered<double>(place));
    x.push_back(Ordered<double>(place == ~0ull ? place : place + 1));
  }
  return x;
}

template <typename T>
Result CheckBlock(Function function, const KernelTable<T>& kernels,
                  const std::vector<T>& x,
                  const std::vector<typename Wide<T>::Type>& reference) {
  const Limits& limits = kLimits[static_cast<int>(function)];
  Result result;
  std::vector<T> y(x.size()), mirrored(limits.odd ? x.size() : 0);
  kernels.map(function, x.data(), y.data(), static_cast<ptrdiff_t>(x.size()));
  if (limits.odd) {
    for (size_t i = 0; i < x.size(); ++i) mirrored[i] = -x[i];
    kernels.map(function, mirrored.data(), mirrored.data(),  // in place, on purpose
                static_cast<ptrdiff_t>(x.size()));
  }
  for (size_t i = 1; i < x.size(); ++i) {
    const T rounded = static_cast<T>(reference[i]);
    if (y[i] == rounded) {
      ++result.correctly_rounded;  // half an ULP at most: no need to measure
    } else if (IsHeldAbsolutely(function, rounded) && x[i] < -1) {
      const auto error = static_cast<double>(std::fabs(y[i] - reference[i]));
      result.small_error = std::fmax(result.small_error, error);
      // It vanishes with its sign, and not before kVanishing.
      const auto ratio = static_cast<double>(y[i] / reference[i]);
      const bool right = x[i] < kVanishing ? y[i] == 0 : ratio > 0.5 && ratio < 1.5;
      result.wrong_special += !std::signbit(y[i]) || !right;
    } else {
      const double error = UlpError(y[i], rounded, reference[i]);
      if (error > result.max_ulp) result.max_ulp = error, result.worst_x = x[i];
      if (std::fabs(rounded) < std::numeric_limits<T>::min()) {
        result.subnormal_ulp = std::fmax(result.subnormal_ulp, error);
      }
      result.wrong_special += error == kInf;
      result.correctly_rounded += std::isnan(rounded);
    }
    result.not_monotone +=
        limits.monotone != Monotone::kNo && x[i - 1] <= x[i] && y[i] < y[i - 1];
    result.not_odd +=
        limits.odd && !std::isnan(y[i]) && BitsOf(mirrored[i]) != BitsOf(-y[i]);
  }
  result.count = x.size() - 1;
  for (size_t i = 1; i < y.size(); ++i) result.digest.AddValue(y[i]);
  return result;
}

template <typename T>
uint64_t SpecialValues(Function function, const KernelTable<T>& kernels) {
  const Limits& limits = kLimits[static_cast<int>(function)];
  const T inf = std::numeric_limits<T>::infinity();
  const T x[] = {-inf, -T(0), T(0), inf};
  const double want[] = {limits.at_minus_infinity, limits.at_zero, limits.at_zero,
                         limits.at_infinity};
  T y[4];
  kernels.map(function, x, y, 4);
  uint64_t wrong = 0;
  for (int i = 0; i < 4; ++i) {
    wrong += std::isnan(want[i]) ? !std::isnan(y[i]) : y[i] != static_cast<T>(want[i]);
  }
  // Zero keeps its sign where the result is 0.
  if (limits.at_zero == 0) wrong += !std::signbit(y[1]) + std::signbit(y[2]);
  return wrong;
}

// Nanoseconds an element, from L1: the least of many runs over 2048 elements.
template <typename T>
double Time(Function function, const KernelTable<T>& kernels) {
  constexpr int kElements = 2048, kRepeats = 50, kRuns = 60;
  std::vector<T> x(kElements), y(kElements);
  const bool log = function == Function::kLog || function == Function::kLog1p;
  for (int i = 0; i < kElements; ++i) {
    const T u = static_cast<T>((i * 1237) % kElements) / kElements;
    x[i] = log ? 16 * u : 16 * u - 8;
  }
  double best = kInf;
  for (int run = 0; run < kRuns; ++run) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kRepeats; ++i) {
      kernels.map(function, x.data(), y.data(), kElements);
    }
    const std::chrono::duration<double, std::nano> elapsed =
        std::chrono::steady_clock::now() - start;
    best = std::fmin(best, elapsed.count() / (kElements * kRepeats));
  }
  return best;
}

template <typename T>
bool Report(Function function, const std::string& isa, const Result& r) {
  const Limits& limits = kLimits[static_cast<int>(function)];
  const bool fused = isa != "baseline";
  const double bound = fused ? limits.ulp : limits.ulp_unfused;
  const bool monotone = limits.monotone == Monotone::kAlways ||
                        (limits.monotone == Monotone::kWithFma && fused);
  const bool good = r.max_ulp <= bound &&
                    r.small_error <= (fused ? kSmallError : kSmallErrorUnfused) &&
                    (r.not_monotone == 0 || !monotone) && r.not_odd == 0 &&
                    r.wrong_special == 0;
  std::printf(
      "%-8s %-8s %-8s %6.3f %4.2g  %-22a %6.3f %7.3f%% %6" PRIu64 " %4" PRIu64
      " %4" PRIu64 " %6.3f  %016" PRIx64 "  %s\n",
      kFunctionNames[static_cast<int>(function)], Wide<T>::kName, isa.c_str(),
      r.max_ulp, bound, r.worst_x, r.subnormal_ulp,
      100.0 * static_cast<double>(r.correctly_rounded) / static_cast<double>(r.count),
      r.not_monotone, r.not_odd, r.wrong_special, r.nanoseconds, r.digest.value(),
      good ? "ok" : "FAILED");
  if (r.small_error > 0) {
    std::printf("%-26s %.3g at most below %g\n", "", r.small_error, kSmall);
  }
  std::fflush(stdout);
  return good;
}

// One function on every instruction set: the references are computed once for all.
template <typename T>
bool CheckFunction(Function function, const Options& options,
                   const std::vector<std::string>& isas, Golden& golden) {
  using F = typename Wide<T>::Type;
  const uint64_t inputs =
      sizeof(T) == 4 ? ((uint64_t{1} << 32) - 1) / options.stride + 2 : options.random;
  const auto blocks = static_cast<int64_t>((inputs + kBlock - 1) / kBlock);
  std::vector<std::vector<Result>> results(isas.size(), std::vector<Result>(blocks));
#pragma omp parallel for schedule(dynamic)
  for (int64_t block = 0; block < blocks; ++block) {
    const std::vector<T> x = Inputs(T(), options, static_cast<uint64_t>(block));
    if (x.empty()) continue;
    std::vector<F> reference(x.size());
    for (size_t i = 0; i < x.size(); ++i) reference[i] = Reference<F>(function, x[i]);
    for (size_t k = 0; k < isas.size(); ++k) {
      results[k][block] =
          CheckBlock<T>(function, *FindKernels<T>(isas[k]), x, reference);
    }
  }
  bool good = true;
  uint64_t digest = 0;
  for (size_t k = 0; k < isas.size(); ++k) {
    const KernelTable<T>& kernels = *FindKernels<T>(isas[k]);
    Result total;
    for (const Result& r : results[k]) total.Add(r);
    total.wrong_special += SpecialValues<T>(function, kernels);
    total.nanoseconds = Time<T>(function, kernels);
    good &= Report<T>(function, isas[k], total);
    if (isas[k] == "baseline") continue;
    const std::string name = kFunctionNames[static_cast<int>(function)];
    if (digest != 0 && digest != total.digest.value()) {
      std::printf("%s: %s differs from another instruction set with FMA\n",
                  name.c_str(), isas[k].c_str());
      good = false;
    }
    digest = total.digest.value();
    const std::string sample = options.Sample();
    const std::string key = name + ' ' + Wide<T>::kName + ' ' + sample;
    if (!sample.empty() && !golden.Check(key, digest)) {
      std::printf("%s: not the digest of tests/golden/functions.txt\n", key.c_str());
      good = false;
    }
  }
  return good;
}

}  // namespace
}  // namespace mlpcore

int main(int argc, char** argv) {
  using namespace mlpcore;
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--fast") {
      options.stride = Options::kFastStride;
      options.random = Options::kFastRandom;
      continue;
    }
    if (i + 1 == argc) return std::fprintf(stderr, "%s: no value\n", argv[i]), 2;
    const char* value = argv[++i];
    if (option == "--function") {
      options.function = value;
    } else if (option == "--isa") {
      options.isa = value;
    } else if (option == "--type") {
      options.type = value;
    } else if (option == "--stride") {
      options.stride = std::strtoull(value, nullptr, 0);
    } else if (option == "--random") {
      options.random = std::strtoull(value, nullptr, 0);
    } else {
      return std::fprintf(stderr, "%s: unknown option\n", argv[i - 1]), 2;
    }
  }
  std::vector<std::string> isas;
  for (const std::string& isa : SupportedIsas()) {
    if (options.isa.empty() || options.isa == isa) isas.push_back(isa);
  }
  if (isas.empty()) {
    return std::fprintf(stderr, "%s: not available here\n", options.isa.c_str()), 1;
  }
  std::printf("%-8s %-8s %-8s %6s %4s  %-22s %6s %8s %6s %4s %4s %6s  digest\n",
              "function", "type", "isa", "ULP", "max", "at", "subn.", "correct",
              "unmon.", "odd", "spec", "ns");
  Golden golden(MLPCORE_GOLDEN_DIR "/functions.txt");
  bool good = true, any = false;
  for (int f = 0; f < static_cast<int>(Function::kCount); ++f) {
    if (!options.function.empty() && options.function != kFunctionNames[f]) continue;
    any = true;
    const auto function = static_cast<Function>(f);
    if (options.type != "float64") {
      good &= CheckFunction<float>(function, options, isas, golden);
    }
    // Where long double is double (macOS on Arm) there is no reference for float64.
    constexpr bool kHasReference = std::numeric_limits<long double>::digits > 53;
    if (options.type != "float32" && kHasReference) {
      good &= CheckFunction<double>(function, options, isas, golden);
    }
  }
  if (!any) {
    return std::fprintf(stderr, "%s: no such function\n", options.function.c_str()), 2;
  }
  return good ? 0 : 1;
}
