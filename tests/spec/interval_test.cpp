// Interval: inclusion against exact rationals and against MPFR at a higher precision, and how tight it is.
#include "spec/interval.hpp"

#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

using I = Interval<64>;

bool contains(const I& x, const Rational& q) { return Rational(x.lower()) <= q && q <= Rational(x.upper()); }

// A number of moderate size, so that no function of it leaves the exponent range.
Dyadic draw_moderate() {
  return {Integer(draw_int(-(std::int64_t{1} << 40), std::int64_t{1} << 40)), draw_int(-70, -30)};
}

struct Box {
  I interval;
  Dyadic member;
};

// An interval and one of its members, at an end or between.
Box draw_box() {
  const Dyadic p = draw_moderate(), q = draw_bool() ? p : draw_moderate();
  const Dyadic low = std::min(p, q), high = std::max(p, q);
  const Dyadic share = Dyadic(draw_int(0, 4)).scaled(-2);
  return {I(low, high), low + (high - low) * share};
}

TEST(Interval, arithmetic_includes_every_result) {
  EXPECT_TRUE(holds([] {
    const Box x = draw_box(), y = draw_box();
    const Rational p(x.member), q(y.member);
    require(contains(x.interval + y.interval, p + q), "+");
    require(contains(x.interval - y.interval, p - q), "-");
    require(contains(x.interval * y.interval, p * q), "*");
    require(contains(-x.interval, -p), "unary -");
    require(contains(abs(x.interval), abs(p)), "abs");
    require(contains(hull(x.interval, y.interval), q), "hull");
    const I quotient = x.interval / y.interval;
    if (y.interval.contains_zero()) {
      require(!quotient.is_bounded(), "quotient by an interval with 0 is bounded");
    } else {
      require(contains(quotient, p / q), "/");
    }
  }));
}

using MpfrFunction = int (*)(mpfr_ptr, mpfr_srcptr, mpfr_rnd_t);

constexpr int reference_bits = 600;

class Reference {
 public:
  explicit Reference(const Dyadic& x) {
    mpfr_init2(value_, reference_bits);
    mpfr_set_z_2exp(value_, x.mantissa().backend().data(), x.exponent(), MPFR_RNDN);
  }
  ~Reference() { mpfr_clear(value_); }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;

  Reference& then(MpfrFunction f) {
    f(value_, value_, MPFR_RNDN);
    return *this;
  }
  Reference& plus_one() {
    mpfr_add_ui(value_, value_, 1, MPFR_RNDN);
    return *this;
  }
  Reference& inverse() {
    mpfr_ui_div(value_, 1, value_, MPFR_RNDN);
    return *this;
  }
  Dyadic value() const {
    Integer mantissa;
    const mpfr_exp_t exponent = mpfr_get_z_2exp(mantissa.backend().data(), value_);
    return {mantissa, mantissa == 0 ? 0 : exponent};
  }

 private:
  mpfr_t value_;
};

int exp_r(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t r) { return mpfr_exp(y, x, r); }
int expm1_r(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t r) { return mpfr_expm1(y, x, r); }
int log1p_r(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t r) { return mpfr_log1p(y, x, r); }
int neg_r(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t r) { return mpfr_neg(y, x, r); }

Dyadic true_exp(const Dyadic& x) { return Reference(x).then(exp_r).value(); }
Dyadic true_expm1(const Dyadic& x) { return Reference(x).then(expm1_r).value(); }
Dyadic true_log1p(const Dyadic& x) { return Reference(x).then(log1p_r).value(); }
Dyadic true_softplus(const Dyadic& x) { return Reference(x).then(exp_r).then(log1p_r).value(); }
Dyadic true_sigmoid(const Dyadic& x) {
  return Reference(x).then(neg_r).then(exp_r).plus_one().inverse().value();
}

// f(X) holds f(x), and at a point is at most 2^-59 of it wide, with 64 bits or a few more.
void check_function(I (*f)(const I&), Dyadic (*truth)(const Dyadic&), const Dyadic& lowest) {
  EXPECT_TRUE(holds([&] {
    Box x = draw_box();
    if (x.interval.lower() <= lowest) return;
    require(f(x.interval).contains(truth(x.member)), "value outside its enclosure at " + to_string(x.member));
    const I point(x.member);
    if (!point.width().is_zero()) return;
    const Dyadic y = truth(x.member);
    require(f(point).contains(y), "value outside its enclosure at the point " + to_string(x.member));
    require(f(point).width() <= abs(y).scaled(-59), "enclosure too wide at " + to_string(x.member));
    require(x.interval.contains(point) && f(x.interval).contains(f(point)), "not monotone by inclusion");
  }));
}

const Dyadic no_limit = -Dyadic::power_of_two(100);

TEST(Interval, exp) {
  check_function([](const I& x) { return exp(x); }, true_exp, no_limit);
}
TEST(Interval, expm1) {
  check_function([](const I& x) { return expm1(x); }, true_expm1, no_limit);
}
TEST(Interval, log1p) {
  check_function([](const I& x) { return log1p(x); }, true_log1p, Dyadic(-1));
}
TEST(Interval, sigmoid) {
  check_function([](const I& x) { return sigmoid(x); }, true_sigmoid, no_limit);
}
TEST(Interval, softplus) {
  check_function([](const I& x) { return softplus(x); }, true_softplus, no_limit);
}

int sin_r(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t r) { return mpfr_sin(y, x, r); }
int cos_r(mpfr_ptr y, mpfr_srcptr x, mpfr_rnd_t r) { return mpfr_cos(y, x, r); }

