// One step of a selective scan's check: the spec's own step, in balls, beside the floor of its allowance. The
// kernel and the host's tests are made of these.
#pragma once

#include "oracle/cuda/allowance_floor.hpp"
#include "oracle/cuda/elementary.hpp"
#include "spec/selective_scan.hpp"

namespace exactscan::device {

// What all states of a channel share in one step. `widest`: the largest |A| of the channel. Nothing is
// decided from here on (the step size's error is infinite) where some delta A would be too wide for exp: its
// error is at most widest (error + magnitude) of delta; or where delta u underflows.
EXACTSCAN_HOST_DEVICE inline Ball token_step(float raw, float bias, float u, bool softplus, float widest) {
  spec::StepRule rule;
  rule.softplus = softplus;
  Ball delta = spec::step_size(Ball::exactly(raw), Ball::exactly(bias), rule);
  const float width = mul_up(widest, add_up(delta.error, delta.mag)),
              summand = mul_up(delta.mag, std::fabs(u));
  const bool fits = width <= widest_argument / 2 && (summand == 0 || summand >= 0x1p-100F);
  return {delta.mid, delta.mag, fits ? delta.error : infinity};
}

struct StateCheck {
  Ball h;
  StateFloor floor;

  EXACTSCAN_HOST_DEVICE static StateCheck initial(float h0, const AllowanceFloor& floor) {
    // Not `exactly`: what is known of a state must not change from step to step.
    return {Ball(static_cast<double>(h0), std::fabs(h0), 0), StateFloor::initial(h0, floor)};
  }
  EXACTSCAN_HOST_DEVICE void step(const Ball& delta, float A, float B, float u,
                                  const AllowanceFloor& constants) {
    const auto transition =
        spec::selective_transition(delta, Ball::exactly(A), Ball::exactly(B), Ball::exactly(u));
    floor.step(static_cast<float>(transition.a.mid), h.mag, constants);
    h = spec::apply(transition, h);
  }
  EXACTSCAN_HOST_DEVICE float allowance(const AllowanceFloor& constants) const {
    return floor.allowance(h.mag, constants);
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

// The largest excess / allowance so far, by cross-multiplication: no division an element.
struct LargestRatio {
  float excess = 0, allowance = 1;
  EXACTSCAN_HOST_DEVICE void note(float e, float a) {
    if (e * allowance > excess * a) excess = e, allowance = a;
  }
  EXACTSCAN_HOST_DEVICE float value() const { return excess > 0 ? excess / allowance * (1 + 0x1p-20F) : 0; }
};

// Whether c is certainly explained; NaN never is. Notes |candidate - exact| and the allowance if so.
EXACTSCAN_HOST_DEVICE inline bool certainly_explained(const ElementFloor& element, float c,
                                                      const StoreRule& rule, const AllowanceFloor& floor,
                                                      LargestRatio& largest) {
  float off = reach(element.value, static_cast<double>(c)), limit = element.allowance;
  if (!rule.direct) {
    const float half = half_cell(c, rule);
    off = add_up(off, -half * (1 - 0x1p-20F));
  }
  const bool ok = off <= limit && limit < floor.largest;
  if (ok) largest.note(off, limit);
  return ok;
}

}  // namespace exactscan::device
