// The forward selective scan. A block of 128 threads holds 64 channels of one group and walks along time in tiles of
// 64 bytes a row. Four lanes (a quad) share two channels; each holds the states n = 4 s + q of both, so that a word of
// B or C serves two channels. Each lane computes softplus, the gate and the output of one channel's pair of steps out
// of every four; dt and dt*u go to the quad through shared memory.
//
// A lane with odd q holds its two channels in exchanged order: then the first of the two exchanges that add up a
// quad's partial outputs needs no selection.
#include "cuda/selective/functions.cuh"
#include "cuda/selective/selective.hpp"

namespace exactscan::cuda::selective {
namespace {

using i64 = std::int64_t;
constexpr int kThreads = 128, kWarps = 4, kChannels = 64, kWarpChannels = 16;
constexpr int kRow = 80;    // bytes between the rows of a tile: 64 and padding
constexpr int kBlock = 16;  // steps whose dt are held at a time

template <class T> constexpr int kSteps = 64 / static_cast<int>(sizeof(T));
template <int kStates> constexpr int kWidth = 4 * kStates + 4;  // words between the steps of B or C

template <class T, int kStates> struct Shared {
  alignas(16) unsigned char rows[2][3][kChannels * kRow];       // u (then y), delta, z
  alignas(16) float bc[2][2][kSteps<T> * kWidth<kStates>];      // B, C: [step][q][s]
  alignas(16) float2 steps[kWarps][kBlock * 8 * 2];             // dt, dt*u: [step][quad][channel]
};

struct Problem {
  Scan s;
  i64 per_group, blocks_per_group;
  bool rows_aligned, bc_aligned;
};

// A block's channels: [first, first + count) of batch entry `batch`.
struct Place {
  i64 batch, group, first;
  int count;
};
__device__ Place place(const Problem& p) {
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

// The warp's rows of one tensor, `left` steps of which exist.
template <class T>
__device__ void request_rows(unsigned char* tile, const T* from, i64 length, i64 left, int rows, bool aligned) {
  const int lane = threadIdx.x & 31;
  constexpr int kCount = 16 / sizeof(T);
  if (aligned) {
#pragma unroll
    for (int k = 0; k < kWarpChannels * 4 / 32; ++k) {
      const int row = (lane + 32 * k) >> 2, part = lane & 3;
      const i64 rest = left - part * kCount;
      const int valid = row >= rows || rest <= 0 ? 0 : (rest < kCount ? static_cast<int>(rest) : kCount);
      copy16(tile + row * kRow + 16 * part, valid > 0 ? from + row * length + part * kCount : from, valid * static_cast<int>(sizeof(T)));
    }
  } else {
    for (int i = lane; i < kWarpChannels * kSteps<T>; i += 32) {
      const int row = i / kSteps<T>, t = i % kSteps<T>;
      const bool valid = row < rows && t < left;
      copy_element(reinterpret_cast<T*>(tile + row * kRow) + t, valid ? from + row * length + t : from, valid);
    }
  }
}
template <class T> __device__ void store_rows(const unsigned char* tile, T* to, i64 length, i64 left, int rows, bool aligned) {
  const int lane = threadIdx.x & 31;
  constexpr int kCount = 16 / sizeof(T);
  if (aligned && left >= kSteps<T>) {
#pragma unroll
    for (int k = 0; k < kWarpChannels * 4 / 32; ++k) {
      const int row = (lane + 32 * k) >> 2, part = lane & 3;
      if (row < rows)
        __stcs(reinterpret_cast<float4*>(to + row * length + part * kCount), *reinterpret_cast<const float4*>(tile + row * kRow + 16 * part));
    }
  } else {
    for (int i = lane; i < kWarpChannels * kSteps<T>; i += 32) {
      const int row = i / kSteps<T>, t = i % kSteps<T>;
      if (row < rows && t < left) to[row * length + t] = reinterpret_cast<const T*>(tile + row * kRow)[t];
    }
  }
}

// B and C of a tile: held in registers for one tile, then spread as floats.
template <class T, int kStates> struct Projections {
  static constexpr int kChunks = kStates / 4;  // a thread
  uint4 held[kChunks];
  __device__ static int id(int k) { return threadIdx.x + kThreads * k; }
  __device__ void load(const Problem& p, const T* B, const T* C, i64 first) {
#pragma unroll
    for (int k = 0; k < kChunks; ++k) {
      const int i = id(k), n = i % (16 * kStates) >> 2, part = i & 3;
      const i64 t = first + part * (16 / static_cast<int>(sizeof(T)));
      held[k] = uint4{0, 0, 0, 0};
      if (n < p.s.states && t < p.s.length)
        held[k] = load_chunk((i < 16 * kStates ? B : C) + n * p.s.length + t, p.s.length - t, p.bc_aligned);
    }
  }
  __device__ void spread(float* B, float* C) const {
    constexpr int kCount = 16 / sizeof(T);
#pragma unroll
    for (int k = 0; k < kChunks; ++k) {
      const int i = id(k), n = i % (16 * kStates) >> 2, part = i & 3;
      float* to = (i < 16 * kStates ? B : C) + part * kCount * kWidth<kStates> + (n & 3) * kStates + (n >> 2);
      float values[kCount];
      expand(held[k], values);
#pragma unroll
      for (int j = 0; j < kCount; ++j) to[j * kWidth<kStates>] = values[j];
    }
  }
};

template <class T, int kStates, bool kGate>
__global__ void __launch_bounds__(kThreads, kStates > 4 ? 2 : sizeof(T) == 4 ? 5 : 4) scan_kernel(const __grid_constant__ Problem p) {
  extern __shared__ __align__(128) unsigned char bytes[];
  auto& shared = *reinterpret_cast<Shared<T, kStates>*>(bytes);
  const Scan& s = p.s;
  const Place at = place(p);
  const int warp = threadIdx.x / 32, lane = threadIdx.x & 31, q = lane & 3, quad = lane >> 2;
  const int left_rows = at.count - warp * kWarpChannels, rows = left_rows < 0 ? 0 : (left_rows < kWarpChannels ? left_rows : kWarpChannels);
  const i64 channel = at.first + warp * kWarpChannels;  // the warp's first
  const i64 row_base = (at.batch * s.channels + channel) * s.length;
  const T* B = static_cast<const T*>(s.B) + (at.batch * s.groups + at.group) * s.states * s.length;
  const T* C = static_cast<const T*>(s.C) + (at.batch * s.groups + at.group) * s.states * s.length;

  // Local channel 0 is the one whose outputs this lane finishes.
  const int own = 2 * quad + (q & 1);
  const bool exists[2] = {own < rows, (own ^ 1) < rows};
  float rate[2][kStates], h[2][kStates];
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int k = 0; k < kStates; ++k) {
      const i64 d = channel + (own ^ c);
      const bool live = exists[c] && 4 * k + q < s.states;
      rate[c][k] = live ? s.A[d * s.states + 4 * k + q] * kLog2e : 0.0f;
      h[c][k] = live && s.initial ? s.initial[(at.batch * s.channels + d) * s.states + 4 * k + q] : 0.0f;
    }
  const float skip = exists[0] && s.D ? s.D[channel + own] : 0.0f;
  const float bias = exists[0] && s.delta_bias ? s.delta_bias[channel + own] : 0.0f;

  auto request = [&](i64 first, int stage) {
    if (first < s.length && rows > 0) {
      const i64 left = s.length - first;
      const int offset = warp * kWarpChannels * kRow;
      request_rows(shared.rows[stage][0] + offset, static_cast<const T*>(s.u) + row_base + first, s.length, left, rows, p.rows_aligned);
      request_rows(shared.rows[stage][1] + offset, static_cast<const T*>(s.delta) + row_base + first, s.length, left, rows, p.rows_aligned);
      if constexpr (kGate)
        request_rows(shared.rows[stage][2] + offset, static_cast<const T*>(s.z) + row_base + first, s.length, left, rows, p.rows_aligned);
    }
    copy_commit();
  };
  Projections<T, kStates> projections;
  projections.load(p, B, C, 0);
  request(0, 0);
  int stage = 0;
  float2* steps = shared.steps[warp];
  for (i64 first = 0; first < s.length; first += kSteps<T>, stage ^= 1) {
    projections.spread(shared.bc[stage][0], shared.bc[stage][1]);
    projections.load(p, B, C, first + kSteps<T>);
    request(first + kSteps<T>, stage ^ 1);
    copy_wait<1>();
    __syncthreads();
    const int row = (warp * kWarpChannels + own) * kRow;
    T* u = reinterpret_cast<T*>(shared.rows[stage][0] + row);
    const T* delta = reinterpret_cast<const T*>(shared.rows[stage][1] + row);
    const T* z = reinterpret_cast<const T*>(shared.rows[stage][2] + row);
#pragma unroll 1
    for (int block = 0; block < kSteps<T>; block += kBlock) {
      const i64 left = s.length - first - block;
#pragma unroll
      for (int k = 0; k < kBlock; k += 4) {
        const int t = k + (q & 2);
        const float2 d = read_pair(delta + block + t), v = read_pair(u + block + t);
        float2 dt{d.x + bias, d.y + bias};
        if (s.softplus) dt = {softplus(dt.x, s.threshold), softplus(dt.y, s.threshold)};
        if (left < kBlock) dt = {t < left ? dt.x : 0.0f, t + 1 < left ? dt.y : 0.0f};  // the state stays
        steps[(t * 8 + quad) * 2 + (q & 1)] = {dt.x, dt.x * v.x};
        steps[((t + 1) * 8 + quad) * 2 + (q & 1)] = {dt.y, dt.y * v.y};
      }
      __syncwarp();
#pragma unroll 1
      for (int k = 0; k < kBlock; k += 4) {
        float sums[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const int t = k + j;
          const float2 first_step = steps[(t * 8 + quad) * 2 + (q & 1)], second_step = steps[(t * 8 + quad) * 2 + (q & 1 ^ 1)];
          const float4* b4 = reinterpret_cast<const float4*>(shared.bc[stage][0] + (block + t) * kWidth<kStates> + q * kStates);
          const float4* c4 = reinterpret_cast<const float4*>(shared.bc[stage][1] + (block + t) * kWidth<kStates> + q * kStates);
          float y0 = 0, y1 = 0;
#pragma unroll
          for (int i = 0; i < kStates / 4; ++i) {
            const float4 bv = b4[i], cv = c4[i];
            const float b[4] = {bv.x, bv.y, bv.z, bv.w}, c[4] = {cv.x, cv.y, cv.z, cv.w};
#pragma unroll
            for (int m = 0; m < 4; ++m) {
              float& h0 = h[0][4 * i + m];
              float& h1 = h[1][4 * i + m];
              h0 = fmaf(exp2_fast(first_step.x * rate[0][4 * i + m]), h0, first_step.y * b[m]);
              h1 = fmaf(exp2_fast(second_step.x * rate[1][4 * i + m]), h1, second_step.y * b[m]);
              y0 = fmaf(h0, c[m], y0);
              y1 = fmaf(h1, c[m], y1);
            }
          }
          sums[j] = y0 + __shfl_xor_sync(~0U, y1, 1);
        }
        const bool upper = q & 2;
        const float other0 = __shfl_xor_sync(~0U, upper ? sums[0] : sums[2], 2);
        const float other1 = __shfl_xor_sync(~0U, upper ? sums[1] : sums[3], 2);
        float2 y{(upper ? sums[2] : sums[0]) + other0, (upper ? sums[3] : sums[1]) + other1};
        const int t = block + k + (q & 2);
        const float2 v = read_pair(u + t);
        y = {fmaf(skip, v.x, y.x), fmaf(skip, v.y, y.y)};
        if constexpr (kGate) {
          const float2 g = read_pair(z + t);
          y = {y.x * (g.x * sigmoid(g.x)), y.y * (g.y * sigmoid(g.y))};
        }
        write_pair(u + t, y);
      }
      __syncwarp();
    }
    store_rows(shared.rows[stage][0] + warp * kWarpChannels * kRow, static_cast<T*>(s.y) + row_base + first, s.length,
               s.length - first, rows, p.rows_aligned);
    __syncwarp();  // the rows are read before they are requested again
  }
  copy_wait<0>();
  if (!s.last) return;
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int k = 0; k < kStates; ++k)
      if (exists[c] && 4 * k + q < s.states) s.last[(at.batch * s.channels + channel + (own ^ c)) * s.states + 4 * k + q] = h[c][k];
}

template <class T, int kStates, bool kGate> Status launch(const Problem& p, cudaStream_t stream) {
  auto* kernel = scan_kernel<T, kStates, kGate>;
  constexpr int shared = sizeof(Shared<T, kStates>);
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess) return Status::unsupported;
  const i64 blocks = p.s.batch * p.s.groups * p.blocks_per_group;
  if (blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(blocks), kThreads, shared, stream>>>(p);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}
template <class T, int kStates> Status launch_gate(const Problem& p, cudaStream_t stream) {
  return p.s.z ? launch<T, kStates, true>(p, stream) : launch<T, kStates, false>(p, stream);
}
template <class T> Status launch_states(const Problem& p, cudaStream_t stream) {
  if (p.s.states <= 16) return launch_gate<T, 4>(p, stream);
  if (p.s.states <= 32) return launch_gate<T, 8>(p, stream);
  return p.s.states <= 64 ? launch_gate<T, 16>(p, stream) : Status::unsupported;
}

bool aligned(const void* p) { return (reinterpret_cast<std::uintptr_t>(p) & 15) == 0; }

}  // namespace

Status scan(const Scan& s, cudaStream_t stream) {
  if (s.batch < 0 || s.channels < 0 || s.states < 0 || s.length < 0 || s.groups < 1 || s.channels % s.groups != 0)
    return Status::bad_argument;
  if (s.batch == 0 || s.channels == 0) return Status::ok;
  if (!s.A || (s.length > 0 && (!s.u || !s.delta || !s.B || !s.C || !s.y))) return Status::bad_argument;
  const i64 size = s.type == Storage::f32 ? 4 : 2;
  Problem p{s, s.channels / s.groups, 0, false, false};
  p.blocks_per_group = (p.per_group + kChannels - 1) / kChannels;
  const bool rows = s.length * size % 16 == 0;
  p.rows_aligned = rows && aligned(s.u) && aligned(s.delta) && aligned(s.z) && aligned(s.y);
  p.bc_aligned = rows && aligned(s.B) && aligned(s.C);
  return s.type == Storage::f32 ? launch_states<float>(p, stream) : launch_states<bf16>(p, stream);
}

}  // namespace exactscan::cuda::selective
