// The levels of spec/concepts.hpp: which type stands on which, and that it obeys the level's laws.
#include "spec/concepts.hpp"

#include "spec/diagonal_s4.hpp"
#include "spec/diagonal_ssm_adjoint.hpp"
#include "spec/dual.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

static_assert(OrderedRing<Dyadic> && !Field<Dyadic>);
static_assert(OrderedField<Rational>);
static_assert(Field<Residue<>> && !OrderedRing<Residue<>>);
static_assert(Ring<IntegerMatrix2> && !CommutativeSemiring<IntegerMatrix2>);
static_assert(Semiring<WordSum> && !Ring<WordSum> && !CommutativeSemiring<WordSum>);
static_assert(CommutativeSemiring<Dual<Residue<>>> && !CommutativeSemiring<Dual<IntegerMatrix2>>);
static_assert(CommutativeSemiring<float> && CommutativeSemiring<double>);

// The least that a scan's step asks for: a trivially copyable type with + and *, and a trait for 0 and 1. The
// single-step definitions must take it, at compile time too.
struct Lanes {
  int first, second;
  friend constexpr Lanes operator+(const Lanes& x, const Lanes& y) {
    return {x.first + y.first, x.second + y.second};
  }
  friend constexpr Lanes operator*(const Lanes& x, const Lanes& y) {
    return {x.first * y.first, x.second * y.second};
  }
  constexpr bool operator==(const Lanes&) const = default;
};

}  // namespace
}  // namespace exactscan::spec::test

template <>
struct exactscan::spec::Constants<exactscan::spec::test::Lanes> {
  static constexpr test::Lanes zero() { return {0, 0}; }
  static constexpr test::Lanes one() { return {1, 1}; }
};

namespace exactscan::spec::test {
namespace {

constexpr Lanes a{2, 3}, b{1, -1}, h{5, 7}, x{4, 2};
static_assert(Semiring<Lanes> && !CommutativeSemiring<Lanes> && !Ring<Lanes>);
static_assert(apply(ScalarAffineTransition<Lanes>{a, b}, h) == Lanes{11, 20});
static_assert(apply(ScalarAffineTransition<Lanes>::identity(), h) == h);
static_assert(compose(ScalarAffineTransition<Lanes>{a, b}, {x, h}).b == Lanes{11, 20});
static_assert(ssm_step(a, b, h, x) == Lanes{14, 19});
static_assert(ssm_readout(a, b, h, x) == Lanes{14, 19});
static_assert(ssm_adjoint_step(a, b, h, x, b, a).dA == Lanes{15, 14});
static_assert(dot<Lanes>(
                  2, [](std::size_t) { return a; }, [](std::size_t) { return x; }) == Lanes{16, 12});

template <class T>
class SemiringLaws : public testing::Test {};
TYPED_TEST_SUITE(SemiringLaws, AllSemirings, NumberName);

TYPED_TEST(SemiringLaws, hold) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const T p = draw<T>(), q = draw<T>(), r = draw<T>();
    require_equal<T>(p + q, q + p);
    require_equal<T>((p + q) + r, p + (q + r));
    require_equal<T>((p * q) * r, p * (q * r));
    require_equal<T>(p * (q + r), p * q + p * r);
    require_equal<T>((p + q) * r, p * r + q * r);
    require_equal<T>(p + zero<T>(), p);
    require_equal<T>(p * one<T>(), p);
    require_equal<T>(one<T>() * p, p);
    require_equal<T>(p * zero<T>(), zero<T>());
    require_equal<T>(zero<T>() * p, zero<T>());
    if constexpr (CommutativeSemiring<T>) require_equal<T>(p * q, q * p);
    if constexpr (Ring<T>) {
      require_equal<T>(p + -p, zero<T>());
      require_equal<T>(p - q, p + -q);
    }
    if constexpr (Field<T>) {
      if (!(q == zero<T>())) require_equal<T>(p / q * q, p);
    }
  }));
}

TEST(Algebra, matrices_and_words_do_not_commute) {
  const IntegerMatrix2 p(1, 1, 0, 1), q(1, 0, 1, 1);
  EXPECT_FALSE(p * q == q * p);
  EXPECT_FALSE(WordSum::word("a") * WordSum::word("b") == WordSum::word("b") * WordSum::word("a"));
}

TEST(Algebra, division_by_zero_is_an_error) {
  EXPECT_THROW(Rational(1) / Rational(0), std::domain_error);
  EXPECT_THROW(Rational(Integer(1), Integer(0)), std::domain_error);
  EXPECT_THROW(Residue<>(1) / Residue<>(0), std::domain_error);
  EXPECT_THROW(WordSum(-1), std::invalid_argument);
}

TEST(Algebra, rational_from_dyadic_is_in_lowest_terms) {
  const Rational three_quarters(Dyadic(Integer(12), -4));
  EXPECT_EQ(three_quarters.numerator(), 3);
  EXPECT_EQ(three_quarters.denominator(), 4);
  EXPECT_EQ(Rational(Dyadic(Integer(12), 4)).numerator(), 192);
  EXPECT_EQ(Rational(-0.75), Rational(Integer(6), Integer(-8)));
  EXPECT_LT(Rational(-0.75), Rational(Integer(-2), Integer(3)));
  EXPECT_THROW(Rational{HUGE_VAL}, std::domain_error);
}

TEST(Algebra, residues_wrap) {
  using R = Residue<>;
  EXPECT_EQ(R(std::int64_t{-1}) + R(1), R(0));
  EXPECT_EQ(R((std::uint64_t{1} << 61) - 1), R(0));
  EXPECT_EQ(R(std::numeric_limits<std::int64_t>::min()) + R(std::uint64_t{1} << 63), R(0));
  EXPECT_EQ(R(~std::uint64_t{0}).value(), 7U);  // 2^64 - 1 = 8*(2^61 - 1) + 7
}

}  // namespace
}  // namespace exactscan::spec::test
