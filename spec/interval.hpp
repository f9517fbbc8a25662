// An arbitrary-precision interval: an enclosure of a real number, where a definition needs exp or a quotient
// that no Dyadic holds. Over MPFI, which rounds every endpoint outward.
//
// Inclusion: if x lies in X and y in Y, then x op y lies in X op Y, and f(x) in f(X). An operation that has
// no value for some of its arguments (division by an interval that holds 0, log1p below -1) gives the whole
// line: it is always right, and says that nothing is known. Exponents beyond MPFR's (about ±2^30) widen to 0
// or infinity, outward too.
#pragma once

#include <mpfi.h>

#include <boost/multiprecision/mpfi.hpp>
#include <cmath>
#include <concepts>
#include <ostream>
#include <stdexcept>

#include "spec/dyadic.hpp"

namespace exactscan::spec {

// Endpoints of at least `Bits` bits. A moved-from interval can only be assigned to or destroyed.
template <unsigned Bits>
class Interval {
 public:
  static constexpr bool commutative = true;

  Interval() = default;  // 0
  template <std::integral I>
  explicit Interval(I value) : Interval(Dyadic(value)) {}
  // Throws std::domain_error for NaN and infinity.
  explicit Interval(double value) : Interval(Dyadic(value)) {}
  explicit Interval(float value) : Interval(Dyadic(value)) {}
  // The tightest interval around the value: a point where `Bits` bits hold it.
  explicit Interval(const Dyadic& value) : Interval(value, value) {}
  // [lower, upper], rounded outward. Throws std::invalid_argument for lower > upper.
  Interval(const Dyadic& lower, const Dyadic& upper) {
    if (lower > upper) throw std::invalid_argument("interval with its lower end above its upper end");
    set_endpoint(&raw()->left, lower, MPFR_RNDD);
    set_endpoint(&raw()->right, upper, MPFR_RNDU);
  }
  // (-infinity, infinity).
  static Interval whole_line() {
    Interval result;
    result.set_whole_line();
    return result;
  }

  static unsigned precision() { return static_cast<unsigned>(mpfi_get_prec(Interval().raw())); }

  bool is_bounded() const { return mpfr_number_p(left()) != 0 && mpfr_number_p(right()) != 0; }
  // The endpoints, exactly. Throws std::domain_error where one is infinite.
  Dyadic lower() const { return endpoint(left()); }
  Dyadic upper() const { return endpoint(right()); }
  Dyadic width() const { return upper() - lower(); }
  bool contains(const Dyadic& x) const {
    const bool above = mpfr_inf_p(left()) != 0 ? mpfr_sgn(left()) < 0 : lower() <= x;
    const bool below = mpfr_inf_p(right()) != 0 ? mpfr_sgn(right()) > 0 : x <= upper();
    return above && below;
  }
  bool contains(const Interval& x) const {
    return mpfr_lessequal_p(left(), x.left()) != 0 && mpfr_lessequal_p(x.right(), right()) != 0;
  }
  bool contains_zero() const { return mpfi_has_zero(raw()) > 0; }

  friend Interval operator+(const Interval& x, const Interval& y) { return binary(mpfi_add, x, y); }
  friend Interval operator-(const Interval& x, const Interval& y) { return binary(mpfi_sub, x, y); }
  friend Interval operator*(const Interval& x, const Interval& y) { return binary(mpfi_mul, x, y); }
  // The whole line where y holds 0.
  friend Interval operator/(const Interval& x, const Interval& y) {
    return y.contains_zero() ? whole_line() : binary(mpfi_div, x, y);
  }
  friend Interval operator-(const Interval& x) { return unary(mpfi_neg, x); }
  friend Interval abs(const Interval& x) { return unary(mpfi_abs, x); }
  // The smallest interval that holds both.
  friend Interval hull(const Interval& x, const Interval& y) { return binary(mpfi_union, x, y); }

