// The table of this instruction set; included last, once, by each source in isa/.
#ifndef MLPCORE_KERNELS_TABLE_INL_H_
#define MLPCORE_KERNELS_TABLE_INL_H_

#include "kernels/dense-inl.h"
#include "kernels/dropout-inl.h"
#include "kernels/elementwise-inl.h"
#include "kernels/fingerprint-inl.h"
#include "kernels/gather-inl.h"
#include "kernels/loss-inl.h"
#include "kernels/optimizer-inl.h"
#include "kernels/peak-inl.h"
#include "kernels/philox-inl.h"
#include "kernels/sideways-inl.h"
#include "kernels/transpose-inl.h"
#include "kernels/weight_gradient-inl.h"

#define MLPCORE_STRING_OF(name) #name
#define MLPCORE_STRING(name) MLPCORE_STRING_OF(name)

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

// Half a panel has a tile of its own, which gains nothing where a panel is one vector.
template <typename T>
constexpr ptrdiff_t kColumnUnit = kVectors<T> == 1 ? kPanel<T> : kPanel<T> / 2;

template <typename T>
constexpr KernelTable<T> MakeTable() {
  return {
      MLPCORE_STRING(MLPCORE_ISA),
      kTileRows,
      kGroupRows<T>,
      kColumnUnit<T>,
      &Dense<T>,
      &DenseSideways<T>,
      &RowsToGroups<T>,
      &GroupsToRows<T>,
      &InputGradient<T>,
      &WeightGradient<T>,
      &GatherRows<T>,
      [](Activation phi, Rows<T> y, Rows<T> derivative, Rows<const T> z, ptrdiff_t rows,
         ptrdiff_t n) { Activate<T>(phi, false, y, derivative, z, rows, n, false); },
      [](Activation phi, Rows<T> dz, Rows<const T> dy, Rows<const T> y,
         Rows<const T> derivative, ptrdiff_t rows, ptrdiff_t n) {
        ActivationGradient<T>(phi, dz, dy, y, derivative, rows, n, false,
                              DropTiny<T>(false));
      },
      &Softmax<T>,
      &LossRows<T>,
      &Update<T>,
      &Add<T>,
      &SumSquares<T>,
      &AllFinite<T>,
      &Fingerprint,
      &Dropout<T>,
      &RandomBlocks,
      &TransposePanel<T>,
      &MapFunction<T>,
      &MultiplyAddLoop<T>,
      kFlopsOfStep<T>};
}
constexpr KernelTable<float> kTable32 = MakeTable<float>();
constexpr KernelTable<double> kTable64 = MakeTable<double>();

}  // namespace

const KernelTable<float>& Kernels32() { return kTable32; }
const KernelTable<double>& Kernels64() { return kTable64; }

}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_TABLE_INL_H_
