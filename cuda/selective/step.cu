// One step of the selective scan: four lanes a channel, each every fourth state, or every fourth four of
// them.
#include "cuda/selective/functions.cuh"
#include "cuda/selective/selective.hpp"

namespace exactscan::cuda::selective {
namespace {

using i64 = std::int64_t;
constexpr int kThreads = 128;

__device__ inline bool aligned(const void* p) { return (reinterpret_cast<std::uintptr_t>(p) & 15) == 0; }

template <class T>
__global__ void step_kernel(const __grid_constant__ StateUpdate s) {
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
    auto update = [&](float& h, float a, float b_n, float c_n) {
      h = fmaf(exp2_fast(dt * (a * kLog2e)), h, dt * x * b_n);
      y = fmaf(h, c_n, y);
    };
    if (s.states % 4 == 0 && aligned(A) && aligned(state)) {
      for (i64 n = 4 * q; n < s.states; n += 16) {
        float4 h = *reinterpret_cast<const float4*>(state + n);
        const float4 a = __ldg(reinterpret_cast<const float4*>(A + n));
        update(h.x, a.x, widen(B[n]), widen(C[n]));
        update(h.y, a.y, widen(B[n + 1]), widen(C[n + 1]));
        update(h.z, a.z, widen(B[n + 2]), widen(C[n + 2]));
        update(h.w, a.w, widen(B[n + 3]), widen(C[n + 3]));
        *reinterpret_cast<float4*>(state + n) = h;
      }
    } else {
      for (i64 n = q; n < s.states; n += 4) update(state[n], A[n], widen(B[n]), widen(C[n]));
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
  if (s.batch < 0 || s.channels < 0 || s.states < 0 || s.groups < 1 || s.channels % s.groups != 0)
    return Status::bad_argument;
  if (s.batch == 0 || s.channels == 0) return Status::ok;
  if (!s.x || !s.delta || !s.y || (s.states > 0 && (!s.state || !s.A || !s.B || !s.C)))
    return Status::bad_argument;
  const i64 blocks = (s.batch * s.channels * 4 + kThreads - 1) / kThreads;
  if (blocks > 0x7fffffff) return Status::unsupported;
  if (s.type == Storage::f32)
    step_kernel<float><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(s);
  else
    step_kernel<bf16><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(s);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

}  // namespace exactscan::cuda::selective
