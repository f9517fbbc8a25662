// Schedule `rows`: where tiles and lanes lie, and a lane's walk through its elements.
//
// A tile is kTile consecutive elements of a sequence; each of the scanners owns kItems of them that lie side
// by side: a power of two, so that rows of such a length start with a lane. Chunks of 16
// bytes are permuted within lines of 128 bytes as the copy engine can do it, so that the lanes of a warp read
// from different banks. If rows lie end to end in memory they are one sequence (`flat`), in which the state
// is set to h0 where a row starts; otherwise every row is a sequence of its own.
#pragma once

#include "cuda/device/exchange.cuh"
#include "cuda/device/tensor_copy.cuh"

namespace exactscan::cuda {

template <class E>
struct Rows {
  const E* A;
  const E* B;
  const E* a;
  const E* b;
  E* h;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, rows, channels, tiles, tiles_per_row;
  std::int64_t a_batch, a_channel, b_batch, b_channel, h_batch, h_channel;
  CUtensorMap a_map, b_map, h_map;  // of lines, if `tensor`
  int shift;                        // elements of the first line before the tensors' first
  bool tensor;
  int stages;
  bool vector;  // all rows are 16-byte aligned
  ExchangeHeader* header;
  void* entries;
};

constexpr int kRowWindow = 64, kRowMovers = 64;
constexpr int kRowsBehind = 2;  // a team's tiles between a tile's summary and its end

// Stages of 32 KB, of which the ring holds seven.
template <class E, bool kConstant>
struct RowSizes {
  static constexpr int chunk = 16 / sizeof(E);            // elements of a 16-byte chunk
  static constexpr int chunks = 4 * (kConstant ? 2 : 1);  // a lane's
  static constexpr int items = chunks * chunk;
  static constexpr int tile = kScanners * items;
  static constexpr int line = 8 * chunk;  // of 128 bytes
};
using RowRoles = Roles<2, kRowWindow, kRowMovers, 12>;

// Where the copy engine's permutation puts a chunk, given by its number in a tile.
__device__ inline int chunk_place(int chunk) { return chunk ^ (chunk >> 3 & 7); }

// A mover's share of a tile that does not go through the copy engine.
template <class E, bool kVector>
__device__ inline void line_in(E* shared, const E* global, int count, int mover) {
  constexpr int n = 16 / sizeof(E);
  if constexpr (!kVector) {
    for (int i = mover; i < count; i += kRowMovers)
      copy1(shared + chunk_place(i / n) * n + i % n, global + i);
  } else {
    for (int i = mover * n; i < count; i += kRowMovers * n) {
      E* to = shared + chunk_place(i / n) * n;
      if (i + n <= count) {
        copy16(to, global + i);
      } else {
        for (int k = 0; i + k < count; ++k) copy1(to + k, global + i + k);
      }
    }
  }
}
template <class E, bool kVector>
__device__ inline void line_out(const E* shared, E* global, int count, int mover) {
  constexpr int n = 16 / sizeof(E);
  if constexpr (!kVector) {
    for (int i = mover; i < count; i += kRowMovers) global[i] = shared[chunk_place(i / n) * n + i % n];
  } else {
    for (int i = mover * n; i < count; i += kRowMovers * n) {
      const E* from = shared + chunk_place(i / n) * n;
      if (i + n <= count) {
        __stcs(reinterpret_cast<int4*>(global + i), *reinterpret_cast<const int4*>(from));
      } else {
        for (int k = 0; i + k < count; ++k) global[i + k] = from[k];
      }
    }
  }
}

// A tile: the row of its first element, which channel that is, how far into the row it starts, how many
// elements it has.
struct RowTile {
  std::int64_t index, row, channel, offset;
  int count;
};

// The tiles of one block in order: blockIdx.x, + gridDim.x, ... Divisions are done once. Tiles are cut where
// memory is aligned: the first one of a sequence is short by `shift`.
template <class E, bool kFlat, bool kConstant>
struct RowCourse {
  using Size = RowSizes<E, kConstant>;
  static constexpr std::int64_t kTile = Size::tile;
  const Rows<E>& p;
  RowTile tile;
  std::int64_t step_row, step_offset, step_channel;  // of offset: elements if flat, else tiles

