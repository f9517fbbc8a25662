// Rounding: exhaustively between all neighbours of the 16-bit formats, and against MPFR and the hardware
// elsewhere.
#include "spec/rounding.hpp"

#include <mpfr.h>

#include <array>
#include <cmath>

#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

constexpr std::array<RoundingMode, 4> modes{RoundingMode::nearest_even, RoundingMode::up, RoundingMode::down,
                                            RoundingMode::toward_zero};
constexpr std::array<Subnormals, 4> all_subnormals{Subnormals::gradual, Subnormals::flush_before_rounding,
                                                   Subnormals::flush_after_rounding,
                                                   Subnormals::flush_subnormal};

// Where x lies between the neighbours of patterns p and p + 1 (magnitudes): what each mode must give.
enum class Place { on, below_middle, middle, above_middle };

std::uint64_t expected_pattern(std::uint64_t p, Place place, RoundingMode mode, bool negative) {
  if (place == Place::on || mode == RoundingMode::toward_zero) return p;
  if (mode == RoundingMode::up) return negative ? p : p + 1;
  if (mode == RoundingMode::down) return negative ? p + 1 : p;
  if (place == Place::middle) return p + (p & 1);  // the pattern's last bit is the significand's
  return place == Place::below_middle ? p : p + 1;
}

struct Point {
  Dyadic x;  // at least 0
  Place place;
};

// The points at p, just above it, around the middle, and just below p + 1. "Just" is 2^-30 and 2^-400 of the
// gap.
std::vector<Point> points_from(const Dyadic& low, const Dyadic& high) {
  const Dyadic gap = high - low, middle = low + gap.scaled(-1);
  std::vector<Point> points{{low, Place::on}, {middle, Place::middle}};
  for (int k : {-30, -400}) {
    const Dyadic tiny = gap.scaled(k);
    points.push_back({low + tiny, Place::below_middle});
    points.push_back({middle - tiny, Place::below_middle});
    points.push_back({middle + tiny, Place::above_middle});
    points.push_back({high - tiny, Place::above_middle});
  }
  return points;
}

// The same format with room below: rounding to it is rounding with no lower exponent limit.
FloatFormat with_room_below(FloatFormat format) {
  format.min_exponent -= 1000;
  return format;
}

// What `expected`, gradually rounded from x, becomes where subnormals are flushed: from each variant's
// definition.
bool flushed(const Dyadic& x, const FloatFormat& format, RoundingMode mode, Subnormals subnormals,
             std::uint64_t expected) {
  const Dyadic lambda = Dyadic::power_of_two(format.min_normal_exponent());
  const std::uint64_t lambda_pattern = std::uint64_t{1} << format.fraction_bits;
  switch (subnormals) {
    case Subnormals::gradual:
      return false;
    case Subnormals::flush_before_rounding:
      return abs(x) < lambda;
    case Subnormals::flush_subnormal:
      return expected < lambda_pattern;
    case Subnormals::flush_after_rounding:
      break;
  }
  return x.is_zero() || abs(Dyadic(round_to(x, with_room_below(format), mode))) < lambda;
}

void check_point(const FloatFormat& format, std::uint64_t p, const Point& point, bool flushing,
                 int& failures) {
  for (const bool negative : {false, true}) {
    const Dyadic x = negative ? -point.x : point.x;
    for (const RoundingMode mode : modes) {
      const std::uint64_t gradual = expected_pattern(p, point.place, mode, negative);
      for (const Subnormals subnormals : all_subnormals) {
        if (subnormals != Subnormals::gradual && !flushing) continue;
        std::uint64_t expected = flushed(x, format, mode, subnormals, gradual) ? 0 : gradual;
        if (negative && !x.is_zero()) expected |= std::uint64_t{1} << (format.pattern_bits() - 1);
        const std::uint64_t actual = encode(round_to(x, format, mode, subnormals), format);
        if (actual != expected && ++failures < 5) {
          ADD_FAILURE() << format.name << " " << x << " mode " << static_cast<int>(mode) << " subnormals "
                        << static_cast<int>(subnormals) << ": " << actual << " for " << expected;
        }
      }
    }
  }
}

