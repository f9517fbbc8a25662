// SSD for float32 on tensor cores: every operand is split into two tf32 parts, a = hi + lo, and hi hi + hi lo
// + lo hi is summed in float32. A block of four warps has one unit: each warp the states of 16 of its
// channels, in registers, where they are both the sums of one product and the right operand of another.
// Chunks of 32 steps:
//
//   M[i,j] = C_i.B_j exp2(L_i - L_j) d_j for j <= i, by all warps, through shared memory
//   y = exp2(L_i) C S^T + M x,   S = exp2(L_last) S + (d_j exp2(L_last - L_j) x_j)^T B
#include "cuda/ssd/problem.cuh"

namespace exactscan::cuda::ssd {
namespace {

constexpr int kChunk = 32;
constexpr int kThreads = 128;
#ifndef SSD_RESIDENT
#define SSD_RESIDENT 4
#endif
constexpr int kResident = SSD_RESIDENT;
constexpr int kPitchX = kWidth + 8, kPitchM = kChunk + 4;  // so that the lanes of a warp meet different banks

template <int kStates>
struct Shared {
  static constexpr int kPitch = kStates + 8;
  alignas(16) float B[kChunk * kPitch], C[kChunk * kPitch], x[kChunk * kPitchX], M[kChunk * kPitchM];
  alignas(16) float sums[kChunk], sizes[kChunk], into[kChunk];  // L, d, d exp2(L_last - L)
};

// The two parts of a number; the low one is rounded by the tensor core's cut after half of its last place is
// added.
struct Split {
  unsigned high, low;
  __device__ Split() = default;
  __device__ explicit Split(float v) {
    high = (__float_as_uint(v) + 0x1000U) & 0xffffe000U;
    low = __float_as_uint(v - __uint_as_float(high)) + 0x1000U;
  }
};
// d += a b: 16 x 8 by 8 x 8. With g = lane / 4, t = lane % 4: a: (g, t), (g + 8, t), (g, t + 4), (g + 8, t +
// 4); b: (t, g), (t + 4, g); d: (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
__device__ inline void product(float (&d)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0,
                               unsigned b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}
__device__ inline void product(float (&d)[4], const Split (&a)[4], const Split& b0, const Split& b1) {
  product(d, a[0].low, a[1].low, a[2].low, a[3].low, b0.high, b1.high);
  product(d, a[0].high, a[1].high, a[2].high, a[3].high, b0.low, b1.low);
  product(d, a[0].high, a[1].high, a[2].high, a[3].high, b0.high, b1.high);
}

// Brings chunks of rows of `columns` floats into rows of kColumns at distance kPitch; what does not exist is
// zero. A thread has 16 bytes of every kRows-th row.
template <int kColumns, int kPitch>
struct Rows {
  static constexpr int kParts = kColumns / 4, kRows = kThreads / kParts;
  const float* from;
  i64 stride;
  int row, left, place;
  bool wide;
  __device__ Rows(const float* first, i64 step, i64 columns, bool vector) : stride(step), wide(vector) {
    row = threadIdx.x / kParts;
    const int column = threadIdx.x % kParts * 4;
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
      if (wide && left > 0 && i < rows)
        selective::copy16(target, source);
      else
        *reinterpret_cast<uint4*>(target) = selective::load_some(source, i < rows ? left : 0);
    }
    from += kChunk * stride;
  }
};

// Two neighbouring columns of rows g and g + 8 as a left operand whose column t stands for 2t and t + 4 for
// 2t + 1.
__device__ inline void read_left(Split (&a)[4], const float* upper, int pitch) {
  const float2 u = *reinterpret_cast<const float2*>(upper),
               l = *reinterpret_cast<const float2*>(upper + 8 * pitch);
  a[0] = Split(u.x), a[1] = Split(l.x), a[2] = Split(u.y), a[3] = Split(l.y);
}

template <int kStates>
struct Work {
  using Memory = Shared<kStates>;
  static constexpr int kPitch = Memory::kPitch;
  Memory& shared;
  int warp, g, t;
  float state[kStates / 8][4];  // channels 16 warp + g and + 8, states 8 j + 2t and + 1

