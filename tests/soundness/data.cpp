#include "tests/soundness/data.hpp"

#include <algorithm>
#include <cmath>

namespace exactscan::soundness {
namespace {

using emulation::round_to;

// The same values in any format: binary64 needs no rounding, and round_to is for narrower ones.
double fit(double x, const BinaryFormat& format) { return format.precision > 24 ? x : round_to(x, format); }

double ulp_of(double x, const BinaryFormat& format) {
  const int lowest = format.min_exponent;
  return x == 0 ? std::ldexp(1.0, lowest)
                : std::ldexp(1.0, std::max(std::ilogb(x) - format.precision + 1, lowest));
}

// A significand in [1, 2).
double significand(Random& random, int precision) {
  const double ulp = std::ldexp(1.0, 1 - precision);
  switch (random.below(8)) {
    case 0:
      return 1;
    case 1:
      return 1 + ulp;
    case 2:
      return 2 - ulp;
    case 3:
      return 1 + ulp * static_cast<double>(random.below(8));
    case 4:
      return 2 - ulp * static_cast<double>(1 + random.below(8));
    case 5:  // one bit
      return 1 + std::ldexp(1.0, -random.between(1, precision - 1));
    case 6:  // ones down to some place
      return 2 - std::ldexp(1.0, -random.between(1, precision - 1));
    default:
      return 1 + ulp * std::floor(random.unit() / ulp);
  }
}

// Near 1, by a few ulps either way.
double near_one(Random& random, const BinaryFormat& format) {
  const double ulp = std::ldexp(1.0, 1 - format.precision);
  const auto k = static_cast<double>(random.below(random.coin() ? 3 : 20));
  return random.coin() ? 1 - k * ulp / 2 : 1 + k * ulp;
}

struct Draw {
  Random& random;
  const BinaryFormat& format;
  double h;  // the state so far, in double: a guide for the next step, no more
  std::size_t steps;

