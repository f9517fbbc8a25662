// How errors pass through exp, softplus, sigmoid and gates: the rules of "Calculus" for kernels that call
// functions. All in long double, rounded upward; a rule that has no bound gives infinity (or NaN), which
// decides nothing.
//
// Derivations: proofs-notes/elementary-rules.md. Notation there and here: v one rounding, u the format's unit
// roundoff, tau what an underflow can take; rho the relative error of a computed exponential.
#pragma once

#include <array>
#include <cmath>

#include "oracle/bounds/approximate.hpp"
#include "oracle/bounds/arithmetic.hpp"
#include "oracle/contract/contract.hpp"
#include "oracle/numbers/ball.hpp"

namespace exactscan {

using Bound = long double;
using Inexact = Approximate<Bound>;

// e^x and e^x - 1, x >= 0 small or large, rounded upward: the library is within a few ulps of long double,
// the factor covers 2^8 of them.
inline Bound exp_up(Bound x) { return std::exp(x) * (1 + 0x1p-55L); }
inline Bound expm1_up(Bound x) {
  // x + x^2/2 + x^3/6 (1 + x/4 + x^2/20 + ...), and the bracket is at most 1 + x/3: much faster, as tight.
  if (x >= 0 && x < 0x1p-10L) return x * (1 + x / 2 + x * x / 6 * (1 + x / 3)) * (1 + 0x1p-55L);
  return std::expm1(x) * (1 + 0x1p-55L);
}
// (1+r)^n - 1.
inline Bound growth_up(Bound r, Bound n) {
  return n <= 0 ? 0 : expm1_up(up(n * std::log1p(r)) * (1 + 0x1p-55L));
}

// The largest magnitude in a ball.
inline Bound most(const Ball<double>& x) { return up(Bound(std::fabs(Bound(x.mid)) + Bound(x.rad))); }

// A product of inexact factors in any association.
class Product {
 public:
  Product() = default;
  explicit Product(const Inexact& x) { times(x); }
  Product& times(const Inexact& x) {
    error_ = up(Bound(error_ * x.bound() + magnitude_ * x.error));
    magnitude_ = up(Bound(magnitude_ * x.magnitude));
    reach_ = up(Bound(reach_ * std::max<Bound>(1, x.bound())));
    return *this;
  }
  Bound magnitude() const { return magnitude_; }
  Bound error() const { return error_; }
  // The largest value that a partial product can have.
  Bound reach() const { return reach_; }

 private:
  Bound magnitude_ = 1, error_ = 0, reach_ = 1;
};

class ElementaryRules {
 public:
  explicit ElementaryRules(const Contract& contract);

  const Arithmetic& arithmetic() const { return arithmetic_; }
  const Calculus<Bound>& calculus() const { return calculus_; }
  Bound v() const { return v_; }
  Bound exp_error() const { return exp_; }
  // Relative error that forming exp(z) as exp2(z log2 e), with or without a prescaled factor, adds to z.
  Bound prescale() const { return prescale_; }

  // [proof: product_any_order]: the product, `roundings` times rounded on the way: k-1 for k factors, and
  // more where a factor is itself a product; at most 5.
  Inexact rounded(const Product& product, int roundings) const;

  // A stored input.
  Inexact input(double x, bool fits) const { return calculus_.input(std::fabs(Bound(x)), fits); }

  // |computed / exact - 1| of exp(z) [proof: exp_rule].
  Bound rho(const Inexact& z) const;
  // exp(z), from an upper bound of its value.
  Inexact exp(Bound value, const Inexact& z) const;
  // [proof: softplus_rule], [proof: softplus_naive_rule]: softplus(x), x enclosed by `at`; beyond `threshold`
  // a kernel may return x itself.
  Inexact softplus(const Ball<double>& at, const Inexact& x, double threshold) const;
  // The slope of softplus, sigmoid(x), for which a kernel may take 1 beyond the threshold.
  Inexact softplus_slope(const Ball<double>& at, const Inexact& x, double threshold) const;
  // [proof: sigmoid_rule], [proof: sigmoid_numerator_rule]: sigmoid(z) as 1/(1 + exp(-z)), or exp(z)/(1 +
  // exp(z)) where z < 0.
  Inexact sigmoid(const Ball<double>& at, const Inexact& z) const;
  // [proof: gate_rule]: y silu(z), given sigmoid(z): two products in any association, and one rounding to
  // spare.
  Inexact gated(const Inexact& y, const Inexact& z, const Inexact& sigma) const;
  // 1 + z (1 - sigmoid(z)).
  Inexact silu_factor(const Ball<double>& at, const Inexact& z, const Inexact& sigma) const;

  bool may_overflow(const Inexact& x) const {
    return !(x.bound() <= arithmetic_.largest) || calculus_.may_overflow(x);
  }

 private:
  Bound tiny(Bound loss, Bound bound) const {
    return arithmetic_.nearest || arithmetic_.flush ? std::min(loss, bound) : loss;
  }

  Arithmetic arithmetic_;
  Calculus<Bound> calculus_;
  std::array<Bound, 6> growth_;  // (1+v)^k - 1
  Bound u_, v_, exp_, log_, div_, prescale_, function_loss_;
  bool naive_softplus_, coarse_division_;
};

}  // namespace exactscan
