// Dyadic: against rationals and GMP's own integers, its in-place forms, its order, and its limits.
#include "spec/dyadic.hpp"

#include <cmath>
#include <limits>
#include <random>

#include "spec/scalar_affine.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

constexpr std::int64_t far = std::int64_t{1} << 61;

// Numbers of up to a few limbs, with the limbs that carries and borrows run through (0, 2^64 - 1, 1) common.
Integer draw_limbs(std::int64_t max_limbs) {
  Integer z = 0;
  for (auto count = draw_int(0, max_limbs); count > 0; --count) {
    const auto kind = draw_int(0, 3);
    const std::uint64_t limb = kind == 0 ? 0 : kind == 1 ? ~std::uint64_t{0} : kind == 2 ? 1 : draw_bits();
    z = (z << 64) + limb;
  }
  return draw_bool() ? z : Integer(-z);
}

// A Dyadic of many shapes, canonical or not.
Dyadic draw_any() {
  if (draw_bool()) return draw<Dyadic>();
  return {Integer(draw_limbs(4) << static_cast<unsigned>(draw_int(0, 70))), draw_int(-150, 150)};
}

TEST(Dyadic, add_shifted_against_gmp) {
  EXPECT_TRUE(holds([] {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const Integer x = draw_limbs(5), y = draw_limbs(3);
      const auto shift = static_cast<unsigned>(draw_bool() ? draw_int(0, 200) : 64 * draw_int(0, 4));
      Integer sum = x;
      limbs::add_shifted(sum.backend().data(), y.backend().data(), shift);
      require_equal(sum, Integer(x + (y << shift)));
      // Cancellation of the shifted number's top, and of all of it.
      Integer rest = Integer(-(y << shift)) + draw_int(-2, 2);
      const Integer expected = rest + (y << shift);
      limbs::add_shifted(rest.backend().data(), y.backend().data(), shift);
      require_equal(rest, expected);
    }
  }));
}

TEST(Dyadic, multiply_against_gmp) {
  EXPECT_TRUE(holds([] {
    const Integer x = draw_limbs(5), y = draw_limbs(3);
    Integer product = x, square = x;
    limbs::multiply(product.backend().data(), y.backend().data());
    require_equal(product, Integer(x * y));
    limbs::multiply(square.backend().data(), square.backend().data());
    require_equal(square, Integer(x * x));
  }));
}

TEST(Dyadic, ring_operations_are_the_rationals) {
  EXPECT_TRUE(holds([] {
    const Dyadic x = draw_any(), y = draw_any();
    const Rational p(x), q(y);
    require_equal(Rational(x + y), p + q);
    require_equal(Rational(x - y), p - q);
    require_equal(Rational(x * y), p * q);
    require_equal(Rational(-x), -p);
    require_equal(Rational(abs(x)), abs(p));
    require_equal(x.sign(), p.sign());
    require_equal(x == y, p == q);
    require_equal(x <=> y, p <=> q);
  }));
}

TEST(Dyadic, ring_laws) {
  EXPECT_TRUE(holds([] {
    const Dyadic x = draw_any(), y = draw_any(), z = draw_any();
    require_equal(x + y, y + x);
    require_equal((x + y) + z, x + (y + z));
    require_equal(x * y, y * x);
    require_equal((x * y) * z, x * (y * z));
    require_equal(x * (y + z), x * y + x * z);
    require_equal(x + Dyadic(0), x);
    require_equal(x * Dyadic(1), x);
    require_equal(x * Dyadic(0), Dyadic(0));
    require_equal(x - x, Dyadic());
  }));
}

TEST(Dyadic, rvalue_forms_agree_with_the_others) {
  EXPECT_TRUE(holds([] {
    const Dyadic x = draw_any(), y = draw_any();
    const auto copy = [](const Dyadic& d) { return Dyadic(d); };
    const Dyadic sum = x + y, product = x * y, difference = x - y;
    for (const Dyadic& s : {copy(x) + y, x + copy(y), copy(x) + copy(y)}) require_equal(s, sum);
    for (const Dyadic& p : {copy(x) * y, x * copy(y), copy(x) * copy(y)}) require_equal(p, product);
    for (const Dyadic& d : {copy(x) - y, x - copy(y), copy(x) - copy(y)}) require_equal(d, difference);
    require_equal(-copy(x), -x);
    Dyadic self = x;
    const Dyadic& alias = self;
    self += alias;
    require_equal(self, x.scaled(1));
    self *= alias;
    require_equal(self, (x * x).scaled(2));
    self -= alias;
    require_equal(self, Dyadic(0));
  }));
}

TEST(Dyadic, canonical_form_is_unique_and_equality_ignores_the_form) {
  EXPECT_TRUE(holds([] {
    const Dyadic x = draw_any();
    const auto k = static_cast<unsigned>(draw_int(0, 130));
    const Dyadic other(Integer(x.mantissa() << k), x.exponent() - k);
    require_equal(other, x);
    require_equal(other.canonical(), x);
    const auto p = x.parts(), q = other.parts();
    require_equal(p.mantissa, q.mantissa);
    require_equal(p.exponent, q.exponent);
    require(x.is_zero() ? p.exponent == 0 : bit_test(p.mantissa, 0), "even mantissa in a canonical form");
    require_equal(to_string(other), to_string(x));
  }));
}

