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

// Scans the tile at time t. `carry` and `product`, each in every lane: the state before it and the product of
// the multipliers before it; afterwards those behind it.
template <bool kInput, bool kSummary, bool kStream, class D, class T>
HWY_INLINE void scan_tile(D d, const RowOperands<T>& row, std::int64_t t, hn::Vec<D>& carry,
                          hn::Vec<D>& product) {
  Tile<D> a = load_tile(d, row.a, t), b = load_tile(d, row.b, t);
  if constexpr (kInput) {
    const Tile<D> x = load_tile(d, row.x, t);
    for (std::size_t k = 0; k < kSteps<D>; ++k) b[k] = hn::Mul(b[k], x[k]);
  }
  for (std::size_t k = 1; k < kSteps<D>; ++k) {
    b[k] = hn::MulAdd(a[k], b[k - 1], b[k]);
    a[k] = hn::Mul(a[k], a[k - 1]);
  }
  auto all_a = a[kSteps<D> - 1], all_b = b[kSteps<D> - 1];
  scan_lanes(d, all_a, all_b);
  const auto after = hn::MulAdd(all_a, carry, all_b);
  // Of neighbours, never of every eighth multiplier: such a product may overflow where no window's does.
  if constexpr (kSummary) product = hn::Mul(broadcast_last(d, all_a), product);
  if constexpr (!kSummary) {
    const auto before = shifted_up(d, after, carry);
    for (std::size_t k = 0; k < kSteps<D>; ++k) b[k] = hn::MulAdd(a[k], before, b[k]);
    store_tile<kStream>(d, b, row.h + t);
  }
  carry = broadcast_last(d, after);
}

template <bool kInput, bool kSummary, bool kStream, class T>
void scan_row(const RowOperands<T>& row, std::int64_t length, State<T>& state) {
  const RowTag<State<T>> d;
  constexpr auto size = static_cast<std::int64_t>(kTileSize<decltype(d)>);
  auto carry = hn::Set(d, state), product = hn::Set(d, 1);
  std::int64_t t = 0;
  for (; t + size <= length; t += size) scan_tile<kInput, kSummary, kStream>(d, row, t, carry, product);
  if (t < length) {
    PaddedTail<T> tail;
    const std::int64_t count = length - t;
    fill(tail.a, row.a, t, count, size, 1);
    fill(tail.b, row.b, t, count, size, 0);
    fill(tail.x, row.x, t, count, size, 0);
    const RowOperands<T> rest{{tail.a, false}, {tail.b, false}, {tail.x, false}, tail.h, nullptr};
    scan_tile<kInput, kSummary, false>(d, rest, 0, carry, product);
    if constexpr (!kSummary) std::copy(tail.h, tail.h + count, row.h + t);
  }
  state = hn::GetLane(carry);
  if constexpr (kSummary) *row.product *= hn::GetLane(product);
}

template <bool kInput, bool kStream, class T>
void scan_rows(const ScanJob<T>& job) {
  const auto operand = [](const View<const T>& view, std::int64_t c) {
    return Operand<T>{view.data == nullptr ? nullptr : view.data + c * view.channel_stride,
                      view.time_stride == 0};
  };
  for (std::int64_t c = 0; c < job.shape.channels; ++c) {
    RowOperands<T> row{operand(job.a, c), operand(job.b, c), operand(job.x, c),
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
