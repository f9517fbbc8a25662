// The scan of as many rows as a block of 128 bits has lanes, where neighbours in memory are time steps. A
// vector of each row is loaded whole and transposed within blocks: then vector k holds step k of all rows in
// its first block and, where vectors have two, step k of the second half of the tile in the other. The halves
// are scanned side by side, the second one's maps are applied to the state behind the first. No lane ever
// crosses to another row, so this takes fewer instructions than one row at a time.
#if defined(EXACTSCAN_IMPL_SCAN_ROW_GROUP_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_SCAN_ROW_GROUP_INL
#undef EXACTSCAN_IMPL_SCAN_ROW_GROUP_INL
#else
#define EXACTSCAN_IMPL_SCAN_ROW_GROUP_INL
#endif

#include <algorithm>
#include <array>
#include <cstdint>

#include "impl/row_tile-inl.hpp"
#include "impl/scan_job.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

// Rows of a group; 1: this target has none.
template <class D>
constexpr std::int64_t kGroup = hn::MaxLanes(D()) == 1 ? 1 : static_cast<std::int64_t>(kBlock<D>);

#if HWY_TARGET != HWY_SCALAR

template <class D>
using GroupTile = std::array<hn::Vec<D>, kBlock<D>>;

// One operand of a group: element t of row r is data[r * distance + t * step].
template <class T>
struct GroupOperand {
  const T* data;
  std::int64_t distance, step;  // step: 1, or 0 for a tile of constants
};
template <class T>
struct GroupOperands {
  GroupOperand<T> a, b, x;
};

template <class D, class T>
HWY_INLINE GroupTile<D> load_group(D d, const GroupOperand<T>& from, std::int64_t t) {
  GroupTile<D> v;
  const T* const data = from.data + t * from.step;
  for (std::size_t row = 0; row < kBlock<D>; ++row)
    v[row] = load(d, data + static_cast<std::int64_t>(row) * from.distance);
  transpose_block(d, v.data());
  return v;
}

// The operand in the rows from c on; constants are spread out over a tile, which costs less than a branch in
// the loop.
template <class D, class T>
GroupOperand<T> group_operand(const View<const T>& view, std::int64_t c, T* tile) {
  constexpr auto size = static_cast<std::int64_t>(hn::MaxLanes(D()));
  if (view.data == nullptr) return {nullptr, 0, 0};
  const T* const data = view.data + c * view.channel_stride;
  if (view.time_stride != 0) return {data, view.channel_stride, 1};
  for (std::int64_t row = 0; row < kGroup<D>; ++row)
    std::fill_n(tile + row * size, size, data[row * view.channel_stride]);
  return {tile, size, 0};
}

// The states of a tile from those before it (one block: a lane a row), which become those behind it. Row r of
// the result is vector r.
template <bool kInput, class D, class T, class Block>
HWY_INLINE GroupTile<D> scan_group(D d, const GroupOperands<T>& from, std::int64_t t, Block& state) {
  constexpr std::size_t n = kBlock<D>;
  GroupTile<D> a = load_group(d, from.a, t), b = load_group(d, from.b, t);
  if constexpr (kInput) {
    const GroupTile<D> x = load_group(d, from.x, t);
    for (std::size_t k = 0; k < n; ++k) b[k] = hn::Mul(b[k], x[k]);
  }
  if constexpr (hn::MaxLanes(D()) == n) {
    for (std::size_t k = 0; k < n; ++k) b[k] = state = hn::MulAdd(a[k], state, b[k]);
  } else {
    for (std::size_t k = 1; k < n; ++k) {
      b[k] = hn::MulAdd(a[k], b[k - 1], b[k]);
      a[k] = hn::Mul(a[k], a[k - 1]);
    }
    const BlockTag<D> block;
    const auto first_a = hn::LowerHalf(block, a[n - 1]), first_b = hn::LowerHalf(block, b[n - 1]);
    const auto second_a = hn::UpperHalf(block, a[n - 1]), second_b = hn::UpperHalf(block, b[n - 1]);
    const auto before = hn::Combine(d, hn::MulAdd(first_a, state, first_b), state);
    // Of both halves, composed first: from tile to tile only one multiply-add has to wait.
    state = hn::MulAdd(hn::Mul(second_a, first_a), state, hn::MulAdd(second_a, first_b, second_b));
    for (std::size_t k = 0; k < n; ++k) b[k] = hn::MulAdd(a[k], before, b[k]);
  }
  transpose_block(d, b.data());
  return b;
}

// Where states are put as they are.
template <class D, class T>
struct DirectRows {
  T* h;
  std::int64_t distance;

  HWY_INLINE T* at(std::size_t row, std::int64_t t) const {
    return h + static_cast<std::int64_t>(row) * distance + t;
  }
  void close(std::int64_t /*t*/) const {}
};

// States on their way around the caches: gathered here, and written one row after the other by whole lines of
// memory. A store that bypasses the caches is slow by a factor of ten and more where its line is left half
// written while rows a multiple of 4 KiB apart are read, which is how rows often lie.
template <class D, class T>
class StreamedRows {
 public:
  StreamedRows(T* h, std::int64_t distance) {
    for (std::size_t row = 0; row < kBlock<D>; ++row)
      to_[row] = h + static_cast<std::int64_t>(row) * distance;
  }
  // Where the row's steps from t on go, t a step not before the last close().
  HWY_INLINE T* at(std::size_t row, std::int64_t t) { return buffer_[row] + (t + shift_[row]); }
  // All steps before t have been written to their places.
  void close(std::int64_t t) {
    for (std::size_t row = 0; row < kBlock<D>; ++row) {
      write(row, t + shift_[row]);
      shift_[row] = waiting_[row] - t;
    }
  }
  // Steps between two calls of close(), at most.
  static constexpr std::int64_t kWidth = 512 / static_cast<std::int64_t>(sizeof(T));

