// Shared by the bindings: arrays in, plain pointers out.
//
// The Python layer has made every array C-contiguous, of the network's dtype and of the
// right shape; here dtype, contiguity and sizes are checked once more. (Not labels:
// that there are such classes is checked where they become int32.)
#ifndef MLPCORE_BINDINGS_H_
#define MLPCORE_BINDINGS_H_

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#if defined(__GLIBCXX__) && defined(__linux__)
#include <cxxabi.h>
#include <unistd.h>
#endif

#include "mlpcore/network.h"

namespace mlpcore::bindings {

namespace py = pybind11;

template <typename T>
using Array = py::array_t<T, py::array::c_style>;

// A binding's argument that is taken as it is: never converted, never None by accident.
inline py::arg Exact(const char* name) { return py::arg(name).noconvert(); }

void RequireShape(const py::array& array, const char* name,
                  std::initializer_list<ptrdiff_t> shape);

template <typename T>
T* Writable(Array<T>& array) {
  return array.mutable_data();  // throws if it is read-only
}

template <typename T>
const T* DataOrNull(const std::optional<Array<T>>& array) {
  return array ? array->data() : nullptr;
}

// Labels or values; exactly one of them is given.
template <typename T>
Targets<T> TargetsOf(const std::optional<Array<int32_t>>& labels,
                     const std::optional<Array<T>>& values, ptrdiff_t rows,
                     ptrdiff_t n_out) {
  if (labels.has_value() == values.has_value()) {
    throw std::invalid_argument("either labels or values must be given");
  }
  if (labels) RequireShape(*labels, "labels", {rows});
  if (values) RequireShape(*values, "values", {rows, n_out});
  return {DataOrNull(labels), DataOrNull(values), n_out};
}

// The value of an enumeration by its name in a table of names.
template <typename Enum, size_t kCount>
Enum ByName(const char* const (&names)[kCount], const std::string& name) {
  for (size_t i = 0; i < kCount; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  throw std::invalid_argument("unknown name '" + name + "'");
}

// Takes the GIL back. While the interpreter ends, and after that, Python before 3.14
// unwinds the thread that asks for it (pthread_exit), which out of a destructor, or
// past a `catch (...)`, ends the process by SIGABRT: a daemon thread that trains is
// enough. Such a thread waits here for the end of the process, as it does in 3.14.
inline void RestoreThread(PyThreadState* state) {
#if defined(__GLIBCXX__) && defined(__linux__)
  try {
    PyEval_RestoreThread(state);
  } catch (abi::__forced_unwind&) {
    for (;;) pause();
  }
#else
  PyEval_RestoreThread(state);
#endif
}

// This thread's state of Python, while it is without the GIL.
inline thread_local PyThreadState* without_gil = nullptr;

// Releases the GIL for the life of the object.
class ReleaseGil {
 public:
  ReleaseGil() { without_gil = PyEval_SaveThread(); }
  ReleaseGil(const ReleaseGil&) = delete;
  ReleaseGil& operator=(const ReleaseGil&) = delete;
  ~ReleaseGil() { RestoreThread(std::exchange(without_gil, nullptr)); }
};

// Takes it back for a while, on the thread that released it. (pybind11's own would ask
// an interpreter that has ended for a new state.)
class AcquireGil {
 public:
  AcquireGil() { RestoreThread(std::exchange(without_gil, nullptr)); }
  AcquireGil(const AcquireGil&) = delete;
  AcquireGil& operator=(const AcquireGil&) = delete;
  ~AcquireGil() { without_gil = PyEval_SaveThread(); }
};

// Releases the GIL for the life of the object, if the work is worth it: 500 k
// multiply-adds take some 20 us, a release and its recovery up to 1.
class ReleaseGilFor {
 public:
  explicit ReleaseGilFor(double multiply_adds) {
    if (multiply_adds > 500e3) release_.emplace();
  }

 private:
  std::optional<ReleaseGil> release_;
};

// Runs Python's signal handlers during a long call that holds no GIL, at most every
// 50 ms; what they raise is kept, and the call asked to stop: an exception may not
// cross a team of threads.
class SignalPoll {
 public:
  // Takes the GIL if it is time.
  bool ShouldStop();
  // With the GIL, after the call.
  void RethrowIfAny() const {
    if (error_) std::rethrow_exception(error_);
  }

 protected:
  // With the GIL; false after something was raised.
  template <typename F>
  bool Catch(F f) {
    try {
      if (PyErr_CheckSignals() != 0) throw py::error_already_set();
      f();
    } catch (...) {
      error_ = std::current_exception();
    }
    return !error_;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  std::exception_ptr error_;
};

// One function a topic; module.cpp lists them.
void BindMachine(py::module_& m);
void BindNetwork(py::module_& m);
void BindOps(py::module_& m);
void BindRandom(py::module_& m);
void BindTrainer(py::module_& m);
void BindFastCalls(py::module_& m);

// A capsule that fast_calls.cpp's predict takes for a network.
py::capsule HandleOf(const std::shared_ptr<Network<float>>& network);
py::capsule HandleOf(const std::shared_ptr<Network<double>>& network);

}  // namespace mlpcore::bindings

#endif  // MLPCORE_BINDINGS_H_
