// SSD for float32 on tensor cores: every operand is split into two tf32 parts, a = hi + lo, and hi hi + hi lo
// + lo hi is summed in float32. A block has kUnits units of four warps each: a warp has the states of 16 of
// its unit's channels in registers, where they are both the sums of one product and the right operand of
// another. Chunks of 32 steps, whose B and C the units share, in parts:
//
//   G = C B^T by all warps,   M[i,j] = G[i,j] exp2(L_i - L_j) d_j for j <= i by a unit's, through shared
//   memory y = exp2(L_i) C S^T + M x,   S = exp2(L_last) S + (d_j exp2(L_last - L_j) x_j)^T B
#include "cuda/ssd/problem.cuh"

namespace exactscan::cuda::ssd {
namespace {

constexpr int kChunk = 32, kUnits = 3;
constexpr int kThreads = 128 * kUnits;
// Distances of rows so that the lanes of a warp meet different banks.
constexpr int kPitchX = kWidth + 8, kPitchM = kChunk + 4;

template <int kStates>
struct Shared {
  static constexpr int kPitchB = kStates + 4, kPitchC = kStates + 8;
  alignas(16) float raw_B[kChunk * kStates], raw_C[kChunk * kStates], x[kUnits][2][kChunk * kPitchX];
  alignas(16) float2 B[kChunk * kPitchB], C[kChunk * kPitchC], M[kUnits][kChunk * kPitchM];  // hi, lo
  alignas(16) float G[2][kChunk * kPitchM];  // sums over the first and second half of the states
  alignas(16) float sums[kUnits][kChunk], sizes[kUnits][kChunk],
      into[kUnits][kChunk];  // L, d, d exp2(L_last - L)
};

// hi is rounded to tf32; the tensor core cuts lo, after half of the last place is added.
__device__ inline float2 split(float v) {
  const float high = __uint_as_float((__float_as_uint(v) + 0x1000U) & 0xffffe000U);
  return {high, __uint_as_float(__float_as_uint(v - high) + 0x1000U)};
}
// d += a b: 16 x 8 by 8 x 8. With g = lane / 4, t = lane % 4: a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t +
// 4); b: (t, g), (t + 4, g); d: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
__device__ inline void product(float (&d)[4], float a0, float a1, float a2, float a3, float b0, float b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(__float_as_uint(a0)), "r"(__float_as_uint(a1)), "r"(__float_as_uint(a2)),
        "r"(__float_as_uint(a3)), "r"(__float_as_uint(b0)), "r"(__float_as_uint(b1)));
}
__device__ inline void product(float (&d)[4], const float2 (&a)[4], float2 b0, float2 b1) {
  product(d, a[0].y, a[1].y, a[2].y, a[3].y, b0.x, b1.x);
  product(d, a[0].x, a[1].x, a[2].x, a[3].x, b0.y, b1.y);
  product(d, a[0].x, a[1].x, a[2].x, a[3].x, b0.x, b1.x);
}
// Two neighbouring columns of rows g and g + 8 as a left operand whose column t stands for 2t and t + 4 for
// 2t + 1.
__device__ inline void read_left(float2 (&a)[4], const float2* upper, int pitch) {
  const float4 u = *reinterpret_cast<const float4*>(upper),
               l = *reinterpret_cast<const float4*>(upper + 8 * pitch);
  a[0] = {u.x, u.y}, a[1] = {l.x, l.y}, a[2] = {u.z, u.w}, a[3] = {l.z, l.w};
}

// Brings chunks of rows of `columns` floats into rows of kColumns at distance kPitch; what does not exist is
// zero. Of kCount threads each has 16 bytes of every kRows-th row.
template <int kColumns, int kPitch, int kCount>
struct Rows {
  static constexpr int kParts = kColumns / 4, kRows = kCount / kParts;
  const float* from;
  i64 stride;
  int row, left, place;
  bool wide;
  __device__ Rows(const float* first, i64 step, i64 columns, bool vector, int thread)
      : stride(step), wide(vector) {
    row = thread / kParts;
    const int column = thread % kParts * 4;
    left = columns > column ? static_cast<int>(columns - column < 4 ? columns - column : 4) : 0;
    from = first + row * stride + (left > 0 ? column : 0);
    place = row * kPitch + column;
  }
  // The next chunk, of which `steps` steps exist.
  __device__ void load(float* to, i64 steps) {
    const int rows = steps < kChunk ? static_cast<int>(steps) - row : kChunk;
    const float* source = from;
#pragma unroll
    for (int i = 0; i < kChunk; i += kRows, source += kRows * stride) {
      float* target = to + place + i * kPitch;
      if (kChunk % kRows != 0 && row + i >= kChunk) break;
      if (wide && left > 0 && i < rows)
        selective::copy16(target, source);
      else
        *reinterpret_cast<uint4*>(target) = selective::load_some(source, i < rows ? left : 0);
    }
    from += kChunk * stride;
  }
};

template <int kStates>
struct Work {
  using Memory = Shared<kStates>;
  static constexpr int kPitchB = Memory::kPitchB, kPitchC = Memory::kPitchC;
  Memory& shared;
  int u, warp, g, t;            // unit; warp in it
  float state[kStates / 8][4];  // channels 16 warp + g and + 8, states 8 j + 2t and + 1

