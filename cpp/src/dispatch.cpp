#include "dispatch.h"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "mlpcore/isa.h"

namespace mlpcore {
namespace {

struct IsaEntry {
  const char* name;
  bool (*runs_here)();
  const KernelTable<float>& (*kernels32)();
  const KernelTable<double>& (*kernels64)();
};

#ifdef MLPCORE_HAVE_X86
bool HasAvx2() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
}
#endif

// Slowest first.
const IsaEntry kIsas[] = {
    {"baseline", [] { return true; }, &baseline::Kernels32, &baseline::Kernels64},
#ifdef MLPCORE_HAVE_X86
#ifdef MLPCORE_HAVE_AVX2X2  // defined by tests/cpp alone
    {"avx2x2", &HasAvx2, &avx2x2::Kernels32, &avx2x2::Kernels64},
#endif
    {"avx2", &HasAvx2, &avx2::Kernels32, &avx2::Kernels64},
    {"avx512",
     [] {
       return __builtin_cpu_supports("avx512f") != 0 &&
              __builtin_cpu_supports("avx512dq") != 0 &&
              __builtin_cpu_supports("avx512bw") != 0 &&
              __builtin_cpu_supports("avx512vl") != 0;
     },
     &avx512::Kernels32, &avx512::Kernels64},
#endif
#ifdef MLPCORE_HAVE_NEON
    {"neon", [] { return true; }, &neon::Kernels32, &neon::Kernels64},
#endif
};

const IsaEntry* FindIsa(const std::string& name) {
  for (const IsaEntry& isa : kIsas) {
    if (name == isa.name && isa.runs_here()) return &isa;
  }
  return nullptr;
}

const IsaEntry& RequireIsa(const std::string& name, const std::string& asked_by = "") {
  if (const IsaEntry* isa = FindIsa(name)) return *isa;
  std::string message =
      asked_by + "instruction set '" + name + "' is not available here; there are:";
  for (const std::string& have : SupportedIsas()) message += " " + have;
  throw std::invalid_argument(message);
}

std::atomic<const IsaEntry*>& Active() {
  static std::atomic<const IsaEntry*> active{[] {
    const char* forced = std::getenv("MLPCORE_ISA");
    if (forced != nullptr && *forced != '\0') {
      return &RequireIsa(forced, "MLPCORE_ISA: ");
    }
    return FindIsa(SupportedIsas().back());
  }()};
  return active;
}

}  // namespace

std::vector<std::string> SupportedIsas() {
  std::vector<std::string> names;
  for (const IsaEntry& isa : kIsas) {
    if (isa.runs_here()) names.emplace_back(isa.name);
  }
  return names;
}

std::string ActiveIsa() { return Active().load()->name; }

void SetIsa(const std::string& name) { Active().store(&RequireIsa(name)); }

template <>
const KernelTable<float>& ActiveKernels<float>() {
  return Active().load(std::memory_order_relaxed)->kernels32();
}
template <>
const KernelTable<double>& ActiveKernels<double>() {
  return Active().load(std::memory_order_relaxed)->kernels64();
}

template <>
const KernelTable<float>* FindKernels<float>(const std::string& name) {
  const IsaEntry* isa = FindIsa(name);
  return isa ? &isa->kernels32() : nullptr;
}
template <>
const KernelTable<double>* FindKernels<double>(const std::string& name) {
  const IsaEntry* isa = FindIsa(name);
  return isa ? &isa->kernels64() : nullptr;
}

}  // namespace mlpcore
