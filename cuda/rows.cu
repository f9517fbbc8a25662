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
  T before;
  bool fixed;
};

// Shared memory beside the ring.
template <class S, class T, int kTeams>
struct RowShared {
  Barriers<RowRoles> barriers;
  alignas(16) unsigned char totals[kTeams][2][kScanWarps * sizeof(T)], parts[kRowWindow / 32 * sizeof(T)];
  bool fixed[kTeams][2][kScanWarps];
  S own[2];  // the state after a tile, [tile of the block mod 2]
  S carry[RowRoles::most_stages];
  RowTile tiles[RowRoles::most_stages];  // told by the window with the carry
};

template <class E, bool kFlat, bool kConstant, class M>
struct RowBlock {
  using S = State<E>;
  using T = Transition<S, M>;
  using Size = RowSizes<E, kConstant>;
  using Course = RowCourse<E, kFlat, kConstant>;
  using AllRoles = RowRoles;
  using Shared = RowShared<S, T, AllRoles::teams>;
  static constexpr int kStreams = kConstant ? 1 : 2;
  const Rows<E>& p;
  Shared& shared;
  E* ring;
  unsigned launch;
  std::int64_t mine;  // tiles of this block

  __device__ E* stage(int s, int stream) const { return ring + (s * kStreams + stream) * Size::tile; }
  __device__ Entry<M>* entries() const { return static_cast<Entry<M>*>(p.entries); }

  template <bool kVector>
  __device__ void move() {
    const int mover = AllRoles::mover();
    constexpr int unit = kVector ? Size::chunk : 1;
    Course coming(p), going(p);
    auto in = [&](std::int64_t, int s) {
      const bool box = coming.is_box(), whole = coming.tile.count % unit == 0;
      if (!box) {
        if constexpr (!kConstant)
          line_in<E, kVector>(stage(s, 0), coming.at(p.a, p.a_batch, p.a_channel), coming.tile.count, mover);
        line_in<E, kVector>(stage(s, kStreams - 1), coming.at(p.b, p.b_batch, p.b_channel), coming.tile.count,
                            mover);
      } else if (mover == 0) {
        Barrier& full = shared.barriers.full[s];
        full.expect(kStreams * Size::tile * sizeof(E));
        if constexpr (!kConstant) box_in(stage(s, 0), p.a_map, coming.corner(), full);
        box_in(stage(s, kStreams - 1), p.b_map, coming.corner(), full);
      }
      coming.next();
      return !box && (sizeof(E) >= 4 || (kVector && whole));
    };
    auto out = [&](std::int64_t, int s) {
      const E* from = stage(s, kStreams - 1);
      if (!going.is_box()) {
        line_out<E, kVector>(from, going.at(p.h, p.h_batch, p.h_channel), going.tile.count, mover);
      } else if (mover == 0) {
        Corner corner = going.corner();
#pragma unroll
        for (int box = 0; box < Size::tile; box += kBoxLines * Size::line, corner.c[1] += kBoxLines)
          tensor_out(p.h_map, corner, from + box);
        wait_for_tensor_out();
      }
      going.next();
    };
    move_tiles(shared.barriers, mine, p.stages, in, out);
  }
  // A tile in boxes of kBoxLines lines.
  static constexpr int kBoxLines = Size::tile / Size::line < 256 ? Size::tile / Size::line : 256;
  __device__ static void box_in(E* to, const CUtensorMap& map, Corner corner, Barrier& full) {
#pragma unroll
    for (int box = 0; box < Size::tile; box += kBoxLines * Size::line, corner.c[1] += kBoxLines)
      tensor_in(to + box, map, corner, full);
  }

