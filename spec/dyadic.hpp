// Dyadic: an integer times a power of two. Every finite float is one, and sums, differences and products of
// them are again: the exact value of a scan is a Dyadic.
//
// No gcd and no division is ever needed, so it is an order of magnitude faster than a rational. The
// representation is not unique (6 * 2^0 = 3 * 2^1): keeping it so after each operation would cost a pass over
// the number. Equality, order and everything else here depend on the value alone; `canonical()` gives the one
// with an odd mantissa.
#pragma once

#include <bit>
#include <compare>
#include <concepts>
#include <cstdint>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

#include "spec/format.hpp"
#include "spec/limbs.hpp"

namespace exactscan::spec {

// mantissa * 2^exponent.
// Error: exact, always. Throws std::overflow_error where an exponent leaves [-2^61, 2^61], and
// std::length_error where a result would need more than 2^32 bits. Operators with an rvalue operand reuse its
// memory.
class Dyadic {
 public:
  static constexpr bool commutative = true;

  Dyadic() = default;  // 0
  template <std::integral I>
  explicit Dyadic(I value) : mantissa_(value) {}
  // The exact value of a float. Throws std::domain_error for NaN and infinity.
  explicit Dyadic(double value) : Dyadic(decode(std::bit_cast<std::uint64_t>(value), binary64)) {}
  explicit Dyadic(float value) : Dyadic(decode(std::bit_cast<std::uint32_t>(value), binary32)) {}
  Dyadic(Integer mantissa, std::int64_t exponent) : mantissa_(std::move(mantissa)) { set_exponent(exponent); }
  explicit Dyadic(const FloatValue& value) {
    if (value.kind == FloatKind::nan) throw std::domain_error("NaN has no exact value");
    if (value.kind == FloatKind::infinite) throw std::domain_error("infinity has no exact value");
    if (value.kind == FloatKind::zero) return;
    const int trailing = std::countr_zero(value.significand);  // odd from the start: products stay short
    mpz_set_ui(raw(), value.significand >> trailing);
    if (value.negative) mpz_neg(raw(), raw());
    set_exponent(value.exponent + trailing);
  }
  // The exact value of a bit pattern of `format`. Throws std::domain_error as decode does, and for NaN and
  // infinity.
  static Dyadic from_bits(std::uint64_t pattern, const FloatFormat& format) {
    return Dyadic(decode(pattern, format));
  }
  static Dyadic power_of_two(std::int64_t exponent) { return {Integer(1), exponent}; }

