// Integers modulo a prime: a field in one machine word, for algebra tests. Two different polynomials of
// degree d agree at a random point with probability at most d / Modulus.
#pragma once

#include <concepts>
#include <cstdint>
#include <ostream>
#include <stdexcept>

namespace exactscan::spec {

// Requires: Modulus prime, below 2^63. Error: exact. Throws std::domain_error for division by 0.
template <std::uint64_t Modulus = (std::uint64_t{1} << 61) - 1>
class Residue {
 public:
  static constexpr bool commutative = true;
  static_assert(Modulus > 1 && Modulus < (std::uint64_t{1} << 63));

  constexpr Residue() = default;  // 0
  // Negative values wrap: Residue(-1) + Residue(1) = 0.
  template <std::integral I>
  constexpr explicit Residue(I value) : value_(static_cast<std::uint64_t>(value)) {
    if constexpr (std::signed_integral<I>) {
      const bool negative = value < 0;
      const std::uint64_t magnitude = (negative ? std::uint64_t{0} - value_ : value_) % Modulus;
      value_ = negative && magnitude != 0 ? Modulus - magnitude : magnitude;
    } else {
      value_ %= Modulus;
    }
  }

  constexpr std::uint64_t value() const { return value_; }

  friend constexpr Residue operator+(const Residue& x, const Residue& y) {
    return Residue(x.value_ + y.value_);
  }
  friend constexpr Residue operator-(const Residue& x, const Residue& y) { return x + -y; }
  friend constexpr Residue operator-(const Residue& x) { return Residue(Modulus - x.value_); }
  friend constexpr Residue operator*(const Residue& x, const Residue& y) {
    return Residue(static_cast<std::uint64_t>(static_cast<Wide>(x.value_) * y.value_ % Modulus));
  }
  friend constexpr Residue operator/(const Residue& x, const Residue& y) { return x * y.inverse(); }
  constexpr bool operator==(const Residue&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Residue& x) { return out << x.value_; }

 private:
  __extension__ using Wide = unsigned __int128;

  // y^(Modulus-2), by Fermat.
  constexpr Residue inverse() const {
    if (value_ == 0) throw std::domain_error("residue divided by 0");
    Residue result(1);
    Residue power = *this;
    for (std::uint64_t exponent = Modulus - 2; exponent != 0; exponent >>= 1) {
      if ((exponent & 1) != 0) result = result * power;
      power = power * power;
    }
    return result;
  }

  std::uint64_t value_ = 0;
};

static_assert(Residue<7>(3) / Residue<7>(5) * Residue<7>(5) == Residue<7>(3));
static_assert(Residue<7>(-1) + Residue<7>(1) == Residue<7>(0));

}  // namespace exactscan::spec
