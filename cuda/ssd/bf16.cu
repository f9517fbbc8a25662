// SSD for bfloat16: a block of kHeads warpgroups, each with the states of one unit in registers, walks along
// time in chunks of 64 steps. B and C of a chunk are shared by the units. Per chunk and unit:
//
//   G = C B^T, masked and scaled to M[i,j] = G[i,j] exp2(L_i - L_j) d_j for j <= i
//   y = exp2(L_i) C S^T + M x,   S = exp2(L_last) S + (d_j exp2(L_last - L_j) x_j)^T B
//
// with L the cumulative sum of d A log2(e). The states go to shared memory as bfloat16 for the next chunk's
// product with C.
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

// kOutput: y, otherwise only the states and the decay of a segment. kEngine: the copy engine moves all
// tensors of 16-bit elements; otherwise threads do, without overlap.
template <int kStates, bool kOutput, bool kEngine>
__global__ void __launch_bounds__(kThreads, 1)
    chunk_kernel(const __grid_constant__ Problem p, const __grid_constant__ Maps maps) {
  extern __shared__ __align__(1024) unsigned char bytes[];
  using Memory = Shared<kStates>;
  Memory& shared = *reinterpret_cast<Memory*>(bytes);
  constexpr int kPanels = Memory::kPanels;
  const Scan& s = p.s;
  const Place at = place(p, kHeads);
  const int group = __shfl_sync(~0U, threadIdx.x / 128, 0);  // of warps
  const Unit u = unit(p, at, group);
  const Lane me;
  using Index = std::conditional_t<kEngine, int, i64>;  // the engine counts steps in 32 bits
  const Index chunks = static_cast<Index>(at.last_chunk - at.first_chunk);
  unsigned char* const h = shared.h[group];

  if (threadIdx.x == 0) {
    const i64 left = p.units_per_group - at.unit;
    for (int i = 0; i < kStages; ++i)
      shared.full[i].init(1),
          shared.empty[i].init(4 * (left < kHeads ? static_cast<unsigned>(left) : kHeads));
    for (int i = 0; i < kHeads; ++i) {
      shared.entered[i].init(4), shared.full_x[i][0].init(1), shared.full_x[i][1].init(1);
      for (Barrier& z : shared.full_z[i]) z.init(1);
    }
    publish();
  }
  __syncthreads();
  const Index begin = static_cast<Index>(at.first_chunk * kChunk);
  const int batch = static_cast<int>(at.batch);
  auto box = [&](int column, i64 second, i64 step) {
    return Corner{{column, static_cast<int>(second), static_cast<int>(step), batch}};
  };
  auto request_x = [&](Index k) {  // of chunk k of this segment; by `issues`
    Barrier& full = shared.full_x[group][k & 1];
    full.expect(kPanel);
    tensor_in(shared.x[group][k & 1], maps.x, box(u.channel, u.head, begin + k * kChunk), full);
    full.arrive();
  };
  auto request_bc = [&](Index k) {
    const int stage = static_cast<int>(k % kStages);
    if (k >= kStages) shared.empty[stage].wait(k / kStages - 1 & 1);
    Barrier& full = shared.full[stage];
    full.expect(kPanels * kPanel * (kOutput ? 2 : 1));
#pragma unroll
    for (int i = 0; i < kPanels; ++i) {
      const Corner corner = box(64 * i, at.group, begin + k * kChunk);
      tensor_in(shared.B[stage] + i * kPanel, maps.B, corner, full);
      if (kOutput) tensor_in(shared.C[stage] + i * kPanel, maps.C, corner, full);
    }
    full.arrive();
  };
  auto load = [&](Index k) {  // the same without the engine, by all; into the first of the stages
    const i64 first = begin + k * kChunk, left = s.length - first;
    const i64 bc = ((at.batch * s.length + first) * s.groups + at.group) * s.states;
    const int states = static_cast<int>(s.states);
    load_rows<kPanels>(shared.B[0], static_cast<const bf16*>(s.B) + bc, s.groups * s.states, left, states,
                       threadIdx.x, kThreads);
    if (kOutput)
      load_rows<kPanels>(shared.C[0], static_cast<const bf16*>(s.C) + bc, s.groups * s.states, left, states,
                         threadIdx.x, kThreads);
    const i64 row = ((at.batch * s.length + first) * s.heads + u.head) * s.width + u.channel;
    if (!u.exists) return;
    load_rows<1>(shared.x[group][0], static_cast<const bf16*>(s.x) + row, s.heads * s.width, left, u.width,
                 threadIdx.x & 127, 128);
    if (kOutput && s.z)
      load_rows<1>(shared.y[group], static_cast<const bf16*>(s.z) + row, s.heads * s.width, left, u.width,
                   threadIdx.x & 127, 128);
  };

  if (kEngine && !u.exists) return;
  // Warp 0 forms the sums and warp 1 tells the copy engine: they have least to mask.
  const bool sums_up = me.warp == 0, issues = me.warp == 1 && me.lane == 0;
  if (kEngine && issues && chunks > 0) {
    if (group == 0) request_bc(0);
    request_x(0);
    if (group == 0 && chunks > 1) request_bc(1);
  }
  __syncwarp();
  Steps steps{static_cast<const bf16*>(s.dt) + at.batch * s.length * s.heads + u.head,
              s.dt_bias ? s.dt_bias[u.head] : 0.0f,
              s.A[u.head] * kLog2e,
              {}};
  float state[kStates / 2];
#pragma unroll
  for (float& v : state) v = 0;
  if (u.exists && kOutput) {
    const float* from = p.segments > 1 ? p.entering + at.segment * states_size(s) : s.initial;
    if (from) each_state<kStates>(state, u, s.states, me, [&](i64 i, float& v) { v = from[i]; });
    store_states<kStates>(shared_address(h), state, me);
    publish();
  }
  if (sums_up && chunks > 0) {
    steps.load(s, begin);
    steps.finish(s, begin, shared.sums[group][0], shared.into[group][0]);
  }
  float decayed = 0;  // log2 of the decay so far
  int stage = 0;
  unsigned phase = 0;
  for (Index k = 0; k < chunks; ++k) {
    const Index first = begin + k * kChunk;
    const int half = static_cast<int>(k & 1), x_half = kEngine ? half : 0;
    const bool more = k + 1 < chunks;
    if constexpr (kEngine) {
      group_barrier(group);  // all have left the chunk before; its states and this chunk's sums are here
    } else {
      __syncthreads();
      load(k);
      publish();
      __syncthreads();
      if (!u.exists) continue;
    }
    if (sums_up && more) steps.load(s, first + kChunk);
    const float2* const sums = shared.sums[group][half];
    const std::uint64_t b = descriptor(shared_address(shared.B[stage])),
                        x_panel = descriptor(shared_address(shared.x[group][x_half]));
    auto prepare = [&] {  // the next chunks
      if (sums_up && more)
        steps.finish(s, first + kChunk, shared.sums[group][half ^ 1], shared.into[group][half ^ 1]);
      if (kEngine && issues) {
        if (more) request_x(k + 1);
        if (group == 0 && k + 2 < chunks) request_bc(k + 2);
      }
      __syncwarp();
    };
    unsigned char* const y_rows = shared.y[group] + me.warp * (kPanel / 4);
    const Corner y_box = box(u.channel, u.head, first + 16 * me.warp);
    if (kEngine) shared.full[stage].wait(phase);
    float y[32];
    if constexpr (kOutput) {
      const std::uint64_t c = descriptor(shared_address(shared.C[stage])), hd = descriptor(shared_address(h));
      float g[32];
      product_fence();
#pragma unroll
      for (int i = 0; i < kStates / 16; ++i) {
        const int step = (i / 4 * kPanel + i % 4 * 32) >> 4;
        product_64(g, c + step, b + step, i > 0);
      }
      product_commit();
#pragma unroll
      for (int i = 0; i < kStates / 16; ++i) {
        const int step = (i / 4 * kPanel + i % 4 * 32) >> 4;
        product_64(y, c + step, hd + step, i > 0);
      }
      product_commit();
      if (kEngine && s.z && me.lane == 0) {
        wait_for_tensor_out();
        Barrier& full = shared.full_z[group][me.warp];
        full.expect(kPanel / 4);
        tensor_in(y_rows, maps.z, y_box, full);
        full.arrive();
      }
      product_wait<1>();
      unsigned m[4][4];
      mask(g, sums, me, m);
      prepare();
      product_wait<0>();
      if (me.lane == 0) shared.entered[group].arrive();
      const float upper = exp2_fast(sums[me.row].x), lower = exp2_fast(sums[me.row + 8].x);
#pragma unroll
      for (int j = 0; j < 32; ++j) y[j] *= j & 2 ? lower : upper;
      if (kEngine) shared.full_x[group][half].wait(k >> 1 & 1);
      product_fence();
#pragma unroll
      for (int i = 0; i < 4; ++i) product_64(y, m[i], x_panel + (i * 2048 >> 4), true);
      product_commit();
    } else {
      prepare();
      if (kEngine) shared.full_x[group][half].wait(k >> 1 & 1);
    }
    unsigned weighed[4][4];
    weigh(shared_address(shared.x[group][x_half]), shared.into[group][half], me, weighed);
    const float last = sums[kChunk - 1].x, end = exp2_fast(last);
    decayed += last;
#pragma unroll
    for (float& v : state) v *= end;
    product_fence();
#pragma unroll
    for (int i = 0; i < 4; ++i) product_states(state, weighed[i], b + (i * 2048 >> 4));
    product_commit();
    if constexpr (kOutput) {
      product_wait<1>();
      if (kEngine) {
        if (s.z) shared.full_z[group][me.warp].wait(half);
        if (me.lane == 0) wait_for_tensor_out();
        __syncwarp();
      }
      const Output out{s, u, me};
      out.finish(y, shared.x[group][x_half], shared.y[group]);
      if constexpr (kEngine) {
        publish();
        __syncwarp();
        if (me.lane == 0) tensor_out(maps.y, y_box, y_rows);
      } else {
        group_barrier(group);
        const i64 row = ((at.batch * s.length + first) * s.heads + u.head) * s.width + u.channel;
        out.store(shared.y[group], static_cast<bf16*>(s.y) + row, s.heads * s.width, s.length - first);
      }
    }
    product_wait<0>();
    if constexpr (kEngine) {
      if (me.lane == 0) shared.empty[stage].arrive();
      if (++stage == kStages) stage = 0, phase ^= 1;
    }
    if constexpr (kOutput) {
      shared.entered[group].wait(half);
      store_states<kStates>(shared_address(h), state, me);
      publish();
    }
  }
  if (!u.exists) return;
  if (kEngine && kOutput && me.lane == 0) wait_for_tensor_out();
  float* to =
      !kOutput ? p.entering + at.segment * states_size(s) : (at.last_chunk == p.chunks ? s.final : nullptr);
  if (to) each_state<kStates>(state, u, s.states, me, [&](i64 i, float& v) { to[i] = v; });
  if (!kOutput && threadIdx.x % 128 == 0 && u.channel == 0)
    p.logs[(at.segment * s.batch + at.batch) * s.heads + u.head] = decayed;
}

