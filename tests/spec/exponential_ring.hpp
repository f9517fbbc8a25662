// A finite ring with an exact exponential: pairs of an integer modulo p - 1 and one modulo the prime p, with
// exp(e, r) = (1, g^e), g a primitive root. exp(x + y) = exp(x) exp(y) and exp(0) = 1 hold exactly, so that
// definitions with exponentials of sums can be compared without rounding. softplus, sigmoid and the limits
// are arbitrary functions.
#pragma once

#include <ostream>

#include "spec/dual.hpp"
#include "spec/residue.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {

class ExpRing {
 public:
  static constexpr bool commutative = true;
  static constexpr std::uint64_t p = 2147483647;  // 2^31 - 1, prime; 7 is a primitive root of it
  using Exponent = Residue<p - 1>;                // the modulus is no prime: nothing here divides
  using Value = Residue<p>;

  ExpRing() = default;
  template <std::integral I>
  explicit ExpRing(I n) : exponent_(n), value_(n) {}
  ExpRing(Exponent e, Value v) : exponent_(e), value_(v) {}

  friend ExpRing operator+(const ExpRing& x, const ExpRing& y) {
    return {x.exponent_ + y.exponent_, x.value_ + y.value_};
  }
  friend ExpRing operator-(const ExpRing& x, const ExpRing& y) {
    return {x.exponent_ - y.exponent_, x.value_ - y.value_};
  }
  friend ExpRing operator-(const ExpRing& x) { return {-x.exponent_, -x.value_}; }
  friend ExpRing operator*(const ExpRing& x, const ExpRing& y) {
    return {x.exponent_ * y.exponent_, x.value_ * y.value_};
  }
  bool operator==(const ExpRing&) const = default;

  friend ExpRing exp(const ExpRing& x) {
    Value result(1), power(7);
    for (std::uint64_t e = x.exponent_.value(); e != 0; e >>= 1) {
      if ((e & 1) != 0) result = result * power;
      power = power * power;
    }
    return {Exponent(1), result};
  }
  friend ExpRing softplus(const ExpRing& x) { return x * x * x + ExpRing(5); }
  friend ExpRing sigmoid(const ExpRing& x) { return x * x + ExpRing(3) * x + ExpRing(11); }
  friend ExpRing clamp(const ExpRing& x, double, double) { return ExpRing(2) * x * x + ExpRing(1); }
  friend ExpRing clamp_slope(const ExpRing& x, double, double) { return ExpRing(4) * x; }
  friend std::ostream& operator<<(std::ostream& out, const ExpRing& x) {
    return out << "(" << x.exponent_.value() << ", " << x.value_.value() << ")";
  }

 private:
  Exponent exponent_;
  Value value_;
};

template <>
struct Draw<ExpRing> {
  ExpRing operator()() const { return {ExpRing::Exponent(draw_bits()), ExpRing::Value(draw_bits())}; }
};

// Derivatives by the rules that softplus and sigmoid obey; Dual has that of exp.
using DualExp = Dual<ExpRing>;
inline DualExp softplus(const DualExp& x) { return {softplus(x.value), sigmoid(x.value) * x.tangent}; }
inline DualExp sigmoid(const DualExp& x) {
  const ExpRing s = sigmoid(x.value);
  return {s, s * (ExpRing(1) - s) * x.tangent};
}

inline DualExp clamp(const DualExp& x, double low, double high) {
  return {clamp(x.value, low, high), ExpRing(4) * x.value * x.tangent};
}

}  // namespace exactscan::spec::test
