// What the plain kernels of the Mamba family share: the step size, exp, and the gate, with their defects.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/kernels/plain/elements.hpp"
#include "tests/kernels/plain/plain.hpp"

namespace exactscan::kernels {

inline float to_bfloat16(float x) { return impl::to_state(impl::from_state<impl::BFloat16>(x)); }

// From the raw number to the step size: bias, softplus, limits.
struct StepRule {
  bool softplus = false;
  float threshold = 20;
  Planted planted = Planted::nothing;
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();

  float activated(float x, float raw) const {
    if (!softplus) return planted == Planted::negative_step_zeroed ? std::max(x, 0.0F) : x;
    if (x > threshold) return planted == Planted::wrong_variable_beyond_threshold ? raw : x;
    return planted == Planted::softplus_of_log_one_plus ? std::log(1 + std::exp(x)) : std::log1p(std::exp(x));
  }
  float size(float raw, float bias) const {
    const bool after = planted == Planted::bias_after_softplus;
    const float before = after ? 0 : planted == Planted::bias_twice ? 2 * bias : bias;
    float step = activated(raw + before, raw) + (after ? bias : 0);
    if (planted == Planted::step_at_least_a_thousandth) step = std::max(step, 1e-3F);
    return std::min(std::max(step, low), high);
  }
  // Of the step size by x = raw + bias.
  float slope(float x) const {
    if (!softplus || x > threshold || planted == Planted::slope_of_softplus_missing) return 1;
    return sigmoid(x);
  }
};

inline float plain_exp(float exponent, Planted planted) {
  switch (planted) {
    case Planted::growth_forbidden:
      return std::exp(std::min(exponent, 0.0F));
    case Planted::exp2_without_scale:
      return std::exp2(exponent);
    case Planted::coarse_exp:  // (1 + x/256)^256
    {
      float power = 1 + exponent / 256;
      for (int i = 0; i < 8; ++i) power *= power;
      return exponent < -256 ? 0 : power;
    }
    default:
      return std::exp(exponent);
  }
}

// y from the sum over states, the skip term and the gate.
inline float plain_gated(float sum, float skipped, const float* gate, Planted planted) {
  if (gate == nullptr) return sum + skipped;
  if (planted == Planted::skip_lost_with_gate) skipped = 0;
  const float factor = planted == Planted::gate_is_sigmoid ? sigmoid(*gate) : silu(*gate);
  if (planted == Planted::gate_before_skip) return sum * factor + skipped;
  return (sum + skipped) * factor;
}

}  // namespace exactscan::kernels
