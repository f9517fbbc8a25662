// What the attack found, as the smallest cases that show it.
#include <gtest/gtest.h>

#include <cmath>

#include "oracle/check/check.hpp"

namespace exactscan {
namespace {

Tensor f32(std::vector<std::int64_t> shape, std::vector<double> values) {
  return Tensor::of(ElementType::f32, std::move(shape), values);
}

Case affine_scan(const Tensor& a, const Tensor& b, const Tensor& h) {
  Case value;
  value.op = "affine_scan";
  value.inputs = {{"a", a}, {"b", b}};
  value.outputs = {{"h", h}};
  return value;
}

Case diagonal_ssm(double A, double B, double x, double h, ElementType type = ElementType::f32) {
  const auto tensor = [&](std::vector<std::int64_t> shape, double v) {
    return Tensor::of(type, std::move(shape), std::vector<double>{v});
  };
  Case value;
  value.op = "diagonal_ssm";
  value.inputs = {{"A", tensor({1}, A)}, {"B", tensor({1}, B)}, {"x", tensor({1, 1}, x)}};
  value.outputs = {{"h", tensor({1, 1}, h)}};
  return value;
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double largest32 = 0x1.fffffep127;

// Toward zero, a sum that overflows is the largest finite number: no witness of a defect.
TEST(RoundingAny, SaturatedOverflowIsUndecided) {
  Case value = affine_scan(f32({1, 1}, {1}), f32({1, 1}, {3e38}), f32({1, 1}, {largest32}));
  value.inputs["h0"] = f32({1}, {3e38});
  EXPECT_EQ(check(value, parse_contract("fp32,rounding=any")).verdict, Verdict::undecided);
  EXPECT_EQ(check(value, parse_contract("fp32")).verdict, Verdict::refuted);
  value.inputs["h0"] = f32({1}, {1e38});  // nothing overflows here
  value.inputs["b"] = f32({1, 1}, {1e38});
  EXPECT_EQ(check(value, parse_contract("fp32,rounding=any")).verdict, Verdict::refuted);
}

// Toward zero, storing anything beyond the largest number gives that number.
TEST(StoreAny, LargestNumberStandsForAllBeyondIt) {
  for (const double sign : {1.0, -1.0}) {
    const auto stored_as = [&](double c) {
      Case value = affine_scan(f32({1, 1}, {1}), f32({1, 1}, {sign * 70000}), Tensor());
      value.outputs["h"] = Tensor::of(ElementType::f16, {1, 1}, std::vector<double>{sign * c});
      return value;
    };
    EXPECT_EQ(check(stored_as(65504), parse_contract("fp16,store=any")).verdict, Verdict::explained);
    EXPECT_EQ(check(stored_as(65472), parse_contract("fp16,store=any")).verdict, Verdict::refuted);
    EXPECT_EQ(check(stored_as(infinity), parse_contract("fp16,store=any")).verdict, Verdict::explained);
    EXPECT_EQ(check(stored_as(65504), parse_contract("fp16")).verdict, Verdict::refuted);
  }
}

// Upward, reading 1e-9 as binary16 gives 2^-24, an error of more than the number itself.
TEST(RoundingAny, TinyInputMayBecomeTheSmallestNumber) {
  const int steps = 8;
  const std::vector<double> a(steps, 1 + 0x1p-10), b(steps, 1e-9);
  std::vector<double> h;
  for (int t = 0; t < steps; ++t) h.push_back((2 * t + 1) * 0x1p-24);
  const Case value = affine_scan(f32({steps, 1}, a), f32({steps, 1}, b), f32({steps, 1}, h));
  EXPECT_EQ(check(value, parse_contract("accumulate=fp16,rounding=any")).verdict, Verdict::explained);
  EXPECT_EQ(check(value, parse_contract("accumulate=fp16")).verdict, Verdict::refuted);
}

// The same for a product by a power of two, upward: B x = 2^-26 and a h0 each become 2^-24.
TEST(RoundingAny, TinyLeafMayBecomeTheSmallestNumber) {
  Case value = diagonal_ssm(0.5, 0x1p-13, 0x1p-13, 0x1p-23);
  value.inputs["h0"] = f32({1}, {0x1p-24});
  for (auto* tensors : {&value.inputs, &value.outputs}) {
    for (auto& [name, tensor] : *tensors)
      tensor = Tensor::of(ElementType::f16, tensor.shape, std::vector<double>{tensor.at(0)});
  }
  EXPECT_EQ(check(value, parse_contract("accumulate=fp16,rounding=any")).verdict, Verdict::explained);
  EXPECT_EQ(check(value, parse_contract("accumulate=fp16")).verdict, Verdict::refuted);
}

// A binary32 input beyond binary16's range is read as infinity, though its product with x is small.
TEST(Reading, OverflowOfAnInputIsSeen) {
  for (const double c : {infinity, std::numeric_limits<double>::quiet_NaN()}) {
    const Case value = diagonal_ssm(0.5, 70000, 1e-3, c);
    EXPECT_EQ(check(value, parse_contract("accumulate=fp16")).verdict, Verdict::undecided);
    EXPECT_EQ(check(value, parse_contract("fp32")).verdict, Verdict::refuted);
    EXPECT_EQ(check(diagonal_ssm(0.5, 60000, 1e-3, c), parse_contract("accumulate=fp16")).verdict,
              Verdict::refuted);
  }
}

TEST(Reading, OverflowOfAWeightOfALayerIsSeen) {
  for (const char* const wide : {"in_proj", "out_proj", "B", "C", "D", "x"}) {
    Case value;
    value.op = "diagonal_s4";
    value.inputs = {{"in_proj", f32({1, 1}, {0.001})}, {"out_proj", f32({1, 1}, {0.001})},
                    {"A", f32({1}, {0.001})},          {"B", f32({1}, {0.001})},
                    {"C", f32({1}, {0.001})},          {"D", f32({1}, {0.001})},
                    {"x", f32({1, 1}, {0.001})}};
    value.outputs = {{"y", f32({1, 1}, {infinity})}};
    EXPECT_EQ(check(value, parse_contract("accumulate=fp16")).verdict, Verdict::refuted);
    value.inputs[wide] = f32(value.inputs[wide].shape, {70000});
    EXPECT_EQ(check(value, parse_contract("accumulate=fp16")).verdict, Verdict::undecided) << wide;
  }
}

// B x is exact, but no kernel in binary32 can read B.
TEST(Lattice, NeedsInputsOfTheWorkingFormat) {
  Case value = diagonal_ssm(1, 0x1p-200, 0x1p200, 0, ElementType::f64);
  value.options["exact"] = true;
  EXPECT_EQ(check(value, parse_contract("fp32")).verdict, Verdict::invalid);
  value = diagonal_ssm(1, 0x1p-20, 0x1p20, 1, ElementType::f64);
  value.options["exact"] = true;
  EXPECT_EQ(check(value, parse_contract("fp32")).verdict, Verdict::explained);
}

// A finite output beside an input that is not.
TEST(NotFinite, InputsThatAnOutputDoesNotDependOn) {
  for (const double b : {infinity, std::numeric_limits<double>::quiet_NaN()}) {
    Case value = affine_scan(f32({2, 1}, {1.5, 3}), f32({2, 1}, {1, b}), f32({2, 1}, {1, b}));
    value.outputs["summary_a"] = f32({1}, {4.5});
    EXPECT_EQ(check(value).verdict, Verdict::explained);
    value.outputs["summary_a"] = f32({1}, {5});
    EXPECT_EQ(check(value).verdict, Verdict::refuted);
    EXPECT_EQ(exact_outputs(value).outputs.at("summary_a").at(0), 4.5);
  }
}

// Without an initial state a kernel need not multiply by the first multiplier.
TEST(NotFinite, FirstMultiplierWithoutAnInitialState) {
  const Case value = affine_scan(f32({1, 1}, {infinity}), f32({1, 1}, {1}), f32({1, 1}, {1}));
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  Case multiplied = value;
  multiplied.outputs["h"] = f32({1, 1}, {std::numeric_limits<double>::quiet_NaN()});
  EXPECT_EQ(check(multiplied).verdict, Verdict::explained);
  multiplied.inputs["h0"] = f32({1}, {0});
  EXPECT_EQ(check(multiplied).verdict, Verdict::explained);
  multiplied.outputs["h"] = f32({1, 1}, {1});
  EXPECT_EQ(check(multiplied).verdict, Verdict::refuted);
}

// Windows whose products round up to the smallest number double the state six times ("Underflow",
// proofs-notes/rounding-bounds.md): 64 instead of 1.0000007 is legitimate where each pair is combined first.
TEST(Underflow, WindowProductsMayDoubleTheState) {
  std::vector<double> a, h;
  float state = 1;
  for (int block = 0; block < 6; ++block) {
    const float first = 0x1p-75F, second = 0x1.000002p-75F, third = 0x1p75F;
    const float before = state, window = second * first;
    state = third * (third * (window * state));
    for (const float x : {first, second, third, third}) a.push_back(static_cast<double>(x));
    h.insert(h.end(), {static_cast<double>(first * before), static_cast<double>(window * before),
                       static_cast<double>(third * (window * before)), static_cast<double>(state)});
  }
  EXPECT_EQ(state, 64);
  Case value = affine_scan(f32({24, 1}, a), f32({24, 1}, std::vector<double>(24)), f32({24, 1}, h));
  value.inputs["h0"] = f32({1}, {1});
  EXPECT_EQ(check(value).verdict, Verdict::explained);
}

// A rate of NaN multiplies no state at first: kernels that skip the product keep the first summand.
TEST(SpecialValues, FirstStepOfSsdMaySkipTheRate) {
  Case value;
  value.op = "ssd";
  value.inputs = {{"x", f32({1, 2, 1, 1}, {1, 1})},
                  {"dt", f32({1, 2, 1}, {0.5, 0.5})},
                  {"A", f32({1}, {std::nan("")})},
                  {"B", f32({1, 2, 1, 1}, {1, 1})},
                  {"C", f32({1, 2, 1, 1}, {1, 1})}};
  value.outputs["y"] = f32({1, 2, 1, 1}, {0.5, std::nan("")});
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  value.inputs["A"] = f32({1}, {-1});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// The same of Mamba's other operations: what skips a product with nothing is never refuted, and what does not
// is judged as before.
TEST(SpecialValues, FirstStepOfASelectiveScanMaySkipTheRate) {
  Case value;
  value.op = "selective_scan";
  value.inputs = {{"u", f32({1, 1, 2}, {1, 1})},
                  {"delta", f32({1, 1, 2}, {0.5, 0.5})},
                  {"A", f32({1, 1}, {infinity})},
                  {"B", f32({1, 1, 2}, {1, 1})},
                  {"C", f32({1, 1, 2}, {1, 1})}};
  value.outputs["y"] = f32({1, 1, 2}, {0.5, infinity});
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  value.outputs["y"] = f32({1, 1, 2}, {std::nan(""), std::nan("")});
  EXPECT_EQ(check(value).verdict, Verdict::explained);
  value.inputs["initial_state"] = f32({1, 1, 1}, {1});
  value.outputs["y"] = f32({1, 1, 2}, {0.5, infinity});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// No skip weight, no product with an infinite input: only with one is infinity times it NaN.
TEST(SpecialValues, WithoutSkipWeightNothingIsMultiplied) {
  Case value;
  value.op = "selective_scan";
  value.inputs = {{"u", f32({1, 1, 1}, {infinity})},
                  {"delta", f32({1, 1, 1}, {0.5})},
                  {"A", f32({1, 1}, {-1})},
                  {"B", f32({1, 1, 1}, {1})},
                  {"C", f32({1, 1, 1}, {1})}};
  value.outputs["y"] = f32({1, 1, 1}, {infinity});
  EXPECT_EQ(check(value).verdict, Verdict::explained);
  value.inputs["D"] = f32({1}, {0});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

TEST(SpecialValues, GradientsOfASelectiveScanMaySkipTheRate) {
  Case value;
  value.op = "selective_scan";
  value.inputs = {{"u", f32({1, 1, 1}, {1})},         {"delta", f32({1, 1, 1}, {0.5})},
                  {"A", f32({1, 1}, {std::nan("")})}, {"B", f32({1, 1, 1}, {1})},
                  {"C", f32({1, 1, 1}, {1})},         {"dy", f32({1, 1, 1}, {1})}};
  // The state before the first step is nothing, whatever it is multiplied by.
  value.outputs = {{"dA", f32({1, 1}, {0})}, {"ddelta", f32({1, 1, 1}, {1})}, {"du", f32({1, 1, 1}, {0.5})}};
  EXPECT_NE(check(value).verdict, Verdict::refuted);
  value.inputs["A"] = f32({1, 1}, {-1});
  value.outputs["ddelta"] = f32({1, 1, 1}, {2});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

TEST(SpecialValues, FirstStepOfAMambaBlockMaySkipTheRate) {
  Case value;
  value.op = "mamba_block";
  const Tensor one = f32({1, 1}, {1}), unit = f32({1}, {1}), none = f32({1}, {0});
  value.inputs = {{"in_proj", one},  {"gate_proj", f32({1, 1}, {0})},
                  {"out_proj", one}, {"A", f32({1}, {std::nan("")})},
                  {"B", unit},       {"C", unit},
                  {"D", none},       {"x", f32({2, 1}, {1, 1})}};
  value.outputs["y"] = f32({2, 1}, {0.5, std::nan("")});
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  value.outputs["y"] = f32({2, 1}, {0.5, 0.5});  // the second step does multiply it
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
  value.inputs["h0"] = none;
  value.outputs["y"] = f32({2, 1}, {0.5, std::nan("")});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

Case selective_block(double rate, double tap) {
  const Tensor one = f32({1, 1}, {1}), zero = f32({1}, {0});
  Case value;
  value.op = "selective_mamba_block";
  value.inputs = {
      {"x", f32({1, 1}, {1})}, {"x_proj", one},  {"z_proj", one},   {"conv_kernel", f32({2, 1}, {1, tap})},
      {"conv_bias", zero},     {"dt_proj", one}, {"dt_bias", zero}, {"A", f32({1, 1}, {rate})},
      {"b_proj", one},         {"c_proj", one},  {"d_skip", zero},  {"out_proj", one}};
  return value;
}

TEST(SpecialValues, FirstStepOfASelectiveMambaBlockMaySkipTheRate) {
  const double u = 1 / (1 + std::exp(-1.0)), h = std::log1p(std::exp(u)) * u * u;
  Case value = selective_block(std::nan(""), 1);
  value.outputs = {{"y", f32({1, 1}, {h * u * u})}, {"h_last", f32({1, 1}, {h})}};
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  value.outputs = {{"y", f32({1, 1}, {std::nan("")})}, {"h_last", f32({1, 1}, {std::nan("")})}};
  EXPECT_EQ(check(value).verdict, Verdict::explained);
  value.inputs["h0"] = f32({1, 1}, {0});
  value.outputs = {{"y", f32({1, 1}, {h * u * u})}, {"h_last", f32({1, 1}, {h})}};
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
  // Zeros before the first token may meet an infinite tap.
  value = selective_block(1, infinity);
  value.outputs["h_last"] = f32({1, 1}, {std::nan("")});
  EXPECT_NE(check(value).verdict, Verdict::refuted);
  value = selective_block(1, 1);
  value.outputs["h_last"] = f32({1, 1}, {h * 1.001});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

// An infinite multiplier of no state may leave no trace; what follows may then underflow.
TEST(SpecialValues, FiniteValueMayUnderflowToZero) {
  const double tiny = 0x1p-100;
  EXPECT_EQ(check(affine_scan(f32({3, 1}, {infinity, tiny, tiny}), f32({3, 1}, {1, 0, 0}),
                              f32({3, 1}, {1, tiny, 0})))
                .verdict,
            Verdict::undecided);
}

// Without an initial state nothing multiplies A_0: its gradient is 0, or what 0 times an infinite gradient
// gives.
TEST(FirstGradient, WithoutInitialStateMayBeZeroOrNaN) {
  Case value;
  value.op = "diagonal_ssm";
  value.inputs = {{"A", f32({2, 1}, {0.5, 0.5})},
                  {"B", f32({2, 1}, {1, 1})},
                  {"x", f32({2, 1}, {1, 1})},
                  {"dh", f32({2, 1}, {infinity, 1})}};
  value.outputs["dA"] = f32({2, 1}, {std::numeric_limits<double>::quiet_NaN(), 1});
  EXPECT_EQ(check(value).verdict, Verdict::explained);
  value.outputs["dA"] = f32({2, 1}, {0, 1});
  EXPECT_EQ(check(value).verdict, Verdict::undecided);
  value.outputs["dA"] = f32({2, 1}, {1, 1});
  EXPECT_EQ(check(value).verdict, Verdict::refuted);
}

}  // namespace
}  // namespace exactscan
