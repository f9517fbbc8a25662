// SSD for bfloat16: a block of kHeads warpgroups, each with the states of one unit in registers, walks along
// time in chunks of 64 steps. B and C of a chunk are shared by the units. Per chunk and unit:
//
//   G = C B^T, masked and scaled to M[i,j] = G[i,j] exp2(L_i - L_j) d_j for j <= i
//   y = exp2(L_i) C S^T + M x,   S = exp2(L_last) S + (d_j exp2(L_last - L_j) x_j)^T B
//
// with L the cumulative sum of d A log2(e). The states go to shared memory as bfloat16 for the next chunk's
// product with C.
#include "cuda/ssd/bf16_chunk.cuh"

namespace exactscan::cuda::ssd {
namespace {

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
  const TensorShape wide{{s.width, s.heads, s.length, s.batch},
                         {s.width, row, s.length * row},
                         {64, 1, 64, 1},
                         Permutation::lines_of_128_bytes},
      narrow{{s.states, s.groups, s.length, s.batch},
             {s.states, bc, s.length * bc},
             {64, 1, 64, 1},
             Permutation::lines_of_128_bytes};
  TensorShape rows = wide;
  rows.box[2] = 16;
  auto describe = [](CUtensorMap& map, const void* data, const TensorShape& t) {
    return is_tensor<bf16>(data, t) && describe_tensor<bf16>(map, data, t);
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
