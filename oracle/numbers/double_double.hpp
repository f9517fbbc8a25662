// Double-double: an unevaluated sum hi + lo with |lo| <= ulp(hi)/2, about 106 bits. The midpoint of the
// ladder's second rung.
//
// Error of one operation (Joldes, Muller, Popescu, "Tight and rigorous error bounds for basic building blocks
// of double-word arithmetic", 2017): accurate sum 3u^2 + 13u^3, product 5u^2, u = 2^-53, absent underflow and
// overflow. Midpoint<DoubleDouble>::unit = 2^-102 exceeds both; `smallest` covers underflow of the error
// terms.
#pragma once

#include <cmath>

#include "oracle/numbers/ball.hpp"

namespace exactscan {

struct DoubleDouble {
  double hi = 0, lo = 0;
  DoubleDouble() = default;
  DoubleDouble(double h, double l = 0) : hi(h), lo(l) {}  // NOLINT(google-explicit-constructor)

  // s + e = a + b exactly (Knuth); overflow gives NaN or infinity.
  static DoubleDouble two_sum(double a, double b) {
    const double s = a + b, t = s - a;
    return {s, (a - (s - t)) + (b - t)};
  }
  // The same where |a| >= |b| or a = 0 (Dekker).
  static DoubleDouble fast_two_sum(double a, double b) {
    const double s = a + b;
    return {s, b - (s - a)};
  }
  // p + e = a * b exactly unless the error term underflows.
  static DoubleDouble two_product(double a, double b) {
    const double p = a * b;
    return {p, std::fma(a, b, -p)};
  }

  friend DoubleDouble operator+(const DoubleDouble& x, const DoubleDouble& y) {
    const DoubleDouble s = two_sum(x.hi, y.hi), t = two_sum(x.lo, y.lo);
    const DoubleDouble v = fast_two_sum(s.hi, s.lo + t.hi);
    return fast_two_sum(v.hi, t.lo + v.lo);
  }
  friend DoubleDouble operator-(const DoubleDouble& x) { return {-x.hi, -x.lo}; }
  friend DoubleDouble operator-(const DoubleDouble& x, const DoubleDouble& y) { return x + (-y); }
  friend DoubleDouble operator*(const DoubleDouble& x, const DoubleDouble& y) {
    const DoubleDouble c = two_product(x.hi, y.hi);
    const double low = std::fma(x.lo, y.hi, std::fma(x.hi, y.lo, x.lo * y.lo));
    return fast_two_sum(c.hi, c.lo + low);
  }
  // Close to x / y; no error bound is used (see Ball's division).
  friend DoubleDouble operator/(const DoubleDouble& x, const DoubleDouble& y) {
    const double q = x.hi / y.hi;
    const DoubleDouble rest = x - DoubleDouble(q) * y;
    return fast_two_sum(q, rest.hi / y.hi);
  }
};

inline bool is_zero(const DoubleDouble& x) { return x.hi == 0; }

template <>
struct Midpoint<DoubleDouble> {
  using Radius = double;
  // |hi + lo| <= |hi| (1 + 2^-52), inside the margin of `unit`.
  static double abs(const DoubleDouble& x) { return std::fabs(x.hi) * (1 + 0x1p-51); }
  static double radius_of(double x) { return x; }
  static constexpr double unit = 0x1p-102;
  static constexpr double smallest = 0x1p-1068;
};

template <>
inline DoubleDouble broadcast<DoubleDouble>(double x) {
  return {x, 0};
}

}  // namespace exactscan
