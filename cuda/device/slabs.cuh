// Schedule `slabs`: channels lie side by side in memory, and time is cut so that few of them fill the device.
//
// A slab is up to 32 neighbouring channels of one batch entry. It is cut in time into tiles; a scanner owns
// kSteps steps of one channel of a tile. All tiles of all slabs are one list, time outside and slab inside,
// and tile q of it belongs to block q mod G. The state that enters tile k of a slab is the state after its
// tile k-w, led through the summaries of tiles k-w+1 .. k-1 (none if w = 1), w the least with w * slabs >= G:
// tile k-w lies a round back or more. The order of combination is fixed. If the number of slabs divides G,
// that state is the block's own; else it is published.
#pragma once

#include "cuda/device/exchange.cuh"
#include "cuda/device/tensor_copy.cuh"

namespace exactscan::cuda {

constexpr int kMostWidth = 32, kMostStreams = 3;
using SlabRoles = Roles<1, 128, 128, 8>;
constexpr int kSlabsBehind = 2;  // tiles between a tile's summary and its end

// What a kernel computes from its streams; S is the state.
enum class SlabKind {
  varying,   // streams a, b: h = a*h + b
  constant,  // stream x: h = A*h + B*x
  adjoint    // streams dh, x, h; backwards in time: g = A*g + dh, dx = B*g, sums of g*h[t-1] and g*x
};

template <class E>
struct Stream {
  const E* data;
  std::int64_t batch, time;
  CUtensorMap map;  // if the slabs are `tensor`
};

template <class E>
struct Slabs {
  const E* A;
  const E* B;
  Stream<E> in[kMostStreams];
  Stream<E> out;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, channels, tiles, slabs;  // tiles: of one slab
  int per_batch, width, segments, steps;  // slabs of a batch entry; channels, segments and steps of a tile
  int window, stages;                     // w above; stages of the ring
  bool own;                               // the state k-w is the block's own
  bool vector, dense;                     // copies of 16 bytes; a slab is one line in memory
  bool tensor;                            // tiles go through the copy engine
  int box_rows, boxes;                    // rows of a box, boxes of a tile
  ExchangeHeader* header;
  Word* states;   // [slab][tile mod 2w][width]
  void* entries;  // [slab][tile][width], if w > 1
  Word* sums;     // adjoint: [slab][tile][width] of {dA, dB}, one word each if S is double
};

// A scanner's steps: so many that a stage is a quarter of shared memory, and odd, so that the lanes of a warp
// meet different banks.
template <class E>
struct SlabSizes {
  static constexpr int steps = sizeof(E) == 2 ? 49 : sizeof(E) == 4 ? 25 : 11;
  static constexpr int adjoint_steps = sizeof(E) == 2 ? 33 : sizeof(E) == 4 ? 17 : 7;
};
template <SlabKind kind>
constexpr int kStreamsOf = kind == SlabKind::adjoint   ? 3
                           : kind == SlabKind::varying ? 2
                                                       : 1;
template <SlabKind kind>
constexpr bool kReversed = kind == SlabKind::adjoint;
template <class E, SlabKind kind>
constexpr int kStepsOf = kind == SlabKind::adjoint ? SlabSizes<E>::adjoint_steps : SlabSizes<E>::steps;

// Bytes of a stream's part of a stage: the tile, before it room for one more row, aligned as the copy
// engine asks.
template <class E>
__host__ __device__ inline int slab_lead(int width) {
  return (width * static_cast<int>(sizeof(E)) + 127) / 128 * 128;
}
template <class E>
__host__ __device__ inline int slab_stream_bytes(int width, int steps) {
  return slab_lead<E>(width) + (width * steps * static_cast<int>(sizeof(E)) + 127) / 128 * 128;
}

// A tile of the list. `place`: of the tile in its slab, in order of the scan; `count`: its steps; `time`: its
// first in memory.
struct SlabTile {
  std::int64_t slab, place, time, batch, channel;
  int count, width;
};

// The tiles of one block in order. In an adjoint the scan begins at the end of time; the tile that may be
// short is the last in memory there too.
template <class E, bool kReverse>
struct SlabCourse {
  const Slabs<E>& p;
  SlabTile tile;
  std::int64_t step_place, step_slab;

