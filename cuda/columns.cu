// Schedule `channels` where channels lie side by side and are many: one thread a channel, sequential in time,
// fed by the copy engine with boxes of 64 to 256 channels (wide rows are read faster: bench/RESULTS-h200.md).
// As few as 48 blocks keep device memory busy. Exactly the sequential fused recurrence.
//
// Rows that are not 16-byte aligned: to the copy engine memory is then a tensor of `split` rows a line, of
// which a box is every split-th row, one chunk of 16 bytes wider and from up to a chunk before the first
// channel on, as the engine must begin at a boundary. Results are then written by the scanning threads.
#include "cuda/device/launch.hpp"
#include "cuda/device/tensor_copy.cuh"

namespace exactscan::cuda {
namespace {

constexpr int kWidest = 256, kNarrowest = 64, kMostStages = 12;
constexpr std::int64_t kFewestBlocks = 48;  // that keep device memory busy
constexpr int kBlock = 8;                   // steps unrolled; a multiple of every split
template <class E>
constexpr int kSplit = 16 / sizeof(E);  // rows that are aligned together

// An input as the copy engine sees it. `map` is of set 0's rows and the longest sets, `short_map` of sets
// that have a row less.
template <class E>
struct Rows {
  CUtensorMap map, short_map;
  int starts[kSplit<E>];  // of the sets' rows in a line, at 16-byte boundaries
  int offsets[kBlock];    // of channel 0 of kBlock rows in shared memory
};

template <class E>
struct Columns {
  const E* A;
  const E* B;
  const E* C;
  const E* D;
  Rows<E> a, b;  // inputs
  CUtensorMap h_map;
  E* h;
  std::int64_t h_batch, h_time;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, channels, tiles;
  int width, pitch, steps, per_batch, stages;
  int split, part;  // part: elements from one set of rows to the next in shared memory
};

template <class E, bool kConstant, bool kIsSplit>
struct ColumnBlock {
  using S = State<E>;
  static constexpr int kStreams = kConstant ? 1 : 2;
  const Columns<E>& p;
  Barrier* full;
  Barrier* done;
  E* ring;
  std::int64_t batch, channel;  // of the block's first

  __device__ E* stage(int s, int stream) const { return ring + (s * kStreams + stream) * p.split * p.part; }

  // By one thread.
  __device__ void move() {
    auto corner = [&](std::int64_t i, int start) {
      return Corner{{static_cast<int>(channel) + start, static_cast<int>(i) * (p.steps / p.split),
                     static_cast<int>(batch), 0}};
    };
    const int full_sets = p.length % p.split == 0 ? p.split : static_cast<int>(p.length % p.split);
    auto bring = [&](const Rows<E>& rows, std::int64_t i, int s, int stream) {
      for (int r = 0; r < p.split; ++r)
        tensor_in(stage(s, stream) + r * p.part, r < full_sets ? rows.map : rows.short_map,
                  corner(i, rows.starts[r]), full[s]);
    };
    auto begin = [&](std::int64_t i, int s) {
      full[s].expect(static_cast<unsigned>(kStreams * p.steps * p.pitch * static_cast<int>(sizeof(E))));
      if constexpr (!kConstant) bring(p.a, i, s, 0);
      bring(p.b, i, s, kStreams - 1);
      full[s].arrive();
    };
    for (int s = 0; s < p.stages && s < p.tiles; ++s) begin(s, s);
    Place at;
    for (std::int64_t i = 0; i < p.tiles; ++i, at.next(p.stages)) {
      done[at.stage].wait(at.phase);
      if (p.split == 1) {
        tensor_out(p.h_map, corner(i, 0), stage(at.stage, kStreams - 1));
        wait_for_tensor_out();
      }
      if (i + p.stages < p.tiles) begin(i + p.stages, at.stage);
    }
  }

