// One step of a selective scan's check: the spec's own step, in balls, beside the floor of its allowance. The
// kernel and the host's tests are made of these.
#pragma once

#include "oracle/cuda/allowance_floor.hpp"
#include "oracle/cuda/elementary.hpp"
#include "spec/selective_scan.hpp"

namespace exactscan::device {

// What all states of a channel share in one step.
struct TokenStep {
  Ball delta;
  float u = 0;
  float summand = 0;  // at most |delta u|
};

EXACTSCAN_HOST_DEVICE inline TokenStep token_step(float raw, float bias, float u, bool softplus) {
  spec::StepRule rule;
  rule.softplus = softplus;
  const Ball delta = spec::step_size(Ball::exactly(raw), Ball::exactly(bias), rule);
  return {delta, u, std::fmax(mul_down(least_magnitude(delta), std::fabs(u)), 0.0F)};
}

struct StateCheck {
  Ball h;
  StateFloor floor;

  EXACTSCAN_HOST_DEVICE static StateCheck initial(float h0, const AllowanceFloor& floor) {
    // Not `exactly`: what is known of a state must not change from step to step.
    return {Ball(static_cast<double>(h0), std::fabs(h0), 0), StateFloor::initial(h0, floor)};
  }
  EXACTSCAN_HOST_DEVICE void step(const TokenStep& token, float A, float B, const AllowanceFloor& constants) {
    const auto transition =
        spec::selective_transition(token.delta, Ball::exactly(A), Ball::exactly(B), Ball::exactly(token.u));
    h = spec::apply(transition, h);
    // The multiplier is within 2^-38 + 2^-24 of its midpoint, or nothing is decided.
    floor.step(magnitude_below(static_cast<float>(transition.a.mid)), mul_down(token.summand, std::fabs(B)),
               constants);
  }
};

// How a candidate was stored: see OutputRule. Without rounding (`direct`), or rounded once to a format of
// 2 half_unit spacing.
struct StoreRule {
  bool direct = true;
  float half_unit = 0, smallest_normal = 0;
};

// A lower bound of the distance from c to the edge of its rounding cell, as LaneSink's. c is a number of the
// narrow format.
EXACTSCAN_HOST_DEVICE inline float half_cell(float c, const StoreRule& rule) {
  if (rule.direct) return 0;
  const float size = std::fabs(c);
  if (!(size < 0x1p126F)) return 0;
  const float binade = of_words(high_word(static_cast<double>(size)) & 0x7ff00000, 0);
  // Half of it below a power of two: taken on both sides.
  const float half = (size < rule.smallest_normal ? rule.smallest_normal : binade) * rule.half_unit;
  return size == binade ? half * 0.5F : half;
}

// What is known of one element.
struct ElementFloor {
  Ball value;
  float allowance = 0;  // a lower bound
};

// The readout's allowance, of the states' part `errors` (at most the sum of |C| times their allowances).
EXACTSCAN_HOST_DEVICE inline ElementFloor ungated(const Ball& value, float errors,
                                                  const AllowanceFloor& floor) {
  return {value, fma_down(floor.readout, std::fmax(least_magnitude(value), 0.0F), errors)};
}
EXACTSCAN_HOST_DEVICE inline ElementFloor gated(const ElementFloor& y, float z, const AllowanceFloor& floor) {
  const Ball gate = spec::silu(Ball::exactly(z)), value = y.value * gate;
  const float before = fma_down(floor.gate, std::fmax(least_magnitude(y.value), 0.0F), y.allowance);
  return {value, mul_down(std::fmax(least_magnitude(gate), 0.0F), before)};
}

// Whether c is certainly explained; NaN never is. `ratio`: at least |c - exact| / allowance where it is.
EXACTSCAN_HOST_DEVICE inline bool certainly_explained(const ElementFloor& element, float c,
                                                      const StoreRule& rule, const AllowanceFloor& floor,
                                                      float* ratio) {
  const float off = reach(element.value, static_cast<double>(c)), half = half_cell(c, rule);
  const float excess = off > half ? off - half : 0;
  const float limit = fma_down(half, 1 - 0x1p-20F, element.allowance);
  *ratio = excess > 0 ? excess / element.allowance * (1 + 0x1p-20F) : 0;
  return off <= limit && limit < floor.largest;
}

}  // namespace exactscan::device
