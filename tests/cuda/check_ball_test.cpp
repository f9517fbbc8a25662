// The device's ball, on the host: every enclosure against exact arithmetic or 256-bit intervals.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <random>

#include "oracle/cuda/elementary.hpp"
#include "oracle/numbers/dyadic_double.hpp"
#include "spec/dyadic.hpp"
#include "spec/interval.hpp"
#include "tests/cuda/check_effort.hpp"

namespace exactscan::device {
namespace {

using spec::Dyadic;
using Precise = spec::Interval<256>;

Dyadic radius(const Ball& x) { return Dyadic(static_cast<double>(x.error)).scaled(-53); }

// What a ball claims of [low, high], which holds the exact value.
void require_encloses(const Ball& ball, const Dyadic& low, const Dyadic& high) {
  if (!std::isfinite(ball.error)) return;  // it claims nothing
  const Dyadic mid(ball.mid), mag(static_cast<double>(ball.mag));
  RC_ASSERT(low >= mid - radius(ball) && high <= mid + radius(ball));
  RC_ASSERT(high <= mag && low >= -mag);
  RC_ASSERT(mid <= mag && mid >= -mag);
}
void require_encloses(const Ball& ball, const Precise& exact) {
  require_encloses(ball, exact.lower(), exact.upper());
}

// Any binary32 number, biased to whole ranges of exponents.
float any_float(int low, int high) {
  const int exponent = *rc::gen::inRange(low, high);
  const auto fraction = *rc::gen::inRange<std::uint32_t>(0, 1U << 24);
  const float x = std::ldexp(1 + static_cast<float>(fraction) * 0x1p-24F, exponent);
  return *rc::gen::inRange(0, 2) == 0 ? x : -x;
}

// A ball with a radius, and a number inside it.
struct Sample {
  Ball ball;
  Dyadic inside;
};
Sample any_sample(int low, int high) {
  const float x = *rc::gen::inRange(0, 12) == 0 ? 0 : any_float(low, high);
  if (*rc::gen::inRange(0, 3) == 0) return {Ball::exactly(x), Dyadic(static_cast<double>(x))};
  const double mid = static_cast<double>(x) * (1 + *rc::gen::inRange(-1000, 1000) * 0x1p-51);
  const float error = std::fabs(any_float(low - 2, low + 12));
  const Ball ball(mid, add_up(float_up(std::fabs(mid)), fma_up(error, 0x1p-53F, 0)), error);
  const double share = *rc::gen::element(-1.0, 1.0, 0.5, 0.0);
  return {ball, Dyadic(mid) + Dyadic(static_cast<double>(error)).scaled(-53) * Dyadic(share)};
}

RC_GTEST_PROP(DirectedRounding, bounds_from_both_sides, ()) {
  const float x = any_float(-149, 100), y = any_float(-60, 20), z = any_float(-149, 100);
  const Dyadic X(static_cast<double>(x)), Y(static_cast<double>(y)), Z(static_cast<double>(z));
  const auto check = [](float down, float up, const Dyadic& exact) {
    RC_ASSERT(Dyadic(static_cast<double>(down)) <= exact && exact <= Dyadic(static_cast<double>(up)));
    RC_ASSERT(up == down || up == std::nextafter(down, infinity));
  };
  check(fma_down(x, y, z), fma_up(x, y, z), X * Y + Z);
  check(mul_down(x, y), mul_up(x, y), X * Y);
  RC_ASSERT(Dyadic(static_cast<double>(add_up(x, z))) >= X + Z);
  const double wide = static_cast<double>(x) * 0x1.0000000001p0;
  check(float_down(wide), float_up(wide), Dyadic(wide));
}

RC_GTEST_PROP(DeviceBall, sums_and_products_enclose, ()) {
  const Sample x = any_sample(-120, 60), y = any_sample(-60, 60);
  const Dyadic sum = x.inside + y.inside, product = x.inside * y.inside;
  require_encloses(x.ball + y.ball, sum, sum);
  require_encloses(x.ball * y.ball, product, product);
}

TEST(DeviceBall, SpecialValuesDecideNothing) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const float bad : {nan, infinity, -infinity}) {
    const Ball x = Ball::exactly(bad), one = Ball::exactly(1), zero = Ball::exactly(0);
    for (const Ball& made : {x + one, one + x, x * one, one * x, x * zero, zero * x, softplus(x + zero),
                             sigmoid(x), exp(x + zero), exp(x * one)}) {
      EXPECT_FALSE(std::isfinite(made.error)) << bad;
      EXPECT_FALSE(reach(made, 0) <= 0x1p100F) << bad;
    }
  }
  EXPECT_FALSE(reach(Ball::exactly(1), static_cast<double>(nan)) <= infinity);
}