  // The summaries of tiles t-G+1 .. t-1 as far as the row reaches back, kShare of them a thread.
  static constexpr int kShare = kMostBlocks / kRowWindow;
  __device__ static int share() { return static_cast<int>(gridDim.x - 2) / kRowWindow + 1; }
  struct Seen {
    std::int64_t entry, first;
    Entry<M> words[kShare];
  };
  __device__ bool wanted(const RowTile& tile, const Seen& seen, int m) const {
    return m < share() && tile.offset != 0 && seen.entry + m >= seen.first && seen.entry + m < tile.index;
  }
  __device__ Seen look(const Course& course, int slot) const {
    const std::int64_t G = gridDim.x;
    Seen seen;
    seen.first = course.first();
    seen.entry = course.tile.index - G + 1 + slot * share();
#pragma unroll
    for (int m = 0; m < kShare; ++m)
      if (wanted(course.tile, seen, m)) seen.words[m] = Entry<M>::peek(entries() + seen.entry + m);
    return seen;
  }
  __device__ void watch() {
    const int slot = static_cast<int>(threadIdx.x) - AllRoles::first_window, warp = slot / 32;
    Course course(p);
    Place at, before;
    T* parts = reinterpret_cast<T*>(shared.parts);
    if (mine == 0) return;
    Seen seen = look(course, slot);
    for (std::int64_t i = 0; i < mine; ++i, at.next(p.stages)) {
      const RowTile tile = course.tile;
      const bool from_zero = i == 0 || seen.first > tile.index - gridDim.x;
      T v{};
#pragma unroll
      for (int m = 0; m < kShare; ++m) {
        if (!wanted(tile, seen, m)) continue;
        if (!seen.words[m].ready(launch)) seen.words[m] = await(entries() + seen.entry + m, launch);
        v = compose(seen.words[m].value(), v);
      }
      __syncwarp();
      if (i + 1 < mine) {  // the next tile's, on their way while this one is combined
        course.next();
        seen = look(course, slot);
      }
#pragma unroll
      for (int d = 1; d < 32; d *= 2)
        v = compose(shuffle_down(v, d), v);  // only lane 0's is in order and kept
      if ((slot & 31) == 0) parts[warp] = v;
      AllRoles::window_meets();
      if (i > 0) {
        shared.barriers.done[before.stage].wait(before.phase);
        before.next(p.stages);
      }
      if (slot == 0) {
        // If the row starts inside the window, the entry of that tile is a state, reached from zero.
        S carry = from_zero ? S(0) : shared.own[(i + 1) & 1];
        for (int w = 0; w < kRowWindow / 32; ++w) carry = parts[w].apply(carry);
        shared.carry[at.stage] = carry;
        shared.tiles[at.stage] = tile;
      }
      AllRoles::window_meets();
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

  __device__ RowKept<T> summarize(const Course& course, Place at, int buffer) {
    const int warp = scanner() / 32, lane = threadIdx.x & 31;
    RowKept<T> kept{{}, false};
    const Lane own = lane_of<E, kFlat, kConstant>(p, course.tile);
    Summing<E, M> body;
    if (own.fresh) body.restart(own.row, initial(p, own.row));
    LaneWalk<E, kFlat, kConstant, false, Summing<E, M>> walk(p, course.tile, own);
    shared.barriers.full[at.stage].wait(at.phase);
    walk(body, stage(at.stage, 0), stage(at.stage, kStreams - 1));
    body.sum.gate.settle();
    const unsigned flags = __ballot_sync(~0U, body.fixed);
    const T sum = scan_lanes(body.sum, flags, lane);
    T* totals = reinterpret_cast<T*>(shared.totals[team()][buffer]);
    bool* fixed = shared.fixed[team()][buffer];
    if (lane == 31) {
      totals[warp] = sum;
      fixed[warp] = flags != 0;
    }
    kept.before = shuffle_up(sum, 1);
    if (lane == 0) kept.before = T{};
    kept.fixed = (flags & ~(~0U << lane)) != 0;
    team_meets();
    T whole, entering;
    bool any = false, entering_fixed = false;
#pragma unroll
    for (int w = 0; w < kScanWarps; ++w) {
      if (w == warp) entering = whole, entering_fixed = any;
      const T total = totals[w];
      if (fixed[w]) {
        whole = total;
        any = true;
      } else {
        whole = compose(total, whole);
      }
    }
    if (scanner() == 0) Entry<M>::publish(entries() + course.tile.index, whole, launch);
    if (!kept.fixed) {
      kept.before = compose(kept.before, entering);
      kept.fixed = entering_fixed;
    }
    return kept;
  }

  __device__ void finish(const RowKept<T>& kept, Place at, std::int64_t i) {
    shared.barriers.carry[at.stage].wait(at.phase);
    const RowTile& tile = shared.tiles[at.stage];
    const S carry = shared.carry[at.stage];
    const Lane own = lane_of<E, kFlat, kConstant>(p, tile);
    LaneWalk<E, kFlat, kConstant, true, Finishing<E>> walk(p, tile, own);
    Finishing<E> body{p, kept.fixed ? kept.before.offset : kept.before.apply(carry)};
    if (own.fresh) body.h = initial(p, own.row);
    walk(body, stage(at.stage, 0), stage(at.stage, kStreams - 1));
    // A row may end with the lane; rows that end before were written on the way.
    if (p.h_last && own.left > 0) {
      const std::int64_t behind = own.next_row - (own.left < Size::items ? own.left : Size::items);
      if (behind == 0 || (kFlat && behind < 0 && -behind % p.length == 0))
        p.h_last[own.row - behind / p.length] = body.h;
    }
    if (scanner() == kScanners - 1) shared.own[i & 1] = body.h;
  }

  __device__ void scan() {
    Course course(p);
    for (int k = 0; k < team(); ++k) course.next();
    int buffer = 0;
    scan_in_teams<kRowsBehind>(
        shared.barriers, mine, p.stages,
        [&](std::int64_t, Place at) {
          const RowKept<T> kept = summarize(course, at, buffer);
          buffer ^= 1;
          for (int k = 0; k < AllRoles::teams; ++k) course.next();
          return kept;
        },
        [&](std::int64_t i, Place at, const RowKept<T>& kept) { finish(kept, at, i); });
  }
};

template <class E, bool kFlat, bool kConstant, class M>
__global__ void __launch_bounds__(RowRoles::threads, 1) scan_rows(const __grid_constant__ Rows<E> p) {
  using Block = RowBlock<E, kFlat, kConstant, M>;
  extern __shared__ __align__(128) unsigned char bytes[];
  __shared__ typename Block::Shared shared;
  unsigned char* ring = bytes + (kRingAlignment - shared_address(bytes) % kRingAlignment) % kRingAlignment;
  Block block{p, shared, reinterpret_cast<E*>(ring), launch_number(p.header),
              (p.tiles - blockIdx.x + gridDim.x - 1) / gridDim.x};
  if (threadIdx.x == 0) shared.barriers.init(p.stages);
  __syncthreads();
  switch (RowRoles::of_thread()) {
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

// Elements of the first 16 bytes before the tensors, if that is one number for all of them; else 0.
template <class E>
int common_shift(const Problem& p) {
  auto shift = [](const void* data) { return static_cast<int>(reinterpret_cast<std::uintptr_t>(data) % 16); };
  const int s = shift(p.b.data);
  return s % sizeof(E) == 0 && shift(p.h.data) == s && (p.constant || shift(p.a.data) == s)
             ? s / static_cast<int>(sizeof(E))
             : 0;
}

template <class E>
std::int64_t tiles_per_row(const Problem& p) {
  const std::int64_t n = p.constant ? RowSizes<E, true>::tile : RowSizes<E, false>::tile;
  return ceil_div(p.length + common_shift<E>(p), n);
}
template <class E>
std::int64_t tile_count(const Problem& p) {
  const std::int64_t rows = p.batch * p.channels,
                     n = p.constant ? RowSizes<E, true>::tile : RowSizes<E, false>::tile;
  return is_flat(p) ? ceil_div(rows * p.length + common_shift<E>(p), n) : rows * tiles_per_row<E>(p);
}
std::int64_t tile_count_any(const Problem& p) {
  return p.type == Element::f64   ? tile_count<double>(p)
         : p.type == Element::f32 ? tile_count<float>(p)
                                  : tile_count<__half>(p);
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

// Describes a tensor to the copy engine as lines, the first of which begins `shift` elements before it; what
// is left of a line behind a sequence's last is not in it.
template <class E, bool kFlat, bool kConstant>
bool describe_rows(CUtensorMap& map, int shift, const Problem& p, const void* data, std::int64_t batch,
                   std::int64_t channel) {
  using Size = RowSizes<E, kConstant>;
  constexpr int lines = Size::tile / Size::line;
  const std::int64_t length = (kFlat ? p.batch * p.channels * p.length : p.length) + shift;
  const TensorShape t{{Size::line, length / Size::line, kFlat ? 1 : p.channels, kFlat ? 1 : p.batch},
                      {Size::line, channel, batch},
                      {Size::line, lines < 256 ? lines : 256, 1, 1},
                      Permutation::lines_of_128_bytes};
  const E* base = static_cast<const E*>(data) - shift;
  return is_tensor<E>(base, t) && describe_tensor<E>(map, base, t);
}

template <class E, bool kFlat, bool kConstant, class M>
Status launch(const Problem& p, void* scratch, cudaStream_t stream) {
  using Size = RowSizes<E, kConstant>;
  using Shared = typename RowBlock<E, kFlat, kConstant, M>::Shared;
  using AllRoles = RowRoles;
  constexpr int stage = (kConstant ? 1 : 2) * Size::tile * static_cast<int>(sizeof(E));
  constexpr int room = kSharedLimit - static_cast<int>(sizeof(Shared)) - kRingAlignment;
  static_assert(room / stage >= kLeastStages<AllRoles, kRowsBehind> && stage % kRingAlignment == 0);
  Rows<E> k{};
  k.A = static_cast<const E*>(p.A), k.B = static_cast<const E*>(p.B);
  k.a = static_cast<const E*>(p.a.data), k.b = static_cast<const E*>(p.b.data),
  k.h = static_cast<E*>(p.h.data);
  k.h0 = static_cast<const State<E>*>(p.h0), k.h_last = static_cast<State<E>*>(p.h_last);
  k.length = p.length, k.rows = p.batch * p.channels, k.channels = p.channels;
  k.tiles = tile_count<E>(p), k.tiles_per_row = tiles_per_row<E>(p), k.shift = common_shift<E>(p);
  k.a_batch = p.a.batch, k.a_channel = p.a.channel, k.b_batch = p.b.batch, k.b_channel = p.b.channel;
  k.h_batch = p.h.batch, k.h_channel = p.h.channel;
  k.vector = is_vector<E>(p, kFlat);
  auto describe = [&](CUtensorMap& map, const void* data, std::int64_t batch, std::int64_t channel) {
    return describe_rows<E, kFlat, kConstant>(map, k.shift, p, data, batch, channel);
  };
  k.tensor = (kConstant || describe(k.a_map, p.a.data, p.a.batch, p.a.channel)) &&
             describe(k.b_map, p.b.data, p.b.batch, p.b.channel) &&
             describe(k.h_map, p.h.data, p.h.batch, p.h.channel);
  k.stages = room / stage < RowRoles::most_stages ? room / stage : RowRoles::most_stages;
  k.header = static_cast<ExchangeHeader*>(scratch);
  k.entries = static_cast<char*>(scratch) + kHeaderBytes;
  const int blocks = static_cast<int>(k.tiles < p.blocks ? k.tiles : p.blocks);
  return launch_together(scan_rows<E, kFlat, kConstant, M>, k, blocks, AllRoles::threads,
                         k.stages * stage + kRingAlignment, stream);
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
  return kHeaderBytes + static_cast<std::size_t>(tile_count_any(p)) * entry;
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
