// How the selective scan kernels cut their work and move it: blocks of 64 channels, tiles of 64 bytes a row.
#pragma once

#include "cuda/selective/functions.cuh"
#include "cuda/selective/selective.hpp"

namespace exactscan::cuda::selective {

using i64 = std::int64_t;
constexpr int kThreads = 128, kWarps = 4, kChannels = 64, kWarpChannels = 16;
constexpr int kRow = 64;    // bytes of a tile's row; its 16-byte chunks are permuted, see `chunk`
constexpr int kBlock = 16;  // steps whose dt are held at a time

constexpr int kStepWidth = 20;  // pairs; two steps on are the other half of the banks

template <class T>
constexpr int kSteps = 64 / static_cast<int>(sizeof(T));
template <int kStates>
constexpr int kWidth = 4 * kStates + 4;  // words between the steps of B or C

struct Problem {
  Scan s;
  i64 per_group, blocks_per_group;
  // Rows move in chunks of 16 bytes: they are aligned, and every warp has all its rows or none. (The kernel
  // does not ask `rows == 16`: with nvcc 13.0.88 that comparison of a value clamped to 0..16 came out
  // inverted on the device.)
  bool rows_movable;
  bool bc_aligned;
  bool threshold;  // of softplus: above 17 it makes no difference in float32
};

// A block's channels: [first, first + count) of batch entry `batch`.
struct Place {
  i64 batch, group, first;
  int count;
};
__device__ inline Place place(const Problem& p) {
  Place r;
  i64 i = blockIdx.x;
  const i64 block = i % p.blocks_per_group;
  i /= p.blocks_per_group;
  r.group = i % p.s.groups;
  r.batch = i / p.s.groups;
  const i64 left = p.per_group - block * kChannels;
  r.first = r.group * p.per_group + block * kChannels;
  r.count = left < kChannels ? static_cast<int>(left) : kChannels;
  return r;
}

// Where chunk `part` of a row lies: rows that are read together use different banks.
__device__ inline int chunk(int row, int part) { return row * kRow + ((part ^ (row >> 1 & 3)) << 4); }
template <class T>
__device__ T* element(unsigned char* rows, int row, int t) {
  constexpr int kCount = 16 / sizeof(T);
  return reinterpret_cast<T*>(rows + chunk(row, t / kCount)) + t % kCount;
}

// The rows of a warp: lane l moves chunk l%4 of rows l/4 and l/4 + 8. `at`: byte offset of the first of them
// in u, delta, z and y, at the current tile.
template <class T>
struct Rows {
  static constexpr int kCount = 16 / sizeof(T);
  i64 at;
  int place, rows;
  i64 length;
  __device__ Rows(i64 first_row, int count, i64 n, i64 first) : rows(count), length(n) {
    const int row = (threadIdx.x & 31) >> 2, part = threadIdx.x & 3;
    at = ((first_row + row) * n + part * kCount + first) * static_cast<i64>(sizeof(T));
    place = chunk(row, part);
    asm volatile("" : "+l"(at), "+r"(place));  // else they are computed anew for every tile
  }
  __device__ i64 below() const {
    return 8 * static_cast<i64>(sizeof(T)) * length;
  }  // bytes to the eighth next row
  // `bytes`: from the current tile to the requested one.
  __device__ void request(unsigned char* tile, const void* tensor, int bytes) const {
    const char* from = static_cast<const char*>(tensor) + at;
    copy16(tile + place, from + bytes);
    copy16(tile + place + 8 * kRow, from + below() + bytes);
  }
  __device__ void store(const unsigned char* tile, void* tensor) const {
    char* to = static_cast<char*>(tensor) + at;
    *reinterpret_cast<float4*>(to) = *reinterpret_cast<const float4*>(tile + place);
    *reinterpret_cast<float4*>(to + below()) = *reinterpret_cast<const float4*>(tile + place + 8 * kRow);
  }
  // Element by element: ragged tails, unaligned rows, blocks that are not full; what does not exist is zero.
  // `first`: the element in the tensor that the warp's first row begins the tile with.
  __device__ void request_some(unsigned char* tile, const T* tensor, i64 first, i64 left) const {
    for (int i = threadIdx.x & 31; i < kWarpChannels * kSteps<T>; i += 32) {
      const int row = i / kSteps<T>, t = i % kSteps<T>;
      const bool valid = row < rows && t < left;
      copy_element(element<T>(tile, row, t), valid ? tensor + first + row * length + t : tensor, valid);
    }
  }
  __device__ void store_some(unsigned char* tile, T* to, i64 left) const {
    for (int i = threadIdx.x & 31; i < kWarpChannels * kSteps<T>; i += 32) {
      const int row = i / kSteps<T>, t = i % kSteps<T>;
      if (row < rows && t < left) to[row * length + t] = *element<T>(tile, row, t);
    }
  }
};

// B and C of a tile: held in registers for one tile, then spread as floats. A thread has kChunks chunks of 16
// bytes.
template <class T, int kStates>
struct Projections {
  static constexpr int kChunks = kStates / 4, kCount = 16 / sizeof(T);
  uint4 held[kChunks];
  const T* from[kChunks];  // of the next tile
  bool exists[kChunks];
  int to[kChunks];
  __device__ Projections(const Scan& s, const T* B, const T* C) {
#pragma unroll
    for (int k = 0; k < kChunks; ++k) {
      const int i = threadIdx.x + kThreads * k, n = i % (16 * kStates) >> 2, part = i & 3;
      const bool c = i >= 16 * kStates;
      exists[k] = n < s.states;
      from[k] = (c ? C : B) + n * s.length + part * kCount;
      to[k] =
          c * kSteps<T> * kWidth<kStates> + part * kCount * kWidth<kStates> + (n & 3) * kStates + (n >> 2);
    }
  }
  // `left` steps exist; `whole`: a tile of them, and aligned.
  __device__ void load(i64 left, bool whole) {
#pragma unroll
    for (int k = 0; k < kChunks; ++k) {
      held[k] = uint4{0, 0, 0, 0};
      if (whole) {
        if (exists[k]) held[k] = __ldg(reinterpret_cast<const uint4*>(from[k]));
      } else if (exists[k]) {
        const i64 rest = left - static_cast<i64>(threadIdx.x & 3) * kCount;
        held[k] = load_some(from[k], rest);
      }
      from[k] += kSteps<T>;
    }
  }
  __device__ void spread(float* bc) const {
#pragma unroll
    for (int k = 0; k < kChunks; ++k) {
      float values[kCount];
      expand(held[k], values);
#pragma unroll
      for (int j = 0; j < kCount; ++j) bc[to[k] + j * kWidth<kStates>] = values[j];
    }
  }
};

inline bool aligned(const void* p) { return (reinterpret_cast<std::uintptr_t>(p) & 15) == 0; }

}  // namespace exactscan::cuda::selective
