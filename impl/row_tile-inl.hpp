// A tile of one row in registers: lane s of vector k is step k of segment s, element s * kSteps + k of the
// tile.
#if defined(EXACTSCAN_IMPL_ROW_TILE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_ROW_TILE_INL
#undef EXACTSCAN_IMPL_ROW_TILE_INL
#else
#define EXACTSCAN_IMPL_ROW_TILE_INL
#endif

#include <algorithm>
#include <array>
#include <cstdint>

#include "impl/vector_storage-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

// At most two blocks of 128 bits: one step of combining blocks is enough.
template <class S>
using RowTag = hn::CappedTag<S, 32 / sizeof(S)>;

// Lanes of a block of 128 bits, within which a transpose needs no crossing.
template <class D>
constexpr std::size_t kBlock = std::min<std::size_t>(hn::MaxLanes(D()), 16 / sizeof(hn::TFromD<D>));
// Blocks along a segment.
template <class D>
constexpr std::size_t kGroups = 8 / kBlock<D> < 2 ? 2 : 8 / kBlock<D>;
template <class D>
constexpr std::size_t kSteps = hn::MaxLanes(D()) == 1 ? 1 : kGroups<D>* kBlock<D>;
template <class D>
constexpr std::size_t kTileSize = kSteps<D>* hn::MaxLanes(D());
constexpr std::size_t kMaxTile = 64;

template <class D>
using Tile = std::array<hn::Vec<D>, kSteps<D>>;

// One operand of a row: varying in time, or the same at every step.
template <class T>
struct Operand {
  const T* data;
  bool constant;              // one value for all steps (of a row)
  std::int64_t distance = 0;  // elements from one segment to the next
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

#if HWY_TARGET == HWY_SCALAR

// One lane: a tile is one step.
template <class D, class T>
HWY_INLINE Tile<D> load_tile(D d, const Operand<T>& from, std::int64_t t) {
  return {load(d, from.constant ? from.data : from.data + t)};
}
template <bool kStream, class D, class T>
HWY_INLINE void store_tile(D d, const Tile<D>& tile, T* to, std::int64_t /*distance*/) {
  store(d, tile[0], to);
}
template <class D, class V>
HWY_INLINE void scan_lanes(D, V&, V&) {}
template <class D, class V>
HWY_INLINE V shifted_up(D, V, V carry) {
  return carry;
}
template <class D, class V>
HWY_INLINE V broadcast_last(D, V v) {
  return v;
}

#else

template <class D>
using BlockTag = hn::CappedTag<hn::TFromD<D>, kBlock<D>>;

// Of two vectors in each block: first halves in the first, second halves in the second. (One shuffle and
// three blends instead of these two shuffles are no faster on Zen 3: 0.245 against 0.228 ns an element for a
// group of rows.)
template <class D, class V>
HWY_INLINE void exchange_halves(D d, V& v0, V& v1) {
  const hn::Repartition<double, D> halves;
  const auto first = hn::BitCast(halves, v0), second = hn::BitCast(halves, v1);
  v0 = hn::BitCast(d, hn::InterleaveLower(halves, first, second));
  v1 = hn::BitCast(d, hn::InterleaveUpper(halves, first, second));
}

// Transposes a block of 4 by 4 or of 2 by 2. Its own inverse.
template <class D, class V>
HWY_INLINE void transpose_block(D d, V* v) {
  if constexpr (kBlock<D> == 4) {
    const V low = hn::InterleaveLower(d, v[0], v[1]), high = hn::InterleaveUpper(d, v[0], v[1]);
    const V next_low = hn::InterleaveLower(d, v[2], v[3]), next_high = hn::InterleaveUpper(d, v[2], v[3]);
    v[0] = low;
    v[1] = next_low;
    v[2] = high;
    v[3] = next_high;
    exchange_halves(d, v[2], v[3]);
  }
  exchange_halves(d, v[0], v[1]);
}

// Each segment's constant.
template <class D, class T>
HWY_INLINE hn::Vec<D> constant(D d, const Operand<T>& from) {
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(D())];
  for (std::size_t s = 0; s < hn::MaxLanes(D()); ++s)
    lanes[s] = to_state(from.data[static_cast<std::int64_t>(s) * from.distance]);
  return hn::Load(d, lanes);
}

