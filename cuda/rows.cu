// Schedule `rows`: consecutive steps lie side by side in memory.
//
// Persistent blocks, one a multiprocessor; tile t belongs to block t mod G. A block knows the state after its own
// previous tile t-G, so the carry into tile t needs exactly the summaries of tiles t-G+1 .. t-1: one round of reads,
// no chain, a fixed order of combination. The summary of tile i is published before tile i-1 is finished, which hides
// the exchange behind a tile's work; separate warps read the window meanwhile. Each lane owns 64 consecutive bytes of a tile; tiles come by asynchronous
// copies into a ring of three stages, with 16-byte chunks exchanged (xor) so that lanes meet no bank conflicts.
//
// Contiguous rows of any length are one flat sequence in which the state is set to h0 where a row starts; rows with
// other strides get tiles of their own.
#include "cuda/device/exchange.cuh"
#include "cuda/device/launch.hpp"

namespace exactscan::cuda {
namespace {

// Warps that scan, and warps that read the window of the pending tile meanwhile.
constexpr int kWarps = 16, kWindowWarps = kMostBlocks / 32, kThreads = 32 * (kWarps + kWindowWarps), kStages = 3;

template <class E> struct Rows {
  const E* A;
  const E* B;
  const E* a;
  const E* b;
  E* h;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, rows, channels, tiles, tiles_per_row;
  std::int64_t a_batch, a_channel, b_batch, b_channel, h_batch, h_channel;
  ExchangeHeader* header;
  void* entries;
};

template <class E> struct Sizes {
  static constexpr int chunk = 16 / sizeof(E);    // elements of a 16-byte chunk
  static constexpr int items = 4 * chunk;         // a lane's elements
  static constexpr int warp_items = 32 * items;
  static constexpr int tile = kWarps * warp_items;
};

// Where a tile lies: row and offset within it of its first element, and how many elements it holds.
struct Tile {
  std::int64_t index, row, offset, first;  // first: the tile in which this tile's first row starts
  int count;
};

template <class E, bool kFlat> __device__ Tile tile_at(const Rows<E>& p, std::int64_t t) {
  constexpr std::int64_t n = Sizes<E>::tile;
  Tile r;
  r.index = t;
  if constexpr (kFlat) {
    const std::int64_t start = t * n, left = p.rows * p.length - start;
    r.row = start / p.length;
    r.offset = start - r.row * p.length;
    r.first = (start - r.offset) / n;
    r.count = static_cast<int>(left < n ? left : n);
  } else {
    r.row = t / p.tiles_per_row;
    r.first = r.row * p.tiles_per_row;
    r.offset = (t - r.first) * n;
    const std::int64_t left = p.length - r.offset;
    r.count = static_cast<int>(left < n ? left : n);
  }
  return r;
}

template <bool kFlat, class E, class T>
__device__ T* tile_pointer(const Rows<E>& p, T* base, const Tile& tile, std::int64_t batch, std::int64_t channel) {
  if constexpr (kFlat) return base + tile.index * Sizes<E>::tile;
  return base + (tile.row / p.channels) * batch + (tile.row % p.channels) * channel + tile.offset;
}

// A lane's place: row and position of its first element, how many elements it has.
struct Lane {
  std::int64_t row, position;
  int count;
};

template <class E, bool kFlat> __device__ Lane lane_at(const Rows<E>& p, const Tile& tile, int first) {
  Lane r{tile.row, tile.offset + first, tile.count - first};
  r.count = r.count < 0 ? 0 : (r.count > Sizes<E>::items ? Sizes<E>::items : r.count);
  if constexpr (kFlat) {
    if (p.length <= 0x7fffffff - Sizes<E>::tile) {
      const unsigned x = static_cast<unsigned>(r.position), l = static_cast<unsigned>(p.length), q = x / l;
      r.row += q;
      r.position = x - q * l;
    } else if (r.position >= p.length) {
      r.position -= p.length;
      ++r.row;
    }
  }
  return r;
}

// Full, and no row starts behind its first element.
template <class E, bool kFlat> __device__ bool is_plain(const Rows<E>& p, const Lane& lane) {
  return lane.count == Sizes<E>::items && (!kFlat || p.length - lane.position >= lane.count);
}

__device__ inline int chunk_place(int c) { return (c & ~3) | ((c & 3) ^ (c >> 3 & 3)); }

template <class E> __device__ void load_warp(E* shared, const E* global, int count) {
  constexpr int n = Sizes<E>::chunk;
  const int lane = threadIdx.x & 31;
  if ((reinterpret_cast<std::uintptr_t>(global) & 15) == 0) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int c = lane + 32 * i, left = count - c * n;
      const int valid = left < 0 ? 0 : (left > n ? n : left);
      copy16(shared + chunk_place(c) * n, valid > 0 ? global + c * n : global, valid * static_cast<int>(sizeof(E)));
    }
  } else {
#pragma unroll 8
    for (int i = lane; i < Sizes<E>::warp_items; i += 32)
      copy_element(shared + chunk_place(i / n) * n + i % n, i < count ? global + i : global, i < count);
  }
}

