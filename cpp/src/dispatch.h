// The active table of kernels.
#ifndef MLPCORE_DISPATCH_H_
#define MLPCORE_DISPATCH_H_

#include <string>

#include "kernels/kernel_table.h"

namespace mlpcore {

// The table of the active instruction set.
template <typename T>
const KernelTable<T>& ActiveKernels();

// The table of a named one, or null if this processor or this build lacks it.
template <typename T>
const KernelTable<T>* FindKernels(const std::string& isa);

}  // namespace mlpcore

#endif  // MLPCORE_DISPATCH_H_