  // B and C in parts, by all threads.
  __device__ void split_all(bool output) {
    for (int i = 4 * static_cast<int>(threadIdx.x); i < kChunk * kStates; i += 4 * kThreads) {
      const int row = i / kStates, column = i % kStates;
      auto put = [](float4 v, float2* to) {
        const float2 a = split(v.x), b = split(v.y), c = split(v.z), d = split(v.w);
        reinterpret_cast<float4*>(to)[0] = {a.x, a.y, b.x, b.y};
        reinterpret_cast<float4*>(to)[1] = {c.x, c.y, d.x, d.y};
      };
      put(*reinterpret_cast<const float4*>(shared.raw_B + i), shared.B + row * kPitchB + column);
      if (output) put(*reinterpret_cast<const float4*>(shared.raw_C + i), shared.C + row * kPitchC + column);
    }
  }
  // G: six tiles of 16 x 8 reach the diagonal or below, each in two halves of the states.
  __device__ void multiply_bc() const {
    static_assert(kUnits == 3);
    const int w = threadIdx.x / 32, tile = w % 6, half = w / 6;
    const int row = tile < 2 ? 0 : 16, column = 8 * (tile < 2 ? tile : tile - 2);
    float d[4] = {};
#pragma unroll 4
    for (int i = 0; i < kStates / 2; i += 8) {
      const int k = half * kStates / 2 + i + 2 * t;
      float2 a[4];
      read_left(a, shared.C + (row + g) * kPitchC + k, kPitchC);
      const float4 b = *reinterpret_cast<const float4*>(shared.B + (column + g) * kPitchB + k);
      product(d, a, {b.x, b.y}, {b.z, b.w});
    }
    float* to = shared.G[half] + (row + g) * kPitchM + column + 2 * t;
    *reinterpret_cast<float2*>(to) = {d[0], d[1]};
    *reinterpret_cast<float2*>(to + 8 * kPitchM) = {d[2], d[3]};
  }
  // M, by the unit's threads: eight neighbours each.
  __device__ void weights() const {
    const int i = (threadIdx.x & 127) / 4, first = (threadIdx.x & 3) * 8;
    const float own = shared.sums[u][i];
    float2* to = shared.M[u] + i * kPitchM + first;
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const int j = first + e;
      const float v = shared.G[0][i * kPitchM + j] + shared.G[1][i * kPitchM + j];
      to[e] = split(j <= i ? v * (exp2_fast(own - shared.sums[u][j]) * shared.sizes[u][j]) : 0.0f);
    }
  }
  // y[row half][8 channels] = exp2(L) C S^T.
  __device__ void entering(float (&y)[2][2][4]) const {
#pragma unroll
    for (int k = 0; k < kStates / 8; ++k) {
      const float2 b[4] = {split(state[k][0]), split(state[k][1]), split(state[k][2]), split(state[k][3])};
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float2 a[4];
        read_left(a, shared.C + (16 * r + g) * kPitchC + 8 * k + 2 * t, kPitchC);
        product(y[r][0], a, b[0], b[1]);
        product(y[r][1], a, b[2], b[3]);
      }
    }
#pragma unroll
    for (int r = 0; r < 2; ++r)
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const float a = exp2_fast(shared.sums[u][16 * r + g + (k & 2 ? 8 : 0)]);
        y[r][0][k] *= a, y[r][1][k] *= a;
      }
  }
  // y += M x.
  __device__ void within(float (&y)[2][2][4], const float* x) const {
#pragma unroll
    for (int k = 0; k < kChunk; k += 8) {
      float2 b[2][2];
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) b[n][e] = split(x[(k + t + 4 * e) * kPitchX + 16 * warp + 8 * n + g]);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        if (16 * r + 15 < k) continue;
        const float2* m = shared.M[u] + (16 * r + g) * kPitchM + k + t;
        const float2 a[4] = {m[0], m[8 * kPitchM], m[4], m[8 * kPitchM + 4]};
        product(y[r][0], a, b[0][0], b[0][1]);
        product(y[r][1], a, b[1][0], b[1][1]);
      }
    }
  }
  __device__ void advance(const float* x_chunk) {
    const float end = exp2_fast(shared.sums[u][kChunk - 1]);
#pragma unroll
    for (auto& tile : state)
#pragma unroll
      for (float& v : tile) v *= end;
#pragma unroll 1
    for (int k = 0; k < kChunk; k += 8) {
      const float w0 = shared.into[u][k + t], w1 = shared.into[u][k + t + 4];
      const float* x = x_chunk + (k + t) * kPitchX + 16 * warp + g;
      const float2 a[4] = {split(x[0] * w0), split(x[8] * w0), split(x[4 * kPitchX] * w1),
                           split(x[4 * kPitchX + 8] * w1)};
      const float2* b = shared.B + (k + t) * kPitchB + g;
#pragma unroll
      for (int n = 0; n < kStates / 8; ++n) product(state[n], a, b[8 * n], b[4 * kPitchB + 8 * n]);
    }
  }
  template <class F>
  __device__ void each_state(const Unit& v, i64 states, F&& f) {
#pragma unroll
    for (int j = 0; j < kStates / 8; ++j)
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const int channel = 16 * warp + g + (k & 2 ? 8 : 0), n = 8 * j + 2 * t + (k & 1);
        if (channel < v.width && n < states) f(v.state + channel * states + n, state[j][k]);
      }
  }
  // Skip, gate and store.
  __device__ void finish(const Scan& s, const Unit& v, i64 batch, i64 first, const float* x,
                         float (&y)[2][2][4], bool wide) const {
    const float* skips = s.D + (s.D_per_channel ? v.head * s.width + v.channel : v.head);
#pragma unroll
    for (int r = 0; r < 4; ++r) {  // rows of eight
      const int i = 8 * r + g;
      if (first + i >= s.length) break;
      const i64 row = ((batch * s.length + first + i) * s.heads + v.head) * s.width + v.channel;
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const int channel = 16 * warp + 8 * n + 2 * t;
        float out[2];
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          out[e] = y[r / 2][n][2 * (r & 1) + e];
          if (channel + e >= v.width) continue;
          if (s.D)
            out[e] = fmaf(skips[s.D_per_channel ? channel + e : 0], x[i * kPitchX + channel + e], out[e]);
          if (s.z) {
            const float z = static_cast<const float*>(s.z)[row + channel + e];
            out[e] *= z * sigmoid(z);
          }
        }
        float* to = static_cast<float*>(s.y) + row + channel;
        if (wide && channel < v.width) {
          __stcs(reinterpret_cast<float2*>(to), float2{out[0], out[1]});
        } else {
          if (channel < v.width) to[0] = out[0];
          if (channel + 1 < v.width) to[1] = out[1];
        }
      }
    }
  }
};

