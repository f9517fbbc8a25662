// The lattices of the generator: every schedule on them is exact, which exact arithmetic over all windows
// shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <map>

#include "tests/cli/generate_support.hpp"

namespace exactscan {
namespace {

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
TEST(Lattices, ZigzagIsExactInEveryBracketing) { check_lattice(request("affine_scan", "zigzag")); }
TEST(Lattices, VaryingSystemsAreExact) {
  for (const std::string profile : {"gauge", "mantissa", "zigzag"}) {
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

// Neighbours' products stay in range (above); four multipliers that lie two steps apart pass the type's
// exponents.
TEST(Lattices, ZigzagLeavesTheRangeOverEverySecondStep) {
  for (const ElementType type : types) {
    GenerateRequest wanted = request("affine_scan", "zigzag", type);
    wanted.shape = {{"L", 5000}, {"N", 1}};
    const std::vector<Map> maps = channel_maps(generate(wanted), 0);
    std::size_t resets = 0;
    for (std::size_t t = 0; t + 6 < maps.size(); ++t) {
      int sum = 0;
      bool reset = false;
      for (std::size_t i = 0; i < 8; i += 2) {
        reset = reset || maps[t + i].a == 0;
        sum += maps[t + i].a == 0 ? 0 : std::ilogb(maps[t + i].a);
      }
      ASSERT_TRUE(reset || std::abs(sum) > limits(type).max_exponent) << t << ' ' << sum;
      resets += maps[t].a == 0 ? 1 : 0;
    }
    const bool narrow = type == ElementType::f16 || type == ElementType::bf16;
    EXPECT_EQ(resets > 0, narrow) << resets;
  }
}

}  // namespace
}  // namespace exactscan
