// How many threads a call may use. The pool is OpenMP's, so OMP_NUM_THREADS and
// threadpoolctl govern it; without OpenMP there is one thread.
#ifndef MLPCORE_THREADS_H_
#define MLPCORE_THREADS_H_

namespace mlpcore {

// For the calling thread. n >= 1, else std::invalid_argument.
void SetNumThreads(int n);
// 1 in a child that was forked after the pool had been used: OpenMP's threads do not
// live on there, and asking for them would hang.
int GetNumThreads();
bool HaveOpenMP();

}  // namespace mlpcore

#endif  // MLPCORE_THREADS_H_
