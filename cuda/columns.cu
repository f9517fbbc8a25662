// Schedule `channels` where channels lie side by side and are many: one thread a channel, sequential in time,
// fed by the copy engine with boxes of up to 128 channels (of 32 ... 192 the fastest: bench/RESULTS-cuda.md).
// As few as 48 blocks keep device memory busy. Exactly the sequential fused recurrence.
#include "cuda/device/launch.hpp"
#include "cuda/device/tensor_copy.cuh"

namespace exactscan::cuda {
namespace {

constexpr int kWidest = 128, kNarrowest = 64, kColumnThreads = kWidest + 32;
constexpr std::int64_t kFewestBlocks = 48;  // that keep device memory busy
template <class E>
constexpr int kColumnSteps = 128 / sizeof(E);  // of a box

template <class E>
struct Columns {
  const E* A;
  const E* B;
  CUtensorMap a_map, b_map, h_map;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, channels, tiles;
  int width, per_batch, stages;
};

template <class E, bool kConstant>
struct ColumnBlock {
  using S = State<E>;
  static constexpr int kStreams = kConstant ? 1 : 2, kSteps = kColumnSteps<E>, kBlock = 8;
  const Columns<E>& p;
  Barrier* full;
  Barrier* done;
  E* ring;
  std::int64_t batch, channel;  // of the block's first

  __device__ E* stage(int s, int stream) const { return ring + (s * kStreams + stream) * kSteps * p.width; }

  // By one thread.
  __device__ void move() {
    auto corner = [&](std::int64_t i) {
      return Corner{{static_cast<int>(channel), static_cast<int>(i) * kSteps, static_cast<int>(batch), 0}};
    };
    auto begin = [&](std::int64_t i, int s) {
      full[s].expect(static_cast<unsigned>(kStreams * kSteps * p.width * static_cast<int>(sizeof(E))));
      if constexpr (!kConstant) tensor_in(stage(s, 0), p.a_map, corner(i), full[s]);
      tensor_in(stage(s, kStreams - 1), p.b_map, corner(i), full[s]);
      full[s].arrive();
    };
    for (int s = 0; s < p.stages && s < p.tiles; ++s) begin(s, s);
    Place at;
    for (std::int64_t i = 0; i < p.tiles; ++i, at.next(p.stages)) {
      done[at.stage].wait(at.phase);
      tensor_out(p.h_map, corner(i), stage(at.stage, kStreams - 1));
      wait_for_tensor_out();
      if (i + p.stages < p.tiles) begin(i + p.stages, at.stage);
    }
  }

