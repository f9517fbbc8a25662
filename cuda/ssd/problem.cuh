// What the SSD kernels have in common: how work is cut, step sizes, cumulative sums.
#pragma once

#include "cuda/selective/functions.cuh"
#include "cuda/ssd/ssd.hpp"

namespace exactscan::cuda::ssd {

using i64 = std::int64_t;
using bf16 = __nv_bfloat16;
using selective::exp2_fast;
using selective::kLog2e;
using selective::narrow;
using selective::sigmoid;
using selective::widen;

constexpr int kWidth = 64;  // channels that are worked on together

// A unit is up to kWidth channels of one head. A block takes `units` of one group, in one segment of time.
struct Problem {
  Scan s;
  i64 chunks, per_segment;  // chunks in all, and in each segment but the last
  i64 slices, units_per_group, blocks_per_group;
  int segments;
  float*
      entering;  // [segment, batch, heads, width, states]: own states of a segment, then states entering it
  float* logs;   // [segment, batch, heads]: log2 of a segment's decay
  bool wide_x, wide_bc, wide_y;  // rows are aligned to 16 bytes and multiples of them
};

struct Place {
  i64 batch, group, unit, segment, first_chunk, last_chunk;  // unit: the block's first in its group
};
__device__ inline Place place(const Problem& p, int units) {
  Place r;
  i64 i = blockIdx.x;
  r.unit = i % p.blocks_per_group * units;
  i /= p.blocks_per_group;
  r.group = i % p.s.groups;
  i /= p.s.groups;
  r.batch = i % p.s.batch;
  r.segment = i / p.s.batch;
  r.first_chunk = r.segment * p.per_segment;
  r.last_chunk = r.first_chunk + p.per_segment < p.chunks ? r.first_chunk + p.per_segment : p.chunks;
  return r;
}

// One unit.
struct Unit {
  i64 head, state;  // state: index of its first state in a tensor of states
  int channel, width;
  bool exists;
};
__device__ inline Unit unit(const Problem& p, const Place& at, int which) {
  const i64 u = at.unit + which;
  Unit r;
  r.exists = u < p.units_per_group;
  r.head = at.group * (p.s.heads / p.s.groups) + (r.exists ? u / p.slices : 0);
  r.channel = r.exists ? static_cast<int>(u % p.slices) * kWidth : 0;
  const i64 left = p.s.width - r.channel;
  r.width = left < kWidth ? static_cast<int>(left) : kWidth;
  r.state = ((at.batch * p.s.heads + r.head) * p.s.width + r.channel) * p.s.states;
  return r;
}
__device__ inline i64 states_size(const Scan& s) { return s.batch * s.heads * s.width * s.states; }

// The step size; NaN for NaN.
template <class Options>
__device__ float step_size(const Options& s, float dt) {
  if (s.softplus) dt = selective::softplus(dt, s.threshold);
  dt = dt < s.dt_min ? s.dt_min : dt;
  return dt > s.dt_max ? s.dt_max : dt;
}

// Inclusive sums over the lanes.
__device__ inline float sum_below(float v) {
#pragma unroll
  for (int d = 1; d < 32; d *= 2) {
    const float below = __shfl_up_sync(~0U, v, d);
    if ((threadIdx.x & 31) >= d) v += below;
  }
  return v;
}

inline bool aligned(const void* p) { return (reinterpret_cast<std::uintptr_t>(p) & 15) == 0; }

// In one segment. `chunk` steps a chunk, `units` a block.
inline Problem describe(const Scan& s, int chunk, int units) {
  Problem p{};
  p.s = s;
  p.chunks = (s.length + chunk - 1) / chunk;
  p.slices = (s.width + kWidth - 1) / kWidth;
  p.units_per_group = s.heads / s.groups * p.slices;
  p.blocks_per_group = (p.units_per_group + units - 1) / units;
  const i64 size = s.type == Storage::f32 ? 4 : 2;
  p.wide_x = s.width * size % 16 == 0 && aligned(s.x);
  p.wide_y = s.width * size % 16 == 0 && aligned(s.y);
  p.wide_bc = s.states * size % 16 == 0 && aligned(s.B) && aligned(s.C);
  p.segments = 1;
  p.per_segment = p.chunks;
  return p;
}

Status launch_bf16(const Problem& p, bool output, cudaStream_t stream);
Status launch_f32(const Problem& p, bool output, cudaStream_t stream);
int bf16_units(), f32_units();  // a block

}  // namespace exactscan::cuda::ssd
