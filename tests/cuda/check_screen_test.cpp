// The device's screen, on the host, against the whole oracle: what it accepts, the oracle explains, for every
// profile of the generator, contracts and storage types, and for defects at the edge of the allowance.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "oracle/check/check.hpp"
#include "oracle/check/operation_judge.hpp"
#include "oracle/cuda/selective_case.hpp"
#include "oracle/generate/generate.hpp"
#include "tests/cuda/check_effort.hpp"
#include "tests/cuda/check_reference.hpp"

namespace exactscan {
namespace {

Screened screen_case(const Case& value, const Contract& contract) {
  const Dimensions dimensions = validate(value);
  EXPECT_EQ(device::refusal(value, contract), "");
  const auto result = device::screen_on_host(device::selective_screen(value, dimensions, contract));
  return {result.suspect, result.ratio};
}
CaseReport check_screened(const Case& value, const Contract& contract) {
  CheckOptions options;
  options.screen = [](const Problem& problem) { return screen_case(problem.value, problem.contract); };
  return check(value, contract, options);
}

// The draws of one case: some of the optional tensors left out.
struct Draw {
  std::string profile, contract;
  ElementType type;
  std::uint64_t seed;
};
Case make_case(const Draw& draw, const Dimensions& shape) {
  Case value = generate({"selective_scan", draw.profile, draw.seed, shape, draw.type, false, false});
  value.file = draw.profile;
  if (draw.seed % 3 == 1) value.inputs.erase("z");
  if (draw.seed % 4 == 1) value.inputs.erase("initial_state");
  if (draw.seed % 5 == 1) value.inputs.erase("D");
  if (draw.seed % 5 == 2) value.inputs.erase("delta_bias");
  if (draw.seed % 7 == 3) value.options["delta_softplus"] = false;
  return value;
}

void set(Tensor& tensor, std::int64_t at, double x) {
  const Tensor one = Tensor::of(tensor.type, {1}, std::span<const double>(&x, 1));
  std::memcpy(tensor.data.data() + static_cast<std::size_t>(at) * element_size(tensor.type), one.data.data(),
              one.data.size());
}

void require_same(const CaseReport& screened, const CaseReport& full, const std::string& what) {
  ASSERT_EQ(screened.verdict, full.verdict) << what << ' ' << screened.reason << full.reason;
  ASSERT_EQ(screened.tensors.size(), full.tensors.size()) << what;
  for (std::size_t i = 0; i < full.tensors.size(); ++i) {
    const TensorReport &s = screened.tensors[i], &f = full.tensors[i];
    EXPECT_EQ(s.verdict, f.verdict) << what;
    EXPECT_EQ(s.elements, f.elements) << what;
    EXPECT_EQ(s.refuted, f.refuted) << what;
    EXPECT_EQ(s.undecided, f.undecided) << what;
    EXPECT_GE(s.max_ratio * (1 + 1e-5), f.max_ratio) << what;
    if (f.refuted > 0) {
      EXPECT_EQ(s.witnesses.front().index, f.witnesses.front().index) << what;
    }
  }
}

class ScreenOfProfile : public ::testing::TestWithParam<std::string> {};

const std::vector<std::pair<std::string, ElementType>> settings{
    {"fp32", ElementType::f32},        {"mamba-cuda", ElementType::f32},
    {"bf16", ElementType::bf16},       {"mamba-cuda", ElementType::bf16},
    {"fp16", ElementType::f16},        {"fp32,rounding=any", ElementType::f32},
    {"fp32,depth=8", ElementType::f32}};

TEST_P(ScreenOfProfile, ReportsAreTheOracles) {
  std::uint64_t seed = 1;
  const std::size_t stride = test_effort() < 0.5 ? 3 : 1;  // sanitizers are slow
  for (std::size_t k = 0; k < settings.size(); k += stride) {
    const auto& [contract, type] = settings[k];
    for (int i = 0; i < std::max(1, static_cast<int>(test_effort())); ++i, ++seed) {
      const Draw draw{GetParam(), contract, type, seed};
      const std::string what = GetParam() + ' ' + contract + " seed " + std::to_string(seed);
      Case value;
      try {
        value = exact_outputs(make_case(draw, {{"B", 1}, {"D", 4}, {"L", 24}, {"N", 5}, {"G", 2}}));
      } catch (const GenerateError&) {
        continue;  // the profile has no such type
      } catch (const CaseError&) {
        continue;  // a value too near a tie
      }
      const Contract c = parse_contract(contract);
      require_same(check_screened(value, c), check(value, c), what);
      // One element moved by a few units in its last place, one made NaN, one infinite.
      Tensor& y = value.outputs.at("y");
      const auto at = static_cast<std::int64_t>(seed * 37 % static_cast<std::uint64_t>(y.size()));
      const double old = y.at(at);
      for (const double x : {old * (1 + 0x1p-18) + 0x1p-60, old * (1 - 0x1p-7), -old,
                             std::numeric_limits<double>::quiet_NaN(), HUGE_VAL}) {
        set(y, at, x);
        require_same(check_screened(value, c), check(value, c), what + " changed");
      }
      set(y, at, old);
      Tensor& last = value.outputs.at("last_state");
      const double state = last.at(at % last.size());
      set(last, at % last.size(), state * (1 + 0x1p-6) + 0x1p-80);
      require_same(check_screened(value, c), check(value, c), what + " state changed");
    }
  }
}

std::vector<std::string> profile_names() {
  std::vector<std::string> names;
  for (const ProfileSpec& profile : profiles()) names.emplace_back(profile.name);
  return names;
}
INSTANTIATE_TEST_SUITE_P(Profiles, ScreenOfProfile, ::testing::ValuesIn(profile_names()));

// One element at exact + share * allowance, the allowance as the oracle states it: what is beyond is refuted
// and never accepted, and what is well within is accepted, or the screen would be of no use.
TEST(Screen, FindsTheEdgeOfTheAllowance) {
  int beyond = 0, within = 0, accepted = 0;
  for (std::uint64_t seed = 1; seed <= std::max(4.0, 20 * test_effort()); ++seed) {
    const Contract contract = parse_contract(seed % 2 == 0 ? "fp32" : "mamba-cuda");
    Case value = make_case({"uniform", "", ElementType::f32, seed},
                           {{"B", 1}, {"D", 1}, {"L", 40}, {"N", 4}, {"G", 1}});
    value = exact_outputs(value);
    Tensor& y = value.outputs.at("y");
    const auto at = static_cast<std::int64_t>(seed * 13 % 40);
    const double exact = y.at(at);
    set(y, at, exact * 1.5 + 1);
    const CaseReport refuted = check(value, contract);
    ASSERT_EQ(refuted.verdict, Verdict::refuted);
    const Witness& witness = refuted.tensors.front().witnesses.front();
    const double value_there = std::stod(witness.exact), allowance = witness.allowance;
    for (const double share : {-30.0, -1.5, -1.05, -1.01, -0.25, 0.1, 0.25, 1.01, 1.05, 1.5, 3.0, 1e3}) {
      set(y, at, value_there + share * allowance);
      const bool suspect = screen_case(value, contract).suspect[0] != 0;
      const CaseReport full = check(value, contract);
      if (full.verdict != Verdict::explained) {
        ++beyond;
        EXPECT_TRUE(suspect) << "seed " << seed << " share " << share;
      } else if (std::fabs(share) <= 0.25) {
        ++within;
        accepted += suspect ? 0 : 1;
      }
    }
  }
  EXPECT_GT(beyond, 10);
  EXPECT_GT(accepted, within * 3 / 4) << "of " << within;
}

TEST(Screen, LeavesToTheHostWhatIsNotFinite) {
  const Contract contract = parse_contract("fp32");
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const char* name : {"u", "delta", "A", "B", "C", "D", "z", "delta_bias", "initial_state"}) {
    for (const double bad : {nan, HUGE_VAL, -HUGE_VAL}) {
      Case value = generate({"selective_scan",
                             "uniform",
                             3,
                             {{"B", 1}, {"D", 1}, {"L", 8}, {"N", 2}, {"G", 1}},
                             ElementType::f32,
                             false,
                             false});
      value = exact_outputs(value);
      if (value.inputs.count(name) == 0) continue;
      EXPECT_EQ(screen_case(value, contract).suspect[0], 0) << name;
      Tensor& input = value.inputs.at(name);
      set(input, input.size() / 2, bad);
      EXPECT_EQ(screen_case(value, contract).suspect[0], 1) << name << ' ' << bad;
      require_same(check_screened(value, contract), check(value, contract), name);
    }
  }
}

TEST(Screen, RefusesWhatItDoesNotTake) {
  const Case value = generate({"selective_scan", "uniform", 1, {}, ElementType::f32, false, false});
  EXPECT_EQ(device::refusal(value, parse_contract("fp32")), "");
  EXPECT_NE(device::refusal(value, parse_contract("fp64")), "");
  EXPECT_NE(device::refusal(value, parse_contract("fp32,state=bf16")), "");
  EXPECT_NE(device::refusal(generate({"ssd", "uniform", 1, {}, ElementType::f32, false, false}),
                            parse_contract("fp32")),
            "");
  EXPECT_NE(device::refusal(generate({"selective_scan", "uniform", 1, {}, ElementType::f32, false, true}),
                            parse_contract("fp32")),
            "");
  EXPECT_NE(device::refusal(generate({"selective_scan", "uniform", 1, {}, ElementType::f64, false, false}),
                            parse_contract("fp32")),
            "");
}

}  // namespace
}  // namespace exactscan
