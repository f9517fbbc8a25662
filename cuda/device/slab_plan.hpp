// How a problem is cut into slabs and tiles, and what scratch that takes. Host side of device/slabs.cuh.
#pragma once

#include <numeric>

#include "cuda/device/launch.hpp"
#include "cuda/device/slabs.cuh"

namespace exactscan::cuda {

// Channels of a slab through the copy engine, for segments in multiples of `grain`: wide rows are read faster
// (bench/RESULTS-h200.md), but the window's messages grow with the square of the width; waste in the last slab
// and idle scanners cost. Widths above 32 are multiples of a warp.
template <class E>
int slab_width(std::int64_t channels, std::int64_t batch, int grain, int blocks) {
  constexpr int unit = 16 / sizeof(E);
  int best = unit;
  double most = 0;
  for (int width = sizeof(E) == 8 ? 32 : kMostWidth; width >= unit; width -= width > 32 ? 32 : unit) {
    const double used = static_cast<double>(channels) / static_cast<double>(ceil_div(channels, width) * width),
                 threads = static_cast<double>(kScanners / width / grain * grain * width) / kScanners,
                 speed = width >= 64 ? 1 : width >= 32 ? 0.96 : width >= 16 ? 0.92 : 0.5;
    const std::int64_t window = ceil_div(blocks, ceil_div(channels, width) * batch);
    const double reads = static_cast<double>(ceil_div((window - 1) * width, SlabRoles::window)),
                 exchange = reads <= 2 ? 1 : reads <= 8 ? 0.9 : 0.9 * 8 / reads;
    if (used * threads * speed * exchange > most) best = width, most = used * threads * speed * exchange;
  }
  return best;
}
// Without it: near 32 with little waste.
inline int plain_slab_width(std::int64_t channels) {
  return static_cast<int>(ceil_div(channels, ceil_div(channels, 32)));
}

// The tensor that a stream's slabs are boxes of. A dense slab is lines of segments * width elements; of a split
// one, a line is `split` rows, counted from the last 16-byte boundary before the tensor.
template <class E>
TensorShape slab_tensor(const Slabs<E>& k, const Stream<E>& s, std::int64_t batches) {
  const int line = k.segments * k.width, split = k.layout.split();
  if (k.dense) return {{line, k.length / k.segments, batches, 1}, {line, s.batch, 0}, {line, k.box_rows, 1, 1}};
  return {{(split - 1) * s.time + k.channels + k.layout.first, k.length / split, batches, 1},
          {split * s.time, s.batch, 0},
          {k.layout.pitch, k.box_rows, 1, 1}};
}

template <class E>
bool describe_slabs(const Slabs<E>& k, Stream<E>& s, std::int64_t batches) {
  const E* base = s.data - k.layout.first;
  const TensorShape t = slab_tensor(k, s, batches);
  return is_tensor<E>(base, t) && describe_tensor<E>(s.map, base, t);
}

// Cuts time for a width and a number of rows that are aligned together. The boxes of a tile are equal, of at
// most 256 rows, and begin at multiples of 128 bytes.
template <class E, SlabKind kind>
void cut_slabs(Slabs<E>& k, std::int64_t batch, int width, int split_log) {
  constexpr int kSteps = kStepsOf<E, kind>, kLine = 128 / sizeof(E);
  constexpr int kUnit = 16 / sizeof(E);
  k.width = width;
  k.layout = {split_log ? width + kUnit : width, split_log, 0, 0, 0};
  if (split_log) {
    k.layout.step = static_cast<int>(k.in[0].time % kUnit);
    k.layout.first = static_cast<int>(reinterpret_cast<std::uintptr_t>(k.in[0].data) % 16 / sizeof(E));
  }
  // Lines of a dense slab are multiples of 16 bytes.
  const int grain =
      k.dense ? 16 / std::gcd(16, width * static_cast<int>(sizeof(E))) : k.layout.split();
  k.segments = kScanners / width / grain * grain;
  k.steps = k.segments * kSteps;
  k.boxes = k.layout.split();
  if (!k.dense && split_log == 0)
    while (k.steps / k.boxes > 256 || k.steps % k.boxes != 0) ++k.boxes;
  k.box_rows = k.dense ? kSteps : k.steps / k.boxes;
  k.box_elements = k.box_rows * (k.dense ? k.segments * width : k.layout.pitch);
  // Between sets of rows there is room for one more: the step before the tile.
  if (split_log) k.box_elements = static_cast<int>(ceil_div(k.box_elements + k.layout.pitch, kLine)) * kLine;
  k.layout.part = k.box_elements;
  k.stream_bytes = slab_lead<E>(width) +
                   static_cast<int>(ceil_div(k.boxes * k.box_elements * static_cast<int>(sizeof(E)), 128) * 128);
  k.per_batch = static_cast<int>(ceil_div(k.channels, width));
  k.tiles = ceil_div(k.length, k.steps);
  k.slabs = k.per_batch * batch;
}

constexpr int kSlabShared = 16 * 1024;  // about what a block keeps beside the ring

// How the tiles of all slabs are dealt to blocks.
template <class E>
void deal_slabs(Slabs<E>& k, int blocks) {
  const std::int64_t slabs = k.slabs > 0 ? k.slabs : 1, tiles = k.tiles > 0 ? k.tiles : 1;
  const std::int64_t grid = tiles * slabs < blocks ? tiles * slabs : (blocks > 0 ? blocks : 1);
  k.own = grid % slabs == 0;
  const std::int64_t window = ceil_div(grid, slabs);
  k.window = static_cast<int>(window < tiles ? window : tiles);
}

// Sizes, strides and descriptions of tensors, not yet the pointers into scratch. `streams` and `out` name the
// tensors in order; A, B, C, D, h0 and h_last are the caller's to set.
template <class E, SlabKind kind>
Slabs<E> plan_slabs(const ConstView* streams, const View& out, std::int64_t batch, std::int64_t length,
                    std::int64_t channels, int blocks, int width = 0) {
  constexpr int kUnit = 16 / sizeof(E), kStreams = kStreamsOf<kind>;
  Slabs<E> k{};
  k.out = {static_cast<const E*>(out.data), out.batch, out.time, {}};
  k.length = length;
  k.channels = channels;
  k.dense = out.time == channels && channels <= 16;
  for (int i = 0; i < kStreams; ++i) {
    k.in[i] = {static_cast<const E*>(streams[i].data), streams[i].batch, streams[i].time, {}};
    k.dense = k.dense && streams[i].time == channels;
  }
  auto all = [&](auto&& good) {
    bool each = good(k.out);
    for (int i = 0; i < kStreams; ++i) each = each && good(k.in[i]);
    return each;
  };
  // Whether rows begin at multiples of 16 bytes. If not, and the inputs' rows lie alike, they are split; the
  // dense slab is one line.
  auto offset = [](const Stream<E>& s) { return reinterpret_cast<std::uintptr_t>(s.data) % 16; };
  const bool aligned =
      all([&](const Stream<E>& s) { return offset(s) == 0 && s.time % kUnit == 0 && channels % kUnit == 0; });
  constexpr int kSplit = sizeof(E) == 2 ? 3 : sizeof(E) == 4 ? 2 : 1;
  const int split = k.dense || aligned ? 0 : kSplit;
  const int asked = width > 0 ? width : slab_width<E>(channels, batch > 0 ? batch : 1, 1 << split, blocks > 0 ? blocks : 1);
  cut_slabs<E, kind>(k, batch, k.dense ? static_cast<int>(channels) : asked, split);
  const int ring = kLeastStages<SlabRoles::teams, kSlabsBehind> * kStreams * k.stream_bytes;
  k.tensor = ring + kSlabShared <= kSharedLimit && (k.boxes == 1 || k.box_elements * sizeof(E) % 128 == 0) && k.segments > 0 &&
             (split > 0 || describe_slabs(k, k.out, batch));
  for (int i = 0; i < kStreams; ++i)
    k.tensor = k.tensor && describe_slabs(k, k.in[i], batch) && offset(k.in[i]) == offset(k.in[0]) &&
               (split == 0 || k.in[i].time % kUnit == k.in[0].time % kUnit);
  if (!k.tensor)
    cut_slabs<E, kind>(k, batch, k.dense ? static_cast<int>(channels) : plain_slab_width(channels), 0);
  k.vector = all([&](const Stream<E>& s) {
    return reinterpret_cast<std::uintptr_t>(s.data) % 16 == 0 && (batch == 1 || s.batch % kUnit == 0) &&
           (k.dense || (s.time % kUnit == 0 && channels % kUnit == 0 && k.width % kUnit == 0));
  });
  deal_slabs(k, blocks);
  return k;
}

// Scratch: header, states, then summaries or sums.
template <class E>
struct SlabScratch {
  std::size_t states, entries, sums;  // in 16-byte words
  std::size_t bytes() const { return kHeaderBytes + 16 * (states + entries + sums); }
  SlabScratch(const Slabs<E>& k, bool sums_wanted) {
    const std::size_t channels = static_cast<std::size_t>(k.slabs * k.width), entry = sizeof(E) == 8 ? 2 : 1;
    const std::size_t all = channels * static_cast<std::size_t>(k.tiles) * entry;
    states = k.own ? 0 : channels * 2 * static_cast<std::size_t>(k.window);
    entries = k.window > 1 ? all : 0;
    sums = sums_wanted ? all : 0;
  }
  void place(Slabs<E>& k, void* scratch) const {
    k.header = static_cast<ExchangeHeader*>(scratch);
    k.states = reinterpret_cast<Word*>(static_cast<char*>(scratch) + kHeaderBytes);
    Word* rest = k.states + states;
    k.entries = rest;
    k.sums = rest + entries;
  }
};

}  // namespace exactscan::cuda
