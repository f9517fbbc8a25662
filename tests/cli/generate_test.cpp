// The generators: what each profile promises, the lattices' exactness recomputed over exact numbers, and one
// hash a profile, so that data can never change unnoticed between compilers and machines.
#include "oracle/generate/generate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>

#include "oracle/generate/lattice.hpp"
#include "oracle/generate/mamba.hpp"
#include "oracle/generate/random.hpp"
#include "tests/cli/generate_support.hpp"

namespace exactscan {
namespace {

using testing::HasSubstr;

// FNV-1a over names, shapes and bytes of all inputs.
std::uint64_t hash_of(const Case& value) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  const auto add = [&](std::uint64_t byte) { hash = (hash ^ byte) * 0x100000001B3U; };
  for (const auto& [name, tensor] : value.inputs) {
    for (const char c : name) add(static_cast<unsigned char>(c));
    for (const std::int64_t extent : tensor.shape) add(static_cast<std::uint64_t>(extent));
    for (const std::byte b : tensor.data) add(static_cast<std::uint64_t>(b));
  }
  return hash;
}

TEST(Random, DependsOnItsKeyAlone) {
  Random random(1, 2, 3);
  const std::uint64_t first = random.word();
  EXPECT_EQ(first, Random(1, 2, 3).word());
  EXPECT_NE(first, Random(1, 2, 4).word());
  EXPECT_NE(first, Random(1, 3, 3).word());
  EXPECT_NE(first, Random(2, 2, 3).word());
  for (int i = 0; i < 10000; ++i) {
    const double unit = random.unit();
    ASSERT_TRUE(unit >= 0 && unit < 1);
    const std::int64_t integer = random.between(-3, 4);
    ASSERT_TRUE(integer >= -3 && integer <= 4);
  }
}

TEST(Random, CoversARangeEvenly) {
  std::map<std::int64_t, int> counts;
  Random random(7, 0, 0);
  for (int i = 0; i < 80000; ++i) ++counts[random.between(0, 7)];
  ASSERT_EQ(counts.size(), 8U);
  for (const auto& [value, count] : counts)
    EXPECT_NEAR(count, 10000, 500) << value;  // five standard deviations
}

TEST(Generate, MakesValidCasesOfEveryKind) {
  for (const GeneratorSpec& generator : generators()) {
    for (const ProfileSpec& profile : profiles()) {
      for (const ElementType type : types) {
        const bool lattice = lattice_kind(profile.name).has_value();
        const bool has_lattices = generator.op == "affine_scan" || generator.op == "diagonal_ssm";
        if (lattice && !has_lattices) continue;
        const bool complex = generator.op.find("simplified") == 0 || generator.op == "s5_inner";
        if (complex && type != ElementType::f32 && type != ElementType::f64) continue;
        if (is_mamba(generator.op) ? profile.name == "cancellation" : profile.name == "trigger") continue;
        GenerateRequest wanted = request(std::string(generator.op), std::string(profile.name), type);
        wanted.time_varying = lattice && profile.name != "gauge" && generator.op == "diagonal_ssm";
        const Case value = generate(wanted);
        EXPECT_NO_THROW(validate(value, false));
        EXPECT_EQ(value.options.count("exact"), lattice ? 1U : 0U);
        EXPECT_TRUE(value.outputs.empty());
        for (const auto& [name, tensor] : value.inputs)
          EXPECT_EQ(part_type(tensor.type), name == "seq_idx" ? ElementType::i64 : type) << name;
      }
    }
  }
}

TEST(Generate, ShapesFollowTheRequest) {
  GenerateRequest wanted = request("diagonal_ssm", "decay");
  wanted.shape = {{"L", 5}, {"N", 3}};
  wanted.backward = true;
  Case value = generate(wanted);
  EXPECT_EQ(value.inputs.at("A").shape, (std::vector<std::int64_t>{3}));
  EXPECT_EQ(value.inputs.at("dh").shape, (std::vector<std::int64_t>{5, 3}));
  wanted.time_varying = true;
  value = generate(wanted);
  EXPECT_EQ(value.inputs.at("A").shape, (std::vector<std::int64_t>{5, 3}));
  EXPECT_EQ(value.inputs.at("B").shape, (std::vector<std::int64_t>{5, 3}));
  for (const std::string profile : {"uniform", "gauge", "mantissa", "zigzag"}) {
    for (const auto& [L, N] : {std::pair{0, 3}, std::pair{4, 0}, std::pair{0, 0}, std::pair{1, 1}}) {
      GenerateRequest empty = request("affine_scan", profile);
      empty.shape = {{"L", L}, {"N", N}};
      EXPECT_EQ(generate(empty).inputs.at("a").shape, (std::vector<std::int64_t>{L, N}));
    }
  }
}

TEST(Generate, DependsOnTheSeedAlone) {
  GenerateRequest wanted = request("affine_scan", "uniform");
  const Case first = generate(wanted);
  EXPECT_EQ(first.inputs, generate(wanted).inputs);
  wanted.seed = 1;
  EXPECT_NE(first.inputs, generate(wanted).inputs);
}

// If a change of the generators is wanted, these change with it, and the changelog says so.
TEST(Generate, IsTheSameOnEveryMachine) {
  const std::map<std::string, std::uint64_t> pinned = {
      {"uniform", 8074767611249455825U},      {"decay", 17549667542992907069U},
      {"mamba", 9371318123307702048U},        {"growth", 16513490549234398673U},
      {"cancellation", 8117461063003825593U}, {"subnormal", 5807032889221670337U},
      {"special", 473847545458282664U},       {"gauge", 15285834447689527851U},
      {"mantissa", 4007989967959478165U},     {"zigzag", 1631941010272831878U},
  };
  for (const ProfileSpec& profile : profiles()) {
    const std::string name(profile.name);
    if (name == "trigger") continue;
    std::uint64_t hash = hash_of(generate(request("affine_scan", name)));
    if (!lattice_kind(name)) {
      GenerateRequest ssm = request("diagonal_ssm", name, ElementType::f64);
      ssm.backward = true;
      hash ^= hash_of(generate(ssm)) ^ hash_of(generate(request("diagonal_s4", name, ElementType::bf16)));
    }
    EXPECT_EQ(hash, pinned.at(name)) << name;
  }
}

TEST(Profiles, KeepTheirPromises) {
  for (const double a : values(generate(request("affine_scan", "decay")).inputs.at("a"))) {
    EXPECT_TRUE(a >= 0.9F && a <= 1) << a;
  }
  const Case mamba = generate(request("affine_scan", "mamba"));
  for (const double a : values(mamba.inputs.at("a"))) EXPECT_TRUE(a > 0.1 && a < 1) << a;
  for (const double b : values(mamba.inputs.at("b"))) EXPECT_LT(std::abs(b), 0.5);
  for (const double a : values(generate(request("affine_scan", "growth")).inputs.at("a"))) {
    EXPECT_TRUE(a >= 1 && a <= 2) << a;
  }
  const auto subnormal = values(generate(request("affine_scan", "subnormal")).inputs.at("b"));
  EXPECT_TRUE(std::any_of(subnormal.begin(), subnormal.end(),
                          [](double b) { return b != 0 && std::abs(b) < 0x1p-126; }));
  for (const double b : subnormal) EXPECT_LT(std::abs(b), 0x1p-121);
}

TEST(Profiles, MambaDecayIsAnExponential) {
  // b / z is the step delta: recover it from a by log, and compare channels 0 and 1, whose rates are 1 and 2.
  GenerateRequest wanted = request("diagonal_ssm", "mamba", ElementType::f64);
  wanted.time_varying = true;
  const Case value = generate(wanted);
  const auto decay = values(value.inputs.at("A"));
  const auto step = values(value.inputs.at("B"));
  for (std::size_t i = 0; i < decay.size(); ++i) {
    EXPECT_NEAR(decay[i], std::exp(-step[i] * static_cast<double>(1 + i % 16)), 1e-15);
  }
}

TEST(Profiles, CancellationCancels) {
  const Case value = generate(request("affine_scan", "cancellation", ElementType::f64));
  const auto a = values(value.inputs.at("a"));
  const auto b = values(value.inputs.at("b"));
  double h = value.inputs.at("h0").at(0);
  for (std::size_t t = 0; t < 64; ++t) {
    const double term = a[16 * t] * h;
    h = term + b[16 * t];
    if (t % 2 == 1) {
      EXPECT_LT(std::abs(h), 0x1p-7) << t;  // what is left of h0, and no more
    }
  }
}

TEST(Profiles, SpecialHoldsEverything) {
  GenerateRequest wanted = request("affine_scan", "special");
  wanted.shape = {{"L", 256}, {"N", 16}};
  const auto b = values(generate(wanted).inputs.at("b"));
  const auto holds = [&](auto predicate) { return std::any_of(b.begin(), b.end(), predicate); };
  EXPECT_TRUE(holds([](double v) { return std::isnan(v); }));
  EXPECT_TRUE(holds([](double v) { return std::isinf(v) && v > 0; }));
  EXPECT_TRUE(holds([](double v) { return std::isinf(v) && v < 0; }));
  EXPECT_TRUE(holds([](double v) { return v == 0 && std::signbit(v); }));
  EXPECT_TRUE(holds([](double v) { return v != 0 && std::abs(v) < 0x1p-126; }));
  EXPECT_TRUE(holds([](double v) { return std::abs(v) == 0x1.fffffep127; }));
  EXPECT_TRUE(holds([](double v) { return std::abs(v) == 0x1p-126; }));
}

// --- the lattices
// -------------------------------------------------------------------------------------------------

std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const GenerateError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Refusals, NameWhatIsWrongAndWhatThereIs) {
  const auto of = [](const GenerateRequest& wanted) { return refusal([&] { generate(wanted); }); };
  EXPECT_EQ(
      of(request("scan", "uniform")),
      "cannot generate operation 'scan'; there are affine_scan, diagonal_ssm, diagonal_s4, simplified_scan, "
      "s5_inner, simplified_state_update, selective_scan, selective_state_update, mamba_block, "
      "selective_mamba_block, ssd, ssd_chunk_cumsum, ssd_chunk_state, ssd_state_passing, ssd_chunk_scan");
  EXPECT_THAT(of(request("ssd", "gauge")), HasSubstr("not for ssd"));
  EXPECT_THAT(of(request("affine_scan", "trigger")), HasSubstr("for the Mamba systems"));
  EXPECT_THAT(of(request("affine_scan", "unifrom")),
              HasSubstr("unknown profile 'unifrom'; there are uniform, decay, mamba"));
  EXPECT_THAT(of(request("affine_scan", "uniform", ElementType::i32)), HasSubstr("the types are fp32"));
  EXPECT_THAT(of(request("diagonal_s4", "gauge")),
              HasSubstr("profile 'gauge' is for affine_scan and diagonal_ssm"));
  EXPECT_THAT(of(request("s5_inner", "gauge")), HasSubstr("not exact in every order"));
  EXPECT_THAT(of(request("s5_inner", "uniform", ElementType::bf16)), HasSubstr("fp32 and fp64"));
  EXPECT_THAT(of(request("diagonal_ssm", "mantissa")), HasSubstr("--time-varying"));
  GenerateRequest backward = request("diagonal_ssm", "gauge");
  backward.backward = true;
  EXPECT_THAT(of(backward), HasSubstr("gradients"));
  GenerateRequest varying = request("affine_scan", "uniform");
  varying.time_varying = true;
  EXPECT_THAT(of(varying), HasSubstr("diagonal_ssm has"));
  GenerateRequest shape = request("affine_scan", "uniform");
  shape.shape = {{"Q", 3}};
  EXPECT_EQ(of(shape), "affine_scan has no dimension 'Q'; it has L, N");
  shape.shape = {{"L", -3}};
  EXPECT_EQ(of(shape), "dimension L is negative: -3");
  shape.shape = {{"L", std::int64_t{1} << 62}, {"N", 0}};
  EXPECT_EQ(of(shape), "tensor a would have more than 2147483648 elements");
  shape.shape = {{"L", std::int64_t{1} << 30}, {"N", 4}};
  EXPECT_EQ(of(shape), "tensor a would have more than 2147483648 elements");
  shape.shape = {{"L", std::int64_t{1} << 30}, {"N", 2}};
  EXPECT_THAT(of(shape), HasSubstr("the most is 2147483648"));
}

