// The lattices on which every bracketing of an affine scan is exact (bounds: exactness clause).
//
// gauge: c_t is a bounded walk, a_t = ±2^(c_t - c_{t-1}), b_t = ±k_t 2^(c_t) with small integers k_t. Every
// partial
//   value is an integer times 2^(c_t), and the sum of |k| since the last a = 0 stays below 2^precision; when
//   it is about to pass, a = 0 starts a new segment. Nothing decays: a carry lost or used twice always shows.
// mantissa: a segment from one a = 0 to the next has one nonzero b = ±2^c, at its start, and one a with all
// of the
//   type's bits; all its other a are ±2^k. Operands cut to fewer bits show.
// zigzag: a gauge whose c_t is 0 and a seventh of the type's exponents by turns, all k_t 1. Products of
// neighbouring
//   multipliers stay in range, those of every second multiplier leave it after four: a schedule that composes
//   maps which are no neighbours shows.
//
// Every window's product is within 2^±(highest - lowest) (times a mantissa in [1, 2)), and every value at
// least 2^lowest, so that nothing overflows and nothing is subnormal.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "oracle/generate/profile.hpp"

namespace exactscan {

enum class LatticeKind : std::uint8_t { gauge, mantissa, zigzag };
// Of the profile, if it is a lattice.
std::optional<LatticeKind> lattice_kind(std::string_view profile);

class Lattice {
 public:
  // With `constant` (gauge only) all a of a channel are the same ±1, so there are no resets: b is zero where
  // the sum of |k| would pass.
  Lattice(LatticeKind kind, std::uint64_t seed, ElementType type, std::int64_t length, std::int64_t channels,
          bool constant);

  struct Step {
    double a, b;
  };
  double initial_state(std::int64_t channel) const;
  double constant_coefficient(std::int64_t channel) const;  // the a of every step, if constant
  Step step(std::int64_t channel);                          // the next step of the channel
  // A power of two to split b = gain * signal exactly; drawn after the step that it belongs to.
  double power_of_two(std::int64_t channel);

 private:
  struct Channel {
    Random random;
    int exponent = 0;        // c_t
    std::int64_t spent = 0;  // gauge: sum of |k| in this segment
    int remaining = 0;       // mantissa: steps left in this segment
    int full = 0;            // mantissa: the step, counted like `remaining`, whose a has all bits
    double initial = 0, sign = 1;
  };
  Step gauge_step(Channel& channel) const;
  Step mantissa_step(Channel& channel) const;
  int walk(Channel& channel) const;
  int next_exponent(Channel& channel) const;
  std::int64_t draw_integer(Random& random) const;
  void start_segment(Channel& channel) const;

  LatticeKind kind_;
  int precision_, lowest_, highest_;
  std::int64_t budget_;      // the sum of |k| never passes this
  std::int64_t largest_;     // of k
  std::int64_t rarity_ = 1;  // constant: one b in so many is nonzero
  bool constant_;
  std::vector<Channel> channels_;
};

}  // namespace exactscan
