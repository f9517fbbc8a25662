// The scan where neighbours in memory are channels: time step by time step, vectors of channels.
#if defined(EXACTSCAN_IMPL_SCAN_COLUMNS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_SCAN_COLUMNS_INL
#undef EXACTSCAN_IMPL_SCAN_COLUMNS_INL
#else
#define EXACTSCAN_IMPL_SCAN_COLUMNS_INL
#endif

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "impl/scan_job.hpp"
#include "impl/vector_storage-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

// The rows of one time step, and of the states before and after it.
template <class T>
struct Row {
  const T *a, *b, *x;
  T* h;
  const State<T>* before;
  State<T>* after;  // null: h itself
};

// One time step of the channels [from, to) that fill whole vectors; returns the first channel left over.
template <bool kInput, bool kStream, class D, class T>
HWY_INLINE std::int64_t step_columns(D d, const Row<T>& row, const ScanJob<T>& job, std::int64_t from,
                                     std::int64_t to) {
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t c = from;
  for (; c + lanes <= to; c += lanes) {
    const auto a = load(d, row.a + c);
    auto b = load(d, row.b + c);
    if constexpr (kInput) b = hn::Mul(b, load(d, row.x + c));
    const auto state = hn::MulAdd(a, hn::LoadU(d, row.before + c), b);
    if (row.after != nullptr) hn::StoreU(state, d, row.after + c);
    if (job.product != nullptr) hn::StoreU(hn::Mul(a, hn::LoadU(d, job.product + c)), d, job.product + c);
    if (row.h == nullptr) continue;
    if constexpr (kStream) {
      hn::Stream(state, d, row.h + c);
    } else {
      store(d, state, row.h + c);
    }
  }
  return c;
}

// A tile is wide enough for the prefetcher and narrow enough that its states stay in the first-level cache.
constexpr std::int64_t kTile = 4096;

template <bool kInput, bool kStream, class T>
void scan_columns(const ScanJob<T>& job) {
  const hn::ScalableTag<State<T>> d;
  const hn::CappedTag<State<T>, 1> one;
  // Where h holds the states as they are and stays in a cache, it is read back instead of a second copy.
  constexpr bool kReadBack = !kStream && std::is_same_v<T, State<T>>;
  const bool read_back = kReadBack && job.h.data != nullptr && job.product == nullptr;
  for (std::int64_t from = 0; from < job.shape.channels; from += kTile) {
    const std::int64_t to = std::min(from + kTile, job.shape.channels);
    const State<T>* before = job.state;
    for (std::int64_t t = 0; t < job.shape.length; ++t) {
      Row<T> row{job.a.data + t * job.a.time_stride,
                 job.b.data + t * job.b.time_stride,
                 kInput ? job.x.data + t * job.x.time_stride : nullptr,
                 job.h.data == nullptr ? nullptr : job.h.data + t * job.h.time_stride,
                 before,
                 job.state};
      if constexpr (kReadBack) {
        if (read_back) {
          row.after = nullptr;
          before = row.h;
        }
      }
      const std::int64_t rest = step_columns<kInput, kStream>(d, row, job, from, to);
      step_columns<kInput, false>(one, row, job, rest, to);
    }
    if (read_back && job.shape.length > 0) std::copy(before + from, before + to, job.state + from);
  }
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
