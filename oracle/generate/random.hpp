// Random numbers that are the same on every machine and with every compiler.
//
// The generator is SplitMix64 (Steele, Lea and Flood 2014), keyed by seed, stream and index, so that every
// element of every tensor can be drawn on its own. Never draw twice in one expression: which draw comes first
// would be the compiler's choice. The standard library's distributions are not used: their results differ
// between libraries. All conversions below are exact.
#pragma once

#include <cmath>
#include <cstdint>

namespace exactscan {

class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t stream, std::uint64_t index)
      : state_(mix(mix(mix(seed + golden) + stream) + index)) {}

  // 64 uniform bits.
  std::uint64_t word() { return mix(state_ += golden); }
  // Uniform in [0, 1), a multiple of 2^-53.
  double unit() { return static_cast<double>(word() >> 11U) * 0x1p-53; }
  // Uniform in [-1, 1), a multiple of 2^-52.
  double symmetric() { return 2 * unit() - 1; }
  // Uniform in lo … hi, both included. Requires 0 <= hi - lo < 2^32. The bias, below (hi - lo) / 2^32, does
  // not matter.
  std::int64_t between(std::int64_t lo, std::int64_t hi) {
    const auto choices = static_cast<std::uint64_t>(hi - lo) + 1;
    return lo + static_cast<std::int64_t>(((word() >> 32U) * choices) >> 32U);
  }
  // True once in `n` times.
  bool once_in(std::int64_t n) { return between(1, n) == 1; }
  double sign() { return (word() >> 63U) != 0 ? -1.0 : 1.0; }
  // ±2^e, e uniform in lo … hi.
  double power_of_two(std::int64_t lo, std::int64_t hi) {
    const double magnitude = std::ldexp(1.0, static_cast<int>(between(lo, hi)));
    return magnitude * sign();
  }

 private:
  static constexpr std::uint64_t golden = 0x9E3779B97F4A7C15U;
  static constexpr std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  std::uint64_t state_;
};

}  // namespace exactscan
