#include "tests/soundness/setting.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <vector>

namespace exactscan::soundness {

using emulation::bfloat16;
using emulation::binary16;
using emulation::binary32;
using emulation::binary64;

std::span<const Setting> settings() {
  using enum ElementType;
  static const std::vector<Setting> all{
      {"fp32", "fp32", f32, f32, binary32, binary32, binary32},
      {"fp32 ftz", "accumulate=fp32,underflow=ftz", f32, f32, binary32, binary32, binary32, true},
      {"bf16 arithmetic", "accumulate=bf16", bf16, bf16, bfloat16, bfloat16, bfloat16},
      {"fp16 arithmetic", "accumulate=fp16", f16, f16, binary16, binary16, binary16},
      {"bf16 storage", "bf16", bf16, bf16, bfloat16, binary32, bfloat16},
      {"fp16 storage", "fp16", f16, f16, binary16, binary32, binary16},
      {"fp64", "fp64", f64, f64, binary64, binary64, binary64},
      {"bf16 arithmetic ftz", "accumulate=bf16,underflow=ftz", bf16, bf16, bfloat16, bfloat16, bfloat16,
       true},
      {"fp16 arithmetic ftz", "accumulate=fp16,underflow=ftz", f16, f16, binary16, binary16, binary16, true},
      {"bf16 storage ftz", "bf16,underflow=ftz", bf16, bf16, bfloat16, binary32, bfloat16, true},
      {"fp32 any", "fp32,rounding=any", f32, f32, binary32, binary32, binary32, false, true},
      {"bf16 any", "accumulate=bf16,rounding=any", bf16, bf16, bfloat16, bfloat16, bfloat16, false, true},
      {"fp16 any", "accumulate=fp16,rounding=any", f16, f16, binary16, binary16, binary16, false, true},
      {"bf16 any store", "bf16,store=any", bf16, bf16, bfloat16, binary32, bfloat16, false, false, true},
      {"fp16 any store", "fp16,store=any", f16, f16, binary16, binary32, binary16, false, false, true},
      {"fp32 inputs, bf16", "accumulate=bf16", f32, f32, binary32, bfloat16, binary32},
      {"fp32 inputs, fp16", "accumulate=fp16", f32, f32, binary32, binary16, binary32},
      {"fp32 inputs, bf16 any", "accumulate=bf16,rounding=any", f32, f32, binary32, bfloat16, binary32, false,
       true},
      {"fp32 inputs, fp16 ftz", "accumulate=fp16,underflow=ftz", f32, f16, binary32, binary16, binary16,
       true},
      {"bf16 inputs, fp16", "accumulate=fp16", bf16, f16, bfloat16, binary16, binary16},
      {"fp16 inputs, fp32 outputs", "fp32", f16, f32, binary16, binary32, binary32},
      {"fp32, not finite", "fp32", f32, f32, binary32, binary32, binary32, false, false, false, true},
      {"fp32 ftz, not finite", "accumulate=fp32,underflow=ftz", f32, f32, binary32, binary32, binary32, true,
       false, false, true},
      {"bf16 arithmetic, not finite", "accumulate=bf16", bf16, bf16, bfloat16, bfloat16, bfloat16, false,
       false, false, true},
      {"fp16 storage, not finite", "fp16", f16, f16, binary16, binary32, binary16, false, false, false, true},
      {"fp32 any, not finite", "fp32,rounding=any", f32, f32, binary32, binary32, binary32, false, true,
       false, true},
      {"fp64, not finite", "fp64", f64, f64, binary64, binary64, binary64, false, false, false, true},
  };
  return all;
}

int finite_setting_count() {
  const auto all = settings();
  return static_cast<int>(
      std::count_if(all.begin(), all.end(), [](const Setting& s) { return !s.not_finite; }));
}

void sprinkle(emulation::Random& random, const Setting& setting, std::vector<double>& values) {
  if (!setting.not_finite || random.coin()) return;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (double& x : values) {
    if (random.one_in(3 + values.size()))
      x = random.one_in(3) ? std::numeric_limits<double>::quiet_NaN() : random.sign() * infinity;
  }
}

const Setting& setting_named(std::string_view name) {
  for (const Setting& s : settings()) {
    if (s.name == name) return s;
  }
  throw std::invalid_argument("no setting of that name");
}

double stored(double x, const Setting& setting, emulation::Random& random) {
  using emulation::Direction;
  if (setting.stores_exactly()) return x;
  const Direction direction =
      setting.any_store ? static_cast<Direction>(random.between(0, 4)) : Direction::nearest;
  const double r = emulation::round_to(x, setting.out_format, direction);
  const bool tiny = std::fabs(r) < setting.out_format.smallest_normal();
  return setting.flush && tiny && random.coin() ? std::copysign(0.0, r) : r;
}

}  // namespace exactscan::soundness
