#include "impl/selective_tile.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "impl/selective_tile.cpp"
#include <hwy/foreach_target.h>  // compiles this file again for each target
#include <hwy/highway.h>

#include "impl/mamba_functions-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

template <class S>
using TileTag = hn::CappedTag<S, kTileWidth>;

template <bool kSafe, class D, class V>
HWY_INLINE V decay(D d, V delta, V rate) {
  if constexpr (kSafe) {
    return exp2_of_product_safe(d, delta, rate);
  } else {
    return exp2_of_product(d, delta, rate);
  }
}

// Whether no product of a step size and a rate of the columns from c on leaves the range of the fast form.
template <class S>
bool is_safe(const S* delta, const S* rates, std::int64_t steps, std::int64_t states, std::int64_t c) {
  const TileTag<S> d;
  auto largest = hn::Zero(d);
  auto fits = hn::Eq(largest, largest);
  const auto bound = hn::Set(d, S(0x1p100F));
  for (std::int64_t t = 0; t < steps; ++t) {
    const auto size = hn::Abs(hn::LoadU(d, delta + t * kTileWidth + c));
    fits = hn::And(fits, hn::Lt(size, bound));  // not so for a NaN, which Max may drop
    largest = hn::Max(largest, size);
  }
  for (std::int64_t n = 0; n < states; ++n) {
    const auto product = hn::Mul(hn::Abs(hn::LoadU(d, rates + n * kTileWidth + c)), largest);
    fits = hn::And(fits, hn::Lt(product, hn::Set(d, kSafeExponent<S>)));
  }
  return hn::AllTrue(d, fits);
}

// One weight of one step: the same for all lanes, or the lanes' own.
template <bool kConstant, class D, class S>
HWY_INLINE hn::Vec<D> weight(D d, const TileWeight<S>& w, std::int64_t t, std::int64_t states, std::int64_t n,
                             std::int64_t c) {
  if constexpr (kConstant) return hn::LoadU(d, w.data + n * kTileWidth + c);
  return hn::Set(d, w.data[t * states + n]);
}

// kStates states at a time stay in registers over all steps.
template <std::int64_t kStates, bool kSafe, bool kConstantB, bool kConstantC, class S>
HWY_INLINE void forward_states(const SelectiveTile<S>& tile, std::int64_t n, std::int64_t c) {
  const TileTag<S> d;
  using V = hn::Vec<TileTag<S>>;
  V rate[kStates], h[kStates];
  for (std::int64_t k = 0; k < kStates; ++k) {
    rate[k] = hn::LoadU(d, tile.rates + (n + k) * kTileWidth + c);
    h[k] = hn::LoadU(d, tile.h + (n + k) * kTileWidth + c);
  }
  for (std::int64_t t = 0; t < tile.steps; ++t) {
    const std::int64_t i = t * kTileWidth + c;
    const auto delta = hn::LoadU(d, tile.delta + i), drive = hn::LoadU(d, tile.drive + i);
    auto y = hn::LoadU(d, tile.y + i);
    for (std::int64_t k = 0; k < kStates; ++k) {
      const auto B = weight<kConstantB>(d, tile.B, t, tile.states, n + k, c);
      h[k] = hn::MulAdd(decay<kSafe>(d, delta, rate[k]), h[k], hn::Mul(drive, B));
      y = hn::MulAdd(weight<kConstantC>(d, tile.C, t, tile.states, n + k, c), h[k], y);
    }
    hn::StoreU(y, d, tile.y + i);
  }
  for (std::int64_t k = 0; k < kStates; ++k) hn::StoreU(h[k], d, tile.h + (n + k) * kTileWidth + c);
}

template <bool kSafe, bool kConstantB, bool kConstantC, class S>
void forward_columns(const SelectiveTile<S>& tile, std::int64_t c) {
  constexpr std::int64_t at_once = kSafe && !kConstantB && !kConstantC ? 4 : 1;
  std::int64_t n = 0;
  for (; n + at_once <= tile.states; n += at_once)
    forward_states<at_once, kSafe, kConstantB, kConstantC>(tile, n, c);
  for (; n < tile.states; ++n) forward_states<1, kSafe, kConstantB, kConstantC>(tile, n, c);
}

template <bool kSafe, class S>
void forward_columns(const SelectiveTile<S>& tile, std::int64_t c) {
  if (tile.B.constant) {
    tile.C.constant ? forward_columns<kSafe, true, true>(tile, c)
                    : forward_columns<kSafe, true, false>(tile, c);
  } else {
    tile.C.constant ? forward_columns<kSafe, false, true>(tile, c)
                    : forward_columns<kSafe, false, false>(tile, c);
  }
}

template <class S>
void forward(const SelectiveTile<S>& tile) {
  for (std::int64_t c = 0; c < kTileWidth; c += static_cast<std::int64_t>(hn::Lanes(TileTag<S>()))) {
    if (is_safe(tile.delta, tile.rates, tile.steps, tile.states, c)) {
      forward_columns<true>(tile, c);
    } else {
      forward_columns<false>(tile, c);
    }
  }
}

template <bool kSafe, class S>
void reverse_decays(const SelectiveReverseTile<S>& tile, std::int64_t n, std::int64_t c) {
  const TileTag<S> d;
  const auto rate = hn::LoadU(d, tile.rates + n * kTileWidth + c);
  for (std::int64_t i = c; i < tile.steps * kTileWidth; i += kTileWidth)
    hn::StoreU(decay<kSafe>(d, hn::LoadU(d, tile.delta + i), rate), d, tile.scratch_decay + i);
}

