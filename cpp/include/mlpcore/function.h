// The elementary functions by name, for the calls that map one over an array.
#ifndef MLPCORE_FUNCTION_H_
#define MLPCORE_FUNCTION_H_

#include <stdint.h>

namespace mlpcore {

enum class Function : int32_t {
  kExp,
  kLog,
  kTanh,
  kSigmoid,
  kSoftplus,
  kErf,
  kGelu,
  kSilu,
  kMish,
  kExpm1,
  kLog1p,
  kCount
};
constexpr const char* kFunctionNames[] = {"exp",      "log",   "tanh", "sigmoid",
                                          "softplus", "erf",   "gelu", "silu",
                                          "mish",     "expm1", "log1p"};

}  // namespace mlpcore

#endif  // MLPCORE_FUNCTION_H_
