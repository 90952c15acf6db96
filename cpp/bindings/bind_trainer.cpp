// Trainer<T>: the epoch loop with the GIL released, signals, progress, the hook.
#include "bindings.h"
#include "mlpcore/trainer.h"

namespace mlpcore::bindings {
namespace {

template <typename T>
Batch<T> BatchOf(const Network<T>& network, const Array<T>& x,
                 const std::optional<Array<int32_t>>& labels,
                 const std::optional<Array<T>>& values,
                 const std::optional<Array<T>>& weights) {
  const NetworkSpec& spec = network.spec();
  if (x.ndim() != 2) throw std::invalid_argument("x must be 2-D");
  Batch<T> batch;
  batch.rows = x.shape(0);
  RequireShape(x, "x", {batch.rows, spec.n_in()});
  batch.x = {x.data(), spec.n_in()};
  batch.targets = TargetsOf(labels, values, batch.rows, spec.n_out());
  if (weights) RequireShape(*weights, "weights", {batch.rows});
  batch.weights = DataOrNull(weights);
  return batch;
}

// The same for the epoch loop, which keeps the time itself; tells the caller's progress
// function too.
class ProgressPoll : public SignalPoll {
 public:
  explicit ProgressPoll(py::object progress) : progress_(std::move(progress)) {}

  bool operator()(const Progress& at) {
    const AcquireGil gil;
    return Catch([&] {
      if (!progress_.is_none()) progress_(at.epoch, at.batch, at.batches, at.loss);
    });
  }

