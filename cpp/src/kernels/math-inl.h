// The elementary functions of a vector, for float and double from the same templates.
//
//   Exp Expm1            math_exp-inl.h
//   Log Log1p            math_log-inl.h
//   Tanh Sigmoid Softplus Silu Mish    math_sigmoid-inl.h
//   Erf                  math_erf-inl.h
//   Gelu                 math_gelu-inl.h
//
// Only operations that IEEE 754 rounds correctly are used (+ - * / fma, integers,
// select), the same ones in the same order for every width of vector, so that every
// instruction set with FMA gives the same bits. Without FMA the products that must be
// exact are cut in halves, and the bounds below hold too.
//
// "Error: 1 ULP" in a comment is a bound over all 2^32 float32 inputs, subnormal
// results included, and over random float64 inputs; tests/cpp/accuracy.cpp checks the
// same numbers. An ULP is the distance of two floats where the correctly rounded result
// lies. NaN gives NaN everywhere, and no finite input gives NaN but for the logarithms'
// negative ones.
//
// The polynomials come from tools/minimax.py, which prints every table in these files.
#ifndef MLPCORE_KERNELS_MATH_INL_H_
#define MLPCORE_KERNELS_MATH_INL_H_

#include "kernels/math_erf-inl.h"
#include "kernels/math_exp-inl.h"
#include "kernels/math_gelu-inl.h"
#include "kernels/math_log-inl.h"
#include "kernels/math_sigmoid-inl.h"

#endif  // MLPCORE_KERNELS_MATH_INL_H_
