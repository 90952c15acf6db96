// The rows of a matrix z for functions of a whole row (softmax, losses): vectors lie
// along a row or across rows.
//
//   AlongRow     one row; a vector holds neighbouring columns of it
//   AcrossRows   up to kLanes rows; a vector holds one column of all of them
//
// A function is written once over either: what belongs to a row (its maximum, a sum, a
// label) is a vector in both, with equal lanes in AlongRow. Column c is summed in
// virtual lane c mod kPanel, and lanes are combined by one tree, so both give the same
// bits. AcrossRows is for narrow rows: three classes fill three lanes of sixteen.
#ifndef MLPCORE_KERNELS_ROW_GROUP_INL_H_
#define MLPCORE_KERNELS_ROW_GROUP_INL_H_

#include "kernels/columns-inl.h"
#include "kernels/rows-inl.h"

namespace mlpcore {
namespace MLPCORE_ISA {
namespace {

template <typename T>
MLPCORE_INLINE T NegativeInfinity() {
  return static_cast<T>(-__builtin_inf());
}

// The sums of a row's virtual lanes. Each keeps what its additions round away (TwoSum,
// Knuth 1969), so that the error does not grow with the width of the row: with one
// chain a lane, softmax of 300 equal logits was off by 19 ULP in float32 and 38 in
// float64.
template <typename T, int kSlots>
struct LaneSums {
  V<T> sum[kSlots], lost[kSlots];

  // Each slot's first term sets it; AlongRow reads slots without terms too.
  MLPCORE_INLINE LaneSums() {
    if constexpr (kSlots == kVectors<T>) {
      for (int i = 0; i < kSlots; ++i) sum[i] = lost[i] = V<T>{};
    }
  }
  // Term k goes to slot k mod kSlots; k counts up from 0.
  MLPCORE_INLINE void Add(ptrdiff_t k, V<T> term) {
    if (k < kSlots) {
      sum[k] = V<T>{} + term;  // never -0
      lost[k] = V<T>{};
      return;
    }
    const ptrdiff_t slot = k % kSlots;
    const V<T> before = sum[slot], after = before + term;
    const V<T> added = after - before;
    lost[slot] += (before - (after - added)) + (term - added);
    sum[slot] = after;
  }
};
// sum + lost, where lost is NaN beside an infinity.
template <typename T>
MLPCORE_INLINE V<T> WithLost(V<T> sum, V<T> lost) {
  return sum + Select<T>(lost == lost, lost, V<T>{});
}

template <typename T>
class AlongRow {
 public:
  using Sums = LaneSums<T, kVectors<T>>;

  // z past the end of the row is `fill`.
  AlongRow(Rows<const T> z, ptrdiff_t row, ptrdiff_t n, T fill)
      : z_(z.Row(row)), row_(row), n_(n), fill_(fill) {}

  MLPCORE_INLINE ptrdiff_t begin() const { return row_; }
  MLPCORE_INLINE ptrdiff_t end() const { return row_ + 1; }
  MLPCORE_INLINE ptrdiff_t n_vectors() const { return DivUp<ptrdiff_t>(n_, kLanes<T>); }
  MLPCORE_INLINE I<T> Column(ptrdiff_t k) const {
    return Iota<T>() + static_cast<typename Float<T>::Int>(k * kLanes<T>);
  }
  MLPCORE_INLINE I<T> Exists(ptrdiff_t k) const {
    return Column(k) < static_cast<typename Float<T>::Int>(n_);
  }
  MLPCORE_INLINE V<T> Z(ptrdiff_t k) const { return LoadFrom(z_, k, fill_); }
  MLPCORE_INLINE V<T> ZAt(I<T> column) const { return Set<T>(z_[column[0]]); }

  // Another matrix of the same shape.
  MLPCORE_INLINE V<T> Get(Rows<const T> m, ptrdiff_t k, T fill) const {
    return LoadFrom(m.Row(row_), k, fill);
  }
  MLPCORE_INLINE void Put(V<T> v, Rows<T> m, ptrdiff_t k) const {
    const ptrdiff_t left = n_ - k * kLanes<T>;
    T* p = m.Row(row_) + k * kLanes<T>;
    if (left >= kLanes<T>) return Store<T>(v, p);
    StoreN(v, p, left);
  }
  // What is needed again before the end: kept in the output matrix.
  MLPCORE_INLINE void Keep(V<T> v, Rows<T> m, ptrdiff_t k) { Put(v, m, k); }
  MLPCORE_INLINE V<T> Kept(Rows<T> m, ptrdiff_t k) const { return Get(m, k, T(0)); }

