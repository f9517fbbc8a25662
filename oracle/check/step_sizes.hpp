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

// `biased`: whether a bias is added at all. Theorem: elementary-rules.md, "softplus"; limits keep the error.
inline StepSize enclose_step_size(const ElementaryRules& rules, const StepSizeRule& how, double raw,
                                  bool raw_fits, double bias, bool bias_fits, bool biased) {
  using Number = Ball<double>;
  StepSize step;
  const Inexact r = rules.input(raw, raw_fits), b = rules.input(bias, bias_fits);
  step.argument = Number::exactly(raw) + Number::exactly(bias);
  step.x = biased ? rules.calculus().rounded({most(step.argument), up(Bound(r.error + b.error))}) : r;
  step.value = spec::step_size(Number::exactly(raw), Number::exactly(bias), how.rule);
  step.bound = how.rule.softplus ? rules.softplus(step.argument, step.x, how.threshold) : step.x;
  step.bound.magnitude = most(step.value);
  step.overflow = rules.may_overflow(step.x) || rules.may_overflow(step.bound);
  return step;
}

}  // namespace exactscan
