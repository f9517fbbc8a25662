// Fills tensors on the device.
#pragma once

#include "tests/cuda/support.cuh"

namespace cuda_test {

// Lattice: gates -1, 0, 1 and small integers, exact in any order; else gates from `low` to 1.
template <class E>
__global__ void fill(E* a, E* b, i64 n, bool lattice, double low) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const std::uint64_t k = static_cast<std::uint64_t>(i);
    a[i] = E(static_cast<float>(lattice ? (mix(k) % 16 == 0 ? 0 : (mix(k) >> 8 & 1 ? 1 : -1))
                                        : low + (1 - low) * uniform(k)));
    b[i] = E(static_cast<float>(lattice ? static_cast<int>(mix(k ^ 0x5555) % 7) - 3
                                        : 2 * uniform(k ^ 0x1234567) - 1));
  }
}

}  // namespace cuda_test