TEST(Dyadic, order_of_neighbours_in_any_form) {
  EXPECT_TRUE(holds([] {
    const Dyadic x = draw_any();
    const Dyadic above = x + Dyadic::power_of_two(draw_int(-5000, 100));
    require(x < above && above > x && x != above && -above < -x, "wrong order");
    require((x <=> x) == std::strong_ordering::equal, "not equal to itself");
  }));
}

TEST(Dyadic, numbers_of_any_size_compare_at_once) {
  const Dyadic huge = Dyadic::power_of_two(far), tiny = Dyadic::power_of_two(-far);
  EXPECT_LT(tiny, huge);
  EXPECT_LT(-huge, -tiny);
  EXPECT_LT(-huge, tiny);
  EXPECT_GT(huge, Dyadic(1));
  EXPECT_NE(huge, tiny);
  EXPECT_GT(tiny, Dyadic(0));
  EXPECT_EQ(huge.leading_exponent(), far);
}

TEST(Dyadic, from_floats) {
  EXPECT_EQ(Dyadic(0.0), Dyadic(0));
  EXPECT_EQ(Dyadic(-0.0), Dyadic(0));
  EXPECT_EQ(Dyadic(0.75), Dyadic(3).scaled(-2));
  EXPECT_EQ(Dyadic(-0x1p-1074), -Dyadic::power_of_two(-1074));
  EXPECT_EQ(Dyadic(std::numeric_limits<float>::max()), Dyadic((1 << 24) - 1).scaled(104));
  EXPECT_EQ(Dyadic(std::numeric_limits<std::int64_t>::min()), -Dyadic::power_of_two(63));
  EXPECT_EQ(Dyadic(std::numeric_limits<std::uint64_t>::max()), Dyadic::power_of_two(64) - Dyadic(1));
  EXPECT_THROW(Dyadic{std::nan("")}, std::domain_error);
  EXPECT_THROW(Dyadic{std::numeric_limits<double>::infinity()}, std::domain_error);
  EXPECT_THROW(Dyadic{-std::numeric_limits<float>::infinity()}, std::domain_error);
  EXPECT_THROW(Dyadic{std::numeric_limits<float>::quiet_NaN()}, std::domain_error);
}

TEST(Dyadic, limits) {
  const Dyadic huge = Dyadic::power_of_two(far), tiny = Dyadic::power_of_two(-far);
  EXPECT_EQ(huge * tiny, Dyadic(1));
  EXPECT_THROW(huge * huge, std::overflow_error);
  EXPECT_THROW(tiny * tiny, std::overflow_error);
  EXPECT_THROW(huge.scaled(1), std::overflow_error);
  EXPECT_THROW(tiny.scaled(std::numeric_limits<std::int64_t>::min()), std::overflow_error);
  EXPECT_THROW(huge.scaled(std::numeric_limits<std::int64_t>::max()), std::overflow_error);
  EXPECT_THROW(Dyadic(Integer(1), far + 1), std::overflow_error);
  EXPECT_THROW(huge + Dyadic(1), std::length_error);
  EXPECT_THROW(tiny - Dyadic(1), std::length_error);
  EXPECT_THROW(Rational{huge}, std::length_error);
  EXPECT_EQ(huge + Dyadic(0), huge);
  EXPECT_EQ(huge - huge, Dyadic(0));
  EXPECT_EQ(Dyadic().scaled(std::numeric_limits<std::int64_t>::max()), Dyadic(0));
}

TEST(Dyadic, a_moved_from_number_is_zero) {
  Dyadic x(3.5);
  const Dyadic y = std::move(x);
  EXPECT_EQ(y, Dyadic(3.5));
  EXPECT_EQ(x, Dyadic(0));  // NOLINT(bugprone-use-after-move): it is what this test is about
  x += Dyadic(2);
  EXPECT_EQ(x, Dyadic(2));
}

// A scan long enough for the in-place path, with the sign changes that borrow through the whole number,
// against rationals; and its numbers do not grow by more than the factors' bits.
TEST(Dyadic, long_scan) {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<float> decay(-1, 1);
  std::normal_distribution<float> input;
  Dyadic h(0);
  Rational expected(0);
  for (int t = 0; t < 400; ++t) {
    const float a = decay(random), b = input(random);
    h = apply(ScalarAffineTransition<Dyadic>{Dyadic(a), Dyadic(b)}, std::move(h));
    expected = Rational(a) * expected + Rational(b);
    ASSERT_EQ(Rational(h), expected) << "step " << t;
  }
  EXPECT_LE(limbs::bit_length(h.mantissa().backend().data()), 400 * 24 + 200);
}

TEST(Dyadic, cancellation_frees_the_low_limbs) {
  Dyadic x(1);
  for (int t = 0; t < 1000; ++t) x = std::move(x) * Dyadic(3) + Dyadic::power_of_two(-t);
  Dyadic y = x + Dyadic::power_of_two(300);
  y -= x;
  EXPECT_EQ(y, Dyadic::power_of_two(300));
  EXPECT_LE(limbs::bit_length(y.mantissa().backend().data()), 64);
}

}  // namespace
}  // namespace exactscan::spec::test