  double special(int low, int high) const { return special_number(random, format, low, high); }
  double fitted(double x) const { return fit(x, format); }
};

// Of several pairs, the one whose rounding errors (product, then sum) both lean away from zero the most.
void one_sided_step(Draw& d, double& a, double& b) {
  const double scale = d.h == 0 ? 1 : std::fabs(d.h);
  double best = -1;
  const bool up = (std::bit_cast<std::uint64_t>(d.h) & 1) == 0;  // fixed a sequence by chance, else free
  for (int i = 0; i < 16; ++i) {
    const double x = d.fitted(d.random.uniform(0.7, 1.4)),
                 y = d.random.coin()
                         ? 0
                         : d.fitted(scale * std::ldexp(d.random.unit(), -d.random.between(0, 12)));
    const double product = x * d.h, p = d.fitted(product), total = p + y, s = d.fitted(total);
    const double lean = ((p - product) + (s - total)) / (scale * std::ldexp(1.0, -d.format.precision));
    if ((up ? lean : -lean) > best) best = up ? lean : -lean, a = x, b = y;
  }
}

void block_step(Draw& d, std::size_t t, double& a, double& b) {
  // 2k = -(exponent of half the smallest number): the first two multiply to just above it.
  const int total = 1 - d.format.min_exponent, low = total / 2, high = total - low;
  const double ulp = std::ldexp(1.0, 1 - d.format.precision);
  const double block[] = {std::ldexp(1.0, -low), std::ldexp(1 + ulp * d.random.between(0, 2), -high),
                          std::ldexp(1.0, low), std::ldexp(1.0, high)};
  a = d.fitted(block[t % 4]);
  b = d.random.one_in(8) ? d.special(-12, 0) : 0;
}

void plain_step(Draw& d, Profile profile, double& a, double& b) {
  Random& r = d.random;
  const int lowest = d.format.min_exponent, normal = lowest + d.format.precision - 1;
  switch (profile) {
    case Profile::smooth:
      a = r.uniform(0.5, 1), b = r.uniform(-1, 1);
      break;
    case Profile::long_memory:
      a = near_one(r, d.format), b = d.special(-14, 2);
      break;
    case Profile::decay:
      a = d.special(-20, -2), b = d.special(-8, 4);
      break;
    case Profile::growth:
      a = r.sign() * r.uniform(1, 1 + 6 / static_cast<double>(d.steps + 8)), b = d.special(-6, 0);
      break;
    case Profile::resets:
      a = r.one_in(4) ? r.sign() * 0.0 : d.special(-3, 0), b = r.coin() ? r.sign() * 0.0 : d.special(-4, 4);
      break;
    case Profile::cancellation:
      a = r.coin() ? near_one(r, d.format) : d.special(-1, 0);
      b = -fit(a * d.h, d.format) + ulp_of(d.h, d.format) * r.between(-3, 3);
      if (d.h == 0 || r.one_in(6)) b = d.special(-2, 2);
      break;
    case Profile::subnormal:
      a = r.coin() ? near_one(r, d.format) : d.special(-6, 4), b = d.special(lowest, normal + 4);
      if (r.one_in(6)) a = d.special(lowest, 3);
      break;
    case Profile::exact:
      a = r.one_in(3) ? d.special(-2, 1) : r.sign() * std::ldexp(1.0, r.between(-3, 2));
      b = r.coin() ? 0 : r.sign() * std::ldexp(static_cast<double>(r.between(1, 9)), r.between(-4, 3));
      break;
    case Profile::absorption:
      a = r.one_in(3) ? near_one(r, d.format) : r.sign();
      b = r.sign() * ulp_of(d.h, d.format) * std::ldexp(significand(r, d.format.precision), -r.between(0, 3));
      if (d.h == 0 || r.one_in(12)) b = d.special(0, 6);
      break;
    case Profile::large:
      a = d.special(-2, 1), b = d.special(d.format.max_exponent - 6, d.format.max_exponent);
      break;
    case Profile::full_range:
      a = d.special(lowest, d.format.max_exponent), b = d.special(lowest, d.format.max_exponent);
      break;
    default:
      a = d.special(-3, 1), b = d.special(-6, 6);
  }
}

bool subset_products_are_normal(const Sequence& sequence, const BinaryFormat& format) {
  int low = 0, high = 0, lowest_b = 0, highest_b = 0;
  for (const double a : sequence.a) {
    if (!std::isfinite(a)) return false;
    if (a == 0) continue;
    low += std::min(0, std::ilogb(a)), high += std::max(0, std::ilogb(a) + 1);
  }
  const auto take = [&](double b) {
    if (b != 0)
      lowest_b = std::min(lowest_b, std::ilogb(b)), highest_b = std::max(highest_b, std::ilogb(b) + 1);
  };
  if (!std::isfinite(sequence.h0)) return false;
  take(sequence.h0);
  for (const double b : sequence.b) {
    if (!std::isfinite(b)) return false;
    take(b);
  }
  return low + lowest_b > format.min_exponent + format.precision &&
         high + highest_b < format.max_exponent - 1;
}

}  // namespace

double special_number(Random& random, const BinaryFormat& format, int low, int high) {
  if (random.one_in(32)) return random.sign() * 0.0;
  const int e = std::clamp(random.between(low, high), format.min_exponent, format.max_exponent);
  return random.sign() * fit(std::ldexp(significand(random, format.precision), e), format);
}

std::string_view profile_name(Profile profile) {
  constexpr std::string_view names[] = {"special",   "smooth",       "long_memory", "decay",         "growth",
                                        "resets",    "cancellation", "subnormal",   "window_blocks", "exact",
                                        "one_sided", "absorption",   "large",       "full_range"};
  return names[static_cast<std::size_t>(profile)];
}

bool may_overflow(Profile profile) { return profile == Profile::large || profile == Profile::full_range; }

Sequence draw_sequence(Random& random, const BinaryFormat& format, Profile profile, std::size_t steps) {
  Sequence s;
  Draw d{random, format, 0, steps};
  const bool at_home =
      profile != Profile::large && profile != Profile::full_range && profile != Profile::subnormal;
  s.h0 = random.one_in(4) ? 0
         : at_home        ? d.special(-1, 3)
                          : d.special(format.min_exponent, format.max_exponent);
  if (profile == Profile::window_blocks) s.h0 = d.fitted(random.coin() ? 1 : d.special(-2, 0));
  d.h = s.h0;
  for (std::size_t t = 0; t < steps; ++t) {
    double a = 1, b = 0;
    if (profile == Profile::one_sided) {
      one_sided_step(d, a, b);
    } else if (profile == Profile::window_blocks) {
      block_step(d, t, a, b);
    } else {
      plain_step(d, profile, a, b);
    }
    // What the steps compute in double is brought into the format and kept finite.
    const auto finite = [&](double x) { return std::isfinite(x) ? x : std::copysign(format.largest(), x); };
    a = finite(d.fitted(a)), b = finite(d.fitted(b));
    s.a.push_back(a), s.b.push_back(b);
    d.h = d.fitted(d.fitted(a * d.h) + b);
    if (!std::isfinite(d.h)) d.h = 0;
  }
  return s;
}

emulation::Schedule within_scope(emulation::Schedule schedule, const Sequence& sequence,
                                 const BinaryFormat& format) {
  using emulation::Schedule;
  if (schedule != Schedule::quadratic || subset_products_are_normal(sequence, format)) return schedule;
  return Schedule::bracketing;
}

}  // namespace exactscan::soundness
