// SSD for bfloat16: a block of kHeads warpgroups, each with the states of one unit in registers, walks along
// time in chunks of 64 steps. B and C of a chunk are shared by the units. Per chunk and unit:
//
//   G = C B^T, masked and scaled to M[i,j] = G[i,j] exp2(L_i - L_j) d_j for j <= i
//   y = exp2(L_i) C S^T + M x,   S = exp2(L_last) S + (d_j exp2(L_last - L_j) x_j)^T B
//
// with L the cumulative sum of d A log2(e). The states go to shared memory as bfloat16 for the next chunk's
// product with C.
#include "cuda/ssd/problem.cuh"
#include "cuda/ssd/wgmma.cuh"

namespace exactscan::cuda::ssd {
namespace {

constexpr int kChunk = 64;
constexpr int kHeads = 3;
constexpr int kThreads = 128 * kHeads;

template <int kStates>
struct Shared {
  static constexpr int kPanels = kStates / 64;
  unsigned char C[2][kPanels * kPanel], B[2][kPanels * kPanel];
  unsigned char x[kHeads][2][kPanel], h[kHeads][kPanels * kPanel], y[kHeads][kPanel];
  float2 sums[kHeads][2][kChunk];  // L, d
  float into[kHeads][2][kChunk];   // d exp2(L_last - L)
};

__device__ inline void copy16_or_zero(unsigned to, const void* from, bool valid) {
  asm volatile("cp.async.cg.shared.global.L2::128B [%0], [%1], 16, %2;" ::"r"(to), "l"(from),
               "r"(valid ? 16 : 0)
               : "memory");
}

// Steps [first, first + 64) of `columns` elements each into panels, by `count` threads; what does not exist
// is zero. `stride`: elements between steps.
template <int kPanels>
__device__ void load_rows(unsigned char* to, const bf16* from, i64 stride, i64 steps, int columns, bool wide,
                          int thread, int count) {
  constexpr int kParts = 8 * kPanels;
  for (int i = thread; i < kChunk * kParts; i += count) {
    const int row = i / kParts, part = i % kParts;
    unsigned char* place = to + part / 8 * kPanel + panel_place(row, part % 8);
    const bf16* source = from + row * stride + part * 8;
    const int left = row < steps ? columns - part * 8 : 0;
    if (wide)
      copy16_or_zero(shared_address(place), left > 0 ? source : from, left > 0);
    else
      *reinterpret_cast<uint4*>(place) = selective::load_some(source, left);
  }
}

// Step sizes and sums of one chunk, by one warp; a lane has two steps.
struct Steps {
  const bf16* dt;  // of the head's step 0
  i64 stride, length;
  float bias, rate;  // rate: A log2(e)
  float raw[2];
  __device__ void load(i64 first) {
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      const i64 t = first + 2 * (threadIdx.x & 31) + k;
      raw[k] = t < length ? widen(dt[t * stride]) : 0.0f;
    }
  }
  // Writes the chunk's; returns the sum over all of it.
  __device__ float finish(const Scan& s, i64 first, float2* sums, float* into) const {
    const int lane = threadIdx.x & 31;
    float d[2];
#pragma unroll
    for (int k = 0; k < 2; ++k) d[k] = first + 2 * lane + k < length ? step_size(s, raw[k] + bias) : 0.0f;
    const float l0 = d[0] * rate, both = fmaf(d[1], rate, l0), end = sum_below(both);
    float begin = __shfl_up_sync(~0U, end, 1);
    if (lane == 0) begin = 0;
    const float middle = begin + l0, last = __shfl_sync(~0U, end, 31);
    reinterpret_cast<float4*>(sums)[lane] = float4{middle, d[0], end, d[1]};
    reinterpret_cast<float2*>(into)[lane] =
        float2{d[0] * exp2_fast(last - middle), d[1] * exp2_fast(last - end)};
    return last;
  }
};

// Of the four warps of a group.
__device__ inline void group_barrier(int group) {
  asm volatile("bar.sync %0, 128;" ::"r"(group + 1) : "memory");
}

// What a thread knows about its rows and columns of the products' sums.
struct Lane {
  int lane, warp, row, column;  // first row (the other is 8 below), first column of a tile
  __device__ Lane() : lane(threadIdx.x & 31), warp(threadIdx.x / 32 & 3) {
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

// Skip, gate, rounding and store of y.
struct Output {
  const Scan& s;
  const Unit& u;
  const Lane& me;
  bool wide;
  i64 batch;
  __device__ i64 row(i64 t) const {
    return ((batch * s.length + t) * s.heads + u.head) * s.width + u.channel;
  }
  __device__ float skip(int p) const {
    if (!s.D || p >= u.width) return 0;
    return s.D_per_channel ? s.D[u.head * s.width + u.channel + p] : s.D[u.head];
  }
  __device__ void gate(float (&y)[32], i64 first) const {
    const bf16* z = static_cast<const bf16*>(s.z);
#pragma unroll
    for (int j = 0; j < 8; ++j)
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        const i64 t = first + me.row + (k & 2 ? 8 : 0);
        const int p = 8 * j + me.column + (k & 1);
        if (t >= s.length || p >= u.width) continue;
        const float g = widen(z[row(t) + p]);
        y[4 * j + k] *= g * sigmoid(g);
      }
  }
  __device__ void add_skip(float (&y)[32], const unsigned char* x) const {
    const float all = skip(0);
#pragma unroll
    for (int j = 0; j < 8; ++j) {
      float d0 = all, d1 = all;
      if (s.D_per_channel) d0 = skip(8 * j + me.column), d1 = skip(8 * j + me.column + 1);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const float2 v =
            unpack(*reinterpret_cast<const unsigned*>(x + panel_place(me.row + 8 * r, j) + 2 * me.column));
        y[4 * j + 2 * r] = fmaf(d0, v.x, y[4 * j + 2 * r]);
        y[4 * j + 2 * r + 1] = fmaf(d1, v.y, y[4 * j + 2 * r + 1]);
      }
    }
  }
  // Through shared memory of the warp's own.
  __device__ void store(const float (&y)[32], unsigned char* stage, i64 first) const {
    __syncwarp();
    const int own = 16 * me.warp + (me.lane & 15);
#pragma unroll
    for (int j = 0; j < 8; j += 2) {
      const float* v = y + 4 * j;
      store_matrices(shared_address(stage) + panel_place(own, j + (me.lane >> 4)), pack(v[0], v[1]),
                     pack(v[2], v[3]), pack(v[4], v[5]), pack(v[6], v[7]));
    }
    __syncwarp();
    const int part = me.lane & 7, left = u.width - 8 * part;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int r = 16 * me.warp + 4 * i + me.lane / 8;
      if (first + r >= s.length || left <= 0) continue;
      const uint4 v = *reinterpret_cast<const uint4*>(stage + panel_place(r, part));
      bf16* to = static_cast<bf16*>(s.y) + row(first + r) + 8 * part;
      if (wide) {
        __stcs(reinterpret_cast<uint4*>(to), v);
      } else {
        const unsigned words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int k = 0; k < 8; ++k)
          if (k < left)
            to[k] = __ushort_as_bfloat16(static_cast<unsigned short>(words[k / 2] >> 16 * (k & 1)));
      }
    }
  }
};

