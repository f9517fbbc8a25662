#include "impl/diagonal_scan.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "impl/scan_job.hpp"
#include "impl/threads.hpp"

namespace exactscan::impl {
namespace {

// Time steps times channels that are summarized and then scanned again while they are still in a cache; no
// more than an eighth of the grain, so that every thread gets some.
constexpr std::int64_t kChunkElements = std::int64_t{1} << 15;
// Channels of one thread: a multiple of every vector's lanes and of a cache line.
constexpr std::int64_t kChannelGrain = 64;

void require(bool condition, const char* what) {
  if (!condition) throw ArgumentError(std::string("diagonal scan: ") + what);
}

template <class T>
ScanJob<T> part(const ScanJob<T>& job, std::int64_t t, std::int64_t length, std::int64_t c,
                std::int64_t channels) {
  ScanJob<T> result = job;
  result.shape = {length, channels};
  result.a = job.a.offset(t, c);
  result.b = job.b.offset(t, c);
  result.x = job.x.offset(t, c);
  result.h = job.h.offset(t, c);
  result.state = job.state + c;
  return result;
}

template <class T>
void run_by_channel(const ScanJob<T>& job, int threads, std::int64_t grain) {
  const std::int64_t grains = (job.shape.channels + grain - 1) / grain;
  in_threads(threads, [&](int i) {
    const std::int64_t from = grains * i / threads * grain;
    const std::int64_t to = std::min(grains * (i + 1) / threads * grain, job.shape.channels);
    if (from < to) run(part(job, 0, job.shape.length, from, to - from));
  });
}

// Chunks of time in order, each taken by the next free thread: its maps are composed (reading it into the
// cache), the state before it is awaited, the state after it is published at once, and only then are its own
// states computed and written. (Merrill and Garland's look-back, with the predecessor alone.)
template <class T>
void run_by_time(const ScanJob<T>& job, int threads, std::int64_t grain) {
  using S = State<T>;
  const auto channels = static_cast<std::size_t>(job.shape.channels);
  const std::int64_t elements = std::min(kChunkElements, std::max<std::int64_t>(grain / 8, 1));
  const std::int64_t steps = std::max<std::int64_t>(elements / job.shape.channels / 64 * 64, 64);
  const std::int64_t chunks = (job.shape.length + steps - 1) / steps;
  // before[k]: the states before chunk k, valid when published > k - 1.
  std::vector<S> before((static_cast<std::size_t>(chunks) + 1) * channels);
  std::copy(job.state, job.state + channels, before.begin());
  std::atomic<std::int64_t> next{0}, published{0};
  std::vector<S> last(channels);
  in_threads(threads, [&](int) {
    std::vector<S> a(channels), b(channels), state(channels);
    for (std::int64_t k = next++; k < chunks; k = next++) {
      const std::int64_t t = k * steps, length = std::min(steps, job.shape.length - t);
      ScanJob<T> summary = part(job, t, length, 0, job.shape.channels);
      std::fill(a.begin(), a.end(), S(1));
      std::fill(b.begin(), b.end(), S(0));
      summary.state = b.data();
      summary.product = a.data();
      summary.h = {};
      run(summary);
      while (published.load(std::memory_order_acquire) < k) std::this_thread::yield();
      S* const after = before.data() + (static_cast<std::size_t>(k) + 1) * channels;
      for (std::size_t c = 0; c < channels; ++c) {
        state[c] = *(after - channels + c);
        after[c] = a[c] * state[c] + b[c];
      }
      published.store(k + 1, std::memory_order_release);
      ScanJob<T> scan = part(job, t, length, 0, job.shape.channels);
      scan.state = state.data();
      run(scan);
      if (k == chunks - 1) last = state;
    }
  });
  std::copy(last.begin(), last.end(), job.state);
}

template <class T>
void run_all(ScanJob<T>& job, const State<T>* initial, State<T>* last, const ScanOptions& options) {
  const auto [length, channels] = job.shape;
  require(length >= 0 && channels >= 0, "a size is negative");
  require(options.threads >= 0, "the number of threads is negative");
  require(options.grain > 0, "the grain is not positive");
  require(options.stream_bytes >= 0, "the size from which h is streamed is negative");
  if (channels == 0) return;
  const bool empty = length == 0;
  require(empty || (job.a.data != nullptr && job.b.data != nullptr && job.h.data != nullptr),
          "a tensor is missing");
  std::vector<State<T>> state(static_cast<std::size_t>(channels));
  if (initial != nullptr) std::copy(initial, initial + channels, state.begin());
  job.state = state.data();
  if (!empty) {
    job.stream = length * channels * static_cast<std::int64_t>(sizeof(T)) > options.stream_bytes;
    const int threads = usable_threads(options.threads, length * channels, options.grain);
    const bool rows = job.h.time_stride == 1;
    const std::int64_t grain = rows ? 1 : kChannelGrain;
    if (threads == 1) {
      run(job);
    } else if (channels >= threads * grain) {
      run_by_channel(job, threads, grain);
    } else {
      run_by_time(job, threads, options.grain);
    }
  }
  if (last != nullptr) std::copy(state.begin(), state.end(), last);
}

}  // namespace

template <class T>
void diagonal_scan(const ScanShape& shape, View<const T> a, View<const T> b, const State<T>* initial,
                   View<T> h, State<T>* last, const ScanOptions& options) {
  ScanJob<T> job{shape, a, b, {}, nullptr, nullptr, h, false};
  run_all(job, initial, last, options);
}

template <class T>
void diagonal_ssm(const ScanShape& shape, View<const T> A, View<const T> B, View<const T> x,
                  const State<T>* initial, View<T> h, State<T>* last, const ScanOptions& options) {
  require(shape.length == 0 || shape.channels == 0 || x.data != nullptr, "a tensor is missing");
  ScanJob<T> job{shape, A, B, x, nullptr, nullptr, h, false};
  run_all(job, initial, last, options);
}

#define EXACTSCAN_INSTANTIATE(T)                                                                           \
  template void diagonal_scan<T>(const ScanShape&, View<const T>, View<const T>, const State<T>*, View<T>, \
                                 State<T>*, const ScanOptions&);                                           \
  template void diagonal_ssm<T>(const ScanShape&, View<const T>, View<const T>, View<const T>,             \
                                const State<T>*, View<T>, State<T>*, const ScanOptions&)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE

}  // namespace exactscan::impl
