// The adjoint of the selective scan, float32, at most 16 states. Blocks, lanes and tiles as in the forward
// kernel, from the end of time to its start; the states of a tile are recomputed from the checkpoint before
// it.
//
// What is carried is mu[t] = a[t] lambda[t]: lambda[t] = C[t] gy[t] + mu[t+1]. With w[t] = a[t] h[t-1], which
// is kept from the recomputation for 8 steps at a time, h[t] = w[t] + dt u B[t], and no product is ever
// recovered.
//
// dB and dC are sums over channels: over a warp by exchanges that halve what a lane holds, over a block
// through shared memory, over blocks by a second kernel. Everything is added in a fixed order.
#include "cuda/selective/tile.cuh"

namespace exactscan::cuda::selective {
namespace {

constexpr int kStates = 4, kTile = 16, kHalf = 8;
constexpr int kSums = 33;       // words between the steps of the block's sums
constexpr int kWords = 4 * 18;  // words between steps: 16 float4 and 2 for padding

enum Row { kU, kDelta, kZ, kDy };

struct Shared {
  alignas(16) unsigned char rows[2][4][kChannels * kRow];  // u, delta, z, dy; then du, ddelta, dz
  alignas(16) float bc[2][2][kTile * kWidth<kStates>];
  alignas(16) float steps[kWarps][kTile * kWords];  // dt, dt*u, gy: [step][quad][channel]
  float sums[kWarps][kTile * kSums];                // of dB and dC: [step][B, C][state]
};

struct Work {
  Problem p;
  ScanBackward g;
  float *sums, *dA, *dD, *dbias;  // of each block; of each batch entry
  i64 tiles;
};

// Values of 8 steps' worth of a lane: two channels, four states.
using Lane = float[2][kStates];

__device__ inline void load_lane(const float4* from, Lane& h) {
  const float4 a = from[0], b = from[kThreads];
  h[0][0] = a.x, h[0][1] = a.y, h[0][2] = a.z, h[0][3] = a.w;
  h[1][0] = b.x, h[1][1] = b.y, h[1][2] = b.z, h[1][3] = b.w;
}
__device__ inline void load4(const float* from, float (&to)[kStates]) {
  const float4 v = *reinterpret_cast<const float4*>(from);
  to[0] = v.x, to[1] = v.y, to[2] = v.z, to[3] = v.w;
}

// Sums of eight values over the lanes with the same q: lane l receives value l/16 (B or C), state 4 s + q = l
// % 16.
__device__ inline float sum_over_quads(const float (&b)[kStates], const float (&c)[kStates], int lane) {
  float v[4], w[2];
  const bool x = lane & 16, y = lane & 8, z = lane & 4;
#pragma unroll
  for (int s = 0; s < 4; ++s) v[s] = (x ? c[s] : b[s]) + __shfl_xor_sync(~0U, x ? b[s] : c[s], 16);
#pragma unroll
  for (int s = 0; s < 2; ++s) w[s] = (y ? v[s + 2] : v[s]) + __shfl_xor_sync(~0U, y ? v[s] : v[s + 2], 8);
  return (z ? w[1] : w[0]) + __shfl_xor_sync(~0U, z ? w[0] : w[1], 4);
}

// Adds up a quad's partial sums of four steps; the lane receives those of its own pair of steps.
__device__ inline float2 finish_pair(const float (&sums)[4], bool upper) {
  const float a = __shfl_xor_sync(~0U, upper ? sums[0] : sums[2], 2),
              b = __shfl_xor_sync(~0U, upper ? sums[1] : sums[3], 2);
  return {(upper ? sums[2] : sums[0]) + a, (upper ? sums[3] : sums[1]) + b};
}

template <bool kGate>
__global__ void __launch_bounds__(kThreads, 3) adjoint_kernel(const __grid_constant__ Work w) {
  extern __shared__ __align__(128) unsigned char bytes[];
  Shared& shared = *reinterpret_cast<Shared*>(bytes);
  const Scan& s = w.p.s;
  const Place at = place(w.p);
  const int warp = threadIdx.x / 32, lane = threadIdx.x & 31, q = lane & 3, quad = lane >> 2;
  const int left_rows = at.count - warp * kWarpChannels,
            rows = left_rows < 0 ? 0 : (left_rows < kWarpChannels ? left_rows : kWarpChannels);
  const i64 channel = at.first + warp * kWarpChannels, first_row = at.batch * s.channels + channel;
  const int own = 2 * quad + (q & 1);  // local channel 0
  const bool exists[2] = {own < rows, (own ^ 1) < rows}, upper = q & 2;
  auto state_index = [&](int c, int k) { return (first_row + (own ^ c)) * s.states + 4 * k + q; };

  Lane rate, mu, da{};
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int k = 0; k < kStates; ++k) {
      const bool live = exists[c] && 4 * k + q < s.states;
      rate[c][k] = live ? s.A[(channel + (own ^ c)) * s.states + 4 * k + q] * kLog2e : 0.0f;
      mu[c][k] = live && w.g.d_last ? w.g.d_last[state_index(c, k)] : 0.0f;
    }
  const float skip = exists[0] && s.D ? s.D[channel + own] : 0.0f;
  const float bias = exists[0] && s.delta_bias ? s.delta_bias[channel + own] : 0.0f;
  float sum_dD = 0, sum_dbias = 0;

