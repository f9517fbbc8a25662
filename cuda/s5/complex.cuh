// Complex numbers in registers, and the exponential of one.
#pragma once

#include <cuda_runtime.h>

namespace exactscan::cuda::s5 {

__device__ inline float2 operator*(float2 a, float2 b) {
  return {fmaf(-a.y, b.y, a.x * b.x), fmaf(a.y, b.x, a.x * b.y)};
}
__device__ inline float2 operator*(float s, float2 a) { return {s * a.x, s * a.y}; }
__device__ inline float2 operator+(float2 a, float2 b) { return {a.x + b.x, a.y + b.y}; }
__device__ inline float2 conj(float2 a) { return {a.x, -a.y}; }
// a conj(b)
__device__ inline float2 times_conj(float2 a, float2 b) {
  return {fmaf(a.y, b.y, a.x * b.x), fmaf(a.y, b.x, -(a.x * b.y))};
}
// Re(a conj(b))
__device__ inline float inner(float2 a, float2 b) { return fmaf(a.y, b.y, a.x * b.x); }
// a b + c
__device__ inline float2 fused(float2 a, float2 b, float2 c) {
  return {fmaf(-a.y, b.y, fmaf(a.x, b.x, c.x)), fmaf(a.y, b.x, fmaf(a.x, b.y, c.y))};
}
// The transition x -> a x + c. From the zero state it is c, also where a, a product of multipliers,
// overflowed.
__device__ inline float2 step(float2 a, float2 x, float2 c) {
  return x.x == 0 && x.y == 0 ? c : fused(a, x, c);
}

__device__ inline float2 shuffle_up(float2 a, int d) {
  return {__shfl_up_sync(~0U, a.x, d), __shfl_up_sync(~0U, a.y, d)};
}
__device__ inline float2 shuffle_down(float2 a, int d) {
  return {__shfl_down_sync(~0U, a.x, d), __shfl_down_sync(~0U, a.y, d)};
}
__device__ inline float2 from_lane(float2 a, int lane) {
  return {__shfl_sync(~0U, a.x, lane), __shfl_sync(~0U, a.y, lane)};
}

// 1/x within 1 ulp for 2^-60 < x < 2^125; infinity for smaller ones.
__device__ inline float reciprocal(float x) {
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  const float e = fmaf(-x, r, 1.0f);
  return fabsf(e) < 1.0f ? fmaf(r, e, r) : r;
}

// The integer next to x, |x| < 2^22, as a number and in the low bits of a word: the conversions are slower.
struct Nearest {
  float value;
  int bits;
};
__device__ inline Nearest nearest(float x, float factor) {
  constexpr float kShift = 0x1.8p23f;
  const float shifted = fmaf(x, factor, kShift);
  return {shifted - kShift, __float_as_int(shifted)};
}
// x between low and high; NaN for NaN.
__device__ inline float clamp(float x, float low, float high) {
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(x), "f"(high));
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(x) : "f"(x), "f"(low));
  return x;
}

// e^x and e^x - 1, each within 2 ulp; NaN for NaN.
struct RealExponential {
  float e, m1;
};
__device__ inline RealExponential real_exponential(float x) {
  x = clamp(x, -110.0f, 90.0f);
  const Nearest k = nearest(x, 1.442695040888963f);
  const float r = fmaf(-k.value, -0x1.05c61p-29f, fmaf(-k.value, 0x1.62e43p-1f, x));
  float p = fmaf(r, 0x1.6c863ap-10f, 0x1.12097ep-7f);
  p = fmaf(r, p, 0x1.55558ap-5f);
  p = fmaf(r, p, 0x1.5554e0p-3f);
  p = fmaf(r, p, 0.5f);
  p = fmaf(r * r, p, r);  // e^r - 1
  // 2^n as a product of two, so that it is gradual near the ends.
  const int n = k.bits - 0x4b400000, half = n >> 1;
  const float s = __int_as_float((127 + half) << 23), t = __int_as_float((127 + n - half) << 23);
  const float e = (1.0f + p) * s * t, scale = s * t;
  return {e, n > 30 ? e : fmaf(scale, p, scale - 1.0f)};
}

// sin and cos of w within 2 ulp of 1, and of sin's own value near its zeros up to the rounding of w, for
// |w| <= kMostAngle; above, use sincosf.
constexpr float kMostAngle = 40000.0f;
__device__ inline void sine_cosine(float w, float* sine, float* cosine) {
  const Nearest k = nearest(w, 0x1.45f306p-1f);
  float r = fmaf(-k.value, 0x1.921fb6p+0f, w);
  r = fmaf(-k.value, -0x1.777a5cp-25f, r);
  r = fmaf(-k.value, -0x1.ee59p-50f, r);
  const float q = r * r;
  float s = fmaf(q, -0x1.9ac6bcp-13f, 0x1.110c22p-7f);
  s = fmaf(q, s, -0x1.555552p-3f);
  s = fmaf(r * q, s, r);
  float c = fmaf(q, 0x1.9bd554p-16f, -0x1.6c12cap-10f);
  c = fmaf(q, c, 0x1.555554p-5f);
  c = fmaf(q * q, c, fmaf(-0.5f, q, 1.0f));
  const bool odd = k.bits & 1;
  constexpr unsigned kSign = 0x80000000U;
  const unsigned n = static_cast<unsigned>(k.bits);
  *sine = __uint_as_float(__float_as_uint(odd ? c : s) ^ (n << 30 & kSign));
  *cosine = __uint_as_float(__float_as_uint(odd ? s : c) ^ ((n + 1) << 30 & kSign));
}

// e^z and e^z - 1. The second without cancellation: expm1(x) cos y - 2 sin^2(y/2) + i e^x sin y. kWide: any
// imaginary part; else |Im z| <= kMostAngle.
struct Exponential {
  float2 e, m1;
};
template <bool kWide>
__device__ inline Exponential exponential_and_m1(float2 z) {
  const RealExponential x = real_exponential(z.x);
  float s, c;
  kWide ? sincosf(0.5f * z.y, &s, &c) : sine_cosine(0.5f * z.y, &s, &c);
  const float versine = 2.0f * s * s, sine = 2.0f * s * c, cosine = 1.0f - versine;
  Exponential r;
  r.e = {x.e * cosine, x.e * sine};
  r.m1 = {fmaf(x.m1, cosine, -versine), r.e.y};
  return r;
}
template <bool kWide>
__device__ inline float2 exponential(float2 z) {
  const float e = real_exponential(z.x).e;
  float s, c;
  kWide ? sincosf(z.y, &s, &c) : sine_cosine(z.y, &s, &c);
  return {e * c, e * s};
}

}  // namespace exactscan::cuda::s5
