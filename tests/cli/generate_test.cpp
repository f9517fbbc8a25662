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

#include "oracle/generate/mamba.hpp"
#include "oracle/generate/random.hpp"

namespace exactscan {
namespace {

using testing::HasSubstr;

constexpr ElementType types[] = {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16};

GenerateRequest request(std::string op, std::string profile, ElementType type = ElementType::f32) {
  GenerateRequest result;
  result.op = std::move(op);
  result.profile = std::move(profile);
  result.type = type;
  return result;
}

std::vector<double> values(const Tensor& tensor) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < tensor.size(); ++i) result.push_back(tensor.at(i));
  return result;
}

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
        const bool lattice = profile.name == "gauge" || profile.name == "mantissa";
        const bool has_lattices = generator.op == "affine_scan" || generator.op == "diagonal_ssm";
        if (lattice && !has_lattices) continue;
        const bool complex = generator.op.find("simplified") == 0 || generator.op == "s5_inner";
        if (complex && type != ElementType::f32 && type != ElementType::f64) continue;
        if (is_mamba(generator.op) ? profile.name == "cancellation" : profile.name == "trigger") continue;
        GenerateRequest wanted = request(std::string(generator.op), std::string(profile.name), type);
        wanted.time_varying = profile.name == "mantissa" && generator.op == "diagonal_ssm";
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
  for (const std::string profile : {"uniform", "gauge", "mantissa"}) {
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
      {"mantissa", 4007989967959478165U},
  };
  for (const ProfileSpec& profile : profiles()) {
    const std::string name(profile.name);
    if (name == "trigger") continue;
    std::uint64_t hash = hash_of(generate(request("affine_scan", name)));
    if (name != "gauge" && name != "mantissa") {
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

struct Limits {
  int precision, min_exponent, max_exponent;
};
Limits limits(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return {53, -1022, 1023};
    case ElementType::f16:
      return {11, -14, 15};
    case ElementType::bf16:
      return {8, -126, 127};
    default:
      return {24, -126, 127};
  }
}

// A number of the format that is not subnormal.
bool representable(double value, ElementType type) {
  if (value == 0) return true;
  const Limits format = limits(type);
  int exponent = 0;
  const double mantissa = std::frexp(std::abs(value), &exponent);  // in [1/2, 1)
  const double scaled = std::ldexp(mantissa, format.precision);
  return scaled == std::floor(scaled) && exponent - 1 >= format.min_exponent &&
         exponent - 1 <= format.max_exponent;
}

// Products and sums, or NaN where a double cannot hold them exactly.
double exact_product(double a, double b) {
  const double product = a * b;
  return std::fma(a, b, -product) == 0 ? product : std::nan("");
}
double exact_sum(double a, double b) {
  const double sum = a + b;
  const double virtual_b = sum - a;
  return (a - (sum - virtual_b)) + (b - virtual_b) == 0 ? sum : std::nan("");
}

struct Map {
  double a, b;
};

// Composes every window [i, j] of a channel, each from all its splits: exactly the values that bracketings
// can form.
void expect_exact_windows(const std::vector<Map>& maps, double h0, ElementType type) {
  std::vector<Map> leaves = {{0, h0}};
  leaves.insert(leaves.end(), maps.begin(), maps.end());
  const std::size_t n = leaves.size();
  std::vector<std::vector<Map>> window(n, std::vector<Map>(n));
  for (std::size_t i = 0; i < n; ++i) window[i][i] = leaves[i];
  for (std::size_t length = 2; length <= n; ++length) {
    for (std::size_t i = 0; i + length <= n; ++i) {
      const std::size_t j = i + length - 1;
      for (std::size_t k = i; k < j; ++k) {
        const Map first = window[i][k];
        const Map second = window[k + 1][j];
        const double a = exact_product(second.a, first.a);
        const double term = exact_product(second.a, first.b);
        const double b = exact_sum(term, second.b);
        ASSERT_TRUE(representable(a, type) && representable(term, type) && representable(b, type))
            << i << ' ' << k << ' ' << j << ' ' << a << ' ' << term << ' ' << b;
        window[i][j] = {a, b};
      }
    }
  }
}

std::vector<Map> channel_maps(const Case& value, std::size_t channel) {
  std::vector<Map> result;
  const bool ssm = value.op == "diagonal_ssm";
  const auto a = values(value.inputs.at(ssm ? "A" : "a"));
  const auto b = values(value.inputs.at(ssm ? "x" : "b"));
  const auto gain = ssm ? values(value.inputs.at("B")) : std::vector<double>(b.size(), 1);
  const auto columns = static_cast<std::size_t>(value.inputs.at("h0").size());
  for (std::size_t i = channel; i < b.size(); i += columns) {
    const std::size_t parameter = a.size() == b.size() ? i : channel;
    result.push_back({a[parameter], exact_product(gain[ssm ? parameter : i], b[i])});
  }
  return result;
}

void check_lattice(GenerateRequest wanted) {
  wanted.shape = {{"L", 100}, {"N", 3}};
  for (const ElementType type : types) {
    for (wanted.seed = 0; wanted.seed < 3; ++wanted.seed) {
      wanted.type = type;
      const Case value = generate(wanted);
      EXPECT_EQ(value.options.at("exact"), OptionValue(true));
      for (std::size_t n = 0; n < 3; ++n) {
        const auto maps = channel_maps(value, n);
        for (const Map& map : maps) ASSERT_TRUE(representable(map.b, type)) << map.b;
        expect_exact_windows(maps, value.inputs.at("h0").at(static_cast<std::int64_t>(n)), type);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Lattices, GaugeIsExactInEveryBracketing) { check_lattice(request("affine_scan", "gauge")); }
TEST(Lattices, MantissaIsExactInEveryBracketing) { check_lattice(request("affine_scan", "mantissa")); }
TEST(Lattices, GaugeOfAConstantSystemIsExact) { check_lattice(request("diagonal_ssm", "gauge")); }
TEST(Lattices, VaryingSystemsAreExact) {
  for (const std::string profile : {"gauge", "mantissa"}) {
    GenerateRequest wanted = request("diagonal_ssm", profile);
    wanted.time_varying = true;
    check_lattice(wanted);
  }
}

// The weights |b_t| / 2^(c_t) of one segment, in units of the lowest bit that any of them has.
double integer_sum(const std::vector<double>& weights) {
  int lowest = 10000;
  for (const double weight : weights) {
    int exponent = 0;
    const auto mantissa = static_cast<std::uint64_t>(std::ldexp(std::frexp(weight, &exponent), 53));
    if (mantissa != 0) lowest = std::min(lowest, exponent - 53 + std::countr_zero(mantissa));
  }
  double sum = 0;
  for (const double weight : weights) sum += std::ldexp(weight, -lowest);
  return sum;
}

TEST(Lattices, GaugeSumsStayBelowThePrecision) {
  for (const ElementType type : types) {
    GenerateRequest wanted = request("affine_scan", "gauge", type);
    wanted.shape = {{"L", 20000}, {"N", 1}};
    const Case value = generate(wanted);
    std::vector<double> weights = {std::abs(value.inputs.at("h0").at(0))};
    double gauge = 1;  // 2^(c_t), relative to the segment's start
    std::size_t segments = 0;
    const auto close_segment = [&] {
      EXPECT_LT(integer_sum(weights), std::ldexp(1, limits(type).precision));
      ++segments;
      weights.clear();
      gauge = 1;
    };
    for (const Map& map : channel_maps(value, 0)) {
      if (map.a == 0) close_segment();
      if (map.a != 0) gauge *= std::abs(map.a);
      weights.push_back(std::abs(map.b) / gauge);
    }
    close_segment();
    const bool narrow = type == ElementType::f16 || type == ElementType::bf16;
    EXPECT_EQ(segments > 1, narrow) << segments;
  }
}

TEST(Lattices, MantissaUsesAllBits) {
  for (const ElementType type : types) {
    GenerateRequest wanted = request("affine_scan", "mantissa", type);
    wanted.shape = {{"L", 500}, {"N", 1}};
    std::size_t full = 0;
    std::size_t resets = 0;
    for (const Map& map : channel_maps(generate(wanted), 0)) {
      resets += map.a == 0 ? 1 : 0;
      int exponent = 0;
      const double mantissa = std::ldexp(std::frexp(std::abs(map.a), &exponent), limits(type).precision);
      if (std::fmod(mantissa, 2) == 1) ++full;
    }
    EXPECT_GE(resets, 7U);
    EXPECT_GE(full, resets);
    EXPECT_LE(full, resets + 1);
  }
}

// --- refusals
// -----------------------------------------------------------------------------------------------------

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
      "selective_mamba_block, ssd");
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
