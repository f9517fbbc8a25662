// Schedule `rows`: consecutive steps lie side by side in memory.
//
// Persistent blocks, one a multiprocessor; tile t belongs to block t mod G. A block knows the state after its
// own previous tile t-G, so that the state that enters tile t needs exactly the summaries of tiles t-G+1 ..
// t-1: one round of reads, no chain, a fixed order of combination. The summary of a tile is published before
// the previous one is finished (device/pipeline.cuh), which gives the exchange the time of a tile.
#include "cuda/device/launch.hpp"
#include "cuda/device/rows.cuh"

namespace exactscan::cuda {
namespace {

// Where a scanner stands in a tile: what happened from the tile's start to its first element. `fixed`: a row
// started there, and before.offset is the state.
template <class T>
struct RowKept {
  RowTile tile;
  std::int64_t channel;  // of tile.row
  T before;
  bool fixed;
};

// Shared memory beside the ring.
template <class S, class T>
struct RowShared {
  Barriers barriers;
  alignas(16) unsigned char totals[2][kScanWarps * sizeof(T)], parts[2][kWindowWarps * sizeof(T)];
  bool fixed[2][kScanWarps];
  S own[kMostStages], carry[kMostStages];
};

template <class E, bool kFlat, bool kConstant, class M>
struct RowBlock {
  using S = State<E>;
  using T = Transition<S, M>;
  using Size = RowSizes<E>;
  using Course = RowCourse<E, kFlat>;
  static constexpr int kStreams = kConstant ? 1 : 2;
  const Rows<E>& p;
  RowShared<S, T>& shared;
  E* ring;
  unsigned launch;
  std::int64_t mine;  // tiles of this block

  __device__ E* stage(int s, int stream) const { return ring + (s * kStreams + stream) * Size::tile; }
  __device__ Entry<M>* entries() const { return static_cast<Entry<M>*>(p.entries); }

  template <bool kVector>
  __device__ void move() {
    const int mover = static_cast<int>(threadIdx.x) - kScanners - kWindow;
    constexpr int unit = kVector ? Size::chunk : 1;
    Course coming(p), going(p);
    auto in = [&](std::int64_t, int s) {
      const bool box = coming.is_box(), whole = coming.tile.count % unit == 0;
      if (!box) {
        const Walk walk = walk_line(mover, coming.tile.count, unit);
        if constexpr (!kConstant)
          copy_in<E, kVector>(stage(s, 0), coming.at(p.a, p.a_batch, p.a_channel), walk);
        copy_in<E, kVector>(stage(s, kStreams - 1), coming.at(p.b, p.b_batch, p.b_channel), walk);
      } else if (mover == 0) {
        Barrier& full = shared.barriers.full[s];
        full.expect(kStreams * Size::tile * sizeof(E));
        if constexpr (!kConstant) tensor_in(stage(s, 0), p.a_map, coming.corner(), full);
        tensor_in(stage(s, kStreams - 1), p.b_map, coming.corner(), full);
      }
      coming.next();
      return !box && (sizeof(E) >= 4 || (kVector && whole));
    };
    auto out = [&](std::int64_t, int s) {
      const E* from = stage(s, kStreams - 1);
      if (!going.is_box()) {
        copy_out<E, kVector>(from, going.at(p.h, p.h_batch, p.h_channel),
                             walk_line(mover, going.tile.count, unit));
      } else if (mover == 0) {
        tensor_out(p.h_map, going.corner(), from);
        wait_for_tensor_out();
      }
      going.next();
    };
    move_tiles(shared.barriers, mine, p.stages, in, out);
  }

