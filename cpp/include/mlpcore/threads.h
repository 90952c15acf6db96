// How many threads a call may use. The threads are our own (src/pool.h); where OpenMP
// is there, its setting is followed, so that OMP_NUM_THREADS and threadpoolctl govern
// them.
#ifndef MLPCORE_THREADS_H_
#define MLPCORE_THREADS_H_

namespace mlpcore {

// For all threads. n >= 1, else std::invalid_argument.
void SetNumThreads(int n);
int GetNumThreads();
// Whether OpenMP's setting is followed.
bool HaveOpenMP();

}  // namespace mlpcore

#endif  // MLPCORE_THREADS_H_
