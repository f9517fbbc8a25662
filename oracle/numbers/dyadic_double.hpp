// Exact numbers as doubles, for what a report says; nothing here decides a verdict.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "spec/dyadic.hpp"

namespace exactscan {

// x as a double, within an ulp; infinity and zero beyond the range.
inline double near_double(const spec::Dyadic& x) {
  if (x.is_zero()) return 0;
  const spec::Dyadic::Parts p = x.parts();
  long e = 0;
  const double m = mpz_get_d_2exp(&e, p.mantissa.backend().data());
  return std::ldexp(m, static_cast<int>(std::clamp<std::int64_t>(e + p.exponent, -4000, 4000)));
}

// |x| / y for y >= 0, within some ulps; infinity for y = 0 < |x|, and 0 for x = 0.
inline double near_ratio(const spec::Dyadic& x, const spec::Dyadic& y) {
  if (x.is_zero()) return 0;
  if (y.is_zero()) return std::numeric_limits<double>::infinity();
  const std::int64_t shift = -y.leading_exponent();
  return std::fabs(near_double(x.scaled(shift))) / near_double(y.scaled(shift));
}

}  // namespace exactscan
