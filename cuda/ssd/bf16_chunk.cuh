// The pieces of bf16.cu's kernel: a chunk's operands, in registers and in shared memory.
#pragma once

#include <type_traits>

#include "cuda/device/tensor_copy.cuh"
#include "cuda/ssd/problem.cuh"
#include "cuda/ssd/wgmma.cuh"

namespace exactscan::cuda::ssd {
namespace {

constexpr int kChunk = 64;
constexpr int kHeads = 3;
constexpr int kThreads = 128 * kHeads;

constexpr int kStages = 3;  // of B and C

template <int kStates>
struct Shared {
  static constexpr int kPanels = kStates / 64;
  unsigned char B[kStages][kPanels * kPanel], C[kStages][kPanels * kPanel];
  unsigned char x[kHeads][2][kPanel], h[kHeads][kPanels * kPanel], y[kHeads][kPanel];  // y: first z
  float2 sums[kHeads][2][kChunk];                                                      // L, d
  float into[kHeads][2][kChunk];                                                       // d exp2(L_last - L)
  Barrier full[kStages], empty[kStages], full_x[kHeads][2];
  Barrier entered[kHeads];  // all four warps' products with the entering states are complete
  Barrier full_z[kHeads][4];
};

// For the copy engine: boxes of 64 columns, and of 64 steps for x, B, C, a warp's 16 steps for z and y.
struct Maps {
  CUtensorMap x, B, C, z, y;
};

// Steps [first, first + 64) of `columns` elements each into panels, by `count` threads; what does not exist
// is zero. `stride`: elements between steps. For tensors that the copy engine cannot address.
template <int kPanels>
__device__ void load_rows(unsigned char* to, const bf16* from, i64 stride, i64 steps, int columns, int thread,
                          int count) {
  constexpr int kParts = 8 * kPanels;
  for (int i = thread; i < kChunk * kParts; i += count) {
    const int row = i / kParts, part = i % kParts;
    *reinterpret_cast<uint4*>(to + part / 8 * kPanel + panel_place(row, part % 8)) =
        selective::load_some(from + row * stride + part * 8, row < steps ? columns - part * 8 : 0);
  }
}

// Step sizes and sums of one chunk, by one warp; a lane has two steps.
struct Steps {
  const bf16* dt;         // of the head's step 0
  float bias, rate;       // rate: A log2(e)
  unsigned short raw[2];  // converted only where they are needed, since a conversion waits for the load
  // Steps beyond the length load nothing.
  __device__ void load(const Scan& s, i64 first) {
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      const i64 t = first + 2 * (threadIdx.x & 31) + k;
      raw[k] = 0;
      if (t < s.length) asm volatile("ld.global.nc.u16 %0, [%1];" : "=h"(raw[k]) : "l"(dt + t * s.heads));
    }
  }
  __device__ void finish(const Scan& s, i64 first, float2* sums, float* into) const {
    const int lane = threadIdx.x & 31;
    float d[2];
#pragma unroll
    for (int k = 0; k < 2; ++k)
      d[k] =
          first + 2 * lane + k < s.length ? step_size(s, widen(__ushort_as_bfloat16(raw[k])) + bias) : 0.0f;
    const float l0 = d[0] * rate, both = fmaf(d[1], rate, l0), end = sum_below(both);
    float begin = __shfl_up_sync(~0U, end, 1);
    if (lane == 0) begin = 0;
    const float middle = begin + l0, last = __shfl_sync(~0U, end, 31);
    reinterpret_cast<float4*>(sums)[lane] = float4{middle, d[0], end, d[1]};
    reinterpret_cast<float2*>(into)[lane] =
        float2{d[0] * exp2_fast(last - middle), d[1] * exp2_fast(last - end)};
  }
};

// Of the four warps of a group.
__device__ inline void group_barrier(int group) {
  __syncwarp();
  asm volatile("bar.sync %0, 128;" ::"r"(group + 1) : "memory");
}

// What a thread knows about its rows and columns of the products' sums.
struct Lane {
  int lane, warp, row, column;  // first row (the other is 8 below), first column of a tile
  __device__ Lane() : lane(threadIdx.x & 31), warp(__shfl_sync(~0U, threadIdx.x / 32 & 3, 0)) {
    row = 16 * warp + lane / 4, column = 2 * (lane & 3);
  }
};

// M as the product's left operand.
__device__ inline void mask(const float (&g)[32], const float2* sums, const Lane& me, unsigned (&m)[4][4]) {
  const float upper = sums[me.row].x, lower = sums[me.row + 8].x;
#pragma unroll
  for (int k = 0; k < 4; ++k) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (k > me.warp) {
        m[k][2 * half] = m[k][2 * half + 1] = 0;
        continue;
      }
      const int j = 16 * k + 8 * half + me.column, at = 8 * k + 4 * half;
      const float4 s = *reinterpret_cast<const float4*>(sums + j);  // L_j, d_j, L_j+1, d_j+1
      float v[4] = {exp2_fast(upper - s.x) * s.y * g[at], exp2_fast(upper - s.z) * s.w * g[at + 1],
                    exp2_fast(lower - s.x) * s.y * g[at + 2], exp2_fast(lower - s.z) * s.w * g[at + 3]};
      if (k == me.warp) {
        if (j > me.row) v[0] = 0;
        if (j + 1 > me.row) v[1] = 0;
        if (j > me.row + 8) v[2] = 0;
        if (j + 1 > me.row + 8) v[3] = 0;
      }
      m[k][2 * half] = pack(v[0], v[1]);
      m[k][2 * half + 1] = pack(v[2], v[3]);
    }
  }
}

