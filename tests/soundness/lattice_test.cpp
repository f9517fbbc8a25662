// A case that claims to be a lattice gets no allowance at all: whichever claim the oracle accepts, every
// schedule must be exact on it. Claims are drawn at and beyond the edge of what is true.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/soundness/affine_scan_kernel.hpp"
#include "tests/soundness/attack.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Schedule;

// Powers of two, few zeros, seldom a full significand; summands that share a grain.
Sequence draw_claim(Random& random, const BinaryFormat& format, std::size_t steps) {
  const int range = std::min(random.between(1, 12), format.max_exponent / 2);
  const bool full = random.coin();
  const int bits = random.between(0, format.precision - 1);
  int grain = 0;
  const auto summand = [&] {
    if (random.one_in(full ? 2 : 5)) return 0.0;
    const double k = full ? 1 : 1 + static_cast<double>(random.below(std::size_t{1} << bits));
    return emulation::round_to(random.sign() * std::ldexp(k, grain), format);
  };
  Sequence s;
  s.h0 = random.coin() ? 0 : summand();
  for (std::size_t t = 0; t < steps; ++t) {
    // The multipliers' running exponent is where the next summand's grain lies.
    const int next = random.between(-range, range);
    double a = random.sign() * std::ldexp(1.0, next - grain);
    if (random.one_in(full ? 4 : 40)) a = special_number(random, format, next - grain, next - grain);
    if (random.one_in(6)) a = random.sign() * 0.0;
    grain = next;
    s.a.push_back(emulation::round_to(a, format)), s.b.push_back(summand());
  }
  return s;
}

TEST(Lattice, AcceptedClaimsAreExactInEverySchedule) {
  Totals totals;
  std::int64_t claims = 0, accepted = 0, altered = 0;
  for (const std::string_view name :
       {"fp32", "bf16 arithmetic", "fp16 arithmetic", "fp16 arithmetic ftz", "bf16 any", "fp16 storage"}) {
    const Setting& setting = setting_named(name);
    for (int i = 0; i < static_cast<int>(4000 * std::max(1.0, effort())); ++i) {
      const std::uint64_t seed = Random(accepted + (static_cast<std::uint64_t>(claims) << 20)).next();
      Random random(seed);
      std::vector<Sequence> channels;
      const std::size_t steps = 1 + random.below(10);
      for (std::size_t n = 0; n < 1 + random.below(3); ++n)
        channels.push_back(draw_claim(random, setting.in_format, steps));
      const auto schedule = static_cast<Schedule>(random.below(emulation::schedule_count));
      Case value = affine_scan_case(random, setting, schedule, channels);
      value.options["exact"] = true;
      ++claims;
      if (check(value, parse_contract(setting.contract)).verdict == Verdict::invalid) continue;
      ++accepted;
      totals.judge(value, std::string(setting.contract), std::string(name),
                   std::string(schedule_name(schedule)), seed);
      // One unit in the last place is refuted.
      Tensor& h = value.outputs.at("h");
      std::vector<double> values;
      for (std::int64_t k = 0; k < h.size(); ++k) values.push_back(h.at(k));
      double& x = values[random.below(values.size())];
      if (x == 0) continue;
      x = emulation::round_to(x * (1 + std::ldexp(1.0, 1 - setting.out_format.precision)),
                              setting.out_format);
      if (!std::isfinite(x)) continue;
      h = make_tensor(setting.out, h.shape, values);
      ++altered;
      EXPECT_EQ(check(value, parse_contract(setting.contract)).verdict, Verdict::refuted)
          << name << ", seed " << seed << ", case " << write_failure(value, fmt::format("lattice-{}", seed));
    }
  }
  fmt::print("{} claims, {} accepted\n", claims, accepted);
  totals.print("lattices: legitimate kernels");
  EXPECT_GT(accepted, claims / 50);
  EXPECT_GT(claims - accepted, claims / 50);
  EXPECT_GT(altered, accepted / 4);
}

}  // namespace
}  // namespace exactscan::soundness
