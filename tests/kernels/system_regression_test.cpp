// What trials of kernels found wrong in the oracle, and the frame's own tests: a kernel that errs in memory
// is caught, and the generator's variants reach all that an operation can be asked.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

#include "oracle/check/check.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/generate/generate.hpp"
#include "tests/kernels/system_trial.hpp"

namespace exactscan::kernels {
namespace {

Tensor f32(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return Tensor::of(ElementType::f32, std::move(shape), values);
}

// Two factors of a gradient overflow before a third brings the product down: infinity times 0, or the tiny
// value.
TEST(Oracle, PartOfAProductMayOverflow) {
  Case value;
  value.op = "selective_scan";
  value.inputs = {{"u", f32({1, 1, 1}, {1e10})}, {"delta", f32({1, 1, 1}, {1})},
                  {"A", f32({1, 1}, {-1})},      {"B", f32({1, 1, 1}, {1})},
                  {"C", f32({1, 1, 1}, {1})},    {"z", f32({1, 1, 1}, {-1000})},
                  {"dy", f32({1, 1, 1}, {1e30})}};
  value.outputs["dz"] = f32({1, 1, 1}, {std::nan("")});
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  value.inputs["dy"] = f32({1, 1, 1}, {1});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// Without channels the gradients of B and C are 0, in each of their groups.
TEST(Oracle, GroupsWithoutChannelsHaveGradients) {
  Case value;
  value.op = "selective_scan";
  value.inputs = {{"u", f32({1, 0, 2}, {})},
                  {"delta", f32({1, 0, 2}, {})},
                  {"A", f32({0, 1}, {})},
                  {"B", f32({1, 2, 1, 2}, {1, 2, 3, 4})},
                  {"C", f32({1, 2, 1, 2}, {1, 2, 3, 4})},
                  {"dy", f32({1, 0, 2}, {})}};
  value.outputs["dB"] = f32({1, 2, 1, 2}, {0, 0, 0, 0});
  EXPECT_EQ(check(value).verdict, Verdict::explained);
  value.outputs["dB"] = f32({1, 2, 1, 2}, {0, 0, 1, 0});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// A kernel holds dt_min = 0.001 in float32, as it does every number.
TEST(Oracle, LimitsOfStepsAreRounded) {
  Case value;
  value.op = "ssd_chunk_cumsum";
  value.options = {{"chunk_size", std::int64_t{2}}, {"dt_min", 0.001}};
  value.inputs = {{"dt", f32({1, 2, 1}, {-1, 0.5})}, {"A", f32({1}, {-1})}};
  value.outputs["dt_out"] = f32({1, 1, 1, 2}, {0.001, 0.5});
  EXPECT_EQ(check(value).verdict, Verdict::explained);
  value.outputs["dt_out"] = f32({1, 1, 1, 2}, {0.001 * (1 + 0x1p-20), 0.5});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
  value.outputs["dt_out"] = f32({1, 1, 1, 2}, {0.001, 0.5 + 0x1p-22});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// exp of a large sum is infinite, and infinity times a state of 0 is NaN.
TEST(Oracle, DecayBetweenChunksMayOverflow) {
  Case value;
  value.op = "ssd_state_passing";
  value.inputs = {{"states", f32({1, 1, 1, 1, 1}, {1})}, {"dA_cumsum", f32({1, 1, 1, 1}, {2048})}};
  value.outputs["final_states"] = f32({1, 1, 1, 1}, {std::nan("")});
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  value.inputs["dA_cumsum"] = f32({1, 1, 1, 1}, {2});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// Where another sequence begins a kernel multiplies the state by 0, infinite as it may be, or leaves it.
TEST(Oracle, StateBeforeAnotherSequenceIsMultipliedOrLeft) {
  Case value;
  value.op = "ssd_state_passing";
  value.options = {{"chunk_size", std::int64_t{1}}};
  Tensor ids{ElementType::i64, {1, 2}, std::vector<std::byte>(16)};
  ids.data[8] = std::byte{1};
  value.inputs = {{"states", f32({1, 2, 1, 1, 1}, {std::numeric_limits<double>::infinity(), 3})},
                  {"dA_cumsum", f32({1, 1, 2, 1}, {-1, -1})},
                  {"seq_idx", ids}};
  for (const double final : {3.0, std::nan("")}) {
    value.outputs["final_states"] = f32({1, 1, 1, 1}, {final});
    EXPECT_NE(check(value).verdict, Verdict::refuted) << final;
  }
  value.inputs["states"] = f32({1, 2, 1, 1, 1}, {2, 3});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// Without states the scores between steps are 0, and 0 times an infinite input is NaN; or they are skipped.
TEST(Oracle, NoStatesAndAnInfiniteInput) {
  Case value;
  value.op = "ssd";
  value.options = {{"chunk_size", std::int64_t{2}}};
  value.inputs = {{"x", f32({1, 2, 1, 1}, {std::numeric_limits<double>::infinity(), 1})},
                  {"dt", f32({1, 2, 1}, {1, 1})},
                  {"A", f32({1}, {-1})},
                  {"B", f32({1, 2, 1, 0}, {})},
                  {"C", f32({1, 2, 1, 0}, {})}};
  value.outputs["y"] = f32({1, 2, 1, 1}, {std::nan(""), std::nan("")});
  EXPECT_NE(check(value).verdict, Verdict::refuted);
  value.outputs["y"] = f32({1, 2, 1, 1}, {0, 0});
  EXPECT_NE(check(value).verdict, Verdict::refuted);
  value.inputs["x"] = f32({1, 2, 1, 1}, {1, 1});
  value.outputs["y"] = f32({1, 2, 1, 1}, {std::nan(""), std::nan("")});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

TEST(Oracle, EmptyInputsAreThere) {
  Case value;
  value.op = "ssd_chunk_scan";
  value.options = {{"chunk_size", std::int64_t{2}}};
  value.inputs = {{"x", f32({1, 0, 1, 1}, {})},         {"B", f32({1, 0, 1, 1}, {})},
                  {"C", f32({1, 0, 1, 1}, {})},         {"dt", f32({1, 1, 0, 2}, {})},
                  {"dA_cumsum", f32({1, 1, 0, 2}, {})}, {"states", f32({1, 0, 1, 1, 1}, {})}};
  value.outputs["y"] = f32({1, 0, 1, 1}, {});
  EXPECT_EQ(check(value).verdict, Verdict::explained);
  value.inputs.erase("B");
  EXPECT_EQ(check(value).verdict, Verdict::invalid);
}

// The clean kernel, and then `fault` over its tensors.
SystemKernel with_fault(std::function<void(const SystemCall&)> fault) {
  for (const SystemKernel& clean : system_kernels()) {
    if (clean.name != "plain_selective_scan") continue;
    SystemKernel kernel = clean;
    kernel.run = [run = clean.run, fault = std::move(fault)](const SystemCall& call) {
      run(call);
      fault(call);
    };
    return kernel;
  }
  return {};
}

Case some_case() {
  GenerateRequest request;
  request.op = "selective_scan";
  request.shape = {{"L", 5}, {"D", 2}, {"N", 2}};
  return generate(request);
}

TEST(Frame, CatchesWritesOutsideOutputs) {
  const SystemKernel behind =
      with_fault([](const SystemCall& call) { call.out.at("y").as<float>()[call.out.at("y").size()] = 0; });
  EXPECT_EQ(run(behind, some_case(), {}).fault, "wrote around y");
  const SystemKernel before =
      with_fault([](const SystemCall& call) { call.out.at("last_state").as<float>()[-1] = 0; });
  EXPECT_EQ(run(before, some_case(), {3, std::byte{0x4B}, false}).fault, "wrote around last_state");
  const SystemKernel input = with_fault([](const SystemCall& call) { call.in.at("u").as<float>()[2] += 1; });
  EXPECT_EQ(run(input, some_case(), {}).fault, "changed u");
  EXPECT_EQ(run(with_fault([](const SystemCall&) {}), some_case(), {}).fault, "");
}

TEST(Frame, CatchesReadsOfWhatWasNotWritten) {
  SystemKernel kernel = with_fault([](const SystemCall&) {});
  // Adds to what lies in the output.
  kernel.run = [run = kernel.run](const SystemCall& call) {
    const float found = call.out.at("y").as<float>()[0];
    run(call);
    call.out.at("y").as<float>()[0] += found;
  };
  EXPECT_NE(complaint(kernel, run(kernel, some_case(), {}), "uniform"), "");
  // Reads one element beyond an input.
  kernel = with_fault([](const SystemCall& call) {
    call.out.at("y").as<float>()[0] += call.in.at("u").as<float>()[call.in.at("u").size()];
  });
  EXPECT_NE(complaint(kernel, run(kernel, some_case(), {}), "uniform"), "");
  // Leaves one element out.
  const SystemKernel without = with_fault([](const SystemCall&) {});
  kernel.run = [run = without.run](const SystemCall& call) {
    const float kept = call.out.at("y").as<float>()[3];
    run(call);
    call.out.at("y").as<float>()[3] = kept;
  };
  EXPECT_NE(complaint(kernel, run(kernel, some_case(), {}), "uniform"), "");
}

// What is read from outputs or from around tensors differs with the poison: the suite compares the bits.
TEST(Frame, PoisonTellsRunsApart) {
  SystemKernel kernel = with_fault([](const SystemCall& call) {
    const float found = call.in.at("u").as<float>()[-1];
    call.out.at("y").as<float>()[0] += std::isnan(found) ? 0 : 1e-7F;
  });
  EXPECT_FALSE(run(kernel, some_case(), {0, std::byte{0xFF}, false}).judged.outputs ==
               run(kernel, some_case(), {0, std::byte{0x4B}, false}).judged.outputs);
}

// Over some variants: every option takes two values or more, every optional tensor is there and is not, every
// shape that a tensor may have is met.
class Variants : public testing::TestWithParam<SystemForm> {};

TEST_P(Variants, ReachEverything) {
  const OperationSpec& operation = *find_operation(GetParam().op);
  std::map<std::string, std::set<std::string>> options, shapes;
  const auto text = [](const OptionValue& value) {
    if (const auto* words = std::get_if<std::string>(&value)) return *words;
    return std::to_string(as_number(
        std::holds_alternative<bool>(value) ? OptionValue(std::int64_t{std::get<bool>(value)}) : value));
  };
  for (std::uint64_t variant = 0; variant < 48; ++variant) {
    GenerateRequest request;
    request.op = GetParam().op;
    request.backward = GetParam().backward;
    request.variant = variant;
    const Case value = generate(request);
    validate(value, false);
    for (const OptionSpec& option : operation.options) {
      const auto found = value.options.find(std::string(option.name));
      options[std::string(option.name)].insert(found == value.options.end() ? "" : text(found->second));
    }
    for (const TensorSpec& tensor : operation.inputs) {
      const auto found = value.inputs.find(std::string(tensor.name));
      shapes[std::string(tensor.name)].insert(
          found == value.inputs.end() ? "" : std::to_string(found->second.shape.size()));
    }
  }
  for (const OptionSpec& option : operation.options) {
    if (option.name == "source" || option.name == "chunk_size" || option.name == "exact") continue;
    EXPECT_GE(options[std::string(option.name)].size(), 2U) << option.name;
  }
  for (const TensorSpec& tensor : operation.inputs) {
    const bool of_last = tensor.name == "dlast_state" || tensor.name == "dfinal_states";
    const bool asked = tensor.name == "dy" || (of_last && !GetParam().backward);
    const std::size_t forms = tensor.shapes.size() + (tensor.optional ? 1 : 0);
    if (!asked) {
      EXPECT_GE(shapes[std::string(tensor.name)].size(), forms) << tensor.name;
    }
  }
}

std::vector<SystemForm> forms() {
  std::vector<SystemForm> list;
  for (const char* op : {"simplified_scan", "s5_inner", "selective_scan"}) {
    list.push_back({op, false});
    list.push_back({op, true});
  }
  for (const char* op :
       {"simplified_state_update", "selective_state_update", "mamba_block", "selective_mamba_block", "ssd",
        "ssd_chunk_cumsum", "ssd_chunk_state", "ssd_state_passing", "ssd_chunk_scan"}) {
    list.push_back({op, false});
  }
  return list;
}
INSTANTIATE_TEST_SUITE_P(All, Variants, testing::ValuesIn(forms()), [](const auto& instance) {
  return instance.param.op + (instance.param.backward ? "_backward" : "");
});

}  // namespace
}  // namespace exactscan::kernels