template <class D, class T>
HWY_INLINE Tile<D> load_tile(D d, const Operand<T>& from, std::int64_t t) {
  Tile<D> tile;
  if (from.constant) {
    tile.fill(constant(d, from));
    return tile;
  }
  const BlockTag<D> block;
  const T* const data = from.data + t;
  for (std::size_t group = 0; group < kGroups<D>; ++group) {
    hn::Vec<D>* const v = tile.data() + group * kBlock<D>;
    for (std::size_t segment = 0; segment < kBlock<D>; ++segment) {
      const T* const at = data + static_cast<std::int64_t>(segment) * from.distance + group * kBlock<D>;
      if constexpr (hn::MaxLanes(D()) > kBlock<D>) {
        const auto far = static_cast<std::int64_t>(kBlock<D>) * from.distance;
        v[segment] = hn::Combine(d, load(block, at + far), load(block, at));
      } else {
        v[segment] = load(block, at);
      }
    }
    transpose_block(d, v);
  }
  return tile;
}

template <bool kStream, class D, class V, class T>
HWY_INLINE void put(D d, V value, T* to) {
  if constexpr (kStream) {
    hn::Stream(value, d, to);
  } else {
    store(d, value, to);
  }
}

// Segments are `distance` apart. Streaming: each is aligned to 16 bytes.
template <bool kStream, class D, class T>
HWY_INLINE void store_tile(D d, Tile<D> tile, T* to, std::int64_t distance) {
  const BlockTag<D> block;
  for (std::size_t group = 0; group < kGroups<D>; ++group)
    transpose_block(d, tile.data() + group * kBlock<D>);
  for (std::size_t segment = 0; segment < kBlock<D>; ++segment) {
    for (std::size_t group = 0; group < kGroups<D>; ++group) {
      const hn::Vec<D> v = tile[group * kBlock<D> + segment];
      T* const at = to + static_cast<std::int64_t>(segment) * distance + group * kBlock<D>;
      if constexpr (hn::MaxLanes(D()) > kBlock<D>) {
        put<kStream>(block, hn::LowerHalf(block, v), at);
        put<kStream>(block, hn::UpperHalf(block, v), at + static_cast<std::int64_t>(kBlock<D>) * distance);
      } else {
        put<kStream>(block, v, at);
      }
    }
  }
}

// Lanes whose place within `size` lanes is at least `first`.
template <class D>
HWY_INLINE auto lanes_from(D d, std::size_t first, std::size_t size) {
  const hn::RebindToSigned<D> i;
  using Index = hn::TFromD<decltype(i)>;
  const auto place = hn::And(hn::Iota(i, 0), hn::Set(i, static_cast<Index>(size - 1)));
  return hn::RebindMask(d, hn::Gt(place, hn::Set(i, static_cast<Index>(first) - 1)));
}

// Composes the map of every lane with that of the lane kBy before it in its block. Lanes without one are
// selected, not multiplied by an identity: 0 * inf would be NaN.
template <std::size_t kBy, class D, class V>
HWY_INLINE void compose_within_block(D d, V& a, V& b) {
  constexpr std::size_t n = kBlock<D>;
  if constexpr (kBy < n) {
    const auto before_a = hn::CombineShiftRightLanes<n - kBy>(d, a, hn::Set(d, 1));
    const auto before_b = hn::CombineShiftRightLanes<n - kBy>(d, b, hn::Zero(d));
    b = hn::IfThenElse(lanes_from(d, kBy, n), hn::MulAdd(a, before_b, b), b);
    a = hn::Mul(a, before_a);
  }
}

// Afterwards each lane holds the composition of the maps of all lanes up to it.
template <class D, class V>
HWY_INLINE void scan_lanes(D d, V& a, V& b) {
  compose_within_block<1>(d, a, b);
  compose_within_block<2>(d, a, b);
  constexpr std::size_t n = kBlock<D>;
  if constexpr (hn::MaxLanes(D()) > n) {
    const auto before_a = hn::Broadcast<n - 1>(hn::ConcatLowerLower(d, a, hn::Set(d, 1)));
    const auto before_b = hn::Broadcast<n - 1>(hn::ConcatLowerLower(d, b, hn::Zero(d)));
    const auto first = hn::FirstN(d, n);
    b = hn::IfThenElse(first, b, hn::MulAdd(a, before_b, b));
    a = hn::IfThenElse(first, a, hn::Mul(a, before_a));
  }
}

// The lane before, in every lane; in the first, `carry`.
template <class D, class V>
HWY_INLINE V shifted_up(D d, V v, V carry) {
  constexpr std::size_t n = kBlock<D>;
  if constexpr (hn::MaxLanes(D()) > n) {
    return hn::CombineShiftRightLanes<n - 1>(d, v, hn::ConcatLowerLower(d, v, carry));
  }
  return hn::CombineShiftRightLanes<n - 1>(d, v, carry);
}

template <class D, class V>
HWY_INLINE V broadcast_last(D d, V v) {
  constexpr std::size_t n = kBlock<D>;
  if constexpr (hn::MaxLanes(D()) > n) return hn::Broadcast<n - 1>(hn::ConcatUpperUpper(d, v, v));
  return hn::Broadcast<n - 1>(v);
}

#endif

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
