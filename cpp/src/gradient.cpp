#include "mlpcore/gradient.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <utility>
#include <vector>

#include "aligned_buffer.h"
#include "caches.h"
#include "dispatch.h"
#include "forward.h"
#include "packing.h"
#include "pool.h"
#include "row_pass.h"
#include "step_cut.h"
#include "transposed_panels.h"

namespace mlpcore {
namespace {

// Of a chunk that is run apart: what somebody has begun, and how many blocks of rows
// are done.
struct alignas(kCacheLine) ChunkProgress {
  std::atomic<ptrdiff_t> next_block{0}, blocks{0}, next_part{0};
  void Reset() {
    next_block = 0;
    blocks = 0;
    next_part = 0;
  }
};

// Of a part: how many chunks' gradients of it are there.
struct alignas(kCacheLine) PartProgress {
  std::atomic<ptrdiff_t> chunks{0};
};

// Where the lines of a part go: its first panel, whose line after the head is input
// in_origin's.
template <typename T>
struct PartTarget {
  T* panel;
  ptrdiff_t panel_size, in_origin;
};

}  // namespace

template <typename T>
struct GradientEngine<T>::Workspace {
  explicit Workspace(std::shared_ptr<Network<T>> of)
      : network(std::move(of)),
        transposed(*network),
        pass(*network, transposed),
        parts(PartsOf(network->layout())),
        part_progress(parts.size()) {}

  void BeginBatch(const Batch<T>& batch, const GradientOptions& options, bool by_part);
  // A group of rows: forward and back, then what it adds to each part of the gradient;
  // which goes to use_part, if there is one, and if the loss is finite.
  void RunTogether(const UsePart* use_part);
  void RunApart(const UsePart* use_part);
  void WorkOn(ptrdiff_t chunk, const UsePart* use_part);
  void SumTogether(const Part& part, const PartTarget<T>& to) const;
  void SumApart(const Part& part);
  void AddChunkSums();
  void WeightGradient(const Part& part, ptrdiff_t first, ptrdiff_t rows,
                      bool accumulate, const PartTarget<T>& to,
                      const SweptLines<T>* swept) const;
  // What use_part reads and writes with a part.
  SweptLines<T> SweptWith(const Part& part) const;

  PartTarget<T> PlaceOf(const Part& part, T* arena) const {
    const LayerLayout& layer = LayerOf(*network, part);
    return {arena + layer.offset + part.panel * layer.panel_size, layer.panel_size, 0};
  }
  PartGradient<T> GradientOf(const Part& part) const {
    const LayerLayout& layer = LayerOf(*network, part);
    return {gradient.data() + OffsetOfLines<T>(layer, part, 0), layer.panel_size};
  }
  ptrdiff_t n_chunks() const { return DivUp(group_rows, chunk_rows); }
  ptrdiff_t RowsOfChunk(ptrdiff_t chunk) const {
    return std::min(chunk_rows, group_rows - chunk * chunk_rows);
  }
  // A group's first chunk goes straight to the sum.
  T* ChunkGradient(ptrdiff_t chunk) const {
    return chunk == 0 ? gradient.data()
                      : chunk_gradients[static_cast<size_t>(chunk) - 1].data();
  }

  std::shared_ptr<Network<T>> network;
  TransposedPanels<T> transposed;
  RowPass<T> pass;
  std::vector<Part> parts;
  AlignedBuffer<T> gradient;                      // empty until it is needed as a whole
  std::vector<AlignedBuffer<T>> chunk_gradients;  // apart: of a group, but the first

  const KernelTable<T>* kernels = nullptr;
  int threads = 1;  // that the last batch got
  ptrdiff_t chunk_rows = 0, most_group_rows = 0;
  bool apart = false;
  bool at_once = false;  // a part is complete as soon as it is begun
  const T* moments[2] = {};
  bool sweeps_far = false;  // use_part comes next, for what is not in the caches
  Evaluation result;

