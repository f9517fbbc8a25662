// A step size as the Mamba systems make it: bias, softplus, limits; its value and what a kernel may hold of
// it.
#pragma once

#include "oracle/bounds/elementary_rules.hpp"
#include "oracle/numbers/clamp.hpp"
#include "oracle/numbers/elementary.hpp"
#include "spec/selective_scan.hpp"

namespace exactscan {

struct StepSize {
  Ball<double> argument, value;  // before and after the rule
  Inexact x, bound;
  bool overflow = false;
};

struct StepSizeRule {
  spec::StepRule rule;
  double threshold = 20;  // from where a kernel may take x for softplus(x)
};

// What the limits add: a kernel holds them rounded to its arithmetic. Limiting is 1-Lipschitz in the number
// and in both limits, so the error is the largest of the three; a limit far from the value has no part in it.
inline Bound limited_error(const ElementaryRules& rules, const spec::StepRule& rule, const StepSize& step) {
  Bound error = step.bound.error;
  for (const double limit : {rule.low, rule.high}) {
    if (!std::isfinite(limit) || limit == 0) continue;
    const Bound slack = rules.input(limit, false).error,
                gap = std::fabs(Bound(step.value.mid) - Bound(limit)) - Bound(step.value.rad);
    if (!(gap > up(Bound(2 * (step.bound.error + slack))))) error = std::max(error, slack);
  }
  return error;
}

// `biased`: whether a bias is added at all. Theorem: elementary-rules.md, "softplus"; limits keep the
// error, but for that of the limits themselves.
inline StepSize enclose_step_size(const ElementaryRules& rules, const StepSizeRule& how, double raw,
                                  bool raw_fits, double bias, bool bias_fits, bool biased) {
  using Number = Ball<double>;
  StepSize step;
  const Inexact r = rules.input(raw, raw_fits), b = rules.input(bias, bias_fits);
  step.argument = Number::exactly(raw) + Number::exactly(bias);
  step.x = biased ? rules.calculus().rounded({most(step.argument), up(Bound(r.error + b.error))}) : r;
  step.value = spec::step_size(Number::exactly(raw), Number::exactly(bias), how.rule);
  step.bound = how.rule.softplus ? rules.softplus(step.argument, step.x, how.threshold) : step.x;
  step.bound.error = limited_error(rules, how.rule, step);
  step.bound.magnitude = most(step.value);
  step.overflow = rules.may_overflow(step.x) || rules.may_overflow(step.bound);
  return step;
}

}  // namespace exactscan