  // One number a row.
  MLPCORE_INLINE V<T> Of(const T* values) const { return Set(values[row_]); }
  template <typename F>
  MLPCORE_INLINE I<T> OfEach(F f) const {
    return Broadcast(f(row_));
  }
  MLPCORE_INLINE I<T> Of(const int32_t* values) const {
    return Broadcast(values[row_]);
  }
  MLPCORE_INLINE void SetOf(V<T> v, T* values) const { values[row_] = v[0]; }
  MLPCORE_INLINE void SetOf(I<T> v, int32_t* values) const {
    values[row_] = static_cast<int32_t>(v[0]);
  }

  static MLPCORE_INLINE Sums NoSums() { return {}; }
  // Uses the sums up.
  MLPCORE_INLINE V<T> RowSum(Sums& sums) const {
    const V<T> sum = Combine(sums.sum);
    return n_ <= kPanel<T> ? sum : WithLost<T>(sum, Combine(sums.lost));
  }
  // The largest z that is not NaN; -inf if there is none. `fill` must be -inf.
  MLPCORE_INLINE V<T> RowMax() const {
    V<T> most = Z(0);
    most = Select<T>(most == most, most, Set<T>(fill_));
    for (ptrdiff_t k = 1; k < n_vectors(); ++k) {
      most = Max<T>(Z(k), most);
    }
    T m = most[0];
    for (int i = 1; i < kLanes<T>; ++i) m = most[i] > m ? most[i] : m;
    return Set<T>(m);
  }
  // The first column with z = value; n if there is none.
  MLPCORE_INLINE I<T> FirstEqual(V<T> value) const {
    const T wanted = value[0];
    ptrdiff_t j = 0;
    while (j < n_ && !(z_[j] == wanted)) ++j;
    return Broadcast(j);
  }

 private:
  MLPCORE_INLINE V<T> Combine(const V<T> (&slots)[kVectors<T>]) const {
    Line<T> line;
    for (int v = 0; v < kVectors<T>; ++v) line.v[v] = slots[v];
    return Set<T>(Sum(line));
  }
  static MLPCORE_INLINE I<T> Broadcast(ptrdiff_t value) {
    return I<T>{} + static_cast<typename Float<T>::Int>(value);
  }
  MLPCORE_INLINE V<T> LoadFrom(const T* row, ptrdiff_t k, T fill) const {
    const ptrdiff_t left = n_ - k * kLanes<T>;
    const T* p = row + k * kLanes<T>;
    if (left >= kLanes<T>) return Load(p);
    return Select<T>(Iota<T>() < static_cast<typename Float<T>::Int>(left),
                     LoadN(p, left), Set<T>(fill));
  }

  const T* z_;
  ptrdiff_t row_, n_;
  T fill_;
};

template <typename T>
class AcrossRows {
 public:
  static constexpr int kSlots = static_cast<int>(kPanel<T>);
  using Sums = LaneSums<T, kSlots>;
  // With more, along the row is as fast: softmax of 96 columns takes 82 ns a row across
  // and 81 along, of 64 56 and 62, of 33 30 and 55 (Zen 4, AVX-512).
  static constexpr ptrdiff_t kMostColumns = 6 * kPanel<T>;

  // `count` rows from `row` on; lanes past them repeat the last one. n is at most
  // kMostColumns.
  MLPCORE_INLINE AcrossRows(Rows<const T> z, ptrdiff_t row, ptrdiff_t count,
                            ptrdiff_t n)
      : row_(row), count_(count), n_(n) {
    for (ptrdiff_t k = 0; k < n; k += kPiece<T>) Read(z_ + k, z, k);
  }
  // kLanes rows whose columns lie `stride` apart at z.
  MLPCORE_INLINE AcrossRows(const T* z, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t n)
      : row_(row), count_(kLanes<T>), n_(n) {
    for (ptrdiff_t k = 0; k < n; ++k) z_[k] = Load(z + k * stride);
  }

