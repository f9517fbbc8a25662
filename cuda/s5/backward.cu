// The adjoint of the fused discretization and scan: the forward kernel's scheme from the end of time to its
// start.
//
// What is carried is mu[t] = conj(Abar[t]) lambda[t], so that a step needs nothing of the next one:
//   lambda[t] = g[t] + mu[t+1],   mu[t] = conj(Abar[t]) (g[t] + mu[t+1]),   mu[length] = g_last,   d_initial
//   = mu[0].
#include "cuda/s5/discretize.cuh"
#include "cuda/s5/tile.cuh"

namespace exactscan::cuda::s5 {
namespace {

using i64 = std::int64_t;
constexpr int kStages = 2, kItems = 4, kTile = 32 * kItems;

template <bool kTwoSteps>
struct Stage {
  float2 b[kTile], x[kTile], g[kTile];
  float delta[kTile];
  float deltaA[kTwoSteps ? kTile : 4];
  float2 before[2];  // the state before the tile
};

template <int kWarps>
struct Totals {
  float2 product[2][kWarps], offset[2][kWarps], da[kWarps];
};

// As in the forward kernel, from the last warp's part to the first's.
template <int kWarps>
__device__ float2 exchange(Totals<kWarps>& totals, int buffer, int warp, float2 product, float2 offset,
                           float2& carry) {
  if ((threadIdx.x & 31) == 0) {
    totals.product[buffer][warp] = product;
    totals.offset[buffer][warp] = offset;
  }
  __syncthreads();
  float2 entering = carry;
#pragma unroll
  for (int w = kWarps - 1; w >= 0; --w) {
    if (w == warp) entering = carry;
    carry = step(totals.product[buffer][w], carry, totals.offset[buffer][w]);
  }
  return entering;
}

template <Discretization kMethod, bool kTwoSteps, int kWarps>
__global__ void __launch_bounds__(kWarps > 4 ? 32 * kWarps : 128, kWarps > 4 ? 1 : 4)
    adjoint_kernel(const __grid_constant__ ScanBackward p, float2* row_da) {
  extern __shared__ __align__(128) unsigned char bytes[];
  __shared__ Totals<kWarps> totals;
  const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  const i64 row = kWarps == 1 ? static_cast<i64>(blockIdx.x) * 4 + warp : blockIdx.x;
  if (row >= p.batch * p.states) return;  // only with one warp a row
  const int part = kWarps == 1 ? 0 : warp;
  auto* stages = reinterpret_cast<Stage<kTwoSteps>*>(bytes) + warp * kStages;
  const i64 base = row * p.length;
  const Eigenvalue v = eigenvalue<kMethod>(p.A[row % p.states]);
  const float2 initial = p.initial ? p.initial[row] : float2{0, 0};
  float2 carry = p.g_last ? p.g_last[row] : float2{0, 0};
  float2 da{0, 0};

  auto load = [&](i64 first, int s) {
    const i64 count = p.length - first;
    if (first >= 0 && count > 0) {
      Stage<kTwoSteps>& stage = stages[s];
      request<kItems>(stage.b, p.b + base + first, count);
      request<kItems>(stage.x, p.x + base + first, count);
      request<kItems>(stage.g, p.g + base + first, count);
      request<kItems>(stage.delta, p.delta + base + first, count);
      if constexpr (kTwoSteps) request<kItems>(stage.deltaA, p.deltaA + base + first, count);
      if (lane == 0) copy_element(stage.before, p.x + base + (first > 0 ? first - 1 : 0), first > 0);
    }
    copy_commit();
  };
  constexpr i64 kStride = kTile * kWarps;
  const i64 last_begin = p.length > 0 ? (p.length - 1) / kStride * kStride : -1;
  load(last_begin < 0 ? p.length : last_begin + part * kTile, 0);
  int s = 0, buffer = 0;
  for (i64 begin = last_begin; begin >= 0; begin -= kStride) {
    const i64 first = begin + part * kTile, count = p.length - first;
    load(first - kStride, s ^ 1);
    copy_wait<1>();
    __syncwarp();
    Stage<kTwoSteps>& stage = stages[s];
    Coefficient c[kItems];
    float2 g[kItems];
    float d[kItems], e[kItems];
    float2 product{1, 0}, offset{0, 0};
    if (count > 0) {
      read(stage.g, g);
      read(stage.delta, d);
      if constexpr (kTwoSteps) read(stage.deltaA, e);
      if constexpr (!kTwoSteps)
        for (int j = 0; j < kItems; ++j) e[j] = d[j];
      coefficients<kMethod, kTwoSteps>(d, e, v, c);
#pragma unroll
      for (int j = kItems - 1; j >= 0; --j) {
        if (lane * kItems + j >= count) {
          g[j] = {0, 0};
          c[j].abar = {1, 0};
        }
        offset = conj(c[j].abar) * (g[j] + offset);
        product = conj(c[j].abar) * product;
      }
    }
    if (kWarps == 1 && lane == 31) offset = step(product, carry, offset);
#pragma unroll
    for (int k = 1; k < 32; k *= 2) {
      const float2 later = shuffle_down(offset, k);
      const float2 factor = k < 16 || kWarps > 1 ? shuffle_down(product, k) : float2{1, 0};
      if (lane + k < 32) {
        offset = step(product, later, offset);
        product = product * factor;
      }
    }
    float2 mu = shuffle_down(offset, 1);
    if constexpr (kWarps == 1) {
      if (lane == 31) mu = carry;
      carry = from_lane(offset, 0);
    } else {
      const float2 after = shuffle_down(product, 1);
      const float2 entering = exchange(totals, buffer, part, product, offset, carry);
      mu = lane == 31 ? entering : step(after, entering, mu);
      buffer ^= 1;
    }
    if (count > 0) {
      float2 input[kItems], before[kItems + 1];
      float by_d[kItems], by_e[kItems];
      read(stage.b, input);
      {
        float2 x[kItems];
        read(stage.x, x);
#pragma unroll
        for (int j = 0; j < kItems; ++j) before[j + 1] = x[j];
        before[0] = shuffle_up(x[kItems - 1], 1);
        if (lane == 0) before[0] = first > 0 ? stage.before[0] : initial;
      }
#pragma unroll
      for (int j = kItems - 1; j >= 0; --j) {
        const float2 lambda = g[j] + mu;
        mu = conj(c[j].abar) * lambda;
        g[j] = kMethod == Discretization::dirac ? lambda : conj(c[j].bbar) * lambda;
        const StepGradient q =
            step_gradient<kMethod, kTwoSteps>(d[j], e[j], c[j], v, lambda, before[j], input[j]);
        if (lane * kItems + j < count) da = da + q.a;
        by_d[j] = kTwoSteps ? q.by_d : q.by_e + q.by_d;
        by_e[j] = q.by_e;
      }
      write(stage.g, g);
      write(stage.delta, by_d);
      if constexpr (kTwoSteps) write(stage.deltaA, by_e);
      __syncwarp();
      store<kItems>(stage.g, p.gb + base + first, count);
      if (p.ddelta) store<kItems>(stage.delta, p.ddelta + base + first, count);
      if constexpr (kTwoSteps)
        if (p.ddeltaA) store<kItems>(stage.deltaA, p.ddeltaA + base + first, count);
    }
    __syncwarp();
    s ^= 1;
  }
  copy_wait<0>();
#pragma unroll
  for (int k = 16; k > 0; k /= 2) da = da + shuffle_down(da, k);
  if constexpr (kWarps > 1) {
    if (lane == 0) totals.da[part] = da;
    __syncthreads();
#pragma unroll
    for (int w = 1; w < kWarps; ++w) da = da + totals.da[w];
  }
  if (part == 0 && lane == 0) {
    if (row_da) row_da[row] = da;
    if (p.d_initial) p.d_initial[row] = carry;
  }
}

__global__ void add_batches(const float2* rows, i64 batch, i64 states, float2* sums) {
  const i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= states) return;
  double x = 0, y = 0;
  for (i64 n = 0; n < batch; ++n) {
    x += static_cast<double>(rows[n * states + i].x);
    y += static_cast<double>(rows[n * states + i].y);
  }
  sums[i] = {static_cast<float>(x), static_cast<float>(y)};
}

template <Discretization kMethod, bool kTwoSteps, int kWarps>
Status launch(const ScanBackward& s, float2* row_da, cudaStream_t stream) {
  auto* kernel = adjoint_kernel<kMethod, kTwoSteps, kWarps>;
  constexpr int kBlockWarps = kWarps > 4 ? kWarps : 4;
  const int shared = kBlockWarps * kStages * static_cast<int>(sizeof(Stage<kTwoSteps>));
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const i64 rows = s.batch * s.states, blocks = kWarps == 1 ? (rows + 3) / 4 : rows;
  if (blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(blocks), kBlockWarps * 32, shared, stream>>>(s, row_da);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

template <Discretization kMethod, bool kTwoSteps>
Status launch_warps(const ScanBackward& s, float2* row_da, cudaStream_t stream) {
  const i64 rows = s.batch * s.states;
  const bool heavy = kMethod == Discretization::zoh && rows >= 4096;  // as in the forward kernel
  const int warps = s.warps                          ? s.warps
                    : s.length <= 2 * kTile || heavy ? 1
                                                     : (rows >= 512 || s.length <= 8 * kTile ? 4 : 16);
  switch (warps) {
    case 1:
      return launch<kMethod, kTwoSteps, 1>(s, row_da, stream);
    case 4:
      return launch<kMethod, kTwoSteps, 4>(s, row_da, stream);
    case 16:
      return launch<kMethod, kTwoSteps, 16>(s, row_da, stream);
    default:
      return Status::bad_argument;
  }
}

template <Discretization kMethod>
Status launch_steps(const ScanBackward& s, float2* row_da, cudaStream_t stream) {
  return s.deltaA ? launch_warps<kMethod, true>(s, row_da, stream)
                  : launch_warps<kMethod, false>(s, row_da, stream);
}

}  // namespace

std::size_t scratch_bytes(const ScanBackward& s) {
  return s.dA && s.batch > 1 ? static_cast<std::size_t>(s.batch * s.states) * sizeof(float2) : 0;
}

Status scan_backward(const ScanBackward& s, void* scratch, std::size_t bytes, cudaStream_t stream) {
  if (s.batch < 0 || s.states < 0 || s.length < 0 || (s.ddeltaA && !s.deltaA)) return Status::bad_argument;
  if (s.states == 0) return Status::ok;
  if (s.batch == 0) {
    if (s.dA &&
        cudaMemsetAsync(s.dA, 0, static_cast<std::size_t>(s.states) * sizeof(float2), stream) != cudaSuccess)
      return Status::launch_failed;
    return Status::ok;
  }
  if (!s.A || (s.length > 0 && (!s.b || !s.delta || !s.x || !s.g || !s.gb))) return Status::bad_argument;
  const std::size_t need = scratch_bytes(s);
  if (bytes < need || (need > 0 && !scratch)) return Status::scratch_too_small;
  float2* row_da = need > 0 ? static_cast<float2*>(scratch) : s.dA;
  Status status = Status::bad_argument;
  switch (s.method) {
    case Discretization::bilinear:
      status = launch_steps<Discretization::bilinear>(s, row_da, stream);
      break;
    case Discretization::zoh:
      status = launch_steps<Discretization::zoh>(s, row_da, stream);
      break;
    case Discretization::dirac:
      status = launch_steps<Discretization::dirac>(s, row_da, stream);
      break;
  }
  if (status != Status::ok || need == 0) return status;
  add_batches<<<static_cast<unsigned>((s.states + 127) / 128), 128, 0, stream>>>(row_da, s.batch, s.states,
                                                                                 s.dA);
  return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed;
}

}  // namespace exactscan::cuda::s5
