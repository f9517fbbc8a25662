// One step of SSD: a warp a channel of a head, each lane every 32nd state, or every 32nd four of them.
#include "cuda/ssd/problem.cuh"

namespace exactscan::cuda::ssd {
namespace {

constexpr int kThreads = 128;

__device__ inline bool wide(const void* p) { return (reinterpret_cast<std::uintptr_t>(p) & 15) == 0; }

template <class T>
__global__ void step_kernel(const __grid_constant__ StateUpdate s) {
  const i64 row = (static_cast<i64>(blockIdx.x) * kThreads + threadIdx.x) / 32;  // [batch, heads, width]
  if (row >= s.batch * s.heads * s.width) return;
  const int lane = threadIdx.x & 31;
  const i64 head_row = row / s.width, p = row % s.width, b = head_row / s.heads, h = head_row % s.heads;
  const float x = widen(static_cast<const T*>(s.x)[row]);
  const float dt =
      step_size(s, widen(static_cast<const T*>(s.dt)[head_row]) + (s.dt_bias ? s.dt_bias[h] : 0.0f));
  const float decay = exp2_fast(dt * (s.A[h] * kLog2e)), added = dt * x;
  const i64 group = (b * s.groups + h / (s.heads / s.groups)) * s.states;
  const T *B = static_cast<const T*>(s.B) + group, *C = static_cast<const T*>(s.C) + group;
  float* state = s.state + row * s.states;
  float y = 0;
  auto update = [&](float& v, i64 n) {
    v = fmaf(decay, v, added * widen(B[n]));
    y = fmaf(v, widen(C[n]), y);
  };
  if (s.states % 4 == 0 && wide(state)) {
    for (i64 n = 4 * lane; n < s.states; n += 128) {
      float4 v = *reinterpret_cast<const float4*>(state + n);
      update(v.x, n), update(v.y, n + 1), update(v.z, n + 2), update(v.w, n + 3);
      *reinterpret_cast<float4*>(state + n) = v;
    }
  } else {
    for (i64 n = lane; n < s.states; n += 32) update(state[n], n);
  }
#pragma unroll
  for (int k = 16; k > 0; k /= 2) y += __shfl_xor_sync(~0U, y, k);
  if (lane != 0) return;
  if (s.D) y = fmaf(s.D_per_channel ? s.D[h * s.width + p] : s.D[h], x, y);
  if (s.z) {
    const float z = widen(static_cast<const T*>(s.z)[row]);
    y *= z * sigmoid(z);
  }
  static_cast<T*>(s.y)[row] = narrow<T>(y);
}

}  // namespace

Status state_update(const StateUpdate& s, cudaStream_t stream) {
  if (s.batch < 0 || s.heads < 0 || s.width < 0 || s.states < 0 || s.groups < 1 || s.heads % s.groups != 0)
    return Status::bad_argument;
  if (s.batch == 0 || s.heads == 0 || s.width == 0) return Status::ok;
  if (!s.x || !s.dt || !s.A || !s.y || (s.states > 0 && (!s.state || !s.B || !s.C)))
    return Status::bad_argument;
  const i64 blocks = (s.batch * s.heads * s.width * 32 + kThreads - 1) / kThreads;
  if (blocks > 0x7fffffff) return Status::unsupported;
  if (s.type == Storage::f32)
    step_kernel<float><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(s);
  else
    step_kernel<bf16><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(s);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

}  // namespace exactscan::cuda::ssd
