// The two products that carry the gradient back, each with the oracle's bits.
#include "oracle.h"
#include "testing.h"

namespace mlpcore::testing {
namespace {

// dW and db of whole layers by the kernel: panel by panel, chunk by chunk, the inputs
// of a panel in parts of `part`.
template <typename T>
std::vector<T> RunWeightGradient(const Framed<T>& x, const Framed<T>& dz,
                                 ptrdiff_t rows, ptrdiff_t n_in, ptrdiff_t n_out,
                                 ptrdiff_t part, bool padded) {
  const std::vector<LayerLayout> layout = LayOutPanels<T>({n_in, n_out});
  AlignedBuffer<T> gradient(ArenaSize<T>(layout));
  std::fill_n(gradient.data(), gradient.size(), Canary<T>());  // to be overwritten
  const ptrdiff_t most_panels = 1 + part % 3;
  for (ptrdiff_t p = 0; p < layout[0].n_panels; p += most_panels) {
    for (ptrdiff_t begin = 0; begin < n_in; begin += part) {
      for (ptrdiff_t chunk = 0; chunk < rows; chunk += kBlockTerms) {
        WeightGradientArgs<T> args;
        args.panel = gradient.data() + p * layout[0].panel_size;
        args.n_panels = std::min(most_panels, layout[0].n_panels - p);
        args.last_columns = ColumnsOfPanel<T>(n_out, p + args.n_panels - 1);
        args.padded = padded;
        args.panel_size = layout[0].panel_size;
        args.x = x.rows().From(chunk);
        args.dz = dz.rows().From(chunk);
        args.dz.data += p * kPanel<T>;
        args.rows = std::min(kBlockTerms, rows - chunk);
        args.in_begin = begin;
        args.in_end = std::min(n_in, begin + part);
        args.accumulate = chunk > 0;
        ActiveKernels<T>().weight_gradient(args);
      }
    }
  }
  std::vector<T> flat(static_cast<size_t>((n_in + 1) * n_out));
  Unpack(flat.data(), gradient.data(), layout);
  // What is no weight has the gradient 0.
  ptrdiff_t padding = 0;
  for (ptrdiff_t i = 0; i <= n_in; ++i) {
    for (ptrdiff_t j = n_out; j < layout[0].n_panels * kPanel<T>; ++j) {
      const T value = gradient.data()[j / kPanel<T> * layout[0].panel_size +
                                      i * kPanel<T> + j % kPanel<T>];
      padding += BitsOf(value) != 0;
    }
  }
  CHECK(padding == 0);
  return flat;
}

// Rows with zeros in the padding columns, as the kernel asks for in dz.
template <typename T>
Framed<T> PadColumns(const std::vector<T>& a, ptrdiff_t rows, ptrdiff_t columns) {
  const ptrdiff_t padded = RoundUp(columns, kPanel<T>);
  std::vector<T> wide(static_cast<size_t>(rows * padded));
  for (ptrdiff_t i = 0; i < rows; ++i) {
    std::copy_n(a.data() + i * columns, columns, wide.data() + i * padded);
  }
  return Framed<T>(wide, rows, padded, 2, 3);
}

template <typename T>
void CheckInputGradient(ptrdiff_t n_in, ptrdiff_t n_out) {
  constexpr ptrdiff_t kMostRows = 26;
  const std::vector<T> dz = NoiseVector<T>(static_cast<size_t>(kMostRows * n_out), 11);
  const std::vector<T> w = NoiseVector<T>(static_cast<size_t>((n_in + 1) * n_out), 12);
  const std::vector<T> y = NoiseVector<T>(static_cast<size_t>(kMostRows * n_in), 13);
  std::vector<T> w_transposed(static_cast<size_t>((n_out + 1) * n_in));
  for (ptrdiff_t i = 0; i < n_in; ++i) {
    for (ptrdiff_t j = 0; j < n_out; ++j) {
      w_transposed[static_cast<size_t>(j * n_in + i)] =
          w[static_cast<size_t>(i * n_out + j)];
    }
  }
  const PackedLayer<T> layer(w_transposed, n_out, n_in);
  const std::vector<T> fused = OracleInputGradient(true, dz, w, kMostRows, n_in, n_out);
  const std::vector<T> unfused =
      OracleInputGradient(false, dz, w, kMostRows, n_in, n_out);
  OnEveryIsa([&] {
    const std::vector<T>& oracle = ActiveIsaHasFma() ? fused : unfused;
    for (const ptrdiff_t rows : {1, 2, 3, 5, 6, 7, 11, 12, 13, 23, 24, 25, 26}) {
      CAPTURE(rows);
      const size_t n = static_cast<size_t>(rows * n_in);
      const Framed<T> in(dz, rows, n_out, rows % 3, rows % 5);
      const Framed<T> outputs(y, rows, n_in, rows % 4, 1);
      const Framed<T> out(rows, n_in, rows % 2, rows % 7);
      InputGradientArgs<T> args;
      args.dx = out.rows();
      args.dz = in.rows();
      args.panels = layer.arena.data();
      args.rows = rows;
      args.n_in = n_in;
      args.n_out = n_out;
      ActiveKernels<T>().input_gradient(args);
      CHECK(FirstDifference(out.Dense().data(), oracle.data(), n) == -1);

      // phi' from y, and from a derivative, which goes first.
      std::vector<T> with_tanh(oracle.begin(),
                               oracle.begin() + static_cast<ptrdiff_t>(n));
      std::vector<T> with_derivative = with_tanh;
      for (size_t i = 0; i < n; ++i) {
        with_tanh[i] *= (1 - y[i]) * (1 + y[i]);
        with_derivative[i] *= y[i];
      }
      args.activation = Activation::kTanh;
      args.y = outputs.rows();
      ActiveKernels<T>().input_gradient(args);
      CHECK(FirstDifference(out.Dense().data(), with_tanh.data(), n) == -1);
      args.derivative = outputs.rows();
      ActiveKernels<T>().input_gradient(args);
      CHECK(FirstDifference(out.Dense().data(), with_derivative.data(), n) == -1);
      CHECK(out.FrameIsIntact());

      // In a training phi' and products below 2^-58 are 0, of float32.
      std::vector<T> tiny = y;
      for (T& t : tiny) t *= T(0x1p-57);
      const Framed<T> slopes(tiny, rows, n_in, 3, 2);
      args.derivative = slopes.rows();
      for (const bool drops : {false, true}) {
        args.drops_tiny = drops;
        ActiveKernels<T>().input_gradient(args);
        std::vector<T> expected(oracle.begin(),
                                oracle.begin() + static_cast<ptrdiff_t>(n));
        for (size_t i = 0; i < n; ++i) {
          expected[i] *= tiny[i];
          const T least = std::fmin(std::fabs(expected[i]), std::fabs(tiny[i]));
          if (drops && sizeof(T) == 4 && least < T(0x1p-58)) expected[i] = 0;
        }
        CHECK(FirstDifference(out.Dense().data(), expected.data(), n) == -1);
      }
      args.drops_tiny = false;

      // relu's, of padded rows: some are the tiles' affair, unless weights are far.
      const Framed<T> padded_outputs = PadColumns(y, rows, n_in);
      const Framed<T> padded(rows, RoundUp(n_in, kPanel<T>), 2, 3);
      args.dx = padded.rows();
      args.y = padded_outputs.rows();
      args.derivative = {};
      args.activation = Activation::kRelu;
      args.padded = true;
      for (const bool far : {false, true}) {
        args.far_panels = far;
        ActiveKernels<T>().input_gradient(args);
        ptrdiff_t differences = 0;
        for (ptrdiff_t i = 0; i < rows; ++i) {
          for (ptrdiff_t j = 0; j < n_in; ++j) {
            const size_t at = static_cast<size_t>(i * n_in + j);
            const T expected = oracle[at] * (y[at] > 0 ? T(1) : T(0));
            differences += BitsOf(padded.at(i, j)) != BitsOf(expected);
          }
        }
        CHECK(differences == 0);
        CHECK(padded.FrameIsIntact());
      }
    }
  });
}

}  // namespace

TEST_SUITE("dense_gradient") {
  TEST_CASE_TEMPLATE("input gradient has the oracle's bits", T, float, double) {
    for (const ptrdiff_t n_out : {1, 3, 16, 255, 256, 257, 600}) {
      for (const ptrdiff_t n_in : {1, 7, 8, 9, 15, 16, 17, 33, 50}) {
        CAPTURE(n_in);
        CAPTURE(n_out);
        CheckInputGradient<T>(n_in, n_out);
      }
    }
  }

  TEST_CASE_TEMPLATE("weight gradient has the oracle's bits", T, float, double) {
    for (const ptrdiff_t rows : {1, 3, 7, 255, 256, 257, 600}) {
      for (const ptrdiff_t n_in : {1, 5, 6, 7, 11, 12, 13, 23, 24, 25, 130}) {
        for (const ptrdiff_t n_out : {1, 7, 8, 9, 15, 16, 17}) {
          CAPTURE(rows);
          CAPTURE(n_in);
          CAPTURE(n_out);
          const std::vector<T> x = NoiseVector<T>(static_cast<size_t>(rows * n_in), 14);
          const std::vector<T> dz =
              NoiseVector<T>(static_cast<size_t>(rows * n_out), 15);
          const std::vector<T> fused =
              OracleWeightGradient(true, x, dz, rows, n_in, n_out);
          const std::vector<T> unfused =
              OracleWeightGradient(false, x, dz, rows, n_in, n_out);
          const Framed<T> in(x, rows, n_in, 1, 5);
          const Framed<T> padded_in = PadColumns(x, rows, n_in);
          const Framed<T> padded_dz = PadColumns(dz, rows, n_out);
          const auto run = [&](const Framed<T>& rows_of_x, ptrdiff_t part,
                               bool padded) {
            return RunWeightGradient(rows_of_x, padded_dz, rows, n_in, n_out, part,
                                     padded);
          };
          OnEveryIsa([&] {
            const std::vector<T>& oracle = ActiveIsaHasFma() ? fused : unfused;
            CHECK(FirstDifference(run(in, n_in, false), oracle) == -1);
            CHECK(FirstDifference(run(in, 9, false), oracle) == -1);
            CHECK(FirstDifference(run(padded_in, n_in, true), oracle) == -1);
            CHECK(FirstDifference(run(padded_in, 3 * kPanel<T>, true), oracle) == -1);
          });
        }
      }
    }
  }
}

}  // namespace mlpcore::testing
