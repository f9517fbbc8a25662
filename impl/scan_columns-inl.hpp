// The scan where neighbours in memory are channels: time step by time step, vectors of channels.
#if defined(EXACTSCAN_IMPL_SCAN_COLUMNS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_SCAN_COLUMNS_INL
#undef EXACTSCAN_IMPL_SCAN_COLUMNS_INL
#else
#define EXACTSCAN_IMPL_SCAN_COLUMNS_INL
#endif

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "impl/scan_job.hpp"
#include "impl/vector_storage-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

// What becomes of the states of a time step.
enum class Keep : std::uint8_t {
  in_h,    // h holds them as they are and stays in a cache: they are read back from there
  apart,   // written to h, and kept apart
  summary  // kept apart, with the products of the multipliers; not written to h
};

// The rows of one time step, and of the states before and after it.
template <class T>
struct Row {
  const T *a, *b, *x;
  T* h;
  const State<T>* before;
  State<T>*after, *product;
};

template <bool kInput, class T>
HWY_INLINE Row<T> row_at(const ScanJob<T>& job, std::int64_t t) {
  return {job.a.data + t * job.a.time_stride,
          job.b.data + t * job.b.time_stride,
          kInput ? job.x.data + t * job.x.time_stride : nullptr,
          job.h.data == nullptr ? nullptr : job.h.data + t * job.h.time_stride,
          job.state,
          job.state,
          job.product};
}

// The state of channels from c on, after a step.
template <bool kInput, class D, class V, class T>
HWY_INLINE V next_state(D d, const Row<T>& row, std::int64_t c, V before) {
  auto b = load(d, row.b + c);
  if constexpr (kInput) b = hn::Mul(b, load(d, row.x + c));
  return hn::MulAdd(load(d, row.a + c), before, b);
}

template <bool kStream, class D, class V, class T>
HWY_INLINE void put_state(D d, V state, T* h) {
  if constexpr (kStream) {
    hn::Stream(state, d, h);
  } else {
    store(d, state, h);
  }
}

// One time step of the channels [from, to) that fill whole vectors; returns the first channel left over.
template <bool kInput, bool kStream, Keep kKeep, class D, class T>
HWY_INLINE std::int64_t step_columns(D d, const Row<T>& row, std::int64_t from, std::int64_t to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = from;
  for (; c + lanes <= to; c += lanes) {
    const auto state = next_state<kInput>(d, row, c, hn::LoadU(d, row.before + c));
    if constexpr (kKeep != Keep::in_h) hn::StoreU(state, d, row.after + c);
    if constexpr (kKeep == Keep::summary) {
      hn::StoreU(hn::Mul(load(d, row.a + c), hn::LoadU(d, row.product + c)), d, row.product + c);
    } else {
      put_state<kStream>(d, state, row.h + c);
    }
  }
  return c;
}

// Time steps that channels are taken through while their states stay in registers, and vectors of channels
// taken at a time: whole lines of memory. Only where h is streamed: in a cache, h is read back.
constexpr std::int64_t kStepsAtOnce = 2;
constexpr std::size_t kVectorsAtOnce = 2;

template <bool kInput, class D, class T>
HWY_INLINE std::int64_t stream_columns(D d, const ScanJob<T>& job, std::int64_t t, std::int64_t from,
                                       std::int64_t to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr auto vectors = static_cast<std::int64_t>(kVectorsAtOnce);
  Row<T> rows[kStepsAtOnce];
  for (std::int64_t k = 0; k < kStepsAtOnce; ++k) rows[k] = row_at<kInput>(job, t + k);
  std::int64_t c = from;
  for (; c + vectors * lanes <= to; c += vectors * lanes) {
    std::array<hn::Vec<D>, kVectorsAtOnce> state;
    for (std::int64_t i = 0; i < vectors; ++i)
      state[static_cast<std::size_t>(i)] = hn::LoadU(d, job.state + c + i * lanes);
    for (const Row<T>& row : rows) {
      for (std::int64_t i = 0; i < vectors; ++i) {
        auto& s = state[static_cast<std::size_t>(i)];
        s = next_state<kInput>(d, row, c + i * lanes, s);
        put_state<true>(d, s, row.h + c + i * lanes);
      }
    }
    for (std::int64_t i = 0; i < vectors; ++i)
      hn::StoreU(state[static_cast<std::size_t>(i)], d, job.state + c + i * lanes);
  }
  return c;
}

