// S5's operations from a user's side: worked examples by hand, faults in a case, special values, options.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/oracle/case_builder.hpp"

namespace exactscan {
namespace {

using Z = std::complex<double>;
using testing::HasSubstr;

Tensor c64(std::vector<std::int64_t> shape, const std::vector<Z>& values) {
  return Tensor::of_complex(ElementType::c64, std::move(shape), values);
}

// One state, A = -2i, two steps of size 1: Abar = (1 - i)/(1 + i) = -i, Bbar = 1/(1 + i) = (1 - i)/2.
// u = 2, 4i: x = 1 - i, then -i (1 - i) + (1 - i)/2 4i = -1 - i + 2i + 2 = 1 + i.
Case worked() {
  Case value;
  value.op = "simplified_scan";
  value.inputs["u"] = c64({1, 1, 2}, {2, {0, 4}});
  value.inputs["delta"] = f32({1, 1, 2}, {1, 1});
  value.inputs["A"] = c64({1}, {{0, -2}});
  value.inputs["B"] = c64({1, 1}, {1});
  value.inputs["C"] = c64({1, 1}, {{0, 1}});
  value.outputs["y"] = c64({1, 1, 2}, {{1, 1}, {-1, 1}});
  value.outputs["last_state"] = c64({1, 1}, {{1, 1}});
  return value;
}

// The gradients of Re(y0) + Re(y1), that is dy = 1 at both: lambda1 = conj(C) = -i, lambda0 = -i +
// conj(-i)(-i) = 1 - i.
Case worked_backward() {
  Case value = worked();
  value.inputs["dy"] = c64({1, 1, 2}, {1, 1});
  value.outputs["du"] = c64({1, 1, 2}, {Z(1, 1) / 2.0 * Z(1, -1), Z(1, 1) / 2.0 * Z(0, -1)});
  value.outputs["dC"] = c64({1, 1}, {Z(1, 1) + Z(1, -1)});  // sum of dy conj(x)
  value.outputs["dx0"] = c64({1, 1}, {Z(0, 1) * Z(1, -1)});
  return value;
}

TEST(SimplifiedScanCheck, WorkedExample) {
  const CaseReport report = judge(worked_backward());
  EXPECT_EQ(report.verdict, Verdict::explained) << report.reason;
  EXPECT_EQ(report.contract, "fp32");
  for (const TensorReport& t : report.tensors) EXPECT_EQ(t.max_ulp, 0) << t.name;
}

TEST(SimplifiedScanCheck, AWrongPartIsRefutedAndSpelledOut) {
  Case value = worked();
  value.outputs["y"] = c64({1, 1, 2}, {{1, 1}, {-1, 1.25}});
  const CaseReport report = judge(value);
  const TensorReport& y = of(report, "y");
  EXPECT_EQ(y.verdict, Verdict::refuted);
  EXPECT_EQ(y.refuted, 1);
  const Witness& witness = y.witnesses.front();
  EXPECT_EQ(witness.index, (std::vector<std::int64_t>{0, 0, 1}));
  EXPECT_EQ(witness.exact, "-1.0000000000000000000+1.0000000000000000000i");  // 20 digits
  EXPECT_EQ(witness.candidate, "-1+1.25i");
}

TEST(SimplifiedScanCheck, InnerAndUpdate) {
  Case inner = worked();
  inner.op = "s5_inner";
  inner.inputs["D"] = f32({1}, {0.5});
  inner.outputs.clear();
  inner.outputs["y"] = f32({1, 1, 2}, {2 * 1 + 1, 2 * -1 + 0});
  EXPECT_EQ(judge(inner).verdict, Verdict::explained);
  inner.options["conj_sym"] = false;
  EXPECT_EQ(judge(inner).verdict, Verdict::refuted);
  Case update;
  update.op = "simplified_state_update";
  update.inputs["u"] = f32({1, 1}, {2});
  update.inputs["state"] = c64({1, 1}, {{0, 1}});
  update.inputs["delta"] = f32({1}, {1});  // one step for all sequences
  for (const char* name : {"A", "B", "C"}) update.inputs[name] = inner.inputs.at(name);
  update.inputs["D"] = f32({1, 1}, {3});
  update.outputs["last_state"] = c64({1, 1}, {{2, -1}});  // -i i + (1 - i)/2 2
  update.outputs["y"] = f32({1, 1}, {2 * 1 + 6});
  EXPECT_EQ(judge(update).verdict, Verdict::explained) << judge(update).reason;
}

TEST(SimplifiedScanCheck, DeltaAEqualToDeltaIsTheIdentity) {
  Case value = worked_backward();
  const CaseReport without = judge(value);
  value.inputs["deltaA"] = value.inputs.at("delta");
  const CaseReport with = judge(value);
  for (const TensorReport& t : without.tensors) {
    EXPECT_EQ(of(with, t.name).verdict, t.verdict);
    EXPECT_EQ(of(with, t.name).witnesses.front().exact, t.witnesses.front().exact);
    EXPECT_EQ(of(with, t.name).witnesses.front().allowance, t.witnesses.front().allowance);
  }
}

TEST(SimplifiedScanCheck, FaultsNameTheTensor) {
  const auto reason = [](auto change) {
    Case value = worked();
    change(value);
    const CaseReport report = judge(value);
    EXPECT_EQ(report.verdict, Verdict::invalid);
    return report.reason;
  };
  EXPECT_THAT(reason([](Case& c) { c.inputs["A"] = f32({1}, {1}); }),
              HasSubstr("in.A is float32; a complex64 or complex128 tensor belongs there"));
  EXPECT_THAT(reason([](Case& c) {
                c.inputs["delta"] = c64({1, 1, 2}, {1, 1});
              }),
              HasSubstr("in.delta is complex64; a real floating-point tensor belongs there"));
  EXPECT_THAT(reason([](Case& c) {
                c.outputs["y"] = f32({1, 1, 2}, {1, 1});
              }),
              HasSubstr("out.y is float32"));
  EXPECT_THAT(reason([](Case& c) {
                c.inputs["A"] = c64({1, 2}, {1, 1});
              }),
              HasSubstr("axis 1 must have length 1"));
  EXPECT_THAT(reason([](Case& c) { c.inputs["B"] = c64({2, 1}, {1, 1}); }), HasSubstr("disagrees with"));
  EXPECT_THAT(reason([](Case& c) { c.options["discretization"] = std::string("euler"); }),
              HasSubstr("bilinear, zoh or dirac"));
  EXPECT_THAT(reason([](Case& c) { c.outputs["du"] = c.outputs["y"]; }), HasSubstr("out.du needs in.dy"));
  EXPECT_THAT(reason([](Case& c) {
                c.inputs["dy"] = c.inputs["u"];
                c.outputs["ddeltaA"] = c.inputs["delta"];
              }),
              HasSubstr("out.ddeltaA needs in.deltaA"));
  EXPECT_THAT(reason([](Case& c) { c.inputs["dlast_state"] = c64({1, 1}, {1}); }), HasSubstr("needs in.dy"));
}

// What depends on a NaN may be NaN and is not judged otherwise; what does not is judged as ever.
TEST(SimplifiedScanCheck, NotANumberReachesWhatDependsOnIt) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Case value = worked();
  value.inputs["u"] = c64({1, 1, 2}, {2, {nan, 4}});
  value.outputs["y"] = c64({1, 1, 2}, {{1, 1}, {nan, nan}});
  value.outputs["last_state"] = c64({1, 1}, {{nan, 0}});
  EXPECT_EQ(judge(value).verdict, Verdict::explained);
  value.outputs["last_state"] = c64({1, 1}, {{1, 1}});
  EXPECT_EQ(of(judge(value), "last_state").verdict, Verdict::undecided);
  value.outputs["y"] = c64({1, 1, 2}, {{nan, 1}, {nan, nan}});
  EXPECT_EQ(of(judge(value), "y").verdict, Verdict::refuted);  // the first output depends on no NaN
}

TEST(SimplifiedScanCheck, PolesAndEigenvalueZero) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Case pole = worked();
  pole.inputs["A"] = c64({1}, {2});
  pole.outputs.erase("last_state");
  pole.outputs["y"] = c64({1, 1, 2}, {{nan, nan}, {nan, nan}});
  EXPECT_EQ(judge(pole).verdict,
            Verdict::undecided);  // e a = 2: no value, and whatever a kernel gives may follow
  Case zero = worked();
  zero.inputs["A"] = c64({1}, {0});
  zero.options["discretization"] = std::string("zoh");
  zero.outputs["y"] = c64({1, 1, 2}, {{0, 2}, {-4, 2}});  // x = 2, 2 + 4i: Abar = 1, Bbar = 1
  zero.outputs["last_state"] = c64({1, 1}, {{2, 4}});
  EXPECT_EQ(judge(zero).verdict, Verdict::explained);
  zero.outputs["last_state"] = c64({1, 1}, {{2, 4.25}});
  EXPECT_EQ(judge(zero).verdict, Verdict::refuted);
  EXPECT_EQ(judge(zero, "fp32,zoh=naive").verdict, Verdict::explained);  // (1 - 1)/0 gives whatever
}