template <class E> __device__ void store_warp(const E* shared, E* global, int count) {
  constexpr int n = Sizes<E>::chunk;
  const int lane = threadIdx.x & 31;
  if ((reinterpret_cast<std::uintptr_t>(global) & 15) == 0 && count >= Sizes<E>::warp_items) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int c = lane + 32 * i;
      __stcs(reinterpret_cast<int4*>(global + c * n), *reinterpret_cast<const int4*>(shared + chunk_place(c) * n));
    }
  } else {
    for (int i = lane; i < Sizes<E>::warp_items && i < count; i += 32)
      global[i] = shared[chunk_place(i / n) * n + i % n];
  }
}

// The gates and inputs of one lane, read from shared memory in order.
template <class E, bool kConstant> struct Reader {
  using S = State<E>;
  const Rows<E>& p;
  const E* a;
  E* b;
  int lane;
  S gate = 0, input = 0;

  __device__ void enter(std::int64_t row) {
    if constexpr (kConstant) {
      const std::int64_t d = row % p.channels;
      gate = widen(p.A[d]);
      input = widen(p.B[d]);
    }
  }
  __device__ int place(int j) const {
    constexpr int n = Sizes<E>::chunk;
    return chunk_place(lane * 4 + j / n) * n + j % n;
  }
  __device__ S a_of(E x) const { return kConstant ? gate : widen(x); }
  __device__ S b_of(E x) const { return kConstant ? input * widen(x) : widen(x); }
  // Calls f(a, b, store) for the lane's elements; store(h) replaces b in shared memory.
  template <class F> __device__ void each(F&& f) {
    constexpr int n = Sizes<E>::chunk;
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int at = chunk_place(lane * 4 + j) * n;
      alignas(16) E ca[n], cb[n];
      if constexpr (!kConstant) *reinterpret_cast<int4*>(ca) = *reinterpret_cast<const int4*>(a + at);
      *reinterpret_cast<int4*>(cb) = *reinterpret_cast<const int4*>(b + at);
#pragma unroll
      for (int e = 0; e < n; ++e) f(a_of(ca[e]), b_of(cb[e]), cb[e]);
      if constexpr (std::remove_reference_t<F>::kWrites) *reinterpret_cast<int4*>(b + at) = *reinterpret_cast<int4*>(cb);
    }
  }
};

template <class S, class T, class E> struct Summing {
  static constexpr bool kWrites = false;
  T t{};
  __device__ void operator()(S a, S b, E&) { t.step(a, b); }
};
template <class S, class E> struct Finishing {
  static constexpr bool kWrites = true;
  S h;
  __device__ void operator()(S a, S b, E& out) {
    h = fused(a, h, b);
    out = narrow<E>(h);
  }
};

template <class E> __device__ State<E> initial(const Rows<E>& p, std::int64_t row) {
  return p.h0 ? p.h0[row] : State<E>(0);
}

