// The machine's peak: what a bare multiply-add loop of the active instruction set does
// right now. Clocks drift, and other programs run; so a benchmark measures it just
// before and just after itself, and gives its own speed as a share of the better.
#ifndef MLPCORE_PEAK_H_
#define MLPCORE_PEAK_H_

namespace mlpcore {

// Flops a second of `threads` threads together; takes about a millisecond.
template <typename T>
double MeasurePeak(int threads);

}  // namespace mlpcore

#endif  // MLPCORE_PEAK_H_