void check_all_neighbours(const FloatFormat& format) {
  const std::uint64_t infinity = encode({FloatKind::infinite, false, 0, 0}, format);
  const std::uint64_t normal = std::uint64_t{1} << format.fraction_bits;
  int failures = 0;
  for (std::uint64_t p = 0; p < infinity; ++p) {
    const Dyadic low = Dyadic::from_bits(p, format);
    const Dyadic high =
        p + 1 < infinity ? Dyadic::from_bits(p + 1, format) : Dyadic::power_of_two(format.max_exponent + 1);
    EXPECT_EQ(ulp(low, format), high - low);
    for (const Point& point : points_from(low, high)) check_point(format, p, point, p < normal + 8, failures);
  }
  EXPECT_EQ(failures, 0);
}

TEST(Rounding, between_all_neighbours_of_binary16) { check_all_neighbours(binary16); }
TEST(Rounding, between_all_neighbours_of_bfloat16) { check_all_neighbours(bfloat16); }

TEST(Rounding, beyond_the_largest_finite_value) {
  for (const FloatFormat& format : {binary64, binary32, tf32, binary16, bfloat16}) {
    const FloatValue infinity{FloatKind::infinite, false, 0, 0}, top = largest_finite(format);
    const FloatValue minus_infinity{FloatKind::infinite, true, 0, 0}, bottom = largest_finite(format, true);
    for (const std::int64_t exponent : {std::int64_t{format.max_exponent + 1}, std::int64_t{1} << 60}) {
      const Dyadic x = Dyadic::power_of_two(exponent);
      EXPECT_EQ(round_to(x, format), infinity);
      EXPECT_EQ(round_to(x, format, RoundingMode::up), infinity);
      EXPECT_EQ(round_to(x, format, RoundingMode::down), top);
      EXPECT_EQ(round_to(x, format, RoundingMode::toward_zero), top);
      EXPECT_EQ(round_to(-x, format), minus_infinity);
      EXPECT_EQ(round_to(-x, format, RoundingMode::up), bottom);
      EXPECT_EQ(round_to(-x, format, RoundingMode::down), minus_infinity);
      EXPECT_EQ(round_to(-x, format, RoundingMode::toward_zero), bottom);
      EXPECT_EQ(ulp(x, format), ulp(Dyadic(top), format));
    }
    const Dyadic tiny = Dyadic::power_of_two(-(std::int64_t{1} << 60));
    EXPECT_EQ(round_to(-tiny, format), (FloatValue{FloatKind::zero, true, 0, 0}));
    EXPECT_EQ(round_to(tiny, format, RoundingMode::up),
              (FloatValue{FloatKind::finite, false, 1, format.min_exponent}));
    EXPECT_EQ(round_to(Dyadic(), format, RoundingMode::down), FloatValue{});
    EXPECT_EQ(ulp(Dyadic(), format), Dyadic::power_of_two(format.min_exponent));
  }
}

// MPFR's own way to emulate a format: its precision and exponent range, then mpfr_subnormalize.
Dyadic by_mpfr(const Dyadic& x, const FloatFormat& format, mpfr_rnd_t mode, bool& infinite) {
  const mpfr_exp_t emin = mpfr_get_emin(), emax = mpfr_get_emax();
  mpfr_set_emin(format.min_exponent + 1);
  mpfr_set_emax(format.max_exponent + 1);
  mpfr_t y;
  mpfr_init2(y, format.precision);
  const int ternary = mpfr_set_z_2exp(y, x.mantissa().backend().data(), x.exponent(), mode);
  mpfr_subnormalize(y, ternary, mode);
  infinite = mpfr_inf_p(y) != 0;
  Dyadic result(mpfr_sgn(y));
  if (mpfr_regular_p(y) != 0) {
    Integer mantissa;
    const mpfr_exp_t exponent = mpfr_get_z_2exp(mantissa.backend().data(), y);
    result = Dyadic(mantissa, exponent);
  }
  mpfr_clear(y);
  mpfr_set_emin(emin);
  mpfr_set_emax(emax);
  return result;
}

