// The short way in: predict(handle, X, out) for the array that needs no conversion.
//
// pybind11's dispatch costs 0.4 us and more a call, several times what a small
// network's arithmetic does. This is a METH_FASTCALL function on NumPy's C API that
// takes a plain C-contiguous array of the network's dtype, or declines with
// NotImplemented, whereupon the Python layer checks and converts.
#define NPY_TARGET_VERSION NPY_1_25_API_VERSION
#include <numpy/arrayobject.h>

#include "bindings.h"

namespace mlpcore::bindings {
namespace {

// Behind the capsule; one of the two is set.
struct Handle {
  std::shared_ptr<Network<float>> float32;
  std::shared_ptr<Network<double>> float64;
};

template <typename T>
constexpr int kTypeNumber = sizeof(T) == sizeof(float) ? NPY_FLOAT : NPY_DOUBLE;

template <typename T>
bool IsPlain(PyObject* object, ptrdiff_t columns) {
  if (!PyArray_CheckExact(object)) return false;
  PyArrayObject* array = reinterpret_cast<PyArrayObject*>(object);
  return PyArray_NDIM(array) == 2 && PyArray_TYPE(array) == kTypeNumber<T> &&
         PyArray_DIM(array, 1) == columns && PyArray_ISCARRAY_RO(array);
}

bool Overlap(const char* a, npy_intp a_bytes, const char* b, npy_intp b_bytes) {
  return a < b + b_bytes && b < a + a_bytes;
}

template <typename T>
PyObject* Predict(const Network<T>& network, PyObject* x_object, PyObject* out_object) {
  const ptrdiff_t n_in = network.spec().n_in(), n_out = network.spec().n_out();
  if (!IsPlain<T>(x_object, n_in)) Py_RETURN_NOTIMPLEMENTED;
  PyArrayObject* x = reinterpret_cast<PyArrayObject*>(x_object);
  npy_intp shape[2] = {PyArray_DIM(x, 0), n_out};
  PyArrayObject* y = nullptr;
  if (out_object == Py_None) {
    y = reinterpret_cast<PyArrayObject*>(PyArray_SimpleNew(2, shape, kTypeNumber<T>));
    if (y == nullptr) return nullptr;
  } else {
    y = reinterpret_cast<PyArrayObject*>(out_object);
    if (!IsPlain<T>(out_object, n_out) || PyArray_DIM(y, 0) != shape[0] ||
        !PyArray_ISWRITEABLE(y) ||
        Overlap(PyArray_BYTES(x), PyArray_NBYTES(x), PyArray_BYTES(y),
                PyArray_NBYTES(y))) {
      Py_RETURN_NOTIMPLEMENTED;
    }
    Py_INCREF(y);
  }
  try {
    const ReleaseGilFor release(network.multiply_adds() *
                                static_cast<double>(shape[0]));
    network.Predict(static_cast<T*>(PyArray_DATA(y)),
                    {static_cast<const T*>(PyArray_DATA(x)), n_in}, shape[0]);
  } catch (const std::bad_alloc&) {
    Py_DECREF(y);
    return PyErr_NoMemory();
  }
  return reinterpret_cast<PyObject*>(y);
}

PyObject* FastPredict(PyObject*, PyObject* const* args, Py_ssize_t n_args) {
  if (n_args != 3) {
    PyErr_SetString(PyExc_TypeError, "predict takes a handle, X and out");
    return nullptr;
  }
  const auto* handle = static_cast<Handle*>(PyCapsule_GetPointer(args[0], nullptr));
  if (handle == nullptr) return nullptr;
  return handle->float32 ? Predict(*handle->float32, args[1], args[2])
                         : Predict(*handle->float64, args[1], args[2]);
}

PyMethodDef fast_predict = {
    "predict",
    reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&FastPredict)),
    METH_FASTCALL, "predict(handle, X, out): the outputs, or NotImplemented."};

py::capsule Wrap(Handle handle) {
  return py::capsule(new Handle(std::move(handle)),
                     [](void* p) { delete static_cast<Handle*>(p); });
}

int ImportNumPy() {
  import_array1(-1);
  return 0;
}

}  // namespace

py::capsule HandleOf(const std::shared_ptr<Network<float>>& network) {
  return Wrap({network, nullptr});
}
py::capsule HandleOf(const std::shared_ptr<Network<double>>& network) {
  return Wrap({nullptr, network});
}

void BindFastPredict(py::module_& m) {
  if (ImportNumPy() < 0) throw py::error_already_set();
  m.add_object("predict", py::reinterpret_steal<py::object>(
                              PyCFunction_New(&fast_predict, nullptr)));
}

}  // namespace mlpcore::bindings
