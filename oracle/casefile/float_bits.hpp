// Conversion between double and the narrower binary formats, on bit patterns: it depends on no rounding mode
// and no flush-to-zero setting of the processor.
#pragma once

#include <cstdint>

namespace exactscan {

// An IEEE-like binary format of at most 32 bits: 1 sign, `exponent_bits`, `fraction_bits`.
struct FloatFormat {
  int exponent_bits;
  int fraction_bits;
};
inline constexpr FloatFormat binary32{8, 23};
inline constexpr FloatFormat binary16{5, 10};
inline constexpr FloatFormat bfloat16{8, 7};

// `value` rounded once to `format`, to nearest, ties to even, with subnormals; beyond the largest finite
// number by half an ulp or more: infinity. A NaN stays a NaN, made quiet, with sign and leading payload bits
// kept.
std::uint32_t round_to_format(FloatFormat format, double value);

// The value of a bit pattern of `format`: exact.
double widen_from_format(FloatFormat format, std::uint32_t bits);

}  // namespace exactscan
