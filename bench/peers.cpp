#include "bench/peers.hpp"

#include <algorithm>
#include <cmath>

#ifdef __AVX__
#include <immintrin.h>
#endif

namespace exactscan::bench {
namespace {

typedef float Eight __attribute__((vector_size(32)));

Eight load(const float* p) {
  Eight x;
  __builtin_memcpy(&x, p, sizeof(x));
  return x;
}
// Not temporal: the line is not read before it is written.
void stream(float* p, const Eight& x) {
#ifdef __AVX__
  _mm256_stream_ps(p, x);
#else
  __builtin_memcpy(p, &x, sizeof(x));
#endif
}

}  // namespace

void scan_f32(const float* __restrict a, const float* __restrict b, float* __restrict h, std::int64_t length,
              std::int64_t channels) {
  for (std::int64_t n = 0; n < channels; ++n) h[n] = b[n];
  for (std::int64_t t = 1; t < length; ++t) {
    const float* __restrict before = h + (t - 1) * channels;
    float* __restrict now = h + t * channels;
    for (std::int64_t n = 0; n < channels; ++n)
      now[n] = a[t * channels + n] * before[n] + b[t * channels + n];
  }
}

void scan_f32_streaming(const float* a, const float* b, float* h, std::int64_t length,
                        std::int64_t channels) {
  constexpr std::int64_t tile = 1024;  // states that stay in the first cache
  alignas(32) float state[tile];
  for (std::int64_t first = 0; first < channels; first += tile) {
    const std::int64_t width = std::min(tile, channels - first);
    std::fill(state, state + width, 0.0F);
    for (std::int64_t t = 0; t < length; ++t) {
      const std::int64_t row = t * channels + first;
      for (std::int64_t n = 0; n < width; n += 8) {
        const Eight x = load(a + row + n) * load(state + n) + load(b + row + n);
        __builtin_memcpy(state + n, &x, sizeof(x));
        stream(h + row + n, x);
      }
    }
  }
}

double scan_f64_compare(const float* __restrict a, const float* __restrict b, const float* __restrict h,
                        double* __restrict state, std::int64_t length, std::int64_t channels) {
  std::fill(state, state + channels, 0.0);
  double worst[4] = {};
  for (std::int64_t t = 0; t < length; ++t) {
    const std::int64_t row = t * channels;
    std::int64_t n = 0;
    for (; n + 4 <= channels; n += 4) {
      for (std::int64_t i = 0; i < 4; ++i) {
        state[n + i] =
            static_cast<double>(a[row + n + i]) * state[n + i] + static_cast<double>(b[row + n + i]);
        const double off = std::fabs(state[n + i] - static_cast<double>(h[row + n + i]));
        worst[i] = off > worst[i] ? off : worst[i];
      }
    }
    for (; n < channels; ++n) {
      state[n] = static_cast<double>(a[row + n]) * state[n] + static_cast<double>(b[row + n]);
      worst[0] = std::max(worst[0], std::fabs(state[n] - static_cast<double>(h[row + n])));
    }
  }
  return std::max({worst[0], worst[1], worst[2], worst[3]});
}

void scan_f32_channel(const float* a, const float* b, float* h, std::int64_t length) {
  float state = 0;
  for (std::int64_t t = 0; t < length; ++t) {
    state = a[t] * state + b[t];
    h[t] = state;
  }
}

float read_all(const float* x, std::size_t count) {
  Eight sum[8] = {};
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    for (std::size_t k = 0; k < 8; ++k) sum[k] += load(x + i + 8 * k);
  }
  float total = 0;
  for (const Eight& s : sum) {
    for (int k = 0; k < 8; ++k) total += s[k];
  }
  for (; i < count; ++i) total += x[i];
  return total;
}

void copy_streaming(const float* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i + 8 <= count; i += 8) stream(to + i, load(from + i));
}

void halve_and_add(const float* __restrict a, const float* __restrict b, float* __restrict h,
                   std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) h[i] = 0.5F * a[i] + b[i];
}

void halve_and_add_streaming(const float* a, const float* b, float* h, std::size_t count) {
  const Eight half = {0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F, 0.5F};
  std::size_t i = 0;
  for (; i + 8 <= count; i += 8) stream(h + i, half * load(a + i) + load(b + i));
  for (; i < count; ++i) h[i] = 0.5F * a[i] + b[i];
}

}  // namespace exactscan::bench
