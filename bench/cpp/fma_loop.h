#ifndef MLPCORE_BENCH_FMA_LOOP_H_
#define MLPCORE_BENCH_FMA_LOOP_H_

#include <stdint.h>

namespace mlpcore {
namespace bench {

struct FmaLoops {
  double (*float32)(int64_t steps);
  double (*float64)(int64_t steps);
  double flops32, flops64;  // of one step
};

}  // namespace bench

namespace baseline {
bench::FmaLoops FmaLoopsOf();
}
namespace avx2 {
bench::FmaLoops FmaLoopsOf();
}
namespace avx512 {
bench::FmaLoops FmaLoopsOf();
}
namespace neon {
bench::FmaLoops FmaLoopsOf();
}

}  // namespace mlpcore

#endif  // MLPCORE_BENCH_FMA_LOOP_H_
