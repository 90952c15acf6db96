/* A multilayer perceptron, written by mlpcore $version. */
#ifndef MLPCORE_${NAME}_H
#define MLPCORE_${NAME}_H

#include <stddef.h>

#define ${NAME}_N_IN $n_in
#define ${NAME}_N_OUT $n_out

#ifdef __cplusplus
extern "C" {
#endif

/* The outputs y[${NAME}_N_OUT] of one row of features x[${NAME}_N_IN]. The two may not
   overlap. Nothing else is read or written: any number of threads may call it. */
void ${name}_predict(const $real *x, $real *y);

/* The same for n rows, one after another: x[n * ${NAME}_N_IN], y[n * ${NAME}_N_OUT]. */
void ${name}_predict_n(const $real *x, $real *y, size_t n);

#ifdef __cplusplus
}
#endif

#endif
