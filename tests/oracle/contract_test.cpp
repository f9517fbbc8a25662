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
