// SSD for float32 on tensor cores: every operand is split into two tf32 parts, a = hi + lo, and hi hi + hi lo
// + lo hi is summed in float32. A block has kUnits units of four warps each: a warp has the states of 16 of
// its unit's channels in registers, where they are both the sums of one product and the right operand of
// another. Chunks of 32 steps, whose B and C the units share, in parts:
//
//   G = C B^T by all warps,   M[i,j] = G[i,j] exp2(L_i - L_j) d_j for j <= i by a unit's, through shared
//   memory y = exp2(L_i) C S^T + M x,   S = exp2(L_last) S + (d_j exp2(L_last - L_j) x_j)^T B
#include "cuda/ssd/fp32_chunk.cuh"

namespace exactscan::cuda::ssd {
namespace {

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
  Work<kStates> work{shared, which, static_cast<int>(threadIdx.x / 32 & 3), lane, lane / 4, lane & 3, {}};
  const i64 x_stride = s.heads * s.width, bc_stride = s.groups * s.states, begin = at.first_chunk * kChunk;
  const i64 bc = ((at.batch * s.length + begin) * s.groups + at.group) * s.states;
  Rows<kStates, Memory::kPitch, kThreads> rows_B(static_cast<const float*>(s.B) + bc, bc_stride, s.states,
                                                 p.wide_bc, threadIdx.x),
      rows_C(static_cast<const float*>(s.C) + bc, bc_stride, s.states, p.wide_bc, threadIdx.x);
  Rows<kWidth, kPitchX, 128> rows_x(static_cast<const float*>(s.x) +
                                        ((at.batch * s.length + begin) * s.heads + u.head) * s.width +
                                        u.channel,
                                    x_stride, u.width, p.wide_x, threadIdx.x & 127);
  auto request = [&](i64 chunk, int half) {
    const i64 left = s.length - chunk * kChunk;
    rows_B.load(shared.B, left);
    if (kOutput) rows_C.load(shared.C, left);
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
    if (sums_up) steps.load(s, first + kChunk);
    const float* const x = shared.x[which][half];
    float y[2][2][4] = {};
    if constexpr (kOutput) {
      work.multiply_bc();
      if (u.exists) work.entering(y);
      __syncthreads();  // G is complete
    }
    if (c + 1 < at.last_chunk) request(c + 1, half ^ 1);
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
