// Transitions h -> P*h + H in registers, as the kernels combine them.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cstdint>

namespace exactscan::cuda {

// The type of the state and of all arithmetic for a storage type.
template <class E>
struct StateOf {
  using type = float;
};
template <>
struct StateOf<double> {
  using type = double;
};
template <class E>
using State = typename StateOf<E>::type;

__device__ inline float widen(float x) { return x; }
__device__ inline double widen(double x) { return x; }
__device__ inline float widen(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ inline float widen(__half x) { return __half2float(x); }
template <class E>
__device__ inline E narrow(State<E> x);
template <>
__device__ inline float narrow<float>(float x) {
  return x;
}
template <>
__device__ inline double narrow<double>(double x) {
  return x;
}
template <>
__device__ inline __nv_bfloat16 narrow<__nv_bfloat16>(float x) {
  return __float2bfloat16_rn(x);
}
template <>
__device__ inline __half narrow<__half>(float x) {
  return __float2half_rn(x);
}

__device__ inline float fused(float a, float h, float b) { return __fmaf_rn(a, h, b); }
__device__ inline double fused(double a, double h, double b) { return __fma_rn(a, h, b); }

// A product of gates as one number.
template <class S>
struct Plain {
  S p = 1;
  __device__ void times(S a) { p = p * a; }
  __device__ void times(const Plain& o) { p = p * o.p; }
  __device__ S apply(S h, S b) const { return fused(p, h, b); }
  __device__ void settle() {}
  __device__ static Plain of(S high, S) { return {high}; }
  __device__ S high() const { return p; }
  __device__ S low() const { return 0; }
};

// A product of gates as an unevaluated sum hi + lo. The rounding error of every product is kept: with gates
// 1 - k*2^-24 a plain product rounds the same way every time, and the error grows with the number of gates.
struct Pair {
  float hi = 1, lo = 0;
  __device__ void times(float a) {
    const float p = __fmul_rn(hi, a);
    lo = __fmaf_rn(lo, a, __fmaf_rn(hi, a, -p));
    hi = p;
  }
  __device__ void times(const Pair& o) {
    const float p = __fmul_rn(hi, o.hi);
    float e = __fmaf_rn(hi, o.hi, -p);
    e = __fmaf_rn(hi, o.lo, __fmaf_rn(lo, o.hi, e));
    hi = __fadd_rn(p, e);
    lo = __fsub_rn(e, __fsub_rn(hi, p));
    settle();
  }
  __device__ float apply(float h, float b) const { return __fmaf_rn(hi, h, __fmaf_rn(lo, h, b)); }
  __device__ static Pair of(float high, float low) { return {high, low}; }
  __device__ float high() const { return hi; }
  __device__ float low() const { return lo; }
  // An overflowed product has no meaningful correction (inf - inf).
  __device__ void settle() {
    if (!(fabsf(hi) < __int_as_float(0x7f800000))) lo = 0;
  }
};

template <class S, class M>
struct Transition {
  M gate{};
  S offset = 0;

  // From the zero state the offset is the answer, also where the product of gates overflowed.
  __device__ S apply(S h) const { return h == S(0) ? offset : gate.apply(h, offset); }
  __device__ void step(S a, S b) {
    gate.times(a);
    offset = fused(a, offset, b);
  }
};

// First `first`, then `second`.
template <class S, class M>
__device__ inline Transition<S, M> compose(const Transition<S, M>& second, const Transition<S, M>& first) {
  Transition<S, M> r;
  r.gate = first.gate;
  r.gate.times(second.gate);
  r.offset = second.apply(first.offset);
  return r;
}

template <class S>
__device__ inline Plain<S> shuffle_up(const Plain<S>& m, unsigned d) {
  return {__shfl_up_sync(~0U, m.p, d)};
}
__device__ inline Pair shuffle_up(const Pair& m, unsigned d) {
  return {__shfl_up_sync(~0U, m.hi, d), __shfl_up_sync(~0U, m.lo, d)};
}
template <class S>
__device__ inline Plain<S> shuffle_down(const Plain<S>& m, unsigned d) {
  return {__shfl_down_sync(~0U, m.p, d)};
}
__device__ inline Pair shuffle_down(const Pair& m, unsigned d) {
  return {__shfl_down_sync(~0U, m.hi, d), __shfl_down_sync(~0U, m.lo, d)};
}
template <class S>
__device__ inline Plain<S> from_lane(const Plain<S>& m, int lane) {
  return {__shfl_sync(~0U, m.p, lane)};
}
__device__ inline Pair from_lane(const Pair& m, int lane) {
  return {__shfl_sync(~0U, m.hi, lane), __shfl_sync(~0U, m.lo, lane)};
}
template <class S, class M>
__device__ inline Transition<S, M> from_lane(const Transition<S, M>& t, int lane) {
  return {from_lane(t.gate, lane), __shfl_sync(~0U, t.offset, lane)};
}
template <class S, class M>
__device__ inline Transition<S, M> shuffle_up(const Transition<S, M>& t, unsigned d) {
  return {shuffle_up(t.gate, d), __shfl_up_sync(~0U, t.offset, d)};
}
template <class S, class M>
__device__ inline Transition<S, M> shuffle_down(const Transition<S, M>& t, unsigned d) {
  return {shuffle_down(t.gate, d), __shfl_down_sync(~0U, t.offset, d)};
}

}  // namespace exactscan::cuda
