// The fused discretization and scan. One warp a row (or 4, 16 where rows are few): tiles of 256 steps, each
// lane 8 consecutive ones, combined by a shuffle scan; the state is carried from tile to tile in registers.
#include "cuda/s5/discretize.cuh"
#include "cuda/s5/tile.cuh"

namespace exactscan::cuda::s5 {
namespace {

using i64 = std::int64_t;
constexpr int kStages = 3;

constexpr int kItems = 8, kTile = 32 * kItems;  // four: a tenth slower (more shuffles a step)

template <bool kTwoSteps>
struct Stage {
  float2 b[kTile];
  float delta[kTile];
  float deltaA[kTwoSteps ? kTile : 4];
};

// A tile's transition x -> product x + offset, of every warp of the row; two tiles' worth, so that one
// barrier a tile is enough.
template <int kWarps>
struct Totals {
  float2 product[2][kWarps], offset[2][kWarps];
};

// The state that enters each warp's part, from the warps' totals; `carry` moves on to the state after all of
// them.
template <int kWarps>
__device__ float2 exchange(Totals<kWarps>& totals, int buffer, int warp, float2 product, float2 offset,
                           float2& carry) {
  if ((threadIdx.x & 31) == 31) {
    totals.product[buffer][warp] = product;
    totals.offset[buffer][warp] = offset;
  }
  __syncthreads();
  float2 entering = carry;
#pragma unroll
  for (int w = 0; w < kWarps; ++w) {
    if (w == warp) entering = carry;
    carry = step(totals.product[buffer][w], carry, totals.offset[buffer][w]);
  }
  return entering;
}

template <Discretization kMethod, bool kTwoSteps, int kWarps>
__global__ void __launch_bounds__(kWarps > 4 ? 32 * kWarps : 128, kWarps > 4 ? 1 : 5)
    scan_kernel(const __grid_constant__ Scan p) {
  constexpr int kBlockWarps = kWarps > 4 ? kWarps : 4;
  extern __shared__ __align__(128) unsigned char bytes[];
  __shared__ Totals<kWarps> totals;
  const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  const i64 row = kWarps == 1 ? static_cast<i64>(blockIdx.x) * kBlockWarps + warp : blockIdx.x;
  if (row >= p.batch * p.states) return;  // only with one warp a row: no barrier is left waiting
  const int part = kWarps == 1 ? 0 : warp;
  auto* stages = reinterpret_cast<Stage<kTwoSteps>*>(bytes) + warp * kStages;
  const i64 base = row * p.length;
  const Eigenvalue v = eigenvalue<kMethod>(p.A[row % p.states]);
  float2 carry = p.initial ? p.initial[row] : float2{0, 0};

  auto load = [&](i64 first, int s) {
    const i64 count = p.length - first;
    if (count > 0) {
      request<kItems>(stages[s].b, p.b + base + first, count);
      request<kItems>(stages[s].delta, p.delta + base + first, count);
      if constexpr (kTwoSteps) request<kItems>(stages[s].deltaA, p.deltaA + base + first, count);
    }
    copy_commit();
  };
  constexpr i64 kStride = kTile * kWarps;
  load(part * kTile, 0);
  load(part * kTile + kStride, 1);
  int s = 0, buffer = 0;
  for (i64 begin = 0; begin < p.length; begin += kStride) {
    const i64 first = begin + part * kTile, count = p.length - first;
    copy_wait<1>();
    __syncwarp();
    load(first + 2 * kStride, s == 0 ? 2 : s - 1);
    Stage<kTwoSteps>& stage = stages[s];
    float2 abar[kItems], x[kItems];
    float2 product{1, 0}, offset{0, 0};
    if (count > 0) {
      float d[kItems], e[kItems];
      read(stage.b, x);
      read(stage.delta, d);
      if constexpr (kTwoSteps) read(stage.deltaA, e);
      Coefficient c[kItems];
      coefficients<kMethod, kTwoSteps>(d, kTwoSteps ? e : d, v, c);
#pragma unroll
      for (int j = 0; j < kItems; ++j) {
        abar[j] = c[j].abar;
        if constexpr (kMethod != Discretization::dirac) x[j] = c[j].bbar * x[j];
      }
      if (count < kTile) {
#pragma unroll
        for (int j = 0; j < kItems; ++j)
          if (lane * kItems + j >= count) abar[j] = {1, 0}, x[j] = {0, 0};
      }
      product = abar[0];
      offset = x[0];
#pragma unroll
      for (int j = 1; j < kItems; ++j) {
        product = abar[j] * product;
        offset = fused(abar[j], offset, x[j]);
      }
    }
    // With one warp the carried state enters through lane 0, and the offsets become states.
    if (kWarps == 1 && lane == 0) offset = step(product, carry, offset);
#pragma unroll
    for (int k = 1; k < 32; k *= 2) {
      const float2 earlier = shuffle_up(offset, k);
      const float2 factor = k < 16 || kWarps > 1 ? shuffle_up(product, k) : float2{1, 0};
      if (lane >= k) {
        offset = step(product, earlier, offset);
        product = product * factor;
      }
    }
    float2 state = shuffle_up(offset, 1);
    if constexpr (kWarps == 1) {
      if (lane == 0) state = carry;
      carry = from_lane(offset, 31);
    } else {
      const float2 before = shuffle_up(product, 1);
      const float2 entering = exchange(totals, buffer, part, product, offset, carry);
      state = lane == 0 ? entering : step(before, entering, state);
      buffer ^= 1;
    }
    if (count > 0) {
#pragma unroll
      for (int j = 0; j < kItems; ++j) x[j] = state = fused(abar[j], state, x[j]);
      write(stage.b, x);
      __syncwarp();
      store<kItems>(stage.b, p.x + base + first, count);
      if (p.last && count <= kTile && lane == 0)
        p.last[row] = stage.b[Chunks<float2, kItems>::element(static_cast<int>(count) - 1)];
    }
    __syncwarp();  // the stage is read before it is requested again
    s = s == kStages - 1 ? 0 : s + 1;
  }
  copy_wait<0>();
  if (p.last && p.length == 0 && part == 0 && lane == 0) p.last[row] = carry;
}

template <Discretization kMethod, bool kTwoSteps, int kWarps>
Status launch(const Scan& s, cudaStream_t stream) {
  constexpr int kBlockWarps = kWarps > 4 ? kWarps : 4;
  auto* kernel = scan_kernel<kMethod, kTwoSteps, kWarps>;
  const int shared = kBlockWarps * kStages * static_cast<int>(sizeof(Stage<kTwoSteps>));
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const i64 rows = s.batch * s.states, blocks = kWarps == 1 ? (rows + kBlockWarps - 1) / kBlockWarps : rows;
  if (blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(blocks), kBlockWarps * 32, shared, stream>>>(s);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

template <Discretization kMethod, bool kTwoSteps>
Status launch_warps(const Scan& s, cudaStream_t stream) {
  const i64 rows = s.batch * s.states;
  // zoh leaves no issue slots for the warps' exchange: one warp where rows are many.
  const bool heavy = kMethod == Discretization::zoh && rows >= 4096;
  const int warps = s.warps                      ? s.warps
                    : s.length <= kTile || heavy ? 1
                                                 : (rows >= 512 || s.length <= 4 * kTile ? 4 : 16);
  switch (warps) {
    case 1:
      return launch<kMethod, kTwoSteps, 1>(s, stream);
    case 4:
      return launch<kMethod, kTwoSteps, 4>(s, stream);
    case 16:
      return launch<kMethod, kTwoSteps, 16>(s, stream);
    default:
      return Status::bad_argument;
  }
}

template <Discretization kMethod>
Status launch_steps(const Scan& s, cudaStream_t stream) {
  return s.deltaA ? launch_warps<kMethod, true>(s, stream) : launch_warps<kMethod, false>(s, stream);
}

}  // namespace

Status scan(const Scan& s, cudaStream_t stream) {
  if (s.batch < 0 || s.states < 0 || s.length < 0) return Status::bad_argument;
  if (s.batch == 0 || s.states == 0) return Status::ok;
  if (!s.A || (s.length > 0 && (!s.b || !s.delta || !s.x))) return Status::bad_argument;
  switch (s.method) {
    case Discretization::bilinear:
      return launch_steps<Discretization::bilinear>(s, stream);
    case Discretization::zoh:
      return launch_steps<Discretization::zoh>(s, stream);
    case Discretization::dirac:
      return launch_steps<Discretization::dirac>(s, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda::s5