 private:
  py::object progress_;
};

template <typename T>
py::tuple Fit(Trainer<T>& self, const Array<T>& x,
              const std::optional<Array<int32_t>>& labels,
              const std::optional<Array<T>>& values,
              const std::optional<Array<T>>& weights, ptrdiff_t batch_size,
              bool shuffle, const std::optional<Array<int64_t>>& order,
              ptrdiff_t epochs, const Array<double>& learning_rates,
              py::object progress) {
  FitArgs<T> args;
  args.data = BatchOf(*self.network(), x, labels, values, weights);
  if (args.data.rows < 1 || batch_size < 1 || epochs < 0) {
    throw std::invalid_argument("rows and batch_size must be positive");
  }
  args.batch_size = batch_size;
  args.shuffle = shuffle;
  args.epochs = epochs;
  RequireShape(learning_rates, "learning_rates",
               {epochs * DivUp(args.data.rows, batch_size)});
  args.learning_rates = learning_rates.data();
  if (order) {
    RequireShape(*order, "order", {args.data.rows});
    for (ptrdiff_t i = 0; i < args.data.rows; ++i) {
      const int64_t row = order->data()[i];
      if (row < 0 || row >= args.data.rows)
        throw std::invalid_argument("order: no such row");
    }
    args.order = order->data();
  }
  ProgressPoll poll(std::move(progress));
  FitResult result;
  {
    const ReleaseGil release;
    result = self.Fit(args, [&poll](const Progress& at) { return poll(at); });
  }
  poll.RethrowIfAny();
  py::list records;
  for (const EpochRecord& epoch : result.epochs) {
    records.append(py::make_tuple(epoch.loss, epoch.batch_loss, epoch.penalty,
                                  epoch.accuracy, epoch.seconds));
  }
  return py::make_tuple(result.status == FitStatus::kDiverged, result.batch,
                        result.loss, records);
}

template <typename T>
void SetGradientHook(Trainer<T>& self, const py::object& hook) {
  if (hook.is_none()) {
    self.set_gradient_hook(nullptr);
    return;
  }
  // The array is a view of the gradient, valid for the call. Its base is the trainer,
  // so that a hook that keeps it all the same has numbers, though of a later step.
  self.set_gradient_hook([hook, &self](T* gradient) {
    const AcquireGil gil;
    const auto n = static_cast<py::ssize_t>(self.network()->arena_size());
    hook(Array<T>(n, gradient, py::cast(self, py::return_value_policy::reference)));
  });
}

template <typename T>
void BindTrainerOf(py::module_& m, const char* name) {
  using Self = Trainer<T>;
  py::class_<Self, std::shared_ptr<Self>>(m, name)
      .def(py::init([](const std::shared_ptr<Network<T>>& network,
                       const std::string& optimizer, double momentum, bool nesterov,
                       double beta_1, double beta_2, double epsilon, bool epsilon_hat,
                       double weight_decay, double l2, bool l2_of_sum, double clip_norm,
                       double label_smoothing, uint64_t seed) {
             TrainerConfig config;
             config.optimizer = ByName<Optimizer>(kOptimizerNames, optimizer);
             config.momentum = momentum;
             config.nesterov = nesterov;
             config.beta_1 = beta_1;
             config.beta_2 = beta_2;
             config.epsilon = epsilon;
             config.epsilon_hat = epsilon_hat;
             config.weight_decay = weight_decay;
             config.l2 = l2;
             config.l2_of_sum = l2_of_sum;
             config.clip_norm = clip_norm;
             config.label_smoothing = label_smoothing;
             config.seed = seed;
             return std::make_shared<Self>(network, config);
           }),
           py::arg("network"), py::kw_only(), py::arg("optimizer"), py::arg("momentum"),
           py::arg("nesterov"), py::arg("beta_1"), py::arg("beta_2"),
           py::arg("epsilon"), py::arg("epsilon_hat"), py::arg("weight_decay"),
           py::arg("l2"), py::arg("l2_of_sum"), py::arg("clip_norm"),
           py::arg("label_smoothing"), py::arg("seed"))
      .def("fit", &Fit<T>, Exact("x"), Exact("labels"), Exact("values"),
           Exact("weights"), py::arg("batch_size"), py::arg("shuffle"), Exact("order"),
           py::arg("epochs"), Exact("learning_rates"), py::arg("progress"))
      .def(
          "step",
          [](Self& self, const Array<T>& x, const std::optional<Array<int32_t>>& labels,
             const std::optional<Array<T>>& values,
             const std::optional<Array<T>>& weights, double learning_rate) {
            const Batch<T> batch = BatchOf(*self.network(), x, labels, values, weights);
            StepResult result;
            SignalPoll poll;
            {
              const ReleaseGil release;
              result = self.Step(batch, learning_rate,
                                 [&poll] { return poll.ShouldStop(); });
            }
            poll.RethrowIfAny();
            return py::make_tuple(result.loss, result.diverged);
          },
          Exact("x"), Exact("labels"), Exact("values"), Exact("weights"),
          py::arg("learning_rate"))
      .def("set_gradient_hook", &SetGradientHook<T>, py::arg("hook"))
      .def("set_seed", &Self::set_seed, py::arg("seed"))
      .def("set_counts", &Self::set_counts, py::arg("step"), py::arg("epoch"))
      .def_property_readonly("step_count", &Self::step)
      .def_property_readonly("epoch_count", &Self::epoch)
      .def_property_readonly("moments_began", &Self::moments_began)
      .def("moments",
           [](const Self& self) {
             py::list moments;
             for (const int which : {1, 2}) {
               if (!self.has_moment(which)) {
                 moments.append(py::none());
                 continue;
               }
               Array<T> flat(static_cast<py::ssize_t>(self.network()->n_parameters()));
               self.GetMoment(which, flat.mutable_data());
               moments.append(flat);
             }
             return moments;
           })
      .def(
          "set_moment",
          [](Self& self, int which, const Array<T>& flat) {
            if (which < 1 || which > 2 || !self.has_moment(which)) {
              throw std::invalid_argument("this optimizer has no such moment");
            }
            RequireShape(flat, "moment",
                         {static_cast<ptrdiff_t>(self.network()->n_parameters())});
            self.SetMoment(which, flat.data());
          },
          py::arg("which"), Exact("flat"));
}

}  // namespace

void BindTrainer(py::module_& m) {
  BindTrainerOf<float>(m, "Trainer32");
  BindTrainerOf<double>(m, "Trainer64");
}

}  // namespace mlpcore::bindings