  friend Interval exp(const Interval& x) { return unary(mpfi_exp, x); }
  friend Interval expm1(const Interval& x) { return unary(mpfi_expm1, x); }
  friend Interval log1p(const Interval& x) { return unary(mpfi_log1p, x); }
  friend Interval sin(const Interval& x) { return unary(mpfi_sin, x); }
  friend Interval cos(const Interval& x) { return unary(mpfi_cos, x); }
  // 1/(1 + e^-x). x occurs once and each step is monotone, so the enclosure is a few units in the last place
  // wide.
  friend Interval sigmoid(const Interval& x) { return Interval(1) / (Interval(1) + exp(-x)); }
  // log(1 + e^x), from the endpoints because it increases: wide arguments lose nothing.
  friend Interval softplus(const Interval& x) {
    const Interval low = softplus_of_point(x.left());
    const Interval high = softplus_of_point(x.right());
    Interval result;
    mpfi_interv_fr(result.raw(), low.left(), high.right());
    return result;
  }

  // True only if it holds for every pair of members: both certainly_less(x, y) and certainly_less(y, x) may
  // be false.
  friend bool certainly_less(const Interval& x, const Interval& y) {
    return mpfr_less_p(x.right(), y.left()) != 0;
  }
  friend bool certainly_less_equal(const Interval& x, const Interval& y) {
    return mpfr_lessequal_p(x.right(), y.left()) != 0;
  }
  // Both are the same point.
  friend bool certainly_equal(const Interval& x, const Interval& y) {
    return mpfr_equal_p(x.left(), x.right()) != 0 && mpfr_equal_p(y.left(), y.right()) != 0 &&
           mpfr_equal_p(x.left(), y.left()) != 0;
  }
  friend bool overlap(const Interval& x, const Interval& y) {
    return !certainly_less(x, y) && !certainly_less(y, x);
  }

  friend std::ostream& operator<<(std::ostream& out, const Interval& x) { return out << x.value_; }

 private:
  // Boost counts decimal digits; rounding up to them gives at least the bits asked for.
  static constexpr unsigned digits10 = (Bits * 301 + 999) / 1000;
  using Number = boost::multiprecision::number<boost::multiprecision::mpfi_float_backend<digits10>,
                                               boost::multiprecision::et_off>;

  mpfi_ptr raw() { return value_.backend().data(); }
  mpfi_srcptr raw() const { return value_.backend().data(); }
  mpfr_srcptr left() const { return &raw()->left; }
  mpfr_srcptr right() const { return &raw()->right; }

  static void set_endpoint(mpfr_ptr target, const Dyadic& value, mpfr_rnd_t direction) {
    mpfr_set_z_2exp(target, value.mantissa().backend().data(), value.exponent(), direction);
  }
  static Dyadic endpoint(mpfr_srcptr end) {
    if (mpfr_number_p(end) == 0) throw std::domain_error("an infinite endpoint has no exact value");
    if (mpfr_zero_p(end) != 0) return {};
    Integer mantissa;
    const mpfr_exp_t exponent = mpfr_get_z_2exp(mantissa.backend().data(), end);
    return {std::move(mantissa), exponent};
  }
  void set_whole_line() {
    mpfr_set_inf(&raw()->left, -1);
    mpfr_set_inf(&raw()->right, 1);
  }
  void replace_nan() {
    if (mpfi_nan_p(raw()) != 0) set_whole_line();
  }
  static Interval unary(int (*operation)(mpfi_ptr, mpfi_srcptr), const Interval& x) {
    Interval result;
    operation(result.raw(), x.raw());
    result.replace_nan();
    return result;
  }
  static Interval binary(int (*operation)(mpfi_ptr, mpfi_srcptr, mpfi_srcptr), const Interval& x,
                         const Interval& y) {
    Interval result;
    operation(result.raw(), x.raw(), y.raw());
    result.replace_nan();
    return result;
  }
  // x > 0: x + log1p(e^-x), where e^x could overflow.
  static Interval softplus_of_point(mpfr_srcptr x) {
    Interval point;
    mpfi_set_fr(point.raw(), x);
    if (mpfr_inf_p(x) != 0) return mpfr_sgn(x) > 0 ? point : Interval(0);
    return mpfr_sgn(x) > 0 ? point + log1p(exp(-point)) : log1p(exp(point));
  }

  Number value_;
};

}  // namespace exactscan::spec