  __device__ void scan() {
    const int c = static_cast<int>(threadIdx.x);
    const bool mine = c < p.width && channel + c < p.channels;
    const std::int64_t d = mine ? channel + c : 0, at_state = batch * p.channels + d;
    S h = mine && p.h0 ? p.h0[at_state] : S(0);
    const S gate = kConstant ? widen(p.A[d]) : S(0), input = kConstant ? widen(p.B[d]) : S(0);
    Place at;
    for (std::int64_t i = 0; i < p.tiles; ++i, at.next(p.stages)) {
      full[at.stage].wait(at.phase);
      const std::int64_t left = p.length - i * kSteps;
      const E* a = stage(at.stage, 0) + c;
      E* b = stage(at.stage, kStreams - 1) + c;
      auto step = [&](E x, E y) {
        h = kConstant ? fused(gate, h, input * widen(y)) : fused(widen(x), h, widen(y));
        return narrow<E>(h);
      };
      if (mine && left >= kSteps) {
#pragma unroll 1
        for (int j = 0; j < kSteps; j += kBlock, a += kBlock * p.width, b += kBlock * p.width) {
          E x[kBlock], y[kBlock];
#pragma unroll
          for (int u = 0; u < kBlock; ++u) {
            if constexpr (!kConstant) x[u] = a[u * p.width];
            y[u] = b[u * p.width];
          }
#pragma unroll
          for (int u = 0; u < kBlock; ++u) b[u * p.width] = step(kConstant ? y[u] : x[u], y[u]);
        }
      } else if (mine) {
        for (int j = 0; j < left; ++j) b[j * p.width] = step(a[j * p.width], b[j * p.width]);
      }
      before_tensor_out();
      done[at.stage].arrive();
    }
    if (mine && p.h_last) p.h_last[at_state] = h;
  }
};

template <class E, bool kConstant>
__global__ void __launch_bounds__(kColumnThreads, 1) scan_columns(const __grid_constant__ Columns<E> p) {
  extern __shared__ __align__(128) unsigned char ring[];
  __shared__ Barrier full[kMostStages], done[kMostStages];
  if (threadIdx.x == 0)
    for (int s = 0; s < p.stages; ++s) full[s].init(1), done[s].init(kWidest);
  __syncthreads();
  const std::int64_t batch = blockIdx.x / p.per_batch;
  ColumnBlock<E, kConstant> block{
      p, full, done, reinterpret_cast<E*>(ring), batch, (blockIdx.x - batch * p.per_batch) * p.width};
  if (threadIdx.x < kWidest) {
    block.scan();
  } else if (threadIdx.x == kWidest) {
    block.move();
  }
}

// Channels of a block, so that blocks fill their last round on the device best; wider is better among equals.
int column_width(std::int64_t batch, std::int64_t channels, int processors) {
  int best = kWidest;
  double most = 0;
  for (int width = kWidest; width >= kNarrowest; width -= 32) {
    const std::int64_t blocks = ceil_div(channels, width) * batch, rounds = ceil_div(blocks, processors);
    const double full =
        rounds == 1 ? 1 : static_cast<double>(blocks) / static_cast<double>(rounds * processors);
    const double used =
        full * static_cast<double>(channels) / static_cast<double>(ceil_div(channels, width) * width);
    if (used > most * 1.02) best = width, most = used;
  }
  return best;
}

template <class E, bool kConstant>
Status launch(const Problem& p, int width, cudaStream_t stream) {
  if (width > kWidest) return Status::bad_argument;
  Columns<E> k{};
  k.A = static_cast<const E*>(p.A), k.B = static_cast<const E*>(p.B);
  k.h0 = static_cast<const State<E>*>(p.h0), k.h_last = static_cast<State<E>*>(p.h_last);
  k.length = p.length, k.channels = p.channels, k.tiles = ceil_div(p.length, kColumnSteps<E>);
  k.width = width > 0 ? width : column_width(p.batch, p.channels, p.processors);
  k.per_batch = static_cast<int>(ceil_div(p.channels, k.width));
  auto describe = [&](CUtensorMap& map, const void* data, std::int64_t batch, std::int64_t time) {
    const TensorShape t{
        {p.channels, p.length, p.batch, 1}, {time, batch, 0}, {k.width, kColumnSteps<E>, 1, 1}};
    return is_tensor<E>(data, t) && describe_tensor<E>(map, data, t);
  };
  if (!(kConstant || describe(k.a_map, p.a.data, p.a.batch, p.a.time)) ||
      !describe(k.b_map, p.b.data, p.b.batch, p.b.time) || !describe(k.h_map, p.h.data, p.h.batch, p.h.time))
    return Status::unsupported;
  const int stage = (kConstant ? 1 : 2) * kColumnSteps<E> * k.width * static_cast<int>(sizeof(E));
  k.stages = (kSharedLimit - 1024) / stage < kMostStages ? (kSharedLimit - 1024) / stage : kMostStages;
  auto* kernel = scan_columns<E, kConstant>;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, k.stages * stage) !=
      cudaSuccess)
    return Status::unsupported;
  const std::int64_t blocks = k.per_batch * p.batch;
  kernel<<<static_cast<unsigned>(blocks), kColumnThreads, static_cast<std::size_t>(k.stages * stage),
           stream>>>(k);
  return launched();
}

template <class E>
Status launch_any(const Problem& p, int width, cudaStream_t stream) {
  return p.constant ? launch<E, true>(p, width, stream) : launch<E, false>(p, width, stream);
}

}  // namespace

bool prefers_columns(const Problem& p) {
  const bool dense = (p.constant || p.a.channel == 1) && p.b.channel == 1 && p.h.channel == 1;
  const std::int64_t blocks = ceil_div(p.channels, kWidest) * p.batch;
  return p.processors > 0 && dense && p.channels >= kNarrowest && p.channels % 8 == 0 && p.length >= 64 &&
         blocks >= kFewestBlocks && blocks < 0x7fffffff / 2;
}

Status launch_columns(const Problem& p, int width, cudaStream_t stream) {
  switch (p.type) {
    case Element::f32:
      return launch_any<float>(p, width, stream);
    case Element::f64:
      return launch_any<double>(p, width, stream);
    case Element::bf16:
      return launch_any<__nv_bfloat16>(p, width, stream);
    case Element::f16:
      return launch_any<__half>(p, width, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
