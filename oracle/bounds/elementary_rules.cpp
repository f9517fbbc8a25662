#include "oracle/bounds/elementary_rules.hpp"

#include <limits>

#include "oracle/numbers/elementary.hpp"

namespace exactscan {
namespace {

constexpr Bound infinity = std::numeric_limits<Bound>::infinity();

// x / (1 - x), or infinity from 1 on.
Bound over_one_minus(Bound x) { return x < 1 ? x / (1 - x) * (1 + 0x1p-50L) : infinity; }

// log2 e rounded to the format: 0.23 u of binary32, at most 0.7 u of any.
Bound constant_error(const Arithmetic& arithmetic) {
  return arithmetic.format.precision == 24 ? 0.25L : 0.7L;
}

}  // namespace

ElementaryRules::ElementaryRules(const Contract& contract)
    : arithmetic_(contract),
      calculus_(arithmetic_),
      growth_{},
      u_(std::ldexp(Bound(1), -arithmetic_.format.precision)),
      v_(arithmetic_.v),
      exp_(2 * u_ * contract.exp_ulp),
      log_(2 * u_ * contract.log_ulp),
      div_(std::max<Bound>(v_, 2 * u_ * contract.div_ulp)),
      prescale_((1 + constant_error(arithmetic_)) * std::max(u_, v_)),
      // A result below the smallest normal is in error by so many of the smallest number, or flushed.
      function_loss_(arithmetic_.flush
                         ? arithmetic_.smallest_normal
                         : 2 * arithmetic_.half_smallest * std::max(contract.exp_ulp, contract.log_ulp)),
      naive_softplus_(contract.softplus == Softplus::naive),
      coarse_division_(contract.div_ulp > 0.5 || arithmetic_.flush) {
  for (std::size_t k = 0; k < growth_.size(); ++k) growth_[k] = growth_up(v_, static_cast<Bound>(k));
}

Inexact ElementaryRules::rounded(const Product& product, int roundings) const {
  const Bound g = growth_[static_cast<std::size_t>(roundings)],
              bound = up(Bound(product.magnitude() + product.error()));
  // Two large factors may overflow before a small one brings the product down again.
  if (!(up(Bound(product.reach() * (1 + g))) <= Bound(arithmetic_.largest)))
    return {product.magnitude(), infinity};
  const Bound loss = up(Bound(roundings * Bound(arithmetic_.underflow_loss()) * product.reach() * (1 + g)));
  const Bound whole = up(Bound(static_cast<Bound>((1 << roundings) - 1) * bound * (1 + g)));
  return {product.magnitude(), up(Bound(product.error() + g * bound + tiny(loss, whole)))};
}

Bound ElementaryRules::rho(const Inexact& z) const {
  const Bound ez =
      up(Bound(z.error + prescale_ * z.bound() + (z.bound() > 0 ? arithmetic_.underflow_loss() : 0)));
  return up(Bound(expm1_up(ez) * (1 + exp_) + exp_));
}

Inexact ElementaryRules::exp(Bound value, const Inexact& z) const {
  const Bound error = up(Bound(value * rho(z)));
  const Bound loss = arithmetic_.flush ? std::min(function_loss_, up(Bound(value + error))) : function_loss_;
  return {value, up(Bound(error + loss))};
}

Inexact ElementaryRules::softplus(const Ball<double>& at, const Inexact& x, double threshold) const {
  const Bound value = most(exactscan::softplus(at)), slope = most(exactscan::sigmoid(at)), r = rho(x);
  const Bound after = most(exactscan::exp(-at));  // e^-x
  const Bound high = Bound(at.mid) + at.rad + x.error;
  // e^x moves by a factor within rho: log1p moves by slope rho/(1-rho), and by no more than itself downward.
  const Bound moved = r < 1 ? slope * over_one_minus(r) : value + slope * r;
  Bound error = up(Bound(moved + 2 * function_loss_));
  if (naive_softplus_) error = up(Bound(error + over_one_minus(v_) * (1 + r)));
  error = up(Bound(error + log_ * (value + error)));
  if (high > 0) error = up(Bound(error + v_ * (value + error)));  // x + log1p(e^-x) where x > 0
  if (high > threshold) error = std::max(error, up(Bound(x.error + after)));
  return {value, error};
}

Inexact ElementaryRules::softplus_slope(const Ball<double>& at, const Inexact& x, double threshold) const {
  Inexact slope = sigmoid(at, x);
  const Bound high = Bound(at.mid) + at.rad + x.error;
  // 1 - sigmoid(x) <= e^-x.
  if (high > threshold) slope.error = std::max(slope.error, most(exactscan::exp(-at)));
  return slope;
}

Inexact ElementaryRules::sigmoid(const Ball<double>& at, const Inexact& z) const {
  const Bound value = most(exactscan::sigmoid(at)), rest = most(exactscan::sigmoid(-at)), r = rho(z);
  // Relative error of 1 + e^-z, and of the quotient. e^z/(1 + e^z), where z < 0, errs by no more: the same
  // exponential stands above and below [proof: sigmoid_numerator_rule].
  const Bound denominator = up(Bound(rest * r * (1 + v_) + v_ + function_loss_));
  const Bound quotient = over_one_minus(denominator);
  const Bound relative = up(Bound(quotient * (1 + div_) + div_));
  // Below the smallest normal an exponential or a quotient is in error by so many of the smallest number.
  const Bound loss =
      arithmetic_.flush ? std::min(function_loss_, up(Bound(value * (1 + relative)))) : function_loss_;
  Bound error = up(Bound(value * relative + 2 * loss));
  // e^-z overflows, or 1/x comes out as 0 for a large x: the result is 0.
  const Bound denominator_size = up(Bound(1 + most(exactscan::exp(-at)) * (1 + r)));
  const Bound limit = coarse_division_ ? std::ldexp(Bound(1), arithmetic_.format.max_exponent - 1)
                                       : Bound(arithmetic_.largest) / 2;
  if (!(denominator_size < limit)) error = up(Bound(error + value));
  return {value, error};
}

Inexact ElementaryRules::gated(const Inexact& y, const Inexact& z, const Inexact& sigma) const {
  return rounded(Product(y).times(z).times(sigma), 3);
}

Inexact ElementaryRules::silu_factor(const Ball<double>& at, const Inexact& z, const Inexact& sigma) const {
  const Inexact rest = calculus_.rounded({most(exactscan::sigmoid(-at)), sigma.error});
  const Inexact product = calculus_.rounded_product(z, rest);
  return calculus_.rounded({up(Bound(1 + product.magnitude)), product.error});
}

}  // namespace exactscan