// The lane's transition from its entering state; `fixed`: it holds the start of a row, so that the state that enters
// does not matter and offset is the state itself.
template <class E, bool kFlat, bool kConstant, class T>
__device__ T summarize(const Rows<E>& p, const Lane& lane, const E* a, E* b, bool& fixed) {
  using S = State<E>;
  Reader<E, kConstant> reader{p, a, b, static_cast<int>(threadIdx.x & 31)};
  Summing<S, T, E> sum;
  fixed = lane.position == 0 && lane.count > 0;
  if (lane.count > 0) reader.enter(lane.row);
  if (fixed) sum.t.offset = initial(p, lane.row);
  if (__all_sync(~0U, is_plain<E, kFlat>(p, lane))) {
    reader.each(sum);
  } else {
    std::int64_t row = lane.row, position = lane.position;
    for (int j = 0; j < lane.count; ++j) {
      if (kFlat && position == p.length) {
        position = 0;
        reader.enter(++row);
        fixed = true;
        sum.t.offset = initial(p, row);
      }
      const int at = reader.place(j);
      E unused{};
      sum(reader.a_of(kConstant ? b[at] : a[at]), reader.b_of(b[at]), unused);
      ++position;
    }
  }
  sum.t.gate.settle();
  return sum.t;
}

// Replaces b by h in shared memory, and writes the last states of rows that end here.
template <class E, bool kFlat, bool kConstant>
__device__ void finish(const Rows<E>& p, const Lane& lane, const E* a, E* b, State<E> carry) {
  using S = State<E>;
  Reader<E, kConstant> reader{p, a, b, static_cast<int>(threadIdx.x & 31)};
  if (lane.count > 0) reader.enter(lane.row);
  Finishing<S, E> run{lane.position == 0 && lane.count > 0 ? initial(p, lane.row) : carry};
  if (__all_sync(~0U, is_plain<E, kFlat>(p, lane))) {
    reader.each(run);
    if (p.h_last && lane.position + lane.count == p.length) p.h_last[lane.row] = run.h;
    return;
  }
  std::int64_t row = lane.row, position = lane.position;
  for (int j = 0; j < lane.count; ++j) {
    if (kFlat && position == p.length) {
      position = 0;
      reader.enter(++row);
      run.h = initial(p, row);
    }
    const int at = reader.place(j);
    run(reader.a_of(kConstant ? b[at] : a[at]), reader.b_of(b[at]), b[at]);
    if (++position == p.length && p.h_last) p.h_last[row] = run.h;
  }
}

// What a lane keeps of tile i until it is finished one round later.
template <class S, class T> struct Kept {
  Tile tile;
  T before;  // from the start of the tile to the lane's first element
  T total;
  bool before_fixed, total_fixed;
};

// Inclusive scan over groups of kLanes lanes; a lane stops once it has met a fixed one (`flags`), at or before it.
template <int kLanes, class T> __device__ T scan_lanes(T sum, unsigned flags, int lane) {
  const unsigned below = flags & (~0U >> (31 - lane));
  const int met = below ? lane - (31 - __clz(below)) : 32;
#pragma unroll
  for (int d = 1; d < kLanes; d *= 2) {
    const T earlier = shuffle_up(sum, d);
    if (lane >= d && met >= d) sum = compose(sum, earlier);
  }
  return sum;
}

