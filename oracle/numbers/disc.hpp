// Disc: a complex midpoint and a radius, an enclosure of a complex number. A rectangle grows by up to the
// square root of 2 whenever it is turned (the wrapping effect: 0.23 bits a step, worthless after 4096 steps);
// a disc is turned into itself. The product's radius takes the modulus of the factor, so the radius of a scan
// with |a| = 1 grows as its error does, linearly.
//
// Error: for +, -, *, /, exp, expm1: |exact - mid| <= rad. Overflow makes the radius infinite or NaN: nothing
// is decided by such a disc. Rounding of a component to nearest is at most `unit` of the result, so of a sum
// at most unit (|re| + |im|), and of a product, three roundings a component, at most 3 unit (|xr| +
// |xi|)(|yr| + |yi|).
#pragma once

#include <cmath>

#include "oracle/numbers/elementary.hpp"

namespace exactscan {

template <class M>
struct Disc {
  using Traits = Midpoint<M>;
  using Radius = typename Traits::Radius;
  using Real = Ball<M>;
  static constexpr bool commutative = true;

  M re{}, im{};
  Radius rad{};

  Disc() = default;
  explicit Disc(int value) : re(broadcast<M>(value)), im(broadcast<M>(0)), rad(0) {}
  Disc(const M& r, const M& i, const Radius& radius) : re(r), im(i), rad(radius) {}
  explicit Disc(const Ball<M>& x) : re(x.mid), im(broadcast<M>(0)), rad(x.rad) {}
  static Disc exactly(double r, double i) { return {broadcast<M>(r), broadcast<M>(i), 0}; }

  friend bool exactly_zero(const Disc& x) { return is_zero(x.re) && is_zero(x.im) && x.rad == 0; }
  // |x| of the midpoint, from above and from below.
  Radius modulus() const { return std::hypot(Traits::abs(re), Traits::abs(im)) * (1 + 0x1p-48); }
  Radius least_modulus() const { return (modulus() * (1 - 0x1p-46) - rad) * (1 - 0x1p-49); }
  // An upper bound of what the disc encloses.
  Radius size() const { return up(modulus() + rad); }

  friend Disc operator+(const Disc& x, const Disc& y) {
    if (exactly_zero(x)) return y;
    if (exactly_zero(y)) return x;
    const M r = x.re + y.re, i = x.im + y.im;
    return {r, i, up(x.rad + y.rad + (Traits::abs(r) + Traits::abs(i)) * Traits::unit)};
  }
  friend Disc operator-(const Disc& x) { return {-x.re, -x.im, x.rad}; }
  friend Disc operator-(const Disc& x, const Disc& y) { return x + (-y); }
  friend Disc conj(const Disc& x) { return {x.re, -x.im, x.rad}; }
  friend Ball<M> real(const Disc& x) { return {x.re, x.rad}; }

  friend Disc operator*(const Disc& x, const Disc& y) {
    if (exactly_zero(x) || exactly_zero(y)) return Disc(0);
    const M r = x.re * y.re - x.im * y.im, i = x.re * y.im + x.im * y.re;
    const Radius parts = (Traits::abs(x.re) + Traits::abs(x.im)) * (Traits::abs(y.re) + Traits::abs(y.im));
    return {r, i,
            up(x.modulus() * y.rad + x.rad * y.size() + 3 * Traits::unit * parts) + 4 * Traits::smallest};
  }

  // For any midpoint q: X/Y - q = (X - qY)/Y; see Ball's division. Infinite radius where Y may hold 0.
  friend Disc operator/(const Disc& x, const Disc& y) {
    if (exactly_zero(x) && y.least_modulus() > 0) return Disc(0);
    const M d = y.re * y.re + y.im * y.im;
    const M r = (x.re * y.re + x.im * y.im) / d, i = (x.im * y.re - x.re * y.im) / d;
    const Disc residual = x - Disc(r, i, 0) * y;
    const Radius least = y.least_modulus();
    if (!(least > 0)) return {r, i, elementary::infinite<M>()};
    return {r, i, up(up(residual.size()) / least) + Traits::smallest};
  }

  // |e^w - e^z| <= |e^z| (e^|w-z| - 1).
  friend Disc exp(const Disc& z) {
    const Ball<M> size = exp(Ball<M>::exactly(z.re)), angle = Ball<M>::exactly(z.im);
    const Ball<M> r = size * cos(angle), i = size * sin(angle);
    return {r.mid, i.mid, up(r.rad + i.rad + elementary::size(size) * elementary::growth(z.rad))};
  }
  // expm1(x) cos y - 2 sin(y/2)^2 + i e^x sin y.
  friend Disc expm1(const Disc& z) {
    const Ball<M> size = exp(Ball<M>::exactly(z.re)), angle = Ball<M>::exactly(z.im);
    const Ball<M> s = sin(Ball<M>::exactly(M(z.im * broadcast<M>(0.5))));
    const Ball<M> r = expm1(Ball<M>::exactly(z.re)) * cos(angle) - (s * s + s * s), i = size * sin(angle);
    return {r.mid, i.mid, up(r.rad + i.rad + elementary::size(size) * elementary::growth(z.rad))};
  }
};

}  // namespace exactscan