  Dyadic(const Dyadic&) = default;
  Dyadic& operator=(const Dyadic&) = default;
  Dyadic(Dyadic&& other) noexcept { swap(other); }  // leaves 0, a value like any other
  Dyadic& operator=(Dyadic&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Dyadic() = default;
  void swap(Dyadic& other) noexcept {
    mpz_swap(raw(), other.raw());
    std::swap(exponent_, other.exponent_);
  }

  // One representation of the value, not always the canonical one.
  const Integer& mantissa() const { return mantissa_; }
  std::int64_t exponent() const { return exponent_; }
  // The canonical one: an odd mantissa, or 0 * 2^0.
  struct Parts {
    Integer mantissa;
    std::int64_t exponent = 0;
  };
  Parts parts() const {
    Dyadic odd = canonical();
    return {std::move(odd.mantissa_), odd.exponent_};
  }
  Dyadic canonical() const& { return Dyadic(*this).canonical(); }
  Dyadic canonical() && {
    if (!is_zero()) make_odd();
    return std::move(*this);
  }

  bool is_zero() const { return mpz_sgn(raw()) == 0; }
  int sign() const { return mpz_sgn(raw()); }
  // floor(log2 |x|). Requires: x is not 0.
  std::int64_t leading_exponent() const { return exponent_ + limbs::bit_length(raw()) - 1; }
  // x * 2^k.
  Dyadic scaled(std::int64_t k) const& { return Dyadic(*this).scaled(k); }
  Dyadic scaled(std::int64_t k) && {
    if (!is_zero()) set_exponent(checked_sum(exponent_, k));
    return std::move(*this);
  }

  Dyadic& operator*=(const Dyadic& y) {
    const std::int64_t exponent = exponent_ + y.exponent_;
    limbs::multiply(raw(), y.raw());
    set_exponent(exponent);
    return *this;
  }
  Dyadic& operator+=(const Dyadic& y) {
    if (y.is_zero()) return *this;
    if (is_zero()) return *this = y;
    if (this == &y) {
      set_exponent(exponent_ + 1);
      return *this;
    }
    if (exponent_ > y.exponent_) lower_exponent(y.exponent_);
    limbs::add_shifted(raw(), y.raw(), y.exponent_ - exponent_);
    drop_zero_limbs();
    return *this;
  }
  Dyadic& operator-=(const Dyadic& y) {
    if (this == &y) return *this = Dyadic();
    negate();
    *this += y;
    negate();
    return *this;
  }

  friend Dyadic operator*(const Dyadic& x, const Dyadic& y) {
    const bool x_is_longer = mpz_size(x.raw()) >= mpz_size(y.raw());
    Dyadic product = x_is_longer ? x : y;
    product *= x_is_longer ? y : x;
    return product;
  }
  friend Dyadic operator*(Dyadic&& x, const Dyadic& y) { return std::move(x *= y); }
  friend Dyadic operator*(const Dyadic& x, Dyadic&& y) { return std::move(y *= x); }
  friend Dyadic operator*(Dyadic&& x, Dyadic&& y) { return std::move(x *= y); }

  friend Dyadic operator+(const Dyadic& x, const Dyadic& y) {
    const bool x_is_finer = x.exponent_ <= y.exponent_;
    Dyadic sum = x_is_finer ? x : y;
    sum += x_is_finer ? y : x;
    return sum;
  }
  friend Dyadic operator+(Dyadic&& x, const Dyadic& y) { return std::move(x += y); }
  friend Dyadic operator+(const Dyadic& x, Dyadic&& y) { return std::move(y += x); }
  friend Dyadic operator+(Dyadic&& x, Dyadic&& y) {
    return x.exponent_ <= y.exponent_ ? std::move(x += y) : std::move(y += x);
  }

  friend Dyadic operator-(const Dyadic& x) { return -Dyadic(x); }
  friend Dyadic operator-(Dyadic&& x) {
    x.negate();
    return std::move(x);
  }
  friend Dyadic operator-(const Dyadic& x, const Dyadic& y) { return Dyadic(x) - y; }
  friend Dyadic operator-(Dyadic&& x, const Dyadic& y) { return std::move(x -= y); }
  friend Dyadic operator-(const Dyadic& x, Dyadic&& y) { return -(std::move(y) - x); }
  friend Dyadic operator-(Dyadic&& x, Dyadic&& y) { return std::move(x -= y); }

  friend Dyadic abs(Dyadic x) { return x.sign() < 0 ? -std::move(x) : std::move(x); }

  // By signs, then by leading exponents, then by the mantissas: numbers of very different size cost no shift.
  friend std::strong_ordering operator<=>(const Dyadic& x, const Dyadic& y) {
    if (x.sign() != y.sign() || x.is_zero()) return x.sign() <=> y.sign();
    return x.sign() > 0 ? x.compare_magnitude(y) : y.compare_magnitude(x);
  }
  friend bool operator==(const Dyadic& x, const Dyadic& y) {
    return (x <=> y) == std::strong_ordering::equal;
  }

  friend std::string to_string(const Dyadic& x) {
    const Parts p = x.parts();
    return p.mantissa.str() + "*2^" + std::to_string(p.exponent);
  }
  friend std::ostream& operator<<(std::ostream& out, const Dyadic& x) { return out << to_string(x); }

 private:
  // Sums of two exponents in this range, and of one and a bit length, fit int64.
  static constexpr std::int64_t max_exponent = std::int64_t{1} << 61;

  mpz_ptr raw() { return mantissa_.backend().data(); }
  mpz_srcptr raw() const { return mantissa_.backend().data(); }
  void negate() { mpz_neg(raw(), raw()); }

  static std::int64_t checked_sum(std::int64_t x, std::int64_t y) {
    std::int64_t sum = 0;
    if (__builtin_add_overflow(x, y, &sum)) throw std::overflow_error("exponent of an exact number");
    return sum;
  }
  void set_exponent(std::int64_t exponent) {
    if (exponent > max_exponent || exponent < -max_exponent) {
      throw std::overflow_error("exponent of an exact number");
    }
    exponent_ = is_zero() ? 0 : exponent;
  }
  void lower_exponent(std::int64_t exponent) {
    const std::int64_t shift = exponent_ - exponent;
    limbs::require_bits(shift + limbs::bit_length(raw()));
    mpz_mul_2exp(raw(), raw(), static_cast<mp_bitcnt_t>(shift));
    exponent_ = exponent;
  }
  void make_odd() {
    const mp_bitcnt_t trailing = mpz_scan1(raw(), 0);
    mpz_tdiv_q_2exp(raw(), raw(), trailing);
    set_exponent(exponent_ + static_cast<std::int64_t>(trailing));
  }
  // Cancellation can leave low limbs of zeros; left alone they would be carried along for ever.
  void drop_zero_limbs() {
    if (is_zero()) {
      exponent_ = 0;
    } else if (raw()->_mp_d[0] == 0) {
      make_odd();
    }
  }
  std::strong_ordering compare_magnitude(const Dyadic& y) const {
    if (exponent_ == y.exponent_) return mpz_cmpabs(raw(), y.raw()) <=> 0;
    if (leading_exponent() != y.leading_exponent()) return leading_exponent() <=> y.leading_exponent();
    Dyadic finer;  // of two numbers with the same leading bit, the coarser is shifted no further than the
                   // finer's length
    if (exponent_ > y.exponent_) {
      finer = *this;
      finer.lower_exponent(y.exponent_);
      return mpz_cmpabs(finer.raw(), y.raw()) <=> 0;
    }
    finer = y;
    finer.lower_exponent(exponent_);
    return mpz_cmpabs(raw(), finer.raw()) <=> 0;
  }

  Integer mantissa_;
  std::int64_t exponent_ = 0;
};

}  // namespace exactscan::spec
