#include "mlpcore/fingerprint.h"

#include <algorithm>
#include <vector>

#include "dispatch.h"
#include "pool.h"

namespace mlpcore {

uint64_t Fingerprint(const void* data, ptrdiff_t bytes) {
  constexpr ptrdiff_t kPart = 256 * 1024;  // 3 to 20 us
  const auto of_part = ActiveKernels<float>().fingerprint;
  if (bytes <= kPart) return of_part(data, bytes);
  std::vector<uint64_t> parts(static_cast<size_t>(DivUp(bytes, kPart)));
  const ptrdiff_t n = static_cast<ptrdiff_t>(parts.size());
  const int threads = ThreadsFor(kWorkOfFingerprint * static_cast<double>(bytes));
  ParallelFor(n, threads, [&](ptrdiff_t part) {
    const ptrdiff_t first = part * kPart;
    parts[static_cast<size_t>(part)] =
        of_part(static_cast<const char*>(data) + first, std::min(kPart, bytes - first));
  });
  return of_part(parts.data(), n * ptrdiff_t{sizeof(uint64_t)});
}

}  // namespace mlpcore
