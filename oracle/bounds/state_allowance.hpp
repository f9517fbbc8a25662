// The allowance of one state of a selective scan: the affine scan's, or, where the contract rounds the state
// to a narrow type after each step, that of the only schedule that can do so, one step after the other.
#pragma once

#include "oracle/bounds/elementary_rules.hpp"
#include "oracle/bounds/scan_allowance.hpp"

namespace exactscan {

class StateAllowance {
 public:
  StateAllowance(const ElementaryRules& rules, StateType type, const Inexact& h0)
      : rules_(&rules),
        scan_(rules.arithmetic(), h0.magnitude, h0.error),
        state_(h0),
        narrow_(type != StateType::full) {
    if (!narrow_) return;
    const spec::FloatFormat& format = type == StateType::bf16 ? spec::bfloat16 : spec::binary16;
    unit_ = std::ldexp(Bound(1), -format.precision);
    smallest_ =
        std::ldexp(Bound(1), rules.arithmetic().flush ? format.min_normal_exponent() : format.min_exponent);
    largest_ = std::ldexp(Bound(1), format.max_exponent);
  }

  // h <- a h + b; `value` bounds the new |h|.
  void step(const Inexact& a, const Inexact& b, Bound value) {
    if (!narrow_) return scan_.step<false>({a.magnitude, a.error, b.magnitude, b.error, false});
    const Calculus<Bound>& calculus = rules_->calculus();
    const Inexact product = calculus.rounded_product(a, state_);
    const Inexact sum = calculus.rounded({value, up(Bound(product.error + b.error))});
    state_ = {value, up(Bound(sum.error + unit_ * sum.bound() + smallest_))};
    overflow_ = overflow_ || !(state_.bound() < largest_);
  }

  // What a kernel may hold of a state whose magnitude is at most `value`.
  Inexact state(Bound value) const {
    return narrow_ ? Inexact{value, state_.error}
                   : Inexact{std::min(value, scan_.majorant()), scan_.allowance()};
  }
  bool overflow_possible() const { return narrow_ ? overflow_ : scan_.overflow_possible(); }

 private:
  const ElementaryRules* rules_;
  ScanAllowance<Bound> scan_;
  Inexact state_;
  bool narrow_, overflow_ = false;
  Bound unit_ = 0, smallest_ = 0, largest_ = 0;
};

}  // namespace exactscan