  Rows<float> mover(first_row, rows, s.length, (w.tiles - 1) * kTile);
  const bool movable = w.p.rows_movable && warp * kWarpChannels < at.count;
  const int warp_rows = warp * kWarpChannels * kRow;
  const void* tensors[4] = {s.u, s.delta, s.z, w.g.dy};
  auto request = [&](i64 first, int stage, int bytes) {  // bytes: from the current tile
    const i64 left = s.length - first;
#pragma unroll
    for (int r = 0; r < 4; ++r) {
      if (r == kZ && !kGate) continue;
      unsigned char* tile = shared.rows[stage][r] + warp_rows;
      if (first >= 0 && movable && left >= kTile)
        mover.request(tile, tensors[r], bytes);
      else if (first >= 0)
        mover.request_some(tile, static_cast<const float*>(tensors[r]), first_row * s.length + first, left);
    }
    copy_commit();
  };
  const i64 group = (at.batch * s.groups + at.group) * s.states * s.length;
  Projections<float, kStates> projections(s, static_cast<const float*>(s.B) + group,
                                          static_cast<const float*>(s.C) + group);
  const float* projection_start = projections.from[0];
  auto load_projections = [&](i64 first) {
    if (first < 0) return;
    projections.from[0] = projection_start + first;
    projections.load(s.length - first, w.p.bc_aligned && s.length - first >= kTile);
  };
  load_projections((w.tiles - 1) * kTile);
  request((w.tiles - 1) * kTile, 0, 0);
  int stage = 0;
  float* const steps = shared.steps[warp];
  const int own_row = warp_rows + own * kRow, own_chunk = (own >> 1 & 3) << 4;

