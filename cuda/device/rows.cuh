// Schedule `rows`: where tiles and lanes lie, and a lane's walk through its elements.
//
// A tile is kTile consecutive elements of a sequence; each of the scanners owns kItems of them that lie side
// by side. kItems is an odd number of 16-byte chunks, so that the lanes of a warp read chunks from different
// banks. If rows lie end to end in memory they are one sequence (`flat`), in which the state is set to h0
// where a row starts; otherwise every row is a sequence of its own.
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
  CUtensorMap a_map, b_map, h_map;  // of lines of kLine elements, if `tensor`
  bool tensor;
  int stages;
  bool vector;  // all rows are 16-byte aligned
  ExchangeHeader* header;
  void* entries;
};

template <class E>
struct RowSizes {
  static constexpr int chunk = 16 / sizeof(E);  // elements of a 16-byte chunk
  static constexpr int chunks = 7;              // a lane's chunks
  static constexpr int items = chunks * chunk;
  static constexpr int tile = kScanners * items;
};

constexpr int kLine = 256;

// A tile: the row of its first element, how far into the row it starts, how many elements it has.
struct RowTile {
  std::int64_t index, row, offset;
  int count;
};

// The tiles of one block in order: blockIdx.x, + gridDim.x, ... Divisions are done once.
template <class E, bool kFlat>
struct RowCourse {
  static constexpr std::int64_t kTile = RowSizes<E>::tile;
  const Rows<E>& p;
  RowTile tile;
  std::int64_t step_row, step_offset, period;  // of row and offset (flat: elements, else tiles)

  __device__ explicit RowCourse(const Rows<E>& rows) : p(rows) {
    const std::int64_t unit = kFlat ? kTile : 1;
    period = kFlat ? p.length : p.tiles_per_row;
    const std::int64_t start = blockIdx.x * unit, step = gridDim.x * unit;
    tile.index = blockIdx.x;
    tile.row = start / period;
    tile.offset = start - tile.row * period;
    step_row = step / period;
    step_offset = step - step_row * period;
    settle();
  }
  __device__ void next() {
    tile.index += gridDim.x;
    tile.offset = (kFlat ? tile.offset : tile.offset / kTile) + step_offset;
    tile.row += step_row;
    if (tile.offset >= period) tile.offset -= period, ++tile.row;
    settle();
  }
  // The tile in which the row starts that is under way at the tile's start.
  __device__ std::int64_t first() const { return tile.index - (tile.offset + kTile - 1) / kTile; }
  // Whole tiles go through the copy engine: lines, sequence.
  __device__ bool is_box() const { return p.tensor && tile.count == kTile; }
  __device__ Corner corner() const {
    if constexpr (kFlat) return {{0, static_cast<int>(tile.index * (kTile / kLine)), 0, 0}};
    const std::int64_t n = tile.row / p.channels;
    return {{0, static_cast<int>(tile.offset / kLine), static_cast<int>(tile.row - n * p.channels),
             static_cast<int>(n)}};
  }
  // Where the tile starts in a tensor.
  template <class T>
  __device__ T* at(T* base, std::int64_t batch, std::int64_t channel) const {
    if constexpr (kFlat) return base + tile.index * kTile;
    const std::int64_t n = tile.row / p.channels;
    return base + n * batch + (tile.row - n * p.channels) * channel + tile.offset;
  }

