// Which instruction sets this build has and this processor can run, and which is
// active.
#ifndef MLPCORE_ISA_H_
#define MLPCORE_ISA_H_

#include <string>
#include <vector>

namespace mlpcore {

// Slowest first; the last one is the default.
std::vector<std::string> SupportedIsas();
std::string ActiveIsa();
// Throws std::invalid_argument for a name that is unknown or not supported.
void SetIsa(const std::string& name);

}  // namespace mlpcore

#endif  // MLPCORE_ISA_H_