  // M: warp w has rows 16 (w % 2) and columns 16 (w / 2) of it.
  __device__ void weights() {
    const int row = 16 * (warp & 1), column = 16 * (warp >> 1);
    float d[2][4] = {};
    if (column <= row) {
#pragma unroll 2
      for (int k = 0; k < kStates; k += 8) {
        Split a[4];
        read_left(a, shared.C + (row + g) * kPitch + k + 2 * t, kPitch);
#pragma unroll
        for (int n = 0; n < 2; ++n) {
          const float2 b =
              *reinterpret_cast<const float2*>(shared.B + (column + 8 * n + g) * kPitch + k + 2 * t);
          product(d[n], a, Split(b.x), Split(b.y));
        }
      }
    }
#pragma unroll
    for (int n = 0; n < 2; ++n)
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const int i = row + g + (k & 2 ? 8 : 0), j = column + 8 * n + 2 * t + (k & 1);
        shared.M[i * kPitchM + j] =
            j <= i ? d[n][k] * (exp2_fast(shared.sums[i] - shared.sums[j]) * shared.sizes[j]) : 0.0f;
      }
  }
  // y[row half][8 channels] += C S^T.
  __device__ void entering(float (&y)[2][2][4]) const {
#pragma unroll
    for (int k = 0; k < kStates / 8; ++k) {
      const Split b[4] = {Split(state[k][0]), Split(state[k][1]), Split(state[k][2]), Split(state[k][3])};
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        Split a[4];
        read_left(a, shared.C + (16 * r + g) * kPitch + 8 * k + 2 * t, kPitch);
        product(y[r][0], a, b[0], b[1]);
        product(y[r][1], a, b[2], b[3]);
      }
    }
  }
  // y += M x.
  __device__ void within(float (&y)[2][2][4]) const {
#pragma unroll
    for (int k = 0; k < kChunk; k += 8) {
      Split b[2][2];
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e)
          b[n][e] = Split(shared.x[(k + t + 4 * e) * kPitchX + 16 * warp + 8 * n + g]);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        if (16 * r + 15 < k) continue;
        const float* m = shared.M + (16 * r + g) * kPitchM + k + t;
        const Split a[4] = {Split(m[0]), Split(m[8 * kPitchM]), Split(m[4]), Split(m[8 * kPitchM + 4])};
        product(y[r][0], a, b[0][0], b[0][1]);
        product(y[r][1], a, b[1][0], b[1][1]);
      }
    }
  }
  __device__ void advance() {
    const float end = exp2_fast(shared.sums[kChunk - 1]);
#pragma unroll
    for (auto& tile : state)
#pragma unroll
      for (float& v : tile) v *= end;
#pragma unroll 1
    for (int k = 0; k < kChunk; k += 8) {
      const float w0 = shared.into[k + t], w1 = shared.into[k + t + 4];
      const float* x = shared.x + (k + t) * kPitchX + 16 * warp + g;
      const Split a[4] = {Split(x[0] * w0), Split(x[8] * w0), Split(x[4 * kPitchX] * w1),
                          Split(x[4 * kPitchX + 8] * w1)};
      const float* b = shared.B + (k + t) * kPitch + g;
#pragma unroll
      for (int n = 0; n < kStates / 8; ++n)
        product(state[n], a, Split(b[8 * n]), Split(b[4 * kPitch + 8 * n]));
    }
  }
  template <class F>
  __device__ void each_state(const Unit& u, i64 states, F&& f) {
#pragma unroll
    for (int j = 0; j < kStates / 8; ++j)
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const int channel = 16 * warp + g + (k & 2 ? 8 : 0), n = 8 * j + 2 * t + (k & 1);
        if (channel < u.width && n < states) f(u.state + channel * states + n, state[j][k]);
      }
  }
};

// Skip, gate and store.
__device__ void finish(const Scan& s, const Unit& u, i64 batch, i64 first, const float* x,
                       float (&y)[2][2][4], int warp, int g, int t) {
#pragma unroll
  for (int r = 0; r < 2; ++r)
#pragma unroll
    for (int n = 0; n < 2; ++n)
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const int i = 16 * r + g + (k & 2 ? 8 : 0), channel = 16 * warp + 8 * n + 2 * t + (k & 1);
        if (first + i >= s.length || channel >= u.width) continue;
        float v = y[r][n][k];
        if (s.D)
          v = fmaf(s.D_per_channel ? s.D[u.head * s.width + u.channel + channel] : s.D[u.head],
                   x[i * kPitchX + channel], v);
        const i64 to = ((batch * s.length + first + i) * s.heads + u.head) * s.width + u.channel + channel;
        if (s.z) {
          const float z = static_cast<const float*>(s.z)[to];
          v *= z * sigmoid(z);
        }
        static_cast<float*>(s.y)[to] = v;
      }
}