template <bool kConstantB, bool kConstantC, class S>
void reverse_state(const SelectiveReverseTile<S>& tile, std::int64_t n, std::int64_t c) {
  const TileTag<S> d;
  const std::int64_t own = n * kTileWidth + c;
  const auto mine = hn::FirstN(d, static_cast<std::size_t>(std::max<std::int64_t>(tile.count - c, 0)));
  auto h = hn::LoadU(d, tile.h + own);
  hn::StoreU(h, d, tile.scratch_h + c);
  for (std::int64_t t = 0; t < tile.steps; ++t) {
    const std::int64_t i = t * kTileWidth + c;
    const auto B = weight<kConstantB>(d, tile.B, t, tile.states, n, c);
    h = hn::MulAdd(hn::LoadU(d, tile.scratch_decay + i), h, hn::Mul(hn::LoadU(d, tile.drive + i), B));
    hn::StoreU(h, d, tile.scratch_h + i + kTileWidth);
  }
  const auto A = hn::LoadU(d, tile.A + own);
  auto carry = hn::LoadU(d, tile.carry + own), dA = hn::LoadU(d, tile.dA + own);
  auto dB = hn::Zero(d), dC = hn::Zero(d);
  for (std::int64_t t = tile.steps; t-- > 0;) {
    const std::int64_t i = t * kTileWidth + c;
    const auto B = weight<kConstantB>(d, tile.B, t, tile.states, n, c),
               C = weight<kConstantC>(d, tile.C, t, tile.states, n, c);
    const auto a = hn::LoadU(d, tile.scratch_decay + i), g = hn::LoadU(d, tile.g + i),
               u = hn::LoadU(d, tile.u + i);
    const auto decayed = hn::Mul(a, hn::LoadU(d, tile.scratch_h + i));
    const auto l = hn::MulAdd(C, g, carry), step = hn::Mul(l, hn::LoadU(d, tile.delta + i));
    const auto of_B = hn::Mul(step, u), of_C = hn::Mul(g, hn::LoadU(d, tile.scratch_h + i + kTileWidth));
    dA = hn::MulAdd(step, decayed, dA);
    hn::StoreU(hn::MulAdd(step, B, hn::LoadU(d, tile.du + i)), d, tile.du + i);
    hn::StoreU(hn::MulAdd(l, hn::MulAdd(A, decayed, hn::Mul(B, u)), hn::LoadU(d, tile.ddelta + i)), d,
               tile.ddelta + i);
    carry = hn::Mul(a, l);
    if constexpr (kConstantB) {
      dB = hn::Add(dB, of_B);
    } else {
      tile.dB[t * tile.states + n] += hn::GetLane(hn::SumOfLanes(d, hn::IfThenElseZero(mine, of_B)));
    }
    if constexpr (kConstantC) {
      dC = hn::Add(dC, of_C);
    } else {
      tile.dC[t * tile.states + n] += hn::GetLane(hn::SumOfLanes(d, hn::IfThenElseZero(mine, of_C)));
    }
  }
  hn::StoreU(carry, d, tile.carry + own);
  hn::StoreU(dA, d, tile.dA + own);
  if constexpr (kConstantB) hn::StoreU(hn::Add(hn::LoadU(d, tile.dB + own), dB), d, tile.dB + own);
  if constexpr (kConstantC) hn::StoreU(hn::Add(hn::LoadU(d, tile.dC + own), dC), d, tile.dC + own);
}

template <class S>
void reverse(const SelectiveReverseTile<S>& tile) {
  for (std::int64_t c = 0; c < kTileWidth; c += static_cast<std::int64_t>(hn::Lanes(TileTag<S>()))) {
    const bool safe = is_safe(tile.delta, tile.rates, tile.steps, tile.states, c);
    for (std::int64_t n = 0; n < tile.states; ++n) {
      safe ? reverse_decays<true>(tile, n, c) : reverse_decays<false>(tile, n, c);
      if (tile.B.constant) {
        tile.C.constant ? reverse_state<true, true>(tile, n, c) : reverse_state<true, false>(tile, n, c);
      } else {
        tile.C.constant ? reverse_state<false, true>(tile, n, c) : reverse_state<false, false>(tile, n, c);
      }
    }
  }
}

void forward_f32(const SelectiveTile<float>& tile) { forward(tile); }
void forward_f64(const SelectiveTile<double>& tile) { forward(tile); }
void reverse_f32(const SelectiveReverseTile<float>& tile) { reverse(tile); }
void reverse_f64(const SelectiveReverseTile<double>& tile) { reverse(tile); }

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace exactscan::impl {

HWY_EXPORT(forward_f32);
HWY_EXPORT(forward_f64);
HWY_EXPORT(reverse_f32);
HWY_EXPORT(reverse_f64);

void run(const SelectiveTile<float>& tile) { HWY_DYNAMIC_DISPATCH(forward_f32)(tile); }
void run(const SelectiveTile<double>& tile) { HWY_DYNAMIC_DISPATCH(forward_f64)(tile); }
void run(const SelectiveReverseTile<float>& tile) { HWY_DYNAMIC_DISPATCH(reverse_f32)(tile); }
void run(const SelectiveReverseTile<double>& tile) { HWY_DYNAMIC_DISPATCH(reverse_f64)(tile); }

}  // namespace exactscan::impl
#endif
