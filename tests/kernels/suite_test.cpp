// One suite for all kernels: what each computes is judged by the oracle; where it reads and writes, by
// guards.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstdlib>

#include "oracle/generate/generate.hpp"
#include "tests/kernels/implementation.hpp"
#include "tests/kernels/trial.hpp"

namespace exactscan::kernels {
namespace {

class Kernel : public testing::TestWithParam<Implementation> {
 protected:
  const Implementation& kernel() const { return GetParam(); }
  // Every form of every operation that it has.
  std::vector<GenerateRequest> operations() const {
    std::vector<GenerateRequest> list;
    if (kernel().run) list.push_back(request("affine_scan", false, false));
    for (const bool varying : {false, true}) {
      if (kernel().run && kernel().takes_input) list.push_back(request("diagonal_ssm", varying, false));
      if (kernel().run_backward) list.push_back(request("diagonal_ssm", varying, true));
    }
    if (kernel().run_layer) list.push_back(request("diagonal_s4", false, false));
    return list;
  }
  static GenerateRequest request(const char* op, bool varying, bool backward) {
    GenerateRequest result;
    result.op = op;
    result.time_varying = varying;
    result.backward = backward;
    return result;
  }
};

class KernelOfScans : public Kernel {};
class KernelOfInputs : public Kernel {};
class KernelOfGradients : public Kernel {};
class KernelOfLayers : public Kernel {};
class KernelOfTwoSchedules : public Kernel {};
class KernelOfExclusiveScans : public Kernel {};

TEST_P(Kernel, EveryProfileTypeAndLayout) {
  std::uint64_t seed = 1;
  for (GenerateRequest request : operations()) {
    for (const ElementType type : kernel().types) {
      for (const Layout layout : kernel().layouts) {
        for (const ProfileSpec& profile : profiles()) {
          if (!exists(request, profile.name)) continue;
          request.profile = profile.name;
          request.type = type;
          request.seed = ++seed;
          request.shape = {{"L", 40 + static_cast<std::int64_t>(seed % 97)},
                           {"N", 1 + static_cast<std::int64_t>(seed % 19)}};
          Trial trial{&kernel(), generate(request), {}, seed % 2 == 0, request.profile};
          trial.placement.layout = layout;
          if (kernel().strided) trial.placement.padding = static_cast<std::int64_t>(seed % 4);
          trial.placement.misaligned = static_cast<std::int64_t>(seed % 3);
          EXPECT_EQ(complaint(trial), "");
        }
      }
    }
  }
}

TEST_P(Kernel, RandomTrials) {
  const bool passed = rc::check([&] {
    const auto size = *rc::gen::inRange<std::size_t>(header_bytes, header_bytes + 64);
    // The whole range of a byte at every size, so that shapes and kernels are drawn alike.
    const auto bytes = *rc::gen::resize(rc::kNominalSize, rc::gen::container<std::vector<std::uint8_t>>(
                                                              size, rc::gen::arbitrary<std::uint8_t>()));
    const std::string found = complaint(decode(bytes, &kernel()));
    if (!found.empty()) RC_FAIL(found);
  });
  EXPECT_TRUE(passed);
}

// in_proj and out_proj have two dimensions, too, but none of time.
bool is_timed(const std::string& name, const Tensor& tensor) {
  return tensor.shape.size() == 2 && name != "in_proj" && name != "out_proj";
}

// The first `length` steps of a case.
Case prefix(const Case& whole, std::int64_t length) {
  Case result = whole;
  for (auto& [name, tensor] : result.inputs) {
    if (!is_timed(name, tensor)) continue;
    tensor.shape[0] = length;
    tensor.data.resize(static_cast<std::size_t>(tensor.size()) * element_size(tensor.type));
  }
  return result;
}

// The steps from `length` on.
Case suffix(const Case& whole, std::int64_t length) {
  Case result = whole;
  for (auto& [name, tensor] : result.inputs) {
    if (!is_timed(name, tensor)) continue;
    const auto skipped = static_cast<std::ptrdiff_t>(length * tensor.shape[1] *
                                                     static_cast<std::int64_t>(element_size(tensor.type)));
    tensor.shape[0] -= length;
    tensor.data.erase(tensor.data.begin(), tensor.data.begin() + skipped);
  }
  return result;
}

// The outputs of two consecutive parts, as outputs of the whole.
Case joined(const Case& whole, const Case& first, const Case& second, const char* timed) {
  Case result = whole;
  Tensor all = first.outputs.at(timed);
  const Tensor& rest = second.outputs.at(timed);
  all.shape[0] += rest.shape[0];
  all.data.insert(all.data.end(), rest.data.begin(), rest.data.end());
  result.outputs[timed] = all;
  result.outputs["h_last"] = second.outputs.at("h_last");
  return result;
}

TEST_P(KernelOfScans, LaterInputsLeaveEarlierOutputsAlone) {
  for (const Layout layout : kernel().layouts) {
    constexpr std::int64_t steps = 155;
    const Case whole =
        generate({"affine_scan", "uniform", 7, {{"L", steps}, {"N", 13}}, ElementType::f32, false, false});
    Placement placement;
    placement.layout = layout;
    const Tensor all = run(kernel(), whole, placement).judged.outputs.at("h");
    for (const std::int64_t length : {0, 1, 3, 7, 8, 9, 16, 33, 63, 64, 65, 127, 128, 154}) {
      // Rows as far apart as those of the whole: a longer input in the same place.
      if (layout == Layout::channel_major && kernel().strided) placement.padding = steps - length;
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
TEST_P(KernelOfScans, ContinuesFromItsLastState) {
  for (const Layout layout : kernel().layouts) {
    for (const ElementType type : {ElementType::f32, ElementType::f64}) {
      const Case whole = generate({"affine_scan", "decay", 11, {{"L", 140}, {"N", 6}}, type, false, false});
      Placement placement;
      placement.layout = layout;
      for (const std::int64_t length : {0, 1, 8, 41, 64, 139, 140}) {
        const Case first = run(kernel(), prefix(whole, length), placement).judged;
        Case second = suffix(whole, length);
        second.inputs["h0"] = first.outputs.at("h_last");
        second = run(kernel(), second, placement).judged;
        EXPECT_EQ(complaint(Outcome{joined(whole, first, second, "h"), ""}, "decay"), "") << length;
      }
    }
  }
}

TEST_P(KernelOfLayers, ContinuesFromItsLastState) {
  for (const Layout layout : kernel().layouts) {
    const Case whole =
        generate({"diagonal_s4", "decay", 12, {{"L", 90}, {"N", 11}}, ElementType::f32, false, false});
    Placement placement;
    placement.layout = layout;
    for (const std::int64_t length : {0, 1, 41, 89, 90}) {
      const Outcome first = run(kernel(), prefix(whole, length), placement);
      EXPECT_EQ(complaint(first, "decay"), "") << length;  // later inputs have no say
      Case second = suffix(whole, length);
      second.inputs["h0"] = first.judged.outputs.at("h_last");
      second = run(kernel(), second, placement).judged;
      EXPECT_EQ(complaint(Outcome{joined(whole, first.judged, second, "y"), ""}, "decay"), "") << length;
    }
  }
}

TEST_P(Kernel, TakesNoInitialStateAsZero) {
  for (GenerateRequest request : operations()) {
    for (const Layout layout : kernel().layouts) {
      request.profile = "decay";
      request.seed = 3;
      request.shape = {{"L", 50}, {"N", 4}};
      Case value = generate(request);
      value.inputs.erase("h0");
      Placement placement;
      placement.layout = layout;
      EXPECT_EQ(complaint(run(kernel(), value, placement), "decay"), "");
    }
  }
}

Tensor f32(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return Tensor::of(ElementType::f32, std::move(shape), values);
}
// TorchLean's own example of its CUDA kernels.
Case torch_leans_example() {
  Case value;
  value.op = "diagonal_ssm";
  value.inputs["A"] = f32({2}, {0.5, 0.25});
  value.inputs["B"] = f32({2}, {1, 2});
  value.inputs["h0"] = f32({2}, {1, -1});
  value.inputs["x"] = f32({3, 2}, {2, 1, 4, -2, 0, 3});
  return value;
}

TEST_P(KernelOfInputs, ComputesTorchLeansExample) {
  const Tensor expected = f32({3, 2}, {2.5, 1.75, 5.25, -3.5625, 2.625, 5.109375});
  for (const Layout layout : kernel().layouts) {
    Placement placement;
    placement.layout = layout;
    EXPECT_EQ(run(kernel(), torch_leans_example(), placement).judged.outputs.at("h"), expected);
  }
}

TEST_P(KernelOfGradients, ComputesTorchLeansExample) {
  Case value = torch_leans_example();
  value.inputs["dh"] = f32({3, 2}, {1, 1, 1, 1, 1, 1});
  for (const Layout layout : kernel().layouts) {
    for (const bool with_states : {false, true}) {
      Placement placement;
      placement.layout = layout;
      auto outputs = run(kernel(), value, placement, with_states).judged.outputs;
      EXPECT_EQ(outputs.at("dA"), f32({2}, {10.75, -2.6875}));
      EXPECT_EQ(outputs.at("dB"), f32({2}, {9.5, 1.8125}));
      EXPECT_EQ(outputs.at("dx"), f32({3, 2}, {1.75, 2.625, 1.5, 2.5, 1, 2}));
      EXPECT_EQ(outputs.at("dh0"), f32({2}, {0.875, 0.328125}));
    }
  }
}

// More channels and steps than the gradients' scratch memory holds at a time.
TEST_P(KernelOfGradients, ManyChannelsAndSteps) {
  for (const bool varying : {false, true}) {
    const GenerateRequest request{"diagonal_ssm",   "decay", 8,   {{"L", 333}, {"N", 130}},
                                  ElementType::f32, varying, true};
    for (const Layout layout : {Layout::time_major, Layout::channel_major}) {
      Placement placement;
      placement.layout = layout;
      EXPECT_EQ(complaint(run(kernel(), generate(request), placement), "decay"), "");
    }
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
    if (!exists(request("affine_scan", false, false), profile.name)) continue;
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
#define EXACTSCAN_INSTANTIATE(Suite, condition)                                                       \
  INSTANTIATE_TEST_SUITE_P(                                                                           \
      All, Suite,                                                                                     \
      testing::ValuesIn(those([](const Implementation& i) { return static_cast<bool>(condition); })), \
      name_of)

EXACTSCAN_INSTANTIATE(Kernel, !i.name.empty());
EXACTSCAN_INSTANTIATE(KernelOfScans, i.run);
EXACTSCAN_INSTANTIATE(KernelOfInputs, i.run&& i.takes_input);
EXACTSCAN_INSTANTIATE(KernelOfGradients, i.run_backward);
EXACTSCAN_INSTANTIATE(KernelOfLayers, i.run_layer);
EXACTSCAN_INSTANTIATE(KernelOfTwoSchedules, i.enough > 0);
EXACTSCAN_INSTANTIATE(KernelOfExclusiveScans, i.run_exclusive);

// EXACTSCAN_EFFORT scales how many random trials a kernel gets. RapidCheck reads RC_PARAMS when the first
// property runs.
const bool scaled = [] {
  const char* const effort = std::getenv("EXACTSCAN_EFFORT");
  const char* const given = std::getenv("RC_PARAMS");
  const double count = 400 * (effort == nullptr ? 1 : std::max(std::atof(effort), 0.0));
  const std::string text =
      fmt::format("{} max_success={}", given == nullptr ? "" : given, std::max(static_cast<int>(count), 20));
  return setenv("RC_PARAMS", text.c_str(), 1) == 0;
}();

}  // namespace
}  // namespace exactscan::kernels
