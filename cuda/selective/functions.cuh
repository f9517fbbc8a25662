// exp, softplus, silu and storage types of the selective scan kernels.
#pragma once

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace exactscan::cuda::selective {

using bf16 = __nv_bfloat16;
constexpr float kLog2e = 0x1.715476p+0f;

__device__ inline float exp2_fast(float x) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}
__device__ inline float reciprocal_fast(float x) {
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

// log(1 + t) within 2 ulp for 0 <= t <= 1.
__device__ inline float log1p_unit(float t) {
  float p = -0x1.b2f480p-9f;
  p = fmaf(p, t, 0x1.4b07a2p-6f);
  p = fmaf(p, t, -0x1.d86298p-5f);
  p = fmaf(p, t, 0x1.b5797cp-4f);
  p = fmaf(p, t, -0x1.3a7a6cp-3f);
  p = fmaf(p, t, 0x1.935c98p-3f);
  p = fmaf(p, t, -0x1.ff26e0p-3f);
  p = fmaf(p, t, 0x1.554df0p-2f);
  p = fmaf(p, t, -0x1.ffffd2p-2f);
  return fmaf(p * t, t, t);
}
// log(1 + e^x). NaN for NaN.
__device__ inline float softplus(float x) {
  return fmaxf(x, 0.0f) + log1p_unit(exp2_fast(-fabsf(x) * kLog2e));
}
// The identity above the threshold.
__device__ inline float softplus(float x, float threshold) { return x > threshold ? x : softplus(x); }
__device__ inline float sigmoid(float x) { return reciprocal_fast(1.0f + exp2_fast(-x * kLog2e)); }

__device__ inline float widen(float x) { return x; }
__device__ inline float widen(bf16 x) { return __bfloat162float(x); }
template <class T>
__device__ T narrow(float x);
template <>
__device__ inline float narrow<float>(float x) {
  return x;
}
template <>
__device__ inline bf16 narrow<bf16>(float x) {
  return __float2bfloat16_rn(x);
}

// Two consecutive elements.
__device__ inline float2 read_pair(const float* p) { return *reinterpret_cast<const float2*>(p); }
__device__ inline float2 read_pair(const bf16* p) {
  return __bfloat1622float2(*reinterpret_cast<const __nv_bfloat162*>(p));
}
__device__ inline void write_pair(float* p, float2 v) { *reinterpret_cast<float2*>(p) = v; }
__device__ inline void write_pair(bf16* p, float2 v) {
  *reinterpret_cast<__nv_bfloat162*>(p) = __floats2bfloat162_rn(v.x, v.y);
}

// The elements of a 16-byte chunk.
__device__ inline void expand(uint4 c, float (&to)[4]) {
  to[0] = __uint_as_float(c.x), to[1] = __uint_as_float(c.y), to[2] = __uint_as_float(c.z),
  to[3] = __uint_as_float(c.w);
}
__device__ inline void expand(uint4 c, float (&to)[8]) {
  const unsigned words[4] = {c.x, c.y, c.z, c.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    to[2 * i] = __uint_as_float(words[i] << 16);
    to[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000U);
  }
}

__device__ inline unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}
// Fetches the whole 128-byte line to L2, which the next tile will want: without, single-precision forward
// takes 1.48 ms in place of 1.20 (on an H100, 8 x 5120 x 16 x 4096); with 256 bytes 1.38.
__device__ inline void copy16(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from)
               : "memory");
}
// One element, or zero. 2-byte elements have no asynchronous form.
__device__ inline void copy_element(float* to, const float* from, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(valid ? 4 : 0)
               : "memory");
}
__device__ inline void copy_element(bf16* to, const bf16* from, bool valid) {
  *to = valid ? *from : __float2bfloat16_rn(0.0f);
}
__device__ inline void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kLeft>
__device__ inline void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory");
}

// A chunk of elements of which the first `valid` are read and the rest is zero.
template <class T>
__device__ inline uint4 load_some(const T* from, std::int64_t valid) {
  constexpr int kCount = 16 / sizeof(T);
  alignas(16) T items[kCount];
#pragma unroll
  for (int i = 0; i < kCount; ++i) items[i] = i < valid ? from[i] : narrow<T>(0.0f);
  return *reinterpret_cast<const uint4*>(items);
}

// Barriers in shared memory (mbarrier): a thread arrives at one point and waits at a later one.
__device__ inline void barrier_init(std::uint64_t* b, int threads) {
  asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(shared_address(b)), "r"(threads) : "memory");
}
__device__ inline void barrier_invalidate(std::uint64_t* b) {
  asm volatile("mbarrier.inval.shared.b64 [%0];" ::"r"(shared_address(b)) : "memory");
}
__device__ inline void barrier_arrive(std::uint64_t* b) {
  asm volatile("{.reg .b64 state; mbarrier.arrive.shared.b64 state, [%0];}" ::"r"(shared_address(b))
               : "memory");
}
// Until the phase of this parity is complete.
__device__ inline void barrier_wait(std::uint64_t* b, unsigned parity) {
  asm volatile(
      "{.reg .pred done;\n"
      "again%=: mbarrier.try_wait.parity.shared.b64 done, [%0], %1;\n"
      "@!done bra again%=;}" ::"r"(shared_address(b)),
      "r"(parity)
      : "memory");
}

}  // namespace exactscan::cuda::selective