// kOutput: y, otherwise only the states and the decay of a segment.
template <int kStates, bool kOutput>
__global__ void __launch_bounds__(kThreads, 1) chunk_kernel(const __grid_constant__ Problem p) {
  extern __shared__ __align__(1024) unsigned char bytes[];
  using Memory = Shared<kStates>;
  Memory& shared = *reinterpret_cast<Memory*>(bytes);
  constexpr int kPanels = Memory::kPanels;
  const Scan& s = p.s;
  const Place at = place(p, kHeads);
  const int group = threadIdx.x / 128;  // of warps
  const Unit u = unit(p, at, group);
  const Lane me;
  const i64 x_stride = s.heads * s.width, bc_stride = s.groups * s.states;
  const bf16* x =
      static_cast<const bf16*>(s.x) + (at.batch * s.length * s.heads + u.head) * s.width + u.channel;
  const i64 bc = (at.batch * s.length * s.groups + at.group) * s.states;
  const bf16 *B = static_cast<const bf16*>(s.B) + bc, *C = static_cast<const bf16*>(s.C) + bc;
  unsigned char* const h = shared.h[group];

  auto request = [&](i64 c, int stage) {
    const i64 first = c * kChunk, left = s.length - first;
    load_rows<kPanels>(shared.B[stage], B + first * bc_stride, bc_stride, left, static_cast<int>(s.states),
                       p.wide_bc, threadIdx.x, kThreads);
    if (kOutput)
      load_rows<kPanels>(shared.C[stage], C + first * bc_stride, bc_stride, left, static_cast<int>(s.states),
                         p.wide_bc, threadIdx.x, kThreads);
    if (u.exists)
      load_rows<1>(shared.x[group][stage], x + first * x_stride, x_stride, left, u.width, p.wide_x,
                   threadIdx.x & 127, 128);
    selective::copy_commit();
  };
  Steps steps{static_cast<const bf16*>(s.dt) + at.batch * s.length * s.heads + u.head,
              s.heads,
              s.length,
              s.dt_bias ? s.dt_bias[u.head] : 0.0f,
              s.A[u.head] * kLog2e,
              {}};
  const bool leads = me.warp == 0 && u.exists;

  if (at.first_chunk < at.last_chunk) request(at.first_chunk, 0);
  float state[kStates / 2];
#pragma unroll
  for (float& v : state) v = 0;
  if (u.exists && kOutput) {
    const float* from = p.segments > 1 ? p.entering + at.segment * states_size(s) : s.initial;
    if (from) each_state<kStates>(state, u, s.states, me, [&](i64 i, float& v) { v = from[i]; });
    store_states<kStates>(shared_address(h), state, me);
  }
  float decayed = 0;  // log2 of the decay so far
  if (leads) {
    steps.load(at.first_chunk * kChunk);
    decayed += steps.finish(s, at.first_chunk * kChunk, shared.sums[group][0], shared.into[group][0]);
    steps.load((at.first_chunk + 1) * kChunk);
  }
  int stage = 0;
  for (i64 c = at.first_chunk; c < at.last_chunk; ++c, stage ^= 1) {
    selective::copy_wait<0>();
    publish();
    __syncthreads();  // this chunk is here; all have left the one before
    if (c + 1 < at.last_chunk) request(c + 1, stage ^ 1);
    if (!u.exists) continue;
    const float2* const sums = shared.sums[group][stage];
    const std::uint64_t b = descriptor(shared_address(shared.B[stage])),
                        x_panel = descriptor(shared_address(shared.x[group][stage]));
    float y[32];
    unsigned m[4][4];
    if constexpr (kOutput) {
      const std::uint64_t cd = descriptor(shared_address(shared.C[stage])),
                          hd = descriptor(shared_address(h));
      float g[32];
      product_fence();
#pragma unroll
      for (int k = 0; k < kStates / 16; ++k) {
        const int step = (k / 4 * kPanel + k % 4 * 32) >> 4;
        product_64(g, cd + step, b + step, k > 0);
      }
      product_commit();
#pragma unroll
      for (int k = 0; k < kStates / 16; ++k) {
        const int step = (k / 4 * kPanel + k % 4 * 32) >> 4;
        product_64(y, cd + step, hd + step, k > 0);
      }
      product_commit();
      product_wait<1>();
      mask(g, sums, me, m);
      product_wait<0>();
      const float upper = exp2_fast(sums[me.row].x), lower = exp2_fast(sums[me.row + 8].x);
#pragma unroll
      for (int j = 0; j < 32; ++j) y[j] *= j & 2 ? lower : upper;
      product_fence();
#pragma unroll
      for (int k = 0; k < 4; ++k) product_64(y, m[k], x_panel + (k * 2048 >> 4), true);
      product_commit();
    }
    unsigned weighed[4][4];
    weigh(shared_address(shared.x[group][stage]), shared.into[group][stage], me, weighed);
    const float end = exp2_fast(sums[kChunk - 1].x);
#pragma unroll
    for (float& v : state) v *= end;
    product_fence();
#pragma unroll
    for (int k = 0; k < 4; ++k) product_states(state, weighed[k], b + (k * 2048 >> 4));
    product_commit();
    if (leads && c + 1 < at.last_chunk) {
      decayed +=
          steps.finish(s, (c + 1) * kChunk, shared.sums[group][stage ^ 1], shared.into[group][stage ^ 1]);
      steps.load((c + 2) * kChunk);
    }
    if constexpr (kOutput) {
      product_wait<1>();
      const Output out{s, u, me, p.wide_y, at.batch};
      if (s.D) out.add_skip(y, shared.x[group][stage]);
      if (s.z) out.gate(y, c * kChunk);
      out.store(y, shared.y[group], c * kChunk);
    }
    product_wait<0>();
    if (kOutput && c + 1 < at.last_chunk) {
      group_barrier(group);  // all four warps' products with the old states are complete
      store_states<kStates>(shared_address(h), state, me);
    }
  }
  if (!u.exists) return;
  float* to =
      !kOutput ? p.entering + at.segment * states_size(s) : (at.last_chunk == p.chunks ? s.final : nullptr);
  if (to) each_state<kStates>(state, u, s.states, me, [&](i64 i, float& v) { to[i] = v; });
  if (!kOutput && threadIdx.x % 128 == 0 && u.channel == 0)
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

int bf16_units() { return kHeads; }

Status launch_bf16(const Problem& p, bool output, cudaStream_t stream) {
  if (p.s.states <= 64) return output ? launch<64, true>(p, stream) : launch<64, false>(p, stream);
  return output ? launch<128, true>(p, stream) : launch<128, false>(p, stream);
}

}  // namespace exactscan::cuda::ssd
