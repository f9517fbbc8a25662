// Inputs that press on the bounds: numbers with special bits, and sequences (a_t, b_t) of special kinds.
#pragma once

#include <string_view>
#include <vector>

#include "tests/emulation/random.hpp"
#include "tests/emulation/rounding.hpp"
#include "tests/emulation/schedules.hpp"

namespace exactscan::soundness {

using emulation::BinaryFormat;
using emulation::Random;

// A number of `format` with a special significand (1, 1 + ulp, all ones, few bits, random) and an exponent in
// [low, high], cut to the format's range, subnormals included; seldom a zero of either sign.
double special_number(Random& random, const BinaryFormat& format, int low, int high);

// The kinds of sequence. `may_overflow` ones are counted apart: there a NaN is legitimate.
enum class Profile : std::uint8_t {
  special,        // special significands, moderate exponents
  smooth,         // positive a in (0.5, 1), b of one size
  long_memory,    // |a| within a few ulps of 1
  decay,          // |a| small
  growth,         // |a| above 1
  resets,         // zero multipliers, zero and negative-zero summands
  cancellation,   // b cancels a h but for some ulps
  subnormal,      // values around the smallest numbers
  window_blocks,  // products of two multipliers just above half the smallest number, then back
  exact,          // powers of two among others
  one_sided,      // multipliers and summands chosen so that every rounding errs the same way
  absorption,     // summands near half an ulp of the state
  large,          // magnitudes near the largest number
  full_range      // all exponents
};
inline constexpr int profile_count = 14;
std::string_view profile_name(Profile profile);
bool may_overflow(Profile profile);

struct Sequence {
  double h0 = 0;
  std::vector<double> a, b;
};

// A sequence of `steps` steps, all numbers of `format`.
Sequence draw_sequence(Random& random, const BinaryFormat& format, Profile profile, std::size_t steps);

// The schedule itself, or another where it is the quadratic form and some product of a subset of the
// multipliers with a summand may leave the normal range: there that form is out of the bounds' scope.
emulation::Schedule within_scope(emulation::Schedule schedule, const Sequence& sequence,
                                 const BinaryFormat& format);

}  // namespace exactscan::soundness
