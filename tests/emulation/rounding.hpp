// Rounding of doubles to narrower binary formats, for emulated arithmetic.
//
// Independent of spec/ and oracle/ on purpose: a mistake in their rounding must not repeat itself in the
// kernels that they judge.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace exactscan::emulation {

// An IEEE-like format: precision in bits, exponents of the smallest subnormal and of the largest binade.
struct BinaryFormat {
  int precision, min_exponent, max_exponent;

  double smallest() const { return std::ldexp(1.0, min_exponent); }
  double smallest_normal() const { return std::ldexp(1.0, min_exponent + precision - 1); }
  double largest() const { return std::ldexp(2 - std::ldexp(1.0, 1 - precision), max_exponent); }
};
inline constexpr BinaryFormat binary64{53, -1074, 1023};
inline constexpr BinaryFormat binary32{24, -149, 127};
inline constexpr BinaryFormat bfloat16{8, -133, 127};
inline constexpr BinaryFormat binary16{11, -24, 15};

enum class Direction : std::uint8_t { nearest, up, down, toward_zero, away, random };

// floor(log2 |x|) of a normal, finite double.
inline int exponent_of(double x) {
  return static_cast<int>((std::bit_cast<std::uint64_t>(x) >> 52) & 0x7ff) - 1023;
}
// 2^e for a normal exponent.
inline double power_of_two(int e) {
  return std::bit_cast<double>(static_cast<std::uint64_t>(e + 1023) << 52);
}

// x + y, an inexact result made odd in its last bit: rounding it again to a format of at most 51 bits gives
// what rounding the exact sum would (Boldo, Melquiond, "Emulation of FMA and correctly rounded sums", 2008).
// Requires: no overflow, and an error term above the subnormal doubles.
inline double add_to_odd(double x, double y) {
  const double s = x + y;
  if (!std::isfinite(s)) return s;
  const double t = s - x, error = (x - (s - t)) + (y - t);
  const auto bits = std::bit_cast<std::uint64_t>(s);
  if (error == 0 || (bits & 1) != 0) return s;
  return std::bit_cast<double>((error > 0) == (s > 0) ? bits + 1 : bits - 1);
}

// x rounded to a format of at most 24 bits; the sign of zero is kept. Directed overflow stops at the largest
// finite number where IEEE 754 says so.
inline double round_to(double x, const BinaryFormat& format, Direction direction = Direction::nearest) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int quantum =
      std::max(exponent_of(x), format.min_exponent + format.precision - 1) - format.precision + 1;
  const double q = power_of_two(quantum);
  double r = 0;
  if (direction == Direction::nearest) {
    const double shift = q * 0x1.8p52;  // the sum's last bit is worth q
    r = (x + shift) - shift;
  } else {
    const double scaled = x / q;
    const bool upward = direction == Direction::up || (direction == Direction::away && x > 0) ||
                        (direction == Direction::toward_zero && x < 0);
    r = (upward ? std::ceil(scaled) : std::floor(scaled)) * q;
  }
  const double largest = format.largest();
  if (std::fabs(r) > largest) {
    const bool to_infinity = direction == Direction::nearest || direction == Direction::away ||
                             direction == (x > 0 ? Direction::up : Direction::down);
    r = to_infinity ? std::numeric_limits<double>::infinity() : largest;
  }
  return std::copysign(r, x);
}

}  // namespace exactscan::emulation
