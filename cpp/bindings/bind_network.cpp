// Network<T>: parameters, inference, evaluation, and the gradient of a whole batch.
#include <memory>
#include <mutex>

#include "bindings.h"
#include "mlpcore/gradient.h"

namespace mlpcore::bindings {
namespace {

NetworkSpec SpecOf(const std::vector<ptrdiff_t>& layer_sizes,
                   const std::vector<std::string>& activations, const std::string& loss,
                   double loss_parameter, const std::vector<double>& dropout) {
  NetworkSpec spec;
  spec.layer_sizes = layer_sizes;
  for (const std::string& name : activations) {
    spec.activations.push_back(ByName<Activation>(kActivationNames, name));
  }
  spec.dropout = dropout;
  spec.loss = ByName<Loss>(kLossNames, loss);
  spec.loss_parameter = loss_parameter;
  const size_t n_layers = spec.activations.size();
  if (n_layers == 0 || layer_sizes.size() != n_layers + 1 ||
      dropout.size() != n_layers - 1) {
    throw std::invalid_argument("layer_sizes, activations and dropout do not match");
  }
  for (const ptrdiff_t size : layer_sizes) {
    if (size < 1) throw std::invalid_argument("layer sizes must be positive");
  }
  return spec;
}

// Engines are kept for the next call; a second thread that asks meanwhile gets one of
// its own.
template <typename T>
class EnginePool {
 public:
  explicit EnginePool(std::shared_ptr<Network<T>> network)
      : network_(std::move(network)) {}

  std::unique_ptr<GradientEngine<T>> Take() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (kept_) return std::move(kept_);
    }
    return std::make_unique<GradientEngine<T>>(network_);
  }
  void Return(std::unique_ptr<GradientEngine<T>> engine) {
    const std::lock_guard<std::mutex> lock(mutex_);
    kept_.swap(engine);  // another is freed without the lock
  }

 private:
  std::shared_ptr<Network<T>> network_;
  std::mutex mutex_;
  std::unique_ptr<GradientEngine<T>> kept_;
};

// What Python holds: the network and what its calls keep.
template <typename T>
struct NetworkObject {
  explicit NetworkObject(const NetworkSpec& spec)
      : network(std::make_shared<Network<T>>(spec)), engines(network) {}
  std::shared_ptr<Network<T>> network;
  EnginePool<T> engines;
};

template <typename T>
void RequireInput(const Network<T>& network, const Array<T>& x) {
  if (x.ndim() != 2) throw std::invalid_argument("x must be 2-D");
  RequireShape(x, "x", {x.shape(0), network.spec().n_in()});
}

template <typename T>
py::tuple Forward(const NetworkObject<T>& self, const Array<T>& x) {
  RequireInput(*self.network, x);
  py::list z, y;
  LayerOutputs<T> out;
  for (const LayerLayout& layer : self.network->layout()) {
    for (auto [arrays, pointers] : {std::pair{&z, &out.z}, std::pair{&y, &out.y}}) {
      Array<T> array({x.shape(0), layer.n_out});
      pointers->push_back(array.mutable_data());
      arrays->append(array);
    }
  }
  if (x.shape(0) > 0) {
    const ReleaseGilFor release(self.network->multiply_adds() *
                                static_cast<double>(x.shape(0)));
    self.network->Forward(out, {x.data(), self.network->spec().n_in()}, x.shape(0));
  }
  return py::make_tuple(z, y);
}

template <typename T>
py::tuple LossAndGradient(NetworkObject<T>& self, const Array<T>& x,
                          const std::optional<Array<int32_t>>& labels,
                          const std::optional<Array<T>>& values,
                          const std::optional<Array<T>>& weights,
                          double label_smoothing, bool drops_tiny) {
  const Network<T>& network = *self.network;
  RequireInput(network, x);
  GradientOptions options;
  options.label_smoothing = label_smoothing;
  options.drops_tiny = drops_tiny;
  Batch<T> batch;
  batch.x = {x.data(), network.spec().n_in()};
  batch.rows = x.shape(0);
  batch.targets = TargetsOf(labels, values, batch.rows, network.spec().n_out());
  if (weights) RequireShape(*weights, "weights", {batch.rows});
  batch.weights = DataOrNull(weights);
  Array<T> gradient(static_cast<py::ssize_t>(network.n_parameters()));
  T* flat = gradient.mutable_data();
  double loss = 0;
  SignalPoll poll;
  {
    const ReleaseGil release;
    std::unique_ptr<GradientEngine<T>> engine = self.engines.Take();
    engine->Compute(batch, options, [&poll] { return poll.ShouldStop(); });
    engine->CopyGradient(flat);
    loss = engine->result().loss / engine->result().weight;
    self.engines.Return(std::move(engine));
  }
  poll.RethrowIfAny();
  return py::make_tuple(loss, gradient);
}