  MLPCORE_INLINE ptrdiff_t begin() const { return row_; }
  MLPCORE_INLINE ptrdiff_t end() const { return row_ + count_; }
  MLPCORE_INLINE ptrdiff_t n_vectors() const { return n_; }
  MLPCORE_INLINE I<T> Column(ptrdiff_t k) const {
    return I<T>{} + static_cast<typename Float<T>::Int>(k);
  }
  MLPCORE_INLINE I<T> Exists(ptrdiff_t) const { return ~I<T>{}; }
  MLPCORE_INLINE V<T> Z(ptrdiff_t k) const { return z_[k]; }
  MLPCORE_INLINE V<T> ZAt(I<T> column) const {
    V<T> v = z_[0];
    for (ptrdiff_t k = 1; k < n_; ++k) v = Select<T>(Column(k) == column, z_[k], v);
    return v;
  }

  // Columns of another matrix are asked for, and put, in order; they are read and
  // written piece by piece.
  MLPCORE_INLINE V<T> Get(Rows<const T> m, ptrdiff_t k, T) {
    if (k % kPiece<T> == 0) Read(read_, m, k);
    return read_[k % kPiece<T>];
  }
  MLPCORE_INLINE void Put(V<T> v, Rows<T> m, ptrdiff_t k) {
    if (count_ < kLanes<T>) return PutSome(v, m.Row(row_) + k, m.stride);
    // A lane of a short vector costs less than a piece of three: predict 4-16-16-3 was
    // 7 % slower by pieces on AVX2, 14 % on SSE2.
    if (kPieces<T> < 2 || (kPieces<T> < 4 && n_ % kPiece<T> == 3)) {
      for (int i = 0; i < kLanes<T>; ++i) m.Row(row_ + i)[k] = v[i];
      return;
    }
    written_[k % kPiece<T>] = v;
    if (k % kPiece<T> != kPiece<T> - 1 && k != n_ - 1) return;
    const ptrdiff_t first = k - k % kPiece<T>;
    WithColumnsLeft<T>(n_ - first, [&](auto columns) __attribute__((always_inline)) {
      WriteColumns<decltype(columns)::value>(written_, m.Row(row_) + first, m.stride);
    });
  }
  MLPCORE_INLINE void Keep(V<T> v, Rows<T>, ptrdiff_t k) { kept_[k] = v; }
  MLPCORE_INLINE V<T> Kept(Rows<T>, ptrdiff_t k) const { return kept_[k]; }

  MLPCORE_INLINE V<T> Of(const T* values) const {
    return count_ == kLanes<T> ? Load(values + row_) : LoadN(values + row_, count_);
  }
  MLPCORE_INLINE I<T> Of(const int32_t* values) const {
    if (sizeof(T) == sizeof *values && count_ == kLanes<T>) {
      I<T> v;
      memcpy(&v, values + row_, sizeof v);
      return v;
    }
    return OfEach([&](ptrdiff_t row) { return values[row]; });
  }
  // By way of memory: a lane of a vector is set in four instructions on AVX-512.
  template <typename F>
  MLPCORE_INLINE I<T> OfEach(F f) const {
    using Int = typename Float<T>::Int;
    alignas(kCacheLine) Int of_lane[kLanes<T>] = {};
    for (ptrdiff_t i = 0; i < count_; ++i) of_lane[i] = static_cast<Int>(f(row_ + i));
    I<T> v;
    memcpy(&v, of_lane, sizeof v);
    return v;
  }
  MLPCORE_INLINE void SetOf(V<T> v, T* values) const {
    if (count_ == kLanes<T>) return Store<T>(v, values + row_);
    StoreN(v, values + row_, count_);
  }
  MLPCORE_INLINE void SetOf(I<T> v, int32_t* values) const {
    alignas(kCacheLine) typename Float<T>::Int of_lane[kLanes<T>];
    memcpy(of_lane, &v, sizeof v);
    for (ptrdiff_t i = 0; i < count_; ++i) {
      values[row_ + i] = static_cast<int32_t>(of_lane[i]);
    }
  }

