// How a problem is cut into slabs and tiles, and what scratch that takes. Host side of device/slabs.cuh.
#pragma once

#include <numeric>

#include "cuda/device/launch.hpp"
#include "cuda/device/slabs.cuh"

namespace exactscan::cuda {

// Channels of a slab. Up to 16: all of them. Else 16 or 32 for the copy engine, whichever wastes less in the
// last slab; without it, near 32 with little waste. (The window's messages grow with the square of the
// width.)
inline int slab_width(std::int64_t channels, bool tensor, bool wide_elements) {
  if (channels <= 16) return static_cast<int>(channels);
  if (channels <= 32) return tensor ? 16 : static_cast<int>(ceil_div(channels, 2));
  const std::int64_t by_16 = ceil_div(channels, 16) * 16, by_32 = ceil_div(channels, 32) * 32;
  if (tensor) return wide_elements || by_16 * 10 < by_32 * 9 ? 16 : 32;
  return static_cast<int>(ceil_div(channels, by_32 / 32));
}

// The tensor that a stream's slabs are boxes of. A dense slab is lines of segments * width elements.
template <class E>
TensorShape slab_tensor(const Slabs<E>& k, std::int64_t batches, std::int64_t batch, std::int64_t time) {
  const int line = k.segments * k.width;
  if (k.dense) return {{line, k.length / k.segments, batches, 1}, {line, batch, 0}, {line, k.box_rows, 1, 1}};
  return {{k.channels, k.length, batches, 1}, {time, batch, 0}, {k.width, k.box_rows, 1, 1}};
}

// Cuts time for a width. The boxes of a tile are equal, of at most 256 rows, and begin at multiples of 128
// bytes.
template <class E, SlabKind kind>
void cut_slabs(Slabs<E>& k, std::int64_t batch, int width) {
  constexpr int kSteps = kStepsOf<E, kind>;
  k.width = width;
  // Lines of a dense slab are multiples of 16 bytes.
  const int grain = k.dense ? 16 / std::gcd(16, width * static_cast<int>(sizeof(E))) : 1;
  k.segments = kScanners / width / grain * grain;
  k.steps = k.segments * kSteps;
  k.boxes = 1;
  if (!k.dense)
    while (k.steps / k.boxes > 256 || k.steps % k.boxes != 0) ++k.boxes;
  k.box_rows = k.dense ? kSteps : k.steps / k.boxes;
  k.per_batch = static_cast<int>(ceil_div(k.channels, width));
  k.tiles = ceil_div(k.length, k.steps);
  k.slabs = k.per_batch * batch;
}

// Sizes, strides and descriptions of tensors, not yet the pointers into scratch. `streams` and `out` name the
// tensors in order; A, B, h0 and h_last are the caller's to set.
template <class E, SlabKind kind>
Slabs<E> plan_slabs(const ConstView* streams, const View& out, std::int64_t batch, std::int64_t length,
                    std::int64_t channels, int blocks) {
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
  cut_slabs<E, kind>(k, batch, slab_width(channels, true, sizeof(E) == 8));
  k.tensor = (k.dense || channels % kUnit == 0) &&
             k.box_rows * k.width * sizeof(E) % (k.boxes > 1 ? 128 : 1) == 0 && all([&](Stream<E>& s) {
               const TensorShape t = slab_tensor(k, batch, s.batch, s.time);
               return is_tensor<E>(s.data, t) && describe_tensor<E>(s.map, s.data, t);
             });
  if (!k.tensor) cut_slabs<E, kind>(k, batch, slab_width(channels, false, false));
  k.vector = all([&](const Stream<E>& s) {
    return reinterpret_cast<std::uintptr_t>(s.data) % 16 == 0 && (batch == 1 || s.batch % kUnit == 0) &&
           (k.dense || (s.time % kUnit == 0 && channels % kUnit == 0 && k.width % kUnit == 0));
  });
  const std::int64_t slabs = k.slabs > 0 ? k.slabs : 1, tiles = k.tiles > 0 ? k.tiles : 1;
  const std::int64_t grid = tiles * slabs < blocks ? tiles * slabs : (blocks > 0 ? blocks : 1);
  k.own = grid % slabs == 0;
  const std::int64_t window = ceil_div(grid, slabs);
  k.window = static_cast<int>(window < tiles ? window : tiles);
  return k;
}

// Scratch: header, states, then summaries or sums.
template <class E>
struct SlabScratch {
  std::size_t states, rest;  // in 16-byte words
  std::size_t bytes() const { return kHeaderBytes + 16 * (states + rest); }
  SlabScratch(const Slabs<E>& k, bool sums) {
    const std::size_t channels = static_cast<std::size_t>(k.slabs * k.width);
    const std::size_t entry = sizeof(E) == 8 ? 2 : 1,
                      tiles = channels * static_cast<std::size_t>(k.tiles) * entry;
    states = k.own ? 0 : channels * 2 * static_cast<std::size_t>(k.window);
    rest = (k.window > 1 ? tiles : 0) + (sums ? tiles : 0);
  }
  void place(Slabs<E>& k, void* scratch, bool sums) const {
    k.header = static_cast<ExchangeHeader*>(scratch);
    k.states = reinterpret_cast<Word*>(static_cast<char*>(scratch) + kHeaderBytes);
    k.entries = k.states + states;
    k.sums = sums ? k.states + states + (k.window > 1 ? rest / 2 : 0) : nullptr;
  }
};

}  // namespace exactscan::cuda