TEST(DeviceTables, EntriesAreTheNearestNumbers) {
  const Tables made = make_tables();
  const Precise one(Dyadic(1));
  for (int i = 0; i < 32; ++i) {
    const double power = of_words(high_word(made.exp[i]) + (i << 15), low_word(made.exp[i]));
    const Precise exact = exp(Precise(Dyadic(i).scaled(-5)) * log1p(Precise(Dyadic(1))));
    const Dyadic half_ulp = Dyadic(0x1p-53);
    EXPECT_TRUE(exact.upper() <= Dyadic(power) + half_ulp && exact.lower() >= Dyadic(power) - half_ulp) << i;
    const LogEntry entry = made.log[i];
    EXPECT_EQ(entry.inverse * 256, std::floor(entry.inverse * 256)) << i;
    const Precise minus_log = log1p(one / Precise(Dyadic(entry.inverse)) - one);
    EXPECT_TRUE(minus_log.upper() <= Dyadic(entry.log) + Dyadic(0x1p-53) &&
                minus_log.lower() >= Dyadic(entry.log) - Dyadic(0x1p-53))
        << i;
    for (const double t : {i / 32.0, (i + 1) / 32.0})
      EXPECT_LT(std::fabs((1 + t) * entry.inverse - 1), i == 0 ? 0.03126 : 0.017) << i;
  }
}

// The stated errors, relative: over many points, at the ends of the reduction's intervals and of the range.
double worst_exp = 0, worst_log = 0;
void try_exp(double x) {
  const double made = exp_middle(x);
  const Precise exact = exp(Precise(Dyadic(x)));
  const Dyadic off = std::max(abs(exact.upper() - Dyadic(made)), abs(exact.lower() - Dyadic(made)));
  worst_exp = std::max(worst_exp, near_double(off) / made * 0x1p53);
}
void try_log(double t) {
  const double made = log1p_middle(t);
  const Precise exact = log1p(Precise(Dyadic(t)));
  const Dyadic off = std::max(abs(exact.upper() - Dyadic(made)), abs(exact.lower() - Dyadic(made)));
  if (t > 0) worst_log = std::max(worst_log, near_double(off) / made * 0x1p53);
}

TEST(DeviceElementary, MiddlesAreWithinTheStatedErrors) {
  const auto steps = static_cast<int>(10000 * test_effort());
  std::mt19937_64 bits(7);
  std::uniform_real_distribution<double> unit(0, 1);
  const double width = 0x1.62e42fefa39efp-6;  // ln2/32: ends of intervals lie half way
  for (int i = 0; i < steps; ++i) {
    try_exp(-700 + 800 * unit(bits));
    try_exp((std::floor(2000 * unit(bits)) - 1000 + 0.5 + (unit(bits) - 0.5) * 0x1p-20) * width);
    try_exp(std::ldexp(unit(bits) - 0.5, -static_cast<int>(60 * unit(bits))));
    try_log(unit(bits));
    try_log(std::ldexp(unit(bits), -static_cast<int>(200 * unit(bits))));
    const double edge = std::floor(33 * unit(bits)) / 32;
    try_log(std::min(1.0, edge * (1 + (unit(bits) - 0.5) * 0x1p-40)));
  }
  for (const double x : {0.0, -0.0, -700.0, 100.0, 1.0, -1.0, 0x1p-1074, -0x1p-1074}) try_exp(x);
  for (const double t : {1.0, 0x1p-1000, 1.0 / 32, 31.0 / 32}) try_log(t);
  EXPECT_EQ(exp_middle(0), 1);
  EXPECT_LT(worst_exp, 11900);
  EXPECT_GT(worst_exp, 8000) << "the bound is not needlessly wide";
  EXPECT_LT(worst_log, 36000);
  EXPECT_GT(worst_log, 10000);
  ::testing::Test::RecordProperty("worst_exp", std::to_string(worst_exp));
  ::testing::Test::RecordProperty("worst_log", std::to_string(worst_log));
}

TEST(DeviceElementary, ReciprocalIsWithinTheStatedError) {
  std::mt19937_64 bits(7);
  std::uniform_real_distribution<double> unit(0, 1);
  for (int i = 0; i < 20000; ++i) {
    const double x = i < 2 ? 1 + i : 1 + unit(bits), q = reciprocal(x);
    const Dyadic off = abs(Dyadic(q) * Dyadic(x) - Dyadic(1));
    ASSERT_TRUE(off <= Dyadic(0x1p-43)) << x;
  }
}

RC_GTEST_PROP(DeviceElementary, balls_enclose, ()) {
  const Sample x = any_sample(-40, *rc::gen::inRange(-39, 12));
  const Precise inside(x.inside), one(Dyadic(1));
  // exp asks for a narrow argument; the others see to it themselves.
  if (x.ball.error <= widest_argument) require_encloses(exp(x.ball), exp(inside));
  require_encloses(sigmoid(x.ball), one / (one + exp(-inside)));
  require_encloses(softplus(x.ball), softplus(inside));
  const Dyadic low(-3.0), high(5.0);
  const Dyadic within = x.inside < low ? low : x.inside > high ? high : x.inside;
  require_encloses(clamp(x.ball, -3, 5), within, within);
}

TEST(DeviceElementary, WideArgumentsDecideNothing) {
  const Ball wide(1, 2, 0x1p30F);
  EXPECT_FALSE(std::isfinite(softplus(wide).error));
  EXPECT_FALSE(std::isfinite(sigmoid(wide).error));
  EXPECT_FALSE(std::isfinite(exp(Ball(1, infinity, infinity)).error));
  EXPECT_FALSE(std::isfinite(exp(Ball::exactly(200)).error));
}

}  // namespace
}  // namespace exactscan::device