  // kReadOut: C*h + D*x is written instead of h.
  template <bool kReadOut>
  __device__ void scan() {
    const int c = static_cast<int>(threadIdx.x);
    const bool mine = c < p.width && channel + c < p.channels;
    const std::int64_t d = mine ? channel + c : 0, at_state = batch * p.channels + d;
    S h = mine && p.h0 ? p.h0[at_state] : S(0);
    const S gate = kConstant ? widen(p.A[d]) : S(0), input = kConstant ? widen(p.B[d]) : S(0);
    const S out = kReadOut ? widen(p.C[d]) : S(0), skip = kReadOut && p.D ? widen(p.D[d]) : S(0);
    auto step = [&](E x, E y) {
      h = kConstant ? fused(gate, h, input * widen(y)) : fused(widen(x), h, widen(y));
      return narrow<E>(kReadOut ? fused(out, h, skip * widen(y)) : h);
    };
    const int down = kBlock / p.split * p.pitch;
    E* out_global = p.h + batch * p.h_batch + channel + c;
    auto a_at = [&](int u) { return kIsSplit ? p.a.offsets[u] : u * p.pitch; };
    auto b_at = [&](int u) { return kIsSplit ? p.b.offsets[u] : u * p.pitch; };
    Place at;
    for (std::int64_t i = 0; i < p.tiles; ++i, at.next(p.stages)) {
      full[at.stage].wait(at.phase);
      const std::int64_t left = p.length - i * p.steps;
      const E* a = stage(at.stage, 0) + c;
      E* b = stage(at.stage, kStreams - 1) + c;
      if (mine && left >= p.steps) {
#pragma unroll 1
        for (int j = 0; j < p.steps; j += kBlock, a += down, b += down) {
          E x[kBlock], y[kBlock];
#pragma unroll
          for (int u = 0; u < kBlock; ++u) {
            if constexpr (!kConstant) x[u] = a[a_at(u)];
            y[u] = b[b_at(u)];
          }
#pragma unroll
          for (int u = 0; u < kBlock; ++u) {
            const E h_u = step(kConstant ? y[u] : x[u], y[u]);
            if constexpr (kIsSplit) {
              __stcs(out_global, h_u);
              out_global += p.h_time;
            } else {
              b[b_at(u)] = h_u;
            }
          }
        }
      } else if (mine) {
        for (int j = 0; j < left; ++j) {
          const int row = j / kBlock * down, b_row = b_at(j % kBlock) + row;
          const E h_j = step(a[kConstant ? b_row : a_at(j % kBlock) + row], b[b_row]);
          if constexpr (kIsSplit)
            out_global[j * p.h_time] = h_j;
          else
            b[b_row] = h_j;
        }
      }
      before_tensor_out();
      done[at.stage].arrive();
    }
    if (mine && p.h_last) p.h_last[at_state] = h;
  }
};

template <class E, bool kConstant, bool kIsSplit>
__global__ void __launch_bounds__(kWidest + 32, 1) scan_columns(const __grid_constant__ Columns<E> p) {
  extern __shared__ __align__(128) unsigned char ring[];
  __shared__ Barrier full[kMostStages], done[kMostStages];
  const unsigned scanning = blockDim.x - 32;
  if (threadIdx.x == 0)
    for (int s = 0; s < p.stages; ++s) full[s].init(1), done[s].init(scanning);
  __syncthreads();
  const std::int64_t batch = blockIdx.x / p.per_batch;
  ColumnBlock<E, kConstant, kIsSplit> block{
      p, full, done, reinterpret_cast<E*>(ring), batch, (blockIdx.x - batch * p.per_batch) * p.width};
  if (threadIdx.x < scanning) {
    if (kConstant && p.C)
      block.template scan<kConstant>();
    else
      block.template scan<false>();
  } else if (threadIdx.x == scanning) {
    block.move();
  }
}

// The box's channels and steps. Measured on an H200 (bench/RESULTS-h200.md): wide boxes of many steps where
// 60 blocks are left, else narrower ones.
template <class E>
ColumnsTuning column_box(std::int64_t batch, std::int64_t channels) {
  if (sizeof(E) == 8) return {96, 16};
  if (ceil_div(channels, 192) * batch >= 60) return {192, 64};
  return {96, 128 / static_cast<int>(sizeof(E))};
}

// Describes an input's sets of rows.
template <class E>
bool describe_rows(Rows<E>& rows, const Columns<E>& k, std::int64_t batches, const ConstView& v) {
  const auto address = reinterpret_cast<std::uintptr_t>(v.data);
  const int shift = static_cast<int>(address % 16 / sizeof(E)), unit = kSplit<E>;
  const E* base = static_cast<const E*>(v.data) - shift;
  if (v.time < 0 || v.time >= (std::int64_t{1} << 27)) return false;
  for (int r = 0; r < k.split; ++r) rows.starts[r] = static_cast<int>(r * v.time + shift) / unit * unit;
  for (int u = 0; u < kBlock; ++u) {
    const int r = u % k.split, before = static_cast<int>((r * v.time + shift) % unit);
    rows.offsets[u] = r * k.part + u / k.split * k.pitch + before;
  }
  for (const bool is_short : {false, true}) {
    const std::int64_t lines = is_short ? k.length / k.split : ceil_div(k.length, k.split);
    // Up to the end of the last row of the last line, so that nothing behind the tensor is read.
    const std::int64_t sets = is_short || k.length % k.split == 0 ? k.split : k.length % k.split;
    const TensorShape t{{(sets - 1) * v.time + k.channels + shift, lines, batches, 1},
                        {k.split * v.time, v.batch, 0},
                        {k.pitch, k.steps / k.split, 1, 1}};
    if (!is_tensor<E>(base, t) || !describe_tensor<E>(is_short ? rows.short_map : rows.map, base, t))
      return false;
  }
  return true;
}

template <class E, bool kConstant>
Status launch(const Problem& p, const ColumnsTuning& tuning, cudaStream_t stream) {
  if (tuning.width > kWidest || tuning.width % kSplit<E> != 0) return Status::bad_argument;
  Columns<E> k{};
  k.A = static_cast<const E*>(p.A), k.B = static_cast<const E*>(p.B);
  k.C = static_cast<const E*>(p.C), k.D = static_cast<const E*>(p.D);
  k.h0 = static_cast<const State<E>*>(p.h0), k.h_last = static_cast<State<E>*>(p.h_last);
  k.length = p.length, k.channels = p.channels;
  const ColumnsTuning chosen = tuning.width > 0 ? tuning : column_box<E>(p.batch, p.channels);
  k.width = chosen.width, k.steps = chosen.steps;
  k.tiles = ceil_div(p.length, k.steps);
  k.per_batch = static_cast<int>(ceil_div(p.channels, k.width));
  auto aligned = [&](const void* data, std::int64_t time) {
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && time % kSplit<E> == 0;
  };
  // The engine writes whole chunks of 16 bytes, so that a row must end with one.
  k.split = (kConstant || aligned(p.a.data, p.a.time)) && aligned(p.b.data, p.b.time) &&
                    aligned(p.h.data, p.h.time) && p.channels % kSplit<E> == 0
                ? 1
                : kSplit<E>;
  if (p.length < k.split || k.steps % kBlock != 0) return Status::unsupported;
  k.pitch = k.split == 1 ? k.width : k.width + kSplit<E>;
  k.part = static_cast<int>(ceil_div(k.steps / k.split * k.pitch * static_cast<int>(sizeof(E)), 128) * 128 /
                            static_cast<int>(sizeof(E)));
  k.h = static_cast<E*>(p.h.data), k.h_batch = p.h.batch, k.h_time = p.h.time;
  if (!(kConstant || describe_rows(k.a, k, p.batch, p.a)) || !describe_rows(k.b, k, p.batch, p.b))
    return Status::unsupported;
  if (k.split == 1) {
    const TensorShape t{
        {p.channels, p.length, p.batch, 1}, {p.h.time, p.h.batch, 0}, {k.width, k.steps, 1, 1}};
    if (!is_tensor<E>(p.h.data, t) || !describe_tensor<E>(k.h_map, p.h.data, t)) return Status::unsupported;
  }
  const int stage = (kConstant ? 1 : 2) * k.split * k.part * static_cast<int>(sizeof(E));
  k.stages = (kSharedLimit - 1024) / stage < kMostStages ? (kSharedLimit - 1024) / stage : kMostStages;
  auto* kernel = k.split == 1 ? scan_columns<E, kConstant, false> : scan_columns<E, kConstant, true>;
  if (!allow_shared(kernel, k.stages * stage)) return Status::unsupported;
  const std::int64_t blocks = k.per_batch * p.batch;
  kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(ceil_div(k.width, 32) * 32 + 32),
           static_cast<std::size_t>(k.stages * stage), stream>>>(k);
  return launched();
}

template <class E>
Status launch_any(const Problem& p, const ColumnsTuning& tuning, cudaStream_t stream) {
  return p.constant ? launch<E, true>(p, tuning, stream) : launch<E, false>(p, tuning, stream);
}

}  // namespace

bool prefers_columns(const Problem& p) {
  const bool dense = (p.constant || p.a.channel == 1) && p.b.channel == 1 && p.h.channel == 1;
  const std::int64_t blocks = ceil_div(p.channels, 128) * p.batch;
  return p.processors > 0 && dense && p.channels >= kNarrowest && p.length >= 64 && blocks >= kFewestBlocks &&
         blocks < 0x7fffffff / 2;
}

Status launch_columns(const Problem& p, const ColumnsTuning& tuning, cudaStream_t stream) {
  switch (p.type) {
    case Element::f32:
      return launch_any<float>(p, tuning, stream);
    case Element::f64:
      return launch_any<double>(p, tuning, stream);
    case Element::bf16:
      return launch_any<__nv_bfloat16>(p, tuning, stream);
    case Element::f16:
      return launch_any<__half>(p, tuning, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
