// The three products of a dense layer, one thread, as the training of a network calls
// them: rows of padded stride, weights in panels.
#include "aligned_buffer.h"
#include "bench.h"
#include "dispatch.h"
#include "packing.h"
#include "step_cut.h"

namespace mlpcore::bench {
namespace {

struct Shape {
  ptrdiff_t rows, n_in, n_out;
  std::string name() const {
    return std::to_string(rows) + "x" + std::to_string(n_in) + "x" +
           std::to_string(n_out);
  }
  double flops() const { return 2.0 * static_cast<double>(rows * n_in * n_out); }
};

// Layers of the networks in workloads.h, at their batch sizes.
constexpr Shape kShapes[] = {{1, 16, 16},     {32, 16, 16},     {1, 64, 64},
                             {192, 64, 64},   {97, 37, 101},    {200, 64, 100},
                             {200, 100, 10},  {256, 28, 128},   {256, 128, 128},
                             {256, 17, 256},  {1, 256, 256},    {64, 256, 256},
                             {256, 256, 256}, {128, 784, 128},  {1, 1024, 1024},
                             {8, 1024, 1024}, {256, 784, 1024}, {256, 1024, 1024}};

template <typename T>
struct Matrix {
  Matrix(ptrdiff_t rows, ptrdiff_t cols)
      : stride(PaddedStride<T>(cols)), buffer(static_cast<size_t>(rows * stride)) {
    const std::vector<T> values = Values<T>(buffer.size());
    std::copy(values.begin(), values.end(), buffer.data());
  }
  Rows<T> rows() const { return {buffer.data(), stride}; }
  ptrdiff_t stride;
  AlignedBuffer<T> buffer;
};

template <typename T>
AlignedBuffer<T> Panels(ptrdiff_t n_in, ptrdiff_t n_out) {
  const std::vector<LayerLayout> layout = LayOutPanels<T>({n_in, n_out});
  AlignedBuffer<T> arena(ArenaSize<T>(layout));
  Pack(arena.data(), Values<T>(static_cast<size_t>((n_in + 1) * n_out)).data(), layout);
  return arena;
}

template <typename T>
void Forward(benchmark::State& state, const Shape& s, Activation activation) {
  const Matrix<T> x(s.rows, s.n_in), y(s.rows, s.n_out);
  const AlignedBuffer<T> panels = Panels<T>(s.n_in, s.n_out);
  DenseArgs<T> args;
  args.y = y.rows();
  args.x = x.rows();
  args.panels = panels.data();
  args.rows = s.rows;
  args.n_in = s.n_in;
  args.n_out = s.n_out;
  args.col_end = s.n_out;
  args.activation = activation;
  Measure<T>(state, s.flops(), [&] { ActiveKernels<T>().dense(args); });
}

template <typename T>
void InputGradient(benchmark::State& state, const Shape& s) {
  const Matrix<T> dz(s.rows, s.n_out), y(s.rows, s.n_in), dx(s.rows, s.n_in);
  const AlignedBuffer<T> panels = Panels<T>(s.n_out, s.n_in);
  InputGradientArgs<T> args;
  args.dx = dx.rows();
  args.dz = dz.rows();
  args.panels = panels.data();
  args.rows = s.rows;
  args.n_in = s.n_in;
  args.n_out = s.n_out;
  args.activation = Activation::kRelu;
  args.padded = true;
  args.y = y.rows();
  Measure<T>(state, s.flops(), [&] { ActiveKernels<T>().input_gradient(args); });
}

// Part by part, as a step has them.
template <typename T>
void WeightGradient(benchmark::State& state, const Shape& s) {
  const Matrix<T> x(s.rows, s.n_in), dz(s.rows, s.n_out);
  const std::vector<LayerLayout> layout = LayOutPanels<T>({s.n_in, s.n_out});
  const LayerLayout& layer = layout[0];
  const AlignedBuffer<T> gradient(
      static_cast<size_t>(layer.n_panels * layer.panel_size));
  const std::vector<Part> parts = PartsOf(layout);
  Measure<T>(state, s.flops(), [&] {
    for (const Part& part : parts) {
      WeightGradientArgs<T> args;
      args.panel = gradient.data() + part.panel * layer.panel_size;
      args.n_panels = part.n_panels;
      args.panel_size = layer.panel_size;
      args.last_columns =
          ColumnsOfPanel<T>(layer.n_out, part.panel + part.n_panels - 1);
      args.x = x.rows();
      args.padded = true;
      args.dz = dz.rows();
      args.dz.data += part.panel * kPanel<T>;
      args.rows = s.rows;
      args.in_begin = part.in_begin;
      args.in_end = part.in_end;
      ActiveKernels<T>().weight_gradient(args);
    }
  });
}

template <typename T>
void RegisterType(const std::string& isa) {
  for (const Shape& s : kShapes) {
    const std::string shape = "/" + s.name();
    Register<T>("dense" + shape, isa, 1, [s](benchmark::State& state) {
      Forward<T>(state, s, Activation::kRelu);
    });
    Register<T>("dense_dx" + shape, isa, 1,
                [s](benchmark::State& state) { InputGradient<T>(state, s); });
    Register<T>("dense_dw" + shape, isa, 1,
                [s](benchmark::State& state) { WeightGradient<T>(state, s); });
  }
  for (const Activation phi : {Activation::kTanh, Activation::kGelu}) {
    const Shape s{192, 64, 64};
    Register<T>(std::string("dense_") + kActivationNames[static_cast<int>(phi)] + "/" +
                    s.name(),
                isa, 1,
                [s, phi](benchmark::State& state) { Forward<T>(state, s, phi); });
  }
}

}  // namespace

void RegisterDense(const Choice& choice) {
  for (const std::string& isa : choice.isas) {
    RegisterType<float>(isa);
    RegisterType<double>(isa);
  }
}

}  // namespace mlpcore::bench
