// One step of the selective scan: four lanes a channel, each every fourth state.
#include "cuda/selective/functions.cuh"
#include "cuda/selective/selective.hpp"

namespace exactscan::cuda::selective {
namespace {

using i64 = std::int64_t;
constexpr int kThreads = 128;

template <class T> __global__ void step_kernel(const __grid_constant__ StateUpdate s) {
  const i64 row = (static_cast<i64>(blockIdx.x) * kThreads + threadIdx.x) / 4;
  const int q = threadIdx.x & 3;
  const bool live = row < s.batch * s.channels;
  const i64 d = live ? row % s.channels : 0, b = live ? row / s.channels : 0;
  float y = 0, x = 0;
  if (live) {
    x = widen(static_cast<const T*>(s.x)[row]);
    float dt = widen(static_cast<const T*>(s.delta)[row]) + (s.delta_bias ? s.delta_bias[d] : 0.0f);
    if (s.softplus) dt = softplus(dt, s.threshold);
    const i64 group = (b * s.groups + d / (s.channels / s.groups)) * s.states;
    const T *B = static_cast<const T*>(s.B) + group, *C = static_cast<const T*>(s.C) + group;
    const float* A = s.A + d * s.states;
    float* state = s.state + row * s.states;
    for (i64 n = q; n < s.states; n += 4) {
      const float h = fmaf(exp2_fast(dt * (A[n] * kLog2e)), state[n], dt * x * widen(B[n]));
      state[n] = h;
      y = fmaf(h, widen(C[n]), y);
    }
  }
  y += __shfl_xor_sync(~0U, y, 1);
  y += __shfl_xor_sync(~0U, y, 2);
  if (!live || q != 0) return;
  if (s.D) y = fmaf(s.D[d], x, y);
  if (s.z) {
    const float z = widen(static_cast<const T*>(s.z)[row]);
    y *= z * sigmoid(z);
  }
  static_cast<T*>(s.y)[row] = narrow<T>(y);
}

}  // namespace

Status state_update(const StateUpdate& s, cudaStream_t stream) {
  if (s.batch < 0 || s.channels < 0 || s.states < 0 || s.groups < 1 || s.channels % s.groups != 0) return Status::bad_argument;
  if (s.batch == 0 || s.channels == 0) return Status::ok;
  if (!s.x || !s.delta || !s.y || (s.states > 0 && (!s.state || !s.A || !s.B || !s.C))) return Status::bad_argument;
  const i64 blocks = (s.batch * s.channels * 4 + kThreads - 1) / kThreads;
  if (blocks > 0x7fffffff) return Status::unsupported;
  if (s.type == Storage::f32) step_kernel<float><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(s);
  else step_kernel<bf16><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(s);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

}  // namespace exactscan::cuda::selective
