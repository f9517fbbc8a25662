// clamp: a number within limits, for every number that the definitions with limits are evaluated over; and
// the functions of value classes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "oracle/numbers/ball.hpp"
#include "oracle/numbers/double_double.hpp"
#include "oracle/numbers/value_class.hpp"
#include "spec/interval.hpp"

namespace exactscan {

// Where the limit lies within the ball the ball stays as it is: |clamp(x) - mid| <= rad as long as mid is
// between the limits, so the midpoint is moved to the nearest limit first.
inline Ball<double> clamp(const Ball<double>& x, double low, double high) {
  if (x.mid + x.rad < low) return Ball<double>::exactly(low);
  if (x.mid - x.rad > high) return Ball<double>::exactly(high);
  return {x.mid < low ? low : x.mid > high ? high : x.mid, x.rad};
}
inline Ball<DoubleDouble> clamp(Ball<DoubleDouble> x, double low, double high) {
  using Number = Ball<DoubleDouble>;
  // A limit within the ball moves nothing out of it; one within twice the ball, nothing out of that.
  for (const auto& [limit, sign] : {std::pair(low, -1.0), std::pair(high, 1.0)}) {
    if (!std::isfinite(limit)) continue;
    const Number beyond = x - Number::exactly(limit);
    if (sign * beyond.mid.hi > 2 * beyond.rad) return Number::exactly(limit);
    if (sign * beyond.mid.hi >= -2 * beyond.rad) x.rad = up(beyond.rad * 4);
  }
  return x;
}

// The classes that a number of x's classes can have within limits. A NaN may come out as NaN, or as the lower
// limit (the maximum and minimum of some machines drop a NaN).
inline ValueClass clamp(const ValueClass& x, double low, double high) {
  using C = ValueClass;
  const auto limit = [](double value) {
    return static_cast<std::uint8_t>(value > 0 ? C::positive : value < 0 ? C::negative : C::zero);
  };
  const bool has_low = std::isfinite(low), has_high = std::isfinite(high);
  const std::uint8_t at_low = has_low ? limit(low) : std::uint8_t{0},
                     at_high = has_high ? limit(high) : std::uint8_t{0};
  const auto kept = [&](std::uint8_t kind) {
    return static_cast<std::uint8_t>((kind == C::negative && low >= 0 ? 0 : kind) | at_low | at_high);
  };
  return x.mapped({kept(C::negative), kept(C::zero), kept(C::positive), has_low ? at_low : C::minus_infinity,
                   has_high ? at_high : C::plus_infinity, static_cast<std::uint8_t>(C::nan | at_low)});
}

inline ValueClass clamp_slope(const ValueClass& x, double, double) {
  return x.finite() ? either_of(ValueClass(0.0), ValueClass(1.0)) : ValueClass::any();
}
// Within [0, 1] where the limit lies within the ball.
inline Ball<double> clamp_slope(const Ball<double>& x, double low, double high) {
  const bool below = x.mid + x.rad<low, above = x.mid - x.rad> high;
  if (below || above) return Ball<double>::exactly(0);
  const bool within = x.mid - x.rad >= low && x.mid + x.rad <= high;
  return within ? Ball<double>::exactly(1) : Ball<double>(0.5, 0.5);
}
inline Ball<DoubleDouble> clamp_slope(const Ball<DoubleDouble>& x, double low, double high) {
  using Number = Ball<DoubleDouble>;
  bool within = true;
  for (const auto& [limit, sign] : {std::pair(low, -1.0), std::pair(high, 1.0)}) {
    if (!std::isfinite(limit)) continue;
    const Number beyond = x - Number::exactly(limit);
    if (sign * beyond.mid.hi > 2 * beyond.rad) return Number::exactly(DoubleDouble(0));
    within = within && sign * beyond.mid.hi < -2 * beyond.rad;
  }
  if (within) return Number::exactly(DoubleDouble(1));
  return Number(DoubleDouble(0.5), 0.5);
}

inline ValueClass exp(const ValueClass& x) {
  using C = ValueClass;
  return x.mapped({C::zero | C::positive, C::positive, C::positive, C::zero, C::plus_infinity, C::nan});
}
inline ValueClass softplus(const ValueClass& x) {
  using C = ValueClass;
  return x.mapped({C::zero | C::positive, C::positive, C::positive, C::zero, C::plus_infinity, C::nan});
}
inline ValueClass sigmoid(const ValueClass& x) {
  using C = ValueClass;
  return x.mapped({C::zero | C::positive, C::positive, C::positive, C::zero, C::positive, C::nan});
}

}  // namespace exactscan

namespace exactscan::spec {

// Beside Interval, so that argument-dependent lookup finds them.
template <unsigned Bits>
Interval<Bits> clamp_slope(const Interval<Bits>& x, double low, double high) {
  const Dyadic zero(0), one(1);
  if (!x.is_bounded()) return Interval<Bits>(zero, one);
  const Dyadic lower = x.lower(), upper = x.upper();
  const auto below = [&](const Dyadic& a) { return std::isfinite(low) && a < Dyadic(low); };
  const auto above = [&](const Dyadic& a) { return std::isfinite(high) && Dyadic(high) < a; };
  if (below(upper) || above(lower)) return Interval<Bits>(zero, zero);
  if (!below(lower) && !above(upper)) return Interval<Bits>(one, one);
  return Interval<Bits>(zero, one);
}
template <unsigned Bits>
Interval<Bits> clamp(const Interval<Bits>& x, double low, double high) {
  if (!x.is_bounded()) return x;
  Dyadic lower = x.lower(), upper = x.upper();
  if (std::isfinite(low)) lower = std::max(lower, Dyadic(low)), upper = std::max(upper, Dyadic(low));
  if (std::isfinite(high)) lower = std::min(lower, Dyadic(high)), upper = std::min(upper, Dyadic(high));
  return Interval<Bits>(lower, upper);
}

}  // namespace exactscan::spec
