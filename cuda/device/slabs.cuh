// Schedule `slabs`: channels lie side by side in memory, and time is cut so that few of them fill the device.
//
// A slab is up to kMostWidth neighbouring channels of one batch entry. It is cut in time into tiles; a scanner
// owns kSteps steps of one channel of a tile. All tiles of all slabs are one list, time outside and slab
// inside, and tile q of it belongs to block q mod G. The state that enters tile k of a slab is the state after
// its tile k-w, led through the summaries of tiles k-w+1 .. k-1 (none if w = 1), w the least with w * slabs >=
// G: tile k-w lies a round back or more. If the number of slabs divides G, that state is the block's own; else
// it is published. The order of combination is fixed.
//
#pragma once

#include "cuda/device/exchange.cuh"
#include "cuda/device/tensor_copy.cuh"

namespace exactscan::cuda {

constexpr int kMostWidth = 64, kMostStreams = 3;
using SlabRoles = Roles<1, 128>;
constexpr int kSlabsBehind = 2;  // tiles between a tile's summary and its end
constexpr int kCarries = 4;      // states that enter tiles, at most so many ahead

// What a kernel computes from its streams; S is the state.
enum class SlabKind {
  varying,   // streams a, b: h = a*h + b
  constant,  // stream x: h = A*h + B*x; out: h, or C*h + D*x if there is a C
  adjoint    // streams dh, x, h; backwards in time: g = A*g + dh, dx = B*g, sums of g*h[t-1] and g*x
};

template <class E>
struct Stream {
  const E* data;
  std::int64_t batch, time;
  CUtensorMap map;  // if the slabs are `tensor`
};

// How a tile lies in shared memory: row after row, or, where rows of memory are not 16-byte aligned, every
// split-th row after each other. Memory is then to the copy engine a tensor of `split` rows a line, and boxes
// are one chunk of 16 bytes wider and begin up to a chunk before the slab, as the engine must.
struct RowLayout {
  int pitch, split_log = 0, part = 0;  // part: elements from one set of rows to the next
  int step = 0, first = 0;             // of a row and of the tensor, from 16-byte alignment, in elements
  __host__ __device__ int split() const { return 1 << split_log; }
  __host__ __device__ int before(int row) const { return (row * step + first) & (split() - 1); }
  template <bool kSplit>
  __device__ int at(int row) const {
    if constexpr (!kSplit) return row * pitch;
    const int set = row & (split() - 1);
    return set * part + (row >> split_log) * pitch + before(set);
  }
  __device__ int at(int row) const { return split_log ? at<true>(row) : at<false>(row); }
};

template <class E>
struct Slabs {
  const E* A;
  const E* B;
  const E* C;  // constant: of the readout, or null
  const E* D;
  Stream<E> in[kMostStreams];
  Stream<E> out;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, channels, tiles, slabs;  // tiles: of one slab
  int per_batch, segments, steps;  // slabs of a batch entry; segments and steps of a tile
  int width;                       // channels of a slab
  int stream_bytes;                // of a stream's part of a stage
  int window, stages;              // w above; stages of the ring
  bool own;                        // the state k-w is the block's own
  bool vector, dense;              // copies of 16 bytes; a slab is one line in memory
  bool tensor;                     // tiles go through the copy engine
  int box_rows, boxes;             // rows of a box, boxes of a tile
  int box_elements;                // from one box to the next
  RowLayout layout;
  ExchangeHeader* header;
  Word* states;   // [slab][tile mod 2w][width]
  void* entries;  // [slab][tile][width], if w > 1
  Word* sums;     // adjoint: [slab][tile][width] of {dA, dB}, one word each if S is double
};

template <SlabKind kind>
constexpr int kStreamsOf = kind == SlabKind::adjoint   ? 3
                           : kind == SlabKind::varying ? 2
                                                       : 1;
template <SlabKind kind>
constexpr bool kReversed = kind == SlabKind::adjoint;

// A scanner's steps: so many that the ring holds four stages of split rows, and odd, so that the lanes of a warp
// meet different banks.
template <class E, SlabKind kind>
constexpr int kStepsOf = kind == SlabKind::adjoint    ? (sizeof(E) == 2   ? 25
                                                         : sizeof(E) == 4 ? 13
                                                                          : 7)
                         : kind == SlabKind::constant ? (sizeof(E) == 2   ? 65
                                                         : sizeof(E) == 4 ? 33
                                                                          : 17)
                                                      : (sizeof(E) == 2   ? 35
                                                         : sizeof(E) == 4 ? 21
                                                                          : 9);

// Room for one more row before the tile of a stream, aligned as the copy engine asks.
template <class E>
__host__ __device__ inline int slab_lead(int width) {
  return (width * static_cast<int>(sizeof(E)) + 127) / 128 * 128;
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
  // What goes through the copy engine: of a dense or split slab whole tiles only. A dense one is lines of a
  // step of every segment each; of a split one results are written by the scanners.
  __device__ bool is_box() const {
    return p.tensor && ((!p.dense && p.layout.split_log == 0) || tile.count == p.steps);
  }
  __device__ Corner corner(const Stream<E>& stream, int box) const {
    const int first = static_cast<int>(tile.channel), batch = static_cast<int>(tile.batch);
    const RowLayout& r = p.layout;
    if (r.split_log)
      return {{first + box * static_cast<int>(stream.time) + r.first - r.before(box),
               static_cast<int>(tile.time >> r.split_log), batch, 0}};
    const std::int64_t row = p.dense ? tile.time / p.segments : tile.time;
    return {{first, static_cast<int>(row) + box * p.box_rows, batch, 0}};
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

// A mover's share of a tile that is not one line: f(place in shared memory, place in global memory) for a
// column of units down the rows.
template <class E, bool kVector, class F>
__device__ inline void slab_walk(const Slabs<E>& p, const SlabTile& tile, int mover, std::int64_t row_stride,
                                 F&& f) {
  constexpr int unit = kVector ? 16 / static_cast<int>(sizeof(E)) : 1;
  const int across = (tile.width + unit - 1) / unit, rows = kMovers / across, first = mover / across;
  const int column = (mover - first * across) * unit;
  if (first >= rows) return;
#pragma unroll 8
  for (int row = first; row < tile.count; row += rows)
    f(p.layout.at(row) + column, row * row_stride + column);
}

// A scanner's part of a tile: its channel in the slab, its first step in order of the scan, and how many
// steps there are from it on in the tile (0 or less: none). It is not cut to the segment's length: nvcc 13.0
// compiled a test for equality behind a clamp to a branch on the wrong predicate (VIMNMX.RELU).
struct Segment {
  int channel, first, left;
};

// segment, channel: the scanner's number by width and the remainder.
template <class E>
__device__ inline Segment segment_of(const Slabs<E>& p, const SlabTile& tile, int segment, int channel,
                                     int steps) {
  return {channel, segment * steps,
          segment < p.segments && channel < tile.width ? tile.count - segment * steps : 0};
}

// A segment's steps in order: v = read(at, before), then step(v, at, row); `at` is the step's element in a
// stream's tile, `before` that of the step before in time. Reads run ahead of steps by up to kBlock, so that a
// step may write its own element only.
template <class E, SlabKind kind, bool kSplit, class Read, class Step>
__device__ inline void each_step_in(const RowLayout& layout, const SlabTile& tile, const Segment& segment,
                                    Read&& read, Step&& step) {
  constexpr int n = kStepsOf<E, kind>;
  constexpr int kBlock = n == 65 ? 13 : n == 33 ? 11 : n % 7 == 0 ? 7 : n == 25 ? 5 : n;
  static_assert(n % kBlock == 0);
  constexpr int down = kReversed<kind> ? -1 : 1;
  int row = kReversed<kind> ? tile.count - 1 - segment.first : segment.first;
  auto at = [&](int r) { return layout.at<kSplit>(r) + segment.channel; };
  if (segment.left >= n) {
#pragma unroll 1
    for (int j = 0; j < n; j += kBlock, row += kBlock * down) {
      decltype(read(0, 0)) v[kBlock];
#pragma unroll
      for (int u = 0; u < kBlock; ++u) v[u] = read(at(row + u * down), at(row + u * down - 1));
#pragma unroll
      for (int u = 0; u < kBlock; ++u) step(v[u], at(row + u * down), row + u * down);
    }
  } else {
    for (int j = 0; j < segment.left; ++j, row += down) step(read(at(row), at(row - 1)), at(row), row);
  }
}
template <class E, SlabKind kind, class Read, class Step>
__device__ inline void each_step(const RowLayout& layout, const SlabTile& tile, const Segment& segment,
                                 Read&& read, Step&& step) {
  if (layout.split_log)
    each_step_in<E, kind, true>(layout, tile, segment, read, step);
  else
    each_step_in<E, kind, false>(layout, tile, segment, read, step);
}

}  // namespace exactscan::cuda