// A number near what `format` can just hold: anywhere in its range and a little outside, often within a few
// bits of a value or of a middle.
Dyadic draw_near(const FloatFormat& format) {
  const Integer significand(draw_int(1, (std::int64_t{1} << std::min(format.precision, 40)) - 1));
  const std::int64_t low = format.min_exponent - format.precision, high = format.max_exponent + 1;
  std::int64_t exponent = draw_int(low, high);
  if (draw_int(0, 2) == 0) exponent = draw_bool() ? low + draw_int(0, 60) : high - draw_int(0, 60);
  const Dyadic x(significand, exponent);
  const Dyadic offset = Dyadic(draw_int(-2, 2)).scaled(exponent - draw_int(1, 200));
  return draw_bool() ? x + offset : -(x + offset);
}

void check_against_mpfr(const FloatFormat& format) {
  constexpr std::array<mpfr_rnd_t, 4> mpfr_modes{MPFR_RNDN, MPFR_RNDU, MPFR_RNDD, MPFR_RNDZ};
  EXPECT_TRUE(holds([&] {
    for (int repeat = 0; repeat < 100; ++repeat) {
      const Dyadic x = draw_near(format);
      for (std::size_t m = 0; m < modes.size(); ++m) {
        bool infinite = false;
        const Dyadic expected = by_mpfr(x, format, mpfr_modes.at(m), infinite);
        const FloatValue actual = round_to(x, format, modes.at(m));
        require_equal(actual.kind == FloatKind::infinite, infinite);
        if (infinite) {
          require_equal(actual.negative, expected.sign() < 0);
        } else {
          require_equal(Dyadic(actual), expected);
          require_equal(actual.negative, x.sign() < 0);
        }
      }
    }
  }));
}

TEST(Rounding, binary64_against_mpfr) { check_against_mpfr(binary64); }
TEST(Rounding, binary32_against_mpfr) { check_against_mpfr(binary32); }
TEST(Rounding, tf32_against_mpfr) { check_against_mpfr(tf32); }

// A cast from double to float is the hardware's own rounding, and a sum or product of doubles one more.
TEST(Rounding, nearest_is_the_hardwares) {
  EXPECT_TRUE(holds([] {
    const double x = draw_double(), y = draw_double();
    require_equal(round_to_double(Dyadic(x), binary32), static_cast<double>(static_cast<float>(x)));
    const double sum = x + y, product = x * y;
    require_equal(round_to_double(Dyadic(x) + Dyadic(y)), sum);
    require_equal(round_to_double(Dyadic(x) * Dyadic(y)), product);
    require_equal(round_to_double(Dyadic(x) * Dyadic(y) + Dyadic(1)), std::fma(x, y, 1.0));
  }));
}

// The three ways to flush differ, and where.
TEST(Rounding, flush_variants_differ_just_below_the_smallest_normal) {
  const Dyadic lambda = Dyadic::power_of_two(-126);
  const auto kept = [](const Dyadic& x) {
    std::string text;
    for (const Subnormals s : all_subnormals) {
      text += round_to(x, binary32, RoundingMode::nearest_even, s).kind == FloatKind::zero ? '0' : 'x';
    }
    return text;  // gradual, before, after, subnormal
  };
  EXPECT_EQ(kept(lambda), "xxxx");
  EXPECT_EQ(kept(lambda - lambda.scaled(-26)), "x0xx");  // λ(1 - 2^-26): rounds to λ at 24 bits
  EXPECT_EQ(kept(lambda - lambda.scaled(-24)), "x00x");  // λ(1 - 2^-24): a 24-bit number, but λ when gradual
  EXPECT_EQ(kept(lambda - lambda.scaled(-23)), "x000");  // the largest subnormal
  EXPECT_EQ(kept(Dyadic::power_of_two(-149)), "x000");
  EXPECT_EQ(kept(Dyadic::power_of_two(-150)), "0000");
}

}  // namespace
}  // namespace exactscan::spec::test