  for (i64 tile = w.tiles - 1; tile >= 0; --tile, stage ^= 1) {
    const i64 first = tile * kTile, rest = s.length - first;
    projections.spread(shared.bc[stage][0]);
    load_projections(first - kTile);
    request(first - kTile, stage ^ 1, -kRow);
    const float4* checkpoint = reinterpret_cast<const float4*>(s.checkpoints) +
                               (blockIdx.x * w.tiles + tile) * 2 * kThreads + threadIdx.x;
    Lane start;
    load_lane(checkpoint, start);
    copy_wait<1>();
    __syncthreads();
    auto pair = [&](int tensor, int t) {  // steps t + (q & 2) and the next of the lane's own row
      return reinterpret_cast<float*>(shared.rows[stage][tensor] + own_row + (own_chunk ^ (t << 2))) +
             (q & 2);
    };
    auto spread_steps = [&](auto rule) {  // rule: what becomes of delta + bias
#pragma unroll
      for (int k = 0; k < kTile; k += 4) {
        const float2 x = read_pair(pair(kDelta, k)), u = read_pair(pair(kU, k));
        float2 gy = read_pair(pair(kDy, k)), dt{rule(x.x + bias), rule(x.y + bias)};
        if constexpr (kGate) {
          const float2 z = read_pair(pair(kZ, k));
          gy = {gy.x * (z.x * sigmoid(z.x)), gy.y * (z.y * sigmoid(z.y))};
        }
        const int t = k + (q & 2);
        if (rest < kTile) {  // the steps beyond the end change nothing
          if (t >= rest) dt.x = gy.x = 0;
          if (t + 1 >= rest) dt.y = gy.y = 0;
        }
        float4* to = reinterpret_cast<float4*>(steps + t * kWords) + quad * 2 + (q & 1);
        to[0] = {dt.x, dt.x * u.x, gy.x, 0};
        to[kWords / 4] = {dt.y, dt.y * u.y, gy.y, 0};
      }
    };
    if (!s.softplus)
      spread_steps([](float x) { return x; });
    else if (w.p.threshold)
      spread_steps([&](float x) { return softplus(x, s.threshold); });
    else
      spread_steps([](float x) { return softplus(x); });
    __syncwarp();
    auto step_of = [&](int t, int c) {
      return reinterpret_cast<const float4*>(steps + t * kWords)[quad * 2 + (q & 1 ^ c)];
    };
    const float* const b_of = shared.bc[stage][0] + q * kStates;
    const float* const c_of = shared.bc[stage][1] + q * kStates;

#pragma unroll 1
    for (int half = kTile - kHalf; half >= 0; half -= kHalf) {
      Lane h;
#pragma unroll
      for (int c = 0; c < 2; ++c)
#pragma unroll
        for (int k = 0; k < kStates; ++k) h[c][k] = start[c][k];
#pragma unroll
      for (int t = 0; t < kTile - kHalf; ++t) {
        if (half == 0) break;
        float b[kStates];
        load4(b_of + t * kWidth<kStates>, b);
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const float2 d =
              *reinterpret_cast<const float2*>(steps + t * kWords + (quad * 2 + (q & 1 ^ c)) * 4);
#pragma unroll
          for (int k = 0; k < kStates; ++k) h[c][k] = fmaf(exp2_fast(d.x * rate[c][k]), h[c][k], d.y * b[k]);
        }
      }
      float kept[kHalf][2][kStates];  // a h of every step
#pragma unroll
      for (int j = 0; j < kHalf; ++j) {
        float b[kStates];
        load4(b_of + (half + j) * kWidth<kStates>, b);
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          const float2 d =
              *reinterpret_cast<const float2*>(steps + (half + j) * kWords + (quad * 2 + (q & 1 ^ c)) * 4);
#pragma unroll
          for (int k = 0; k < kStates; ++k) {
            kept[j][c][k] = exp2_fast(d.x * rate[c][k]) * h[c][k];
            h[c][k] = fmaf(d.y, b[k], kept[j][c][k]);
          }
        }
      }
#pragma unroll
      for (int four = kHalf - 4; four >= 0; four -= 4) {
        float by_b[4], by_w[4], y[4];  // sums of lambda B, lambda A w, C h over states, for the own channel
#pragma unroll
        for (int i = 3; i >= 0; --i) {
          const int j = four + i, t = half + j;
          float b[kStates], c4[kStates], db[kStates]{}, dc[kStates]{}, lb[2]{}, lw[2]{}, ch[2]{};
          load4(b_of + t * kWidth<kStates>, b);
          load4(c_of + t * kWidth<kStates>, c4);
#pragma unroll
          for (int c = 0; c < 2; ++c) {
            const float4 d = step_of(t, c);
#pragma unroll
            for (int k = 0; k < kStates; ++k) {
              const float ah = kept[j][c][k], state = fmaf(d.y, b[k], ah),
                          lambda = fmaf(c4[k], d.z, mu[c][k]);
              dc[k] = fmaf(d.z, state, dc[k]);
              db[k] = fmaf(lambda, d.y, db[k]);
              lb[c] = fmaf(lambda, b[k], lb[c]);
              const float product = lambda * ah;
              lw[c] = fmaf(product, rate[c][k], lw[c]);
              da[c][k] = fmaf(d.x, product, da[c][k]);
              if constexpr (kGate) ch[c] = fmaf(c4[k], state, ch[c]);
              mu[c][k] = exp2_fast(d.x * rate[c][k]) * lambda;
            }
          }
          shared.sums[warp][t * kSums + lane] = sum_over_quads(db, dc, lane);
          by_b[i] = lb[0] + __shfl_xor_sync(~0U, lb[1], 1);
          by_w[i] = lw[0] + __shfl_xor_sync(~0U, lw[1], 1);
          if constexpr (kGate) y[i] = ch[0] + __shfl_xor_sync(~0U, ch[1], 1);
        }
        const int k = half + four;
        const float2 sb = finish_pair(by_b, upper), sw = finish_pair(by_w, upper);
        const float4 d0 = step_of(k + (q & 2), 0), d1 = step_of(k + (q & 2) + 1, 0);
        const float2 u = read_pair(pair(kU, k)), x = read_pair(pair(kDelta, k));
        if constexpr (kGate) {
          const float2 sy = finish_pair(y, upper), z = read_pair(pair(kZ, k)), dy = read_pair(pair(kDy, k));
          const float2 g{sigmoid(z.x), sigmoid(z.y)};
          write_pair(pair(kZ, k), {dy.x * fmaf(skip, u.x, sy.x) * g.x * fmaf(z.x, 1 - g.x, 1),
                                   dy.y * fmaf(skip, u.y, sy.y) * g.y * fmaf(z.y, 1 - g.y, 1)});
        }
        constexpr float kLn2 = 0x1.62e43p-1f;
        float2 dd{fmaf(u.x, sb.x, kLn2 * sw.x), fmaf(u.y, sb.y, kLn2 * sw.y)};
        const float2 v{x.x + bias, x.y + bias};
        if (s.softplus) {
          if (!(v.x > s.threshold)) dd.x *= sigmoid(v.x);
          if (!(v.y > s.threshold)) dd.y *= sigmoid(v.y);
        }
        write_pair(pair(kU, k), {fmaf(skip, d0.z, d0.x * sb.x), fmaf(skip, d1.z, d1.x * sb.y)});
        write_pair(pair(kDelta, k), dd);
        const int t = k + (q & 2);
        if (t < rest) sum_dbias += dd.x, sum_dD = fmaf(d0.z, u.x, sum_dD);
        if (t + 1 < rest) sum_dbias += dd.y, sum_dD = fmaf(d1.z, u.y, sum_dD);
      }
    }
    __syncthreads();  // the sums of all warps; also orders the rows
    {
      const int row = threadIdx.x >> 2, t = (threadIdx.x & 3) * 4;
      float total[4]{};
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int k = 0; k < kWarps; ++k) total[i] += shared.sums[k][(t + i) * kSums + row];
      __stcs(reinterpret_cast<float4*>(
                 w.sums + (static_cast<i64>(blockIdx.x) * 32 + row) * (w.tiles * kTile) + first + t),
             float4{total[0], total[1], total[2], total[3]});
    }
    float* const outputs[3] = {w.g.du, w.g.ddelta, w.g.dz};
