#include "oracle/contract/contract.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oracle/casefile/case.hpp"

namespace exactscan {
namespace {

std::string fault(const std::string& text) {
  try {
    parse_contract(text);
  } catch (const ContractError& error) {
    return error.what();
  }
  return "";
}

TEST(Contract, Presets) {
  EXPECT_EQ(parse_contract("fp32").accumulate, Accumulate::fp32);
  EXPECT_EQ(parse_contract("fp64").accumulate, Accumulate::fp64);
  EXPECT_EQ(parse_contract("bf16").accumulate, Accumulate::fp32);
  EXPECT_EQ(parse_contract("fp16").accumulate, Accumulate::fp32);
}

TEST(Contract, KeysAloneAndBehindAPreset) {
  const Contract c =
      parse_contract("accumulate=bf16,underflow=ftz,depth=24,exp_ulp=2,rounding=any,store=any");
  EXPECT_EQ(c.accumulate, Accumulate::bf16);
  EXPECT_EQ(c.underflow, Underflow::ftz);
  EXPECT_EQ(c.depth, 24);
  EXPECT_EQ(c.exp_ulp, 2);
  EXPECT_EQ(c.rounding, Rounding::any);
  EXPECT_EQ(c.store, Rounding::any);
  EXPECT_EQ(parse_contract("fp64,underflow=ftz").accumulate, Accumulate::fp64);
  EXPECT_EQ(parse_contract("fp32,depth=none").depth, std::nullopt);
}

TEST(Contract, KeysOfComplexSystems) {
  const Contract plain = parse_contract("fp32");
  EXPECT_EQ(plain.zoh, Zoh::expm1);
  EXPECT_EQ(plain.previous, Previous::stored);
  EXPECT_EQ(plain.complex_div, 13);
  EXPECT_EQ(plain.gemm, Gemm::fp32);
  const Contract lrnnx = parse_contract("lrnnx-cuda");
  EXPECT_EQ(lrnnx.accumulate, Accumulate::fp32);
  EXPECT_EQ(lrnnx.zoh, Zoh::naive);
  EXPECT_EQ(lrnnx.previous, Previous::recovered);
  EXPECT_EQ(lrnnx.complex_div, 7);
  const Contract c =
      parse_contract("lrnnx-cuda,zoh=expm1,previous=stored,complex_div=5.4,gemm=tf32,trig_ulp=1");
  EXPECT_EQ(c.zoh, Zoh::expm1);
  EXPECT_EQ(c.previous, Previous::stored);
  EXPECT_EQ(c.complex_div, 5.4);
  EXPECT_EQ(c.gemm, Gemm::tf32);
  EXPECT_EQ(c.trig_ulp, 1);
  EXPECT_THAT(fault("zoh=good"), testing::HasSubstr("expm1, naive"));
  EXPECT_THAT(fault("previous=guessed"), testing::HasSubstr("stored, recovered"));
  EXPECT_THAT(fault("gemm=bf16"), testing::HasSubstr("fp32, tf32"));
  EXPECT_THAT(fault("complex_div=1"), testing::HasSubstr("complex_div must be a number from 4 to 1024"));
  EXPECT_THAT(fault("trig_ulp="), testing::HasSubstr("trig_ulp must be a number from 0.5"));
}

TEST(Contract, FaultsSayWhatAndWhatIsAllowed) {
  EXPECT_THAT(fault("fp31"), testing::HasSubstr("unknown preset \"fp31\""));
  EXPECT_THAT(fault(""), testing::HasSubstr("unknown preset"));
  EXPECT_THAT(fault("fp32,fp64"), testing::HasSubstr("can only come first"));
  EXPECT_THAT(fault("colour=red"), testing::HasSubstr("unknown key \"colour\""));
  EXPECT_THAT(fault("underflow=maybe"), testing::HasSubstr("gradual, ftz"));
  EXPECT_THAT(fault("depth=-1"), testing::HasSubstr("whole number"));
  EXPECT_THAT(fault("depth=2.5"), testing::HasSubstr("whole number"));
  EXPECT_THAT(fault("depth=99999999999999999999"), testing::HasSubstr("whole number"));
  EXPECT_THAT(fault("exp_ulp=nan"), testing::HasSubstr("0.5 to 1024"));
  EXPECT_THAT(fault("depth=2,depth=3"), testing::HasSubstr("given twice"));
  EXPECT_THAT(fault("fp32,"), testing::HasSubstr("key=value"));
}

Case holding(ElementType in, ElementType out) {
  Case value;
  value.inputs["a"] = Tensor::of(in, {0}, {});
  value.outputs["h"] = Tensor::of(out, {0}, {});
  return value;
}

TEST(Contract, DefaultFollowsTheOutputs) {
  EXPECT_EQ(default_contract(holding(ElementType::f32, ElementType::f32)).name, "fp32");
  EXPECT_EQ(default_contract(holding(ElementType::f64, ElementType::f32)).name, "fp32");
  EXPECT_EQ(default_contract(holding(ElementType::f64, ElementType::f64)).name, "fp64");
  EXPECT_EQ(default_contract(holding(ElementType::bf16, ElementType::bf16)).name, "bf16");
  EXPECT_EQ(default_contract(holding(ElementType::bf16, ElementType::f16)).name, "fp16");
  EXPECT_EQ(default_contract(holding(ElementType::bf16, ElementType::f32)).name, "fp32");
}

}  // namespace
}  // namespace exactscan
