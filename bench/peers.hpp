// What a check is measured against: scans as a kernel author would write them, and the machine's bandwidth.
// Arrays are [length, channels], row by row.
#pragma once

#include <cstddef>
#include <cstdint>

namespace exactscan::bench {

// h_t = a_t h_{t-1} + b_t in float32, time outermost: the fastest plain loop for this layout.
void scan_f32(const float* a, const float* b, float* h, std::int64_t length, std::int64_t channels);
// The same with stores that bypass the caches. Requires channels % 8 == 0 and h aligned to 32 bytes.
void scan_f32_streaming(const float* a, const float* b, float* h, std::int64_t length, std::int64_t channels);
// The reference that one would write by hand: float64 states from float32 inputs, the largest |h64 - h| kept.
double scan_f64_compare(const float* a, const float* b, const float* h, double* state, std::int64_t length,
                        std::int64_t channels);
// One channel, or channels one after the other, time innermost.
void scan_f32_channel(const float* a, const float* b, float* h, std::int64_t length);

// Sum of `count` floats with as many loads in flight as the machine takes: read bandwidth.
float read_all(const float* x, std::size_t count);
// memcpy with streaming stores. Requires count % 8 == 0, `to` aligned to 32 bytes.
void copy_streaming(const float* from, float* to, std::size_t count);

// h = 0.5 a + b: what a scan reads and writes, without its recurrence. Streaming: h is aligned to 32 bytes.
void halve_and_add(const float* a, const float* b, float* h, std::size_t count);
void halve_and_add_streaming(const float* a, const float* b, float* h, std::size_t count);

}  // namespace exactscan::bench