#pragma unroll
    for (int r = 0; r < (kGate ? 3 : 2); ++r) {
      unsigned char* from = shared.rows[stage][r] + warp_rows;
      if (movable && rest >= kTile)
        mover.store(from, outputs[r]);
      else
        mover.store_some(from, outputs[r] + first_row * s.length + first, rest);
    }
    mover.at -= kRow;
    __syncwarp();
  }
  copy_wait<0>();
#pragma unroll
  for (int c = 0; c < 2; ++c)
#pragma unroll
    for (int k = 0; k < kStates; ++k) {
      if (!exists[c] || 4 * k + q >= s.states) continue;
      if (w.dA) w.dA[state_index(c, k)] = da[c][k];
      if (w.g.d_initial) w.g.d_initial[state_index(c, k)] = mu[c][k];
    }
  sum_dD += __shfl_xor_sync(~0U, sum_dD, 2);
  sum_dbias += __shfl_xor_sync(~0U, sum_dbias, 2);
  if (!exists[0] || upper) return;
  if (w.dD) w.dD[first_row + own] = sum_dD;
  if (w.dbias) w.dbias[first_row + own] = sum_dbias;
}

// to[i] = sum over n of from[n, i], in order.
__global__ void add_batches(const float* from, i64 batch, i64 count, float* to) {
  const i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= count) return;
  float sum = 0;
  for (i64 n = 0; n < batch; ++n) sum += from[n * count + i];
  to[i] = sum;
}
// dB and dC: one thread a (batch, group, B or C, state, step), over the group's blocks.
__global__ void add_blocks(const float* sums, i64 blocks_per_group, i64 states, i64 length, i64 padded,
                           i64 total, float* dB, float* dC) {
  const i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= total) return;
  const i64 t = i % length, n = i / length % states, c = i / length / states % 2,
            group = i / length / states / 2;
  float* to = c ? dC : dB;
  if (!to) return;
  const float* from = sums + (group * blocks_per_group * 32 + c * 16 + n) * padded + t;
  float sum = 0;
  for (i64 k = 0; k < blocks_per_group; ++k) sum += from[k * 32 * padded];
  to[(group * states + n) * length + t] = sum;
}

