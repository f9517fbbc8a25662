// How a problem is cut into slabs and tiles, and what scratch that takes. Host side of device/slabs.cuh.
#pragma once

#include <numeric>

#include "cuda/device/launch.hpp"
#include "cuda/device/slabs.cuh"

namespace exactscan::cuda {

// Channels of a slab. Few channels: all. Else near 32, a multiple of `unit`, with little waste in the last
// slab. (The window's messages grow with the square of the width: 17 to 32 channels are two slabs.)
inline int slab_width(std::int64_t channels, int unit) {
  if (channels <= 16) return static_cast<int>(channels);
  const std::int64_t least = channels <= 32 ? 2 : ceil_div(channels, kMostWidth);
  std::int64_t best = 0, best_total = 0;
  for (std::int64_t n = least; n <= least + 4; ++n) {
    const std::int64_t width = ceil_div(ceil_div(channels, n), unit) * unit;
    if (width < 12 && best) break;
    const std::int64_t total = ceil_div(channels, width) * width;
    if (!best || total < best_total) best = width, best_total = total;
  }
  return static_cast<int>(best);
}

inline bool aligned_16(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; }

// Sizes and strides, not yet the pointers into scratch. `streams` and `out` name the tensors in order; A, B,
// h0 and h_last are the caller's to set.
template <class E, SlabKind kind>
Slabs<E> plan_slabs(const ConstView* streams, const View& out, std::int64_t batch, std::int64_t length,
                    std::int64_t channels, int blocks) {
  constexpr int kUnit = 16 / sizeof(E), kSteps = kStepsOf<E, kind>;
  Slabs<E> k{};
  bool dense = out.time == channels && channels <= 16, aligned = aligned_16(out.data),
       rows = out.time % kUnit == 0;
  bool batches = batch == 1 || out.batch % kUnit == 0;
  for (int i = 0; i < kStreamsOf<kind>; ++i) {
    const ConstView& v = streams[i];
    k.in[i] = {static_cast<const E*>(v.data), v.batch, v.time};
    dense = dense && v.time == channels;
    aligned = aligned && aligned_16(v.data);
    rows = rows && v.time % kUnit == 0;
    batches = batches && (batch == 1 || v.batch % kUnit == 0);
  }
  k.out = static_cast<E*>(out.data);
  k.out_batch = out.batch;
  k.out_time = out.time;
  k.length = length;
  k.channels = channels;
  k.dense = dense;
  k.vector = aligned && batches && (dense || (rows && channels % kUnit == 0));
  k.width = slab_width(channels, k.vector && !dense ? kUnit : 1);
  if (k.vector && !dense) k.width = static_cast<int>(ceil_div(k.width, kUnit)) * kUnit;
  // Tiles of a dense slab must begin at a multiple of 16 bytes.
  const int grain = dense ? 16 / std::gcd(16, k.width * static_cast<int>(sizeof(E))) : 1;
  k.segments = kScanners / k.width / grain * grain;
  k.steps = k.segments * kSteps;
  k.per_batch = static_cast<int>(ceil_div(channels, k.width));
  k.tiles = ceil_div(length, k.steps);
  k.slabs = k.per_batch * batch;
  const std::int64_t window = ceil_div(blocks, k.slabs > 0 ? k.slabs : 1);
  k.window = static_cast<int>(window < k.tiles ? window : (k.tiles > 0 ? k.tiles : 1));
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
    states = channels * 2 * static_cast<std::size_t>(k.window);
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
