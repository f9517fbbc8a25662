// Data of the benchmarks of a selective scan, made on the device.
#pragma once

#include "bench/cuda_timing.cuh"
#include "cuda/selective/functions.cuh"

namespace timing {

// Normal-like: a sum of uniforms.
template <class T>
__global__ void fill(T* p, i64 n, std::uint64_t seed, float scale) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const auto k = static_cast<std::uint64_t>(3 * i) + seed;
    p[i] = exactscan::cuda::selective::narrow<T>(
        scale * static_cast<float>(2 * (uniform(k) + uniform(k + 1) + uniform(k + 2)) - 3));
  }
}
// Mamba's: A = -(n+1), bias = the inverse softplus of a step between 1e-3 and 1e-1.
__global__ void fill_parameters(float* A, float* bias, i64 channels, i64 states) {
  const i64 d = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (d >= channels) return;
  for (i64 n = 0; n < states; ++n)
    A[d * states + n] =
        -static_cast<float>(n + 1) *
        (0.9f + 0.2f * static_cast<float>(uniform(static_cast<std::uint64_t>(d * states + n))));
  const double dt = exp(-6.9 + 4.6 * uniform(static_cast<std::uint64_t>(d) + 77));
  bias[d] = static_cast<float>(log(expm1(dt)));
}

template <class T>
T* array(i64 n, std::uint64_t seed, float scale = 1) {
  T* p = nullptr;
  require(cudaMalloc(&p, static_cast<std::size_t>(n) * sizeof(T)), "memory");
  fill<<<2048, 256>>>(p, n, seed << 40, scale);
  return p;
}

}  // namespace timing
