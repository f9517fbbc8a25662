// Setting: a contract together with the arithmetic that keeps it, and the types of a case's tensors.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "oracle/casefile/case.hpp"
#include "tests/emulation/arithmetic.hpp"
#include "tests/emulation/kernel.hpp"

namespace exactscan::soundness {

struct Setting {
  std::string_view name;
  std::string_view contract;
  ElementType in, out;
  emulation::BinaryFormat in_format;  // the inputs are drawn from it
  emulation::BinaryFormat accumulate;
  emulation::BinaryFormat out_format;
  bool flush = false;
  bool any_rounding = false;
  bool any_store = false;
  bool not_finite = false;  // the inputs hold some infinities and NaNs

  bool stores_exactly() const {
    return out_format.precision >= accumulate.precision && out_format.min_exponent <= accumulate.min_exponent;
  }
};

// Those with finite inputs come first.
std::span<const Setting> settings();
int finite_setting_count();
const Setting& setting_named(std::string_view name);

// Where the setting asks for it, puts an infinity or a NaN here and there.
void sprinkle(emulation::Random& random, const Setting& setting, std::vector<double>& values);

// The value as the output tensor holds it: rounded once where the tensor's format is narrower.
double stored(double x, const Setting& setting, emulation::Random& random);

// Calls run(arithmetic) with the arithmetic of the setting: the machine's own where it serves, else an
// emulated one. Which way subnormal results are flushed, and which way every operation rounds where any is
// allowed, is drawn at random.
template <class Run>
auto with_arithmetic(const Setting& setting, emulation::Random& random, Run&& run) {
  using namespace emulation;
  if (setting.accumulate.precision == binary64.precision) return run(Binary64{});
  Flush flush = Flush::never;
  if (setting.flush) flush = static_cast<Flush>(random.between(1, 4));
  Direction direction = Direction::nearest;
  if (setting.any_rounding) direction = static_cast<Direction>(random.between(0, 5));
  const bool native =
      setting.accumulate.precision == 24 && flush == Flush::never && direction == Direction::nearest;
  if (native && !random.one_in(8)) return run(Float32{});
  return run(Emulated(setting.accumulate, flush, direction, random));
}

}  // namespace exactscan::soundness
