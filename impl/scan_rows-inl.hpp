// The scan where neighbours in memory are time steps. A row is cut into tiles, a tile into as many segments
// of consecutive steps as a vector has lanes. Transposed in registers, each lane scans a segment of its own;
// the segments' maps are scanned across the lanes (Kogge and Stone), the states before the segments follow
// from the state before the tile, and from those all states. So memory is read and written once, in order,
// and from tile to tile only one multiply-add has to wait.
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

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

template <class T>
struct RowOperands {
  Operand<T> a, b, x;
  T* h;
  State<T>* product;
};

// The padding behind the end of a row is the identity map.
template <class T>
struct PaddedTail {
  T a[kMaxTile], b[kMaxTile], x[kMaxTile], h[kMaxTile];
};

template <class T>
void fill(T* to, const Operand<T>& from, std::int64_t t, std::int64_t count, std::int64_t size, float rest) {
  if (from.data == nullptr) return;
  if (from.constant) {
    std::fill(to, to + count, *from.data);
  } else {
    std::copy(from.data + t, from.data + t + count, to);
  }
  std::fill(to + count, to + size, from_state<T>(rest));
}

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

// The rows [c, c + lanes) over the steps that fill whole tiles; returns the first step left over.
template <bool kInput, bool kStream, class D, class T>
HWY_INLINE std::int64_t scan_rows_together(D d, const ScanJob<T>& job, std::int64_t c) {
  const auto operand = [c](const View<const T>& view) {
    return Operand<T>{view.data == nullptr ? nullptr : view.data + c * view.channel_stride,
                      view.time_stride == 0, view.channel_stride};
  };
  const Operand<T> row_a = operand(job.a), row_b = operand(job.b), row_x = operand(job.x);
  T* const h = job.h.data + c * job.h.channel_stride;
  auto state = hn::LoadU(d, job.state + c);
  constexpr auto steps = static_cast<std::int64_t>(kSteps<D>);
  std::int64_t t = 0;
  for (; t + steps <= job.shape.length; t += steps) {
    const Tile<D> a = load_tile(d, row_a, t);
    Tile<D> b = load_tile(d, row_b, t);
    if constexpr (kInput) {
      const Tile<D> x = load_tile(d, row_x, t);
      for (std::size_t k = 0; k < kSteps<D>; ++k) b[k] = hn::Mul(b[k], x[k]);
    }
    for (std::size_t k = 0; k < kSteps<D>; ++k) b[k] = state = hn::MulAdd(a[k], state, b[k]);
    store_tile<kStream>(d, b, h + t, job.h.channel_stride);
  }
  hn::StoreU(state, d, job.state + c);
  return t;
}

// Whether so many rows, this many bytes apart, share sets of a first-level cache (8 ways of 4 KiB, as nearly
// all have) with a, b and h of each: then their lines drive each other out.
inline bool rows_collide(std::int64_t rows, std::int64_t bytes) {
  constexpr std::int64_t sets = 64, line = 64, streams = 3, ways = 8;
  std::uint8_t used[sets] = {};
  std::int64_t most = 0;
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::int64_t set = ((row * bytes / line) % sets + sets) % sets;
    most = std::max<std::int64_t>(most, ++used[set]);
  }
  return most * streams > ways;
}

// One step of one row.
template <bool kInput, class T>
HWY_INLINE void scan_step(const ScanJob<T>& job, std::int64_t t, std::int64_t c) {
  const hn::CappedTag<State<T>, 1> one;
  auto b = load(one, job.b.offset(t, c).data);
  if constexpr (kInput) b = hn::Mul(b, load(one, job.x.offset(t, c).data));
  const auto state = hn::MulAdd(load(one, job.a.offset(t, c).data), hn::LoadU(one, job.state + c), b);
  hn::StoreU(state, one, job.state + c);
  store(one, state, job.h.offset(t, c).data);
}

template <bool kInput, bool kStream, class T>
void scan_rows(const ScanJob<T>& job) {
  const RowTag<State<T>> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  // From memory, one row at a time is read in order; so many rows at a time are more than prefetchers follow.
  const bool together = job.product == nullptr && lanes > 1 && !job.stream &&
                        !rows_collide(lanes, job.h.channel_stride * static_cast<std::int64_t>(sizeof(T)));
  std::int64_t c = 0;
  for (; together && c + lanes <= job.shape.channels; c += lanes) {
    const std::int64_t whole = scan_rows_together<kInput, kStream>(d, job, c);
    for (std::int64_t row = c; row < c + lanes; ++row) {
      for (std::int64_t t = whole; t < job.shape.length; ++t) scan_step<kInput>(job, t, row);
    }
  }
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
