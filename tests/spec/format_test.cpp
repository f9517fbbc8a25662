// Bit patterns of the formats: every pattern of the 16-bit ones, the others by sample and by what the
// hardware says.
#include "spec/format.hpp"

#include <bit>
#include <cmath>

#include "spec/rounding.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

// The value of a 16-bit pattern, by the definition of the formats alone.
double value_of_16_bits(std::uint32_t pattern, int exponent_bits, int fraction_bits) {
  const int field = static_cast<int>((pattern >> fraction_bits) & ((1U << exponent_bits) - 1));
  const auto fraction = static_cast<double>(pattern & ((1U << fraction_bits) - 1));
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (pattern & 0x8000U) != 0 ? -1 : 1;
  if (field == (1 << exponent_bits) - 1) return fraction == 0 ? sign * HUGE_VAL : std::nan("");
  const double scale = std::ldexp(1.0, -fraction_bits);
  if (field == 0) return sign * std::ldexp(fraction * scale, 1 - bias);
  return sign * std::ldexp(1 + fraction * scale, field - bias);
}

bool same(double x, double y) {
  return std::isnan(x) ? std::isnan(y) : x == y && std::signbit(x) == std::signbit(y);
}

void check_every_pattern(const FloatFormat& format, int exponent_bits, int fraction_bits) {
  int failures = 0;
  for (std::uint32_t pattern = 0; pattern < 0x10000U; ++pattern) {
    const FloatValue value = decode(pattern, format);
    const double expected = value_of_16_bits(pattern, exponent_bits, fraction_bits);
    bool good = same(to_double(value), expected);
    if (std::isnan(expected)) {
      good = good && decode(encode(value, format), format).kind == FloatKind::nan;
      EXPECT_THROW(Dyadic::from_bits(pattern, format), std::domain_error);
    } else {
      good = good && encode(value, format) == pattern;
    }
    if (std::isfinite(expected)) {
      const Dyadic x = Dyadic::from_bits(pattern, format);
      good = good && x == Dyadic(expected) && (x.is_zero() || round_to(x, format) == value);
    }
    if (!good && ++failures < 5) ADD_FAILURE() << format.name << " pattern " << pattern;
  }
  EXPECT_EQ(failures, 0);
}

TEST(Format, every_binary16_pattern_round_trips) { check_every_pattern(binary16, 5, 10); }
TEST(Format, every_bfloat16_pattern_round_trips) { check_every_pattern(bfloat16, 8, 7); }

TEST(Format, binary32_and_binary64_patterns_are_the_hardwares) {
  EXPECT_TRUE(holds([] {
    const float f = draw_float();
    const auto bits32 = std::bit_cast<std::uint32_t>(f);
    require(same(to_double(decode(bits32, binary32)), static_cast<double>(f)), "binary32 decoded wrong");
    require_equal(encode(decode(bits32, binary32), binary32), std::uint64_t{bits32});
    const double d = draw_double();
    const auto bits64 = std::bit_cast<std::uint64_t>(d);
    require(same(to_double(decode(bits64, binary64)), d), "binary64 decoded wrong");
    require_equal(encode(decode(bits64, binary64), binary64), bits64);
    require_equal(Dyadic(f), Dyadic(static_cast<double>(f)));
  }));
}

TEST(Format, tf32_is_binary32_with_thirteen_zeros) {
  EXPECT_TRUE(holds([] {
    const auto bits = std::bit_cast<std::uint32_t>(draw_float()) & ~std::uint32_t{0x1FFF};
    require(same(to_double(decode(bits, tf32)), to_double(decode(bits, binary32))), "tf32 decoded wrong");
    require_equal(encode(decode(bits, tf32), tf32), std::uint64_t{bits});
  }));
  EXPECT_THROW(decode(0x3F800001, tf32), std::domain_error);
}

TEST(Format, special_values) {
  for (const FloatFormat& format : {binary64, binary32, tf32, binary16, bfloat16}) {
    const FloatValue infinity{FloatKind::infinite, true, 0, 0};
    EXPECT_EQ(decode(encode(infinity, format), format), infinity);
    EXPECT_EQ(to_double(infinity), -HUGE_VAL);
    const FloatValue minus_zero{FloatKind::zero, true, 0, 0};
    EXPECT_EQ(decode(encode(minus_zero, format), format), minus_zero);
    EXPECT_TRUE(std::signbit(to_double(minus_zero)));
    EXPECT_THROW(Dyadic{infinity}, std::domain_error);
    EXPECT_EQ(encode(largest_finite(format), format) +
                  (std::uint64_t{1} << (format.fraction_bits + 1 - format.precision)),
              encode({FloatKind::infinite, false, 0, 0}, format));
  }
  EXPECT_EQ(encode({FloatKind::nan, false, 0, 0}, binary32), 0x7FC00000U);
  EXPECT_THROW(decode(0x10000, binary16), std::domain_error);
  EXPECT_THROW(to_double({FloatKind::finite, false, 1, 2000}), std::domain_error);
  EXPECT_THROW(to_double({FloatKind::finite, false, 1, -1075}), std::domain_error);
  EXPECT_THROW(to_double({FloatKind::finite, false, (std::uint64_t{1} << 53) + 1, 0}), std::domain_error);
}

}  // namespace
}  // namespace exactscan::spec::test