  // The tiles t-G+1 .. t-1, kShare of them a lane.
  __device__ void watch() {
    constexpr int kShare = kMostBlocks / kWindow;
    const int slot = static_cast<int>(threadIdx.x) - kScanners, warp = slot / 32;
    const std::int64_t G = gridDim.x;
    const int share = G - 1 > kWindow ? kShare : 1;
    Course course(p);
    Place at, before;
    for (std::int64_t i = 0; i < mine; ++i, course.next(), at.next(p.stages)) {
      const RowTile& tile = course.tile;
      const std::int64_t first = course.first(), entry = tile.index - G + 1 + slot * share;
      T* parts = reinterpret_cast<T*>(shared.parts[i & 1]);
      auto wanted = [&](int m) {
        return m < share && tile.offset != 0 && entry + m >= first && entry + m < tile.index;
      };
      Entry<M> seen[kShare];
#pragma unroll
      for (int m = 0; m < kShare; ++m)
        if (wanted(m)) seen[m] = Entry<M>::peek(entries() + entry + m);
      T v{};
#pragma unroll
      for (int m = 0; m < kShare; ++m) {
        if (!wanted(m)) continue;
        if (!seen[m].ready(launch)) seen[m] = await(entries() + entry + m, launch);
        v = compose(seen[m].value(), v);
      }
      __syncwarp();
#pragma unroll
      for (int d = 1; d < 32; d *= 2)
        v = compose(shuffle_down(v, d), v);  // only lane 0's is in order and kept
      if ((slot & 31) == 0) parts[warp] = v;
      window_meets();
      if (i > 0) shared.barriers.done[before.stage].wait(before.phase);
      if (slot == 0) {
        // If the row starts inside the window, the entry of that tile is a state, reached from zero.
        S carry = i == 0 || first > tile.index - G ? S(0) : shared.own[before.stage];
        for (int w = 0; w < kWindowWarps; ++w) carry = parts[w].apply(carry);
        shared.carry[at.stage] = carry;
      }
      before = at;
      __syncwarp();
      shared.barriers.carry[at.stage].arrive();
    }
  }

  // Inclusive scan over a warp's lanes; a lane stops once it has met a fixed one (`flags`), at or before it.
  __device__ static T scan_lanes(T sum, unsigned flags, int lane) {
    const unsigned below = flags & (~0U >> (31 - lane));
    const int met = below ? lane - (31 - __clz(below)) : 32;
#pragma unroll
    for (int d = 1; d < 32; d *= 2) {
      const T earlier = shuffle_up(sum, d);
      if (lane >= d && met >= d) sum = compose(sum, earlier);
    }
    return sum;
  }

  __device__ RowKept<T> summarize(const Course& course, int s, int buffer) {
    const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    RowKept<T> kept{course.tile, kConstant ? course.tile.row % p.channels : 0, {}, false};
    const Lane own = lane_of<E, kFlat>(p, kept.tile);
    Summing<E, M> body{p};
    if (own.fresh) body.restart(own.row, initial(p, own.row));
    LaneWalk<E, kFlat, kConstant, false, Summing<E, M>> walk{p, kept.tile, body, kept.channel};
    walk(own, stage(s, 0), stage(s, kStreams - 1));
    body.sum.gate.settle();
    const unsigned flags = __ballot_sync(~0U, body.fixed);
    const T sum = scan_lanes(body.sum, flags, lane);
    T* totals = reinterpret_cast<T*>(shared.totals[buffer]);
    if (lane == 31) {
      totals[warp] = sum;
      shared.fixed[buffer][warp] = flags != 0;
    }
    kept.before = shuffle_up(sum, 1);
    if (lane == 0) kept.before = T{};
    kept.fixed = (flags & ~(~0U << lane)) != 0;
    scanners_meet();
    T whole, entering;
    bool any = false, entering_fixed = false;
#pragma unroll
    for (int w = 0; w < kScanWarps; ++w) {
      if (w == warp) entering = whole, entering_fixed = any;
      const T total = totals[w];
      if (shared.fixed[buffer][w]) {
        whole = total;
        any = true;
      } else {
        whole = compose(total, whole);
      }
    }
    if (threadIdx.x == 0) Entry<M>::publish(entries() + kept.tile.index, whole, launch);
    if (!kept.fixed) {
      kept.before = compose(kept.before, entering);
      kept.fixed = entering_fixed;
    }
    return kept;
  }