template <typename T>
void BindNetworkOf(py::module_& m, const char* name) {
  using Self = NetworkObject<T>;
  py::class_<Self, std::shared_ptr<Self>>(m, name)
      .def(py::init([](const std::vector<ptrdiff_t>& layer_sizes,
                       const std::vector<std::string>& activations,
                       const std::string& loss, double loss_parameter,
                       const std::vector<double>& dropout) {
             return std::make_shared<Self>(
                 SpecOf(layer_sizes, activations, loss, loss_parameter, dropout));
           }),
           py::arg("layer_sizes"), py::arg("activations"), py::arg("loss"),
           py::arg("loss_parameter"), py::arg("dropout"))
      .def_property_readonly("handle",
                             [](const Self& self) { return HandleOf(self.network); })
      // Another one after each change of the parameters.
      .def_property_readonly("version",
                             [](const Self& self) { return self.network->version(); })
      .def_property_readonly(
          "n_parameters", [](const Self& self) { return self.network->n_parameters(); })
      .def("get_parameters",
           [](const Self& self) {
             Array<T> flat(static_cast<py::ssize_t>(self.network->n_parameters()));
             self.network->GetParameters(flat.mutable_data());
             return flat;
           })
      .def(
          "set_parameters",
          [](Self& self, const Array<T>& flat) {
            RequireShape(flat, "parameters",
                         {static_cast<ptrdiff_t>(self.network->n_parameters())});
            self.network->SetParameters(flat.data());
          },
          Exact("flat"))
      .def(
          "predict",
          [](const Self& self, const Array<T>& x, Array<T> out) {
            RequireInput(*self.network, x);
            RequireShape(out, "out", {x.shape(0), self.network->spec().n_out()});
            T* y = Writable(out);
            const ReleaseGilFor release(self.network->multiply_adds() *
                                        static_cast<double>(x.shape(0)));
            self.network->Predict(y, {x.data(), self.network->spec().n_in()},
                                  x.shape(0));
          },
          Exact("x"), Exact("out"))
      .def("forward", &Forward<T>, Exact("x"))
      .def(
          "evaluate",
          [](const Self& self, const Array<T>& x,
             const std::optional<Array<int32_t>>& labels,
             const std::optional<Array<T>>& values,
             const std::optional<Array<T>>& weights) {
            const NetworkSpec& spec = self.network->spec();
            RequireInput(*self.network, x);
            const Targets<T> targets =
                TargetsOf(labels, values, x.shape(0), spec.n_out());
            if (weights) RequireShape(*weights, "weights", {x.shape(0)});
            Evaluation sums;
            SignalPoll poll;
            {
              const ReleaseGil release;
              sums = self.network->Evaluate({x.data(), spec.n_in()}, targets,
                                            DataOrNull(weights), x.shape(0),
                                            [&poll] { return poll.ShouldStop(); });
            }
            poll.RethrowIfAny();
            return py::make_tuple(sums.loss, sums.weight, sums.correct);
          },
          Exact("x"), Exact("labels"), Exact("values"), Exact("weights"))
      .def("loss_and_gradient", &LossAndGradient<T>, Exact("x"), Exact("labels"),
           Exact("values"), Exact("weights"), py::arg("label_smoothing"),
           py::arg("drops_tiny"))
      .def_property_readonly("network", [](const Self& self) { return self.network; });
}

}  // namespace

void BindNetwork(py::module_& m) {
  // The core's network, as a trainer takes it; opaque to Python.
  py::class_<Network<float>, std::shared_ptr<Network<float>>>(m, "CoreNetwork32");
  py::class_<Network<double>, std::shared_ptr<Network<double>>>(m, "CoreNetwork64");
  BindNetworkOf<float>(m, "Network32");
  BindNetworkOf<double>(m, "Network64");
}

}  // namespace mlpcore::bindings
