// The kernels by themselves, over dense C-ordered arrays: for tests, benchmarks and the
// curious. Shapes are stated by the arguments; nothing may overlap unless it says so.
#ifndef MLPCORE_OPS_H_
#define MLPCORE_OPS_H_

#include "mlpcore/function.h"
#include "mlpcore/types.h"

namespace mlpcore::ops {

// What an element costs, in multiply-adds (some 100 a ns): most functions 0.2 to 0.5
// ns; whether it is finite is found at 35 bytes a ns.
constexpr double kWorkOfMap = 20;
template <typename T>
constexpr double kWorkOfAllFinite = 3 * sizeof(T);

// y[i] = f(x[i]); y may be x.
template <typename T>
void Map(Function f, T* y, const T* x, ptrdiff_t n);

// Whether none of n elements is NaN or infinite.
template <typename T>
bool AllFinite(const T* x, ptrdiff_t n);

// Softmax or log-softmax of each row; y may be z.
template <typename T>
void Softmax(T* y, const T* z, ptrdiff_t rows, ptrdiff_t n, bool log);

// y (rows, n_out) = phi(x (rows, n_in) w (n_in, n_out) + b (n_out) or nothing).
template <typename T>
void Dense(T* y, const T* x, const T* w, const T* b, Activation activation,
           ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out);

// Its gradients from dy (rows, n_out). phi' is taken from y, or from z if it is given
// (gelu, silu, mish and softplus need it).
template <typename T>
void DenseBackward(T* dx, T* dw, T* db, const T* dy, const T* x, const T* w, const T* y,
                   const T* z, Activation activation, ptrdiff_t rows, ptrdiff_t n_in,
                   ptrdiff_t n_out);

// loss (rows) and dz (rows, n) of the cross-entropy of softmax(z) or sigmoid(z).
template <typename T>
void CrossEntropy(T* loss, T* dz, const T* z, const Targets<T>& targets, bool softmax,
                  ptrdiff_t rows, ptrdiff_t n);

}  // namespace mlpcore::ops

#endif  // MLPCORE_OPS_H_
