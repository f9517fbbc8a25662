// The attack on S5's operations: legitimate kernels of every arithmetic, schedule and style must be
// explained; kernels with a planted defect must be refuted wherever they are off by more than twice the
// allowance.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/soundness/attack.hpp"
#include "tests/soundness/exact_values.hpp"
#include "tests/soundness/s5_kernel.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Schedule;

// Products over multipliers that are no neighbours may underflow: outside the bound's scope.
constexpr std::array<Schedule, 7> schedules{Schedule::sequential,  Schedule::bracketing, Schedule::chunked,
                                            Schedule::kogge_stone, Schedule::blelloch,   Schedule::look_back,
                                            Schedule::padded};

// A style, and the contract that admits it.
Style draw_style(Random& random, const Setting& setting, std::string& contract) {
  Style s;
  s.product = random.between(0, 3), s.accumulate = random.between(0, 2), s.quotient = random.between(0, 3);
  s.prescale = random.coin(), s.bias = random.between(-1, 1);
  s.expm1 = random.coin(), s.recovered = random.one_in(3);
  contract = std::string(setting.contract);
  if (!s.expm1) contract += ",zoh=naive";
  if (s.recovered) contract += ",previous=recovered";
  s.tf32 = setting.accumulate.precision == 24 && random.one_in(4);
  if (s.tf32) contract += ",gemm=tf32";
  if (s.quotient == 2 && random.coin()) contract += ",complex_div=7";
  return s;
}

std::string schedule_text(Schedule s) { return std::string(schedule_name(s)); }

class S5Legitimate : public testing::TestWithParam<std::string_view> {
 protected:
  static Totals& totals() {
    static Totals all;
    return all;
  }
  static void TearDownTestSuite() { totals().print("S5: legitimate kernels"); }
};

TEST_P(S5Legitimate, IsExplained) {
  const Setting& setting = setting_named(GetParam());
  const bool wide = setting.accumulate.precision > 24;
  for (const Schedule schedule : schedules) {
    const int count = std::max(1, static_cast<int>(40 * effort()));
    for (int i = 0; i < count; ++i) {
      const std::uint64_t seed =
          Random(std::hash<std::string_view>()(setting.name) ^ (static_cast<std::uint64_t>(schedule) << 32) ^
                 static_cast<std::uint64_t>(i))
              .next();
      Random random(seed);
      const auto profile = static_cast<S5Profile>(random.below(s5_profile_count));
      const S5Data data = draw_s5(random, setting.in_format, profile, static_cast<S5Kind>(random.below(3)));
      std::string contract;
      const Style style = draw_style(random, setting, contract);
      const S5Results results = run_kernel(data, setting, schedule, style, random);
      totals().judge(s5_case(data, results, wide), contract, std::string(setting.name),
                     schedule_text(schedule), seed);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Settings, S5Legitimate,
                         testing::Values("fp32", "fp32 ftz", "bf16 arithmetic", "fp16 arithmetic", "fp64",
                                         "fp32 any"),
                         [](const auto& setting) {
                           std::string name(setting.param);
                           for (char& c : name) c = c == ' ' ? '_' : c;
                           return name;
                         });

struct Caught {
  std::int64_t cases = 0, caught = 0, elements = 0, beyond = 0, refuted = 0;
};

// Data that bring the defect out.
S5Data draw_for(S5Defect defect, Random& random, const Setting& setting) {
  const bool inner = defect == S5Defect::scale_missing || defect == S5Defect::scale_on_skip;
  const S5Kind kind = defect == S5Defect::skip_transposed ? S5Kind::update
                      : inner                             ? S5Kind::inner
                                                          : S5Kind::scan;
  const S5Profile profile = defect == S5Defect::exp_minus_1 ? S5Profile::small_steps : S5Profile::typical;
  S5Data d = draw_s5(random, setting.in_format, profile, kind);
  if (kind != S5Kind::update) d.backward = true;
  if (defect == S5Defect::exp_minus_1) d.method = S5Method::zoh;
  const bool of_gain = defect == S5Defect::gain_omitted || defect == S5Defect::deltaA_for_delta;
  if (of_gain && d.method == S5Method::dirac) d.method = S5Method::zoh;
  if (defect == S5Defect::delta_for_deltaA || defect == S5Defect::deltaA_for_delta) d.separate_step = true;
  return d;
}

// One output of one case: where it exceeds twice the allowance, and where it is refuted.
bool judge_output(const Case& value, const std::string& name, const std::vector<Complex>& exact,
                  const Contract& contract, Caught& total) {
  const std::vector<double> allowance = reported_allowances(value, name, contract);
  const std::vector<bool> refuted = refuted_elements(value, name, contract);
  const Tensor& tensor = value.outputs.at(name);
  bool sound = true;
  for (std::size_t i = 0; i < refuted.size(); ++i) {
    Complex off = tensor.complex_at(static_cast<std::int64_t>(i)) - exact[i];
    if (!is_complex(tensor.type)) off = off.real();
    ++total.elements, total.refuted += refuted[i];
    if (!std::isfinite(off.real()) || !std::isfinite(off.imag())) continue;
    // The reference is a double: its own rounding is nothing beside an allowance of binary32, but beside 0.
    const bool beyond = std::abs(off) > 2 * allowance[i] + 1e-12 * std::abs(exact[i]);
    const bool within = std::abs(off) < 0.999 * allowance[i];
    total.beyond += beyond;
    sound = sound && !(beyond && !refuted[i]) && !(within && refuted[i]);
  }
  return sound;
}

class S5Defects : public testing::TestWithParam<int> {};

TEST_P(S5Defects, IsRefutedWhereItExceedsTheAllowance) {
  const auto defect = static_cast<S5Defect>(GetParam());
  const Setting& setting = setting_named("fp32");
  const Contract contract = parse_contract("fp32");
  Caught total;
  for (int i = 0; i < static_cast<int>(16 * std::max(1.0, effort())); ++i) {
    const std::uint64_t seed =
        Random(static_cast<std::uint64_t>(GetParam()) << 32 | static_cast<std::uint64_t>(i)).next();
    Random random(seed);
    const S5Data data = draw_for(defect, random, setting);
    Style style;
    style.expm1 = defect != S5Defect::exp_minus_1;
    const S5Results results = run_kernel(data, setting, Schedule::sequential, style, random, defect);
    const S5Results exact = run_reference(data);
    const Case value = s5_case(data, results, false);
    const std::int64_t before = total.refuted;
    for (const auto& [name, tensor] : value.outputs) {
      EXPECT_TRUE(judge_output(value, name, exact.at(name), contract, total))
          << s5_defect_names[static_cast<std::size_t>(GetParam())] << ", " << name << ", seed " << seed
          << ", case " << write_failure(value, fmt::format("s5-defect-{}-{}", GetParam(), seed));
    }
    ++total.cases, total.caught += total.refuted > before;
  }
  fmt::print("{:<20} cases {} caught {} elements {} beyond 2E {} refuted {}\n",
             s5_defect_names[static_cast<std::size_t>(GetParam())], total.cases, total.caught, total.elements,
             total.beyond, total.refuted);
  if (defect == S5Defect::none) {
    EXPECT_EQ(total.refuted, 0);
  } else {
    EXPECT_GT(total.caught, 0);
  }
}
INSTANTIATE_TEST_SUITE_P(All, S5Defects, testing::Range(0, static_cast<int>(s5_defect_names.size())));

}  // namespace
}  // namespace exactscan::soundness
