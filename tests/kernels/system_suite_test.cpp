// One suite for the kernels of systems: what each computes is judged by the oracle; where it reads and
// writes, by guards.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "oracle/check/operation.hpp"
#include "oracle/generate/generate.hpp"
#include "tests/kernels/system_steps.hpp"
#include "tests/kernels/system_trial.hpp"

namespace exactscan::kernels {
namespace {

// EXACTSCAN_EFFORT scales how many variants and random trials a kernel gets.
double effort() {
  const char* const text = std::getenv("EXACTSCAN_EFFORT");
  return text == nullptr ? 1 : std::max(std::atof(text), 0.0);
}

class System : public testing::TestWithParam<SystemKernel> {
 protected:
  const SystemKernel& kernel() const { return GetParam(); }

  static GenerateRequest request(const SystemForm& form, const char* profile, std::uint64_t seed) {
    GenerateRequest result;
    result.op = form.op;
    result.backward = form.backward;
    result.profile = profile;
    result.seed = seed;
    return result;
  }
  // Small, and another one for each seed; groups are shared.
  static Dimensions small(const std::string& op, std::uint64_t seed) {
    const auto pick = [&](std::int64_t low, std::int64_t count) {
      return low + static_cast<std::int64_t>(seed) % count;
    };
    const bool mamba = op.rfind("ssd", 0) == 0,
               s5 = op.rfind("s", 0) == 0 && op.find("selective") != 0 && !mamba;
    const std::map<std::string_view, std::int64_t> sizes{
        {"L", pick(9, 23)}, {"T", pick(9, 23)}, {"B", pick(1, 2)}, {"D", op == "selective_scan" ? 4 : 3},
        {"H", s5 ? 3 : 4},  {"P", pick(2, 3)},  {"N", pick(2, 4)}, {"G", 2},
        {"I", 3},           {"O", pick(1, 3)},  {"E", 4},          {"W", pick(1, 4)},
        {"Q", pick(4, 5)}};
    Dimensions result;
    for (const GeneratorSpec& generator : generators()) {
      if (generator.op != op) continue;
      for (const DimensionDefault& d : generator.dimensions) result[std::string(d.name)] = sizes.at(d.name);
    }
    return result;
  }
  // What is wrong with the kernel on the case; "" if nothing.
  std::string judge(const Case& inputs, const std::string& profile,
                    const SystemPlacement& placement = {}) const {
    return complaint(SystemTrial{&kernel(), inputs, placement, profile});
  }
};

class SystemInTime : public System {};
class SystemStep : public System {};

TEST_P(System, EveryProfileTypeAndVariant) {
  const auto variants = static_cast<std::uint64_t>(std::max(6 * effort(), 2.0));
  std::uint64_t seed = 1;
  for (const SystemForm& form : kernel().forms) {
    int judged = 0;
    for (const ElementType type : kernel().types) {
      for (const std::string& profile : profiles_of(form)) {
        for (std::uint64_t i = 0; i < variants; ++i) {
          GenerateRequest wanted = request(form, profile.c_str(), ++seed);
          wanted.type = type;
          wanted.variant = i == 0 ? 0 : seed;
          wanted.shape = small(form.op, seed);
          const std::optional<Case> inputs = generate_for(kernel(), wanted);
          if (!inputs) continue;
          const SystemPlacement placement{static_cast<std::int64_t>(seed % 3), std::byte{0xFF},
                                          seed % 2 == 0};
          EXPECT_EQ(judge(*inputs, profile, placement), "");
          ++judged;
        }
      }
    }
    EXPECT_GT(judged, 0) << form.op << ": the kernel took no case";
  }
}

TEST_P(System, RandomTrials) {
  int judged = 0;
  const bool passed = rc::check([&] {
    const auto size = *rc::gen::inRange<std::size_t>(system_header_bytes, system_header_bytes + 64);
    const auto bytes = *rc::gen::resize(rc::kNominalSize, rc::gen::container<std::vector<std::uint8_t>>(
                                                              size, rc::gen::arbitrary<std::uint8_t>()));
    const std::optional<SystemTrial> trial = decode_system(bytes, &kernel());
    if (!trial) return;
    ++judged;
    const std::string found = complaint(*trial);
    if (!found.empty()) RC_FAIL(found);
  });
  EXPECT_TRUE(passed);
  EXPECT_GT(judged, 0);
}

// The same bits again, also where what lay in the outputs before is something else.
TEST_P(System, GivesTheSameBitsAgain) {
  if (!kernel().repeatable) return;
  for (const SystemForm& form : kernel().forms) {
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
      GenerateRequest wanted = request(form, "uniform", seed);
      wanted.variant = seed;
      const std::optional<Case> inputs = generate_for(kernel(), wanted);
      if (!inputs) continue;
      const Outcome once = run(kernel(), *inputs, {});
      for (const std::byte poison : {std::byte{0xFF}, std::byte{0x4B}})
        EXPECT_TRUE(once.judged.outputs == run(kernel(), *inputs, {0, poison, false}).judged.outputs)
            << form.op;
    }
  }
}

// No steps, one, and those at which schedules change; then no channels at all.
TEST_P(System, AnyNumberOfStepsAndChannels) {
  for (const SystemForm& form : kernel().forms) {
    std::vector<std::int64_t> lengths{0, 1, 2, 31, 32, 33, 65};
    lengths.insert(lengths.end(), kernel().lengths.begin(), kernel().lengths.end());
    std::uint64_t seed = 0;
    const Dimensions sizes = small(form.op, 1);
    for (const auto& [name, size] : sizes) {
      const bool time = name == "L" || name == "T";
      for (const std::int64_t length : time ? lengths : std::vector<std::int64_t>{0, 1}) {
        if (!time && (name == "G" || name == "Q" || name == "W") && length == 0) continue;
        GenerateRequest wanted = request(form, "decay", ++seed);
        wanted.shape = sizes;
        wanted.shape[name] = length;
        if ((name == "D" || name == "H") && wanted.shape.count("G") != 0) wanted.shape["G"] = 1;
        const std::optional<Case> inputs = generate_for(kernel(), wanted);
        if (inputs) {
          EXPECT_EQ(judge(*inputs, "decay"), "");
        }
      }
    }
  }
}

TEST_P(SystemInTime, LaterInputsLeaveEarlierOutputsAlone) {
  for (const SystemForm& form : kernel().forms) {
    if (!has_time(form.op) || form.backward) continue;
    for (std::uint64_t variant = 0; variant < 3; ++variant) {
      GenerateRequest wanted = request(form, "uniform", 7 + variant);
      wanted.variant = variant;
      wanted.shape = small(form.op, 20);
      const std::optional<Case> whole = generate_for(kernel(), wanted);
      if (!whole || !can_be_cut(*whole)) continue;
      const Case all = run(kernel(), *whole, {}).judged;
      const std::int64_t steps = steps_of(*whole);
      for (const std::int64_t count : {std::int64_t{0}, std::int64_t{1}, steps / 3, steps / 2, steps - 1}) {
        const Outcome part = run(kernel(), first_steps(*whole, count), {});
        EXPECT_EQ(complaint(kernel(), part, "uniform"), "") << count;
        if (!kernel().causal_bits) continue;
        EXPECT_TRUE(begins_with(all, part.judged)) << form.op << " " << count;
      }
    }
  }
}

// scan(xs ++ ys) = scan(xs) ++ scan(ys from the last state of xs).
TEST_P(SystemInTime, ContinuesFromItsLastState) {
  for (const SystemForm& form : kernel().forms) {
    if (!has_time(form.op) || form.backward) continue;
    for (std::uint64_t variant = 0; variant < 5; ++variant) {
      GenerateRequest wanted = request(form, variant % 2 == 0 ? "decay" : "mamba", 11 + variant);
      wanted.variant = variant;
      wanted.shape = small(form.op, 21);
      const std::optional<Case> whole = generate_for(kernel(), wanted);
      if (!whole || !can_be_cut(*whole)) continue;
      const std::int64_t steps = steps_of(*whole);
      for (const std::int64_t count : {std::int64_t{0}, std::int64_t{1}, steps / 2, steps - 1, steps}) {
        const Case first = run(kernel(), first_steps(*whole, count), {}).judged;
        const Case rest = later_steps(*whole, count, first);
        if (!can_run(kernel(), rest)) continue;
        const Case second = run(kernel(), rest, {}).judged;
        EXPECT_EQ(complaint(kernel(), Outcome{joined(*whole, first, second), ""}, "decay"), "")
            << form.op << ", variant " << variant << ", cut at " << count;
      }
    }
  }
}

TEST_P(SystemStep, StepsMakeAScan) {
  int judged = 0;
  for (const SystemForm& form : kernel().forms) {
    const std::string op = scan_of_step(form.op);
    if (op.empty()) continue;
    for (std::uint64_t variant = 0; variant < 12; ++variant) {
      GenerateRequest wanted = request({op, false}, variant % 2 == 0 ? "uniform" : "mamba", 5 + variant);
      wanted.variant = variant;
      wanted.shape = small(op, 3 + variant);
      const Case scan = for_steps(generate(wanted));
      // A step has no constant weights.
      if (op == "selective_scan" &&
          (scan.inputs.at("B").shape.size() == 2 || scan.inputs.at("C").shape.size() == 2))
        continue;
      std::string faults;
      const Case judgement = by_steps(kernel(), scan, {0, std::byte{0xFF}, variant % 2 == 0}, faults);
      EXPECT_EQ(complaint(kernel(), Outcome{judgement, faults}, "uniform"), "")
          << op << ", variant " << variant;
      ++judged;
    }
  }
  EXPECT_GT(judged, 0);
}

template <class Predicate>
std::vector<SystemKernel> those(const Predicate& wanted) {
  std::vector<SystemKernel> result;
  for (const SystemKernel& kernel : system_kernels()) {
    if (std::any_of(kernel.forms.begin(), kernel.forms.end(), wanted)) result.push_back(kernel);
  }
  return result;
}
const auto name_of = [](const auto& instance) { return instance.param.name; };

INSTANTIATE_TEST_SUITE_P(All, System, testing::ValuesIn(system_kernels()), name_of);
INSTANTIATE_TEST_SUITE_P(All, SystemInTime, testing::ValuesIn(those([](const SystemForm& form) {
                           return has_time(form.op) && !form.backward;
                         })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, SystemStep, testing::ValuesIn(those([](const SystemForm& form) {
                           return !scan_of_step(form.op).empty();
                         })),
                         name_of);

// RapidCheck reads RC_PARAMS when the first property runs.
const bool scaled = [] {
  const char* const given = std::getenv("RC_PARAMS");
  const std::string text = fmt::format("{} max_success={}", given == nullptr ? "" : given,
                                       std::max(static_cast<int>(200 * effort()), 20));
  return setenv("RC_PARAMS", text.c_str(), 1) == 0;
}();

}  // namespace
}  // namespace exactscan::kernels
