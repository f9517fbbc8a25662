// ValueClass: which kinds of value an element can hold when inputs are NaN or infinite, whatever the
// schedule. An abstract number: the definitions of spec/ are evaluated over it as over any other.
//
// A finite operand stands for "any finite value of this sign"; infinity times a finite number may come out as
// NaN as well, since a schedule that combines multipliers first may underflow the finite one to zero before.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace exactscan {

class ValueClass {
 public:
  static constexpr std::uint8_t negative = 1, zero = 2, positive = 4, minus_infinity = 8, plus_infinity = 16,
                                nan = 32;

  ValueClass() = default;
  ValueClass(int value) : ValueClass(static_cast<double>(value)) {}  // NOLINT(google-explicit-constructor)
  explicit ValueClass(double x)
      : bits_(static_cast<std::uint8_t>(std::isnan(x)   ? nan
                                        : std::isinf(x) ? (x > 0 ? plus_infinity : minus_infinity)
                                        : x > 0         ? positive
                                        : x < 0         ? negative
                                                        : zero)) {}

  // True if only finite values are possible: the ordinary judgement applies.
  bool finite() const { return (bits_ & (minus_infinity | plus_infinity | nan)) == 0; }
  // Whether the value x can come out. Any finite value may underflow to zero.
  bool admits(double x) const {
    const int any_finite = negative | zero | positive;
    return (bits_ & (x == 0 ? any_finite : ValueClass(x).bits_)) != 0;
  }

  // The class of f(x), given what f makes of each kind, in the order of the constants above.
  ValueClass mapped(const std::array<std::uint8_t, 6>& image) const {
    ValueClass r;
    r.bits_ = 0;
    for (std::size_t i = 0; i < image.size(); ++i) {
      if (((bits_ >> i) & 1u) != 0) r.bits_ = static_cast<std::uint8_t>(r.bits_ | image[i]);
    }
    return r;
  }

  // Every kind of value.
  static ValueClass any() {
    ValueClass r;
    r.bits_ = negative | zero | positive | minus_infinity | plus_infinity | nan;
    return r;
  }

  // What comes out where a schedule may compute either.
  friend ValueClass either_of(ValueClass x, ValueClass y) {
    x.bits_ = static_cast<std::uint8_t>(x.bits_ | y.bits_);
    return x;
  }
  friend ValueClass operator+(ValueClass x, ValueClass y) { return combine(x, y, &sum); }
  friend ValueClass operator-(ValueClass x) { return combine(x, ValueClass(-1.0), &product); }
  friend ValueClass operator-(ValueClass x, ValueClass y) { return x + (-y); }
  friend ValueClass operator*(ValueClass x, ValueClass y) { return combine(x, y, &product); }

 private:
  using Rule = std::uint8_t (*)(std::uint8_t, std::uint8_t);

  static ValueClass combine(ValueClass x, ValueClass y, Rule rule) {
    ValueClass r;
    r.bits_ = 0;
    for (std::uint8_t a = 1; a <= nan; a = static_cast<std::uint8_t>(a << 1)) {
      for (std::uint8_t b = 1; b <= nan; b = static_cast<std::uint8_t>(b << 1)) {
        if ((x.bits_ & a) != 0 && (y.bits_ & b) != 0)
          r.bits_ = static_cast<std::uint8_t>(r.bits_ | rule(a, b));
      }
    }
    return r;
  }

  static bool infinite(std::uint8_t a) { return a == minus_infinity || a == plus_infinity; }
  static bool below(std::uint8_t a) { return a == negative || a == minus_infinity; }

  static std::uint8_t sum(std::uint8_t a, std::uint8_t b) {
    if (a == nan || b == nan) return nan;
    if (infinite(a) && infinite(b)) return a == b ? a : nan;
    if (infinite(a)) return a;
    if (infinite(b)) return b;
    if (a == zero) return b;
    if (b == zero || a == b) return a;
    return negative | zero | positive;
  }

  static std::uint8_t product(std::uint8_t a, std::uint8_t b) {
    if (a == nan || b == nan) return nan;
    const bool minus = below(a) != below(b);
    if (infinite(a) || infinite(b)) {
      if (a == zero || b == zero) return nan;
      return static_cast<std::uint8_t>(nan | (minus ? minus_infinity : plus_infinity));
    }
    if (a == zero || b == zero) return zero;
    return minus ? negative : positive;
  }

  std::uint8_t bits_ = zero;
};

// What the first step computes from no state at all (the next state, or the multiplier's gradient): a
// schedule may multiply a zero, or take the summand as it is. They differ where the factor is NaN or
// infinite.
template <class T>
T first_state(T stepped, const T& /*summand*/) {
  return stepped;
}
inline ValueClass first_state(ValueClass stepped, const ValueClass& summand) {
  return either_of(stepped, summand);
}

// A result that kernels form in ways that agree on finite numbers alone (they skip a product with nothing, or
// take a difference of what the definition never adds): where it may be NaN or infinite, anything may come
// out.
template <class T>
T left_open(T value) {
  return value;
}
inline ValueClass left_open(ValueClass value) { return value.finite() ? value : ValueClass::any(); }

}  // namespace exactscan
