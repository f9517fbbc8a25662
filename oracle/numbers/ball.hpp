// Ball: a midpoint and a radius, an enclosure of a real number. Every operation's result encloses every exact
// result of operands taken from the enclosures. Works on any lane or scalar type, and on double-double
// midpoints.
//
// Error: for +, -, *, /: |exact - mid| <= rad ([proof: ball_add], [proof: ball_mul]). Overflow makes the
// radius infinite or NaN, so that no comparison succeeds: nothing is decided by such a ball.
#pragma once

#include "oracle/numbers/lanes.hpp"

namespace exactscan {

// What a midpoint type must say of itself: the type of its radii, and an upper bound of the error of one
// operation whose computed result has a given magnitude.
template <class M>
struct Midpoint {
  using Radius = M;
  static M abs(const M& x) { return magnitude(x); }
  static M radius_of(double x) { return broadcast<M>(x); }
  static constexpr double unit = 0x1p-53;  // one rounding to nearest of binary64
  // Covers underflow of the product and of the radius's own terms (some 2^-1072), and is a normal number
  // itself: arithmetic on subnormal radii is slow on most processors.
  static constexpr double smallest = 0x1p-1000;
};

template <class M>
struct alignas(alignment_for<M>) Ball {
  using Traits = Midpoint<M>;
  using Radius = typename Traits::Radius;
  M mid{};
  Radius rad{};

  Ball() = default;
  Ball(int value)
      : mid(broadcast<M>(value)), rad(Traits::radius_of(0)) {}  // NOLINT(google-explicit-constructor)
  Ball(const M& m, const Radius& r) : mid(m), rad(r) {}
  static Ball exactly(const M& m) { return {m, Traits::radius_of(0)}; }

  // Adding zero rounds nothing.
  friend Ball operator+(const Ball& x, const Ball& y) {
    const M m = x.mid + y.mid;
    const Radius rounding = select(either(is_zero(x.mid), is_zero(y.mid)), Traits::radius_of(0),
                                   Radius(Traits::abs(m) * Traits::unit));
    return {m, up(Radius(x.rad + y.rad + rounding))};
  }
  friend Ball operator-(const Ball& x, const Ball& y) { return x + (-y); }
  friend Ball operator-(const Ball& x) { return {-x.mid, x.rad}; }
  friend Ball operator*(const Ball& x, const Ball& y) {
    const M m = x.mid * y.mid;
    return {m, up(Traits::abs(x.mid) * y.rad + x.rad * (Traits::abs(y.mid) + y.rad) +
                  Traits::abs(m) * Traits::unit) +
                   Traits::smallest};
  }
  // For any midpoint q: X/Y - q = (X - qY)/Y, and the residual X - qY is enclosed by the operations above. So
  // nothing is assumed of the midpoints' own division. The radius is infinite where Y may hold 0.
  friend Ball operator/(const Ball& x, const Ball& y) {
    const M q = x.mid / y.mid;
    const Ball residual = x - exactly(q) * y;
    const Radius nearest_zero = (Traits::abs(y.mid) * (1 - 0x1p-49) - y.rad) * (1 - 0x1p-49);
    const Radius off = up(up(Radius(Traits::abs(residual.mid) + residual.rad)) / nearest_zero);
    return {q, select(nearest_zero > Traits::radius_of(0), Radius(off + Traits::smallest),
                      Traits::radius_of(std::numeric_limits<double>::infinity()))};
  }
};

// An upper bound of the magnitude of what the ball encloses: from the ball where it is finite, else
// `majorant`.
template <class V, class B>
V magnitude_of(const Ball<B>& x, const V& majorant) {
  return smaller(V(up(B(magnitude(x.mid) + x.rad))), majorant);
}

}  // namespace exactscan