// Step size of a lane's step, loaded a chunk ahead.
struct Steps {
  const float* dt;  // of the head's step 0
  float bias, rate, raw;
  __device__ void load(const Scan& s, i64 first) {
    const i64 t = first + (threadIdx.x & 31);
    raw = 0;
    if (t < s.length) asm volatile("ld.global.nc.f32 %0, [%1];" : "=f"(raw) : "l"(dt + t * s.heads));
  }
  template <class Memory>
  __device__ void finish(const Scan& s, i64 first, Memory& shared, int u) const {
    const int lane = threadIdx.x & 31;
    const float d = first + lane < s.length ? step_size(s, raw + bias) : 0.0f;
    const float sum = sum_below(d * rate), last = __shfl_sync(~0U, sum, 31);
    shared.sums[u][lane] = sum, shared.sizes[u][lane] = d, shared.into[u][lane] = d * exp2_fast(last - sum);
  }
};

// kOutput: y, otherwise only the states and the decay of a segment.
template <int kStates, bool kOutput>
__global__ void __launch_bounds__(kThreads, 1) chunk_kernel(const __grid_constant__ Problem p) {
  extern __shared__ __align__(128) unsigned char bytes[];
  using Memory = Shared<kStates>;
  Memory& shared = *reinterpret_cast<Memory*>(bytes);
  const Scan& s = p.s;
  const Place at = place(p, kUnits);
  const int which = threadIdx.x / 128, lane = threadIdx.x & 31;
  const Unit u = unit(p, at, which);
  Work<kStates> work{shared, which, static_cast<int>(threadIdx.x / 32 & 3), lane / 4, lane & 3, {}};
  const i64 x_stride = s.heads * s.width, bc_stride = s.groups * s.states, begin = at.first_chunk * kChunk;
  const i64 bc = ((at.batch * s.length + begin) * s.groups + at.group) * s.states;
  Rows<kStates, kStates, kThreads> rows_B(static_cast<const float*>(s.B) + bc, bc_stride, s.states, p.wide_bc,
                                          threadIdx.x),
      rows_C(static_cast<const float*>(s.C) + bc, bc_stride, s.states, p.wide_bc, threadIdx.x);
  Rows<kWidth, kPitchX, 128> rows_x(static_cast<const float*>(s.x) +
                                        ((at.batch * s.length + begin) * s.heads + u.head) * s.width +
                                        u.channel,
                                    x_stride, u.width, p.wide_x, threadIdx.x & 127);
  auto request = [&](i64 chunk, int half) {
    const i64 left = s.length - chunk * kChunk;
    rows_B.load(shared.raw_B, left);
    if (kOutput) rows_C.load(shared.raw_C, left);
    if (u.exists) rows_x.load(shared.x[which][half], left);
    selective::copy_commit();
  };
  Steps steps{static_cast<const float*>(s.dt) + at.batch * s.length * s.heads + u.head,
              s.dt_bias ? s.dt_bias[u.head] : 0.0f, s.A[u.head] * kLog2e, 0};
  const bool sums_up = work.warp == 0 && u.exists;
  if (kOutput && u.exists) {
    const float* from = p.segments > 1 ? p.entering + at.segment * states_size(s) : s.initial;
    if (from) work.each_state(u, s.states, [&](i64 i, float& v) { v = from[i]; });
  }
  if (at.first_chunk < at.last_chunk) request(at.first_chunk, 0);
  if (sums_up) steps.load(s, begin);
  float decayed = 0;
  int half = 0;
  for (i64 c = at.first_chunk; c < at.last_chunk; ++c, half ^= 1) {
    const i64 first = c * kChunk;
    selective::copy_wait<0>();
    __syncthreads();  // the chunk is here, and all have left the one before
    work.split_all(kOutput);
    if (sums_up) steps.finish(s, first, shared, which);
    __syncthreads();
    if (c + 1 < at.last_chunk) request(c + 1, half ^ 1);
    if (sums_up) steps.load(s, first + kChunk);
    const float* const x = shared.x[which][half];
    float y[2][2][4] = {};
    if constexpr (kOutput) {
      work.multiply_bc();
      if (u.exists) work.entering(y);
      __syncthreads();  // G is complete
    }
    if (!u.exists) continue;
    if constexpr (kOutput) {
      work.weights();
      asm volatile("bar.sync %0, 128;" ::"r"(which + 1) : "memory");
      work.within(y, x);
      work.finish(s, u, at.batch, first, x, y, p.wide_y);
      __syncwarp();
    }
    decayed += shared.sums[which][kChunk - 1];
    work.advance(x);
  }
  if (!u.exists) return;
  float* to =
      !kOutput ? p.entering + at.segment * states_size(s) : (at.last_chunk == p.chunks ? s.final : nullptr);
  if (to) work.each_state(u, s.states, [&](i64 i, float& v) { to[i] = v; });
  if (!kOutput && (threadIdx.x & 127) == 0 && u.channel == 0)
    p.logs[(at.segment * s.batch + at.batch) * s.heads + u.head] = decayed;
}

template <int kStates, bool kOutput>
Status launch(const Problem& p, cudaStream_t stream) {
  auto* kernel = chunk_kernel<kStates, kOutput>;
  constexpr int shared = sizeof(Shared<kStates>);
  static_assert(shared <= 227 * 1024);
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const i64 blocks = p.s.batch * p.s.groups * p.blocks_per_group * (kOutput ? p.segments : p.segments - 1);
  if (blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(blocks), kThreads, shared, stream>>>(p);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

}  // namespace

Status launch_f32(const Problem& p, bool output, cudaStream_t stream) {
  if (p.s.states <= 64) return output ? launch<64, true>(p, stream) : launch<64, false>(p, stream);
  return output ? launch<128, true>(p, stream) : launch<128, false>(p, stream);
}
int f32_units() { return kUnits; }

}  // namespace exactscan::cuda::ssd
