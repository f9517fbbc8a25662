// The scan where neighbours in memory are time steps: each vector is scanned within itself (Kogge and Stone),
// then the state before it is carried in. The carry from vector to vector costs one multiply-add.
#if defined(EXACTSCAN_IMPL_SCAN_ROWS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_SCAN_ROWS_INL
#undef EXACTSCAN_IMPL_SCAN_ROWS_INL
#else
#define EXACTSCAN_IMPL_SCAN_ROWS_INL
#endif

#include <algorithm>
#include <cstdint>

#include "impl/scan_job.hpp"
#include "impl/vector_storage-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

// At most two blocks of 128 bits: one step of combining blocks is enough.
template <class S>
using RowTag = hn::CappedTag<S, 32 / sizeof(S)>;

template <class D>
constexpr std::size_t block_lanes() {
  return std::min<std::size_t>(hn::MaxLanes(D()), 16 / sizeof(hn::TFromD<D>));
}

// Lanes whose place within `size` lanes is at least `first`.
template <class D>
HWY_INLINE auto lanes_from(D d, std::size_t first, std::size_t size) {
  const hn::RebindToSigned<D> i;
  using Index = hn::TFromD<decltype(i)>;
  const auto place = hn::And(hn::Iota(i, 0), hn::Set(i, static_cast<Index>(size - 1)));
  return hn::RebindMask(d, hn::Gt(place, hn::Set(i, static_cast<Index>(first) - 1)));
}

#if HWY_TARGET == HWY_SCALAR

// One lane: nothing to combine.
template <class D, class V>
HWY_INLINE void scan_vector(D, V&, V&) {}
template <class D, class V>
HWY_INLINE V broadcast_last(D, V v) {
  return v;
}

#else

// Composes the map of every lane with that of the lane kBy before it in its block. Lanes without one are
// selected, not multiplied by an identity: 0 * inf would be NaN.
template <std::size_t kBy, class D, class V>
HWY_INLINE void compose_within_block(D d, V& a, V& b) {
  constexpr std::size_t n = block_lanes<D>();
  if constexpr (kBy < n) {
    const auto before_a = hn::CombineShiftRightLanes<n - kBy>(d, a, hn::Set(d, 1));
    const auto before_b = hn::CombineShiftRightLanes<n - kBy>(d, b, hn::Zero(d));
    b = hn::IfThenElse(lanes_from(d, kBy, n), hn::MulAdd(a, before_b, b), b);
    a = hn::Mul(a, before_a);
  }
}

// Afterwards each lane holds the composition of the maps of all lanes up to it.
template <class D, class V>
HWY_INLINE void scan_vector(D d, V& a, V& b) {
  compose_within_block<1>(d, a, b);
  compose_within_block<2>(d, a, b);
  constexpr std::size_t n = block_lanes<D>();
  if constexpr (hn::MaxLanes(D()) > n) {
    const auto before_a = hn::Broadcast<n - 1>(hn::ConcatLowerLower(d, a, hn::Set(d, 1)));
    const auto before_b = hn::Broadcast<n - 1>(hn::ConcatLowerLower(d, b, hn::Zero(d)));
    const auto first = hn::FirstN(d, n);
    b = hn::IfThenElse(first, b, hn::MulAdd(a, before_b, b));
    a = hn::IfThenElse(first, a, hn::Mul(a, before_a));
  }
}

template <class D, class V>
HWY_INLINE V broadcast_last(D d, V v) {
  constexpr std::size_t n = block_lanes<D>();
  if constexpr (hn::MaxLanes(D()) > n) return hn::Broadcast<n - 1>(hn::ConcatUpperUpper(d, v, v));
  if constexpr (hn::MaxLanes(D()) == n && n > 1) return hn::Broadcast<n - 1>(v);
  return v;
}

#endif

// One operand of a row: varying in time, or the same at every step.
template <class T>
struct Operand {
  const T* data;
  bool constant;

  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, std::int64_t t) const {
    return constant ? hn::Set(d, to_state(*data)) : load(d, data + t);
  }
};

template <class T>
struct RowOperands {
  Operand<T> a, b, x;
  T* h;
  State<T>* product;
  bool stream;
};

// The padding behind the end of a row is the identity map.
template <class T>
struct PaddedTail {
  T a[8], b[8], x[8], h[8];
};

template <class T>
void fill_tail(PaddedTail<T>& tail, const RowOperands<T>& row, std::int64_t t, std::int64_t length) {
  for (std::int64_t i = 0; i < 8; ++i) {
    const bool inside = t + i < length;
    tail.a[i] = inside ? row.a.data[row.a.constant ? 0 : t + i] : from_state<T>(1);
    tail.b[i] = inside ? row.b.data[row.b.constant ? 0 : t + i] : from_state<T>(0);
    tail.x[i] = inside && row.x.data != nullptr ? row.x.data[row.x.constant ? 0 : t + i] : from_state<T>(0);
  }
}

// Scans the vector at time t with the state before it; returns the state after it, in every lane.
template <bool kInput, bool kSummary, bool kStream, class D, class T>
HWY_INLINE hn::Vec<D> scan_one(D d, const RowOperands<T> row, std::int64_t t, hn::Vec<D> carry,
                               hn::Vec<D>& product) {
  auto a = row.a.at(d, t), b = row.b.at(d, t);
  if constexpr (kInput) b = hn::Mul(b, row.x.at(d, t));
  scan_vector(d, a, b);
  if (row.h != nullptr) {
    const auto h = hn::MulAdd(a, carry, b);
    if constexpr (kStream) {
      hn::Stream(h, d, row.h + t);
    } else {
      store(d, h, row.h + t);
    }
  }
  const auto last_a = broadcast_last(d, a);
  // Of neighbours, never of every eighth multiplier: such a product may overflow where no window's does.
  if constexpr (kSummary) product = hn::Mul(last_a, product);
  return hn::MulAdd(last_a, carry, broadcast_last(d, b));
}

template <bool kInput, bool kSummary, bool kStream, class T>
void scan_row(const RowOperands<T> row, std::int64_t length, State<T>& state) {
  const RowTag<State<T>> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  auto carry = hn::Set(d, state), product = hn::Set(d, 1);
  std::int64_t t = 0;
  for (; t + lanes <= length; t += lanes)
    carry = scan_one<kInput, kSummary, kStream>(d, row, t, carry, product);
  if (t < length) {
    PaddedTail<T> tail;
    fill_tail(tail, row, t, length);
    const RowOperands<T> rest{{tail.a, false}, {tail.b, false}, {tail.x, false}, tail.h, nullptr, false};
    carry = scan_one<kInput, kSummary, false>(d, rest, 0, carry, product);
    if (row.h != nullptr) std::copy(tail.h, tail.h + (length - t), row.h + t);
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
    RowOperands<T> row{operand(job.a, c),
                       operand(job.b, c),
                       operand(job.x, c),
                       job.h.data == nullptr ? nullptr : job.h.data + c * job.h.channel_stride,
                       job.product == nullptr ? nullptr : job.product + c,
                       kStream};
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
