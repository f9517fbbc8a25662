// The pieces of fp32.cu's kernel: operands in parts, and what a warp does with a chunk.
#pragma once

#include "cuda/ssd/problem.cuh"

namespace exactscan::cuda::ssd {
namespace {

constexpr int kChunk = 32, kUnits = 3;
constexpr int kThreads = 128 * kUnits;
// Distances of rows so that the lanes of a warp meet different banks.
constexpr int kPitchX = kWidth + 8, kPitchG = kChunk + 4;

// Operands in parts (hi, lo) lie in the order in which the lanes of a warp hold them: 16 bytes a lane.
template <int kStates>
struct Shared {
  static constexpr int kPitch = kStates + 8;
  alignas(16) float B[kChunk * kPitch], C[kChunk * kPitch], x[kUnits][2][kChunk * kPitchX];
  alignas(16) float B_parts[2][kChunk * kStates];         // as right operand of S: [k][n / 2][lane][n % 2][2]
  alignas(16) float C_parts[2][kChunk * kStates];         // as left operand: [k][row half][lane][4]
  alignas(16) float M_parts[kUnits][2][kChunk * kChunk];  // the same
  alignas(16) float G[2][kChunk * kPitchG];               // sums over the first and second half of the states
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
struct Left {
  float4 high, low;
};
__device__ inline Left split(float a0, float a1, float a2, float a3) {
  const float2 s0 = split(a0), s1 = split(a1), s2 = split(a2), s3 = split(a3);
  return {{s0.x, s1.x, s2.x, s3.x}, {s0.y, s1.y, s2.y, s3.y}};
}
// Right operand: hi and lo of (t, g) and (t + 4, g).
__device__ inline void product(float (&d)[4], const Left& a, float2 high, float2 low) {
  product(d, a.low.x, a.low.y, a.low.z, a.low.w, high.x, high.y);
  product(d, a.high.x, a.high.y, a.high.z, a.high.w, low.x, low.y);
  product(d, a.high.x, a.high.y, a.high.z, a.high.w, high.x, high.y);
}
__device__ inline Left read_left(const float (*parts)[kChunk * kChunk], int tile, int lane) {
  return {reinterpret_cast<const float4*>(parts[0])[32 * tile + lane],
          reinterpret_cast<const float4*>(parts[1])[32 * tile + lane]};
}
template <int kSize>
__device__ inline void write_parts(float (*parts)[kSize], int i, const Left& v) {
  reinterpret_cast<float4*>(parts[0])[i] = v.high;
  reinterpret_cast<float4*>(parts[1])[i] = v.low;
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
  static constexpr int kPitch = Memory::kPitch;
  Memory& shared;
  int u, warp, lane, g, t;      // unit; warp in it
  float state[kStates / 8][4];  // channels 16 warp + g and + 8, states 8 j + 2t and + 1

  // B and C in parts, by all threads. In products over states column t stands for state 2t and t + 4 for 2t
  // + 1.
  __device__ void split_all(bool output) {
#pragma unroll 1
    for (int i = threadIdx.x; i < kChunk * kStates / 4; i += kThreads) {
      const int tile = i / 32;
      const float* b = shared.B + (tile / (kStates / 16) * 8 + t) * kPitch + tile % (kStates / 16) * 16 + g;
      write_parts(shared.B_parts, i, split(b[0], b[4 * kPitch], b[8], b[4 * kPitch + 8]));
      if (!output) continue;
      const float* c = shared.C + (tile % 2 * 16 + g) * kPitch + tile / 2 * 8 + 2 * t;
      const float2 upper = *reinterpret_cast<const float2*>(c),
                   lower = *reinterpret_cast<const float2*>(c + 8 * kPitch);
      write_parts(shared.C_parts, i, split(upper.x, lower.x, upper.y, lower.y));
    }
  }
  __device__ Left read_C(int k, int r) const {
    return {reinterpret_cast<const float4*>(shared.C_parts[0])[32 * (2 * k + r) + lane],
            reinterpret_cast<const float4*>(shared.C_parts[1])[32 * (2 * k + r) + lane]};
  }
  // G: six tiles of 16 x 8 reach the diagonal or below, each in two halves of the states.
  __device__ void multiply_bc() const {
    static_assert(kUnits == 3);
    const int w = threadIdx.x / 32, tile = w % 6, half = w / 6;
    const int r = tile < 2 ? 0 : 1, column = 8 * (tile < 2 ? tile : tile - 2);
    float d[4] = {};
#pragma unroll 4
    for (int i = 0; i < kStates / 16; ++i) {
      const int k = half * (kStates / 16) + i;
      const float2 v = *reinterpret_cast<const float2*>(shared.B + (column + g) * kPitch + 8 * k + 2 * t);
      const float2 b0 = split(v.x), b1 = split(v.y);
      product(d, read_C(k, r), {b0.x, b1.x}, {b0.y, b1.y});
    }
    float* to = shared.G[half] + (16 * r + g) * kPitchG + column + 2 * t;
    *reinterpret_cast<float2*>(to) = {d[0], d[1]};
    *reinterpret_cast<float2*>(to + 8 * kPitchG) = {d[2], d[3]};
  }
  // M, by the unit's warps: a tile of columns each.
  __device__ void weights() const {
    float own[2], size[2];
#pragma unroll
    for (int e = 0; e < 2; ++e)
      own[e] = shared.sums[u][8 * warp + t + 4 * e], size[e] = shared.sizes[u][8 * warp + t + 4 * e];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      if (8 * warp > 16 * r + 15) continue;
      float m[4];
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const int i = 16 * r + g + (e & 1 ? 8 : 0), j = 8 * warp + t + (e & 2 ? 4 : 0), at = i * kPitchG + j;
        const float v = shared.G[0][at] + shared.G[1][at];
        m[e] = j <= i ? v * (exp2_fast(shared.sums[u][i] - own[e / 2]) * size[e / 2]) : 0.0f;
      }
      write_parts(shared.M_parts[u], 32 * (2 * warp + r) + lane, split(m[0], m[1], m[2], m[3]));
    }
  }
  // y[row half][8 channels] = exp2(L) C S^T.
  __device__ void entering(float (&y)[2][2][4]) const {
#pragma unroll
    for (int k = 0; k < kStates / 8; ++k) {
      float2 b[4];
#pragma unroll
      for (int e = 0; e < 4; ++e) b[e] = split(state[k][e]);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const Left a = read_C(k, r);
        product(y[r][0], a, {b[0].x, b[1].x}, {b[0].y, b[1].y});
        product(y[r][1], a, {b[2].x, b[3].x}, {b[2].y, b[3].y});
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
    for (int k = 0; k < kChunk / 8; ++k) {
      float2 b[2][2];
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) b[n][e] = split(x[(8 * k + t + 4 * e) * kPitchX + 16 * warp + 8 * n + g]);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        if (8 * k > 16 * r + 15) continue;
        const Left a = read_left(shared.M_parts[u], 2 * k + r, lane);
#pragma unroll
        for (int n = 0; n < 2; ++n) product(y[r][n], a, {b[n][0].x, b[n][1].x}, {b[n][0].y, b[n][1].y});
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
    for (int k = 0; k < kChunk / 8; ++k) {
      const float w0 = shared.into[u][8 * k + t], w1 = shared.into[u][8 * k + t + 4];
      const float* x = x_chunk + (8 * k + t) * kPitchX + 16 * warp + g;
      const Left a = split(x[0] * w0, x[8] * w0, x[4 * kPitchX] * w1, x[4 * kPitchX + 8] * w1);
      const float4* high = reinterpret_cast<const float4*>(shared.B_parts[0]) + k * kStates * 2 + lane;
      const float4* low = reinterpret_cast<const float4*>(shared.B_parts[1]) + k * kStates * 2 + lane;
#pragma unroll
      for (int n = 0; n < kStates / 16; ++n) {
        const float4 h = high[32 * n], l = low[32 * n];
        product(state[2 * n], a, {h.x, h.y}, {l.x, l.y});
        product(state[2 * n + 1], a, {h.z, h.w}, {l.z, l.w});
      }
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
  // f(row, channel, value) of the unit's y.
  template <class F>
  __device__ void each_output(float (&y)[2][2][4], F&& f) const {
#pragma unroll
    for (int r = 0; r < 4; ++r)
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) f(8 * r + g, 16 * warp + 8 * n + 2 * t + e, y[r / 2][n][2 * (r & 1) + e]);
  }
  // Skip, gate and store.
  __device__ void finish(const Scan& s, const Unit& v, i64 batch, i64 first, const float* x,
                         float (&y)[2][2][4], bool wide) const {
    if (s.D && s.D_per_channel) {
      const float* skip = s.D + v.head * s.width + v.channel;
      each_output(y, [&](int i, int p, float& out) {
        if (p < v.width) out = fmaf(skip[p], x[i * kPitchX + p], out);
      });
    } else if (s.D) {
      const float skip = s.D[v.head];
      each_output(y, [&](int i, int p, float& out) { out = fmaf(skip, x[i * kPitchX + p], out); });
    }
    const i64 begin = ((batch * s.length + first) * s.heads + v.head) * s.width + v.channel,
              stride = s.heads * s.width;
    const int rows = s.length - first < kChunk ? static_cast<int>(s.length - first) : kChunk;
    if (s.z) {
      const float* from = static_cast<const float*>(s.z) + begin;
      each_output(y, [&](int i, int p, float& out) {
        if (i >= rows || p >= v.width) return;
        const float z = from[i * stride + p];
        out *= z * sigmoid(z);
      });
    }
    float* to = static_cast<float*>(s.y) + begin + g * stride + 16 * warp + 2 * t;
    const int left = v.width - 16 * warp - 2 * t;
#pragma unroll
    for (int r = 0; r < 4; ++r, to += 8 * stride) {
      if (8 * r + g >= rows) break;
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const float2 out{y[r / 2][n][2 * (r & 1)], y[r / 2][n][2 * (r & 1) + 1]};
        if (wide && left > 8 * n) {
          __stcs(reinterpret_cast<float2*>(to + 8 * n), out);
        } else {
          if (left > 8 * n) to[8 * n] = out.x;
          if (left > 8 * n + 1) to[8 * n + 1] = out.y;
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

}  // namespace
}  // namespace exactscan::cuda::ssd
