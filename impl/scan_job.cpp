// One copy of the scans for every instruction set; the best one is chosen at run time.
#include "impl/scan_job.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "impl/scan_job.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>  // compiles this file again for each target
#include <hwy/highway.h>

#include "impl/scan_columns-inl.hpp"
#include "impl/scan_rows-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

template <class T>
bool all_unit(const ScanJob<T>& job, std::int64_t View<const T>::*of_input,
              std::int64_t View<T>::*of_output) {
  const auto unit = [&](const View<const T>& view) { return view.data == nullptr || view.*of_input == 1; };
  return unit(job.a) && unit(job.b) && unit(job.x) && (job.h.data == nullptr || job.h.*of_output == 1);
}

// Time steps are neighbours, or the operand is constant in time.
template <class T>
bool are_rows(const ScanJob<T>& job) {
  const auto row = [](const View<const T>& view) {
    return view.data == nullptr || view.time_stride == 1 || view.time_stride == 0;
  };
  return row(job.a) && row(job.b) && row(job.x) && (job.h.data == nullptr || job.h.time_stride == 1);
}

// Streaming stores need every vector of h aligned; `distance`: elements from one row of h to the next.
template <class T>
bool may_stream(std::uintptr_t bytes, const ScanJob<T>& job, std::int64_t distance) {
  return job.stream && sizeof(T) == sizeof(State<T>) && job.h.data != nullptr &&
         reinterpret_cast<std::uintptr_t>(job.h.data) % bytes == 0 &&
         (static_cast<std::uintptr_t>(distance) * sizeof(T)) % bytes == 0;
}

// Neither neighbours in time nor in channels: one element at a time.
template <bool kInput, class T>
void scan_scattered(const ScanJob<T>& job) {
  const hn::CappedTag<State<T>, 1> one;
  for (std::int64_t c = 0; c < job.shape.channels; ++c) {
    for (std::int64_t t = 0; t < job.shape.length; ++t) {
      const Row<T> row{job.a.offset(t, c).data,
                       job.b.offset(t, c).data,
                       kInput ? job.x.offset(t, c).data : nullptr,
                       job.h.offset(t, c).data,
                       job.state + c,
                       job.state + c,
                       job.product == nullptr ? nullptr : job.product + c};
      if (job.product != nullptr) {
        step_columns<kInput, false, Keep::summary>(one, row, 0, 1);
      } else {
        step_columns<kInput, false, Keep::apart>(one, row, 0, 1);
      }
    }
  }
}

template <bool kInput, class T>
void scan(const ScanJob<T>& job) {
  constexpr bool can_stream = sizeof(T) == sizeof(State<T>);
  const bool rows = are_rows(job);
  if (rows &&
      (job.shape.channels == 1 || !all_unit(job, &View<const T>::channel_stride, &View<T>::channel_stride))) {
    constexpr std::uintptr_t block = 16;  // a row's tile is stored by blocks of 128 bits
    if (may_stream(block, job, job.shape.channels > 1 ? job.h.channel_stride : 0)) {
      scan_rows<kInput, can_stream>(job);
    } else {
      scan_rows<kInput, false>(job);
    }
  } else if (all_unit(job, &View<const T>::channel_stride, &View<T>::channel_stride)) {
    const hn::ScalableTag<State<T>> d;
    if (may_stream(hn::Lanes(d) * sizeof(T), job, job.h.time_stride)) {
      scan_columns<kInput, can_stream>(job);
    } else {
      scan_columns<kInput, false>(job);
    }
  } else {
    scan_scattered<kInput>(job);
  }
  if (job.stream) hwy::FlushStream();
}

template <class T>
void scan_any(const ScanJob<T>& job) {
  if (job.x.data != nullptr) {
    scan<true>(job);
  } else {
    scan<false>(job);
  }
}

void scan_f32(const ScanJob<float>& job) { scan_any(job); }
void scan_f64(const ScanJob<double>& job) { scan_any(job); }
void scan_f16(const ScanJob<Float16>& job) { scan_any(job); }
void scan_bf16(const ScanJob<BFloat16>& job) { scan_any(job); }

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace exactscan::impl {

HWY_EXPORT(scan_f32);
HWY_EXPORT(scan_f64);
HWY_EXPORT(scan_f16);
HWY_EXPORT(scan_bf16);

void run(const ScanJob<float>& job) { HWY_DYNAMIC_DISPATCH(scan_f32)(job); }
void run(const ScanJob<double>& job) { HWY_DYNAMIC_DISPATCH(scan_f64)(job); }
void run(const ScanJob<Float16>& job) { HWY_DYNAMIC_DISPATCH(scan_f16)(job); }
void run(const ScanJob<BFloat16>& job) { HWY_DYNAMIC_DISPATCH(scan_bf16)(job); }

}  // namespace exactscan::impl
#endif
