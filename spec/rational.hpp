// An exact rational, for the definitions that divide (bilinear discretization) and to check Dyadic by. About
// ten times slower than Dyadic: each operation takes a gcd.
#pragma once

#include <boost/multiprecision/gmp.hpp>
#include <compare>
#include <concepts>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "spec/dyadic.hpp"

namespace exactscan::spec {

// Error: exact. Throws std::domain_error for division by 0 and for what Dyadic(double) refuses.
class Rational {
 public:
  static constexpr bool commutative = true;

  Rational() = default;  // 0
  template <std::integral I>
  explicit Rational(I value) : value_(value) {}
  explicit Rational(double value) : Rational(Dyadic(value)) {}
  explicit Rational(float value) : Rational(Dyadic(value)) {}
  // Throws std::length_error where numerator or denominator would need more than 2^32 bits.
  explicit Rational(const Dyadic& x) {
    const Dyadic::Parts p = x.parts();
    const std::int64_t shift = p.exponent < 0 ? -p.exponent : p.exponent;
    limbs::require_bits(shift + limbs::bit_length(p.mantissa.backend().data()));
    const auto bits = static_cast<mp_bitcnt_t>(shift);
    Number number(p.mantissa);
    // The mantissa is odd, so the fraction is in lowest terms as it stands.
    mpq_ptr q = number.backend().data();
    p.exponent < 0 ? mpq_div_2exp(q, q, bits) : mpq_mul_2exp(q, q, bits);
    value_ = std::move(number);
  }
  Rational(const Integer& numerator, const Integer& denominator) {
    if (denominator == 0) throw std::domain_error("rational with denominator 0");
    value_ = Number(numerator, denominator);
  }

  Integer numerator() const { return boost::multiprecision::numerator(value_); }
  Integer denominator() const { return boost::multiprecision::denominator(value_); }
  int sign() const { return value_.sign(); }
  bool is_zero() const { return value_.is_zero(); }

  friend Rational operator+(const Rational& x, const Rational& y) { return Rational(x.value_ + y.value_); }
  friend Rational operator-(const Rational& x, const Rational& y) { return Rational(x.value_ - y.value_); }
  friend Rational operator*(const Rational& x, const Rational& y) { return Rational(x.value_ * y.value_); }
  friend Rational operator/(const Rational& x, const Rational& y) {
    if (y.is_zero()) throw std::domain_error("rational divided by 0");
    return Rational(x.value_ / y.value_);
  }
  friend Rational operator-(const Rational& x) { return Rational(-x.value_); }
  friend Rational abs(const Rational& x) { return x.sign() < 0 ? -x : x; }

  friend bool operator==(const Rational& x, const Rational& y) { return x.value_ == y.value_; }
  friend std::strong_ordering operator<=>(const Rational& x, const Rational& y) {
    return x.value_.compare(y.value_) <=> 0;
  }
  friend std::ostream& operator<<(std::ostream& out, const Rational& x) { return out << x.value_; }

 private:
  using Number =
      boost::multiprecision::number<boost::multiprecision::gmp_rational, boost::multiprecision::et_off>;
  explicit Rational(Number value) : value_(std::move(value)) {}

  Number value_;
};

}  // namespace exactscan::spec