// (e^z - 1)/a at z = 1e-4: the naive form loses 13 bits, which only the naive contract admits.
TEST(SimplifiedScanCheck, NaiveZeroOrderHoldNeedsItsContract) {
  Case value = worked();
  value.options["discretization"] = std::string("zoh");
  value.inputs["A"] = c64({1}, {-1});
  const float d = 1e-4F, naive = (std::exp(-d) - 1.0F) / -1.0F;
  value.inputs["delta"] = f32({1, 1, 2}, {static_cast<double>(d), static_cast<double>(d)});
  value.inputs["u"] = c64({1, 1, 2}, {1, 0});
  value.outputs.clear();
  value.outputs["y"] =
      c64({1, 1, 2}, {{0, static_cast<double>(naive)}, {0, static_cast<double>(naive * std::exp(-d))}});
  EXPECT_EQ(judge(value).verdict, Verdict::refuted);
  EXPECT_EQ(judge(value, "fp32,zoh=naive").verdict, Verdict::explained);
}

TEST(SimplifiedScanCheck, ProjectionsInTf32NeedTheirContract) {
  Case value = worked();
  const double wide = 1 + 0x1p-12;  // cut by tf32
  value.inputs["C"] = c64({1, 1}, {{0, wide}});
  EXPECT_EQ(of(judge(value), "y").verdict, Verdict::refuted);
  EXPECT_EQ(judge(value, "fp32,gemm=tf32").verdict, Verdict::explained);
}

TEST(SimplifiedScanCheck, ExactOutputs) {
  Case value = worked_backward();
  value.outputs.clear();
  const Case filled = exact_outputs(value);
  EXPECT_EQ(filled.outputs.at("y"), worked().outputs.at("y"));
  EXPECT_EQ(filled.outputs.at("du"), worked_backward().outputs.at("du"));
  EXPECT_EQ(filled.outputs.count("ddeltaA"), 0U);
  EXPECT_EQ(filled.outputs.at("ddelta").type, ElementType::f32);
  EXPECT_EQ(judge(filled).verdict, Verdict::explained);
}

}  // namespace
}  // namespace exactscan
