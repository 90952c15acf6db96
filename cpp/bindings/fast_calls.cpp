// The short ways in: predict(handle, X, out), map_function(name, x, out),
// softmax(z, out, log) and class_indices(y, n_classes) for plain arrays.
//
// pybind11's dispatch costs 0.4 us and more a call, several times what a small
// network's arithmetic does. These are METH_FASTCALL functions on NumPy's C API that
// take plain C-contiguous arrays of one dtype, or decline with NotImplemented,
// whereupon the Python layer checks and converts.
#define NPY_TARGET_VERSION NPY_1_25_API_VERSION
#include <numpy/arrayobject.h>
#include <string.h>

#include "bindings.h"
#include "mlpcore/ops.h"

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
bool IsPlain(PyObject* object) {
  if (!PyArray_CheckExact(object)) return false;
  PyArrayObject* array = reinterpret_cast<PyArrayObject*>(object);
  return PyArray_TYPE(array) == kTypeNumber<T> && PyArray_ISCARRAY_RO(array);
}

bool Overlap(PyArrayObject* a, PyArrayObject* b) {
  return PyArray_BYTES(a) < PyArray_BYTES(b) + PyArray_NBYTES(b) &&
         PyArray_BYTES(b) < PyArray_BYTES(a) + PyArray_NBYTES(a);
}

// Where a result of some shape, computed from x, goes: a new array, or `out`, which may
// be x itself if the two may share memory. Null if out is not plain, too.
template <typename T>
PyArrayObject* ResultOf(PyArrayObject* x, PyObject* out, int n_dims, npy_intp* shape,
                        bool may_be_x) {
  if (out == Py_None) {
    return reinterpret_cast<PyArrayObject*>(
        PyArray_SimpleNew(n_dims, shape, kTypeNumber<T>));
  }
  PyArrayObject* y = reinterpret_cast<PyArrayObject*>(out);
  if (!IsPlain<T>(out) || !PyArray_ISWRITEABLE(y) || PyArray_NDIM(y) != n_dims ||
      !PyArray_CompareLists(PyArray_DIMS(y), shape, n_dims)) {
    return nullptr;
  }
  const bool is_x = may_be_x && PyArray_DATA(y) == PyArray_DATA(x);
  if (!is_x && Overlap(x, y)) return nullptr;
  Py_INCREF(y);
  return y;
}

PyObject* Declined() {
  if (PyErr_Occurred()) return nullptr;
  Py_RETURN_NOTIMPLEMENTED;
}

// compute(data of y) into y, which is returned: a scalar, if it is new and 0-d.
template <typename T, typename F>
PyObject* Compute(PyArrayObject* y, PyObject* out, double multiply_adds, F compute) {
  try {
    const ReleaseGilFor release(multiply_adds);
    compute(static_cast<T*>(PyArray_DATA(y)));
  } catch (const std::bad_alloc&) {
    Py_DECREF(y);
    return PyErr_NoMemory();
  }
  return out == Py_None ? PyArray_Return(y) : reinterpret_cast<PyObject*>(y);
}

template <typename T>
PyObject* Predict(const Network<T>& network, PyObject* x_object, PyObject* out) {
  const ptrdiff_t n_in = network.spec().n_in();
  PyArrayObject* x = reinterpret_cast<PyArrayObject*>(x_object);
  if (!IsPlain<T>(x_object) || PyArray_NDIM(x) != 2 || PyArray_DIM(x, 1) != n_in) {
    return Declined();
  }
  npy_intp shape[2] = {PyArray_DIM(x, 0), network.spec().n_out()};
  PyArrayObject* y = ResultOf<T>(x, out, 2, shape, false);
  if (y == nullptr) return Declined();
  const double work = network.multiply_adds() * static_cast<double>(shape[0]);
  return Compute<T>(y, out, work, [&](T* to) {
    network.Predict(to, {static_cast<const T*>(PyArray_DATA(x)), n_in}, shape[0]);
  });
}

// An operation on each element or row of x: compute(to, from, x).
template <typename T, typename F>
PyObject* Transform(PyObject* x_object, PyObject* out, F compute) {
  PyArrayObject* x = reinterpret_cast<PyArrayObject*>(x_object);
  PyArrayObject* y = ResultOf<T>(x, out, PyArray_NDIM(x), PyArray_DIMS(x), true);
  if (y == nullptr) return Declined();
  const ptrdiff_t size = PyArray_SIZE(x);
  return Compute<T>(y, out, ops::kWorkOfMap * static_cast<double>(size), [&](T* to) {
    compute(to, static_cast<const T*>(PyArray_DATA(x)), size);
  });
}
template <typename F>
PyObject* TransformAny(PyObject* x, PyObject* out, F compute) {
  if (IsPlain<float>(x)) return Transform<float>(x, out, compute);
  if (IsPlain<double>(x)) return Transform<double>(x, out, compute);
  return Declined();
}

