// One suite for all kernels: what each computes is judged by the oracle; where it reads and writes, by
// guards.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>

#include "oracle/check/check.hpp"
#include "oracle/generate/generate.hpp"
#include "tests/kernels/implementation.hpp"
#include "tests/kernels/placement.hpp"

namespace exactscan::kernels {
namespace {

// What is asked of the generator, and where its case is put.
struct Trial {
  GenerateRequest request;
  Placement placement;
};

std::string describe(const Trial& trial) {
  const GenerateRequest& r = trial.request;
  return fmt::format("{} {} {} L={} N={} seed={}{}; {}", r.op, r.profile, element_name(r.type),
                     r.shape.at("L"), r.shape.at("N"), r.seed, r.time_varying ? " varying" : "",
                     describe(trial.placement));
}

std::string spell_out(const CaseReport& report) {
  std::string text = fmt::format("{} {}", verdict_name(report.verdict), report.reason);
  for (const TensorReport& tensor : report.tensors) {
    for (const Witness& w : tensor.witnesses) {
      text += fmt::format("\n  {}[{}] = {}, exact {}, {} allowances", tensor.name,
                          w.index.empty() ? -1 : w.index[0], w.candidate, w.exact, w.ratio);
    }
  }
  return text;
}

// Empty, or what is wrong with the outcome. Where the exact computation may overflow, or an input is not
// finite, the oracle may leave an element open; it must never refute it.
std::string complaint(const Outcome& outcome, const std::string& profile) {
  if (!outcome.fault.empty()) return outcome.fault;
  const CaseReport report = check(outcome.judged);
  const bool may_be_open = profile == "special";
  if (report.verdict == Verdict::explained || (may_be_open && report.verdict == Verdict::undecided))
    return "";
  return spell_out(report);
}

std::string complaint(const Implementation& kernel, const Trial& trial) {
  const Outcome outcome = run(kernel, generate(trial.request), trial.placement);
  const std::string found = complaint(outcome, trial.request.profile);
  return found.empty() ? "" : describe(trial) + ": " + found;
}

// Whether the generator has such a case.
bool exists(const GenerateRequest& request) {
  return request.op != "diagonal_ssm" || request.profile != "mantissa" || request.time_varying;
}

class Kernel : public testing::TestWithParam<Implementation> {
 protected:
  const Implementation& kernel() const { return GetParam(); }
  std::vector<std::string> operations() const {
    return kernel().takes_input ? std::vector<std::string>{"affine_scan", "diagonal_ssm"}
                                : std::vector<std::string>{"affine_scan"};
  }
};

class KernelOfInputs : public Kernel {};
class KernelOfTwoSchedules : public Kernel {};
class KernelOfExclusiveScans : public Kernel {};

TEST_P(Kernel, EveryProfileTypeAndLayout) {
  std::uint64_t seed = 1;
  for (const std::string& op : operations()) {
    for (const ElementType type : kernel().types) {
      for (const Layout layout : kernel().layouts) {
        for (const ProfileSpec& profile : profiles()) {
          Trial trial;
          trial.request = {op, std::string(profile.name), ++seed, {}, type, false, false};
          trial.request.time_varying = op == "diagonal_ssm" && (seed % 2 == 0 || profile.name == "mantissa");
          trial.request.shape = {{"L", 40 + static_cast<std::int64_t>(seed % 23)},
                                 {"N", 1 + static_cast<std::int64_t>(seed % 19)}};
          trial.placement.layout = layout;
          if (kernel().strided) trial.placement.padding = static_cast<std::int64_t>(seed % 4);
          trial.placement.misaligned = static_cast<std::int64_t>(seed % 3);
          EXPECT_EQ(complaint(kernel(), trial), "");
        }
      }
    }
  }
}

TEST_P(Kernel, RandomShapesAndPlacements) {
  const Implementation& k = kernel();
  const std::vector<std::string> ops = operations();
  const bool passed = rc::check([&] {
    Trial trial;
    trial.request.op = *rc::gen::elementOf(ops);
    std::vector<std::string> names;
    for (const ProfileSpec& profile : profiles()) names.emplace_back(profile.name);
    trial.request.profile = *rc::gen::elementOf(names);
    trial.request.seed = *rc::gen::arbitrary<std::uint64_t>();
    trial.request.type = *rc::gen::elementOf(k.types);
    trial.request.time_varying = trial.request.op == "diagonal_ssm" && *rc::gen::arbitrary<bool>();
    trial.request.shape = {{"L", *rc::gen::inRange(0, 150)}, {"N", *rc::gen::inRange(0, 40)}};
    trial.placement.layout = *rc::gen::elementOf(k.layouts);
    if (k.strided) trial.placement.padding = *rc::gen::inRange(0, 9);
    trial.placement.misaligned = *rc::gen::inRange(0, 16);
    if (k.in_place) {
      trial.placement.output = *rc::gen::element(Placement::apart, Placement::over_a, Placement::over_b);
    }
    RC_PRE(exists(trial.request));
    const std::string found = complaint(k, trial);
    if (!found.empty()) RC_FAIL(found);
  });
  EXPECT_TRUE(passed);
}

// The first `length` steps of a case.
Case prefix(const Case& whole, std::int64_t length) {
  Case result = whole;
  for (auto& [name, tensor] : result.inputs) {
    if (tensor.shape.size() < 2) continue;
    tensor.shape[0] = length;
    tensor.data.resize(static_cast<std::size_t>(tensor.size()) * element_size(tensor.type));
  }
  return result;
}

// The steps from `length` on.
Case suffix(const Case& whole, std::int64_t length) {
  Case result = whole;
  for (auto& [name, tensor] : result.inputs) {
    if (tensor.shape.size() < 2) continue;
    const auto skipped = static_cast<std::ptrdiff_t>(length * tensor.shape[1] *
                                                     static_cast<std::int64_t>(element_size(tensor.type)));
    tensor.shape[0] -= length;
    tensor.data.erase(tensor.data.begin(), tensor.data.begin() + skipped);
  }
  return result;
}

TEST_P(Kernel, LaterInputsLeaveEarlierOutputsAlone) {
  for (const Layout layout : kernel().layouts) {
    const Case whole =
        generate({"affine_scan", "uniform", 7, {{"L", 75}, {"N", 5}}, ElementType::f32, false, false});
    Placement placement;
    placement.layout = layout;
    const Tensor all = run(kernel(), whole, placement).judged.outputs.at("h");
    for (const std::int64_t length : {0, 1, 3, 7, 8, 9, 16, 33, 64, 74}) {
      const Outcome part = run(kernel(), prefix(whole, length), placement);
      EXPECT_EQ(complaint(part, "uniform"), "") << length;
      if (!kernel().causal_bits) continue;
      const Tensor& h = part.judged.outputs.at("h");
      ASSERT_EQ(h.shape[0], length);
      EXPECT_TRUE(std::equal(h.data.begin(), h.data.end(), all.data.begin())) << length;
    }
  }
}

// scan(xs ++ ys) = scan(xs) ++ scan(ys from the last state of xs).
TEST_P(Kernel, ContinuesFromItsLastState) {
  for (const Layout layout : kernel().layouts) {
    for (const ElementType type : {ElementType::f32, ElementType::f64}) {
      Case whole = generate({"affine_scan", "decay", 11, {{"L", 90}, {"N", 6}}, type, false, false});
      Placement placement;
      placement.layout = layout;
      for (const std::int64_t length : {0, 1, 8, 41, 89, 90}) {
        Case first = run(kernel(), prefix(whole, length), placement).judged;
        Case second = suffix(whole, length);
        second.inputs["h0"] = first.outputs.at("h_last");
        second = run(kernel(), second, placement).judged;
        Case joined = whole;
        Tensor h = first.outputs.at("h");
        const Tensor& rest = second.outputs.at("h");
        h.shape[0] += rest.shape[0];
        h.data.insert(h.data.end(), rest.data.begin(), rest.data.end());
        joined.outputs["h"] = h;
        joined.outputs["h_last"] = second.outputs.at("h_last");
        EXPECT_EQ(complaint(Outcome{joined, ""}, "decay"), "") << length;
      }
    }
  }
}

TEST_P(Kernel, TakesNoInitialStateAsZero) {
  for (const Layout layout : kernel().layouts) {
    Case value = generate({"affine_scan", "gauge", 3, {{"L", 50}, {"N", 4}}, ElementType::f32, false, false});
    value.inputs.erase("h0");
    Placement placement;
    placement.layout = layout;
    EXPECT_EQ(complaint(run(kernel(), value, placement), "gauge"), "");
  }
}

// TorchLean's own example of its CUDA kernel.
TEST_P(KernelOfInputs, ComputesTorchLeansExample) {
  const auto f32 = [](std::vector<std::int64_t> shape, const std::vector<double>& values) {
    return Tensor::of(ElementType::f32, std::move(shape), values);
  };
  Case value;
  value.op = "diagonal_ssm";
  value.inputs["A"] = f32({2}, {0.5, 0.25});
  value.inputs["B"] = f32({2}, {1, 2});
  value.inputs["h0"] = f32({2}, {1, -1});
  value.inputs["x"] = f32({3, 2}, {2, 1, 4, -2, 0, 3});
  const Tensor expected = f32({3, 2}, {2.5, 1.75, 5.25, -3.5625, 2.625, 5.109375});
  for (const Layout layout : kernel().layouts) {
    Placement placement;
    placement.layout = layout;
    EXPECT_EQ(run(kernel(), value, placement).judged.outputs.at("h"), expected);
  }
}

// Large enough for the parallel schedule; where it is said to be repeatable, twice the same bits.
TEST_P(KernelOfTwoSchedules, ParallelScheduleIsExplained) {
  for (const Layout layout : {Layout::time_major, Layout::channel_major}) {
    for (const char* profile : {"gauge", "decay"}) {
      for (const std::int64_t channels : {1, 3, 200}) {
        const std::int64_t length = kernel().enough / channels + 77;
        const Case value = generate(
            {"affine_scan", profile, 5, {{"L", length}, {"N", channels}}, ElementType::f32, false, false});
        Placement placement;
        placement.layout = layout;
        const Outcome once = run(kernel(), value, placement);
        EXPECT_EQ(complaint(once, profile), "") << channels;
        if (!kernel().repeatable) continue;
        EXPECT_TRUE(once.judged.outputs == run(kernel(), value, placement).judged.outputs) << channels;
      }
    }
  }
}

// The states before each step: the initial one, then all but the last of the inclusive form.
TEST_P(KernelOfExclusiveScans, AreStatesBeforeEachStep) {
  for (const ProfileSpec& profile : profiles()) {
    const Case whole = generate({"affine_scan",
                                 std::string(profile.name),
                                 21,
                                 {{"L", 90}, {"N", 1}},
                                 ElementType::f32,
                                 false,
                                 false});
    Implementation exclusive = kernel();
    exclusive.run = kernel().run_exclusive;
    Tensor before = run(exclusive, whole, {}).judged.outputs.at("h");
    ASSERT_EQ(before.at(0), whole.inputs.at("h0").at(0));
    Case judged = prefix(whole, 89);
    before.shape[0] = 89;
    before.data.erase(before.data.begin(), before.data.begin() + static_cast<std::ptrdiff_t>(sizeof(float)));
    judged.outputs["h"] = before;
    EXPECT_EQ(complaint(Outcome{judged, ""}, std::string(profile.name)), "") << profile.name;
  }
}

template <class Predicate>
std::vector<Implementation> those(const Predicate& wanted) {
  std::vector<Implementation> result;
  std::copy_if(implementations().begin(), implementations().end(), std::back_inserter(result), wanted);
  return result;
}
const auto name_of = [](const auto& instance) { return instance.param.name; };

INSTANTIATE_TEST_SUITE_P(All, Kernel, testing::ValuesIn(implementations()), name_of);
INSTANTIATE_TEST_SUITE_P(All, KernelOfInputs,
                         testing::ValuesIn(those([](const Implementation& i) { return i.takes_input; })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, KernelOfTwoSchedules,
                         testing::ValuesIn(those([](const Implementation& i) { return i.enough > 0; })),
                         name_of);
INSTANTIATE_TEST_SUITE_P(All, KernelOfExclusiveScans, testing::ValuesIn(those([](const Implementation& i) {
                           return static_cast<bool>(i.run_exclusive);
                         })),
                         name_of);

}  // namespace
}  // namespace exactscan::kernels
