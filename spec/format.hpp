// The binary floating-point formats, described by three numbers each, and their bit patterns.
//
// A pattern is [sign][exponent field][fraction field], IEEE 754's layout. tf32 has no pattern of its own: its
// values are held in a binary32 pattern whose low 13 fraction bits are zero.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>

namespace exactscan::spec {

struct FloatFormat {
  int precision;     // significand bits, the hidden one included
  int min_exponent;  // the smallest subnormal is 2^min_exponent
  int max_exponent;  // the largest finite value is (2 - 2^(1-precision)) * 2^max_exponent
  std::string_view name;
  int fraction_bits = precision - 1;  // of the pattern that holds it

  // The smallest normal value is 2^min_normal_exponent().
  constexpr int min_normal_exponent() const { return min_exponent + precision - 1; }
  // The exponent field counts from -bias; IEEE makes the bias the largest exponent.
  constexpr int bias() const { return max_exponent; }
  constexpr int exponent_bits() const {
    return static_cast<int>(std::bit_width(static_cast<unsigned>(max_exponent))) + 1;
  }
  constexpr int pattern_bits() const { return 1 + exponent_bits() + fraction_bits; }
  constexpr bool operator==(const FloatFormat&) const = default;
};

inline constexpr FloatFormat binary64{53, -1074, 1023, "binary64"};
inline constexpr FloatFormat binary32{24, -149, 127, "binary32"};
inline constexpr FloatFormat tf32{11, -136, 127, "tf32", 23};
inline constexpr FloatFormat binary16{11, -24, 15, "binary16"};
inline constexpr FloatFormat bfloat16{8, -133, 127, "bfloat16"};

static_assert(binary64.min_normal_exponent() == -1022 && binary64.pattern_bits() == 64);
static_assert(binary32.min_normal_exponent() == -126 && binary32.pattern_bits() == 32);
static_assert(tf32.min_normal_exponent() == -126 && tf32.pattern_bits() == 32);
static_assert(binary16.min_normal_exponent() == -14 && binary16.pattern_bits() == 16);
static_assert(bfloat16.min_normal_exponent() == -126 && bfloat16.pattern_bits() == 16);

enum class FloatKind : std::uint8_t { zero, finite, infinite, nan };

// One value of a format. finite: (-1)^negative * significand * 2^exponent with significand > 0; otherwise
// both are 0. Values made by decode and by rounding hold significand < 2^precision and exponent >=
// min_exponent, and a significand below 2^(precision-1) only at min_exponent: one representation a value.
struct FloatValue {
  FloatKind kind = FloatKind::zero;
  bool negative = false;
  std::uint64_t significand = 0;
  std::int64_t exponent = 0;

  constexpr bool operator==(const FloatValue&) const = default;
};

constexpr FloatValue largest_finite(const FloatFormat& format, bool negative = false) {
  return {FloatKind::finite, negative, (std::uint64_t{1} << format.precision) - 1,
          format.max_exponent - format.precision + 1};
}

// Computes the bit pattern of `value` in `format`. NaN becomes the quiet NaN with no payload.
// Requires: a representation as FloatValue describes it. Error: exact.
constexpr std::uint64_t encode(const FloatValue& value, const FloatFormat& format) {
  const std::uint64_t sign = static_cast<std::uint64_t>(value.negative) << (format.pattern_bits() - 1);
  const std::uint64_t top_field = ((std::uint64_t{1} << format.exponent_bits()) - 1) << format.fraction_bits;
  if (value.kind == FloatKind::zero) return sign;
  if (value.kind == FloatKind::infinite) return sign | top_field;
  if (value.kind == FloatKind::nan)
    return sign | top_field | (std::uint64_t{1} << (format.fraction_bits - 1));
  const int spare = format.fraction_bits - (format.precision - 1);  // 13 in tf32, else 0
  const std::uint64_t hidden = std::uint64_t{1} << (format.precision - 1);
  if (value.significand < hidden) return sign | (value.significand << spare);
  const auto field = static_cast<std::uint64_t>(value.exponent - format.min_exponent + 1);
  return sign | (field << format.fraction_bits) | ((value.significand - hidden) << spare);
}

// Computes the value that `pattern` stands for. Error: exact; a NaN's payload and sign are dropped.
// Throws std::domain_error for a pattern wider than the format, and for a tf32 pattern that is no tf32 value.
constexpr FloatValue decode(std::uint64_t pattern, const FloatFormat& format) {
  const int bits = format.pattern_bits();
  if (bits < 64 && (pattern >> bits) != 0) throw std::domain_error("bit pattern wider than its format");
  const bool negative = ((pattern >> (bits - 1)) & 1) != 0;
  const std::uint64_t field_mask = (std::uint64_t{1} << format.exponent_bits()) - 1;
  const std::uint64_t field = (pattern >> format.fraction_bits) & field_mask;
  const std::uint64_t fraction = pattern & ((std::uint64_t{1} << format.fraction_bits) - 1);
  if (field == field_mask) {
    if (fraction != 0) return {FloatKind::nan, false, 0, 0};
    return {FloatKind::infinite, negative, 0, 0};
  }
  const int spare = format.fraction_bits - (format.precision - 1);
  if ((fraction & ((std::uint64_t{1} << spare) - 1)) != 0) {
    throw std::domain_error("binary32 pattern with more fraction bits than tf32 has");
  }
  const std::uint64_t significand = fraction >> spare;
  if (field == 0) {
    if (significand == 0) return {FloatKind::zero, negative, 0, 0};
    return {FloatKind::finite, negative, significand, format.min_exponent};
  }
  return {FloatKind::finite, negative, significand | (std::uint64_t{1} << (format.precision - 1)),
          format.min_exponent + static_cast<std::int64_t>(field) - 1};
}

// Computes `value` as a double: exact for every value of the formats above.
// Throws std::domain_error for a finite value that no double holds.
inline double to_double(const FloatValue& value) {
  const double sign = value.negative ? -1.0 : 1.0;
  switch (value.kind) {
    case FloatKind::zero:
      return std::copysign(0.0, sign);
    case FloatKind::infinite:
      return std::copysign(std::numeric_limits<double>::infinity(), sign);
    case FloatKind::nan:
      return std::numeric_limits<double>::quiet_NaN();
    case FloatKind::finite:
      break;
  }
  const int trailing = std::countr_zero(value.significand);
  const std::uint64_t odd = value.significand >> trailing;
  const std::int64_t lowest = value.exponent + trailing;
  const auto width = static_cast<int>(std::bit_width(odd));
  if (width > binary64.precision || lowest < binary64.min_exponent ||
      lowest + width - 1 > binary64.max_exponent) {
    throw std::domain_error("value not representable as a double");
  }
  return std::copysign(std::ldexp(static_cast<double>(odd), static_cast<int>(lowest)), sign);
}

}  // namespace exactscan::spec