  __device__ void finish(const RowKept<T>& kept, int s) {
    const S carry = shared.carry[s];
    const Lane own = lane_of<E, kFlat>(p, kept.tile);
    Finishing<E> body{p, kept.fixed ? kept.before.offset : kept.before.apply(carry)};
    if (own.fresh) body.h = initial(p, own.row);
    LaneWalk<E, kFlat, kConstant, true, Finishing<E>> walk{p, kept.tile, body, kept.channel};
    walk(own, stage(s, 0), stage(s, kStreams - 1));
    // A row may end with the lane; rows that end before were written on the way.
    if (p.h_last && own.left > 0) {
      const std::int64_t behind = own.next_row - (own.left < Size::items ? own.left : Size::items);
      if (behind == 0 || (kFlat && behind < 0 && -behind % p.length == 0))
        p.h_last[own.row - behind / p.length] = body.h;
    }
    if (threadIdx.x == kScanners - 1) shared.own[s] = body.h;
  }

  __device__ void scan() {
    Course course(p);
    auto summarize_next = [&](std::int64_t i, int s) {
      if (i > 0) course.next();
      return summarize(course, s, static_cast<int>(i & 1));
    };
    scan_tiles(shared.barriers, mine, p.stages, summarize_next,
               [&](std::int64_t, int s, const RowKept<T>& kept) { finish(kept, s); });
  }
};

template <class E, bool kFlat, bool kConstant, class M>
__global__ void __launch_bounds__(kThreads, 1) scan_rows(const __grid_constant__ Rows<E> p) {
  using Block = RowBlock<E, kFlat, kConstant, M>;
  extern __shared__ __align__(128) unsigned char ring[];
  __shared__ RowShared<typename Block::S, typename Block::T> shared;
  Block block{p, shared, reinterpret_cast<E*>(ring), launch_number(p.header),
              (p.tiles - blockIdx.x + gridDim.x - 1) / gridDim.x};
  if (threadIdx.x == 0) shared.barriers.init(p.stages);
  __syncthreads();
  switch (role()) {
    case Role::mover:
      p.vector ? block.template move<true>() : block.template move<false>();
      break;
    case Role::window:
      block.watch();
      break;
    case Role::scanner:
      block.scan();
      break;
  }
  __syncthreads();
  if (threadIdx.x == 0) finish_launch(p.header, block.launch);
}

bool is_flat(const Problem& p) {
  auto dense = [&](std::int64_t batch, std::int64_t channel) {
    return (p.channels == 1 || channel == p.length) && (p.batch == 1 || batch == p.channels * p.length);
  };
  return (p.constant || dense(p.a.batch, p.a.channel)) && dense(p.b.batch, p.b.channel) &&
         dense(p.h.batch, p.h.channel);
}

std::int64_t tile_elements(Element type) {
  return type == Element::f64   ? RowSizes<double>::tile
         : type == Element::f32 ? RowSizes<float>::tile
                                : RowSizes<__half>::tile;
}

std::int64_t tile_count(const Problem& p) {
  const std::int64_t rows = p.batch * p.channels, n = tile_elements(p.type);
  return is_flat(p) ? ceil_div(rows * p.length, n) : rows * ceil_div(p.length, n);
}

template <class E>
bool is_vector(const Problem& p, bool flat) {
  auto aligned = [&](const void* data, std::int64_t batch, std::int64_t channel) {
    const std::int64_t n = 16 / sizeof(E);
    return reinterpret_cast<std::uintptr_t>(data) % 16 == 0 &&
           (flat || ((p.channels == 1 || channel % n == 0) && (p.batch == 1 || batch % n == 0)));
  };
  return (p.constant || aligned(p.a.data, p.a.batch, p.a.channel)) &&
         aligned(p.b.data, p.b.batch, p.b.channel) && aligned(p.h.data, p.h.batch, p.h.channel);
}

// Describes a tensor to the copy engine as lines; what is left of a line behind a sequence's last is not in
// it.
template <class E, bool kFlat>
bool describe_rows(CUtensorMap& map, const Problem& p, const void* data, std::int64_t batch,
                   std::int64_t channel) {
  constexpr int lines = RowSizes<E>::tile / kLine;
  const std::int64_t length = kFlat ? p.batch * p.channels * p.length : p.length;
  const TensorShape t{{kLine, length / kLine, kFlat ? 1 : p.channels, kFlat ? 1 : p.batch},
                      {kLine, channel, batch},
                      {kLine, lines, 1, 1}};
  return is_tensor<E>(data, t) && describe_tensor<E>(map, data, t);
}

template <class E, bool kFlat, bool kConstant, class M>
Status launch(const Problem& p, void* scratch, cudaStream_t stream) {
  using Size = RowSizes<E>;
  const int stage = (kConstant ? 1 : 2) * Size::tile * static_cast<int>(sizeof(E));
  const int room =
      kSharedLimit - static_cast<int>(sizeof(RowShared<State<E>, Transition<State<E>, M>>)) - 1024;
  Rows<E> k{};
  k.A = static_cast<const E*>(p.A), k.B = static_cast<const E*>(p.B);
  k.a = static_cast<const E*>(p.a.data), k.b = static_cast<const E*>(p.b.data),
  k.h = static_cast<E*>(p.h.data);
  k.h0 = static_cast<const State<E>*>(p.h0), k.h_last = static_cast<State<E>*>(p.h_last);
  k.length = p.length, k.rows = p.batch * p.channels, k.channels = p.channels;
  k.tiles = tile_count(p), k.tiles_per_row = ceil_div(p.length, Size::tile);
  k.a_batch = p.a.batch, k.a_channel = p.a.channel, k.b_batch = p.b.batch, k.b_channel = p.b.channel;
  k.h_batch = p.h.batch, k.h_channel = p.h.channel;
  k.vector = is_vector<E>(p, kFlat);
  k.tensor = (kConstant || describe_rows<E, kFlat>(k.a_map, p, p.a.data, p.a.batch, p.a.channel)) &&
             describe_rows<E, kFlat>(k.b_map, p, p.b.data, p.b.batch, p.b.channel) &&
             describe_rows<E, kFlat>(k.h_map, p, p.h.data, p.h.batch, p.h.channel);
  k.stages = room / stage < kMostStages ? room / stage : kMostStages;
  static_assert(kLeastStages * 2 * Size::tile * sizeof(E) +
                    sizeof(RowShared<State<E>, Transition<State<E>, M>>) <
                kSharedLimit - 1024);
  k.header = static_cast<ExchangeHeader*>(scratch);
  k.entries = static_cast<char*>(scratch) + kHeaderBytes;
  const int blocks = static_cast<int>(k.tiles < p.blocks ? k.tiles : p.blocks);
  return launch_together(scan_rows<E, kFlat, kConstant, M>, k, blocks, kThreads, k.stages * stage, stream);
}

template <class E, class M>
Status launch_any(const Problem& p, void* scratch, cudaStream_t stream) {
  return choose(is_flat(p), [&](auto flat) {
    return choose(p.constant, [&](auto constant) {
      return launch<E, decltype(flat)::value, decltype(constant)::value, M>(p, scratch, stream);
    });
  });
}

}  // namespace

std::size_t rows_scratch(const Problem& p) {
  const std::size_t entry = p.type == Element::f64 ? sizeof(Entry<Plain<double>>) : sizeof(Entry<Pair>);
  return kHeaderBytes + static_cast<std::size_t>(tile_count(p)) * entry;
}

Status launch_rows(const Problem& p, void* scratch, cudaStream_t stream) {
  switch (p.type) {
    case Element::f32:
      return p.multiplier == Multiplier::pair ? launch_any<float, Pair>(p, scratch, stream)
                                              : launch_any<float, Plain<float>>(p, scratch, stream);
    case Element::f64:
      return launch_any<double, Plain<double>>(p, scratch, stream);
    case Element::bf16:
      return launch_any<__nv_bfloat16, Pair>(p, scratch, stream);
    case Element::f16:
      return launch_any<__half, Pair>(p, scratch, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
