// Inclusion: what a ball says of a value is true, whatever the operations and operands.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "oracle/bounds/arithmetic.hpp"
#include "oracle/check/tensor_view.hpp"
#include "oracle/numbers/double_double.hpp"
#include "oracle/numbers/value_class.hpp"
#include "oracle/numbers/wide.hpp"
#include "spec/dyadic.hpp"

namespace exactscan {
namespace {

using spec::Dyadic;

// Doubles of every kind but NaN and infinity: any bit pattern, near 1, powers of two, zeros, subnormals.
double arbitrary_double() {
  const auto bits = *rc::gen::arbitrary<std::uint64_t>();
  const int kind = *rc::gen::inRange(0, 5);
  double x = std::bit_cast<double>(bits);
  if (kind == 1)
    x = std::ldexp(1 + static_cast<double>(bits >> 12) * 0x1p-52, static_cast<int>(bits % 7) - 3);
  if (kind == 2) x = std::ldexp(1.0, static_cast<int>(bits % 200) - 100);
  if (kind == 3) x = static_cast<double>(bits % 3) * std::numeric_limits<double>::denorm_min();
  if ((bits & 1) != 0) x = -x;
  return std::isfinite(x) ? x : 1.5;
}

Dyadic exact(double x) { return Dyadic(x); }
Dyadic exact(const DoubleDouble& x) { return Dyadic(x.hi) + Dyadic(x.lo); }
bool finite(double x) { return std::isfinite(x); }
bool finite(const DoubleDouble& x) { return std::isfinite(x.hi) && std::isfinite(x.lo); }

// A random expression: the ball that it evaluates to holds the exact value, unless something overflowed.
template <class M>
void check_inclusion() {
  Ball<M> ball = Ball<M>::exactly(M(arbitrary_double()));
  Dyadic truth = exact(ball.mid);
  for (int i = *rc::gen::inRange(1, 12); i > 0; --i) {
    const double y = arbitrary_double();
    const Ball<M> other = Ball<M>::exactly(M(y));
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        ball = ball + other, truth = truth + Dyadic(y);
        break;
      case 1:
        ball = ball - other, truth = truth - Dyadic(y);
        break;
      case 2:
        ball = other * ball, truth = truth * Dyadic(y);
        break;
      default:
        ball = ball * ball, truth = truth * truth;
        break;
    }
    if (!finite(ball.mid) || !std::isfinite(ball.rad)) return;
    RC_ASSERT(abs(truth - exact(ball.mid)) <= Dyadic(ball.rad));
  }
}

RC_GTEST_PROP(Ball, DoubleEncloses, ()) { check_inclusion<double>(); }
RC_GTEST_PROP(Ball, DoubleDoubleEncloses, ()) { check_inclusion<DoubleDouble>(); }

RC_GTEST_PROP(Ball, LanesAgreeWithScalars, ()) {
  Lanes a{}, b{};
  for (int i = 0; i < lane_count; ++i) a.set(i, arbitrary_double()), b.set(i, arbitrary_double());
  const Ball<Lanes> x = Ball<Lanes>::exactly(a), y = Ball<Lanes>::exactly(b);
  const Ball<Lanes> z = x * y + x;
  for (int i = 0; i < lane_count; ++i) {
    const Ball<double> s =
        Ball<double>::exactly(a[i]) * Ball<double>::exactly(b[i]) + Ball<double>::exactly(a[i]);
    RC_ASSERT(std::bit_cast<std::uint64_t>(static_cast<double>(z.mid[i])) ==
                  std::bit_cast<std::uint64_t>(s.mid) ||
              std::isnan(s.mid));
    RC_ASSERT(z.rad[i] == s.rad || std::isnan(s.rad));
  }
}

TEST(Ball, DoubleDoubleIsTight) {
  const Ball<DoubleDouble> third(DoubleDouble(1.0 / 3, 1.0 / 3 * 0x1p-54), 0);
  EXPECT_LT((third * third).rad, 0x1p-104);
}

RC_GTEST_PROP(Wide, RoundsUpward, ()) {
  const double x = std::fabs(arbitrary_double()), y = std::fabs(arbitrary_double());
  const auto value = [](const Wide& w) {
    spec::Integer m;
    const mpfr_exp_t e = mpfr_get_z_2exp(m.backend().data(), w.get());
    return m == 0 ? Dyadic() : Dyadic(m, e);
  };
  RC_ASSERT(value(Wide(x) + Wide(y)) >= Dyadic(x) + Dyadic(y));
  RC_ASSERT(value(Wide(x) * Wide(y)) >= Dyadic(x) * Dyadic(y));
}

// Whatever IEEE arithmetic gives in sequence, the class admits.
RC_GTEST_PROP(ValueClass, AdmitsSequentialArithmetic, ()) {
  const auto draw = [] {
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
        return std::numeric_limits<double>::infinity();
      case 1:
        return -std::numeric_limits<double>::infinity();
      case 2:
        return std::numeric_limits<double>::quiet_NaN();
      case 3:
        return 0.0;
      default:
        return static_cast<double>(*rc::gen::inRange(-3, 4));
    }
  };
  double x = draw();
  ValueClass c(x);
  for (int i = 0; i < 6; ++i) {
    const double a = draw(), b = draw();
    x = a * x + b;
    c = ValueClass(a) * c + ValueClass(b);
    RC_ASSERT(c.admits(x));
  }
}

TEST(ValueClass, FiniteInputsStayFinite) {
  EXPECT_TRUE((ValueClass(2.0) * ValueClass(-3.0) + ValueClass(1.0)).finite());
  const ValueClass after =
      ValueClass(0.0) * ValueClass(std::numeric_limits<double>::infinity()) + ValueClass(1.0);
  EXPECT_FALSE(after.finite());
  EXPECT_FALSE(after.admits(1.0));
}

TEST(TensorView, HalfIsDecodedExactly) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto pattern = static_cast<std::uint16_t>(bits);
    const spec::FloatValue value = spec::decode(pattern, spec::binary16);
    const double x = half_to_double(pattern);
    if (value.kind == spec::FloatKind::nan) {
      EXPECT_TRUE(std::isnan(x));
    } else {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(x), std::bit_cast<std::uint64_t>(spec::to_double(value)))
          << bits;
    }
  }
}

TEST(Arithmetic, ConstantsOfTheFormats) {
  const Arithmetic fp32(parse_contract("fp32"));
  EXPECT_EQ(fp32.largest, static_cast<double>(std::numeric_limits<float>::max()));
  EXPECT_EQ(fp32.smallest_normal, static_cast<double>(std::numeric_limits<float>::min()));
  EXPECT_EQ(fp32.half_smallest, 0x1p-150);
  EXPECT_GE(Dyadic(fp32.v) * (Dyadic(1) + Dyadic::power_of_two(-24)), Dyadic::power_of_two(-24));
  EXPECT_EQ(Arithmetic(parse_contract("fp64")).largest, std::numeric_limits<double>::max());
  EXPECT_EQ(Arithmetic(parse_contract("accumulate=fp16")).largest, 65504);
  EXPECT_EQ(Arithmetic(parse_contract("fp32,rounding=any")).v, 0x1p-23);
}

}  // namespace
}  // namespace exactscan
