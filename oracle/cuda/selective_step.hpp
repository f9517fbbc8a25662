// One step of a selective scan's check: the spec's own step, in balls, beside the floor of its allowance. The
// kernel and the host's tests are made of these.
#pragma once

#include "oracle/cuda/allowance_floor.hpp"
#include "oracle/cuda/elementary.hpp"
#include "spec/selective_scan.hpp"

namespace exactscan::device {

// What all states of a channel share in one step: the step size, with a magnitude that is no more than its
// own (a sum's may be more, and the floor needs sum and product of magnitudes from below as well). `widest`:
// the largest |A| of the channel. Nothing is decided from here on (the error is infinite) where the radius is
// not far below the step size itself, which cancelled; where some delta A would be too wide for exp: its
// error is at most widest (error + magnitude) of delta; or where delta u underflows.
EXACTSCAN_HOST_DEVICE inline Ball token_step(float raw, float bias, float u, bool softplus, float widest) {
  spec::StepRule rule;
  rule.softplus = softplus;
  const Ball delta = spec::step_size(Ball::exactly(raw), Ball::exactly(bias), rule);
  const auto middle = static_cast<float>(std::fabs(delta.mid));
  const bool narrow = delta.error <= middle * 0x1p29F;  // a radius of 2^-24 of it
  // `delta.mag * 0`: a NaN or infinity stays one.
  const float size = middle == 0 ? delta.mag : magnitude_above(middle, delta.mag * 0);
  const float width = mul_up(widest, add_up(delta.error, size)), summand = mul_up(size, std::fabs(u));
  const bool fits = narrow && width <= widest_argument / 2 && (summand == 0 || summand >= 0x1p-100F);
  return {delta.mid, size, fits ? delta.error : infinity};
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

// A lower bound of the distance from c to the edge of its rounding cell on the side of the value, whose
// midpoint's magnitude is `middle`; as LaneSink's. c is a number of the narrow format.
EXACTSCAN_HOST_DEVICE inline float half_cell(float c, float middle, const StoreRule& rule) {
  if (rule.direct) return 0;
  const float size = std::fabs(c);
  if (!(size < 0x1p126F)) return 0;
  const float binade = of_words(high_word(static_cast<double>(size)) & 0x7ff00000, 0);
  // The gap below a power of two is half as wide.
  const float half = (size < rule.smallest_normal ? rule.smallest_normal : binade) * rule.half_unit;
  return size == binade && middle < size ? half * 0.5F : half;
}

// What is known of one element.
struct ElementFloor {
  Ball value;
  float allowance = 0;  // a lower bound
};

// The readout's allowance, of the states' part `errors` (at most the sum of |C| times their allowances). The
// result's magnitude is its own, not the summands'.
EXACTSCAN_HOST_DEVICE inline ElementFloor ungated(const Ball& value, float errors,
                                                  const AllowanceFloor& floor) {
  const auto middle = static_cast<float>(std::fabs(value.mid));
  return {tightened(value, middle), fma_down(floor.readout, least_magnitude(value, middle), errors)};
}
EXACTSCAN_HOST_DEVICE inline ElementFloor gated(const ElementFloor& y, float z, const AllowanceFloor& floor) {
  const Ball gate = spec::silu(Ball::exactly(z)), value = y.value * gate;
  const float least_gate = least_magnitude(gate, static_cast<float>(std::fabs(gate.mid)));
  const float least_value = least_magnitude(y.value, static_cast<float>(std::fabs(y.value.mid)));
  return {value, mul_down(least_gate, fma_down(floor.gate, least_value, y.allowance))};
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
    const float half = half_cell(c, static_cast<float>(std::fabs(element.value.mid)), rule);
    off = add_up(off, -half * (1 - 0x1p-20F));
  }
  const bool ok = off <= limit && limit < floor.largest;
  if (ok) largest.note(off, limit);
  return ok;
}

}  // namespace exactscan::device