  ptrdiff_t group_first = 0, group_rows = 0;
  std::vector<Evaluation> chunk_sums;
  // Apart.
  std::vector<ChunkProgress> progress;
  std::vector<PartProgress> part_progress;
  std::atomic<ptrdiff_t> chunks_summed{0}, result_known{0};
};

template <typename T>
void GradientEngine<T>::Workspace::BeginBatch(const Batch<T>& batch,
                                              const GradientOptions& options,
                                              bool by_part) {
  kernels = &ActiveKernels<T>();
  result = Evaluation{};
  double weight = static_cast<double>(batch.rows);
  if (batch.weights) {
    weight = 0;
    for (ptrdiff_t i = 0; i < batch.rows; ++i) {
      weight += static_cast<double>(batch.weights[batch.order ? batch.order[i] : i]);
    }
  }
  threads =
      options.threads > 0 ? options.threads : ThreadsFor(WorkOf(*network, batch.rows));
  const Chunks chunks = ChunksOf(*network, batch.rows);
  chunk_rows = chunks.rows;
  apart =
      chunks.may_be_apart && threads > 1 && DivUp(batch.rows, chunk_rows) >= threads;
  // A group is a chunk of rows for each thread.
  most_group_rows = std::min(batch.rows, static_cast<ptrdiff_t>(threads) * chunk_rows);
  at_once = by_part && !apart && most_group_rows == batch.rows;
  sweeps_far = by_part && !apart && network->weights_are_far();
  if (gradient.size() == 0 && !at_once) {
    gradient = AlignedBuffer<T>(network->arena_size());
  }
  const size_t n = static_cast<size_t>(DivUp(most_group_rows, chunk_rows));
  while (apart && chunk_gradients.size() + 1 < n) {
    chunk_gradients.emplace_back(network->arena_size());
  }
  chunk_sums.resize(n);
  if (apart && progress.size() < n) progress = std::vector<ChunkProgress>(n);
  pass.BeginBatch(batch, options, OverWeight(1, weight), most_group_rows);
  transposed.RefreshAll();
}

template <typename T>
void GradientEngine<T>::Workspace::AddChunkSums() {
  for (ptrdiff_t chunk = 0; chunk < n_chunks(); ++chunk) {
    result.Add(chunk_sums[static_cast<size_t>(chunk)]);
  }
}

template <typename T>
void GradientEngine<T>::Workspace::RunTogether(const UsePart* use_part) {
  const ptrdiff_t block =
      RowsOfTask(network->block_rows(), group_rows, threads, kernels->tile_rows);
  const auto run_block = [&](ptrdiff_t task) {
    const ptrdiff_t first = task * block;
    pass.Run(first, std::min(block, group_rows - first));
  };
  ParallelFor(DivUp(group_rows, block), threads, run_block, Claim::kFromBothEnds);
  for (ptrdiff_t chunk = 0; chunk < n_chunks(); ++chunk) {
    chunk_sums[static_cast<size_t>(chunk)] =
        pass.Sums(chunk * chunk_rows, RowsOfChunk(chunk));
  }
  AddChunkSums();
  if (use_part && !std::isfinite(result.loss)) return;
  const auto run_part = [&](ptrdiff_t task) {
    const Part& part = parts[static_cast<size_t>(task)];
    if (at_once) {
      alignas(kCacheLine) T lines[(kPartPanels + kMostPartLines) * kPanel<T>];
      const ptrdiff_t panel_size = (1 + part.in_end - part.in_begin) * kPanel<T>;
      SumTogether(part, {lines, panel_size, part.in_begin});
      const T* first_line = lines + (part.in_begin == 0 ? 0 : kPanel<T>);
      return (*use_part)(part, {first_line, panel_size});
    }
    SumTogether(part, PlaceOf(part, gradient.data()));
    if (use_part) (*use_part)(part, GradientOf(part));
  };
  ParallelFor(static_cast<ptrdiff_t>(parts.size()), threads, run_part,
              Claim::kFromBothEnds);
}

// A task for each chunk, the first for the caller and the others for the workers; and
// between them one for each thread but one, for who is done first: it helps the others.
// Two virtual processors are often not equally fast, and a chunk is half of a step:
// beside a thread of half the speed steps took a quarter to a third longer without.
template <typename T>
void GradientEngine<T>::Workspace::RunApart(const UsePart* use_part) {
  for (ptrdiff_t chunk = 0; chunk < n_chunks(); ++chunk) {
    progress[static_cast<size_t>(chunk)].Reset();
  }
  for (PartProgress& part : part_progress) part.chunks = 0;
  chunks_summed = 0;
  result_known = 0;
  const auto run_chunk = [&](ptrdiff_t task) {
    if (task == 0) return WorkOn(0, use_part);
    if (task >= threads) return WorkOn(task - threads + 1, use_part);
    for (ptrdiff_t chunk = 0; chunk < n_chunks(); ++chunk) WorkOn(chunk, use_part);
  };
  ParallelFor(n_chunks() + threads - 1, threads, run_chunk, Claim::kFromBothEnds);
}

// As much of a chunk as nobody else has begun. Who is the last to have a part's
// gradient adds up those of all chunks, and uses it; no chunk needs the weights any
// more then. Each chunk begins with other parts, so that each thread is the last with
// as many, in every step with the same ones, whose weights and moments stay in its
// cache.
template <typename T>
void GradientEngine<T>::Workspace::WorkOn(ptrdiff_t chunk, const UsePart* use_part) {
  const ptrdiff_t first = chunk * chunk_rows, rows = RowsOfChunk(chunk);
  const ptrdiff_t block =
      RowsOfTask(network->block_rows(), rows, 1, kernels->tile_rows);
  const ptrdiff_t n_blocks = DivUp(rows, block);
  const ptrdiff_t n_parts = static_cast<ptrdiff_t>(parts.size());
  ChunkProgress& at = progress[static_cast<size_t>(chunk)];
  for (ptrdiff_t i; (i = at.next_block.fetch_add(1)) < n_blocks;) {
    const ptrdiff_t row = i * block;
    pass.Run(first + row, std::min(block, rows - row));
    if (at.blocks.fetch_add(1) + 1 == n_blocks) {  // the last one
      chunk_sums[static_cast<size_t>(chunk)] = pass.Sums(first, rows);
      if (chunks_summed.fetch_add(1) + 1 == n_chunks()) {
        AddChunkSums();
        result_known = 1;
      }
    }
  }
  if (at.next_part.load() >= n_parts) return;
  AwaitOthers(at.blocks, n_blocks);
  const ptrdiff_t first_part = chunk * n_parts / n_chunks();
  for (ptrdiff_t i; (i = at.next_part.fetch_add(1)) < n_parts;) {
    const auto index = static_cast<size_t>((first_part + i) % n_parts);
    const Part& part = parts[index];
    WeightGradient(part, first, rows, chunk == 0 && group_first > 0,
                   PlaceOf(part, ChunkGradient(chunk)), nullptr);
    if (part_progress[index].chunks.fetch_add(1) + 1 < n_chunks()) continue;
    SumApart(part);
    AwaitOthers(result_known, 1);
    if (use_part && std::isfinite(result.loss)) (*use_part)(part, GradientOf(part));
  }
}

template <typename T>
void GradientEngine<T>::Workspace::SumTogether(const Part& part,
                                               const PartTarget<T>& to) const {
  SweptLines<T> swept;
  if (sweeps_far) swept = SweptWith(part);
  for (ptrdiff_t chunk = 0; chunk < n_chunks(); ++chunk) {
    const bool asks = sweeps_far && chunk + 1 == n_chunks();
    WeightGradient(part, chunk * chunk_rows, RowsOfChunk(chunk),
                   group_first + chunk > 0, to, asks ? &swept : nullptr);
  }
}

template <typename T>
SweptLines<T> GradientEngine<T>::Workspace::SweptWith(const Part& part) const {
  const LayerLayout& layer = LayerOf(*network, part);
  const ptrdiff_t at = OffsetOfLines<T>(layer, part, 0);
  SweptLines<T> swept;
  swept.arrays[0] = network->arena() + at;
  for (size_t i = 0; i < 2; ++i) {
    if (moments[i]) swept.arrays[1 + i] = moments[i] + at;
  }
  swept.panel_size = layer.panel_size;
  swept.asks_for_rows = AsksForFarRows();
  if (part.layer > 0) {
    swept.transposed = transposed.LineOf(part);
    swept.transposed_panel_size = transposed.PanelSizeOf(part.layer);
  }
  return swept;
}

template <typename T>
void GradientEngine<T>::Workspace::SumApart(const Part& part) {
  const LayerLayout& layer = LayerOf(*network, part);
  const ptrdiff_t n = part.n_lines() * kPanel<T>;
  for (ptrdiff_t chunk = 1; chunk < n_chunks(); ++chunk) {
    for (ptrdiff_t p = 0; p < part.n_panels; ++p) {
      const ptrdiff_t at = OffsetOfLines<T>(layer, part, p);
      kernels->add(gradient.data() + at, ChunkGradient(chunk) + at, n);
    }
  }
}

// One part over some rows, a chunk.
template <typename T>
void GradientEngine<T>::Workspace::WeightGradient(const Part& part, ptrdiff_t first,
                                                  ptrdiff_t rows, bool accumulate,
                                                  const PartTarget<T>& to,
                                                  const SweptLines<T>* swept) const {
  const LayerLayout& layer = LayerOf(*network, part);
  const Rows<const T> dz = pass.FieldGradientOf(part.layer, first);
  WeightGradientArgs<T> args;
  args.panel = to.panel;
  args.panel_size = to.panel_size;
  args.in_origin = to.in_origin;
  args.n_panels = part.n_panels;
  args.last_columns = ColumnsOfPanel<T>(layer.n_out, part.panel + part.n_panels - 1);
  args.padded = pass.InputIsPadded(part.layer);
  args.in_begin = part.in_begin;
  args.in_end = part.in_end;
  args.x = pass.InputOf(part.layer, first);
  args.dz = {dz.data + part.panel * kPanel<T>, dz.stride};
  args.rows = rows;
  args.accumulate = accumulate;
  args.swept = swept;
  kernels->weight_gradient(args);
}

template <typename T>
GradientEngine<T>::GradientEngine(std::shared_ptr<Network<T>> network)
    : work_(std::make_unique<Workspace>(std::move(network))) {}
template <typename T>
GradientEngine<T>::~GradientEngine() = default;
template <typename T>
GradientEngine<T>::GradientEngine(GradientEngine&&) noexcept = default;

template <typename T>
bool GradientEngine<T>::Compute(const Batch<T>& batch, const GradientOptions& options,
                                const ShouldStop& should_stop,
                                const UsePart& use_part) {
  Workspace& work = *work_;
  work.BeginBatch(batch, options, use_part != nullptr);
  for (ptrdiff_t first = 0; first < batch.rows; first += work.most_group_rows) {
    if (first > 0 && should_stop && should_stop()) return false;
    work.group_first = first;
    work.group_rows = std::min(work.most_group_rows, batch.rows - first);
    const bool is_complete = first + work.group_rows == batch.rows;
    const UsePart* use = use_part && is_complete ? &use_part : nullptr;
    work.pass.BeginGroup(first);
    work.apart ? work.RunApart(use) : work.RunTogether(use);
  }
  return true;
}

template <typename T>
void GradientEngine<T>::SetSwept(const T* moment1, const T* moment2) {
  work_->moments[0] = moment1;
  work_->moments[1] = moment2;
}
template <typename T>
const std::vector<Part>& GradientEngine<T>::parts() const {
  return work_->parts;
}
template <typename T>
void GradientEngine<T>::ForEachPart(const UsePart& use_part) const {
  const Workspace& work = *work_;
  const auto use = [&](ptrdiff_t task) {
    const Part& part = work.parts[static_cast<size_t>(task)];
    use_part(part, work.GradientOf(part));
  };
  ParallelFor(static_cast<ptrdiff_t>(work.parts.size()), work.threads, use,
              Claim::kFromBothEnds);
}

template <typename T>
T* GradientEngine<T>::gradient() {
  return work_->gradient.data();
}
template <typename T>
const Evaluation& GradientEngine<T>::result() const {
  return work_->result;
}
template <typename T>
void GradientEngine<T>::CopyGradient(T* flat) const {
  Unpack(flat, work_->gradient.data(), work_->network->layout());
}

template <typename T>
void GradientEngine<T>::RefreshTransposed(const Part& part) {
  work_->transposed.Refresh(part);
}
template <typename T>
void GradientEngine<T>::MarkRefreshed() {
  work_->transposed.MarkRefreshed();
}

template class GradientEngine<float>;
template class GradientEngine<double>;

}  // namespace mlpcore
