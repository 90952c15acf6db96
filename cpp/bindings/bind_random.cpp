// Random numbers by address, for initial weights and for the generator's own test; and
// NumPy's, for the estimators' shuffles.
#include "bindings.h"
#include "mlpcore/philox.h"
#include "mlpcore/random.h"

namespace mlpcore::bindings {

void BindRandom(py::module_& m) {
  m.def(
      "philox",
      [](uint64_t seed, uint64_t stream, uint64_t index) {
        const PhiloxBlock block = Philox(seed, stream, index);
        return py::make_tuple(block.word[0], block.word[1], block.word[2],
                              block.word[3]);
      },
      py::arg("seed"), py::arg("stream"), py::arg("index"));
  m.def(
      "uniform",
      [](py::ssize_t n, uint64_t seed, uint64_t stream) {
        Array<double> out(n);
        Uniform(out.mutable_data(), n, seed, stream);
        return out;
      },
      py::arg("n"), py::arg("seed"), py::arg("stream"));
  m.def(
      "shuffle_as_numpy",
      [](Array<int64_t> x, const py::capsule& bit_generator) {
        // Throws if its name is another.
        const void* bits = PyCapsule_GetPointer(bit_generator.ptr(), "BitGenerator");
        if (!bits) throw py::error_already_set();
        ShuffleAsNumpy(Writable(x), x.size(),
                       *static_cast<const NumpyBitGenerator*>(bits));
      },
      Exact("x"), py::arg("bit_generator"));
  m.def(
      "orthonormalize",
      [](Array<double> a) {
        if (a.ndim() != 2 || a.shape(0) < a.shape(1)) {
          throw std::invalid_argument(
              "a must be 2-D with at least as many rows as columns");
        }
        Orthonormalize(Writable(a), a.shape(0), a.shape(1));
      },
      Exact("a"));
  m.def(
      "init_stream",
      [](uint64_t layer) { return StreamOf(StreamKind::kInit, layer, 0); },
      py::arg("layer"));
}

}  // namespace mlpcore::bindings
