// Defects of scans within a tile of lanes (Kogge and Stone), as warps and vectors do them.
#include <vector>

#include "tests/mutants/lists.hpp"

namespace exactscan::mutants {
namespace {

constexpr std::int64_t kTile = 64;

struct Map {
  float a, b;
};
// first, then then.
Map compose(const Map& first, const Map& then) { return {then.a * first.a, then.a * first.b + then.b}; }

// One doubling step over the lanes of a tile: `from` says which lane a lane composes with.
template <class From>
std::vector<Map> doubled(const std::vector<Map>& lanes, std::int64_t by, const From& from) {
  std::vector<Map> result = lanes;
  for (std::int64_t i = by; i < static_cast<std::int64_t>(lanes.size()); ++i)
    result[static_cast<std::size_t>(i)] =
        compose(lanes[static_cast<std::size_t>(from(i, by))], lanes[static_cast<std::size_t>(i)]);
  return result;
}

// Scans tile by tile; `scan_tile` turns the maps of a tile into their prefixes.
template <class ScanTile>
void run_tiles(Channel& c, const ScanTile& scan_tile) {
  float state = c.initial;
  for (std::int64_t t = 0; t < c.length(); t += kTile) {
    std::vector<Map> lanes;
    for (std::int64_t i = t; i < std::min(t + kTile, c.length()); ++i)
      lanes.push_back({c.a[static_cast<std::size_t>(i)], c.b[static_cast<std::size_t>(i)]});
    lanes = scan_tile(lanes);
    for (std::size_t i = 0; i < lanes.size(); ++i)
      c.h[static_cast<std::size_t>(t) + i] = lanes[i].a * state + lanes[i].b;
    state = c.h[static_cast<std::size_t>(t) + lanes.size() - 1];
  }
  if (c.length() > 0) c.last = state;
}

std::int64_t before(std::int64_t lane, std::int64_t by) { return lane - by; }

std::vector<Map> scan_tile(std::vector<Map> lanes) {
  for (std::int64_t by = 1; by < kTile; by *= 2) lanes = doubled(lanes, by, before);
  return lanes;
}

}  // namespace

void tiled(Channel& c) {
  run_tiles(c, [](std::vector<Map> lanes) { return scan_tile(std::move(lanes)); });
}

void add_tile_mutants(std::vector<Mutant>& list) {
  plant(list, "lane_mask_too_narrow", "lanes above 31 of 64 look up the lane number modulo 32",
        "mamba_ssm 831: mask 0x1f", [](Channel& c) {
          run_tiles(c, [](std::vector<Map> lanes) {
            for (std::int64_t by = 1; by < kTile; by *= 2)
              lanes = doubled(lanes, by, [](std::int64_t i, std::int64_t b) { return (i - b) & 31; });
            return lanes;
          });
        });
  plant(list, "one_doubling_missing", "the last doubling step is left out", "ggml 14196: warpSize",
        [](Channel& c) {
          run_tiles(c, [](std::vector<Map> lanes) {
            for (std::int64_t by = 1; by < kTile / 2; by *= 2) lanes = doubled(lanes, by, before);
            return lanes;
          });
        });
  plant(list, "updated_in_place", "lanes read neighbours that this step has already updated",
        "ggml 24360, TensorRT-Model-Connect 719", [](Channel& c) {
          run_tiles(c, [](std::vector<Map> lanes) {
            for (std::int64_t by = 1; by < kTile; by *= 2) {
              for (std::size_t i = static_cast<std::size_t>(by); i < lanes.size(); ++i)
                lanes[i] = compose(lanes[i - static_cast<std::size_t>(by)], lanes[i]);
            }
            return lanes;
          });
        });
  // Lanes without a predecessor look up one at the other end of the tile, times zero. (Multiplying by an
  // identity map instead is a padding that the theorem allows: no defect.)
  plant(list, "masked_by_multiplication", "lanes without a predecessor read a later lane, times zero",
        "mamba_ssm bb3a82a, fla 794: 0 * inf", [](Channel& c) {
          run_tiles(c, [](std::vector<Map> lanes) {
            const auto count = static_cast<std::int64_t>(lanes.size());
            for (std::int64_t by = 1; by < kTile; by *= 2) {
              const std::vector<Map> before_step = lanes;
              for (std::int64_t i = 0; i < count; ++i) {
                const bool inside = i >= by;
                const Map& other = before_step[static_cast<std::size_t>(inside ? i - by : count - 1 - i)];
                Map& own = lanes[static_cast<std::size_t>(i)];
                const float mask = inside ? 1.0F : 0.0F;
                own = {inside ? own.a * other.a : own.a, own.a * (other.b * mask) + own.b};
              }
            }
            return lanes;
          });
        });
  plant(list, "strided_product",
        "the multiplier of a tile is the product of the products of every second multiplier",
        "probe: products over steps that are no neighbours overflow where no window does", [](Channel& c) {
          run_tiles(c, [](std::vector<Map> lanes) {
            float even = 1, odd = 1;
            for (std::size_t i = 0; i < lanes.size(); ++i) (i % 2 == 0 ? even : odd) *= lanes[i].a;
            lanes = scan_tile(std::move(lanes));
            lanes.back().a = even * odd;
            return lanes;
          });
        });
}

}  // namespace exactscan::mutants