  ~StreamedRows() {
    for (std::size_t row = 0; row < kBlock<D>; ++row) std::copy_n(buffer_[row], waiting_[row], to_[row]);
  }
  StreamedRows(const StreamedRows&) = delete;
  StreamedRows& operator=(const StreamedRows&) = delete;

 private:
  static constexpr std::int64_t kLine = 64 / static_cast<std::int64_t>(sizeof(T));

  void write(std::size_t row, std::int64_t count) {
    const T* from = buffer_[row];
    T* to = to_[row];
    const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % 64 / sizeof(T));
    const std::int64_t head = past == 0 ? 0 : std::min(kLine - past, count);
    to = std::copy_n(from, head, to);
    from += head;
    std::int64_t rest = count - head;
    const hn::Repartition<std::uint8_t, D> bytes;
    for (; rest >= kLine; rest -= kLine, from += kLine, to += kLine) {
      for (std::size_t i = 0; i < 64; i += hn::MaxLanes(bytes))
        hn::Stream(hn::LoadU(bytes, reinterpret_cast<const std::uint8_t*>(from) + i), bytes,
                   reinterpret_cast<std::uint8_t*>(to) + i);
    }
    std::copy_n(from, rest, buffer_[row]);
    to_[row] = to;
    waiting_[row] = rest;
  }

  // A line more than what waits and what is added, so that rows do not share sets of a cache.
  alignas(64) T buffer_[kBlock<D>][kWidth + 2 * kLine];
  std::array<T*, kBlock<D>> to_;
  std::array<std::int64_t, kBlock<D>> waiting_{}, shift_{};  // shift: of a step's place in the buffer
};

// The steps behind the last whole tile, padded with the identity map: so a longer input does not change them.
template <bool kInput, class D, class T, class Block, class Rows>
Block scan_group_tail(D d, const GroupOperands<T>& from, std::int64_t t, std::int64_t count, Block state,
                      Rows& rows) {
  constexpr auto size = static_cast<std::int64_t>(hn::MaxLanes(D()));
  PaddedTail<T> tail;
  const auto padded = [&](T* to, const GroupOperand<T>& all, float rest) {
    for (std::int64_t row = 0; row < kGroup<D> && all.data != nullptr; ++row)
      fill(to + row * size, Operand<T>{all.data + row * all.distance + t * all.step, false}, 0, count, size,
           rest);
    return GroupOperand<T>{to, size, 0};
  };
  const GroupOperands<T> operands{padded(tail.a, from.a, 1), padded(tail.b, from.b, 0),
                                  padded(tail.x, from.x, 0)};
  const GroupTile<D> h = scan_group<kInput>(d, operands, 0, state);
  for (std::size_t row = 0; row < kBlock<D>; ++row) {
    store(d, h[row], tail.h);
    std::copy_n(tail.h, count, rows.at(row, t));
  }
  return state;
}

template <bool kInput, class D, class T, class Rows>
void scan_group_into(D d, const ScanJob<T>& job, std::int64_t c, std::int64_t width, Rows&& rows) {
  PaddedTail<T> constants;
  const GroupOperands<T> from{group_operand<D>(job.a, c, constants.a),
                              group_operand<D>(job.b, c, constants.b),
                              group_operand<D>(job.x, c, constants.x)};
  const BlockTag<D> block;
  auto state = hn::LoadU(block, job.state + c);
  constexpr auto size = static_cast<std::int64_t>(hn::MaxLanes(D()));
  const std::int64_t whole = job.shape.length / size * size;
  for (std::int64_t t = 0; t < whole;) {
    const std::int64_t end = width < whole - t ? t + width : whole;
    auto running = state;  // in a register, which calls in close() would have it leave
    std::array<T*, kBlock<D>> to;
    for (std::size_t row = 0; row < kBlock<D>; ++row) to[row] = rows.at(row, t);
    for (std::int64_t i = 0; t < end; t += size, i += size) {
      const GroupTile<D> h = scan_group<kInput>(d, from, t, running);
      for (std::size_t row = 0; row < kBlock<D>; ++row) store(d, h[row], to[row] + i);
    }
    state = running;
    rows.close(end);
  }
  if (whole < job.shape.length) {
    state = scan_group_tail<kInput>(d, from, whole, job.shape.length - whole, state, rows);
    rows.close(job.shape.length);
  }
  hn::StoreU(state, block, job.state + c);
}

#endif

// The rows [c, c + kGroup).
template <bool kInput, class D, class T>
void scan_row_group(D d, const ScanJob<T>& job, std::int64_t c) {
#if HWY_TARGET != HWY_SCALAR
  T* const h = job.h.data + c * job.h.channel_stride;
  if (job.stream) {
    scan_group_into<kInput>(d, job, c, StreamedRows<D, T>::kWidth,
                            StreamedRows<D, T>(h, job.h.channel_stride));
  } else {
    scan_group_into<kInput>(d, job, c, job.shape.length, DirectRows<D, T>{h, job.h.channel_stride});
  }
#else
  (void)d, (void)job, (void)c;
#endif
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