 private:
  __device__ void settle() {
    if (!kFlat) tile.offset *= kTile;
    const std::int64_t left = kFlat ? p.rows * p.length - tile.index * kTile : p.length - tile.offset;
    tile.count = static_cast<int>(left < kTile ? left : kTile);
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

template <class E, bool kFlat>
__device__ inline Lane lane_of(const Rows<E>& p, const RowTile& tile) {
  const int first = static_cast<int>(threadIdx.x) * RowSizes<E>::items;
  const int left = tile.count - first;
  std::int64_t row = tile.row, position = tile.offset + first;
  if constexpr (kFlat) {
    if (p.length >= RowSizes<E>::tile) {
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
  any
};

// A lane's elements in order. `Body` has step(a, b), and for the start of row `row` restart(row, state) where
// it is certain and restart_if(here, state) where it may be; if kWrites, body.h after a step replaces b in
// shared memory.
template <class E, bool kFlat, bool kConstant, bool kWrites, class Body>
struct LaneWalk {
  using S = State<E>;
  using Size = RowSizes<E>;
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
  const RowTile& tile;
  Body& body;
  std::int64_t tile_channel;  // of tile.row

  // The constant gates of a row; rows of a tile differ little, so that a division is seldom needed.
  __device__ Gates gates(std::int64_t row) const {
    if constexpr (!kConstant) return {};
    std::int64_t d = tile_channel + (row - tile.row);
    if (d >= p.channels) d %= p.channels;
    return {widen(p.A[d]), widen(p.B[d])};
  }

  template <Walking kWalking>
  __device__ void run(Lane lane, const E* a, E* b) {
    Gates now = gates(lane.row), later{};
    S fresh = 0;
    if (kWalking == Walking::once && lane.next_row < Size::items) {
      fresh = initial(p, lane.row + 1);
      later = gates(lane.row + 1);
    }
    Chunk a_next, b_next;
    auto read = [&](int j) {  // a chunk ahead of its use: the compiler does not move it over the write
      if constexpr (!kConstant) a_next.load(a + j * Size::chunk);
      b_next.load(b + j * Size::chunk);
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
        if constexpr (kWalking == Walking::once) {
          const bool here = i > 0 && i == lane.next_row;
          body.restart_if(here, fresh);
          if (kConstant && here) now = later;
        }
        if constexpr (kWalking == Walking::any) {
          if (i >= lane.left) continue;
          if (kFlat && i == lane.next_row) {
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
      if constexpr (kWrites)
        *reinterpret_cast<int4*>(b + j * Size::chunk) = *reinterpret_cast<const int4*>(cb.e);
    }
    if (kWalking == Walking::once && lane.next_row < Size::items) body.restarted(lane.row + 1);
  }

  // a, b: the tile in shared memory.
  __device__ void operator()(const Lane& lane, const E* a, E* b) {
    const int first = static_cast<int>(threadIdx.x) * Size::items;
    const bool whole = lane.left >= Size::items;
    if (__all_sync(~0U, whole && lane.next_row >= Size::items)) {
      run<Walking::plain>(lane, a + first, b + first);
    } else if (kFlat && p.length >= Size::items && __all_sync(~0U, whole)) {
      run<Walking::once>(lane, a + first, b + first);
    } else if (lane.left > 0) {
      run<Walking::any>(lane, a + first, b + first);
    }
    __syncwarp();
  }
};

// The transition over a lane. After a restart the state that enters does not matter, and offset is the state.
template <class E, class M>
struct Summing {
  using S = State<E>;
  const Rows<E>& p;
  Transition<S, M> sum{};
  bool fixed = false;
  __device__ void restart(std::int64_t, S state) {
    restart_if(true, state);
    fixed = true;
  }
  __device__ void restart_if(bool here, S state) {
    sum.gate = here ? M{} : sum.gate;
    sum.offset = here ? state : sum.offset;
  }
  __device__ void restarted(std::int64_t) { fixed = true; }
  __device__ void step(S a, S b) { sum.step(a, b); }
};

// The states of a lane; last states of rows that end within it are written.
template <class E>
struct Finishing {
  using S = State<E>;
  const Rows<E>& p;
  S h, ended = 0;  // ended: the state before the last restart
  __device__ void restart(std::int64_t row, S state) {
    restart_if(true, state);
    restarted(row);
  }
  __device__ void restart_if(bool here, S state) {
    ended = here ? h : ended;
    h = here ? state : h;
  }
  __device__ void restarted(std::int64_t row) {
    if (p.h_last) p.h_last[row - 1] = ended;
  }
  __device__ void step(S a, S b) { h = fused(a, h, b); }
};

}  // namespace exactscan::cuda