bool HasArguments(Py_ssize_t n_args, const char* wanted) {
  if (n_args != 3) PyErr_SetString(PyExc_TypeError, wanted);
  return n_args == 3;
}

PyObject* FastPredict(PyObject*, PyObject* const* args, Py_ssize_t n_args) {
  if (!HasArguments(n_args, "predict takes a handle, X and out")) return nullptr;
  const auto* handle = static_cast<Handle*>(PyCapsule_GetPointer(args[0], nullptr));
  if (handle == nullptr) return nullptr;
  return handle->float32 ? Predict(*handle->float32, args[1], args[2])
                         : Predict(*handle->float64, args[1], args[2]);
}

PyObject* FastMap(PyObject*, PyObject* const* args, Py_ssize_t n_args) {
  if (!HasArguments(n_args, "map_function takes a name, x and out")) return nullptr;
  const char* name = PyUnicode_AsUTF8(args[0]);
  if (name == nullptr) return nullptr;
  for (const char* const& known : kFunctionNames) {
    if (strcmp(name, known) != 0) continue;
    const auto f = static_cast<Function>(&known - kFunctionNames);
    return TransformAny(args[1], args[2],
                        [f](auto* y, auto* x, ptrdiff_t n) { ops::Map(f, y, x, n); });
  }
  return PyErr_Format(PyExc_ValueError, "unknown name '%s'", name);
}

PyObject* FastSoftmax(PyObject*, PyObject* const* args, Py_ssize_t n_args) {
  if (!HasArguments(n_args, "softmax takes z, out and log")) return nullptr;
  if (!PyArray_Check(args[0])) return Declined();
  PyArrayObject* z = reinterpret_cast<PyArrayObject*>(args[0]);
  const int last = PyArray_NDIM(z) - 1;
  if (last < 0 || PyArray_DIM(z, last) == 0) return Declined();
  const ptrdiff_t classes = PyArray_DIM(z, last);
  const bool log = args[2] == Py_True;
  return TransformAny(args[0], args[1], [=](auto* y, auto* x, ptrdiff_t n) {
    ops::Softmax(y, x, n / classes, classes, log);
  });
}

// y as int32, if all of it are indices of classes.
template <typename I>
PyObject* ClassIndices(PyArrayObject* y, Py_ssize_t n_classes) {
  PyObject* labels = PyArray_SimpleNew(PyArray_NDIM(y), PyArray_DIMS(y), NPY_INT32);
  if (labels == nullptr) return nullptr;
  const I* from = static_cast<const I*>(PyArray_DATA(y));
  int32_t* to =
      static_cast<int32_t*>(PyArray_DATA(reinterpret_cast<PyArrayObject*>(labels)));
  bool wrong = false;
  for (ptrdiff_t i = 0, n = PyArray_SIZE(y); i < n; ++i) {
    wrong |= from[i] < 0 || from[i] >= n_classes;
    to[i] = static_cast<int32_t>(from[i]);
  }
  if (!wrong) return labels;
  Py_DECREF(labels);
  return Declined();
}

PyObject* FastClassIndices(PyObject*, PyObject* const* args, Py_ssize_t n_args) {
  if (n_args != 2) {
    PyErr_SetString(PyExc_TypeError, "class_indices takes y and n_classes");
    return nullptr;
  }
  const Py_ssize_t n_classes = PyLong_AsSsize_t(args[1]);
  if (n_classes == -1 && PyErr_Occurred()) {
    PyErr_Clear();  // too large: what follows says so
    return Declined();
  }
  if (!PyArray_CheckExact(args[0])) return Declined();
  PyArrayObject* y = reinterpret_cast<PyArrayObject*>(args[0]);
  if (!PyArray_ISSIGNED(y) || !PyArray_ISCARRAY_RO(y)) return Declined();
  switch (PyArray_ITEMSIZE(y)) {
    case 4:
      return ClassIndices<int32_t>(y, n_classes);
    case 8:
      return ClassIndices<int64_t>(y, n_classes);
    default:
      return Declined();
  }
}

using FastFunction = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t);
PyMethodDef FastMethod(const char* name, FastFunction f, const char* doc) {
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f)),
          METH_FASTCALL, doc};
}
PyMethodDef fast_methods[] = {
    FastMethod("predict", &FastPredict,
               "predict(handle, X, out): the outputs, or NotImplemented."),
    FastMethod("map_function", &FastMap,
               "map_function(name, x, out): f of each element, or NotImplemented."),
    FastMethod("softmax", &FastSoftmax,
               "softmax(z, out, log): along the last axis, or NotImplemented."),
    FastMethod("class_indices", &FastClassIndices,
               "class_indices(y, n_classes): y as int32, or NotImplemented."),
};

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

void BindFastCalls(py::module_& m) {
  if (ImportNumPy() < 0) throw py::error_already_set();
  for (PyMethodDef& method : fast_methods) {
    m.add_object(method.ml_name,
                 py::reinterpret_steal<py::object>(PyCFunction_New(&method, nullptr)));
  }
}

}  // namespace mlpcore::bindings
