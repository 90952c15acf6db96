/* A multilayer perceptron, written by mlpcore $version.

   Layers, $dtype:
$layers
   SHA-256 of the $n_parameters parameters, for each layer W row by row and then b:
     $digest

   Compile it as C99 and link it with -lm, for example

     cc -std=c99 -O3 -mfma main.c $file -lm

   -mfma is for x86-64. Without it, or on another processor that has no fused
   multiply-add, each fma is a slow call of a function.

   The operations are those of mlpcore in the same order, so the outputs have the bits
   of its predictions. For this, fma has to round once, as the C standard says, and the
   compiler has to do what is written: no -ffast-math, and -ffp-contract=off, which the
   pragmas below say as well.

   Nothing is allocated. The arrays on the stack take $stack bytes. */
#include "$header"

#include <math.h>
#include <stdint.h>

#if ${NAME}_N_IN != $n_in || ${NAME}_N_OUT != $n_out
#error "the header is that of another network"
#endif
#ifdef __FAST_MATH__
#error "compile without -ffast-math"
#endif
#ifdef __FLT_EVAL_METHOD__
#if __FLT_EVAL_METHOD__ == 1 || __FLT_EVAL_METHOD__ == 2
#error "results have more digits than they should; on 32-bit x86, add -mfpmath=sse -msse2"
#endif
#endif
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

