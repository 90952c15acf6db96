#include "bindings.h"

namespace mlpcore::bindings {

void RequireShape(const py::array& array, const char* name,
                  std::initializer_list<ptrdiff_t> shape) {
  bool same = static_cast<size_t>(array.ndim()) == shape.size();
  py::ssize_t i = 0;
  for (const ptrdiff_t size : shape) same = same && array.shape(i++) == size;
  if (same) return;
  std::string wanted;
  for (const ptrdiff_t size : shape) wanted += std::to_string(size) + ",";
  throw std::invalid_argument(std::string(name) + " must have the shape (" + wanted +
                              ")");
}

bool SignalPoll::ShouldStop() {
  constexpr std::chrono::milliseconds kInterval(50);
  if (std::chrono::steady_clock::now() - last_ < kInterval) return false;
  const AcquireGil gil;
  const bool stop = !Catch([] {});
  last_ = std::chrono::steady_clock::now();
  return stop;
}

}  // namespace mlpcore::bindings

// No call leans on the interpreter's lock: what calls share is atomic or behind a lock
// of its own. A network's parameters are neither. Any number of threads may read them;
// who changes them keeps the others out, as long predictions, which release that lock,
// have always asked for.
PYBIND11_MODULE(_core, m, pybind11::mod_gil_not_used()) {
  using namespace mlpcore::bindings;
  m.doc() = "mlpcore's native core. The Python modules around it are the public API.";
  BindMachine(m);
  BindNetwork(m);
  BindTrainer(m);
  BindOps(m);
  BindRandom(m);
  BindFastCalls(m);
}
