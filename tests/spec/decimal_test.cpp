#include "spec/decimal.hpp"

#include <cstdlib>

#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

TEST(Decimal, known_values) {
  EXPECT_EQ(to_decimal(Dyadic(0), 20), "0");
  EXPECT_EQ(to_decimal(Dyadic(0.5), 20), "0.5");
  EXPECT_EQ(to_decimal(Dyadic(-0.1), 20), "-0.10000000000000000555");
  EXPECT_EQ(to_decimal(Dyadic(100), 20), "100");
  EXPECT_EQ(to_decimal(Dyadic(12345), 3), "1.23e+4");
  EXPECT_EQ(to_decimal(Dyadic(123), 3), "123");
  EXPECT_EQ(to_decimal(Dyadic(999.5), 3), "1.00e+3");
  EXPECT_EQ(to_decimal(Dyadic(0.0078125), 2), "0.0078");
  EXPECT_EQ(to_decimal(Dyadic(3), 1), "3");
  EXPECT_EQ(to_decimal(Dyadic(0x1p-1074), 17), "4.9406564584124654e-324");
  EXPECT_THROW(to_decimal(Dyadic(1), 0), std::invalid_argument);
}

// Digits of 2^e for exponents that no float has, from 10^(frac(e*log10 2)) by Python's decimal module.
TEST(Decimal, huge_exponents) {
  EXPECT_EQ(to_decimal(Dyadic::power_of_two(1'000'000'000), 20), "4.6129760011690693931e+301029995");
  EXPECT_EQ(to_decimal(-Dyadic::power_of_two(-1'000'000'000'000), 20),
            "-1.0442507269304682030e-301029995664");
  EXPECT_EQ(to_decimal(Dyadic::power_of_two(std::int64_t{1} << 60), 20),
            "5.8549278601712617670e+347063955532709820");
  EXPECT_EQ(to_decimal(Dyadic::power_of_two(-(std::int64_t{1} << 61)), 20),
            "2.9171375201969543313e-694127911065419642");
}

// The C library reads decimal correctly rounded, so 17 digits give a double back.
TEST(Decimal, seventeen_digits_give_a_double_back) {
  EXPECT_TRUE(holds([] {
    const double x = draw_double();
    require_equal(std::strtod(to_decimal(Dyadic(x), 17).c_str(), nullptr), x == 0 ? 0.0 : x);
  }));
}

// Correct rounding, checked with rationals: |printed - x| is at most half a unit of the last digit.
TEST(Decimal, nearest) {
  EXPECT_TRUE(holds([] {
    const Integer significand(draw_int(1, std::int64_t{1} << 50));
    const Dyadic x(significand, draw_int(-60, 10));
    const auto count = static_cast<std::size_t>(draw_int(1, 25));
    std::string text = to_decimal(x, count);
    std::int64_t power = 0;
    if (const auto e = text.find('e'); e != std::string::npos) {
      power = std::stoll(text.substr(e + 1));
      text.erase(e);
    }
    if (const auto point = text.find('.'); point != std::string::npos) {
      power -= static_cast<std::int64_t>(text.size() - point - 1);
      text.erase(point, 1);
    }
    const auto first = std::min(text.find_first_not_of('0'), text.size() - 1);
    const Integer digits(text.substr(first));
    const Integer ten_to_power = pow(Integer(10), static_cast<unsigned>(power < 0 ? -power : power));
    const Rational unit = power < 0 ? Rational(Integer(1), ten_to_power) : Rational(ten_to_power, Integer(1));
    const Rational error = abs(Rational(digits, Integer(1)) * unit - Rational(x));
    const bool all_digits = text.size() - first >= count;
    require(all_digits ? error * Rational(2) <= unit : error.is_zero(), "not the nearest decimal");
  }));
}

TEST(Decimal, leaves_the_exponent_range_of_mpfr_alone) {
  const mpfr_exp_t emin = mpfr_get_emin(), emax = mpfr_get_emax();
  to_decimal(Dyadic::power_of_two(std::int64_t{1} << 60), 5);
  EXPECT_EQ(mpfr_get_emin(), emin);
  EXPECT_EQ(mpfr_get_emax(), emax);
}

}  // namespace
}  // namespace exactscan::spec::test
