// A warp's tiles in shared memory, filled by asynchronous copies. Lane l owns kItems consecutive elements, 4
// or 8. 16-byte chunks are permuted within groups of 8, so that both the lanes' reads and coalesced accesses
// meet no bank conflict.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace exactscan::cuda::s5 {

__device__ inline unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}
// 16 bytes, of which the first `valid` are read and the rest is zero.
__device__ inline void copy16(void* to, const void* from, int valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from),
               "r"(valid)
               : "memory");
}
template <class E>
__device__ inline void copy_element(E* to, const E* from, bool valid) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(to)), "l"(from),
               "n"(sizeof(E)), "r"(valid ? static_cast<int>(sizeof(E)) : 0)
               : "memory");
}
__device__ inline void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kLeft>
__device__ inline void copy_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory");
}

// E: float or float2.
template <class E, int kItems>
struct Chunks {
  static constexpr int size = 16 / sizeof(E);     // elements
  static constexpr int per_lane = kItems / size;  // 1, 2 or 4
  static __device__ int place(int c) { return c ^ (c >> 3 & (per_lane - 1)); }
  static __device__ int element(int i) { return place(i / size) * size + i % size; }
};

// Requests `count` elements (at most a tile; may be negative) and zeroes the rest.
template <int kItems, class E>
__device__ void request(E* tile, const E* from, std::int64_t count) {
  using C = Chunks<E, kItems>;
  constexpr int kTile = 32 * kItems;
  const int lane = threadIdx.x & 31;
  const int n = count > kTile ? kTile : static_cast<int>(count);
  if ((reinterpret_cast<std::uintptr_t>(from) & 15) == 0) {
#pragma unroll
    for (int i = 0; i < C::per_lane; ++i) {
      const int c = lane + 32 * i, left = n - c * C::size;
      const int valid = left < 0 ? 0 : (left > C::size ? C::size : left);
      copy16(tile + C::place(c) * C::size, valid > 0 ? from + c * C::size : from,
             valid * static_cast<int>(sizeof(E)));
    }
  } else {
#pragma unroll
    for (int i = 0; i < kItems; ++i) {
      const int e = lane + 32 * i;
      copy_element(tile + C::element(e), e < n ? from + e : from, e < n);
    }
  }
}

template <int kItems, class E>
__device__ void store(const E* tile, E* to, std::int64_t count) {
  using C = Chunks<E, kItems>;
  constexpr int kTile = 32 * kItems;
  const int lane = threadIdx.x & 31;
  if (count >= kTile && (reinterpret_cast<std::uintptr_t>(to) & 15) == 0) {
#pragma unroll
    for (int i = 0; i < C::per_lane; ++i) {
      const int c = lane + 32 * i;
      __stcs(reinterpret_cast<float4*>(to + c * C::size),
             *reinterpret_cast<const float4*>(tile + C::place(c) * C::size));
    }
  } else {
#pragma unroll
    for (int i = 0; i < kItems; ++i) {
      const int e = lane + 32 * i;
      if (e < count) to[e] = tile[C::element(e)];
    }
  }
}

// The lane's elements.
template <class E, int kItems>
__device__ void read(const E* tile, E (&items)[kItems]) {
  using C = Chunks<E, kItems>;
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int i = 0; i < C::per_lane; ++i)
    *reinterpret_cast<float4*>(items + i * C::size) =
        *reinterpret_cast<const float4*>(tile + C::place(lane * C::per_lane + i) * C::size);
}
template <class E, int kItems>
__device__ void write(E* tile, const E (&items)[kItems]) {
  using C = Chunks<E, kItems>;
  const int lane = threadIdx.x & 31;
#pragma unroll
  for (int i = 0; i < C::per_lane; ++i)
    *reinterpret_cast<float4*>(tile + C::place(lane * C::per_lane + i) * C::size) =
        *reinterpret_cast<const float4*>(items + i * C::size);
}

}  // namespace exactscan::cuda::s5
