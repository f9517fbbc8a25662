// Contracts of the Mamba systems together with arithmetics and functions that keep them.
#pragma once

#include <span>
#include <string_view>

#include "tests/emulation/functions.hpp"
#include "tests/soundness/setting.hpp"

namespace exactscan::soundness {

struct MambaSetting {
  Setting base;  // its contract is the whole one
  emulation::FunctionQuality quality;
  bool recovered = false;  // backward: the decayed state as the state less its summand
};
std::span<const MambaSetting> mamba_settings();

// A case's magnitudes.
enum class MambaData : std::uint8_t {
  ordinary,
  strong_decay,
  long_memory,
  growth,
  one_sided,
  cancelling,
  tiny,
  gates
};
inline constexpr int mamba_data_count = 8;

// Numbers for one tensor: of special bits, of a size around 2^exponent.
std::vector<double> draw_numbers(emulation::Random& random, const emulation::BinaryFormat& format,
                                 std::size_t count, int exponent, MambaData data);
// A rate, a bias, a gate.
double draw_rate(emulation::Random& random, const emulation::BinaryFormat& format, MambaData data);
double draw_bias(emulation::Random& random, const emulation::BinaryFormat& format);
double draw_gate(emulation::Random& random, const emulation::BinaryFormat& format, MambaData data);

}  // namespace exactscan::soundness
