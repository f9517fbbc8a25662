#include "tests/soundness/mamba_setting.hpp"

#include "tests/soundness/data.hpp"

namespace exactscan::soundness {

using namespace emulation;

std::span<const MambaSetting> mamba_settings() {
  using enum ElementType;
  static const auto quality = [](double exp, double log, double div, bool flush, bool naive) {
    return FunctionQuality{binary32, exp, log, div, flush, naive};
  };
  static const std::vector<MambaSetting> all{
      {{"fp32", "fp32", f32, f32, binary32, binary32, binary32}, quality(2, 2, 0.5, false, false)},
      {{"fp32 naive", "fp32,softplus=naive,exp_ulp=4,log_ulp=1", f32, f32, binary32, binary32, binary32},
       quality(4, 1, 0.5, false, true)},
      {{"mamba-cuda", "mamba-cuda", f32, f32, binary32, binary32, binary32, true},
       quality(2, 2, 2, true, false),
       true},
      {{"mamba-cuda bf16", "mamba-cuda", bf16, bf16, bfloat16, binary32, bfloat16, true},
       quality(2, 2, 2, true, false),
       true},
      {{"recovered", "fp32,previous=recovered", f32, f32, binary32, binary32, binary32},
       quality(2, 2, 0.5, false, false),
       true},
      {{"any rounding", "fp32,rounding=any,div_ulp=2", f32, f32, binary32, binary32, binary32, false, true},
       quality(2, 2, 2, false, false)},
  };
  return all;
}

std::vector<double> draw_numbers(Random& random, const BinaryFormat& format, std::size_t count, int exponent,
                                 MambaData data) {
  std::vector<double> v;
  const int spread = data == MambaData::tiny ? 12 : 4;
  const int middle = data == MambaData::tiny ? -70 : exponent;
  for (std::size_t i = 0; i < count; ++i) {
    double x = special_number(random, format, middle - spread, middle + spread / 2);
    if (data == MambaData::one_sided) x = std::fabs(x);
    if (data == MambaData::cancelling && i > 0 && random.coin()) x = -v[i - 1];
    v.push_back(x);
  }
  return v;
}

double draw_rate(Random& random, const BinaryFormat& format, MambaData data) {
  const double size = data == MambaData::strong_decay  ? random.uniform(5, 100)
                      : data == MambaData::long_memory ? random.uniform(1e-6, 1e-2)
                                                       : std::exp(random.uniform(-4, 3));
  return round_to(data == MambaData::growth && random.coin() ? 0.1 * random.unit() : -size, format);
}

double draw_bias(Random& random, const BinaryFormat& format) {
  static constexpr double biases[] = {-20, -16.5, -10, -6.9, -2, -1, 0, 0.5};
  return round_to(biases[random.below(8)] + random.uniform(-0.1, 0.1), format);
}

double draw_gate(Random& random, const BinaryFormat& format, MambaData data) {
  const double size = data == MambaData::gates ? std::exp(random.uniform(0, 5.1)) : random.uniform(0, 6);
  return round_to(random.sign() * size, format);
}

}  // namespace exactscan::soundness