struct Layout {
  i64 blocks, padded, sums, dA, dD, total;  // offsets in floats
};
Layout layout(const Scan& s) {
  Layout r;
  r.blocks = s.batch * s.groups * ((s.channels / s.groups + kChannels - 1) / kChannels);
  r.padded = (s.length + kTile - 1) / kTile * kTile;
  r.sums = 0;
  r.dA = r.blocks * 32 * r.padded;
  r.dD = r.dA + s.batch * s.channels * s.states;
  r.total = r.dD + 2 * s.batch * s.channels;
  return r;
}
unsigned grid(i64 n) { return static_cast<unsigned>((n + 127) / 128); }

}  // namespace

std::size_t scratch_bytes(const ScanBackward& g) {
  const Scan& s = g.forward;
  return s.batch <= 0 || s.channels <= 0 || s.groups <= 0
             ? 0
             : static_cast<std::size_t>(layout(s).total) * sizeof(float);
}

Status scan_backward(const ScanBackward& g, void* scratch, std::size_t bytes, cudaStream_t stream) {
  const Scan& s = g.forward;
  if (s.batch < 1 || s.channels < 1 || s.states < 1 || s.length < 0 || s.groups < 1 ||
      s.channels % s.groups != 0)
    return Status::bad_argument;
  if (s.type != Storage::f32 || s.states > 16) return Status::unsupported;
  if (!s.A || (s.length > 0 && (!s.u || !s.delta || !s.B || !s.C || !s.checkpoints || !g.dy || !g.du ||
                                !g.ddelta || (s.z && !g.dz))))
    return Status::bad_argument;
  if (!scratch || bytes < scratch_bytes(g)) return Status::scratch_too_small;
  const Layout l = layout(s);
  float* base = static_cast<float*>(scratch);
  Work w{{s, s.channels / s.groups, 0, false, false, !(s.threshold >= 17)},
         g,
         base,
         base + l.dA,
         base + l.dD,
         base + l.dD + s.batch * s.channels,
         l.padded / kTile};
  w.p.blocks_per_group = (w.p.per_group + kChannels - 1) / kChannels;
  const bool rows = s.length % 4 == 0;
  w.p.rows_movable = rows && w.p.per_group % kWarpChannels == 0 && aligned(s.u) && aligned(s.delta) &&
                     aligned(s.z) && aligned(g.dy) && aligned(g.du) && aligned(g.ddelta) && aligned(g.dz);
  w.p.bc_aligned = rows && aligned(s.B) && aligned(s.C);
  auto* kernel = s.z ? adjoint_kernel<true> : adjoint_kernel<false>;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, sizeof(Shared)) !=
      cudaSuccess)
    return Status::unsupported;
  if (l.blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(l.blocks), kThreads, sizeof(Shared), stream>>>(w);
  const i64 dA_count = s.channels * s.states;
  if (g.dA) add_batches<<<grid(dA_count), 128, 0, stream>>>(w.dA, s.batch, dA_count, g.dA);
  if (g.dD) add_batches<<<grid(s.channels), 128, 0, stream>>>(w.dD, s.batch, s.channels, g.dD);
  if (g.ddelta_bias)
    add_batches<<<grid(s.channels), 128, 0, stream>>>(w.dbias, s.batch, s.channels, g.ddelta_bias);
  const i64 sums = s.batch * s.groups * 2 * s.states * s.length;
  if ((g.dB || g.dC) && sums > 0)
    add_blocks<<<grid(sums), 128, 0, stream>>>(w.sums, w.p.blocks_per_group, s.states, s.length, l.padded,
                                               sums, g.dB, g.dC);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

}  // namespace exactscan::cuda::selective
