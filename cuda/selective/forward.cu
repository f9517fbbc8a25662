// The forward selective scan. A block of 128 threads holds 64 channels of one group and walks along time in
// tiles of 64 bytes a row. Four lanes (a quad) share two channels; each holds the states n = 4 s + q of both,
// so that a word of B or C serves two channels. Each lane computes softplus, the gate and the output of one
// channel's pair of steps out of every four; dt and dt*u go to the quad through shared memory.
//
// A lane with odd q holds its two channels in exchanged order: then the first of the two exchanges that add
// up a quad's partial outputs needs no selection.
#include "cuda/selective/tile.cuh"

namespace exactscan::cuda::selective {
namespace {

template <class T, int kStates>
struct Shared {
  alignas(16) unsigned char rows[2][3][kChannels * kRow];   // u (then y), delta, z
  alignas(16) float bc[3][2][kSteps<T> * kWidth<kStates>];  // B, C: [step][q][s]
  alignas(16) float2 steps[kWarps][kBlock * kStepWidth];    // dt, dt*u: [step][quad][channel], 4 for padding
  std::uint64_t ready[3];                                   // that all threads have filled a bc
};

template <class T, int kStates, bool kGate>
__global__ void __launch_bounds__(kThreads, kStates > 4      ? 2
                                            : sizeof(T) == 4 ? 5
                                                             : 4)
    scan_kernel(const __grid_constant__ Problem p) {
  extern __shared__ __align__(128) unsigned char bytes[];
  auto& shared = *reinterpret_cast<Shared<T, kStates>*>(bytes);
  const Scan& s = p.s;
  const Place at = place(p);
  const int warp = threadIdx.x / 32, lane = threadIdx.x & 31, q = lane & 3, quad = lane >> 2;
  const int left_rows = at.count - warp * kWarpChannels,
            rows = left_rows < 0 ? 0 : (left_rows < kWarpChannels ? left_rows : kWarpChannels);
  const i64 channel = at.first + warp * kWarpChannels;  // the warp's first
  const i64 first_row = at.batch * s.channels + channel;

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

  Rows<T> mover(first_row, rows, s.length, 0);
  const bool movable = p.rows_movable && warp * kWarpChannels < at.count;  // then the warp has all its rows
  const int warp_rows = warp * kWarpChannels * kRow;
  auto request = [&](i64 first, int stage, int bytes) {  // bytes: from the current tile
    const i64 left = s.length - first;
    unsigned char(*tile)[kChannels * kRow] = shared.rows[stage];
    if (movable && left >= kSteps<T>) {
      mover.request(tile[0] + warp_rows, s.u, bytes);
      mover.request(tile[1] + warp_rows, s.delta, bytes);
      if constexpr (kGate) mover.request(tile[2] + warp_rows, s.z, bytes);
    } else if (left > 0) {
      const i64 base = first_row * s.length + first;
      mover.request_some(tile[0] + warp_rows, static_cast<const T*>(s.u), base, left);
      mover.request_some(tile[1] + warp_rows, static_cast<const T*>(s.delta), base, left);
      if constexpr (kGate) mover.request_some(tile[2] + warp_rows, static_cast<const T*>(s.z), base, left);
    }
    copy_commit();
  };
  const i64 group = (at.batch * s.groups + at.group) * s.states * s.length;
  Projections<T, kStates> projections(s, static_cast<const T*>(s.B) + group,
                                      static_cast<const T*>(s.C) + group);
  projections.load(s.length, p.bc_aligned && s.length >= kSteps<T>);
  if (threadIdx.x < 3) barrier_init(&shared.ready[threadIdx.x], kThreads);
  __syncthreads();
  projections.spread(shared.bc[0][0]);
  barrier_arrive(&shared.ready[0]);
  projections.load(s.length - kSteps<T>, p.bc_aligned && s.length >= 2 * kSteps<T>);
  request(0, 0, 0);
  int stage = 0, turn = 0;
  unsigned parity = 0;
  float2* const steps = shared.steps[warp] + quad * 2;
  // Chunk c of the lane's own row lies at own_row + (own_chunk ^ 16 c).
  const int own_row = warp_rows + own * kRow, own_chunk = (own >> 1 & 3) << 4;
  constexpr int kCount = 16 / sizeof(T);
  for (i64 first = 0; first < s.length; first += kSteps<T>, stage ^= 1) {
    const i64 rest = s.length - first;
    request(first + kSteps<T>, stage ^ 1, kRow);
    if (sizeof(T) == 4 && kStates == 4 &&
        s.checkpoints) {  // two chunks of 16 bytes a thread and tile, coalesced
      const i64 tile =
          static_cast<i64>(blockIdx.x) * ((s.length + kSteps<T> - 1) / kSteps<T>)+first / kSteps<T>;
      float4* to = reinterpret_cast<float4*>(s.checkpoints) + tile * 2 * kThreads + threadIdx.x;
      __stcs(to, float4{h[0][0], h[0][1], h[0][2], h[0][3]});
      __stcs(to + kThreads, float4{h[1][0], h[1][1], h[1][2], h[1][3]});
    }
    copy_wait<1>();
    __syncwarp();
    // B and C of this tile were spread one tile ago. All threads have left the tile before that, whose place
    // the next tile's B and C take.
    const float* const bc_tile = shared.bc[turn][0] + q * kStates;
    barrier_wait(&shared.ready[turn], parity);
    if (++turn == 3) turn = 0, parity ^= 1;
    projections.spread(shared.bc[turn][0]);
    barrier_arrive(&shared.ready[turn]);
    projections.load(rest - 2 * kSteps<T>, p.bc_aligned && rest >= 3 * kSteps<T>);
    unsigned char* const own_rows = shared.rows[stage][0] + own_row;
    auto pair = [&](int tensor, int t) {  // steps t, t + 1 of the lane's own row
      return reinterpret_cast<T*>(own_rows + tensor * kChannels * kRow + (own_chunk ^ (t / kCount << 4))) +
             t % kCount;
    };
#pragma unroll 1
    for (int block = 0; block < kSteps<T>; block += kBlock) {
      const int left = rest - block < kBlock ? static_cast<int>(rest - block) : kBlock;
      auto spread_steps = [&](auto rule) {  // rule: what becomes of delta + bias
#pragma unroll
        for (int k = 0; k < kBlock; k += 4) {
          const int t = k + (q & 2);
          const float2 d = read_pair(pair(1, block + k) + (q & 2)),
                       v = read_pair(pair(0, block + k) + (q & 2));
          const float2 dt{rule(d.x + bias), rule(d.y + bias)};
          steps[t * kStepWidth + (q & 1)] = {dt.x, dt.x * v.x};
          steps[(t + 1) * kStepWidth + (q & 1)] = {dt.y, dt.y * v.y};
        }
      };
      if (!s.softplus)
        spread_steps([](float x) { return x; });
      else if (p.threshold)
        spread_steps([&](float x) { return softplus(x, s.threshold); });
      else
        spread_steps([](float x) { return softplus(x); });
      if (left < kBlock)  // these steps leave the state as it is
        for (int t = q & 2; t < kBlock; t += (t & 1) ? 3 : 1)
          if (t >= left) steps[t * kStepWidth + (q & 1)] = {0, 0};
      __syncwarp();
      const float* const bc = bc_tile + block * kWidth<kStates>;
#pragma unroll(kStates == 4 ? 4 : 2)
      for (int k = 0; k < kBlock; k += 4) {
        float sums[4];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const float2 first_step = steps[(k + j) * kStepWidth + (q & 1)],
                       second_step = steps[(k + j) * kStepWidth + (q & 1 ^ 1)];
          const float4* b4 = reinterpret_cast<const float4*>(bc + (k + j) * kWidth<kStates>);
          const float4* c4 = reinterpret_cast<const float4*>(bc + (kSteps<T> + k + j) * kWidth<kStates>);
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
        T* const at_u = pair(0, block + k) + (q & 2);
        const float2 v = read_pair(at_u);
        y = {fmaf(skip, v.x, y.x), fmaf(skip, v.y, y.y)};
        if constexpr (kGate) {
          const float2 g = read_pair(pair(2, block + k) + (q & 2));
          y = {y.x * (g.x * sigmoid(g.x)), y.y * (g.y * sigmoid(g.y))};
        }
        write_pair(at_u, y);
      }
      __syncwarp();
    }
    unsigned char* const tile = shared.rows[stage][0] + warp_rows;
    if (movable && rest >= kSteps<T>)
      mover.store(tile, s.y);
    else
      mover.store_some(tile, static_cast<T*>(s.y) + first_row * s.length + first, rest);
    mover.at += kRow;
    __syncwarp();  // the rows are read before they are requested again
  }
  copy_wait<0>();
  __syncthreads();
  if (threadIdx.x < 3) barrier_invalidate(&shared.ready[threadIdx.x]);
  if (!s.last) return;
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int k = 0; k < kStates; ++k)
      if (exists[c] && 4 * k + q < s.states)
        s.last[(at.batch * s.channels + channel + (own ^ c)) * s.states + 4 * k + q] = h[c][k];
}

template <class T, int kStates, bool kGate>
Status launch(const Problem& p, cudaStream_t stream) {
  auto* kernel = scan_kernel<T, kStates, kGate>;
  constexpr int shared = sizeof(Shared<T, kStates>);
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const i64 blocks = p.s.batch * p.s.groups * p.blocks_per_group;
  if (blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(blocks), kThreads, shared, stream>>>(p);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}
template <class T, int kStates>
Status launch_gate(const Problem& p, cudaStream_t stream) {
  return p.s.z ? launch<T, kStates, true>(p, stream) : launch<T, kStates, false>(p, stream);
}
template <class T>
Status launch_states(const Problem& p, cudaStream_t stream) {
  if (p.s.states <= 16) return launch_gate<T, 4>(p, stream);
  if (p.s.states <= 32) return launch_gate<T, 8>(p, stream);
  return p.s.states <= 64 ? launch_gate<T, 16>(p, stream) : Status::unsupported;
}

}  // namespace

std::size_t checkpoint_bytes(const Scan& s) {
  if (s.batch <= 0 || s.channels <= 0 || s.groups <= 0) return 0;
  const i64 blocks = s.batch * s.groups * ((s.channels / s.groups + kChannels - 1) / kChannels);
  return static_cast<std::size_t>(blocks * ((s.length + kBlock - 1) / kBlock)) * kThreads * 8 * sizeof(float);
}

Status scan(const Scan& s, cudaStream_t stream) {
  if (s.batch < 0 || s.channels < 0 || s.states < 0 || s.length < 0 || s.groups < 1 ||
      s.channels % s.groups != 0)
    return Status::bad_argument;
  if (s.checkpoints && (s.type != Storage::f32 || s.states > 16)) return Status::unsupported;
  if (s.batch == 0 || s.channels == 0) return Status::ok;
  if (!s.A || (s.length > 0 && (!s.u || !s.delta || !s.B || !s.C || !s.y))) return Status::bad_argument;
  const i64 size = s.type == Storage::f32 ? 4 : 2;
  Problem p{s, s.channels / s.groups, 0, false, false, !(s.threshold >= 17)};
  p.blocks_per_group = (p.per_group + kChannels - 1) / kChannels;
  const bool rows = s.length * size % 16 == 0;
  p.rows_movable = rows && p.per_group % kWarpChannels == 0 && aligned(s.u) && aligned(s.delta) &&
                   aligned(s.z) && aligned(s.y);
  p.bc_aligned = rows && aligned(s.B) && aligned(s.C);
  return s.type == Storage::f32 ? launch_states<float>(p, stream) : launch_states<bf16>(p, stream);
}

}  // namespace exactscan::cuda::selective
