// How the selective scan's channels are cut into tiles, and what is brought to one of them. Private to impl/.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "impl/selective_scan.hpp"
#include "impl/selective_tile.hpp"

namespace exactscan::impl {

constexpr std::int64_t kSelectiveSteps = 64;  // time steps of a tile
// Steps of one tile after another before the next tile: each row is a page of memory of its own, so that
// going to and fro between rows costs a walk of the page tables each time.
constexpr std::int64_t kSelectiveSpan = 8 * kSelectiveSteps;

inline void require_selective(bool condition, const char* what) {
  if (!condition) throw ArgumentError(std::string("selective scan: ") + what);
}

template <class T>
void require_valid(const SelectiveShape& s, const SelectiveInputs<T>& in, const void* output) {
  require_selective(s.batch >= 0 && s.channels >= 0 && s.groups >= 1 && s.states >= 0 && s.length >= 0,
                    "a size is negative, or there is no group");
  require_selective(s.channels % s.groups == 0, "the channels cannot share so many groups");
  const bool empty = s.batch == 0 || s.channels == 0 || s.length == 0, stateless = empty || s.states == 0;
  require_selective(empty || (in.u != nullptr && in.delta != nullptr && output != nullptr),
                    "a tensor is missing");
  require_selective(stateless || (in.A != nullptr && (in.B != nullptr || in.constant_B != nullptr) &&
                                  (in.C != nullptr || in.constant_C != nullptr)),
                    "a tensor is missing");
}

// A tile of at most kTileWidth channels of one group.
struct ChannelTile {
  std::int64_t group, first, count;
};

inline std::vector<ChannelTile> channel_tiles(const SelectiveShape& shape) {
  std::vector<ChannelTile> tiles;
  const std::int64_t shared = shape.channels / shape.groups;
  for (std::int64_t g = 0; g < shape.groups; ++g) {
    for (std::int64_t d = 0; d < shared; d += kTileWidth)
      tiles.push_back({g, g * shared + d, std::min(kTileWidth, shared - d)});
  }
  return tiles;
}

template <class S>
using TileRows = std::vector<S>;  // of kTileWidth elements each
template <class S>
TileRows<S> tile_rows(std::int64_t rows) {
  return TileRows<S>(static_cast<std::size_t>(std::max<std::int64_t>(rows, 1) * kTileWidth));
}

// What belongs to a tile at all times: rates, constant weights, one number a channel.
template <class S>
struct TileConstants {
  TileRows<S> A, rates, B, C, D, bias;
  bool skips = false, biased = false;
};

// [channels, states] to [states][kTileWidth].
template <class S>
TileRows<S> by_state(const S* from, const ChannelTile& tile, std::int64_t states) {
  TileRows<S> to = tile_rows<S>(states);
  if (from != nullptr)
    gather_rows(from + tile.first * states, states, tile.count, states, to.data(), kTileWidth);
  return to;
}
template <class S>
TileRows<S> one_each(const S* from, const ChannelTile& tile) {
  TileRows<S> to = tile_rows<S>(1);
  if (from != nullptr) std::copy_n(from + tile.first, tile.count, to.begin());
  return to;
}

template <class T>
TileConstants<State<T>> constants_of(const SelectiveInputs<T>& in, const ChannelTile& tile,
                                     std::int64_t states) {
  using S = State<T>;
  TileConstants<S> c;
  c.A = by_state(in.A, tile, states);
  c.rates = c.A;
  for (S& rate : c.rates) rate *= kLog2E<S>;
  if (in.constant_B != nullptr) c.B = by_state(in.constant_B, tile, states);
  if (in.constant_C != nullptr) c.C = by_state(in.constant_C, tile, states);
  c.D = one_each(in.D, tile), c.bias = one_each(in.delta_bias, tile);
  c.skips = in.D != nullptr, c.biased = in.delta_bias != nullptr;
  return c;
}

// B and C of one batch entry and group for some steps, [steps][states].
template <class T>
struct StepWeights {
  std::vector<State<T>> B, C;
  std::int64_t group = -1, first = 0;  // of which they are, from which step on

  void fetch(const SelectiveShape& s, const SelectiveInputs<T>& in, std::int64_t b, std::int64_t g,
             std::int64_t t, std::int64_t steps) {
    group = g, first = t;
    const std::int64_t from = (b * s.groups + g) * s.states * s.length + t;
    const auto get = [&](const T* weights, std::vector<State<T>>& to) {
      to.resize(static_cast<std::size_t>(std::max<std::int64_t>(steps * s.states, 1)));
      gather_rows(weights + from, s.length, s.states, steps, to.data(), s.states);
    };
    if (in.constant_B == nullptr && in.B != nullptr) get(in.B, B);
    if (in.constant_C == nullptr && in.C != nullptr) get(in.C, C);
  }
};

// From the `offset`-th of the fetched steps on.
template <class T>
TileWeight<State<T>> weight_of(const State<T>* constant, const TileRows<State<T>>& own,
                               const std::vector<State<T>>& shared, std::int64_t offset) {
  return constant != nullptr ? TileWeight<State<T>>{own.data(), true}
                             : TileWeight<State<T>>{shared.data() + offset, false};
}

// Asks for the lines of `count` rows of some steps, so that they are in the second-level cache by the time
// that they are read: rows lie too far apart for the processor to foresee.
template <class T>
void prefetch_rows(const T* rows, std::int64_t distance, std::int64_t count, std::int64_t steps) {
  constexpr auto line = static_cast<std::int64_t>(64 / sizeof(T));
  for (std::int64_t c = 0; c < count; ++c) {
    for (std::int64_t t = 0; t < steps; t += line) __builtin_prefetch(rows + c * distance + t, 0, 2);
  }
}

// u, step sizes and drive of one tile for some steps.
template <class T>
struct TileSteps {
  TileRows<State<T>> u = tile_rows<State<T>>(kSelectiveSteps), delta = u, drive = u, y = u, z = u;

  // `at`: where the tile's first channel and step are in [batch, channels, length].
  void fetch(const SelectiveShape& s, const SelectiveInputs<T>& in, const TileConstants<State<T>>& c,
             std::int64_t count, std::int64_t at, std::int64_t steps) {
    gather_rows(in.u + at, s.length, count, steps, u.data(), kTileWidth);
    gather_rows(in.delta + at, s.length, count, steps, delta.data(), kTileWidth);
    make_step_sizes(in.step, c.biased ? c.bias.data() : nullptr, delta.data(), steps);
    products(delta.data(), u.data(), drive.data(), steps);
    skip(c.skips ? c.D.data() : nullptr, u.data(), y.data(), steps);
    if (in.z != nullptr) gather_rows(in.z + at, s.length, count, steps, z.data(), kTileWidth);
  }
};

}  // namespace exactscan::impl