// (d_j exp2(L_last - L_j) x_j)^T as the product's left operand: rows are channels.
__device__ inline void weigh(unsigned x, const float* into, const Lane& me, unsigned (&a)[4][4]) {
#pragma unroll
  for (int k = 0; k < 4; ++k) {
    const int j = 16 * k + (me.lane & 7) + (me.lane >> 4) * 8;
    load_transposed(a[k], x + panel_place(j, 2 * me.warp + (me.lane >> 3 & 1)));
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float2 w = *reinterpret_cast<const float2*>(into + 16 * k + 8 * half + me.column);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const float2 v = unpack(a[k][2 * half + r]);
        a[k][2 * half + r] = pack(v.x * w.x, v.y * w.y);
      }
    }
  }
}

template <int kStates>
__device__ void store_states(unsigned h, const float (&state)[kStates / 2], const Lane& me) {
  const int row = 16 * me.warp + (me.lane & 15);
#pragma unroll
  for (int j = 0; j < kStates / 8; j += 2) {
    const float* v = state + 4 * j;
    store_matrices(h + j / 8 * kPanel + panel_place(row, j % 8 + (me.lane >> 4)), pack(v[0], v[1]),
                   pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7]));
  }
}

// f(index in the tensor of states, the register).
template <int kStates, class F>
__device__ void each_state(float (&state)[kStates / 2], const Unit& u, i64 states, const Lane& me, F&& f) {
#pragma unroll
  for (int j = 0; j < kStates / 8; ++j)
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const int p = me.row + (k & 2 ? 8 : 0), n = 8 * j + me.column + (k & 1);
      if (p < u.width && n < states) f(u.state + p * states + n, state[4 * j + k]);
    }
}

// Skip, gate and rounding of y, into shared memory where z was.
struct Output {
  const Scan& s;
  const Unit& u;
  const Lane& me;
  __device__ const float* skips() const {
    return s.D + (s.D_per_channel ? u.head * s.width + u.channel : u.head);
  }
  __device__ float skip(int p) const { return p < u.width ? skips()[p] : 0; }
  template <class F>
  __device__ void each_pair(const unsigned char* panel, F&& f) const {  // f(place in y, column, value, value)
#pragma unroll
    for (int j = 0; j < 8; ++j)
#pragma unroll
      for (int r = 0; r < 2; ++r)
        f(4 * j + 2 * r, 8 * j + me.column,
          unpack(*reinterpret_cast<const unsigned*>(panel + panel_place(me.row + 8 * r, j) + 2 * me.column)));
  }
  __device__ void finish(float (&y)[32], const unsigned char* x, unsigned char* to) const {
    if (s.D && s.D_per_channel) {
      each_pair(x, [&](int i, int p, float2 v) {
        y[i] = fmaf(skip(p), v.x, y[i]), y[i + 1] = fmaf(skip(p + 1), v.y, y[i + 1]);
      });
    } else if (s.D) {
      const float d = *skips();
      each_pair(x,
                [&](int i, int, float2 v) { y[i] = fmaf(d, v.x, y[i]), y[i + 1] = fmaf(d, v.y, y[i + 1]); });
    }
    if (s.z) {
      each_pair(to,
                [&](int i, int, float2 v) { y[i] *= v.x * sigmoid(v.x), y[i + 1] *= v.y * sigmoid(v.y); });
      __syncwarp();
    }
    const int own = 16 * me.warp + (me.lane & 15);
#pragma unroll
    for (int j = 0; j < 8; j += 2) {
      const float* v = y + 4 * j;
      store_matrices(shared_address(to) + panel_place(own, j + (me.lane >> 4)), pack(v[0], v[1]),
                     pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7]));
    }
  }
  // From shared memory, for tensors that the copy engine cannot address.
  __device__ void store(const unsigned char* from, bf16* to, i64 stride, i64 steps) const {
    for (int i = threadIdx.x & 127; i < kChunk * kWidth; i += 128) {
      const int r = i / kWidth, p = i % kWidth;
      if (r < steps && p < u.width)
        to[r * stride + p] = reinterpret_cast<const bf16*>(from + panel_place(r, p / 8))[p % 8];
    }
  }
};

}  // namespace
}  // namespace exactscan::cuda::ssd
