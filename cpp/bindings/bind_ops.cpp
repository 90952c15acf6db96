// The kernels by themselves.
#include "bindings.h"
#include "mlpcore/fingerprint.h"
#include "mlpcore/ops.h"

namespace mlpcore::bindings {
namespace {

double WorkOf(ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out) {
  return static_cast<double>(rows) * static_cast<double>(n_in) *
         static_cast<double>(n_out);
}

template <typename T>
void BindOpsOf(py::module_& m) {
  m.def(
      "all_finite",
      [](const Array<T>& x) {
        const ReleaseGilFor release(ops::kWorkOfAllFinite<T> *
                                    static_cast<double>(x.size()));
        return ops::AllFinite(x.data(), x.size());
      },
      Exact("x"));
  m.def(
      "dense",
      [](const Array<T>& x, const Array<T>& w, const std::optional<Array<T>>& b,
         const std::string& activation, Array<T> out) {
        const ptrdiff_t rows = x.shape(0), n_in = x.shape(1), n_out = w.shape(1);
        RequireShape(w, "w", {n_in, n_out});
        if (b) RequireShape(*b, "b", {n_out});
        RequireShape(out, "out", {rows, n_out});
        T* const to = Writable(out);
        const auto phi = ByName<Activation>(kActivationNames, activation);
        const ReleaseGilFor release(WorkOf(rows, n_in, n_out));
        ops::Dense(to, x.data(), w.data(), DataOrNull(b), phi, rows, n_in, n_out);
      },
      Exact("x"), Exact("w"), Exact("b"), py::arg("activation"), Exact("out"));
  m.def(
      "dense_backward",
      [](const Array<T>& dy, const Array<T>& x, const Array<T>& w, const Array<T>& y,
         const std::optional<Array<T>>& z, const std::string& activation) {
        const ptrdiff_t rows = x.shape(0), n_in = x.shape(1), n_out = w.shape(1);
        RequireShape(dy, "dy", {rows, n_out});
        RequireShape(w, "w", {n_in, n_out});
        RequireShape(y, "y", {rows, n_out});
        if (z) RequireShape(*z, "z", {rows, n_out});
        Array<T> dx({rows, n_in}), dw({n_in, n_out}), db(n_out);
        T *const to_dx = dx.mutable_data(), *const to_dw = dw.mutable_data();
        T* const to_db = db.mutable_data();
        const auto phi = ByName<Activation>(kActivationNames, activation);
        {
          const ReleaseGilFor release(2 * WorkOf(rows, n_in, n_out));
          ops::DenseBackward(to_dx, to_dw, to_db, dy.data(), x.data(), w.data(),
                             y.data(), DataOrNull(z), phi, rows, n_in, n_out);
        }
        return py::make_tuple(dx, dw, db);
      },
      Exact("dy"), Exact("x"), Exact("w"), Exact("y"), Exact("z"),
      py::arg("activation"));
  m.def(
      "cross_entropy",
      [](const Array<T>& z, const std::optional<Array<int32_t>>& labels,
         const std::optional<Array<T>>& values, bool softmax) {
        const ptrdiff_t rows = z.shape(0), n = z.shape(1);
        const Targets<T> targets = TargetsOf(labels, values, rows, n);
        Array<T> loss(rows), dz({rows, n});
        ops::CrossEntropy(loss.mutable_data(), dz.mutable_data(), z.data(), targets,
                          softmax, rows, n);
        return py::make_tuple(loss, dz);
      },
      Exact("z"), Exact("labels"), Exact("values"), py::arg("softmax"));
}

}  // namespace

void BindOps(py::module_& m) {
  BindOpsOf<float>(m);
  BindOpsOf<double>(m);
  m.def(
      "fingerprint",
      [](const py::array& x) {
        if (!(x.flags() & py::array::c_style)) {
          throw std::invalid_argument("x must be C-contiguous");
        }
        const void* data = x.data();
        const ptrdiff_t bytes = x.nbytes();
        const ReleaseGilFor release(kWorkOfFingerprint * static_cast<double>(bytes));
        return Fingerprint(data, bytes);
      },
      Exact("x"));
}

}  // namespace mlpcore::bindings