TEST(Interval, sin_and_cos) {
  EXPECT_TRUE(holds([] {
    const Box x = draw_box();
    require(sin(x.interval).contains(Reference(x.member).then(sin_r).value()), "sin");
    require(cos(x.interval).contains(Reference(x.member).then(cos_r).value()), "cos");
    require(sin(I(x.member)).width() <= Dyadic::power_of_two(-59), "sin is wide");
    require(cos(I(x.member)).width() <= Dyadic::power_of_two(-59), "cos is wide");
  }));
}

TEST(Interval, functions_of_wide_intervals_are_as_tight_as_their_ends) {
  const I wide(Dyadic(-30), Dyadic(40));
  EXPECT_EQ(softplus(wide).lower(), softplus(I(-30)).lower());
  EXPECT_EQ(softplus(wide).upper(), softplus(I(40)).upper());
  EXPECT_EQ(sigmoid(wide).lower(), sigmoid(I(-30)).lower());
  EXPECT_EQ(sigmoid(wide).upper(), sigmoid(I(40)).upper());
}

TEST(Interval, far_arguments) {
  const I big(1e300);
  EXPECT_TRUE(softplus(big).contains(Dyadic(1e300)));
  EXPECT_LE(softplus(big).width(), Dyadic(1e300).scaled(-59));
  EXPECT_TRUE(softplus(-big).contains_zero() || softplus(-big).lower() > Dyadic(0));
  EXPECT_LT(softplus(-big).upper(), Dyadic::power_of_two(-1'000'000));
  EXPECT_GT(softplus(-big).upper(), Dyadic(0));
  EXPECT_LE(sigmoid(big).upper(), Dyadic(1));
  EXPECT_TRUE(sigmoid(big).contains(Dyadic(1)));
  EXPECT_GE(sigmoid(-big).lower(), Dyadic(0));
  EXPECT_GT(sigmoid(-big).upper(), Dyadic(0));
  EXPECT_FALSE(exp(big).is_bounded());
  EXPECT_TRUE(exp(big).contains(Dyadic::power_of_two(std::int64_t{1} << 40)));
  EXPECT_THROW(exp(big).upper(), std::domain_error);
  // Beyond MPFR's exponents: widened outward, never wrong.
  const Dyadic huge = Dyadic::power_of_two(std::int64_t{1} << 40),
               tiny = Dyadic::power_of_two(-(std::int64_t{1} << 40));
  EXPECT_TRUE(I(huge).contains(huge) && I(-huge).contains(-huge));
  EXPECT_TRUE(I(tiny).contains(tiny) && I(-tiny).contains(-tiny));
}

TEST(Interval, where_an_operation_has_no_value_nothing_is_known) {
  const I whole = I::whole_line(), zero(0), one(1);
  const auto unknown = [](const I& x) { return x.contains(I::whole_line()); };
  EXPECT_TRUE(unknown(one / zero));
  EXPECT_TRUE(unknown(zero / zero));
  EXPECT_TRUE(unknown(one / I(Dyadic(0), Dyadic(1))));
  EXPECT_TRUE(unknown(one / I(Dyadic(-1), Dyadic(1))));
  EXPECT_TRUE(unknown(log1p(I(-2))));
  EXPECT_TRUE(unknown(log1p(I(Dyadic(-2), Dyadic(0)))));
  EXPECT_TRUE(unknown(whole - whole));
  EXPECT_TRUE(unknown(whole * one));
  EXPECT_TRUE((zero * whole).contains_zero());
  EXPECT_TRUE(softplus(whole).contains(Dyadic(5)));
  EXPECT_TRUE(exp(whole).contains(Dyadic(5)));
  EXPECT_TRUE(whole.contains(Dyadic::power_of_two(std::int64_t{1} << 60)));
}

TEST(Interval, comparisons_are_of_certainty) {
  const I low(Dyadic(1), Dyadic(2)), middle(Dyadic(2), Dyadic(3)), high(Dyadic(4), Dyadic(5));
  EXPECT_TRUE(certainly_less(low, high));
  EXPECT_FALSE(certainly_less(high, low));
  EXPECT_FALSE(certainly_less(low, middle));
  EXPECT_TRUE(certainly_less_equal(low, middle));
  EXPECT_TRUE(overlap(low, middle));
  EXPECT_FALSE(overlap(low, high));
  EXPECT_FALSE(certainly_equal(low, low));
  EXPECT_TRUE(certainly_equal(I(3), I(3)));
  EXPECT_FALSE(certainly_equal(I(3), I(4)));
  EXPECT_TRUE(low.contains(Dyadic(2)) && !low.contains(Dyadic(3)) && !low.contains(middle));
}

TEST(Interval, endpoints_are_exact_and_conversion_is_outward) {
  EXPECT_GE(I::precision(), 64U);
  EXPECT_GE(Interval<200>::precision(), 200U);
  EXPECT_EQ(I(0.1).lower(), Dyadic(0.1));
  EXPECT_EQ(I(0.1).width(), Dyadic(0));
  const Dyadic long_number = Dyadic(1) + Dyadic::power_of_two(-500);
  const I x(long_number);
  EXPECT_TRUE(x.contains(long_number));
  EXPECT_EQ(x.lower(), Dyadic(1));
  EXPECT_LE(x.width(), Dyadic::power_of_two(-63));
  EXPECT_THROW(I(Dyadic(2), Dyadic(1)), std::invalid_argument);
  EXPECT_THROW(I{HUGE_VAL}, std::domain_error);
}

}  // namespace
}  // namespace exactscan::spec::test
