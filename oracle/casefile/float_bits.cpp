#include "oracle/casefile/float_bits.hpp"

#include <bit>

namespace exactscan {
namespace {

constexpr int double_fraction_bits = 52;
constexpr int double_bias = 1023;
constexpr std::uint64_t double_exponent_mask = 0x7FF;
constexpr std::uint64_t double_fraction_mask = (std::uint64_t{1} << double_fraction_bits) - 1;

// significand / 2^shift to nearest, ties to even. Precondition: 1 <= shift <= 63.
std::uint64_t shift_to_nearest_even(std::uint64_t significand, int shift) {
  const std::uint64_t quotient = significand >> shift;
  const std::uint64_t rest = significand & ((std::uint64_t{1} << shift) - 1);
  const std::uint64_t half = std::uint64_t{1} << (shift - 1);
  return quotient + (rest > half || (rest == half && (quotient & 1) != 0) ? 1 : 0);
}

// |value| rounded, without the sign bit. The biased exponent field is not the largest (that is: finite).
std::uint64_t round_magnitude(FloatFormat format, std::uint64_t exponent, std::uint64_t fraction) {
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const int max_exponent = (1 << format.exponent_bits) - 1;
  // A subnormal double lies far below half the smallest subnormal of every narrower format.
  if (exponent == 0) return 0;
  const std::uint64_t significand = fraction | (std::uint64_t{1} << double_fraction_bits);
  const int target = static_cast<int>(exponent) - double_bias + bias;
  if (target >= max_exponent) return static_cast<std::uint64_t>(max_exponent) << format.fraction_bits;
  const int narrowing = double_fraction_bits - format.fraction_bits;
  // A carry out of the fraction runs into the exponent, which is right in both cases, up to infinity.
  if (target > 0) {
    const std::uint64_t rounded = shift_to_nearest_even(significand, narrowing);
    return (static_cast<std::uint64_t>(target - 1) << format.fraction_bits) + rounded;
  }
  const int shift = narrowing + 1 - target;
  // From 54 on, the value is below half the smallest subnormal.
  return shift >= double_fraction_bits + 2 ? 0 : shift_to_nearest_even(significand, shift);
}

}  // namespace

std::uint32_t round_to_format(FloatFormat format, double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t exponent = (bits >> double_fraction_bits) & double_exponent_mask;
  const std::uint64_t fraction = bits & double_fraction_mask;
  const std::uint64_t sign = (bits >> 63) << (format.exponent_bits + format.fraction_bits);
  if (exponent != double_exponent_mask) {
    return static_cast<std::uint32_t>(sign | round_magnitude(format, exponent, fraction));
  }
  const std::uint64_t infinity = ((std::uint64_t{1} << format.exponent_bits) - 1) << format.fraction_bits;
  if (fraction == 0) return static_cast<std::uint32_t>(sign | infinity);
  const std::uint64_t quiet = std::uint64_t{1} << (format.fraction_bits - 1);
  const std::uint64_t payload = fraction >> (double_fraction_bits - format.fraction_bits);
  return static_cast<std::uint32_t>(sign | infinity | quiet | payload);
}

double widen_from_format(FloatFormat format, std::uint32_t bits) {
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const std::uint64_t max_exponent = (std::uint64_t{1} << format.exponent_bits) - 1;
  const std::uint64_t sign = std::uint64_t{bits >> (format.exponent_bits + format.fraction_bits)} << 63;
  std::uint64_t exponent = (bits >> format.fraction_bits) & max_exponent;
  std::uint64_t fraction = bits & ((std::uint64_t{1} << format.fraction_bits) - 1);
  if (exponent == 0 && fraction == 0) return std::bit_cast<double>(sign);
  int unbiased = static_cast<int>(exponent) - bias;
  if (exponent == 0) {  // subnormal here, normal as a double: move the leading bit to its implicit place
    const int lead = std::bit_width(fraction) - 1;
    unbiased = 1 - bias - (format.fraction_bits - lead);
    fraction = (fraction << (format.fraction_bits - lead)) & ((std::uint64_t{1} << format.fraction_bits) - 1);
  }
  const std::uint64_t wide =
      exponent == max_exponent ? double_exponent_mask : static_cast<std::uint64_t>(unbiased + double_bias);
  return std::bit_cast<double>(sign | (wide << double_fraction_bits) |
                               (fraction << (double_fraction_bits - format.fraction_bits)));
}

}  // namespace exactscan
