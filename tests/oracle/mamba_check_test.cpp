// The Mamba systems on small cases whose answers are known by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <cstring>
#include <limits>

#include "tests/oracle/case_builder.hpp"

namespace exactscan {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Tensor whole_numbers(std::vector<std::int64_t> shape, const std::vector<std::int64_t>& values) {
  Tensor t{ElementType::i64, std::move(shape), {}};
  t.data.resize(values.size() * sizeof(std::int64_t));
  std::memcpy(t.data.data(), values.data(), t.data.size());
  return t;
}

// One channel, one state, A = 0: h = 1, 2, 0.
Case plain_scan() {
  Case value;
  value.op = "selective_scan";
  value.inputs = {{"u", f32({1, 1, 3}, {1, 2, -1})}, {"delta", f32({1, 1, 3}, {1, 0.5, 2})},
                  {"A", f32({1, 1}, {0})},           {"B", f32({1, 1, 3}, {1, 1, 1})},
                  {"C", f32({1, 1, 3}, {2, 2, 2})},  {"D", f32({1}, {3})}};
  value.outputs = {{"y", f32({1, 1, 3}, {5, 10, -3})}, {"last_state", f32({1, 1, 1}, {0})}};
  return value;
}

TEST(SelectiveScanCheck, WorkedExample) {
  EXPECT_EQ(judge(plain_scan()).verdict, Verdict::explained) << judge(plain_scan()).reason;
  Case wrong = plain_scan();
  wrong.outputs["y"] = f32({1, 1, 3}, {5, 10, -3.001});
  const CaseReport report = judge(wrong);
  EXPECT_EQ(report.verdict, Verdict::refuted);
  EXPECT_EQ(of(report, "y").witnesses.front().index, (std::vector<std::int64_t>{0, 0, 2}));
  EXPECT_EQ(of(report, "y").witnesses.front().exact, "-3");
}

// A decay of exactly e^-1, an initial state, softplus of 0, a gate.
TEST(SelectiveScanCheck, FunctionsAndInitialState) {
  Case value = plain_scan();
  value.options["delta_softplus"] = true;
  value.inputs["u"] = f32({1, 1, 1}, {1}), value.inputs["delta"] = f32({1, 1, 1}, {-1}),
  value.inputs["delta_bias"] = f32({1}, {1});
  value.inputs["A"] = f32({1, 1}, {-1}), value.inputs["B"] = f32({1, 1, 1}, {1}),
  value.inputs["C"] = f32({1, 1, 1}, {1});
  value.inputs["z"] = f32({1, 1, 1}, {2}), value.inputs["initial_state"] = f32({1, 1, 1}, {4});
  // delta = ln 2, h = 4/2 + ln 2, y = (h + 3) 2/(1 + e^-2)
  const double h = 2 + std::log(2.0), y = (h + 3) * 2 / (1 + std::exp(-2.0));
  value.outputs = {{"y", f32({1, 1, 1}, {y})}, {"last_state", f32({1, 1, 1}, {h})}};
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs["last_state"] = f32({1, 1, 1}, {h * (1 + 1e-5)});
  EXPECT_EQ(of(judge(value), "last_state").verdict, Verdict::refuted);
  value.outputs["y"] = f32({1, 1, 1}, {(h + 3) * 2});
  EXPECT_EQ(of(judge(value), "y").verdict, Verdict::refuted);
}

// Channels d = 0 … 3, groups 0 and 1 of C: consecutive channels share one.
TEST(SelectiveScanCheck, ConsecutiveChannelsShareAGroup) {
  Case value;
  value.op = "selective_scan";
  value.inputs = {{"u", f32({1, 4, 1}, {1, 1, 1, 1})},
                  {"delta", f32({1, 4, 1}, {1, 1, 1, 1})},
                  {"A", f32({4, 1}, {0, 0, 0, 0})},
                  {"B", f32({1, 2, 1, 1}, {1, 10})},
                  {"C", f32({1, 2, 1, 1}, {2, 3})}};
  value.outputs = {{"y", f32({1, 4, 1}, {2, 2, 30, 30})}};
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs = {{"y", f32({1, 4, 1}, {2, 30, 2, 30})}};
  EXPECT_EQ(of(judge(value), "y").refuted, 2);
}

// Gradients of the plain scan with dy = (1, 0, 0): only step 0 counts.
TEST(SelectiveScanCheck, Gradients) {
  Case value = plain_scan();
  value.inputs["dy"] = f32({1, 1, 3}, {1, 0, 0});
  // l = (2, 0, 0): du = D g + l delta B = 3 + 2; ddelta = l B u = 2; dB = l delta u = 2; dC = g h = 1; dD = g
  // u = 1.
  value.outputs = {{"du", f32({1, 1, 3}, {5, 0, 0})},
                   {"ddelta", f32({1, 1, 3}, {2, 0, 0})},
                   {"dB", f32({1, 1, 3}, {2, 0, 0})},
                   {"dC", f32({1, 1, 3}, {1, 0, 0})},
                   {"dD", f32({1}, {1})},
                   {"dA", f32({1, 1}, {0})}};
  const CaseReport report = judge(value);
  EXPECT_EQ(report.verdict, Verdict::explained) << report.reason;
  for (const char* name : {"du", "ddelta", "dB", "dC", "dD", "dA"}) {
    Case wrong = value;
    std::vector<double> values;
    for (std::int64_t i = 0; i < wrong.outputs[name].size(); ++i) values.push_back(wrong.outputs[name].at(i));
    values[0] += 0.001;
    wrong.outputs[name] = f32(wrong.outputs[name].shape, values);
    EXPECT_EQ(of(judge(wrong), name).verdict, Verdict::refuted) << name;
  }
}

// Each output off by a little at its first element is refuted there.
void expect_each_is_judged(const Case& value) {
  const CaseReport good = judge(value);
  EXPECT_EQ(good.verdict, Verdict::explained) << good.reason;
  for (const auto& [name, tensor] : value.outputs) {
    Case wrong = value;
    std::vector<double> values;
    for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(tensor.at(i));
    values[0] += 0.001;
    wrong.outputs[name] = f32(tensor.shape, values);
    EXPECT_EQ(of(judge(wrong), name).refuted, 1) << name;
  }
}

// A gradient of the last state goes back undamped where A = 0: l = (12, 10, 10).
TEST(SelectiveScanCheck, GradientsOfTheFirstAndLastState) {
  Case value = plain_scan();
  value.inputs["dy"] = f32({1, 1, 3}, {1, 0, 0});
  value.inputs["dlast_state"] = f32({1, 1, 1}, {10});
  value.inputs["initial_state"] = f32({1, 1, 1}, {0});
  value.outputs = {{"du", f32({1, 1, 3}, {15, 5, 20})},
                   {"dB", f32({1, 1, 3}, {12, 10, -20})},
                   {"ddelta", f32({1, 1, 3}, {12, 20, -10})},
                   {"dinitial_state", f32({1, 1, 1}, {12})}};
  expect_each_is_judged(value);
  value.inputs.erase("initial_state");
  EXPECT_THAT(judge(value).reason, testing::HasSubstr("out.dinitial_state needs in.initial_state"));
}

// Complex rates are mamba_ssm's, not this program's: a clear word about it.
TEST(SelectiveScanCheck, RefusesComplexRates) {
  Case value = plain_scan();
  value.inputs["A"] =
      Tensor::of_complex(ElementType::c64, {1, 1}, std::vector<std::complex<double>>{{-1, 2}});
  EXPECT_THAT(judge(value).reason, testing::HasSubstr("in.A is complex64; a real floating-point tensor"));
}

TEST(SelectiveScanCheck, SpecialInputsReachWhatDependsOnThem) {
  Case value = plain_scan();
  value.inputs["u"] = f32({1, 1, 3}, {1, nan, -1});
  value.outputs = {{"y", f32({1, 1, 3}, {5, nan, nan})}};
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs = {{"y", f32({1, 1, 3}, {5, 10, nan})}};
  EXPECT_EQ(of(judge(value), "y").refuted, 1);
  value.outputs = {{"y", f32({1, 1, 3}, {nan, nan, nan})}};
  EXPECT_EQ(of(judge(value), "y").refuted, 1);
}

TEST(SelectiveScanCheck, RefusesWhatDoesNotFit) {
  Case value = plain_scan();
  value.inputs["dy"] = f32({1, 1, 3}, {1, 1, 1});
  value.outputs["dz"] = f32({1, 1, 3}, {0, 0, 0});
  EXPECT_THAT(judge(value).reason, testing::HasSubstr("out.dz needs in.z"));
  value.outputs.erase("dz");
  EXPECT_THAT(judge(value, "fp32,state=bf16").reason, testing::HasSubstr("not supported"));
  Case groups = plain_scan();
  groups.inputs["B"] = f32({1, 2, 1, 3}, {1, 1, 1, 1, 1, 1});
  EXPECT_THAT(judge(groups).reason, testing::HasSubstr("cannot share"));
}

TEST(StateUpdateCheck, WorkedExample) {
  Case value;
  value.op = "selective_state_update";
  // Two heads of one column, one state, one group; A = 0: state + dt B x.
  value.inputs = {{"state", f32({1, 2, 1, 1}, {1, 2})}, {"x", f32({1, 2, 1}, {1, 3})},
                  {"dt", f32({1, 2, 1}, {0.5, 0.5})},   {"A", f32({2, 1, 1}, {0, 0})},
                  {"B", f32({1, 1, 1}, {2})},           {"C", f32({1, 1, 1}, {4})}};
  value.outputs = {{"y", f32({1, 2, 1}, {8, 20})}, {"state", f32({1, 2, 1, 1}, {2, 5})}};
  const CaseReport good = judge(value);
  EXPECT_EQ(good.verdict, Verdict::explained) << good.reason;
  value.outputs["state"] = f32({1, 2, 1, 1}, {2, 5.5});
  const TensorReport state = of(judge(value), "state");
  EXPECT_EQ(state.refuted, 1);
  EXPECT_EQ(state.witnesses.front().index, (std::vector<std::int64_t>{0, 1, 0, 0}));
}

// One head, P = N = 1, A = 0: S = 1, 3, 6; chunks of 2.
Case plain_ssd() {
  Case value;
  value.op = "ssd";
  value.options["chunk_size"] = std::int64_t{2};
  value.inputs = {{"x", f32({1, 3, 1, 1}, {1, 2, 3})},
                  {"dt", f32({1, 3, 1}, {1, 1, 1})},
                  {"A", f32({1}, {0})},
                  {"B", f32({1, 3, 1, 1}, {1, 1, 1})},
                  {"C", f32({1, 3, 1, 1}, {2, 2, 2})}};
  value.outputs = {{"y", f32({1, 3, 1, 1}, {2, 6, 12})}, {"final_states", f32({1, 1, 1, 1}, {6})}};
  return value;
}

TEST(SsdCheck, WorkedExample) {
  const CaseReport good = judge(plain_ssd());
  EXPECT_EQ(good.verdict, Verdict::explained) << good.reason;
  Case wrong = plain_ssd();
  wrong.outputs["y"] = f32({1, 3, 1, 1}, {2, 6, 6});  // the second chunk starts from nothing
  EXPECT_EQ(of(judge(wrong), "y").witnesses.front().index, (std::vector<std::int64_t>{0, 2, 0, 0}));
}

TEST(SsdCheck, SequencesStartFromNothing) {
  Case value = plain_ssd();
  value.inputs["initial_states"] = f32({1, 1, 1, 1}, {10});
  value.inputs["cu_seqlens"] = whole_numbers({3}, {0, 1, 3});
  value.outputs = {{"y", f32({1, 3, 1, 1}, {22, 4, 10})},
                   {"final_states", f32({1, 1, 1, 1}, {5})},
                   {"varlen_states", f32({2, 1, 1, 1}, {11, 5})}};
  const CaseReport good = judge(value);
  EXPECT_EQ(good.verdict, Verdict::explained) << good.reason;
  Case numbered = value;
  numbered.inputs.erase("cu_seqlens"), numbered.outputs.erase("varlen_states");
  numbered.inputs["seq_idx"] = whole_numbers({1, 3}, {4, 7, 7});
  EXPECT_EQ(judge(numbered).verdict, Verdict::explained);
  numbered.outputs["y"] = f32({1, 3, 1, 1}, {22, 26, 32});  // one sequence
  EXPECT_EQ(of(judge(numbered), "y").refuted, 2);
  numbered.inputs["seq_idx"] = whole_numbers({1, 3}, {4, 3, 7});
  EXPECT_THAT(judge(numbered).reason, testing::HasSubstr("falls"));
}

// A = 0, S = 5, 6, 7: l = (9, 7), so rate = (9 S_{-1}, 7 S_0). In one chunk and in two.
TEST(SsdCheck, Gradients) {
  for (const std::int64_t chunk : {1, 2}) {
    Case value;
    value.op = "ssd";
    value.options["chunk_size"] = chunk;
    value.inputs = {{"x", f32({1, 2, 1, 1}, {1, 2})},
                    {"dt", f32({1, 2, 1}, {1, 0.5})},
                    {"A", f32({1}, {0})},
                    {"B", f32({1, 2, 1, 1}, {1, 1})},
                    {"C", f32({1, 2, 1, 1}, {2, 3})},
                    {"D", f32({1}, {3})},
                    {"dt_bias", f32({1}, {0})},
                    {"initial_states", f32({1, 1, 1, 1}, {5})},
                    {"dy", f32({1, 2, 1, 1}, {1, 1})},
                    {"dfinal_states", f32({1, 1, 1, 1}, {4})}};
    value.outputs = {{"y", f32({1, 2, 1, 1}, {15, 27})},
                     {"final_states", f32({1, 1, 1, 1}, {7})},
                     {"dx", f32({1, 2, 1, 1}, {12, 6.5})},
                     {"ddt", f32({1, 2, 1}, {9, 14})},
                     {"dA", f32({1}, {66})},
                     {"dB", f32({1, 2, 1, 1}, {9, 7})},
                     {"dC", f32({1, 2, 1, 1}, {6, 7})},
                     {"dD", f32({1}, {3})},
                     {"ddt_bias", f32({1}, {23})},
                     {"dinitial_states", f32({1, 1, 1, 1}, {9})}};
    expect_each_is_judged(value);
  }
}

// Beyond a limit the step size does not move; at the limit a kernel may say either.
TEST(SsdCheck, GradientsWithinLimits) {
  Case value;
  value.op = "ssd";
  value.options["dt_max"] = 0.5;
  value.inputs = {
      {"x", f32({1, 2, 1, 1}, {1, 2})}, {"dt", f32({1, 2, 1}, {1, 0.25})}, {"A", f32({1}, {0})},
      {"B", f32({1, 2, 1, 1}, {1, 1})}, {"C", f32({1, 2, 1, 1}, {1, 1})},  {"dy", f32({1, 2, 1, 1}, {1, 1})}};
  value.outputs["ddt"] = f32({1, 2, 1}, {0, 2});
  EXPECT_EQ(judge(value).verdict, Verdict::explained) << judge(value).reason;
  value.outputs["ddt"] = f32({1, 2, 1}, {2, 2});
  EXPECT_EQ(of(judge(value), "ddt").refuted, 1);
  value.inputs["dt"] = f32({1, 2, 1}, {0.5, 0.25});
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs["ddt"] = f32({1, 2, 1}, {0, 2});
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs["ddt"] = f32({1, 2, 1}, {0, 0});
  EXPECT_EQ(of(judge(value), "ddt").refuted, 1);
  value.outputs["dz"] = f32({1, 2, 1, 1}, {0, 0});
  EXPECT_THAT(judge(value).reason, testing::HasSubstr("out.dz needs in.z"));
}

TEST(SsdCheck, Stages) {
  Case sums;
  sums.op = "ssd_chunk_cumsum";
  sums.options["chunk_size"] = std::int64_t{2};
  sums.inputs = {{"dt", f32({1, 3, 1}, {1, 2, -1})}, {"A", f32({1}, {-0.5})}, {"dt_bias", f32({1}, {2})}};
  sums.outputs = {{"dt_out", f32({1, 1, 2, 2}, {3, 4, 1, 0})},
                  {"dA_cumsum", f32({1, 1, 2, 2}, {-1.5, -3.5, -0.5, -0.5})}};
  EXPECT_EQ(judge(sums).verdict, Verdict::explained) << judge(sums).reason;
  sums.outputs["dt_out"] = f32({1, 1, 2, 2}, {3, 4, 1, 2});  // padding that decays
  EXPECT_EQ(of(judge(sums), "dt_out").refuted, 1);

  Case passing;
  passing.op = "ssd_state_passing";
  passing.inputs = {{"states", f32({1, 2, 1, 1, 1}, {3, 5})},
                    {"dA_cumsum", f32({1, 1, 2, 2}, {0, 0, 0, 0})},
                    {"initial_states", f32({1, 1, 1, 1}, {1})}};
  passing.outputs = {{"states", f32({1, 2, 1, 1, 1}, {1, 4})}, {"final_states", f32({1, 1, 1, 1}, {9})}};
  EXPECT_EQ(judge(passing).verdict, Verdict::explained) << judge(passing).reason;
  passing.options["states_convention"] = std::string("leaving");
  EXPECT_EQ(of(judge(passing), "states").refuted, 2);
  passing.outputs["states"] = f32({1, 2, 1, 1, 1}, {4, 9});
  EXPECT_EQ(judge(passing).verdict, Verdict::explained);

  Case scan;
  scan.op = "ssd_chunk_scan";
  scan.inputs = {{"x", f32({1, 2, 1, 1}, {1, 2})},         {"B", f32({1, 2, 1, 1}, {1, 3})},
                 {"C", f32({1, 2, 1, 1}, {1, 1})},         {"dt", f32({1, 1, 1, 2}, {1, 1})},
                 {"dA_cumsum", f32({1, 1, 1, 2}, {0, 0})}, {"states", f32({1, 1, 1, 1, 1}, {10})}};
  scan.outputs = {{"y", f32({1, 2, 1, 1}, {11, 17})}};
  EXPECT_EQ(judge(scan).verdict, Verdict::explained) << judge(scan).reason;
  scan.options["inter_chunk_only"] = true;
  EXPECT_EQ(of(judge(scan), "y").refuted, 2);
  scan.outputs = {{"y", f32({1, 2, 1, 1}, {10, 10})}};
  EXPECT_EQ(judge(scan).verdict, Verdict::explained);
}

TEST(MambaBlockCheck, WorkedExample) {
  Case value;
  value.op = "mamba_block";
  value.inputs = {{"in_proj", f32({1, 1}, {2})},  {"gate_proj", f32({1, 1}, {0})},
                  {"out_proj", f32({1, 1}, {4})}, {"A", f32({1}, {0.5})},
                  {"B", f32({1}, {1})},           {"C", f32({1}, {1})},
                  {"D", f32({1}, {3})},           {"x", f32({2, 1}, {1, 0})}};
  // s = 2, 0; h = 2, 1; r = 8, 1; gate 1/2; y = 16, 2.
  value.outputs = {{"y", f32({2, 1}, {16, 2})}, {"h_last", f32({1}, {1})}};
  EXPECT_EQ(judge(value).verdict, Verdict::explained) << judge(value).reason;
  value.outputs["y"] = f32({2, 1}, {32, 4});  // no gate
  EXPECT_EQ(of(judge(value), "y").refuted, 2);
}

TEST(SelectiveMambaBlockCheck, WorkedExample) {
  Case value;
  value.op = "selective_mamba_block";
  const auto one = [](double v) { return f32({1, 1}, {v}); };
  value.inputs = {{"x", f32({2, 1}, {1, 2})},   {"x_proj", one(1)},
                  {"z_proj", one(1)},           {"conv_kernel", f32({2, 1}, {1, 0.5})},
                  {"conv_bias", f32({1}, {0})}, {"dt_proj", one(0)},
                  {"dt_bias", f32({1}, {0})},   {"A", one(1)},
                  {"b_proj", one(1)},           {"c_proj", one(1)},
                  {"d_skip", f32({1}, {0})},    {"out_proj", one(1)}};
  const auto silu = [](double v) { return v / (1 + std::exp(-v)); };
  const double delta = std::log(2.0), u0 = silu(1), u1 = silu(2.5);
  const double h0 = delta * u0 * u0, h1 = 0.5 * h0 + delta * u1 * u1;
  value.outputs = {{"y", f32({2, 1}, {h0 * u0 * silu(1), h1 * u1 * silu(2)})}, {"h_last", one(h1)}};
  EXPECT_EQ(judge(value).verdict, Verdict::explained) << judge(value).reason;
  // A token before the first: it enters the convolution alone.
  value.inputs["history"] = one(2);
  EXPECT_EQ(judge(value).verdict, Verdict::refuted);
  const double w0 = silu(2), g0 = delta * w0 * w0, g1 = 0.5 * g0 + delta * u1 * u1;
  value.outputs = {{"y", f32({2, 1}, {g0 * w0 * silu(1), g1 * u1 * silu(2)})}, {"h_last", one(g1)}};
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.inputs["history"] = f32({2, 1}, {2, 3});
  EXPECT_THAT(judge(value).reason, testing::HasSubstr("looks back"));
}

}  // namespace
}  // namespace exactscan