bool describe_all(const Scan& s, Maps& maps) {
  const i64 row = s.heads * s.width, bc = s.groups * s.states;
  const TensorShape wide{
      {s.width, s.heads, s.length, s.batch}, {s.width, row, s.length * row}, {64, 1, 64, 1}},
      narrow{{s.states, s.groups, s.length, s.batch}, {s.states, bc, s.length * bc}, {64, 1, 64, 1}};
  TensorShape rows = wide;
  rows.box[2] = 16;
  auto describe = [](CUtensorMap& map, const void* data, const TensorShape& t) {
    return is_tensor<bf16>(data, t) && describe_tensor<bf16>(map, data, t, CU_TENSOR_MAP_SWIZZLE_128B);
  };
  return describe(maps.x, s.x, wide) && describe(maps.z, s.z ? s.z : s.x, rows) &&
         describe(maps.y, s.y, rows) && describe(maps.B, s.B, narrow) && describe(maps.C, s.C, narrow);
}

template <int kStates, bool kOutput, bool kEngine>
Status launch(const Problem& p, const Maps& maps, cudaStream_t stream) {
  auto* kernel = chunk_kernel<kStates, kOutput, kEngine>;
  constexpr int shared = sizeof(Shared<kStates>);
  static_assert(shared <= kSharedLimit);
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const i64 blocks = p.s.batch * p.s.groups * p.blocks_per_group * (kOutput ? p.segments : p.segments - 1);
  if (blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(blocks), kThreads, shared, stream>>>(p, maps);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}
template <int kStates, bool kOutput>
Status launch(const Problem& p, cudaStream_t stream) {
  Maps maps{};
  if (describe_all(p.s, maps)) return launch<kStates, kOutput, true>(p, maps, stream);
  return launch<kStates, kOutput, false>(p, maps, stream);
}

}  // namespace

int bf16_units() { return kHeads; }

Status launch_bf16(const Problem& p, bool output, cudaStream_t stream) {
  if (p.s.states <= 64) return output ? launch<64, true>(p, stream) : launch<64, false>(p, stream);
  return output ? launch<128, true>(p, stream) : launch<128, false>(p, stream);
}

}  // namespace exactscan::cuda::ssd