  static MLPCORE_INLINE Sums NoSums() { return {}; }
  // Uses the sums up.
  MLPCORE_INLINE V<T> RowSum(Sums& sums) const {
    const V<T> sum = Combine(sums.sum);
    return n_ <= kPanel<T> ? sum : WithLost<T>(sum, Combine(sums.lost));
  }
  MLPCORE_INLINE V<T> RowMax() const {
    V<T> most = Set<T>(NegativeInfinity<T>());
    for (ptrdiff_t k = 0; k < n_; ++k) {
      most = Max<T>(z_[k], most);
    }
    return most;
  }
  MLPCORE_INLINE I<T> FirstEqual(V<T> value) const {
    I<T> first = Column(n_);
    for (ptrdiff_t k = n_ - 1; k >= 0; --k) {
      first =
          (I<T>)Select<T>(z_[k] == value, FromBits<T>(Column(k)), FromBits<T>(first));
    }
    return first;
  }

 private:
  // Some columns of m, from k on, a piece of each row at a time.
  MLPCORE_INLINE void Read(V<T>* to, Rows<const T> m, ptrdiff_t k) const {
    const T* p = m.Row(row_) + k;
    const ptrdiff_t left = n_ - k;
    if (count_ < kLanes<T>) return ReadSome(to, p, m.stride, left);
    if constexpr (kPieces<T> < 2) {
      for (ptrdiff_t j = 0; j < left && j < kPiece<T>; ++j) {
        V<T> v;
        for (int i = 0; i < kLanes<T>; ++i) v[i] = p[i * m.stride + j];
        to[j] = v;
      }
      return;
    }
    WithColumnsLeft<T>(left, [&](auto columns) __attribute__((always_inline)) {
      constexpr int kCols = decltype(columns)::value;
      V<T> v[kPiece<T>];
      ReadColumns<kCols>(v, p, m.stride);
      for (int j = 0; j < kCols; ++j) to[j] = v[j];
    });
  }
  // Of fewer rows than lanes, by way of memory.
  __attribute__((noinline)) void ReadSome(V<T>* to, const T* p, ptrdiff_t stride,
                                          ptrdiff_t left) const {
    for (ptrdiff_t j = 0; j < left && j < kPiece<T>; ++j) {
      alignas(kCacheLine) T lane[kLanes<T>];
      for (ptrdiff_t i = 0; i < kLanes<T>; ++i) {
        lane[i] = p[(i < count_ ? i : count_ - 1) * stride + j];
      }
      to[j] = Load(lane);
    }
  }
  __attribute__((noinline)) void PutSome(V<T> v, T* p, ptrdiff_t stride) const {
    alignas(kCacheLine) T lane[kLanes<T>];
    Store<T>(v, lane);
    for (ptrdiff_t i = 0; i < count_; ++i) p[i * stride] = lane[i];
  }
  // AlongRow's tree, in place: a copy of some of the slots is a call of memcpy, before
  // which all vectors are saved. Lanes of columns that do not exist are +0 there, which
  // is left out here: no lane is -0, because each began with +0.
  MLPCORE_INLINE V<T> Combine(V<T> (&lane)[kSlots]) const {
    ptrdiff_t lanes = n_ < kSlots ? n_ : kSlots;
    for (ptrdiff_t half = kSlots / 2; half > 0; half /= 2) {
      for (ptrdiff_t i = 0; i + half < lanes; ++i) lane[i] += lane[i + half];
      lanes = lanes < half ? lanes : half;
    }
    return lane[0];
  }

  ptrdiff_t row_, count_, n_;
  V<T> read_[kPiece<T>], written_[kPiece<T>];
  V<T> z_[kMostColumns], kept_[kMostColumns];
};

// body(group) for all rows of z, in groups of the cheaper layout. AcrossRows costs a
// vector a column, whatever the number of rows; AlongRow one for kLanes columns of
// each.
template <typename T, typename Body>
MLPCORE_INLINE void ForEachGroup(Rows<const T> z, ptrdiff_t rows, ptrdiff_t n, T fill,
                                 Body body) {
  for (ptrdiff_t row = 0; row < rows;) {
    const ptrdiff_t left = rows - row;
    const ptrdiff_t count = left < kLanes<T> ? left : kLanes<T>;
    if (n <= AcrossRows<T>::kMostColumns &&
        n <= count * DivUp<ptrdiff_t>(n, kLanes<T>)) {
      AcrossRows<T> group(z, row, count, n);
      body(group);
      row += count;
    } else {
      AlongRow<T> group(z, row, n, fill);
      body(group);
      ++row;
    }
  }
}

}  // namespace
}  // namespace MLPCORE_ISA
}  // namespace mlpcore

#endif  // MLPCORE_KERNELS_ROW_GROUP_INL_H_
