// The scan where neighbours in memory are time steps: groups of rows (scan_row_group-inl.hpp), and the rows
// left over one at a time, as follows. A row is cut into tiles, a tile into as many segments of consecutive
// steps as a vector has lanes. Transposed in registers, each lane scans a segment of its own; the segments'
// maps are scanned across the lanes (Kogge and Stone), the states before the segments follow from the state
// before the tile, and from those all states. So memory is read and written once, in order, and from tile to
// tile only one multiply-add has to wait.
#if defined(EXACTSCAN_IMPL_SCAN_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_SCAN_ROWS_INL
#undef EXACTSCAN_IMPL_SCAN_ROWS_INL
#else
#define EXACTSCAN_IMPL_SCAN_ROWS_INL
#endif

#include <algorithm>
#include <cstdint>

#include "impl/row_tile-inl.hpp"
#include "impl/scan_job.hpp"
#include "impl/scan_row_group-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

template <class T>
struct RowOperands {
  Operand<T> a, b, x;
  T* h;
  State<T>* product;
};

// The maps of a tile: lane s of a[k], b[k] is that of the first k + 1 steps of segment s, and lane s of
// all_a, all_b that of all segments up to s.
template <class D>
struct TileMaps {
  Tile<D> a, b;
  hn::Vec<D> all_a, all_b;
};

template <bool kInput, class D, class T>
HWY_INLINE TileMaps<D> compose_tile(D d, const RowOperands<T>& row, std::int64_t t) {
  TileMaps<D> m;
  m.a = load_tile(d, row.a, t);
  m.b = load_tile(d, row.b, t);
  if constexpr (kInput) {
    const Tile<D> x = load_tile(d, row.x, t);
    for (std::size_t k = 0; k < kSteps<D>; ++k) m.b[k] = hn::Mul(m.b[k], x[k]);
  }
  for (std::size_t k = 1; k < kSteps<D>; ++k) {
    m.b[k] = hn::MulAdd(m.a[k], m.b[k - 1], m.b[k]);
    m.a[k] = hn::Mul(m.a[k], m.a[k - 1]);
  }
  m.all_a = m.a[kSteps<D> - 1];
  m.all_b = m.b[kSteps<D> - 1];
  scan_lanes(d, m.all_a, m.all_b);
  return m;
}

// `carry` and `product`, each in every lane: the state before the tile and the product of the multipliers
// before it; afterwards those behind it.
template <bool kSummary, bool kStream, class D, class T>
HWY_INLINE void apply_tile(D d, TileMaps<D>& m, T* h, hn::Vec<D>& carry, hn::Vec<D>& product) {
  const auto after = hn::MulAdd(m.all_a, carry, m.all_b);
  if constexpr (kSummary) {
    // Of neighbours, never of every eighth multiplier: such a product may overflow where no window's does.
    product = hn::Mul(broadcast_last(d, m.all_a), product);
  } else {
    const auto before = shifted_up(d, after, carry);
    for (std::size_t k = 0; k < kSteps<D>; ++k) m.b[k] = hn::MulAdd(m.a[k], before, m.b[k]);
    store_tile<kStream>(d, m.b, h, kSteps<D>);
  }
  carry = broadcast_last(d, after);
}

template <bool kInput, bool kSummary, bool kStream, class T>
void scan_row(const RowOperands<T>& row, std::int64_t length, State<T>& state) {
  const RowTag<State<T>> d;
  constexpr auto size = static_cast<std::int64_t>(kTileSize<decltype(d)>);
  auto carry = hn::Set(d, state), product = hn::Set(d, 1);
  std::int64_t t = 0;
  // Two at a time: the second one's maps need not wait for the first one's states.
  for (; t + 2 * size <= length; t += 2 * size) {
    auto first = compose_tile<kInput>(d, row, t), second = compose_tile<kInput>(d, row, t + size);
    T* const h = kSummary ? nullptr : row.h + t;
    apply_tile<kSummary, kStream>(d, first, h, carry, product);
    apply_tile<kSummary, kStream>(d, second, kSummary ? nullptr : h + size, carry, product);
  }
  for (; t + size <= length; t += size) {
    auto maps = compose_tile<kInput>(d, row, t);
    apply_tile<kSummary, kStream>(d, maps, kSummary ? nullptr : row.h + t, carry, product);
  }
  if (t < length) {
    PaddedTail<T> tail;
    const std::int64_t count = length - t;
    fill(tail.a, row.a, t, count, size, 1);
    fill(tail.b, row.b, t, count, size, 0);
    fill(tail.x, row.x, t, count, size, 0);
    constexpr auto distance = static_cast<std::int64_t>(kSteps<decltype(d)>);
    const RowOperands<T> rest{
        {tail.a, false, distance}, {tail.b, false, distance}, {tail.x, false, distance}, tail.h, nullptr};
    auto maps = compose_tile<kInput>(d, rest, 0);
    apply_tile<kSummary, false>(d, maps, tail.h, carry, product);
    if constexpr (!kSummary) std::copy(tail.h, tail.h + count, row.h + t);
  }
  state = hn::GetLane(carry);
  if constexpr (kSummary) *row.product *= hn::GetLane(product);
}

template <bool kInput, bool kStream, class T>
void scan_rows(const ScanJob<T>& job) {
  const RowTag<State<T>> d;
  constexpr std::int64_t rows = kGroup<decltype(d)>;
  std::int64_t c = 0;
  for (; rows > 1 && job.product == nullptr && c + rows <= job.shape.channels; c += rows)
    scan_row_group<kInput>(d, job, c);
  for (; c < job.shape.channels; ++c) {
    const auto operand = [c](const View<const T>& view) {
      const bool constant = view.time_stride == 0;
      return Operand<T>{view.data == nullptr ? nullptr : view.data + c * view.channel_stride, constant,
                        constant ? 0 : static_cast<std::int64_t>(kSteps<RowTag<State<T>>>)};
    };
    const RowOperands<T> row{operand(job.a), operand(job.b), operand(job.x),
                             job.h.data == nullptr ? nullptr : job.h.data + c * job.h.channel_stride,
                             job.product == nullptr ? nullptr : job.product + c};
    if (job.product != nullptr) {
      scan_row<kInput, true, false>(row, job.shape.length, job.state[c]);
    } else {
      scan_row<kInput, false, kStream>(row, job.shape.length, job.state[c]);
    }
  }
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
