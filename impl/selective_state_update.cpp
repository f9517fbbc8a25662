// One step of the selective scan. States of a channel are neighbours in memory and lie across the lanes.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "impl/selective_state_update.cpp"
#include <hwy/foreach_target.h>  // compiles this file again for each target
#include <hwy/highway.h>

#include "impl/mamba_functions-inl.hpp"
#include "impl/selective_tiles.hpp"

#ifndef EXACTSCAN_IMPL_SELECTIVE_STATE_UPDATE
#define EXACTSCAN_IMPL_SELECTIVE_STATE_UPDATE
namespace exactscan::impl {

// y[c] += sum over n of C[n] state[c][n] after the step, for `count` channels of one group.
template <class S>
struct StateTile {
  std::int64_t count, states;
  const S *A, *B, *C;      // [count][states], [states], [states]
  bool own_weights;        // B and C are [count][states]
  const S *delta, *drive;  // [count]
  S *state, *y;            // [count][states], [count]
};

}  // namespace exactscan::impl
#endif

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

template <class D, class S>
HWY_INLINE hn::Vec<D> update_states(D d, const StateTile<S>& tile, std::int64_t c, std::int64_t n,
                                    hn::Vec<D> sum) {
  const std::int64_t i = c * tile.states + n, weight = tile.own_weights ? i : n;
  const auto a =
      exp2_of_product(d, hn::Set(d, tile.delta[c]), hn::Mul(hn::LoadU(d, tile.A + i), hn::Set(d, kLog2E<S>)));
  const auto h = hn::MulAdd(a, hn::LoadU(d, tile.state + i),
                            hn::Mul(hn::Set(d, tile.drive[c]), hn::LoadU(d, tile.B + weight)));
  hn::StoreU(h, d, tile.state + i);
  return hn::MulAdd(hn::LoadU(d, tile.C + weight), h, sum);
}

template <class S>
void update(const StateTile<S>& tile) {
  const hn::CappedTag<S, 16> d;
  const hn::CappedTag<S, 1> one;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t c = 0; c < tile.count; ++c) {
    auto sum = hn::Zero(d);
    auto rest = hn::Zero(one);
    std::int64_t n = 0;
    for (; n + lanes <= tile.states; n += lanes) sum = update_states(d, tile, c, n, sum);
    for (; n < tile.states; ++n) rest = update_states(one, tile, c, n, rest);
    tile.y[c] += hn::GetLane(hn::SumOfLanes(d, sum)) + hn::GetLane(rest);
  }
}

void update_f32(const StateTile<float>& tile) { update(tile); }
void update_f64(const StateTile<double>& tile) { update(tile); }

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace exactscan::impl {
namespace {

HWY_EXPORT(update_f32);
HWY_EXPORT(update_f64);

void run(const StateTile<float>& tile) { HWY_DYNAMIC_DISPATCH(update_f32)(tile); }
void run(const StateTile<double>& tile) { HWY_DYNAMIC_DISPATCH(update_f64)(tile); }

}  // namespace

template <class T>
void selective_state_update(const SelectiveShape& shape, const SelectiveInputs<T>& in, State<T>* state,
                            T* y) {
  using S = State<T>;
  require_valid(shape, in, y);
  require_selective(shape.length == 1, "a single step has length 1");
  require_selective(shape.batch * shape.channels * shape.states == 0 || state != nullptr,
                    "a tensor is missing");
  const std::vector<ChannelTile> tiles = channel_tiles(shape);
  TileSteps<T> steps;
  StepWeights<T> weights;
  TileConstants<S> c;
  for (std::int64_t b = 0; b < shape.batch; ++b) {
    weights.group = -1;
    for (const ChannelTile& tile : tiles) {
      if (weights.group != tile.group) weights.fetch(shape, in, b, tile.group, 0, 1);
      c.D = one_each(in.D, tile), c.bias = one_each(in.delta_bias, tile);
      c.skips = in.D != nullptr, c.biased = in.delta_bias != nullptr;
      const std::int64_t at = b * shape.channels + tile.first, first = tile.first * shape.states;
      gather_columns(in.u + at, 0, tile.count, 1, steps.u.data());
      gather_columns(in.delta + at, 0, tile.count, 1, steps.delta.data());
      make_step_sizes(in.step, c.biased ? c.bias.data() : nullptr, steps.delta.data(), 1);
      products(steps.delta.data(), steps.u.data(), steps.drive.data(), 1);
      skip(c.skips ? c.D.data() : nullptr, steps.u.data(), steps.y.data(), 1);
      const bool own = in.constant_B != nullptr || in.constant_C != nullptr;
      require_selective(!own || (in.constant_B != nullptr && in.constant_C != nullptr),
                        "a single step takes B and C both by channel or both by group");
      run(StateTile<S>{tile.count, shape.states, in.A + first, own ? in.constant_B + first : weights.B.data(),
                       own ? in.constant_C + first : weights.C.data(), own, steps.delta.data(),
                       steps.drive.data(), state + at * shape.states, steps.y.data()});
      if (in.z != nullptr) {
        gather_columns(in.z + at, 0, tile.count, 1, steps.z.data());
        gate(steps.z.data(), steps.y.data(), 1);
      }
      scatter_columns(steps.y.data(), tile.count, 1, y + at, 0);
    }
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): types cannot stand in parentheses
#define EXACTSCAN_INSTANTIATE(T) \
  template void selective_state_update<T>(const SelectiveShape&, const SelectiveInputs<T>&, State<T>*, T*)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace exactscan::impl
#endif
