// Verdicts on small cases whose answers are known by hand.
#include "oracle/check/check.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/oracle/case_builder.hpp"

namespace exactscan {
namespace {

constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

TEST(Check, ExactOutputIsExplained) {
  const CaseReport report = judge(affine({0.5, 0.25, 2}, {1, 3, -1}, {1, 3.25, 5.5}));
  EXPECT_EQ(report.verdict, Verdict::explained) << report.reason;
  EXPECT_EQ(report.contract, "fp32");
  const TensorReport& h = of(report, "h");
  EXPECT_EQ(h.elements, 3);
  EXPECT_EQ(h.max_ratio, 0);
  EXPECT_EQ(h.ladder.fp64, 3);
}

TEST(Check, OneWrongElementIsTheWitness) {
  const TensorReport h = of(judge(affine({0.5, 0.25, 2}, {1, 3, -1}, {1, 3.25, 5.75})), "h");
  EXPECT_EQ(h.verdict, Verdict::refuted);
  EXPECT_EQ(h.refuted, 1);
  ASSERT_EQ(h.witnesses.size(), 1u);
  const Witness& w = h.witnesses.front();
  EXPECT_EQ(w.index, (std::vector<std::int64_t>{2, 0}));
  EXPECT_EQ(w.candidate, "5.75");
  EXPECT_EQ(w.candidate_hex, "0x1.7p+2");
  EXPECT_EQ(w.exact, "5.5");
  EXPECT_EQ(w.deviation_ulp, 0x1p19);
  EXPECT_GT(w.ratio, 1);
}

TEST(Check, WorstWitnessesFirstAndAsManyAsAsked) {
  CheckOptions options;
  options.errors = 2;
  const TensorReport h = of(judge(affine({1, 1, 1, 1}, {1, 1, 1, 1}, {1, 2.5, 3, 5}), "", options), "h");
  EXPECT_EQ(h.refuted, 2);
  ASSERT_EQ(h.witnesses.size(), 2u);
  EXPECT_GE(h.witnesses[0].ratio, h.witnesses[1].ratio);
}

TEST(Check, RoundingOfASequentialKernelIsExplained) {
  std::vector<double> a, b, h;
  float state = 0;
  for (int t = 0; t < 300; ++t) {
    const float at = 0.9f + 0.0003f * static_cast<float>(t % 17),
                bt = 0.1f * static_cast<float>(t % 5) - 0.17f;
    state = at * state + bt;
    a.push_back(at), b.push_back(bt), h.push_back(state);
  }
  const CaseReport report = judge(affine(a, b, h));
  EXPECT_EQ(report.verdict, Verdict::explained);
  EXPECT_GT(of(report, "h").max_ratio, 0.001);
  h[150] *= 1 + 1e-3;
  EXPECT_EQ(judge(affine(a, b, h)).verdict, Verdict::refuted);
}

TEST(Check, AllOutputsOfAnAffineScan) {
  Case value = affine({0.5, 0.25, 2}, {1, 3, -1}, {3, 3.75, 6.5});
  value.inputs["h0"] = f32({1}, {4});
  value.outputs["h_last"] = f32({1}, {6.5});
  value.outputs["summary_a"] = f32({1}, {0.25});
  value.outputs["summary_b"] = f32({1}, {5.5});
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs["summary_b"] = f32({1}, {6.5});
  EXPECT_EQ(of(judge(value), "summary_b").verdict, Verdict::refuted);
  EXPECT_EQ(of(judge(value), "h_last").verdict, Verdict::explained);
}

TEST(Check, EmptySequencesAndNoChannels) {
  Case empty = affine({}, {}, {});
  EXPECT_EQ(judge(empty).verdict, Verdict::explained);
  empty.inputs["h0"] = f32({1}, {4});
  empty.outputs["h_last"] = f32({1}, {4});
  empty.outputs["summary_a"] = f32({1}, {1});
  empty.outputs["summary_b"] = f32({1}, {0});
  EXPECT_EQ(judge(empty).verdict, Verdict::explained);
  empty.outputs["h_last"] = f32({1}, {std::nextafter(4.0f, 5.0f)});
  EXPECT_EQ(judge(empty).verdict, Verdict::refuted);
  Case none;
  none.op = "affine_scan";
  none.inputs["a"] = none.inputs["b"] = none.outputs["h"] = f32({5, 0}, {});
  EXPECT_EQ(judge(none).verdict, Verdict::explained);
}

// --- special values
// ---------------------------------------------------------------------------------------------

TEST(Special, NanFromFiniteInputsIsRefuted) {
  const TensorReport h = of(judge(affine({0.5, 0.5}, {1, 1}, {1, nan})), "h");
  EXPECT_EQ(h.verdict, Verdict::refuted);
  EXPECT_EQ(h.witnesses.front().candidate, "nan");
  EXPECT_EQ(of(judge(affine({0.5, 0.5}, {1, 1}, {1, inf})), "h").verdict, Verdict::refuted);
}

TEST(Special, NanInputDemandsNan) {
  EXPECT_EQ(judge(affine({0.5, 0.5, 0}, {1, nan, 1}, {1, nan, nan})).verdict, Verdict::explained);
  EXPECT_EQ(judge(affine({0.5, 0.5, 0}, {1, nan, 1}, {1, nan, 1})).verdict, Verdict::refuted);
  EXPECT_EQ(judge(affine({0.5, 0.5, 0}, {1, nan, 1}, {nan, nan, nan})).verdict, Verdict::refuted);
}

TEST(Special, InfiniteInputKeepsItsSign) {
  EXPECT_EQ(judge(affine({1, -0.5}, {inf, 1}, {inf, -inf})).verdict, Verdict::explained);
  EXPECT_EQ(judge(affine({1, -0.5}, {inf, 1}, {inf, inf})).verdict, Verdict::refuted);
  EXPECT_EQ(judge(affine({1, -0.5}, {inf, 1}, {inf, 3e38})).verdict, Verdict::refuted);
}

TEST(Special, OtherChannelsAreNotTouched) {
  Case value;
  value.op = "affine_scan";
  value.inputs["a"] = f32({2, 3}, {1, 1, 1, 1, 1, 1});
  value.inputs["b"] = f32({2, 3}, {1, nan, 1, 1, 1, 1});
  value.outputs["h"] = f32({2, 3}, {1, nan, 1, 2, nan, 2});
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs["h"] = f32({2, 3}, {1, nan, 1, 2, nan, nan});
  EXPECT_EQ(judge(value).verdict, Verdict::refuted);
}

TEST(Special, CertainOverflowIsExplainedAndAFiniteValueThereRefuted) {
  EXPECT_EQ(judge(affine({1, 0x1p100}, {0x1p100, 0}, {0x1p100, inf})).verdict, Verdict::explained);
  EXPECT_EQ(judge(affine({1, 0x1p100}, {0x1p100, 0}, {0x1p100, 3e38})).verdict, Verdict::refuted);
}

TEST(Special, PossibleOverflowIsUndecidedNotRefuted) {
  // h stays 0, but a tree that combines the multipliers first gets infinity times 0.
  const CaseReport report = judge(affine({0x1p100, 0x1p100}, {0, 0}, {0, nan}));
  EXPECT_EQ(report.verdict, Verdict::undecided);
  EXPECT_EQ(exit_code(report.verdict), 3);
  EXPECT_EQ(judge(affine({0x1p100, 0x1p100}, {0, 0}, {0, 0})).verdict, Verdict::explained);
}

TEST(Special, BeyondTheRangeOfDoublesAndOfLongDoubles) {
  const std::vector<double> a(400, 0x1p100), zero(399, 0);
  std::vector<double> b{1}, h{1}, wrong{1};
  b.insert(b.end(), zero.begin(), zero.end());
  for (int t = 1; t < 400; ++t) h.push_back(t == 1 ? 0x1p100 : inf), wrong.push_back(t == 1 ? 0x1p100 : 1e38);
  EXPECT_EQ(judge(affine(a, b, h)).verdict, Verdict::explained);
  const TensorReport refuted = of(judge(affine(a, b, wrong)), "h");
  EXPECT_EQ(refuted.verdict, Verdict::refuted);
  EXPECT_EQ(refuted.refuted, 398);
}

TEST(Special, NegativeZeroEqualsZero) {
  EXPECT_EQ(judge(affine({0.5, 0.5}, {0, 0}, {-0.0, 0})).verdict, Verdict::explained);
}

// --- contracts
// --------------------------------------------------------------------------------------------------

TEST(Contracts, FlushToZeroExplainsALostSubnormal) {
  const Case value = affine({1, 1}, {0x1p-130, 0}, {0, 0});
  EXPECT_EQ(judge(value, "fp32").verdict, Verdict::refuted);
  EXPECT_EQ(judge(value, "fp32,underflow=ftz").verdict, Verdict::explained);
}

TEST(Contracts, Bfloat16StorageIsOneRounding) {
  // h = 1 + 2^-9 in float32; stored as bfloat16 it is 1 (a tie is at 2^-8).
  const auto stored = [](double last) {
    Case value = affine({1, 1}, {1, 0x1p-9}, {1, last});
    value.outputs["h"] = tensor(ElementType::bf16, {2, 1}, {1, last});
    return value;
  };
  EXPECT_EQ(judge(stored(1)).contract, "bf16");
  EXPECT_EQ(judge(stored(1)).verdict, Verdict::explained);
  EXPECT_EQ(judge(stored(1 + 0x1p-7)).verdict, Verdict::refuted);
  EXPECT_EQ(judge(stored(1 + 0x1p-7), "bf16,store=any").verdict, Verdict::explained);
}

TEST(Contracts, DeclaredDepthTightens) {
  // 4000 ones: the sum may be off by thousands of roundings in sequence, by 12 levels in a tree.
  const std::vector<double> ones(4000, 1);
  std::vector<double> h;
  for (int t = 1; t <= 4000; ++t) h.push_back(t);
  h.back() += 1.0 / 64;
  EXPECT_EQ(judge(affine(ones, ones, h), "fp32").verdict, Verdict::explained);
  EXPECT_EQ(judge(affine(ones, ones, h), "fp32,depth=12").verdict, Verdict::refuted);
}

TEST(Contracts, Binary64NeedsTheSecondRung) {
  std::vector<double> a, b, h;
  double state = 0;
  for (int t = 0; t < 50; ++t) {
    a.push_back(1.0 / (1.1 + t)), b.push_back(1.0 / (3.7 + t));
    state = a.back() * state + b.back();
    h.push_back(state);
  }
  const TensorReport judged = of(judge(affine(a, b, h, ElementType::f64)), "h");
  EXPECT_EQ(judged.verdict, Verdict::explained);
  EXPECT_GT(judged.ladder.double_double, 0);
  EXPECT_EQ(judged.ladder.fp64 + judged.ladder.double_double + judged.ladder.interval + judged.ladder.exact,
            50);
  h[40] *= 1 + 0x1p-44;
  EXPECT_EQ(judge(affine(a, b, h, ElementType::f64)).verdict, Verdict::refuted);
}

TEST(Contracts, LatticeHasNoAllowance) {
  Case value = affine({1, 2, -0.5}, {3, 4, 1}, {3, 10, -4});
  value.options["exact"] = true;
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs["h"] = f32({3, 1}, {3, 10, std::nextafter(-4.0f, 0.0f)});
  const CaseReport refuted = judge(value);
  EXPECT_EQ(refuted.verdict, Verdict::refuted);
  EXPECT_TRUE(std::isinf(of(refuted, "h").max_ratio));
  value.inputs["a"] = f32({3, 1}, {1, 1.5, -0.75});
  const CaseReport invalid = judge(value);
  EXPECT_EQ(invalid.verdict, Verdict::invalid);
  EXPECT_THAT(invalid.reason, testing::HasSubstr("opt.exact"));
}

// --- the other operations
// ---------------------------------------------------------------------------------------

// TorchLean's worked CUDA example.
Case worked_example() {
  Case value;
  value.op = "diagonal_ssm";
  value.inputs["A"] = f32({2}, {0.5, 0.25});
  value.inputs["B"] = f32({2}, {1, 2});
  value.inputs["h0"] = f32({2}, {1, -1});
  value.inputs["x"] = f32({3, 2}, {2, 1, 4, -2, 0, 3});
  value.inputs["dh"] = f32({3, 2}, {1, 1, 1, 1, 1, 1});
  value.outputs["h"] = f32({3, 2}, {2.5, 1.75, 5.25, -3.5625, 2.625, 5.109375});
  value.outputs["dA"] = f32({2}, {10.75, -2.6875});
  value.outputs["dB"] = f32({2}, {9.5, 1.8125});
  value.outputs["dx"] = f32({3, 2}, {1.75, 2.625, 1.5, 2.5, 1, 2});
  value.outputs["dh0"] = f32({2}, {0.875, 0.328125});
  return value;
}

TEST(DiagonalSsm, WorkedExampleForwardAndBackward) {
  const CaseReport report = judge(worked_example());
  EXPECT_EQ(report.verdict, Verdict::explained) << report.reason;
  EXPECT_EQ(report.tensors.size(), 5u);
  for (const char* name : {"h", "dA", "dB", "dx", "dh0"}) {
    Case wrong = worked_example();
    Tensor& out = wrong.outputs.at(name);
    std::vector<double> values;
    for (std::int64_t i = 0; i < out.size(); ++i) values.push_back(out.at(i));
    values.back() *= 1 + 1e-4;
    out = f32(out.shape, values);
    EXPECT_EQ(of(judge(wrong), name).verdict, Verdict::refuted) << name;
  }
}

TEST(DiagonalSsm, TimeVaryingGradientsAreNotSummed) {
  Case value = worked_example();
  value.inputs["A"] = f32({3, 2}, {0.5, 0.25, 0.5, 0.25, 0.5, 0.25});
  value.inputs["B"] = f32({3, 2}, {1, 2, 1, 2, 1, 2});
  value.outputs["dA"] = f32({3, 2}, {1.75 * 1, 1.3125 * -1, 1.5 * 2.5, 1.25 * 1.75, 1 * 5.25, 1 * -3.5625});
  value.outputs["dB"] = f32({3, 2}, {1.75 * 2, 1.3125 * 1, 1.5 * 4, 1.25 * -2, 0, 3});
  const CaseReport report = judge(value);
  EXPECT_EQ(report.verdict, Verdict::explained) << report.reason;
}

TEST(DiagonalS4, OutputReadsTheStateAfterTheUpdate) {
  Case value;
  value.op = "diagonal_s4";
  value.inputs["in_proj"] = f32({2, 1}, {1, 2});
  value.inputs["out_proj"] = f32({1, 2}, {1, -1});
  value.inputs["A"] = f32({1}, {0.5});
  value.inputs["B"] = f32({1}, {2});
  value.inputs["C"] = f32({1}, {3});
  value.inputs["D"] = f32({1}, {1});
  value.inputs["x"] = f32({2, 2}, {1, 1, 0, 1});
  value.inputs["h0"] = f32({1}, {4});
  // s = 3, 2; h = 2 + 6 = 8, 4 + 4 = 8; r = 24 + 3, 24 + 2.
  value.outputs["y"] = f32({2, 2}, {27, -27, 26, -26});
  value.outputs["h_last"] = f32({1}, {8});
  EXPECT_EQ(judge(value).verdict, Verdict::explained) << judge(value).reason;
  // The defect: reads the state before the update.
  value.outputs["y"] = f32({2, 2}, {15, -15, 26, -26});
  EXPECT_EQ(of(judge(value), "y").verdict, Verdict::refuted);
}

// --- the entry points
// -------------------------------------------------------------------------------------------

TEST(Check, ThreadsGiveTheSameReport) {
  Case value;
  value.op = "affine_scan";
  std::vector<double> a, b, h;
  for (int i = 0; i < 40 * 50; ++i) a.push_back(0.9), b.push_back(i % 7), h.push_back(i % 3);
  value.inputs["a"] = f32({40, 50}, a);
  value.inputs["b"] = f32({40, 50}, b);
  value.outputs["h"] = f32({40, 50}, h);
  CheckOptions many;
  many.threads = 4;
  const TensorReport one = of(judge(value), "h"), four = of(judge(value, "", many), "h");
  EXPECT_EQ(one.refuted, four.refuted);
  EXPECT_EQ(one.max_ratio, four.max_ratio);
  EXPECT_EQ(one.witnesses.front().index, four.witnesses.front().index);
}

TEST(Check, BadCasesAreInvalidNotThrown) {
  Case unknown = affine({1}, {1}, {1});
  unknown.op = "fft";
  EXPECT_EQ(judge(unknown).verdict, Verdict::invalid);
  EXPECT_THAT(judge(unknown).reason, testing::HasSubstr("fft"));
  Case shapes = affine({1, 1}, {1, 1}, {1, 1});
  shapes.inputs["b"] = f32({3, 1}, {1, 1, 1});
  EXPECT_THAT(judge(shapes).reason, testing::AllOf(testing::HasSubstr("in.b"), testing::HasSubstr("in.a")));
  Case missing = affine({1}, {1}, {1});
  missing.inputs.erase("b");
  EXPECT_THAT(judge(missing).reason, testing::HasSubstr("in.b is missing"));
  Case option = affine({1}, {1}, {1});
  option.options["speed"] = 3.0;
  EXPECT_THAT(judge(option).reason, testing::HasSubstr("opt.speed"));
  Case gradient = worked_example();
  gradient.inputs.erase("dh");
  EXPECT_THAT(judge(gradient).reason, testing::HasSubstr("in.dh"));
}

TEST(ExactOutputs, AreCorrectlyRounded) {
  Case value = affine({1, 0.1f}, {0.3f, 0.7f}, {0, 0});
  const Case exact = exact_outputs(value);
  // The float product and sum are exact in double here, so one conversion rounds once.
  const double h = static_cast<double>(0.1f) * static_cast<double>(0.3f) + static_cast<double>(0.7f);
  EXPECT_EQ(exact.outputs.at("h").at(1), static_cast<double>(static_cast<float>(h)));
  EXPECT_EQ(judge(exact).verdict, Verdict::explained);
}

TEST(ExactOutputs, WithoutOutputsAllAreMade) {
  Case value = worked_example();
  value.outputs.clear();
  const Case exact = exact_outputs(value);
  EXPECT_EQ(exact.outputs, worked_example().outputs);
}

TEST(ExactOutputs, ElementsThatDoNotDependOnANanAreExact) {
  Case value = worked_example();
  value.outputs.clear();
  value.inputs["x"] = f32({3, 2}, {2, nan, 4, -2, 0, 3});
  const Case exact = exact_outputs(value);
  EXPECT_EQ(exact.outputs.at("dx").at(0), 1.75);
  EXPECT_EQ(exact.outputs.at("dx").at(1), 2.625);
  EXPECT_TRUE(std::isnan(exact.outputs.at("h").at(1)));
  EXPECT_TRUE(std::isnan(exact.outputs.at("dB").at(1)));
  EXPECT_EQ(exact.outputs.at("dB").at(0), 9.5);
  EXPECT_EQ(judge(exact).verdict, Verdict::explained);
}

TEST(ExactOutputs, SpecialInputs) {
  const Case exact = exact_outputs(affine({1, 0.5, 1}, {1, inf, -inf}, {0, 0, 0}));
  EXPECT_EQ(exact.outputs.at("h").at(1), inf);
  EXPECT_TRUE(std::isnan(exact.outputs.at("h").at(2)));
  EXPECT_EQ(judge(exact).verdict, Verdict::explained);
}

}  // namespace
}  // namespace exactscan
