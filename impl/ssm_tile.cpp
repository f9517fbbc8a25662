#include "impl/ssm_tile.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "impl/ssm_tile.cpp"
#include <hwy/foreach_target.h>  // compiles this file again for each target
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class S>
void forward(const ForwardTile<S>& tile) {
  const hn::CappedTag<S, kTileGrain> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < tile.width; c += lanes) {
    auto state = hn::LoadU(d, tile.state + c);
    for (std::int64_t i = c; i < tile.steps * tile.width; i += tile.width) {
      if (tile.before != nullptr) hn::StoreU(state, d, tile.before + i);
      state = hn::MulAdd(hn::LoadU(d, tile.a + i), state,
                         hn::Mul(hn::LoadU(d, tile.b + i), hn::LoadU(d, tile.x + i)));
    }
    hn::StoreU(state, d, tile.state + c);
  }
}

template <class S>
void reverse(const ReverseTile<S>& tile) {
  const hn::CappedTag<S, kTileGrain> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < tile.width; c += lanes) {
    auto g = hn::LoadU(d, tile.g + c), next_a = hn::LoadU(d, tile.next_a + c);
    auto sum_a = hn::LoadU(d, tile.sum_a + c), sum_b = hn::LoadU(d, tile.sum_b + c);
    for (std::int64_t t = tile.steps; t-- > 0;) {
      const std::int64_t i = t * tile.width + c;
      g = hn::MulAdd(next_a, g, hn::LoadU(d, tile.dh + i));
      next_a = hn::LoadU(d, tile.a + i);
      const auto before = hn::LoadU(d, tile.before + i), x = hn::LoadU(d, tile.x + i);
      sum_a = hn::MulAdd(g, before, sum_a);
      sum_b = hn::MulAdd(g, x, sum_b);
      hn::StoreU(hn::Mul(g, before), d, tile.da + i);
      hn::StoreU(hn::Mul(g, x), d, tile.db + i);
      hn::StoreU(hn::Mul(g, hn::LoadU(d, tile.b + i)), d, tile.dx + i);
    }
    hn::StoreU(g, d, tile.g + c);
    hn::StoreU(next_a, d, tile.next_a + c);
    hn::StoreU(sum_a, d, tile.sum_a + c);
    hn::StoreU(sum_b, d, tile.sum_b + c);
  }
}

template <class S>
void readout(const ReadoutTile<S>& tile) {
  const hn::CappedTag<S, kTileGrain> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < tile.width; c += lanes) {
    const auto A = hn::LoadU(d, tile.A + c), B = hn::LoadU(d, tile.B + c), C = hn::LoadU(d, tile.C + c),
               D = hn::LoadU(d, tile.D + c);
    auto state = hn::LoadU(d, tile.state + c);
    for (std::int64_t i = c; i < tile.steps * tile.width; i += tile.width) {
      const auto s = hn::LoadU(d, tile.s + i);
      state = hn::MulAdd(A, state, hn::Mul(B, s));
      hn::StoreU(hn::MulAdd(C, state, hn::Mul(D, s)), d, tile.s + i);
    }
    hn::StoreU(state, d, tile.state + c);
  }
}

void forward_f32(const ForwardTile<float>& tile) { forward(tile); }
void forward_f64(const ForwardTile<double>& tile) { forward(tile); }
void reverse_f32(const ReverseTile<float>& tile) { reverse(tile); }
void reverse_f64(const ReverseTile<double>& tile) { reverse(tile); }
void readout_f32(const ReadoutTile<float>& tile) { readout(tile); }
void readout_f64(const ReadoutTile<double>& tile) { readout(tile); }

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace exactscan::impl {

HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_f64);
HWY_EXPORT(reverse_f32);
HWY_EXPORT(reverse_f64);
HWY_EXPORT(readout_f32);
HWY_EXPORT(readout_f64);

void run(const ForwardTile<float>& tile) { HWY_DYNAMIC_DISPATCH(forward_f32)(tile); }
void run(const ForwardTile<double>& tile) { HWY_DYNAMIC_DISPATCH(forward_f64)(tile); }
void run(const ReverseTile<float>& tile) { HWY_DYNAMIC_DISPATCH(reverse_f32)(tile); }
void run(const ReverseTile<double>& tile) { HWY_DYNAMIC_DISPATCH(reverse_f64)(tile); }
void run(const ReadoutTile<float>& tile) { HWY_DYNAMIC_DISPATCH(readout_f32)(tile); }
void run(const ReadoutTile<double>& tile) { HWY_DYNAMIC_DISPATCH(readout_f64)(tile); }

}  // namespace exactscan::impl
#endif