  __device__ explicit RowCourse(const Rows<E>& rows) : p(rows) {
    const std::int64_t unit = kFlat ? kTile : 1, step = gridDim.x * unit;
    const std::int64_t start = blockIdx.x * unit - (kFlat && blockIdx.x > 0 ? p.shift : 0);
    tile.index = blockIdx.x;
    tile.row = start / period();
    tile.offset = start - tile.row * period();
    tile.channel = tile.row % p.channels;
    step_row = step / period();
    step_offset = step - step_row * period();
    step_channel = step_row % p.channels;
    settle();
  }
  __device__ void next() {
    if (!kFlat) tile.offset = (tile.offset + p.shift) / kTile;
    tile.offset += step_offset - (kFlat && tile.index == 0 ? p.shift : 0);
    tile.index += gridDim.x;
    tile.row += step_row;
    tile.channel += step_channel;
    if (tile.offset >= period()) tile.offset -= period(), ++tile.row, ++tile.channel;
    if (kFlat && tile.offset < 0) tile.offset += period(), --tile.row, --tile.channel;
    if (tile.channel >= p.channels) tile.channel -= p.channels;
    if (tile.channel < 0) tile.channel += p.channels;
    settle();
  }
  // The tile in which the row starts that is under way at the tile's start.
  __device__ std::int64_t first() const { return tile.index - (tile.offset + kTile - 1) / kTile; }
  // Whole tiles go through the copy engine: line, sequence.
  __device__ bool is_box() const { return p.tensor && tile.count == kTile; }
  __device__ Corner corner() const {
    if constexpr (kFlat) return {{0, static_cast<int>(tile.index * (kTile / Size::line)), 0, 0}};
    return {{0, static_cast<int>((tile.offset + p.shift) / Size::line), static_cast<int>(tile.channel),
             static_cast<int>((tile.row - tile.channel) / p.channels)}};
  }
  // Where the tile starts in a tensor.
  template <class T>
  __device__ T* at(T* base, std::int64_t batch_stride, std::int64_t channel_stride) const {
    if constexpr (kFlat) return base + start();
    return base + (tile.row - tile.channel) / p.channels * batch_stride + tile.channel * channel_stride +
           tile.offset;
  }

 private:
  __device__ std::int64_t period() const { return kFlat ? p.length : p.tiles_per_row; }
  __device__ std::int64_t start() const { return tile.index * kTile - (tile.index > 0 ? p.shift : 0); }
  __device__ void settle() {
    if (!kFlat) tile.offset = tile.offset * kTile - (tile.offset > 0 ? p.shift : 0);
    const std::int64_t left = kFlat ? p.rows * p.length - start() : p.length - tile.offset;
    const std::int64_t most =
        kTile - (kFlat ? (tile.index == 0 ? p.shift : 0) : (tile.offset == 0 ? p.shift : 0));
    tile.count = static_cast<int>(left < most ? left : most);
  }
};

// A scanner's part of a tile: row of its first element, how many elements the tile has from it on (0 or less:
// none; not cut to the lane's length, see Segment in device/slabs.cuh), and at which of them, 1 or later, the
// next row starts. `fresh`: the first element starts a row.
struct Lane {
  std::int64_t row;
  int left, next_row;
  bool fresh;
};

constexpr int kFarAway = 1 << 28;
__device__ inline int bounded(std::int64_t x) { return static_cast<int>(x < kFarAway ? x : kFarAway); }

template <class E, bool kFlat, bool kConstant>
__device__ inline Lane lane_of(const Rows<E>& p, const RowTile& tile) {
  using Size = RowSizes<E, kConstant>;
  const int first = scanner() * Size::items;
  const int left = tile.count - first;
  std::int64_t row = tile.row, position = tile.offset + first;
  if constexpr (kFlat) {
    if (p.length >= Size::tile) {
      if (position >= p.length) position -= p.length, ++row;
    } else {  // all in 32 bits: offset < length < tile
      const unsigned x = static_cast<unsigned>(position), l = static_cast<unsigned>(p.length), q = x / l;
      row += q;
      position = x - q * l;
    }
  }
  return {row, left, bounded(p.length - position), left > 0 && position == 0};
}

template <class E>
__device__ inline State<E> initial(const Rows<E>& p, std::int64_t row) {
  return p.h0 ? p.h0[row] : State<E>(0);
}

// How a lane's elements are walked.
enum class Walking {
  plain,  // all there, in one row
  once,   // all there, and at most one row starts within: no branches
  often,  // all there, rows shorter than the lane that start from zero: no branches
  any
};

// A lane's elements in order. `Body` has step(a, b), and for the start of row `row` restart(row, state) where
// it is certain, restart_if(here, state) where it may be, and restart_zero(here, row); if kWrites, body.h
// after a step replaces b in shared memory.
template <class E, bool kFlat, bool kConstant, bool kWrites, class Body>
struct LaneWalk {
  using S = State<E>;
  using Size = RowSizes<E, kConstant>;
  struct alignas(16) Chunk {
    E e[Size::chunk];
    __device__ void load(const E* from) {
      *reinterpret_cast<int4*>(e) = *reinterpret_cast<const int4*>(from);
    }
  };
  struct Gates {
    S gate = 0, input = 0;
  };
  const Rows<E>& p;
  Lane lane;
  const RowTile& tile;
  Gates now, later;
  S fresh = 0;  // the state at the start of the next row, if that is in the lane

