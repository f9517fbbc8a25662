// exp, expm1, log1p, sin, cos, sigmoid and softplus of balls, over any midpoint (double, lanes,
// double-double): each result encloses the function's value at every number of the argument. Nothing is
// assumed of a mathematical library's errors.
//
// How: the argument's midpoint x is reduced to x = k c + r, c = ln 2 or pi/2, by multiples of the parts of c
// that k multiplies exactly; then a power series in r is summed in ball arithmetic, so that all rounding is
// in the radius, and a bound of the series' remainder is added. The argument's own radius enters by the mean
// value theorem. Where the argument is beyond the limits below, the radius is infinite: a higher rung
// decides. Tests: tests/oracle/elementary_test.cpp, against MPFI.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "oracle/numbers/ball.hpp"
#include "oracle/numbers/double_double.hpp"

namespace exactscan {
namespace elementary {

template <class M>
using Radius = typename Midpoint<M>::Radius;

// The double (or lanes of them) nearest to a midpoint, and whether it is negative.
inline double leading(double x) { return x; }
inline const Lanes& leading(const Lanes& x) { return x; }
inline double leading(const DoubleDouble& x) { return x.hi; }

// The bits of doubles as whole numbers, and the few operations on them that are needed here.
struct alignas(64) LaneIntegers {
  FourMasks low{}, high{};
  friend LaneIntegers operator+(const LaneIntegers& x, std::int64_t y) { return {x.low + y, x.high + y}; }
  friend LaneIntegers operator-(const LaneIntegers& x, std::int64_t y) { return {x.low - y, x.high - y}; }
  friend LaneIntegers operator<<(const LaneIntegers& x, int y) { return {x.low << y, x.high << y}; }
  friend LaneIntegers operator&(const LaneIntegers& x, std::int64_t y) { return {x.low & y, x.high & y}; }
  friend LaneMask operator==(const LaneIntegers& x, std::int64_t y) { return {x.low == y, x.high == y}; }
};
inline std::int64_t bits_of(double x) { return std::bit_cast<std::int64_t>(x); }
inline LaneIntegers bits_of(const Lanes& x) { return {(FourMasks)x.low, (FourMasks)x.high}; }
inline double from_bits(std::int64_t x) { return std::bit_cast<double>(x); }
inline Lanes from_bits(const LaneIntegers& x) { return {(FourDoubles)x.low, (FourDoubles)x.high}; }

template <class M>
Ball<M> choose(const Mask<Radius<M>>& mask, const Ball<M>& x, const Ball<M>& y) {
  return {select(mask, x.mid, y.mid), select(mask, x.rad, y.rad)};
}
template <class M>
M absolute(const M& x) {
  return select(leading(x) < Midpoint<M>::radius_of(0), M(-x), x);
}
template <class M>
Radius<M> size(const Ball<M>& x) {
  return up(Radius<M>(Midpoint<M>::abs(x.mid) + x.rad));
}
template <class M>
Radius<M> infinite() {
  return Midpoint<M>::radius_of(std::numeric_limits<double>::infinity());
}

// The integer k nearest to x, |x| < 2^51: as a number, and as bits to count with.
template <class M>
struct alignas(alignment_for<Radius<M>>) NearestInteger {
  static constexpr double magic =
      0x1.8p52;  // adding it rounds to a whole number, which stands in the low bits
  explicit NearestInteger(const Radius<M>& x)
      : shifted(x + magic), value(shifted - magic), bits(bits_of(shifted) - bits_of(magic)) {}
  Radius<M> shifted, value;
  decltype(bits_of(Radius<M>())) bits;
};

// 1/n!, and what is left of the series beyond the last term that is summed.
inline constexpr std::array<double, 20> inverse_factorials = [] {
  std::array<double, 20> table{1};
  double factorial = 1;  // exact: n! is a double up to 22!
  for (std::size_t n = 1; n < table.size(); ++n) table[n] = 1 / (factorial *= static_cast<double>(n));
  return table;
}();
template <class M>
struct Series {
  static Ball<M> coefficient(int n) {
    const double c = inverse_factorials[static_cast<std::size_t>(n)];
    return {broadcast<M>(c), broadcast<M>(c * 0x1p-52)};
  }
  static constexpr int exp_terms = 14, trigonometric_terms = 9;
  // 1.5 * 0.35^14/15! < 2^-60; 0.79^20/20! < 2^-68.
  static constexpr double tail = 0x1p-60;
};
template <>
struct Series<DoubleDouble> {
  static const Ball<DoubleDouble>& coefficient(int n) {
    static const std::array<Ball<DoubleDouble>, 32> table = [] {
      std::array<Ball<DoubleDouble>, 32> t;
      t[0] = Ball<DoubleDouble>(1);
      for (int i = 1; i < 32; ++i)
        t[static_cast<std::size_t>(i)] = t[static_cast<std::size_t>(i - 1)] / Ball<DoubleDouble>(i);
      return t;
    }();
    return table[static_cast<std::size_t>(n)];
  }
  static constexpr int exp_terms = 28, trigonometric_terms = 15;
  // 1.5 * 0.35^28/29! < 2^-140; 0.79^32/32! < 2^-120.
  static constexpr double tail = 0x1p-120;
};

template <class M>
Ball<M> with_tail(const Ball<M>& x) {
  return {x.mid, up(Radius<M>(x.rad + Series<M>::tail))};
}

// Horner's rule for sum over n >= first of c_n r^(n-first), c_n = 1/n! rounded, in plain binary64 for |r| <=
// 0.36: a bound of all its rounding, and of the coefficients'. Where the sum so far is within e of the exact
// one, which is at most s, a step gives c + r sum within |r| e + u (|r| (s + e) (1 + u)) + u (c + ...) + u c.
constexpr double series_error(int terms, int first) {
  constexpr double u = 0x1p-53, r = 0.36;
  const auto coefficient = [](int n) { return inverse_factorials[static_cast<std::size_t>(n)]; };
  double s = coefficient(terms) * (1 + 2 * u), e = coefficient(terms) * 2 * u;
  for (int n = terms - 1; n >= first; --n) {
    const double product = r * (s + e), c = coefficient(n);
    e = (r * e + u * product * (1 + u) + u * (c + product) * (1 + 4 * u) + 2 * u * c) * (1 + 0x1p-40);
    s = (c + r * s) * (1 + 0x1p-40);
  }
  return e;
}

// sum over n >= first of r^(n-first)/n!, for |r| <= 0.35 (first = 0: e^r; first = 1: (e^r - 1)/r). The slope
// is at most e^0.36 < 1.5.
template <class M>
Ball<M> exp_series(const Ball<M>& r, int first) {
  Ball<M> sum = Series<M>::coefficient(Series<M>::exp_terms);
  for (int n = Series<M>::exp_terms - 1; n >= first; --n) sum = sum * r + Series<M>::coefficient(n);
  return with_tail(sum);
}
template <class M>
requires(!std::is_same_v<M, DoubleDouble>) Ball<M> exp_series(const Ball<M>& r, int first) {
  constexpr int terms = Series<M>::exp_terms;
  constexpr double errors[] = {series_error(terms, 0), series_error(terms, 1)};
  M sum = broadcast<M>(inverse_factorials[terms]);
  for (int n = terms - 1; n >= first; --n)
    sum = sum * r.mid + broadcast<M>(inverse_factorials[static_cast<std::size_t>(n)]);
  // The radius that a reduction leaves is far below 0.01.
  return with_tail(Ball<M>{sum, up(Radius<M>(r.rad * 1.5 + errors[first]))});
}

// sum of (-1)^n s^n/(2n + odd)!, s = r^2, |r| <= 0.79: cos r, or (odd = 1) sin r / r. The terms alternate and
// fall, so the first one left out bounds the rest.
template <class M>
Ball<M> trigonometric_series(const Ball<M>& s, int odd) {
  Ball<M> sum = Series<M>::coefficient(2 * Series<M>::trigonometric_terms + odd);
  for (int n = Series<M>::trigonometric_terms - 1; n >= 0; --n)
    sum = Series<M>::coefficient(2 * n + odd) - sum * s;
  return with_tail(sum);
}

// x - k c, where c is the sum of the parts: k times each of the first three is exact, the last is rounded.
template <class M>
Ball<M> reduced(const M& x, const Radius<M>& k, const std::array<double, 4>& parts) {
  Ball<M> r = Ball<M>::exactly(x);
  for (int i = 0; i < 3; ++i) r = r - Ball<M>::exactly(M(k * parts[static_cast<std::size_t>(i)]));
  const Radius<M> last = k * parts[3];
  return r - Ball<M>(M(last), magnitude(last) * 0x1p-51);
}
// ln 2 with 42 bits a part, |k| < 2^11; pi/2 with 33 bits a part, |k| <= 2^20.
inline constexpr std::array<double, 4> ln2{0x1.62e42fefa3800p-1, 0x1.ef35793c76000p-45, 0x1.cc01f97b57800p-87,
                                           0x1.03cd0c99ca62ep-130};
inline constexpr std::array<double, 4> half_pi{0x1.921fb54400000p+0, 0x1.0b4611a600000p-34,
                                               0x1.3198a2e000000p-69, 0x1.b839a252049c1p-104};
inline constexpr double exp_limit = 700, trigonometric_limit = 1e6;

// e^x at a point; below -700 a ball around 0, above 700 nothing is known.
template <class M>
Ball<M> exp_at(const M& x) {
  const Radius<M> lead = leading(x), limit = Midpoint<M>::radius_of(exp_limit);
  const auto inside = magnitude(lead) <= limit;
  const M safe = select(inside, x, M(Midpoint<M>::radius_of(0)));
  const NearestInteger<M> k(leading(safe) * 0x1.71547652b82fep+0);  // 1/ln 2
  const Ball<M> series = exp_series(reduced(safe, k.value, ln2), 0);
  const Ball<M> value = series * Ball<M>::exactly(M(from_bits((k.bits + 1023) << 52)));
  const Ball<M> beyond(M(Midpoint<M>::radius_of(0)),
                       select(lead < -limit, Midpoint<M>::radius_of(0x1p-1000), infinite<M>()));
  return choose<M>(inside, value, beyond);
}

// e^r - 1 <= r + r^2 for 0 <= r <= 1; infinite beyond.
template <class R>
R growth(const R& r) {
  return select(r <= broadcast<R>(1), up(R(r + r * r)),
                broadcast<R>(std::numeric_limits<double>::infinity()));
}

template <class M>
Ball<M> widened(const Ball<M>& x, const Radius<M>& by) {
  return {x.mid, up(Radius<M>(x.rad + by))};
}

// sin (odd = 1) or cos (odd = 0), by quadrants. |sin'|, |cos'| <= 1.
template <class M>
Ball<M> circular(const Ball<M>& x, int odd) {
  const auto inside = magnitude(leading(x.mid)) <= Midpoint<M>::radius_of(trigonometric_limit);
  const M safe = select(inside, x.mid, M(Midpoint<M>::radius_of(0)));
  const NearestInteger<M> k(leading(safe) * 0x1.45f306dc9c883p-1);  // 2/pi
  const Ball<M> r = reduced(safe, k.value, half_pi), s = r * r;
  const Ball<M> sine = r * trigonometric_series(s, 1), cosine = trigonometric_series(s, 0);
  // sin: s, c, -s, -c as k = 0, 1, 2, 3 modulo 4; cos is one quadrant ahead.
  const auto quadrant = k.bits + (1 - odd);
  Ball<M> value = choose<M>((quadrant & 1) == 0, sine, cosine);
  value = choose<M>((quadrant & 2) == 0, value, -value);
  return widened(Ball<M>(value.mid, select(inside, value.rad, infinite<M>())), x.rad);
}

inline double log1p_near(double x) { return std::log1p(x); }
inline Lanes log1p_near(Lanes x) {
  for (int i = 0; i < lane_count; ++i) x.set(i, std::log1p(x[i]));
  return x;
}

}  // namespace elementary

// |e^y - e^x| <= e^x (e^|y-x| - 1).
template <class M>
Ball<M> exp(const Ball<M>& x) {
  const Ball<M> value = elementary::exp_at(x.mid);
  return elementary::widened(value,
                             elementary::Radius<M>(elementary::size(value) * elementary::growth(x.rad)));
}

// Near 0 by the series without its first term, elsewhere e^x - 1.
template <class M>
Ball<M> expm1(const Ball<M>& x) {
  using namespace elementary;
  const auto near = magnitude(leading(x.mid)) <= Midpoint<M>::radius_of(0.34);
  const Ball<M> small = Ball<M>::exactly(select(near, x.mid, M(Midpoint<M>::radius_of(0))));
  const Ball<M> e = exp_at(x.mid);
  const Ball<M> value = choose<M>(near, small * exp_series(small, 1), e - Ball<M>(1));
  return widened(value, Radius<M>(size(e) * growth(x.rad)));
}

template <class M>
Ball<M> sin(const Ball<M>& x) {
  return elementary::circular(x, 1);
}
template <class M>
Ball<M> cos(const Ball<M>& x) {
  return elementary::circular(x, 0);
}

// For any y: log1p(x) - y = log1p(d) with d = (x - expm1(y)) / e^y, and |log1p(d)| <= |d| (1 + 2|d|) for |d|
// <= 1/2. One step of Newton's method makes d small; that it did is seen, not assumed. The radius is infinite
// where the argument reaches -1.
template <class M>
Ball<M> log1p(const Ball<M>& x) {
  using namespace elementary;
  const Radius<M> one = Midpoint<M>::radius_of(1);
  const Ball<M> point = Ball<M>::exactly(x.mid);
  const auto quotient = [&](const Ball<M>& y) { return (point - expm1(y)) / exp(y); };
  const M first = M(log1p_near(leading(x.mid)));
  const Ball<M> y = Ball<M>::exactly(M(first + quotient(Ball<M>::exactly(first)).mid));
  const Radius<M> d = size(quotient(y));
  const Radius<M> error =
      select(d <= Midpoint<M>::radius_of(0.5), up(Radius<M>(d * (one + d + d))), infinite<M>());
  // The slope is at most 1/(1 + x - r).
  const Ball<M> whole = Ball<M>(1) + Ball<M>(x.mid, x.rad);
  const Radius<M> least = (Midpoint<M>::abs(whole.mid) * (1 - 0x1p-49) - whole.rad) * (1 - 0x1p-49);
  const auto inside = both(leading(whole.mid) > Midpoint<M>::radius_of(0), least > Midpoint<M>::radius_of(0));
  const Radius<M> spread = select(inside, up(Radius<M>(x.rad / least)), infinite<M>());
  return {y.mid, up(Radius<M>(error + spread + Midpoint<M>::smallest))};
}

// 1/(1 + e^-x), from e^-|x|, which cannot overflow. The slope is at most 1/4, and at most e^-|x| e^r.
template <class M>
Ball<M> sigmoid(const Ball<M>& x) {
  using namespace elementary;
  const Ball<M> e = exp_at(M(-absolute(x.mid))), sum = e + Ball<M>(1);
  const auto negative = leading(x.mid) < Midpoint<M>::radius_of(0);
  const Ball<M> value = choose<M>(negative, e, Ball<M>(1)) / sum;
  const Radius<M> slope = up(Radius<M>(size(e) * (Midpoint<M>::radius_of(1) + growth(x.rad))));
  return widened(value, Radius<M>(x.rad * smaller(slope, Midpoint<M>::radius_of(0.25))));
}

// log(1 + e^x) = max(x, 0) + log1p(e^-|x|). The slope is sigmoid: at most 1, and at most e^x e^r.
template <class M>
Ball<M> softplus(const Ball<M>& x) {
  using namespace elementary;
  const Ball<M> e = exp_at(M(-absolute(x.mid)));
  const auto negative = leading(x.mid) < Midpoint<M>::radius_of(0);
  const Ball<M> value = choose<M>(negative, Ball<M>(0), Ball<M>::exactly(x.mid)) + log1p(e);
  const Radius<M> slope = up(Radius<M>(size(e) * (Midpoint<M>::radius_of(1) + growth(x.rad))));
  const Radius<M> most =
      select(negative, smaller(slope, Midpoint<M>::radius_of(1)), Midpoint<M>::radius_of(1));
  return widened(value, Radius<M>(x.rad * most));
}

}  // namespace exactscan