  __device__ explicit SlabCourse(const Slabs<E>& slabs) : p(slabs) {
    tile.place = blockIdx.x / p.slabs;
    tile.slab = blockIdx.x - tile.place * p.slabs;
    step_place = gridDim.x / p.slabs;
    step_slab = gridDim.x - step_place * p.slabs;
    settle();
  }
  __device__ void next() {
    tile.place += step_place;
    tile.slab += step_slab;
    if (tile.slab >= p.slabs) tile.slab -= p.slabs, ++tile.place;
    settle();
  }
  __device__ const E* at(const Stream<E>& stream) const {
    return stream.data + tile.batch * stream.batch + tile.time * stream.time + tile.channel;
  }
  // What goes through the copy engine: of a dense slab whole tiles only, as lines of a step of every segment
  // each.
  __device__ bool is_box() const { return p.tensor && (!p.dense || tile.count == p.steps); }
  __device__ Corner corner(int box) const {
    const std::int64_t row = p.dense ? tile.time / p.segments : tile.time;
    return {{static_cast<int>(tile.channel), static_cast<int>(row) + box * p.box_rows,
             static_cast<int>(tile.batch), 0}};
  }
  __device__ bool ends() const { return tile.place == p.tiles - 1; }

 private:
  __device__ void settle() {
    const unsigned s = static_cast<unsigned>(tile.slab), n = static_cast<unsigned>(p.per_batch), b = s / n;
    tile.batch = b;
    tile.channel = static_cast<std::int64_t>(s - b * n) * p.width;
    tile.time = (kReverse ? p.tiles - 1 - tile.place : tile.place) * p.steps;
    const std::int64_t left = p.length - tile.time, wide = p.channels - tile.channel;
    tile.count = static_cast<int>(left < p.steps ? left : p.steps);
    tile.width = static_cast<int>(wide < p.width ? wide : p.width);
  }
};

// How a mover walks a tile: along its line if it is dense in memory, else a column of units down the rows.
template <class E>
__device__ inline Walk slab_walk(const Slabs<E>& p, const SlabTile& tile, int mover,
                                 std::int64_t row_stride) {
  const int unit = p.vector ? 16 / static_cast<int>(sizeof(E)) : 1;
  if (p.dense) return walk_line(mover, SlabRoles::movers, tile.count * p.width, unit);
  const int across = (tile.width + unit - 1) / unit, rows = SlabRoles::movers / across, row = mover / across;
  const int column = (mover - row * across) * unit;
  if (row >= rows) return {0, 0, 0, 0, 0, unit, 0};
  return {row * row_stride + column,
          rows * row_stride,
          row * p.width + column,
          rows * p.width,
          tile.count > row ? (tile.count - row + rows - 1) / rows : 0,
          unit,
          0x7fffffff};
}

// A scanner's part of a tile: its channel in the slab, its first step in order of the scan, and how many
// steps there are from it on in the tile (0 or less: none). It is not cut to the segment's length: nvcc 13.0
// compiled a test for equality behind a clamp to a branch on the wrong predicate (VIMNMX.RELU).
struct Segment {
  int channel, first, left;
};

// segment, channel: threadIdx.x / width and the remainder.
template <class E>
__device__ inline Segment segment_of(const Slabs<E>& p, const SlabTile& tile, int segment, int channel,
                                     int steps) {
  return {channel, segment * steps,
          segment < p.segments && channel < tile.width ? tile.count - segment * steps : 0};
}

// A segment's steps in order: v = read(at), then step(v, at); `at` is the step's element in a stream's tile.
// Reads run ahead of steps by up to kBlock, so that a step may write its own element only.
template <class E, SlabKind kind, class Read, class Step>
__device__ inline void each_step(const Slabs<E>& p, const SlabTile& tile, const Segment& segment, Read&& read,
                                 Step&& step) {
  constexpr int n = kStepsOf<E, kind>, kBlock = n == 49 ? 7 : n == 33 ? 11 : n;
  static_assert(n % kBlock == 0);
  const int row = kReversed<kind> ? tile.count - 1 - segment.first : segment.first;
  const int down = kReversed<kind> ? -p.width : p.width;
  int at = row * p.width + segment.channel;
  if (segment.left >= n) {
#pragma unroll 1
    for (int j = 0; j < n; j += kBlock, at += kBlock * down) {
      decltype(read(at)) v[kBlock];
#pragma unroll
      for (int u = 0; u < kBlock; ++u) v[u] = read(at + u * down);
#pragma unroll
      for (int u = 0; u < kBlock; ++u) step(v[u], at + u * down);
    }
  } else {
    for (int j = 0; j < segment.left; ++j, at += down) step(read(at), at);
  }
}

}  // namespace exactscan::cuda
