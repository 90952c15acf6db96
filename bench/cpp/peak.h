// The machine's peak: what the bare multiply-add loop of the active instruction set
// does right now. Clocks drift, and other programs run; so each benchmark measures it
// again just before and just after itself, and gives its own speed as a share of the
// better.
#ifndef MLPCORE_BENCH_PEAK_H_
#define MLPCORE_BENCH_PEAK_H_

namespace mlpcore::bench {

// Flops a second of `threads` threads together.
template <typename T>
double Peak(int threads);

}  // namespace mlpcore::bench

#endif  // MLPCORE_BENCH_PEAK_H_