template <class E, bool kFlat, bool kConstant, class M>
__global__ void __launch_bounds__(kThreads, 1) scan_rows(const __grid_constant__ Rows<E> p) {
  using S = State<E>;
  using T = Transition<S, M>;
  using Size = Sizes<E>;
  constexpr int kStreams = kConstant ? 1 : 2;
  extern __shared__ __align__(128) unsigned char ring_bytes[];
  __shared__ __align__(16) unsigned char total_bytes[kWarps * sizeof(T)], part_bytes[kWindowWarps * sizeof(T)];
  __shared__ bool total_fixed[kWarps];
  T* totals = reinterpret_cast<T*>(total_bytes);
  T* parts = reinterpret_cast<T*>(part_bytes);
  Entry<M>* entries = static_cast<Entry<M>*>(p.entries);

  const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  const int warp_first = warp * Size::warp_items, lane_first = warp_first + lane * Size::items;
  const std::int64_t G = gridDim.x;
  const int window_warps = static_cast<int>((G - 1 + 31) / 32);
  const unsigned launch = launch_number(p.header);

  auto stage = [&](int s, int stream) {
    return reinterpret_cast<E*>(ring_bytes) + (s * kStreams + stream) * Size::tile + warp_first;
  };
  auto request = [&](std::int64_t t, int s) {
    if (t < p.tiles) {
      const Tile tile = tile_at<E, kFlat>(p, t);
      if constexpr (!kConstant)
        load_warp(stage(s, 0), tile_pointer<kFlat>(p, p.a, tile, p.a_batch, p.a_channel) + warp_first,
                  tile.count - warp_first);
      load_warp(stage(s, kStreams - 1), tile_pointer<kFlat>(p, p.b, tile, p.b_batch, p.b_channel) + warp_first,
                tile.count - warp_first);
    }
    copy_commit();
  };

  if (warp >= kWarps) {
    // One lane an entry: the tiles t-2G+1 .. t-G-1 before the pending tile t-G.
    const int slot = threadIdx.x - 32 * kWarps;
    for (std::int64_t t = blockIdx.x, i = 0; t < p.tiles + G; t += G, ++i) {
      const Tile tile = i > 0 ? tile_at<E, kFlat>(p, t - G) : Tile{};
      const std::int64_t at = tile.index - G + 1 + slot;
      if (i > 0 && tile.offset != 0) {
        T v{};
        if (slot < G - 1 && at >= tile.first && at < tile.index) {
          Entry<M> seen = Entry<M>::peek(entries + at);
          while (!seen.ready(launch)) seen = Entry<M>::peek(entries + at);
          v = seen.value();
        }
        __syncwarp();
#pragma unroll
        for (int d = 1; d < 32; d *= 2) v = compose(shuffle_down(v, d), v);  // only lane 0's is in order and kept
        if (lane == 0) parts[warp - kWarps] = v;
      }
      __syncthreads();
      __syncthreads();
    }
    __syncthreads();
    return;
  }

  Kept<S, T> kept{};
  S own = 0;  // the state after this block's last finished tile
  request(blockIdx.x, 0);
  request(blockIdx.x + G, 1);
  int s = 0, s_before = 2;
  for (std::int64_t t = blockIdx.x, i = 0; t < p.tiles + G; t += G, ++i) {
    const bool live = t < p.tiles, pending = i > 0;
    Kept<S, T> next{};
    if (live) {
      copy_wait<1>();
      __syncwarp();
      next.tile = tile_at<E, kFlat>(p, t);
      bool fixed;
      T sum = summarize<E, kFlat, kConstant, T>(p, lane_at<E, kFlat>(p, next.tile, lane_first), stage(s, 0),
                                                stage(s, kStreams - 1), fixed);
      const unsigned flags = __ballot_sync(~0U, fixed), below = flags & (~0U >> (31 - lane));
      sum = scan_lanes<32>(sum, flags, lane);
      if (lane == 31) {
        totals[warp] = sum;
        total_fixed[warp] = flags != 0;
      }
      next.before = shuffle_up(sum, 1);
      if (lane == 0) next.before = T{};
      next.before_fixed = (below & ~(1U << lane)) != 0;
    }
    __syncthreads();  // totals of this tile, window of the pending one
    if (live) {
      T part = totals[lane % kWarps];
      const unsigned flags = __ballot_sync(~0U, total_fixed[lane % kWarps]) & ((1U << kWarps) - 1);
      part = scan_lanes<kWarps>(part, flags, lane);
      next.total = from_lane(part, kWarps - 1);
      next.total_fixed = flags != 0;
      T entering = from_lane(part, warp > 0 ? warp - 1 : 0);
      if (warp == 0) entering = T{};
      if (threadIdx.x == 0) Entry<M>::publish(entries + t, next.total, launch);
      if (!next.before_fixed) {
        next.before = compose(next.before, entering);
        next.before_fixed = (flags & ((1U << warp) - 1)) != 0;
      }
    }
    if (pending) {
      // If the row starts inside the window, the entry of that tile is a state, reached from zero.
      S carry = kept.tile.first > kept.tile.index - G ? S(0) : own;
      if (kept.tile.offset != 0)
        for (int w = 0; w < window_warps; ++w) carry = parts[w].apply(carry);
      const S entering = kept.before_fixed ? kept.before.offset : kept.before.apply(carry);
      own = kept.total_fixed ? kept.total.offset : kept.total.apply(carry);
      E* out = stage(s_before, kStreams - 1);
      finish<E, kFlat, kConstant>(p, lane_at<E, kFlat>(p, kept.tile, lane_first), stage(s_before, 0), out, entering);
      __syncwarp();
      store_warp(out, tile_pointer<kFlat>(p, p.h, kept.tile, p.h_batch, p.h_channel) + warp_first,
                 kept.tile.count - warp_first);
      __syncwarp();
    }
    request(t + 2 * G, s_before);
    __syncthreads();  // totals and window are read
    kept = next;
    s_before = s;
    s = s == kStages - 1 ? 0 : s + 1;
  }
  __syncthreads();
  if (threadIdx.x == 0) finish_launch(p.header, launch);
}