  // Reads what global memory holds for the lane; the tile need not be there yet.
  __device__ LaneWalk(const Rows<E>& rows, const RowTile& of, const Lane& own)
      : p(rows), lane(own), tile(of) {
    if (lane.left <= 0) return;
    now = gates(lane.row);
    if (!kFlat || lane.next_row >= Size::items || lane.next_row >= lane.left) return;
    fresh = initial(p, lane.row + 1);
    later = gates(lane.row + 1);
  }
  // The constant gates of a row; rows of a tile differ little, so that a division is seldom needed.
  __device__ Gates gates(std::int64_t row) const {
    if constexpr (!kConstant) return {};
    std::int64_t d = tile.channel + (row - tile.row);
    if (d >= p.channels) d -= p.channels;
    if (d >= p.channels) d %= p.channels;
    return {widen(p.A[d]), widen(p.B[d])};
  }

  template <Walking kWalking>
  __device__ void run(Body& body, const E* a, E* b) {
    const int first = scanner() * Size::chunks;
    auto place = [&](int j) { return chunk_place(first + j) * Size::chunk; };
    Chunk a_next, b_next;
    auto read = [&](int j) {  // a chunk ahead of its use: the compiler does not move it over the write
      if constexpr (!kConstant) a_next.load(a + place(j));
      b_next.load(b + place(j));
    };
    read(0);
#pragma unroll
    for (int j = 0; j < Size::chunks; ++j) {
      const Chunk ca = a_next;
      Chunk cb = b_next;
      if (j + 1 < Size::chunks) read(j + 1);
#pragma unroll
      for (int e = 0; e < Size::chunk; ++e) {
        const int i = j * Size::chunk + e;
        const bool here = i > 0 && i == lane.next_row;
        if constexpr (kWalking == Walking::once) {
          body.restart_if(here, fresh);
          if (kConstant && here) now = later;
        }
        if constexpr (kWalking == Walking::often) {
          lane.row += here;
          body.restart_zero(here, lane.row);
          if (here) lane.next_row += static_cast<int>(p.length);
        }
        if constexpr (kWalking == Walking::any) {
          if (i >= lane.left) continue;
          if (kFlat && here) {
            ++lane.row;
            body.restart(lane.row, initial(p, lane.row));
            now = gates(lane.row);
            lane.next_row += bounded(p.length);
          }
        }
        const S x = widen(cb.e[e]);
        if constexpr (kConstant) {
          body.step(now.gate, now.input * x);
        } else {
          body.step(widen(ca.e[e]), x);
        }
        if constexpr (kWrites) cb.e[e] = narrow<E>(body.h);
      }
      if constexpr (kWrites) *reinterpret_cast<int4*>(b + place(j)) = *reinterpret_cast<const int4*>(cb.e);
    }
    if (kWalking == Walking::once && lane.next_row < Size::items) body.restarted(lane.row + 1);
  }

  // a, b: the tile in shared memory.
  __device__ void operator()(Body& body, const E* a, E* b) {
    const bool whole = lane.left >= Size::items;
    if (__all_sync(~0U, whole && lane.next_row >= Size::items)) {
      run<Walking::plain>(body, a, b);
    } else if (kFlat && p.length >= Size::items && __all_sync(~0U, whole)) {
      run<Walking::once>(body, a, b);
    } else if (kFlat && !kConstant && p.length < Size::items && !p.h0 && __all_sync(~0U, whole)) {
      run<Walking::often>(body, a, b);
    } else if (lane.left > 0) {
      run<Walking::any>(body, a, b);
    }
    __syncwarp();
  }
};

// The transition over a lane. After a restart (`fixed`) the state that enters does not matter, offset is the
// state, and the gate is not used.
template <class E, class M>
struct Summing {
  using S = State<E>;
  Transition<S, M> sum{};
  bool fixed = false;
  __device__ void restart(std::int64_t, S state) {
    sum.offset = state;
    fixed = true;
  }
  __device__ void restart_if(bool here, S state) { sum.offset = here ? state : sum.offset; }
  __device__ void restart_zero(bool here, std::int64_t) {
    sum.offset = here ? S(0) : sum.offset;
    fixed = true;  // before the lane ends
  }
  __device__ void restarted(std::int64_t) { fixed = true; }
  __device__ void step(S a, S b) { sum.step(a, b); }
};

// The states of a lane; last states of rows that end within it are written.
template <class E>
struct Finishing {
  using S = State<E>;
  const Rows<E>& p;
  S h = 0, ended = 0;  // ended: the state before the last restart
  __device__ void restart(std::int64_t row, S state) {
    restart_if(true, state);
    restarted(row);
  }
  __device__ void restart_if(bool here, S state) {
    ended = here ? h : ended;
    h = here ? state : h;
  }
  __device__ void restart_zero(bool here, std::int64_t row) {
    if (here && p.h_last) p.h_last[row - 1] = h;
    h = here ? S(0) : h;
  }
  __device__ void restarted(std::int64_t row) {
    if (p.h_last) p.h_last[row - 1] = ended;
  }
  __device__ void step(S a, S b) { h = fused(a, h, b); }
};

}  // namespace exactscan::cuda