// kOutput: y, otherwise only the states and the decay of a segment.
template <int kStates, bool kOutput>
__global__ void __launch_bounds__(kThreads, kResident) chunk_kernel(const __grid_constant__ Problem p) {
  extern __shared__ __align__(128) unsigned char bytes[];
  using Memory = Shared<kStates>;
  Memory& shared = *reinterpret_cast<Memory*>(bytes);
  constexpr int kPitch = Memory::kPitch;
  const Scan& s = p.s;
  const Place at = place(p, 1);
  const Unit u = unit(p, at, 0);
  const int lane = threadIdx.x & 31;
  Work<kStates> work{shared, static_cast<int>(threadIdx.x / 32), lane / 4, lane & 3, {}};
  const i64 x_stride = s.heads * s.width, bc_stride = s.groups * s.states;
  const float* x =
      static_cast<const float*>(s.x) + (at.batch * s.length * s.heads + u.head) * s.width + u.channel;
  const float* dt = static_cast<const float*>(s.dt) + at.batch * s.length * s.heads + u.head;
  const i64 bc = (at.batch * s.length * s.groups + at.group) * s.states;
  const float *B = static_cast<const float*>(s.B) + bc, *C = static_cast<const float*>(s.C) + bc;
  const float rate = s.A[u.head] * kLog2e, bias = s.dt_bias ? s.dt_bias[u.head] : 0.0f;
  const i64 begin = at.first_chunk * kChunk;
  Rows<kStates, kPitch> rows_B(B + begin * bc_stride, bc_stride, s.states, p.wide_bc),
      rows_C(C + begin * bc_stride, bc_stride, s.states, p.wide_bc);
  Rows<kWidth, kPitchX> rows_x(x + begin * x_stride, x_stride, u.width, p.wide_x);
  if (kOutput) {
    const float* from = p.segments > 1 ? p.entering + at.segment * states_size(s) : s.initial;
    if (from) work.each_state(u, s.states, [&](i64 i, float& v) { v = from[i]; });
  }
  float decayed = 0;
  for (i64 c = at.first_chunk; c < at.last_chunk; ++c) {
    const i64 first = c * kChunk, left = s.length - first;
    __syncthreads();  // all have left the chunk before
    rows_B.load(shared.B, left);
    if (kOutput) rows_C.load(shared.C, left);
    rows_x.load(shared.x, left);
    selective::copy_commit();
    if (work.warp == 0) {
      const float d = lane < left ? step_size(s, dt[(first + lane) * s.heads] + bias) : 0.0f;
      const float sum = sum_below(d * rate), last = __shfl_sync(~0U, sum, 31);
      shared.sums[lane] = sum, shared.sizes[lane] = d, shared.into[lane] = d * exp2_fast(last - sum);
      decayed += last;
    }
    selective::copy_wait<0>();
    __syncthreads();
    if constexpr (kOutput) {
      work.weights();
      float y[2][2][4] = {};
      work.entering(y);
#pragma unroll
      for (int r = 0; r < 2; ++r)
#pragma unroll
        for (int k = 0; k < 4; ++k) {
          const float a = exp2_fast(shared.sums[16 * r + work.g + (k & 2 ? 8 : 0)]);
          y[r][0][k] *= a, y[r][1][k] *= a;
        }
      __syncthreads();  // M is complete
      work.within(y);
      finish(s, u, at.batch, first, shared.x, y, work.warp, work.g, work.t);
    }
    work.advance();
  }
  float* to =
      !kOutput ? p.entering + at.segment * states_size(s) : (at.last_chunk == p.chunks ? s.final : nullptr);
  if (to) work.each_state(u, s.states, [&](i64 i, float& v) { to[i] = v; });
  if (!kOutput && threadIdx.x == 0 && u.channel == 0)
    p.logs[(at.segment * s.batch + at.batch) * s.heads + u.head] = decayed;
}

template <int kStates, bool kOutput>
Status launch(const Problem& p, cudaStream_t stream) {
  auto* kernel = chunk_kernel<kStates, kOutput>;
  constexpr int shared = sizeof(Shared<kStates>);
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

}  // namespace exactscan::cuda::ssd
