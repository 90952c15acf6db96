// Instruction sets, threads, and how this build was made.
#include "bindings.h"
#include "mlpcore/isa.h"
#include "mlpcore/peak.h"
#include "mlpcore/threads.h"

namespace mlpcore::bindings {

void BindMachine(py::module_& m) {
  m.def("supported_isas", &SupportedIsas);
  m.def("isa", &ActiveIsa);
  m.def("set_isa", &SetIsa, py::arg("name"));
  m.def("set_num_threads", &SetNumThreads, py::arg("n"));
  m.def("get_num_threads", &GetNumThreads);
  m.def("build_config", [] {
    py::dict config;
    config["version"] = MLPCORE_VERSION;
    config["compiler"] = MLPCORE_COMPILER;
    config["build_type"] = MLPCORE_BUILD_TYPE;
    config["flags"] = MLPCORE_FLAGS;
    config["openmp"] = HaveOpenMP();
    config["panel_float32"] = kPanel<float>;
    config["panel_float64"] = kPanel<double>;
    config["block_terms"] = kBlockTerms;
    return config;
  });
  // GFLOP/s in float32.
  m.def(
      "measure_peak",
      [](int n_threads) { return MeasurePeak<float>(n_threads) * 1e-9; },
      py::arg("n_threads"), py::call_guard<ReleaseGil>());
  // A name that cannot be forced should fail at import, not at the first prediction.
  ActiveIsa();
}

}  // namespace mlpcore::bindings