bool is_flat(const Problem& p) {
  auto dense = [&](std::int64_t batch, std::int64_t channel) {
    return (p.channels == 1 || channel == p.length) && (p.batch == 1 || batch == p.channels * p.length);
  };
  return (p.constant || dense(p.a.batch, p.a.channel)) && dense(p.b.batch, p.b.channel) &&
         dense(p.h.batch, p.h.channel);
}

std::int64_t tile_elements(Element type) { return type == Element::f64 ? 4096 : type == Element::f32 ? 8192 : 16384; }

std::int64_t tile_count(const Problem& p) {
  const std::int64_t rows = p.batch * p.channels, n = tile_elements(p.type);
  return is_flat(p) ? ceil_div(rows * p.length, n) : rows * ceil_div(p.length, n);
}

template <class E, bool kFlat, bool kConstant, class M>
Status launch(const Problem& p, void* scratch, cudaStream_t stream) {
  Rows<E> k{static_cast<const E*>(p.A), static_cast<const E*>(p.B), static_cast<const E*>(p.a.data),
            static_cast<const E*>(p.b.data), static_cast<E*>(p.h.data), static_cast<const State<E>*>(p.h0),
            static_cast<State<E>*>(p.h_last), p.length, p.batch * p.channels, p.channels, tile_count(p),
            ceil_div(p.length, Sizes<E>::tile), p.a.batch, p.a.channel, p.b.batch, p.b.channel, p.h.batch,
            p.h.channel, static_cast<ExchangeHeader*>(scratch), static_cast<char*>(scratch) + kHeaderBytes};
  const int shared = kStages * (kConstant ? 1 : 2) * Sizes<E>::tile * static_cast<int>(sizeof(E));
  auto* kernel = scan_rows<E, kFlat, kConstant, M>;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const int blocks = static_cast<int>(k.tiles < p.blocks ? k.tiles : p.blocks);
  void* arguments[] = {&k};
  if (cudaLaunchCooperativeKernel(kernel, dim3(blocks), dim3(kThreads), arguments, shared, stream) != cudaSuccess)
    return Status::launch_failed;
  return launched();
}

template <class E, class M> Status launch_any(const Problem& p, void* scratch, cudaStream_t stream) {
  if (p.constant)
    return is_flat(p) ? launch<E, true, true, M>(p, scratch, stream) : launch<E, false, true, M>(p, scratch, stream);
  return is_flat(p) ? launch<E, true, false, M>(p, scratch, stream) : launch<E, false, false, M>(p, scratch, stream);
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
    case Element::f64: return launch_any<double, Plain<double>>(p, scratch, stream);
    case Element::bf16: return launch_any<__nv_bfloat16, Pair>(p, scratch, stream);
    case Element::f16: return launch_any<__half, Pair>(p, scratch, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
