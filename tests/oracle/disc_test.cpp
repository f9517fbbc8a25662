// Discs: inclusion of every operation, and radii on long scans with rotating multipliers.
#include "oracle/numbers/disc.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "oracle/numbers/precise.hpp"
#include "spec/complex.hpp"
#include "spec/rational.hpp"

namespace exactscan {
namespace {

using spec::Dyadic;
using Exact = spec::Complex<spec::Interval<1024>>;

Dyadic exact(double x) { return Dyadic(x); }
Dyadic exact(const DoubleDouble& x) { return Dyadic(x.hi) + Dyadic(x.lo); }
template <unsigned Bits>
Dyadic exact(const Precise<Bits>& x) {
  return x.exact();
}
bool finite(double x) { return std::isfinite(x); }
bool finite(const DoubleDouble& x) { return std::isfinite(x.hi) && std::isfinite(x.lo); }
template <unsigned Bits>
bool finite(const Precise<Bits>& x) {
  return x.finite();
}
Dyadic radius(double x) { return Dyadic(x); }
Dyadic radius(long double x) {
  Dyadic sum;
  for (int i = 0; i < 2; ++i) {
    const auto part = static_cast<double>(x);
    sum += Dyadic(part);
    x -= static_cast<long double>(part);
  }
  return sum;
}

double part() {
  const auto bits = *rc::gen::arbitrary<std::uint32_t>();
  const int kind = *rc::gen::inRange(0, 4), scale = *rc::gen::inRange(-60, 20);
  if (kind == 0) return 0;
  const double x = std::ldexp(1 + static_cast<double>(bits >> 1) * 0x1p-31, kind == 1 ? scale : -1);
  return (bits & 1) != 0 ? -x : x;
}

template <class M>
struct Pair {
  Disc<M> disc;
  Exact truth;
};

// Whether the disc holds the true value: the whole interval box, which is far smaller than the radius.
template <class M>
bool encloses(const Pair<M>& p) {
  if (!finite(p.disc.re) || !finite(p.disc.im) || !std::isfinite(p.disc.rad)) return true;
  if (!p.truth.re.is_bounded() || !p.truth.im.is_bounded()) return false;
  const auto farthest = [](const spec::Interval<1024>& x, const Dyadic& m) {
    return std::max(abs(x.lower() - m), abs(x.upper() - m));
  };
  const Dyadic x = farthest(p.truth.re, exact(p.disc.re)), y = farthest(p.truth.im, exact(p.disc.im)),
               r = radius(p.disc.rad);
  return x * x + y * y <= r * r;
}

template <class M>
Pair<M> leaf() {
  const double x = part(), y = part();
  return {Disc<M>::exactly(x, y), {spec::Interval<1024>(x), spec::Interval<1024>(y)}};
}

template <class M>
void check_expression() {
  Pair<M> z = leaf<M>();
  for (int i = *rc::gen::inRange(1, 8); i > 0; --i) {
    const Pair<M> w = leaf<M>();
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
        z = {z.disc + w.disc, z.truth + w.truth};
        break;
      case 1:
        z = {w.disc - z.disc, w.truth - z.truth};
        break;
      case 2:
        z = {z.disc / w.disc, z.truth / w.truth};
        break;
      case 3:
        if (!(z.disc.size() < 500)) return;
        z = {exp(z.disc), exp(z.truth)};
        break;
      case 4:
        if (!(z.disc.size() < 500)) return;
        z = {expm1(z.disc), expm1(z.truth)};
        break;
      case 5:
        z = {conj(z.disc) * z.disc, conj(z.truth) * z.truth};
        break;
      default:
        z = {w.disc * z.disc, w.truth * z.truth};
        break;
    }
    RC_ASSERT(encloses(z));
  }
}

RC_GTEST_PROP(Disc, DoubleEncloses, ()) { check_expression<double>(); }
RC_GTEST_PROP(Disc, DoubleDoubleEncloses, ()) { check_expression<DoubleDouble>(); }
RC_GTEST_PROP(Disc, PreciseEncloses, ()) { check_expression<Precise<256>>(); }

TEST(Disc, ZeroStaysExact) {
  EXPECT_TRUE(exactly_zero(Disc<double>(0) * Disc<double>(1.5, 2, 1)));
  EXPECT_FALSE(std::isfinite((Disc<double>(1) / Disc<double>(0.5, 0, 0.5)).rad));
}

// h_t = a h_{t-1} + b_t over 65536 steps with |a| = 1 up to an ulp, turning by an angle that fits no axis: a
// rectangle's width would exceed 2^15000 by then.
template <class M>
double radius_after(int steps) {
  const Disc<M> a = Disc<M>::exactly(0.8, 0.6);
  Disc<M> h(0);
  for (int t = 0; t < steps; ++t) h = a * h + Disc<M>::exactly(std::cos(t), std::sin(2.0 * t));
  return static_cast<double>(h.rad);
}

TEST(Disc, RadiusDoesNotWrap) {
  const double one = radius_after<double>(4096), long_one = radius_after<double>(65536);
  const double two = radius_after<DoubleDouble>(65536), many = radius_after<Precise<256>>(65536);
  RecordProperty("double", std::to_string(std::log2(long_one)));
  std::printf("log2 of the radius at L = 65536: double %.1f, double-double %.1f, 256 bits %.1f\n",
              std::log2(long_one), std::log2(two), std::log2(many));
  EXPECT_LT(long_one, 0x1p-28);
  EXPECT_LT(long_one, one * 16 * 16);  // no worse than the square of the length
  EXPECT_LT(two, 0x1p-77);
  EXPECT_LT(many, 0x1p-230);
}

}  // namespace
}  // namespace exactscan
