#include "impl/ssd_tile.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "impl/ssd_tile.cpp"
#include <hwy/foreach_target.h>  // compiles this file again for each target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// kStates states of kVectors vectors of columns stay in registers over all steps.
template <std::int64_t kStates, std::int64_t kVectors, class S>
HWY_INLINE void scan_states(const SsdTile<S>& tile, std::int64_t n, const S* weights, std::int64_t c) {
  const hn::CappedTag<S, kTileWidth> d;
  using V = hn::Vec<hn::CappedTag<S, kTileWidth>>;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  V s[kStates][kVectors];
  for (std::int64_t k = 0; k < kStates; ++k) {
    for (std::int64_t v = 0; v < kVectors; ++v)
      s[k][v] = hn::LoadU(d, tile.state + (n + k) * kTileWidth + c + v * lanes);
  }
  for (std::int64_t t = 0; t < tile.steps; ++t, weights += 2 * kSsdStates) {
    const auto a = hn::Set(d, tile.decay[t]);
    const std::int64_t i = t * kTileWidth + c;
    V x[kVectors], y[kVectors];
    for (std::int64_t v = 0; v < kVectors; ++v) {
      x[v] = hn::LoadU(d, tile.x + i + v * lanes);
      y[v] = hn::LoadU(d, tile.y + i + v * lanes);
    }
    for (std::int64_t k = 0; k < kStates; ++k) {
      const auto B = hn::Set(d, weights[k]), C = hn::Set(d, weights[kSsdStates + k]);
      for (std::int64_t v = 0; v < kVectors; ++v) {
        s[k][v] = hn::MulAdd(a, s[k][v], hn::Mul(B, x[v]));
        y[v] = hn::MulAdd(C, s[k][v], y[v]);
      }
    }
    for (std::int64_t v = 0; v < kVectors; ++v) hn::StoreU(y[v], d, tile.y + i + v * lanes);
  }
  for (std::int64_t k = 0; k < kStates; ++k) {
    for (std::int64_t v = 0; v < kVectors; ++v)
      hn::StoreU(s[k][v], d, tile.state + (n + k) * kTileWidth + c + v * lanes);
  }
}

template <class S>
void scan(const SsdTile<S>& tile) {
  constexpr auto all = static_cast<std::int64_t>(hn::MaxLanes(hn::CappedTag<S, kTileWidth>()));
  constexpr std::int64_t vectors = all == kTileWidth ? 1 : 2;
  for (std::int64_t c = 0; c < kTileWidth; c += vectors * all) {
    std::int64_t n = 0;
    const S* weights = tile.weights;
    for (; n + kSsdStates <= tile.states; n += kSsdStates, weights += tile.distance)
      scan_states<kSsdStates, vectors>(tile, n, weights, c);
    for (std::int64_t k = 0; n < tile.states; ++n, ++k) scan_states<1, vectors>(tile, n, weights + k, c);
  }
}

void scan_f32(const SsdTile<float>& tile) { scan(tile); }
void scan_f64(const SsdTile<double>& tile) { scan(tile); }

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace exactscan::impl {

HWY_EXPORT(scan_f32);
HWY_EXPORT(scan_f64);

void run(const SsdTile<float>& tile) { HWY_DYNAMIC_DISPATCH(scan_f32)(tile); }
void run(const SsdTile<double>& tile) { HWY_DYNAMIC_DISPATCH(scan_f64)(tile); }

}  // namespace exactscan::impl
#endif
