// Correctly rounded conversion of an exact number to a floating-point format.
#pragma once

#include <algorithm>
#include <cstdint>

#include "spec/dyadic.hpp"
#include "spec/format.hpp"

namespace exactscan::spec {

enum class RoundingMode : std::uint8_t { nearest_even, up, down, toward_zero };

// What becomes of results below the smallest normal number, λ. The three ways to flush differ only for
// magnitudes within one rounding of λ, where hardware differs too: flush_before_rounding: |x| < λ gives 0
// (Arm's FPCR.FZ). flush_after_rounding:  0 if x, rounded to the format's precision with no lower exponent
// limit, is below λ: IEEE's
//                        "tininess after rounding" (x86's MXCSR.FTZ).
// flush_subnormal:       0 if the gradually rounded result is subnormal.
// NVIDIA documents that .ftz flushes subnormal results, not which of these decides: a checker allows each.
enum class Subnormals : std::uint8_t {
  gradual,
  flush_before_rounding,
  flush_after_rounding,
  flush_subnormal
};

namespace rounding_detail {

// |x| cut to an integer multiple of 2^quantum, and what was cut off.
struct Truncated {
  std::uint64_t multiple = 0;
  bool half = false;    // the bit below the quantum
  bool sticky = false;  // any bit below that
};

// Requires: |x| < 2^(quantum + 63), x not 0.
inline Truncated truncate(const Dyadic& x, std::int64_t quantum) {
  const mpz_srcptr m = x.mantissa().backend().data();
  if (x.exponent() >= quantum) return {mpz_get_ui(m) << (x.exponent() - quantum), false, false};
  const std::int64_t shift = quantum - x.exponent();
  if (shift > limbs::bit_length(m)) return {0, false, true};
  // |m| >> shift: its bits lie in two limbs at most.
  const std::int64_t limb = shift / 64;
  const auto bit = static_cast<unsigned>(shift % 64);
  std::uint64_t multiple = mpz_getlimbn(m, limb) >> bit;
  if (bit > 0) multiple |= mpz_getlimbn(m, limb + 1) << (64 - bit);
  const bool half = ((mpz_getlimbn(m, (shift - 1) / 64) >> ((shift - 1) % 64)) & 1) != 0;
  const auto lowest = static_cast<std::int64_t>(mpz_scan1(m, 0));  // the same for m and -m
  return {multiple, half, lowest < shift - 1};
}

inline bool rounds_away(const Truncated& t, RoundingMode mode, bool negative) {
  switch (mode) {
    case RoundingMode::nearest_even:
      return t.half && (t.sticky || (t.multiple & 1) != 0);
    case RoundingMode::up:
      return !negative && (t.half || t.sticky);
    case RoundingMode::down:
      return negative && (t.half || t.sticky);
    case RoundingMode::toward_zero:
      break;
  }
  return false;
}

// x rounded to `precision` bits, but to no multiple of less than 2^min_exponent. Requires: x not 0.
inline FloatValue round_significand(const Dyadic& x, int precision, std::int64_t min_exponent,
                                    RoundingMode mode) {
  const bool negative = x.sign() < 0;
  const std::int64_t quantum = std::max(x.leading_exponent() - precision + 1, min_exponent);
  const Truncated t = truncate(x, quantum);
  const std::uint64_t significand = t.multiple + (rounds_away(t, mode, negative) ? 1 : 0);
  if (significand == 0) return {FloatKind::zero, negative, 0, 0};
  if ((significand >> precision) != 0) return {FloatKind::finite, negative, significand >> 1, quantum + 1};
  return {FloatKind::finite, negative, significand, quantum};
}

}  // namespace rounding_detail

// floor(log2 |value|). Requires: finite.
constexpr std::int64_t leading_exponent(const FloatValue& value) {
  return value.exponent + static_cast<int>(std::bit_width(value.significand)) - 1;
}

// Computes x rounded once to `format`. Overflow as IEEE 754 has it: nearest gives infinity from the largest
// finite value plus half an ulp on; up and down give infinity on their own side and the largest finite value
// on the other; toward_zero never gives infinity. A nonzero x that rounds or is flushed to zero keeps its
// sign; 0 gives +0.
inline FloatValue round_to(const Dyadic& x, const FloatFormat& format,
                           RoundingMode mode = RoundingMode::nearest_even,
                           Subnormals subnormals = Subnormals::gradual) {
  using rounding_detail::round_significand;
  if (x.is_zero()) return {};
  const bool negative = x.sign() < 0;
  const FloatValue flushed{FloatKind::zero, negative, 0, 0};
  const int lambda = format.min_normal_exponent();
  if (subnormals == Subnormals::flush_before_rounding && x.leading_exponent() < lambda) return flushed;
  if (subnormals == Subnormals::flush_after_rounding && x.leading_exponent() < lambda) {
    const FloatValue unlimited =
        round_significand(x, format.precision, x.leading_exponent() - format.precision + 1, mode);
    if (leading_exponent(unlimited) < lambda) return flushed;
  }
  const FloatValue result = round_significand(x, format.precision, format.min_exponent, mode);
  if (result.kind == FloatKind::zero) return result;
  if (subnormals == Subnormals::flush_subnormal && leading_exponent(result) < lambda) return flushed;
  if (leading_exponent(result) <= format.max_exponent) return result;
  const bool to_infinity =
      mode == RoundingMode::nearest_even || mode == (negative ? RoundingMode::down : RoundingMode::up);
  return to_infinity ? FloatValue{FloatKind::infinite, negative, 0, 0} : largest_finite(format, negative);
}

// The same as a double, which holds every value of every format here.
inline double round_to_double(const Dyadic& x, const FloatFormat& format = binary64,
                              RoundingMode mode = RoundingMode::nearest_even,
                              Subnormals subnormals = Subnormals::gradual) {
  return to_double(round_to(x, format, mode, subnormals));
}

// The unit in the last place at x: the distance of neighbouring values of `format` in x's binade [2^k,
// 2^(k+1)). Below the normal range it is the smallest subnormal; beyond the largest finite value, that
// value's own.
inline Dyadic ulp(const Dyadic& x, const FloatFormat& format) {
  if (x.is_zero()) return Dyadic::power_of_two(format.min_exponent);
  const std::int64_t binade = std::min<std::int64_t>(x.leading_exponent(), format.max_exponent);
  return Dyadic::power_of_two(std::max<std::int64_t>(binade - format.precision + 1, format.min_exponent));
}

}  // namespace exactscan::spec
