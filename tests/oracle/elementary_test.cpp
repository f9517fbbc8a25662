// Elementary functions of balls: what a ball says of the function's value is true, and not needlessly wide.
#include "oracle/numbers/elementary.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>
#include <vector>

#include "spec/dyadic.hpp"
#include "spec/interval.hpp"

namespace exactscan {
namespace {

using spec::Dyadic;
using Exact = spec::Interval<1600>;  // enough for -1 + e^-700

enum class Function : std::uint8_t { exp, expm1, log1p, sin, cos, sigmoid, softplus };
constexpr Function functions[] = {Function::exp, Function::expm1,   Function::log1p,   Function::sin,
                                  Function::cos, Function::sigmoid, Function::softplus};

template <class T>
T call(Function f, const T& x) {
  switch (f) {
    case Function::exp:
      return exp(x);
    case Function::expm1:
      return expm1(x);
    case Function::log1p:
      return log1p(x);
    case Function::sin:
      return sin(x);
    case Function::cos:
      return cos(x);
    case Function::sigmoid:
      return sigmoid(x);
    default:
      return softplus(x);
  }
}

Dyadic exact(double x) { return Dyadic(x); }
Dyadic exact(const DoubleDouble& x) { return Dyadic(x.hi) + Dyadic(x.lo); }
bool finite(double x) { return std::isfinite(x); }
bool finite(const DoubleDouble& x) { return std::isfinite(x.hi) && std::isfinite(x.lo); }

// Arguments where reductions and series are at their worst: near multiples of ln 2 and of pi/2, between two
// such, at the ends of the ranges, tiny, and of any size.
double adversarial() {
  const auto bits = *rc::gen::arbitrary<std::uint64_t>();
  const double sign = (bits & 1) != 0 ? -1 : 1, noise = static_cast<double>(bits >> 12) * 0x1p-52;
  const int k = *rc::gen::inRange(-1020, 1020), ulps = *rc::gen::inRange(-2, 3);
  const auto nudged = [&](double x) { return x + ulps * std::ldexp(std::fabs(x), -53); };
  switch (*rc::gen::inRange(0, 10)) {
    case 0:
      return nudged(k * 0x1.62e42fefa39efp-1);
    case 1:
      return nudged((k + 0.5) * 0x1.62e42fefa39efp-1);
    case 2:
      return nudged(k * 0x1.921fb54442d18p+0);
    case 3:
      return nudged((k * 991 + 0.5) * 0x1.921fb54442d18p+0);
    case 4:
      return std::ldexp(sign * (1 + noise), k > 0 ? 0 : k);
    case 5:
      return sign * nudged(0.34);
    case 6:
      return sign * nudged(700);
    case 7:
      return sign * noise * 40;
    case 8:
      return -1 + std::ldexp(1 + noise, -(std::abs(k) % 54));
    default: {
      const auto x = std::bit_cast<double>(bits);
      return std::isfinite(x) ? x : 0.25;
    }
  }
}

// The function's value at one exact number, as an interval; a number where it has none is left out.
std::optional<Exact> truth(Function f, const Dyadic& x) {
  if (f == Function::log1p && x <= Dyadic(-1)) return std::nullopt;
  const bool grows = f == Function::exp || f == Function::expm1;
  if (grows && x > Dyadic(100'000)) return std::nullopt;  // beyond every ball's range
  if (f != Function::log1p && abs(x) > Dyadic(0x1p40)) return std::nullopt;
  return call(f, Exact(x));
}

// A ball around the argument, and a member of it.
template <class M>
void check_enclosure() {
  const double x = adversarial();
  const double low = *rc::gen::inRange(0, 2) == 0 ? 0 : std::ldexp(x, -54);
  const M mid = M(x) + M(low);
  if (!finite(mid)) return;
  const int scale = *rc::gen::inRange(-60, 3);
  const double rad =
      *rc::gen::inRange(0, 3) == 0 ? 0 : std::ldexp(std::fabs(x) < 1e300 ? std::fabs(x) : 1.0, scale);
  const int side = *rc::gen::inRange(-2, 3);
  const Dyadic member = exact(mid) + (Dyadic(side) * Dyadic(rad)).scaled(-1);
  for (const Function f : functions) {
    const Ball<M> ball = call(f, Ball<M>(mid, rad));
    if (!finite(ball.mid) || !std::isfinite(ball.rad)) continue;
    const std::optional<Exact> value = truth(f, member);
    if (!value) {
      RC_ASSERT(f != Function::log1p);  // a bounded enclosure means that the argument is inside the domain
      continue;
    }
    const Dyadic centre = exact(ball.mid), reach(ball.rad);
    RC_ASSERT(value->is_bounded());
    RC_ASSERT(centre - reach <= value->lower() && value->upper() <= centre + reach);
  }
}

RC_GTEST_PROP(Elementary, DoubleEncloses, ()) {
  for (int i = 0; i < 20; ++i) check_enclosure<double>();
}
RC_GTEST_PROP(Elementary, DoubleDoubleEncloses, ()) {
  for (int i = 0; i < 5; ++i) check_enclosure<DoubleDouble>();
}

RC_GTEST_PROP(Elementary, LanesAgreeWithScalars, ()) {
  Lanes mid{}, rad{};
  for (int i = 0; i < lane_count; ++i) {
    mid.set(i, adversarial());
    rad.set(i, std::ldexp(std::fabs(mid[i]), -40));
  }
  for (const Function f : functions) {
    const Ball<Lanes> all = call(f, Ball<Lanes>(mid, rad));
    for (int i = 0; i < lane_count; ++i) {
      const Ball<double> one = call(f, Ball<double>(mid[i], rad[i]));
      RC_ASSERT(all.mid[i] == one.mid || std::isnan(one.mid));
      RC_ASSERT(all.rad[i] == one.rad || std::isnan(one.rad));
    }
  }
}

// Points inside the ranges: the radius is a few units of the format, relative to the value, or to 1 for sin
// and cos.
template <class M>
void check_tightness(double unit) {
  for (int k = -400; k <= 400; ++k) {
    for (const double scale : {1.0, 0.0625, 1e-5, 1e-12}) {
      const double x = (k + 0.37) * scale;
      for (const Function f : functions) {
        if (f == Function::log1p && x <= -0.5) continue;
        const Ball<M> y = call(f, Ball<M>::exactly(M(x)));
        const double size =
            f == Function::sin || f == Function::cos ? 1 : std::fabs(elementary::leading(y.mid));
        EXPECT_LE(y.rad, size * unit + 0x1p-900) << static_cast<int>(f) << " at " << x;
      }
    }
  }
}
TEST(Elementary, DoubleIsTight) { check_tightness<double>(0x1p-47); }
TEST(Elementary, DoubleDoubleIsTight) { check_tightness<DoubleDouble>(0x1p-96); }

TEST(Elementary, OutsideTheRangesNothingIsClaimed) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto unknown = [](const Ball<double>& x) { return !std::isfinite(x.rad); };
  EXPECT_TRUE(unknown(exp(Ball<double>::exactly(701.0))));
  EXPECT_TRUE(unknown(exp(Ball<double>(1, 2))));
  EXPECT_TRUE(unknown(exp(Ball<double>(1, infinity))));
  EXPECT_TRUE(unknown(exp(Ball<double>::exactly(std::nan("")))));
  EXPECT_TRUE(unknown(sin(Ball<double>::exactly(1e7))));
  EXPECT_TRUE(unknown(cos(Ball<double>(0, infinity))));
  EXPECT_TRUE(unknown(log1p(Ball<double>::exactly(-1.0))));
  EXPECT_TRUE(unknown(log1p(Ball<double>(-0.5, 0.5))));
  EXPECT_TRUE(unknown(log1p(Ball<double>::exactly(-3.0))));
  EXPECT_TRUE(unknown(Ball<double>(1) / Ball<double>(1, 1)));
  EXPECT_FALSE(unknown(exp(Ball<double>::exactly(-5000.0))));
}

template <class M>
void check_division() {
  const M x = M(adversarial()), y = M(adversarial());
  const double ry = *rc::gen::inRange(0, 2) == 0 ? 0 : std::ldexp(std::fabs(elementary::leading(y)), -3);
  const Ball<M> q = Ball<M>::exactly(x) / Ball<M>(y, ry);
  if (!finite(q.mid) || !std::isfinite(q.rad)) return;
  const Dyadic divisor = exact(y) + Dyadic(ry) * Dyadic(*rc::gen::inRange(-1, 2));
  RC_ASSERT(!divisor.is_zero());
  const Dyadic residual = exact(x) - exact(q.mid) * divisor;  // |x/y - q| <= rad
  RC_ASSERT(abs(residual) <= Dyadic(q.rad) * abs(divisor));
}
RC_GTEST_PROP(Elementary, DivisionEncloses, ()) {
  for (int i = 0; i < 20; ++i) check_division<double>();
  for (int i = 0; i < 20; ++i) check_division<DoubleDouble>();
}

}  // namespace
}  // namespace exactscan