// A tile is wide enough for the prefetcher and narrow enough that its states stay in the first-level cache.
constexpr std::int64_t kTile = 4096;

template <bool kInput, bool kStream, Keep kKeep, class T>
void scan_column_tile(const ScanJob<T>& job, std::int64_t from, std::int64_t to) {
  const hn::ScalableTag<State<T>> d;
  const hn::CappedTag<State<T>, 1> one;
  const State<T>* before = job.state;
  const auto step = [&](std::int64_t t, std::int64_t c) {
    Row<T> row = row_at<kInput>(job, t);
    if constexpr (kKeep == Keep::in_h) {
      row.before = before;
      before = row.h;
    }
    const std::int64_t rest = step_columns<kInput, kStream, kKeep>(d, row, c, to);
    step_columns<kInput, false, kKeep>(one, row, rest, to);
  };
  std::int64_t t = 0;
  if constexpr (kStream) {
    for (; t + kStepsAtOnce <= job.shape.length; t += kStepsAtOnce) {
      const std::int64_t rest = stream_columns<kInput>(d, job, t, from, to);
      for (std::int64_t k = 0; k < kStepsAtOnce; ++k) step(t + k, rest);
    }
  }
  for (; t < job.shape.length; ++t) step(t, from);
  if constexpr (kKeep == Keep::in_h) {
    if (job.shape.length > 0) std::copy(before + from, before + to, job.state + from);
  }
}

// Whether one row follows the other in each tensor.
template <class T>
bool is_dense(const ScanJob<T>& job) {
  const auto dense = [&](const auto& view) {
    return view.data == nullptr || view.time_stride == job.shape.channels;
  };
  return dense(job.a) && dense(job.b) && dense(job.x) && dense(job.h);
}

// Then all steps but the first are one loop, whose state lies a row before: no loop's end and start at each
// step.
template <bool kInput, class T>
void scan_dense_columns(const ScanJob<T>& job) {
  const hn::ScalableTag<State<T>> d;
  const hn::CappedTag<State<T>, 1> one;
  const std::int64_t channels = job.shape.channels, count = (job.shape.length - 1) * channels;
  ScanJob<T> first = job;
  first.shape.length = 1;
  scan_column_tile<kInput, false, Keep::in_h>(first, 0, channels);
  Row<T> row = row_at<kInput>(job, 1);
  row.before = job.h.data;
  const std::int64_t rest = step_columns<kInput, false, Keep::in_h>(d, row, 0, count);
  step_columns<kInput, false, Keep::in_h>(one, row, rest, count);
  std::copy_n(row.before + count, channels, job.state);
}

// Rows that are long enough that a state is in the cache, not on its way there, when it is read back.
constexpr std::int64_t kDenseRow = 64;

template <bool kInput, bool kStream, class T>
void scan_columns(const ScanJob<T>& job) {
  constexpr bool as_it_is = !kStream && std::is_same_v<T, State<T>>;
  if constexpr (as_it_is) {
    if (job.product == nullptr && job.shape.length > 1 && job.shape.channels >= kDenseRow &&
        job.shape.channels <= kTile && is_dense(job))
      return scan_dense_columns<kInput>(job);
  }
  for (std::int64_t from = 0; from < job.shape.channels; from += kTile) {
    const std::int64_t to = std::min(from + kTile, job.shape.channels);
    if (job.product != nullptr) {
      scan_column_tile<kInput, false, Keep::summary>(job, from, to);
    } else if constexpr (as_it_is) {
      scan_column_tile<kInput, kStream, Keep::in_h>(job, from, to);
    } else {
      scan_column_tile<kInput, kStream, Keep::apart>(job, from, to);
    }
  }
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
