// The optimizers' sweep: bound by memory. Adam in float32 reads p, g, m and v and
// writes p, m and v: 28 bytes a parameter.
#include "aligned_buffer.h"
#include "bench.h"
#include "dispatch.h"

namespace mlpcore::bench {
namespace {

template <typename T>
void Sweep(benchmark::State& state, Optimizer optimizer, ptrdiff_t n) {
  const size_t size = static_cast<size_t>(n);
  AlignedBuffer<T> p(size), g(size), m(size), v(size);
  std::fill_n(g.data(), size, T(1e-3));
  UpdateArgs<T> u;
  u.optimizer = optimizer;
  u.parameters = p.data();
  u.gradient = g.data();
  double arrays = 3;  // p read and written, g read
  if (optimizer != Optimizer::kSgd) u.moment2 = v.data(), arrays += 2;
  if (optimizer == Optimizer::kAdam) u.moment1 = m.data(), arrays += 2;
  u.n = n;
  u.step_size = T(1e-3);
  u.momentum = T(0.9);
  u.momentum_rest = T(0.1);
  u.decay = T(0.999);
  u.decay_rest = T(0.001);
  u.epsilon = T(1e-8);
  Measure<T>(state, 0, [&] { ActiveKernels<T>().update(u); });
  const double bytes = arrays * static_cast<double>(sizeof(T));
  state.counters["B/param"] = bytes;
  ReportElements(state, static_cast<double>(n));
  ReportBytes(state, bytes * static_cast<double>(n));
}

// What the machine can do: read four arrays and write three of them.
template <typename T>
void Stream(benchmark::State& state, ptrdiff_t n) {
  const size_t size = static_cast<size_t>(n);
  AlignedBuffer<T> p(size), g(size), m(size), v(size);
  T* __restrict a = p.data();
  T* __restrict b = m.data();
  T* __restrict c = v.data();
  const T* __restrict d = g.data();
  Measure<T>(state, 0, [&] {
    for (size_t i = 0; i < size; ++i) {
      a[i] += d[i];
      b[i] += d[i];
      c[i] += d[i];
    }
  });
  const double bytes = 7 * static_cast<double>(sizeof(T));
  state.counters["B/param"] = bytes;
  ReportElements(state, static_cast<double>(n));
  ReportBytes(state, bytes * static_cast<double>(n));
}

template <typename T>
void RegisterType(const std::string& isa) {
  for (const ptrdiff_t n : {1 << 10, 1 << 14, 1 << 17, 1 << 21}) {
    const std::string size = "/" + std::to_string(n);
    for (const Optimizer o : {Optimizer::kSgd, Optimizer::kRmsprop, Optimizer::kAdam}) {
      Register<T>(std::string("update/") + kOptimizerNames[static_cast<int>(o)] + size,
                  isa, 1, [o, n](benchmark::State& state) { Sweep<T>(state, o, n); });
    }
    Register<T>("update/stream" + size, isa, 1,
                [n](benchmark::State& state) { Stream<T>(state, n); });
  }
}

}  // namespace

void RegisterUpdate(const Choice& choice) {
  for (const std::string& isa : choice.isas) {
    RegisterType<float>(isa);
    RegisterType<double>(isa);
  }
}

}  // namespace mlpcore::bench