TEST(Refusals, ParsersSayWhatTheyExpect) {
  EXPECT_EQ(parse_shape("L=64,N=0"), (Dimensions{{"L", 64}, {"N", 0}}));
  EXPECT_TRUE(parse_shape("").empty());
  for (const std::string text : {"L", "L=", "=3", "L=x", "L=3x", "L=3.5", "L= 3", ",", "L=3,,N=2", "L=nan"}) {
    EXPECT_THAT(refusal([&] { parse_shape(text); }), HasSubstr("is not of the form NAME=SIZE")) << text;
  }
  EXPECT_EQ(refusal([] { parse_shape("L=-1"); }), "dimension L is negative: -1");
  EXPECT_EQ(refusal([] { parse_shape("L=99999999999999999999"); }),
            "dimension L is too large: 99999999999999999999");
  EXPECT_EQ(refusal([] { parse_shape("L=1,L=1"); }), "dimension L is given twice");
  EXPECT_EQ(parse_type("bf16"), ElementType::bf16);
  EXPECT_EQ(parse_type("float64"), ElementType::f64);
  EXPECT_EQ(refusal([] { parse_type("fp8"); }), "unknown type 'fp8'; there are fp32, fp64, bf16, fp16");
}

}  // namespace
}  // namespace exactscan
